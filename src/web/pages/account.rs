//! One's own account: rights in words, sessions, tokens, password.

use jiff::SignedDuration;
use rocket::State;
use rocket::http::CookieJar;
use secrecy::{ExposeSecret as _, SecretString};

use crate::app::own_account::{self, Asking, Ways};
use crate::app::own_tokens::{self, Asked, LONGEST_DAYS, USUAL_DAYS};
use crate::app::tokens::Token;
use crate::app::{FieldError as Wrong, Refusal};
use crate::domain::name::Name;
use crate::domain::permission::TokenScope;
use crate::domain::person::{GITHUB, LOCAL, PROXY};
use crate::web::form::{Fields, FromFields, Nothing, Posted};
use crate::web::guard::{SESSION_COOKIE, Visit, private_cookie};
use crate::web::limit::Limits;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::account::{Account, SessionView, TokenForm, TokenState, TokenView};
use crate::web::view::{FieldError, Section};

const HERE: &str = "/account";

#[rocket::get("/account")]
pub async fn page(visit: Visit<'_>) -> Result<Html, PageError> {
    Html::page(&account(&visit).await?)
}

async fn account(visit: &Visit<'_>) -> Result<Account, Refusal> {
    let (app, actor) = (visit.app, visit.actor());
    let Ways { person, linked, sessions } = own_account::ways(app, &visit.person).await?;
    let tokens = own_tokens::list_own(app, actor).await?;
    let ways_in = person.identity.iter().chain(&linked).map(|identity| by(&identity.provider)).collect();
    let sessions = sessions.into_iter().map(|session| SessionView {
        began_at: session.created_at,
        seen_at: session.seen_at,
        by: by(&session.how),
        is_this: session.id == visit.person.session,
    });
    let now = app.clock.now();
    let tokens: Vec<TokenView> =
        tokens.iter().map(|token| token_view(token, actor.name.as_str(), now)).collect();
    Ok(Account {
        name: actor.name.to_string(),
        ways_in,
        roles: actor.access.roles.iter().map(ToString::to_string).collect(),
        rights: actor.access.words(),
        sessions: sessions.collect(),
        tokens,
        has_password: person.has_password,
        secret: None,
        form: TokenForm { days: USUAL_DAYS.to_string(), ..TokenForm::default() },
        errors: Vec::new(),
        shell: visit.shell(Section::Elsewhere),
    })
}

/// A provider, in words.
pub(super) fn by(provider: &str) -> String {
    match provider {
        GITHUB => "GitHub".to_owned(),
        LOCAL => "a password of Countersign".to_owned(),
        PROXY => "the reverse proxy".to_owned(),
        "session" => "a session elsewhere".to_owned(),
        other => other.to_owned(),
    }
}

pub(super) fn token_view(token: &Token, user: &str, now: jiff::Timestamp) -> TokenView {
    let state = match token.revoked_at {
        Some(_) => TokenState::Revoked,
        None if token.is_usable(now) => TokenState::Usable,
        None => TokenState::Expired,
    };
    TokenView {
        id: token.id,
        user: user.to_owned(),
        name: token.name.clone(),
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
        state,
        scope: token.scope.as_ref().map(TokenScope::words).unwrap_or_default(),
    }
}

/// The page again with what was wrong; anything else is an error page.
async fn again(visit: &Visit<'_>, form: Option<TokenForm>, refusal: Refusal) -> Result<Html, PageError> {
    let Refusal::Invalid(wrong) = refusal else { return Err(refusal.into()) };
    let mut page = account(visit).await?;
    page.form = form.unwrap_or(page.form);
    page.errors = shown(wrong);
    Html::with_status(422, &page)
}

pub(super) fn shown(wrong: Vec<Wrong>) -> Vec<FieldError> {
    wrong.into_iter().map(|wrong| FieldError { field: wrong.field, text: wrong.message }).collect()
}

impl FromFields for TokenForm {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            name: fields.take("name"),
            days: fields.take("days"),
            permission: fields.take("permission"),
            application: fields.take("application"),
            environment: fields.take("environment"),
        }
    }
}

