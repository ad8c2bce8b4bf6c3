//! What is told of freezes and of break-glass.

use jiff::Timestamp;

use super::{Written, address, change, copy, display, host, number, page, thread, to_requester};
use crate::app::situation::Situation;
use crate::app::stored_request::Stored;
use crate::app::{App, Refusal, access};
use crate::db::{self, outbox::Due};
use crate::domain::deployment::Deployment;
use crate::domain::freeze::{Freeze, FreezeState, moment};
use crate::domain::permission::Permission;
use crate::domain::request::{RequestState, release_words};
use crate::mail::messages::{Change, FreezeTold, GlassBroken, Moment, Thread};
use crate::mail::recipients;

/// `released`: what was told of it was that it holds nothing up any more.
pub(super) async fn freeze_told(
    app: &App,
    due: &Due,
    freeze: i64,
    request: i64,
    released: bool,
) -> Result<Written, Refusal> {
    let freeze = db::freezes::find(&app.db, freeze).await?.ok_or(Refusal::NotFound)?;
    let stored = Stored::find(app, request).await?;
    let request = &stored.request;
    let RequestState::Accepted { stands_until, .. } = request.state else { return Ok(Written::Pointless) };
    // It was changed once more; what is so now is told by a notice of its own.
    if freeze.locks(&request.application, &request.environment) == released {
        return Ok(Written::Pointless);
    }
    let now = app.clock.now();
    let mut others = standing_locks(app, &stored.situation, now).await?;
    others.retain(|other| other.id != freeze.id);
    let zone = stored.situation.zone();
    let instant = |at| Moment { at, zone: zone.clone() };
    let mail = FreezeTold {
        change: change(request),
        what: freeze.on.words(),
        state: freeze.state(now),
        released,
        others: others.iter().map(|other| lock_words(other, &zone, now)).collect(),
        reason: freeze.reason.clone(),
        by: freeze.people(),
        changed_by: freeze.changed_by.clone(),
        lifted_by: freeze.lifted.as_ref().map(|lifted| lifted.by.clone()),
        from: instant(freeze.from),
        until: freeze.until.map(instant),
        stands_until: instant(stands_until),
        url: page(app, &format!("requests/{}", request.id))?,
        thread: thread(app, request, copy(due.id)),
    };
    to_requester(app, due, request, |to| mail.letter(to, due.created_at)).await
}

/// The locks that keep a release from starting there, now or from some time before
/// `then` on.
pub(super) async fn standing_locks(
    app: &App,
    situation: &Situation,
    then: Timestamp,
) -> Result<Vec<Freeze>, Refusal> {
    let (application, environment) = (&situation.application.name, &situation.environment.name);
    let mut locks = db::freezes::list_standing(&app.db, app.clock.now()).await?;
    locks.retain(|freeze| freeze.locks(application, environment) && freeze.from <= then);
    Ok(locks)
}

/// `shop is frozen until Thu 24 Dec 2026, 08:00 (Europe/Paris)`.
pub(super) fn lock_words(lock: &Freeze, zone: &str, now: Timestamp) -> String {
    let (what, end) = (lock.on.words(), lock.end_words(zone));
    match lock.state(now) {
        FreezeState::Planned => format!("{what} will be frozen from {} {end}", moment(lock.from, zone)),
        FreezeState::Current | FreezeState::Ended => format!("{what} is frozen {end}"),
    }
}

/// At once, to everybody concerned: the review list, owners, those always told,
/// administrators, and who reviews there.
pub(super) async fn glass_broken(app: &App, due: &Due, id: i64, reminds: bool) -> Result<Written, Refusal> {
    let deployment = db::deployments::find(&app.db, id).await?.ok_or(Refusal::NotFound)?;
    let broken = db::overrides::find(&app.db, id).await?.ok_or(Refusal::NotFound)?;
    if reminds && broken.signed.is_some() {
        return Ok(Written::Pointless);
    }
    let fleet = db::fleet::load(&app.db).await?;
    let environment = fleet.environment(&deployment.application, &deployment.environment);
    let calendar = environment.and_then(|(_, environment)| fleet.calendar(environment.calendar.as_ref()?));
    let zone = calendar.map_or(&app.config.timezone, |calendar| &calendar.timezone);
    let mail = GlassBroken {
        change: Change {
            application: deployment.application.to_string(),
            environment: deployment.environment.to_string(),
            from: deployment.from_release.as_deref().map(release_words),
            to: release_words(&deployment.release),
        },
        deployment: number(id),
        who: display(app, &broken.who).await?,
        reason: broken.reason.clone(),
        at: Moment { at: broken.at, zone: zone.clone() },
        reminds,
        url: page(app, &format!("deployments/{id}"))?,
        thread: Thread {
            id: format!("deployment-{id}"),
            host: host(app),
            copy: if reminds { copy(due.id) } else { 0 },
        },
    };
    let mut to: Vec<String> = Vec::new();
    if let Some((application, environment)) = environment {
        to.extend(environment.approval.review_list.iter().chain(&application.owners).cloned());
    }
    to.extend(app.config.mail.always_notify.iter().cloned());
    to.extend(signers(app, &deployment).await?);
    let mut once: Vec<&str> = Vec::new();
    for entry in &to {
        if !once.contains(&entry.as_str()) {
            once.push(entry);
        }
    }
    address(due, recipients(once), |to| mail.letter(to, due.created_at))
}

/// The addresses of those who may sign, administrators among them.
async fn signers(app: &App, deployment: &Deployment) -> Result<Vec<String>, Refusal> {
    let mut mails = Vec::new();
    for person in db::people::list_with_mail(&app.db).await? {
        let access = access::access_of(&app.db, &person).await?;
        if access.may(Permission::Review, &deployment.application, &deployment.environment) {
            mails.extend(person.mail);
        }
    }
    Ok(mails)
}
