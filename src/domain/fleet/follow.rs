//! Brings two fleets to the same terms before they are compared: the old one takes
//! over new names, and `stored:` in the new one stands for what the old one has.

use std::collections::BTreeMap;

use super::changes::Key;
use super::{Application, Endpoint, Fleet, Kind, Role, secret};
use crate::domain::document::Problem;
use crate::domain::name::Name;
use crate::domain::permission::Pattern;

/// The former name of each object that has a new one.
pub(super) type Renames = BTreeMap<Key, String>;

/// From old names to new ones, of one kind.
struct NewNames(BTreeMap<Name, Name>);

impl NewNames {
    /// A `was` counts where the old name is known and the new one is not: after the
    /// rename was applied, it says nothing any more.
    fn of<'a>(
        old: impl Iterator<Item = &'a Name> + Clone,
        new: impl Iterator<Item = (&'a Name, Option<&'a Name>)>,
    ) -> Self {
        let known = |name: &Name| old.clone().any(|old| old == name);
        let renamed = new.filter_map(|(name, was)| Some((was?, name)));
        let renamed = renamed.filter(|(was, name)| known(was) && !known(name));
        Self(renamed.map(|(was, name)| (was.clone(), name.clone())).collect())
    }

    fn apply(&self, name: &mut Name) {
        if let Some(new) = self.0.get(name) {
            *name = new.clone();
        }
    }

    fn note(&self, renames: &mut Renames, kind: Kind, prefix: &str) {
        renames.extend(self.0.iter().map(|(was, name)| ((kind, format!("{prefix}{name}")), was.to_string())));
    }
}

macro_rules! new_names {
    ($old:expr, $new:expr) => {
        NewNames::of($old.iter().map(|o| &o.name), $new.iter().map(|n| (&n.name, n.was.as_ref())))
    };
}

/// The old fleet under the names of the new one, and what was renamed.
pub(super) fn follow(old: &Fleet, new: &Fleet) -> (Fleet, Renames) {
    let servers = new_names!(old.servers, new.servers);
    let balancers = new_names!(old.load_balancers, new.load_balancers);
    let clusters = new_names!(old.clusters, new.clusters);
    let calendars = new_names!(old.calendars, new.calendars);
    let roles = new_names!(old.roles, new.roles);
    let applications = new_names!(old.applications, new.applications);
    let mut renames = Renames::new();
    servers.note(&mut renames, Kind::Server, "");
    balancers.note(&mut renames, Kind::LoadBalancer, "");
    clusters.note(&mut renames, Kind::Cluster, "");
    calendars.note(&mut renames, Kind::Calendar, "");
    roles.note(&mut renames, Kind::Role, "");
    applications.note(&mut renames, Kind::Application, "");

    let mut fleet = old.clone();
    fleet.servers.iter_mut().for_each(|server| servers.apply(&mut server.name));
    fleet.load_balancers.iter_mut().for_each(|balancer| balancers.apply(&mut balancer.name));
    fleet.calendars.iter_mut().for_each(|calendar| calendars.apply(&mut calendar.name));
    for cluster in &mut fleet.clusters {
        clusters.apply(&mut cluster.name);
        cluster.load_balancer.iter_mut().for_each(|name| balancers.apply(name));
        cluster.servers.iter_mut().for_each(|member| servers.apply(&mut member.server));
    }
    for role in &mut fleet.roles {
        roles.apply(&mut role.name);
        for grant in &mut role.grants {
            if let Pattern::Only(name) = &mut grant.application {
                applications.apply(name);
            }
        }
    }
    for application in &mut fleet.applications {
        applications.apply(&mut application.name);
        let successor = new.applications.iter().find(|new| new.name == application.name);
        if let Some(successor) = successor {
            let environments = follow_environments(application, successor, &mut renames);
            follow_grants(&mut fleet.roles, &application.name, &environments);
        }
        for environment in &mut application.environments {
            environment.clusters.iter_mut().for_each(|name| clusters.apply(name));
            environment.calendar.iter_mut().for_each(|name| calendars.apply(name));
            environment.approval.groups.iter_mut().for_each(|group| roles.apply(&mut group.role));
        }
    }
    (fleet, renames)
}

