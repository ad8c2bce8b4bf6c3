//! The header by which a reverse proxy of the operator's says who somebody is. It
//! counts only when the connection itself comes from an address that is listed;
//! from anywhere else it is what anybody could have written.

use std::sync::Once;

use rocket::request::Request;

use super::guard::Frame;
use crate::app::App;
use crate::domain::name::Name;

/// Who is named, if anybody. `Err` says why a trusted proxy's word cannot be taken.
pub fn named(app: &App, request: &Request<'_>) -> Result<Option<Name>, &'static str> {
    static IGNORED: Once = Once::new();
    let Some(proxy) = &app.config.trusted_proxy else { return Ok(None) };
    let mut values = request.headers().get(&proxy.header);
    let Some(value) = values.next() else { return Ok(None) };
    let frame = Frame::of(request);
    let trusted =
        frame.address.is_some_and(|address| proxy.addresses.iter().any(|range| range.holds(address)));
    if !trusted {
        IGNORED.call_once(|| {
            let address = frame.address.map(|address| address.to_string()).unwrap_or_default();
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
