//! A person, and the memberships that give them roles.

use jiff::Timestamp;

use super::actor::NOBODY;
use super::fleet::Role;
use super::name::Name;
use super::permission::{Access, GlobalPermission, Grant};
use super::words::words;

/// Who they are where they come from: the provider's own, unchanging id (security.md 17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub provider: String,
    pub subject: String,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    pub id: i64,
    pub name: Name,
    /// `None`: a name that is only reserved yet (rules.md 29).
    pub identity: Option<Identity>,
    pub display: String,
    /// Only ever a verified address: by GitHub, else by an administrator's word.
    pub mail: Option<String>,
    /// The one of those two that an administrator set.
    pub given_mail: Option<String>,
    /// Sealed.
    pub github_token: Option<Vec<u8>>,
    pub teams: Vec<String>,
    /// Of the organisation, when it was last read.
    pub member: bool,
    pub membership_at: Timestamp,
    pub disabled: bool,
    /// Who they are to the operator's verifier of sessions.
    pub external_id: Option<String>,
    pub has_password: bool,
    pub created_at: Timestamp,
    /// Counts the changes that administrators make, so that two of them notice each other.
    pub version: i64,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberKind {
    User,
    Team,
}

words!(MemberKind { User => "user", Team => "team" });

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleMember {
    pub role: Name,
    pub kind: MemberKind,
    /// `rosa`, `github:rosa`, `local:rosa`, or a team's slug.
    pub member: String,
    /// What gave it: `fleet`, `command` or `page`. Only the giver takes it back (rules.md 32).
    pub source: String,
}

impl Person {
    /// Only GitHub can say that somebody left. Who is local, comes through the proxy
    /// or is not bound yet is of the house: an operator said so.
    fn is_outsider(&self) -> bool {
        self.is_from(GITHUB) && !self.member
    }

    pub fn is_from(&self, provider: &str) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.provider == provider)
    }

    /// Whether a membership gives this person a role.
    pub fn is_meant_by(&self, member: &RoleMember) -> bool {
        match member.kind {
            MemberKind::User => self.written_names().contains(&member.member),
            MemberKind::Team => self.member && self.teams.contains(&member.member),
        }
    }

    /// The ways a role may name this person.
    pub fn written_names(&self) -> Vec<String> {
        let mut names = vec![self.name.to_string()];
        if let Some(identity) = &self.identity {
            names.push(format!("{}:{}", identity.provider, self.name));
        }
        names
    }
}

pub const GITHUB: &str = "github";
/// The provider of those who sign in with a password of ours.
pub const LOCAL: &str = "local";
/// The provider of those whom a reverse proxy of the operator's names.
pub const PROXY: &str = "proxy";
/// Who may be linked by hand: where an identity is a text that an operator can know.
pub const PROVIDERS: [&str; 3] = [GITHUB, LOCAL, PROXY];
/// Names that the record uses for what no person did.
const NOBODYS: [&str; 7] = [NOBODY, "auto", "policy", "clock", "command", "runner", "system"];

/// Whether a person may have the name at all.
pub fn may_be_called(name: &Name) -> bool {
    !NOBODYS.contains(&name.as_str())
}
/// The role that holds `admin` and always exists.
pub const ADMIN_ROLE: &str = "admin";
/// The role of everyone signed in.
pub const DEFAULT_ROLE: &str = "default";

/// By what somebody holds a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Through {
    /// Everyone signed in has it.
    Everyone,
    /// As the role names them: `rosa`, `github:rosa`.
    Name(String),
    Team(String),
}

impl std::fmt::Display for Through {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Through::Everyone => f.write_str("everyone signed in"),
            Through::Name(_) => f.write_str("by name"),
            Through::Team(team) => write!(f, "team {team}"),
        }
    }
}

/// A role that somebody holds, with what it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub role: Name,
    pub through: Vec<Through>,
    pub globals: Vec<GlobalPermission>,
    pub grants: Vec<Grant>,
}

/// The roles of a person, out of those that exist. Nobody from GitHub who is outside
/// the organisation holds any, whatever their name was given.
pub fn held(person: &Person, memberships: &[RoleMember], roles: &[Role]) -> Vec<Held> {
    if person.disabled || person.is_outsider() {
        return Vec::new();
    }
    let through = |role: &Name| {
        let everyone = (role.as_str() == DEFAULT_ROLE).then_some(Through::Everyone);
        let given = memberships.iter().filter(|membership| &membership.role == role);
        let given = given.map(|membership| match membership.kind {
            MemberKind::User => Through::Name(membership.member.clone()),
            MemberKind::Team => Through::Team(membership.member.clone()),
        });
        everyone.into_iter().chain(given).collect::<Vec<_>>()
    };
    let mut held: Vec<Held> = roles
        .iter()
        .map(|role| Held {
            role: role.name.clone(),
            through: through(&role.name),
            globals: role.global.clone(),
            grants: role.grants.clone(),
        })
        .filter(|held| !held.through.is_empty())
        .collect();
    // The role admin always exists, whatever the fleet says of it.
    if let Some(membership) = memberships.iter().find(|membership| membership.role.as_str() == ADMIN_ROLE) {
        let role = &membership.role;
        match held.iter_mut().find(|held| &held.role == role) {
            Some(held) => held.globals.push(GlobalPermission::Admin),
            None => held.push(Held {
                role: role.clone(),
                through: through(role),
                globals: vec![GlobalPermission::Admin],
                grants: Vec::new(),
            }),
        }
    }
    held
}

/// What those roles allow together.
pub fn access_of(held: &[Held]) -> Access {
    let mut access = Access::default();
    for held in held {
        access.globals.extend(&held.globals);
        access.grants.extend(held.grants.iter().cloned());
        access.roles.push(held.role.clone());
    }
    access
}

pub fn access(person: &Person, memberships: &[RoleMember], roles: &[Role]) -> Access {
    access_of(&held(person, memberships, roles))
}
