//! People, for those who administer: who there is, what they hold and by what, and
//! every change to it.

use secrecy::SecretString;

use super::account::{by, shown};
use crate::app::edit_person::{self, Change};
use crate::app::fleet_rows::FLEET_FILE;
use crate::app::queries::people::{self, Known, Whole};
use crate::app::{Refusal, access};
use crate::domain::name::Name;
use crate::domain::person::{Identity, LOCAL, MemberKind, RoleMember};
use crate::web::form::{self, Fields, FromFields, Posted};
use crate::web::guard::Visit;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::Section;
use crate::web::view::people::{HeldRole, NewPerson, People, PersonItem, PersonPage, Way};

const A_PAGE: u64 = 100;

#[rocket::get("/admin/people?<q>&<after>")]
pub async fn list(visit: Visit<'_>, q: Option<&str>, after: Option<&str>) -> Result<Html, PageError> {
    Html::page(&people_page(&visit, q.unwrap_or_default(), after).await?)
}

async fn people_page(visit: &Visit<'_>, q: &str, after: Option<&str>) -> Result<People, Refusal> {
    let (app, actor) = (visit.app, visit.actor());
    let after = after.map(Name::parse).transpose().map_err(|_| Refusal::NotFound)?;
    let mut known = people::list(app, actor, q, after.as_ref(), A_PAGE + 1).await?;
    let goes_on = known.len() as u64 > A_PAGE;
    known.truncate(usize::try_from(A_PAGE).unwrap_or(known.len()));
    let next = known.last().filter(|_| goes_on).map(|last| {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", q)
            .append_pair("after", last.person.name.as_str())
            .finish();
        format!("/admin/people?{query}")
    });
    Ok(People {
        items: known.iter().map(item).collect(),
        q: q.to_owned(),
        next,
        may_edit: actor.access.is_admin(),
        roles: people::roles(app).await?.iter().map(ToString::to_string).collect(),
        form: NewPerson::default(),
        errors: Vec::new(),
        shell: visit.shell(Section::Administration),
    })
}

fn item(known: &Known) -> PersonItem {
    let person = &known.person;
    PersonItem {
        name: person.name.to_string(),
        display: person.display.clone(),
        roles: known.access.roles.iter().map(ToString::to_string).collect(),
        provider: person.identity.as_ref().map(|identity| by(&identity.provider)).unwrap_or_default(),
        seen_at: known.seen_at,
        disabled: person.disabled,
    }
}

impl FromFields for NewPerson {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { name: fields.take("name"), role: fields.take("role") }
    }
}

/// Either the thing's page, or the form again.
#[derive(rocket::Responder)]
pub enum Edited {
    Done(SeeOther),
    Again(Html),
}

#[rocket::post("/admin/people", data = "<posted>")]
pub async fn add(posted: Posted<'_, NewPerson>) -> Result<Edited, PageError> {
    let Posted { visit, form } = posted;
    access::administers(visit.actor())?;
    match create(&visit, &form).await {
        Ok(name) => Ok(Edited::Done(address(name.as_str()))),
        Err(Refusal::Invalid(wrong)) => {
            let mut page = people_page(&visit, "", None).await?;
            (page.errors, page.form) = (shown(wrong), form);
            Html::with_status(422, &page).map(Edited::Again)
        }
        Err(other) => Err(other.into()),
    }
}

async fn create(visit: &Visit<'_>, form: &NewPerson) -> Result<Name, Refusal> {
    let parse = |field, text: &str| {
        Name::parse(text.trim()).map_err(|error| Refusal::field(field, format!("A name {error}.")))
    };
    let name = parse("name", &form.name)?;
    let changes = match form.role.trim() {
        "" => Vec::new(),
        role => vec![Change::Give(parse("role", role)?)],
    };
    edit_person::create(visit.app, visit.actor(), &name, changes).await?;
    Ok(name)
}

#[rocket::get("/admin/people/<name>")]
pub async fn one(visit: Visit<'_>, name: &str) -> Result<Html, PageError> {
    Html::page(&person_page(&visit, name).await?)
}

async fn person_page(visit: &Visit<'_>, name: &str) -> Result<PersonPage, Refusal> {
    let (app, actor) = (visit.app, visit.actor());
    let Whole { known, linked, sessions, sign_ins } = people::find(app, actor, name).await?;
    let person = &known.person;
    let given: Vec<&Name> = known.given().map(|member| &member.role).collect();
    let to_give = people::roles(app).await?.into_iter().filter(|role| !given.contains(&role));
    let is_first = |way: &Identity| person.identity.as_ref() == Some(way);
    let way = |way: &Identity| Way {
        provider: way.provider.clone(),
        subject: way.subject.clone(),
        may_go: !is_first(way) || !linked.is_empty(),
    };
    Ok(PersonPage {
        item: item(&known),
        version: person.version,
        may_edit: actor.access.is_admin(),
        is_self: person.id == actor.id,
        may_have_password: person.identity.is_none() || person.is_from(LOCAL),
        has_password: person.has_password,
        external_id: person.external_id.clone().unwrap_or_default(),
        mail: person.given_mail.clone().unwrap_or_default(),
        verified_mail: person.mail.clone().filter(|mail| person.given_mail.as_ref() != Some(mail)),
        held: held(&known.memberships),
        to_give: to_give.map(|role| role.to_string()).collect(),
        rights: known.access.words(),
        identities: person.identity.iter().chain(&linked).map(way).collect(),
        sessions: sessions.len(),
        sign_ins,
        errors: Vec::new(),
        role: String::new(),
        provider: String::new(),
        subject: String::new(),
        conflict: None,
        keeps_typed: false,
        shell: visit.shell(Section::Administration),
    })
}

