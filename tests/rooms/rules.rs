//! The rules of ARCHITECTURE.md, each a function from one source to what breaks it.
//!
//! Rooms are judged by the paths a file names. A re-export could smuggle one room
//! through another; reviews look for that, this scanner does not.

use std::fmt;

use super::source::{Kind, NamedPath, Source};
use super::text;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    pub file: String,
    pub line: usize,
    pub rule: &'static str,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} {}: {}", self.file, self.line, self.rule, self.what)
    }
}

/// Every violation in one Rust file.
pub fn check(source: &Source) -> Vec<Violation> {
    let mut found = Findings { source, all: Vec::new() };
    rooms(&mut found);
    outside_crates(&mut found);
    clock(&mut found);
    statuses(&mut found);
    leftovers(&mut found);
    lint_attributes(&mut found);
    waiting_tests(&mut found);
    size_and_name(&mut found);
    found.all.sort();
    found.all.dedup();
    found.all
}

struct Findings<'a> {
    source: &'a Source,
    all: Vec<Violation>,
}

impl Findings<'_> {
    fn add(&mut self, line: usize, rule: &'static str, what: impl Into<String>) {
        self.all.push(Violation { file: self.source.file.clone(), line, rule, what: what.into() });
    }
}

const ALL_ROOMS: [&str; 16] = [
    "app", "balancer", "boot", "cli", "clock", "config", "db", "domain", "github", "keys", "mail", "notify",
    "repo", "runner", "verifier", "web",
];

/// Which rooms a room may name. A room that is not listed may name all.
fn may_enter(room: &str) -> Option<&'static [&'static str]> {
    Some(match room {
        "domain" | "clock" | "keys" => &["domain"],
        "config" => &["domain", "keys"],
        "db" => &["domain", "clock", "keys"],
        "repo" | "github" | "mail" | "balancer" | "notify" | "verifier" => {
            &["domain", "config", "clock", "keys"]
        }
        "app" => &[
            "domain", "config", "clock", "keys", "db", "repo", "github", "mail", "balancer", "notify",
            "verifier",
        ],
        "runner" => &[
            "domain", "config", "clock", "keys", "app", "db", "repo", "github", "mail", "balancer", "notify",
        ],
        "web" => {
            &["domain", "config", "clock", "keys", "app", "repo", "github", "mail", "balancer", "notify"]
        }
        _ => return None,
    })
}

fn rooms(found: &mut Findings) {
    let source = found.source;
    let room = source.room();
    for path in source.paths.iter().filter(|path| path.inside) {
        let first = path.segments.first().map_or("", String::as_str);
        if path.imported && (first.is_empty() || first == "*") && may_enter(room).is_some() {
            found.add(path.line, "room", "names the whole crate; name the rooms");
        }
        if let Some(allowed) = may_enter(room)
            && ALL_ROOMS.contains(&first)
            && first != room
            && !allowed.contains(&first)
        {
            found.add(path.line, "room", format!("{room} may not name {}", shown(path)));
        }
        if source.is_in("src/runner/engine") && ["app", "db", "mail"].contains(&first) {
            found.add(path.line, "engine", format!("the engine may not name {}", shown(path)));
        }
        let second = path.segments.get(1).map_or("", String::as_str);
        let crosses = (source.is_in("src/web/pages") && second == "api")
            || (source.is_in("src/web/api") && second == "pages");
        if first == "web" && crosses {
            found.add(path.line, "pages-and-api", "pages and api may not name each other");
        }
        // The demo compiles these files too, and it sees only outside crates.
        let is_shared_support = source.is_in("tests/support/") && source.file != "tests/support/mod.rs";
        if is_shared_support && first != "tests" {
            found.add(path.line, "shared-support", format!("names {}; use only outside crates", shown(path)));
        }
    }
}

/// Crates that do I/O, serve, render, log or draw randomness.
const FRAMEWORKS: [&str; 25] = [
    "askama",
    "backon",
    "clap",
    "cookie",
    "countersign_migrations",
    "futures_util",
    "getrandom",
    "git2",
    "governor",
    "hyper",
    "lettre",
    "oauth2",
    "openssh",
    "rand",
    "reqwest",
    "rocket",
    "rust_embed",
    "rustls",
    "sea_orm",
    "sea_orm_migration",
    "sqlx",
    "tokio",
    "tokio_util",
    "tracing",
    "tracing_subscriber",
];
const NO_ROCKET: [&str; 12] = [
    "app", "balancer", "clock", "config", "db", "github", "keys", "mail", "notify", "repo", "runner",
    "verifier",
];
const NO_PROCESSES: [&str; 6] = ["app", "config", "db", "github", "mail", "web"];

