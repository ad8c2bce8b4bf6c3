//! What is on this machine: keys, folders, programs.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::{Finding, Looking};
use crate::app::health::disk_space;
use crate::boot;
use crate::config::{self, Config};
use crate::keys::Keys;
use crate::runner::local::sandbox::Sandbox;

/// A program that only says its version and takes longer will not do its work either.
const PATIENCE: Duration = Duration::from_secs(10);

/// And the keys, where they are well.
pub fn keys(config: &Config) -> (Vec<Finding>, Option<Keys>) {
    let item = "keys";
    match Keys::load(&config.auth_key, &config.enc_key) {
        Ok(keys) => {
            let (auth, enc) = (keys.older_auth().len(), keys.older_enc().len());
            let older = match auth + enc {
                0 => String::new(),
                _ => format!("; {auth} older still verify, {enc} older still open"),
            };
            let (auth, enc) = (config.auth_key.display(), config.enc_key.display());
            (vec![Finding::fine(item, format!("{auth} and {enc}{older}"))], Some(keys))
        }
        Err(errors) => (errors.iter().map(|error| Finding::broken(item, error.to_string())).collect(), None),
    }
}

/// Whether `ssh` will use the key: it is ours alone, a private key, and not locked.
pub fn identity(config: &Config) -> Looking<'_> {
    Box::pin(async move {
        let path = &config.ssh.identity;
        let (item, shown) = ("ssh identity", path.display());
        let mode = match fs::metadata(path) {
            Ok(metadata) => metadata.permissions().mode() & 0o777,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let words = format!("{shown} does not exist; `countersign keys` makes it");
                return vec![Finding::broken(item, words)];
            }
            Err(error) => return vec![Finding::broken(item, format!("{shown} cannot be read: {error}"))],
        };
        if mode & 0o077 != 0 {
            let words = format!("{shown} is open to other people (mode {mode:03o}); `chmod 600` it");
            return vec![Finding::broken(item, words)];
        }
        let args = ["-y", "-P", "", "-f"].map(OsStr::new);
        vec![match said("ssh-keygen", args.into_iter().chain([path.as_os_str()])).await {
            Ok(_) => Finding::fine(item, shown.to_string()),
            Err(why) => {
                Finding::broken(item, format!("{shown} is not a private key without passphrase: {why}"))
            }
        }]
    })
}

pub fn data_folder(config: &Config) -> Finding {
    let (item, shown) = ("data folder", config.data_dir.display());
    if let Err(error) = boot::make_private_folder(&config.data_dir) {
        return Finding::broken(item, format!("{shown} cannot be made: {error}"));
    }
    let user = rustix::process::geteuid().as_raw();
    match fs::metadata(&config.data_dir) {
        Ok(folder) if folder.uid() != user => {
            let words = "belongs to another user; run this as the user of the service";
            return Finding::broken(item, format!("{shown} {words}"));
        }
        Ok(_) => {}
        Err(error) => return Finding::broken(item, format!("{shown} cannot be read: {error}")),
    }
    let probe = config.data_dir.join(format!(".check-{}", std::process::id()));
    match fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)) {
        Ok(()) => Finding::fine(item, format!("{shown} can be written")),
        Err(error) => Finding::broken(item, format!("{shown} cannot be written: {error}")),
    }
}

pub fn disk(config: &Config) -> Finding {
    let space = disk_space(config);
    if space.ok { Finding::fine("disk", space.words) } else { Finding::broken("disk", space.words) }
}

pub fn programs() -> Vec<Looking<'static>> {
    let programs = [("git", "--version"), ("ssh", "-V"), ("rsync", "--version")];
    let mut looking: Vec<Looking<'static>> = Vec::new();
    for (name, version) in programs {
        looking.push(Box::pin(async move {
            vec![match said(name, [OsStr::new(version)]).await {
                Ok(words) => Finding::fine(name, words),
                Err(why) => Finding::broken(name, why),
            }]
        }));
    }
    looking
}

/// A warning at most: only releases with scripts that run here need it.
pub fn sandbox(config: &Config) -> Looking<'_> {
    Box::pin(async move {
        let item = "sandbox";
        let words = match &config.runner.sandbox {
            config::Sandbox::None => return Vec::new(),
            config::Sandbox::Bubblewrap => "bubblewrap works".to_owned(),
            config::Sandbox::User(user) => format!("scripts run as the user {user}"),
        };
        vec![match Sandbox::of(config).ready(&std::env::temp_dir()).await {
            Ok(()) => Finding::fine(item, words),
            Err(why) => Finding::warning(item, format!("scripts of repositories cannot run here: {why}")),
        }]
    })
}

/// The first line that a program says when it ends well, or why it did not.
async fn said<'a>(program: &str, args: impl IntoIterator<Item = &'a OsStr>) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(args).env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).kill_on_drop(true);
    let output = match timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("the program {program} is not installed"));
        }
        Ok(Err(error)) => return Err(format!("{program} cannot be run: {error}")),
        Err(_) => return Err(format!("{program} did not answer within {} s", PATIENCE.as_secs())),
    };
    let all = [output.stdout, output.stderr].concat();
    let all = String::from_utf8_lossy(&all);
    let line = all.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let line: String = line.chars().take(200).collect();
    if output.status.success() { Ok(line) } else { Err(format!("{program}: {line}")) }
}
