//! Somebody asks for a release: resolve, compare with what is live, compute the
//! patch, seal it, store it, and tell the reviewers.

use jiff::Timestamp;
use serde_json::json;

use super::candidate::{Candidate, counts, look_up};
use super::situation::{Situation, repository};
use super::stored_request::{self, Stored, issue_review_link};
use super::{App, FieldError, Refusal, acceptance};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::diff::Patch;
use crate::domain::live::{LiveRow, LiveState};
use crate::domain::manifest::hex;
use crate::domain::name::{Name, is_deceptive};
use crate::domain::pause::Pause;
use crate::domain::permission::Permission;
use crate::domain::policy::{self, Act};
use crate::domain::request::{Request, RequestState};
use crate::domain::seal::Seal;

const LONGEST_REASON: usize = 4000;
const LONGEST_TICKET: usize = 190;

/// The form, as typed.
#[derive(Debug, Clone, Default)]
pub struct Form {
    pub application: String,
    pub environment: String,
    /// A tag, or a full commit id in a branch environment (rules.md 13).
    pub tag: String,
    pub reason: String,
    pub ticket: String,
    pub rollback: bool,
}

pub async fn request_release(app: &App, actor: &Actor, form: &Form) -> Result<i64, Refusal> {
    let (application, environment) = place(app, actor, form).await?;
    check_text(form)?;
    super::access::refresh_all(app, &actor.names()).await?;
    let candidate = look_up(app, actor, (&application, &environment), &form.tag, form.rollback).await?;
    let live = candidate.situation.live();
    let patch =
        app.mirrors.patch(&application, live.from.as_ref(), &candidate.commit).await.map_err(repository)?;
    app.mirrors.keep(&application, &candidate.commit).await.map_err(repository)?;
    let mails = app.mirrors.author_mails(&application, live.from.as_ref(), &candidate.commit).await;
    let mails = mails.map_err(repository)?.into_iter().collect();
    Box::pin(store(app, actor, form, candidate, &patch, mails)).await
}

/// Where: what may not be read is not there.
async fn place(app: &App, actor: &Actor, form: &Form) -> Result<(Name, Name), Refusal> {
    let parse = |text: &str| Name::parse(text).map_err(|_| Refusal::NotFound);
    let (application, environment) = (parse(&form.application)?, parse(&form.environment)?);
    let fleet = db::fleet::load(&app.db).await?;
    let exists = fleet.environment(&application, &environment).is_some();
    if exists && actor.access.may(Permission::Read, &application, &environment) {
        Ok((application, environment))
    } else {
        Err(Refusal::NotFound)
    }
}

fn check_text(form: &Form) -> Result<(), Refusal> {
    let mut errors = Vec::new();
    let mut error = |field, message: String| errors.push(FieldError { field, message });
    if form.reason.trim().is_empty() {
        error("reason", "Say why; the reviewers read it first.".to_owned());
    } else if form.reason.len() > LONGEST_REASON {
        error("reason", format!("At most {LONGEST_REASON} bytes."));
    }
    if form.ticket.len() > LONGEST_TICKET || form.ticket.chars().any(is_deceptive) {
        error("ticket", format!("One line of at most {LONGEST_TICKET} bytes."));
    }
    if form.tag.trim().is_empty() {
        error("tag", "Pick what to release.".to_owned());
    }
    if errors.is_empty() { Ok(()) } else { Err(Refusal::Invalid(errors)) }
}

/// The transaction: policy on fresh facts, then request, link, record and mail together.
async fn store(
    app: &App,
    actor: &Actor,
    form: &Form,
    candidate: Candidate,
    patch: &Patch,
    mails: Vec<String>,
) -> Result<i64, Refusal> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let actor = super::access::again(&tx, actor).await?;
    let situation = candidate.situation.again(&tx, now).await?;
    let candidate = Candidate { situation, ..candidate };
    let counts = counts(&tx, &actor, &candidate, now).await?;
    let gates = policy::gates(Act::Request, &candidate.facts(&actor, &counts));
    if !policy::passes(&gates) {
        return Err(Refusal::Stopped(gates));
    }
    let authors = stored_request::authors(&tx, &mails).await?;
    let mut request =
        Request { authors, author_mails: mails, ..sealed(&candidate, &actor, form, patch, now) };
    if candidate.situation.live().adopted {
        adopt(&tx, &candidate.situation, now).await?;
    }
    let identifier = identifier(app, &request)?;
    let inserted = db::requests::insert(
        &tx,
        db::requests::NewRequest { request: &request, identifier, patch: &patch.bytes },
    )
    .await;
    request.id = match inserted {
        Err(error) if error.is_taken() => {
            return Err(Refusal::Conflict("The same commit was asked for this moment.".to_owned()));
        }
        other => other?,
    };
    candidate.situation.keep_recipe(&tx).await?;
    record(app, &tx, &actor, &request, now).await?;
    if request.required == 0 {
        // No approval is needed here: it is accepted as it is made (rules.md 1).
        let stored = Stored::load(app, &tx, request.id, now).await?;
        acceptance::settle(app, &tx, stored).await?;
    } else {
        issue_review_link(app, &tx, &request, now).await?;
    }
    tx.commit().await?;
    app.wake.outbox.notify_one();
    Ok(request.id)
}

