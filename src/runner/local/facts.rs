//! What a program of a deployment is told about it, as variables and as JSON.

use std::path::Path;

use serde_json::{Value, json};

use crate::domain::name::{CommitId, Name};
use crate::domain::plan::RunFacts;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub deployment: i64,
    pub application: Name,
    pub environment: Name,
    /// The tag, else the commit id.
    pub release: String,
    pub commit: CommitId,
    /// A server's name in the fleet; empty where a program runs for all of them.
    pub host: String,
}

/// What a command that deploys by itself is told besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodFacts {
    pub facts: Facts,
    /// The servers to deploy to, by their names in the fleet.
    pub hosts: Vec<Name>,
    /// What is live; `None` for a first release.
    pub from: Option<CommitId>,
}

/// Variables of an environment. Only constants are names, so that nothing of ours,
/// above all no `COUNTERSIGN_*`, slips in.
pub type Variables = Vec<(&'static str, String)>;

impl Facts {
    pub fn of(run: &RunFacts, host: &str) -> Self {
        Self {
            deployment: run.deployment,
            application: run.application.clone(),
            environment: run.environment.clone(),
            release: run.release.clone(),
            commit: run.commit.clone(),
            host: host.to_owned(),
        }
    }

    /// The facts of rules.md 26, and nothing else.
    pub fn variables(&self) -> Variables {
        vec![
            ("DEPLOY_APPLICATION", self.application.to_string()),
            ("DEPLOY_ENVIRONMENT", self.environment.to_string()),
            ("DEPLOY_RELEASE", self.release.clone()),
            ("DEPLOY_COMMIT", self.commit.to_string()),
            ("DEPLOY_HOST", self.host.clone()),
            ("DEPLOY_ID", self.deployment.to_string()),
        ]
    }

    /// What an artifact command reads on its standard input. `tree` is the exported
    /// tree, which it may read and must not change.
    pub fn json(&self, tree: &Path) -> Value {
        json!({
            "application": self.application,
            "environment": self.environment,
            "release": self.release,
            "commit": self.commit,
            "deployment": self.deployment,
            "tree": tree.to_string_lossy(),
        })
    }
}

impl MethodFacts {
    pub fn variables(&self) -> Variables {
        let hosts: Vec<&str> = self.hosts.iter().map(Name::as_str).collect();
        let mut variables = self.facts.variables();
        variables.push(("DEPLOY_HOSTS", hosts.join(",")));
        variables.push(("DEPLOY_FROM", self.from.as_ref().map(ToString::to_string).unwrap_or_default()));
        variables
    }
}
