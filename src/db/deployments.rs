//! Deployments, their queue and their leases. A runner's writes name the fence
//! of its claim; once another claim or an end has happened, they meet no row.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait as _,
};

use super::entity::{deployments, server_locks};
use super::{DbError, Source, Tx, at, exactly_one};
use crate::domain::actor::Hand;
use crate::domain::deployment::{CancelWhen, Deployment, DeploymentState, Direction};
use crate::domain::name::{CommitId, Name};
use crate::domain::plan::Plan;

const TABLE: &str = "deployments";

/// The right of one runner to write about one deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub deployment: i64,
    pub owner: String,
    pub fence: i64,
}

/// Queues the deployment and gives it its number.
pub async fn insert(tx: &Tx, deployment: &Deployment) -> Result<i64, DbError> {
    let row = deployments::ActiveModel {
        application: Set(deployment.application.to_string()),
        environment: Set(deployment.environment.to_string()),
        tag: Set(deployment.release.clone()),
        commit_id: Set(deployment.commit.to_string()),
        from_commit: Set(deployment.from.as_ref().map(ToString::to_string)),
        from_tag: Set(deployment.from_release.clone()),
        state: Set(deployment.state.word().to_owned()),
        request_id: Set(deployment.request),
        requested_by: Set(deployment.requested_by.to_string()),
        started_by: Set(deployment.started_by.to_string()),
        created_at: Set(deployment.created_at.as_millisecond()),
        fence: Set(0),
        scope: Set((!deployment.scope.is_whole()).then(|| json(&deployment.scope)).transpose()?),
        retry_of: Set(deployment.retry_of),
        covered_by: Set(deployment.covered_by),
        direction: Set(deployment.direction.map(|direction| direction.word().to_owned())),
        deletes_acknowledged: Set(deployment.deletes_acknowledged),
        overridden: Set(deployment.overridden),
        bounds: Set(deployment.within.as_ref().map(json).transpose()?),
        acted_by: Set(deployment.acted_by.as_ref().map(ToString::to_string)),
        ..Default::default()
    };
    Ok(deployments::Entity::insert(row).exec(tx.on()).await?.last_insert_id)
}

pub async fn find(source: &impl Source, id: i64) -> Result<Option<Deployment>, DbError> {
    let row = deployments::Entity::find_by_id(id).one(source.connection()).await?;
    row.map(parse).transpose()
}

/// What a list of deployments is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub states: Vec<DeploymentState>,
    pub application: Option<Name>,
    pub environment: Option<Name>,
    pub commit: Option<CommitId>,
    /// Only in places that are still there.
    pub standing: bool,
    /// Who asked for it or started it.
    pub person: Option<Name>,
    /// Made then or later.
    pub since: Option<Timestamp>,
    pub before: Option<i64>,
}

/// Newest first, below `before`.
pub async fn list(source: &impl Source, filter: &Filter, limit: u64) -> Result<Vec<Deployment>, DbError> {
    let mut query = deployments::Entity::find().order_by_desc(deployments::Column::Id).limit(limit);
    if !filter.states.is_empty() {
        query =
            query.filter(deployments::Column::State.is_in(filter.states.iter().map(|state| state.word())));
    }
    if let Some(application) = &filter.application {
        query = query.filter(deployments::Column::Application.eq(application.as_str()));
    }
    if let Some(environment) = &filter.environment {
        query = query.filter(deployments::Column::Environment.eq(environment.as_str()));
    }
    if let Some(commit) = &filter.commit {
        query = query.filter(deployments::Column::CommitId.eq(commit.as_str()));
    }
    if filter.standing {
        query = query.filter(deployments::Column::PlaceRemoved.eq(false));
    }
    if let Some(person) = &filter.person {
        let either = Condition::any()
            .add(deployments::Column::RequestedBy.eq(person.as_str()))
            .add(deployments::Column::StartedBy.eq(person.as_str()));
        query = query.filter(either);
    }
    if let Some(since) = filter.since {
        query = query.filter(deployments::Column::CreatedAt.gte(since.as_millisecond()));
    }
    if let Some(before) = filter.before {
        query = query.filter(deployments::Column::Id.lt(before));
    }
    query.all(source.connection()).await?.into_iter().map(parse).collect()
}

