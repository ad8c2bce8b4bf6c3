//! The audit trail, with filters that live in the address.

use askama::Template;
use jiff::Timestamp;
use serde_json::Value;

use super::{Link, Section, Shell};
use crate::app::FieldError;
use crate::web::html::{counted, filters};

#[derive(Debug, Template)]
#[template(path = "admin_audit.html")]
pub struct AdminAudit {
    pub shell: Shell,
    pub fields: AuditFields,
    pub errors: Vec<FieldError>,
    pub rows: Vec<AuditRow>,
    pub next: Option<String>,
    pub count: u64,
    /// `COUNT:MAC`, as `audit verify --head` takes it.
    pub head: Option<String>,
}

/// As they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFields {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub subject: Option<String>,
    pub since: Option<String>,
    pub until: Option<String>,
}

#[derive(Debug, Clone)]
pub struct AuditRow {
    pub seq: i64,
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    pub subject: String,
    /// The page of what it was done to.
    pub href: Option<String>,
    pub facts: Vec<(String, String)>,
}

impl AuditFields {
    fn pairs(&self) -> [(&'static str, &Option<String>); 5] {
        [
            ("actor", &self.actor),
            ("action", &self.action),
            ("subject", &self.subject),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }

    pub fn address(&self, before: Option<i64>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.pairs() {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        let query = query.finish();
        if query.is_empty() { "/admin/audit".to_owned() } else { format!("/admin/audit?{query}") }
    }
}

impl AdminAudit {
    fn state(&self) -> &'static str {
        match (self.errors.is_empty(), self.rows.is_empty()) {
            (false, _) => "invalid",
            (true, true) => "empty",
            (true, false) => "ready",
        }
    }

    fn sentence(&self) -> String {
        let rows = counted(self.count, "row", "rows");
        format!("Everything that changed something, and who did it: {rows}. The newest come first.")
    }

    fn is_narrowed(&self) -> bool {
        self.fields.pairs().iter().any(|(_, value)| value.is_some())
    }

    fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == field).map(|error| error.message.as_str())
    }

    /// The same list with one filter set.
    fn narrowed(&self, field: &str, value: &str) -> Link {
        let mut fields = self.fields.clone();
        let slot = match field {
            "actor" => &mut fields.actor,
            "action" => &mut fields.action,
            _ => &mut fields.subject,
        };
        *slot = Some(value.to_owned());
        Link::new(fields.address(None), value)
    }
}

/// The facts of a row, one by one. What is no JSON of ours is shown as it stands.
pub fn facts(text: &str) -> Vec<(String, String)> {
    let words = |value: Value| match value {
        Value::String(text) => text,
        // Lines that are meant to be read, one after the other.
        Value::Array(lines) if lines.iter().all(Value::is_string) => {
            lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(facts)) => {
            let says_nothing = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            let told = facts.into_iter().filter(|(_, value)| !says_nothing(value));
            told.map(|(name, value)| (name.replace('_', " "), words(value))).collect()
        }
        Ok(other) => vec![("facts".to_owned(), other.to_string())],
        Err(_) => vec![("facts".to_owned(), text.to_owned())],
    }
}
