//! Ask for a release: application, environment and tag are chosen by links, so that
//! it works without a script; the last step shows everything before anyone is asked.

use askama::Template;
use jiff::Timestamp;

use super::{FieldError, ReleaseChoice, Section, Shell, Size};
use crate::domain::gate::{Gate, Verdict};
use crate::domain::risk::RiskHint;
use crate::domain::scope::Scope;
use crate::web::html::{filters, grouped};

#[derive(Debug, Template)]
#[template(path = "request_new.html")]
pub struct RequestNew {
    pub shell: Shell,
    /// What the person may request in.
    pub applications: Vec<Choice>,
    /// The environments of the chosen application.
    pub environments: Vec<Choice>,
    /// Newest first; those that cannot be asked for, too.
    pub tags: Vec<ReleaseChoice>,
    /// All tags there are, of which `tags` may show the newest.
    pub tags_total: u64,
    /// The address that shows more of them.
    pub older_href: Option<String>,
    /// When the list was fetched, and why it could not be fetched again.
    pub fetched: Option<Fetched>,
    pub preview: Option<Preview>,
    /// What is chosen and typed so far.
    pub form: RequestForm,
    pub errors: Vec<FieldError>,
}

/// The fields of the form, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestForm {
    pub application: String,
    pub environment: String,
    pub tag: String,
    pub reason: String,
    pub ticket: String,
    pub rollback: bool,
}

#[derive(Debug, Clone)]
pub struct Choice {
    pub name: String,
    /// `runs v41`.
    pub words: String,
    /// Where choosing it leads.
    pub href: String,
    /// Why it cannot be chosen.
    pub why_not: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Fetched {
    pub at: Timestamp,
    pub failed: Option<String>,
}

/// What would be asked.
#[derive(Debug, Clone)]
pub struct Preview {
    pub from: Option<String>,
    pub size: Size,
    pub diff_href: String,
    pub risks: Vec<RiskHint>,
    pub gates: Vec<Gate>,
    /// Who is mailed.
    pub mailed: Vec<String>,
}

impl RequestNew {
    /// `choose_application` until both application and environment are chosen.
    fn state(&self) -> &'static str {
        if self.form.application.is_empty() || self.form.environment.is_empty() {
            return "choose_application";
        }
        match &self.preview {
            None => "choose_tag",
            Some(preview) if preview.stops() => "refused",
            Some(_) => "ready",
        }
    }

    fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == field).map(|error| error.text.as_str())
    }

    fn host_preview(&self) -> String {
        let form = &self.form;
        super::preview_href(&form.application, &form.environment, &form.tag, &Scope::Environment)
    }

    fn filter_words(&self) -> String {
        format!("Filter {} tags by name, author or message", grouped(self.tags.len() as u64))
    }

    fn hidden_tags(&self) -> u64 {
        self.tags_total.saturating_sub(self.tags.len() as u64)
    }
}

impl Preview {
    pub fn stops(&self) -> bool {
        self.gates.iter().any(|gate| gate.verdict == Verdict::Stop)
    }

    /// The first thing that stands in the way.
    pub fn why_not(&self) -> Option<&str> {
        self.gates.iter().find(|gate| gate.verdict == Verdict::Stop).map(|gate| gate.title.as_str())
    }
}