fn outside_crates(found: &mut Findings) {
    let source = found.source;
    let room = source.room();
    for path in source.paths.iter().filter(|path| !path.inside) {
        let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
        if segments.len() < 2 && !path.imported {
            continue;
        }
        if room == "domain" && (FRAMEWORKS.contains(&segments[0]) || impure_std(&segments)) {
            found.add(path.line, "pure-domain", format!("domain may not name {}", shown(path)));
        }
        let in_production = source.is_in("src/") || source.is_in("examples/");
        let is_orm = ["sea_orm", "sea_orm_migration", "sqlx"].contains(&segments[0]);
        if is_orm && in_production && room != "db" {
            found.add(path.line, "database", format!("{} outside src/db and migrations", segments[0]));
        }
        if segments[0] == "rocket" && NO_ROCKET.contains(&room) {
            found.add(path.line, "rocket", format!("{room} may not name rocket"));
        }
        let starts_processes = matches!(
            segments[..],
            ["std" | "tokio", "process"] | ["std" | "tokio", "process", "Command" | "*", ..]
        );
        if starts_processes && NO_PROCESSES.contains(&room) {
            found.add(path.line, "processes", format!("{room} may not start processes"));
        }
    }
    if room == "domain" {
        for (index, token) in source.tokens.iter().enumerate() {
            if matches!(source.word(index), Some("async" | "await")) {
                found.add(token.line, "pure-domain", "domain is not async");
            }
        }
    }
}

/// `std::net` is half values, half sockets: addresses are values.
fn impure_std(segments: &[&str]) -> bool {
    match segments {
        ["std"] | ["std", "net"] | ["std", "*" | "fs" | "process" | "env" | "thread" | "os", ..] => true,
        ["std", "net", name, ..] => {
            !["Ip", "SocketAddr", "AddrParseError"].iter().any(|value| name.starts_with(value))
        }
        ["std", "time", name, ..] => ["Instant", "SystemTime", "*"].contains(name),
        ["std", "io", name, ..] => ["stdin", "stdout", "stderr", "*"].contains(name),
        _ => false,
    }
}

const CLOCKS: [&str; 9] = [
    "SystemTime",
    "Instant",
    "Timestamp",
    "OffsetDateTime",
    "UtcDateTime",
    "PrimitiveDateTime",
    "Zoned",
    "Utc",
    "Local",
];

fn clock(found: &mut Findings) {
    let source = found.source;
    if source.file == "src/clock.rs" || !(source.is_in("src/") || source.is_in("migrations/")) {
        return;
    }
    for path in &source.paths {
        let reads = path
            .segments
            .windows(2)
            .any(|pair| CLOCKS.contains(&pair[0].as_str()) && pair[1].starts_with("now"));
        if reads {
            found.add(path.line, "clock", format!("{} reads time; take `now` as a parameter", shown(path)));
        }
        let last = path.segments.last().map_or("", String::as_str);
        if path.renamed && CLOCKS.contains(&last) {
            found.add(
                path.line,
                "clock",
                format!("{last} keeps its name, so that readers of time are found"),
            );
        }
    }
    for (index, token) in source.tokens.iter().enumerate() {
        if source.has_sign(index, ".")
            && source.word(index + 1) == Some("elapsed")
            && source.opens(index + 2, '(')
        {
            found.add(token.line, "clock", "`.elapsed()` reads time; subtract from `now`");
        }
    }
}

/// The words of the state machines, of requests, launch links and deployments.
pub const STATE_WORDS: [&str; 15] = [
    "awaiting_review",
    "accepted",
    "rejected",
    "launched",
    "cancelled",
    "expired",
    "void",
    "unused",
    "used",
    "revoked",
    "queued",
    "running",
    "succeeded",
    "failed",
    "interrupted",
];
const STATE_NAMES: [&str; 5] = ["state", "status", "verdict", "outcome", "phase"];

fn statuses(found: &mut Findings) {
    let source = found.source;
    if !source.is_in("src/") {
        return;
    }
    for (index, token) in source.tokens.iter().enumerate() {
        let is_state_word = source.string(index).is_some_and(|text| STATE_WORDS.contains(&text));
        if source.has_sign(index, "==") || source.has_sign(index, "!=") {
            let neighbours = [index.wrapping_sub(1), skip_borrows(source, index + 1)];
            let strings = neighbours.map(|i| source.string(i));
            let word = strings.iter().flatten().any(|text| STATE_WORDS.contains(text));
            let named = strings.iter().any(Option::is_some) && names_a_state(source, index);
            if word || named {
                found.add(token.line, "status", "compares a status with a string; compare the enum");
            }
        }
        let parses = ["domain", "db"].contains(&source.room());
        if is_state_word && !parses && (source.has_sign(index + 1, "=>") || source.has_sign(index + 1, "|")) {
            found.add(token.line, "status", "matches a status by string; match the enum");
        }
        let compared = match source.word(index) {
            Some("eq" | "ne" | "is_in" | "is_not_in") if source.opens(index + 1, '(') => Some(index + 1),
            Some("matches") if source.has_sign(index + 1, "!") => Some(index + 2),
            _ => None,
        };
        if let Some(open) = compared {
            let mut inner = open..source.after_group(open);
            if inner.any(|i| source.string(i).is_some_and(|text| STATE_WORDS.contains(&text))) {
                found.add(token.line, "status", "compares a status with a string; compare the enum");
            }
        }
        if source.string(index).is_some_and(text::sql_compares_a_status) {
            found.add(token.line, "status", "SQL with a status in it; bind the word of the enum");
        }
    }
}

