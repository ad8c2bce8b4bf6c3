//! Style sheets, scripts and icons, from inside the binary.

use std::path::PathBuf;

use rocket::http::Header;
use rocket::request::Request;
use rocket::response::{self, Responder, Response};

use crate::web::assets::{self, Asset};
use crate::web::respond::SeeOther;

pub struct Static(&'static Asset);

impl<'r> Responder<'r, 'static> for Static {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let body = std::io::Cursor::new(self.0.bytes.clone());
        Response::build()
            .header(Header::new("Content-Type", self.0.media_type.clone()))
            // The digest in its address changes with the content.
            .header(Header::new("Cache-Control", "public, max-age=31536000, immutable"))
            .sized_body(self.0.bytes.len(), body)
            .ok()
    }
}

#[rocket::get("/static/<digest>/<path..>")]
pub fn asset(digest: &str, path: PathBuf) -> Option<Static> {
    assets::find(digest, path.to_str()?).map(Static)
}

#[rocket::get("/favicon.ico")]
pub fn favicon() -> SeeOther {
    SeeOther(assets::url("icon.svg"))
}
