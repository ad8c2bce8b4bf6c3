//! What has to happen without anybody asking: requests expire, changes void what
//! they touch, lost runs are found, unsettled hosts are read, old rows go.

use jiff::SignedDuration;
use serde_json::json;

use super::situation::Situation;
use super::stored_request::{self, Stored};
use super::{App, Refusal, acceptance, break_glass, idempotency, remind, run_deployment};
use crate::db::{self, DbError, Tx};
use crate::domain::live::{HostWord, LiveRow, LiveState};
use crate::domain::name::Name;
use crate::domain::permission::Access;
use crate::domain::policy;
use crate::domain::request::{Request, RequestWord, VoidCause};

/// One round. Every part goes on although another failed; failures are logged.
pub async fn housekeep(app: &App) {
    let report = |what: &str, result: Result<(), Refusal>| {
        if let Err(error) = result {
            tracing::error!(%error, "housekeeping: {what}");
        }
    };
    report("expire requests", expire(app).await);
    report("lost runs", Box::pin(find_lost(app)).await);
    report("changed requests", Box::pin(void_moved(app)).await);
    report("reminders", remind::remind(app).await);
    report("clean sessions", clean(app).await);
    report("overrides that nobody signed", break_glass::remind(app).await);
    report("read memberships again", Box::pin(super::access::refresh_old(app)).await);
}

/// Requests whose time is over.
pub async fn expire(app: &App) -> Result<(), Refusal> {
    for request in list_open(app).await? {
        let now = app.clock.now();
        if request.state.expire(now).is_none() {
            continue;
        }
        let tx = app.db.begin().await?;
        let Some(mut request) = db::requests::find(&tx, request.id).await? else { continue };
        let Some(expired) = request.state.expire(now) else { continue };
        request.state = expired;
        db::requests::update(&tx, &request).await?;
        stored_request::ended(app, &tx, &request, "request.expired", "clock", json!({}), now).await?;
        tx.commit().await?;
        app.wake.outbox.notify_one();
    }
    Ok(())
}

/// Runs whose lease ran out are interrupted; their hosts are then asked what they run.
pub async fn find_lost(app: &App) -> Result<(), Refusal> {
    for deployment in db::deployments::list_lost(&app.db, app.clock.now()).await? {
        tracing::warn!(deployment = deployment.id, "its runner is lost");
        Box::pin(run_deployment::interrupt(app, &deployment)).await?;
        Box::pin(settle(app, &deployment.application, &deployment.environment)).await?;
    }
    if !db::deployments::list_left_locks(&app.db).await?.is_empty() {
        let tx = app.db.begin().await?;
        let servers = db::deployments::list_left_locks(&tx).await?;
        tracing::warn!(?servers, "kept for deployments that are over; free again");
        db::deployments::unlock_servers(&tx, &servers).await?;
        tx.commit().await?;
        app.wake.queue.notify_one();
    }
    Ok(())
}

/// Every environment with hosts that a run left unknown.
pub async fn settle_all(app: &App) {
    let rows = match db::live::list_all(&app.db).await {
        Ok(rows) => rows,
        Err(error) => return tracing::error!(%error, "housekeeping: unsettled hosts"),
    };
    let mut places: Vec<(Name, Name)> = rows
        .into_iter()
        .filter(|(_, _, row)| row.state == LiveState::Unknown)
        .map(|(a, e, _)| (a, e))
        .collect();
    places.sort();
    places.dedup();
    for (application, environment) in places {
        if let Err(error) = settle(app, &application, &environment).await {
            tracing::error!(%application, %environment, %error, "housekeeping: unsettled hosts");
        }
    }
}

