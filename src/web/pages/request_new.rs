//! The request form: application, environment and tag are chosen by links; the
//! last step shows every gate before anybody is asked.

use super::freezes;
use super::items::{diff_href, size};
use crate::app::candidate::{self, look_up};
use crate::app::queries::freezes::Concern;
use crate::app::request_release::{Form, request_release};
use crate::app::situation::{Situation, repository};
use crate::app::{App, Refusal, queries};
use crate::domain::actor::Actor;
use crate::domain::diff::Relation;
use crate::domain::fleet::{DeployFrom, Fleet};
use crate::domain::name::Name;
use crate::domain::permission::Permission;
use crate::domain::policy::{self, Act, Newer};
use crate::domain::request::release_words;
use crate::domain::risk::risk_hints;
use crate::repo::RepoError;
use crate::web::form::{Fields, FromFields, Posted};
use crate::web::guard::Visit;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::request_new::{Choice, Fetched, Preview, RequestForm, RequestNew};
use crate::web::view::{FieldError, ReleaseChoice, Section};

/// Tags and commits that the page shows at once.
const SHOWN: usize = 100;

#[rocket::get("/requests/new?<application>&<environment>&<tag>&<rollback>&<all>")]
pub async fn new(
    visit: Visit<'_>,
    application: Option<&str>,
    environment: Option<&str>,
    tag: Option<&str>,
    rollback: Option<&str>,
    all: Option<&str>,
) -> Result<Html, PageError> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let form = RequestForm {
        application: text(application),
        environment: text(environment),
        tag: text(tag),
        rollback: rollback == Some("1"),
        ..RequestForm::default()
    };
    let page = page(&visit, form, Vec::new(), all.is_some()).await?;
    Html::page(&page)
}

async fn page(
    visit: &Visit<'_>,
    form: RequestForm,
    mut errors: Vec<FieldError>,
    all: bool,
) -> Result<RequestNew, Refusal> {
    let (app, actor) = (visit.app, visit.actor());
    let fleet = queries::applications::readable_fleet(app, actor).await?;
    let mut page = RequestNew {
        shell: visit.shell(Section::Requests),
        applications: applications(&fleet, actor),
        environments: Vec::new(),
        tags: Vec::new(),
        tags_total: 0,
        older_href: None,
        fetched: None,
        preview: None,
        errors: Vec::new(),
        form,
    };
    if page.form.application.is_empty() {
        return Ok(page);
    }
    let application = Name::parse(&page.form.application).map_err(|_| Refusal::NotFound)?;
    page.environments = environments(app, &fleet, actor, &application).await?;
    if page.form.environment.is_empty() {
        return Ok(page);
    }
    let situation =
        queries::applications::situation(app, actor, &page.form.application, &page.form.environment).await?;
    let place = Concern::Environment(&situation.application.name, &situation.environment.name);
    page.shell = freezes::shell(visit, Section::Requests, place).await?;
    fill_tags(app, &mut page, situation, all).await?;
    if !page.form.tag.is_empty() {
        match preview(app, actor, &page.form).await {
            Ok(preview) => page.preview = Some(preview),
            Err(Refusal::Invalid(found)) => errors.extend(
                found.into_iter().map(|error| FieldError { field: error.field, text: error.message }),
            ),
            Err(Refusal::Unavailable(words)) => errors.push(FieldError { field: "tag", text: words }),
            Err(other) => return Err(other),
        }
    }
    page.errors = errors;
    Ok(page)
}

fn query(pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        query.append_pair(name, value);
    }
    format!("/requests/new?{}", query.finish())
}

fn applications(fleet: &Fleet, actor: &Actor) -> Vec<Choice> {
    let may = |application: &&crate::domain::fleet::Application| {
        application
            .environments
            .iter()
            .any(|environment| actor.access.may(Permission::Request, &application.name, &environment.name))
    };
    let choice = |application: &crate::domain::fleet::Application| Choice {
        name: application.name.to_string(),
        words: String::new(),
        href: query(&[("application", application.name.as_str())]),
        why_not: None,
    };
    fleet.applications.iter().filter(may).map(choice).collect()
}

