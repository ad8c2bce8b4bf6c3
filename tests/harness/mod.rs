//! The whole service in one process, with everything around it real: git, sshd,
//! rsync, SMTP, `SQLite`, and a stand-in for GitHub over HTTP.
//!
//! A world has the application `shop` with tags v1.0 to v1.2, the environment
//! `production` on two hosts in the cluster `web`, and these people: `dana` may
//! request, `rosa` and `remy` may review, `ada` administers, `olga` is no member.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::app::apply_fleet::{Options, apply_fleet};
use crate::app::housekeep;
use crate::boot::{self, Role};
use crate::clock::Clock;
use crate::config;
use crate::domain::deployment::Deployment;
use crate::github::{GitHub, Timeouts};
use crate::keys;
use crate::tests::support::browser::{Browser, Page};
use crate::tests::support::git::GitRepository;
use crate::tests::support::github::{CLIENT_ID, CLIENT_SECRET, GitHubStandIn, ORGANISATION};
use crate::tests::support::smtp::{Mail, SmtpSink};
use crate::tests::support::sshd::{Sshd, new_identity, user};

pub mod api;
mod by_hand;
mod direct;
pub mod dump;
mod follow;
mod frozen;
pub mod furnished;
mod logs;
mod process;
mod repository;

pub use by_hand::{Approved, number_in, production, server};
pub use follow::{Feed, Gate, Message};
pub use logs::{keep_logs, kept_logs};
pub use repository::{release, shop};

/// A test that waits longer than this has found a defect.
const PATIENCE: Duration = Duration::from_mins(1);

pub struct Service {
    pub app: App,
    pub clock: Clock,
    pub repository: GitRepository,
    pub github: GitHubStandIn,
    pub mail: Arc<SmtpSink>,
    pub hosts: Vec<Sshd>,
    /// What the fleet was last made of.
    pub fleet: Value,
    pub base_url: String,
    folder: TempDir,
    running: Option<Running>,
}

/// A run has a runtime of its own, so that all of it can be dropped at once, as a
/// process is.
struct Running {
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<anyhow::Result<()>>,
    runtime: Option<Runtime>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a test wants to be different from the beginning.
pub struct World {
    pub hosts: usize,
    pub edit_fleet: Box<dyn FnOnce(&mut Value) + Send>,
    pub edit_config: Box<dyn FnOnce(&mut Value) + Send>,
    pub role: Role,
    pub github_timeouts: Timeouts,
}

impl Default for World {
    fn default() -> Self {
        Self {
            hosts: 2,
            edit_fleet: Box::new(|_| {}),
            edit_config: Box::new(|_| {}),
            role: Role::All,
            github_timeouts: Timeouts::default(),
        }
    }
}

impl World {
    /// Pages without a runner: what is queued stays queued, and mail is not sent.
    pub fn without_runner() -> Self {
        Self { role: Role::Web, ..Self::default() }
    }

    /// What is asked for is accepted at once: stories about what comes after that.
    pub fn unreviewed(hosts: usize) -> Self {
        let edit_fleet = Box::new(|fleet: &mut Value| {
            fleet["applications"][0]["environments"][0]["approval"]["required"] = json!(0);
        });
        Self { hosts, edit_fleet, ..Self::default() }
    }

    /// The same on two hosts: production on the first, and staging on the second, so
    /// that one is free while the other is busy. Who may request may do so in both.
    pub fn two_places() -> Self {
        let unreviewed = Self::unreviewed(2);
        let edit_fleet = Box::new(|fleet: &mut Value| {
            (unreviewed.edit_fleet)(fleet);
            fleet["clusters"] = json!([
                { "name": "web", "servers": [{ "server": "web-1" }] },
                { "name": "side", "servers": [{ "server": "web-2" }] },
            ]);
            fleet["roles"][1]["grants"] = json!([{ "permission": "request" }]);
            let mut staging = production(fleet).clone();
            staging["name"] = json!("staging");
            staging["clusters"] = json!(["side"]);
            fleet["applications"][0]["environments"].as_array_mut().unwrap().push(staging);
        });
        Self { hosts: 2, edit_fleet, ..Self::default() }
    }

