//! One's own account: who one is here, by what, and the ways in.

use askama::Template;
use jiff::Timestamp;

use super::{FieldError, Section, Shell};
use crate::web::html::filters;

#[derive(Debug, Template)]
#[template(path = "account.html")]
pub struct Account {
    pub shell: Shell,
    pub name: String,
    /// `GitHub`, `a password of Countersign` …
    pub ways_in: Vec<String>,
    pub roles: Vec<String>,
    /// Each right, in words.
    pub rights: Vec<String>,
    pub sessions: Vec<SessionView>,
    pub tokens: Vec<TokenView>,
    pub has_password: bool,
    /// Just made: shown this once.
    pub secret: Option<String>,
    pub form: TokenForm,
    pub errors: Vec<FieldError>,
}

#[derive(Debug, Clone)]
pub struct SessionView {
    pub began_at: Timestamp,
    pub seen_at: Timestamp,
    pub by: String,
    pub is_this: bool,
}

#[derive(Debug, Clone)]
pub struct TokenView {
    pub id: i64,
    pub user: String,
    pub name: String,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub state: TokenState,
    /// Empty: all that its person may do.
    pub scope: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    Usable,
    Expired,
    Revoked,
}

impl TokenState {
    pub fn word(self) -> &'static str {
        match self {
            TokenState::Usable => "usable",
            TokenState::Expired => "expired",
            TokenState::Revoked => "revoked",
        }
    }
}

/// As it was typed.
#[derive(Debug, Clone, Default)]
pub struct TokenForm {
    pub name: String,
    pub days: String,
    pub permission: String,
    pub application: String,
    pub environment: String,
}

/// What a token may be bounded to on the page; the API takes several at once.
pub const PERMISSIONS: [(&str, &str); 6] = [
    ("", "Everything that I may do"),
    ("read", "Only read"),
    ("request", "Read and request"),
    ("deploy_in_window", "Request, and deploy within windows"),
    ("deploy", "Request, and deploy at any time"),
    ("review", "Read and review"),
];

impl Account {
    fn state(&self) -> &'static str {
        match (&self.secret, self.errors.is_empty()) {
            (Some(_), _) => "token_made",
            (None, false) => "invalid",
            (None, true) => "ready",
        }
    }

    fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == field).map(|error| error.text.as_str())
    }
}

impl TokenView {
    pub fn is_usable(&self) -> bool {
        self.state == TokenState::Usable
    }
}