/// Commits that succeeded in a place as a whole: by a run of all of it, or by the
/// retries that finished such a run. Two questions at most, however many there are.
pub async fn list_succeeded(
    source: &impl Source,
    application: &Name,
    environment: &Name,
) -> Result<BTreeSet<CommitId>, DbError> {
    type Row = (i64, String, String, Option<String>, Option<i64>);
    let columns = || {
        deployments::Entity::find()
            .select_only()
            .column(deployments::Column::Id)
            .column(deployments::Column::CommitId)
            .column(deployments::Column::State)
            .column(deployments::Column::Scope)
            .column(deployments::Column::RetryOf)
            .filter(deployments::Column::PlaceRemoved.eq(false))
            .filter(deployments::Column::Application.eq(application.as_str()))
            .filter(deployments::Column::Environment.eq(environment.as_str()))
    };
    let wanted = Condition::any()
        .add(deployments::Column::State.eq(DeploymentState::Succeeded.word()))
        .add(deployments::Column::RetryOf.is_not_null());
    let rows: Vec<Row> = columns().filter(wanted).into_tuple().all(source.connection()).await?;
    let known: BTreeSet<i64> = rows.iter().map(|row| row.0).collect();
    let first: Vec<i64> = rows.iter().filter_map(|row| row.4).filter(|id| !known.contains(id)).collect();
    let first: Vec<Row> = if first.is_empty() {
        Vec::new()
    } else {
        columns().filter(deployments::Column::Id.is_in(first)).into_tuple().all(source.connection()).await?
    };
    let runs: BTreeMap<i64, &Row> = rows.iter().chain(&first).map(|row| (row.0, row)).collect();
    let is_whole = |row: &Row| {
        let before = |row: &&Row| row.4.and_then(|id| runs.get(&id).copied());
        std::iter::successors(Some(row), before).last().is_some_and(|first| first.3.is_none())
    };
    let succeeded = rows.iter().filter(|row| row.2 == DeploymentState::Succeeded.word() && is_whole(row));
    succeeded.map(|row| CommitId::parse(&row.1).map_err(|error| DbError::row(TABLE, row.0, error))).collect()
}

