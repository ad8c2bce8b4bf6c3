//! A link as its row tells it. The secret itself exists only in the mail.

use jiff::Timestamp;

use super::name::Name;
use super::request::LinkFacts;
use super::words::words;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    Review,
    Launch,
}

words!(Purpose { Review => "review", Launch => "launch" });

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub id: i64,
    pub purpose: Purpose,
    pub request: i64,
    /// Whom it is bound to: the requester for a launch, nobody in particular for a review.
    pub person: Option<Name>,
    pub created_at: Timestamp,
    pub facts: LinkFacts,
    pub deployment: Option<i64>,
    /// `None`: nobody revoked it by hand; a newer one or the end of the request did.
    pub revoked_by: Option<Name>,
}
