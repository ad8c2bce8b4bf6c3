//! Clean trees on disk.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{World, id};
use crate::domain::manifest::{Entry, EntryKind};
use crate::repo::{Limits, RepoError, Tree};

impl World {
    async fn export(&self, commit: &str) -> Tree {
        self.mirrors.export(&self.app, &id(commit), false).await.unwrap()
    }
}

fn file(path: impl AsRef<[u8]>, content: impl AsRef<[u8]>, executable: bool) -> Entry {
    let content = content.as_ref();
    let (size, sha256) = (content.len() as u64, Sha256::digest(content).into());
    Entry { path: path.as_ref().to_vec(), kind: EntryKind::File { executable, size, sha256 } }
}

#[tokio::test]
async fn a_tree_holds_what_the_commit_holds_under_any_name() {
    let world = World::new();
    let names: [&[u8]; 8] = [
        b"-rf",
        b"a b/c 'd' \"e\"",
        b"back\\slash",
        b"caf\xe9 not utf-8",
        b"line\nbreak",
        "ünï/côdé".as_bytes(),
        b"$(id)`id`;*?",
        b".hidden",
    ];
    for name in names {
        world.git.write(OsStr::from_bytes(name), name);
    }
    world.git.write_executable("bin/run", "#!/bin/sh\n").write("empty", "").link("to run", "bin/run");
    let commit = world.git.commit("one", 1_700_000_000);
    world.fetch().await;

    let tree = world.export(&commit).await;

    let mut expected: Vec<Entry> = names.iter().map(|name| file(name, name, false)).collect();
    expected.push(file("bin/run", "#!/bin/sh\n", true));
    expected.push(file("empty", "", false));
    expected
        .push(Entry { path: b"to run".to_vec(), kind: EntryKind::Symlink { target: b"bin/run".to_vec() } });
    expected.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(tree.manifest.entries, expected);
    for name in names {
        assert_eq!(fs::read(tree.path.join(OsStr::from_bytes(name))).unwrap(), name);
    }
    assert_eq!(count(&tree.path), 10 + 1 + 3, "files, link and folders, and nothing else");
}

/// Everything below a folder; each with the commit's time and one of the two modes.
fn count(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let counts = entries.map(|entry| {
        let facts = entry.metadata().unwrap();
        assert_eq!((facts.mtime(), facts.mtime_nsec()), (1_700_000_000, 0), "{:?}", entry.path());
        let is_program = facts.is_dir() || entry.file_name() == "run";
        if !facts.is_symlink() {
            let mode = if is_program { 0o755 } else { 0o644 };
            assert_eq!(facts.permissions().mode() & 0o7777, mode, "{:?}", entry.path());
        }
        1 + if facts.is_dir() { count(&entry.path()) } else { 0 }
    });
    counts.sum()
}

#[tokio::test]
async fn two_commits_of_one_second_and_one_size_are_two_manifests() {
    let world = World::new();
    world.git.write("version", "version = 1\n");
    let one = world.git.commit("one", 1_000);
    world.git.write("version", "version = 2\n");
    let two = world.git.commit("two", 1_000);
    world.fetch().await;

    let (one, two) = (world.export(&one).await, world.export(&two).await);

    assert_ne!(one.manifest.digest(), two.manifest.digest());
    assert_eq!(fs::read(one.path.join("version")).unwrap(), b"version = 1\n");
    assert_eq!(fs::read(two.path.join("version")).unwrap(), b"version = 2\n");
}

#[tokio::test]
async fn the_same_tree_at_another_time_is_a_folder_of_its_own() {
    let world = World::new();
    world.git.write("file", "x\n");
    let one = world.git.commit("one", 1_000);
    let again = world.git.commit("again", 2_000);
    world.fetch().await;

    let (one, again) = (world.export(&one).await, world.export(&again).await);

    assert_eq!(one.manifest, again.manifest);
    assert_eq!(fs::metadata(one.path.join("file")).unwrap().mtime(), 1_000);
    assert_eq!(fs::metadata(again.path.join("file")).unwrap().mtime(), 2_000);
}

#[tokio::test]
async fn a_finished_tree_is_used_again() {
    let world = World::new();
    world.git.write("folder/file", "x\n").link("link", "folder");
    let commit = world.git.commit("one", 1_000);
    world.fetch().await;
    let first = world.export(&commit).await;
    let inode = || fs::metadata(first.path.join("folder/file")).unwrap().ino();
    let before = inode();

    let second = world.export(&commit).await;

    assert_eq!(first, second);
    assert_eq!(inode(), before, "not written again");
}

