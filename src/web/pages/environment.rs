//! One environment: by which rules it is released, what runs on each server, who may do
//! what there, and what may be started now.

use super::applications::live;
use super::deploy;
use super::freezes;
use super::items::{deployment_item, diff_href, request_items};
use crate::app::queries::freezes::Concern;
use crate::app::queries::{applications, deploying, deployments, requests};
use crate::app::situation::Situation;
use crate::app::{App, Refusal};
use crate::domain::actor::Actor;
use crate::domain::fleet::{self, DeployFrom, Layout, Strategy, SyncMethod};
use crate::domain::gate::{Gate, Verdict};
use crate::domain::live::LiveState;
use crate::domain::name::{CommitId, Name};
use crate::domain::permission::Permission;
use crate::domain::policy::{self, Act};
use crate::domain::request::{RequestWord, release_words};
use crate::domain::windows::Window;
use crate::web::guard::Looking;
use crate::web::respond::{Html, PageError};
use crate::web::view::Section;
use crate::web::view::application::{
    ClusterView, DeployEntry, Environment, EnvironmentView, Fact, Newest, ServerStanding, ServerView,
};

#[rocket::get("/applications/<name>/<environment>", rank = 20)]
pub async fn one(looking: Looking<'_>, name: &str, environment: &str) -> Result<Html, PageError> {
    let Looking(visit) = looking;
    let (app, actor) = (visit.app, visit.actor());
    let situation = applications::situation(app, actor, name, environment).await?;
    let place = (Some(situation.application.name.clone()), Some(situation.environment.name.clone()));
    let open = requests::Wanted {
        states: vec![RequestWord::AwaitingReview, RequestWord::Accepted],
        application: place.0.clone(),
        environment: place.1.clone(),
        ..requests::Wanted::default()
    };
    let (open, _) = requests::list(app, actor, &open, 20).await?;
    let recent =
        deployments::Wanted { application: place.0, environment: place.1, ..deployments::Wanted::default() };
    let (recent, _) = deployments::list(app, actor, &recent, 20).await?;
    let page = Environment {
        environment: environment_view(app, actor, &situation).await?,
        open_requests: request_items(app, &open).await?,
        recent: recent.iter().map(|deployment| deployment_item(deployment, None)).collect(),
        shell: freezes::shell(
            &visit,
            Section::Applications,
            Concern::Environment(&situation.application.name, &situation.environment.name),
        )
        .await?,
    };
    Html::page(&page)
}

pub async fn environment_view(
    app: &App,
    actor: &Actor,
    situation: &Situation,
) -> Result<EnvironmentView, Refusal> {
    let (application, environment) = (&situation.application, &situation.environment);
    let gates: Vec<Gate> = policy::gates(Act::Request, &situation.facts(&actor.name, &actor.access));
    let newest = deploying::newest_allowed(app, situation).await;
    let may_deploy = actor.access.may(Permission::DeployInWindow, &application.name, &environment.name);
    let deploy = may_deploy.then(|| {
        let gates = deploying::gates_of_place(situation, actor);
        let stop = gates.iter().find(|gate| gate.verdict == Verdict::Stop);
        DeployEntry {
            href: deploy::href(&application.name, &environment.name, &[]),
            why_not: stop.map(|gate| format!("{}. {}", gate.title, gate.remedy)),
        }
    });
    let deploys = deploy.as_ref().is_some_and(|deploy| deploy.why_not.is_none());
    let from = situation.live().from;
    let active = match situation.busy {
        Some(id) => deployments::find(app, actor, id).await.ok(),
        None => None,
    };
    let clusters = clusters(situation, newest.as_ref().map(|(_, commit)| commit), deploys);
    Ok(EnvironmentView {
        application: application.name.to_string(),
        name: environment.name.to_string(),
        live: live(&situation.rows, situation.busy.as_slice()),
        deployed_at: situation.rows.iter().map(|row| row.at).max(),
        facts: facts(situation, actor),
        chips: chips(environment),
        // Who may do what is shown to people.
        people: if actor.is_anonymous() { Vec::new() } else { people(situation) },
        may_request: actor.access.may(Permission::Request, &application.name, &environment.name)
            && policy::passes(&gates),
        gates,
        clusters: super::servers::marked(app, situation, clusters).await?,
        deploy,
        newest: newest.map(|(release, commit)| Newest {
            release: release_words(&release),
            diff_href: diff_from(application.name.as_str(), from.as_ref(), &commit),
        }),
        active: active.map(|deployment| deployment_item(&deployment, None)),
    })
}

/// `None` where there is nothing to compare, or no difference.
fn diff_from(application: &str, from: Option<&CommitId>, to: &CommitId) -> Option<String> {
    from.filter(|from| *from != to).map(|from| diff_href(application, Some(from.as_str()), to.as_str()))
}

