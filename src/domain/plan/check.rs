//! Rows that were valid when they were applied are checked again: what stands in
//! a plan is what reaches `ssh`, `rsync` and a remote shell.

use super::{HostFacts, PlanError, RunFacts};
use crate::domain::name::is_deceptive;
use crate::domain::rsync_options::RsyncOptions;
use crate::domain::target::{HostAddress, HostKey, RemoteUser, TargetPath};

pub(super) fn facts(facts: &RunFacts) -> Result<(), PlanError> {
    if facts.release.is_empty() || facts.release.chars().any(is_deceptive) {
        return Err(invalid("release", "must be one line of visible text"));
    }
    TargetPath::parse(&facts.target_path).map_err(|error| invalid("target_path", error))?;
    RemoteUser::parse(&facts.remote_user).map_err(|error| invalid("remote_user", error))?;
    RsyncOptions::parse(&facts.rsync_options).map_err(|error| invalid("rsync_options", error))?;
    Ok(())
}

pub(super) fn host(host: &HostFacts) -> Result<(), PlanError> {
    let key = host.host_key.as_deref().ok_or_else(|| PlanError::NoHostKey(host.server.clone()))?;
    HostKey::parse(key).map_err(|error| invalid(format!("host key of {}", host.server), error))?;
    HostAddress::parse(&host.host).map_err(|error| invalid(format!("host of {}", host.server), error))?;
    Ok(())
}

fn invalid(what: impl Into<String>, why: impl ToString) -> PlanError {
    PlanError::Invalid { what: what.into(), why: why.to_string() }
}
