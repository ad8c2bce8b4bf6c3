//! Where a deployment goes: path, user, address and pinned key of a host.
//!
//! These four come from a fleet file and end up in the argument list of `ssh`
//! and `rsync` and in a `known_hosts` file. They are parsed into types that
//! cannot be an option, cannot end a line and cannot name a place whose loss
//! would be the loss of the machine.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

use super::name::is_deceptive;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(&'static str);

/// An absolute path of a folder that a release may fill and empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPath(String);

/// Places that hold the machine itself or the belongings of everybody on it.
const SYSTEM_FOLDERS: [&str; 29] = [
    "/etc/cron.d",
    "/etc/pam.d",
    "/etc/ssh",
    "/etc/ssl",
    "/etc/systemd",
    "/usr/bin",
    "/usr/games",
    "/usr/include",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/sbin",
    "/usr/sbin",
    "/usr/share",
    "/usr/src",
    "/var/backups",
    "/var/cache",
    "/var/lib",
    "/var/local",
    "/var/log",
    "/var/mail",
    "/var/opt",
    "/var/run",
    "/var/spool",
    "/var/tmp",
];

/// Nothing below these is ever a release.
const SYSTEM_ROOTS: [&str; 10] =
    ["bin", "boot", "dev", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "sys"];

impl TargetPath {
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let refuse = |why| Err(TargetError(why));
        let Some(rest) = text.strip_prefix('/') else {
            return refuse("must be an absolute path");
        };
        if text.len() > 1024 {
            return refuse("must be at most 1024 bytes long");
        }
        if text.chars().any(is_deceptive) {
            return refuse("must not hold control or text-direction characters");
        }
        // rsync expands these on the far side, even in a path that it got as one argument.
        if text.contains(['*', '?', '[', ']', '\\']) {
            return refuse("must not hold *, ?, [, ] or \\");
        }
        let parts: Vec<&str> = rest.split('/').collect();
        if parts.len() < 2 {
            return refuse("must be at least two folders deep");
        }
        if parts.iter().any(|part| part.is_empty() || *part == "." || *part == "..") {
            return refuse("must not have empty parts, '.' or '..', nor end with '/'");
        }
        if parts[0] == "home" && parts.len() == 2 {
            return refuse("must not be a home folder");
        }
        if SYSTEM_ROOTS.contains(&parts[0]) || SYSTEM_FOLDERS.contains(&text) {
            return refuse("must not be a folder of the system");
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The account on the host. No option, no `user@host`, nothing a shell would read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteUser(String);

impl RemoteUser {
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = |c: char| first(c) || matches!(c, '.' | '-');
        let fits = text.len() <= 64 && text.starts_with(first) && text.chars().all(rest);
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(TargetError(
                "must be 1 to 64 of a-z, A-Z, 0-9, '_', '.' and '-', starting with none of '.' and '-'",
            ))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A DNS name, an IPv4 or an IPv6 address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAddress(String);

impl HostAddress {
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if text.parse::<IpAddr>().is_ok() || is_dns_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TargetError("must be a DNS name, an IPv4 or an IPv6 address"))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_dns_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(label)
}

/// A pinned public key, `TYPE BASE64`, without its comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    kind: &'static str,
    blob: Vec<u8>,
}

const KEY_TYPES: [&str; 5] =
    ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"];

impl HostKey {
    /// Reads a line of a `.pub` file. The type must be the one inside the key too.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let wrong = TargetError("must be a public key like 'ssh-ed25519 AAAA…'");
        let mut words = text.split_ascii_whitespace();
        let kind = words.next().and_then(|word| KEY_TYPES.into_iter().find(|kind| *kind == word));
        let blob = words.next().and_then(|word| STANDARD.decode(word).ok());
        let (Some(kind), Some(blob)) = (kind, blob) else { return Err(wrong) };
        let inner = blob
            .split_first_chunk::<4>()
            .and_then(|(length, rest)| rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?));
        if text.contains(['\n', '\r']) || inner != Some(kind.as_bytes()) {
            return Err(wrong);
        }
        Ok(Self { kind, blob })
    }

    /// `ssh-ed25519`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Where its kind stands among those to pin; the first is the best.
    pub fn preference(&self) -> usize {
        KEY_TYPES.iter().position(|kind| *kind == self.kind).unwrap_or(KEY_TYPES.len())
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.blob)))
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, STANDARD.encode(&self.blob))
    }
}

/// What a host shows, against the key that is pinned for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanVerdict {
    /// No key is pinned yet.
    Unpinned,
    Same,
    /// The pinned key is not among those that were shown: the host was set up anew, or
    /// it is another.
    Changed,
}

impl ScanVerdict {
    pub fn word(self) -> &'static str {
        match self {
            ScanVerdict::Unpinned => "unpinned",
            ScanVerdict::Same => "same",
            ScanVerdict::Changed => "changed",
        }
    }
}

pub fn judge_scan(pinned: Option<&HostKey>, shown: &[HostKey]) -> ScanVerdict {
    match pinned {
        None => ScanVerdict::Unpinned,
        Some(pinned) if shown.contains(pinned) => ScanVerdict::Same,
        Some(_) => ScanVerdict::Changed,
    }
}