fn facts(situation: &Situation, actor: &Actor) -> Vec<Fact> {
    let environment = &situation.environment;
    let rule = match &environment.deploy_from {
        DeployFrom::Tags(glob) => Fact::code("Released from tags", glob.clone()),
        DeployFrom::Branch(branch) => Fact::code("Released from branch", branch.clone()),
    };
    let approval = &environment.approval;
    let mut facts = vec![
        rule,
        Fact::code("Target", format!("{}@…:{}", environment.remote_user, environment.target_path)),
        Fact::said(
            "Layout",
            match environment.layout {
                Layout::InPlace => "in place",
                Layout::Releases => "a folder per release",
            },
        ),
        Fact::code(
            "Sync",
            format!(
                "{} {}",
                match environment.sync {
                    SyncMethod::Rsync => "rsync",
                    SyncMethod::Delta => "delta",
                },
                environment.rsync_options.join(" ")
            ),
        ),
        Fact::said(
            "Strategy",
            match environment.strategy {
                Strategy::Clusters => "cluster by cluster",
                Strategy::Rolling => "rolling",
                Strategy::Canary => "canary first",
                Strategy::All => "all at once",
            },
        ),
        Fact::said(
            "Approval",
            format!("{}; the slot is {} minutes", needed(approval), approval.slot_minutes),
        ),
        Fact::said(
            "Failed tests",
            if environment.fail_on_failed_tests { "fail the deployment" } else { "are a warning" },
        ),
    ];
    if let Some(from) = &environment.promote_from {
        facts.push(Fact::said("Promotion", format!("only what succeeded in {from}")));
    }
    if !approval.review_list.is_empty() && !actor.is_anonymous() {
        facts.push(Fact::said("Review list", approval.review_list.join(", ")));
    }
    match &situation.window {
        Window::Always => facts.push(Fact::said("Window", "always open")),
        Window::Open { words, .. } | Window::Closed { words, .. } => {
            facts.push(Fact::said("Window", words.clone()));
        }
    }
    facts
}

/// `2 reviewers accept, 1 of ops, 1 of owners among them; no authors`.
fn needed(approval: &fleet::Approval) -> String {
    let mut words = match approval.needed() {
        0 => return "none needed".to_owned(),
        1 => "one reviewer accepts".to_owned(),
        count => format!("{count} reviewers accept"),
    };
    let of = |group: &fleet::ApprovalGroup| format!("{} of {}", group.required, group.role);
    let groups: Vec<String> = approval.groups.iter().map(of).collect();
    if !groups.is_empty() {
        words = format!("{words}, {} among them", groups.join(", "));
    }
    if !approval.authors_count {
        words.push_str("; authors do not count");
    }
    words
}

fn chips(environment: &fleet::Environment) -> Vec<String> {
    let mut chips = Vec::new();
    if environment.approval.needed() == 0 {
        chips.push("no approval".to_owned());
    }
    if environment.approval.self_approval {
        chips.push("self-approval allowed".to_owned());
    }
    chips
}

fn people(situation: &Situation) -> Vec<Fact> {
    let holders = |wanted| {
        applications::roles_with(
            &situation.fleet,
            wanted,
            &situation.application.name,
            &situation.environment,
        )
        .join(", ")
    };
    let of = |label, wanted| Fact::said(label, holders(wanted));
    vec![
        of("May deploy", Permission::DeployInWindow),
        of("May request", Permission::Request),
        of("May review", Permission::Review),
        of("May read", Permission::Read),
    ]
}

fn clusters(situation: &Situation, newest: Option<&CommitId>, deploys: bool) -> Vec<ClusterView> {
    let (application, environment) = (&situation.application.name, &situation.environment.name);
    let deploy = |field: &str, name: &Name| deploy::href(application, environment, &[(field, name.as_str())]);
    let server = |name: &Name| -> Option<ServerView> {
        let server = situation.fleet.server(name)?;
        let row = situation.rows.iter().find(|row| &row.server == name);
        let standing = match row {
            _ if !server.active => ServerStanding::Inactive,
            None => ServerStanding::New,
            Some(row)
                if row.state == LiveState::Unknown
                    && row.deployment.is_some()
                    && row.deployment == situation.busy =>
            {
                ServerStanding::Changing
            }
            Some(row) if row.state == LiveState::Unknown => {
                let before = row.release.as_deref().map_or("nothing".to_owned(), release_words);
                ServerStanding::Unknown(format!("a run did not come to its end here; before it, {before}"))
            }
            Some(_) => ServerStanding::AsRecorded,
        };
        Some(ServerView {
            name: name.to_string(),
            release: row
                .filter(|row| row.state == LiveState::Settled)
                .and_then(|row| row.release.as_deref())
                .map(release_words),
            deployed_at: row.map(|row| row.at),
            standing,
            diff_href: newest.and_then(|newest| {
                diff_from(application.as_str(), row.and_then(|row| row.commit.as_ref()), newest)
            }),
            deploy_href: (deploys && server.active).then(|| deploy("server", name)),
        })
    };
    situation
        .fleet
        .clusters_of(&situation.environment)
        .map(|cluster| ClusterView {
            name: cluster.name.to_string(),
            behind: cluster.load_balancer.as_ref().map(|balancer| {
                cluster
                    .backend
                    .as_ref()
                    .map_or_else(|| balancer.to_string(), |backend| format!("{balancer}/{backend}"))
            }),
            servers: cluster.servers.iter().filter_map(|member| server(&member.server)).collect(),
            deploy_href: (deploys && !cluster.servers.is_empty()).then(|| deploy("cluster", &cluster.name)),
        })
        .collect()
}
