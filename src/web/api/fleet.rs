//! What the service is made of, for administrators: servers, clusters, load balancers,
//! calendars, roles, applications and environments, each in the fleet file's form.
//!
//! An object is bare, so that what GET gave PUT takes. What is not of that form goes
//! into headers: the version as `ETag`, and `X-Managed-By: fleet-file` where the next
//! `apply` will write over changes made here.

use rocket::Route;
use rocket::http::Header;
use rocket::request::Request;
use rocket::response::status::NoContent;
use rocket::response::{self, Responder};
use serde_json::{Value, json};

use super::answer::Answer;
use super::bearer::Bearer;
use super::body::{Body, Nothing, Object};
use super::problem::Problem;
use super::query::{Page, Query, name as read_name};
use super::versions::{self, IfMatch};
use crate::app::administer::{self, Seen, Trouble};
use crate::app::queries::applications;
use crate::app::{Refusal, access, scan_host};
use crate::domain::fleet::Kind;
use crate::domain::fleet::object::Place;
use crate::domain::name::Name;

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Invalid(problems) => Problem::Fields(problems),
            Trouble::Changed(seen) => versions::changed(&seen.place.to_string()),
            Trouble::Refused(refusal) => Problem::Refused(refusal),
        }
    }
}

/// An object with what an administrator has to know of it.
pub struct Headed {
    answer: Answer,
    version: Option<String>,
    managed: bool,
}

impl Headed {
    /// For somebody who reads and changes nothing.
    pub fn plain(answer: Answer) -> Self {
        Self { answer, version: None, managed: false }
    }

    pub fn of(answer: Answer, seen: &Seen) -> Self {
        Self { answer, version: Some(seen.version.clone()), managed: seen.managed }
    }

    pub fn whole(seen: &Seen) -> Result<Self, Problem> {
        Ok(Self::of(Answer::object(&seen.object)?, seen))
    }
}

impl<'r> Responder<'r, 'static> for Headed {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let mut response = self.answer.respond_to(request)?;
        if let Some(version) = self.version {
            response.set_header(Header::new("ETag", format!("\"{version}\"")));
        }
        if self.managed {
            response.set_header(Header::new("X-Managed-By", "fleet-file"));
        }
        Ok(response)
    }
}

/// An address that holds no name leads nowhere.
fn place(kind: Kind, parent: Option<&str>, name: &str) -> Result<Place, Refusal> {
    let parse = |text: &str| Name::parse(text).map_err(|_| Refusal::NotFound);
    let parent = parent.map(parse).transpose()?;
    Ok(Place { kind, parent, name: parse(name)? })
}

async fn list(bearer: Bearer<'_>, query: Query, kind: Kind) -> Result<Answer, Problem> {
    access::administers(bearer.actor())?;
    let (page, managed) = query.read(|r| {
        let flag = |text: &str| text.parse::<bool>().map_err(|_| "must be true or false".to_owned());
        (Page::read(r, read_name), r.optional("managed", flag))
    })?;
    let seen = administer::list(bearer.app, bearer.actor(), kind, None).await?;
    let wanted = seen.into_iter().filter(|seen| managed.is_none_or(|managed| seen.managed == managed));
    paged(wanted.map(|seen| (seen.place.name, seen.object)).collect(), &page)
}

fn paged(all: Vec<(Name, Value)>, page: &Page<Name>) -> Result<Answer, Problem> {
    let passed = page.after.as_ref().and_then(|after| all.iter().position(|(name, _)| name == after));
    let from = match (&page.after, passed) {
        (Some(_), Some(index)) => index + 1,
        // It is gone meanwhile: on with what would come after it.
        (Some(after), None) => all.iter().position(|(name, _)| name > after).unwrap_or(all.len()),
        (None, _) => 0,
    };
    let rest = all.len() - from;
    let items: Vec<(Name, Value)> = all.into_iter().skip(from).take(page.limit).collect();
    let next = items.last().map(|(name, _)| name.clone()).filter(|_| rest > page.limit);
    let items: Vec<Value> = items.into_iter().map(|(_, object)| object).collect();
    Answer::list(&items, next)
}