/// The secret stands on the answer to the form, since it is shown this once.
#[rocket::post("/account/tokens", data = "<posted>")]
pub async fn make_token(posted: Posted<'_, TokenForm>) -> Result<Html, PageError> {
    let Posted { visit, form } = posted;
    let made = match asked(&visit, &form) {
        Ok(asked) => own_tokens::create(visit.app, visit.actor(), None, asked).await,
        Err(refusal) => Err(refusal),
    };
    match made {
        Ok((_, secret)) => {
            let mut page = account(&visit).await?;
            page.secret = Some(secret.expose_secret().to_owned());
            Html::page(&page)
        }
        Err(refusal) => again(&visit, Some(form), refusal).await,
    }
}

fn asked(visit: &Visit<'_>, form: &TokenForm) -> Result<Asked, Refusal> {
    let days: Option<i64> = form.days.trim().parse().ok().filter(|days| (1..=LONGEST_DAYS).contains(days));
    let days = days.ok_or_else(|| Refusal::field("days", format!("1 to {LONGEST_DAYS} days.")))?;
    let names = |field: &'static str, text: &str| -> Result<Vec<Name>, Refusal> {
        let text = text.trim();
        if text.is_empty() || text == "*" {
            return Ok(Vec::new());
        }
        let name = Name::parse(text).map_err(|error| Refusal::field(field, format!("A name {error}.")))?;
        Ok(vec![name])
    };
    let permissions: Vec<String> =
        Some(form.permission.trim().to_owned()).filter(|word| !word.is_empty()).into_iter().collect();
    let (applications, environments) =
        (names("application", &form.application)?, names("environment", &form.environment)?);
    if permissions.is_empty() && !(applications.is_empty() && environments.is_empty()) {
        return Err(Refusal::field("permission", "Choose what the token may do there."));
    }
    let scope = TokenScope::of_words(&permissions, &applications, &environments);
    Ok(Asked {
        user: None,
        name: form.name.clone(),
        expires_at: Some(visit.app.clock.now() + SignedDuration::from_hours(days * 24)),
        scope: scope.map_err(|words| Refusal::field("permission", words))?,
    })
}

#[rocket::post("/account/tokens/<id>/revoke", data = "<posted>")]
pub async fn revoke_token(posted: Posted<'_, Nothing>, id: i64) -> Result<SeeOther, PageError> {
    own_tokens::revoke(posted.visit.app, posted.visit.actor(), None, id).await?;
    Ok(SeeOther(HERE.to_owned()))
}

pub struct Passwords {
    old: SecretString,
    new: SecretString,
}

impl FromFields for Passwords {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { old: SecretString::from(fields.take("old")), new: SecretString::from(fields.take("new")) }
    }
}

/// Either back to the page, or the page again.
#[derive(rocket::Responder)]
pub enum Changed {
    Done(SeeOther),
    Again(Html),
}

#[rocket::post("/account/password", data = "<posted>")]
pub async fn password(
    posted: Posted<'_, Passwords>,
    limits: &State<Limits>,
    cookies: &CookieJar<'_>,
) -> Result<Changed, PageError> {
    let Posted { visit, form } = posted;
    let (app, name) = (visit.app, visit.actor().name.to_string());
    let tried = limits.begin_try(visit.frame.address, "account/password", Some(&name), &app.clock).await?;
    let changed =
        own_account::change_password(app, Asking::Session(&visit.person), &form.old, form.new).await;
    if !own_account::is_guess(&changed) {
        tried.take_back();
    }
    match changed {
        Ok(session) => {
            if let Some(session) = session {
                cookies.add_private(private_cookie(app, SESSION_COOKIE, session));
            }
            Ok(Changed::Done(SeeOther(HERE.to_owned())))
        }
        Err(refusal) => again(&visit, None, refusal).await.map(Changed::Again),
    }
}

#[rocket::post("/account/sessions/end", data = "<posted>")]
pub async fn end_sessions(posted: Posted<'_, Nothing>) -> Result<SeeOther, PageError> {
    own_account::end_other_sessions(posted.visit.app, Asking::Session(&posted.visit.person)).await?;
    Ok(SeeOther(HERE.to_owned()))
}
