//! Applications and environments, narrowed to what their reader may see.

use crate::app::situation::Situation;
use crate::app::stored_request::FRESH;
use crate::app::{App, Refusal};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::fleet::{Application, Environment, Fleet, Role};
use crate::domain::live::LiveRow;
use crate::domain::name::Name;
use crate::domain::permission::{Permission, allows};
use crate::domain::person::ADMIN_ROLE;

/// The fleet with only the environments, and applications, that may be read.
pub async fn readable_fleet(app: &App, actor: &Actor) -> Result<Fleet, Refusal> {
    let mut fleet = db::fleet::load(&app.db).await?;
    for application in &mut fleet.applications {
        let name = application.name.clone();
        application
            .environments
            .retain(|environment| actor.access.may(Permission::Read, &name, &environment.name));
    }
    fleet.applications.retain(|application| !application.environments.is_empty() || actor.access.is_admin());
    Ok(fleet)
}

/// An application that may be read at all, with the environments that may.
pub async fn find(app: &App, actor: &Actor, name: &str) -> Result<(Fleet, Application), Refusal> {
    let name = Name::parse(name).map_err(|_| Refusal::NotFound)?;
    let fleet = readable_fleet(app, actor).await?;
    let application = fleet.application(&name).cloned().ok_or(Refusal::NotFound)?;
    Ok((fleet, application))
}

/// One environment, with everything policy knows of it. Opens no connection.
pub async fn situation(
    app: &App,
    actor: &Actor,
    application: &str,
    environment: &str,
) -> Result<Situation, Refusal> {
    let parse = |text: &str| Name::parse(text).map_err(|_| Refusal::NotFound);
    let (application, environment) = (parse(application)?, parse(environment)?);
    if !actor.access.may(Permission::Read, &application, &environment) {
        return Err(Refusal::NotFound);
    }
    Situation::load(app, &app.db, &application, &environment, app.clock.now()).await?.ok_or(Refusal::NotFound)
}

/// What every server runs, by the record.
pub async fn live_rows(app: &App) -> Result<Vec<(Name, Name, LiveRow)>, Refusal> {
    Ok(db::live::list_all(&app.db).await?)
}

/// Who holds a permission in an environment: the roles that give it, there or
/// everywhere, by name. That of administrators is there always, and first.
pub fn roles_with<'a>(
    fleet: &'a Fleet,
    wanted: Permission,
    application: &Name,
    environment: &Environment,
) -> Vec<&'a str> {
    let gives = |role: &&Role| {
        role.name.as_str() != ADMIN_ROLE
            && allows(&role.global, &role.grants, wanted, application, &environment.name)
    };
    let others = fleet.roles.iter().filter(gives).map(|role| role.name.as_str());
    std::iter::once(ADMIN_ROLE).chain(others).collect()
}

/// Where this person may ask for releases.
pub fn may_request_somewhere(fleet: &Fleet, actor: &Actor) -> bool {
    let places = fleet.applications.iter().flat_map(|application| {
        application.environments.iter().map(|environment| (&application.name, &environment.name))
    });
    places
        .into_iter()
        .any(|(application, environment)| actor.access.may(Permission::Request, application, environment))
}

/// Mails that were given up.
pub async fn failed_deliveries(app: &App) -> Result<u64, Refusal> {
    let (_, given_up) = db::outbox::counts(&app.db).await?;
    Ok(given_up)
}

/// What is live in an environment, by the record.
pub async fn live(
    app: &App,
    application: &Name,
    environment: &Name,
) -> Result<Option<crate::domain::policy::LiveFacts>, Refusal> {
    let situation = Situation::load(app, &app.db, application, environment, app.clock.now()).await?;
    Ok(situation.map(|situation| situation.live()))
}

/// Fetches when there is no mirror or it is old (rules.md 45). Gives when the
/// mirror is from, and why it could not be made newer; refuses only without any.
pub async fn fresh_mirror(
    app: &App,
    application: &Application,
) -> Result<(jiff::Timestamp, Option<String>), Refusal> {
    let now = app.clock.now();
    let known = app.mirrors.fetched_from(&application.name, &application.repository).await;
    if let Some(at) = known.filter(|at| now.duration_since(*at) <= FRESH) {
        return Ok((at, None));
    }
    let fetched = app.mirrors.fetch(&application.name, &application.repository, now).await;
    match (fetched, app.mirrors.fetched_from(&application.name, &application.repository).await) {
        (Ok(()), at) => Ok((at.unwrap_or(now), None)),
        (Err(error), Some(at)) => Ok((at, Some(error.to_string()))),
        (Err(error), None) => Err(Refusal::Unavailable(format!("{error}."))),
    }
}
