//! Somebody asks for a release: resolve, compare with what is live, compute the
//! patch, seal it, store it, and tell the reviewers.

use jiff::Timestamp;
use serde_json::json;

use super::situation::{Situation, repository};
use super::stored_request::{self, Stored, issue_launch_link, issue_review_link};
use super::{App, FieldError, Refusal};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::diff::{Patch, Relation, TagInfo};
use crate::domain::fleet::DeployFrom;
use crate::domain::glob;
use crate::domain::live::{LiveRow, LiveState};
use crate::domain::manifest::hex;
use crate::domain::name::{CommitId, Name, TagName, is_deceptive};
use crate::domain::pause::Pause;
use crate::domain::permission::Permission;
use crate::domain::policy::{self, Act, AskingFacts, Facts, Newer};
use crate::domain::request::{Request, RequestState, RequestWord, release_words};
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

/// A release that was looked up: what it is and how it stands to what is live.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub situation: Situation,
    pub release: String,
    pub commit: CommitId,
    pub tag: Option<TagInfo>,
    pub newer: Newer,
    pub not_allowed: Option<String>,
    pub rollback: bool,
    pub succeeded_before: bool,
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

/// Fetches, resolves and compares. Opens connections to the hosts to hear what they run.
pub async fn look_up(
    app: &App,
    actor: &Actor,
    (application, environment): (&Name, &Name),
    tag: &str,
    rollback: bool,
) -> Result<Candidate, Refusal> {
    let now = app.clock.now();
    let situation = Situation::load(app, &app.db, application, environment, now).await?;
    let mut situation = situation.ok_or(Refusal::NotFound)?;
    app.mirrors.fetch(application, &situation.application.repository, now).await.map_err(repository)?;
    let (release, commit, info, not_allowed) = resolve(app, &situation, tag).await?;
    situation.find_base(app).await?;
    // Who may only read does not make us knock at production.
    if actor.access.may(Permission::Request, application, environment) {
        situation.ask_hosts(app).await?;
    }
    let newer = newer(app, &situation, &commit).await?;
    let filter = db::deployments::Filter {
        states: vec![crate::domain::deployment::DeploymentState::Succeeded],
        application: Some(application.clone()),
        environment: Some(environment.clone()),
        commit: Some(commit.clone()),
        ..db::deployments::Filter::default()
    };
    let succeeded_before = !db::deployments::list(&app.db, &filter, 1).await?.is_empty();
    Ok(Candidate { situation, release, commit, tag: info, newer, not_allowed, rollback, succeeded_before })
}

type Resolved = (String, CommitId, Option<TagInfo>, Option<String>);

async fn resolve(app: &App, situation: &Situation, text: &str) -> Result<Resolved, Refusal> {
    let application = &situation.application.name;
    let text = text.trim();
    match &situation.environment.deploy_from {
        DeployFrom::Tags(_) => {
            let tag =
                TagName::parse(text).map_err(|error| Refusal::field("tag", format!("The tag {error}.")))?;
            let info = app.mirrors.tag(application, &tag).await.map_err(repository)?;
            let info = info
                .ok_or_else(|| Refusal::field("tag", format!("There is no tag {tag} in the repository.")))?;
            let why = not_allowed(situation, tag.as_str());
            Ok((tag.to_string(), info.commit.clone(), Some(info), why))
        }
        DeployFrom::Branch(branch) => {
            let commit = CommitId::parse(text)
                .map_err(|error| Refusal::field("tag", format!("The commit {error}.")))?;
            let known = app.mirrors.commit(application, &commit).await.map_err(repository)?;
            if known.is_none() {
                return Err(Refusal::field("tag", "There is no such commit in the repository."));
            }
            let reachable =
                app.mirrors.is_reachable(application, &commit, branch).await.map_err(repository)?;
            let why = (!reachable).then(|| format!("It is not on the branch {branch}."));
            Ok((commit.to_string(), commit, None, why))
        }
    }
}