/// The queue, first come first served.
pub async fn list_queued(source: &impl Source) -> Result<Vec<Deployment>, DbError> {
    let rows = deployments::Entity::find()
        .filter(deployments::Column::State.eq(DeploymentState::Queued.word()))
        .order_by_asc(deployments::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

/// The deployment that runs or waits in an environment.
pub async fn find_under_way(
    source: &impl Source,
    application: &Name,
    environment: &Name,
) -> Result<Option<i64>, DbError> {
    let row = deployments::Entity::find()
        .filter(deployments::Column::Application.eq(application.as_str()))
        .filter(deployments::Column::Environment.eq(environment.as_str()))
        .filter(
            deployments::Column::State
                .is_in([DeploymentState::Queued.word(), DeploymentState::Running.word()]),
        )
        .order_by_asc(deployments::Column::Id)
        .one(source.connection())
        .await?;
    Ok(row.map(|row| row.id))
}

/// The last one of a place that is there, whatever became of it.
pub async fn find_newest(
    source: &impl Source,
    application: &Name,
    environment: &Name,
) -> Result<Option<i64>, DbError> {
    let row = deployments::Entity::find()
        .filter(deployments::Column::Application.eq(application.as_str()))
        .filter(deployments::Column::Environment.eq(environment.as_str()))
        .filter(deployments::Column::PlaceRemoved.eq(false))
        .order_by_desc(deployments::Column::Id)
        .one(source.connection())
        .await?;
    Ok(row.map(|row| row.id))
}

/// Claims a queued deployment: state, lease and the environment's place in one
/// statement. `is_taken` when another deployment runs there.
pub async fn claim(
    tx: &Tx,
    deployment: &Deployment,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Lease, DbError> {
    let fence = deployment.fence + 1;
    let result = deployments::Entity::update_many()
        .col_expr(deployments::Column::State, Expr::value(DeploymentState::Running.word()))
        .col_expr(
            deployments::Column::ActiveKey,
            Expr::value(format!("{}/{}", deployment.application, deployment.environment)),
        )
        .col_expr(deployments::Column::LeaseOwner, Expr::value(owner))
        .col_expr(deployments::Column::LeaseUntil, Expr::value(until.as_millisecond()))
        .col_expr(deployments::Column::StartedAt, Expr::value(now.as_millisecond()))
        .col_expr(deployments::Column::Fence, Expr::value(fence))
        .filter(deployments::Column::Id.eq(deployment.id))
        .filter(deployments::Column::State.eq(DeploymentState::Queued.word()))
        .filter(deployments::Column::Fence.eq(deployment.fence))
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the deployment left the queue")?;
    Ok(Lease { deployment: deployment.id, owner: owner.to_owned(), fence })
}

/// One deployment at a time per server; `is_taken` when one of them has another.
pub async fn lock_servers(tx: &Tx, deployment: i64, servers: &[Name]) -> Result<(), DbError> {
    let rows = servers.iter().map(|server| server_locks::ActiveModel {
        server: Set(server.to_string()),
        deployment_id: Set(deployment),
    });
    if !servers.is_empty() {
        server_locks::Entity::insert_many(rows).exec_without_returning(tx.on()).await?;
    }
    Ok(())
}

/// The servers that are locked for a deployment that does not run.
pub async fn list_left_locks(source: &impl Source) -> Result<Vec<String>, DbError> {
    let running = deployments::Entity::find()
        .select_only()
        .column(deployments::Column::Id)
        .filter(deployments::Column::State.eq(DeploymentState::Running.word()))
        .into_query();
    let rows = server_locks::Entity::find()
        .filter(server_locks::Column::DeploymentId.not_in_subquery(running))
        .all(source.connection())
        .await?;
    Ok(rows.into_iter().map(|row| row.server).collect())
}

pub async fn unlock_servers(tx: &Tx, servers: &[String]) -> Result<(), DbError> {
    server_locks::Entity::delete_many()
        .filter(server_locks::Column::Server.is_in(servers))
        .exec(tx.on())
        .await?;
    Ok(())
}

pub async fn list_server_locks(source: &impl Source) -> Result<Vec<(String, i64)>, DbError> {
    let rows = server_locks::Entity::find().all(source.connection()).await?;
    Ok(rows.into_iter().map(|row| (row.server, row.deployment_id)).collect())
}

pub async fn set_plan(tx: &Tx, lease: &Lease, plan: &Plan) -> Result<(), DbError> {
    let result =
        held(lease).col_expr(deployments::Column::Plan, Expr::value(json(plan)?)).exec(tx.on()).await?;
    exactly_one(result.rows_affected, "the lease is gone")
}

/// Where a direct deployment comes from, known when it starts (rules.md 18).
pub async fn set_from(
    tx: &Tx,
    lease: &Lease,
    from: Option<(&CommitId, &str)>,
    direction: Option<Direction>,
) -> Result<(), DbError> {
    let result = held(lease)
        .col_expr(deployments::Column::FromCommit, Expr::value(from.map(|(commit, _)| commit.to_string())))
        .col_expr(deployments::Column::FromTag, Expr::value(from.map(|(_, release)| release.to_owned())))
        .col_expr(
            deployments::Column::Direction,
            Expr::value(direction.map(|direction| direction.word().to_owned())),
        )
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the lease is gone")
}

/// Somebody wants a running deployment to end. `now` outdoes `after_batch`.
pub async fn ask_to_cancel(tx: &Tx, id: i64, when: CancelWhen, by: &Hand) -> Result<(), DbError> {
    let unless = match when {
        CancelWhen::Now => deployments::Column::CancelWhen.ne(CancelWhen::Now.word()),
        CancelWhen::AfterBatch => deployments::Column::CancelWhen.is_null(),
    };
    let result = deployments::Entity::update_many()
        .col_expr(deployments::Column::CancelWhen, Expr::value(when.word()))
        .col_expr(deployments::Column::CancelledBy, Expr::value(by.name.as_str()))
        .col_expr(deployments::Column::CancelActing, Expr::value(by.acting.as_ref().map(Name::as_str)))
        .filter(deployments::Column::Id.eq(id))
        .filter(deployments::Column::State.eq(DeploymentState::Running.word()))
        .filter(Condition::any().add(deployments::Column::CancelWhen.is_null()).add(unless))
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "it ended, or is being cancelled already")
}

/// Somebody lets the stage begin that waits for a person.
pub async fn go_on(tx: &Tx, id: i64, by: &Hand) -> Result<(), DbError> {
    let result = deployments::Entity::update_many()
        .col_expr(deployments::Column::ContinuedBy, Expr::value(by.name.as_str()))
        .col_expr(deployments::Column::ContinueActing, Expr::value(by.acting.as_ref().map(Name::as_str)))
        .filter(deployments::Column::Id.eq(id))
        .filter(deployments::Column::State.eq(DeploymentState::Running.word()))
        .filter(deployments::Column::ContinuedBy.is_null())
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "it ended, or was continued already")
}

/// Fails with a conflict once the lease belongs to somebody else.
pub async fn renew(tx: &Tx, lease: &Lease, until: Timestamp) -> Result<(), DbError> {
    let result = held(lease)
        .col_expr(deployments::Column::LeaseUntil, Expr::value(until.as_millisecond()))
        .exec(tx.on())
        .await?;
    exactly_one(result.rows_affected, "the lease is gone")
}

/// The end of a run by the runner that has it.
pub async fn end(
    tx: &Tx,
    lease: &Lease,
    state: DeploymentState,
    why: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    let result = ending(held(lease), state, why, now).exec(tx.on()).await?;
    exactly_one(result.rows_affected, "the lease is gone")?;
    unlock(tx, lease.deployment).await
}

/// The end of a deployment that nobody runs: cancelled in the queue, or one
/// whose lease has run out. Conditional on the state and fence that were read.
pub async fn end_unheld(
    tx: &Tx,
    deployment: &Deployment,
    state: DeploymentState,
    why: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    let query = deployments::Entity::update_many()
        .filter(deployments::Column::Id.eq(deployment.id))
        .filter(deployments::Column::State.eq(deployment.state.word()))
        .filter(deployments::Column::Fence.eq(deployment.fence))
        .filter(
            Condition::any()
                .add(deployments::Column::LeaseUntil.is_null())
                .add(deployments::Column::LeaseUntil.lte(now.as_millisecond())),
        );
    // Its runner may still be alive somewhere: a higher fence shuts it out.
    let query = query.col_expr(deployments::Column::Fence, Expr::value(deployment.fence + 1));
    let result = ending(query, state, why, now).exec(tx.on()).await?;
    exactly_one(result.rows_affected, "the deployment changed meanwhile")?;
    unlock(tx, deployment.id).await
}

/// Running deployments whose lease has run out: their runner is lost.
pub async fn list_lost(source: &impl Source, now: Timestamp) -> Result<Vec<Deployment>, DbError> {
    let rows = deployments::Entity::find()
        .filter(deployments::Column::State.eq(DeploymentState::Running.word()))
        .filter(deployments::Column::LeaseUntil.lte(now.as_millisecond()))
        .order_by_asc(deployments::Column::Id)
        .all(source.connection())
        .await?;
    rows.into_iter().map(parse).collect()
}

fn held(lease: &Lease) -> sea_orm::UpdateMany<deployments::Entity> {
    deployments::Entity::update_many()
        .filter(deployments::Column::Id.eq(lease.deployment))
        .filter(deployments::Column::LeaseOwner.eq(lease.owner.as_str()))
        .filter(deployments::Column::Fence.eq(lease.fence))
        .filter(deployments::Column::State.eq(DeploymentState::Running.word()))
}

fn ending(
    query: sea_orm::UpdateMany<deployments::Entity>,
    state: DeploymentState,
    why: Option<&str>,
    now: Timestamp,
) -> sea_orm::UpdateMany<deployments::Entity> {
    query
        .col_expr(deployments::Column::State, Expr::value(state.word()))
        .col_expr(deployments::Column::Why, Expr::value(why.map(str::to_owned)))
        .col_expr(deployments::Column::EndedAt, Expr::value(now.as_millisecond()))
        .col_expr(deployments::Column::ActiveKey, Expr::value(Option::<String>::None))
        .col_expr(deployments::Column::LeaseUntil, Expr::value(Option::<i64>::None))
}

async fn unlock(tx: &Tx, deployment: i64) -> Result<(), DbError> {
    server_locks::Entity::delete_many()
        .filter(server_locks::Column::DeploymentId.eq(deployment))
        .exec(tx.on())
        .await?;
    Ok(())
}

fn json(value: &impl serde::Serialize) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::row(TABLE, "new", error))
}

