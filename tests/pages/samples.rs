//! Parts that many pages show, in ordinary and in hostile form.

use jiff::Timestamp;

use crate::domain::deployment::DeploymentState;
use crate::domain::gate::Gate;
use crate::domain::request::RequestWord;
use crate::domain::risk::{RiskHint, RiskLevel};
use crate::web::html::Mark;
use crate::web::view::server::DriftItem;
use crate::web::view::{
    Activity, CommitLine, DeploymentItem, FileLine, LeftOut, PersonView, RequestItem, Sealed, Section, Shell,
    Signature, Size, Slot, Theme,
};

/// Text as nobody should write it: markup, quotes, a reversed direction, a hidden
/// link of a terminal, a null byte.
pub const HOSTILE: &str = "</title><script>alert(1)</script>\"' onload='x' \u{202e}gpj.exe\u{2066} \
                           \u{1b}]8;;https://evil.example\u{7}link\u{1b}]8;;\u{7} \0{{ 7*7 }}";

/// What no page may hold, whatever was put in.
pub const MUST_NOT_APPEAR: &[&str] =
    &["<script>alert", "</title><script", "\u{202e}", "\u{2066}", "\u{1b}", "\0", "\u{7}"];

pub const FINGERPRINT: &str = "7f3a91c4e2b05d6811223344556677889900aabbccddeeff0123456789abcdef";
pub const COMMIT: &str = "9c1e7d2f04ab55aa66bb77cc88dd99ee00ff1122";

pub fn now() -> Timestamp {
    "2026-11-19T15:42:00Z".parse().unwrap()
}

/// An instant of the day of `now()`, as `15:20`.
pub fn at(clock: &str) -> Timestamp {
    format!("2026-11-19T{clock}:00Z").parse().unwrap()
}

pub fn shell(section: Section) -> Shell {
    Shell {
        person: Some(PersonView {
            name: "rosa".into(),
            display: "Rosa Lindqvist".into(),
            roles: "Reviewer for production".into(),
            administers: true,
            is_anonymous: false,
        }),
        csrf: "c5rf-token".into(),
        waiting: 2,
        section,
        path: "/".into(),
        theme: Theme::Auto,
        now: now(),
        version: "0.1.0",
        zone: "Europe/Paris".into(),
        freezes: vec![],
    }
}

pub fn hostile_shell(section: Section) -> Shell {
    Shell {
        person: Some(PersonView {
            name: "mallory".into(),
            display: HOSTILE.into(),
            roles: HOSTILE.into(),
            administers: false,
            is_anonymous: false,
        }),
        path: format!("/x?{HOSTILE}"),
        waiting: 0,
        theme: Theme::Dark,
        ..shell(section)
    }
}

pub fn guest() -> Shell {
    Shell { person: None, waiting: 0, ..shell(Section::Elsewhere) }
}

pub fn gates() -> Vec<Gate> {
    vec![
        Gate::pass("newer_than_live", "Newer than live", "v42 descends from v41."),
        Gate::warn("window", "Window closes at 18:30", "Accept and start before, or tomorrow from 08:00."),
        Gate::stop("freeze", "Production is frozen", "Until Tue 1 Dec, 08:00; an administrator may lift it."),
    ]
}

pub fn open_gates() -> Vec<Gate> {
    gates().into_iter().take(2).collect()
}

pub fn hostile_gates() -> Vec<Gate> {
    vec![Gate::stop("x", HOSTILE, HOSTILE), Gate::pass("y", HOSTILE, "")]
}

pub fn risks() -> Vec<RiskHint> {
    let hint = |level, word, text: &str, path: Option<&str>| RiskHint {
        level,
        word,
        text: text.to_owned(),
        path: path.map(str::to_owned),
    };
    vec![
        hint(
            RiskLevel::High,
            "schema",
            "the database schema; going back may not undo it.",
            Some("migrations/0042_guest_carts.sql"),
        ),
        hint(RiskLevel::High, "payments", "how money is counted or moved.", Some("src/checkout/payment.py")),
        hint(RiskLevel::Mid, "settings", "live settings.", Some("config/production.yaml")),
        hint(RiskLevel::Low, "tests", "155 lines of tests come with it.", Some("tests/test_guest_cart.py")),
    ]
}

pub fn slot() -> Slot {
    Slot { begins_at: at("15:20"), ends_at: at("16:20"), ends_local: Some("17:20 Europe/Paris".into()) }
}

pub fn request(state: RequestWord) -> RequestItem {
    RequestItem {
        href: "/requests/01jd3z8k4m".into(),
        application: "shop".into(),
        environment: "production".into(),
        from: Some("v41".into()),
        tag: "v42".into(),
        state,
        requester: "Dana Okafor".into(),
        asked_at: at("14:02"),
        expires_at: Some("2026-11-22T14:02:00Z".parse().unwrap()),
        size: Size { commits: Some(6), files: 14, added: 1601, deleted: 655 },
        risks: risks().into_iter().take(2).collect(),
        decided_by: Vec::new(),
        slot: None,
        cause: None,
    }
}

pub fn accepted_request() -> RequestItem {
    RequestItem { decided_by: vec!["Sam Ito".into()], slot: Some(slot()), ..request(RequestWord::Accepted) }
}

pub fn hostile_request(state: RequestWord) -> RequestItem {
    RequestItem {
        from: Some(HOSTILE.into()),
        tag: HOSTILE.into(),
        requester: HOSTILE.into(),
        risks: vec![RiskHint {
            level: RiskLevel::High,
            word: "schema",
            text: HOSTILE.into(),
            path: Some(HOSTILE.into()),
        }],
        decided_by: vec![HOSTILE.into(), HOSTILE.into()],
        cause: Some(HOSTILE.into()),
        ..request(state)
    }
}

