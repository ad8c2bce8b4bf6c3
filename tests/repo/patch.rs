//! The patch that is sealed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use sha2::{Digest, Sha256};

use super::super::support::git::{git_at, output_of};
use super::{World, id};
use crate::domain::diff::{FileStat, FileStatus, Patch};
use crate::domain::manifest::hex;
use crate::repo::{Limits, RepoError};

impl World {
    async fn patch(&self, from: Option<&str>, to: &str) -> Patch {
        let from = from.map(id);
        self.mirrors.patch(&self.app, from.as_ref(), &id(to)).await.unwrap()
    }

    /// What git itself prints, asked in the same mirror.
    fn git_diff(&self, from: &str, to: &str) -> String {
        let mut command = git_at(&self.mirror());
        command.args(["diff", "--no-color", "--no-renames", "--full-index", "--binary", from, to]);
        String::from_utf8_lossy(&output_of(command, b"")).into_owned()
    }

    async fn assert_same_as_git(&self, from: &str, to: &str) -> Patch {
        let patch = self.patch(Some(from), to).await;
        pretty(&String::from_utf8_lossy(&patch.bytes), &self.git_diff(from, to));
        assert_eq!(patch.sha256, hex(&Sha256::digest(&patch.bytes)));
        patch
    }
}

/// Names the first line that differs, where the whole would fill the screen.
fn pretty(ours: &str, gits: &str) {
    for (line, (our, git)) in ours.lines().zip(gits.lines()).enumerate() {
        assert_eq!(our, git, "line {line}");
    }
    assert_eq!(ours.len(), gits.len());
}

const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// Bytes without any pattern, the same for the same seed; the first makes them binary.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::once(0).chain(std::iter::repeat_with(next)).take(length).collect()
}

/// Forty functions, in one of which a line is changed.
fn code(line: &str) -> String {
    let functions = (0..40).map(|n| format!("fn number_{n}() {{\n    one();\n    two();\n}}\n\n"));
    let all: String = functions.collect();
    all.replace("fn number_20() {\n    one();", &format!("fn number_20() {{\n    {line}"))
}

/// Two commits that differ in every way a text can.
fn two_commits_of_text(world: &World) -> (String, String) {
    let git = &world.git;
    let not_utf8 = OsStr::from_bytes(b"caf\xe9 \xff.txt");
    let odd = [
        OsStr::new("ünï côdé"),
        OsStr::new("quote\" back\\slash"),
        OsStr::new("tab\tnew\nline\u{1}"),
        not_utf8,
    ];
    for name in odd {
        git.write(name, "x\n");
    }
    git.write("plain.rs", code("one();"))
        .write("mode.sh", "#!/bin/sh\n")
        .write("mode and text.sh", "one\n")
        .write("gone.txt", "line\nline\n")
        .write("gone and empty", "")
        .write("no end", "a\nb")
        .write("end appears", "a\nb")
        .write("end goes", "a\nb\n")
        .write("to link", "target")
        .write("to folder", "x\n")
        .write("folder/of one", "x\n")
        .write("crlf", "a\r\nb\r\n")
        .write("latin", b"caf\xe9\n")
        .write("-dash", "x\n")
        .write("a.txt", "x\n")
        .write("a/b", "x\n")
        .write("moved from", "the same content\n".repeat(30))
        .write(".gitattributes", "plain.rs -diff\n*.txt diff=mine\n")
        .link("link", "plain.rs")
        .link("to file", "plain.rs");
    let old = git.commit("old", 1_000);
    for gone in
        ["gone.txt", "gone and empty", "to link", "to folder", "folder", "link", "to file", "moved from"]
    {
        git.remove(gone);
    }
    for name in odd {
        git.write(name, "y\n");
    }
    git.write("plain.rs", code("three();"))
        .set_executable("mode.sh", true)
        .write_executable("mode and text.sh", "two\n")
        .write("no end", "a\nc")
        .write("end appears", "a\nb\n")
        .write("end goes", "a\nb")
        .link("to link", "target")
        .write("to folder/inside", "x\n")
        .write("folder", "x\n")
        .write("crlf", "a\r\nc\r\n")
        .write("latin", b"caf\xe8\n")
        .write("-dash", "y\n")
        .write("a.txt", "y\n")
        .write("a/b", "y\n")
        .write("moved to", "the same content\n".repeat(30))
        .write("new and empty", "")
        .write_executable("new and executable", "x\n")
        .link("link", "mode.sh")
        .write("to file", "plain.rs");
    (old, git.commit("new", 2_000))
}