async fn create(
    bearer: Bearer<'_>,
    body: Object,
    kind: Kind,
    parent: Option<&str>,
) -> Result<Headed, Problem> {
    let Object { object, once } = body;
    let application = parent.map(|text| Name::parse(text).map_err(|_| Refusal::NotFound)).transpose()?;
    let mut made = None;
    let act = async {
        let seen = administer::create(bearer.app, bearer.actor(), kind, application.as_ref(), object).await?;
        let answer = Answer::made(&address(&seen.place), &seen.object);
        made = Some(seen);
        answer
    };
    let answer = once.answer(&bearer, act).await?;
    // A repetition tells what was made then; what is there by now may be another version.
    Ok(match &made {
        Some(seen) => Headed::of(answer, seen),
        None => Headed::plain(answer),
    })
}

fn address(place: &Place) -> String {
    match &place.parent {
        Some(application) => format!("/applications/{application}/environments/{}", place.name),
        None => format!("/{}/{}", place.kind.list(), place.name),
    }
}

async fn one(bearer: Bearer<'_>, query: Query, place: Place) -> Result<Headed, Problem> {
    query.none()?;
    Headed::whole(&administer::find(bearer.app, bearer.actor(), &place).await?)
}

async fn replace(bearer: Bearer<'_>, body: Object, wanted: IfMatch, place: Place) -> Result<Headed, Problem> {
    let object = body.object;
    let seen = administer::replace(bearer.app, bearer.actor(), &place, object, wanted.versions()).await?;
    Headed::whole(&seen)
}

async fn remove(
    bearer: Bearer<'_>,
    query: Query,
    wanted: IfMatch,
    place: Place,
) -> Result<NoContent, Problem> {
    query.none()?;
    administer::remove(bearer.app, bearer.actor(), &place, wanted.versions()).await?;
    Ok(NoContent)
}

macro_rules! routes_of {
    ($module:ident, $kind:ident, $list:tt, $one:tt) => {
        mod $module {
            use super::*;

            #[rocket::get($list)]
            pub async fn list(bearer: Bearer<'_>, query: Query) -> Result<Answer, Problem> {
                super::list(bearer, query, Kind::$kind).await
            }

            #[rocket::post($list, data = "<body>")]
            pub async fn create(bearer: Bearer<'_>, body: Object) -> Result<Headed, Problem> {
                super::create(bearer, body, Kind::$kind, None).await
            }

            #[rocket::get($one)]
            pub async fn one(bearer: Bearer<'_>, name: &str, query: Query) -> Result<Headed, Problem> {
                super::one(bearer, query, place(Kind::$kind, None, name)?).await
            }

            #[rocket::put($one, data = "<body>")]
            pub async fn replace(
                bearer: Bearer<'_>,
                name: &str,
                wanted: IfMatch,
                body: Object,
            ) -> Result<Headed, Problem> {
                super::replace(bearer, body, wanted, place(Kind::$kind, None, name)?).await
            }

            #[rocket::delete($one)]
            pub async fn remove(
                bearer: Bearer<'_>,
                name: &str,
                wanted: IfMatch,
                query: Query,
            ) -> Result<NoContent, Problem> {
                super::remove(bearer, query, wanted, place(Kind::$kind, None, name)?).await
            }
        }
    };
}

routes_of!(servers, Server, "/servers", "/servers/<name>");
routes_of!(clusters, Cluster, "/clusters", "/clusters/<name>");
routes_of!(load_balancers, LoadBalancer, "/load_balancers", "/load_balancers/<name>");
routes_of!(calendars, Calendar, "/calendars", "/calendars/<name>");
routes_of!(roles, Role, "/roles", "/roles/<name>");

pub fn routes() -> Vec<Route> {
    rocket::routes![
        servers::list,
        servers::create,
        servers::one,
        servers::replace,
        servers::remove,
        scan,
        clusters::list,
        clusters::create,
        clusters::one,
        clusters::replace,
        clusters::remove,
        load_balancers::list,
        load_balancers::create,
        load_balancers::one,
        load_balancers::replace,
        load_balancers::remove,
        calendars::list,
        calendars::create,
        calendars::one,
        calendars::replace,
        calendars::remove,
        roles::list,
        roles::create,
        roles::one,
        roles::replace,
        roles::remove,
        create_application,
        replace_application,
        remove_application,
        environments,
        create_environment,
        replace_environment,
        remove_environment,
    ]
}

