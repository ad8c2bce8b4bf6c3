//! What changes the course of a deployment.

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, FromBody, Nothing};
use super::deployments::whole;
use super::problem::Problem;
use super::query::Query;
use super::requests::described;
use crate::app::cancel_deployment::cancel_deployment;
use crate::app::deploy::{Ask, deploy};
use crate::app::queries::{deployments, requests};
use crate::app::steer::{self, RolledBack};
use crate::app::{Refusal, break_glass};
use crate::domain::deployment::CancelWhen;
use crate::domain::document::Reader;
use crate::domain::name::Name;
use crate::domain::scope::Scope;

/// One that waits ends at once either way.
pub struct Cancel {
    pub when: CancelWhen,
}

impl FromBody for Cancel {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            when: r
                .word("when", &CancelWhen::ALL.iter().map(|when| (when.word(), *when)).collect::<Vec<_>>()),
        })
    }
}

/// A release to be deployed directly:
/// `{release, target: {cluster} | {server} | null, acknowledge_deletes}`.
#[derive(Debug)]
pub struct Deploy {
    /// A tag, or a full commit id.
    pub release: String,
    pub target: Scope,
    /// More files may go than the environment's threshold (rules.md 25).
    pub acknowledge_deletes: bool,
}

impl FromBody for Deploy {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let release = r.required("release", |text| {
            if text.is_empty() { Err("must not be empty") } else { Ok(text.to_owned()) }
        });
        let acknowledge_deletes = r.flag("acknowledge_deletes", false);
        let target = target(r);
        Some(Self { release: release?, target: target?, acknowledge_deletes })
    }
}

fn target(r: &mut Reader<'_>) -> Option<Scope> {
    // Null says the same as leaving it out.
    if r.raw("target").is_none_or(serde_json::Value::is_null) {
        r.skip("target");
        return Some(Scope::Environment);
    }
    r.object("target", |r| {
        let name = |text: &str| Name::parse(text);
        match (r.optional("cluster", name), r.optional("server", name)) {
            (Some(cluster), None) => Some(Scope::Cluster(cluster)),
            (None, Some(server)) => Some(Scope::Server(server)),
            _ => {
                r.problem("", "must be {\"cluster\": NAME}, {\"server\": NAME} or null");
                None
            }
        }
    })
}

/// How a retry is made.
pub struct Retry {
    pub acknowledge_deletes: bool,
}

impl FromBody for Retry {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        Some(Self { acknowledge_deletes: r.flag("acknowledge_deletes", false) })
    }
}

/// Why somebody goes back; reviewers read it where one is needed.
pub struct Rollback {
    pub reason: String,
    pub acknowledge_deletes: bool,
}

impl FromBody for Rollback {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let as_it_is = |text: &str| Ok::<_, String>(text.to_owned());
        let reason = r.text_or("reason", String::new(), as_it_is);
        Some(Self { reason, acknowledge_deletes: r.flag("acknowledge_deletes", false) })
    }
}

#[rocket::post("/applications/<application>/environments/<environment>/deployments", data = "<body>")]
pub async fn start(
    bearer: Bearer<'_>,
    application: &str,
    environment: &str,
    query: Query,
    body: Body<Deploy>,
) -> Result<Answer, Problem> {
    query.none()?;
    let parse = |text: &str| Name::parse(text).map_err(|_| Refusal::NotFound);
    let Body { input: Deploy { release, target, acknowledge_deletes }, once } = body;
    let ask = Ask {
        application: parse(application)?,
        environment: parse(environment)?,
        release,
        scope: target,
        deletes_acknowledged: acknowledge_deletes,
    };
    let act = Box::pin(async { begun(&bearer, deploy(bearer.app, bearer.actor(), &ask).await?).await });
    once.answer(&bearer, act).await
}

