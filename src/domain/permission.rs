//! Permissions, what they imply, and the grants a person holds.

use serde::{Deserialize, Serialize};

use super::name::Name;

/// What a grant allows in an environment. Read < request < `deploy_in_window` < deploy,
/// and read < review (rules.md 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    Read,
    Request,
    DeployInWindow,
    Deploy,
    Review,
}

impl Permission {
    pub fn implies(self, wanted: Permission) -> bool {
        use Permission::{Deploy, DeployInWindow, Read, Request, Review};
        match self {
            Deploy => wanted != Review,
            DeployInWindow => matches!(wanted, Read | Request | DeployInWindow),
            Request => matches!(wanted, Read | Request),
            Review => matches!(wanted, Read | Review),
            Read => wanted == Read,
        }
    }
}

/// What a role allows everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GlobalPermission {
    Admin,
    Impersonate,
    ReadAll,
}

impl GlobalPermission {
    pub fn words(self) -> &'static str {
        match self {
            GlobalPermission::Admin => "may do everything, everywhere",
            GlobalPermission::Impersonate => "may act for others through the API",
            GlobalPermission::ReadAll => "may read everything",
        }
    }
}

/// A name, or `*` for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pattern {
    All,
    Only(Name),
}

impl Pattern {
    pub fn covers(&self, name: &Name) -> bool {
        match self {
            Pattern::All => true,
            Pattern::Only(only) => only == name,
        }
    }

    /// The one that it names, if it does not mean all.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Pattern::All => None,
            Pattern::Only(name) => Some(name),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = super::name::NameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "*" { Ok(Pattern::All) } else { Name::parse(&text).map(Pattern::Only) }
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> String {
        match pattern {
            Pattern::All => "*".to_owned(),
            Pattern::Only(name) => name.into(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    pub permission: Permission,
    #[serde(default = "all")]
    pub application: Pattern,
    #[serde(default = "all")]
    pub environment: Pattern,
}

impl Grant {
    /// `may read and review releases of shop in every environment`
    pub fn words(&self) -> String {
        let what = match self.permission {
            Permission::Read => "read",
            Permission::Request => "read and request releases of",
            Permission::DeployInWindow => "read, request and, within its windows, deploy",
            Permission::Deploy => "read, request and at any time deploy",
            Permission::Review => "read and review releases of",
        };
        let application = match &self.application {
            Pattern::All => "every application".to_owned(),
            Pattern::Only(name) => name.to_string(),
        };
        let environment = match &self.environment {
            Pattern::All => "every environment".to_owned(),
            Pattern::Only(name) => name.to_string(),
        };
        format!("may {what} {application} in {environment}")
    }
}

fn all() -> Pattern {
    Pattern::All
}

/// What a token may be used for, out of what its person may do: in the form of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenScope {
    #[serde(default)]
    pub global: Vec<GlobalPermission>,
    #[serde(default)]
    pub grants: Vec<Grant>,
}

impl TokenScope {
    /// From words that stand in a form or a command: each permission in each of the
    /// places. `None` when there is no permission: then nothing is bounded.
    pub fn of_words(
        permissions: &[String],
        applications: &[Name],
        environments: &[Name],
    ) -> Result<Option<Self>, String> {
        if permissions.is_empty() {
            return Ok(None);
        }
        let all = |names: &[Name]| -> Vec<Pattern> {
            if names.is_empty() {
                vec![Pattern::All]
            } else {
                names.iter().cloned().map(Pattern::Only).collect()
            }
        };
        let (applications, environments) = (all(applications), all(environments));
        let mut scope = Self::default();
        for word in permissions {
            let value = || serde_json::Value::String(word.clone());
            if let Ok(global) = serde_json::from_value(value()) {
                scope.global.push(global);
                continue;
            }
            let permission: Permission =
                serde_json::from_value(value()).map_err(|_| format!("there is no permission {word:?}"))?;
            for application in &applications {
                for environment in &environments {
                    let (application, environment) = (application.clone(), environment.clone());
                    scope.grants.push(Grant { permission, application, environment });
                }
            }
        }
        Ok(Some(scope))
    }

    /// One line for each thing it allows.
    pub fn words(&self) -> Vec<String> {
        sentences(&self.global, &self.grants)
    }

    /// The same after an application, or an environment of `application`, got another name.
    #[must_use]
    pub fn renamed(&self, application: Option<&Name>, former: &Name, new: &Name) -> Self {
        let mut scope = self.clone();
        for grant in &mut scope.grants {
            let pattern = match application {
                None => &mut grant.application,
                Some(application) if grant.application == Pattern::Only(application.clone()) => {
                    &mut grant.environment
                }
                Some(_) => continue,
            };
            if *pattern == Pattern::Only(former.clone()) {
                *pattern = Pattern::Only(new.clone());
            }
        }
        scope
    }

    fn covers(&self, wanted: Permission, application: &Name, environment: &Name) -> bool {
        allows(&self.global, &self.grants, wanted, application, environment)
    }
}

/// What keeps somebody from doing something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacks {
    /// No role gives it.
    Right,
    /// The token they came with does not reach it.
    Scope,
    /// It is theirs alone, and another acts in their name.
    Person,
}

/// Everything somebody may do just now.
///
/// Roles give, and two things take away: the scope of the token they came with, and
/// that somebody else acts in their name. Both are judged here and nowhere else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    pub globals: Vec<GlobalPermission>,
    pub grants: Vec<Grant>,
    pub roles: Vec<Name>,
    /// What the token reaches; `None` where nothing bounds it.
    pub within: Option<TokenScope>,
    /// Who really acts, where that is another: it reads, requests and deploys
    /// directly, and does nothing else (rules.md 31).
    pub by: Option<Name>,
}

