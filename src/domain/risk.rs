//! What could go wrong with a change, read from its paths alone: a hint for the
//! reader's order and attention, never a gate.

use serde::{Deserialize, Serialize};

use super::diff::{DiffStat, FileStat, FileStatus};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskLevel {
    Low,
    Mid,
    High,
}

impl RiskLevel {
    pub fn word(self) -> &'static str {
        match self {
            RiskLevel::Low => "low",
            RiskLevel::Mid => "mid",
            RiskLevel::High => "high",
        }
    }

    /// For people who do not see the colour.
    pub fn words(self) -> &'static str {
        match self {
            RiskLevel::Low => "low risk",
            RiskLevel::Mid => "medium risk",
            RiskLevel::High => "high risk",
        }
    }
}

/// Why a file deserves a look before others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRisk {
    pub level: RiskLevel,
    /// One or two words: `schema`.
    pub word: &'static str,
    /// What it means: `changes the database schema`.
    pub meaning: &'static str,
}

/// One sentence about the whole change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskHint {
    pub level: RiskLevel,
    pub word: &'static str,
    pub text: String,
    /// The first file that it is about.
    pub path: Option<String>,
}

/// Below this, deleted files are an everyday thing.
const MANY_DELETED: usize = 10;
const LARGE_CHANGE: u64 = 5_000;

/// The gravest risk of a file, if any.
pub fn risk_of(file: &FileStat) -> Option<FileRisk> {
    let path = Path::of(&file.path);
    KINDS.iter().find(|kind| (kind.matches)(&path, file)).map(|kind| kind.risk)
}

/// A number to sort by: riskiest first, then largest.
pub fn riskiness(file: &FileStat) -> (u8, u64) {
    let level = match risk_of(file).map(|risk| risk.level) {
        Some(RiskLevel::High) => 3,
        Some(RiskLevel::Mid) => 2,
        None => 1,
        Some(RiskLevel::Low) => 0,
    };
    (level, file.added + file.deleted)
}

/// What to tell a requester and a reviewer, gravest first.
pub fn risk_hints(stat: &DiffStat) -> Vec<RiskHint> {
    let mut hints: Vec<RiskHint> = KINDS.iter().filter_map(|kind| hint_of(kind, stat)).collect();
    let deleted: Vec<&FileStat> =
        stat.files.iter().filter(|file| file.status == FileStatus::Deleted).collect();
    if let Some(first) = deleted.first().filter(|_| deleted.len() >= MANY_DELETED) {
        hints.push(RiskHint {
            level: RiskLevel::High,
            word: "deletes",
            text: format!("{} files are deleted.", deleted.len()),
            path: Some(first.path.clone()),
        });
    }
    let lines = stat.added() + stat.deleted();
    if lines >= LARGE_CHANGE {
        hints.push(RiskHint {
            level: RiskLevel::Mid,
            word: "large",
            text: format!("{lines} lines in {} files: more than one reading holds.", stat.files.len()),
            path: None,
        });
    }
    hints.sort_by_key(|hint| std::cmp::Reverse(hint.level));
    hints
}

fn hint_of(kind: &Kind, stat: &DiffStat) -> Option<RiskHint> {
    let is_this = |file: &&FileStat| risk_of(file).is_some_and(|risk| risk == kind.risk);
    let files: Vec<&FileStat> = stat.files.iter().filter(is_this).collect();
    let first = files.first()?;
    let meaning = kind.risk.meaning;
    let text = if kind.risk.level == RiskLevel::Low {
        let lines: u64 = files.iter().map(|file| file.added + file.deleted).sum();
        format!("{lines} lines {meaning}.")
    } else if files.len() == 1 {
        format!("{meaning}.")
    } else {
        format!("and {} more: {meaning}.", files.len() - 1)
    };
    Some(RiskHint { level: kind.risk.level, word: kind.risk.word, text, path: Some(first.path.clone()) })
}

