//! Bringing a mirror up to date, and everything that can get in the way.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::super::support::git::GitRepository;
use super::{World, at, id};
use crate::repo::{Limits, RepoError};

/// What lies in the mirrors' folder, apart from lock files and git's home.
fn mirrors_on_disk(world: &World) -> Vec<String> {
    let listed = std::fs::read_dir(world.data().join("mirrors")).unwrap();
    let names = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| ![".home", ".shop.lock"].contains(&name.as_str())).collect()
}

#[tokio::test]
async fn a_first_fetch_that_fails_leaves_nothing_and_the_next_one_works() {
    let world = World::new();
    let commit = world.git.commit("one", 1_000);
    world.git.tag("v1", &commit);
    let hidden = world.folder.path().join("not yet");
    std::fs::rename(world.git.path(), &hidden).unwrap();

    let failed = world.try_fetch(&world.git.address()).await.unwrap_err();
    let words = failed.to_string();
    assert!(words.starts_with("the repository could not be fetched: '"), "{words}");
    assert!(words.contains("does not appear to be a git repository"), "{words}");
    assert!(mirrors_on_disk(&world).is_empty());
    assert_eq!(world.mirrors.fetched_at(&world.app).await, None);

    std::fs::rename(&hidden, world.git.path()).unwrap();
    world.fetch().await;
    assert_eq!(world.tag_names().await, ["v1"]);
    assert_eq!(mirrors_on_disk(&world), ["shop.git"]);
}

#[tokio::test]
async fn when_the_repository_is_away_the_old_list_stays_with_its_age() {
    let world = World::new();
    let commit = world.git.commit("one", 1_000);
    world.git.tag("v1", &commit);
    let address = world.git.address();
    world.mirrors.fetch(&world.app, &address, at(5_000)).await.unwrap();

    std::fs::rename(world.git.path(), world.folder.path().join("away")).unwrap();
    world.mirrors.fetch(&world.app, &address, at(6_000)).await.unwrap_err();

    assert_eq!(world.tag_names().await, ["v1"]);
    assert_eq!(world.mirrors.fetched_at(&world.app).await, Some(at(5_000)));
}

#[tokio::test]
async fn the_mirror_follows_a_new_address_and_keeps_what_was_deployed() {
    let world = World::new();
    world.git.write("file", "released\n");
    let released = world.git.commit("one", 1_000);
    world.git.tag("old", &released);
    world.fetch().await;
    world.mirrors.keep(&world.app, &id(&released)).await.unwrap();

    let elsewhere = GitRepository::init(world.folder.path().join("else where"));
    let commit = elsewhere.commit("two", 2_000);
    elsewhere.tag("new", &commit);
    world.try_fetch("/nonexistent").await.unwrap_err();
    assert_eq!(world.mirrors.fetched_at(&world.app).await, None, "the list is of another repository");
    world.try_fetch(&elsewhere.address()).await.unwrap();

    assert_eq!(world.tag_names().await, ["new"]);
    assert!(world.mirrors.commit(&world.app, &id(&released)).await.unwrap().is_some());
}

#[tokio::test]
async fn fifty_who_ask_at_once_share_two_fetches() {
    let world = World::new();
    let commit = world.git.commit("one", 1_000);
    world.git.tag("v1", &commit);

    let results = join_all((0..50).map(|_| world.fetch())).await;

    assert_eq!(results.len(), 50);
    // The first began at once; the others asked after that and share the next one.
    assert_eq!(world.mirrors.fetches_begun(&world.app), 2);
    assert_eq!(world.tag_names().await, ["v1"]);
}

#[tokio::test]
async fn those_who_wait_share_a_failure_too() {
    let world = World::new();
    let results = join_all((0..50).map(|_| world.try_fetch("/nonexistent"))).await;
    assert!(results.iter().all(|result| matches!(result, Err(RepoError::Unreachable(_)))));
    assert_eq!(world.mirrors.fetches_begun(&world.app), 2);
}

#[tokio::test]
async fn who_asks_again_later_gets_a_fetch_of_their_own() {
    let world = World::new();
    world.git.commit("one", 1_000);
    world.fetch().await;
    world.fetch().await;
    assert_eq!(world.mirrors.fetches_begun(&world.app), 2);
}

#[tokio::test]
async fn two_processes_on_one_folder_take_turns() {
    let world = World::new();
    let commit = world.git.commit("one", 1_000);
    world.git.tag("v1", &commit);
    let other = super::mirrors_at(world.folder.path(), Limits::default());
    let address = world.git.address();

    let fetches = (0..4).map(|turn| {
        let mirrors = if turn % 2 == 0 { &world.mirrors } else { &other };
        mirrors.fetch(&world.app, &address, at(1))
    });
    for result in join_all(fetches).await {
        result.unwrap();
    }
    assert_eq!(world.tag_names().await, ["v1"]);
}

#[tokio::test]
async fn an_empty_repository_is_a_mirror_without_anything() {
    let world = World::new();
    world.fetch().await;
    assert_eq!(world.mirrors.tags(&world.app, 10).await.unwrap().total, 0);
    let none = world.mirrors.branch_commits(&world.app, "main", 10).await.unwrap_err();
    assert_eq!(none.to_string(), "the repository has no branch main");
}

