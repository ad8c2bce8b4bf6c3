//! What would be left pointing at nothing if an object were removed: some of it keeps
//! the object, and some would only be left without a place, which is said.

use super::object::Place;
use super::{Fleet, Kind, Role};
use crate::domain::freeze::Freeze;
use crate::domain::name::Name;
use crate::domain::permission::{Grant, TokenScope};

/// Everything that names the object and so keeps it from being removed.
pub fn dependents(fleet: &Fleet, place: &Place) -> Vec<Place> {
    let name = &place.name;
    let clusters = |uses: &dyn Fn(&super::Cluster) -> bool| -> Vec<Place> {
        let found = fleet.clusters.iter().filter(|cluster| uses(cluster));
        found.map(|cluster| Place::new(Kind::Cluster, None, &cluster.name)).collect()
    };
    match place.kind {
        Kind::Server => clusters(&|cluster| cluster.servers.iter().any(|member| member.server == *name)),
        Kind::LoadBalancer => clusters(&|cluster| cluster.load_balancer.as_ref() == Some(name)),
        Kind::Cluster => environments(fleet, |_, environment| environment.clusters.contains(name)),
        Kind::Calendar => environments(fleet, |_, environment| environment.calendar.as_ref() == Some(name)),
        Kind::Role => environments(fleet, |_, environment| {
            environment.approval.groups.iter().any(|group| group.role == *name)
        }),
        Kind::Environment => environments(fleet, |application, environment| {
            Some(application) == place.parent.as_ref() && environment.promote_from.as_ref() == Some(name)
        }),
        Kind::Application => Vec::new(),
    }
}

fn environments(fleet: &Fleet, uses: impl Fn(&Name, &super::Environment) -> bool) -> Vec<Place> {
    let mut found = Vec::new();
    for application in &fleet.applications {
        for environment in application.environments.iter().filter(|one| uses(&application.name, one)) {
            found.push(Place::new(Kind::Environment, Some(&application.name), &environment.name));
        }
    }
    found
}

/// A place that is named and is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nowhere {
    /// `application` or `environment`: which of the names leads nowhere.
    pub field: &'static str,
    /// `There is no application shpo`.
    pub words: String,
}

impl Fleet {
    /// Why these names, of which none is all of them, lead nowhere.
    pub fn no_such_place(&self, application: Option<&Name>, environment: Option<&Name>) -> Option<Nowhere> {
        let (field, words) = match (application, environment) {
            (Some(application), _) if self.application(application).is_none() => {
                ("application", format!("There is no application {application}"))
            }
            (Some(application), Some(environment))
                if self.environment(application, environment).is_none() =>
            {
                ("environment", format!("{application} has no environment {environment}"))
            }
            (None, Some(environment))
                if self.applications.iter().all(|known| known.environment(environment).is_none()) =>
            {
                ("environment", format!("No application has an environment {environment}"))
            }
            _ => return None,
        };
        Some(Nowhere { field, words })
    }
}

/// The grants of a role that are for nothing, as nothing has that name, each in words.
pub fn grants_for_nothing(fleet: &Fleet, role: &Role) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for words in role.grants.iter().filter_map(|grant| nowhere(fleet, grant)) {
        if !found.contains(&words) {
            found.push(words);
        }
    }
    found
}

fn nowhere(fleet: &Fleet, grant: &Grant) -> Option<String> {
    let (application, environment) = names(grant);
    fleet.no_such_place(application, environment).map(|nowhere| nowhere.words)
}

fn names(grant: &Grant) -> (Option<&Name>, Option<&Name>) {
    (grant.application.name(), grant.environment.name())
}

/// A token by its number, its name and whose it is, with what bounds it.
#[derive(Debug, Clone)]
pub struct Bounded {
    pub id: i64,
    pub name: String,
    pub user: Name,
    pub scope: TokenScope,
}

/// What names a place that `before` has and `after` has not, each in words. It keeps
/// nothing; it is only left without its place.
pub fn left_behind(before: &Fleet, after: &Fleet, freezes: &[Freeze], tokens: &[Bounded]) -> Vec<String> {
    let is_lost = |(application, environment): (Option<&Name>, Option<&Name>)| {
        before.no_such_place(application, environment).is_none()
            && after.no_such_place(application, environment).is_some()
    };
    let has_lost = |grants: &[Grant]| grants.iter().any(|grant| is_lost(names(grant)));
    let roles = before.roles.iter().filter(|role| has_lost(&role.grants));
    let mut found: Vec<String> =
        roles.map(|role| format!("the role {} has grants for it", role.name)).collect();
    let frozen = freezes
        .iter()
        .filter(|freeze| is_lost((freeze.on.application.as_ref(), freeze.on.environment.as_ref())));
    found.extend(frozen.map(|freeze| {
        // One on an environment of every application waits for the next of that name.
        let then =
            if freeze.on.application.is_some() { "is lifted with it" } else { "holds nothing up then" };
        format!("freeze {} of {} {then}", freeze.id, freeze.author)
    }));
    let bounded = tokens.iter().filter(|token| has_lost(&token.scope.grants));
    found.extend(
        bounded.map(|token| {
            format!("the token {} ({}) of {} is bounded to it", token.id, token.name, token.user)
        }),
    );
    found
}
