//! The outbox, emptied: each notice becomes a mail written from what is true when
//! it is sent. A mail server that is down delays a notice and loses nothing.

mod around_review;
mod when;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::situation::{self, Situation};
use super::stored_request::{LINK_SEAL, Stored};
use super::{App, Refusal};
use crate::db::{self, outbox::Due};
use crate::domain::actor::acted;
use crate::domain::deployment::Deployment;
use crate::domain::link::Purpose;
use crate::domain::live::LiveState;
use crate::domain::name::Name;
use crate::domain::notice::Notice;
use crate::domain::progress::{HostProgress, Progress};
use crate::domain::request::{LinkFacts, Request, RequestState, VoidCause, release_words};
use crate::domain::risk;
use crate::domain::windows::Window;
use crate::mail::messages::{
    AuditHead, Change, DeploymentEnded, Difference, Ending, HostLine, Moment, RequestAccepted, RequestEnded,
    RequestRejected, ReviewAsked, Risk, Thread,
};
use crate::mail::{Letter, MailError, Mailer, recipients};

/// A delivery that takes longer than this is somebody else's to try again.
const TAKEN_FOR: SignedDuration = SignedDuration::from_mins(2);
const NO_ADDRESS: &str = "nobody to tell: no address";
/// Seconds to wait after each failed attempt; after the last, it is given up.
const RETRIES: [i64; 12] = [5, 15, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 28800, 43200];

/// Delivers what is due. True when there was anything.
pub async fn deliver_due(app: &App, mailer: &Mailer) -> Result<bool, Refusal> {
    let due = db::outbox::list_due(&app.db, app.clock.now(), 20).await?;
    for item in &due {
        deliver(app, mailer, item).await?;
    }
    Ok(!due.is_empty())
}

async fn deliver(app: &App, mailer: &Mailer, due: &Due) -> Result<(), Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let taken = db::outbox::take(&tx, due, now, now + TAKEN_FOR).await?;
    tx.commit().await?;
    if !taken {
        return Ok(());
    }
    let result = match letter(app, due).await {
        Ok(Written::Letter(letter)) => mailer.send(&letter).await.map(|sent| {
            for refused in sent.undelivered {
                tracing::warn!(outbox = due.id, to = %refused.to, error = %refused.error, "an address was refused");
            }
        }),
        Ok(Written::Pointless) => Ok(()),
        Ok(Written::NoAddress) => Err(MailError { temporary: false, words: NO_ADDRESS.to_owned() }),
        Err(error) => {
            tracing::error!(outbox = due.id, kind = due.notice.kind(), %error, "a mail could not be written");
            Err(MailError { temporary: true, words: "the mail could not be written".to_owned() })
        }
    };
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    match result {
        Ok(()) => db::outbox::delivered(&tx, due.id, now).await?,
        Err(error) => retry_or_give_up(&tx, due, &error, now).await?,
    }
    tx.commit().await?;
    Ok(())
}

async fn retry_or_give_up(tx: &db::Tx, due: &Due, error: &MailError, now: Timestamp) -> Result<(), Refusal> {
    let wait = RETRIES.get(due.attempts as usize).filter(|_| error.temporary);
    if let Some(seconds) = wait {
        tracing::warn!(outbox = due.id, kind = due.notice.kind(), error = %error.words, "mail waits and will be tried again");
        db::outbox::retry_at(tx, due.id, &error.words, now + SignedDuration::from_secs(*seconds)).await?;
    } else {
        tracing::error!(outbox = due.id, kind = due.notice.kind(), error = %error.words, "mail was given up");
        db::outbox::give_up(tx, due.id, &error.words, now).await?;
    }
    Ok(())
}

/// What came of a notice when it was its turn.
enum Written {
    Letter(Box<Letter>),
    /// The request went on, the link no longer works, or nobody is concerned.
    Pointless,
    /// Nobody whom it is for can be written to: it stands among the failed ones until
    /// they have an address.
    NoAddress,
}

