//! `serve`: the service in the foreground, for an init system or a terminal.

use clap::{Args, ValueEnum};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failed, open_to_write};
use crate::boot;
use crate::config::Config;

#[derive(Debug, Args)]
pub struct Serve {
    /// Only pages, or only deployments and mail; both when it is left out
    #[arg(long, value_enum)]
    role: Option<Half>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Half {
    Web,
    Runner,
}

pub async fn serve(config: Config, options: &Serve) -> Result<(), Failed> {
    // Before anything takes time: a signal in the meantime must not kill us half-way.
    let signals = Signals::listen().map_err(|error| Failed::one(format!("signals: {error}")))?;
    let role = match options.role {
        None => boot::Role::All,
        Some(Half::Web) => boot::Role::Web,
        Some(Half::Runner) => boot::Role::Runner,
    };
    let app = open_to_write(config).await?;
    Ok(boot::serve(app, role, signals.wait()).await?)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Returns at the first signal; the second one ends the process at once.
    async fn wait(mut self) {
        self.next().await;
        tokio::spawn(async move {
            self.next().await;
            tracing::warn!("told to stop a second time: ending at once");
            std::process::exit(1);
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
