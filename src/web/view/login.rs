//! Sign-in: one way in, and what went wrong on the last try.

use askama::Template;

use super::{Section, Shell};
use crate::web::html::filters;

#[derive(Debug, Template)]
#[template(path = "login.html")]
pub struct Login {
    pub shell: Shell,
    pub organisation: String,
    /// `/authorize`, with the place to come back to.
    pub authorize_href: String,
    /// Of the forms here: nobody is signed in whose token could be used.
    pub csrf: String,
    pub return_to: String,
    /// As it was typed.
    pub name: String,
    /// The browser holds a session that the operator's verifier may know.
    pub session_elsewhere: bool,
    pub problem: Option<SignInProblem>,
}

/// Why the last try did not end in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInProblem {
    /// GitHub did not answer, or not in time.
    Unreachable,
    /// GitHub asks to wait; in minutes, when it says so.
    RateLimited {
        minutes: Option<u64>,
    },
    /// The person said no on GitHub's page.
    Declined,
    /// The way back did not fit the way there: stale, replayed or from elsewhere.
    Stale,
    /// GitHub refused the code or the token that came of it.
    NotAccepted,
    NotAMember {
        login: String,
    },
    /// The name belongs to somebody else's identity.
    NameTaken {
        login: String,
    },
    Disabled {
        login: String,
    },
    /// Name or password; nobody learns which.
    DoesNotFit,
    /// What the browser holds from elsewhere is nobody's here.
    NoSessionElsewhere,
    TooMany {
        words: String,
    },
}

impl SignInProblem {
    pub fn title(&self) -> &'static str {
        match self {
            SignInProblem::Unreachable => "GitHub does not answer",
            SignInProblem::RateLimited { .. } => "GitHub asks us to wait",
            SignInProblem::Declined => "You declined on GitHub",
            SignInProblem::Stale => "This sign-in was too old",
            SignInProblem::NotAccepted => "GitHub did not accept this sign-in",
            SignInProblem::NotAMember { .. } => "You are not a member",
            SignInProblem::NameTaken { .. } => "This name is taken",
            SignInProblem::Disabled { .. } => "This account is disabled",
            SignInProblem::DoesNotFit => "Name and password do not fit",
            SignInProblem::NoSessionElsewhere => "Your session elsewhere does not let you in",
            SignInProblem::TooMany { .. } => "Too many tries",
        }
    }

    pub fn text(&self, organisation: &str) -> String {
        match self {
            SignInProblem::Unreachable => {
                "Nothing was done. Try again in a minute; running deployments are not affected.".to_owned()
            }
            SignInProblem::RateLimited { minutes: Some(minutes) } => {
                format!("Too many questions were asked. Try again in {minutes} min.")
            }
            SignInProblem::RateLimited { minutes: None } => {
                "Too many questions were asked. Try again in a few minutes.".to_owned()
            }
            SignInProblem::Declined => "Nothing was done. Sign in again to go on.".to_owned(),
            SignInProblem::Stale => {
                "It was started in another window or too long ago. Nothing was done; sign in again."
                    .to_owned()
            }
            SignInProblem::NotAccepted => {
                "It was used before, taken back, or the organisation does not let Countersign ask about its members. \
                 Nothing was done; sign in again, or ask an owner of the organisation."
                    .to_owned()
            }
            SignInProblem::NotAMember { login } => format!(
                "{login} is not a member of {organisation} on GitHub, or the membership is not yet confirmed. \
                 Ask an owner of {organisation} for an invitation."
            ),
            SignInProblem::NameTaken { login } => format!(
                "{login} is known here as somebody else. An administrator can link or rename the account."
            ),
            SignInProblem::Disabled { login } => {
                format!("{login} may not sign in any more. An administrator can tell why.")
            }
            SignInProblem::DoesNotFit => {
                "Nobody was signed in. An administrator can set another password.".to_owned()
            }
            SignInProblem::NoSessionElsewhere => {
                "It is over, or an administrator has not linked its account to a person here.".to_owned()
            }
            SignInProblem::TooMany { words } => words.clone(),
        }
    }
}
