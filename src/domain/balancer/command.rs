//! What is sent to HAProxy, as values: lines of the Runtime API and forms of the
//! stats page; and what the answers to an order mean.
//!
//! Orders that belong together go in one line, joined by `;`, so that HAProxy does
//! them one after the other without us in between (rules.md 21).

use super::{Admin, Member, ProxyName};

/// HAProxy drops a line that does not fit its buffer, of 16 KB unless configured.
const LONGEST_LINE: usize = 8 * 1024;

/// `set server` for one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order<'a> {
    pub member: &'a Member,
    pub to: Admin,
}

impl<'a> Order<'a> {
    pub fn all(members: &'a [Member], to: Admin) -> Vec<Self> {
        members.iter().map(|member| Self { member, to }).collect()
    }

    /// As few lines as fit, in the given order; one unless there are some hundred.
    pub fn lines(orders: &[Self]) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for order in orders {
            let command = order.command();
            match lines.last_mut() {
                Some(line) if line.len() + 1 + command.len() <= LONGEST_LINE => {
                    line.push(';');
                    line.push_str(&command);
                }
                _ => lines.push(command),
            }
        }
        lines
    }

    fn command(&self) -> String {
        let Member { backend, backend_server, .. } = self.member;
        format!("set server {backend}/{backend_server} state {}", keyword(self.to))
    }
}

/// Asks for everything that a decision needs: what we may do there, what people
/// ordered, and sessions and checks. Of all backends: a backend and a frontend may
/// share a name, and `show stat NAME` would find the frontend.
pub fn read_command() -> &'static str {
    "show cli level;show servers state;show stat -1 4 -1"
}

fn keyword(admin: Admin) -> &'static str {
    match admin {
        Admin::Ready => "ready",
        Admin::Drain => "drain",
        Admin::Maint => "maint",
    }
}

/// What a connection to the Runtime API may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Admin,
    /// `level operator` or `level user`: it may read, not act.
    Reader,
}

/// Whatever HAProxy answered that is not silence; `set server` says nothing when it
/// is done.
pub fn reply_words(answer: &str) -> Option<String> {
    let lines: Vec<&str> = answer.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() { None } else { Some(lines.join(" ")) }
}

/// One POST to the stats page: an action on servers of one backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsForm {
    pub fields: Vec<(&'static str, String)>,
}

impl StatsForm {
    /// Changes nothing; the answer tells whether the page may act at all.
    pub fn probe() -> Self {
        Self { fields: vec![("action", keyword(Admin::Ready).to_owned())] }
    }

    /// One form for each run of orders that share backend and state, in their order.
    pub fn all(orders: &[Order<'_>]) -> Vec<Self> {
        let same = |a: &Order<'_>, b: &Order<'_>| a.to == b.to && a.member.backend == b.member.backend;
        orders.chunk_by(same).flat_map(|run| run.chunks(SERVERS_IN_A_FORM)).map(Self::of).collect()
    }

    fn of(run: &[Order<'_>]) -> Self {
        let server = |order: &Order<'_>| ("s", order.member.backend_server.as_str().to_owned());
        let mut fields: Vec<_> = run.iter().map(server).collect();
        if let Some(first) = run.first() {
            fields.push(("action", keyword(first.to).to_owned()));
            fields.push(("b", ProxyName::as_str(&first.member.backend).to_owned()));
        }
        Self { fields }
    }
}

/// A form must fit HAProxy's buffer too.
const SERVERS_IN_A_FORM: usize = 60;

/// How the stats page says what came of a form: a redirect whose target ends in
/// `;st=WORD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormAnswer {
    Done,
    /// No server was named.
    Nothing,
    /// Some of the servers, or none: an unknown one was among them.
    Partly,
    /// No `stats admin`, or its condition does not hold for us.
    Denied,
    /// The form does not fit HAProxy's buffer.
    TooLarge,
}

/// `location` is the redirect's target.
pub fn read_form_answer(location: &str) -> Option<FormAnswer> {
    let (_, rest) = location.rsplit_once(";st=")?;
    Some(match rest.split(';').next()? {
        "DONE" => FormAnswer::Done,
        "NONE" => FormAnswer::Nothing,
        "PART" | "ERRP" => FormAnswer::Partly,
        "DENY" => FormAnswer::Denied,
        "EXCD" => FormAnswer::TooLarge,
        _ => return None,
    })
}