fn skip_borrows(source: &Source, mut index: usize) -> usize {
    while source.has_sign(index, "&") || source.has_sign(index, "*") {
        index += 1;
    }
    index
}

/// Does the chain of names on either side of the sign (`row.state.as_str()`) hold a state?
fn names_a_state(source: &Source, sign: usize) -> bool {
    let in_chain = |i: usize| {
        matches!(
            source.tokens.get(i).map(|token| &token.kind),
            Some(Kind::Word(_) | Kind::Open('(') | Kind::Close(')'))
        ) || [".", "::", "&", "*"].iter().any(|s| source.has_sign(i, s))
    };
    let before = (0..sign).rev().take_while(|i| in_chain(*i));
    let after = (sign + 1..source.tokens.len()).take_while(|i| in_chain(*i));
    before.chain(after).any(|i| source.word(i).is_some_and(|word| STATE_NAMES.contains(&word)))
}

fn leftovers(found: &mut Findings) {
    let source = found.source;
    if !(source.is_in("src/") || source.is_in("migrations/")) {
        return;
    }
    let speaks_to_a_terminal = ["cli", "main"].contains(&source.room());
    for (index, token) in source.tokens.iter().enumerate() {
        let Some(word) = source.word(index) else { continue };
        let is_method = index > 0
            && (source.has_sign(index - 1, ".") || source.has_sign(index - 1, "::"))
            && source.opens(index + 1, '(');
        if is_method && matches!(word, "unwrap" | "expect") {
            found.add(token.line, "leftover", format!("`{word}`: return the error"));
        }
        if !source.has_sign(index + 1, "!") {
            continue;
        }
        if matches!(word, "todo" | "unimplemented" | "dbg") {
            found.add(token.line, "leftover", format!("`{word}!`"));
        }
        if matches!(word, "println" | "print" | "eprintln" | "eprint") && !speaks_to_a_terminal {
            found.add(token.line, "leftover", format!("`{word}!` outside the command line; log it"));
        }
    }
}

fn lint_attributes(found: &mut Findings) {
    let source = found.source;
    for (index, token) in source.tokens.iter().enumerate() {
        if !source.has_sign(index, "#") {
            continue;
        }
        let open = if source.has_sign(index + 1, "!") { index + 2 } else { index + 1 };
        if !source.opens(open, '[') {
            continue;
        }
        let end = source.after_group(open);
        let has =
            |name: &str| (open..end).find(|i| source.word(*i) == Some(name) && source.opens(i + 1, '('));
        // The suites may unwrap; that one sentence stands in their root.
        if has("allow").is_some() && source.file != "tests/mod.rs" {
            found.add(token.line, "allow", "`#[allow]`: use `#[expect(…, reason = …)]`");
        }
        if has("expect").is_some() && !(open..end).any(|i| source.word(i) == Some("reason")) {
            found.add(token.line, "allow", "`#[expect]` without a reason");
        }
        if source.word(open + 1) == Some("ignore") {
            found.add(token.line, "ignored-test", "a test that does not run proves nothing");
        }
    }
}

fn waiting_tests(found: &mut Findings) {
    let source = found.source;
    if !source.is_in("tests/") {
        return;
    }
    for (index, token) in source.tokens.iter().enumerate() {
        let sleeps =
            matches!(source.word(index), Some("sleep" | "sleep_until" | "sleep_ms" | "park_timeout"));
        if sleeps && source.opens(index + 1, '(') {
            found.add(token.line, "sleep", "wait for an event or move the clock");
        }
    }
    for path in source.paths.iter().filter(|path| path.imported) {
        if path.segments.last().is_some_and(|last| last.starts_with("sleep")) {
            found.add(path.line, "sleep", "wait for an event or move the clock");
        }
    }
}

const LONGEST_FILE: usize = 500;
const EMPTY_NAMES: [&str; 9] =
    ["manager", "service", "services", "helper", "helpers", "util", "utils", "common", "misc"];

fn size_and_name(found: &mut Findings) {
    let source = found.source;
    let lines = source.text.lines().count();
    if lines > LONGEST_FILE {
        found.add(lines, "size", format!("{lines} lines; split it by question answered"));
    }
    let named = source.file.split('/').map(|part| part.trim_end_matches(".rs"));
    for name in named.filter(|name| EMPTY_NAMES.contains(name)) {
        found.add(1, "name", format!("`{name}` says nothing of what is inside"));
    }
}

fn shown(path: &NamedPath) -> String {
    let root = if path.inside { "crate::" } else { "" };
    format!("{root}{}", path.segments.join("::"))
}
