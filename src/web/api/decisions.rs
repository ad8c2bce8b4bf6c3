//! What people say to a request, and what they do with its launch link. The same use
//! cases as on the pages; a decision by number is for those who hold the right, and is
//! theirs: a token acts for its own person alone.

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, FromBody, Nothing};
use super::problem::Problem;
use super::query::Query;
use super::requests::{as_it_is, described};
use crate::app::ask_question::answer_question;
use crate::app::queries::requests;
use crate::app::reissue_link::reissue_link;
use crate::app::review_release::{By, Verb, review_release};
use crate::app::revoke_link::revoke_link;
use crate::domain::document::{Reader, one_of};

/// `{decision: accept | reject | ask, comment}`: the form of a reviewer.
pub struct Verdict {
    verb: Verb,
    comment: String,
}

impl FromBody for Verdict {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let verbs: Vec<(&str, Verb)> = Verb::ALL.iter().map(|verb| (verb.word(), *verb)).collect();
        let verb = r.required("decision", |text| one_of(text, &verbs));
        let comment = r.text_or("comment", String::new(), |text| Ok::<_, String>(text.to_owned()));
        Some(Self { verb: verb?, comment })
    }
}

#[rocket::post("/requests/<id>/decisions", data = "<body>")]
pub async fn decide(
    bearer: Bearer<'_>,
    id: i64,
    query: Query,
    body: Body<Verdict>,
) -> Result<Answer, Problem> {
    query.none()?;
    let Body { input: Verdict { verb, comment }, once } = body;
    let act = Box::pin(async {
        Box::pin(review_release(bearer.app, bearer.actor(), By::Number(id), verb, &comment)).await?;
        let request = requests::find(bearer.app, bearer.actor(), id).await?;
        Answer::made(&format!("/requests/{id}"), &described(&bearer, &request).await?)
    });
    once.answer(&bearer, act).await
}

/// `{comment}`: what the requester says to the questions that wait.
pub struct Reply {
    comment: String,
}

impl FromBody for Reply {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        Some(Self { comment: r.required("comment", |text| Ok::<_, String>(text.to_owned()))? })
    }
}

#[rocket::post("/requests/<id>/answer", data = "<body>")]
pub async fn answer(bearer: Bearer<'_>, id: i64, query: Query, body: Body<Reply>) -> Result<Answer, Problem> {
    query.none()?;
    let Body { input: Reply { comment }, once } = body;
    let act = Box::pin(async {
        answer_question(bearer.app, bearer.actor(), id, &comment).await?;
        as_it_is(&bearer, id).await
    });
    once.answer(&bearer, act).await
}

/// The link itself goes into the requester's mail and nowhere else.
#[rocket::post("/requests/<id>/new-link", data = "<body>")]
pub async fn new_link(
    bearer: Bearer<'_>,
    id: i64,
    query: Query,
    body: Body<Nothing>,
) -> Result<Answer, Problem> {
    query.none()?;
    let act = Box::pin(async {
        reissue_link(bearer.app, bearer.actor(), id).await?;
        as_it_is(&bearer, id).await
    });
    body.once.answer(&bearer, act).await
}

#[rocket::post("/requests/<id>/revoke-link", data = "<body>")]
pub async fn revoke(
    bearer: Bearer<'_>,
    id: i64,
    query: Query,
    body: Body<Nothing>,
) -> Result<Answer, Problem> {
    query.none()?;
    let act = Box::pin(async {
        revoke_link(bearer.app, bearer.actor(), id).await?;
        as_it_is(&bearer, id).await
    });
    body.once.answer(&bearer, act).await
}
