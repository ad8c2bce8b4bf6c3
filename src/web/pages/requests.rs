//! Requests: the list, one of them, and the forms by which something is done with it.

use super::deciding::{self, Comment, Decided, Outcome, decide};
use super::freezes;
use super::items::request_items;
use super::request::show;
use crate::app::ask_question::answer_question;
use crate::app::queries::freezes::Concern;
use crate::app::queries::requests;
use crate::app::review_release::{By, Verb};
use crate::app::{cancel_request, launch, reissue_link, revoke_link};
use crate::domain::request::RequestWord;
use crate::web::form::{Nothing, Posted};
use crate::web::guard::{Looking, may_request_anywhere};
use crate::web::html::Mark;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::requests::{Filter, Requests};
use crate::web::view::{Link, Section};

const A_PAGE: usize = 50;

#[rocket::get("/requests?<state>&<mine>&<before>")]
pub async fn list(
    looking: Looking<'_>,
    state: Option<&str>,
    mine: Option<&str>,
    before: Option<i64>,
) -> Result<Html, PageError> {
    let Looking(visit) = looking;
    let word = state.and_then(RequestWord::from_word);
    let mine = mine == Some("1");
    let wanted =
        requests::Wanted { mine, states: word.into_iter().collect(), before, ..requests::Wanted::default() };
    let (items, next) = requests::list(visit.app, visit.actor(), &wanted, A_PAGE).await?;
    let filter = |href: String, text: &str, chosen| Filter { link: Link::new(href, text), chosen };
    let mut filters = vec![
        filter("/requests".to_owned(), "All", word.is_none() && !mine),
        filter("/requests?mine=1".to_owned(), "Mine", mine && word.is_none()),
    ];
    filters.extend(RequestWord::ALL.iter().map(|each| {
        let words = Mark::from(*each).words();
        filter(format!("/requests?state={each}"), &words, word == Some(*each))
    }));
    let next = next.map(|last| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(word) = word {
            query.append_pair("state", word.word());
        }
        if mine {
            query.append_pair("mine", "1");
        }
        format!("/requests?{}", query.append_pair("before", &last.to_string()).finish())
    });
    let page = Requests {
        items: request_items(visit.app, &items).await?,
        filters,
        next,
        may_request: may_request_anywhere(&visit.person),
        shell: freezes::shell(&visit, Section::Requests, Concern::Anything).await?,
    };
    Html::page(&page)
}

#[rocket::get("/requests/<id>")]
pub async fn one(looking: Looking<'_>, id: i64) -> Result<Html, PageError> {
    show(&looking.0, id, None).await
}

#[rocket::post("/requests/<id>/cancel", data = "<posted>")]
pub async fn cancel(id: i64, posted: Posted<'_, Nothing>) -> Result<SeeOther, PageError> {
    cancel_request::cancel_request(posted.visit.app, posted.visit.actor(), id).await?;
    Ok(SeeOther(format!("/requests/{id}")))
}

#[rocket::post("/requests/<id>/start", data = "<posted>")]
pub async fn start(
    id: i64,
    posted: Posted<'_, Nothing>,
    cookies: &rocket::http::CookieJar<'_>,
) -> Result<SeeOther, PageError> {
    let started = Box::pin(launch::launch_from_page(posted.visit.app, posted.visit.actor(), id));
    let deployment = started.await?;
    super::launch::remember(posted.visit.app, cookies, deployment);
    Ok(SeeOther(format!("/deployments/{deployment}")))
}

#[rocket::post("/requests/<id>/new-link", data = "<posted>")]
pub async fn new_link(id: i64, posted: Posted<'_, Nothing>) -> Result<SeeOther, PageError> {
    reissue_link::reissue_link(posted.visit.app, posted.visit.actor(), id).await?;
    Ok(SeeOther(format!("/requests/{id}")))
}

#[rocket::post("/requests/<id>/revoke-link", data = "<posted>")]
pub async fn revoke(id: i64, posted: Posted<'_, Nothing>) -> Result<SeeOther, PageError> {
    revoke_link::revoke_link(posted.visit.app, posted.visit.actor(), id).await?;
    Ok(SeeOther(format!("/requests/{id}")))
}

#[rocket::post("/requests/<id>/accept", data = "<posted>")]
pub async fn accept(id: i64, posted: Posted<'_, Comment>) -> Result<Decided, PageError> {
    let outcome = decide(&posted, By::Number(id), Verb::Accept).await?;
    answered(&posted, id, outcome).await
}

#[rocket::post("/requests/<id>/reject", data = "<posted>")]
pub async fn reject(id: i64, posted: Posted<'_, Comment>) -> Result<Decided, PageError> {
    let outcome = decide(&posted, By::Number(id), Verb::Reject).await?;
    answered(&posted, id, outcome).await
}

#[rocket::post("/requests/<id>/ask", data = "<posted>")]
pub async fn ask(id: i64, posted: Posted<'_, Comment>) -> Result<Decided, PageError> {
    let outcome = decide(&posted, By::Number(id), Verb::Ask).await?;
    answered(&posted, id, outcome).await
}

#[rocket::post("/requests/<id>/answer", data = "<posted>")]
pub async fn answer(id: i64, posted: Posted<'_, Comment>) -> Result<Decided, PageError> {
    let (visit, comment) = (&posted.visit, &posted.form.comment);
    let done = answer_question(visit.app, visit.actor(), id, comment).await.map(|()| id);
    let outcome = deciding::outcome(done, "answer", comment)?;
    answered(&posted, id, outcome).await
}

async fn answered(posted: &Posted<'_, Comment>, id: i64, outcome: Outcome) -> Result<Decided, PageError> {
    match outcome {
        Outcome::Done(_) => Ok(Decided::Done(SeeOther(format!("/requests/{id}")))),
        Outcome::Again(refused) => show(&posted.visit, id, Some(refused)).await.map(Decided::Again),
    }
}