/// Each role once, with everything that gives it.
fn held(members: &[RoleMember]) -> Vec<HeldRole> {
    let mut held: Vec<HeldRole> = Vec::new();
    for member in members {
        let is_named = member.kind == MemberKind::User;
        let given = match (member.kind, member.source.as_str()) {
            (MemberKind::Team, _) => format!("by the GitHub team {}", member.member),
            (MemberKind::User, FLEET_FILE) => "by the fleet file".to_owned(),
            (MemberKind::User, "command") => "on the command line".to_owned(),
            (MemberKind::User, _) => "by an administrator here".to_owned(),
        };
        let comes_back = is_named && member.source == FLEET_FILE;
        match held.iter_mut().find(|held| held.role == member.role.as_str()) {
            Some(held) => {
                held.may_take |= is_named;
                held.comes_back |= comes_back;
                if !held.given.contains(&given) {
                    held.given.push(given);
                }
            }
            None => held.push(HeldRole {
                role: member.role.to_string(),
                given: vec![given],
                may_take: is_named,
                comes_back,
            }),
        }
    }
    held
}

/// A form of the page, with the version of the person that it was filled in for.
pub struct Versioned<T> {
    version: String,
    form: T,
}

impl<T: FromFields> FromFields for Versioned<T> {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { version: fields.take("version"), form: T::from_fields(fields) }
    }
}

/// A form of the page: the change it asks for, and how it looks with what was typed.
trait Typed {
    /// Something is typed into it that `keep` shows again.
    const HAS_FIELD: bool = true;

    fn change(&self) -> Result<Change, Refusal>;

    fn keep(self, page: &mut PersonPage);
}

async fn edit<T: Typed>(posted: Posted<'_, Versioned<T>>, name: &str) -> Result<Edited, PageError> {
    let Posted { visit, form: Versioned { version, form } } = posted;
    access::administers(visit.actor())?;
    let parsed = Name::parse(name).map_err(|_| Refusal::NotFound)?;
    let edited = match (form::version(&version), form.change()) {
        (Ok(version), Ok(change)) => {
            edit_person::edit(visit.app, visit.actor(), &parsed, version, vec![change]).await
        }
        (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
    };
    let (status, errors, conflict) = match edited {
        Ok(_) => return Ok(Edited::Done(address(name))),
        Err(Refusal::Invalid(wrong)) => (422, shown(wrong), None),
        Err(Refusal::Conflict(words)) => (409, Vec::new(), Some(words)),
        Err(other) => return Err(other.into()),
    };
    let keeps_typed = T::HAS_FIELD;
    let mut page = PersonPage { errors, conflict, keeps_typed, ..person_page(&visit, name).await? };
    form.keep(&mut page);
    Html::with_status(status, &page).map(Edited::Again)
}

fn address(name: &str) -> SeeOther {
    SeeOther(format!("/admin/people/{name}"))
}

/// A role, to be given or taken.
pub struct OneRole(String);

impl FromFields for OneRole {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(fields.take("role"))
    }
}

impl OneRole {
    fn name(&self) -> Result<Name, Refusal> {
        Name::parse(self.0.trim()).map_err(|_| Refusal::field("role", "Choose a role."))
    }
}

impl Typed for OneRole {
    fn change(&self) -> Result<Change, Refusal> {
        self.name().map(Change::Give)
    }

    fn keep(self, page: &mut PersonPage) {
        page.role = self.0;
    }
}

pub struct Taken(OneRole);

impl FromFields for Taken {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(OneRole::from_fields(fields))
    }
}

impl Typed for Taken {
    const HAS_FIELD: bool = false;

    fn change(&self) -> Result<Change, Refusal> {
        self.0.name().map(Change::Take)
    }

    fn keep(self, _: &mut PersonPage) {}
}

#[rocket::post("/admin/people/<name>/roles", data = "<posted>")]
pub async fn give(posted: Posted<'_, Versioned<OneRole>>, name: &str) -> Result<Edited, PageError> {
    edit(posted, name).await
}

#[rocket::post("/admin/people/<name>/roles/take", data = "<posted>")]
pub async fn take(posted: Posted<'_, Versioned<Taken>>, name: &str) -> Result<Edited, PageError> {
    edit(posted, name).await
}

