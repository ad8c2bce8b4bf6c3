//! The host key of a server: asked for, shown with its fingerprint, and pinned by a
//! person who compared it.

use super::fleet::{Answer, Answered};
use super::fleet_form::{Form, again};
use super::fleet_words::{address, place};
use crate::app::Refusal;
use crate::app::administer;
use crate::app::scan_host::{self, Scan};
use crate::domain::fleet::Kind;
use crate::domain::target::{HostKey, ScanVerdict};
use crate::web::form::{Fields, FromFields, Nothing, Posted};
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::sheet::{sheet_of, show};
use crate::web::view::fleet_object::{KeyItem, Scanned};

/// One key, as it was shown.
pub struct Pin {
    version: String,
    host_key: String,
}

impl FromFields for Pin {
    fn from_fields(fields: &mut Fields) -> Self {
        Pin { version: fields.take("version"), host_key: fields.take("host_key") }
    }
}

/// Asks the host, and shows what it said; nothing is stored.
#[rocket::post("/admin/servers/<name>/scan", data = "<posted>")]
pub async fn scan(posted: Posted<'_, Nothing>, name: &str) -> Result<Html, PageError> {
    let visit = posted.visit;
    let place = place(Kind::Server, None, name)?;
    match scan_host::scan(visit.app, visit.actor(), &place).await {
        Ok(scan) => {
            let form = Form { scanned: Some(scanned(&scan)), ..Form::editing(&scan.server) };
            form.page(&visit, 200).await
        }
        Err(Refusal::Unavailable(why)) => {
            let seen = administer::find(visit.app, visit.actor(), &place).await?;
            Form { failed: Some(why), ..Form::editing(&seen) }.page(&visit, 503).await
        }
        Err(other) => Err(other.into()),
    }
}

#[rocket::post("/admin/servers/<name>/pin", data = "<posted>")]
pub async fn pin(posted: Posted<'_, Pin>, name: &str) -> Answer {
    let (visit, Pin { version, host_key }) = (posted.visit, posted.form);
    let place = place(Kind::Server, None, name)?;
    match scan_host::pin(visit.app, visit.actor(), &place, &host_key, &version).await {
        Ok(seen) => Ok(Answered::Done(SeeOther(address(&seen.place)))),
        Err(trouble) => {
            let seen = administer::find(visit.app, visit.actor(), &place).await?;
            let sheet = sheet_of(Kind::Server);
            let mut typed = show(&sheet, &seen.object);
            typed.insert("host_key".to_owned(), host_key);
            again(&visit, &seen.place.clone(), Some(seen), typed, trouble).await
        }
    }
}

fn scanned(scan: &Scan) -> Scanned {
    let item = |(index, key): (usize, &HostKey)| KeyItem {
        kind: key.kind(),
        fingerprint: key.fingerprint(),
        text: key.to_string(),
        is_pinned: Some(key) == scan.pinned.as_ref(),
        is_best: index == 0 && scan.keys.len() > 1,
    };
    Scanned {
        place: format!("{} port {}", scan.host, scan.port),
        is_changed: scan.verdict == ScanVerdict::Changed,
        is_same: scan.verdict == ScanVerdict::Same,
        keys: scan.keys.iter().enumerate().map(item).collect(),
    }
}
