//! Requests and their decisions. Every change of state is conditional on the
//! version that was read.

use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::entity::{decisions, patches, requests};
use super::{DbError, Source, Tx, at, exactly_one};
use crate::domain::name::{CommitId, Name};
use crate::domain::pause::Pause;
use crate::domain::policy::Terms;
use crate::domain::request::{Decision, DecisionKind, Request, RequestState, RequestWord};

const TABLE: &str = "requests";

/// What a new row needs beyond the request itself.
#[derive(Debug)]
pub struct NewRequest<'a> {
    pub request: &'a Request,
    /// The keyed hash of the random identifier (design.md, step 4).
    pub identifier: String,
    pub patch: &'a [u8],
}

/// Stores the request and its patch, and gives it its number. A twin that is
/// still open makes this `is_taken`.
pub async fn insert(tx: &Tx, new: NewRequest<'_>) -> Result<i64, DbError> {
    let request = new.request;
    store_patch(tx, &request.seal.patch_sha256, new.patch).await?;
    let mut row = columns(request)?;
    row.identifier = Set(new.identifier);
    row.version = Set(1);
    let result = requests::Entity::insert(row).exec(tx.on()).await?;
    Ok(result.last_insert_id)
}

/// Writes the state that `request` is in now, if the row still has the version it had.
pub async fn update(tx: &Tx, request: &Request) -> Result<(), DbError> {
    let mut row = columns(request)?;
    row.version = Set(request.version + 1);
    let result = requests::Entity::update_many()
        .set(row)
        .filter(requests::Column::Id.eq(request.id))
        .filter(requests::Column::Version.eq(request.version))
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the request changed meanwhile")
}

pub async fn find(source: &impl Source, id: i64) -> Result<Option<Request>, DbError> {
    let row = requests::Entity::find_by_id(id).one(source.connection()).await?;
    row.map(parse).transpose()
}

/// What a list of requests is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub states: Vec<RequestWord>,
    pub requester: Option<Name>,
    pub application: Option<Name>,
    pub environment: Option<Name>,
    pub before: Option<i64>,
}

/// Newest first, below `before`.
pub async fn list(source: &impl Source, filter: &Filter, limit: u64) -> Result<Vec<Request>, DbError> {
    let mut query = requests::Entity::find().order_by_desc(requests::Column::Id).limit(limit);
    if !filter.states.is_empty() {
        query = query.filter(requests::Column::State.is_in(filter.states.iter().map(|state| state.word())));
    }
    if let Some(requester) = &filter.requester {
        query = query.filter(requests::Column::Requester.eq(requester.as_str()));
    }
    if let Some(application) = &filter.application {
        query = query.filter(requests::Column::Application.eq(application.as_str()));
    }
    if let Some(environment) = &filter.environment {
        query = query.filter(requests::Column::Environment.eq(environment.as_str()));
    }
    if let Some(before) = filter.before {
        query = query.filter(requests::Column::Id.lt(before));
    }
    query.all(source.connection()).await?.into_iter().map(parse).collect()
}

/// The groups that open and launched requests are judged by go with the role's name.
pub async fn follow_role(tx: &Tx, former: &Name, new: &Name) -> Result<(), DbError> {
    let rows = requests::Entity::find()
        .filter(
            requests::Column::State.is_in(
                [RequestWord::AwaitingReview, RequestWord::Accepted, RequestWord::Launched]
                    .map(RequestWord::word),
            ),
        )
        .filter(requests::Column::Terms.contains(format!("\"{former}\"")))
        .all(tx.on())
        .await?;
    for row in rows {
        let mut request = parse(row)?;
        let groups = request.terms.iter_mut().flat_map(|terms| &mut terms.groups);
        groups.filter(|group| group.role == *former).for_each(|group| group.role = new.clone());
        update(tx, &request).await?;
    }
    Ok(())
}

