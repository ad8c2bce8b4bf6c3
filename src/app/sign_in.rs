//! Signing in with GitHub: state bound to the browser and used once, PKCE,
//! membership of the organisation, and an identity that is a subject id and
//! never a mail address (security.md 16, 17).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use subtle::ConstantTimeEq;

use super::{App, Refusal, access, session};
use crate::db;
use crate::domain::manifest::hex;
use crate::domain::name::{Name, has_visible, is_deceptive};
use crate::domain::person::{GITHUB, Identity, MemberKind, PROVIDERS, Person, may_be_called};
use crate::github::{self, GitHubError, PkceVerifier};

const HASH: &str = "oauth state";
/// How long somebody may take to sign in at GitHub.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// What the encrypted state cookie holds between leaving and coming back.
#[derive(Serialize, Deserialize)]
pub struct UnderWay {
    state: String,
    verifier: String,
    /// Where to go afterwards: a path of this site.
    return_to: String,
}

impl UnderWay {
    /// Whether an answer is that to this sign-in, and not to one of another tab.
    pub fn is(&self, state: &str) -> bool {
        self.state.as_bytes().ct_eq(state.as_bytes()).into()
    }

    pub fn return_to(&self) -> &str {
        local_path(&self.return_to)
    }
}

/// Where to send the browser, and what to keep in its cookie.
pub async fn begin(app: &App, return_to: &str) -> Result<(String, UnderWay), Refusal> {
    let state = URL_SAFE_NO_PAD.encode(session::random::<32>()?);
    let verifier = PkceVerifier::new(session::random::<32>()?);
    let tx = app.db.begin().await?;
    db::sessions::remember_state(&tx, hex(&app.keys.mac(HASH, state.as_bytes())), app.clock.now() + PATIENCE)
        .await?;
    tx.commit().await?;
    let url = app.github.authorize_url(&state, &verifier);
    let verifier = verifier.secret().to_owned();
    Ok((url.to_string(), UnderWay { state, verifier, return_to: local_path(return_to).to_owned() }))
}

/// A session's secret and where to go.
#[derive(Debug)]
pub struct Arrived {
    pub session: String,
    pub return_to: String,
}

/// Why nobody was signed in. Each has its own words on the login page.
#[derive(Debug)]
pub enum NotIn {
    /// The state was not started in this browser, was used, or is too old.
    Stale,
    /// GitHub refused the code, or the token that came of it.
    NotAccepted,
    Outsider {
        login: String,
    },
    NameTaken {
        login: String,
    },
    /// What should name them does not.
    NotNamed {
        words: &'static str,
    },
    Disabled {
        login: String,
    },
    GitHubDown,
    RateLimited {
        minutes: Option<u64>,
    },
    Refused(Refusal),
}

impl<E: Into<Refusal>> From<E> for NotIn {
    fn from(error: E) -> Self {
        NotIn::Refused(error.into())
    }
}

/// GitHub sent the browser back. `before` is the session that the browser had until
/// now; it ends with the same act that begins the new one (security.md 18).
pub async fn complete(
    app: &App,
    under_way: &UnderWay,
    state: &str,
    code: &str,
    before: Option<i64>,
) -> Result<Arrived, NotIn> {
    let hashes: Vec<String> = app.keys.macs(HASH, state.as_bytes()).iter().map(|hash| hex(hash)).collect();
    if !under_way.is(state) || !take_state(app, &hashes).await? {
        return Err(NotIn::Stale);
    }
    let token = app.github.exchange(code, &under_way.verifier).await.map_err(|error| refuse(app, error))?;
    let identity = app.github.identity(&token).await.map_err(|error| refuse(app, error))?;
    let membership = app.github.membership(&token).await.map_err(|error| refuse(app, error))?;
    let session = arrive(app, &token, &identity, &membership, before).await?;
    Ok(Arrived { session, return_to: under_way.return_to().to_owned() })
}

async fn take_state(app: &App, hashes: &[String]) -> Result<bool, Refusal> {
    let tx = app.db.begin().await?;
    let taken = db::sessions::take_state(&tx, hashes, app.clock.now()).await?;
    tx.commit().await?;
    Ok(taken)
}

