//! People, for administrators; who may read everything may look.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, FromBody, Nothing};
use super::problem::Problem;
use super::query::{Page, Query, name};
use crate::app::edit_person::{self, Change};
use crate::app::queries::people::{self, Known, Whole};
use crate::domain::document::Reader;
use crate::domain::name::Name;
use crate::domain::person::Identity;

/// What can be said of a person; what is left out stays as it is.
pub struct Said {
    name: Option<Name>,
    version: Option<i64>,
    roles: Option<Vec<Name>>,
    display: Option<String>,
    /// Empty takes it away.
    external_id: Option<String>,
    /// Empty takes it away.
    mail: Option<String>,
    password: Option<SecretString>,
    disabled: Option<bool>,
}

impl FromBody for Said {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let text = |text: &str| Ok::<_, std::convert::Infallible>(text.to_owned());
        let disabled = r.raw("disabled").is_some().then(|| r.flag("disabled", false));
        r.skip("disabled");
        Some(Self {
            name: r.optional("name", name),
            version: r.optional_number("version", 0..=u64::MAX),
            roles: r.texts("roles", name),
            display: r.optional("display", text),
            external_id: r.optional("external_id", text),
            mail: r.optional("mail", text),
            password: r.optional("password", text).map(SecretString::from),
            disabled,
        })
    }
}

impl Said {
    /// The changes from what is known to what is said; nothing is known of somebody new.
    fn changes(self, known: Option<&Known>) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some(display) = self.display {
            changes.push(Change::Display(display));
        }
        if let Some(id) = self.external_id {
            changes.push(Change::ExternalId(Some(id).filter(|id| !id.is_empty())));
        }
        let now = known.and_then(|known| known.person.mail.as_deref()).unwrap_or_default();
        if let Some(mail) = self.mail.filter(|mail| mail != now) {
            changes.push(Change::Mail(Some(mail).filter(|mail| !mail.is_empty())));
        }
        if let Some(roles) = self.roles {
            let held: Vec<&Name> = known.map(|known| given(known).collect()).unwrap_or_default();
            changes.extend(
                held.iter().filter(|role| !roles.contains(role)).map(|role| Change::Take((*role).clone())),
            );
            changes.extend(roles.iter().filter(|role| !held.contains(role)).cloned().map(Change::Give));
        }
        if let Some(password) = self.password {
            changes.push(Change::Password(password));
        }
        let was_disabled = known.is_some_and(|known| known.person.disabled);
        match self.disabled {
            Some(true) if !was_disabled => changes.push(Change::Disable),
            Some(false) if was_disabled => changes.push(Change::Enable),
            _ => {}
        }
        changes
    }
}

/// The roles that were given by name, each once.
fn given(known: &Known) -> impl Iterator<Item = &Name> {
    let mut roles: Vec<&Name> = known.given().map(|member| &member.role).collect();
    roles.sort();
    roles.dedup();
    roles.into_iter()
}

fn view(known: &Known) -> Value {
    let person = &known.person;
    let given: Vec<Value> = known
        .memberships
        .iter()
        .map(|member| {
            json!({ "role": member.role, "by": member.source, "as": member.kind.word(), "name": member.member })
        })
        .collect();
    json!({
        "name": person.name,
        "display": person.display,
        "provider": person.identity.as_ref().map(|identity| &identity.provider),
        "external_id": person.external_id,
        "mail": person.mail,
        "has_password": person.has_password,
        "disabled": person.disabled,
        "roles": known.access.roles,
        "given": given,
        "last_seen_at": known.seen_at,
        "created_at": person.created_at,
        "version": person.version,
    })
}

/// One person, with their ways in.
fn whole(whole: &Whole) -> Value {
    let mut object = view(&whole.known);
    let ways = whole.known.person.identity.iter().chain(&whole.linked);
    let way = |way: &Identity| json!({ "provider": way.provider, "subject": way.subject });
    object["identities"] = ways.map(way).collect();
    object
}

#[rocket::get("/people")]
pub async fn list(bearer: Bearer<'_>, query: Query) -> Result<Answer, Problem> {
    let (page, words) = query.read(|r| {
        let words = r.optional("q", |text| Ok::<_, std::convert::Infallible>(text.to_owned()));
        (Page::read(r, name), words.unwrap_or_default())
    })?;
    let (app, actor) = (bearer.app, bearer.actor());
    let mut known = people::list(app, actor, &words, page.after.as_ref(), page.limit as u64 + 1).await?;
    let goes_on = known.len() > page.limit;
    known.truncate(page.limit);
    let next = known.last().map(|last| last.person.name.clone()).filter(|_| goes_on);
    let items: Vec<Value> = known.iter().map(view).collect();
    Answer::list(&items, next)
}

