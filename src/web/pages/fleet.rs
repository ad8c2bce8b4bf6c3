//! Administration of the fleet: the same four pages for every kind of object. What a
//! form has stands in `sheet`; what may be done is the use case's to say.
//!
//! The addresses have low ranks: `/admin/people` and its like are other pages'.

use super::fleet_form::{Form, again, unsaved};
use super::fleet_removal::{Why, question, take_away};
use super::fleet_words::{address, item, place, plural};
use crate::app::administer::{self};
use crate::app::{Refusal, access};
use crate::domain::fleet::Kind;
use crate::domain::fleet::object::Place;
use crate::domain::name::Name;
use crate::web::form::{Fields, FromFields, Posted, UNKNOWN};
use crate::web::guard::Visit;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::sheet::{Sheet, Typed, blank, normalised, read, sheet_of, show};
use crate::web::view::Section;
use crate::web::view::fleet_object::{ObjectItem, Objects};

/// The kind that a part of an address names. It is read after the form was found to be
/// ours; environments are below applications.
fn listed(list: &str) -> Result<Kind, Refusal> {
    Kind::from_list(list).filter(|kind| *kind != Kind::Environment).ok_or(Refusal::NotFound)
}

/// Whatever was typed; the sheet says which fields there are.
pub struct Sent(Typed);

impl FromFields for Sent {
    fn from_fields(fields: &mut Fields) -> Self {
        Sent(fields.take_all())
    }
}

/// The version of what the question was about.
pub struct Version(pub(super) String);

impl FromFields for Version {
    fn from_fields(fields: &mut Fields) -> Self {
        Version(fields.take("version"))
    }
}

/// What the answer to a form is.
#[derive(rocket::Responder)]
pub enum Answered {
    Done(SeeOther),
    Again(Html),
}

pub(super) type Answer = Result<Answered, PageError>;

#[rocket::get("/admin/<kind>?<q>", rank = 30)]
pub async fn list(visit: Visit<'_>, kind: &str, q: Option<&str>) -> Result<Html, PageError> {
    let (kind, q) = (listed(kind)?, q.unwrap_or_default().trim().to_owned());
    let seen = administer::list(visit.app, visit.actor(), kind, None).await?;
    let found = seen.iter().filter(|seen| seen.place.name.as_str().contains(&q.to_lowercase()));
    let page = Objects {
        list: kind.list(),
        words: (kind.words(), plural(kind)),
        items: found.map(item).collect::<Vec<ObjectItem>>(),
        q,
        shell: visit.shell(Section::Administration),
    };
    Html::page(&page)
}

#[rocket::get("/admin/<kind>/new", rank = 30)]
pub async fn new(visit: Visit<'_>, kind: &str) -> Result<Html, PageError> {
    new_form(&visit, listed(kind)?, None).await
}

#[rocket::post("/admin/<kind>", rank = 30, data = "<posted>")]
pub async fn create(posted: Posted<'_, Sent>, kind: &str) -> Answer {
    make(posted, listed(kind)?, None).await
}

#[rocket::get("/admin/<kind>/<name>", rank = 31)]
pub async fn one(visit: Visit<'_>, kind: &str, name: &str) -> Result<Html, PageError> {
    edit_form(&visit, place(listed(kind)?, None, name)?).await
}

#[rocket::post("/admin/<kind>/<name>", rank = 31, data = "<posted>")]
pub async fn save(posted: Posted<'_, Sent>, kind: &str, name: &str) -> Answer {
    change(posted, place(listed(kind)?, None, name)?).await
}

#[rocket::get("/admin/<kind>/<name>/delete", rank = 31)]
pub async fn ask(visit: Visit<'_>, kind: &str, name: &str) -> Result<Html, PageError> {
    question(&visit, place(listed(kind)?, None, name)?, Why::Asked).await
}

#[rocket::post("/admin/<kind>/<name>/delete", rank = 31, data = "<posted>")]
pub async fn delete(posted: Posted<'_, Version>, kind: &str, name: &str) -> Answer {
    take_away(posted, place(listed(kind)?, None, name)?).await
}

#[rocket::get("/admin/applications/<application>/environments/new", rank = 30)]
pub async fn new_environment(visit: Visit<'_>, application: &str) -> Result<Html, PageError> {
    let application = Name::parse(application).map_err(|_| Refusal::NotFound)?;
    new_form(&visit, Kind::Environment, Some(application)).await
}

