//! A stand-in for GitHub over real HTTP: the sign-in pages, and the part of the
//! REST API that tells who somebody is. Stateful: people join, leave and are
//! revoked while it runs. Needs the sibling `http`; `answers` has what it says.
//!
//! The API answers at the root, as on api.github.com, and below `/api/v3`, as
//! on Enterprise.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use rocket::data::{Data, ToByteUnit};
use rocket::http::Status;
use rocket::request::Request;
use rocket::route::{Handler, Outcome};
use tokio::sync::watch;
use url::Url;
use url::form_urlencoded;

use super::http::Server;

mod answers;

pub const CLIENT_ID: &str = "countersign-client";
pub const CLIENT_SECRET: &str = "the-client-secret";
pub const ORGANISATION: &str = "acme";

pub struct GitHubStandIn {
    server: Server<Site>,
    site: Site,
}

#[derive(Clone)]
struct Site {
    world: Arc<Mutex<World>>,
    hanging: watch::Sender<bool>,
}

#[derive(Default)]
struct World {
    people: BTreeMap<String, Person>,
    redirect_uri: Option<String>,
    /// Signs in at once, without the page.
    auto: Option<String>,
    grants: BTreeMap<String, Grant>,
    tokens: BTreeMap<String, Token>,
    issued: usize,
    trouble: Option<Trouble>,
    calls: BTreeMap<String, usize>,
}

/// What the API does instead of answering.
#[derive(Clone)]
pub enum Trouble {
    /// 403 with no calls left, until this second of Unix time.
    RateLimited {
        reset: i64,
    },
    /// 429 with these seconds to wait, at this instant of the `Date` header.
    TooMany {
        retry_after: u32,
        date: &'static str,
    },
    /// 403 for another reason than a rate.
    Forbidden(&'static str),
    /// 401 to every token; codes are still exchanged.
    BadCredentials,
    ServerError,
    /// A body of this many bytes.
    Huge(usize),
    /// Every list says that its next page is here.
    NextPage(String),
    NotJson,
    /// What a secondary limit says when it says nothing else.
    Limited,
    /// A redirect to here.
    Moved(String),
}

#[derive(Clone)]
struct Person {
    id: u64,
    /// As GitHub writes it: capitals allowed.
    login: String,
    name: Option<String>,
    emails: Vec<(String, bool, bool)>,
    membership: Option<&'static str>,
    teams: Vec<(String, String)>,
}

impl Person {
    fn place(&self) -> String {
        let teams: Vec<&str> = self.teams.iter().take(5).map(|(_, slug)| slug.as_str()).collect();
        match self.membership {
            None => "not in the organisation".to_owned(),
            Some("pending") => "invited, not yet in the organisation".to_owned(),
            Some(_) if teams.is_empty() => "in no team".to_owned(),
            Some(_) => format!("in {}", teams.join(", ")),
        }
    }
}

struct Grant {
    login: String,
    challenge: String,
    redirect_uri: String,
    scopes: String,
}

struct Token {
    login: String,
    scopes: String,
}

impl GitHubStandIn {
    pub async fn start(port: Option<u16>) -> Self {
        let site = Site { world: Arc::default(), hanging: watch::Sender::new(false) };
        Self { server: Server::start(site.clone(), port).await, site }
    }

    pub fn web_url(&self) -> Url {
        format!("http://127.0.0.1:{}/", self.server.port()).parse().expect("a URL")
    }

    pub fn api_url(&self) -> Url {
        self.web_url()
    }

    pub fn enterprise_api_url(&self) -> Url {
        self.web_url().join("api/v3").expect("a URL")
    }

    /// The only address that the sign-in sends people back to. Any, if never called.
    pub fn register_redirect(&self, redirect_uri: &str) {
        self.world().redirect_uri = Some(redirect_uri.to_owned());
    }

    /// The person of this login, made on first sight: an active member without
    /// teams whose verified primary address is `LOGIN@example.com`.
    pub fn person(&self, login: &str) -> PersonEditor<'_> {
        let key = login.to_lowercase();
        let mut world = self.world();
        let id = 1001 + world.people.len() as u64;
        world.people.entry(key.clone()).or_insert_with(|| Person {
            id,
            login: login.to_owned(),
            name: None,
            emails: vec![(format!("{key}@example.com"), true, true)],
            membership: Some("active"),
            teams: Vec::new(),
        });
        PersonEditor { stand_in: self, key }
    }

    /// Signs in at once as this person, without the page to choose one.
    pub fn sign_in_as(&self, login: Option<&str>) {
        self.world().auto = login.map(str::to_lowercase);
    }

    /// A token with all rights that the sign-in asks for, without signing in.
    pub fn token_of(&self, login: &str) -> String {
        self.world().issue_token(login.to_lowercase(), "read:user user:email read:org".to_owned())
    }

