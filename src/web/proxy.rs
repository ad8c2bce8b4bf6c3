//! What a reverse proxy of the operator's says: who somebody is, and from where they
//! come. It counts only when the connection itself comes from an address that is
//! listed; from anywhere else it is what anybody could have written.

use std::net::IpAddr;
use std::sync::Once;

use rocket::request::Request;

use super::guard::Frame;
use crate::app::App;
use crate::domain::name::Name;

/// Who is named, if anybody. `Err` says why a trusted proxy's word cannot be taken.
pub fn named(app: &App, request: &Request<'_>) -> Result<Option<Name>, &'static str> {
    static IGNORED: Once = Once::new();
    let Some(proxy) = &app.config.trusted_proxy else { return Ok(None) };
    let Some(header) = &proxy.header else { return Ok(None) };
    let mut values = request.headers().get(header);
    let Some(value) = values.next() else { return Ok(None) };
    let peer = Frame::of(request).peer;
    if !peer.is_some_and(|address| proxy.is(address)) {
        IGNORED.call_once(|| {
            let address = peer.map(|address| address.to_string()).unwrap_or_default();
            tracing::warn!(
                address,
                "a header of the trusted proxy came from elsewhere and is ignored; this is said once"
            );
        });
        return Ok(None);
    }
    if values.next().is_some() {
        return Err("The proxy names several people at once.");
    }
    let name = Name::parse(&value.trim().to_ascii_lowercase());
    name.map(Some).map_err(|_| "The proxy names somebody who cannot be a person here.")
}

/// From where somebody comes: the address of the connection or, where that is a listed
/// proxy's, the last address in `X-Forwarded-For` that is none of them. What stands
/// before that one anybody could have written.
pub fn client(request: &Request<'_>, peer: IpAddr) -> IpAddr {
    let proxy = request.rocket().state::<App>().and_then(|app| app.config.trusted_proxy.as_ref());
    let Some(proxy) = proxy else { return peer };
    let said: Vec<&str> = request.headers().get("X-Forwarded-For").flat_map(|line| line.split(',')).collect();
    behind(peer, &said, |address| proxy.is(address))
}

/// The other end of the connection, unless it is a proxy that speaks for somebody else.
pub fn directly(request: &Request<'_>) -> Option<IpAddr> {
    let proxy = request.rocket().state::<App>().and_then(|app| app.config.trusted_proxy.as_ref());
    let speaks_for_another = request.headers().contains("X-Forwarded-For");
    let peer = Frame::of(request).peer?;
    (!(speaks_for_another && proxy.is_some_and(|proxy| proxy.is(peer)))).then_some(peer)
}

/// Entries are as each proxy added them, the nearest one last. What is no address ends
/// the way there, and the proxy that said it stands for whoever is behind.
pub fn behind(peer: IpAddr, said: &[&str], is_proxy: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut nearest = peer;
    for entry in said.iter().rev() {
        if !is_proxy(nearest) {
            break;
        }
        let Some(address) = address(entry.trim()) else { break };
        nearest = address;
    }
    nearest
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.parse().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
    bare.or_else(with_port).map(|address: IpAddr| address.to_canonical())
}