#[tokio::test]
async fn text_is_what_git_diff_prints_byte_for_byte() {
    let world = World::new();
    let (old, new) = two_commits_of_text(&world);
    world.fetch().await;

    let forth = world.assert_same_as_git(&old, &new).await;
    let back = world.assert_same_as_git(&new, &old).await;

    assert!(forth.stat.files.iter().all(|file| !file.binary), "else git itself printed it");
    assert_eq!((forth.stat.added(), forth.stat.deleted()), (back.stat.deleted(), back.stat.added()));
    assert_eq!(forth, world.patch(Some(&old), &new).await, "the same each time");
}

#[tokio::test]
async fn binary_files_are_packed_as_git_diff_packs_them() {
    let world = World::new();
    let git = &world.git;
    git.write("image.bin", noise(1, 70_000)).write("small.bin", b"\0a").write("gone.bin", noise(2, 300));
    git.write("text", "one\n");
    let old = git.commit("old", 1_000);
    let mut edited = noise(1, 70_000);
    edited.splice(30_000..30_010, *b"a splice in the middle");
    git.write("image.bin", edited).write("small.bin", b"\0b").remove("gone.bin");
    git.write("new.bin", noise(3, 300)).write("text", "two\n");
    let new = git.commit("new", 2_000);
    world.fetch().await;

    let patch = world.assert_same_as_git(&old, &new).await;
    world.assert_same_as_git(&new, &old).await;

    let text = String::from_utf8_lossy(&patch.bytes).into_owned();
    assert!(text.contains("\ndelta ") && text.contains("\nliteral "), "both ways of packing occur");
    assert_eq!(patch.stat.files.iter().filter(|file| file.binary).count(), 4);
}

#[tokio::test]
async fn text_of_any_shape_is_what_git_diff_prints() {
    let world = World::new();
    let words =
        ["{", "}", "", "    one();", "    two();", "fn a() {", "\t\tx", "  ", "end", "# head", "$var", "_x"];
    let mut state: u32 = 7;
    let mut pick = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(state >> 8).unwrap() % below
    };
    let mut files: Vec<Vec<String>> = Vec::new();
    for _ in 0..300 {
        let lines = pick(200);
        files.push((0..lines).map(|_| words[pick(words.len())].to_owned()).collect());
    }
    for (number, lines) in files.iter().enumerate() {
        world.git.write(format!("file {number}"), lines.join("\n"));
    }
    let old = world.git.commit("old", 1_000);
    for (number, lines) in files.iter_mut().enumerate() {
        for _ in 0..pick(12) {
            let place = pick(lines.len() + 1);
            match pick(4) {
                0 => lines.insert(place, words[pick(words.len())].to_owned()),
                1 if place < lines.len() => drop(lines.remove(place)),
                2 => {
                    let block: Vec<String> = lines.iter().skip(place).take(pick(9)).cloned().collect();
                    lines.splice(place..place, block);
                }
                _ => drop(lines.drain(place.saturating_sub(pick(9))..place)),
            }
        }
        world.git.write(format!("file {number}"), lines.join("\n"));
    }
    let new = world.git.commit("new", 2_000);
    world.fetch().await;
    world.assert_same_as_git(&old, &new).await;
    world.assert_same_as_git(&new, &old).await;
}

fn stat(path: &str, status: FileStatus, added: u64, deleted: u64) -> FileStat {
    FileStat { path: path.to_owned(), status, added, deleted, binary: false, mode: None }
}