async fn letter(app: &App, due: &Due) -> Result<Written, Refusal> {
    match &due.notice {
        Notice::ReviewAsked { request, .. } => review_asked(app, due, *request).await,
        Notice::RequestAccepted { request, link } => request_accepted(app, due, *request, *link).await,
        Notice::RequestEnded { request } => request_ended(app, due, *request).await,
        Notice::QuestionAsked { request, question } => {
            around_review::question_asked(app, due, *request, *question).await
        }
        Notice::QuestionAnswered { request, answer } => {
            around_review::question_answered(app, due, *request, *answer).await
        }
        Notice::ReviewReminder { request, is_last } => {
            around_review::review_reminder(app, due, *request, *is_last).await
        }
        Notice::SlotReminder { request, link } => {
            around_review::slot_reminder(app, due, *request, *link).await
        }
        Notice::LinkRevoked { request, link } => around_review::link_revoked(app, due, *request, *link).await,
        Notice::ApprovalChanged { audit } => around_review::approval_changed(app, due, *audit).await,
        Notice::DeploymentEnded { deployment, audit_count, audit_mac } => {
            deployment_ended(app, due, *deployment, (*audit_count, audit_mac)).await
        }
        Notice::FreezeTold { freeze, request, released } => {
            when::freeze_told(app, due, *freeze, *request, *released).await
        }
        Notice::GlassBroken { deployment } => when::glass_broken(app, due, *deployment, false).await,
        Notice::OverrideUnsigned { deployment } => when::glass_broken(app, due, *deployment, true).await,
    }
}

async fn review_asked(app: &App, due: &Due, id: i64) -> Result<Written, Refusal> {
    let stored = Stored::load(app, &app.db, id, app.clock.now()).await?;
    let request = &stored.request;
    let RequestState::AwaitingReview { until } = request.state else { return Ok(Written::Pointless) };
    let Some(url) = secret_url(app, due, "review")? else { return Ok(Written::Pointless) };
    let bytes = db::requests::find_patch(&app.db, &request.seal.patch_sha256).await?.unwrap_or_default();
    let range =
        app.mirrors.commits_between(&request.application, request.from.as_ref(), &request.commit, 1).await;
    let mail = ReviewAsked {
        change: change(request),
        requester: display(app, &request.requester).await?,
        reason: request.reason.clone(),
        ticket: (!request.ticket.is_empty()).then(|| request.ticket.clone()),
        rollback: request.rollback,
        notes: request.notes.clone(),
        commits: range.map_or(0, |range| range.total),
        hosts: stored.situation.active_servers().len(),
        risks: risk::risk_hints(&request.stat)
            .into_iter()
            .map(|hint| Risk { label: hint.word.to_owned(), words: hint.text })
            .collect(),
        fingerprint: request.fingerprint.clone(),
        patch: crate::domain::diff::Patch {
            bytes,
            sha256: request.seal.patch_sha256.clone(),
            stat: request.stat.clone(),
        },
        decide_before: Moment { at: until, zone: stored.situation.zone() },
        url,
        thread: thread(app, request, 0),
    };
    let to = recipients(stored.situation.environment.approval.review_list.iter().map(String::as_str));
    address(due, to, |to| mail.letter(to, due.created_at))
}