#[rocket::post("/applications", data = "<body>")]
async fn create_application(bearer: Bearer<'_>, body: Object) -> Result<Headed, Problem> {
    create(bearer, body, Kind::Application, None).await
}

#[rocket::put("/applications/<application>", data = "<body>")]
async fn replace_application(
    bearer: Bearer<'_>,
    application: &str,
    wanted: IfMatch,
    body: Object,
) -> Result<Headed, Problem> {
    replace(bearer, body, wanted, place(Kind::Application, None, application)?).await
}

#[rocket::delete("/applications/<application>")]
async fn remove_application(
    bearer: Bearer<'_>,
    application: &str,
    wanted: IfMatch,
    query: Query,
) -> Result<NoContent, Problem> {
    remove(bearer, query, wanted, place(Kind::Application, None, application)?).await
}

/// For everybody who may read some of them, in the order of promotion.
#[rocket::get("/applications/<application>/environments")]
async fn environments(bearer: Bearer<'_>, application: &str, query: Query) -> Result<Answer, Problem> {
    let page = query.read(|r| Page::read(r, read_name))?;
    let (_, application) = applications::find(bearer.app, bearer.actor(), application).await?;
    let items = application.environments_in_order().into_iter();
    paged(items.map(|environment| (environment.name.clone(), json!(environment))).collect(), &page)
}

#[rocket::post("/applications/<application>/environments", data = "<body>")]
async fn create_environment(bearer: Bearer<'_>, application: &str, body: Object) -> Result<Headed, Problem> {
    create(bearer, body, Kind::Environment, Some(application)).await
}

/// `application` and `live`, which GET adds, say nothing here.
#[rocket::put("/applications/<application>/environments/<environment>", data = "<body>")]
async fn replace_environment(
    bearer: Bearer<'_>,
    application: &str,
    environment: &str,
    wanted: IfMatch,
    body: Object,
) -> Result<Headed, Problem> {
    let mut body = body;
    if let Some(fields) = body.object.as_object_mut() {
        fields.remove("live");
        if fields.remove("application").is_some_and(|named| named != application) {
            return Err(Problem::field("application", "is not the one of the address"));
        }
    }
    replace(bearer, body, wanted, place(Kind::Environment, Some(application), environment)?).await
}

#[rocket::delete("/applications/<application>/environments/<environment>")]
async fn remove_environment(
    bearer: Bearer<'_>,
    application: &str,
    environment: &str,
    wanted: IfMatch,
    query: Query,
) -> Result<NoContent, Problem> {
    remove(bearer, query, wanted, place(Kind::Environment, Some(application), environment)?).await
}

/// What the host shows now. To pin a key is a change of the server: PUT it with that
/// `host_key`, and with the `ETag` that came with it as `If-Match`.
#[rocket::post("/servers/<name>/scan", data = "<body>")]
async fn scan(bearer: Bearer<'_>, name: &str, body: Body<Nothing>) -> Result<Answer, Problem> {
    let place = place(Kind::Server, None, name)?;
    body.once
        .answer(&bearer, async {
            let scan = scan_host::scan(bearer.app, bearer.actor(), &place).await?;
            let keys: Vec<Value> = scan
                .keys
                .iter()
                .map(|key| {
                    json!({
                        "type": key.kind(),
                        "host_key": key.to_string(),
                        "fingerprint": key.fingerprint(),
                        "pinned": Some(key) == scan.pinned.as_ref(),
                    })
                })
                .collect();
            Answer::object(&json!({
                "server": place.name,
                "host": scan.host,
                "port": scan.port,
                "verdict": scan.verdict.word(),
                "pinned": scan.pinned.as_ref().map(crate::domain::target::HostKey::fingerprint),
                "keys": keys,
            }))
        })
        .await
}
