//! The deployment page and the fold behind it.

use super::samples::*;
use super::sound;
use crate::domain::balancer::{Member, ProxyName};
use crate::domain::deployment::{DeploymentState, Direction};
use crate::domain::event::{Event, EventKind, HostState, NoteLevel, Phase, StepId, StepOutcome, Stream};
use crate::domain::name::{CommitId, Name};
use crate::domain::plan::{Balance, HostFacts, HostPlan, Plan, RunFacts, Stage, Step};
use crate::web::view::deployment::{Behind, Canary, Cancel, Deployment, Queue, Retry, WayBack, sentence};
use crate::web::view::journal::{Board, LINES_SHOWN, ReleaseNames};
use crate::web::view::{Action, Section};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// Checks and fetch here, then sync and tests on web-1 and web-2; web-3 is inactive.
fn plan() -> Plan {
    let step = |id, phase| Step { id: StepId(id), phase, timeout_s: 60, balance: None };
    let host = |server: &str, first: u32, active: bool| HostPlan {
        cluster: name("web-a"),
        host: HostFacts { server: name(server), host: "10.0.0.1".into(), port: 22, host_key: None, active },
        steps: if active { vec![step(first, Phase::Sync), step(first + 1, Phase::Test)] } else { vec![] },
    };
    Plan {
        facts: RunFacts {
            deployment: 117,
            release: "v42".into(),
            commit: CommitId::parse(COMMIT).unwrap(),
            ..crate::tests::runner::world::facts("/srv/shop")
        },
        prepare: vec![step(0, Phase::Checks), step(1, Phase::Fetch)],
        stages: vec![Stage {
            name: "web-a".into(),
            waits_for_person: false,
            before: vec![],
            after: vec![],
            hosts: vec![host("web-1", 2, true), host("web-2", 4, true), host("web-3", 6, false)],
        }],
        warnings: vec!["web-3 is inactive and skipped.".into()],
    }
}

fn names() -> ReleaseNames {
    ReleaseNames { known: vec![(CommitId::parse(COMMIT).unwrap(), "v42".into())] }
}

/// A journal that numbers and dates its events, two seconds apart.
#[derive(Default)]
struct Journal(Vec<Event>);

impl Journal {
    fn add(mut self, what: EventKind) -> Self {
        let seq = self.0.len() as u64 + 1;
        let at =
            jiff::Timestamp::from_second(at("15:38").as_second() + 2 * i64::try_from(seq).unwrap()).unwrap();
        self.0.push(Event { seq, at, what });
        self
    }

    fn state(self, state: DeploymentState) -> Self {
        self.add(EventKind::State { state, why: None })
    }

    fn start(self, step: u32, phase: Phase, host: Option<&str>) -> Self {
        let cluster = host.map(|_| name("web-a"));
        self.add(EventKind::StepStarted { step: StepId(step), phase, cluster, host: host.map(name) })
    }

    fn out(self, step: u32, stream: Stream, text: &str) -> Self {
        self.add(EventKind::Output { step: StepId(step), host: None, stream, text: text.into() })
    }

    fn end(self, step: u32, outcome: StepOutcome) -> Self {
        self.add(EventKind::StepEnded { step: StepId(step), outcome })
    }

    fn host(self, host: &str, state: HostState) -> Self {
        let commit = (state == HostState::Done || state == HostState::Failed)
            .then(|| CommitId::parse(COMMIT).unwrap());
        self.add(EventKind::Host { host: name(host), state, commit })
    }

    fn board(&self) -> Board {
        Board::read(&plan(), &self.0, &names())
    }
}

fn running() -> Journal {
    Journal::default()
        .state(DeploymentState::Running)
        .start(0, Phase::Checks, None)
        .end(0, StepOutcome::Done)
        .start(1, Phase::Fetch, None)
        .out(1, Stream::Stderr, "From https://git.example.com/acme/shop")
        .end(1, StepOutcome::Done)
        .start(2, Phase::Sync, Some("web-1"))
        .start(4, Phase::Sync, Some("web-2"))
        .out(2, Stream::Stdout, "sending incremental file list")
        .end(2, StepOutcome::Done)
        .start(3, Phase::Test, Some("web-1"))
        .out(3, Stream::Stdout, "smoke: 1/14 GET / … \u{1b}[32m200\u{1b}[0m")
}