struct Kind {
    risk: FileRisk,
    matches: fn(&Path<'_>, &FileStat) -> bool,
}

const fn kind(
    level: RiskLevel,
    word: &'static str,
    meaning: &'static str,
    matches: fn(&Path<'_>, &FileStat) -> bool,
) -> Kind {
    Kind { risk: FileRisk { level, word, meaning }, matches }
}

/// Gravest first; the first that matches a file wins.
const KINDS: &[Kind] = &[
    kind(RiskLevel::High, "on hosts", "a script that runs on the hosts during the deployment", |path, _| {
        matches!(path.whole, "deploy.sh" | "predeploy.sh" | "tests/run_tests.sh" | "tests/run_local_tests.sh")
    }),
    kind(RiskLevel::High, "schema", "the database schema; going back may not undo it", |path, _| {
        path.has_folder(&["migrations", "migration", "migrate", "alembic"])
            || path.ends_with(&[".sql", ".prisma"])
            || matches!(path.name(), "schema.rb" | "structure.sql")
    }),
    kind(RiskLevel::High, "secrets", "looks like a key or a secret", |path, _| {
        path.ends_with(&[".pem", ".key", ".p12", ".pfx"])
            || matches!(path.name(), "id_rsa" | "id_ed25519" | ".env" | ".npmrc" | ".netrc")
    }),
    kind(
        RiskLevel::High,
        "link",
        "a file becomes a symbolic link or a submodule, or stops being one",
        |_, file| file.status == FileStatus::TypeChanged,
    ),
    kind(RiskLevel::Low, "tests", "of tests come with it", |path, _| {
        path.has_folder(&["test", "tests", "spec", "__tests__"])
            || path.name().starts_with("test_")
            || path.name().contains("_test.")
            || path.name().contains(".test.")
            || path.name().contains(".spec.")
    }),
    kind(RiskLevel::High, "payments", "how money is counted or moved", |path, _| {
        path.has_word(&["payment", "payments", "checkout", "billing", "invoice", "refund"])
    }),
    kind(RiskLevel::High, "access", "who may sign in or do what", |path, _| {
        path.has_word(&[
            "auth",
            "authentication",
            "authorization",
            "login",
            "password",
            "permission",
            "permissions",
            "session",
            "oauth",
            "crypto",
        ])
    }),
    kind(RiskLevel::Mid, "pipeline", "how the software is built and tested", |path, _| {
        path.has_folder(&[".github", ".circleci", ".ci", ".gitlab"])
            || matches!(
                path.name(),
                ".gitlab-ci.yml" | "jenkinsfile" | "makefile" | "dockerfile" | ".travis.yml"
            )
            || path.name().starts_with("docker-compose")
    }),
    kind(RiskLevel::Mid, "dependencies", "which foreign code is used", |path, _| {
        matches!(
            path.name(),
            "cargo.toml"
                | "cargo.lock"
                | "package.json"
                | "package-lock.json"
                | "yarn.lock"
                | "pnpm-lock.yaml"
                | "requirements.txt"
                | "pyproject.toml"
                | "poetry.lock"
                | "go.mod"
                | "go.sum"
                | "gemfile"
                | "gemfile.lock"
                | "composer.json"
                | "composer.lock"
                | "pom.xml"
                | "build.gradle"
                | ".gitmodules"
                | "uv.lock"
        )
    }),
    kind(RiskLevel::Mid, "settings", "live settings", |path, _| {
        path.has_folder(&[
            "config",
            "conf",
            "settings",
            "etc",
            "deploy",
            "ansible",
            "terraform",
            "helm",
            "k8s",
        ]) || path.ends_with(&[".conf", ".cfg", ".ini", ".tf", ".service", ".env"])
            || path.name().starts_with(".env")
            || matches!(path.name(), "settings.py" | "crontab" | ".htaccess")
    }),
    kind(RiskLevel::Mid, "executable", "its mode changes", |_, file| {
        file.mode.is_some() || file.status == FileStatus::ModeChanged
    }),
];

/// A path taken apart once, in lower case.
struct Path<'a> {
    whole: &'a str,
    lower: String,
}

impl<'a> Path<'a> {
    fn of(whole: &'a str) -> Self {
        Self { whole, lower: whole.to_lowercase() }
    }

    fn name(&self) -> &str {
        self.lower.rsplit('/').next().unwrap_or_default()
    }

    fn has_folder(&self, folders: &[&str]) -> bool {
        let mut parts = self.lower.split('/').rev();
        parts.next();
        parts.any(|part| folders.contains(&part))
    }

    fn has_word(&self, words: &[&str]) -> bool {
        self.lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| words.contains(&part))
    }

    fn ends_with(&self, ends: &[&str]) -> bool {
        ends.iter().any(|end| self.name().ends_with(end))
    }
}