fn parse(row: deployments::Model) -> Result<Deployment, DbError> {
    let id = row.id;
    let bad = |problem: String| DbError::row(TABLE, id, problem);
    let name = |text: &str| Name::parse(text).map_err(|error| bad(format!("name: {error}")));
    let commit = |text: &str| CommitId::parse(text).map_err(|error| bad(format!("commit: {error}")));
    let instant = |ms: i64| at(TABLE, id, ms);
    let hand = |by: Option<&str>, acting: Option<&str>| -> Result<Option<Hand>, DbError> {
        let acting = acting.map(name).transpose()?;
        Ok(by.map(name).transpose()?.map(|name| Hand { name, acting }))
    };
    Ok(Deployment {
        id,
        application: name(&row.application)?,
        environment: name(&row.environment)?,
        release: row.tag,
        commit: commit(&row.commit_id)?,
        from: row.from_commit.as_deref().map(commit).transpose()?,
        from_release: row.from_tag,
        state: DeploymentState::from_word(&row.state)
            .ok_or_else(|| bad(format!("unknown state {:?}", row.state)))?,
        why: row.why,
        request: row.request_id,
        requested_by: name(&row.requested_by)?,
        started_by: name(&row.started_by)?,
        created_at: instant(row.created_at)?,
        started_at: row.started_at.map(instant).transpose()?,
        ended_at: row.ended_at.map(instant).transpose()?,
        plan: row
            .plan
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| bad(format!("plan: {error}")))?,
        scope: row
            .scope
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| bad(format!("scope: {error}")))?
            .unwrap_or_default(),
        retry_of: row.retry_of,
        covered_by: row.covered_by,
        direction: row
            .direction
            .as_deref()
            .map(|word| Direction::from_word(word).ok_or_else(|| bad(format!("unknown direction {word:?}"))))
            .transpose()?,
        deletes_acknowledged: row.deletes_acknowledged,
        cancel: row
            .cancel_when
            .as_deref()
            .map(|word| CancelWhen::from_word(word).ok_or_else(|| bad(format!("unknown cancel {word:?}"))))
            .transpose()?,
        cancelled_by: hand(row.cancelled_by.as_deref(), row.cancel_acting.as_deref())?,
        continued_by: hand(row.continued_by.as_deref(), row.continue_acting.as_deref())?,
        fence: row.fence,
        overridden: row.overridden,
        within: row
            .bounds
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| bad(format!("bounds: {error}")))?,
        acted_by: row.acted_by.as_deref().map(name).transpose()?,
        place_removed: row.place_removed,
    })
}
