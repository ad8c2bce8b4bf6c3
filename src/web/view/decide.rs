//! The forms by which a request is decided: the same on the review page and on the
//! page of the request. What was typed stays when it is refused.

/// The forms of a reviewer.
#[derive(Debug, Clone)]
pub struct Decide {
    /// The forms post to `{base}/accept`, `{base}/reject` and `{base}/ask`.
    pub base: String,
    /// What an accept gives the requester: `within 60 minutes, until 17:42 Europe/Paris`.
    pub slot_words: String,
    /// Sent back with 422: which form, what was typed, what is wrong.
    pub refused: Option<RefusedDecision>,
    /// Questions can be asked.
    pub may_ask: bool,
    /// Gates that keep this reader from accepting; rejecting and asking stay possible.
    pub accept_why_not: Option<String>,
}

#[derive(Debug, Clone)]
pub struct RefusedDecision {
    /// `accept`, `reject`, `ask` or `answer`.
    pub form: &'static str,
    pub comment: String,
    pub error: String,
}

/// The form of a reviewer against what was accepted.
#[derive(Debug, Clone)]
pub struct Objection {
    pub href: String,
    /// Sent back with 422: what was typed, what is wrong.
    pub refused: Option<RefusedDecision>,
}

impl Decide {
    pub fn typed(&self, form: &str) -> &str {
        self.refused.as_ref().filter(|refused| refused.form == form).map_or("", |refused| &refused.comment)
    }

    pub fn error(&self, form: &str) -> Option<&str> {
        self.refused.as_ref().filter(|refused| refused.form == form).map(|refused| refused.error.as_str())
    }
}