/// Why the rules of the environment do not take a tag, if they do not.
pub fn not_allowed(situation: &Situation, tag: &str) -> Option<String> {
    policy::not_allowed_by(
        &situation.environment.deploy_from,
        situation.application.tags.as_deref(),
        tag,
        glob::matches,
    )
}

/// How a commit stands to what is live.
pub async fn newer(app: &App, situation: &Situation, commit: &CommitId) -> Result<Newer, Refusal> {
    let application = &situation.application.name;
    let live = situation.live();
    let Some(from) = &live.from else { return Ok(Newer::First) };
    if !live.mixed {
        let relation = app.mirrors.relation(application, commit, from).await.map_err(repository)?;
        return Ok(Newer::Is(relation));
    }
    if situation.base.is_none() {
        return Ok(Newer::BreaksMixed);
    }
    let mut newer_than_one = false;
    for other in situation.recorded() {
        match app.mirrors.relation(application, commit, other).await.map_err(repository)? {
            Relation::Newer => newer_than_one = true,
            Relation::Same => {}
            Relation::Older | Relation::Diverged => return Ok(Newer::BreaksMixed),
        }
    }
    Ok(if newer_than_one { Newer::FitsMixed } else { Newer::Is(Relation::Same) })
}

impl Candidate {
    /// The facts for policy; counts come from the database.
    pub fn facts<'a>(&'a self, actor: &'a Actor, counts: &Counts) -> Facts<'a> {
        Facts {
            asking: Some(AskingFacts {
                release_words: release_words(&self.release),
                commit: self.commit.clone(),
                not_allowed: self.not_allowed.clone(),
                newer: self.newer,
                rollback: self.rollback,
                succeeded_before: self.succeeded_before,
                twin: counts.twin,
                open: counts.open,
                last_hour: counts.last_hour,
            }),
            ..self.situation.facts(&actor.name, &actor.access)
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub twin: Option<i64>,
    pub open: u64,
    pub last_hour: u64,
}

pub async fn counts(
    source: &impl db::Source,
    actor: &Actor,
    candidate: &Candidate,
    now: Timestamp,
) -> Result<Counts, Refusal> {
    let (application, environment) =
        (&candidate.situation.application.name, &candidate.situation.environment.name);
    Ok(Counts {
        twin: db::requests::find_open_twin(source, application, environment, &candidate.commit).await?,
        open: db::requests::count_open(source, &actor.name).await?,
        last_hour: db::requests::count_since(source, &actor.name, policy::an_hour_before(now)).await?,
    })
}

/// The same for a page, outside a transaction.
pub async fn counts_now(app: &App, actor: &Actor, candidate: &Candidate) -> Result<Counts, Refusal> {
    counts(&app.db, actor, candidate, app.clock.now()).await
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
        accept_at_once(app, &tx, request.id, now).await?;
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

/// No approval is needed here: it is accepted as it is made (rules.md 1).
async fn accept_at_once(app: &App, tx: &db::Tx, id: i64, now: Timestamp) -> Result<(), Refusal> {
    let mut stored = Stored::load(app, tx, id, now).await?;
    let approval = &stored.situation.environment.approval;
    stored.request.state =
        stored.request.state.clone().accept(approval, stored.situation.slot_begins(), now)?;
    stored.request.accepted_at = Some(now);
    stored.request.terms = stored.terms();
    debug_assert_eq!(stored.request.state.word(), RequestWord::Accepted);
    db::requests::update(tx, &stored.request).await?;
    stored.request.version += 1;
    let entry = db::audit::Entry {
        actor: "policy",
        action: "request.accepted",
        subject: format!("request {id}"),
        facts: json!({ "required": 0 }),
    };
    db::audit::append(tx, &app.keys, now, entry).await?;
    issue_launch_link(app, tx, &stored, now).await
}