#[tokio::test]
async fn a_branch_may_become_a_folder_of_branches_and_a_folder_a_branch() {
    let world = World::new();
    let commit = world.git.commit("one", 1_000);
    world.git.branch("feature", &commit).branch("fix/a", &commit);
    world.fetch().await;

    world.git.delete_branch("feature").delete_branch("fix/a");
    world.git.branch("feature/x", &commit).branch("fix", &commit);
    world.fetch().await;

    for branch in ["feature/x", "fix"] {
        assert!(world.mirrors.is_reachable(&world.app, &id(&commit), branch).await.unwrap());
    }
    for branch in ["feature", "fix/a"] {
        world.mirrors.is_reachable(&world.app, &id(&commit), branch).await.unwrap_err();
    }
}

#[tokio::test]
async fn locks_that_a_killed_git_left_do_not_stop_the_next_one() {
    let world = World::new();
    let commit = world.git.commit("one", 1_000);
    world.git.tag("v1", &commit).branch("a/b", &commit);
    world.fetch().await;
    let second = world.git.commit("two", 2_000);
    world.git.tag("v1", &second).delete_branch("a/b");
    for lock in ["packed-refs.lock", "refs/tags/v1.lock", "refs/heads/main.lock"] {
        std::fs::write(world.mirror().join(lock), "").unwrap();
    }

    world.fetch().await;

    let tag = world.mirrors.tag(&world.app, &super::tag("v1")).await.unwrap().unwrap();
    assert_eq!(tag.commit, id(&second));
}

/// An address that takes connections and never says a word.
async fn silent_listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, format!("ssh://git@127.0.0.1:{port}/shop.git"))
}

#[tokio::test]
async fn a_repository_that_never_answers_is_given_up_in_words() {
    let limits = Limits { clone_for: Duration::from_secs(1), ..Limits::default() };
    let world = World::with_limits(limits);
    let (_listener, address) = silent_listener().await;

    let failed = world.try_fetch(&address).await.unwrap_err();

    assert_eq!(failed.to_string(), "the repository did not answer in full within 1 s");
    assert!(mirrors_on_disk(&world).is_empty());
}

#[tokio::test]
async fn who_no_longer_waits_ends_git_and_everything_it_started() {
    let world = World::new();
    let (listener, address) = silent_listener().await;
    let (mirrors, app) = (world.mirrors.clone(), world.app.clone());
    let asked = tokio::spawn(async move { mirrors.fetch(&app, &address, at(1)).await });
    let (mut connection, _) = listener.accept().await.unwrap();

    asked.abort();

    // The other end is closed by the death of the ssh that git started.
    let mut heard = Vec::new();
    connection.read_to_end(&mut heard).await.unwrap();
    // The way is free again, and what was begun is cleared away.
    world.git.commit("one", 1_000);
    world.fetch().await;
    assert_eq!(mirrors_on_disk(&world), ["shop.git"]);
}

#[tokio::test]
async fn a_closed_port_is_told_by_the_line_that_says_why() {
    let world = World::new();
    let (listener, address) = silent_listener().await;
    drop(listener);
    let words = world.try_fetch(&address).await.unwrap_err().to_string();
    assert!(words.contains("Connection refused"), "{words}");
}

/// The arguments of every process that runs here and names `word`.
fn argument_lists_with(word: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path().join("cmdline"));
    let lists = processes.filter_map(|file| std::fs::read(file).ok());
    let texts = lists.map(|list| String::from_utf8_lossy(&list).replace('\0', " "));
    texts.filter(|text| text.contains(word)).collect()
}

#[tokio::test]
async fn a_login_in_the_address_is_in_no_argument_list() {
    let world = World::new();
    let (listener, _) = silent_listener().await;
    let place = format!("127.0.0.1:{}/shop.git", listener.local_addr().unwrap().port());
    let address = format!("https://robot:s3c%3Ar3t@{place}");
    let (mirrors, app) = (world.mirrors.clone(), world.app.clone());
    let asked = tokio::spawn(async move { mirrors.fetch(&app, &address, at(1)).await });
    let (connection, _) = listener.accept().await.unwrap();

    let lists = argument_lists_with(&place);
    let config = std::fs::read_to_string(world.data().join("mirrors/.shop.new/config")).unwrap();

    assert!(!lists.is_empty(), "git is at work");
    assert!(lists.iter().all(|list| !list.contains("robot") && !list.contains("s3c")), "{lists:?}");
    let sent = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "robot:s3c:r3t");
    assert!(config.contains(&format!("extraHeader = Authorization: Basic {sent}")), "{config}");
    drop((connection, listener));
    asked.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_login_in_the_address_is_never_told() {
    let world = World::new();
    let (listener, _) = silent_listener().await;
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let failed =
        world.try_fetch(&format!("https://robot:s3cr3t@127.0.0.1:{port}/shop.git")).await.unwrap_err();

    let told = format!("{failed} {failed:?}");
    assert!(told.contains("127.0.0.1"), "{told}");
    assert!(!told.contains("s3cr3t") && !told.contains("robot"), "{told}");
}