impl Access {
    pub fn is_admin(&self) -> bool {
        self.has(GlobalPermission::Admin)
    }

    /// Admin is all of them.
    pub fn has(&self, wanted: GlobalPermission) -> bool {
        let held = |globals: &[GlobalPermission]| holds(globals, wanted);
        let in_person = self.by.is_none() || wanted == GlobalPermission::ReadAll;
        in_person && held(&self.globals) && self.within.as_ref().is_none_or(|scope| held(&scope.global))
    }

    pub fn may(&self, wanted: Permission, application: &Name, environment: &Name) -> bool {
        let in_person = self.by.is_none() || wanted != Permission::Review;
        in_person
            && allows(&self.globals, &self.grants, wanted, application, environment)
            && self.reaches(wanted, application, environment)
    }

    /// Why they may not, where they may not.
    pub fn lacks(&self, wanted: Permission, application: &Name, environment: &Name) -> Option<Lacks> {
        if self.may(wanted, application, environment) {
            None
        } else if !allows(&self.globals, &self.grants, wanted, application, environment) {
            Some(Lacks::Right)
        } else if self.reaches(wanted, application, environment) {
            Some(Lacks::Person)
        } else {
            Some(Lacks::Scope)
        }
    }

    /// The same for what is held everywhere.
    pub fn lacks_everywhere(&self, wanted: GlobalPermission) -> Option<Lacks> {
        if self.has(wanted) {
            None
        } else if !holds(&self.globals, wanted) {
            Some(Lacks::Right)
        } else if self.within.as_ref().is_none_or(|scope| holds(&scope.global, wanted)) {
            Some(Lacks::Person)
        } else {
            Some(Lacks::Scope)
        }
    }

    /// Whether the scope lets through what is somebody's by other reasons than a
    /// role: their own request, a deployment that they started.
    pub fn reaches(&self, wanted: Permission, application: &Name, environment: &Name) -> bool {
        self.within.as_ref().is_none_or(|scope| scope.covers(wanted, application, environment))
    }

    /// May read at least one environment of the application, out of those it has.
    pub fn may_read_any<'a>(
        &self,
        application: &Name,
        environments: impl IntoIterator<Item = &'a Name>,
    ) -> bool {
        environments.into_iter().any(|environment| self.may(Permission::Read, application, environment))
    }

    /// What roles give, in words.
    pub fn words(&self) -> Vec<String> {
        sentences(&self.globals, &self.grants)
    }

    /// What is left of it for who only reads and never acts.
    #[must_use]
    pub fn reading_only(self) -> Self {
        let globals = if holds(&self.globals, GlobalPermission::ReadAll) {
            vec![GlobalPermission::ReadAll]
        } else {
            Vec::new()
        };
        let grants = self.grants.into_iter().map(|grant| Grant { permission: Permission::Read, ..grant });
        Self { globals, grants: grants.collect(), ..self }
    }
}

/// Each thing that is allowed, once.
fn sentences(globals: &[GlobalPermission], grants: &[Grant]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let globals = globals.iter().map(|global| global.words().to_owned());
    for words in globals.chain(grants.iter().map(Grant::words)) {
        if !all.contains(&words) {
            all.push(words);
        }
    }
    all
}

fn holds(globals: &[GlobalPermission], wanted: GlobalPermission) -> bool {
    globals.contains(&wanted) || globals.contains(&GlobalPermission::Admin)
}

/// Whether these rights, of a role or of all the roles of somebody, allow it there.
pub fn allows(
    globals: &[GlobalPermission],
    grants: &[Grant],
    wanted: Permission,
    application: &Name,
    environment: &Name,
) -> bool {
    let everywhere =
        if wanted == Permission::Read { GlobalPermission::ReadAll } else { GlobalPermission::Admin };
    holds(globals, everywhere)
        || grants.iter().any(|grant| {
            grant.permission.implies(wanted)
                && grant.application.covers(application)
                && grant.environment.covers(environment)
        })
}
