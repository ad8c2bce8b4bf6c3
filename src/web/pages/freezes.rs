//! Freezes: the list and the forms of administrators, and what other pages say of one
//! that concerns them.

use jiff::Timestamp;

use crate::app::freeze::{self, By, Wanted};
use crate::app::queries::applications;
use crate::app::queries::freezes::{self, Concern};
use crate::app::stored_request::Stored;
use crate::app::{App, FieldError as Wrong, Refusal};
use crate::domain::freeze::{Edge, Freeze, FreezeState, Frozen, Level, instant};
use crate::domain::name::{Name, has_visible};
use crate::web::form::{Fields, FromFields, Nothing, Posted, version};
use crate::web::guard::{Visit, may_administer};
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::freezes::{FreezeForm, FreezeItem, FreezeNotice, FreezePage, Freezes, Places};
use crate::web::view::{FieldError, Section, Shell};

/// How many the list shows at once.
const SHOWN: usize = 50;

/// The shell of a page that freezes concern, with what is to be said of them.
pub async fn shell(visit: &Visit<'_>, section: Section, about: Concern<'_>) -> Result<Shell, Refusal> {
    let now = visit.app.clock.now();
    let standing = freezes::standing(visit.app, visit.actor(), about).await?;
    let notice = |freeze: Freeze| FreezeNotice {
        what: freeze.on.words(),
        level: freeze.level,
        is_current: freeze.state(now) == FreezeState::Current,
        author: freeze.people(),
        reason: freeze.reason,
        from: freeze.from,
        until: freeze.until,
    };
    Ok(Shell { freezes: standing.into_iter().map(notice).collect(), ..visit.shell(section) })
}

/// Where a request wants to go.
pub fn about(stored: &Stored) -> Concern<'_> {
    Concern::Environment(&stored.request.application, &stored.request.environment)
}

#[rocket::get("/admin/freezes?<before>")]
pub async fn list(visit: Visit<'_>, before: Option<i64>) -> Result<Html, PageError> {
    readers_only(&visit)?;
    Html::page(&listed(&visit, before, FreezeForm::default(), Vec::new()).await?)
}

async fn listed(
    visit: &Visit<'_>,
    before: Option<i64>,
    form: FreezeForm,
    errors: Vec<FieldError>,
) -> Result<Freezes, Refusal> {
    let (app, actor) = (visit.app, visit.actor());
    let now = app.clock.now();
    let (found, next) = freezes::list(app, actor, None, before, SHOWN).await?;
    Ok(Freezes {
        items: found.iter().map(|freeze| item(freeze, now)).collect(),
        next: next.map(|next| format!("/admin/freezes?before={next}")),
        form: actor.access.is_admin().then_some(form),
        places: places(visit).await?,
        errors,
        shell: visit.shell(Section::Administration),
    })
}

#[rocket::get("/admin/freezes/<id>")]
pub async fn one(visit: Visit<'_>, id: i64) -> Result<Html, PageError> {
    readers_only(&visit)?;
    let freeze = freezes::find(visit.app, visit.actor(), id).await?;
    Html::page(&shown(&visit, &freeze).await?)
}

async fn shown(visit: &Visit<'_>, freeze: &Freeze) -> Result<FreezePage, Refusal> {
    let item = item(freeze, visit.app.clock.now());
    let may_change = visit.actor().access.is_admin() && !item.is_over();
    Ok(FreezePage {
        form: may_change.then(|| as_typed(visit.app, freeze)),
        item,
        places: places(visit).await?,
        errors: Vec::new(),
        conflict: None,
        shell: visit.shell(Section::Administration),
    })
}

fn readers_only(visit: &Visit<'_>) -> Result<(), Refusal> {
    if may_administer(&visit.person) {
        Ok(())
    } else {
        Err(Refusal::Forbidden("Administration is for administrators.".to_owned()))
    }
}