    /// All tokens of the person stop working.
    pub fn revoke(&self, login: &str) {
        let login = login.to_lowercase();
        self.world().tokens.retain(|_, token| token.login != login);
    }

    pub fn trouble(&self, trouble: impl Into<Option<Trouble>>) {
        self.world().trouble = trouble.into();
    }

    /// Connections are refused when this returns.
    pub async fn down(&self) {
        self.server.stop().await;
    }

    pub async fn up(&self) {
        self.server.start_again().await;
    }

    /// From now on nothing is answered, until `release`, which answers all that wait.
    pub fn hang(&self) {
        self.site.hanging.send_replace(true);
    }

    pub fn release(&self) {
        self.site.hanging.send_replace(false);
    }

    /// How often a path was asked for, without query and Enterprise prefix.
    pub fn calls(&self, path: &str) -> usize {
        self.world().calls.get(path).copied().unwrap_or(0)
    }

    pub fn all_calls(&self) -> usize {
        self.world().calls.values().sum()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.site.world.lock().expect("the world")
    }
}

/// Changes one person. Each call takes effect at once.
pub struct PersonEditor<'a> {
    stand_in: &'a GitHubStandIn,
    key: String,
}

impl PersonEditor<'_> {
    pub fn named(self, name: &str) -> Self {
        self.change(|person| person.name = Some(name.to_owned()))
    }

    pub fn id(self, id: u64) -> Self {
        self.change(|person| person.id = id)
    }

    /// What the API says the login is, for logins that no real GitHub gives.
    pub fn login(self, login: &str) -> Self {
        self.change(|person| login.clone_into(&mut person.login))
    }

    pub fn team(self, slug: &str) -> Self {
        self.team_of(ORGANISATION, slug)
    }

    pub fn team_of(self, organisation: &str, slug: &str) -> Self {
        self.change(|person| person.teams.push((organisation.to_owned(), slug.to_owned())))
    }

    pub fn without_team(self, slug: &str) -> Self {
        self.change(|person| person.teams.retain(|(_, team)| team != slug))
    }

    pub fn without_emails(self) -> Self {
        self.change(|person| person.emails.clear())
    }

    pub fn email(self, address: &str, primary: bool, verified: bool) -> Self {
        self.change(|person| person.emails.push((address.to_owned(), primary, verified)))
    }

    pub fn active(self) -> Self {
        self.change(|person| person.membership = Some("active"))
    }

    /// Invited to the organisation, not yet in it.
    pub fn pending(self) -> Self {
        self.change(|person| person.membership = Some("pending"))
    }

    /// Not in the organisation.
    pub fn outsider(self) -> Self {
        self.change(|person| person.membership = None)
    }

    fn change(self, change: impl FnOnce(&mut Person)) -> Self {
        let mut world = self.stand_in.world();
        change(world.people.get_mut(&self.key).expect("the person"));
        drop(world);
        self
    }
}

/// One request, as far as the stand-in looks at it.
struct Asked {
    method: &'static str,
    path: String,
    /// The address up to the path, with the Enterprise prefix if it was used.
    base: String,
    parameters: BTreeMap<String, String>,
    bearer: Option<String>,
    wants_json: bool,
    has_user_agent: bool,
}

#[rocket::async_trait]
impl Handler for Site {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        let form = match data.open(64.kibibytes()).into_string().await {
            Ok(form) => form.into_inner(),
            Err(_) => return Outcome::Error(Status::BadRequest),
        };
        let mut hanging = self.hanging.subscribe();
        tokio::select! {
            _ = hanging.wait_for(|hanging| !hanging) => {}
            () = request.rocket().shutdown() => return Outcome::Error(Status::ServiceUnavailable),
        }
        let asked = Asked::new(request, &form);
        let reply = self.world.lock().expect("the world").answer(&asked);
        Outcome::from(request, reply)
    }
}

impl Asked {
    fn new(request: &Request<'_>, form: &str) -> Self {
        let header = |name| request.headers().get_one(name).unwrap_or_default().to_owned();
        let query = request.uri().query().map(|query| query.to_string()).unwrap_or_default();
        let pairs =
            [query.as_str(), form].into_iter().flat_map(|text| form_urlencoded::parse(text.as_bytes()));
        let full_path = request.uri().path().to_string();
        let (prefix, path) = match full_path.strip_prefix("/api/v3") {
            Some(path) => ("/api/v3", path.to_owned()),
            None => ("", full_path),
        };
        Self {
            method: request.method().as_str(),
            path,
            base: format!("http://{}{prefix}", header("host")),
            parameters: pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
            bearer: header("authorization").strip_prefix("Bearer ").map(str::to_owned),
            wants_json: header("accept").contains("application/json"),
            has_user_agent: !header("user-agent").is_empty(),
        }
    }

    fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }
}
