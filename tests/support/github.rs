//! A stand-in for GitHub over real HTTP: the sign-in pages, and the part of the
//! REST API that tells who somebody is. Stateful: people join, leave and are
//! revoked while it runs. Needs the sibling `http`.
//!
//! The API answers at the root, as on api.github.com, and below `/api/v3`, as
//! on Enterprise.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rocket::data::{Data, ToByteUnit};
use rocket::http::Status;
use rocket::request::Request;
use rocket::route::{Handler, Outcome};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use url::Url;
use url::form_urlencoded;

use super::http::{Reply, Server, escape};

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
        self.change(|person| person.login = login.to_owned())
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

impl World {
    fn answer(&mut self, asked: &Asked) -> Reply {
        *self.calls.entry(asked.path.clone()).or_default() += 1;
        match (asked.method, asked.path.as_str()) {
            ("GET", "/login/oauth/authorize") => self.authorize(asked),
            ("POST", "/login/oauth/access_token") => {
                let trouble =
                    self.trouble_reply().filter(|_| !matches!(self.trouble, Some(Trouble::BadCredentials)));
                trouble.unwrap_or_else(|| self.exchange(asked))
            }
            ("GET", path) => self.trouble_reply().unwrap_or_else(|| self.api(asked, path)),
            _ => message(404, "Not Found"),
        }
    }

    fn trouble_reply(&self) -> Option<Reply> {
        Some(match self.trouble.clone()? {
            Trouble::RateLimited { reset } => message(403, "API rate limit exceeded for user ID 1001.")
                .header("x-ratelimit-remaining", "0")
                .header("x-ratelimit-reset", reset.to_string()),
            Trouble::TooMany { retry_after, date } => {
                message(429, "You have exceeded a secondary rate limit.")
                    .header("retry-after", retry_after.to_string())
                    .header("date", date)
            }
            Trouble::Forbidden(words) => message(403, words).header("x-ratelimit-remaining", "4999"),
            Trouble::Limited => message(403, "You have exceeded a secondary rate limit."),
            Trouble::ServerError => Reply::html(502, "<h1>Unicorn!</h1>".to_owned()),
            Trouble::Huge(bytes) => Reply::json(200, &json!({ "id": 1, "login": "a".repeat(bytes) })),
            Trouble::NotJson => Reply::html(200, "<h1>Hello</h1> gho_secret".to_owned()),
            Trouble::Moved(to) => Reply::redirect(&to),
            Trouble::BadCredentials => message(401, "Bad credentials"),
            Trouble::NextPage(_) => return None,
        })
    }

    fn authorize(&mut self, asked: &Asked) -> Reply {
        let redirect_uri = asked.parameter("redirect_uri");
        let registered = self.redirect_uri.as_deref().is_none_or(|uri| uri == redirect_uri);
        if asked.parameter("client_id") != CLIENT_ID {
            return problem_page("This client is not known here.");
        }
        let Ok(mut back) = Url::parse(redirect_uri) else {
            return problem_page("There is no way back: redirect_uri is not a URL.");
        };
        if !registered {
            return problem_page("The redirect_uri is not the registered one.");
        }
        let state = asked.parameter("state");
        if state.is_empty() {
            return problem_page("The state is missing.");
        }
        let challenge = asked.parameter("code_challenge");
        if asked.parameter("code_challenge_method") != "S256" || challenge.len() != 43 {
            return problem_page("The code_challenge is missing, or its method is not S256.");
        }
        let chosen = match asked.parameter("login") {
            "" => self.auto.clone(),
            login => Some(login.to_lowercase()),
        };
        let Some(login) = chosen else { return self.choose_a_person(asked) };
        if !self.people.contains_key(&login) {
            return problem_page("There is no such person.");
        }
        self.issued += 1;
        let code = format!("code-{}", self.issued);
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", state);
        self.grants.insert(
            code,
            Grant {
                login,
                challenge: challenge.to_owned(),
                redirect_uri: redirect_uri.to_owned(),
                scopes: asked.parameter("scope").to_owned(),
            },
        );
        Reply::redirect(back.as_str())
    }

    fn choose_a_person(&self, asked: &Asked) -> Reply {
        let mut choices = String::new();
        for (login, person) in &self.people {
            let mut query = form_urlencoded::Serializer::new(String::new());
            let query = escape(&query.extend_pairs(&asked.parameters).append_pair("login", login).finish());
            let (login, name) = (escape(login), escape(person.name.as_deref().unwrap_or(&person.login)));
            let place = escape(&person.place());
            let _ = writeln!(
                choices,
                "<li><a href=\"/login/oauth/authorize?{query}\">{name}</a> ({login}; {place})</li>"
            );
        }
        page("Choose a person", 200, &format!("<p>Who signs in?</p>\n<ul>\n{choices}</ul>"))
    }

