//! What is said about a request that is no decision: questions of reviewers, and the
//! requester's answers.

use jiff::Timestamp;

use super::name::Name;
use super::words::words;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RemarkKind {
    Question,
    Answer,
}

words!(RemarkKind { Question => "question", Answer => "answer" });

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    pub id: i64,
    pub request: i64,
    pub person: Name,
    pub kind: RemarkKind,
    pub text: String,
    pub at: Timestamp,
}

/// The questions since the last answer, out of all remarks in their order.
pub fn open_questions(remarks: &[Remark]) -> &[Remark] {
    let last_answer = remarks.iter().rposition(|remark| remark.kind == RemarkKind::Answer);
    &remarks[last_answer.map_or(0, |place| place + 1)..]
}

/// The questions that an answer is to.
pub fn answered_by(remarks: &[Remark], answer: i64) -> &[Remark] {
    let Some(place) = remarks.iter().position(|remark| remark.id == answer) else { return &[] };
    open_questions(&remarks[..place])
}
