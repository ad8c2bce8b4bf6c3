//! What stands out of service: by others, by a run that failed, and how it comes back.

use super::town::{Town, member};
use crate::app::{Refusal, balancing};
use crate::domain::balancer::Admin::{Maint, Ready};
use crate::domain::deployment::DeploymentState;
use crate::domain::event::{EventKind, Phase};
use crate::domain::git_release::FILE_NAME;
use crate::domain::scope::Scope;

/// deploy.sh fails on the servers that `broken` names, and notes each of its runs.
fn breakable(town: &Town, tag: &str) -> (std::path::PathBuf, std::path::PathBuf) {
    let (broken, runs) = (town.service.path().join("broken"), town.service.path().join("runs"));
    let script = format!(
        "echo \"$DEPLOY_ID $DEPLOY_HOST\" >> '{}'\n! grep -qx \"$DEPLOY_HOST\" '{}'\n",
        runs.display(),
        broken.display()
    );
    town.service.commit(tag, |repository| {
        repository.write("deploy.sh", script);
    });
    (broken, runs)
}

fn runs_of(file: &std::path::Path, deployment: i64) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let prefix = format!("{deployment} ");
    let mut hosts: Vec<String> =
        text.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect();
    hosts.sort();
    hosts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_somebody_else_put_in_maintenance_stops_a_run_before_anything_is_touched() {
    let town = Box::pin(Town::with_first_release(&[1, 1], |_| {})).await;
    let marks = || [1, 2].map(|number| town.service.on_host(number, FILE_NAME).unwrap());
    let before = marks();
    for number in [2, 1] {
        town.balancers().maintain(&[member(number)]).await.unwrap();
        let ended = town.service.ran("v1.1").await;
        assert_eq!(ended.state, DeploymentState::Failed);
        let why = ended.why.unwrap();
        assert!(
            why.contains(&format!(
                "web-{number} (shop/WEB-{number} in edge) was put in maintenance by somebody else"
            )),
            "{why}"
        );
        let journal = town.service.journal(ended.id).await;
        assert!(!journal.iter().any(|event| matches!(
            event.what,
            EventKind::StepStarted { phase: Phase::Connect | Phase::Drain, .. }
        )));
        town.balancers().enable(&[member(number)]).await.unwrap();
        assert_eq!((marks(), town.out().await.len()), (before.clone(), 0));
    }
    town.service.succeeds("v1.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_run_left_out_is_listed_and_the_next_one_accepts_it_and_puts_it_back() {
    let town = Box::pin(Town::with_first_release(&[2, 2], |_| {})).await;
    let (broken, _) = breakable(&town, "v1.3");
    std::fs::write(&broken, "web-4\n").unwrap();

    let failed = town.service.ran("v1.3").await;

    assert_eq!(
        (failed.state, failed.why.as_deref()),
        (DeploymentState::Failed, Some("web-4: deploy.sh ended with exit code 1"))
    );
    assert_eq!(town.out().await, ["web-3", "web-4"]);
    assert_eq!(town.admin().await, [Ready, Ready, Maint, Maint]);
    let mail = town.service.mail_about("[failed] shop").await.text();
    let words = mail.split_whitespace().collect::<Vec<_>>().join(" ");
    let out = "Out of service in the load balancer until someone acts: web-3 (shop/WEB-3 in edge), web-4";
    assert!(words.contains(out), "{mail}");
    let mut traffic = town.visitors("v1.0", "v1.3");
    traffic.more(50).await;
    assert_eq!(traffic.versions(), ["v1.3"], "the new version serves alone");

    // What is out goes first: nobody is without an answer.
    std::fs::write(&broken, "").unwrap();
    town.service.succeeds("v1.2").await;
    let seen = traffic.end().await;
    assert_eq!(seen.failures, [] as [&str; 0]);

    assert_eq!((town.admin().await, town.out().await.len()), (vec![Ready; 4], 0));
    assert!((1..=4).all(|number| town.version_on(number) == "v1.2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_runs_only_where_it_failed_and_puts_the_whole_cluster_into_service() {
    let town = Box::pin(Town::with_first_release(&[2, 1], |_| {})).await;
    let (broken, runs) = breakable(&town, "v1.3");

    // In the first cluster: the old version serves on, and web-1 waits for its neighbour.
    std::fs::write(&broken, "web-2\n").unwrap();
    let mut traffic = town.visitors("v1.0", "v1.3");
    let failed = town.service.ran("v1.3").await;
    assert_eq!((failed.state, town.admin().await), (DeploymentState::Failed, vec![Maint, Maint, Ready]));
    traffic.more(20).await;
    assert_eq!(traffic.versions(), ["v1.0"]);
    std::fs::write(&broken, "").unwrap();
    let retry = town.service.retried(failed.id).await;
    assert_eq!((retry.state, &retry.why), (DeploymentState::Succeeded, &None));
    assert_eq!(runs_of(&runs, failed.id), ["web-1", "web-2"]);
    assert_eq!(runs_of(&runs, retry.id), ["web-2", "web-3"], "web-1 is done and is not run again");
    assert_eq!((town.admin().await, town.out().await.len()), (vec![Ready; 3], 0));
    traffic.more(20).await;
    let seen = traffic.end().await;
    assert_eq!((seen.failures.len(), seen.back_in_time), (0, 0), "{:?}", seen.failures);

    // In the second: the first serves already, and is left alone.
    breakable(&town, "v1.4");
    std::fs::write(&broken, "web-3\n").unwrap();
    let failed = town.service.ran("v1.4").await;
    assert_eq!((failed.state, town.admin().await), (DeploymentState::Failed, vec![Ready, Ready, Maint]));
    std::fs::write(&broken, "").unwrap();
    let mut traffic = town.visitors("v1.3", "v1.4");
    let retry = town.service.retried(failed.id).await;
    assert_eq!((retry.state, &retry.why), (DeploymentState::Succeeded, &None));
    assert_eq!(runs_of(&runs, retry.id), ["web-3"]);
    traffic.more(20).await;
    let seen = traffic.end().await;
    assert_eq!(seen.failures, [] as [&str; 0]);
    assert_eq!((town.admin().await, town.out().await.len()), (vec![Ready; 3], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_button_puts_a_server_back_once_its_checks_pass() {
    let town = Box::pin(Town::with_first_release(&[1, 1], |_| {})).await;
    let (broken, _) = breakable(&town, "v1.3");
    std::fs::write(&broken, "web-2\n").unwrap();
    town.service.ran("v1.3").await;
    let app = &town.service.app;
    let (ada, rosa) = (town.service.actor("ada").await, town.service.actor("rosa").await);
    let listed = balancing::list_out(app, &ada).await.unwrap();
    let [out] = listed.as_slice() else { panic!("{listed:?}") };

    let refused = balancing::put_back(app, &rosa, out.id).await;
    assert!(matches!(refused, Err(Refusal::Forbidden(_))), "{refused:?}");
    let mallory = town.service.actor("mallory").await;
    assert!(balancing::list_out(app, &mallory).await.unwrap().is_empty());
    assert!(matches!(balancing::put_back(app, &mallory, out.id).await, Err(Refusal::NotFound)));
    assert_eq!(town.admin().await, [Ready, Maint]);

    let sick = town.service.hosts[1].files().join("shop/sick");
    std::fs::write(&sick, "").unwrap();
    let refused = balancing::put_back(app, &ada, out.id).await;
    assert!(
        matches!(&refused, Err(Refusal::Unavailable(words)) if words.contains("stays out of service")),
        "{refused:?}"
    );
    assert_eq!((town.admin().await, town.out().await), (vec![Ready, Maint], vec!["web-2".to_owned()]));

    std::fs::remove_file(&sick).unwrap();
    balancing::put_back(app, &ada, out.id).await.unwrap();
    assert_eq!((town.admin().await, town.out().await.len()), (vec![Ready, Ready], 0));
    assert!(matches!(balancing::put_back(app, &ada, out.id).await, Err(Refusal::NotFound)), "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_its_own_leaves_and_enters_service_alone() {
    let town = Box::pin(Town::with_first_release(&[2, 1], |_| {})).await;
    let scope = Scope::Server(crate::tests::balancer::world::name("web-2"));
    let id = town.service.queue("v1.1", scope).await.unwrap();
    assert_eq!(town.service.ended(id).await.state, DeploymentState::Succeeded);
    let told = town.service.journal(id).await;
    let out = told.iter().filter_map(|event| match &event.what {
        EventKind::Service { member, in_service: false } => Some(member.server.to_string()),
        _ => None,
    });
    assert_eq!(out.collect::<Vec<_>>(), ["web-2"]);
    assert_eq!((1..=3).map(|number| town.version_on(number)).collect::<Vec<_>>(), ["v1.0", "v1.1", "v1.0"]);
    assert_eq!((town.admin().await, town.out().await.len()), (vec![Ready; 3], 0));
}
