//! What the review page and the page of a request share: the forms of a reviewer, and
//! what happens when one is sent.

use super::items::local;
use crate::app::Refusal;
use crate::app::review_release::{By, Verb, review_release};
use crate::app::stored_request::Stored;
use crate::domain::gate::{Gate, Verdict};
use crate::domain::request::{hours, slot};
use crate::web::form::{Fields, FromFields, Posted};
use crate::web::respond::{Html, SeeOther};
use crate::web::view::decide::{Decide, RefusedDecision};

pub struct Comment {
    pub comment: String,
}

impl FromFields for Comment {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { comment: fields.take("comment") }
    }
}

/// The thing's page, or the form again with what was typed.
#[derive(rocket::Responder)]
pub enum Decided {
    Done(SeeOther),
    Again(Html),
}

/// The forms of somebody who may decide, as far as the gates let them.
pub fn forms(stored: &Stored, gates: &[Gate], base: String, refused: Option<RefusedDecision>) -> Decide {
    let why_not = gates.iter().find(|gate| gate.verdict == Verdict::Stop);
    Decide {
        base,
        slot_words: slot_words(stored),
        refused,
        may_ask: true,
        accept_why_not: why_not.map(|gate| format!("{}: {}", gate.title, gate.remedy)),
    }
}

/// What an accept would give the requester, in words.
fn slot_words(stored: &Stored) -> String {
    let situation = &stored.situation;
    let approval = &situation.environment.approval;
    let begins = situation.slot_begins();
    let stands_until = begins + hours(approval.stand_hours);
    let (_, end) = slot(approval, begins, stands_until);
    let words = |at| local(situation, at).unwrap_or_else(|| at.strftime("%H:%M UTC").to_string());
    let end_words = words(end);
    if begins > situation.now {
        let from = words(begins);
        format!(
            "within {} minutes from {from}, when the window opens, until {end_words}",
            approval.slot_minutes
        )
    } else {
        format!("within {} minutes, until {end_words}", approval.slot_minutes)
    }
}

/// What came of a form that was sent.
pub enum Outcome {
    /// The number of the request.
    Done(i64),
    /// To be put back into its form.
    Again(RefusedDecision),
}

pub async fn decide(posted: &Posted<'_, Comment>, by: By<'_>, verb: Verb) -> Result<Outcome, Refusal> {
    let (visit, comment) = (&posted.visit, &posted.form.comment);
    let decided = Box::pin(review_release(visit.app, visit.actor(), by, verb, comment)).await;
    outcome(decided, verb.word(), comment)
}

/// A comment that is wrong goes back into its form; everything else is an answer.
pub fn outcome(decided: Result<i64, Refusal>, form: &'static str, comment: &str) -> Result<Outcome, Refusal> {
    match decided {
        Ok(request) => Ok(Outcome::Done(request)),
        Err(Refusal::Invalid(errors)) => {
            let error = errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join(" ");
            Ok(Outcome::Again(RefusedDecision { form, comment: comment.to_owned(), error }))
        }
        Err(other) => Err(other),
    }
}
