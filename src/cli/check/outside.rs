//! What the service talks to: the database, GitHub, the mail server, repositories
//! and servers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Finding, Looking, older_keys};
use crate::app::look::{DatabaseWord, look_at_database};
use crate::boot;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::fleet::{Application, Environment, Fleet, Server};
use crate::domain::plan::HostFacts;
use crate::keys::Keys;
use crate::mail::Mailer;
use crate::repo::Mirrors;
use crate::runner::ssh::connection::SshSettings;
use crate::runner::ssh::live;

/// A first fetch brings the whole history.
const FETCH_LIMIT: Duration = Duration::from_mins(5);
const FETCHES_AT_ONCE: usize = 4;
/// For a host, beside the time it has to connect: some log people in slowly, and
/// whoever called this command can wait.
const HOST_LIMIT: Duration = Duration::from_secs(30);

/// With what rests on older keys, and the fleet, where there is one to read.
pub async fn database(config: &Config, keys: Option<&Keys>) -> (Vec<Finding>, Option<Fleet>) {
    let item = "database";
    let finding = match look_at_database(config, keys, Clock::system().now()).await {
        Ok(DatabaseWord::Ready { schema, fleet, older_keys }) => {
            let mut found = vec![Finding::fine(item, format!("can be written, its schema is {schema}"))];
            found.extend(older_keys.iter().flat_map(older_keys::words));
            return (found, Some(*fleet));
        }
        Ok(DatabaseWord::Absent) => {
            Finding::warning(item, "does not exist yet; `countersign migrate` makes it")
        }
        Ok(DatabaseWord::Outdated { changes }) => {
            let words = format!("its schema is {changes} steps behind; the next start brings it up to date");
            Finding::warning(item, words)
        }
        Err(error) => Finding::broken(item, error.to_string()),
    };
    (vec![finding], None)
}

pub fn fleet(fleet: &Fleet) -> Finding {
    if fleet.applications.is_empty() {
        return Finding::warning("fleet", "has no application yet; `countersign apply` brings them");
    }
    let (applications, servers) = (fleet.applications.len(), fleet.servers.len());
    Finding::fine("fleet", format!("applications: {applications}, servers: {servers}"))
}

pub fn github(config: &Config) -> Looking<'_> {
    Box::pin(async move {
        let item = "github";
        let github = match boot::github(config) {
            Ok(github) => github,
            Err(error) => return vec![Finding::broken(item, format!("{error:#}"))],
        };
        let urls = [&config.github.api_url, &config.github.web_url];
        let answers = futures_util::future::join_all(urls.map(|url| github.reach(url))).await;
        let found = urls.iter().zip(answers).map(|(url, answer)| match answer {
            Ok(()) => Finding::fine(item, format!("{url} answers")),
            Err(error) => Finding::broken(item, format!("{url}: {error}")),
        });
        found.collect()
    })
}

pub fn mail(config: &Config) -> Looking<'_> {
    Box::pin(async move {
        let item = "mail";
        let mailer = match Mailer::new(&config.mail) {
            Ok(mailer) => mailer,
            Err(error) => return vec![Finding::broken(item, error.words)],
        };
        vec![match mailer.check().await {
            Ok(()) => Finding::fine(item, format!("{mailer} takes mail from us")),
            Err(error) => Finding::broken(item, error.words),
        }]
    })
}

pub fn repositories<'a>(config: &Config, fleet: &'a Fleet) -> Vec<Looking<'a>> {
    let slots = Arc::new(Semaphore::new(FETCHES_AT_ONCE));
    let mirrors = boot::mirrors(config);
    let mut looking: Vec<Looking<'a>> = Vec::new();
    for application in &fleet.applications {
        let (slots, mirrors) = (Arc::clone(&slots), mirrors.clone());
        looking.push(Box::pin(async move {
            let _slot = slots.acquire().await;
            vec![repository(&mirrors, application).await]
        }));
    }
    looking
}

async fn repository(mirrors: &Mirrors, application: &Application) -> Finding {
    let item = format!("repository {}", application.name);
    let now = Clock::system().now();
    match timeout(FETCH_LIMIT, mirrors.fetch(&application.name, &application.repository, now)).await {
        Ok(Ok(())) => Finding::fine(item, "was fetched"),
        Ok(Err(error)) => Finding::broken(item, error.to_string()),
        Err(_) => Finding::broken(item, format!("was not fetched within {} s", FETCH_LIMIT.as_secs())),
    }
}

/// Each server of each environment: another user or target is another question.
pub fn servers<'a>(config: &Config, fleet: &'a Fleet) -> Vec<Looking<'a>> {
    let slots = Arc::new(Semaphore::new(config.runner.hosts as usize));
    let settings = boot::ssh_settings(config);
    let mut looking: Vec<Looking<'a>> = Vec::new();
    for application in &fleet.applications {
        for environment in application.environments_in_order() {
            let place = format!("{}/{}", application.name, environment.name);
            for server in fleet.servers_of(environment) {
                let item = format!("server {} ({place})", server.name);
                let (slots, settings) = (Arc::clone(&slots), settings.clone());
                looking.push(Box::pin(async move {
                    let _slot = slots.acquire().await;
                    vec![self::server(&settings, item, environment, server).await]
                }));
            }
        }
    }
    looking
}

async fn server(settings: &SshSettings, item: String, environment: &Environment, server: &Server) -> Finding {
    if !server.active {
        return Finding::warning(item, "is not active: nothing is deployed to it");
    }
    if server.host_key.is_none() {
        return Finding::warning(item, "has no host_key in the fleet file: nothing connects to it");
    }
    let host = HostFacts {
        server: server.name.clone(),
        host: server.host.clone(),
        port: server.port,
        host_key: server.host_key.clone(),
        active: true,
    };
    let limit = Duration::from_secs(settings.connect_timeout_s.into()) + HOST_LIMIT;
    match live::check(settings, &host, &environment.remote_user, &environment.target_path, limit).await {
        Ok(()) => {
            let (user, target) = (&environment.remote_user, &environment.target_path);
            Finding::fine(item, format!("lets {user} in, {target} can be deployed to"))
        }
        Err(why) => Finding::broken(item, why),
    }
}
