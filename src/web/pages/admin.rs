//! The overview of administration: what the fleet holds. It is changed by the
//! fleet file in this version.

use crate::app::Refusal;
use crate::app::queries::applications;
use crate::domain::fleet::Fleet;
use crate::web::guard::{Visit, may_administer};
use crate::web::respond::{Html, PageError};
use crate::web::view::Section;
use crate::web::view::admin::{Admin, FleetGroup, FleetRow};

#[rocket::get("/admin")]
pub async fn overview(visit: Visit<'_>) -> Result<Html, PageError> {
    if !may_administer(&visit.person) {
        return Err(Refusal::Forbidden("Administration is for administrators.".to_owned()).into());
    }
    let fleet = applications::readable_fleet(visit.app, visit.actor()).await?;
    let page = Admin {
        groups: groups(&fleet),
        failed_deliveries: applications::failed_deliveries(visit.app).await?,
        shell: visit.shell(Section::Administration),
    };
    Html::page(&page)
}

fn row(name: &str, words: String, warning: Option<String>) -> FleetRow {
    FleetRow { name: name.to_owned(), href: None, words, warning }
}

fn groups(fleet: &Fleet) -> Vec<FleetGroup> {
    let applications = fleet.applications.iter().map(|application| {
        let environments: Vec<&str> =
            application.environments_in_order().iter().map(|environment| environment.name.as_str()).collect();
        FleetRow {
            href: Some(format!("/applications/{}", application.name)),
            ..row(application.name.as_str(), environments.join(", "), None)
        }
    });
    let servers = fleet.servers.iter().map(|server| {
        let pinned = if server.host_key.is_some() { "key pinned" } else { "no key pinned" };
        let warning =
            server.host_key.is_none().then(|| "Nothing connects before its host_key is set.".to_owned());
        let active = if server.active { "" } else { ", inactive" };
        row(server.name.as_str(), format!("{}:{}, {pinned}{active}", server.host, server.port), warning)
    });
    let clusters = fleet.clusters.iter().map(|cluster| {
        let servers: Vec<&str> = cluster.servers.iter().map(|member| member.server.as_str()).collect();
        row(
            cluster.name.as_str(),
            servers.join(", "),
            servers.is_empty().then(|| "It has no server.".to_owned()),
        )
    });
    let balancers = fleet.load_balancers.iter().map(|balancer| {
        row(
            balancer.name.as_str(),
            crate::web::html::counted(balancer.endpoints.len() as u64, "endpoint", "endpoints"),
            None,
        )
    });
    let calendars =
        fleet.calendars.iter().map(|calendar| row(calendar.name.as_str(), calendar.timezone.clone(), None));
    let roles = fleet.roles.iter().map(|role| {
        let holders: Vec<String> = role
            .github_teams
            .iter()
            .map(|team| format!("team {team}"))
            .chain(role.users.iter().cloned())
            .collect();
        row(role.name.as_str(), holders.join(", "), None)
    });
    vec![
        FleetGroup { title: "Applications", rows: applications.collect() },
        FleetGroup { title: "Servers", rows: servers.collect() },
        FleetGroup { title: "Clusters", rows: clusters.collect() },
        FleetGroup { title: "Load balancers", rows: balancers.collect() },
        FleetGroup { title: "Calendars", rows: calendars.collect() },
        FleetGroup { title: "Roles", rows: roles.collect() },
    ]
}