async fn request_accepted(app: &App, due: &Due, id: i64, link: i64) -> Result<Written, Refusal> {
    let stored = Stored::load(app, &app.db, id, app.clock.now()).await?;
    let request = &stored.request;
    let latest =
        db::links::find_latest(&app.db, Purpose::Launch, id).await?.filter(|latest| latest.id == link);
    let (Some(latest), RequestState::Accepted { .. }) = (latest, &request.state) else {
        return Ok(Written::Pointless);
    };
    let Some(url) = secret_url(app, due, "launch")? else { return Ok(Written::Pointless) };
    let zone = stored.situation.zone();
    let now = app.clock.now();
    let locks = when::standing_locks(app, &stored.situation, latest.facts.expires_at).await?;
    let comment = stored
        .decisions
        .last()
        .map(|decision| decision.comment.clone())
        .filter(|comment| !comment.is_empty());
    let mail = RequestAccepted {
        change: change(request),
        accepted_by: signers(app, &stored).await?,
        comment,
        slot_from: (latest.facts.starts_at > latest.created_at)
            .then(|| Moment { at: latest.facts.starts_at, zone: zone.clone() }),
        window_until: window_end(&stored.situation, &latest.facts, now)
            .map(|at| Moment { at, zone: zone.clone() }),
        locks: locks.iter().map(|lock| when::lock_words(lock, &zone, now)).collect(),
        slot_until: Moment { at: latest.facts.expires_at, zone },
        url,
        thread: thread(app, request, copy(link)),
    };
    let to = mail_of(app, &request.requester).await?;
    address(due, recipients(to.iter().map(String::as_str)), |to| mail.letter(to, due.created_at))
}

/// When the window closes in which the slot begins, if the slot goes on after that: a
/// launch needs it open (rules.md 4).
fn window_end(situation: &Situation, link: &LinkFacts, now: Timestamp) -> Option<Timestamp> {
    match situation::window(&situation.fleet, &situation.environment, link.starts_at.max(now)) {
        Window::Open { until, .. } => until.filter(|until| *until < link.expires_at),
        Window::Always | Window::Closed { .. } => None,
    }
}

async fn request_ended(app: &App, due: &Due, id: i64) -> Result<Written, Refusal> {
    let request = db::requests::find(&app.db, id).await?.ok_or(Refusal::NotFound)?;
    let to = mail_of(app, &request.requester).await?;
    let to = recipients(to.iter().map(String::as_str));
    let (url, thread, change) =
        (page(app, &format!("requests/{id}"))?, thread(app, &request, 0), change(&request));
    let (ending, cause) = match &request.state {
        RequestState::Rejected { by, reason, .. } => {
            let mail =
                RequestRejected { change, by: display(app, by).await?, why: reason.clone(), url, thread };
            return address(due, to, |to| mail.letter(to, due.created_at));
        }
        RequestState::Cancelled { by, acting, .. } => {
            let by = acted(&display(app, by).await?, acting.as_ref());
            (Ending::Cancelled { by }, "It was withdrawn.".to_owned())
        }
        RequestState::Expired { .. } => (Ending::Expired, "Its time ran out.".to_owned()),
        RequestState::Void { cause, .. } => (Ending::Void, cause.summary()),
        RequestState::AwaitingReview { .. }
        | RequestState::Accepted { .. }
        | RequestState::Launched { .. } => return Ok(Written::Pointless),
    };
    let differs = match &request.state {
        RequestState::Void { cause, .. } => differences(&request, cause),
        _ => Vec::new(),
    };
    let mail = RequestEnded { change, ending, cause, differs, url, thread };
    address(due, to, |to| mail.letter(to, due.created_at))
}

/// What was reviewed and what is there now, where both can be told in a word.
fn differences(request: &Request, cause: &VoidCause) -> Vec<Difference> {
    let one = |what: String, reviewed: &str, now: &str| {
        vec![Difference { what, reviewed: reviewed.to_owned(), now: now.to_owned() }]
    };
    match cause {
        VoidCause::TagMoved { was, is } => one(format!("the tag {}", request.release), was, is),
        VoidCause::TagDeleted => {
            one(format!("the tag {}", request.release), request.commit.short(), "deleted")
        }
        VoidCause::Renamed { was, is } => one("the name".to_owned(), was, is),
        VoidCause::LiveChanged { was, is } => one("the live release".to_owned(), was, is),
        VoidCause::HostsChanged { differs } | VoidCause::ConfigurationChanged { differs } => {
            let difference = |differs: &crate::domain::recipe::Difference| Difference {
                what: differs.what.clone(),
                reviewed: differs.reviewed.clone(),
                now: differs.now.clone(),
            };
            differs.iter().map(difference).collect()
        }
        VoidCause::TagReplaced { .. }
        | VoidCause::ApproverLostRight { .. }
        | VoidCause::QuorumRaised { .. }
        | VoidCause::EnvironmentGone => Vec::new(),
    }
}

