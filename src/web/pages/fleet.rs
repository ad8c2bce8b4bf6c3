//! Administration of the fleet: the same four pages for every kind of object. What a
//! form has stands in `sheet`; what may be done is the use case's to say.
//!
//! The addresses have low ranks: `/admin/people` and its like are other pages'.

use serde_json::Value;

use super::fleet_removal::{Why, question, take_away};
use super::fleet_words::{item, names_of, plural};
use crate::app::administer::{self, Seen, Trouble};
use crate::app::scan_host::{self, Scan};
use crate::app::{Refusal, access};
use crate::domain::fleet::dependents::grants_for_nothing;
use crate::domain::fleet::object::Place;
use crate::domain::fleet::{Fleet, Kind};
use crate::domain::name::Name;
use crate::domain::target::{HostKey, ScanVerdict};
use crate::web::form::{Fields, FromFields, Nothing, Posted, UNKNOWN};
use crate::web::guard::Visit;
use crate::web::html::capital;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::sheet::view::{differences, sections};
use crate::web::sheet::{Errors, Sheet, Typed, blank, normalised, read, sheet_of, show, sort_out};
use crate::web::view::fleet_object::{
    Environments, HostKeys, KeyItem, Object, ObjectItem, Objects, Scanned, State,
};
use crate::web::view::{Link, Section};

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

/// One key, as it was shown.
pub struct Pin {
    version: String,
    host_key: String,
}

impl FromFields for Pin {
    fn from_fields(fields: &mut Fields) -> Self {
        Pin { version: fields.take("version"), host_key: fields.take("host_key") }
    }
}

/// What the answer to a form is.
#[derive(rocket::Responder)]
pub enum Answered {
    Done(SeeOther),
    Again(Html),
}

type Answer = Result<Answered, PageError>;

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

/// Asks the host, and shows what it said; nothing is stored.
#[rocket::post("/admin/servers/<name>/scan", data = "<posted>")]
pub async fn scan(posted: Posted<'_, Nothing>, name: &str) -> Result<Html, PageError> {
    let visit = posted.visit;
    let place = place(Kind::Server, None, name)?;
    match scan_host::scan(visit.app, visit.actor(), &place).await {
        Ok(scan) => {
            let form = Form { scanned: Some(scanned(&scan)), ..Form::editing(&scan.server) };
            form.page(&visit, 200).await
        }
        Err(Refusal::Unavailable(why)) => {
            let seen = administer::find(visit.app, visit.actor(), &place).await?;
            Form { failed: Some(why), ..Form::editing(&seen) }.page(&visit, 503).await
        }
        Err(other) => Err(other.into()),
    }
}

