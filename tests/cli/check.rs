use countersign_migrations::{Migrator, MigratorTrait as _};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::installation::{Installation, Ran, fleet};
use crate::tests::support::git::GitRepository;
use crate::tests::support::github::GitHubStandIn;
use crate::tests::support::smtp::SmtpSink;
use crate::tests::support::sshd::Sshd;

/// An installation whose every part is real and well.
struct Whole {
    installation: Installation,
    smtp: SmtpSink,
    github: GitHubStandIn,
    sshd: Sshd,
}

impl Whole {
    async fn new() -> Self {
        let installation = Installation::empty();
        let (smtp, github) = (SmtpSink::start(None).await, GitHubStandIn::start(None).await);
        installation.configure(&json!({
            "github": { "client_id": "id", "client_secret": "hush", "organisation": "acme",
                        "web_url": github.web_url(), "api_url": github.api_url() },
            "mail": { "smtp": smtp.url(), "from": "deploy@example.com" },
            // The shell of whoever runs this may take long to start.
            "ssh": { "connect_timeout_s": 60 }
        }));
        installation.run(&["keys"]).await.well();
        let repository = GitRepository::init(installation.path("shop"));
        repository.write("index.html", "hello");
        repository.tag("v1.0", &repository.commit("First", 1_700_000_000));
        let shared = installation.path("srv");
        fs::create_dir(&shared).unwrap();
        let key = installation.path("keys/id_ed25519.pub");
        let sshd = Sshd::start(&installation.path("web-1"), &shared, "127.0.1.1", &key);
        let whole = Self { installation, smtp, github, sshd };
        whole.installation.apply(&whole.fleet(), &[]).await.well();
        whole
    }

    fn fleet(&self) -> Value {
        let mut fleet = fleet();
        let server = &mut fleet["servers"][0];
        server["host"] = json!(self.sshd.host());
        server["port"] = json!(self.sshd.port());
        server["host_key"] = json!(self.sshd.host_key());
        let application = &mut fleet["applications"][0];
        application["repository"] = json!(self.installation.path("shop"));
        let environment = &mut application["environments"][0];
        environment["target_path"] = json!(self.installation.path("srv/shop"));
        environment["remote_user"] = json!(crate::tests::support::sshd::user());
        fleet
    }

    async fn check(&self) -> Ran {
        self.installation.run(&["check"]).await
    }
}

#[track_caller]
fn has_line(ran: &Ran, start: &str, words: &str) {
    let fits = |line: &&str| line.starts_with(start) && line.contains(words);
    assert!(ran.out.lines().any(|line| fits(&line)), "no line {start:?} with {words:?}:\n{}", ran.out);
}

fn newest_schema() -> String {
    Migrator::migrations().last().expect("a migration").name().to_owned()
}

#[tokio::test]
async fn everything_that_is_well_is_said_to_be() {
    let whole = Whole::new().await;
    fs::copy(whole.installation.path("keys/auth.key"), whole.installation.path("keys/auth.key.1")).unwrap();
    let ran = whole.check().await;
    assert_eq!(ran.code, 0, "{}", ran.out);
    has_line(&ran, "ok   configuration  ", "config.json");
    has_line(&ran, "ok   keys  ", "1 older still verify, 0 older still open");
    has_line(&ran, "ok   ssh identity  ", "keys/id_ed25519");
    has_line(&ran, "ok   data folder  ", "can be written");
    has_line(&ran, "ok   disk  ", "MB free");
    has_line(&ran, "ok   git  ", "git version");
    has_line(&ran, "ok   ssh  ", "OpenSSH");
    has_line(&ran, "ok   rsync  ", "version");
    has_line(&ran, "ok   sandbox  ", "bubblewrap works");
    has_line(&ran, "ok   database  ", &format!("its schema is {}", newest_schema()));
    has_line(&ran, "ok   fleet  ", "applications: 1, servers: 1");
    has_line(&ran, "ok   github  ", whole.github.api_url().as_str());
    has_line(&ran, "ok   github  ", whole.github.web_url().as_str());
    has_line(&ran, "ok   mail  ", &format!("127.0.0.1:{}", whole.smtp.port()));
    has_line(&ran, "ok   repository shop  ", "was fetched");
    has_line(&ran, "ok   server web-1 (shop/production)  ", "can be deployed to");
    assert!(!ran.out.contains("FAIL") && !ran.out.contains("warn"), "{}", ran.out);
    assert_eq!(whole.smtp.mails().len(), 0, "a check sends no mail");
}

