//! Who takes part, and what their browsers do on the way in.

use anyhow::{Result, bail};

use crate::support::browser::{Browser, Page};
use crate::support::github::GitHubStandIn;

#[derive(Clone, Copy)]
pub struct Person {
    pub login: &'static str,
    pub name: &'static str,
    team: Option<&'static str>,
    /// What they may do, for those who watch.
    pub may: &'static str,
}

pub const DEVELOPERS: &str = "developers";
pub const REVIEWERS: &str = "release-managers";

pub const DANA: Person = Person {
    login: "dana",
    name: "Dana Dev",
    team: Some(DEVELOPERS),
    may: "developer: may ask for releases of shop",
};
pub const ROSA: Person = Person {
    login: "rosa",
    name: "Rosa Lindqvist",
    team: Some(REVIEWERS),
    may: "reviewer: may accept or reject them",
};
pub const SAM: Person =
    Person { login: "sam", name: "Sam Okafor", team: None, may: "staff: sees everything, may administer" };
pub const OLGA: Person = Person {
    login: "olga",
    name: "Olga Outside",
    team: None,
    may: "not in the organisation: may not come in",
};

/// Lets them exist at the stand-in for GitHub.
pub fn settle(github: &GitHubStandIn) {
    for person in [DANA, ROSA, SAM] {
        let editor = github.person(person.login).named(person.name);
        if let Some(team) = person.team {
            editor.team(team);
        }
    }
    github.person(OLGA.login).named(OLGA.name).outsider();
}

/// Somebody with a browser of their own.
pub struct Visitor {
    pub person: Person,
    pub browser: Browser,
}

impl Visitor {
    pub fn new(person: Person, base_url: &str) -> Result<Self> {
        Ok(Self { person, browser: Browser::new(base_url)? })
    }

    /// Opens a page; where that leads to the sign-in, signs in and comes back.
    pub async fn open(&self, path_or_url: &str) -> Result<Page> {
        let page = self.browser.get(path_or_url).await?;
        if page.main_page().as_deref() != Some("login") {
            return Ok(page);
        }
        let choice = self.browser.click(&page, "Sign in with GitHub").await?;
        self.browser.click(&choice, self.person.name).await
    }

    /// Follows the one link whose address has all these in its query.
    pub async fn choose(&self, page: &Page, wanted: &[(&str, &str)]) -> Result<Page> {
        let fits = |url: &url::Url| {
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            let has = |(name, value): &(&str, &str)| pairs.iter().any(|(n, v)| n == name && v == value);
            wanted.iter().all(has)
        };
        let links = page.links();
        let Some((_, url)) = links.iter().find(|(_, url)| fits(url)) else {
            bail!("no link with {wanted:?} on {} ({}): {}", page.url, page.status, page.text());
        };
        self.browser.get(url.as_str()).await
    }
}

/// The page that was meant, in the state that was meant, or what is there instead.
pub fn expect(page: Page, status: u16, name: &str, state: &str) -> Result<Page> {
    let found = (page.status, page.main_page().unwrap_or_default(), page.main_state().unwrap_or_default());
    if (found.0, found.1.as_str(), found.2.as_str()) != (status, name, state) {
        let text: String = page.text().chars().take(600).collect();
        let (status_found, name_found, state_found) = found;
        bail!(
            "expected {status} {name} ({state}) at {}, there is {status_found} {name_found} ({state_found}): {text}",
            page.url
        );
    }
    Ok(page)
}
