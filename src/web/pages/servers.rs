//! Servers: what runs on each, and asking one of them now.

use super::items::deployment_item;
use crate::app::queries::servers::{self, Place, ServerSeen};
use crate::app::situation::Situation;
use crate::app::{App, Refusal, drift};
use crate::domain::actor::Actor;
use crate::domain::drift::Standing;
use crate::domain::live::LiveState;
use crate::domain::request::release_words;
use crate::domain::target::HostKey;
use crate::web::form::{Nothing, Posted};
use crate::web::guard::Looking;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::Section;
use crate::web::view::application::{ClusterView, Fact, ServerStanding};
use crate::web::view::server::{DriftItem, HeldView, OutView, PlaceView, Server};
use crate::web::view::servers::{ServerItem, Servers};

#[rocket::get("/servers")]
pub async fn list(looking: Looking<'_>) -> Result<Html, PageError> {
    let Looking(visit) = looking;
    let seen = servers::list(visit.app, visit.actor()).await?;
    let page =
        Servers { items: seen.iter().map(server_item).collect(), shell: visit.shell(Section::Applications) };
    Html::page(&page)
}

fn server_item(seen: &ServerSeen) -> ServerItem {
    ServerItem {
        name: seen.server.name.to_string(),
        is_active: seen.server.active,
        has_key: seen.server.host_key.is_some(),
        is_held: seen.held.is_some(),
        out_of_service: seen.out_of_service.len(),
        places: seen.places.iter().map(place_view).collect(),
    }
}

#[rocket::get("/servers/<name>")]
pub async fn one(looking: Looking<'_>, name: &str) -> Result<Html, PageError> {
    let Looking(visit) = looking;
    let (app, actor) = (visit.app, visit.actor());
    let seen = servers::find(app, actor, name).await?;
    let recent = servers::recent_deployments(app, actor, &seen).await?;
    let out = seen.out_of_service.iter().map(|out| OutView {
        member: out.member.to_string(),
        deployment: out.deployment,
        at: out.at,
    });
    let page = Server {
        name: seen.server.name.to_string(),
        facts: facts(&seen),
        is_active: seen.server.active,
        has_key: seen.server.host_key.is_some(),
        held: seen.held.map(|held| HeldView { deployment: held.deployment }),
        out_of_service: out.collect(),
        places: seen.places.iter().map(place_view).collect(),
        recent: recent.iter().map(|deployment| deployment_item(deployment, None)).collect(),
        may_read_now: seen.held.is_none() && seen.may_read_now(actor),
        shell: visit.shell(Section::Applications),
    };
    Html::page(&page)
}

#[rocket::post("/servers/<name>/read", data = "<posted>")]
pub async fn read(posted: Posted<'_, Nothing>, name: &str) -> Result<SeeOther, PageError> {
    drift::read_now(posted.visit.app, posted.visit.actor(), name).await?;
    Ok(SeeOther(format!("/servers/{name}")))
}

fn facts(seen: &ServerSeen) -> Vec<Fact> {
    let server = &seen.server;
    let key = match server.host_key.as_deref().map(HostKey::parse) {
        Some(Ok(key)) => Fact::code("Pinned host key", key.fingerprint()),
        Some(Err(error)) => Fact::said("Pinned host key", format!("not readable: it {error}")),
        None => Fact::said("Pinned host key", "none"),
    };
    let clusters: Vec<String> = seen.clusters.iter().map(ToString::to_string).collect();
    vec![
        Fact::code("Host", server.host.clone()),
        Fact::said("Port", server.port.to_string()),
        key,
        Fact::said("Clusters", if clusters.is_empty() { "none".to_owned() } else { clusters.join(", ") }),
        Fact::said("Active", if server.active { "yes" } else { "no" }),
    ]
}

fn place_view(place: &Place) -> PlaceView {
    let settled = place.row.as_ref().filter(|row| row.state == LiveState::Settled);
    PlaceView {
        application: place.application.to_string(),
        environment: place.environment.to_string(),
        release: settled.and_then(|row| row.release.as_deref()).map(release_words),
        is_unsettled: place.row.is_some() && settled.is_none(),
        deployed_at: place.row.as_ref().map(|row| row.at),
        standing: place.standing.clone(),
        is_checked: place.is_checked,
    }
}

/// For home: drift where this person may deploy.
pub async fn drift_items(app: &App, actor: &Actor) -> Result<Vec<DriftItem>, Refusal> {
    let item = |trouble: drift::Trouble| match trouble.standing {
        Standing::Drifted { since, says } => Some(DriftItem {
            server: trouble.server.to_string(),
            application: trouble.application.to_string(),
            environment: trouble.environment.to_string(),
            says,
            since,
        }),
        _ => None,
    };
    Ok(servers::drifted(app, actor).await?.into_iter().filter_map(item).collect())
}

/// The servers of an environment with what each last said. What a run left unknown,
/// or is changing, stays so whatever the host said.
pub async fn marked(
    app: &App,
    situation: &Situation,
    mut clusters: Vec<ClusterView>,
) -> Result<Vec<ClusterView>, Refusal> {
    let (application, environment) = (&situation.application.name, &situation.environment.name);
    let standings = servers::standings(app, application, environment, &situation.rows).await?;
    for server in clusters.iter_mut().flat_map(|cluster| &mut cluster.servers) {
        let said = standings.iter().find(|(name, _)| name.as_str() == server.name);
        let Some((_, said)) = said else { continue };
        if !matches!(server.standing, ServerStanding::AsRecorded | ServerStanding::New) {
            continue;
        }
        let at = |since: &jiff::Timestamp| since.strftime("%Y-%m-%d %H:%M UTC").to_string();
        match said {
            Standing::Agrees { read_at } => server.standing = ServerStanding::Confirmed(*read_at),
            Standing::Differs { since, says } => {
                server.standing = ServerStanding::Differs(format!("{says}, since {}", at(since)));
            }
            Standing::Drifted { since, says } => {
                server.standing = ServerStanding::Drifted(format!("{says}, since {}", at(since)));
            }
            Standing::Unreachable { since, why } => {
                server.standing = ServerStanding::Unknown(format!("{why}, since {}", at(since)));
            }
            Standing::NotRead | Standing::NoRecord { .. } => {}
        }
    }
    Ok(clusters)
}
