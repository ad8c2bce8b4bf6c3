//! The only place that wires concrete parts together.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use secrecy::ExposeSecret;

use crate::app::{App, Wake};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::domain::manifest::hex;
use crate::github::GitHub;
use crate::keys::Keys;
use crate::mail::Mailer;
use crate::repo::Mirrors;
use crate::runner::background::Runner;
use crate::runner::host_reader::SshHostReader;
use crate::runner::ssh::connection::SshSettings;

/// Which halves of the service this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    All,
    Web,
    Runner,
}

/// Opens everything a use case stands on: makes the data folder, migrates the database.
pub async fn open(config: Config, clock: Clock) -> anyhow::Result<App> {
    // Twice is fine: the first one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    make_private_folder(&config.data_dir)
        .with_context(|| format!("data_dir {}", config.data_dir.display()))?;
    let keys = Keys::load(&config.auth_key, &config.enc_key).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow!("{}", lines.join("\n"))
    })?;
    let db = Db::connect(config.database.expose_secret()).await.context("database")?;
    db.migrate().await.context("database")?;
    let github = github(&config)?;
    let mirrors = mirrors(&config);
    let hosts = Arc::new(SshHostReader { settings: ssh_settings(&config) });
    Ok(App {
        db,
        clock,
        keys: Arc::new(keys),
        config: Arc::new(config),
        mirrors,
        github,
        hosts,
        wake: Arc::new(Wake::default()),
        passwords: Arc::default(),
    })
}

/// The same for whatever writes: a rotation of the keys is followed first.
pub async fn open_to_write(config: Config, clock: Clock) -> anyhow::Result<App> {
    let app = open(config, clock).await?;
    crate::app::rotation::follow(&app).await;
    Ok(app)
}

/// Runs the service until it is told to stop: then starts nothing new, lets what
/// runs end within its grace while pages are still served, and closes.
pub async fn serve(app: App, role: Role, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let runner = match role {
        Role::All | Role::Runner => Some(start_runner(&app)?),
        Role::Web => None,
    };
    if role == Role::Runner {
        stop.await;
        drain(runner).await;
        return Ok(());
    }
    let addr = app.config.addr;
    let failed = move |error: rocket::Error| anyhow!("web: {addr}: {error}");
    let rocket =
        crate::web::rocket(&app)?.attach(say_listening(&app.config)).ignite().await.map_err(failed)?;
    let shutdown = rocket.shutdown();
    let mut server = tokio::spawn(rocket.launch());
    tokio::select! {
        ended = &mut server => {
            drain(runner).await;
            ended.context("web")?.map_err(failed)?;
            return Ok(());
        }
        () = stop => {}
    }
    tracing::info!("told to stop");
    drain(runner).await;
    shutdown.notify();
    server.await.context("web")?.map_err(failed)?;
    app.db.clone().close().await.context("database")?;
    Ok(())
}

/// Said when the port is ours, not before.
fn say_listening(config: &Config) -> rocket::fairing::AdHoc {
    let base_url = config.base_url.clone();
    rocket::fairing::AdHoc::on_liftoff("listening", move |rocket| {
        // The port that was given to us, where port 0 was asked for.
        let address = std::net::SocketAddr::new(rocket.config().address, rocket.config().port);
        Box::pin(async move { tracing::info!(%address, %base_url, "listening") })
    })
}

async fn drain(runner: Option<Arc<Runner>>) {
    if let Some(runner) = runner {
        runner.drain().await;
    }
}

fn start_runner(app: &App) -> anyhow::Result<Arc<Runner>> {
    let mailer = Mailer::new(&app.config.mail).map_err(|error| anyhow!("mail.smtp: {}", error.words))?;
    let ssh = ssh_settings(&app.config);
    crate::runner::ssh::run_dir::remove_stale(&ssh.control_dir).context("control sockets")?;
    crate::runner::local::workplace::remove_stale(&app.config.data_dir.join("work"));
    let owner = hex(&crate::app::session::random::<8>().map_err(|error| anyhow!("{error}"))?);
    Ok(Runner::start(app.clone(), mailer, ssh, owner))
}

pub fn mirrors(config: &Config) -> Mirrors {
    Mirrors::new(&config.data_dir, config.ssh.identity.clone(), config.data_dir.join("known_hosts"))
}

pub fn github(config: &Config) -> anyhow::Result<GitHub> {
    let redirect = config.base_url.join("authorized").context("base_url")?;
    GitHub::new(&config.github, redirect).context("github")
}

pub fn ssh_settings(config: &Config) -> SshSettings {
    SshSettings {
        identity: config.ssh.identity.clone(),
        connect_timeout_s: config.ssh.connect_timeout_s,
        control_dir: config.data_dir.join("ssh"),
    }
}

pub fn make_private_folder(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
