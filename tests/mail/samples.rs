//! One of each mail, as it would be in a small company.

use jiff::Timestamp;
use lettre::message::Mailbox;
use url::Url;

use crate::domain::deployment::DeploymentState;
use crate::domain::diff::{DiffStat, FileStat, FileStatus, Patch};
use crate::domain::event::HostState;
use crate::domain::freeze::FreezeState;
use crate::mail::Letter;
use crate::mail::messages::{
    ApprovalChanged, AuditHead, Change, DeploymentEnded, Difference, Ending, FreezeTold, GlassBroken,
    HostLine, LinkRevoked, Moment, Question, QuestionAnswered, QuestionAsked, RequestAccepted, RequestEnded,
    RequestRejected, ReviewAsked, ReviewReminder, Risk, SlotReminder, Thread,
};

pub const PATCH: &str = "\
diff --git a/src/checkout/payment.py b/src/checkout/payment.py
index 1f0c2d5e8c3a9b7d6e5f4a3b2c1d0e9f8a7b6c5d..9b8a7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b 100644
--- a/src/checkout/payment.py
+++ b/src/checkout/payment.py
@@ -38,5 +38,5 @@ class Payment:
     def authorise(self, order):
-        amount = order.total_cents / 100
-        currency = \"EUR\"
+        amount = order.total.as_minor_units()
+        currency = order.currency
         return self.gateway.reserve(amount, currency)
";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn to(address: &str) -> Vec<Mailbox> {
    vec![address.parse().unwrap()]
}

pub fn moment(text: &str) -> Moment {
    Moment { at: at(text), zone: "Europe/Paris".into() }
}

fn url(path: &str) -> Url {
    Url::parse("https://deploy.example.com").unwrap().join(path).unwrap()
}

pub fn change() -> Change {
    Change {
        application: "shop".into(),
        environment: "production".into(),
        from: Some("v41".into()),
        to: "v42".into(),
    }
}

pub fn thread() -> Thread {
    Thread { id: "Zk3vQ9".into(), host: "deploy.example.com".into(), copy: 0 }
}

pub fn file(path: &str, added: u64, deleted: u64) -> FileStat {
    FileStat { path: path.into(), status: FileStatus::Modified, added, deleted, binary: false, mode: None }
}

pub fn patch_of(bytes: impl Into<Vec<u8>>) -> Patch {
    let files = vec![
        file("migrations/0042_guest_carts.sql", 6, 0),
        file("src/checkout/payment.py", 34, 21),
        FileStat { binary: true, ..file("static/logo.png", 0, 0) },
        FileStat { mode: Some("100644 → 100755".into()), ..file("bin/cron", 0, 0) },
    ];
    Patch { bytes: bytes.into(), sha256: "5e1f".repeat(16), stat: DiffStat { files } }
}

pub fn review_asked() -> ReviewAsked {
    ReviewAsked {
        change: change(),
        requester: "Dana Okafor".into(),
        reason: "Guests lose their basket when they sign in. Support gets about forty mails a week \
                 about it.\n\nTried on staging since Thursday."
            .into(),
        ticket: Some("SHOP-1289".into()),
        rollback: false,
        notes: Vec::new(),
        commits: 6,
        hosts: 20,
        risks: vec![
            Risk {
                label: "Schema".into(),
                words: "migrations/0042_guest_carts.sql drops a not-null constraint on carts.".into(),
            },
            Risk { label: "Settings".into(), words: "config/production.yaml, 3 lines.".into() },
        ],
        fingerprint: "7f3a91c4e2b05d68".repeat(4),
        patch: patch_of(PATCH),
        decide_before: moment("2026-11-22T14:02:00Z"),
        url: url("/review/k7Jq2"),
        thread: thread(),
    }
}

pub fn request_accepted() -> RequestAccepted {
    RequestAccepted {
        change: change(),
        accepted_by: vec!["Rosa Lindqvist".into()],
        comment: Some("Thanks for the tests.\nPlease watch the queue afterwards.".into()),
        slot_from: None,
        slot_until: moment("2026-11-21T23:30:00Z"),
        window_until: None,
        locks: Vec::new(),
        url: url("/launch/p0Xz"),
        thread: thread(),
    }
}

pub fn request_rejected() -> RequestRejected {
    RequestRejected {
        change: change(),
        by: "Rosa Lindqvist".into(),
        why: "The migration locks the table of carts for minutes. Split it in two steps.".into(),
        url: url("/requests/Zk3vQ9"),
        thread: thread(),
    }
}

pub fn question_asked() -> QuestionAsked {
    QuestionAsked {
        change: change(),
        by: "Rosa Lindqvist".into(),
        question: "How long does the migration take on a copy of production?".into(),
        paused_until: Some(moment("2026-11-24T14:02:00Z")),
        url: url("/requests/Zk3vQ9"),
        thread: thread(),
    }
}

pub fn request_void() -> RequestEnded {
    RequestEnded {
        change: change(),
        ending: Ending::Void,
        cause: "The tag v42 was moved after the review.".into(),
        differs: vec![Difference {
            what: "the tag v42".into(),
            reviewed: "commit 9b8a7c6d5e4f".into(),
            now: "commit 1f0c2d5e8c3a".into(),
        }],
        url: url("/requests/Zk3vQ9"),
        thread: thread(),
    }
}

