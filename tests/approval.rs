//! Who approves what: groups, authors, questions, reminders, links, promotion, and the
//! same decision by every channel.

mod authors;
mod channels;
mod clock;
mod differing;
mod groups;
mod links;
mod policy_mail;
mod promotion;
mod questions;
mod quorum;
mod reminding;

use serde_json::{Value, json};

use crate::tests::harness::{Service, World};
use crate::tests::support::smtp::Mail;

/// Further roles, each of these people.
fn role(fleet: &mut Value, name: &str, users: &[&str], grants: &Value) {
    let role = json!({ "name": name, "users": users, "grants": grants });
    fleet["roles"].as_array_mut().unwrap().push(role);
}

async fn quiet_with(edit: impl FnOnce(&mut Value) + Send + 'static) -> Service {
    Box::pin(Service::start_in(World::quiet_with(edit))).await
}

/// Every mail so far whose subject holds `words`.
async fn mails(service: &Service, words: &str) -> Vec<Mail> {
    service.deliver().await;
    service.mail.mails().into_iter().filter(|mail| mail.subject().contains(words)).collect()
}

/// The text of a mail without its line ends.
fn flowing(mail: &Mail) -> String {
    mail.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Rows of the audit trail with this action.
async fn audited(service: &Service, action: &str) -> usize {
    let rows = service.rows().await;
    let wanted = format!("action='{action}'");
    rows.iter().filter(|row| row.starts_with("audit_log: ") && row.contains(&wanted)).count()
}