#[rocket::post("/admin/servers/<name>/pin", data = "<posted>")]
pub async fn pin(posted: Posted<'_, Pin>, name: &str) -> Answer {
    let (visit, Pin { version, host_key }) = (posted.visit, posted.form);
    let place = place(Kind::Server, None, name)?;
    match scan_host::pin(visit.app, visit.actor(), &place, &host_key, &version).await {
        Ok(seen) => Ok(Answered::Done(SeeOther(address(&seen.place)))),
        Err(trouble) => {
            let seen = administer::find(visit.app, visit.actor(), &place).await?;
            let sheet = sheet_of(Kind::Server);
            let mut typed = show(&sheet, &seen.object);
            typed.insert("host_key".to_owned(), host_key);
            again(&visit, &seen.place.clone(), Some(seen), typed, trouble).await
        }
    }
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

/// The form once more, with what was typed: because it is wrong, or in the way of
/// something, or about something that is no longer there, which it can then make anew.
async fn again(
    visit: &Visit<'_>,
    place: &Place,
    seen: Option<Seen>,
    typed: Typed,
    trouble: Trouble,
) -> Answer {
    let sheet = sheet_of(place.kind);
    let (state, status, seen, errors) = match trouble {
        Trouble::Changed(now) => (State::Conflict, 409, Some(*now), Errors::default()),
        other => {
            let (state, status, errors) = unsaved(&sheet, Some(place), other)?;
            (state, status, seen.filter(|_| state != State::Removed), errors)
        }
    };
    let form = match &seen {
        Some(seen) => Form::editing(seen),
        None => Form::new(place.kind, place.parent.clone(), Typed::new()),
    };
    let form = Form { typed, errors, state, ..form };
    Ok(Answered::Again(form.page(visit, status).await?))
}

/// Why nothing was saved, for a form that is shown again; what has nothing to do with
/// the form is an answer of its own. `gone` is what would not be there any more.
fn unsaved(sheet: &Sheet, gone: Option<&Place>, trouble: Trouble) -> Result<(State, u16, Errors), PageError> {
    let whole = |words| Errors { of_the_whole: vec![words], ..Errors::default() };
    match (trouble, gone) {
        (Trouble::Invalid(problems), _) => Ok((State::Invalid, 422, sort_out(sheet, &problems))),
        (Trouble::Changed(seen), _) => {
            Ok((State::Blocked, 409, whole(format!("The {} was changed meanwhile.", seen.place))))
        }
        (Trouble::Refused(Refusal::Conflict(words)), _) => Ok((State::Blocked, 409, whole(words))),
        (Trouble::Refused(Refusal::NotFound), Some(gone)) => {
            Ok((State::Removed, 409, whole(format!("The {gone} was removed meanwhile."))))
        }
        (Trouble::Refused(refusal), _) => Err(refusal.into()),
    }
}

fn of_the_sheet(sheet: &Sheet, sent: &Typed) -> Result<Typed, PageError> {
    normalised(sheet, sent)
        .map_err(|_| Refusal::field("form", UNKNOWN.trim_end_matches(" Nothing was changed.")).into())
}

/// Everything that the page of one form is made of.
struct Form {
    kind: Kind,
    parent: Option<Name>,
    seen: Option<Seen>,
    typed: Typed,
    errors: Errors,
    state: State,
    scanned: Option<Scanned>,
    failed: Option<String>,
}

impl Form {
    fn new(kind: Kind, parent: Option<Name>, typed: Typed) -> Self {
        let errors = Errors::default();
        Self { kind, parent, seen: None, typed, errors, state: State::New, scanned: None, failed: None }
    }

    fn editing(seen: &Seen) -> Self {
        let place = &seen.place;
        let typed = show(&sheet_of(place.kind), &seen.object);
        Self {
            seen: Some(seen.clone()),
            state: State::Editing,
            ..Self::new(place.kind, place.parent.clone(), typed)
        }
    }

    async fn page(self, visit: &Visit<'_>, status: u16) -> Result<Html, PageError> {
        let fleet = administer::fleet(visit.app, visit.actor()).await?;
        let sheet = sheet_of(self.kind);
        let stored = self.seen.as_ref().map_or(Value::Null, |seen| seen.object.clone());
        let now = show(&sheet, &stored);
        let is_conflict = self.state == State::Conflict;
        let state = if self.scanned.is_some() { State::Scanned } else { self.state };
        let place = self.seen.as_ref().map(|seen| &seen.place);
        let whole = self.errors.of_the_whole.iter().map(|words| (None, words.clone()));
        let of_fields = self.errors.of_fields.iter().map(|(name, words)| {
            let label = label_of(&sheet, name);
            (Some(name.clone()), format!("{label}: {words}"))
        });
        let page = Object {
            page: page_of(self.kind),
            state,
            title: place
                .map_or_else(|| format!("New {}", self.kind.words()), |place| capital(&place.to_string())),
            crumbs: crumbs(self.kind, self.parent.as_ref()),
            action: place.map_or_else(|| self.list_address(), address),
            version: self.seen.as_ref().map(|seen| seen.version.clone()),
            managed: self.seen.as_ref().is_some_and(|seen| seen.managed),
            errors: whole.chain(of_fields).collect(),
            differences: if is_conflict { differences(&sheet, &self.typed, &now) } else { Vec::new() },
            sections: sections(
                &sheet,
                &self.typed,
                &stored,
                &self.errors,
                &names_of(&fleet, self.parent.as_ref()),
            ),
            button: match self.state {
                State::Conflict => "Save mine over it".to_owned(),
                _ if place.is_none() => format!("Make the {}", self.kind.words()),
                _ => "Save".to_owned(),
            },
            links: place.map(seen_elsewhere).unwrap_or_default(),
            removal: place
                .filter(|place| !place.is_permanent())
                .map(|place| format!("{}/delete", address(place))),
            environments: place.filter(|place| place.kind == Kind::Application).map(|place| {
                let application = fleet.application(&place.name);
                let environments = application.map(|one| one.environments_in_order()).unwrap_or_default();
                let link = |name: &Name| {
                    let place = Place::new(Kind::Environment, Some(&place.name), name);
                    Link::new(address(&place), name.to_string())
                };
                Environments {
                    links: environments.iter().map(|environment| link(&environment.name)).collect(),
                    new: format!("{}/environments/new", address(place)),
                }
            }),
            host_keys: place
                .filter(|place| place.kind == Kind::Server)
                .map(|place| self.host_keys(place, &stored)),
            hints: self.hints(&fleet),
            shell: visit.shell(Section::Administration),
        };
        Html::with_status(status, &page)
    }

    /// Of a role as it stands: the grants for what there is none of.
    fn hints(&self, fleet: &Fleet) -> Vec<String> {
        let place = self.seen.as_ref().map(|seen| &seen.place).filter(|place| place.kind == Kind::Role);
        let role = place.and_then(|place| fleet.roles.iter().find(|role| role.name == place.name));
        role.map(|role| grants_for_nothing(fleet, role)).unwrap_or_default()
    }

    fn host_keys(&self, place: &Place, stored: &Value) -> HostKeys {
        let pinned = stored.get("host_key").and_then(Value::as_str);
        HostKeys {
            scan: format!("{}/scan", address(place)),
            pin: format!("{}/pin", address(place)),
            pinned: pinned.and_then(|key| HostKey::parse(key).ok()).map(|key| key.fingerprint()),
            scanned: self.scanned.clone(),
            failed: self.failed.clone(),
        }
    }

    /// Where a new one is sent to.
    fn list_address(&self) -> String {
        match &self.parent {
            Some(application) => format!("/admin/applications/{application}/environments"),
            None => format!("/admin/{}", self.kind.list()),
        }
    }
}

fn label_of(sheet: &Sheet, name: &str) -> &'static str {
    let is_own = |key: &str| name == key || name.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
    sheet.fields().find(|field| is_own(field.key)).map_or("", |field| field.label)
}