fn item(freeze: &Freeze, now: Timestamp) -> FreezeItem {
    FreezeItem {
        id: freeze.id,
        what: freeze.on.words(),
        level: freeze.level,
        state: freeze.state(now),
        reason: freeze.reason.clone(),
        author: freeze.people(),
        from: freeze.from,
        until: freeze.until,
        lifted_by: freeze.lifted.as_ref().map(|lifted| lifted.by.clone()),
        lifted_at: freeze.lifted.as_ref().map(|lifted| lifted.at),
    }
}

fn as_typed(app: &App, freeze: &Freeze) -> FreezeForm {
    let name = |name: &Option<Name>| name.as_ref().map(ToString::to_string).unwrap_or_default();
    let clock = |at: Timestamp| {
        at.in_tz(&app.config.timezone)
            .map_or_else(|_| at.to_string(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
    };
    FreezeForm {
        application: name(&freeze.on.application),
        environment: name(&freeze.on.environment),
        level: freeze.level,
        reason: freeze.reason.clone(),
        from: clock(freeze.from),
        until: freeze.until.map(clock).unwrap_or_default(),
        version: freeze.version.to_string(),
    }
}

async fn places(visit: &Visit<'_>) -> Result<Places, Refusal> {
    let fleet = applications::readable_fleet(visit.app, visit.actor()).await?;
    let mut environments: Vec<String> = fleet
        .applications
        .iter()
        .flat_map(|application| &application.environments)
        .map(|environment| environment.name.to_string())
        .collect();
    environments.sort();
    environments.dedup();
    Ok(Places {
        applications: fleet.applications.iter().map(|application| application.name.to_string()).collect(),
        environments,
        zone: visit.app.config.timezone.clone(),
    })
}

/// What was typed, and what is wrong with it.
pub struct Typed {
    form: FreezeForm,
    /// A level that there is none.
    wrong_level: bool,
}

impl FromFields for Typed {
    fn from_fields(fields: &mut Fields) -> Self {
        let level = fields.take("level");
        let form = FreezeForm {
            application: fields.take("application"),
            environment: fields.take("environment"),
            level: Level::from_word(&level).unwrap_or_default(),
            reason: fields.take("reason"),
            from: fields.take("from").trim().to_owned(),
            until: fields.take("until").trim().to_owned(),
            version: String::new(),
        };
        Self { wrong_level: !level.is_empty() && Level::from_word(&level).is_none(), form }
    }
}

/// The same of a freeze that is there, with the version that was seen.
pub struct Retyped(Typed);

impl FromFields for Retyped {
    fn from_fields(fields: &mut Fields) -> Self {
        let mut typed = Typed::from_fields(fields);
        typed.form.version = fields.take("version");
        Self(typed)
    }
}

impl Typed {
    /// The form shows whole minutes. A time that stands in it as it was shown is the one
    /// that is there, to its fraction, and not its minute.
    fn kept(&self, app: &App, seen: &Freeze, wanted: Wanted) -> Wanted {
        let shown = as_typed(app, seen);
        Wanted {
            from: if self.form.from == shown.from { Some(seen.from) } else { wanted.from },
            until: if self.form.until == shown.until { seen.until } else { wanted.until },
            ..wanted
        }
    }

    fn read(&self, zone: &str) -> Result<Wanted, Refusal> {
        let mut errors = Vec::new();
        let mut wrong = |field, message: String| errors.push(Wrong { field, message });
        let mut name = |field, text: &str| match (text, Name::parse(text)) {
            ("", _) => None,
            (_, Ok(name)) => Some(name),
            (_, Err(error)) => {
                wrong(field, format!("The name {error}."));
                None
            }
        };
        let form = &self.form;
        let (application, environment) =
            (name("application", &form.application), name("environment", &form.environment));
        let mut time = |field, text: &str, edge| match (text, instant(text, zone, edge)) {
            ("", _) => None,
            (_, Ok(at)) => Some(at),
            (_, Err(why)) => {
                wrong(field, format!("It {why}."));
                None
            }
        };
        let (from, until) = (time("from", &form.from, Edge::From), time("until", &form.until, Edge::Until));
        if self.wrong_level {
            wrong("level", "A lock or a warning.".to_owned());
        }
        if !has_visible(&form.reason) && !errors.is_empty() {
            errors.push(Wrong {
                field: "reason",
                message: "Say why; everybody who is held up reads it.".to_owned(),
            });
        }
        if !errors.is_empty() {
            return Err(Refusal::Invalid(errors));
        }
        let on = Frozen { application, environment };
        Ok(Wanted { on, level: form.level, reason: form.reason.clone(), from, until })
    }
}

/// The thing's page, or the form again with what was typed.
#[derive(rocket::Responder)]
pub enum Done {
    Done(SeeOther),
    Again(Html),
}

#[rocket::post("/admin/freezes", data = "<posted>")]
pub async fn set(posted: Posted<'_, Typed>) -> Result<Done, PageError> {
    let Posted { visit, form: typed } = posted;
    let acted = match typed.read(&visit.app.config.timezone) {
        Ok(wanted) => freeze::set(visit.app, By::Person(visit.actor()), wanted).await,
        Err(refusal) => Err(refusal),
    };
    match acted {
        Ok(id) => Ok(Done::Done(SeeOther(format!("/admin/freezes/{id}")))),
        Err(Refusal::Invalid(errors)) if visit.actor().access.is_admin() => {
            let page = listed(&visit, None, typed.form, beside(errors)).await?;
            Html::with_status(422, &page).map(Done::Again)
        }
        Err(refusal) => Err(refusal_of(&visit, refusal)),
    }
}

#[rocket::post("/admin/freezes/<id>", data = "<posted>")]
pub async fn change(id: i64, posted: Posted<'_, Retyped>) -> Result<Done, PageError> {
    let Posted { visit, form: Retyped(typed) } = posted;
    readers_only(&visit)?;
    let seen = freezes::find(visit.app, visit.actor(), id).await?;
    let wanted = typed.read(&visit.app.config.timezone).map(|wanted| typed.kept(visit.app, &seen, wanted));
    let acted = match (wanted, version(&typed.form.version)) {
        (Ok(wanted), Ok(version)) => {
            freeze::change(visit.app, By::Person(visit.actor()), id, wanted, version).await
        }
        (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
    };
    let (status, errors, conflict) = match acted {
        Ok(()) => return Ok(Done::Done(SeeOther(format!("/admin/freezes/{id}")))),
        Err(Refusal::Invalid(errors)) if visit.actor().access.is_admin() => (422, beside(errors), None),
        Err(Refusal::Conflict(words)) => (409, Vec::new(), Some(words)),
        Err(refusal) => return Err(refusal_of(&visit, refusal)),
    };
    // What is sent again is meant for what is shown with it.
    let freeze = freezes::find(visit.app, visit.actor(), id).await?;
    let form = FreezeForm { version: freeze.version.to_string(), ..typed.form };
    let page = FreezePage { form: Some(form), errors, conflict, ..shown(&visit, &freeze).await? };
    Html::with_status(status, &page).map(Done::Again)
}

/// What is wrong with a form is nothing to somebody who may not send it at all.
fn refusal_of(visit: &Visit<'_>, refusal: Refusal) -> PageError {
    match refusal {
        Refusal::Invalid(_) if !visit.actor().access.is_admin() => {
            Refusal::Forbidden("Only an administrator may set, change or lift a freeze.".to_owned()).into()
        }
        other => other.into(),
    }
}

fn beside(errors: Vec<Wrong>) -> Vec<FieldError> {
    errors.into_iter().map(|error| FieldError { field: error.field, text: error.message }).collect()
}

#[rocket::post("/admin/freezes/<id>/lift", data = "<posted>")]
pub async fn lift(id: i64, posted: Posted<'_, Nothing>) -> Result<SeeOther, PageError> {
    freeze::lift(posted.visit.app, By::Person(posted.visit.actor()), id, None).await?;
    Ok(SeeOther(format!("/admin/freezes/{id}")))
}
