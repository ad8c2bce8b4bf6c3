//! What those who watch over the service read: who may do what, what was done, and
//! what did not arrive.

use crate::app::{App, Refusal, access};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::matrix::{Holder, Line};
use crate::domain::name::Name;
use crate::domain::notice::DeliveryState;
use crate::domain::permission::GlobalPermission;
use crate::domain::person::Person;

pub use crate::db::audit::{Line as AuditLine, Wanted as AuditWanted};
pub use crate::db::outbox::Delivery;

/// People that are read at once: many of them may do nothing here.
const PEOPLE: u64 = 200;

/// One line of the matrix.
#[derive(Debug, Clone)]
pub struct Entry {
    pub person: Name,
    pub display: String,
    pub application: Name,
    pub environment: Name,
    pub line: Line,
    pub globals: Vec<GlobalPermission>,
}

/// Who may do something in one environment, in the order of their names, above
/// `after`; with the name to go on above.
pub async fn who_may(
    app: &App,
    actor: &Actor,
    place: (&Name, &Name),
    after: Option<&Name>,
    limit: usize,
) -> Result<(Vec<Entry>, Option<Name>), Refusal> {
    access::oversees(actor)?;
    let fleet = db::fleet::load(&app.db).await?;
    fleet.environment(place.0, place.1).ok_or(Refusal::NotFound)?;
    let memberships = db::people::list_all_members(&app.db).await?;
    let (mut entries, mut after) = (Vec::new(), after.cloned());
    loop {
        let people = db::people::list(&app.db, "", after.as_ref(), PEOPLE).await?;
        let full = people.len() as u64 == PEOPLE;
        for person in people {
            after = Some(person.name.clone());
            let holder = Holder::new(&person, &memberships, &fleet.roles);
            let Some(entry) = entry(&person, &holder, place) else { continue };
            if entries.len() == limit {
                let next = entries.last().map(|entry: &Entry| entry.person.clone());
                return Ok((entries, next));
            }
            entries.push(entry);
        }
        if !full {
            return Ok((entries, None));
        }
    }
}

/// What one person may do, in every environment where that is anything.
pub async fn what_may(app: &App, actor: &Actor, person: &Name) -> Result<Vec<Entry>, Refusal> {
    access::oversees(actor)?;
    let person = db::people::find_by_name(&app.db, person).await?.ok_or(Refusal::NotFound)?;
    let fleet = db::fleet::load(&app.db).await?;
    let memberships = db::people::list_memberships(&app.db, &person).await?;
    let holder = Holder::new(&person, &memberships, &fleet.roles);
    let places = fleet.applications.iter().flat_map(|application| {
        let environments = application.environments_in_order().into_iter();
        environments.map(|environment| (&application.name, &environment.name))
    });
    Ok(places.filter_map(|place| entry(&person, &holder, place)).collect())
}

fn entry(person: &Person, holder: &Holder, (application, environment): (&Name, &Name)) -> Option<Entry> {
    let mut globals = holder.access.globals.clone();
    globals.sort();
    globals.dedup();
    Some(Entry {
        person: person.name.clone(),
        display: person.display.clone(),
        application: application.clone(),
        environment: environment.clone(),
        line: holder.line(application, environment)?,
        globals,
    })
}

/// The audit trail, newest first, with the number to go on below.
pub async fn audit(
    app: &App,
    actor: &Actor,
    wanted: &AuditWanted,
    limit: usize,
) -> Result<(Vec<AuditLine>, Option<i64>), Refusal> {
    access::oversees(actor)?;
    let mut lines = db::audit::list(&app.db, wanted, limit as u64 + 1).await?;
    let more = lines.len() > limit;
    lines.truncate(limit);
    let next = lines.last().map(|line| line.seq).filter(|_| more);
    Ok((lines, next))
}

/// Where the chain ends, to be compared with a head seen elsewhere.
pub async fn audit_head(app: &App, actor: &Actor) -> Result<Option<db::audit::Head>, Refusal> {
    access::oversees(actor)?;
    Ok(db::audit::head(&app.db).await?)
}

/// Notices that were given up, or that failed and will be tried again, newest first.
pub async fn deliveries(
    app: &App,
    actor: &Actor,
    state: Option<DeliveryState>,
    before: Option<i64>,
    limit: usize,
) -> Result<(Vec<Delivery>, Option<i64>), Refusal> {
    access::oversees(actor)?;
    let mut rows = db::outbox::list_failed(&app.db, state, before, limit as u64 + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().map(|row| row.id).filter(|_| more);
    Ok((rows, next))
}
