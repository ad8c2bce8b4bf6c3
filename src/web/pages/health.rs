//! `/health`: status and names of checks for anybody, details for those who may
//! see them (rules.md 43).

use rocket::State;
use rocket::http::{ContentType, Status};
use serde_json::json;

use crate::app::App;
use crate::web::guard::Oversees;

#[rocket::get("/health")]
pub async fn health(app: &State<App>, oversees: Oversees) -> (Status, (ContentType, String)) {
    let checks = crate::app::health::health(app).await;
    let ok = checks.iter().all(|check| check.ok);
    let overall = match checks.iter().any(|check| check.warns) {
        _ if !ok => "failed",
        true => "warning",
        false => "ok",
    };
    let Oversees(details) = oversees;
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