    /// The same, where production takes only what succeeded in staging; developers
    /// hold these grants.
    pub fn promoted(grants: Value) -> Self {
        let places = Self::two_places();
        let edit_fleet = Box::new(|fleet: &mut Value| {
            (places.edit_fleet)(fleet);
            production(fleet)["promote_from"] = json!("staging");
            fleet["roles"][1]["grants"] = grants;
        });
        Self { hosts: 2, edit_fleet, ..Self::default() }
    }
}

impl Service {
    pub async fn start() -> Self {
        Self::start_in(World::default()).await
    }

    pub async fn start_in(world: World) -> Self {
        Box::pin(Self::set_up(world)).await
    }

    async fn set_up(world: World) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::Builder::new().prefix("cs").tempdir().unwrap();
        let path = folder.path();
        let target = path.join("srv");
        std::fs::create_dir_all(&target).unwrap();
        let repository = shop(&path.join("shop"));
        let github = GitHubStandIn::start(None).await;
        people(&github);
        let mail = Arc::new(SmtpSink::start(None).await);
        std::fs::create_dir_all(path.join("keys")).unwrap();
        let identity = new_identity(&path.join("keys"));
        let public = identity.with_extension("pub");
        let hosts: Vec<Sshd> = (1..=world.hosts)
            .map(|number| {
                let folder = path.join(format!("host-{number}"));
                std::fs::create_dir_all(&folder).unwrap();
                Sshd::start(&folder, &target, &format!("127.0.1.{number}"), &public)
            })
            .collect();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let base_url = format!("http://127.0.0.1:{port}");
        github.register_redirect(&format!("{base_url}/authorized"));
        let mut fleet = default_fleet(&hosts, &repository, &target);
        (world.edit_fleet)(&mut fleet);
        let mut settings = settings(port, &base_url, &identity, &github, &mail);
        (world.edit_config)(&mut settings);
        std::fs::write(path.join("config.json"), settings.to_string()).unwrap();
        keys::generate(&path.join("keys/auth.key"), &path.join("keys/enc.key"), &identity).unwrap();
        let clock = Clock::system();
        let mut app = open(path, &clock).await;
        let redirect = app.config.base_url.join("authorized").unwrap();
        app.github = GitHub::with_timeouts(&app.config.github, redirect, world.github_timeouts).unwrap();
        let mut service = Self {
            app,
            clock,
            repository,
            github,
            mail,
            hosts,
            fleet: fleet.clone(),
            base_url,
            folder,
            running: None,
        };
        service.apply(|_| {}).await;
        service.run(world.role).await;
        service
    }

    /// Runs the server and waits until it answers.
    pub async fn run(&mut self, role: Role) {
        let (stop, stopped) = oneshot::channel();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.spawn(boot::serve(self.app.clone(), role, async move {
            let _ = stopped.await;
        }));
        self.running = Some(Running { stop: Some(stop), server, runtime: Some(runtime) });
        self.until_it_answers().await;
    }

