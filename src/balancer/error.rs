//! What can go wrong with a load balancer, in words for the person whose deployment
//! stops there.

use super::endpoint::Place;
use crate::domain::balancer::{Admin, Member, Misread, ProxyName, ServerState};
use crate::domain::name::{Name, is_deceptive};

/// Never holds a password, so it may be logged and shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BalancerError {
    #[error("The fleet has no load balancer {0}.")]
    NotInFleet(Name),
    #[error(
        "{place} has no backend \"{backend}\". Mend the cluster's `backend`, or HAProxy's configuration."
    )]
    UnknownBackend { place: Place, backend: ProxyName },
    #[error(
        "{place} has no server \"{server}\" in its backend \"{backend}\". \
         Mend the server's `backend_server`, or HAProxy's configuration."
    )]
    UnknownServer { place: Place, backend: ProxyName, server: ProxyName },
    #[error("{0} does not accept our user and password.")]
    WrongPassword(Place),
    #[error("{place} cannot be reached: {why}.")]
    Unreachable { place: Place, why: String },
    #[error("{0} did not answer in time.")]
    TimedOut(Place),
    #[error("{0} lets us read, but not act: permission denied. Its socket needs `level admin`.")]
    ReadOnlySocket(Place),
    #[error("{0} lets us read, but not act. The stats page needs `stats admin`.")]
    ReadOnlyPage(Place),
    #[error("The endpoints of a load balancer disagree about {member}: {}.", said(.says))]
    Disagree { member: Member, says: Vec<(Place, ServerState)> },
    #[error("{place} gave an answer that makes no sense here: {why}.")]
    Garbled { place: Place, why: String },
    #[error("{place} refused an order: {words}.")]
    Refused { place: Place, words: String },
    #[error("{place} was told that {member} be {to}, but it is {is}. Is somebody else at work there?")]
    NotFollowed { place: Place, member: Box<Member>, to: Admin, is: Admin },
    #[error("{0} was put back into service by somebody else while its sessions were ending.")]
    PutBack(Member),
    #[error("There is no HTTP client for stats pages: {0}.")]
    NoClient(String),
}

impl BalancerError {
    pub(super) fn misread(place: &Place, why: &Misread) -> Self {
        Self::Garbled { place: place.clone(), why: why.to_string() }
    }
}

fn said(says: &[(Place, ServerState)]) -> String {
    let one = |(place, state): &(Place, ServerState)| format!("{} says \"{state}\"", place.endpoint);
    says.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Words of the other side, fit to be shown: one line, no deceptive characters, at
/// most 200 characters, no full stop at the end.
pub(super) fn plain_words(text: &str) -> String {
    let visible: String = text.chars().map(|c| if is_deceptive(c) { ' ' } else { c }).collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches('.').chars().take(200).collect()
}
