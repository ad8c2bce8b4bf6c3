//! Reads all targets of one host, for the drift check and the page of a server: one
//! connection for each account there, however many environments the host has.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::commands;
use super::connection::{Connection, HostTarget, SshSettings};
use super::live::Inspection;
use super::remote::Stopped;
use super::run_dir::RunDir;
use super::words;
use crate::app::{Survey, Target};
use crate::domain::live::HostWord;
use crate::domain::target::TargetPath;

/// The answers in the order of the targets, within `limit` for all of them.
pub async fn survey(settings: &SshSettings, survey: &Survey, limit: Duration) -> Vec<HostWord> {
    let late = HostWord::Unreachable(format!(
        "{} port {} gave no answer within {} s",
        survey.host.host,
        survey.host.port,
        limit.as_secs()
    ));
    let mut answers = vec![late; survey.targets.len()];
    // What came before the limit is kept.
    let _ = timeout(limit, ask_all(settings, survey, &mut answers)).await;
    answers
}

async fn ask_all(settings: &SshSettings, survey: &Survey, answers: &mut [HostWord]) {
    let mut users: Vec<&str> = survey.targets.iter().map(|target| target.remote_user.as_str()).collect();
    users.sort_unstable();
    users.dedup();
    for user in users {
        let own = survey.targets.iter().zip(answers.iter_mut());
        let mut own: Vec<(&Target, &mut HostWord)> =
            own.filter(|(target, _)| target.remote_user == user).collect();
        if let Err(why) = ask_as(settings, survey, user, &mut own).await {
            for (_, answer) in own {
                *answer = HostWord::Unreachable(why.clone());
            }
        }
    }
}

async fn ask_as(
    settings: &SshSettings,
    survey: &Survey,
    user: &str,
    own: &mut [(&Target, &mut HostWord)],
) -> Result<(), String> {
    let host = HostTarget::parse(&survey.host, user)?;
    let folder = RunDir::create(&settings.control_dir).map_err(|error| words::local("ssh", &error).why)?;
    let connection =
        Connection::open(settings, folder.path(), 0, &host).await.map_err(|failure| failure.why)?;
    for (target, answer) in own {
        **answer = match ask(&connection, &target.path).await {
            Ok(word) => word,
            Err(why) => HostWord::Unreachable(why),
        };
    }
    connection.close().await;
    Ok(())
}

async fn ask(connection: &Connection, path: &str) -> Result<HostWord, String> {
    let target = TargetPath::parse(path).map_err(|error| format!("target_path: {error}"))?;
    let never = CancellationToken::new();
    let answer = match connection.ask(&commands::inspect(&target), b"", &never).await {
        Ok(answer) => answer,
        Err(Stopped::Failed(failure)) => return Err(failure.why),
        Err(Stopped::Cancelled) => return Err("nobody waited for the answer".to_owned()),
    };
    let found = Inspection::parse(&answer).map_err(|failure| failure.why)?;
    Ok(found.release.map_or(HostWord::Nothing, |release| HostWord::Runs {
        commit: release.commit,
        release: release.release,
        in_progress: release.in_progress,
    }))
}
