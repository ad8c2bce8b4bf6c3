//! Load balancers by the fleet's description, and what stands out of service in
//! them until somebody acts (rules.md 20).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::fleet_rows::place_of_stats_page;
use super::{App, Refusal, access, secrets};
use crate::balancer::{Balancers, Endpoint, Waited};
pub use crate::db::out_of_service::TakenOut;
use crate::db::{self, Source};
use crate::domain::actor::Actor;
use crate::domain::balancer::{Member, MemberState};
use crate::domain::fleet::secret::SecretForm;
use crate::domain::fleet::{self, LoadBalancer};
use crate::domain::permission::Permission;

/// Somebody waits for the page: a server that takes longer to come up is said to.
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody only looks: what does not answer by then is not known.
const A_LOOK: Duration = Duration::from_secs(3);

/// Every load balancer of the fleet, ready to be spoken with.
pub async fn balancers(app: &App) -> Result<Balancers, Refusal> {
    let fleet = db::fleet::load(&app.db).await?;
    let mut all: BTreeMap<_, Vec<Endpoint>> = BTreeMap::new();
    for balancer in &fleet.load_balancers {
        let mut endpoints = Vec::new();
        for (number, endpoint) in balancer.endpoints.iter().enumerate() {
            let password = password(app, balancer, number, endpoint).await?;
            let parsed = Endpoint::of(endpoint, password);
            endpoints
                .push(parsed.map_err(|error| Refusal::Unavailable(format!("{}: {error}.", balancer.name)))?);
        }
        all.insert(balancer.name.clone(), endpoints);
    }
    Balancers::new(all).map_err(|error| Refusal::Unavailable(error.to_string()))
}

pub async fn password(
    app: &App,
    balancer: &LoadBalancer,
    number: usize,
    endpoint: &fleet::Endpoint,
) -> Result<Option<SecretString>, Refusal> {
    let fleet::Endpoint::Stats(stats) = endpoint else { return Ok(None) };
    let (place, bound_to) = place_of_stats_page(&balancer.name, number, stats);
    secrets::resolve(app, SecretForm::of(&stats.password), (&place, &bound_to)).await
}

/// What we took out ourselves; the next deployment may find it in maintenance.
pub async fn taken_out(source: &impl Source) -> Result<BTreeSet<Member>, Refusal> {
    Ok(db::out_of_service::list(source).await?.into_iter().map(|out| out.member).collect())
}

/// What stands out of service where somebody may read.
pub async fn list_out(app: &App, actor: &Actor) -> Result<Vec<TakenOut>, Refusal> {
    let mut all = db::out_of_service::list(&app.db).await?;
    all.retain(|out| actor.access.may(Permission::Read, &out.application, &out.environment));
    Ok(all)
}

/// The same with what the load balancers say of each just now; `None` where they
/// cannot be asked.
pub async fn look_at_out(app: &App, out: &[TakenOut]) -> Vec<Option<MemberState>> {
    let members: Vec<Member> = out.iter().map(|out| out.member.clone()).collect();
    look_at(app, &members).await
}

/// Each member as its load balancer has it just now, in their order.
pub async fn look_at(app: &App, members: &[Member]) -> Vec<Option<MemberState>> {
    if members.is_empty() {
        return Vec::new();
    }
    let Ok(balancers) = balancers(app).await else { return vec![None; members.len()] };
    let asked = members.iter().map(|member| async {
        let members = [member.clone()];
        let states = tokio::time::timeout(A_LOOK, balancers.states(&members)).await;
        states.ok()?.ok()?.into_iter().next()
    });
    futures_util::future::join_all(asked).await
}

fn may_put_back(actor: &Actor, out: &TakenOut) -> Result<(), Refusal> {
    let (application, environment) = (&out.application, &out.environment);
    if !actor.access.may(Permission::Read, application, environment) {
        return Err(Refusal::NotFound);
    }
    if !actor.access.may(Permission::DeployInWindow, application, environment) {
        return Err(Refusal::Forbidden(format!(
            "Only who may deploy to {application} {environment} may put {} back into service.",
            out.member.server
        )));
    }
    Ok(())
}

/// What a deployment changes just now is not put into service by anybody else.
async fn must_be_free(app: &App, out: &TakenOut) -> Result<(), Refusal> {
    let locks = db::deployments::list_server_locks(&app.db).await?;
    match locks.iter().find(|(server, _)| server == out.member.server.as_str()) {
        Some((server, busy)) => Err(Refusal::Conflict(format!(
            "Deployment {busy} has {server} just now; it puts it back itself."
        ))),
        None => Ok(()),
    }
}

/// Puts a server back into service that a run left out of it.
pub async fn put_back(app: &App, actor: &Actor, id: i64) -> Result<TakenOut, Refusal> {
    let out = db::out_of_service::find(&app.db, id).await?.ok_or(Refusal::NotFound)?;
    may_put_back(actor, &out)?;
    must_be_free(app, &out).await?;
    let members = [out.member.clone()];
    let balancers = balancers(app).await?;
    let unavailable = |error: crate::balancer::BalancerError| Refusal::Unavailable(error.to_string());
    // Drained it is checked and gets no traffic: coming straight out of maintenance it
    // would count as up before anybody has looked at it.
    let nobody = CancellationToken::new();
    balancers.drain(&members).await.map_err(unavailable)?;
    if let Waited::AtLimit(_) =
        balancers.wait_checked(&members, PATIENCE, &nobody).await.map_err(unavailable)?
    {
        balancers.maintain(&members).await.map_err(unavailable)?;
        return Err(Refusal::Unavailable(format!(
            "The checks of {} do not pass within {} s, so it stays out of service. Mend it first.",
            out.member,
            PATIENCE.as_secs()
        )));
    }
    // A deployment may have begun while the checks were waited for, or the right be lost.
    let actor = &access::again(&app.db, actor).await?;
    may_put_back(actor, &out)?;
    must_be_free(app, &out).await?;
    balancers.enable(&members).await.map_err(unavailable)?;
    let waited = balancers.wait_up(&members, PATIENCE, &nobody).await.map_err(unavailable)?;
    let is_up = matches!(waited, Waited::Reached);
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    db::out_of_service::remove(&tx, &out.member).await?;
    let entry = db::audit::Entry {
        actor: &actor.signature(),
        action: "server.put_back",
        subject: format!("server {}", out.member.server),
        facts: json!({ "member": out.member, "deployment": out.deployment, "up": is_up }),
    };
    db::audit::append(&tx, &app.keys, now, entry).await?;
    tx.commit().await?;
    if is_up {
        Ok(out)
    } else {
        Err(Refusal::Unavailable(format!(
            "{} was put back, but its checks do not pass yet. Look at it.",
            out.member
        )))
    }
}
