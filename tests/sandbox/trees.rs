//! Copies of a tree, and the manifest of what a build made.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use rstest::rstest;

use super::stage::Stage;
use crate::domain::event::StepOutcome;
use crate::domain::manifest::EntryKind;
use crate::domain::name::{CommitId, Name};
use crate::repo::{Limits, Mirrors, RepoError, manifest_of};
use crate::runner::local::scripts::local_scripts;
use crate::runner::local::workplace::{remove_stale, working_copy};
use crate::tests::support::git::GitRepository;

#[tokio::test]
async fn a_copy_of_an_exported_tree_has_its_manifest_and_shares_nothing_with_it() {
    let stage = Stage::new();
    let git = GitRepository::init(stage.path("origin"));
    git.write("index.html", "hello");
    git.write("a.b/c", "");
    git.write("a/z", "deep");
    git.write_executable("predeploy.sh", "true\n");
    git.link("current", "a/z");
    let commit = CommitId::parse(&git.commit("everything", 1_700_000_000)).unwrap();
    let mirrors = Mirrors::new(&stage.path("data"), stage.path("no key"), stage.path("no hosts"));
    let app = Name::parse("shop").unwrap();
    mirrors.fetch(&app, &git.address(), jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    let exported = mirrors.export(&app, &commit, false).await.unwrap();

    let copy = stage.path("copy");
    working_copy(&exported.path, &copy).await.unwrap();
    assert_eq!(manifest_of(&copy, Limits::default()).await.unwrap(), exported.manifest);
    assert_eq!(local_scripts(&exported.manifest), ["predeploy.sh"]);
    let of = |folder: &Path| fs::metadata(folder.join("index.html")).unwrap();
    assert_ne!(of(&copy).ino(), of(&exported.path).ino());
    assert_eq!(of(&copy).mtime(), of(&exported.path).mtime());
    working_copy(&stage.path("nowhere"), &stage.path("second")).await.unwrap_err();
}

#[tokio::test]
async fn what_a_build_made_is_what_the_manifest_says() {
    let stage = Stage::new();
    stage.write("old", "old");
    let (ran, place) = stage
        .predeploy_at(
            "rm old; mkdir -p dist/empty; printf built >dist/app; chmod 755 dist/app; ln -s app dist/latest\n\
             ln -s nowhere-yet dist/later\n",
        )
        .await;
    assert_eq!(ran.end, StepOutcome::Done, "{:?}", ran.lines);
    let manifest = manifest_of(place.tree(), Limits::default()).await.unwrap();
    let shown: Vec<String> = manifest
        .entries
        .iter()
        .map(|entry| {
            let path = String::from_utf8_lossy(&entry.path);
            match &entry.kind {
                EntryKind::File { executable, size, .. } => format!("{path} {executable} {size}"),
                EntryKind::Symlink { target } => format!("{path} -> {}", String::from_utf8_lossy(target)),
            }
        })
        .collect();
    assert_eq!(shown, ["dist/app true 5", "dist/later -> nowhere-yet", "dist/latest -> app"]);
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn setuid(path: &Path) {
    fs::write(path, "").unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o4755)).unwrap();
}

#[rstest]
#[case("out", "is a link that leads out of the tree", |path: &Path| symlink("../../etc", path).unwrap())]
#[case("deep", "is a link to an absolute path", |path: &Path| symlink("/etc/passwd", path).unwrap())]
#[case("round", "is a link that leads in circles", |path: &Path| symlink("round", path).unwrap())]
#[case("pipe", "is a pipe, a socket or a device", fifo)]
#[case("socket", "is a pipe, a socket or a device", |path: &Path| drop(UnixListener::bind(path).unwrap()))]
#[case("su", "would run as somebody else (setuid or setgid)", setuid)]
#[case(".git", "is a name that only git itself may use", |path: &Path| fs::create_dir(path).unwrap())]
#[tokio::test]
async fn what_may_not_reach_a_server_is_refused_by_name(
    #[case] name: &str,
    #[case] why: &str,
    #[case] make: fn(&Path),
) {
    let stage = Stage::new();
    stage.write("folder/fine", "fine");
    make(&stage.path("tree/folder").join(name));
    let refused = manifest_of(&stage.path("tree"), Limits::default()).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("folder/{name}: {why}"));
}

#[tokio::test]
async fn a_tree_larger_than_allowed_is_refused() {
    let stage = Stage::new();
    stage.write("a", "four");
    stage.write("b", "four");
    let read = async |limits| manifest_of(&stage.path("tree"), limits).await;
    let few = Limits { tree_entries: 1, ..Limits::default() };
    assert!(matches!(read(few).await, Err(RepoError::TooLarge(_))));
    let small = Limits { tree_bytes: 7, ..Limits::default() };
    assert!(matches!(read(small).await, Err(RepoError::TooLarge(_))));
    let enough = Limits { tree_entries: 2, tree_bytes: 8, ..Limits::default() };
    assert_eq!(read(enough).await.unwrap().entries.len(), 2);
}

#[tokio::test]
async fn a_workplace_goes_whatever_a_script_did_to_it() {
    let stage = Stage::new();
    let (ran, place) =
        stage.predeploy_at("mkdir -p locked/in; echo x >locked/in/x; chmod 0 locked/in locked .\n").await;
    assert_eq!(ran.end, StepOutcome::Done, "{:?}", ran.lines);
    let root = place.tree().parent().unwrap().to_owned();
    drop(place);
    assert!(!root.exists());
}

#[tokio::test]
async fn workplaces_of_processes_that_are_gone_are_removed() {
    let stage = Stage::new();
    stage.write("page", "");
    let mine = stage.place().await;
    // No process has this number: it is above what Linux gives.
    let theirs = stage.path("places/countersign-scripts-4194999-0");
    let others = stage.path("places/of-somebody");
    for folder in [&theirs, &others] {
        fs::create_dir_all(folder.join("tree")).unwrap();
    }
    remove_stale(&stage.path("places"));
    assert!(mine.tree().exists() && others.exists() && !theirs.exists());
}