#[tokio::test]
async fn a_tree_that_somebody_changed_is_made_anew() {
    let world = World::new();
    world.git.write("file", "one\n").write("folder/other", "x\n").link("link", "file");
    let commit = world.git.commit("one", 1_000);
    world.fetch().await;
    let tree = world.export(&commit).await;
    let file = tree.path.join("file");
    let changes: [(&str, &dyn Fn()); 6] = [
        ("same size", &|| fs::write(&file, "two\n").unwrap()),
        ("mode", &|| fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap()),
        ("gone", &|| fs::remove_file(&file).unwrap()),
        ("more", &|| fs::write(tree.path.join("folder/more"), "").unwrap()),
        ("link", &|| {
            fs::remove_file(tree.path.join("link")).unwrap();
            std::os::unix::fs::symlink("/etc", tree.path.join("link")).unwrap();
        }),
        ("record", &|| fs::write(tree.path.with_file_name("record"), "countersign tree 1\n").unwrap()),
    ];
    for (what, change) in changes {
        change();
        let again = world.export(&commit).await;
        assert_eq!(again, tree, "{what}");
        assert_eq!(fs::read(&file).unwrap(), b"one\n", "{what}");
        assert!(!tree.path.join("folder/more").exists());
        assert_eq!(fs::read_link(tree.path.join("link")).unwrap(), Path::new("file"));
    }
}

#[tokio::test]
async fn what_a_killed_export_left_is_cleared_away() {
    let world = World::new();
    world.git.write("file", "x\n");
    let commit = world.git.commit("one", 1_000);
    world.fetch().await;
    let shelf = world.data().join("trees/shop");
    fs::create_dir_all(shelf.join(".unfinished/tree")).unwrap();

    let tree = world.export(&commit).await;

    assert!(tree.path.join("file").exists());
    assert!(!shelf.join(".unfinished").exists());
}

#[tokio::test]
async fn an_lfs_pointer_is_refused_by_name_unless_allowed() {
    let world = World::new();
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n", "a".repeat(64));
    world
        .git
        .write("media/film.mp4", &pointer)
        .write("README", "see version https://git-lfs.github.com/spec/v1\n");
    let commit = id(&world.git.commit("one", 1_000));
    world.fetch().await;

    let refused = world.mirrors.export(&world.app, &commit, false).await.unwrap_err();
    let expected = "media/film.mp4: is a Git LFS pointer, which this application does not allow";
    assert_eq!(refused.to_string(), expected);

    let tree = world.mirrors.export(&world.app, &commit, true).await.unwrap();
    assert_eq!(fs::read_to_string(tree.path.join("media/film.mp4")).unwrap(), pointer);
}

#[tokio::test]
async fn an_empty_commit_is_an_empty_tree() {
    let world = World::new();
    let commit = world.git.commit("nothing", 1_000);
    world.fetch().await;
    let tree = world.export(&commit).await;
    assert_eq!(tree.manifest.entries, []);
    assert_eq!(fs::read_dir(&tree.path).unwrap().count(), 0);
}

#[tokio::test]
async fn a_tree_over_the_limits_is_refused_in_words() {
    let limits = Limits { tree_entries: 3, tree_bytes: 2 << 20, file_bytes: 1 << 20, ..Limits::default() };
    let world = World::with_limits(limits);
    let megabyte = vec![b'x'; 1 << 20];
    world.git.write("1", &megabyte).write("2", &megabyte).write("3", "x");
    let large = id(&world.git.commit("large", 1_000));
    world.git.write("3", [&megabyte[..], b"x"].concat());
    let one = id(&world.git.commit("one large file", 2_000));
    world.git.write("1", "").write("2", "").write("3", "").write("4", "");
    let many = id(&world.git.commit("many", 3_000));
    world.fetch().await;

    for (commit, words) in [
        (large, "the tree is larger than 2 MB"),
        (one, "3 is larger than 1 MB"),
        (many, "the tree has more than 3 entries"),
    ] {
        let refused = world.mirrors.export(&world.app, &commit, false).await.unwrap_err();
        assert!(matches!(refused, RepoError::TooLarge(_)));
        assert_eq!(refused.to_string(), words);
    }
}

#[tokio::test]
async fn only_this_account_may_look_at_mirrors_and_trees() {
    let world = World::new();
    let commit = world.git.commit("one", 1_000);
    world.fetch().await;
    world.export(&commit).await;
    for folder in ["mirrors", "trees"] {
        let facts = fs::metadata(world.data().join(folder)).unwrap();
        assert_eq!(facts.permissions().mode() & 0o777, 0o700, "{folder}");
    }
}