async fn deployment_ended(app: &App, due: &Due, id: i64, audit: (i64, &str)) -> Result<Written, Refusal> {
    let deployment = db::deployments::find(&app.db, id).await?.ok_or(Refusal::NotFound)?;
    let fleet = db::fleet::load(&app.db).await?;
    let owners = fleet
        .application(&deployment.application)
        .map(|application| application.owners.clone())
        .unwrap_or_default();
    let stored = match deployment.request {
        Some(request) => Stored::find(app, request).await.ok(),
        None => None,
    };
    let zone = stored.as_ref().map_or_else(|| app.config.timezone.clone(), |stored| stored.situation.zone());
    let accepted_by = match &stored {
        Some(stored) => signers(app, stored).await?,
        None => Vec::new(),
    };
    let progress = progress(app, &deployment).await?;
    let mail = DeploymentEnded {
        deployment: number(id),
        change: Change {
            application: deployment.application.to_string(),
            environment: deployment.environment.to_string(),
            from: deployment.from_release.as_deref().map(release_words),
            to: release_words(&deployment.release),
        },
        state: deployment.state,
        cause: deployment.why.clone().or_else(|| progress.warning_of(None)),
        hosts: host_lines(app, &deployment, &progress).await?,
        out_of_service: left_out(app, &deployment).await?,
        requested_by: Some(display(app, &deployment.requested_by).await?),
        accepted_by,
        started_by: acted(&display(app, &deployment.started_by).await?, deployment.acted_by.as_ref()),
        overridden: db::overrides::find(&app.db, id).await?.map(|broken| broken.reason),
        ended_at: Moment { at: deployment.ended_at.unwrap_or(due.created_at), zone },
        audit: Some(AuditHead { count: number(audit.0), head: audit.1.to_owned() }),
        url: page(app, &format!("deployments/{id}"))?,
        thread: stored.as_ref().map_or_else(
            || Thread { id: format!("deployment-{id}"), host: host(app), copy: 0 },
            |stored| thread(app, &stored.request, copy(id)),
        ),
    };
    let requester = mail_of(app, &deployment.requested_by).await?;
    let everybody = owners.iter().chain(&requester).chain(&app.config.mail.always_notify);
    let mut once: Vec<&str> = Vec::new();
    for entry in everybody {
        if !once.contains(&entry.as_str()) {
            once.push(entry);
        }
    }
    if once.is_empty() {
        // Nobody is named who would want to know.
        return Ok(Written::Pointless);
    }
    address(due, recipients(once), |to| mail.letter(to, due.created_at))
}

/// What the run left out of service.
async fn left_out(app: &App, deployment: &Deployment) -> Result<Vec<String>, Refusal> {
    let all = db::out_of_service::list(&app.db).await?;
    Ok(all
        .into_iter()
        .filter(|out| out.deployment == deployment.id)
        .map(|out| out.member.to_string())
        .collect())
}

/// Each host of the run, with what it runs now by the record.
async fn host_lines(
    app: &App,
    deployment: &Deployment,
    progress: &Progress,
) -> Result<Vec<HostLine>, Refusal> {
    if deployment.started_at.is_none() || deployment.plan.is_none() {
        return Ok(Vec::new());
    }
    let rows = db::live::list(&app.db, &deployment.application, &deployment.environment).await?;
    let settled =
        |host: &Name| rows.iter().find(|row| &row.server == host && row.state == LiveState::Settled);
    let line = |(name, host): (&Name, &HostProgress)| HostLine {
        host: name.to_string(),
        state: host.state,
        runs: settled(name).and_then(|row| row.release.as_deref()).map(release_words),
        why: progress.why_of(name).or_else(|| progress.warning_of(Some(name))),
    };
    Ok(progress.hosts.iter().map(line).collect())
}