    async fn until_it_answers(&self) {
        let browser = self.browser();
        tokio::time::timeout(PATIENCE, async {
            while browser.get("/health").await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the service answers");
    }

    /// As on SIGTERM: drains and ends.
    pub async fn stop(&mut self) {
        let mut running = self.running.take().expect("it runs");
        let _ = running.stop.take().map(|stop| stop.send(()));
        tokio::time::timeout(PATIENCE, &mut running.server).await.expect("it stops").unwrap().unwrap();
    }

    /// As on `kill -9`: everything of it is gone in the middle of what it did.
    pub fn kill(&mut self) {
        let runtime = self.running.take().and_then(|mut running| running.runtime.take()).expect("it runs");
        std::thread::spawn(move || runtime.shutdown_timeout(PATIENCE)).join().expect("it ends");
    }

    /// A new process on the same data.
    pub async fn restart(&mut self) {
        self.restart_as(Role::All).await;
    }

    pub async fn restart_as(&mut self, role: Role) {
        if self.running.is_some() {
            self.stop().await;
        }
        self.reopen().await;
        self.run(role).await;
    }

    /// Opens the data again after the service closed it.
    pub async fn reopen(&mut self) {
        self.app = open(self.folder.path(), &self.clock).await;
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Changes the fleet and applies it.
    pub async fn apply(&mut self, edit: impl FnOnce(&mut Value)) {
        edit(&mut self.fleet);
        apply_fleet(&self.app, "command", &self.fleet, Options { prune: true, ..Options::default() })
            .await
            .expect("the fleet applies");
    }

    /// Somebody's browser that has been nowhere yet.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.base_url).unwrap()
    }

    /// Somebody's browser, signed in through GitHub.
    pub async fn as_user(&self, login: &str) -> Browser {
        let browser = self.browser();
        self.sign_in(&browser, login).await;
        browser
    }

    pub async fn sign_in(&self, browser: &Browser, login: &str) -> Page {
        self.github.sign_in_as(Some(login));
        let page = browser.get("/authorize?return_to=/").await.unwrap();
        assert_eq!(
            (page.status, page.main_page().as_deref()),
            (200, Some("home")),
            "{login} signs in: {}",
            page.text()
        );
        page
    }

    /// Asks for a release through the form; gives the page that answers.
    pub async fn ask(&self, browser: &Browser, tag: &str) -> Page {
        let form = self.request_form(browser, tag).await;
        browser.submit(&form, "Request review of", &[("reason", "Guests lose their basket.")]).await.unwrap()
    }

    pub async fn request_form(&self, browser: &Browser, tag: &str) -> Page {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("application", "shop"), ("environment", "production"), ("tag", tag)])
            .finish();
        browser.get(&format!("/requests/new?{query}")).await.unwrap()
    }

    /// The newest mail whose subject holds `words`; waits for it.
    pub async fn mail_about(&self, words: &str) -> Mail {
        let mut wanted = 1;
        loop {
            let mails = self.mail.wait_for(wanted).await;
            if let Some(mail) = mails.iter().rev().find(|mail| mail.subject().contains(words)) {
                return mail.clone();
            }
            wanted = mails.len() + 1;
        }
    }

    /// From a request to its launch link: dana asks, rosa accepts.
    pub async fn accepted(&self, tag: &str) -> (Browser, String) {
        let dana = self.as_user("dana").await;
        let page = self.ask(&dana, tag).await;
        assert_eq!(page.main_state().as_deref(), Some("awaiting_review"), "{}", page.text());
        let review = self.mail_about(&format!("[review] shop {tag}")).await.only_link();
        let rosa = self.as_user("rosa").await;
        let page = rosa.get(&review).await.unwrap();
        let page = rosa.submit(&page, "Countersign", &[("comment", "fine")]).await.unwrap();
        assert_eq!(page.main_state().as_deref(), Some("accepted"), "{}", page.text());
        let launch = self.mail_about(&format!("[accepted] shop {tag}")).await.only_link();
        (dana, launch)
    }

    /// The whole way; gives the deployment as it ended.
    pub async fn released(&self, tag: &str) -> Deployment {
        let (dana, launch) = self.accepted(tag).await;
        let page = dana.get(&launch).await.unwrap();
        let page = dana.submit(&page, "Start deployment", &[]).await.unwrap();
        self.ended(id_of(&page)).await
    }

    /// Waits for a deployment to end.
    pub async fn ended(&self, id: i64) -> Deployment {
        self.until(id, |deployment| deployment.state.is_over()).await
    }

