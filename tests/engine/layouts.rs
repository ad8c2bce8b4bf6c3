//! Layout `releases` on a real host.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::domain::event::{HostState, Phase};
use crate::domain::fleet::Layout;
use crate::domain::git_release::{FILE_NAME, GitRelease};
use crate::domain::name::CommitId;
use crate::tests::runner::world::{Journal, World, commit, uncontrolled};

fn world() -> World {
    let mut world = World::with_hosts(1);
    world.facts.layout = Layout::Releases;
    world
}

/// The next release: another deployment and another commit.
fn next(world: &mut World, digit: char) {
    world.facts.deployment += 1;
    world.facts.built_by = world.facts.deployment;
    world.facts.commit = commit(digit);
}

/// What the target leads to.
fn live(world: &World) -> String {
    fs::read_link(world.target_on("web-1")).unwrap().to_str().unwrap().to_owned()
}

fn folder(world: &World) -> PathBuf {
    world.target_on("web-1").with_file_name("shop_releases")
}

fn kept(world: &World) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder(world))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn says(world: &World) -> GitRelease {
    GitRelease::parse(&world.read("web-1", FILE_NAME)).unwrap()
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

#[tokio::test]
async fn each_release_has_a_folder_and_the_target_leads_to_the_newest() {
    let mut world = world();
    world.write("index.html", "one");
    world.write("same", "unchanged");
    world.write("deploy.sh", "pwd > where; echo $DEPLOY_COMMIT");
    world.deploy().await.succeeded();
    assert_eq!(live(&world), "shop_releases/7-aaaaaaaaaaaa");
    assert_eq!((says(&world).commit, says(&world).in_progress), (commit('a'), false));
    assert!(
        world.read("web-1", FILE_NAME).contains(&format!("\n{}\n", world.facts.target_path)),
        "the ancestors' path"
    );
    assert_eq!(world.read("web-1", "where").trim(), world.facts.target_path, "scripts run in the target");

    next(&mut world, 'b');
    world.write("index.html", "two");
    world.deploy().await.succeeded();

    assert_eq!(live(&world), "shop_releases/8-bbbbbbbbbbbb");
    assert_eq!(world.read("web-1", "index.html"), "two");
    let (old, new) = (folder(&world).join("7-aaaaaaaaaaaa"), folder(&world).join("8-bbbbbbbbbbbb"));
    assert_eq!(inode(&old.join("same")), inode(&new.join("same")), "an unchanged file is a hard link");
    assert_ne!(inode(&old.join("index.html")), inode(&new.join("index.html")));
    assert_ne!(inode(&old.join(FILE_NAME)), inode(&new.join(FILE_NAME)));
    assert_eq!(fs::read_to_string(old.join("index.html")).unwrap(), "one", "the old release is whole");
    assert!(!new.join("deploy.sh").exists());
}

/// Sizes and times say that nothing changed; only contents tell.
#[tokio::test]
async fn two_commits_of_the_same_second_and_size_are_told_apart() {
    let mut world = world();
    let at = fs::FileTimes::new()
        .set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_780_000_000));
    let write = |world: &World, text: &str| {
        world.write("config", text);
        fs::File::options().write(true).open(world.path("tree/config")).unwrap().set_times(at).unwrap();
    };
    write(&world, "aaaa");
    world.deploy().await.succeeded();
    next(&mut world, 'b');
    write(&world, "bbbb");
    world.deploy().await.succeeded();
    assert_eq!(world.read("web-1", "config"), "bbbb");
    assert_eq!(fs::read_to_string(folder(&world).join("7-aaaaaaaaaaaa/config")).unwrap(), "aaaa");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_never_sees_nothing_and_never_a_mixture() {
    let mut world = world();
    world.write("left", "0");
    world.write("right", "0");
    world.deploy().await.succeeded();
    let (target, stop) = (world.target_on("web-1"), Arc::new(AtomicBool::new(false)));
    let reader = {
        let (target, stop) = (target.clone(), Arc::clone(&stop));
        std::thread::spawn(move || {
            let mut reads = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                // As a program does that was started in the folder: it is entered once.
                let release = fs::canonicalize(&target).expect("the target is always there");
                let read = |name: &str| fs::read_to_string(release.join(name)).expect("and whole");
                assert_eq!(read("left"), read("right"));
                reads += 1;
            }
            reads
        })
    };
    for (round, digit) in ['b', 'c', 'd'].into_iter().enumerate() {
        next(&mut world, digit);
        world.write("left", round.to_string());
        world.write("right", round.to_string());
        world.deploy().await.succeeded();
    }
    stop.store(true, Ordering::Relaxed);
    assert!(reader.join().unwrap() > 0);
}

