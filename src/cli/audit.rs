//! `audit`: whether the trail holds, and the trail itself for another archive.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Failed, say};
use crate::app::App;
use crate::app::audit::{Head, Line, page_after, verify};

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check that no row was changed, removed or put in
    Verify {
        /// A head seen earlier, from a mail or a log: it must still be in the trail
        #[arg(long, value_name = "COUNT:MAC", value_parser = head)]
        head: Option<Head>,
    },
    /// Print every row as a line of JSON, oldest first
    Export,
}

pub async fn audit(app: &App, what: &Audit) -> Result<(), Failed> {
    match what {
        Audit::Verify { head } => match verify(app, head.as_ref()).await? {
            Ok(Head { count, mac }) => say(&format!("ok {count} rows, head {count}:{mac}")),
            Err(broken) => Err(Failed(broken.iter().map(ToString::to_string).collect())),
        },
        Audit::Export => {
            let mut seq = 0;
            loop {
                let page = page_after(app, seq).await?;
                let Some(last) = page.last() else { return Ok(()) };
                seq = last.seq;
                for line in &page {
                    say(&as_json(line).to_string())?;
                }
            }
        }
    }
}

fn as_json(line: &Line) -> Value {
    // What the program wrote is JSON; what somebody else wrote there is shown as it stands.
    let facts = serde_json::from_str(&line.facts).unwrap_or_else(|_| Value::String(line.facts.clone()));
    json!({
        "seq": line.seq,
        "at": line.at.to_string(),
        "actor": line.actor,
        "action": line.action,
        "subject": line.subject,
        "facts": facts,
        "previous": line.previous,
        "mac": line.mac,
    })
}

/// `123:abcd…`, as mails and `audit verify` print it.
fn head(text: &str) -> Result<Head, String> {
    let (count, mac) = text.split_once(':').ok_or("must be COUNT:MAC")?;
    let count = count.parse().map_err(|_| "must begin with a number of rows".to_owned())?;
    let is_mac = mac.len() == 64 && mac.bytes().all(|b| b.is_ascii_hexdigit());
    if is_mac {
        Ok(Head { count, mac: mac.to_ascii_lowercase() })
    } else {
        Err("must end with 64 hexadecimal digits".to_owned())
    }
}
