//! The fleet: applications, environments, servers, clusters, load balancers,
//! calendars and roles, as the fleet file and the API speak of them.
//!
//! A value of these types is valid in itself (names, paths, options). That the
//! parts fit each other is checked once more by `parse`, over the whole file.

pub mod approval_changes;
mod batch;
pub mod changes;
pub(crate) mod checks;
pub mod dependents;
pub mod export;
mod follow;
mod kind;
pub mod object;
pub mod overlay;
pub mod parse;
pub mod reserved;
pub mod secret;

use serde::{Deserialize, Serialize};

use super::name::Name;
use super::permission::{GlobalPermission, Grant};
use super::scope::Scope;
pub use batch::Batch;
pub use kind::Kind;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fleet {
    pub servers: Vec<Server>,
    pub load_balancers: Vec<LoadBalancer>,
    pub clusters: Vec<Cluster>,
    pub calendars: Vec<Calendar>,
    pub roles: Vec<Role>,
    pub applications: Vec<Application>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub name: Name,
    /// The name it had before this apply (rules.md 32); never stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Name>,
    /// A host name or address that `ssh` cannot mistake for an option.
    pub host: String,
    #[serde(default = "port_22")]
    pub port: u16,
    /// `ssh-ed25519 AAAA…`; nothing connects without one (rules.md 51).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
    #[serde(default = "yes")]
    pub active: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancer {
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Name>,
    pub endpoints: Vec<Endpoint>,
}

/// `tcp://host:port`, `unix:///path`, or a stats page with its account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Endpoint {
    Runtime(String),
    Stats(StatsPage),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatsPage {
    pub url: String,
    pub user: String,
    /// A literal, `env:NAME`, `file:PATH`, or `stored:` for the one already known (rules.md 40).
    pub password: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    #[serde(default)]
    pub servers: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub server: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_server: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Name>,
    /// An IANA name: `Europe/Paris`.
    pub timezone: String,
    #[serde(default)]
    pub weekly: Vec<Hours>,
    /// Whole days, `YYYY-MM-DD`, in the calendar's zone.
    #[serde(default)]
    pub closed: Vec<String>,
    /// Codes of the countries whose public holidays are closed days: `FR`.
    #[serde(default)]
    pub holidays: Vec<String>,
    /// The text of an .ics calendar: the days that its events touch are closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ics: Option<String>,
}

/// A half-open interval of the day, `00:00` to `24:00`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    pub days: Vec<Day>,
    pub from: String,
    pub to: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Name>,
    /// Team slugs of the configured organisation.
    #[serde(default)]
    pub github_teams: Vec<String>,
    /// `rosa`, `github:rosa` or `local:rosa` (rules.md 29).
    #[serde(default)]
    pub users: Vec<String>,
    #[serde(default)]
    pub global: Vec<GlobalPermission>,
    #[serde(default)]
    pub grants: Vec<Grant>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Name>,
    /// https, ssh, `git@host:path`, or an absolute path (rules.md 45).
    pub repository: String,
    /// `owner/name` on GitHub, for pushes and links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github: Option<String>,
    /// A glob; `*` does not cross `/`. Absent: every tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    #[serde(default)]
    pub owners: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_secret: Option<String>,
    /// Git LFS pointers and submodules are refused unless this is set (rules.md 24).
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_submodules_and_lfs: bool,
    #[serde(default)]
    pub environments: Vec<Environment>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Name>,
    #[serde(default)]
    pub order: u32,
    pub deploy_from: DeployFrom,
    /// Absolute, without `.` and `..`, never `/` or a home.
    pub target_path: String,
    pub remote_user: String,
    #[serde(default)]
    pub layout: Layout,
    #[serde(default = "five")]
    pub keep_releases: u32,
    #[serde(default)]
    pub sync: SyncMethod,
    #[serde(default = "default_rsync_options")]
    pub rsync_options: Vec<String>,
    #[serde(default)]
    pub clusters: Vec<Name>,
    #[serde(default)]
    pub strategy: Strategy,
    /// How many hosts a batch of `rolling` and a canary have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// How long a canary waits for somebody to continue.
    #[serde(default = "sixty")]
    pub canary_minutes: u32,
    #[serde(default)]
    pub auto_deploy: bool,
    #[serde(default = "yes")]
    pub fail_on_failed_tests: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Name>,
    #[serde(default)]
    pub approval: Approval,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
    #[serde(default)]
    pub method: Method,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Percent of a host's files (rules.md 25).
    #[serde(default = "fifty")]
    pub delete_threshold: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promote_from: Option<Name>,
    #[serde(default = "yes")]
    pub drift_check: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum DeployFrom {
    Tags(String),
    Branch(String),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    #[default]
    InPlace,
    Releases,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMethod {
    #[default]
    Rsync,
    Delta,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    #[default]
    Clusters,
    Rolling,
    Canary,
    All,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    #[default]
    Rsync,
    Command,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Approval {
    pub required: u32,
    pub review_list: Vec<String>,
    pub self_approval: bool,
    pub review_hours: u32,
    pub slot_minutes: u32,
    pub stand_hours: u32,
    pub covers_rollback: bool,
    /// Whether the accept of an author of a commit in the range counts (security.md 5).
    pub authors_count: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<ApprovalGroup>,
}

impl Approval {
    /// How many people have to accept, groups included; 0: none.
    pub fn needed(&self) -> u32 {
        crate::domain::policy::needed(self.required, &self.groups)
    }
}

impl Default for Approval {
    fn default() -> Self {
        Self {
            required: 1,
            review_list: Vec::new(),
            self_approval: false,
            review_hours: 72,
            slot_minutes: 60,
            stand_hours: 24,
            covers_rollback: true,
            authors_count: false,
            groups: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalGroup {
    pub role: Name,
    pub required: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default = "attempts")]
    pub attempts: u32,
    #[serde(default = "interval")]
    pub interval_s: u32,
}

fn port_22() -> u16 {
    22
}

fn yes() -> bool {
    true
}

fn sixty() -> u32 {
    60
}

fn five() -> u32 {
    5
}

fn fifty() -> u8 {
    50
}

fn attempts() -> u32 {
    10
}

fn interval() -> u32 {
    3
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

fn default_rsync_options() -> Vec<String> {
    vec!["-az".to_owned(), "--delete".to_owned()]
}

impl Role {
    /// One that gives nothing to nobody.
    pub fn empty(name: &Name) -> Self {
        Self {
            name: name.clone(),
            was: None,
            github_teams: Vec::new(),
            users: Vec::new(),
            global: Vec::new(),
            grants: Vec::new(),
        }
    }
}

impl Fleet {
    pub fn server(&self, name: &Name) -> Option<&Server> {
        self.servers.iter().find(|server| &server.name == name)
    }

    pub fn cluster(&self, name: &Name) -> Option<&Cluster> {
        self.clusters.iter().find(|cluster| &cluster.name == name)
    }

    pub fn calendar(&self, name: &Name) -> Option<&Calendar> {
        self.calendars.iter().find(|calendar| &calendar.name == name)
    }

    pub fn application(&self, name: &Name) -> Option<&Application> {
        self.applications.iter().find(|application| &application.name == name)
    }

    pub fn environment(
        &self,
        application: &Name,
        environment: &Name,
    ) -> Option<(&Application, &Environment)> {
        let application = self.application(application)?;
        Some((application, application.environment(environment)?))
    }

    /// The clusters of an environment, in the order listed there.
    pub fn clusters_of<'a>(&'a self, environment: &'a Environment) -> impl Iterator<Item = &'a Cluster> {
        environment.clusters.iter().filter_map(|name| self.cluster(name))
    }

    /// Every server of an environment once, in cluster order.
    pub fn servers_of<'a>(&'a self, environment: &'a Environment) -> Vec<&'a Server> {
        self.servers_within(environment, &Scope::Environment)
    }

    /// The same of what a scope covers.
    pub fn servers_within<'a>(&'a self, environment: &'a Environment, scope: &Scope) -> Vec<&'a Server> {
        let mut servers: Vec<&Server> = Vec::new();
        let clusters = self.clusters_of(environment).filter(|cluster| scope.covers_cluster(&cluster.name));
        for member in clusters.flat_map(|cluster| &cluster.servers) {
            if let Some(server) = self.server(&member.server)
                && scope.covers_server(&server.name)
                && !servers.iter().any(|known| known.name == server.name)
            {
                servers.push(server);
            }
        }
        servers
    }
}

impl Application {
    pub fn environment(&self, name: &Name) -> Option<&Environment> {
        self.environments.iter().find(|environment| &environment.name == name)
    }

    /// Environments in promotion order.
    pub fn environments_in_order(&self) -> Vec<&Environment> {
        let mut environments: Vec<&Environment> = self.environments.iter().collect();
        environments.sort_by(|a, b| a.order.cmp(&b.order).then_with(|| a.name.cmp(&b.name)));
        environments
    }
}