    fn exchange(&mut self, asked: &Asked) -> Reply {
        if asked.parameter("client_id") != CLIENT_ID || asked.parameter("client_secret") != CLIENT_SECRET {
            return exchange_error(
                "incorrect_client_credentials",
                "The client_id and/or client_secret passed are incorrect.",
            );
        }
        // One use: whatever comes of it, the code is gone.
        let Some(grant) = self.grants.remove(asked.parameter("code")) else {
            return exchange_error("bad_verification_code", "The code passed is incorrect or expired.");
        };
        if asked.parameter("redirect_uri") != grant.redirect_uri {
            return exchange_error("redirect_uri_mismatch", "The redirect_uri is another one.");
        }
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(asked.parameter("code_verifier")));
        if challenge != grant.challenge {
            return exchange_error("bad_verification_code", "The code_verifier does not fit the challenge.");
        }
        let scopes = grant.scopes.split_whitespace().collect::<Vec<_>>().join(",");
        let token = self.issue_token(grant.login, grant.scopes);
        if !asked.wants_json {
            return Reply::html(200, format!("access_token={token}&token_type=bearer"));
        }
        Reply::json(200, &json!({ "access_token": token, "token_type": "bearer", "scope": scopes }))
    }

    fn issue_token(&mut self, login: String, scopes: String) -> String {
        self.issued += 1;
        let token = format!("gho_{login}_{}", self.issued);
        self.tokens.insert(token.clone(), Token { login, scopes });
        token
    }

    fn api(&self, asked: &Asked, path: &str) -> Reply {
        if !asked.has_user_agent {
            return message(403, "Request forbidden by administrative rules.");
        }
        let Some(token) = asked.bearer.as_ref().and_then(|token| self.tokens.get(token)) else {
            return message(401, "Bad credentials");
        };
        let may = |scope: &str| token.scopes.split_whitespace().any(|granted| granted == scope);
        let person = &self.people[&token.login];
        match path {
            "/user" => {
                Reply::json(200, &json!({ "id": person.id, "login": person.login, "name": person.name }))
            }
            "/user/emails" if may("user:email") => {
                let email = |(email, primary, verified): &(String, bool, bool)| json!({ "email": email, "primary": primary, "verified": verified, "visibility": null });
                self.page_of(asked, person.emails.iter().map(email).collect())
            }
            "/user/teams" if may("read:org") => {
                let team = |(organisation, slug): &(String, String)| json!({ "slug": slug, "name": slug, "organization": { "login": organisation } });
                self.page_of(asked, person.teams.iter().map(team).collect())
            }
            _ if may("read:org") && path == format!("/user/memberships/orgs/{ORGANISATION}") => {
                match person.membership {
                    Some(state) => Reply::json(200, &json!({ "state": state, "role": "member" })),
                    None => message(404, "Not Found"),
                }
            }
            _ => message(404, "Not Found"),
        }
    }

    fn page_of(&self, asked: &Asked, all: Vec<serde_json::Value>) -> Reply {
        let number = |name: &str, default: usize| asked.parameter(name).parse().unwrap_or(default);
        let (size, page) = (number("per_page", 30).clamp(1, 100), number("page", 1).max(1));
        let items: Vec<_> = all.iter().skip((page - 1) * size).take(size).collect();
        let last = all.len().div_ceil(size).max(1);
        let reply = Reply::json(200, &json!(items));
        let link = |to: usize, rel: &str| {
            format!("<{}{}?per_page={size}&page={to}>; rel=\"{rel}\"", asked.base, asked.path)
        };
        match &self.trouble {
            Some(Trouble::NextPage(url)) => reply.header("link", format!("<{url}>; rel=\"next\"")),
            _ if page < last => {
                reply.header("link", format!("{}, {}", link(page + 1, "next"), link(last, "last")))
            }
            _ if page > 1 => reply.header("link", link(1, "first")),
            _ => reply,
        }
    }
}

fn message(status: u16, words: &str) -> Reply {
    Reply::json(status, &json!({ "message": words }))
}

/// GitHub answers 200 to a code that it does not accept.
fn exchange_error(error: &str, words: &str) -> Reply {
    Reply::json(200, &json!({ "error": error, "error_description": words }))
}

fn problem_page(words: &str) -> Reply {
    page("This sign-in cannot go on", 400, &format!("<p>{}</p>", escape(words)))
}

fn page(title: &str, status: u16, body: &str) -> Reply {
    Reply::html(
        status,
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
             <style>body{{font:18px/1.6 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem}}\
             li{{margin:.6rem 0}}</style></head>\n<body><main>\n<h1>{title}</h1>\n{body}\n\
             <p>This page stands in for GitHub.</p>\n</main></body></html>\n"
        ),
    )
}
