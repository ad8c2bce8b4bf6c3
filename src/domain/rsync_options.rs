//! The rsync options that an administrator may choose for an environment.
//!
//! An allow-list, because rsync's options can run programs (`-e`, `--rsync-path`),
//! read and write other files of ours (`--files-from`, `--log-file`), delete the
//! source or what protects the target (`--remove-source-files`, `--delete-excluded`),
//! or make a run that changes nothing look like a deployment (`--dry-run`,
//! `--size-only`). What is not listed is refused.
//!
//! `--inplace` is not listed: it changes a file under the programs that read it,
//! an interrupted transfer leaves a mixture of both versions under the real name,
//! and it writes through hard links into other release folders.

use super::name::is_deceptive;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rsync option {option:?} {why}")]
pub struct OptionError {
    pub option: String,
    pub why: &'static str,
}

/// Options that were checked, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RsyncOptions(Vec<String>);

const UNKNOWN: &str = "is not among the options of rsync that may be used";

/// `-a`, `-z` and the like; they can be joined (`-az`).
const LETTERS: &str = "avzrlptDHAXOJWSqhicI";

const PLAIN: [&str; 39] = [
    "--acls",
    "--archive",
    "--checksum",
    "--compress",
    "--delete",
    "--delete-after",
    "--delete-before",
    "--delete-delay",
    "--delete-during",
    "--devices",
    "--hard-links",
    "--human-readable",
    "--ignore-times",
    "--itemize-changes",
    "--links",
    "--no-g",
    "--no-group",
    "--no-o",
    "--no-owner",
    "--no-p",
    "--no-perms",
    "--no-t",
    "--no-times",
    "--numeric-ids",
    "--omit-dir-times",
    "--omit-link-times",
    "--partial",
    "--perms",
    "--progress",
    "--prune-empty-dirs",
    "--quiet",
    "--recursive",
    "--sparse",
    "--specials",
    "--stats",
    "--times",
    "--verbose",
    "--whole-file",
    "--xattrs",
];

impl RsyncOptions {
    pub fn parse(options: &[String]) -> Result<Self, OptionError> {
        for option in options {
            check(option).map_err(|why| OptionError { option: option.clone(), why })?;
        }
        Ok(Self(options.to_vec()))
    }

    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Whether a sync removes from the host what the tree does not have.
    pub fn deletes(&self) -> bool {
        self.0.iter().any(|option| option.starts_with("--delete"))
    }

    /// The options that leave entries of the tree out, in their order.
    pub fn filters(&self) -> impl Iterator<Item = &String> {
        self.0.iter().filter(|option| option.starts_with("--exclude=") || option.starts_with("--include="))
    }
}

fn check(option: &str) -> Result<(), &'static str> {
    if option.len() > 512 || option.chars().any(is_deceptive) {
        return Err("is too long or holds control characters");
    }
    if PLAIN.contains(&option) {
        return Ok(());
    }
    if let Some((name, value)) = option.strip_prefix("--").and_then(|rest| rest.split_once('=')) {
        return check_value(name, value);
    }
    match option.strip_prefix('-') {
        Some(letters) if letters.starts_with('-') => Err(UNKNOWN),
        Some("") | None => Err("is not an option"),
        Some(letters) if letters.chars().all(|letter| LETTERS.contains(letter)) => Ok(()),
        Some(_) => Err(UNKNOWN),
    }
}

fn check_value(name: &str, value: &str) -> Result<(), &'static str> {
    let number = |most: u32| value.parse::<u32>().is_ok_and(|n| n <= most);
    let fits = match name {
        // A pattern is data for rsync; the only special one is the list-clearing `!`.
        "exclude" | "include" => !value.is_empty() && value != "!",
        "chmod" => value.split(',').all(is_mode),
        "bwlimit" | "timeout" => number(10_000_000),
        "compress-level" | "zl" => number(22),
        "compress-choice" | "zc" => ["zstd", "lz4", "zlib", "zlibx", "none", "auto"].contains(&value),
        _ => return Err(UNKNOWN),
    };
    if fits { Ok(()) } else { Err("has a value that it cannot have") }
}

/// `D2775`, `F644`, `go=rX`: what nobody runs as somebody else by.
fn is_mode(text: &str) -> bool {
    let plain = text.strip_prefix(['D', 'F']).unwrap_or(text);
    let digits = plain.strip_prefix(['0', '1', '2', '3']).filter(|rest| rest.len() == 3).unwrap_or(plain);
    let is_octal = digits.len() == 3 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    let is_symbolic = plain.split_once(['+', '-', '=']).is_some_and(|(who, what)| {
        who.chars().all(|c| "ugoa".contains(c)) && what.chars().all(|c| "rwxX".contains(c))
    });
    is_octal || is_symbolic
}
