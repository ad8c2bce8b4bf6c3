//! Deploying without a request, for those with the right: choose, see everything,
//! start. And fetching the repository when somebody asks for it.

use super::applications::live;
use super::freezes;
use super::items::{diff_href, size};
use crate::app::break_glass::{Break, break_glass};
use crate::app::deploy::{Ask, Candidate, deploy, look_up};
use crate::app::queries::freezes::Concern;
use crate::app::queries::releases::{self, may_fetch};
use crate::app::queries::{applications, deploying};
use crate::app::sign_in::local_path;
use crate::app::situation::{Situation, repository};
use crate::app::{App, Refusal};
use crate::domain::actor::Actor;
use crate::domain::balancer::Member;
use crate::domain::gate::{Gate, Verdict};
use crate::domain::name::Name;
use crate::domain::overriding::Via;
use crate::domain::permission::Permission;
use crate::domain::request::release_words;
use crate::domain::risk::risk_hints;
use crate::domain::scope::Scope;
use crate::web::form::{Fields, FromFields, Posted};
use crate::web::guard::Visit;
use crate::web::html::listed;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::deploy::{Chosen, Deploy, DeployForm, OverrideOffer, PlanWords};
use crate::web::view::request_new::{Choice, Fetched};
use crate::web::view::{FieldError, ReleaseChoice, Section};

/// Releases that the page shows at once.
const SHOWN: usize = 50;

#[rocket::get("/applications/<name>/<environment>/deploy?<release>&<cluster>&<server>&<q>")]
pub async fn page(
    visit: Visit<'_>,
    name: &str,
    environment: &str,
    release: Option<&str>,
    cluster: Option<&str>,
    server: Option<&str>,
    q: Option<&str>,
) -> Result<Html, PageError> {
    let text = |value: Option<&str>| value.unwrap_or_default().trim().to_owned();
    let form = DeployForm {
        release: text(release),
        cluster: text(cluster),
        server: text(server),
        q: text(q),
        ..DeployForm::default()
    };
    Html::page(&filled(&visit, (name, environment), form, Vec::new()).await?)
}

impl FromFields for DeployForm {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            release: fields.take("release").trim().to_owned(),
            cluster: fields.take("cluster"),
            server: fields.take("server"),
            acknowledge_deletes: fields.take_flag("acknowledge_deletes"),
            break_glass: fields.take_flag("break_glass"),
            reason: fields.take("reason"),
            q: String::new(),
        }
    }
}

/// The deployment's page, or the form again with what was typed.
#[derive(rocket::Responder)]
pub enum Started {
    Done(SeeOther),
    Again(Html),
}

#[rocket::post("/applications/<name>/<environment>/deploy", data = "<posted>")]
pub async fn start(
    name: &str,
    environment: &str,
    posted: Posted<'_, DeployForm>,
) -> Result<Started, PageError> {
    let (visit, form) = (&posted.visit, posted.form.clone());
    let refusal = match ask(name, environment, &form) {
        Ok(ask) => match Box::pin(begin(visit, &ask, &form)).await {
            Ok(id) => return Ok(Started::Done(SeeOther(format!("/deployments/{id}")))),
            Err(refusal) => refusal,
        },
        Err(refusal) => refusal,
    };
    let errors = errors_of(&refusal).unwrap_or_default();
    if errors.is_empty() {
        return Err(refusal.into());
    }
    let page = filled(visit, (name, environment), form, errors).await?;
    Html::with_status(refusal.status(), &page).map(Started::Again)
}

async fn begin(visit: &Visit<'_>, ask: &Ask, form: &DeployForm) -> Result<i64, Refusal> {
    if form.break_glass {
        let wish = Break { reason: &form.reason, via: Via::Session };
        return break_glass(visit.app, visit.actor(), ask, wish).await;
    }
    if !form.reason.is_empty() {
        return Err(Refusal::field("reason", "A reason belongs to an override, and none was asked for."));
    }
    deploy(visit.app, visit.actor(), ask).await
}

fn about_release(text: String) -> FieldError {
    FieldError { field: "release", text }
}

/// What is said beside the form; `None` is not about what was chosen.
fn errors_of(refusal: &Refusal) -> Option<Vec<FieldError>> {
    match refusal {
        Refusal::Invalid(errors) => Some(
            errors
                .iter()
                .map(|error| FieldError { field: error.field, text: error.message.clone() })
                .collect(),
        ),
        Refusal::Stopped(gates) => {
            let stops = gates.iter().filter(|gate| gate.verdict == Verdict::Stop);
            Some(stops.map(|gate| about_release(format!("{}. {}", gate.title, gate.remedy))).collect())
        }
        Refusal::Unavailable(words) | Refusal::Conflict(words) => Some(vec![about_release(words.clone())]),
        _ => None,
    }
}