/// The pages that everybody with the right to read has of it.
fn seen_elsewhere(place: &Place) -> Vec<Link> {
    let name = &place.name;
    match (place.kind, &place.parent) {
        (Kind::Server, _) => vec![Link::new(format!("/servers/{name}"), "What runs on it")],
        (Kind::Application, _) => vec![Link::new(format!("/applications/{name}"), "Its page")],
        (Kind::Environment, Some(application)) => {
            vec![Link::new(format!("/applications/{application}/{name}"), "Its page")]
        }
        _ => Vec::new(),
    }
}

fn scanned(scan: &Scan) -> Scanned {
    let item = |(index, key): (usize, &HostKey)| KeyItem {
        kind: key.kind(),
        fingerprint: key.fingerprint(),
        text: key.to_string(),
        is_pinned: Some(key) == scan.pinned.as_ref(),
        is_best: index == 0 && scan.keys.len() > 1,
    };
    Scanned {
        place: format!("{} port {}", scan.host, scan.port),
        is_changed: scan.verdict == ScanVerdict::Changed,
        is_same: scan.verdict == ScanVerdict::Same,
        keys: scan.keys.iter().enumerate().map(item).collect(),
    }
}

pub(super) fn page_of(kind: Kind) -> String {
    format!("admin_{}", kind.word())
}

pub(super) fn address(place: &Place) -> String {
    match &place.parent {
        Some(application) => format!("/admin/applications/{application}/environments/{}", place.name),
        None => format!("/admin/{}/{}", place.kind.list(), place.name),
    }
}

pub(super) fn list_address(place: &Place) -> String {
    match &place.parent {
        Some(application) => format!("/admin/applications/{application}"),
        None => format!("/admin/{}", place.kind.list()),
    }
}

/// An address that holds no name leads nowhere.
fn place(kind: Kind, parent: Option<&str>, name: &str) -> Result<Place, Refusal> {
    let parse = |text: &str| Name::parse(text).map_err(|_| Refusal::NotFound);
    let parent = parent.map(parse).transpose()?;
    Ok(Place { kind, parent, name: parse(name)? })
}

/// The way to the list that an object stands in.
pub(super) fn crumbs(kind: Kind, parent: Option<&Name>) -> Vec<Link> {
    let mut crumbs = vec![Link::new("/admin", "Administration")];
    let list = if parent.is_some() { Kind::Application } else { kind };
    crumbs.push(Link::new(format!("/admin/{}", list.list()), capital(plural(list))));
    if let Some(application) = parent {
        let place = Place::new(Kind::Application, None, application);
        crumbs.push(Link::new(address(&place), application.to_string()));
    }
    crumbs
}
