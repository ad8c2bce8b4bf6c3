//! What several pages show: a request in a list, a deployment in a list, a signature,
//! what was sealed.

use jiff::Timestamp;

use crate::domain::deployment::DeploymentState;
use crate::domain::request::RequestWord;
use crate::domain::risk::RiskHint;
use crate::domain::scope::Scope;
use crate::web::html::{Mark, counted, grouped, time};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub href: String,
    pub text: String,
}

impl Link {
    pub fn new(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self { href: href.into(), text: text.into() }
    }
}

/// A form that posts to `href`, or the reason why it may not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub href: String,
    pub why_not: Option<String>,
}

impl Action {
    pub fn to(href: impl Into<String>) -> Self {
        Self { href: href.into(), why_not: None }
    }

    pub fn refused(href: impl Into<String>, why: impl Into<String>) -> Self {
        Self { href: href.into(), why_not: Some(why.into()) }
    }
}

/// A form's field that is wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub field: &'static str,
    pub text: String,
}

/// The size of a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Lists do not count them.
    pub commits: Option<u64>,
    pub files: u64,
    pub added: u64,
    pub deleted: u64,
}

impl Size {
    /// `6 commits, 14 files`.
    pub fn words(&self) -> String {
        let files = counted(self.files, "file", "files");
        match self.commits {
            Some(commits) => format!("{}, {files}", counted(commits, "commit", "commits")),
            None => files,
        }
    }
}

/// The time within which a launch link works.
#[derive(Debug, Clone)]
pub struct Slot {
    pub begins_at: Timestamp,
    pub ends_at: Timestamp,
    /// The end in the calendar's zone, `17:20 Europe/Paris`, when that is another than UTC.
    pub ends_local: Option<String>,
}

impl Slot {
    pub fn minutes(&self) -> i64 {
        ((self.ends_at.as_second() - self.begins_at.as_second()) / 60).max(1)
    }

    pub fn minutes_left(&self, now: &Timestamp) -> i64 {
        ((self.ends_at.as_second() - now.as_second()) / 60).clamp(0, self.minutes())
    }

    /// `38 min`.
    pub fn left(&self, now: &Timestamp) -> String {
        time::left(self.ends_at.as_second() - now.as_second().max(self.begins_at.as_second()))
    }

    pub fn is_over(&self, now: &Timestamp) -> bool {
        self.ends_at <= *now
    }

    pub fn has_begun(&self, now: &Timestamp) -> bool {
        self.begins_at <= *now
    }
}

/// A request in a list.
#[derive(Debug, Clone)]
pub struct RequestItem {
    /// Where its page is, for this reader.
    pub href: String,
    pub application: String,
    pub environment: String,
    /// `None`: nothing is live there yet.
    pub from: Option<String>,
    pub tag: String,
    pub state: RequestWord,
    pub requester: String,
    pub asked_at: Timestamp,
    /// When waiting for review ends.
    pub expires_at: Option<Timestamp>,
    pub size: Size,
    /// The gravest few.
    pub risks: Vec<RiskHint>,
    /// Who decided, by name.
    pub decided_by: Vec<String>,
    pub slot: Option<Slot>,
    /// Why it is void, or the reason of a reject.
    pub cause: Option<String>,
}

/// A deployment in a list.
#[derive(Debug, Clone)]
pub struct DeploymentItem {
    pub id: i64,
    pub application: String,
    pub environment: String,
    pub from: Option<String>,
    /// The tag, else the first digits of the commit.
    pub release: String,
    pub state: DeploymentState,
    /// What went wrong or what it waits for: `stopped on search-12`.
    pub remark: Option<String>,
    /// It was started by break-glass.
    pub overridden: bool,
    /// Lists do not read it of a run that did not succeed.
    pub hosts_done: Option<u64>,
    /// Not known before the plan is made.
    pub hosts_total: Option<u64>,
    pub started_by: String,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

impl RequestItem {
    pub fn awaits_review(&self) -> bool {
        self.state == RequestWord::AwaitingReview
    }

    pub fn is_accepted(&self) -> bool {
        self.state == RequestWord::Accepted
    }

    pub fn decided_words(&self) -> &'static str {
        match self.state {
            RequestWord::Rejected => "rejected",
            RequestWord::Cancelled => "withdrawn",
            _ => "countersigned",
        }
    }
}

impl DeploymentItem {
    pub fn is_running(&self) -> bool {
        self.state == DeploymentState::Running
    }

    /// `1 of 2 hosts done`, `2 hosts`, or nothing while there is no plan.
    pub fn hosts(&self) -> Option<String> {
        let total = self.hosts_total?;
        let hosts = counted(total, "host", "hosts");
        Some(match self.hosts_done {
            Some(done) => format!("{} of {hosts} done", grouped(done)),
            None => hosts,
        })
    }

