//! What is run, as values.

use std::path::Path;

use rstest::rstest;

use super::stage::{as_user, facts, name, unwalled, walled};
use crate::domain::event::StepOutcome;
use crate::domain::name::CommitId;
use crate::runner::local::facts::MethodFacts;
use crate::runner::local::process::{Outcome, Program};
use crate::runner::local::sandbox::{Private, Sandbox};

fn program(sandbox: &Sandbox) -> Program {
    let args = ["production", "web-1", "v1.2"];
    sandbox.program("/data/p/tree".as_ref(), "/data/p/tmp".as_ref(), "tests/a b.sh", &args, &facts())
}

/// One word a line; the constant scripts are not repeated here.
fn shown(program: &Program) -> String {
    let words = program.argv.iter().map(|word| word.to_str().unwrap());
    words.map(|word| if word.contains('\n') { "(script)" } else { word }).collect::<Vec<_>>().join(" ")
}

fn environment(program: &Program) -> Vec<String> {
    let pairs = program.env.iter();
    pairs.map(|(name, value)| format!("{}={}", name.to_str().unwrap(), value.to_str().unwrap())).collect()
}

#[test]
fn bubblewrap_shows_the_tree_the_system_and_nothing_else() {
    let shown = |as_root| {
        let sandbox = walled(false, &[], Private::default()).for_root(as_root);
        shown(&program(&sandbox)).replace(" --", "\n--")
    };
    insta::assert_snapshot!("for_a_plain_user", shown(false));
    insta::assert_snapshot!("for_root", shown(true));
    let program = program(&walled(false, &[], Private::default()));
    assert_eq!(environment(&program).len(), 1, "bwrap itself gets a PATH only: {program:?}");
    assert_eq!(program.mark, None);
}

#[test]
fn the_network_and_further_folders_are_there_only_when_asked_for() {
    let closed = shown(&program(&walled(false, &[], Private::default())));
    assert!(closed.contains(" --unshare-net ") && !closed.contains("resolv.conf"));
    let open = shown(&program(&walled(true, &["/srv/no such cache".into()], Private::default())));
    assert!(!open.contains("--unshare-net") && open.contains(" /etc/resolv.conf /etc/resolv.conf "));
    assert!(open.contains(" --bind /srv/no such cache /srv/no such cache "));
}

#[test]
fn what_is_private_is_hidden_where_it_would_be_seen() {
    let private = Private {
        files: vec!["/usr/local/etc/countersign/auth.key".into(), "/etc/countersign/enc.key".into()],
        folders: vec!["/srv/cache/data".into(), "/var/lib/countersign".into()],
    };
    let words = shown(&program(&walled(false, &["/srv/cache".into()], private)));
    assert!(words.contains(" --ro-bind /dev/null /usr/local/etc/countersign/auth.key "), "{words}");
    assert!(words.contains("--bind /srv/cache /srv/cache --tmpfs /srv/cache/data "), "{words}");
    assert!(!words.contains("enc.key") && !words.contains("/var/lib"), "{words}");
}

#[test]
fn another_user_is_become_before_anything_of_the_release_runs() {
    let program = program(&as_user("builder"));
    insta::assert_snapshot!(shown(&program), @"sh -c (script) countersign builder sh -c (script) countersign 100 20 bash tests/a b.sh production web-1 v1.2");
    insta::assert_snapshot!(environment(&program).join("\n"), @r"
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    HOME=/data/p/tmp/home
    LANG=C.UTF-8
    TMPDIR=/data/p/tmp
    DEPLOY_APPLICATION=shop
    DEPLOY_ENVIRONMENT=production
    DEPLOY_RELEASE=v1.2
    DEPLOY_COMMIT=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    DEPLOY_HOST=web-1
    DEPLOY_ID=7
    ");
    assert_eq!(program.folder, Path::new("/data/p/tree"));
    assert_eq!(program.mark.unwrap(), "TMPDIR=/data/p/tmp");
}

#[test]
fn without_a_sandbox_the_environment_is_still_made_anew() {
    let program = program(&unwalled());
    insta::assert_snapshot!(shown(&program), @"sh -c (script) countersign 100 20 bash tests/a b.sh production web-1 v1.2");
    assert_eq!(environment(&program), environment(&self::program(&as_user("builder"))));
}

#[test]
fn a_command_that_deploys_is_told_every_host_and_what_is_live() {
    let mut facts = MethodFacts {
        facts: facts(),
        hosts: vec![name("web-1"), name("web-2")],
        from: Some(CommitId::parse(&"b".repeat(40)).unwrap()),
    };
    let told = |facts: &MethodFacts| -> Vec<String> {
        facts.variables().into_iter().skip(6).map(|(name, value)| format!("{name}={value}")).collect()
    };
    assert_eq!(
        told(&facts),
        ["DEPLOY_HOSTS=web-1,web-2".to_owned(), format!("DEPLOY_FROM={}", "b".repeat(40))]
    );
    facts.from = None;
    assert_eq!(told(&facts)[1], "DEPLOY_FROM=");
}

#[rstest]
#[case(Outcome::Exited(3), "x.sh ended with exit code 3")]
#[case(Outcome::Exited(255), "x.sh ended with exit code 255")]
#[case(Outcome::Exited(137), "x.sh ended with exit code 137, as one killed by signal 9")]
#[case(Outcome::Killed(11), "x.sh was killed by signal 11")]
#[case(Outcome::TimedOut { seconds: 5 }, "x.sh took longer than 5 s and was stopped")]
#[case(Outcome::NotStarted("why".to_owned()), "x.sh could not be started: why")]
fn ends_have_words(#[case] outcome: Outcome, #[case] words: &str) {
    assert_eq!(outcome.judged("x.sh"), StepOutcome::Failed { why: words.to_owned() });
    assert_eq!(Outcome::Exited(0).judged("x.sh"), StepOutcome::Done);
    assert_eq!(Outcome::Cancelled.judged("x.sh"), StepOutcome::Cancelled);
}
