//! Repositories and addresses made to run something of theirs on our side
//! (security.md 27 and 29).

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::{World, id};
use crate::repo::{Limits, RepoError};

impl World {
    /// A file that only a successful attack makes.
    fn trap(&self) -> PathBuf {
        self.folder.path().join("trapped")
    }

    fn assert_nothing_ran(&self) {
        assert!(!self.trap().exists());
    }
}

#[tokio::test]
async fn an_address_that_is_an_option_or_a_command_is_refused_and_not_run() {
    let world = World::new();
    let trap = world.trap();
    let touch = trap.display();
    for address in [
        format!("ext::sh -c touch% {touch}"),
        format!("--upload-pack=touch {touch}"),
        format!("-u touch {touch}"),
        format!("-oProxyCommand=touch {touch}"),
        format!("ssh://-oProxyCommand=touch {touch}/x"),
        format!("ssh://-oProxyCommand=touch%20{touch}/x"),
        format!("git@-oProxyCommand=touch {touch}:x"),
        format!("-x@host:touch {touch}"),
        format!("fd::17/{touch}"),
        format!("http://127.0.0.1/{touch}"),
        format!("git://127.0.0.1/{touch}"),
        format!("file://{}", world.git.address()),
        "relative/path".to_owned(),
        String::new(),
        "https://host/a\nb".to_owned(),
    ] {
        let refused = world.try_fetch(&address).await.unwrap_err();
        assert!(matches!(refused, RepoError::Refused(_)), "{address}: {refused:?}");
        assert!(refused.to_string().starts_with("the repository address "), "{refused}");
    }
    world.assert_nothing_ran();
    assert!(!world.data().exists(), "git was never asked");
}

#[tokio::test]
async fn a_path_full_of_shell_is_only_a_path() {
    let mut world = World::new();
    let nasty =
        format!("a 'b' \"c\" $(touch {}) ;id; `id` %s", world.trap().display().to_string().replace('/', "_"));
    let folder = world.folder.path().join(nasty);
    world.git = super::super::support::git::GitRepository::init(&folder);
    let commit = world.git.commit("one", 1_000);
    world.git.tag("v1", &commit);

    world.fetch().await;

    assert_eq!(world.tag_names().await, ["v1"]);
}

#[tokio::test]
async fn refs_named_like_options_or_shell_are_only_names() {
    let world = World::new();
    let commit = world.git.commit("one", 1_000);
    let trap = world.trap();
    let options = [
        format!("--upload-pack=touch={}", trap.display()),
        format!("--output={}", trap.display()),
        "-rf".to_owned(),
    ];
    for name in &options {
        // Slashes of the path make folders; the name still begins with dashes.
        world.git.set_ref(&format!("refs/tags/{name}"), &commit);
        world.git.set_ref(&format!("refs/heads/{name}"), &commit);
    }
    let shell = "x';id;'$(id)`id`";
    world.git.tag(shell, &commit).branch(shell, &commit).tag("größe/ü", &commit);
    world.fetch().await;

    let list = world.mirrors.tags(&world.app, 100).await.unwrap();
    assert_eq!(world.tag_names().await, [shell, "größe/ü"]);
    assert_eq!(list.refused.len(), options.len());
    assert!(
        list.refused.iter().all(|refused| refused.why == "its name is not a name that git allows for a tag")
    );
    for branch in options.iter().map(String::as_str).chain([shell]) {
        assert!(world.mirrors.is_reachable(&world.app, &id(&commit), branch).await.unwrap(), "{branch}");
        assert_eq!(world.mirrors.branch_commits(&world.app, branch, 9).await.unwrap().len(), 1);
    }
    let tag = world.mirrors.tag(&world.app, &super::tag(shell)).await.unwrap().unwrap();
    assert_eq!(tag.commit, id(&commit));
    world.assert_nothing_ran();
}

