//! Freezes, as their readers see them: those that concern a place they may read.

use jiff::SignedDuration;

use super::page::{ROWS, page};
use crate::app::{App, Refusal};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::fleet::Fleet;
use crate::domain::freeze::{Freeze, FreezeState};
use crate::domain::name::Name;
use crate::domain::permission::Permission;

/// How long before it begins a planned one is shown where it will hold.
const ANNOUNCED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Whose pages a freeze may be shown on.
#[derive(Debug, Clone, Copy)]
pub enum Concern<'a> {
    /// All that the reader may see.
    Anything,
    Application(&'a Name),
    Environment(&'a Name, &'a Name),
}

/// Newest first, of one state or all, below `before`, and where it goes on.
pub async fn list(
    app: &App,
    actor: &Actor,
    state: Option<FreezeState>,
    before: Option<i64>,
    limit: usize,
) -> Result<(Vec<Freeze>, Option<i64>), Refusal> {
    let fleet = db::fleet::load(&app.db).await?;
    let now = app.clock.now();
    page(
        limit,
        before,
        |before| db::freezes::list(&app.db, before, ROWS),
        |freeze: &Freeze| freeze.id,
        |freeze| state.is_none_or(|state| freeze.state(now) == state) && may_see(&fleet, actor, freeze),
    )
    .await
}

pub async fn find(app: &App, actor: &Actor, id: i64) -> Result<Freeze, Refusal> {
    let freeze = db::freezes::find(&app.db, id).await?.ok_or(Refusal::NotFound)?;
    let fleet = db::fleet::load(&app.db).await?;
    if may_see(&fleet, actor, &freeze) { Ok(freeze) } else { Err(Refusal::NotFound) }
}

/// What is in force, or soon will be, where a page is about.
pub async fn standing(app: &App, actor: &Actor, about: Concern<'_>) -> Result<Vec<Freeze>, Refusal> {
    let now = app.clock.now();
    let mut freezes = db::freezes::list_standing(&app.db, now).await?;
    freezes.retain(|freeze| freeze.from.duration_since(now) <= ANNOUNCED);
    if freezes.is_empty() {
        return Ok(freezes);
    }
    let fleet = match about {
        Concern::Environment(application, environment) => {
            freezes.retain(|freeze| freeze.on.covers(application, environment));
            return Ok(freezes);
        }
        Concern::Anything | Concern::Application(_) => db::fleet::load(&app.db).await?,
    };
    freezes.retain(|freeze| {
        places(&fleet).any(|(application, environment)| {
            let of_page = !matches!(about, Concern::Application(only) if only != application);
            of_page
                && freeze.on.covers(application, environment)
                && actor.access.may(Permission::Read, application, environment)
        })
    });
    Ok(freezes)
}

fn may_see(fleet: &Fleet, actor: &Actor, freeze: &Freeze) -> bool {
    actor.access.is_admin()
        || places(fleet).any(|(application, environment)| {
            freeze.on.covers(application, environment)
                && actor.access.may(Permission::Read, application, environment)
        })
}

fn places(fleet: &Fleet) -> impl Iterator<Item = (&Name, &Name)> {
    fleet.applications.iter().flat_map(|application| {
        application.environments.iter().map(move |environment| (&application.name, &environment.name))
    })
}
