//! The forms that change the course of a deployment, and put a server back.

use super::deployment;
use crate::app::cancel_deployment::cancel_deployment;
use crate::app::steer::{self, RolledBack};
use crate::app::{Refusal, queries};
use crate::app::{balancing, break_glass};
use crate::domain::deployment::CancelWhen;
use crate::web::form::{Fields, FromFields, Nothing, Posted};
use crate::web::respond::{Html, PageError, SeeOther};

/// When to cancel; a waiting deployment ends at once either way.
pub struct When(String);

impl FromFields for When {
    fn from_fields(fields: &mut Fields) -> Self {
        When(fields.take("when"))
    }
}

impl When {
    fn read(&self) -> Result<CancelWhen, Refusal> {
        match self.0.as_str() {
            "" => Ok(CancelWhen::Now),
            word => CancelWhen::from_word(word)
                .ok_or_else(|| Refusal::field("when", "now, or after_batch; nothing was cancelled.")),
        }
    }
}

#[rocket::post("/deployments/<id>/cancel", data = "<posted>")]
pub async fn cancel(id: i64, posted: Posted<'_, When>) -> Result<SeeOther, PageError> {
    let when = posted.form.read()?;
    cancel_deployment(posted.visit.app, posted.visit.actor(), id, when).await?;
    Ok(SeeOther(format!("/deployments/{id}")))
}

#[rocket::post("/deployments/<id>/continue", data = "<posted>")]
pub async fn go_on(id: i64, posted: Posted<'_, Nothing>) -> Result<SeeOther, PageError> {
    steer::continue_run(posted.visit.app, posted.visit.actor(), id).await?;
    Ok(SeeOther(format!("/deployments/{id}")))
}

pub struct Again {
    deletes_acknowledged: bool,
}

impl FromFields for Again {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { deletes_acknowledged: fields.take_flag("acknowledge_deletes") }
    }
}

#[rocket::post("/deployments/<id>/retry", data = "<posted>")]
pub async fn retry(id: i64, posted: Posted<'_, Again>) -> Result<SeeOther, PageError> {
    let acknowledged = posted.form.deletes_acknowledged;
    let next = Box::pin(steer::retry(posted.visit.app, posted.visit.actor(), id, acknowledged)).await?;
    Ok(SeeOther(format!("/deployments/{next}")))
}

pub struct Back {
    reason: String,
    deletes_acknowledged: bool,
}

impl FromFields for Back {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { reason: fields.take("reason"), deletes_acknowledged: fields.take_flag("acknowledge_deletes") }
    }
}

/// To the release of this deployment, by a run or by a request for one.
#[rocket::post("/deployments/<id>/rollback", data = "<posted>")]
pub async fn roll_back(id: i64, posted: Posted<'_, Back>) -> Result<SeeOther, PageError> {
    let Posted { visit, form } = posted;
    let back = steer::roll_back(visit.app, visit.actor(), id, &form.reason, form.deletes_acknowledged);
    let gone = Box::pin(back).await?;
    Ok(SeeOther(match gone {
        RolledBack::Deployment(id) => format!("/deployments/{id}"),
        RolledBack::Request(id) => format!("/requests/{id}"),
    }))
}

pub struct Found(String);

impl FromFields for Found {
    fn from_fields(fields: &mut Fields) -> Self {
        Found(fields.take("comment"))
    }
}

/// Somebody has looked at an override afterwards.
#[rocket::post("/deployments/<id>/sign", data = "<posted>")]
pub async fn sign(id: i64, posted: Posted<'_, Found>) -> Result<Signed, PageError> {
    let Posted { visit, form: Found(comment) } = posted;
    let errors = match break_glass::sign(visit.app, visit.actor(), id, &comment).await {
        Ok(()) => return Ok(Signed::Done(SeeOther(format!("/deployments/{id}")))),
        Err(Refusal::Invalid(errors)) => errors,
        Err(refusal) => return Err(refusal.into()),
    };
    let mut page = Box::pin(deployment::page_of(&visit, id)).await?;
    if let Some(broken) = &mut page.overridden {
        broken.comment = comment;
        broken.error = errors.into_iter().map(|error| error.message).next();
    }
    Html::with_status(422, &page).map(Signed::Again)
}

/// The run's page, or the form on it again with what was typed.
#[derive(rocket::Responder)]
pub enum Signed {
    Done(SeeOther),
    Again(Html),
}

/// Back to the page of the run that left it out, for those who may read that.
#[rocket::post("/servers/out/<id>/put-back", data = "<posted>")]
pub async fn put_back(id: i64, posted: Posted<'_, Nothing>) -> Result<SeeOther, PageError> {
    let (app, actor) = (posted.visit.app, posted.visit.actor());
    let out = balancing::put_back(app, actor, id).await?;
    let readable = queries::deployments::find(app, actor, out.deployment).await.is_ok();
    Ok(SeeOther(if readable { format!("/deployments/{}", out.deployment) } else { "/".to_owned() }))
}
