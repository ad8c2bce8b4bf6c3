//! Headers of every answer, errors included: a strict content policy, no framing,
//! no sniffing, no caching of pages, and a Referer that stays on this site.

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Header;
use rocket::{Request, Response};

use super::guard::Frame;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

#[derive(Debug, Clone, Copy)]
pub struct SecurityHeaders {
    /// Only where the site is reached by https.
    pub strict_transport: bool,
}

#[rocket::async_trait]
impl Fairing for SecurityHeaders {
    fn info(&self) -> Info {
        Info { name: "security headers", kind: Kind::Response }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        self.harden(request, response);
    }
}

impl SecurityHeaders {
    /// Also called by the error pages themselves: what Rocket cannot even read gets
    /// one without passing a fairing.
    pub fn harden(&self, request: &Request<'_>, response: &mut Response<'_>) {
        let mut set = |name: &'static str, value: &'static str| {
            response.set_header(Header::new(name, value));
        };
        set("Content-Security-Policy", POLICY);
        set("X-Content-Type-Options", "nosniff");
        set("X-Frame-Options", "DENY");
        // With `no-referrer` browsers send `Origin: null` (rules.md 36).
        set("Referrer-Policy", "same-origin");
        set("Cross-Origin-Opener-Policy", "same-origin");
        set("Cross-Origin-Resource-Policy", "same-origin");
        set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), interest-cohort=()");
        if self.strict_transport {
            set("Strict-Transport-Security", "max-age=31536000");
        }
        if response.headers().get_one("Cache-Control").is_none() {
            response.set_header(Header::new("Cache-Control", "no-store"));
        }
        response.set_header(Header::new("X-Request-Id", Frame::of(request).request_id.clone()));
        response.remove_header("Server");
    }
}
