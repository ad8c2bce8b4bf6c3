//! How commits stand to each other, and which ones are never lost.

use super::super::support::git::{git_at, output_of};
use super::{World, at, id};
use crate::domain::diff::Relation;
use crate::repo::RepoError;

/// `base` with two children, `left` and `right`; `merge` joins them; `alone` has no parent.
struct Family {
    base: String,
    left: String,
    right: String,
    merge: String,
    alone: String,
}

fn family(world: &World) -> Family {
    let git = &world.git;
    git.write("file", "x\n");
    let base = git.commit("base", 1_000);
    let tree = git.git(["rev-parse", "HEAD^{tree}"]);
    let left = git.commit_tree(&tree, &[&base], "left", 2_000);
    let right = git.commit_tree(&tree, &[&base], "right", 2_000);
    let merge = git.commit_tree(&tree, &[&left, &right], "merge", 3_000);
    let alone = git.commit_tree(&tree, &[], "alone", 4_000);
    git.branch("left", &left).branch("merge", &merge).branch("alone", &alone);
    Family { base, left, right, merge, alone }
}

#[tokio::test]
async fn the_four_relations() {
    let world = World::new();
    let family = family(&world);
    world.fetch().await;
    let relation = |of: &str, to: &str| {
        let (of, to) = (id(of), id(to));
        let (mirrors, app) = (&world.mirrors, &world.app);
        async move { mirrors.relation(app, &of, &to).await.unwrap() }
    };

    assert_eq!(relation(&family.left, &family.left).await, Relation::Same);
    assert_eq!(relation(&family.left, &family.base).await, Relation::Newer);
    assert_eq!(relation(&family.merge, &family.right).await, Relation::Newer);
    assert_eq!(relation(&family.base, &family.merge).await, Relation::Older);
    assert_eq!(relation(&family.left, &family.right).await, Relation::Diverged);
    assert_eq!(relation(&family.alone, &family.merge).await, Relation::Diverged);

    let unknown = id(&"1".repeat(40));
    let refused = world.mirrors.relation(&world.app, &unknown, &id(&family.base)).await.unwrap_err();
    assert!(matches!(refused, RepoError::NoSuchCommit(missing) if missing == unknown));
}

#[tokio::test]
async fn a_range_is_counted_whole_and_listed_newest_first() {
    let world = World::new();
    let family = family(&world);
    world.fetch().await;

    let range = |from: Option<&str>, to: &str, limit: usize| {
        let (from, to) = (from.map(id), id(to));
        let (mirrors, app) = (&world.mirrors, &world.app);
        async move { mirrors.commits_between(app, from.as_ref(), &to, limit).await.unwrap() }
    };

    let two = range(Some(&family.left), &family.merge, 10).await;
    let words: Vec<&str> = two.commits.iter().map(|commit| commit.summary.as_str()).collect();
    assert_eq!((two.total, words), (2, vec!["merge", "right"]));

    let cut = range(None, &family.merge, 1).await;
    assert_eq!((cut.total, cut.commits.len()), (4, 1));
    assert_eq!(cut.commits[0].id, id(&family.merge));

    assert_eq!(range(Some(&family.merge), &family.left, 10).await.total, 0);
}

#[tokio::test]
async fn reachable_means_the_head_of_the_branch_or_an_ancestor_of_it() {
    let world = World::new();
    let family = family(&world);
    world.fetch().await;
    let reachable = |commit: &str, branch: &'static str| {
        let commit = id(commit);
        let (mirrors, app) = (&world.mirrors, &world.app);
        async move { mirrors.is_reachable(app, &commit, branch).await }
    };

    assert!(reachable(&family.left, "left").await.unwrap());
    assert!(reachable(&family.base, "left").await.unwrap());
    assert!(!reachable(&family.right, "left").await.unwrap());
    assert!(!reachable(&"1".repeat(40), "left").await.unwrap());
    for branch in ["nowhere", "", "left~1", "left^{tree}", "..", "@{0}", "HEAD"] {
        let refused = reachable(&family.base, branch).await.unwrap_err();
        assert!(matches!(refused, RepoError::NoSuchBranch(_)), "{branch}: {refused:?}");
    }
}

