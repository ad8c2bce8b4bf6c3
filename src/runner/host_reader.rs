//! Asks hosts what they run, for requests and housekeeping.

use std::time::Duration;

use super::ssh::connection::SshSettings;
use super::ssh::keyscan;
use super::ssh::live::{Reading, read_live};
use super::ssh::survey::survey;
use crate::app::{Answers, HostReader, Scanned, Survey, Surveyed};
use crate::domain::live::HostWord;
use crate::domain::plan::HostFacts;

/// Somebody waits for the page: a host that is slower counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(8);

/// For all targets of a host.
const SURVEY: Duration = Duration::from_secs(15);

#[derive(Debug, Clone)]
pub struct SshHostReader {
    pub settings: SshSettings,
}

impl HostReader for SshHostReader {
    fn read<'a>(&'a self, hosts: &'a [HostFacts], remote_user: &'a str, target_path: &'a str) -> Answers<'a> {
        Box::pin(async move {
            let readings = read_live(&self.settings, hosts, remote_user, target_path, PATIENCE).await;
            readings.into_iter().map(|(name, reading)| (name, word(reading))).collect()
        })
    }

    fn survey<'a>(&'a self, wanted: &'a Survey) -> Surveyed<'a> {
        Box::pin(survey(&self.settings, wanted, SURVEY))
    }

    fn scan<'a>(&'a self, host: &'a str, port: u16) -> Scanned<'a> {
        Box::pin(keyscan::scan(&self.settings, host, port))
    }
}

fn word(reading: Reading) -> HostWord {
    match reading {
        Reading::Runs { commit, release, in_progress } => HostWord::Runs { commit, release, in_progress },
        Reading::Nothing => HostWord::Nothing,
        Reading::Unreachable(why) => HostWord::Unreachable(why),
    }
}
