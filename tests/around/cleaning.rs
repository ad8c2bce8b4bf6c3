//! What is cleaned away by policy, and what never is.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::app::clean::{self, Cleaned};
use crate::domain::deployment::DeploymentState::Succeeded;
use crate::domain::event::EventKind;
use crate::domain::name::{CommitId, Name};
use crate::tests::harness::{Service, World};
use crate::tests::support::git::{git_at, output_of};

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Service {
    async fn clean(&self) -> Cleaned {
        clean::round(&self.app, &CancellationToken::new()).await
    }

    /// The trees of the shop that are kept.
    fn trees(&self) -> Vec<PathBuf> {
        let trees = fs::read_dir(self.data_dir().join("trees/shop")).into_iter().flatten();
        trees.map(|entry| entry.unwrap().path()).collect()
    }

    fn mirror(&self) -> PathBuf {
        self.data_dir().join("mirrors/shop.git")
    }

    fn has_tree_of(&self, tag: &str) -> bool {
        let tree = self.repository.git(["rev-parse", &format!("{tag}^{{tree}}")]);
        self.trees().iter().any(|place| place.to_string_lossy().contains(tree.trim()))
    }

    async fn export(&self, tag: &str) {
        let commit = self.repository.git(["rev-parse", &format!("{tag}^{{commit}}")]);
        let commit = CommitId::parse(commit.trim()).unwrap();
        self.app.mirrors.export(&Name::parse("shop").unwrap(), &commit, false).await.unwrap();
    }

    fn keep_made_tree(&self, deployment: i64) -> PathBuf {
        let folder = self.data_dir().join(format!("built/{deployment}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("made"), "of something").unwrap();
        folder
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_go_unless_they_are_live_or_asked_for() {
    let service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    for tag in ["v1.0", "v1.1"] {
        let id = service.launched(&dana, tag).await;
        assert_eq!(service.ended(id).await.state, Succeeded);
    }
    service.export("v1.2").await;
    assert_eq!(service.clean().await.trees, 0, "all were used lately");

    service.advance(DAY * 31);
    let dana = service.as_user("dana").await;
    assert_eq!(service.ask(&dana, "v1.2").await.main_state().as_deref(), Some("accepted"));
    assert_eq!(service.clean().await, Cleaned { trees: 1, ..Cleaned::default() });

    let left = ["v1.0", "v1.1", "v1.2"].map(|tag| service.has_tree_of(tag));
    assert_eq!(left, [false, true, true], "the live one and the one that is asked for stay");
    assert!(service.mirror().exists(), "its application is in the fleet");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_under_a_deployment_that_runs() {
    let mut service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    let gate = service.gate("gate");
    let first = service.launched(&dana, "v1.0").await;
    assert_eq!(service.ended(first).await.state, Succeeded);
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", format!("echo waiting\n{}", gate.wait()));
    });
    let id = service.launched(&dana, "v1.3").await;
    service.until_line(id, "waiting").await;
    let made = [service.keep_made_tree(first), service.keep_made_tree(id)];
    // Everything looks as if nobody had used it for a year.
    let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 50);
    for place in service.trees() {
        File::options().write(true).open(place.join("used")).unwrap().set_modified(old).unwrap();
    }
    fs::write(service.mirror().join("countersign-fetched"), "2020-01-01T00:00:00Z").unwrap();
    let fleet = service.fleet.clone();
    service.apply(|fleet| fleet["applications"] = json!([])).await;

    assert_eq!(service.clean().await, Cleaned::default());
    assert!(service.has_tree_of("v1.0") && service.has_tree_of("v1.3") && service.mirror().exists());
    assert!(made.iter().all(|folder| folder.exists()));

    gate.open().await;
    assert_eq!(service.ended(id).await.state, Succeeded);
    let cleaned = service.clean().await;
    assert_eq!(cleaned, Cleaned { trees: 2, mirrors: 1, built: 2, ..Cleaned::default() });
    assert!(!service.mirror().exists() && !service.data_dir().join("trees/shop").exists());
    assert!(made.iter().all(|folder| !folder.exists()));
    // It can come back at any time.
    service.apply(|current| *current = fleet).await;
    assert_eq!(service.request_form(&dana, "v1.3").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mirror_of_an_application_that_is_gone_goes_after_its_time() {
    let mut service = Service::start_in(World::quiet()).await;
    let dana = service.as_user("dana").await;
    service.request_form(&dana, "v1.0").await;
    service.apply(|fleet| fleet["applications"] = json!([])).await;
    service.advance(DAY * 29);
    assert_eq!(service.clean().await.mirrors, 0);
    assert!(service.mirror().exists());
    service.advance(DAY * 2);
    assert_eq!(service.clean().await.mirrors, 1);
    assert!(!service.mirror().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_tree_stays_for_as_long_as_it_may_be_deployed_again() {
    let service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", "exit 3\n");
    });
    let failed = service.launched(&dana, "v1.3").await;
    service.ended(failed).await;
    let made = service.keep_made_tree(failed);
    let foreign = service.keep_made_tree(999);
    let unfinished = made.with_file_name(format!("{failed}.scripts"));
    fs::create_dir(&unfinished).unwrap();
    service.advance(DAY * 6);
    assert_eq!(service.clean().await.built, 1, "what was never finished goes");
    assert!(!unfinished.exists() && made.exists(), "what may be retried stays");
    service.advance(DAY * 2);
    assert_eq!(service.clean().await.built, 1);
    assert!(!made.exists() && foreign.exists(), "what belongs to no deployment is not ours to remove");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_output_goes_and_what_happened_stays() {
    let service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    service.commit("v1.3", |repository| {
        // More than is removed in one batch.
        repository.write("deploy.sh", "yes \"$(printf %0200d 7)\" | head -n 40000\n");
    });
    let old = service.launched(&dana, "v1.3").await;
    assert_eq!(service.ended(old).await.state, Succeeded);
    service.commit("v1.4", |repository| {
        repository.write("deploy.sh", "echo still here\n");
    });
    let young = service.launched(&dana, "v1.4").await;
    assert_eq!(service.ended(young).await.state, Succeeded);
    let before = service.journal(old).await;
    let is_output = |what: &EventKind| matches!(what, EventKind::Output { .. });
    let happened: Vec<_> = before.iter().filter(|event| !is_output(&event.what)).cloned().collect();
    service
        .sql(&format!("UPDATE deployments SET ended_at = ended_at - 91 * 86400000 WHERE id = {old}"))
        .await;

    assert_eq!(service.clean().await.outputs, 1);
    assert_eq!(service.clean().await.outputs, 0, "once");

    let after = service.journal(old).await;
    let (notes, rest): (Vec<_>, Vec<_>) = after.into_iter().partition(
        |event| matches!(&event.what, EventKind::Note { text, .. } if text == "The output was removed after 90 days."),
    );
    assert_eq!(rest, happened, "every state, step and host, under its old number");
    let first = before.iter().find(|event| is_output(&event.what)).unwrap();
    assert_eq!(notes.iter().map(|note| note.seq).collect::<Vec<_>>(), [first.seq]);
    for path in [format!("/deployments/{old}"), format!("/deployments/{old}/log")] {
        let page = dana.get(&path).await.unwrap();
        assert!(page.status == 200 && page.html.contains("The output was removed after 90 days."), "{path}");
    }
    service.until_line(young, "still here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mirrors_are_packed_when_there_is_much_to_pack_and_nobody_works_on_them() {
    let service = Service::start_in(World::quiet()).await;
    let dana = service.as_user("dana").await;
    service.asked(&dana, "v1.0", &[]).await;
    let folder = service.mirror();
    let git = |arguments: &[&str], input: &str| {
        let mut command = git_at(&folder);
        command.args(arguments);
        String::from_utf8(output_of(command, input.as_bytes())).unwrap()
    };
    for number in 0..25 {
        let blob = git(&["hash-object", "-w", "--stdin"], &format!("content {number}\n"));
        git(&["pack-objects", "-q", &folder.join("objects/pack/pack").display().to_string()], &blob);
    }
    let packs = || {
        let files = fs::read_dir(folder.join("objects/pack")).unwrap();
        files
            .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "pack"))
            .count()
    };
    let many = packs();
    assert!(many >= 25);

    let lock = File::open(service.data_dir().join("mirrors/.shop.lock")).unwrap();
    lock.lock().unwrap();
    service.clean().await;
    assert_eq!(packs(), many, "somebody works on it");
    lock.unlock().unwrap();
    service.clean().await;
    assert!(packs() < 4, "{} packs", packs());
    service.export("v1.0").await;
    assert_eq!(service.request_form(&dana, "v1.1").await.main_state().as_deref(), Some("ready"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cleaning_is_begun_by_one_instance_once_a_day() {
    let service = Service::start_in(World::quiet()).await;
    assert!(!clean::is_due(&service.app).await.unwrap());
    service.advance(DAY);
    let instances = [service.app.clone(), service.app.clone()];
    let asked = instances.iter().map(clean::is_due);
    let due = futures_util::future::join_all(asked).await.into_iter().filter(|due| *due.as_ref().unwrap());
    assert_eq!(due.count(), 1);
    assert!(!clean::is_due(&service.app).await.unwrap());
}
