//! What a fleet file leaves of the fleet that was there.

use super::object::Place;
use super::{Application, Fleet, Kind};

/// `new`, and after it what of `old` it does not name and that `stays`. `old` has the
/// names that `new` gives. An application stays with an environment that stays.
pub fn overlay(old: Fleet, new: Fleet, stays: impl Fn(&Place) -> bool) -> Fleet {
    let mut fleet = new;
    macro_rules! keep {
        ($list:ident, $kind:ident) => {
            for object in old.$list {
                let place = Place::new(Kind::$kind, None, &object.name);
                if !fleet.$list.iter().any(|known| known.name == object.name) && stays(&place) {
                    fleet.$list.push(object);
                }
            }
        };
    }
    keep!(servers, Server);
    keep!(load_balancers, LoadBalancer);
    keep!(clusters, Cluster);
    keep!(calendars, Calendar);
    keep!(roles, Role);
    for former in old.applications {
        let mut left = former.clone();
        left.environments.retain(|environment| {
            stays(&Place::new(Kind::Environment, Some(&former.name), &environment.name))
        });
        keep_application(&mut fleet, left, &stays);
    }
    fleet
}

fn keep_application(fleet: &mut Fleet, left: Application, stays: &impl Fn(&Place) -> bool) {
    let known = fleet.applications.iter_mut().find(|known| known.name == left.name);
    if let Some(known) = known {
        for environment in left.environments {
            if known.environment(&environment.name).is_none() {
                known.environments.push(environment);
            }
        }
    } else if stays(&Place::new(Kind::Application, None, &left.name)) || !left.environments.is_empty() {
        fleet.applications.push(left);
    }
}
