//! The form of one object of the fleet, new or there already: what its page shows, and
//! the same once more when nothing was saved.

use serde_json::Value;

use super::fleet::{Answer, Answered};
use super::fleet_words::{address, crumbs, names_of, page_of};
use crate::app::Refusal;
use crate::app::administer::{self, Seen, Trouble};
use crate::domain::fleet::dependents::grants_for_nothing;
use crate::domain::fleet::object::Place;
use crate::domain::fleet::{Fleet, Kind};
use crate::domain::name::Name;
use crate::domain::target::HostKey;
use crate::web::guard::Visit;
use crate::web::html::capital;
use crate::web::respond::{Html, PageError};
use crate::web::sheet::view::{differences, sections};
use crate::web::sheet::{Errors, Sheet, Typed, sheet_of, show, sort_out};
use crate::web::view::fleet_object::{Environments, HostKeys, Object, Scanned, State};
use crate::web::view::{Link, Section};

/// Everything that the page of one form is made of.
pub struct Form {
    pub kind: Kind,
    pub parent: Option<Name>,
    pub seen: Option<Seen>,
    pub typed: Typed,
    pub errors: Errors,
    pub state: State,
    pub scanned: Option<Scanned>,
    pub failed: Option<String>,
}

impl Form {
    pub fn new(kind: Kind, parent: Option<Name>, typed: Typed) -> Self {
        let errors = Errors::default();
        Self { kind, parent, seen: None, typed, errors, state: State::New, scanned: None, failed: None }
    }

    pub fn editing(seen: &Seen) -> Self {
        let place = &seen.place;
        let typed = show(&sheet_of(place.kind), &seen.object);
        Self {
            seen: Some(seen.clone()),
            state: State::Editing,
            ..Self::new(place.kind, place.parent.clone(), typed)
        }
    }

    pub async fn page(self, visit: &Visit<'_>, status: u16) -> Result<Html, PageError> {
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

/// The form once more, with what was typed: because it is wrong, or in the way of
/// something, or about something that is no longer there, which it can then make anew.
pub async fn again(
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
pub fn unsaved(
    sheet: &Sheet,
    gone: Option<&Place>,
    trouble: Trouble,
) -> Result<(State, u16, Errors), PageError> {
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
