//! What is run, as text, and what failures are called.

use std::process::Command;

use proptest::prelude::*;

use super::world::{commit, facts};
use crate::domain::git_release::GitRelease;
use crate::domain::rsync_options::RsyncOptions;
use crate::domain::target::TargetPath;
use crate::runner::quote::{quote, quote_all};
use crate::runner::ssh::sync::{Way, rsync_args};
use crate::runner::ssh::{commands, words};

/// What a shell makes of a command line: its words.
fn words_in(shell: &str, text: &str) -> Vec<u8> {
    Command::new(shell).args(["-c", &format!("printf '%s\\0' {text}")]).output().unwrap().stdout
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a word holds, a shell takes it for one word and for itself.
    #[test]
    fn a_quoted_word_is_that_word(words in proptest::collection::vec("[^\0]{0,12}|[-'\"$`\\\\!*~#;& \n]{1,8}", 1..4)) {
        let quoted = quote_all(words.iter().map(String::as_str));
        let mut expected = words.join("\0").into_bytes();
        expected.push(0);
        for shell in ["sh", "bash"] {
            prop_assert_eq!(&words_in(shell, &quoted), &expected);
        }
    }
}

#[test]
fn plain_words_stay_readable() {
    assert_eq!(quote("/srv/shop-1.2_a"), "/srv/shop-1.2_a");
    assert_eq!(quote(""), "''");
    assert_eq!(quote("x';touch /tmp/pwned;'"), r"'x'\'';touch /tmp/pwned;'\'''");
}

fn target() -> TargetPath {
    TargetPath::parse("/srv/my shop").unwrap()
}

/// The words after the constant script.
fn arguments(command: &str) -> &str {
    command.rsplit_once("countersign ").unwrap().1
}

#[test]
fn commands_hold_facts_only_as_quoted_arguments() {
    let mut facts = facts("/srv/my shop");
    facts.release = "x';id;'".to_owned();
    let mark =
        GitRelease::new(&facts.release, &commit('a'), jiff::Timestamp::UNIX_EPOCH, "/srv/my shop", true);
    let all = [
        commands::inspect(&target()),
        commands::make_folder(&target()),
        commands::mark(&target(), &mark),
        commands::deploy_script(&facts, "7", "web-1", &target()),
        commands::test_script(&facts, "7", "web-1", &target()),
    ];
    let arguments: Vec<&str> = all.iter().map(|command| arguments(command)).collect();
    insta::assert_snapshot!(arguments.join("\n"), @r"
    '/srv/my shop'
    '/srv/my shop'
    '/srv/my shop' 'x'\'';id;'\''
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    1970-01-01T00:00:00Z
    /srv/my shop
    in progress
    '
    '/srv/my shop' shop production 'x'\'';id;'\''' aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa web-1 7 deploy.sh remove production web-1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    '/srv/my shop' shop production 'x'\'';id;'\''' aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa web-1 7 tests/run_tests.sh keep production web-1 'x'\'';id;'\''' aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    ");
    insta::assert_snapshot!(commands::make_folder(&target()), @r#"exec sh -c 'mkdir -p -- "$1"' countersign '/srv/my shop'"#);
    insta::assert_snapshot!(commands::hold(), @"echo countersign-ready; exec cat >/dev/null");
}

/// Each script is read, not run, by every shell that may have to run it.
#[test]
fn the_scripts_are_sound() {
    let facts = facts("/srv/shop");
    for command in [
        commands::inspect(&target()),
        commands::switch(&target(), "shop_releases/7-aaaaaaaaaaaa"),
        commands::prune("/srv/shop_releases", 5, &target()),
        commands::deploy_script(&facts, "7", "web-1", &target()),
        commands::list(&target()),
    ] {
        for shell in ["sh", "bash"] {
            let unpacked = command.replacen("exec sh -c", &format!("{shell} -n -c"), 1);
            let output = Command::new("sh").args(["-c", &unpacked]).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        }
    }
}

#[test]
fn rsync_gets_the_administrators_options_between_ours() {
    let options = ["-az", "--delete", "--include=*"].map(str::to_owned);
    let options = RsyncOptions::parse(&options).unwrap();
    let target = target();
    let way =
        Way { options: &options, source: "/data/trees/ab cd".as_ref(), target: &target, link_from: None };
    let args = rsync_args(way, "s3");
    let args: Vec<&str> = args.iter().map(|arg| arg.to_str().unwrap()).collect();
    insta::assert_snapshot!(args.join("\n"), @r"
    --exclude=/.git_release
    -az
    --delete
    --include=*
    --recursive
    --links
    --executability
    --checksum
    --no-owner
    --no-group
    --protect-args
    --outbuf=L
    --8-bit-output
    -e
    ssh -F /dev/null -S s3 -o ControlMaster=no -o BatchMode=yes -o ProxyCommand=false
    --
    /data/trees/ab cd/
    host:/srv/my shop/
    ");
}

#[test]
fn failures_have_words_that_help() {
    let full = "rsync: [receiver] write failed on \"x\": No space left on device (28)";
    let gone = "rsync: connection unexpectedly closed (0 bytes received so far) [sender]";
    let said = [
        words::remote_failure("writing .git_release", 2, "sh: 5: cannot create: No space left on device\n"),
        words::remote_failure("writing .git_release", 2, "sh: 5: Permission denied\n\n"),
        words::remote_failure("writing .git_release", 1, ""),
        words::rsync_failure(Some(11), full).why,
        words::rsync_failure(Some(127), "bash: line 1: rsync: command not found").why,
        words::rsync_failure(
            Some(23),
            "rsync: mkdir \"/srv/\u{1b}[31mx\" failed: Permission denied (13)\nmore",
        )
        .why,
        words::rsync_failure(None, "").why,
        words::rsync_failure(Some(12), gone).why,
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
    writing .git_release: the disk is full
    writing .git_release failed with exit code 2: sh: 5: Permission denied
    writing .git_release failed with exit code 1
    the disk of the host is full
    rsync is missing on the host
    rsync ended with exit code 23: rsync: mkdir "/srv/\u{1b}[31mx" failed: Permission denied (13)
    rsync was killed
    rsync ended with exit code 12: rsync: connection unexpectedly closed (0 bytes received so far) [sender]
    "#);
    assert!(words::rsync_failure(Some(12), gone).lost_sight);
    assert!(!words::rsync_failure(Some(11), full).lost_sight);
}