pub async fn find_open_twin(
    source: &impl Source,
    application: &Name,
    environment: &Name,
    commit: &CommitId,
) -> Result<Option<i64>, DbError> {
    let row = requests::Entity::find()
        .filter(requests::Column::OpenKey.eq(open_key(application, environment, commit)))
        .one(source.connection())
        .await?;
    Ok(row.map(|row| row.id))
}

pub async fn count_open(source: &impl Source, requester: &Name) -> Result<u64, DbError> {
    Ok(requests::Entity::find()
        .filter(requests::Column::Requester.eq(requester.as_str()))
        .filter(requests::Column::OpenKey.is_not_null())
        .count(source.connection())
        .await?)
}

pub async fn count_since(source: &impl Source, requester: &Name, since: Timestamp) -> Result<u64, DbError> {
    Ok(requests::Entity::find()
        .filter(requests::Column::Requester.eq(requester.as_str()))
        .filter(requests::Column::CreatedAt.gt(since.as_millisecond()))
        .count(source.connection())
        .await?)
}

pub async fn add_decision(tx: &Tx, request: &Request, decision: &Decision) -> Result<(), DbError> {
    let row = decisions::ActiveModel {
        request_id: Set(request.id),
        person: Set(decision.person.to_string()),
        kind: Set(decision.kind.word().to_owned()),
        comment: Set(decision.comment.clone()),
        fingerprint: Set(request.fingerprint.clone()),
        own_request: Set(decision.own_request),
        at: Set(decision.at.as_millisecond()),
        ..Default::default()
    };
    decisions::Entity::insert(row).exec(tx.on()).await?;
    Ok(())
}

/// In the order they were made; a person's last one stands (rules.md 5).
pub async fn list_decisions(source: &impl Source, request: i64) -> Result<Vec<Decision>, DbError> {
    let rows = decisions::Entity::find()
        .filter(decisions::Column::RequestId.eq(request))
        .order_by_asc(decisions::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse_decision).collect()
}

