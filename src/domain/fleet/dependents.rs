//! What would be left pointing at nothing if an object were removed.

use super::object::Place;
use super::{Fleet, Kind};
use crate::domain::name::Name;

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