async fn environments(
    app: &App,
    fleet: &Fleet,
    actor: &Actor,
    application: &Name,
) -> Result<Vec<Choice>, Refusal> {
    let Some(application) = fleet.application(application) else { return Err(Refusal::NotFound) };
    let mut choices = Vec::new();
    for environment in application.environments_in_order() {
        let live = queries::applications::live(app, &application.name, &environment.name).await?;
        let words = live
            .filter(|live| live.from.is_some())
            .map_or("nothing runs there yet".to_owned(), |live| format!("runs {}", live.from_words));
        let may = actor.access.may(Permission::Request, &application.name, &environment.name);
        choices.push(Choice {
            name: environment.name.to_string(),
            words,
            href: query(&[
                ("application", application.name.as_str()),
                ("environment", environment.name.as_str()),
            ]),
            why_not: (!may).then(|| "You may not request releases here.".to_owned()),
        });
    }
    Ok(choices)
}

/// The list, fetched again when it is old; if that fails, the old one with its age.
async fn fill_tags(
    app: &App,
    page: &mut RequestNew,
    mut situation: Situation,
    all: bool,
) -> Result<(), Refusal> {
    let application = situation.application.name.clone();
    let (at, failed) = queries::applications::fresh_mirror(app, &situation.application).await?;
    page.fetched = Some(Fetched { at, failed });
    if situation.find_base(app).await.is_err() {
        situation.base = None;
    }
    let limit = if all { 10_000 } else { SHOWN };
    match situation.environment.deploy_from.clone() {
        DeployFrom::Tags(_) => {
            let list = app.mirrors.tags(&application, limit).await.map_err(repository)?;
            page.tags_total = list.total as u64;
            for tag in &list.tags {
                let why_not =
                    why_not(app, &situation, tag.name.as_str(), &tag.commit, page.form.rollback).await?;
                page.tags.push(ReleaseChoice {
                    value: tag.name.to_string(),
                    name: tag.name.to_string(),
                    commit: tag.commit.short().to_owned(),
                    at: tag.at,
                    author: tag.author.clone(),
                    message: tag.message.clone(),
                    live: situation.recorded().contains(&&tag.commit),
                    href: tag_href(&page.form, tag.name.as_str()),
                    why_not,
                });
            }
        }
        DeployFrom::Branch(branch) => {
            let commits = match app.mirrors.branch_commits(&application, &branch, limit).await {
                Ok(commits) => commits,
                Err(RepoError::NoSuchBranch(_)) => Vec::new(),
                Err(other) => return Err(repository(other)),
            };
            page.tags_total = commits.len() as u64;
            for commit in &commits {
                let why_not =
                    why_not_commit(app, &situation, &commit.id, commit.id.short(), page.form.rollback)
                        .await?;
                page.tags.push(ReleaseChoice {
                    value: commit.id.to_string(),
                    name: commit.id.short().to_owned(),
                    commit: branch.clone(),
                    at: commit.at,
                    author: commit.author.clone(),
                    message: commit.summary.clone(),
                    live: situation.recorded().contains(&&commit.id),
                    href: tag_href(&page.form, commit.id.as_str()),
                    why_not,
                });
            }
        }
    }
    if page.tags_total > page.tags.len() as u64 {
        let pairs = [
            ("application", page.form.application.as_str()),
            ("environment", page.form.environment.as_str()),
            ("all", "1"),
        ];
        page.older_href = Some(query(&pairs));
    }
    Ok(())
}

fn tag_href(form: &RequestForm, tag: &str) -> String {
    let mut pairs = vec![
        ("application", form.application.as_str()),
        ("environment", form.environment.as_str()),
        ("tag", tag),
    ];
    if form.rollback {
        pairs.push(("rollback", "1"));
    }
    query(&pairs)
}

async fn why_not(
    app: &App,
    situation: &Situation,
    tag: &str,
    commit: &crate::domain::name::CommitId,
    rollback: bool,
) -> Result<Option<String>, Refusal> {
    match candidate::not_allowed(situation, tag) {
        Some(why) => Ok(Some(why)),
        None => why_not_commit(app, situation, commit, tag, rollback).await,
    }
}

