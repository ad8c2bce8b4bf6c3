//! What changes the course of a deployment.

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, FromBody};
use super::deployments::whole;
use super::problem::Problem;
use super::query::Query;
use crate::app::cancel_deployment::cancel_deployment;
use crate::app::queries::deployments;
use crate::domain::deployment::CancelWhen;
use crate::domain::document::Reader;
use crate::domain::name::Name;

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

/// What of an environment a deployment goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Environment,
    Cluster(Name),
    Server(Name),
}

/// A release to be deployed directly:
/// `{release, target: {cluster} | {server} | null, acknowledge_deletes}`.
#[derive(Debug)]
pub struct Deploy {
    /// A tag, or a full commit id.
    pub release: String,
    pub target: Target,
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

fn target(r: &mut Reader<'_>) -> Option<Target> {
    // Null says the same as leaving it out.
    if r.raw("target").is_none_or(serde_json::Value::is_null) {
        r.skip("target");
        return Some(Target::Environment);
    }
    r.object("target", |r| {
        let name = |text: &str| Name::parse(text);
        match (r.optional("cluster", name), r.optional("server", name)) {
            (Some(cluster), None) => Some(Target::Cluster(cluster)),
            (None, Some(server)) => Some(Target::Server(server)),
            _ => {
                r.problem("", "must be {\"cluster\": NAME}, {\"server\": NAME} or null");
                None
            }
        }
    })
}

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
        whole(bearer.app, &deployment).await
    });
    once.answer(&bearer, act).await
}