/// One transaction: the person, what GitHub says of them, the session, the record.
async fn arrive(
    app: &App,
    token: &SecretString,
    identity: &github::Identity,
    membership: &github::Membership,
    before: Option<i64>,
) -> Result<String, NotIn> {
    let name = identity.login.clone();
    let login = || name.to_string();
    let bound = Identity { provider: GITHUB.to_owned(), subject: identity.subject.clone() };
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let person = match db::identities::find_person(&tx, &bound.provider, &bound.subject).await? {
        Some(person) => Some(person),
        None if membership.member => match bind(app, &tx, &name, &bound).await {
            Ok(person) => Some(person),
            Err(NotIn::NameTaken { login }) => {
                let facts = json!({ "why": "the name is another identity's", "provider": GITHUB, "subject": bound.subject });
                // Not the name alone: that is somebody else here.
                let entry = db::audit::Entry {
                    actor: &format!("github:{name}"),
                    action: "person.sign_in_refused",
                    subject: format!("person {name}"),
                    facts,
                };
                db::audit::append(&tx, &app.keys, now, entry).await?;
                tx.commit().await?;
                return Err(NotIn::NameTaken { login });
            }
            Err(other) => return Err(other),
        },
        None => None,
    };
    // A GitHub identity that is linked to somebody of another provider lets them in, and
    // says nothing more of them.
    if let Some(person) = person.as_ref().filter(|person| person.identity.as_ref() == Some(&bound)) {
        let seen = db::people::Seen {
            display: clean(&identity.display, name.as_str()),
            mail: identity.verified_mail.clone(),
            github_token: access::seal_token(app, token),
            teams: membership.teams.clone(),
            member: membership.member,
            at: now,
        };
        db::people::seen(&tx, person.id, &seen).await?;
    }
    let allowed = person.as_ref().filter(|person| membership.member && !person.disabled);
    // A login may be renamed at GitHub, or even be somebody else's by now.
    let subject = format!("person {}", person.as_ref().map_or(&name, |person| &person.name));
    let Some(person) = allowed else {
        let why = if membership.member { "disabled" } else { "not a member of the organisation" };
        let entry = db::audit::Entry {
            actor: name.as_str(),
            action: "person.sign_in_refused",
            subject,
            facts: json!({ "why": why }),
        };
        db::audit::append(&tx, &app.keys, now, entry).await?;
        tx.commit().await?;
        return Err(if membership.member {
            NotIn::Disabled { login: login() }
        } else {
            NotIn::Outsider { login: login() }
        });
    };
    let facts = json!({ "provider": GITHUB, "subject": bound.subject });
    let secret = session::begin(app, &tx, person, (GITHUB, facts), before).await?;
    tx.commit().await?;
    Ok(secret)
}

/// First sight of an identity: a new name, or one that was reserved for it (rules.md 29).
pub(super) async fn bind(app: &App, tx: &db::Tx, name: &Name, identity: &Identity) -> Result<Person, NotIn> {
    let taken = || NotIn::NameTaken { login: name.to_string() };
    if !may_be_called(name) || is_reserved_elsewhere(tx, name, &identity.provider).await? {
        return Err(taken());
    }
    let id = match db::people::find_by_name(tx, name).await? {
        Some(person) if person.identity.is_some() => return Err(taken()),
        Some(person) => {
            db::people::bind(tx, person.id, identity).await?;
            person.id
        }
        None => db::people::insert(tx, name, Some(identity), app.clock.now()).await?,
    };
    Ok(db::people::find(tx, id).await?.ok_or(Refusal::NotFound)?)
}

/// Whether a role names it for another provider: `local:rosa`.
pub(super) async fn is_reserved_elsewhere(tx: &db::Tx, name: &Name, provider: &str) -> Result<bool, Refusal> {
    let others: Vec<String> =
        PROVIDERS.iter().filter(|other| **other != provider).map(|other| format!("{other}:{name}")).collect();
    let members = db::people::list_all_members(tx).await?;
    Ok(members.iter().any(|member| member.kind == MemberKind::User && others.contains(&member.member)))
}

/// Only a path of this site survives: no scheme, no host, no backslash, no
/// control character, in no encoding (security.md 19).
pub fn local_path(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let hidden = ["%2f%2f", "%5c", "%0d", "%0a", "%00"].iter().any(|code| lower.contains(code));
    let plain = text.starts_with('/')
        && !text.starts_with("//")
        && !lower.starts_with("/%2f")
        && !text.contains('\\')
        && !text.chars().any(char::is_control);
    if plain && !hidden && text.len() <= 500 { text } else { "/" }
}

fn clean(display: &str, name: &str) -> String {
    let text: String = display.chars().filter(|c| !is_deceptive(*c)).take(80).collect();
    if has_visible(&text) { text.trim().to_owned() } else { name.to_owned() }
}

fn refuse(app: &App, error: GitHubError) -> NotIn {
    tracing::warn!(%error, "a sign-in did not come to its end");
    match error {
        GitHubError::Refused(_) | GitHubError::Revoked => NotIn::NotAccepted,
        GitHubError::RateLimited { until } => {
            let wait = until.map(|until| until.duration_since(app.clock.now()).as_mins().max(0));
            NotIn::RateLimited {
                minutes: wait.and_then(|minutes| u64::try_from(minutes).ok()).map(|minutes| minutes + 1),
            }
        }
        GitHubError::Unreachable(_) | GitHubError::TimedOut | GitHubError::Unexpected(_) => NotIn::GitHubDown,
    }
}