    /// What a bar shows of a run: done, and all.
    pub fn bar(&self) -> Option<(u64, u64)> {
        self.hosts_done.zip(self.hosts_total).filter(|_| self.is_running())
    }

    /// Seconds that it ran, up to `now` while it does.
    pub fn took(&self, now: &Timestamp) -> Option<i64> {
        let end = self.ended_at.unwrap_or(*now);
        self.started_at.map(|start| (end.as_second() - start.as_second()).max(0))
    }
}

/// A server that a run left out of service.
#[derive(Debug, Clone)]
pub struct LeftOut {
    pub id: i64,
    pub server: String,
    /// `shop/WEB1 in edge`.
    pub place: String,
    pub application: String,
    pub environment: String,
    pub deployment: i64,
    pub since: Timestamp,
    /// What the load balancer says of it now: `in maintenance, 0 sessions`.
    pub state: Option<String>,
    /// It serves again although nobody said so here.
    pub is_up: bool,
    pub may_put_back: bool,
}

/// Something that happened, in a timeline.
#[derive(Debug, Clone)]
pub struct Activity {
    pub at: Timestamp,
    /// The state that it led to; gives tone and icon.
    pub state: Mark,
    pub text: String,
    pub href: Option<String>,
    /// What the person wrote.
    pub quote: Option<String>,
}

/// A line to sign on: asked, countersigned, started.
#[derive(Debug, Clone)]
pub struct Signature {
    /// Who did, or in words who may (`you, by starting`).
    pub name: String,
    /// `Asked`, `Countersigned`, `Rejected`, `Started`; `To start` while nobody did.
    pub act: &'static str,
    /// `None`: nobody yet.
    pub at: Option<Timestamp>,
}

/// A file of a change, in a short list.
#[derive(Debug, Clone)]
pub struct FileLine {
    pub path: String,
    /// Where it stands in the diff, or nothing when there is no page to go to.
    pub href: Option<String>,
    pub why: String,
    pub added: u64,
    pub deleted: u64,
    pub binary: bool,
}

/// A commit that a release brings.
#[derive(Debug, Clone)]
pub struct CommitLine {
    /// The first digits of its id.
    pub id: String,
    pub summary: String,
    pub author: String,
    pub at: Timestamp,
}

/// What was asked and sealed: the head of request, review and launch.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub id: String,
    pub application: String,
    pub environment: String,
    pub from: Option<String>,
    pub tag: String,
    /// The full commit id.
    pub commit: String,
    pub requester: String,
    pub reason: String,
    /// What was noted when it was asked for: of the hosts, and who asked in whose name.
    pub notes: Vec<String>,
    pub ticket: Option<String>,
    pub rollback: bool,
    pub asked_at: Timestamp,
    /// When waiting for review ends.
    pub expires_at: Option<Timestamp>,
    pub size: Size,
    pub fingerprint: String,
    /// `1 of 2 accepts: 1 of 1 from ops; 0 of 1 from owners.`
    pub approval: Option<String>,
    /// `20 hosts`: what the seal covers beside patch and configuration.
    pub hosts: u64,
    pub diff_href: String,
    pub risks: Vec<RiskHint>,
    /// Riskiest first, a few.
    pub files: Vec<FileLine>,
    /// Newest first, the last few.
    pub commits: Vec<CommitLine>,
    pub signatures: Vec<Signature>,
}

/// One of the releases that a form offers.
#[derive(Debug, Clone)]
pub struct ReleaseChoice {
    /// What the form sends: the tag, or the full commit id.
    pub value: String,
    /// The same as people read it.
    pub name: String,
    /// The first digits of the commit, or the tags of a commit.
    pub commit: String,
    pub at: Timestamp,
    pub author: String,
    pub message: String,
    pub live: bool,
    pub href: String,
    pub why_not: Option<String>,
}

/// The host preview of a release.
pub fn preview_href(application: &str, environment: &str, release: &str, scope: &Scope) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("release", release);
    match scope {
        Scope::Cluster(name) => query.append_pair("cluster", name.as_str()),
        Scope::Server(name) => query.append_pair("server", name.as_str()),
        Scope::Environment | Scope::Servers(_) => &mut query,
    };
    format!("/applications/{application}/{environment}/preview?{}", query.finish())
}

impl Sealed {
    pub fn more_commits(&self) -> u64 {
        self.size.commits.unwrap_or_default().saturating_sub(self.commits.len() as u64)
    }

    /// What it would change on the hosts.
    pub fn preview_href(&self) -> String {
        preview_href(&self.application, &self.environment, &self.commit, &Scope::Environment)
    }

    /// The ticket as an address, when it is one.
    pub fn ticket_href(&self) -> Option<&str> {
        self.ticket
            .as_deref()
            .filter(|ticket| ticket.starts_with("https://") || ticket.starts_with("http://"))
    }
}
