//! Deployments: the list, and the raw log of one.

use rocket::http::{ContentType, Header};
use rocket::request::Request;
use rocket::response::stream::ByteStream;
use rocket::response::{self, Responder, Response};

use super::freezes;
use super::items::deployment_item;
use crate::app::Refusal;
use crate::app::queries::deployments;
use crate::app::queries::freezes::Concern;
use crate::domain::deployment::DeploymentState;
use crate::domain::event::{Event, EventKind, Stream};
use crate::domain::name::Name;
use crate::web::guard::Looking;
use crate::web::html::Mark;
use crate::web::respond::{Html, PageError};
use crate::web::view::deployments::Deployments;
use crate::web::view::journal::outgoing;
use crate::web::view::requests::Filter;
use crate::web::view::{Link, Section};

const A_PAGE: usize = 50;

#[rocket::get("/deployments?<application>&<environment>&<state>&<before>")]
pub async fn list(
    looking: Looking<'_>,
    application: Option<&str>,
    environment: Option<&str>,
    state: Option<&str>,
    before: Option<i64>,
) -> Result<Html, PageError> {
    let Looking(visit) = looking;
    let name = |text: Option<&str>| {
        text.filter(|text| !text.is_empty()).map(Name::parse).transpose().map_err(|_| Refusal::NotFound)
    };
    let state = state.and_then(DeploymentState::from_word);
    let wanted = deployments::Wanted {
        states: state.into_iter().collect(),
        application: name(application)?,
        environment: name(environment)?,
        before,
        ..deployments::Wanted::default()
    };
    let (items, next) = deployments::list(visit.app, visit.actor(), &wanted, A_PAGE).await?;
    let address = |state: Option<DeploymentState>, before: Option<i64>| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let before = before.map(|before| before.to_string());
        let pairs = [
            ("application", wanted.application.as_ref().map(Name::as_str)),
            ("environment", wanted.environment.as_ref().map(Name::as_str)),
            ("state", state.map(DeploymentState::word)),
            ("before", before.as_deref()),
        ];
        for (name, value) in pairs {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() { "/deployments".to_owned() } else { format!("/deployments?{query}") }
    };
    let mut filters = vec![Filter { link: Link::new(address(None, None), "All"), chosen: state.is_none() }];
    filters.extend(DeploymentState::ALL.iter().map(|each| Filter {
        link: Link::new(address(Some(*each), None), Mark::from(*each).words()),
        chosen: state == Some(*each),
    }));
    let of = match (&wanted.application, &wanted.environment) {
        (Some(application), Some(environment)) => Some(format!("{application} in {environment}")),
        (Some(application), None) => Some(application.to_string()),
        _ => None,
    };
    let page = Deployments {
        of,
        items: items.iter().map(|deployment| deployment_item(deployment, None)).collect(),
        filters,
        next: next.map(|last| address(state, Some(last))),
        shell: freezes::shell(&visit, Section::Deployments, Concern::Anything).await?,
    };
    Html::page(&page)
}

/// The whole log, one line each, in chunks.
pub struct RawLog<S>(String, S);

impl<'r, 'o: 'r, S: Responder<'r, 'o>> Responder<'r, 'o> for RawLog<S> {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'o> {
        Response::build_from(self.1.respond_to(request)?)
            .header(ContentType::Plain)
            .header(Header::new("Content-Disposition", format!("inline; filename=\"{}\"", self.0)))
            .ok()
    }
}

#[rocket::get("/deployments/<id>/log")]
pub async fn log(looking: Looking<'_>, id: i64) -> Result<RawLog<ByteStream![Vec<u8>]>, PageError> {
    let Looking(visit) = looking;
    let deployment = deployments::find(visit.app, visit.actor(), id).await?;
    let app = visit.app.clone();
    let stream = ByteStream! {
        let mut after = 0;
        loop {
            match deployments::journal(&app, id, after, 2_000).await {
                Ok(events) => {
                    let Some(last) = events.last() else { break };
                    after = last.seq;
                    yield events.into_iter().map(|event| raw_line(&outgoing(event))).collect::<String>().into_bytes();
                }
                Err(error) => {
                    tracing::error!(deployment = id, %error, "the log cannot be read");
                    yield b"-- the rest cannot be read --\n".to_vec();
                    break;
                }
            }
        }
    };
    Ok(RawLog(format!("deployment-{}.log", deployment.id), stream))
}

fn raw_line(event: &Event) -> String {
    let at = event.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
    let seq = event.seq;
    match &event.what {
        EventKind::Output { host, stream, text, .. } => {
            let host = host.as_ref().map_or("local", Name::as_str);
            let mark = if *stream == Stream::Stderr { "!" } else { "|" };
            format!("{seq} {at} {host} {mark} {text}\n")
        }
        EventKind::State { state, why } => format!(
            "{seq} {at} -- {state}{}\n",
            why.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
        ),
        EventKind::StepStarted { phase, host, .. } => {
            format!("{seq} {at} -- {} begins{}\n", phase.word(), on(host.as_ref()))
        }
        EventKind::StepEnded { step, outcome } => {
            let words = serde_json::to_string(outcome).unwrap_or_default();
            format!("{seq} {at} -- step {} ended {words}\n", step.0)
        }
        EventKind::Host { host, state, commit } => {
            let state = serde_json::to_string(state).unwrap_or_default();
            format!(
                "{seq} {at} -- {host} is {}{}\n",
                state.trim_matches('"'),
                commit.as_ref().map(|commit| format!(" at {commit}")).unwrap_or_default()
            )
        }
        EventKind::Note { .. }
        | EventKind::Compared { .. }
        | EventKind::Service { .. }
        | EventKind::Waiting { .. }
        | EventKind::Continued { .. } => {
            format!("{seq} {at} -- {}\n", event.what.remark().unwrap_or_default())
        }
    }
}

fn on(host: Option<&Name>) -> String {
    host.map(|host| format!(" on {host}")).unwrap_or_default()
}