/// Every `was` that cannot be followed: the old name and the new one both exist, so
/// that one object would have to become two, or two one.
pub fn impossible_renames(old: &Fleet, new: &Fleet) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut check = |path: String, known: &dyn Fn(&Name) -> bool, name: &Name, was: Option<&Name>| {
        if let Some(was) = was.filter(|was| *was != name && known(was) && known(name)) {
            let message = format!("cannot be renamed: both \"{was}\" and \"{name}\" exist already");
            problems.push(Problem::new(format!("{path}.was"), message));
        }
    };
    macro_rules! check_all {
        ($list:ident) => {
            let known = |name: &Name| old.$list.iter().any(|object| &object.name == name);
            for (index, object) in new.$list.iter().enumerate() {
                let path = format!("{}[{index}]", stringify!($list));
                check(path, &known, &object.name, object.was.as_ref());
            }
        };
    }
    check_all!(servers);
    check_all!(load_balancers);
    check_all!(clusters);
    check_all!(calendars);
    check_all!(roles);
    check_all!(applications);
    for (index, application) in new.applications.iter().enumerate() {
        let former = old.application(&application.name);
        let former = former.or_else(|| old.application(application.was.as_ref()?));
        let known = |name: &Name| former.is_some_and(|former| former.environment(name).is_some());
        for (place, environment) in application.environments.iter().enumerate() {
            let path = format!("applications[{index}].environments[{place}]");
            check(path, &known, &environment.name, environment.was.as_ref());
        }
    }
    problems
}

/// What was granted in one application's environment alone goes with its name.
fn follow_grants(roles: &mut [Role], application: &Name, environments: &NewNames) {
    let grants = roles.iter_mut().flat_map(|role| &mut role.grants);
    for grant in grants.filter(|grant| grant.application == Pattern::Only(application.clone())) {
        if let Pattern::Only(name) = &mut grant.environment {
            environments.apply(name);
        }
    }
}

fn follow_environments(old: &mut Application, new: &Application, renames: &mut Renames) -> NewNames {
    let names = new_names!(old.environments, new.environments);
    names.note(renames, Kind::Environment, &format!("{}/", old.name));
    for environment in &mut old.environments {
        names.apply(&mut environment.name);
        environment.promote_from.iter_mut().for_each(|name| names.apply(name));
    }
    names
}

/// The new fleet with each `stored:` replaced by what the old fleet has for the same
/// object (of a stats page only while its URL and user are the same, rules.md 40),
/// and the places where it has nothing.
pub(super) fn fill_stored(new: &Fleet, old: &Fleet) -> (Fleet, Vec<Problem>) {
    let mut fleet = new.clone();
    let mut problems = Vec::new();
    let mut fill = |secret: &mut String, known: Option<&String>, path: String| match known {
        _ if secret != secret::STORED => {}
        Some(known) => secret.clone_from(known),
        None => problems.push(Problem::new(path, "nothing is stored for it; give the secret itself")),
    };
    for (index, balancer) in fleet.load_balancers.iter_mut().enumerate() {
        let known = old.load_balancers.iter().find(|old| old.name == balancer.name);
        for (place, endpoint) in balancer.endpoints.iter_mut().enumerate() {
            let Endpoint::Stats(page) = endpoint else { continue };
            let password = |endpoint: &Endpoint| match endpoint {
                Endpoint::Stats(old) if old.url == page.url && old.user == page.user => {
                    Some(old.password.clone())
                }
                _ => None,
            };
            // The one at the same place first: two may share URL and user.
            let same = known.and_then(|old| {
                old.endpoints
                    .get(place)
                    .and_then(password)
                    .or_else(|| old.endpoints.iter().find_map(password))
            });
            let same = same.as_ref();
            let path = format!("load_balancers[{index}].endpoints[{place}].password");
            fill(&mut page.password, same, path);
        }
    }
    for (index, application) in fleet.applications.iter_mut().enumerate() {
        let known = old.applications.iter().find(|old| old.name == application.name);
        let known = known.and_then(|old| old.webhook_secret.as_ref());
        if let Some(secret) = &mut application.webhook_secret {
            fill(secret, known, format!("applications[{index}].webhook_secret"));
        }
    }
    (fleet, problems)
}
