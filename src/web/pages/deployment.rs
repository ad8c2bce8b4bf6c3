//! One deployment: live while it runs, then what each host runs and what is safe.

use super::freezes;
use super::items::left_out;
use super::whats_next::{retry, way_back};
use crate::app::queries::freezes::Concern;
use crate::app::queries::{deployments, out_of_service, overrides};
use crate::app::queue::{self, Shares};
use crate::app::stored_request::Stored;
use crate::app::{App, Refusal, break_glass, cancel_deployment, steer};
use crate::domain::actor::{Actor, Hand};
use crate::domain::deployment::{CancelWhen, Deployment as Run, DeploymentState};
use crate::domain::event::HostState;
use crate::domain::gate::Verdict;
use crate::domain::live::{LiveRow, LiveState};
use crate::domain::plan::Plan;
use crate::domain::progress::Progress;
use crate::domain::request::release_words;
use crate::web::guard::{Looking, Visit};
use crate::web::html::{counted, listed, time};
use crate::web::respond::{Html, PageError};
use crate::web::view::Section;
use crate::web::view::deployment::{Behind, Canary, Cancel, Deployment, Overridden, Queue, sentence};
use crate::web::view::journal::{Board, LINES_SHOWN, ReleaseNames};

#[rocket::get("/deployments/<id>")]
pub async fn one(looking: Looking<'_>, id: i64) -> Result<Html, PageError> {
    Html::page(&page_of(&looking.0, id).await?)
}

/// The page as it stands, for a form on it that comes again too.
pub async fn page_of(visit: &Visit<'_>, id: i64) -> Result<Deployment, PageError> {
    let (app, actor) = (visit.app, visit.actor());
    let run = deployments::find(app, actor, id).await?;
    let stored = match run.request {
        Some(request) => Stored::find(app, request).await.ok(),
        None => None,
    };
    let (mut board, progress) = read(app, &run).await?;
    let over = run.state.is_over();
    let rows = deployments::live_here(app, &run).await?;
    board.settle(|host| recorded(&rows, &run, host));
    let newest = deployments::newest_here(app, &run).await?;
    let later = newest.filter(|newest| over && *newest > id);
    let queue = queue(app, actor, &run).await?;
    let may_act = cancel_deployment::may_cancel(actor, &run);
    let why_not_continue = match &progress.waiting {
        Some(_) => match steer::gates_of_continue(app, &app.db, actor, &run).await {
            Ok(gates) => gates
                .into_iter()
                .find(|gate| gate.verdict == Verdict::Stop)
                .map(|stop| format!("{}. {}", stop.title, stop.remedy)),
            Err(Refusal::Conflict(words)) => Some(words),
            Err(other) => return Err(other.into()),
        },
        None => None,
    };
    let out = if over { out_of_service::list_left(app, actor).await? } else { Vec::new() };
    let here = |left: &out_of_service::Left| {
        left.out.deployment == id
            || (later.is_none()
                && left.out.application == run.application
                && left.out.environment == run.environment)
    };
    let waits = queue.as_ref().and_then(|queue| {
        let first = queue.behind.first()?;
        Some(format!("Deployment {} {}", first.id, first.words))
    });
    let mut page = Deployment {
        id,
        application: run.application.to_string(),
        environment: run.environment.to_string(),
        from: run.from_release.as_deref().map(release_words),
        release: release_words(&run.release),
        commit: run.commit.to_string(),
        state: run.state,
        why: run.why.clone().or(waits),
        requested_by: Some(run.requested_by.to_string()),
        approved_by: stored
            .as_ref()
            .map(Stored::accepted_by)
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect(),
        started_by: run.starter_words(),
        created_at: run.created_at,
        started_at: run.started_at,
        ended_at: run.ended_at,
        usually_takes: deployments::usually_takes(app, &run).await?,
        fingerprint: stored.as_ref().map(|stored| stored.request.fingerprint.clone()),
        request_href: run.request.map(|request| format!("/requests/{request}")),
        direction: run.direction,
        scope: (!run.scope.is_whole()).then(|| run.scope.to_string()),
        retry_of: run.retry_of,
        covered_by: run.covered_by,
        queue,
        canary: progress.waiting.as_ref().map(|waiting| Canary {
            stage: waiting.stage.clone(),
            until: waiting.since + jiff::SignedDuration::from_secs(waiting.for_s.into()),
            why_not: why_not_continue,
            may_act,
        }),
        cancelling: cancelling(&run),
        cancel: may_act.then(|| cancel(&run, &progress)).flatten(),
        later,
        retry: retry(app, actor, &run, &progress, stored.as_ref(), later).await?,
        way_back: match later {
            None => way_back(app, actor, &run, stored.as_ref()).await?,
            Some(_) => None,
        },
        overridden: overridden(app, actor, &run).await?,
        left_out: out.iter().filter(|left| here(left)).map(left_out).collect(),
        summary: String::new(),
        board,
        shell: freezes::shell(
            visit,
            Section::Deployments,
            Concern::Environment(&run.application, &run.environment),
        )
        .await?,
    };
    page.summary = summary(app, &run, &page);
    Ok(page)
}