#[tokio::test]
async fn a_branch_lists_its_newest_commits() {
    let world = World::new();
    for second in 1..=5 {
        world.git.commit(&format!("number {second}"), second * 1_000);
    }
    world.fetch().await;

    let commits = world.mirrors.branch_commits(&world.app, "main", 2).await.unwrap();

    let words: Vec<&str> = commits.iter().map(|commit| commit.summary.as_str()).collect();
    assert_eq!(words, ["number 5", "number 4"]);
    assert_eq!(commits[0].at, at(5_000));
    assert_eq!(commits[0].author_mail, "dana@example.com");
}

#[tokio::test]
async fn only_the_full_id_of_a_commit_finds_it() {
    let world = World::new();
    world.git.write("file", "x\n");
    let commit = world.git.commit("one", 1_000);
    let tag = world.git.annotated_tag("v1", &commit, "one", 1_000);
    let tree = world.git.git(["rev-parse", "HEAD^{tree}"]);
    world.fetch().await;
    let find = |text: &str| {
        let id = id(text);
        let (mirrors, app) = (&world.mirrors, &world.app);
        async move { mirrors.commit(app, &id).await.unwrap() }
    };

    assert_eq!(find(&commit).await.unwrap().summary, "one");
    for other in [tag, tree, "0".repeat(40), "a".repeat(64)] {
        assert_eq!(find(&other).await, None, "{other}");
    }
}

#[tokio::test]
async fn texts_of_a_commit_are_cut_to_one_plain_line() {
    let world = World::new();
    let long = format!("{}\u{202e}\u{7}!\nsecond line", "é".repeat(300));
    let git = world.git.clone().by("A\tB\u{200b}", "a@example.com");
    let commit = git.commit(&long, 1_000);
    world.fetch().await;

    let found = world.mirrors.commit(&world.app, &id(&commit)).await.unwrap().unwrap();

    assert_eq!(found.summary, format!("{}…", "é".repeat(199)));
    assert_eq!(found.author, "A B");
}

#[tokio::test]
async fn a_kept_commit_survives_a_force_push_pruning_and_gc() {
    let world = World::new();
    let base = world.git.commit("base", 1_000);
    world.git.write("file", "released\n");
    let kept = world.git.commit("kept", 2_000);
    world.git.reset(&base).write("file", "not released\n");
    let lost = world.git.commit("lost", 2_000);
    world.git.branch("released", &kept).branch("other", &lost);
    world.fetch().await;
    world.mirrors.keep(&world.app, &id(&kept)).await.unwrap();
    world.mirrors.keep(&world.app, &id(&kept)).await.unwrap();

    world.git.reset(&base).delete_branch("released").delete_branch("other");
    world.fetch().await;
    let mut gc = git_at(&world.mirror());
    gc.args(["gc", "--quiet", "--prune=now"]);
    output_of(gc, b"");

    assert!(world.mirrors.commit(&world.app, &id(&kept)).await.unwrap().is_some());
    assert_eq!(world.mirrors.commit(&world.app, &id(&lost)).await.unwrap(), None);
    let tree = world.mirrors.export(&world.app, &id(&kept), false).await.unwrap();
    assert_eq!(std::fs::read(tree.path.join("file")).unwrap(), b"released\n");
}

#[tokio::test]
async fn keeping_gets_past_the_lock_of_a_writer_that_died() {
    let world = World::new();
    let commit = world.git.commit("one", 1_000);
    world.fetch().await;
    let refs = world.mirror().join("refs/countersign");
    std::fs::create_dir_all(&refs).unwrap();
    std::fs::write(refs.join(format!("{commit}.lock")), "").unwrap();

    world.mirrors.keep(&world.app, &id(&commit)).await.unwrap();

    assert!(refs.join(&commit).exists());
}

#[tokio::test]
async fn before_the_first_fetch_everything_says_so() {
    let world = World::new();
    let commit = id(&"1".repeat(40));
    let (mirrors, app) = (&world.mirrors, &world.app);
    let errors = [
        mirrors.tags(app, 10).await.unwrap_err(),
        mirrors.commit(app, &commit).await.unwrap_err(),
        mirrors.patch(app, None, &commit).await.unwrap_err(),
        mirrors.keep(app, &commit).await.unwrap_err(),
        mirrors.export(app, &commit, false).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, RepoError::NoMirror), "{error:?}");
        assert_eq!(error.to_string(), "the repository has not been fetched yet");
    }
}