fn ask(application: &str, environment: &str, form: &DeployForm) -> Result<Ask, Refusal> {
    let place = |text: &str| Name::parse(text).map_err(|_| Refusal::NotFound);
    let scope = Scope::of_fields(&form.cluster, &form.server).map_err(|why| Refusal::field("target", why))?;
    Ok(Ask {
        application: place(application)?,
        environment: place(environment)?,
        release: form.release.clone(),
        scope,
        deletes_acknowledged: form.acknowledge_deletes,
    })
}

async fn filled(
    visit: &Visit<'_>,
    (name, environment): (&str, &str),
    form: DeployForm,
    mut errors: Vec<FieldError>,
) -> Result<Deploy, Refusal> {
    let (app, actor) = (visit.app, visit.actor());
    let situation = applications::situation(app, actor, name, environment).await?;
    let (mut fetched, mut chosen) = (None, None);
    match applications::fresh_mirror(app, &situation.application).await {
        Ok((at, failed)) => fetched = Some(Fetched { at, failed }),
        Err(Refusal::Unavailable(words)) => {
            if errors.is_empty() {
                errors.push(about_release(words));
            }
        }
        Err(other) => return Err(other),
    }
    if fetched.is_some() && !form.release.is_empty() {
        match look(app, actor, (name, environment), &form).await {
            Ok(found) => chosen = Some(found),
            Err(refusal) => match errors_of(&refusal) {
                Some(found) if errors.is_empty() => errors.extend(found),
                Some(_) => {}
                None => return Err(refusal),
            },
        }
    }
    let (releases, found) = match fetched {
        Some(_) => deploying::releases(app, &situation, &form.q, SHOWN).await?,
        None => (Vec::new(), 0),
    };
    Ok(Deploy {
        application: situation.application.name.to_string(),
        environment: situation.environment.name.to_string(),
        live: live(&situation.rows, situation.busy.as_slice()).words(),
        targets: targets(&situation, &form),
        releases: releases.into_iter().map(|release| choice(&situation, &form, release)).collect(),
        found: found as u64,
        fetched,
        may_fetch: may_fetch(visit.actor(), &situation.application),
        chosen,
        errors,
        form,
        shell: freezes::shell(
            visit,
            Section::Applications,
            Concern::Environment(&situation.application.name, &situation.environment.name),
        )
        .await?,
    })
}