#[tokio::test]
async fn old_releases_go_but_never_the_live_one_nor_the_one_to_go_back_to() {
    let mut world = world();
    world.facts.keep_releases = 3;
    world.write("index.html", "x");
    world.deploy().await.succeeded();
    for digit in ['b', 'c', 'd'] {
        next(&mut world, digit);
        world.deploy().await.succeeded();
    }
    assert_eq!(kept(&world), ["10-dddddddddddd", "8-bbbbbbbbbbbb", "9-cccccccccccc"]);

    // A folder that no run completed is not one to go back to; what is not ours stays.
    next(&mut world, 'e');
    world.write("deploy.sh", "exit 3");
    assert_eq!(world.deploy().await.failed(), "web-1: deploy.sh ended with exit code 3");
    fs::create_dir(folder(&world).join("mine")).unwrap();
    next(&mut world, 'f');
    world.write("deploy.sh", "true");
    world.facts.keep_releases = 1;
    world.deploy().await.succeeded();
    assert_eq!(kept(&world), ["10-dddddddddddd", "12-ffffffffffff", "mine"]);
    assert_eq!(live(&world), "shop_releases/12-ffffffffffff");
}

#[tokio::test]
async fn a_run_that_fails_before_the_switch_leaves_the_old_release_live_and_true() {
    let mut world = world();
    world.write("index.html", "one");
    world.deploy().await.succeeded();
    next(&mut world, 'b');
    let mut manifest = crate::tests::runner::world::manifest_of(&world.path("tree"));
    manifest.entries[0].path = b"other".to_vec();
    let tree = crate::runner::ssh::Tree { path: world.path("tree"), manifest };

    let ran = world.run_tree(&world.plan(), tree, &Journal::default(), &uncontrolled()).await;

    assert!(ran.outcome.why.as_deref().unwrap().contains("what is there is not what was approved"));
    assert_eq!(ran.host_states()["web-1"], HostState::Failed);
    assert_eq!(live(&world), "shop_releases/7-aaaaaaaaaaaa");
    assert_eq!((says(&world).commit, says(&world).in_progress), (commit('a'), false));
    assert_eq!(world.read("web-1", "index.html"), "one");
    next(&mut world, 'c');
    world.deploy().await.succeeded();
    assert_eq!(live(&world), "shop_releases/9-cccccccccccc");
}

#[tokio::test]
async fn a_folder_with_something_in_it_is_refused_with_what_to_do_and_that_works() {
    let world = world();
    world.write("index.html", "new");
    let target = world.target_on("web-1");
    fs::create_dir_all(&target).unwrap();
    fs::write(target.join("precious"), "data").unwrap();

    let why = world.deploy().await.failed();

    let (_, command) = why.split_once("Convert it once: ").unwrap_or_else(|| panic!("{why}"));
    assert_eq!(fs::read_to_string(target.join("precious")).unwrap(), "data");
    assert!(!folder(&world).exists());
    // On the host the target is at the path of the configuration.
    let command = command.replace(&world.facts.target_path, target.to_str().unwrap());
    assert!(std::process::Command::new("sh").args(["-c", &command]).status().unwrap().success(), "{command}");
    assert_eq!(fs::read_to_string(target.join("precious")).unwrap(), "data");
    world.deploy().await.succeeded();
    assert_eq!(live(&world), "shop_releases/7-aaaaaaaaaaaa");
    assert_eq!(kept(&world), ["7-aaaaaaaaaaaa", "before"], "what was there is kept");
}

#[tokio::test]
async fn an_empty_folder_gives_way_and_so_does_a_link_to_somewhere_else() {
    let mut world = world();
    world.write("index.html", "new");
    let target = world.target_on("web-1");
    fs::create_dir_all(&target).unwrap();
    world.deploy().await.succeeded();
    assert_eq!(live(&world), "shop_releases/7-aaaaaaaaaaaa");

    let elsewhere = target.with_file_name("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("theirs"), "data").unwrap();
    fs::remove_file(&target).unwrap();
    symlink("elsewhere", &target).unwrap();
    next(&mut world, 'b');
    world.deploy().await.succeeded();
    assert_eq!(live(&world), "shop_releases/8-bbbbbbbbbbbb");
    assert_eq!(fs::read_to_string(elsewhere.join("theirs")).unwrap(), "data", "it was left as it is");
}

#[tokio::test]
async fn going_back_is_a_release_like_any_other() {
    let mut world = world();
    world.write("index.html", "one");
    world.deploy().await.succeeded();
    let first: CommitId = world.facts.commit.clone();
    next(&mut world, 'b');
    world.write("index.html", "two");
    world.deploy().await.succeeded();
    next(&mut world, 'a');
    world.write("index.html", "one");
    let ran = world.deploy().await.succeeded();
    assert_eq!(live(&world), "shop_releases/9-aaaaaaaaaaaa");
    assert_eq!((world.read("web-1", "index.html").as_str(), says(&world).commit), ("one", first));
    assert!(ran.events.iter().any(|event| matches!(
        event,
        crate::domain::event::EventKind::StepStarted { phase: Phase::Switch, .. }
    )));
}
