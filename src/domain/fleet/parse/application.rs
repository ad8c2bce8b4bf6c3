//! Applications, their environments, and what approval these need.

use serde_json::Value;

use super::{Declared, Names, parse_name, people};
use crate::domain::document::Reader;
use crate::domain::fleet::{
    Application, Approval, ApprovalGroup, Batch, DeployFrom, Environment, HealthCheck, Layout, Method,
    Strategy, SyncMethod, checks, default_rsync_options, secret,
};
use crate::domain::name::Name;

pub(super) fn application<'a>(r: &mut Reader<'a>, declared: &Declared<'a>) -> Option<Application> {
    let (name, was) = declared.applications.read(r);
    let repository = r.required("repository", checks::repository);
    let github = r.optional("github", checks::github_repository);
    let tags = r.optional("tags", checks::glob);
    let owners = r.set("owners", checks::mail_address);
    let webhook_secret = r.optional("webhook_secret", secret::check);
    let allow_submodules_and_lfs = r.flag("allow_submodules_and_lfs", false);
    let place = format!("{}.environments", r.path());
    let siblings = Names::of(r.raw("environments"), &place, "environment");
    let environments = r.objects("environments", |r| environment(r, declared, &siblings));
    refuse_circles(r, &environments);
    Some(Application {
        name: name?,
        was,
        repository: repository?,
        github,
        tags,
        owners,
        webhook_secret,
        allow_submodules_and_lfs,
        environments,
    })
}

fn environment<'a>(r: &mut Reader<'a>, declared: &Declared<'a>, siblings: &Names<'a>) -> Option<Environment> {
    let (name, was) = siblings.read(r);
    let order = r.number("order", 0..=1_000_000, 0);
    r.must_have("deploy_from");
    let deploy_from = r.object("deploy_from", deploy_from);
    let target_path = r.required("target_path", checks::target_path);
    let remote_user = r.required("remote_user", checks::user);
    let layout = r.word("layout", &[("in_place", Layout::InPlace), ("releases", Layout::Releases)]);
    let keep_releases = r.number("keep_releases", 1..=1_000, 5);
    let sync = r.text_or("sync", SyncMethod::Rsync, |text| match text {
        "rsync" => Ok(SyncMethod::Rsync),
        "delta" => Err("\"delta\" is not built yet; use \"rsync\""),
        _ => Err("must be \"rsync\""),
    });
    let rsync_options = r.texts("rsync_options", checks::rsync_option).unwrap_or_else(default_rsync_options);
    let clusters = r.set("clusters", |text| declared.clusters.refer(text));
    let strategies = [
        ("clusters", Strategy::Clusters),
        ("rolling", Strategy::Rolling),
        ("canary", Strategy::Canary),
        ("all", Strategy::All),
    ];
    let strategy = r.word("strategy", &strategies);
    let batch = batch(r);
    if batch.is_some() && !matches!(strategy, Strategy::Rolling | Strategy::Canary) {
        r.problem("batch", "has no meaning without strategy \"rolling\" or \"canary\"");
    }
    let canary_minutes = r.number("canary_minutes", 1..=10_080, 60);
    let auto_deploy = r.flag("auto_deploy", false);
    let fail_on_failed_tests = r.flag("fail_on_failed_tests", true);
    let calendar = r.optional("calendar", |text| declared.calendars.refer(text));
    let approval = r.section("approval", |r| approval(r, declared));
    let health_check = r.object("health_check", |r| Some(health_check(r)));
    let artifact = r.optional("artifact", Name::parse).map(String::from);
    let method = r.word("method", &[("rsync", Method::Rsync), ("command", Method::Command)]);
    let command = r.optional("command", Name::parse).map(String::from);
    match (method, r.raw("command")) {
        (Method::Command, None) => r.problem("command", "is missing: method \"command\" needs it"),
        (Method::Rsync, Some(_)) => r.problem("command", "has no meaning without method \"command\""),
        _ => {}
    }
    let delete_threshold = r.number("delete_threshold", 0..=100, 50);
    let promote_from = r.optional("promote_from", |text| siblings.refer(text));
    let drift_check = r.flag("drift_check", true);
    Some(Environment {
        name: name?,
        was,
        order,
        deploy_from: deploy_from?,
        target_path: target_path?,
        remote_user: remote_user?,
        layout,
        keep_releases,
        sync,
        rsync_options,
        clusters,
        strategy,
        batch,
        canary_minutes,
        auto_deploy,
        fail_on_failed_tests,
        calendar,
        approval,
        health_check,
        artifact,
        method,
        command,
        delete_threshold,
        promote_from,
        drift_check,
    })
}

