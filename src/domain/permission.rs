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

fn all() -> Pattern {
    Pattern::All
}

/// Everything a person may do, gathered from their roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    pub globals: Vec<GlobalPermission>,
    pub grants: Vec<Grant>,
    pub roles: Vec<Name>,
}

impl Access {
    pub fn is_admin(&self) -> bool {
        self.globals.contains(&GlobalPermission::Admin)
    }

    pub fn may(&self, wanted: Permission, application: &Name, environment: &Name) -> bool {
        if self.is_admin() {
            return true;
        }
        if wanted == Permission::Read && self.globals.contains(&GlobalPermission::ReadAll) {
            return true;
        }
        self.grants.iter().any(|grant| {
            grant.permission.implies(wanted)
                && grant.application.covers(application)
                && grant.environment.covers(environment)
        })
    }

    /// May read at least one environment of the application, out of those it has.
    pub fn may_read_any<'a>(
        &self,
        application: &Name,
        environments: impl IntoIterator<Item = &'a Name>,
    ) -> bool {
        environments.into_iter().any(|environment| self.may(Permission::Read, application, environment))
    }
}
