//! Gives a fleet back as a fleet file: sorted, with every default written out, and
//! without a secret. What comes out, `parse` takes.

use serde_json::Value;

use super::{Endpoint, Fleet, secret};

/// The fleet as a JSON document, in a stable order. Secrets that are not
/// references become `stored:` (rules.md 40).
pub fn export(fleet: &Fleet) -> Value {
    serde_json::to_value(presentable(fleet)).unwrap_or_default()
}

/// The same as text for people and files: keys in the order of the documentation.
pub fn export_text(fleet: &Fleet) -> String {
    let mut text = serde_json::to_string_pretty(&presentable(fleet)).unwrap_or_default();
    text.push('\n');
    text
}

/// Objects by name, environments by their order. What is listed in an order that
/// means something (clusters of an environment, servers of a cluster) keeps it.
pub fn sorted(mut fleet: Fleet) -> Fleet {
    fleet.servers.sort_by(|a, b| a.name.cmp(&b.name));
    fleet.load_balancers.sort_by(|a, b| a.name.cmp(&b.name));
    fleet.clusters.sort_by(|a, b| a.name.cmp(&b.name));
    fleet.calendars.sort_by(|a, b| a.name.cmp(&b.name));
    fleet.roles.sort_by(|a, b| a.name.cmp(&b.name));
    fleet.applications.sort_by(|a, b| a.name.cmp(&b.name));
    for application in &mut fleet.applications {
        application.environments.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
    }
    fleet
}

pub(super) fn presentable(fleet: &Fleet) -> Fleet {
    let mut fleet = sorted(fleet.clone());
    for secret in secrets(&mut fleet) {
        *secret = secret::shown(secret).to_owned();
    }
    fleet
}

/// Every secret of the fleet.
fn secrets(fleet: &mut Fleet) -> impl Iterator<Item = &mut String> {
    let endpoints = fleet.load_balancers.iter_mut().flat_map(|balancer| &mut balancer.endpoints);
    let passwords = endpoints.filter_map(|endpoint| match endpoint {
        Endpoint::Stats(page) => Some(&mut page.password),
        Endpoint::Runtime(_) => None,
    });
    passwords.chain(fleet.applications.iter_mut().filter_map(|a| a.webhook_secret.as_mut()))
}