/// Reads the hosts whose state a run left unknown, and records what they say. A
/// host in the middle of a change, or out of reach, stays unknown.
pub async fn settle(app: &App, application: &Name, environment: &Name) -> Result<(), Refusal> {
    let now = app.clock.now();
    let Some(mut situation) = Situation::load(app, &app.db, application, environment, now).await? else {
        return Ok(());
    };
    if situation.rows.iter().all(|row| row.state == LiveState::Settled) {
        return Ok(());
    }
    situation.ask_hosts(app).await?;
    let tx = app.db.begin().await?;
    if db::deployments::find_under_way(&tx, application, environment).await?.is_some() {
        // It began while the hosts were asked; what they said is older than that.
        return Ok(());
    }
    for row in db::live::list(&tx, application, environment).await? {
        let word = situation.words.iter().find(|(server, _)| server == &row.server).map(|(_, word)| word);
        let (LiveState::Unknown, Some(HostWord::Runs { commit, release, in_progress: false })) =
            (row.state, word)
        else {
            continue;
        };
        let settled = LiveRow {
            commit: Some(commit.clone()),
            release: Some(release.clone()),
            state: LiveState::Settled,
            at: app.clock.now(),
            ..row
        };
        db::live::put(&tx, application, environment, &settled).await?;
        let facts = json!({ "commit": settled.commit, "release": settled.release });
        let entry = db::audit::Entry {
            actor: "policy",
            action: "host.settled",
            subject: format!("server {}", settled.server),
            facts,
        };
        db::audit::append(&tx, &app.keys, app.clock.now(), entry).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Fetches for every application with an open request, and voids what no longer
/// matches (rules.md 9). One that has all the accepts it takes by now is accepted.
pub async fn void_moved(app: &App) -> Result<(), Refusal> {
    let mut fetched: Vec<Name> = Vec::new();
    for request in list_open(app).await? {
        let first = !fetched.contains(&request.application);
        // What is wrong with one request keeps nothing from the others.
        if let Err(error) = Box::pin(look_again(app, &request, first)).await {
            tracing::error!(request = request.id, %error, "housekeeping: an open request");
        }
        if first {
            fetched.push(request.application);
        }
    }
    Ok(())
}

async fn look_again(app: &App, request: &Request, fetch: bool) -> Result<(), Refusal> {
    let now = app.clock.now();
    let mut stored = match Stored::load(app, &app.db, request.id, now).await {
        Ok(stored) => stored,
        Err(Refusal::NotFound) => return void_without_place(app, request.id).await,
        Err(other) => return Err(other),
    };
    stored.read_tag(app, fetch).await?;
    let nobody = Access::default();
    if policy::void_cause(&stored.facts(&request.requester, &nobody, None)).is_none() {
        return acceptance::settle_waiting(app, &stored).await;
    }
    let tx = app.db.begin().await?;
    let stored = stored.again(&tx, now).await?;
    let cause = policy::void_cause(&stored.facts(&request.requester, &nobody, None));
    if let (Some(cause), true) = (cause, stored.request.state.word().is_open()) {
        stored_request::void(app, &tx, stored.request, cause, "policy", now).await?;
        tx.commit().await?;
        app.wake.outbox.notify_one();
    }
    Ok(())
}

/// By record alone, inside the transaction that changed something: on apply, and
/// at the end of each deployment.
pub async fn void_changed(
    app: &App,
    tx: &Tx,
    place: Option<(&Name, &Name)>,
    actor: &str,
) -> Result<(), Refusal> {
    let filter = db::requests::Filter {
        states: vec![RequestWord::AwaitingReview, RequestWord::Accepted],
        application: place.map(|(application, _)| application.clone()),
        environment: place.map(|(_, environment)| environment.clone()),
        ..Default::default()
    };
    for request in db::requests::list(tx, &filter, 10_000).await? {
        let now = app.clock.now();
        let cause = match Stored::load(app, tx, request.id, now).await {
            Ok(mut stored) => {
                stored.situation.find_base(app).await?;
                policy::void_cause(&stored.facts(&request.requester, &Access::default(), None))
            }
            Err(Refusal::NotFound) => Some(VoidCause::EnvironmentGone),
            Err(other) => return Err(other),
        };
        if let Some(cause) = cause {
            stored_request::void(app, tx, request, cause, actor, now).await?;
        }
    }
    Ok(())
}

/// Its place is gone.
async fn void_without_place(app: &App, id: i64) -> Result<(), Refusal> {
    let tx = app.db.begin().await?;
    let request = db::requests::find(&tx, id).await?;
    if let Some(request) = request.filter(|request| request.state.word().is_open()) {
        let cause = VoidCause::EnvironmentGone;
        stored_request::void(app, &tx, request, cause, "policy", app.clock.now()).await?;
        tx.commit().await?;
        app.wake.outbox.notify_one();
    }
    Ok(())
}

async fn list_open(app: &App) -> Result<Vec<Request>, DbError> {
    let filter = db::requests::Filter {
        states: vec![RequestWord::AwaitingReview, RequestWord::Accepted],
        ..Default::default()
    };
    db::requests::list(&app.db, &filter, 10_000).await
}

async fn clean(app: &App) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    db::sessions::clean(&tx, now).await?;
    db::tokens::clean(&tx, now - SignedDuration::from_hours(24)).await?;
    db::idempotency::clean(&tx, now - idempotency::KEPT_FOR).await?;
    tx.commit().await?;
    Ok(())
}
