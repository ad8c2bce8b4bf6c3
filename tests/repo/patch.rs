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
    let odd = [OsStr::new("ünï côdé"), OsStr::new("quote\" back\\slash"), OsStr::new("tab\tnew\nline\u{1}"), not_utf8];
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
    for gone in ["gone.txt", "gone and empty", "to link", "to folder", "folder", "link", "to file", "moved from"] {
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
