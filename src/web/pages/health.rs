//! `/health`: status and names of checks for anybody, details for those who may
//! see them (rules.md 43).

use rocket::http::{ContentType, Status};
use serde_json::json;

use crate::web::guard::{Stranger, may_administer};

#[rocket::get("/health")]
pub async fn health(stranger: Stranger<'_>) -> (Status, (ContentType, String)) {
    let checks = crate::app::health::health(stranger.app).await;
    let ok = checks.iter().all(|check| check.ok);
    let overall = match checks.iter().any(|check| check.warns) {
        _ if !ok => "failed",
        true => "warning",
        false => "ok",
    };
    let listed = stranger.frame.address.is_some_and(|address| {
        stranger.app.config.metrics.addresses.iter().any(|listed| listed.to_canonical() == address)
    });
    let details = listed || stranger.found.as_ref().is_some_and(|found| may_administer(&found.person));
    let checks: Vec<_> = checks
        .iter()
        .map(|check| {
            let status = match (check.ok, check.warns) {
                (false, _) => "failed",
                (true, true) => "warning",
                (true, false) => "ok",
            };
            if details {
                json!({ "name": check.name, "status": status, "details": check.words })
            } else {
                json!({ "name": check.name, "status": status })
            }
        })
        .collect();
    let body = json!({ "status": overall, "checks": checks }).to_string();
    (if ok { Status::Ok } else { Status::ServiceUnavailable }, (ContentType::JSON, body))
}
