//! A stored request together with all that policy asks about it: what it was
//! sealed with, what is true now, who decided and whether they still may.

use jiff::{SignedDuration, Timestamp};

use super::situation::Situation;
use super::{App, Refusal, access};
use crate::db::{self, DbError, Source, Tx};
use crate::domain::link::{Link, Purpose};
use crate::domain::name::Name;
use crate::domain::notice::Notice;
use crate::domain::permission::{Access, Permission};
use crate::domain::policy::{DecisionFacts, Facts, Quorum, RequestFacts, TagNow, Terms, strictest};
use crate::domain::recipe::Difference;
use crate::domain::remark::Remark;
use crate::domain::request::{Decision, DecisionKind, LinkState, Request, RequestState, VoidCause};

/// A mirror younger than this is read as it is.
pub const FRESH: SignedDuration = SignedDuration::from_secs(30);

#[derive(Debug, Clone)]
pub struct Stored {
    pub request: Request,
    pub decisions: Vec<Decision>,
    /// Questions and answers.
    pub remarks: Vec<Remark>,
    pub situation: Situation,
    pub tag: TagNow,
    /// Each person's standing decision and whether they may still review.
    pub standing: Vec<DecisionFacts>,
    /// What is not as it was sealed, of hosts or configuration.
    pub differs: Vec<Difference>,
    pub from_words: String,
}

impl Stored {
    /// As the database tells it; the tag is taken as unmoved until it is read.
    pub async fn load(app: &App, source: &impl Source, id: i64, now: Timestamp) -> Result<Self, Refusal> {
        let request = db::requests::find(source, id).await?.ok_or(Refusal::NotFound)?;
        let situation = Situation::load(app, source, &request.application, &request.environment, now).await?;
        Self::of(source, request, situation.ok_or(Refusal::NotFound)?).await
    }

    /// For readers outside a transaction. What is over stays readable when its
    /// environment is gone.
    pub async fn find(app: &App, id: i64) -> Result<Self, Refusal> {
        let request = db::requests::find(&app.db, id).await?.ok_or(Refusal::NotFound)?;
        let (application, environment) = (&request.application, &request.environment);
        let now = app.clock.now();
        let situation = match Situation::load(app, &app.db, application, environment, now).await? {
            Some(situation) => situation,
            None if request.state.word().is_open() => return Err(Refusal::NotFound),
            None => Situation::without_environment(app, &app.db, application, environment, now).await?,
        };
        Self::of(&app.db, request, situation).await
    }

    async fn of(source: &impl Source, mut request: Request, situation: Situation) -> Result<Self, Refusal> {
        let policy = Terms::from(&situation.environment.approval);
        if request.terms.iter().chain([&policy]).any(|terms| !terms.authors_count) {
            // Somebody may have signed in since, or have another address now.
            let now = authors(source, &request.author_mails).await?;
            let known = std::mem::take(&mut request.authors);
            request.authors =
                known.iter().chain(now.iter().filter(|name| !known.contains(name))).cloned().collect();
        }
        let decisions = db::requests::list_decisions(source, request.id).await?;
        let standing = standing(source, &request, &decisions).await?;
        let remarks = db::remarks::list(source, &[request.id]).await?;
        let differs = situation.differences(source, &request.seal).await?;
        let from_words = request.from_words();
        Ok(Self { request, decisions, remarks, situation, tag: TagNow::Same, standing, differs, from_words })
    }

    /// The same request as the database tells it now, keeping what was read outside.
    pub async fn again(&self, source: &impl Source, now: Timestamp) -> Result<Self, Refusal> {
        let request = db::requests::find(source, self.request.id).await?.ok_or(Refusal::NotFound)?;
        let situation = self.situation.renewed(source, now).await?;
        let fresh = Self::of(source, request, situation).await?;
        Ok(Self { tag: self.tag.clone(), ..fresh })
    }

    /// Reads the tag again: with a fetch, or from the mirror as it is.
    pub async fn read_tag(&mut self, app: &App, fetch: bool) -> Result<(), Refusal> {
        self.tag = tag_now(app, &self.request, &self.situation, fetch).await;
        self.situation.find_base(app).await
    }