/// What the record says of a host that this run did not change; not what a later run
/// has put there.
fn recorded(rows: &[LiveRow], run: &Run, host: &str) -> Option<String> {
    let row = rows.iter().find(|row| row.server.as_str() == host)?;
    let then = row.state == LiveState::Settled && row.deployment.is_none_or(|id| id <= run.id);
    row.release.as_deref().filter(|_| then).map(release_words)
}

async fn queue(app: &App, actor: &Actor, run: &Run) -> Result<Option<Queue>, Refusal> {
    if run.state != DeploymentState::Queued {
        return Ok(None);
    }
    let standing = queue::standing(app, run).await?;
    let behind = standing.behind.into_iter().map(|behind| {
        let other = behind.deployment;
        let verb = if other.state == DeploymentState::Running { "has" } else { "waits before it for" };
        let words = match behind.shares {
            Shares::Environment => format!("{verb} {} {}", run.application, run.environment),
            Shares::Servers(servers) => format!("{verb} {}", listed(&servers)),
        };
        let href = cancel_deployment::may_read(actor, &other).then(|| format!("/deployments/{}", other.id));
        Behind { id: other.id, href, words }
    });
    Ok(Some(Queue { place: standing.place, behind: behind.collect() }))
}

/// What was overridden, and whether this reader may sign it.
async fn overridden(app: &App, actor: &Actor, run: &Run) -> Result<Option<Overridden>, Refusal> {
    let Some(broken) = overrides::find(app, run).await? else { return Ok(None) };
    let may_sign = broken.signed.is_none() && break_glass::may_sign(actor, run, &broken);
    Ok(Some(Overridden {
        comment: String::new(),
        error: None,
        sign: may_sign.then(|| format!("/deployments/{}/sign", run.id)),
        who: broken.who.to_string(),
        reason: broken.reason,
        at: broken.at,
        signed: broken.signed.map(|signed| (signed.by.to_string(), signed.at, signed.comment)),
    }))
}

fn cancelling(run: &Run) -> Option<String> {
    let when = run.cancel.filter(|_| !run.state.is_over())?;
    let by = run.cancelled_by.as_ref().map_or_else(|| "somebody".to_owned(), Hand::words);
    Some(match when {
        CancelWhen::Now => {
            format!("It is being cancelled by {by}, now. Commands that run are told to end.")
        }
        CancelWhen::AfterBatch => {
            format!("It is being cancelled by {by}, after the batch that is under way.")
        }
    })
}

/// What cancelling would leave behind, in both ways; nothing where it is asked for already.
fn cancel(run: &Run, progress: &Progress) -> Option<Cancel> {
    let href = format!("/deployments/{}/cancel", run.id);
    match run.state {
        DeploymentState::Queued => {
            let now = "It has not begun: it leaves the queue at once, and nothing was touched.".to_owned();
            Some(Cancel { href, after_batch: None, now, out: None })
        }
        DeploymentState::Running if run.cancel != Some(CancelWhen::Now) => {
            let left = Mixed::of(run, progress);
            let out: Vec<&str> =
                progress.out_of_service.iter().map(|member| member.server.as_str()).collect();
            let stay = (!out.is_empty()).then(|| {
                format!(
                    "Out of service now: {}. What is not put back by then stays so until somebody acts.",
                    listed(&out)
                )
            });
            Some(Cancel {
                href,
                after_batch: run.cancel.is_none().then(|| left.after_batch(run)),
                now: left.now(run),
                out: stay,
            })
        }
        _ => None,
    }
}

/// The hosts of a run by how far they are.
struct Mixed<'a> {
    done: Vec<&'a str>,
    at_work: Vec<&'a str>,
    /// Of the batch that is under way, not begun.
    next: Vec<&'a str>,
    later: Vec<&'a str>,
}