#[tokio::test]
async fn hooks_filters_and_attributes_of_a_repository_never_count() {
    let world = World::new();
    let run = format!("touch {}", world.trap().display());
    let git = &world.git;
    let as_committed = b"$Id$ $Format:%H$ one\r\ntwo\n".as_slice();
    git.write("plain.txt", as_committed);
    git.write("hidden", "x\n");
    git.write("post-checkout", format!("#!/bin/sh\n{run}\n"));
    git.write(
        ".gitattributes",
        "*.txt filter=evil diff=evil ident export-subst eol=crlf working-tree-encoding=UTF-16\nhidden export-ignore\n",
    );
    git.git(["config", "core.autocrlf", "false"]);
    // Committed before the filter is known, so that it cannot fire on their side.
    git.git(["-c", "core.attributesFile=/dev/null", "hash-object", "-w", "--no-filters", "plain.txt"]);
    let blob = git.blob(as_committed);
    git.git(["add", "hidden", "post-checkout", ".gitattributes"]);
    git.git([
        "update-index".to_owned(),
        "--add".to_owned(),
        "--cacheinfo".to_owned(),
        format!("100644,{blob},plain.txt"),
    ]);
    let commit = git.commit_index("one", 1_000);
    for (key, value) in [
        ("filter.evil.smudge", run.as_str()),
        ("filter.evil.clean", run.as_str()),
        ("diff.evil.textconv", run.as_str()),
        ("diff.external", run.as_str()),
        ("core.fsmonitor", run.as_str()),
        ("core.sshCommand", run.as_str()),
        ("uploadpack.packObjectsHook", run.as_str()),
    ] {
        git.git(["config", key, value]);
    }
    for hook in [
        "post-checkout",
        "post-merge",
        "pre-receive",
        "post-update",
        "reference-transaction",
        "post-index-change",
    ] {
        git.write_executable(format!(".git/hooks/{hook}"), format!("#!/bin/sh\n{run}\n"));
    }

    world.fetch().await;
    let tree = world.mirrors.export(&world.app, &id(&commit), false).await.unwrap();
    world.mirrors.patch(&world.app, None, &id(&commit)).await.unwrap();

    assert_eq!(fs::read(tree.path.join("plain.txt")).unwrap(), as_committed);
    assert!(tree.path.join("hidden").exists());
    assert!(!tree.path.join(".git").exists());
    let hooks = fs::read_dir(world.mirror().join("hooks")).map_or(0, Iterator::count);
    assert_eq!(hooks, 0, "a mirror has no hooks");
    world.assert_nothing_ran();
}

#[tokio::test]
async fn a_submodule_with_a_command_for_an_address_is_refused_and_never_followed() {
    let world = World::new();
    let run = format!("ext::sh -c touch% {}", world.trap().display());
    world.git.write(".gitmodules", format!("[submodule \"lib\"]\n\tpath = lib\n\turl = {run}\n"));
    world.git.git(["add", ".gitmodules"]);
    let entry = format!("160000,{},lib", "1".repeat(40));
    world.git.git(["update-index", "--add", "--cacheinfo", &entry]);
    let commit = id(&world.git.commit_index("one", 1_000));
    world.fetch().await;

    let refused = world.mirrors.export(&world.app, &commit, false).await.unwrap_err();
    assert_eq!(refused.to_string(), "lib: is a submodule, which this application does not allow");

    let tree = world.mirrors.export(&world.app, &commit, true).await.unwrap();
    assert!(!tree.path.join("lib").exists());
    let refused = world.mirrors.export(&world.app, &commit, false).await.unwrap_err();
    assert!(matches!(refused, RepoError::RefusedTree { .. }), "also once it lies there: {refused:?}");
    world.assert_nothing_ran();
}

/// Name, links as (path, target), what is said.
type LinkCase<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

#[tokio::test]
async fn a_link_that_leaves_the_tree_is_refused_by_name() {
    let long_way = "../".repeat(2000) + "etc/passwd";
    let cases: [LinkCase<'_>; 8] = [
        ("up and out", &[("a/link", "../../etc/passwd")], "a/link: is a link that leads out of the tree"),
        ("absolute", &[("link", "/etc/passwd")], "link: is a link to an absolute path"),
        ("the parent", &[("link", "..")], "link: is a link that leads out of the tree"),
        // As text, b/../.. is the root of the tree; as the system walks it, it is above.
        (
            "by way of a folder link",
            &[("a/b/link", "../top/.."), ("a/top", "..")],
            "a/b/link: is a link that leads out of the tree",
        ),
        (
            "by three links",
            &[("d/x", "../e/y"), ("e/y", "../f/z"), ("f/z", "../../out")],
            "d/x: is a link that leads out of the tree",
        ),
        (
            "through what is missing",
            &[("link", "nowhere/../../out")],
            "link: is a link that leads out of the tree",
        ),
        ("in circles", &[("a", "b"), ("b", "a")], "a: is a link that leads in circles"),
        ("very long", &[("link", &long_way)], "link: is a link with a target that is too long"),
    ];
    for (name, links, expected) in cases {
        let world = World::new();
        for (path, target) in links {
            // The index takes links that a file system would not.
            let blob = world.git.blob(target);
            world.git.git(["update-index", "--add", "--cacheinfo", &format!("120000,{blob},{path}")]);
        }
        let commit = id(&world.git.commit_index("one", 1_000));
        world.fetch().await;

        let refused = world.mirrors.export(&world.app, &commit, true).await.unwrap_err();

        assert_eq!(refused.to_string(), expected, "{name}");
        let shelf = fs::read_dir(world.data().join("trees/shop")).unwrap();
        assert_eq!(shelf.count(), 0, "{name}: nothing is left");
    }
}

