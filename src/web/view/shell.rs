//! What surrounds every page: who is signed in, where they are, what waits for them.

use jiff::Timestamp;

use super::freezes::FreezeNotice;

#[derive(Debug, Clone)]
pub struct Shell {
    pub person: Option<PersonView>,
    /// The token that every form sends back in its field `csrf`.
    pub csrf: String,
    /// Requests that wait for a decision of this person.
    pub waiting: u64,
    pub section: Section,
    /// The page's own path and query: where to come back to.
    pub path: String,
    pub theme: Theme,
    pub now: Timestamp,
    pub version: &'static str,
    /// In which times are written where no calendar has one.
    pub zone: String,
    /// What holds starts up where the page is about.
    pub freezes: Vec<FreezeNotice>,
}

#[derive(Debug, Clone)]
pub struct PersonView {
    pub name: String,
    pub display: String,
    /// `Reviewer for production`, or empty.
    pub roles: String,
    /// Sees the administration in the navigation.
    pub administers: bool,
    /// Nobody is signed in: a reader by `anonymous_role`.
    pub is_anonymous: bool,
}

/// The entry of the navigation that the page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Home,
    Applications,
    Requests,
    Deployments,
    Administration,
    Elsewhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the reader's system says.
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub fn word(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// Anything else than the three words is the system's choice.
    pub fn parse(word: &str) -> Self {
        match word {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::Auto,
        }
    }
}

impl Shell {
    /// The value of `aria-current` for a navigation entry, or nothing.
    pub fn is_in(&self, section: Section) -> bool {
        self.section == section
    }

    pub fn themes(&self) -> [(&'static str, &'static str, bool); 3] {
        let of = |theme: Theme, words| (theme.word(), words, self.theme == theme);
        [of(Theme::Auto, "Auto"), of(Theme::Light, "Light"), of(Theme::Dark, "Dark")]
    }
}