impl<'a> Mixed<'a> {
    fn of(run: &'a Run, progress: &Progress) -> Self {
        let mut mixed = Self { done: vec![], at_work: vec![], next: vec![], later: vec![] };
        let begun = |host: &crate::domain::plan::HostPlan| {
            host.steps.iter().any(|step| progress.steps.contains_key(&step.id))
        };
        for stage in run.plan.iter().flat_map(|plan: &Plan| &plan.stages) {
            let under_way = stage.hosts.iter().any(begun);
            for host in &stage.hosts {
                let name = &host.host.server;
                let state = progress.hosts.get(name).map(|host| host.state);
                match state {
                    Some(HostState::Done) => mixed.done.push(name.as_str()),
                    Some(HostState::Running | HostState::Failed | HostState::Unknown) => {
                        mixed.at_work.push(name.as_str());
                    }
                    _ if under_way => mixed.next.push(name.as_str()),
                    _ => mixed.later.push(name.as_str()),
                }
            }
        }
        mixed
    }

    fn after_batch(&self, run: &Run) -> String {
        let with: Vec<&str> = [&self.done[..], &self.at_work, &self.next].concat();
        two_versions(run, &with, &self.later)
    }

    fn now(&self, run: &Run) -> String {
        let rest: Vec<&str> = [&self.next[..], &self.later].concat();
        let mut words = two_versions(run, &self.done, &rest);
        if !self.at_work.is_empty() {
            let words_of_the_rest = words.replace("; nothing is mixed", "");
            words = format!("{} may be left half done. {words_of_the_rest}", named(&self.at_work));
        }
        words
    }
}

fn two_versions(run: &Run, new: &[&str], old: &[&str]) -> String {
    let release = release_words(&run.release);
    let before = run.from_release.as_deref().map_or_else(|| "what they have".to_owned(), release_words);
    match (new.is_empty(), old.is_empty()) {
        (true, true) => "No host is left to be changed.".to_owned(),
        (true, false) => format!("{} would keep {before}; nothing is mixed.", named(old)),
        (false, true) => format!("{} would run {release}; nothing is mixed.", named(new)),
        (false, false) => format!("{} would run {release}, {} {before}.", named(new), named(old)),
    }
}

/// The names, or how many, when they are many.
fn named(hosts: &[&str]) -> String {
    const MOST: usize = 8;
    if hosts.len() > MOST { counted(hosts.len() as u64, "host", "hosts") } else { listed(hosts) }
}

/// The page as text. It is shown escaped, and holds what the page holds.
fn summary(app: &App, run: &Run, page: &Deployment) -> String {
    let from = page.from.as_ref().map(|from| format!("{from} → ")).unwrap_or_default();
    let mut lines = vec![
        format!(
            "{} {from}{} to {}: {} (deployment {})",
            page.application, page.release, page.environment, page.state, page.id
        ),
        sentence(page.state, &page.release, page.why.as_deref(), &page.board),
        format!("Commit {}", page.commit),
    ];
    let mut people = vec![format!("asked by {}", run.requested_by)];
    if !page.approved_by.is_empty() {
        people.push(format!("countersigned by {}", listed(&page.approved_by)));
    }
    people.push(format!("started by {} at {}", run.starter_words(), time::exact(run.created_at)));
    if let (Some(start), Some(end)) = (run.started_at, run.ended_at) {
        people.push(format!("took {}", time::duration(end.as_second() - start.as_second())));
    }
    lines.push(people.join(", "));
    for host in page.board.by_trouble() {
        let runs = host.runs.as_deref().map(|runs| format!(", runs {runs}")).unwrap_or_default();
        let out = if host.is_out() { ", out of service" } else { "" };
        let why = host.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        lines.push(format!("- {}: {}{runs}{out}{why}", host.name, host.words));
    }
    if let Ok(url) = app.config.base_url.join(&format!("deployments/{}", page.id)) {
        lines.push(url.to_string());
    }
    lines.join("\n")
}

/// The run as the page shows it: every event that is not output, and the last lines
/// of output.
async fn read(app: &App, run: &Run) -> Result<(Board, Progress), Refusal> {
    let mut progress = Progress { state: run.state, ..Progress::default() };
    let Some(plan) = &run.plan else { return Ok((Board::default(), progress)) };
    let outline = deployments::outline(app, run.id, 0).await?;
    for event in &outline.events {
        progress.apply(event);
    }
    let lines = deployments::last_lines(app, run.id, outline.last_seq, LINES_SHOWN).await?;
    let hidden = outline.lines.saturating_sub(lines.len() as u64);
    let mut events = outline.events;
    events.extend(lines);
    events.sort_by_key(|event| event.seq);
    let mut board = Board::read(plan, &events, &ReleaseNames::of(run));
    board.hidden_lines += hidden;
    board.last_seq = outline.last_seq;
    Ok((board, progress))
}
