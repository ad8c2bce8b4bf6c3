//! Use cases: one file each, each one transaction: load → policy → transition →
//! persist → outbox. Pages, API, commands and the runner all come through here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::domain::live::HostWord;
use crate::domain::name::Name;
use crate::domain::plan::HostFacts;
use crate::domain::target::HostKey;
use crate::github::GitHub;
use crate::keys::Keys;
use crate::repo::Mirrors;
use passwords::Passwords;

mod acceptance;
pub mod access;
pub mod add_person;
pub mod administer;
pub mod apply_fleet;
pub mod ask_question;
pub mod audit;
pub mod balancing;
pub mod break_glass;
pub mod cancel_deployment;
pub mod cancel_request;
pub mod candidate;
pub mod check_start;
pub mod clean;
mod covering;
pub mod deliver;
pub mod deploy;
pub mod drift;
pub mod edit_person;
pub mod exchange;
pub mod fleet_rows;
pub mod freeze;
pub mod health;
pub mod housekeep;
pub mod idempotency;
pub mod impersonate;
pub mod last_admin;
pub mod launch;
pub mod link;
pub mod look;
pub mod own_account;
pub mod own_tokens;
pub mod passwords;
pub mod preview;
pub mod queries;
pub mod queue;
pub mod reissue_link;
pub mod remind;
pub mod request_release;
pub mod resend;
pub mod review_release;
pub mod revoke_link;
pub mod rotation;
pub mod run_deployment;
pub mod scan_host;
pub mod secrets;
pub mod session;
pub mod sign_in;
pub mod sign_in_local;
pub mod sign_in_proxy;
pub mod situation;
pub mod steer;
pub mod stored_request;
pub mod tell_of_policy;
pub mod tokens;
pub mod under_way;

mod refusal;

pub use refusal::{FieldError, Gone, Refusal};

/// Asks hosts what they run. Behind a trait, since `app` opens no connections.
pub trait HostReader: Send + Sync {
    fn read<'a>(&'a self, hosts: &'a [HostFacts], remote_user: &'a str, target_path: &'a str) -> Answers<'a>;

    /// Everything that is wanted of one host, by one connection for each account.
    fn survey<'a>(&'a self, survey: &'a Survey) -> Surveyed<'a>;

    /// The public keys that a host shows to anybody, or in words why none came.
    fn scan<'a>(&'a self, host: &'a str, port: u16) -> Scanned<'a>;
}

/// One host, and the targets there that are to be read.
#[derive(Debug, Clone)]
pub struct Survey {
    pub host: HostFacts,
    pub targets: Vec<Target>,
}

#[derive(Debug, Clone)]
pub struct Target {
    pub remote_user: String,
    pub path: String,
}

/// What was said of each target, in their order.
pub type Surveyed<'a> = Pin<Box<dyn Future<Output = Vec<HostWord>> + Send + 'a>>;

pub type Scanned<'a> = Pin<Box<dyn Future<Output = Result<Vec<HostKey>, String>> + Send + 'a>>;

/// Each host's answer, in the order asked.
pub type Answers<'a> = Pin<Box<dyn Future<Output = Vec<(Name, HostWord)>> + Send + 'a>>;

/// What every use case stands on. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub db: Db,
    pub clock: Clock,
    pub keys: Arc<Keys>,
    pub config: Arc<Config>,
    pub mirrors: Mirrors,
    pub github: GitHub,
    pub hosts: Arc<dyn HostReader>,
    pub wake: Arc<Wake>,
    pub passwords: Arc<Passwords>,
}

/// Wake signals. They carry ids at most, so that a lost one loses nothing:
/// whoever is woken reads the database.
#[derive(Debug)]
pub struct Wake {
    pub queue: Notify,
    pub outbox: Notify,
    /// Somebody waits for a preview.
    pub preview: Notify,
    /// Ids of deployments whose journal grew.
    pub journal: broadcast::Sender<i64>,
    /// Ids of deployments somebody wants to end.
    pub cancel: broadcast::Sender<i64>,
}

impl Default for Wake {
    fn default() -> Self {
        Self {
            queue: Notify::new(),
            outbox: Notify::new(),
            preview: Notify::new(),
            journal: broadcast::channel(1024).0,
            cancel: broadcast::channel(64).0,
        }
    }
}

/// A deployment ended, began to wait or is to end: whoever waits for that looks again.
fn announce(app: &App, deployment: i64) {
    let _ = app.wake.journal.send(deployment);
    app.wake.outbox.notify_one();
    app.wake.queue.notify_one();
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}
