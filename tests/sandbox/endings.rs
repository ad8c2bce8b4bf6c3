//! Every way a program ends, and that nothing of it is left.

use std::ffi::OsString;
use std::time::Duration;

use rstest::rstest;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::stage::{Stage, as_user, failure, is_alive, is_root, nothing_is_left_of, short, unwalled, walled};
use crate::domain::event::{EventKind, StepId, StepOutcome};
use crate::runner::local::process::{Limits, Outcome, Program, Stdin, run};
use crate::runner::local::sandbox::{Private, Sandbox};
use crate::runner::output::Output;

fn bubblewrap() -> Sandbox {
    walled(false, &[], Private::default())
}

fn nobody() -> Sandbox {
    if is_root() { as_user("nobody") } else { unwalled() }
}

/// A program of the operator's, or any other that is not supervised.
fn shell(script: &str, limits: Limits) -> Program {
    Program {
        argv: ["bash", "-c", script].map(OsString::from).into(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        folder: "/".into(),
        stdin: Stdin::Bytes(Vec::new()),
        limits,
        mark: None,
    }
}

#[rstest]
#[case::in_bubblewrap(bubblewrap())]
#[case::as_another_user(nobody())]
#[case::without_sandbox(unwalled())]
#[tokio::test]
async fn a_cancelled_script_may_tidy_up(#[case] sandbox: Sandbox) {
    let stage = Stage::with(sandbox);
    let sign = stage.sign();
    let ran = stage
        .predeploy(&format!(
            "trap 'echo tidied; exit 1' TERM\nbash -c 'exec -a {sign} sleep 1000' &\necho 'cancel me'\nwait\n"
        ))
        .await;
    assert_eq!(ran.end, StepOutcome::Cancelled);
    assert_eq!(ran.stdout(), ["cancel me", "tidied"]);
    nothing_is_left_of(&sign).await;
}

#[rstest]
#[case::in_bubblewrap(bubblewrap())]
#[case::as_another_user(nobody())]
#[case::without_sandbox(unwalled())]
#[tokio::test]
async fn a_script_and_its_children_that_ignore_term_are_killed(#[case] sandbox: Sandbox) {
    let stage = Stage::with(sandbox.with_limits(short()));
    let sign = stage.sign();
    let ran = stage
        .predeploy(&format!(
            "trap '' TERM\n\
             bash -c 'exec -a {sign} sleep 1000' &\n\
             setsid bash -c 'exec -a {sign} sleep 1000' &\n\
             echo 'cancel me'\nwhile :; do wait; done\n"
        ))
        .await;
    assert_eq!(ran.end, StepOutcome::Cancelled);
    nothing_is_left_of(&sign).await;
}

#[rstest]
#[case::in_bubblewrap(bubblewrap())]
#[case::as_another_user(nobody())]
#[case::without_sandbox(unwalled())]
#[tokio::test]
async fn what_a_script_leaves_behind_holds_nobody_up_and_does_not_live_on(#[case] sandbox: Sandbox) {
    let stage = Stage::with(sandbox.with_limits(short()));
    let sign = stage.sign();
    let ran = stage
        .predeploy(&format!(
            "(trap '' TERM; exec -a {sign} sleep 1000) &\n\
             setsid bash -c 'trap \"\" TERM HUP; exec -a {sign} sleep 1000' &\n\
             (echo 'a last word') &\n\
             echo done\n"
        ))
        .await;
    assert_eq!(ran.end, StepOutcome::Done);
    let mut said = ran.stdout();
    said.sort_unstable();
    assert_eq!(said, ["a last word", "done"]);
    nothing_is_left_of(&sign).await;
}

#[tokio::test]
async fn a_script_that_kills_whoever_watches_it_has_failed_and_leaves_nothing() {
    for sandbox in [bubblewrap(), nobody(), unwalled()] {
        let stage = Stage::with(sandbox.with_limits(short()));
        let sign = stage.sign();
        let ran = stage
            .predeploy(&format!(
                "setsid bash -c 'exec -a {sign} sleep 1000' >/dev/null 2>&1 &\nkill -KILL $PPID\nexec -a {sign} sleep 1000\n"
            ))
            .await;
        assert!(failure(&ran.end).contains("signal 9"), "{:?}", ran.end);
        nothing_is_left_of(&sign).await;
    }
}

#[tokio::test]
async fn an_operators_command_gets_term_then_kill() {
    let stage = Stage::new();
    let sign = stage.sign();
    let polite =
        shell("trap 'echo tidied; exit 1' TERM; echo 'cancel me'; sleep 1000 & wait", Limits::default());
    let ran = stage.run(&polite).await;
    assert_eq!((ran.end, ran.lines.last().unwrap().1.as_str()), (Outcome::Cancelled, "tidied"));

    let stage = Stage::new();
    let deaf = format!("trap '' TERM; echo 'cancel me'; exec -a {sign} sleep 1000");
    assert_eq!(stage.run(&shell(&deaf, short())).await.end, Outcome::Cancelled);
    nothing_is_left_of(&sign).await;
}

#[tokio::test]
async fn a_command_whose_time_is_up_is_stopped() {
    let stage = Stage::new();
    let sign = stage.sign();
    let limits = Limits { time: Some(Duration::from_secs(1)), ..short() };
    let ran = stage.run(&shell(&format!("exec -a {sign} sleep 1000"), limits)).await;
    assert_eq!(ran.end, Outcome::TimedOut { seconds: 1 });
    nothing_is_left_of(&sign).await;
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_any_more_ends() {
    for sandbox in [bubblewrap(), unwalled()] {
        let stage = Stage::with(sandbox.with_limits(short()));
        let sign = stage.sign();
        stage.write("predeploy.sh", format!("trap '' TERM; echo started; exec -a {sign} sleep 1000"));
        let place = stage.place().await;
        let program =
            stage.sandbox.program(place.tree(), place.tmp(), "predeploy.sh", &[], &super::stage::facts());
        abandoned(&program, &sign).await;
    }
    let stage = Stage::new();
    let sign = stage.sign();
    abandoned(&shell(&format!("trap '' TERM; echo started; exec -a {sign} sleep 1000"), short()), &sign)
        .await;
}

/// Drops the run when it has started.
async fn abandoned(program: &Program, sign: &str) {
    let (events, mut said) = mpsc::channel(1);
    let out = Output::new(events, StepId(0), None);
    let cancel = CancellationToken::new();
    let started = async {
        said.recv().await;
        while !is_alive(sign) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        end = run(program, &out, &cancel) => panic!("it ended: {end:?}"),
        () = started => {}
    }
    nothing_is_left_of(sign).await;
}

#[tokio::test]
async fn a_program_that_cannot_be_started_has_words() {
    let stage = Stage::new();
    let mut program = shell("", short());
    program.argv = vec!["no-such-program".into()];
    let missing = stage.run(&program).await.end;
    assert_eq!(missing, Outcome::NotStarted("the program no-such-program is not installed".to_owned()));
    let mut program = shell("", short());
    program.folder = stage.path("nowhere");
    assert!(
        matches!(stage.run(&program).await.end, Outcome::NotStarted(why) if why.ends_with("nowhere is not there"))
    );
}

#[tokio::test]
async fn a_program_that_reads_nothing_of_much_input_is_waited_for() {
    let stage = Stage::new();
    let mut program = shell("exit 4", short());
    program.stdin = Stdin::Bytes(vec![b'x'; 1 << 20]);
    assert_eq!(stage.run(&program).await.end, Outcome::Exited(4));
}

/// Bytes of this process in memory at most, so far.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn a_hundred_megabytes_pass_whole_and_take_no_memory() {
    const FLOOD: usize = 100_000_000;
    let stage = Stage::new();
    stage.write("predeploy.sh", format!("yes {} | head -c {FLOOD}\n", "x".repeat(99)));
    let place = stage.place().await;
    let program =
        stage.sandbox.program(place.tree(), place.tmp(), "predeploy.sh", &[], &super::stage::facts());
    let (events, mut said) = mpsc::channel(16);
    let before = peak_memory();
    let (cancel, mut passed, mut most) = (CancellationToken::new(), 0, 0);
    let work = async {
        let out = Output::new(events, StepId(0), None);
        run(&program, &out, &cancel).await
    };
    let count = async {
        while let Some(event) = said.recv().await {
            most = most.max(said.len());
            if let EventKind::Output { text, .. } = event {
                passed += text.len() + 1;
            }
        }
    };
    let (end, ()) = tokio::join!(work, count);
    assert_eq!((end, passed), (Outcome::Exited(0), FLOOD));
    assert!(most <= 16);
    let taken = peak_memory() - before;
    assert!(taken < 40_000_000, "{taken} bytes");
}

#[tokio::test]
async fn a_flood_that_nobody_reads_can_be_cancelled() {
    let stage = Stage::new();
    let sign = stage.sign();
    let program = shell(&format!("exec -a {sign} yes"), short());
    let (events, said) = mpsc::channel(1);
    let cancel = CancellationToken::new();
    let out = Output::new(events.clone(), StepId(0), None);
    let stop = async {
        // Full: the program waits for us.
        while events.capacity() > 0 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
        nothing_is_left_of(&sign).await;
        drop(said);
    };
    let (end, ()) = tokio::join!(run(&program, &out, &cancel), stop);
    assert_eq!(end, Outcome::Cancelled);
}
