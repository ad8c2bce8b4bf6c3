//! Break-glass: somebody with the right to deploy passes approval and calendar, and
//! somebody else looks at it afterwards and signs.

use jiff::Timestamp;

use super::name::Name;

/// By which way somebody wants to break the glass. Only a person who is there in
/// person may: a token may lie in a script, and another's name is not one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    Session,
    Token,
    Impersonation,
}

/// What was done without what it needed, and whether somebody has looked at it since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub deployment: i64,
    pub who: Name,
    pub reason: String,
    pub at: Timestamp,
    pub signed: Option<Signed>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    pub by: Name,
    pub at: Timestamp,
    pub comment: String,
}
