//! What was started by break-glass and waits to be signed.

use crate::app::break_glass::may_sign;
use crate::app::{App, Refusal};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::deployment::Deployment;
use crate::domain::overriding::Override;

/// Those that this person may sign, oldest first.
pub async fn list_to_sign(app: &App, actor: &Actor) -> Result<Vec<(Deployment, Override)>, Refusal> {
    let mut waiting = Vec::new();
    for broken in db::overrides::list_unsigned(&app.db).await? {
        let Some(deployment) = db::deployments::find(&app.db, broken.deployment).await? else { continue };
        if may_sign(actor, &deployment, &broken) {
            waiting.push((deployment, broken));
        }
    }
    Ok(waiting)
}

/// The override of a deployment that was read already.
pub async fn find(app: &App, deployment: &Deployment) -> Result<Option<Override>, Refusal> {
    if !deployment.overridden {
        return Ok(None);
    }
    Ok(db::overrides::find(&app.db, deployment.id).await?)
}
