//! The files of `static/`, inside the binary. Their address holds a digest of all of
//! them, so that a browser may keep each for ever and a new version is never mixed
//! with an old one; modules and icons refer to each other by relative paths.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_embed::Embed;
use sha2::{Digest, Sha256};

use crate::domain::manifest::hex;

#[derive(Embed)]
#[folder = "static/"]
struct Static;

/// The style sheet that pages link: all of `css/` in the order of the file names.
const STYLE_SHEET: &str = "countersign.css";

#[derive(Debug)]
pub struct Asset {
    pub bytes: Cow<'static, [u8]>,
    /// A media type, with its character set where it is text.
    pub media_type: String,
}

struct Assets {
    digest: String,
    files: BTreeMap<String, Asset>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(gather);

/// `/static/9c1e7d2f04ab/icons.svg` for `icons.svg`.
pub fn url(path: &str) -> String {
    format!("/static/{}/{path}", ASSETS.digest)
}

/// The file behind an address, when both digest and path are ours. It never changes.
pub fn find(digest: &str, path: &str) -> Option<&'static Asset> {
    if digest != ASSETS.digest {
        return None;
    }
    ASSETS.files.get(path)
}

/// The paths of all files, in order.
pub fn paths() -> impl Iterator<Item = &'static str> {
    ASSETS.files.keys().map(String::as_str)
}

fn gather() -> Assets {
    let mut files = BTreeMap::new();
    let mut style = Vec::new();
    for path in Static::iter() {
        let Some(file) = Static::get(&path) else { continue };
        if path.starts_with("css/") {
            style.extend_from_slice(&file.data);
            continue;
        }
        let media_type = with_charset(file.metadata.mimetype());
        files.insert(path.into_owned(), Asset { bytes: file.data, media_type });
    }
    files.insert(
        STYLE_SHEET.to_owned(),
        Asset { bytes: Cow::Owned(style), media_type: with_charset("text/css") },
    );
    let mut hash = Sha256::new();
    for (path, file) in &files {
        hash.update((path.len() as u64).to_be_bytes());
        hash.update(path);
        hash.update((file.bytes.len() as u64).to_be_bytes());
        hash.update(&file.bytes);
    }
    let digest = hex(&hash.finalize())[..12].to_owned();
    Assets { digest, files }
}

fn with_charset(media_type: &str) -> String {
    if media_type.starts_with("text/") {
        format!("{media_type}; charset=utf-8")
    } else {
        media_type.to_owned()
    }
}