    /// Waits until a deployment is as wanted, woken by its journal.
    pub async fn until(&self, id: i64, wanted: impl Fn(&Deployment) -> bool) -> Deployment {
        let mut wake = self.app.wake.journal.subscribe();
        tokio::time::timeout(PATIENCE, async {
            loop {
                let deployment =
                    crate::db::deployments::find(&self.app.db, id).await.unwrap().expect("the deployment");
                if wanted(&deployment) {
                    return deployment;
                }
                let _ = wake.recv().await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("deployment {id} never came to what the test waits for"))
    }

    /// The state of a request, as its page shows it to an administrator.
    pub async fn request_state(&self, id: i64) -> String {
        let request = crate::db::requests::find(&self.app.db, id).await.unwrap().expect("the request");
        request.state.word().word().to_owned()
    }

    pub async fn keep_house(&self) {
        housekeep::housekeep(&self.app).await;
    }

    pub fn advance(&self, by: SignedDuration) {
        self.clock.advance(by);
    }

    /// The content of a file in the target folder of a host, counted from 1.
    pub fn on_host(&self, number: usize, file: &str) -> Option<Vec<u8>> {
        std::fs::read(self.hosts[number - 1].files().join("shop").join(file)).ok()
    }
}

/// The number at the end of a page's address.
pub fn id_of(page: &Page) -> i64 {
    let last = page.url.path_segments().and_then(Iterator::last).unwrap_or_default();
    last.parse().unwrap_or_else(|_| panic!("no number in {}: {} {}", page.url, page.status, page.text()))
}

async fn open(folder: &Path, clock: &Clock) -> App {
    let loaded = config::load(&folder.join("config.json"), std::iter::empty())
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    boot::open_to_write(loaded.config, clock.clone()).await.unwrap()
}

fn people(github: &GitHubStandIn) {
    github.person("dana").named("Dana Okafor").team("developers");
    github.person("rosa").named("Rosa Lindqvist").team("release-managers");
    github.person("remy").named("Remy Duval").team("release-managers");
    github.person("ada").named("Ada Admin");
    github.person("mallory").named("Mallory").team("interns");
    github.person("olga").named("Olga Outsider").outsider();
}

fn settings(port: u16, base_url: &str, identity: &Path, github: &GitHubStandIn, mail: &SmtpSink) -> Value {
    json!({
        "addr": format!("127.0.0.1:{port}"),
        "base_url": base_url,
        "auth_key": "keys/auth.key",
        "enc_key": "keys/enc.key",
        "data_dir": "data",
        "database": "sqlite:data/countersign.db",
        "github": {
            "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "organisation": ORGANISATION,
            "web_url": github.web_url(), "api_url": github.api_url(),
        },
        "mail": { "smtp": mail.url(), "from": "Countersign <deploy@example.com>", "always_notify": ["ops@example.com"] },
        "ssh": { "identity": identity, "connect_timeout_s": 10 },
        "limits": { "disk_free_mb": 1 },
        "timezone": "UTC",
    })
}

fn default_fleet(hosts: &[Sshd], repository: &GitRepository, target: &Path) -> Value {
    let servers: Vec<Value> = hosts
        .iter()
        .enumerate()
        .map(|(place, host)| json!({ "name": format!("web-{}", place + 1), "host": host.host(), "port": host.port(), "host_key": host.host_key() }))
        .collect();
    let members: Vec<Value> =
        (1..=hosts.len()).map(|number| json!({ "server": format!("web-{number}") })).collect();
    json!({
        "servers": servers,
        "clusters": [{ "name": "web", "servers": members }],
        "roles": [
            { "name": "admin", "users": ["ada"] },
            { "name": "developers", "github_teams": ["developers"], "grants": [{ "permission": "request", "application": "shop" }] },
            { "name": "release-managers", "github_teams": ["release-managers"], "grants": [{ "permission": "review" }] },
        ],
        "applications": [{
            "name": "shop", "repository": repository.address(), "tags": "v*", "owners": ["shop@example.com"],
            "environments": [{
                "name": "production", "deploy_from": { "tags": "v*" },
                "target_path": target.join("shop"), "remote_user": user(), "clusters": ["web"],
                "approval": { "required": 1, "review_list": ["releases@example.com"] },
            }],
        }],
    })
}