#[tokio::test]
async fn the_stat_counts_lines_and_names_what_happened_to_each_file() {
    let world = World::new();
    world
        .git
        .write("changed", "1\n2\n3\n")
        .write("gone", "1\n2\n")
        .write("run", "x\n")
        .write("turned", "x\n");
    world.git.write("both", "x\n").write("picture", noise(1, 50));
    let old = world.git.commit("old", 1_000);
    world
        .git
        .write("changed", "1\ntwo\nthree\n3\n")
        .remove("gone")
        .set_executable("run", true)
        .remove("turned");
    world.git.link("turned", "changed").write_executable("both", "y\n").write("new", "1\n");
    world.git.write("picture", noise(2, 60));
    let new = world.git.commit("new", 2_000);
    world.fetch().await;

    let patch = world.patch(Some(&old), &new).await;

    let to_program = Some("100644 → 100755".to_owned());
    let expected = vec![
        FileStat { mode: to_program.clone(), ..stat("both", FileStatus::Modified, 1, 1) },
        stat("changed", FileStatus::Modified, 2, 1),
        stat("gone", FileStatus::Deleted, 0, 2),
        stat("new", FileStatus::Added, 1, 0),
        FileStat { binary: true, ..stat("picture", FileStatus::Modified, 0, 0) },
        FileStat { mode: to_program, ..stat("run", FileStatus::ModeChanged, 0, 0) },
        FileStat {
            mode: Some("100644 → 120000".to_owned()),
            ..stat("turned", FileStatus::TypeChanged, 1, 1)
        },
    ];
    assert_eq!(patch.stat.files, expected);
}

#[tokio::test]
async fn the_first_release_is_a_patch_from_the_empty_tree() {
    let world = World::new();
    world.git.write("src/main.rs", "fn main() {}\n").write("logo", noise(1, 50)).write("empty", "");
    let with_binary = world.git.commit("first", 1_000);
    world.git.remove("logo");
    let text_only = world.git.commit("second", 2_000);
    world.git.remove("src").remove("empty");
    let nothing = world.git.commit("all gone", 3_000);
    world.fetch().await;

    for commit in [&with_binary, &text_only, &nothing] {
        let patch = world.patch(None, commit).await;
        assert_eq!(String::from_utf8_lossy(&patch.bytes), world.git_diff(EMPTY_TREE, commit));
    }
    assert!(world.patch(None, &nothing).await.bytes.is_empty());
    world.assert_same_as_git(&with_binary, &nothing).await;
}

#[tokio::test]
async fn a_submodule_that_moves_is_told_as_git_tells_it() {
    let world = World::new();
    let entry = |commit: char| format!("160000,{},vendor/lib", commit.to_string().repeat(40));
    world.git.git(["update-index".to_owned(), "--add".to_owned(), "--cacheinfo".to_owned(), entry('1')]);
    let old = world.git.commit_index("old", 1_000);
    world.git.git(["update-index".to_owned(), "--cacheinfo".to_owned(), entry('2')]);
    let new = world.git.commit_index("new", 2_000);
    world.fetch().await;

    let patch = world.assert_same_as_git(&old, &new).await;

    assert_eq!(patch.stat.files, [stat("vendor/lib", FileStatus::Modified, 1, 1)]);
}

#[tokio::test]
async fn a_patch_over_the_limit_is_refused_in_words_whoever_prints_it() {
    let world = World::with_limits(Limits { patch_bytes: 1 << 20, ..Limits::default() });
    let base = world.git.commit("nothing", 1_000);
    world.git.write("text", "a line of text\n".repeat(100_000));
    let text = world.git.commit("text", 2_000);
    world.git.remove("text").write("binary", noise(1, 2 << 20));
    let binary = world.git.commit("binary", 3_000);
    world.fetch().await;

    for commit in [text, binary] {
        let refused = world.mirrors.patch(&world.app, Some(&id(&base)), &id(&commit)).await.unwrap_err();
        assert!(matches!(refused, RepoError::TooLarge(_)), "{refused:?}");
        assert_eq!(refused.to_string(), "the patch is larger than 1 MB");
    }
}

#[tokio::test]
async fn a_commit_that_is_not_there_has_no_patch() {
    let world = World::new();
    let commit = id(&world.git.commit("one", 1_000));
    world.fetch().await;
    let unknown = id(&"0".repeat(40));

    for (from, to) in [(Some(&unknown), &commit), (Some(&commit), &unknown), (None, &unknown)] {
        let refused = world.mirrors.patch(&world.app, from, to).await.unwrap_err();
        assert!(matches!(&refused, RepoError::NoSuchCommit(id) if *id == unknown), "{refused:?}");
    }
}
