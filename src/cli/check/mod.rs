//! `check`: everything the service needs, each with a verdict on a line of its own.
//!
//! One thing that is broken hides nothing else: all of it is looked at, what lies
//! across a network at the same time and with an end. Lines come in a fixed order.
//! Nothing is repaired and no mail is sent; only mirrors are brought up to date,
//! because a fetch is the one proof that a repository can be fetched.

mod here;
mod older_keys;
mod outside;

use std::path::Path;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;

use super::{Failed, say};
use crate::config::{Config, Loaded, Problem};
use crate::domain::name::is_deceptive;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Fine,
    /// The service works, but somebody should know.
    Warning,
    Broken,
}

/// One line of the answer.
#[derive(Debug)]
struct Finding {
    verdict: Verdict,
    item: String,
    words: String,
}

impl Finding {
    fn new(verdict: Verdict, item: impl Into<String>, words: impl Into<String>) -> Self {
        Self { verdict, item: item.into(), words: words.into() }
    }

    fn fine(item: impl Into<String>, words: impl Into<String>) -> Self {
        Self::new(Verdict::Fine, item, words)
    }

    fn warning(item: impl Into<String>, words: impl Into<String>) -> Self {
        Self::new(Verdict::Warning, item, words)
    }

    fn broken(item: impl Into<String>, words: impl Into<String>) -> Self {
        Self::new(Verdict::Broken, item, words)
    }
}

impl std::fmt::Display for Finding {
    /// One line, whatever other programs and hosts said.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = match self.verdict {
            Verdict::Fine => "ok",
            Verdict::Warning => "warn",
            Verdict::Broken => "FAIL",
        };
        let words: String = self.words.chars().map(|c| if is_deceptive(c) { ' ' } else { c }).collect();
        write!(f, "{word:<4} {}  {}", self.item, words.trim())
    }
}

/// Some findings, when they are there.
type Looking<'a> = BoxFuture<'a, Vec<Finding>>;

#[derive(Default)]
struct Report {
    items: usize,
    broken: usize,
}

impl Report {
    fn print(&mut self, findings: impl IntoIterator<Item = Finding>) -> Result<(), Failed> {
        for finding in findings {
            self.items += 1;
            self.broken += usize::from(finding.verdict == Verdict::Broken);
            say(&finding.to_string())?;
        }
        Ok(())
    }

    /// Prints in the order given; all are under way at once.
    async fn print_all<'a>(&mut self, looking: impl IntoIterator<Item = Looking<'a>>) -> Result<(), Failed> {
        let mut looking: FuturesOrdered<Looking<'a>> = looking.into_iter().collect();
        while let Some(findings) = looking.next().await {
            self.print(findings)?;
        }
        Ok(())
    }
}

pub async fn check(path: &Path, loaded: Result<Loaded, Vec<Problem>>) -> Result<(), Failed> {
    let mut report = Report::default();
    match loaded {
        Ok(loaded) => {
            let shown = path.display().to_string();
            report.print([Finding::fine("configuration", shown)])?;
            report.print(loaded.warnings.iter().map(|w| Finding::warning("configuration", w.to_string())))?;
            everything(&mut report, &loaded.config).await?;
        }
        Err(problems) => {
            report.print(problems.iter().map(|p| Finding::broken("configuration", p.to_string())))?;
            // All that can be said without one.
            report.print_all(here::programs()).await?;
        }
    }
    match report.broken {
        0 => Ok(()),
        broken => Err(Failed::one(format!("{broken} of {} checks failed", report.items))),
    }
}

async fn everything(report: &mut Report, config: &Config) -> Result<(), Failed> {
    let (found, keys) = here::keys(config);
    report.print(found)?;
    report.print_all([here::identity(config)]).await?;
    let folder = here::data_folder(config);
    // What another user's service works with is left alone: files of ours would stop it.
    let is_ours = folder.verdict != Verdict::Broken;
    report.print([folder])?;
    report.print([here::disk(config)])?;
    report.print_all(here::programs()).await?;
    report.print_all([here::sandbox(config)]).await?;
    let (found, fleet) = if is_ours {
        outside::database(config, keys.as_ref()).await
    } else {
        let words = "neither it nor repositories and servers were looked at, for want of a data folder";
        (vec![Finding::warning("database", words)], None)
    };
    report.print(found)?;
    let mut looking = vec![outside::github(config), outside::mail(config)];
    if let Some(fleet) = &fleet {
        report.print([outside::fleet(fleet)])?;
        looking.extend(outside::repositories(config, fleet));
        looking.extend(outside::servers(config, fleet));
    }
    report.print_all(looking).await
}