#[tokio::test]
async fn everything_that_is_broken_is_said_although_other_things_are_too() {
    let mut whole = Whole::new().await;
    let path = |name: &str| whole.installation.path(name);
    fs::set_permissions(path("keys/auth.key"), Permissions::from_mode(0o644)).unwrap();
    fs::write(path("keys/enc.key"), "short").unwrap();
    fs::set_permissions(path("keys/id_ed25519"), Permissions::from_mode(0o640)).unwrap();
    fs::remove_dir_all(path("shop")).unwrap();
    whole.smtp.down().await;
    whole.github.down().await;
    whole.sshd.swap_host_key();

    let ran = whole.check().await;
    has_line(&ran, "FAIL keys  ", "open to other people (mode 644)");
    has_line(&ran, "FAIL keys  ", "must hold exactly 32 bytes, not 5");
    has_line(&ran, "FAIL ssh identity  ", "open to other people (mode 640)");
    has_line(&ran, "FAIL github  ", "cannot be reached");
    has_line(&ran, "FAIL mail  ", "refused");
    has_line(&ran, "FAIL repository shop  ", "could not be fetched");
    has_line(&ran, "FAIL server web-1 (shop/production)  ", "");
    has_line(&ran, "ok   database  ", "");
    has_line(&ran, "ok   git  ", "");
    let failed = ran.out.lines().filter(|line| line.starts_with("FAIL ")).count();
    let all = ran.out.lines().count();
    assert_eq!(ran.refused(), [format!("{failed} of {all} checks failed")]);
}

#[tokio::test]
async fn what_somebody_should_know_fails_nothing() {
    let whole = Whole::new().await;
    let mut fleet = whole.fleet();
    fleet["servers"][0].as_object_mut().unwrap().remove("host_key");
    fleet["servers"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": "web-2", "host": "127.0.1.2", "active": false }));
    fleet["clusters"][0]["servers"].as_array_mut().unwrap().push(json!({ "server": "web-2" }));
    whole.installation.apply(&fleet, &[]).await.well();
    let mut command = whole.installation.command(&["check"]);
    command.env("COUNTERSIGN_BASE_URL", "http://deploy.example.com");
    let ran = super::installation::ended(command).await;
    has_line(&ran, "warn configuration  base_url: ", "is http");
    has_line(&ran, "warn server web-1 (shop/production)  ", "has no host_key");
    has_line(&ran, "warn server web-2 (shop/production)  ", "is not active");
    ran.well();
}

#[tokio::test]
async fn a_mail_server_that_lets_nobody_in_is_broken() {
    let whole = Whole::new().await;
    whole.smtp.require_login("deploy", "right");
    let url = whole.smtp.url().replace("smtp://", "smtp://deploy:wrong-secret@");
    let mut command = whole.installation.command(&["check"]);
    command.env("COUNTERSIGN_MAIL__SMTP", url);
    let ran = super::installation::ended(command).await;
    has_line(&ran, "FAIL mail  ", "");
    assert!(!format!("{}{}", ran.out, ran.err).contains("wrong-secret"), "the password was shown");
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_is_told_in_full() {
    let installation = Installation::empty();
    installation.configure(&json!({ "adr": "127.0.0.1:1", "runner": { "hosts": 0 } }));
    let ran = installation.run(&["check"]).await;
    has_line(&ran, "FAIL configuration  adr: ", "is not a known key");
    has_line(&ran, "FAIL configuration  runner.hosts: ", "must be");
    has_line(&ran, "ok   git  ", "git version");
    assert_eq!(ran.code, 1);
}

#[tokio::test]
async fn a_check_makes_no_database() {
    let installation = Installation::new().await;
    let ran = installation.run(&["check"]).await;
    has_line(&ran, "warn database  ", "countersign migrate");
    assert!(!installation.path("data/countersign.db").exists());
}
