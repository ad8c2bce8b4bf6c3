//! Who may do what where, and by which role: the answers of policy's own rights, laid
//! out for somebody who wants to see them all.

use super::fleet::Role;
use super::name::Name;
use super::permission::{Access, GlobalPermission, Permission};
use super::person::{Held, Person, RoleMember, Through, access_of, held};

/// From the least to the most; review stands beside.
pub const PERMISSIONS: [Permission; 5] = [
    Permission::Read,
    Permission::Request,
    Permission::DeployInWindow,
    Permission::Deploy,
    Permission::Review,
];

/// What one person may do in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub permissions: Vec<Permission>,
    pub why: Vec<Why>,
}

/// A role that gives some of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    pub role: Name,
    pub through: Vec<Through>,
    /// What it gives here, implied ones left out.
    pub gives: Vec<Permission>,
    /// What it gives everywhere.
    pub globals: Vec<GlobalPermission>,
}

/// A person with the roles they hold; lines of places are read from it.
#[derive(Debug, Clone)]
pub struct Holder {
    pub held: Vec<Held>,
    pub access: Access,
}

impl Holder {
    /// `memberships` may be everybody's: those of the person are picked out.
    pub fn new(person: &Person, memberships: &[RoleMember], roles: &[Role]) -> Self {
        let own: Vec<RoleMember> =
            memberships.iter().filter(|member| person.is_meant_by(member)).cloned().collect();
        let held = held(person, &own, roles);
        let access = access_of(&held);
        Self { held, access }
    }

    /// `None` for who may do nothing there, nor anything everywhere.
    pub fn line(&self, application: &Name, environment: &Name) -> Option<Line> {
        let may = |permission: &Permission| self.access.may(*permission, application, environment);
        let permissions: Vec<Permission> = PERMISSIONS.into_iter().filter(|each| may(each)).collect();
        let why = self.held.iter().filter_map(|held| why(held, application, environment));
        let may_something = !permissions.is_empty() || !self.access.globals.is_empty();
        may_something.then(|| Line { permissions, why: why.collect() })
    }
}

fn why(held: &Held, application: &Name, environment: &Name) -> Option<Why> {
    let here = held
        .grants
        .iter()
        .filter(|grant| grant.application.covers(application) && grant.environment.covers(environment));
    let mut gives: Vec<Permission> = here.map(|grant| grant.permission).collect();
    gives.sort();
    gives.dedup();
    let all = gives.clone();
    gives.retain(|each| !all.iter().any(|other| other != each && other.implies(*each)));
    let mut globals = held.globals.clone();
    globals.dedup();
    let (role, through) = (held.role.clone(), held.through.clone());
    (!gives.is_empty() || !globals.is_empty()).then_some(Why { role, through, gives, globals })
}