fn failed() -> Journal {
    running()
        .out(3, Stream::Stderr, "could not connect to tax-api.internal:443: no route to host")
        .end(3, StepOutcome::Failed { why: "exit status 1".into() })
        .host("web-1", HostState::Failed)
        .end(4, StepOutcome::Cancelled)
        .host("web-2", HostState::Unknown)
        .add(EventKind::Note { level: NoteLevel::Error, text: "web-2 did not answer any more".into() })
        .state(DeploymentState::Failed)
}

fn page(state: DeploymentState, board: Board) -> Deployment {
    let over = state.is_over();
    Deployment {
        shell: shell(Section::Deployments),
        id: 117,
        application: "shop".into(),
        environment: "production".into(),
        from: Some("v41".into()),
        release: "v42".into(),
        commit: COMMIT.into(),
        state,
        why: None,
        requested_by: Some("Dana Okafor".into()),
        approved_by: vec!["Rosa Lindqvist".into()],
        started_by: "Dana Okafor".into(),
        created_at: at("15:38"),
        started_at: (state != DeploymentState::Queued).then(|| at("15:38")),
        ended_at: over.then(|| at("15:41")),
        usually_takes: Some(540),
        fingerprint: Some(FINGERPRINT.into()),
        request_href: Some("/requests/01jd3z8k4m".into()),
        board,
        direction: None,
        scope: None,
        retry_of: None,
        covered_by: None,
        overridden: None,
        queue: None,
        canary: None,
        cancelling: None,
        cancel: (!over).then(|| Cancel {
            href: "/deployments/117/cancel".into(),
            after_batch: Some("web-1 would run v42, web-2 v41.".into()),
            now: "web-1 may be left half done.".into(),
            out: None,
        }),
        later: None,
        retry: None,
        way_back: None,
        left_out: vec![],
        summary: String::new(),
    }
}

#[test]
fn the_rail_counts_hosts_and_times_what_is_over() {
    let board = running().board();
    let marks: Vec<_> = board
        .stages
        .iter()
        .flat_map(|stage| &stage.steps)
        .map(|step| (step.key.as_str(), step.state.word(), step.note()))
        .collect();
    let expected = [
        ("Prepare/checks", "succeeded", "2 s"),
        ("Prepare/fetch", "succeeded", "4 s"),
        ("web-a/sync", "running", "1/2"),
        ("web-a/tests", "running", "0/2"),
    ];
    assert_eq!(marks, expected.map(|(key, state, note)| (key, state, note.to_owned())));
}

