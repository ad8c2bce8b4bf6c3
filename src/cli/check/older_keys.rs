//! Whether a key that was rotated out may go.

use std::path::Path;

use super::Finding;
use crate::app::rotation::{AuthNeed, OlderKeys};

pub fn words(older: &OlderKeys) -> Vec<Finding> {
    let mut found: Vec<Finding> = older.auth.iter().map(|(file, need)| auth(file, *need)).collect();
    found.extend(older.enc.iter().map(|(file, values)| enc(file, *values)));
    if older.shut > 0 {
        let words = format!("{} sealed values open with none of the keys that are there", older.shut);
        found.push(Finding::warning("older keys", words));
    }
    found
}

fn auth(file: &Path, need: AuthNeed) -> Finding {
    let item = format!("older key {}", file.display());
    match need {
        AuthNeed::Trail => {
            let words = "the audit trail verifies only with it; the next start of the service writes a checkpoint, if the trail holds";
            Finding::warning(item, words)
        }
        AuthNeed::Links(until) => {
            let until = until.strftime("%Y-%m-%d %H:%M UTC");
            Finding::fine(
                item,
                format!("keep it until {until}: links of before the rotation work until then"),
            )
        }
        AuthNeed::Nothing => {
            Finding::fine(item, "the trail has its checkpoint and no link needs it: it may be removed")
        }
    }
}

fn enc(file: &Path, values: u64) -> Finding {
    let item = format!("older key {}", file.display());
    match values {
        0 => Finding::fine(item, "nothing is sealed with it any more: it may be removed"),
        1 => Finding::warning(
            item,
            "1 value is still sealed with it; the next start of the service seals it again",
        ),
        _ => {
            let words = format!(
                "{values} values are still sealed with it; the next start of the service seals them again"
            );
            Finding::warning(item, words)
        }
    }
}