/// The same for several requests at once, each with its request.
pub async fn list_decisions_of(
    source: &impl Source,
    requests: &[i64],
) -> Result<Vec<(i64, Decision)>, DbError> {
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    let rows = decisions::Entity::find()
        .filter(decisions::Column::RequestId.is_in(requests.iter().copied()))
        .order_by_asc(decisions::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(|row| Ok((row.request_id, parse_decision(row)?))).collect()
}

/// The sealed patch, whole.
pub async fn find_patch(source: &impl Source, sha256: &str) -> Result<Option<Vec<u8>>, DbError> {
    let Some(row) = patches::Entity::find_by_id(sha256).one(source.connection()).await? else {
        return Ok(None);
    };
    let patch =
        zstd::decode_all(row.data.as_slice()).map_err(|error| DbError::row("patches", sha256, error))?;
    Ok(Some(patch))
}

async fn store_patch(tx: &Tx, sha256: &str, patch: &[u8]) -> Result<(), DbError> {
    if patches::Entity::find_by_id(sha256).one(tx.on()).await?.is_some() {
        return Ok(());
    }
    let data = zstd::encode_all(patch, 3).map_err(|error| DbError::row("patches", sha256, error))?;
    let row = patches::ActiveModel {
        sha256: Set(sha256.to_owned()),
        size: Set(i64::try_from(patch.len()).unwrap_or(i64::MAX)),
        data: Set(data),
    };
    patches::Entity::insert(row).exec_without_returning(tx.on()).await?;
    Ok(())
}

fn open_key(application: &Name, environment: &Name, commit: &CommitId) -> String {
    format!("{application}/{environment}/{commit}")
}

fn columns(request: &Request) -> Result<requests::ActiveModel, DbError> {
    let text = |error: serde_json::Error| DbError::row(TABLE, request.id, error);
    let state = &request.state;
    let (ended_at, ended_by, ended_why) = match state {
        RequestState::AwaitingReview { .. }
        | RequestState::Accepted { .. }
        | RequestState::Launched { .. } => (None, None, None),
        RequestState::Rejected { at, by, reason } => (Some(*at), Some(by.to_string()), Some(reason.clone())),
        RequestState::Cancelled { at, by, acting } => {
            (Some(*at), Some(by.to_string()), acting.as_ref().map(ToString::to_string))
        }
        RequestState::Expired { at } => (Some(*at), None, None),
        RequestState::Void { at, cause } => {
            (Some(*at), None, Some(serde_json::to_string(cause).map_err(text)?))
        }
    };
    let mut row = requests::ActiveModel {
        application: Set(request.application.to_string()),
        environment: Set(request.environment.to_string()),
        tag: Set(request.release.clone()),
        commit_id: Set(request.commit.to_string()),
        from_commit: Set(request.from.as_ref().map(ToString::to_string)),
        from_tag: Set(request.from_release.clone()),
        requester: Set(request.requester.to_string()),
        asked_by: Set(request.asked_by.as_ref().map(ToString::to_string)),
        reason: Set(request.reason.clone()),
        ticket: Set(request.ticket.clone()),
        rollback: Set(request.rollback),
        state: Set(state.word().word().to_owned()),
        seal: Set(request.seal.canonical()),
        fingerprint: Set(request.fingerprint.clone()),
        patch_sha256: Set(request.seal.patch_sha256.clone()),
        stat: Set(serde_json::to_string(&request.stat).map_err(text)?),
        notes: Set(serde_json::to_string(&request.notes).map_err(text)?),
        required: Set(i32::try_from(request.required).unwrap_or(i32::MAX)),
        terms: Set(Some(serde_json::to_string(&request.terms).map_err(text)?)),
        authors: Set(Some(serde_json::to_string(&request.authors).map_err(text)?)),
        author_mails: Set(Some(serde_json::to_string(&request.author_mails).map_err(text)?)),
        paused_since: Set(request.pause.since.map(Timestamp::as_millisecond)),
        paused_ms: Set(Some(i64::try_from(request.pause.used.as_millis()).unwrap_or(i64::MAX))),
        created_at: Set(request.created_at.as_millisecond()),
        ended_at: Set(ended_at.map(Timestamp::as_millisecond)),
        ended_by: Set(ended_by),
        ended_why: Set(ended_why),
        deployment_id: Set(request.deployment),
        open_key: Set(state
            .word()
            .is_open()
            .then(|| open_key(&request.application, &request.environment, &request.commit))),
        ..Default::default()
    };
    match state {
        RequestState::AwaitingReview { until } => row.review_until = Set(until.as_millisecond()),
        RequestState::Accepted { at, stands_until } => {
            row.accepted_at = Set(Some(at.as_millisecond()));
            row.stands_until = Set(Some(stands_until.as_millisecond()));
        }
        RequestState::Launched { at, stands_until, .. } => {
            row.ended_at = Set(Some(at.as_millisecond()));
            row.stands_until = Set(Some(stands_until.as_millisecond()));
        }
        _ => {}
    }
    if request.version == 0 && !matches!(state, RequestState::AwaitingReview { .. }) {
        row.review_until = Set(request.created_at.as_millisecond());
    }
    Ok(row)
}

fn parse(row: requests::Model) -> Result<Request, DbError> {
    let id = row.id;
    let bad = |problem: String| DbError::row(TABLE, id, problem);
    let name = |text: &str| Name::parse(text).map_err(|error| bad(format!("name: {error}")));
    let commit = |text: &str| CommitId::parse(text).map_err(|error| bad(format!("commit: {error}")));
    let instant = |ms: Option<i64>| at(TABLE, id, ms.unwrap_or_default());
    let word =
        RequestWord::from_word(&row.state).ok_or_else(|| bad(format!("unknown state {:?}", row.state)))?;
    let by = || name(row.ended_by.as_deref().unwrap_or_default());
    let state = match word {
        RequestWord::AwaitingReview => {
            RequestState::AwaitingReview { until: at(TABLE, id, row.review_until)? }
        }
        RequestWord::Accepted => {
            RequestState::Accepted { at: instant(row.accepted_at)?, stands_until: instant(row.stands_until)? }
        }
        RequestWord::Launched => RequestState::Launched {
            at: instant(row.ended_at)?,
            stands_until: instant(row.stands_until)?,
            deployment: row.deployment_id.unwrap_or_default(),
        },
        RequestWord::Rejected => RequestState::Rejected {
            at: instant(row.ended_at)?,
            by: by()?,
            reason: row.ended_why.clone().unwrap_or_default(),
        },
        RequestWord::Cancelled => RequestState::Cancelled {
            at: instant(row.ended_at)?,
            by: by()?,
            acting: row.ended_why.as_deref().map(name).transpose()?,
        },
        RequestWord::Expired => RequestState::Expired { at: instant(row.ended_at)? },
        RequestWord::Void => {
            let cause = serde_json::from_str(row.ended_why.as_deref().unwrap_or_default())
                .map_err(|error| bad(format!("cause: {error}")))?;
            RequestState::Void { at: instant(row.ended_at)?, cause }
        }
    };
    Ok(Request {
        id,
        application: name(&row.application)?,
        environment: name(&row.environment)?,
        commit: commit(&row.commit_id)?,
        from: row.from_commit.as_deref().map(commit).transpose()?,
        from_release: row.from_tag,
        requester: name(&row.requester)?,
        asked_by: row.asked_by.as_deref().map(name).transpose()?,
        seal: serde_json::from_str(&row.seal).map_err(|error| bad(format!("seal: {error}")))?,
        stat: serde_json::from_str(&row.stat).map_err(|error| bad(format!("stat: {error}")))?,
        notes: serde_json::from_str(&row.notes).map_err(|error| bad(format!("notes: {error}")))?,
        release: row.tag,
        reason: row.reason,
        ticket: row.ticket,
        rollback: row.rollback,
        state,
        fingerprint: row.fingerprint,
        required: u32::try_from(row.required).unwrap_or(u32::MAX),
        terms: match row.terms.as_deref() {
            Some(text) => serde_json::from_str(text).map_err(|error| bad(format!("terms: {error}")))?,
            None => vec![older_terms(row.required)],
        },
        authors: row
            .authors
            .as_deref()
            .map_or(Ok(Vec::new()), serde_json::from_str)
            .map_err(|error| bad(format!("authors: {error}")))?,
        author_mails: row
            .author_mails
            .as_deref()
            .map_or(Ok(Vec::new()), serde_json::from_str)
            .map_err(|error| bad(format!("author_mails: {error}")))?,
        pause: Pause {
            since: row.paused_since.map(|ms| at(TABLE, id, ms)).transpose()?,
            used: SignedDuration::from_millis(row.paused_ms.unwrap_or_default()),
        },
        created_at: at(TABLE, id, row.created_at)?,
        accepted_at: row.accepted_at.map(|ms| at(TABLE, id, ms)).transpose()?,
        deployment: row.deployment_id,
        version: row.version,
    })
}

/// Of a request that was stored when only the count was: the rest is asked of the
/// policy of now alone.
fn older_terms(required: i32) -> Terms {
    let required = u32::try_from(required).unwrap_or(u32::MAX);
    Terms { required, self_approval: true, authors_count: true, groups: Vec::new() }
}

fn parse_decision(row: decisions::Model) -> Result<Decision, DbError> {
    let bad = |problem: String| DbError::row("decisions", row.id, problem);
    Ok(Decision {
        person: Name::parse(&row.person).map_err(|error| bad(error.to_string()))?,
        kind: DecisionKind::from_word(&row.kind)
            .ok_or_else(|| bad(format!("unknown kind {:?}", row.kind)))?,
        comment: row.comment,
        own_request: row.own_request,
        at: at("decisions", row.id, row.at)?,
    })
}