pub fn deployment(state: DeploymentState) -> DeploymentItem {
    let over = state.is_over();
    DeploymentItem {
        id: 117,
        application: "billing".into(),
        environment: "production".into(),
        from: Some("v19".into()),
        release: "v20".into(),
        state,
        overridden: false,
        remark: (state == DeploymentState::Failed).then(|| "stopped on search-12".into()),
        hosts_done: Some(if over { 6 } else { 2 }),
        hosts_total: Some(6),
        started_by: "Dana Okafor".into(),
        created_at: at("15:38"),
        started_at: (state != DeploymentState::Queued).then(|| at("15:38")),
        ended_at: over.then(|| at("15:41")),
    }
}

pub fn hostile_deployment(state: DeploymentState) -> DeploymentItem {
    DeploymentItem {
        from: None,
        release: HOSTILE.into(),
        remark: Some(HOSTILE.into()),
        started_by: HOSTILE.into(),
        hosts_done: Some(u64::MAX),
        hosts_total: Some(u64::MAX),
        ..deployment(state)
    }
}

pub fn activity(text: &str, state: Mark) -> Activity {
    Activity {
        at: at("15:20"),
        state,
        text: text.into(),
        href: Some("/deployments/117".into()),
        quote: (state == Mark::Rejected).then(|| "The index rebuild needs a window of its own.".into()),
    }
}

pub fn timeline() -> Vec<Activity> {
    vec![
        activity("Dana Okafor started billing v20 → production", Mark::Running),
        activity("You countersigned billing v20", Mark::Accepted),
        activity("search v8 → staging failed its tests", Mark::Failed),
        activity("shop v42 is live in staging", Mark::Succeeded),
        activity("You rejected search v8 → production", Mark::Rejected),
    ]
}

pub fn hostile_activity() -> Activity {
    Activity { quote: Some(HOSTILE.into()), ..activity(HOSTILE, Mark::Void) }
}

pub fn file_line(path: &str, why: &str, added: u64, deleted: u64) -> FileLine {
    FileLine {
        path: path.into(),
        href: Some("/applications/shop/diff?from=a&to=b#f1".into()),
        why: why.into(),
        added,
        deleted,
        binary: false,
    }
}

pub fn commit_line(summary: &str) -> CommitLine {
    CommitLine {
        id: "9c1e7d2f04ab".into(),
        summary: summary.into(),
        author: "Dana Okafor".into(),
        at: at("13:40"),
    }
}

pub fn sealed() -> Sealed {
    Sealed {
        id: "01jd3z8k4m".into(),
        application: "shop".into(),
        environment: "production".into(),
        from: Some("v41".into()),
        tag: "v42".into(),
        commit: COMMIT.into(),
        requester: "Dana Okafor".into(),
        reason: "Guests lose their basket when they sign in. Support gets about forty mails a week about it."
            .into(),
        ticket: Some("SHOP-1289".into()),
        rollback: false,
        asked_at: at("14:02"),
        expires_at: Some("2026-11-22T14:02:00Z".parse().unwrap()),
        size: Size { commits: Some(6), files: 14, added: 1601, deleted: 655 },
        fingerprint: FINGERPRINT.into(),
        approval: Some("1 of 2 accepts: 1 of 1 from ops; 0 of 1 from owners.".into()),
        hosts: 20,
        diff_href: "/applications/shop/diff?from=a&to=b".into(),
        risks: risks(),
        files: vec![
            file_line("migrations/0042_guest_carts.sql", "schema, new file", 6, 0),
            file_line("src/checkout/payment.py", "payments", 34, 21),
            file_line("config/production.yaml", "live settings", 3, 1),
        ],
        commits: vec![commit_line("Keep the basket of guests")],
        signatures: vec![Signature { name: "Dana Okafor".into(), act: "Asked", at: Some(at("14:02")) }],
    }
}

pub fn hostile_sealed() -> Sealed {
    Sealed {
        from: None,
        tag: HOSTILE.into(),
        requester: HOSTILE.into(),
        reason: format!("{HOSTILE}\n{}", "x".repeat(100_000)),
        ticket: Some(format!("javascript:{HOSTILE}")),
        rollback: true,
        size: Size { commits: Some(1), files: 1, added: u64::MAX, deleted: u64::MAX },
        fingerprint: HOSTILE.into(),
        approval: Some(HOSTILE.into()),
        hosts: 1,
        risks: vec![RiskHint {
            level: RiskLevel::Mid,
            word: "settings",
            text: HOSTILE.into(),
            path: Some(HOSTILE.into()),
        }],
        files: vec![FileLine { binary: true, href: None, ..file_line(HOSTILE, HOSTILE, 1, 1) }],
        commits: vec![CommitLine { id: HOSTILE.into(), author: HOSTILE.into(), ..commit_line(HOSTILE) }],
        signatures: vec![Signature { name: HOSTILE.into(), act: "Asked", at: None }],
        ..sealed()
    }
}

/// A host that differs from the record, as home lists it.
pub fn drifted(says: &str) -> DriftItem {
    DriftItem {
        server: says.into(),
        application: says.into(),
        environment: says.into(),
        says: says.into(),
        since: at("14:00"),
    }
}

pub fn left_out(server: &str) -> LeftOut {
    LeftOut {
        id: 9,
        server: server.into(),
        place: "shop/WEB1 in edge".into(),
        application: "shop".into(),
        environment: "production".into(),
        deployment: 117,
        since: at("15:38"),
        state: Some("in maintenance, 0 sessions".into()),
        is_up: false,
        may_put_back: true,
    }
}

pub fn hostile_left_out() -> LeftOut {
    LeftOut { place: HOSTILE.into(), state: Some(HOSTILE.into()), ..left_out(HOSTILE) }
}
