//! A gate: one reason that lets something through or stops it, with the words
//! to show and what would fix it.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Warn,
    Stop,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// A stable word for programs: `permission`, `newer_than_live`, `tag_unmoved` …
    pub code: &'static str,
    pub verdict: Verdict,
    /// The fact, in a few words.
    pub title: String,
    /// What it rests on when it passes, what would fix it when it does not.
    pub remedy: String,
}

impl Gate {
    pub fn pass(code: &'static str, title: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code, verdict: Verdict::Pass, title: title.into(), remedy: remedy.into() }
    }

    pub fn warn(code: &'static str, title: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code, verdict: Verdict::Warn, title: title.into(), remedy: remedy.into() }
    }

    pub fn stop(code: &'static str, title: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code, verdict: Verdict::Stop, title: title.into(), remedy: remedy.into() }
    }
}