pub struct ExternalId(String);

impl FromFields for ExternalId {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(fields.take("external_id"))
    }
}

impl Typed for ExternalId {
    fn change(&self) -> Result<Change, Refusal> {
        let id = self.0.trim();
        Ok(Change::ExternalId((!id.is_empty()).then(|| id.to_owned())))
    }

    fn keep(self, page: &mut PersonPage) {
        page.external_id = self.0;
    }
}

#[rocket::post("/admin/people/<name>/external-id", data = "<posted>")]
pub async fn external_id(posted: Posted<'_, Versioned<ExternalId>>, name: &str) -> Result<Edited, PageError> {
    edit(posted, name).await
}

pub struct NewPassword(SecretString);

impl FromFields for NewPassword {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(SecretString::from(fields.take("password")))
    }
}

impl Typed for NewPassword {
    const HAS_FIELD: bool = false;

    fn change(&self) -> Result<Change, Refusal> {
        Ok(Change::Password(self.0.clone()))
    }

    /// No page shows a password.
    fn keep(self, _: &mut PersonPage) {}
}

#[rocket::post("/admin/people/<name>/password", data = "<posted>")]
pub async fn password(posted: Posted<'_, Versioned<NewPassword>>, name: &str) -> Result<Edited, PageError> {
    edit(posted, name).await
}

pub struct NewIdentity {
    provider: String,
    subject: String,
}

impl FromFields for NewIdentity {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { provider: fields.take("provider"), subject: fields.take("subject") }
    }
}

impl Typed for NewIdentity {
    fn change(&self) -> Result<Change, Refusal> {
        Ok(Change::Link(Identity { provider: self.provider.clone(), subject: self.subject.clone() }))
    }

    fn keep(self, page: &mut PersonPage) {
        (page.provider, page.subject) = (self.provider, self.subject);
    }
}

#[rocket::post("/admin/people/<name>/link", data = "<posted>")]
pub async fn link(posted: Posted<'_, Versioned<NewIdentity>>, name: &str) -> Result<Edited, PageError> {
    edit(posted, name).await
}

pub struct GoneIdentity(NewIdentity);

impl FromFields for GoneIdentity {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(NewIdentity::from_fields(fields))
    }
}

impl Typed for GoneIdentity {
    const HAS_FIELD: bool = false;

    fn change(&self) -> Result<Change, Refusal> {
        let NewIdentity { provider, subject } = &self.0;
        Ok(Change::Unlink(Identity { provider: provider.clone(), subject: subject.clone() }))
    }

    fn keep(self, _: &mut PersonPage) {}
}

#[rocket::post("/admin/people/<name>/unlink", data = "<posted>")]
pub async fn unlink(posted: Posted<'_, Versioned<GoneIdentity>>, name: &str) -> Result<Edited, PageError> {
    edit(posted, name).await
}

pub struct GivenMail(String);

impl FromFields for GivenMail {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(fields.take("mail"))
    }
}

impl Typed for GivenMail {
    fn change(&self) -> Result<Change, Refusal> {
        let mail = self.0.trim();
        Ok(Change::Mail((!mail.is_empty()).then(|| mail.to_owned())))
    }

    fn keep(self, page: &mut PersonPage) {
        page.mail = self.0;
    }
}

#[rocket::post("/admin/people/<name>/mail", data = "<posted>")]
pub async fn mail(posted: Posted<'_, Versioned<GivenMail>>, name: &str) -> Result<Edited, PageError> {
    edit(posted, name).await
}

/// Forms that are only a button.
macro_rules! button {
    ($form:ident, $change:expr) => {
        pub struct $form;

        impl FromFields for $form {
            fn from_fields(_: &mut Fields) -> Self {
                Self
            }
        }

        impl Typed for $form {
            const HAS_FIELD: bool = false;

            fn change(&self) -> Result<Change, Refusal> {
                Ok($change)
            }

            fn keep(self, _: &mut PersonPage) {}
        }
    };
}

button!(Disable, Change::Disable);
button!(Enable, Change::Enable);
button!(EndSessions, Change::EndSessions);

#[rocket::post("/admin/people/<name>/disable", data = "<posted>")]
pub async fn disable(posted: Posted<'_, Versioned<Disable>>, name: &str) -> Result<Edited, PageError> {
    edit(posted, name).await
}

#[rocket::post("/admin/people/<name>/enable", data = "<posted>")]
pub async fn enable(posted: Posted<'_, Versioned<Enable>>, name: &str) -> Result<Edited, PageError> {
    edit(posted, name).await
}

#[rocket::post("/admin/people/<name>/end-sessions", data = "<posted>")]
pub async fn end_sessions(
    posted: Posted<'_, Versioned<EndSessions>>,
    name: &str,
) -> Result<Edited, PageError> {
    edit(posted, name).await
}
