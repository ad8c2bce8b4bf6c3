//! Tokens: one's own, and everybody's for administrators. The secret is in the answer
//! that makes it, and nowhere else.

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, FromBody, Once};
use super::problem::Problem;
use super::query::{Page, Query, name, number};
use super::versions::{Echoed, IfMatch, Tagged};
use crate::app::own_tokens::{self, Asked, LONGEST_DAYS, Owned};
use crate::app::tokens::Token;
use crate::domain::document::Reader;
use crate::domain::name::Name;
use crate::domain::permission::{GlobalPermission, Grant, Pattern, Permission, TokenScope};

/// The fields of rules.md 47, and what bounds it.
pub fn token_view(token: &Token, user: &Name) -> Value {
    json!({
        "id": token.id,
        "user": user,
        "name": token.name,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "created_at": token.created_at,
        "revoked_at": token.revoked_at,
        "scope": token.scope,
    })
}

/// `{name, user?, days? | expires_at?, scope?}`, the scope in the form of a role.
pub struct New {
    user: Option<Name>,
    name: String,
    days: Option<i64>,
    expires_at: Option<Timestamp>,
    scope: Option<TokenScope>,
}

impl FromBody for New {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let user = r.optional("user", name);
        let name = r.required("name", str::parse::<String>);
        let most = u64::try_from(LONGEST_DAYS).unwrap_or(1);
        let days = r.optional_number("days", 1..=most);
        let expires_at = r.optional("expires_at", instant);
        if days.is_some() && expires_at.is_some() {
            r.problem("days", "stands beside expires_at; one of them is enough");
        }
        // Null is what one that is not bounded has.
        let is_unbounded = r.raw("scope").is_some_and(Value::is_null);
        let scope = if is_unbounded {
            r.skip("scope");
            None
        } else {
            r.object("scope", |r| Some(scope(r)))
        };
        Some(Self { user, name: name?, days, expires_at, scope })
    }
}

fn scope(r: &mut Reader<'_>) -> TokenScope {
    let global = r.set("global", known::<GlobalPermission>);
    let grants = r.objects("grants", |r| {
        let permission = r.required("permission", known::<Permission>);
        let pattern = |text: &str| Pattern::try_from(text.to_owned());
        let application = r.text_or("application", Pattern::All, pattern);
        let environment = r.text_or("environment", Pattern::All, pattern);
        Some(Grant { permission: permission?, application, environment })
    });
    TokenScope { global, grants }
}

fn known<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, &'static str> {
    serde_json::from_value(Value::String(text.to_owned())).map_err(|_| "is not a permission")
}

fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "must be an instant like 2026-11-22T08:00:00Z".to_owned())
}

/// What is seen of one without anybody changing it, and the secret, told once.
const PASSING: &[&str] = &["last_used_at", "token"];

/// Another name, or an earlier end.
pub struct Change {
    name: Option<String>,
    expires_at: Option<Timestamp>,
    echoed: Echoed,
}

impl FromBody for Change {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let never = r.raw("expires_at").is_some_and(Value::is_null);
        Some(Self {
            name: r.optional("name", str::parse::<String>),
            // Null is what one that does not run out has.
            expires_at: (!never).then(|| r.optional("expires_at", instant)).flatten(),
            echoed: Echoed::read(r, if never { &READ_ONLY } else { &READ_ONLY[1..] }),
        })
    }
}

/// The first one only while it is null.
const READ_ONLY: [&str; 7] =
    ["expires_at", "id", "user", "last_used_at", "created_at", "revoked_at", "scope"];

#[rocket::get("/tokens")]
pub async fn list(bearer: Bearer<'_>, query: Query) -> Result<Answer, Problem> {
    let page = query.read(|r| Page::read(r, number::<i64>))?;
    let after = page.after.unwrap_or(0);
    let mut owned = own_tokens::list(bearer.app, bearer.actor(), after, page.limit as u64 + 1).await?;
    let goes_on = owned.len() > page.limit;
    owned.truncate(page.limit);
    let next = owned.last().map(|last| last.token.id).filter(|_| goes_on);
    let items: Vec<Value> = owned.iter().map(view).collect();
    Answer::list(&items, next)
}

fn view(owned: &Owned) -> Value {
    token_view(&owned.token, &owned.user)
}

#[rocket::post("/tokens", data = "<body>")]
pub async fn create(bearer: Bearer<'_>, query: Query, body: Body<New>) -> Result<Tagged, Problem> {
    query.none()?;
    let New { user, name, days, expires_at, scope } = body.input;
    let (app, actor) = (bearer.app, bearer.actor());
    let in_days = |days| app.clock.now() + SignedDuration::from_hours(days * 24);
    let asked = Asked { user, name, expires_at: expires_at.or(days.map(in_days)), scope };
    let made = Box::pin(async {
        let (id, secret) = own_tokens::create(app, actor, bearer.token.as_ref(), asked).await?;
        let mut object = view(&own_tokens::find(app, actor, id).await?);
        object["token"] = Value::Null;
        let kept = Answer::made(&format!("/tokens/{id}"), &object)?;
        object["token"] = Value::String(secret.expose_secret().to_owned());
        Ok(Once::told(Answer::made(&format!("/tokens/{id}"), &object)?, kept))
    });
    // The secret is told once: a repetition gets the same token without it.
    Ok(Tagged::new(body.once.answer_once(&bearer, made).await?, PASSING))
}

#[rocket::get("/tokens/<id>")]
pub async fn one(bearer: Bearer<'_>, id: i64, query: Query) -> Result<Tagged, Problem> {
    query.none()?;
    let owned = own_tokens::find(bearer.app, bearer.actor(), id).await?;
    Ok(Tagged::new(Answer::object(&view(&owned))?, PASSING))
}

#[rocket::put("/tokens/<id>", data = "<body>")]
pub async fn change(
    bearer: Bearer<'_>,
    id: i64,
    query: Query,
    wanted: IfMatch,
    body: Body<Change>,
) -> Result<Tagged, Problem> {
    query.none()?;
    let (app, actor) = (bearer.app, bearer.actor());
    let known = own_tokens::find(app, actor, id).await?;
    wanted.check(&format!("token {id}"), &view(&known), PASSING)?;
    body.input.echoed.check(&view(&known), PASSING)?;
    let name = body.input.name.unwrap_or_else(|| known.token.name.clone());
    let changed = own_tokens::change(app, actor, known, &name, body.input.expires_at).await?;
    Ok(Tagged::new(Answer::object(&view(&changed))?, PASSING))
}

#[rocket::delete("/tokens/<id>")]
pub async fn revoke(bearer: Bearer<'_>, id: i64, query: Query, wanted: IfMatch) -> Result<Answer, Problem> {
    query.none()?;
    if wanted.versions().is_some() {
        let known = own_tokens::find(bearer.app, bearer.actor(), id).await?;
        wanted.check(&format!("token {id}"), &view(&known), PASSING)?;
    }
    let own = bearer.token.as_ref().map(|token| token.id);
    own_tokens::revoke(bearer.app, bearer.actor(), own, id).await?;
    Ok(Answer::nothing())
}