fn sealed(candidate: &Candidate, requester: &Actor, form: &Form, patch: &Patch, now: Timestamp) -> Request {
    let situation = &candidate.situation;
    let live = situation.live();
    let seal = Seal {
        application: situation.application.name.clone(),
        environment: situation.environment.name.clone(),
        from: live.from.clone(),
        to: candidate.commit.clone(),
        tag: candidate.tag.as_ref().map(|tag| tag.name.clone()),
        tag_object: candidate.tag.as_ref().and_then(|tag| tag.object.clone()),
        patch_sha256: patch.sha256.clone(),
        hosts: situation.hosts_digest(),
        configuration: situation.configuration_digest(),
    };
    let approval = &situation.environment.approval;
    let mut notes = live.drifted.clone();
    notes.extend(live.unreachable.iter().cloned());
    if live.adopted {
        notes.push("There was no record; the hosts' own word was taken as what is live.".to_owned());
    }
    if let Some(by) = &requester.access.by {
        notes.push(format!("{by} asked for this, acting for {}.", requester.name));
    }
    Request {
        id: 0,
        application: seal.application.clone(),
        environment: seal.environment.clone(),
        release: candidate.release.clone(),
        commit: candidate.commit.clone(),
        from: live.from.clone(),
        from_release: live.from.is_some().then(|| live.from_words.clone()),
        requester: requester.name.clone(),
        asked_by: requester.access.by.clone(),
        reason: form.reason.trim().to_owned(),
        ticket: form.ticket.trim().to_owned(),
        rollback: form.rollback,
        state: RequestState::asked(approval, now),
        fingerprint: seal.fingerprint(),
        seal,
        stat: patch.stat.clone(),
        notes,
        required: approval.needed(),
        // Those it is accepted under bind it, and those of the day (rules.md 17).
        terms: Vec::new(),
        authors: Vec::new(),
        author_mails: Vec::new(),
        pause: Pause::default(),
        created_at: now,
        accepted_at: None,
        deployment: None,
        version: 0,
    }
}

/// What the hosts agreed on becomes the record that the request is measured against.
async fn adopt(tx: &db::Tx, situation: &Situation, now: Timestamp) -> Result<(), Refusal> {
    use crate::domain::live::HostWord;
    for (server, word) in &situation.words {
        let HostWord::Runs { commit, release, .. } = word else { continue };
        let row = LiveRow {
            server: server.clone(),
            commit: Some(commit.clone()),
            release: Some(release.clone()),
            state: LiveState::Settled,
            deployment: None,
            at: now,
        };
        db::live::put(tx, &situation.application.name, &situation.environment.name, &row).await?;
    }
    Ok(())
}

/// The HMAC over random bits, requester, application, tag and patch (design.md, step 4).
fn identifier(app: &App, request: &Request) -> Result<String, Refusal> {
    let random = super::session::random::<16>()?;
    let text = format!(
        "{}\n{}\n{}\n{}",
        request.requester, request.application, request.release, request.seal.patch_sha256
    );
    Ok(hex(&app.keys.mac("request identifier", &[&random[..], text.as_bytes()].concat())))
}

async fn record(
    app: &App,
    tx: &db::Tx,
    actor: &Actor,
    request: &Request,
    now: Timestamp,
) -> Result<(), Refusal> {
    let facts = json!({
        "application": request.application, "environment": request.environment, "release": request.release,
        "commit": request.commit, "from": request.from, "fingerprint": request.fingerprint, "rollback": request.rollback,
    });
    let entry = db::audit::Entry {
        actor: &actor.signature(),
        action: "request.created",
        subject: format!("request {}", request.id),
        facts,
    };
    db::audit::append(tx, &app.keys, now, entry).await?;
    Ok(())
}
