//! The host preview: what a release would change, and having it found.

use super::freezes;
use crate::app::queries::freezes::Concern;
use crate::app::{Refusal, preview};
use crate::domain::request::release_words;
use crate::domain::scope::Scope;
use crate::web::form::{Fields, FromFields, Posted};
use crate::web::guard::Visit;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::preview::Preview;
use crate::web::view::{Section, preview_href};

#[rocket::get("/applications/<name>/<environment>/preview?<release>&<cluster>&<server>")]
pub async fn page(
    visit: Visit<'_>,
    name: &str,
    environment: &str,
    release: Option<&str>,
    cluster: Option<&str>,
    server: Option<&str>,
) -> Result<Html, PageError> {
    let release = release.unwrap_or_default();
    let scope = scope(cluster.unwrap_or_default(), server.unwrap_or_default())?;
    let seen = preview::find(visit.app, visit.actor(), name, environment, release, scope).await?;
    let page = Preview {
        application: seen.application.to_string(),
        environment: seen.environment.to_string(),
        release: release_words(&seen.release),
        asked: seen.release,
        commit: seen.commit.to_string(),
        delete_threshold: seen.delete_threshold,
        found: seen.preview.map(|preview| preview.state),
        why_none: seen.why_none,
        may_ask: seen.may_ask,
        scope: seen.scope,
        shell: freezes::shell(
            &visit,
            Section::Applications,
            Concern::Environment(&seen.application, &seen.environment),
        )
        .await?,
    };
    Html::page(&page)
}

/// A cluster or a server to look at alone; neither is the whole environment.
fn scope(cluster: &str, server: &str) -> Result<Scope, Refusal> {
    Scope::of_fields(cluster, server).map_err(|_| Refusal::NotFound)
}

pub struct Asked {
    release: String,
    cluster: String,
    server: String,
}

impl FromFields for Asked {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            release: fields.take("release"),
            cluster: fields.take("cluster"),
            server: fields.take("server"),
        }
    }
}

#[rocket::post("/applications/<name>/<environment>/preview", data = "<posted>")]
pub async fn ask(posted: Posted<'_, Asked>, name: &str, environment: &str) -> Result<SeeOther, PageError> {
    let Posted { visit, form } = posted;
    let scope = scope(&form.cluster, &form.server)?;
    preview::ask(visit.app, visit.actor(), name, environment, &form.release).await?;
    Ok(SeeOther(preview_href(name, environment, &form.release, &scope)))
}
