//! Everybody's tokens, for administrators.

use super::account::token_view;
use crate::app::{access, own_tokens};
use crate::web::form::{Nothing, Posted};
use crate::web::guard::Visit;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::Section;
use crate::web::view::people::Tokens;

const A_PAGE: usize = 100;

#[rocket::get("/admin/tokens?<after>")]
pub async fn list(visit: Visit<'_>, after: Option<i64>) -> Result<Html, PageError> {
    access::administers(visit.actor())?;
    let (app, actor) = (visit.app, visit.actor());
    let mut owned = own_tokens::list(app, actor, after.unwrap_or(0), A_PAGE as u64 + 1).await?;
    let goes_on = owned.len() > A_PAGE;
    owned.truncate(A_PAGE);
    let next = owned.last().filter(|_| goes_on).map(|last| format!("/admin/tokens?after={}", last.token.id));
    let now = app.clock.now();
    let items = owned.iter().map(|owned| token_view(&owned.token, owned.user.as_str(), now)).collect();
    Html::page(&Tokens { items, next, shell: visit.shell(Section::Administration) })
}

#[rocket::post("/admin/tokens/<id>/revoke", data = "<posted>")]
pub async fn revoke(posted: Posted<'_, Nothing>, id: i64) -> Result<SeeOther, PageError> {
    access::administers(posted.visit.actor())?;
    own_tokens::revoke(posted.visit.app, posted.visit.actor(), None, id).await?;
    Ok(SeeOther("/admin/tokens".to_owned()))
}
