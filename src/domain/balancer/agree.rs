//! Finds our servers in what each endpoint says, and makes one state of several.
//!
//! Endpoints may be several processes that check servers each for itself. What was
//! ordered must be the same everywhere; health may differ for a moment around a
//! change, so serving and not serving is all that is compared.

use super::{Admin, Health, Level, Member, MemberState, Order, ServerState};

/// What one endpoint says about all of its servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub(super) rows: Vec<Row>,
    /// `None` where reading does not tell what we may do: on a stats page.
    pub(super) level: Option<Level>,
}

impl Reading {
    pub fn level(&self) -> Option<Level> {
        self.level
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub backend: String,
    pub server: String,
    /// `None` where the status hides what was ordered.
    pub admin: Option<Admin>,
    pub up: Health,
    pub sessions: u64,
}

/// One of our servers as one endpoint sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    admin: Option<Admin>,
    up: Health,
    sessions: u64,
}

/// An endpoint does not know what the fleet file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    Backend(Member),
    Server(Member),
}

/// Endpoints that say different things about one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    pub member: Member,
    /// By the place of the endpoint in the list that was read.
    pub says: Vec<ServerState>,
}

/// What an endpoint says about each of `members`, in their order.
pub fn find(reading: &Reading, members: &[&Member]) -> Result<Vec<Seen>, Unknown> {
    let find_one = |member: &&Member| {
        let mut of_backend =
            reading.rows.iter().filter(|row| row.backend == member.backend.as_str()).peekable();
        if of_backend.peek().is_none() {
            return Err(Unknown::Backend((*member).clone()));
        }
        match of_backend.find(|row| row.server == member.backend_server.as_str()) {
            Some(row) => Ok(Seen { admin: row.admin, up: row.up, sessions: row.sessions }),
            None => Err(Unknown::Server((*member).clone())),
        }
    };
    members.iter().map(find_one).collect()
}

/// One state of each member from what every endpoint says about it. `seen` has one
/// list per endpoint, each as long as `members`.
pub fn agree(members: &[&Member], seen: &[Vec<Seen>]) -> Result<Vec<MemberState>, Disagreement> {
    let merge = |(index, member): (usize, &&Member)| {
        let all: Vec<&Seen> = seen.iter().filter_map(|endpoint| endpoint.get(index)).collect();
        let state = merged(member, &all);
        // Where the order is hidden, the others' word stands.
        let differs = |seen: &&Seen| {
            seen.admin.is_some_and(|admin| admin != state.admin) || seen.up.serves() != state.up.serves()
        };
        if all.iter().any(differs) {
            let says = all.iter().map(|seen| merged(member, &[seen])).collect();
            return Err(Disagreement { member: (*member).clone(), says });
        }
        Ok(MemberState { member: (*member).clone(), state })
    };
    members.iter().enumerate().map(merge).collect()
}

/// What is waited for after an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// No session is left.
    Drained,
    /// Its checks pass, or it has none; ready or draining.
    Checked,
    /// Ready, and its checks pass, or it has none.
    Up,
}

/// Somebody else put a server into service while its sessions were waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutBack(pub Member);

/// The members that have not reached the goal at every endpoint, as they are now.
pub fn missing(goal: Goal, members: &[&Member], seen: &[Vec<Seen>]) -> Result<Vec<MemberState>, PutBack> {
    let mut left = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let all: Vec<&Seen> = seen.iter().filter_map(|endpoint| endpoint.get(index)).collect();
        if goal == Goal::Drained && all.iter().any(|seen| seen.admin == Some(Admin::Ready)) {
            return Err(PutBack((*member).clone()));
        }
        let state = merged(member, &all);
        let reached = match goal {
            Goal::Drained => state.sessions == 0,
            Goal::Checked => state.up.is_certain(),
            Goal::Up => state.admin == Admin::Ready && state.up.is_certain(),
        };
        if !reached {
            left.push(MemberState { member: (*member).clone(), state });
        }
    }
    Ok(left)
}

/// The first of `orders` that an endpoint did not follow, with what it has instead.
/// `seen` is about the orders' members, in their order.
pub fn not_followed<'a>(orders: &[Order<'a>], seen: &[Seen]) -> Option<(Order<'a>, Admin)> {
    let differs = |(order, seen): (&Order<'a>, &Seen)| {
        let now = seen.admin.filter(|admin| *admin != order.to)?;
        Some((*order, now))
    };
    orders.iter().zip(seen).find_map(differs)
}

/// The least favourable of what is said. Sessions add up: each process has its own.
fn merged(member: &Member, all: &[&Seen]) -> ServerState {
    let worst = all.iter().map(|seen| seen.up).max_by_key(|up| up.badness());
    ServerState {
        backend: member.backend.as_str().to_owned(),
        server: member.backend_server.as_str().to_owned(),
        admin: all.iter().filter_map(|seen| seen.admin).max().unwrap_or(Admin::Ready),
        up: worst.unwrap_or(Health::Unknown),
        sessions: all.iter().fold(0, |sum, seen| sum.saturating_add(seen.sessions)),
    }
}

impl Health {
    fn badness(self) -> u8 {
        match self {
            Self::Up => 0,
            Self::Unchecked => 1,
            Self::Unproven => 2,
            Self::Stopping => 3,
            Self::Down => 4,
            Self::Unknown => 5,
        }
    }
}