/// Why a release cannot be asked for, by what is live alone.
async fn why_not_commit(
    app: &App,
    situation: &Situation,
    commit: &crate::domain::name::CommitId,
    words: &str,
    rollback: bool,
) -> Result<Option<String>, Refusal> {
    let newer = candidate::newer(app, situation, commit).await?;
    let why = match newer {
        Newer::Is(Relation::Same) => Some("It is live now.".to_owned()),
        Newer::Is(Relation::Older) if !rollback => Some("Older than what is live.".to_owned()),
        Newer::Is(Relation::Diverged) if !rollback => Some("It does not contain what is live.".to_owned()),
        Newer::BreaksMixed => Some("Several releases are live, and it does not contain each.".to_owned()),
        _ => None,
    };
    Ok(why.or_else(|| situation.not_promoted(commit, words)))
}

async fn preview(app: &App, actor: &Actor, form: &RequestForm) -> Result<Preview, Refusal> {
    let parse = |text: &str| Name::parse(text).map_err(|_| Refusal::NotFound);
    let (application, environment) = (parse(&form.application)?, parse(&form.environment)?);
    let candidate = look_up(app, actor, (&application, &environment), &form.tag, form.rollback).await?;
    let counts = candidate::counts_now(app, actor, &candidate).await?;
    let gates = policy::gates(Act::Request, &candidate.facts(actor, &counts));
    let live = candidate.situation.live();
    let patch =
        app.mirrors.patch(&application, live.from.as_ref(), &candidate.commit).await.map_err(repository)?;
    let range = app
        .mirrors
        .commits_between(&application, live.from.as_ref(), &candidate.commit, 1)
        .await
        .map_err(repository)?;
    Ok(Preview {
        from: live.from.is_some().then(|| release_words(&live.from_words)),
        size: size(Some(range.total as u64), &patch.stat),
        diff_href: diff_href(
            application.as_str(),
            live.from.as_ref().map(AsRef::as_ref),
            candidate.commit.as_str(),
        ),
        risks: risk_hints(&patch.stat),
        gates,
        mailed: candidate.situation.environment.approval.review_list.clone(),
    })
}

impl FromFields for RequestForm {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            application: fields.take("application"),
            environment: fields.take("environment"),
            tag: fields.take("tag"),
            reason: fields.take("reason"),
            ticket: fields.take("ticket"),
            rollback: fields.take_flag("rollback"),
        }
    }
}

/// The request's page, or the form again with what was typed.
#[derive(rocket::Responder)]
pub enum Asked {
    Done(SeeOther),
    Again(Html),
}

#[rocket::post("/requests", data = "<posted>")]
pub async fn create(posted: Posted<'_, RequestForm>) -> Result<Asked, PageError> {
    let (visit, typed) = (&posted.visit, &posted.form);
    let form = Form {
        application: typed.application.clone(),
        environment: typed.environment.clone(),
        tag: typed.tag.clone(),
        reason: typed.reason.clone(),
        ticket: typed.ticket.clone(),
        rollback: typed.rollback,
    };
    let refusal = match Box::pin(request_release(visit.app, visit.actor(), &form)).await {
        Ok(id) => return Ok(Asked::Done(SeeOther(format!("/requests/{id}")))),
        Err(refusal) => refusal,
    };
    let errors = match &refusal {
        Refusal::Invalid(errors) => errors
            .iter()
            .map(|error| FieldError { field: error.field, text: error.message.clone() })
            .collect(),
        Refusal::Stopped(gates) => gates
            .iter()
            .filter(|gate| gate.verdict == crate::domain::gate::Verdict::Stop)
            .map(|gate| FieldError { field: "tag", text: format!("{}. {}", gate.title, gate.remedy) })
            .collect(),
        Refusal::Unavailable(words) => vec![FieldError { field: "tag", text: words.clone() }],
        _ => return Err(refusal.into()),
    };
    let page = page(visit, typed.clone(), errors, false).await?;
    Html::with_status(refusal.status(), &page).map(Asked::Again)
}
