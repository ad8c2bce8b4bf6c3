//! Everything that the release needs, below one folder: repository, hosts, GitHub,
//! mail, and the service that connects them.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::hosts::Host;
use crate::people::{self, DANA, DEVELOPERS, REVIEWERS, ROSA, SAM, Visitor};
use crate::say::Say;
use crate::server_process::{Countersign, Service};
use crate::shop;
use crate::support::git::GitRepository;
use crate::support::github::GitHubStandIn;
use crate::support::mail_page::MailPage;
use crate::support::smtp::SmtpSink;
use crate::support::sshd;

pub struct World {
    pub folder: PathBuf,
    pub countersign: Countersign,
    pub service: Service,
    pub shop: GitRepository,
    pub hosts: Vec<Host>,
    pub mails: Arc<SmtpSink>,
    pub mail_page: MailPage,
    pub dana: Visitor,
    pub rosa: Visitor,
    pub sam: Visitor,
    /// Serves while it lives.
    _github: GitHubStandIn,
}

pub const REVIEW_LIST: &str = "releases@example.com";

/// Names and addresses; a cluster is done before the next begins.
const HOSTS: [(&str, &str); 3] = [("web-1", "127.0.1.1"), ("web-2", "127.0.1.2"), ("web-3", "127.0.1.3")];

impl World {
    /// With `once`, all ports are free ones; else the nice ones are preferred.
    pub async fn build(folder: &Path, once: bool, say: &Say) -> Result<Self> {
        let nice = |port: u16| (!once && TcpListener::bind(("127.0.0.1", port)).is_ok()).then_some(port);
        say.heading("Building a world on this machine");

        let shop = shop::make(&folder.join("shop"))?;
        let tags = [shop::FIRST, shop::PLAYED, shop::BROKEN, shop::MENDED].join(", ");
        say.step("git", &format!("the application shop with the tags {tags}"));

        let service_port = nice(8080).map_or_else(free_port, Ok)?;
        let github = GitHubStandIn::start(nice(8081)).await;
        people::settle(&github);
        say.step("GitHub", &format!("a stand-in at {} where you choose who you are", github.web_url()));
        let mails = Arc::new(SmtpSink::start(None).await);
        let mail_page = MailPage::start(mails.clone(), nice(8082)).await;
        say.step("mail", &format!("is caught and can be read at {}", mail_page.url()));

        let countersign = Countersign::configure(folder, service_port, &github, &mails.url())?;
        github.register_redirect(&format!("{}/authorized", countersign.base_url));
        countersign.run(&["keys"]).await?;
        say.step("keys", "two secrets and an ssh key, by `countersign keys`");

        let hosts = start_hosts(folder)?;
        for host in &hosts {
            say.step(
                "host",
                &format!("{} is a real sshd at {}:{}", host.name, host.sshd.host(), host.sshd.port()),
            );
        }

        let fleet = folder.join("fleet.json");
        fs::write(&fleet, format!("{:#}\n", fleet_of(folder, &shop, &hosts)))?;
        countersign.run(&["apply", &fleet.to_string_lossy()]).await?;
        say.step("fleet", "roles, servers, clusters and shop, by `countersign apply fleet.json`");

        let service = countersign.serve().await?;
        say.step("service", &format!("Countersign answers at {}", countersign.base_url));

        let visitor = |person| Visitor::new(person, &countersign.base_url);
        let (dana, rosa, sam) = (visitor(DANA)?, visitor(ROSA)?, visitor(SAM)?);
        let folder = folder.to_owned();
        Ok(Self {
            folder,
            countersign,
            service,
            shop,
            hosts,
            mails,
            mail_page,
            dana,
            rosa,
            sam,
            _github: github,
        })
    }

    /// The service first, so that what runs can end on hosts that still answer.
    pub async fn close(self) -> Result<()> {
        let stopped = self.service.stop().await;
        for host in &self.hosts {
            host.sshd.cut_connections();
        }
        stopped
    }
}

/// Each host has its own key and its own files, all seen at one path, as servers do.
fn start_hosts(folder: &Path) -> Result<Vec<Host>> {
    let shared = folder.join("srv");
    fs::create_dir(&shared)?;
    let key = folder.join("keys/id_ed25519.pub");
    let start = |(name, address): (&'static str, &str)| {
        let daemon = sshd::Sshd::start(&folder.join(name), &shared, address, &key);
        Host { name, sshd: daemon }
    };
    Ok(HOSTS.into_iter().map(start).collect())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).context("a free port")?.local_addr()?.port())
}

fn fleet_of(folder: &Path, shop: &GitRepository, hosts: &[Host]) -> serde_json::Value {
    let server = |host: &Host| json!({ "name": host.name, "host": host.sshd.host(), "port": host.sshd.port(), "host_key": host.sshd.host_key() });
    json!({
        "servers": hosts.iter().map(server).collect::<Vec<_>>(),
        "clusters": [
            { "name": "web-a", "servers": [{ "server": "web-1" }, { "server": "web-2" }] },
            { "name": "web-b", "servers": [{ "server": "web-3" }] },
        ],
        "roles": [
            { "name": "admin", "users": [format!("github:{}", SAM.login)] },
            { "name": "developers", "github_teams": [DEVELOPERS],
              "grants": [{ "permission": "request", "application": "shop" }] },
            { "name": "reviewers", "github_teams": [REVIEWERS],
              "grants": [{ "permission": "review", "environment": "production" }] },
        ],
        "applications": [{
            "name": "shop", "repository": shop.address(), "tags": "v*", "owners": ["shop-owners@example.com"],
            "environments": [{
                "name": "staging", "order": 1, "deploy_from": { "branch": "main" },
                "target_path": folder.join("srv/staging/shop"), "remote_user": sshd::user(), "clusters": ["web-b"],
                "layout": "releases", "approval": { "required": 0 },
            }, {
                "name": "production", "order": 2, "deploy_from": { "tags": "v*" },
                "target_path": folder.join("srv/shop"), "remote_user": sshd::user(), "clusters": ["web-a", "web-b"],
                "approval": { "required": 1, "review_list": [REVIEW_LIST] },
            }],
        }],
    })
}