/// A number, or a share like `"25%"`.
fn batch(r: &mut Reader<'_>) -> Option<Batch> {
    if r.raw("batch").is_some_and(Value::is_number) {
        r.optional_number("batch", 1..=10_000).map(Batch::Count)
    } else {
        r.optional("batch", Batch::share)
    }
}

fn deploy_from(r: &mut Reader<'_>) -> Option<DeployFrom> {
    let tags = r.optional("tags", checks::glob);
    let branch = r.optional("branch", checks::branch);
    if r.raw("tags").is_some() == r.raw("branch").is_some() {
        r.problem("", "must have either tags or branch");
    }
    tags.map(DeployFrom::Tags).or(branch.map(DeployFrom::Branch))
}

fn approval<'a>(r: &mut Reader<'a>, declared: &Declared<'a>) -> Approval {
    let default = Approval::default();
    Approval {
        required: r.number("required", 0..=20, default.required),
        review_list: r.set("review_list", checks::mail_address),
        self_approval: r.flag("self_approval", default.self_approval),
        review_hours: r.number("review_hours", 1..=720, default.review_hours),
        slot_minutes: r.number("slot_minutes", 1..=1_440, default.slot_minutes),
        stand_hours: r.number("stand_hours", 1..=168, default.stand_hours),
        covers_rollback: r.flag("covers_rollback", default.covers_rollback),
        authors_count: r.flag("authors_count", default.authors_count),
        groups: groups(r, declared),
    }
}

fn groups<'a>(r: &mut Reader<'a>, declared: &Declared<'a>) -> Vec<ApprovalGroup> {
    let mut before: Vec<Name> = Vec::new();
    r.objects("groups", |r| {
        let role = r.required("role", |text| {
            if people::BUILT_IN.contains(&text) { parse_name(text) } else { declared.roles.refer(text) }
        });
        r.must_have("required");
        let required = r.number("required", 1..=20, 1);
        let role = role?;
        if before.contains(&role) {
            r.problem("role", "is listed twice");
        }
        before.push(role.clone());
        Some(ApprovalGroup { role, required })
    })
}

fn health_check(r: &mut Reader<'_>) -> HealthCheck {
    let command = r.optional("command", checks::non_empty);
    let url = r.optional("url", checks::http_url);
    if r.raw("command").is_some() == r.raw("url").is_some() {
        r.problem("", "must have either command or url");
    }
    let attempts = r.number("attempts", 1..=1_000, 10);
    let interval_s = r.number("interval_s", 1..=3_600, 3);
    HealthCheck { command, url, attempts, interval_s }
}

/// A release that each environment waits for in another would never begin.
fn refuse_circles(r: &mut Reader<'_>, environments: &[Environment]) {
    let listed = r.raw("environments").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let source =
        |name: &Name| environments.iter().find(|e| e.name == *name).and_then(|e| e.promote_from.as_ref());
    for environment in environments {
        let way = std::iter::successors(source(&environment.name), |name| source(name));
        if way.take(environments.len()).any(|name| *name == environment.name) {
            let name = environment.name.as_str();
            let is_it = |one: &Value| one.get("name").and_then(Value::as_str) == Some(name);
            let index = listed.iter().position(is_it).unwrap_or_default();
            let words = format!("\"{name}\" is promoted from itself, in a circle");
            r.problem(&format!("environments[{index}].promote_from"), words);
        }
    }
}