/// The address of the page with these choices.
pub fn href(application: &Name, environment: &Name, pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    let path = format!("/applications/{application}/{environment}/deploy");
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

fn choice(situation: &Situation, form: &DeployForm, release: deploying::Release) -> ReleaseChoice {
    let pairs = [
        ("release", release.name.as_str()),
        ("cluster", form.cluster.as_str()),
        ("server", form.server.as_str()),
    ];
    ReleaseChoice {
        href: href(&situation.application.name, &situation.environment.name, &pairs),
        name: release_words(&release.name),
        commit: if release.name == release.commit.as_str() {
            release.tags.join(", ")
        } else {
            release.commit.short().to_owned()
        },
        value: release.name,
        at: release.at,
        author: release.author,
        message: release.message,
        live: release.live,
        why_not: release.why_not,
    }
}

fn targets(situation: &Situation, form: &DeployForm) -> Vec<(Choice, bool)> {
    let (application, environment) = (&situation.application.name, &situation.environment.name);
    let to = |field: &str, name: &str| {
        href(application, environment, &[("release", form.release.as_str()), (field, name)])
    };
    let hosts = |number: usize| crate::web::html::counted(number as u64, "host", "hosts");
    let clusters: Vec<_> = situation.fleet.clusters_of(&situation.environment).collect();
    let whole = Choice {
        name: format!("All of {environment}"),
        words: hosts(situation.active_servers().len()),
        href: to("", ""),
        why_not: None,
    };
    let mut targets = vec![(whole, form.cluster.is_empty() && form.server.is_empty())];
    for cluster in &clusters {
        let choice = Choice {
            name: format!("Cluster {}", cluster.name),
            words: hosts(cluster.servers.len()),
            href: to("cluster", cluster.name.as_str()),
            why_not: None,
        };
        targets.push((choice, form.cluster == cluster.name.as_str()));
    }
    let server = clusters
        .iter()
        .flat_map(|cluster| &cluster.servers)
        .find(|member| member.server.as_str() == form.server);
    if let Some(member) = server {
        let choice = Choice {
            name: format!("Server {}", member.server),
            words: "chosen from its row".to_owned(),
            href: to("server", member.server.as_str()),
            why_not: None,
        };
        targets.push((choice, true));
    }
    targets
}

async fn look(
    app: &App,
    actor: &Actor,
    (application, environment): (&str, &str),
    form: &DeployForm,
) -> Result<Chosen, Refusal> {
    let ask = ask(application, environment, form)?;
    let candidate = look_up(app, &ask, None).await?;
    let prospect = deploying::prospect(app, actor, &candidate, &ask).await?;
    let live = candidate.situation.live();
    let (from, commit) = (live.from.as_ref(), &candidate.commit);
    let patch = app.mirrors.patch(&ask.application, from, commit).await.map_err(repository)?;
    let range = app.mirrors.commits_between(&ask.application, from, commit, 1).await.map_err(repository)?;
    let obstacles = prospect.take_out.stops.iter().map(ToString::to_string).collect();
    Ok(Chosen {
        release: release_words(&candidate.release),
        commit: commit.to_string(),
        from: from.is_some().then(|| release_words(&live.from_words)),
        direction: candidate.direction,
        place: ask.scope.to_string(),
        is_whole: ask.scope.is_whole(),
        gates: candidate.gates(actor, &ask.scope),
        notes: notes(&prospect),
        obstacles,
        plan: prospect.plan.as_ref().map(PlanWords::of).map_err(Clone::clone),
        diff_href: diff_href(application, from.map(AsRef::as_ref), commit.as_str()),
        size: size(Some(range.total as u64), &patch.stat),
        risks: risk_hints(&patch.stat),
        delete_threshold: candidate.situation.environment.delete_threshold,
        request_href: request_href(actor, &candidate),
        override_offer: override_offer(actor, &candidate, &ask.scope),
    })
}

/// Where the right to deploy may pass what stands in the way (rules.md 1).
fn override_offer(actor: &Actor, candidate: &Candidate, scope: &Scope) -> Option<OverrideOffer> {
    let situation = &candidate.situation;
    let (application, environment) = (&situation.application.name, &situation.environment.name);
    let may = actor.access.may(Permission::Deploy, application, environment);
    let passable = |gate: &Gate| gate.verdict == Verdict::Stop && ["approval", "window"].contains(&gate.code);
    if !may || !candidate.gates(actor, scope).iter().any(passable) {
        return None;
    }
    let gates = candidate.gates_by_override(actor, scope);
    let stop = gates.into_iter().find(|gate| gate.verdict == Verdict::Stop);
    Some(OverrideOffer { why_not: stop.map(|gate| format!("{}. {}", gate.title, gate.remedy)) })
}

/// What is said before a start about servers that stand out of service (rules.md 20).
fn notes(prospect: &deploying::Prospect) -> Vec<String> {
    let names = |members: &[Member]| {
        let names: Vec<String> = members.iter().map(ToString::to_string).collect();
        listed(&names)
    };
    let mut notes = Vec::new();
    if !prospect.taken_over.is_empty() {
        notes.push(format!(
            "Left out of service by an earlier run: {}. This one deploys and puts back what it covers.",
            names(&prospect.taken_over)
        ));
    }
    notes.extend(prospect.take_out.warnings.iter().map(ToString::to_string));
    if !prospect.unanswered.is_empty() {
        notes.push(format!(
            "The load balancer does not answer just now for {}. The run asks again before it touches anything.",
            names(&prospect.unanswered)
        ));
    }
    notes
}

fn request_href(actor: &Actor, candidate: &Candidate) -> Option<String> {
    let situation = &candidate.situation;
    let (application, environment) = (&situation.application.name, &situation.environment.name);
    let may = actor.access.may(Permission::Request, application, environment);
    let needed = situation.environment.approval.needed() > 0
        || !actor.access.may(Permission::DeployInWindow, application, environment);
    (may && needed).then(|| {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("application", application.as_str())
            .append_pair("environment", environment.as_str())
            .append_pair("tag", &candidate.release)
            .finish();
        format!("/requests/new?{query}")
    })
}

/// Where the button stood.
pub struct Back(String);

impl FromFields for Back {
    fn from_fields(fields: &mut Fields) -> Self {
        Back(fields.take("back"))
    }
}

#[rocket::post("/applications/<name>/fetch", data = "<posted>")]
pub async fn fetch(name: &str, posted: Posted<'_, Back>) -> Result<SeeOther, PageError> {
    let (app, actor) = (posted.visit.app, posted.visit.actor());
    releases::fetch(app, actor, name).await?;
    let back = local_path(&posted.form.0);
    Ok(SeeOther(if back == "/" { format!("/applications/{name}") } else { back.to_owned() }))
}