    /// For a page: fetches only when the mirror is old, and keeps to the record of
    /// a request that is over (rules.md 45).
    pub async fn look_at_tag(&mut self, app: &App) -> Result<(), Refusal> {
        if !self.request.state.word().is_open() {
            return Ok(());
        }
        let application = &self.situation.application;
        let fetched = app.mirrors.fetched_from(&application.name, &application.repository).await;
        let old = fetched.is_none_or(|at| app.clock.now().duration_since(at) > FRESH);
        self.read_tag(app, old).await
    }

    pub fn facts<'a>(&'a self, actor: &'a Name, access: &'a Access, link: Option<LinkState>) -> Facts<'a> {
        Facts {
            request: Some(RequestFacts {
                id: self.request.id,
                requester: &self.request.requester,
                asked_by: self.request.asked_by.as_ref(),
                state: &self.request.state,
                seal: &self.request.seal,
                sealed_from_words: &self.from_words,
                tag: self.tag.clone(),
                hosts_digest: self.situation.hosts_digest(),
                configuration_digest: self.situation.configuration_digest(),
                differs: &self.differs,
                authors: &self.request.authors,
                decisions: self.standing.clone(),
                terms: self.terms(),
                link,
            }),
            ..self.situation.facts(actor, access)
        }
    }

    /// Of when it was accepted, and of now (rules.md 17).
    pub fn terms(&self) -> Vec<Terms> {
        let mut terms = self.request.terms.clone();
        let now = Terms::from(&self.situation.environment.approval);
        if !terms.contains(&now) {
            terms.push(now);
        }
        terms
    }

    pub fn quorum(&self) -> Quorum {
        strictest(&self.terms(), &self.standing, &self.request.askers())
    }

    pub fn accepted_by(&self) -> Vec<Name> {
        self.standing
            .iter()
            .filter(|facts| facts.kind == DecisionKind::Accept)
            .map(|facts| facts.person.clone())
            .collect()
    }
}

/// Those known here who wrote one of the commits, by their verified addresses now. A
/// commit may claim any author, so it is a help and no proof.
pub async fn authors(source: &impl Source, mails: &[String]) -> Result<Vec<Name>, DbError> {
    if mails.is_empty() {
        return Ok(Vec::new());
    }
    let known = db::people::list_mails(source).await?;
    let wrote = known.into_iter().filter(|(_, mail)| mails.contains(&mail.trim().to_lowercase()));
    Ok(wrote.map(|(person, _)| person).collect())
}

/// The last decision of each person, and whether it still counts.
async fn standing(
    source: &impl Source,
    request: &Request,
    decisions: &[Decision],
) -> Result<Vec<DecisionFacts>, Refusal> {
    let mut standing: Vec<DecisionFacts> = Vec::new();
    for decision in decisions.iter().rev() {
        if standing.iter().any(|known| known.person == decision.person) {
            continue;
        }
        let access = access::access_of_name(source, &decision.person).await?;
        standing.push(decided(request, &decision.person, decision.kind, &access));
    }
    standing.reverse();
    Ok(standing)
}

/// What somebody's decision is judged by, as of now.
pub fn decided(request: &Request, person: &Name, kind: DecisionKind, access: &Access) -> DecisionFacts {
    DecisionFacts {
        person: person.clone(),
        kind,
        may_review: access.may(Permission::Review, &request.application, &request.environment),
        roles: access.roles.clone(),
        is_author: request.authors.contains(person),
    }
}

async fn tag_now(app: &App, request: &Request, situation: &Situation, fetch: bool) -> TagNow {
    let application = &situation.application;
    if fetch {
        let fetched = app.mirrors.fetch(&application.name, &application.repository, app.clock.now()).await;
        if let Err(error) = fetched {
            return TagNow::Unread { why: format!("{error}.") };
        }
    }
    let Some(tag) = request.seal.tag.as_ref() else { return commit_now(app, request).await };
    match app.mirrors.tag(&application.name, tag).await {
        Ok(Some(info)) if info.commit == request.seal.to && info.object == request.seal.tag_object => {
            TagNow::Same
        }
        Ok(Some(info)) if info.commit == request.seal.to => TagNow::Replaced,
        Ok(Some(info)) => TagNow::Moved { is: info.commit },
        Ok(None) => TagNow::Deleted,
        Err(error) => TagNow::Unread { why: format!("{error}.") },
    }
}

/// A sealed commit is kept under a ref of ours, so it stays readable whatever
/// happens to the branch.
async fn commit_now(app: &App, request: &Request) -> TagNow {
    match app.mirrors.commit(&request.application, &request.seal.to).await {
        Ok(Some(_)) => TagNow::Same,
        Ok(None) => TagNow::Deleted,
        Err(error) => TagNow::Unread { why: format!("{error}.") },
    }
}