#[rocket::post("/people", data = "<body>")]
pub async fn create(bearer: Bearer<'_>, query: Query, body: Body<Said>) -> Result<Answer, Problem> {
    query.none()?;
    let (app, actor) = (bearer.app, bearer.actor());
    let Some(name) = body.input.name.clone() else { return Err(Problem::field("name", "is missing")) };
    if body.input.version.is_some() {
        return Err(Problem::field("version", "is for somebody who is there already"));
    }
    let changes = body.input.changes(None);
    let made = Box::pin(async {
        let person = edit_person::create(app, actor, &name, changes).await?;
        let whole = people::find(app, actor, person.name.as_str()).await?;
        Answer::made(&format!("/people/{}", person.name), &self::whole(&whole))
    });
    body.once.answer(&bearer, made).await
}

#[rocket::get("/people/<person>")]
pub async fn one(bearer: Bearer<'_>, person: &str, query: Query) -> Result<Answer, Problem> {
    query.none()?;
    Answer::object(&whole(&people::find(bearer.app, bearer.actor(), person).await?))
}

#[rocket::put("/people/<person>", data = "<body>")]
pub async fn change(
    bearer: Bearer<'_>,
    person: &str,
    query: Query,
    body: Body<Said>,
) -> Result<Answer, Problem> {
    query.none()?;
    let (app, actor) = (bearer.app, bearer.actor());
    crate::app::access::administers(actor)?;
    let known = people::find(app, actor, person).await?.known;
    let name = known.person.name.clone();
    if body.input.name.as_ref().is_some_and(|said| *said != name) {
        return Err(Problem::field("name", "stays for ever, since the record speaks by it"));
    }
    let version = body.input.version.unwrap_or(known.person.version);
    let changes = body.input.changes(Some(&known));
    edit_person::edit(app, actor, &name, Some(version), changes).await?;
    Answer::object(&whole(&people::find(app, actor, person).await?))
}

/// A way in: the provider, and its own unchanging id.
pub struct Way {
    provider: String,
    subject: String,
}

impl FromBody for Way {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let provider = r.required("provider", str::parse::<String>);
        let subject = r.required("subject", str::parse::<String>);
        Some(Self { provider: provider?, subject: subject? })
    }
}

async fn edited(bearer: &Bearer<'_>, person: &str, change: Change) -> Result<Answer, Problem> {
    let (app, actor) = (bearer.app, bearer.actor());
    crate::app::access::administers(actor)?;
    let name = people::find(app, actor, person).await?.known.person.name;
    edit_person::edit(app, actor, &name, None, vec![change]).await?;
    Answer::object(&whole(&people::find(app, actor, person).await?))
}

#[rocket::post("/people/<person>/identities", data = "<body>")]
pub async fn link(
    bearer: Bearer<'_>,
    person: &str,
    query: Query,
    body: Body<Way>,
) -> Result<Answer, Problem> {
    query.none()?;
    let Way { provider, subject } = body.input;
    let change = Change::Link(Identity { provider, subject });
    body.once.answer(&bearer, Box::pin(edited(&bearer, person, change))).await
}

#[rocket::delete("/people/<person>/identities/<provider>/<subject>")]
pub async fn unlink(
    bearer: Bearer<'_>,
    person: &str,
    provider: &str,
    subject: &str,
    query: Query,
) -> Result<Answer, Problem> {
    query.none()?;
    let identity = Identity { provider: provider.to_owned(), subject: subject.to_owned() };
    edited(&bearer, person, Change::Unlink(identity)).await?;
    Ok(Answer::nothing())
}

#[rocket::post("/people/<person>/end-sessions", data = "<body>")]
pub async fn end_sessions(
    bearer: Bearer<'_>,
    person: &str,
    query: Query,
    body: Body<Nothing>,
) -> Result<Answer, Problem> {
    query.none()?;
    body.once.answer(&bearer, Box::pin(edited(&bearer, person, Change::EndSessions))).await
}

/// Nobody is deleted: it disables them.
#[rocket::delete("/people/<person>")]
pub async fn disable(bearer: Bearer<'_>, person: &str, query: Query) -> Result<Answer, Problem> {
    query.none()?;
    let (app, actor) = (bearer.app, bearer.actor());
    crate::app::access::administers(actor)?;
    let known = people::find(app, actor, person).await?.known;
    if !known.person.disabled {
        edit_person::edit(app, actor, &known.person.name, None, vec![Change::Disable]).await?;
    }
    Ok(Answer::nothing())
}
