//! What several pages show of a request or a deployment, made from the domain.

use crate::app::queries::out_of_service::Left;
use crate::app::situation::Situation;
use crate::app::stored_request::Stored;
use crate::app::{App, Refusal, queries};
use crate::domain::actor::acted;
use crate::domain::balancer::MemberState;
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::diff::CommitInfo;
use crate::domain::diff::DiffStat;
use crate::domain::fleet::Environment;
use crate::domain::link::Link as LaunchLink;
use crate::domain::name::Name;
use crate::domain::progress::Progress;
use crate::domain::request::{DecisionKind, Request, RequestState, release_words};
use crate::domain::risk::{risk_hints, risk_of, riskiness};
use crate::web::view::{
    CommitLine, DeploymentItem, FileLine, LeftOut, RequestItem, Sealed, Signature, Size, Slot,
};

/// Commits that a page lists.
const COMMITS: usize = 10;

pub fn diff_href(application: &str, from: Option<&str>, to: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(from) = from {
        query.append_pair("from", from);
    }
    query.append_pair("to", to);
    format!("/applications/{application}/diff?{}", query.finish())
}

pub fn size(commits: Option<u64>, stat: &DiffStat) -> Size {
    Size { commits, files: stat.files.len() as u64, added: stat.added(), deleted: stat.deleted() }
}

/// Requests as a list shows them, with who accepted each.
pub async fn request_items(app: &App, requests: &[Request]) -> Result<Vec<RequestItem>, Refusal> {
    let mut accepted = queries::requests::accepted_by(app, requests).await?;
    Ok(requests
        .iter()
        .map(|request| request_item(request, accepted.remove(&request.id).unwrap_or_default()))
        .collect())
}

fn request_item(request: &Request, accepted_by: Vec<Name>) -> RequestItem {
    let mut risks = risk_hints(&request.stat);
    risks.truncate(3);
    RequestItem {
        href: format!("/requests/{}", request.id),
        application: request.application.to_string(),
        environment: request.environment.to_string(),
        from: request.from.is_some().then(|| request.from_words()),
        tag: release_words(&request.release),
        state: request.state.word(),
        requester: request.requester.to_string(),
        asked_at: request.created_at,
        expires_at: match &request.state {
            RequestState::AwaitingReview { until } => Some(*until),
            _ => None,
        },
        size: size(None, &request.stat),
        risks,
        decided_by: match &request.state {
            RequestState::Rejected { by, .. } | RequestState::Cancelled { by, .. } => vec![by.to_string()],
            _ => accepted_by.iter().map(ToString::to_string).collect(),
        },
        slot: None,
        cause: cause(request),
    }
}

