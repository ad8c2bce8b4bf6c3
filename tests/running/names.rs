//! Names of any kind, the whole way: tags, branches, paths and files.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::json;

use crate::domain::deployment::DeploymentState;
use crate::tests::harness::{Service, World};

#[tokio::test(flavor = "multi_thread")]
async fn tags_paths_and_files_of_any_name_go_the_whole_way() {
    let mut world = World::unreviewed(1);
    let unreviewed = world.edit_fleet;
    world.edit_fleet = Box::new(|fleet| {
        unreviewed(fleet);
        fleet["applications"][0]["tags"] = json!("releases/*");
        let environment = &mut fleet["applications"][0]["environments"][0];
        environment["deploy_from"]["tags"] = json!("releases/*");
        let target =
            environment["target_path"].as_str().unwrap().replace("/shop", "/the \"shop\"'s $(id) place");
        environment["target_path"] = json!(target);
    });
    let service = Service::start_in(world).await;
    let dana = service.as_user("dana").await;
    let tag = "releases/v2.0-\"ünï\"'x";
    let names: [&[u8]; 6] =
        [b"a file", b"it's \"quoted\"", b"-rf", b"--delete", b"caf\xe9", "naïve\u{1f980}".as_bytes()];
    service.commit(tag, |repository| {
        for name in names {
            repository.write(OsStr::from_bytes(name), name);
        }
        repository.write("deploy.sh", "echo \"release $DEPLOY_RELEASE in $PWD\"\n");
    });

    let id = service.launched(&dana, tag).await;
    let ended = service.ended(id).await;

    assert_eq!((ended.state, ended.release.as_str()), (DeploymentState::Succeeded, tag), "{:?}", ended.why);
    let target = service.hosts[0].files().join("the \"shop\"'s $(id) place");
    for name in names {
        assert_eq!(std::fs::read(target.join(OsStr::from_bytes(name))).unwrap(), name);
    }
    assert!(std::fs::read_to_string(target.join(".git_release")).unwrap().starts_with(&format!("{tag}\n")));
    let page = dana.get(&format!("/deployments/{id}")).await.unwrap();
    assert!(page.text().contains(&format!("release {tag} in ")), "{}", page.text());
    assert!(service.mail_about("[succeeded] shop").await.subject().contains(tag));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_a_branch_of_any_name_goes_the_whole_way() {
    let mut world = World::unreviewed(1);
    let unreviewed = world.edit_fleet;
    world.edit_fleet = Box::new(|fleet| {
        unreviewed(fleet);
        fleet["applications"][0]["environments"][0]["deploy_from"] = json!({ "branch": "feature/it's" });
    });
    let service = Service::start_in(world).await;
    let dana = service.as_user("dana").await;
    let commit = service.repository.git(["rev-parse", "HEAD"]);
    service.repository.branch("feature/it's", &commit);
    let id = service.launched(&dana, &commit).await;
    let ended = service.ended(id).await;
    assert_eq!(
        (ended.state, ended.commit.as_str()),
        (DeploymentState::Succeeded, commit.as_str()),
        "{:?}",
        ended.why
    );
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_releases_of_one_second_and_one_size_both_arrive() {
    let service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    for (tag, colour) in [("v2.0", "red!"), ("v2.1", "blue")] {
        service.commit(tag, |repository| {
            repository.write("colour", colour);
        });
        let id = service.launched(&dana, tag).await;
        assert_eq!(service.ended(id).await.state, DeploymentState::Succeeded);
        assert_eq!(service.on_host(1, "colour").unwrap(), colour.as_bytes());
        assert_eq!(service.on_host(1, "version").unwrap(), format!("{tag}\n").as_bytes());
    }
}