/// The run as its journal tells it, without its output.
pub async fn progress(app: &App, deployment: &Deployment) -> Result<Progress, Refusal> {
    let outline = db::journal::outline(&app.db, deployment.id, 0).await?;
    Ok(Progress::of(&outline.events))
}

fn address(
    due: &Due,
    to: crate::mail::Recipients,
    write: impl FnOnce(Vec<lettre::message::Mailbox>) -> Result<Letter, askama::Error>,
) -> Result<Written, Refusal> {
    for bad in &to.refused {
        tracing::warn!(outbox = due.id, entry = %bad.entry, why = %bad.why, "not a mail address");
    }
    if to.mailboxes.is_empty() {
        return Ok(Written::NoAddress);
    }
    let letter = write(to.mailboxes).map_err(|error| Refusal::Internal(format!("mail: {error}")))?;
    Ok(Written::Letter(Box::new(letter)))
}

/// To the one who asked for the release.
async fn to_requester(
    app: &App,
    due: &Due,
    request: &Request,
    write: impl FnOnce(Vec<lettre::message::Mailbox>) -> Result<Letter, askama::Error>,
) -> Result<Written, Refusal> {
    let mail = mail_of(app, &request.requester).await?;
    address(due, recipients(mail.iter().map(String::as_str)), write)
}

/// The link itself exists only here and in the mail.
fn secret_url(app: &App, due: &Due, room: &str) -> Result<Option<Url>, Refusal> {
    let secret = due.sealed.as_deref().and_then(|sealed| app.keys.open(LINK_SEAL, sealed));
    let Some(secret) = secret.and_then(|secret| String::from_utf8(secret).ok()) else {
        tracing::error!(outbox = due.id, "the link of a mail cannot be opened with the keys of this server");
        return Ok(None);
    };
    page(app, &format!("{room}/{secret}")).map(Some)
}

pub fn page(app: &App, path: &str) -> Result<Url, Refusal> {
    app.config.base_url.join(path).map_err(|error| Refusal::Internal(format!("base_url: {error}")))
}

fn change(request: &Request) -> Change {
    Change {
        application: request.application.to_string(),
        environment: request.environment.to_string(),
        from: request.from.is_some().then(|| request.from_words()),
        to: release_words(&request.release),
    }
}

fn thread(app: &App, request: &Request, copy: u32) -> Thread {
    Thread { id: request.id.to_string(), host: host(app), copy }
}

fn host(app: &App) -> String {
    app.config.base_url.host_str().unwrap_or("localhost").to_owned()
}

fn copy(id: i64) -> u32 {
    u32::try_from(id).unwrap_or_default()
}

fn number(id: i64) -> u64 {
    u64::try_from(id).unwrap_or_default()
}

async fn display(app: &App, name: &Name) -> Result<String, Refusal> {
    let person = db::people::find_by_name(&app.db, name).await?;
    Ok(person.map_or_else(|| name.to_string(), |person| person.display))
}

/// Who accepted, as people call them. An approval of one's own is marked wherever it is named.
async fn signers(app: &App, stored: &Stored) -> Result<Vec<String>, Refusal> {
    let mut signers = Vec::new();
    for name in stored.accepted_by() {
        let own = if stored.request.is_own_of(&name) { " (their own request)" } else { "" };
        signers.push(format!("{}{own}", display(app, &name).await?));
    }
    Ok(signers)
}

/// Only a verified address, and of nobody who is disabled; or none.
async fn mail_of(app: &App, name: &Name) -> Result<Option<String>, Refusal> {
    let person = db::people::find_by_name(&app.db, name).await?.filter(|person| !person.disabled);
    Ok(person.and_then(|person| person.mail))
}