/// Ends a request as void, revokes its links and says so. The same act, whoever
/// finds the cause.
pub async fn void(
    app: &App,
    tx: &Tx,
    mut request: Request,
    cause: VoidCause,
    actor: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    let facts = serde_json::json!({ "cause": cause });
    request.state = request.state.clone().void(cause, now)?;
    db::requests::update(tx, &request).await?;
    ended(app, tx, &request, "request.voided", actor, facts, now).await
}

/// What every end of a request has in common: no link works, it is on record,
/// and the requester is told.
pub async fn ended(
    app: &App,
    tx: &Tx,
    request: &Request,
    action: &str,
    actor: &str,
    facts: serde_json::Value,
    now: Timestamp,
) -> Result<(), Refusal> {
    db::links::revoke(tx, request.id, None, now).await?;
    let entry = db::audit::Entry { actor, action, subject: format!("request {}", request.id), facts };
    db::audit::append(tx, &app.keys, now, entry).await?;
    db::outbox::put(tx, &Notice::RequestEnded { request: request.id }, None, now).await?;
    Ok(())
}

/// Makes the review link of a request that awaits review, revokes the ones before it,
/// and puts the mail that carries it into the outbox.
pub async fn issue_review_link(app: &App, tx: &Tx, request: &Request, now: Timestamp) -> Result<(), Refusal> {
    let RequestState::AwaitingReview { until } = request.state else {
        return Err(Refusal::Conflict("Only a request that awaits review has a review link.".to_owned()));
    };
    let purpose = Purpose::Review;
    db::links::revoke(tx, request.id, Some(purpose), now).await?;
    let link = new_link(app, tx, purpose, request, None, (now, until), now).await?;
    let notice = Notice::ReviewAsked { request: request.id, link: link.id };
    db::outbox::put(tx, &notice, Some(link.sealed), now).await?;
    Ok(())
}

/// Makes a launch link for an accepted request, revokes the ones before it, and
/// puts the mail into the outbox with the secret sealed.
pub async fn issue_launch_link(app: &App, tx: &Tx, stored: &Stored, now: Timestamp) -> Result<(), Refusal> {
    use crate::domain::request::slot;
    let RequestState::Accepted { stands_until, .. } = &stored.request.state else {
        return Err(Refusal::Conflict("Only an accepted request has a launch link.".to_owned()));
    };
    let approval = &stored.situation.environment.approval;
    let (starts_at, expires_at) = slot(approval, stored.situation.slot_begins(), *stands_until);
    if starts_at >= expires_at {
        return Err(Refusal::Conflict(
            "The window opens only after the approval has run out. Ask for the release again.".to_owned(),
        ));
    }
    db::links::revoke(tx, stored.request.id, Some(Purpose::Launch), now).await?;
    let link = new_link(
        app,
        tx,
        Purpose::Launch,
        &stored.request,
        Some(stored.request.requester.clone()),
        (starts_at, expires_at),
        now,
    )
    .await?;
    let notice = Notice::RequestAccepted { request: stored.request.id, link: link.id };
    db::outbox::put(tx, &notice, Some(link.sealed), now).await?;
    Ok(())
}

pub struct NewLink {
    pub id: i64,
    /// For the outbox: the link itself, sealed with `enc_key`.
    pub sealed: Vec<u8>,
}

pub const LINK_SEAL: &str = "outbox link";

pub async fn new_link(
    app: &App,
    tx: &Tx,
    purpose: Purpose,
    request: &Request,
    person: Option<Name>,
    slot: (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<NewLink, Refusal> {
    use crate::domain::request::LinkFacts;
    let random = super::session::random::<16>()?;
    let facts = LinkFacts { starts_at: slot.0, expires_at: slot.1, used_at: None, revoked_at: None };
    let link = Link {
        id: 0,
        purpose,
        request: request.id,
        person,
        created_at: now,
        facts,
        deployment: None,
        revoked_by: None,
    };
    let id = db::links::insert(tx, &link, super::link::hash(&app.keys, purpose, random)).await?;
    let text = super::link::mint(&app.keys, purpose, random);
    Ok(NewLink { id, sealed: app.keys.seal(LINK_SEAL, text.as_bytes()) })
}