/// 200 when it ended at once; 202 while its runner ends it (rules.md 46).
#[rocket::post("/deployments/<id>/cancel", data = "<body>")]
pub async fn cancel(
    bearer: Bearer<'_>,
    id: i64,
    query: Query,
    body: Body<Cancel>,
) -> Result<Answer, Problem> {
    query.none()?;
    let Body { input: Cancel { when }, once } = body;
    let act = Box::pin(async {
        cancel_deployment(bearer.app, bearer.actor(), id, when).await?;
        let deployment = deployments::find(bearer.app, bearer.actor(), id).await?;
        let object = whole(&bearer, &deployment).await?;
        if deployment.state.is_over() {
            Answer::object(&object)
        } else {
            Answer::begun(&address(id), &object)
        }
    });
    once.answer(&bearer, act).await
}

/// `continue` is a word of Rust's.
#[rocket::post("/deployments/<id>/continue", data = "<body>")]
pub async fn go_on(
    bearer: Bearer<'_>,
    id: i64,
    query: Query,
    body: Body<Nothing>,
) -> Result<Answer, Problem> {
    query.none()?;
    let act = Box::pin(async {
        steer::continue_run(bearer.app, bearer.actor(), id).await?;
        begun(&bearer, id).await
    });
    body.once.answer(&bearer, act).await
}

#[rocket::post("/deployments/<id>/retry", data = "<body>")]
pub async fn retry(bearer: Bearer<'_>, id: i64, query: Query, body: Body<Retry>) -> Result<Answer, Problem> {
    query.none()?;
    let Body { input: Retry { acknowledge_deletes }, once } = body;
    let act = Box::pin(async {
        let retry = Box::pin(steer::retry(bearer.app, bearer.actor(), id, acknowledge_deletes));
        begun(&bearer, retry.await?).await
    });
    once.answer(&bearer, act).await
}

/// 202 and the new deployment, or 201 and the request that it needs (rules.md 47).
#[rocket::post("/deployments/<id>/rollback", data = "<body>")]
pub async fn roll_back(
    bearer: Bearer<'_>,
    id: i64,
    query: Query,
    body: Body<Rollback>,
) -> Result<Answer, Problem> {
    query.none()?;
    let Body { input: Rollback { reason, acknowledge_deletes }, once } = body;
    let act = Box::pin(async {
        let back = steer::roll_back(bearer.app, bearer.actor(), id, &reason, acknowledge_deletes);
        match Box::pin(back).await? {
            RolledBack::Deployment(id) => begun(&bearer, id).await,
            RolledBack::Request(id) => {
                let request = requests::find(bearer.app, bearer.actor(), id).await?;
                Answer::made(&format!("/requests/{id}"), &described(&bearer, &request).await?)
            }
        }
    });
    once.answer(&bearer, act).await
}

/// What somebody found who looked at an override afterwards.
pub struct Sign {
    pub comment: String,
}

impl FromBody for Sign {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let comment = r.required("comment", |text| Ok::<_, String>(text.to_owned()));
        Some(Self { comment: comment? })
    }
}

#[rocket::post("/deployments/<id>/sign", data = "<body>")]
pub async fn sign(bearer: Bearer<'_>, id: i64, query: Query, body: Body<Sign>) -> Result<Answer, Problem> {
    query.none()?;
    let Body { input: Sign { comment }, once } = body;
    let act = Box::pin(async {
        break_glass::sign(bearer.app, bearer.actor(), id, &comment).await?;
        let deployment = deployments::find(bearer.app, bearer.actor(), id).await?;
        Answer::object(&whole(&bearer, &deployment).await?)
    });
    once.answer(&bearer, act).await
}

/// A deployment that goes on without us.
pub async fn begun(bearer: &Bearer<'_>, id: i64) -> Result<Answer, Problem> {
    let deployment = deployments::find(bearer.app, bearer.actor(), id).await?;
    Answer::begun(&address(id), &whole(bearer, &deployment).await?)
}

fn address(id: i64) -> String {
    format!("/deployments/{id}")
}
