//! The keys that a host shows to anybody, by `ssh-keyscan`: nothing is sent but the
//! beginning of a key exchange, and nobody is logged in.

use std::io::ErrorKind;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connection::{SshSettings, program};
use super::words::printable;
use crate::domain::target::{HostAddress, HostKey};

/// In the order in which people should prefer them.
const KINDS: &str = "ed25519,ecdsa,rsa";

/// `ssh-keyscan` gives up on a host by itself; this is for when it does not.
const MARGIN: Duration = Duration::from_secs(5);

/// Far more than any host's keys.
const LONGEST: u64 = 64 * 1024;

pub async fn scan(settings: &SshSettings, host: &str, port: u16) -> Result<Vec<HostKey>, String> {
    let address = HostAddress::parse(host).map_err(|error| format!("The host {error}."))?;
    let seconds = settings.connect_timeout_s.max(1);
    let place = format!("{} port {port}", address.as_str());
    reach(&address, port, seconds).await.map_err(|why| format!("{place} {why}."))?;
    let local = |error: std::io::Error| format!("ssh-keyscan could not be run on this machine: {error}.");
    let mut child = program("ssh-keyscan", std::path::Path::new("/"))
        .args(arguments(&address, port, seconds))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(local)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let reading = async {
        let keys = async {
            if let Some(stdout) = stdout {
                let _ = stdout.take(LONGEST).read_to_end(&mut said).await;
            }
        };
        let complaints = async {
            if let Some(stderr) = stderr {
                let _ = stderr.take(LONGEST).read_to_end(&mut complained).await;
            }
        };
        tokio::join!(keys, complaints);
        child.wait().await
    };
    let limit = Duration::from_secs(seconds.into()) + MARGIN;
    match timeout(limit, reading).await {
        Ok(ended) => ended.map_err(local)?,
        Err(_) => return Err(format!("{place} gave no answer within {} s.", limit.as_secs())),
    };
    let keys = keys(&String::from_utf8_lossy(&said));
    if keys.is_empty() { Err(why_none(&place, &String::from_utf8_lossy(&complained))) } else { Ok(keys) }
}

/// `ssh-keyscan` says nothing of why it found no key, so we knock once before it does.
async fn reach(address: &HostAddress, port: u16, seconds: u32) -> Result<(), String> {
    let limit = Duration::from_secs(seconds.into());
    match timeout(limit, TcpStream::connect((address.as_str(), port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            Err("refused the connection".to_owned())
        }
        Ok(Err(error)) => Err(format!("cannot be reached: {}", printable(&error.to_string()))),
        Err(_) => Err(format!("gave no answer within {seconds} s")),
    }
}

pub fn arguments(address: &HostAddress, port: u16, seconds: u32) -> Vec<String> {
    let (seconds, port) = (seconds.to_string(), port.to_string());
    ["-T", &seconds, "-p", &port, "-t", KINDS, "--", address.as_str()].map(str::to_owned).to_vec()
}

/// Lines of `HOST TYPE KEY`. Others are of no use and left out.
pub fn keys(said: &str) -> Vec<HostKey> {
    let key = |line: &str| HostKey::parse(line.split_once(' ')?.1).ok();
    said.lines().filter(|line| !line.starts_with('#')).filter_map(key).collect()
}

fn why_none(place: &str, complained: &str) -> String {
    let last = complained.lines().rev().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    match last.map(printable) {
        Some(last) => format!("{place} showed no key: {last}."),
        None => format!("{place} gave no answer that holds a key."),
    }
}