/// Why a request ended, in the words on record.
pub fn cause(request: &Request) -> Option<String> {
    match &request.state {
        RequestState::Void { cause, .. } => Some(cause.words()),
        RequestState::Rejected { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}

pub fn deployment_item(deployment: &Deployment, progress: Option<&Progress>) -> DeploymentItem {
    use crate::domain::event::HostState;
    let planned: Option<u64> = deployment.plan.as_ref().map(|plan| plan.hosts().count() as u64);
    let done = progress
        .map(|progress| progress.hosts.values().filter(|host| host.state == HostState::Done).count() as u64);
    let hosts_done = if deployment.state == DeploymentState::Succeeded { planned } else { done };
    DeploymentItem {
        id: deployment.id,
        application: deployment.application.to_string(),
        environment: deployment.environment.to_string(),
        from: deployment.from_release.as_deref().map(release_words),
        release: release_words(&deployment.release),
        state: deployment.state,
        remark: deployment.why.clone(),
        overridden: deployment.overridden,
        hosts_done,
        hosts_total: planned,
        started_by: deployment.starter_words(),
        created_at: deployment.created_at,
        started_at: deployment.started_at,
        ended_at: deployment.ended_at,
    }
}

/// A server that a run left out of service, with what its load balancer says now.
pub fn left_out(left: &Left) -> LeftOut {
    let (out, member) = (&left.out, &left.out.member);
    LeftOut {
        id: out.id,
        server: member.server.to_string(),
        place: format!("{}/{} in {}", member.backend, member.backend_server, member.balancer),
        application: out.application.to_string(),
        environment: out.environment.to_string(),
        deployment: out.deployment,
        since: out.at,
        state: left.state.as_ref().map(|state| state.state.to_string()),
        is_up: left.state.as_ref().is_some_and(MemberState::is_up),
        may_put_back: left.may_put_back,
    }
}

/// The head of request, review and launch pages.
pub async fn sealed(app: &App, stored: &Stored) -> Sealed {
    let request = &stored.request;
    let (total, commits) = queries::requests::commits(app, request, COMMITS)
        .await
        .map_or((None, Vec::new()), |(total, commits)| (Some(total), commits));
    let href = diff_href(
        request.application.as_str(),
        request.from.as_ref().map(AsRef::as_ref),
        request.commit.as_str(),
    );
    Sealed {
        id: request.id.to_string(),
        application: request.application.to_string(),
        environment: request.environment.to_string(),
        from: request.from.is_some().then(|| request.from_words()),
        tag: release_words(&request.release),
        commit: request.commit.to_string(),
        requester: request.requester.to_string(),
        reason: request.reason.clone(),
        notes: request.notes.clone(),
        ticket: (!request.ticket.is_empty()).then(|| request.ticket.clone()),
        rollback: request.rollback,
        asked_at: request.created_at,
        expires_at: match &request.state {
            RequestState::AwaitingReview { until } => Some(*until),
            _ => None,
        },
        size: size(total, &request.stat),
        fingerprint: request.fingerprint.clone(),
        approval: approval(stored),
        hosts: stored.situation.active_servers().len() as u64,
        risks: risk_hints(&request.stat),
        files: riskiest(&request.stat, &href),
        commits: commits.iter().map(commit_line).collect(),
        diff_href: href,
        signatures: signatures(stored),
    }
}

/// How far it has come, while that matters.
fn approval(stored: &Stored) -> Option<String> {
    use crate::domain::request::RequestWord;
    let word = stored.request.state.word();
    let matters = word.is_open() || word == RequestWord::Launched;
    matters.then(|| {
        let quorum = stored.quorum();
        if quorum.need == 0 { "Not needed here.".to_owned() } else { quorum.words() }
    })
}

fn commit_line(commit: &CommitInfo) -> CommitLine {
    CommitLine {
        id: commit.id.short().to_owned(),
        summary: commit.summary.clone(),
        author: commit.author.clone(),
        at: commit.at,
    }
}

fn riskiest(stat: &DiffStat, href: &str) -> Vec<FileLine> {
    let mut files: Vec<(usize, &crate::domain::diff::FileStat)> = stat.files.iter().enumerate().collect();
    files.sort_by_key(|(_, file)| std::cmp::Reverse(riskiness(file)));
    let line = |(place, file): (usize, &crate::domain::diff::FileStat)| FileLine {
        path: file.path.clone(),
        href: Some(format!("{href}#f{}", place + 1)),
        why: risk_of(file).map_or_else(|| "change".to_owned(), |risk| risk.meaning.to_owned()),
        added: file.added,
        deleted: file.deleted,
        binary: file.binary,
    };
    files.into_iter().take(5).map(line).collect()
}

fn signatures(stored: &Stored) -> Vec<Signature> {
    let request = &stored.request;
    let asked = acted(request.requester.as_str(), request.asked_by.as_ref());
    let mut signatures = vec![Signature { name: asked, act: "Asked", at: Some(request.created_at) }];
    for decision in &stored.decisions {
        let act = match (decision.kind, decision.own_request) {
            (DecisionKind::Accept, false) => "Countersigned",
            (DecisionKind::Accept, true) => "Countersigned, their own request",
            (DecisionKind::Reject, _) => "Rejected",
        };
        signatures.push(Signature { name: decision.person.to_string(), act, at: Some(decision.at) });
    }
    match &request.state {
        RequestState::AwaitingReview { .. } => {
            signatures.push(Signature { name: "a reviewer".to_owned(), act: "To countersign", at: None });
        }
        RequestState::Accepted { .. } => {
            signatures.push(Signature { name: request.requester.to_string(), act: "To start", at: None });
        }
        RequestState::Launched { at, .. } => {
            signatures.push(Signature { name: request.requester.to_string(), act: "Started", at: Some(*at) });
        }
        _ => {}
    }
    signatures
}

/// The slot of a launch link, with its end in the zone of the environment.
pub fn slot(situation: &Situation, link: &LaunchLink) -> Slot {
    Slot {
        begins_at: link.facts.starts_at,
        ends_at: link.facts.expires_at,
        ends_local: local(situation, link.facts.expires_at),
    }
}

/// `17:20 Europe/Paris`, where that is another time than UTC.
pub fn local(situation: &Situation, at: jiff::Timestamp) -> Option<String> {
    let zone = situation.zone();
    let zoned = at.in_tz(&zone).ok()?;
    (zone != "UTC").then(|| format!("{} {zone}", zoned.strftime("%H:%M")))
}

/// `web-a (2 hosts), then web-b (1 host)`.
pub fn places(situation: &Situation, environment: &Environment) -> String {
    let clusters: Vec<String> = situation
        .fleet
        .clusters_of(environment)
        .map(|cluster| {
            format!(
                "{} ({})",
                cluster.name,
                crate::web::html::counted(cluster.servers.len() as u64, "host", "hosts")
            )
        })
        .collect();
    clusters.join(", then ")
}