#[test]
fn tiles_say_the_phase_and_afterwards_the_truth() {
    let tiles = |board: &Board| {
        board
            .hosts()
            .map(|host| (host.name.clone(), host.state.word(), host.words.clone()))
            .collect::<Vec<_>>()
    };
    let of = |rows: [(&str, &'static str, &str); 3]| {
        rows.map(|(name, state, words)| (name.to_owned(), state, words.to_owned())).to_vec()
    };
    let started = Journal(running().0).host("web-1", HostState::Running).board();
    assert_eq!(
        tiles(&started),
        of([("web-1", "running", "tests"), ("web-2", "waiting", "sync"), ("web-3", "skipped", "inactive")])
    );
    let board = failed().board();
    assert_eq!(
        tiles(&board),
        of([
            ("web-1", "failed", "failed at tests"),
            ("web-2", "unknown", "unknown"),
            ("web-3", "skipped", "inactive")
        ])
    );
    let first = board.by_trouble()[0];
    assert_eq!((first.runs.as_deref(), first.why.as_deref()), (Some("v42"), Some("exit status 1")));
}

#[test]
fn the_log_groups_lines_by_step_and_host() {
    let board = failed().board();
    let groups: Vec<_> = board
        .groups
        .iter()
        .map(|group| {
            (
                group.id.as_str(),
                group.title.as_str(),
                group.host.as_deref(),
                group.state.word(),
                group.lines.len(),
            )
        })
        .collect();
    let expected = [
        ("n1", "Countersign", None, "info", 1),
        ("s0", "checks", None, "succeeded", 0),
        ("s1", "fetch", None, "succeeded", 1),
        ("s2", "sync", Some("web-1"), "succeeded", 1),
        ("s4", "sync", Some("web-2"), "cancelled", 0),
        ("s3", "tests", Some("web-1"), "failed", 2),
        ("n18", "Countersign", None, "info", 2),
    ];
    assert_eq!(groups, expected);
    assert_eq!(board.last_seq, 19);
    assert!(board.groups[5].lines[0].html.contains(r#"<span class="f2">200</span>"#));
    assert_eq!(board.groups[5].lines[1].tone, Some("failed"));
}

#[test]
fn a_million_lines_leave_the_newest() {
    let mut journal = running();
    for n in 0..LINES_SHOWN {
        journal = journal.out(3, Stream::Stdout, &format!("line {n}"));
    }
    let board = journal.board();
    let shown: usize = board.groups.iter().map(|group| group.lines.len()).sum();
    assert_eq!(shown, LINES_SHOWN);
    assert_eq!(board.hidden_lines, 4);
    let html = sound("long", "deployment", "running", &page(DeploymentState::Running, board));
    assert!(html.contains("4 earlier lines are</span> not shown here") && html.contains("line 1999"));
}

#[test]
fn a_running_deployment_tells_the_live_feed_where_it_stands() {
    let html = sound("running", "deployment", "running", &page(DeploymentState::Running, running().board()));
    assert!(html.contains(r#"data-events="/deployments/117/events" data-seq="12""#));
    assert!(html.contains("Nothing has failed."));
    assert!(html.contains(r#"data-step="web-a/sync" data-steps="2 4" data-done="1" data-total="2""#));
    assert!(html.contains(r##"<li id="L12"><a href="#L12">12</a>"##));
    assert!(html.contains("icon-running.svg"));
    assert!(html.contains(r#"name="when" value="after_batch" checked"#));
    assert!(html.contains("href=\"/deployments/117/log\""));
    assert!(html.contains("web-3 is inactive and skipped."));
}

#[test]
fn after_a_failure_each_host_says_what_it_runs_and_what_is_safe() {
    let html = sound("failed", "deployment", "failed", &page(DeploymentState::Failed, failed().board()));
    assert!(html.contains("What each host runs"));
    assert!(html.contains("web-1 failed, 0 of 3 hosts done."));
    assert!(html.contains("look at the host before anything else"));
    assert!(html.contains("icon-failed.svg") && !html.contains("Cancel…"));
}

#[test]
fn every_state_has_its_sentence() {
    let done =
        running().end(3, StepOutcome::Done).host("web-1", HostState::Done).host("web-2", HostState::Done);
    let board = done.board();
    let cases = [
        (DeploymentState::Queued, "starts by itself"),
        (DeploymentState::Running, "2 of 3 hosts done"),
        (DeploymentState::Succeeded, "2 of 3 hosts run v42, verified."),
        (DeploymentState::Failed, "It failed with 2 of 3 hosts done."),
        (DeploymentState::Cancelled, "cancelled with 2 of 3 hosts done"),
        (DeploymentState::Interrupted, "Its runner was lost"),
    ];
    for (state, words) in cases {
        assert!(
            sentence(state, "v42", None, &board).contains(words),
            "{state}: {}",
            sentence(state, "v42", None, &board)
        );
        sound(&format!("all-{state}"), "deployment", state.word(), &page(state, board.clone()));
    }
    assert!(
        sentence(DeploymentState::Failed, "v42", None, &running().board())
            .starts_with("It failed before any host")
    );
    assert!(
        sentence(DeploymentState::Queued, "v42", Some("Deployment 116 runs there"), &board)
            .ends_with("Deployment 116 runs there.")
    );
}

#[test]
fn a_deployment_without_a_plan_yet_is_a_page() {
    let html = sound(
        "bare",
        "deployment",
        "queued",
        &Deployment {
            from: None,
            requested_by: None,
            approved_by: vec![],
            fingerprint: None,
            ..page(DeploymentState::Queued, Board::default())
        },
    );
    assert!(html.contains("The plan is made when it starts.") && html.contains("Nothing is written yet."));
    let html = sound("never", "deployment", "cancelled", &page(DeploymentState::Cancelled, Board::default()));
    assert!(html.contains("It never reached the hosts."));
}

#[test]
fn what_may_be_done_after_a_failure_has_its_buttons_and_a_summary() {
    let retry = Retry {
        act: Action::to("/deployments/117/retry"),
        title: "Retry the 2 hosts that are left".into(),
        acknowledge: Some(50),
        words: "web-1 and web-2 with v42, and nothing else.".into(),
    };
    let way_back = WayBack {
        act: Action::to("/deployments/99/rollback"),
        release: "v41".into(),
        words: "Deployment 99 of it succeeded on all hosts.".into(),
        by_request: true,
    };
    let next = Deployment {
        retry: Some(retry.clone()),
        way_back: Some(way_back.clone()),
        left_out: vec![left_out("web-1")],
        retry_of: Some(110),
        covered_by: Some(12),
        direction: Some(Direction::GoesBack),
        scope: Some("cluster web-a".into()),
        summary: "shop v41 → v42: failed\n</textarea>".into(),
        ..page(DeploymentState::Failed, failed().board())
    };
    let html = sound("next", "deployment", "failed", &next);
    for words in [
        "Retry the 2 hosts that are left",
        "More than 50 percent of the files there may be deleted",
        "Ask to roll back to",
        "Put web-1 back into service?",
        "<a href=\"/deployments/110\">deployment 110</a>",
        "<a href=\"/requests/12\">request 12</a>",
        "goes back",
        "only cluster web-a",
        "shop v41 → v42: failed",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let closed = Deployment {
        retry: Some(Retry {
            act: Action::refused("/x", "The approval has run out."),
            acknowledge: None,
            ..retry
        }),
        way_back: Some(WayBack { act: Action::refused("/x", "Only who may deploy."), ..way_back }),
        later: Some(120),
        ..page(DeploymentState::Interrupted, failed().board())
    };
    let html = sound("next-closed", "deployment", "interrupted", &closed);
    assert!(html.contains("The approval has run out.") && html.contains("Only who may deploy."));
    assert!(html.contains("<a href=\"/deployments/120\">Deployment 120</a> came after it."));
    assert!(!html.contains("/retry\"") && !html.contains("/rollback\""), "nothing to press");
}

#[test]
fn a_canary_and_a_place_in_the_queue_are_said() {
    let canary = Canary { stage: "batch-1".into(), until: at("15:59"), why_not: None, may_act: true };
    let waiting = Deployment {
        canary: Some(canary.clone()),
        cancelling: Some("It is being cancelled by remy, after the batch that is under way.".into()),
        ..page(DeploymentState::Running, running().board())
    };
    let html = sound("canary", "deployment", "running", &waiting);
    assert!(html.contains("17 min</b> left") && html.contains("Continue with batch-1"));
    assert!(html.contains("Stop here") && html.contains("cancelled by remy"));
    let canary = Some(Canary { may_act: false, why_not: Some("dana may not.".into()), ..canary });
    let html = sound("canary-watched", "deployment", "running", &Deployment { canary, ..waiting });
    assert!(!html.contains("Continue with"), "only for who may");

    let behind = |id: i64, words: &str| Behind {
        id,
        href: (id == 12).then(|| format!("/deployments/{id}")),
        words: words.into(),
    };
    let queue =
        Queue { place: 2, behind: vec![behind(12, "has web-1"), behind(13, "waits before it for web-2")] };
    let queued = Deployment { queue: Some(queue), ..page(DeploymentState::Queued, Board::default()) };
    let html = sound("queued", "deployment", "queued", &queued);
    assert!(html.contains("1 deployment waits before it in the queue."));
    assert!(html.contains("<a href=\"/deployments/12\">deployment 12</a>, which has web-1."));
    assert!(
        html.contains("deployment 13, which waits before it for web-2.") && !html.contains("/deployments/13")
    );
}

#[test]
fn the_load_balancer_is_shown_where_there_is_one() {
    let member = |server: &str| Member {
        balancer: name("edge"),
        backend: ProxyName::parse("shop").unwrap(),
        backend_server: ProxyName::parse(&server.to_uppercase()).unwrap(),
        server: name(server),
    };
    let mut plan = plan();
    let members = vec![member("web-1"), member("web-2")];
    plan.prepare[0].balance = Some(Balance::Check { members });
    let out = |server| EventKind::Service { member: member(server), in_service: false };
    let journal = failed().add(out("web-1"));
    let board = Board::read(&plan, &journal.0, &names());
    let html = sound("balanced", "deployment", "failed", &page(DeploymentState::Failed, board));
    assert!(html.contains("Load balancer") && html.contains("out of service"));
    assert!(html.contains("retry or roll back; nobody is sent to it meanwhile"));
    assert!(html.contains("web-1 (shop/WEB-1 in edge) leaves service."));
    let html = sound("unbalanced", "deployment", "failed", &page(DeploymentState::Failed, failed().board()));
    assert!(!html.contains("Load balancer"));
}

#[test]
fn a_command_of_the_operators_shows_the_servers_that_it_is_for() {
    let plan = Plan {
        facts: RunFacts { servers: vec![name("web-1"), name("web-2")], ..plan().facts },
        stages: vec![],
        ..plan()
    };
    let journal = Journal::default().state(DeploymentState::Running).host("web-1", HostState::Done);
    let board = Board::read(&plan, &journal.0, &names());
    assert_eq!((board.done(), board.total()), (1, 2));
}

#[test]
fn hostile_output_is_text() {
    let long = "A\u{1b}[31m<".repeat(200_000);
    let journal = running()
        .out(3, Stream::Stdout, HOSTILE)
        .out(3, Stream::Stderr, &long)
        .out(99, Stream::Stdout, "of a step nobody planned")
        .end(3, StepOutcome::Failed { why: HOSTILE.into() })
        .add(EventKind::Note { level: NoteLevel::Warning, text: HOSTILE.into() })
        .add(EventKind::State { state: DeploymentState::Failed, why: Some(HOSTILE.into()) })
        .host("web-9", HostState::Done);
    let mut board = journal.board();
    board.warnings.push(HOSTILE.into());
    let hostile = Deployment {
        shell: hostile_shell(Section::Deployments),
        from: Some(HOSTILE.into()),
        release: HOSTILE.into(),
        why: Some(HOSTILE.into()),
        requested_by: Some(HOSTILE.into()),
        approved_by: vec![HOSTILE.into(); 3],
        started_by: HOSTILE.into(),
        scope: Some(HOSTILE.into()),
        queue: Some(Queue {
            place: 3,
            behind: vec![Behind { id: 116, href: Some("/deployments/116".into()), words: HOSTILE.into() }],
        }),
        canary: Some(Canary { stage: HOSTILE.into(), until: at("15:59"), why_not: None, may_act: true }),
        cancelling: Some(HOSTILE.into()),
        cancel: Some(Cancel {
            href: "/deployments/117/cancel".into(),
            after_batch: Some(HOSTILE.into()),
            now: HOSTILE.into(),
            out: Some(HOSTILE.into()),
        }),
        retry: Some(Retry {
            act: Action::refused("/x", HOSTILE),
            title: HOSTILE.into(),
            acknowledge: Some(50),
            words: HOSTILE.into(),
        }),
        way_back: Some(WayBack {
            act: Action::to("/deployments/9/rollback"),
            release: HOSTILE.into(),
            words: HOSTILE.into(),
            by_request: true,
        }),
        left_out: vec![hostile_left_out(); 5],
        summary: HOSTILE.into(),
        ..page(DeploymentState::Running, board)
    };
    let html = sound("hostile", "deployment", "running", &hostile);
    assert!(html.contains("of a step nobody planned"));
    assert!(html.len() < 400_000, "a long line is cut: {}", html.len());
}