pub fn deployment_failed() -> DeploymentEnded {
    let host = |host: &str, state, runs: Option<&str>, why: Option<&str>| HostLine {
        host: host.into(),
        state,
        runs: runs.map(Into::into),
        why: why.map(Into::into),
    };
    DeploymentEnded {
        deployment: 17,
        change: change(),
        state: DeploymentState::Failed,
        cause: Some("web-2: deploy.sh ended with status 1.".into()),
        hosts: vec![
            host("web-1", HostState::Done, Some("v42"), None),
            host("web-2", HostState::Failed, None, Some("deploy.sh ended with status 1")),
            host("web-3", HostState::Unknown, None, Some("the connection was lost")),
            host("web-4", HostState::Waiting, Some("v41"), None),
        ],
        out_of_service: vec!["web-1".into(), "web-2".into()],
        requested_by: Some("Dana Okafor".into()),
        accepted_by: vec!["Rosa Lindqvist".into()],
        overridden: None,
        started_by: "Dana Okafor".into(),
        ended_at: moment("2026-11-21T15:12:00Z"),
        audit: Some(AuditHead { count: 128, head: "c19b04d7".repeat(8) }),
        url: url("/deployments/17"),
        thread: thread(),
    }
}

pub fn question_answered() -> QuestionAnswered {
    QuestionAnswered {
        change: change(),
        by: "Dana Okafor".into(),
        answer: "Two minutes, measured on last night's copy.\nNothing is locked meanwhile.".into(),
        questions: vec![Question {
            by: "Rosa Lindqvist".into(),
            text: "How long does the migration take on a copy of production?".into(),
        }],
        decide_before: Some(moment("2026-11-24T14:02:00Z")),
        url: url("/requests/Zk3vQ9"),
        thread: thread(),
    }
}

pub fn review_reminder() -> ReviewReminder {
    ReviewReminder {
        change: change(),
        requester: "Dana Okafor".into(),
        is_last: false,
        approval: "0 of 2 accepts: 0 of 1 from ops; 0 of 1 from owners.".into(),
        decide_before: moment("2026-11-24T14:02:00Z"),
        url: url("/requests/Zk3vQ9"),
        thread: thread(),
    }
}

pub fn slot_reminder() -> SlotReminder {
    SlotReminder {
        change: change(),
        slot_until: moment("2026-11-21T14:17:00Z"),
        stands_until: moment("2026-11-22T13:17:00Z"),
        url: url("/requests/Zk3vQ9"),
        thread: thread(),
    }
}

pub fn link_revoked() -> LinkRevoked {
    LinkRevoked {
        change: change(),
        by: "Rosa Lindqvist".into(),
        stands_until: moment("2026-11-22T13:17:00Z"),
        url: url("/requests/Zk3vQ9"),
        thread: thread(),
    }
}

pub fn freeze_told() -> FreezeTold {
    FreezeTold {
        change: change(),
        what: "shop production".into(),
        state: FreezeState::Current,
        released: false,
        others: Vec::new(),
        reason: "The disks are being replaced.".into(),
        by: "ada".into(),
        changed_by: None,
        lifted_by: None,
        from: moment("2026-11-21T13:00:00Z"),
        until: Some(moment("2026-11-21T18:00:00Z")),
        stands_until: moment("2026-11-22T13:17:00Z"),
        url: url("/requests/Zk3vQ9"),
        thread: thread(),
    }
}

pub fn glass_broken() -> GlassBroken {
    GlassBroken {
        change: change(),
        deployment: 17,
        who: "Drew Deploys".into(),
        reason: "Customers cannot pay.".into(),
        at: moment("2026-11-21T14:02:00Z"),
        reminds: false,
        url: url("/deployments/17"),
        thread: thread(),
    }
}

pub fn approval_changed() -> ApprovalChanged {
    ApprovalChanged {
        application: "shop".into(),
        environment: "production".into(),
        by: "ada".into(),
        at: moment("2026-11-21T14:02:00Z"),
        changes: vec![
            "It takes 1 accept instead of 2 accepts.".into(),
            "The review list was releases@example.com, security@example.com and is releases@example.com."
                .into(),
        ],
        url: url("/applications/shop/production"),
        thread: thread(),
    }
}

/// One letter of every kind.
pub fn all() -> Vec<Letter> {
    let (to, now) = (|| to("releases@example.com"), at("2026-11-21T14:02:03Z"));
    vec![
        review_asked().letter(to(), now).unwrap(),
        request_accepted().letter(to(), now).unwrap(),
        request_rejected().letter(to(), now).unwrap(),
        question_asked().letter(to(), now).unwrap(),
        request_void().letter(to(), now).unwrap(),
        question_answered().letter(to(), now).unwrap(),
        review_reminder().letter(to(), now).unwrap(),
        slot_reminder().letter(to(), now).unwrap(),
        approval_changed().letter(to(), now).unwrap(),
        link_revoked().letter(to(), now).unwrap(),
        freeze_told().letter(to(), now).unwrap(),
        deployment_failed().letter(to(), now).unwrap(),
    ]
}
