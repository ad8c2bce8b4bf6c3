//! What the stand-in answers: the sign-in, and the API as far as it is asked.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::super::http::{Reply, escape};
use super::{Asked, CLIENT_ID, CLIENT_SECRET, Grant, ORGANISATION, Token, Trouble, World};

impl World {
    pub(super) fn answer(&mut self, asked: &Asked) -> Reply {
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

    pub(super) fn issue_token(&mut self, login: String, scopes: String) -> String {
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