#[rocket::post("/admin/applications/<application>/environments", data = "<posted>")]
pub async fn create_environment(posted: Posted<'_, Sent>, application: &str) -> Answer {
    let application = Name::parse(application).map_err(|_| Refusal::NotFound)?;
    make(posted, Kind::Environment, Some(application)).await
}

#[rocket::get("/admin/applications/<application>/environments/<environment>", rank = 31)]
pub async fn one_environment(
    visit: Visit<'_>,
    application: &str,
    environment: &str,
) -> Result<Html, PageError> {
    edit_form(&visit, place(Kind::Environment, Some(application), environment)?).await
}

#[rocket::post("/admin/applications/<application>/environments/<environment>", data = "<posted>")]
pub async fn save_environment(posted: Posted<'_, Sent>, application: &str, environment: &str) -> Answer {
    change(posted, place(Kind::Environment, Some(application), environment)?).await
}

#[rocket::get("/admin/applications/<application>/environments/<environment>/delete")]
pub async fn ask_environment(
    visit: Visit<'_>,
    application: &str,
    environment: &str,
) -> Result<Html, PageError> {
    question(&visit, place(Kind::Environment, Some(application), environment)?, Why::Asked).await
}

#[rocket::post("/admin/applications/<application>/environments/<environment>/delete", data = "<posted>")]
pub async fn delete_environment(posted: Posted<'_, Version>, application: &str, environment: &str) -> Answer {
    take_away(posted, place(Kind::Environment, Some(application), environment)?).await
}

async fn new_form(visit: &Visit<'_>, kind: Kind, parent: Option<Name>) -> Result<Html, PageError> {
    access::administers(visit.actor())?;
    if let Some(application) = &parent {
        let place = Place::new(Kind::Application, None, application);
        administer::find(visit.app, visit.actor(), &place).await?;
    }
    Form::new(kind, parent, show(&sheet_of(kind), &blank(kind))).page(visit, 200).await
}

async fn make(posted: Posted<'_, Sent>, kind: Kind, parent: Option<Name>) -> Answer {
    let (visit, sent) = (posted.visit, posted.form.0);
    access::administers(visit.actor())?;
    let sheet = sheet_of(kind);
    let typed = of_the_sheet(&sheet, &sent)?;
    let object = read(&sheet, &typed, None);
    match administer::create(visit.app, visit.actor(), kind, parent.as_ref(), object).await {
        Ok(seen) => Ok(Answered::Done(SeeOther(address(&seen.place)))),
        Err(trouble) => {
            let gone = parent.as_ref().map(|application| Place::new(Kind::Application, None, application));
            let (state, status, errors) = unsaved(&sheet, gone.as_ref(), trouble)?;
            let form = Form { errors, state, ..Form::new(kind, parent, typed) };
            Ok(Answered::Again(form.page(&visit, status).await?))
        }
    }
}

async fn edit_form(visit: &Visit<'_>, place: Place) -> Result<Html, PageError> {
    let seen = administer::find(visit.app, visit.actor(), &place).await?;
    Form::editing(&seen).page(visit, 200).await
}

async fn change(posted: Posted<'_, Sent>, place: Place) -> Answer {
    let (visit, mut sent) = (posted.visit, posted.form.0);
    access::administers(visit.actor())?;
    let sheet = sheet_of(place.kind);
    let version = sent.remove("version").unwrap_or_default();
    let typed = of_the_sheet(&sheet, &sent)?;
    let seen = match administer::find(visit.app, visit.actor(), &place).await {
        // A version was seen, so there was something.
        Err(Refusal::NotFound) if !version.is_empty() => {
            return again(&visit, &place, None, typed, Refusal::NotFound.into()).await;
        }
        other => other?,
    };
    let object = read(&sheet, &typed, Some(&seen.object));
    match administer::replace(visit.app, visit.actor(), &place, object, Some(&[version])).await {
        Ok(seen) => Ok(Answered::Done(SeeOther(address(&seen.place)))),
        Err(trouble) => again(&visit, &place, Some(seen), typed, trouble).await,
    }
}

fn of_the_sheet(sheet: &Sheet, sent: &Typed) -> Result<Typed, PageError> {
    normalised(sheet, sent)
        .map_err(|_| Refusal::field("form", UNKNOWN.trim_end_matches(" Nothing was changed.")).into())
}