#[tokio::test]
async fn a_link_that_stays_in_the_tree_is_kept_as_it_is() {
    let world = World::new();
    let links = [
        ("current", "releases/one"),
        ("a/b/up", "../../file"),
        ("a/b/around", "../../a/b/../../file"),
        ("through", "current/../two"),
        ("not yet", "build/output"),
        ("here", "."),
        ("slashes", "a//b/"),
    ];
    world.git.write("file", "x\n").write("releases/one/f", "x\n").write("releases/two", "x\n");
    for (path, target) in links {
        world.git.link(path, target);
    }
    let commit = id(&world.git.commit("one", 1_000));
    world.fetch().await;

    let tree = world.mirrors.export(&world.app, &commit, false).await.unwrap();

    for (path, target) in links {
        let kept = fs::read_link(tree.path.join(path)).unwrap();
        assert_eq!(kept.as_os_str().as_bytes(), target.as_bytes(), "{path}");
    }
}

/// Entries as (mode, name, object), what is said.
type TreeCase<'a> = (&'a [(&'a str, &'a [u8], &'a str)], &'a str);

#[tokio::test]
async fn a_tree_that_no_honest_git_writes_is_refused() {
    let world = World::new();
    let git = &world.git;
    let blob = git.blob("x\n");
    let folder = git.raw_tree(&[("100644", b"passwd", &blob)]);
    let link = git.blob("a");
    let hooks = git.raw_tree(&[("100755", b"post-checkout", &blob)]);
    let cases: [TreeCase<'_>; 7] = [
        (&[("40000", b".git", &hooks)], ".git: is a name that only git itself may use"),
        (&[("40000", b".GiT", &hooks)], ".GiT: is a name that only git itself may use"),
        (&[("40000", b"..", &folder)], "..: is a name that leads elsewhere"),
        (&[("100644", b".", &blob)], ".: is a name that leads elsewhere"),
        (&[("100644", b"a/../../b", &blob)], "a/../../b: is a name that no file can have"),
        (&[("100644", b"a", &blob), ("100644", b"a", &blob)], "a: is in the tree twice"),
        // A link first and a folder of the same name: writing into the folder would follow it.
        (&[("120000", b"b", &link), ("40000", b"b", &folder)], "b: is in the tree twice"),
    ];
    for (number, (entries, expected)) in cases.iter().enumerate() {
        let tree = git.raw_tree(entries);
        let commit = git.commit_tree(&tree, &[], "bad", 1_000);
        git.branch(&format!("bad-{number}"), &commit);
        world.fetch().await;

        let refused = world.mirrors.export(&world.app, &id(&commit), true).await.unwrap_err();

        assert_eq!(refused.to_string(), *expected);
    }
}

#[tokio::test]
async fn a_few_objects_that_describe_endless_paths_are_refused_before_they_are_spread_out() {
    let world = World::with_limits(Limits { tree_entries: 5_000, ..Limits::default() });
    let git = &world.git;
    let before = git.commit("before", 1_000);
    let mut tree = git.raw_tree(&[("100644", b"file", &git.blob("x"))]);
    // Ten folders in each of ten levels: 10,000,000,000 files.
    for _ in 0..10 {
        let names: Vec<[u8; 1]> = (b'a'..=b'j').map(|name| [name]).collect();
        let entries: Vec<(&str, &[u8], &str)> =
            names.iter().map(|name| ("40000", name.as_slice(), tree.as_str())).collect();
        tree = git.raw_tree(&entries);
    }
    let bomb = id(&git.commit_tree(&tree, &[&before], "bomb", 2_000));
    git.branch("bomb", bomb.as_str());
    world.fetch().await;

    let export = world.mirrors.export(&world.app, &bomb, true).await.unwrap_err();
    assert_eq!(export.to_string(), "the tree has more than 5000 entries");
    for from in [None, Some(id(&before))] {
        let patch = world.mirrors.patch(&world.app, from.as_ref(), &bomb).await.unwrap_err();
        assert_eq!(patch.to_string(), "more than 5000 files and folders differ");
    }
}
