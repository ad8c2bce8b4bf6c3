//! What the demo prints: who does what, a line or two each. Colour only on a terminal.

use std::io::IsTerminal as _;

use crate::people::{DANA, OLGA, ROSA, SAM};
use crate::shop;
use crate::world::World;

pub struct Say {
    colour: bool,
    muted: bool,
}

const GREEN: &str = "32";
const RED: &str = "31";
const DIM: &str = "2";
const BOLD: &str = "1";

impl Say {
    pub fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colour: wanted && std::io::stdout().is_terminal(), muted: false }
    }

    /// The same voice, saying nothing but failures.
    pub fn muted(&self) -> Self {
        Self { colour: self.colour, muted: true }
    }

    pub fn heading(&self, words: &str) {
        self.line(&format!("\n{}", self.paint(BOLD, words)));
    }

    /// `who` is a person or a part, `words` what came about.
    pub fn step(&self, who: &str, words: &str) {
        self.line(&format!("  {} {who:<9} {words}", self.paint(GREEN, "✓")));
    }

    /// More of the step above.
    pub fn detail(&self, words: &str) {
        self.line(&self.paint(DIM, &format!("              {words}")));
    }

    /// A line of the live feed.
    pub fn live(&self, place: &str, words: &str, is_output: bool) {
        let sign = if is_output { "│" } else { "·" };
        self.line(&format!("      {}", self.paint(DIM, &format!("{place:<17} {sign} {words}"))));
    }

    /// What to click, who to be, what to try, how to stop.
    pub fn closing(&self, world: &World) {
        let base_url = &world.countersign.base_url;
        self.heading("It stays up. Look around:");
        self.entry("Countersign", &format!("{base_url}/"));
        self.entry("the last release", &format!("{base_url}/deployments/2"));
        self.entry("mails", &world.mail_page.url());
        self.heading("“Sign in with GitHub” lets you choose who you are (sign out to be somebody else):");
        for person in [DANA, ROSA, SAM, OLGA] {
            self.entry(person.name, person.may);
        }
        self.heading("Try:");
        let mended = shop::MENDED;
        self.entry(
            "reject",
            &format!("as Dana ask for {mended}, as Rosa reject it; the links are in the mails"),
        );
        self.entry(
            "a failure",
            &format!("release {}: its deploy.sh fails on web-2, web-3 is left alone", shop::BROKEN),
        );
        self.entry("a moved tag", &format!("ask for {mended}, then, before it is started:"));
        self.entry("", &format!("git -C {} tag -f {mended} main~1", world.shop.path().display()));
        self.entry("without a request", "as Sam open shop, staging, and deploy any commit of main");
        if let Some((host, process)) =
            world.hosts.last().and_then(|host| Some((host, host.process(&world.folder)?)))
        {
            self.entry(
                "a dead host",
                &format!("kill -STOP {process} hangs {}, kill -CONT {process} wakes it", host.name),
            );
        }
        self.entry("the files", &format!("{}/web-1/files/shop is what web-1 serves", world.folder.display()));
        self.line("\nCtrl-C stops everything and removes it.");
    }

    fn entry(&self, name: &str, words: &str) {
        self.line(&format!("  {name:<17} {words}"));
    }

    pub fn whole(&self, words: &str) {
        self.line(&format!("\n{} {words}", self.paint(GREEN, "✓")));
    }

    pub fn failed(&self, error: &anyhow::Error, log_tail: &[String]) {
        eprintln!("\n  {} {error:#}", self.paint(RED, "✗"));
        if !log_tail.is_empty() {
            eprintln!("\n  The end of the service's log:");
        }
        for line in log_tail {
            eprintln!("    {line}");
        }
    }

    fn line(&self, words: &str) {
        if !self.muted {
            println!("{words}");
        }
    }

    fn paint(&self, code: &str, words: &str) -> String {
        if self.colour { format!("\x1b[{code}m{words}\x1b[0m") } else { words.to_owned() }
    }
}
