//! The browser's cookies: host and path decide, ports do not, as in real ones.

use cookie::time::{Duration, OffsetDateTime};
use cookie::{Cookie, Expiration, SameSite};
use url::Url;

#[derive(Default)]
pub struct Jar {
    kept: Vec<Kept>,
}

struct Kept {
    host: String,
    path: String,
    cookie: Cookie<'static>,
}

impl Jar {
    /// Takes one `Set-Cookie`. One that is already over removes its namesake.
    pub fn store(&mut self, url: &Url, header: &str) {
        let Ok(mut cookie) = Cookie::parse(header.to_owned()) else { return };
        // A life span counts from its arrival; as an instant it is comparable later.
        if let Some(age) = cookie.max_age() {
            let end = OffsetDateTime::now_utc().checked_add(age);
            cookie.set_expires(end.unwrap_or(OffsetDateTime::now_utc() + Duration::days(400)));
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        let path = cookie.path().filter(|path| path.starts_with('/')).unwrap_or("/").to_owned();
        let same =
            |kept: &Kept| kept.host == host && kept.path == path && kept.cookie.name() == cookie.name();
        self.kept.retain(|kept| !same(kept));
        if !is_over(&cookie) {
            self.kept.push(Kept { host, path, cookie });
        }
    }

    /// The `Cookie` header for a request. What another site caused carries no `Strict`
    /// cookie, and a form of its carries none but `SameSite=None`.
    pub fn for_url(&self, url: &Url, cross_site: bool, is_post: bool) -> Option<String> {
        let host = url.host_str().unwrap_or_default();
        let secure = url.scheme() == "https" || is_loopback(host);
        let mut sent: Vec<&Kept> = self
            .kept
            .iter()
            .filter(|kept| kept.host == host && covers(&kept.path, url.path()) && !is_over(&kept.cookie))
            .filter(|kept| secure || kept.cookie.secure() != Some(true))
            .filter(|kept| !cross_site || travels(&kept.cookie, is_post))
            .collect();
        // Longer paths first, as the standard asks.
        sent.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs: Vec<String> =
            sent.iter().map(|kept| format!("{}={}", kept.cookie.name(), kept.cookie.value())).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

fn travels(cookie: &Cookie, is_post: bool) -> bool {
    match cookie.same_site() {
        Some(SameSite::None) => true,
        Some(SameSite::Strict) => false,
        Some(SameSite::Lax) | None => !is_post,
    }
}

fn covers(path: &str, asked: &str) -> bool {
    asked
        .strip_prefix(path)
        .is_some_and(|rest| path.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.") || host == "[::1]"
}

fn is_over(cookie: &Cookie) -> bool {
    match cookie.expires() {
        Some(Expiration::DateTime(end)) => end <= OffsetDateTime::now_utc(),
        _ => false,
    }
}
