//! The host preview: what a release would change, and having it found.

use super::freezes;
use crate::app::preview;
use crate::app::queries::freezes::Concern;
use crate::domain::request::release_words;
use crate::web::form::{Fields, FromFields, Posted};
use crate::web::guard::Visit;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::preview::Preview;
use crate::web::view::{Section, preview_href};

#[rocket::get("/applications/<name>/<environment>/preview?<release>")]
pub async fn page(
    visit: Visit<'_>,
    name: &str,
    environment: &str,
    release: Option<&str>,
) -> Result<Html, PageError> {
    let release = release.unwrap_or_default();
    let seen = preview::find(visit.app, visit.actor(), name, environment, release).await?;
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
        shell: freezes::shell(
            &visit,
            Section::Applications,
            Concern::Environment(&seen.application, &seen.environment),
        )
        .await?,
    };
    Html::page(&page)
}

pub struct Asked {
    release: String,
}

impl FromFields for Asked {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { release: fields.take("release") }
    }
}

#[rocket::post("/applications/<name>/<environment>/preview", data = "<posted>")]
pub async fn ask(posted: Posted<'_, Asked>, name: &str, environment: &str) -> Result<SeeOther, PageError> {
    let Posted { visit, form } = posted;
    preview::ask(visit.app, visit.actor(), name, environment, &form.release).await?;
    Ok(SeeOther(preview_href(name, environment, &form.release)))
}
