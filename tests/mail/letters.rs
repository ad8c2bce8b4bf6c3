//! What the mails say, and what nobody can make them say.

use insta::assert_snapshot;
use lettre::message::Mailbox;
use proptest::prelude::*;

use super::samples::{
    self, PATCH, approval_changed, at, change, deployment_failed, freeze_told, glass_broken, link_revoked,
    moment, patch_of, question_answered, question_asked, request_accepted, request_rejected, request_void,
    review_asked, review_reminder, slot_reminder, thread, to,
};
use crate::domain::deployment::DeploymentState;
use crate::domain::event::HostState;
use crate::domain::freeze::FreezeState;
use crate::mail::messages::{
    Change, DeploymentEnded, Ending, FreezeTold, GlassBroken, Moment, RequestEnded, ReviewAsked,
    ReviewReminder, Thread,
};
use crate::mail::{Attachment, Letter, recipients};
use crate::tests::support::smtp::Mail;

const NOW: &str = "2026-11-21T14:02:03Z";

fn review(mail: &ReviewAsked) -> Letter {
    mail.letter(to("releases@example.com"), at(NOW)).unwrap()
}

fn ended(mail: &DeploymentEnded) -> Letter {
    mail.letter(to("shop@example.com"), at(NOW)).unwrap()
}

fn shown(letter: &Letter) -> String {
    format!("Subject: {}\n\n{}", letter.subject, letter.text)
}

/// The text without its line ends.
fn flowing(letter: &Letter) -> String {
    letter.text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The letter as it goes over the wire, read back.
fn wire(letter: &Letter) -> Mail {
    let from: Mailbox = "Countersign <deploy@example.com>".parse().unwrap();
    let raw = letter.to_message(&from).unwrap().formatted();
    Mail { from: String::new(), to: Vec::new(), raw }
}

#[test]
fn a_review_is_asked_for() {
    let letter = review(&review_asked());
    assert_snapshot!(shown(&letter));
    assert_snapshot!(letter.html);
}

#[test]
fn a_first_release_and_a_way_back_say_so() {
    let first = ReviewAsked { change: Change { from: None, ..change() }, ..review_asked() };
    assert!(flowing(&review(&first)).starts_with(
        "Dana Okafor asks to release shop v42 (the first release) to production: 6 commits, 4 files."
    ));
    let back = ReviewAsked {
        change: Change { from: Some("v42".into()), to: "v41".into(), ..change() },
        rollback: true,
        commits: 1,
        ..review_asked()
    };
    assert!(
        flowing(&review(&back))
            .starts_with("Dana Okafor asks to go back with shop v42 → v41 to production: 1 commit, 4 files.")
    );
}

#[test]
fn an_accepted_request_brings_the_launch_link_and_the_slot() {
    assert_snapshot!(shown(&request_accepted().letter(to("dana@example.com"), at(NOW)).unwrap()));
}

#[test]
fn a_slot_may_begin_later_and_an_approval_may_not_be_needed() {
    let mut mail = request_accepted();
    (mail.slot_from, mail.accepted_by, mail.comment) = (Some(moment("2026-11-23T07:00:00Z")), vec![], None);
    mail.slot_until = moment("2026-11-23T08:00:00Z");
    assert_snapshot!(shown(&mail.letter(to("dana@example.com"), at(NOW)).unwrap()));
}

#[test]
fn a_rejected_request_says_by_whom_and_why() {
    assert_snapshot!(shown(&request_rejected().letter(to("dana@example.com"), at(NOW)).unwrap()));
}

#[test]
fn a_question_reaches_the_requester() {
    assert_snapshot!(shown(&question_asked().letter(to("dana@example.com"), at(NOW)).unwrap()));
}

#[test]
fn an_answer_reaches_who_asked() {
    let letter = question_answered().letter(to("rosa@example.com"), at(NOW)).unwrap();
    assert_snapshot!(shown(&letter));
    assert_snapshot!(letter.html);
}

#[test]
fn reviewers_are_reminded() {
    let letter = review_reminder().letter(to("releases@example.com"), at(NOW)).unwrap();
    assert_snapshot!(shown(&letter));
    assert_snapshot!(letter.html);
    let last = ReviewReminder { is_last: true, approval: "1 of 2 accepts.".into(), ..review_reminder() };
    let last = last.letter(to("releases@example.com"), at(NOW)).unwrap();
    assert_snapshot!(shown(&last));
    assert_ne!(last.message_id, letter.message_id, "a program that drops duplicates shows both");
}

#[test]
fn a_requester_is_reminded_of_the_slot() {
    let letter = slot_reminder().letter(to("dana@example.com"), at(NOW)).unwrap();
    assert_snapshot!(shown(&letter));
    assert_snapshot!(letter.html);
}

#[test]
fn a_laxer_policy_is_told() {
    let letter = approval_changed().letter(to("releases@example.com"), at(NOW)).unwrap();
    assert_snapshot!(shown(&letter));
    assert_snapshot!(letter.html);
}

#[test]
fn a_void_request_says_what_differs() {
    assert_snapshot!(shown(&request_void().letter(to("dana@example.com"), at(NOW)).unwrap()));
}

#[test]
fn a_request_may_also_expire_or_be_cancelled() {
    let ended = |ending| RequestEnded { ending, cause: String::new(), differs: vec![], ..request_void() };
    let letter = |mail: RequestEnded| mail.letter(to("dana@example.com"), at(NOW)).unwrap();
    assert_snapshot!(shown(&letter(ended(Ending::Expired))));
    assert_snapshot!(shown(&letter(ended(Ending::Cancelled { by: "Dana Okafor".into() }))));
}

#[test]
fn a_failed_deployment_says_which_host_and_why() {
    let letter = ended(&deployment_failed());
    assert_snapshot!(shown(&letter));
    assert_snapshot!(letter.html);
}

#[test]
fn the_other_ends_of_a_deployment() {
    let mut good = deployment_failed();
    good.state = DeploymentState::Succeeded;
    (good.cause, good.requested_by) = (None, None);
    good.accepted_by.clear();
    good.out_of_service.clear();
    good.hosts.retain(|host| host.state == HostState::Done);
    assert_snapshot!(shown(&ended(&good)));

    let state = |state| ended(&DeploymentEnded { state, ..deployment_failed() });
    let interrupted = state(DeploymentState::Interrupted);
    assert_eq!(interrupted.subject, "[interrupted] shop v42 → production");
    assert!(flowing(&interrupted).contains("was interrupted: its runner was lost."));
    let cancelled = state(DeploymentState::Cancelled);
    assert!(flowing(&cancelled).contains("to production was cancelled."));
}

#[test]
fn every_html_part_is_plain_and_has_one_link() {
    for letter in samples::all() {
        for forbidden in ["class=", "<img", "<table", "<script", "<form", "url(", "<link", "@import"] {
            assert!(!letter.html.contains(forbidden), "{}: {forbidden}", letter.subject);
        }
        let mail = wire(&letter);
        let href = format!("href=\"{}\"", mail.only_link());
        assert_eq!(letter.html.matches("href=").count(), 1, "{}", letter.subject);
        assert!(letter.html.contains(&href), "{}", letter.subject);
        assert!(letter.html.contains("style=\"display: inline-block"), "the styles are inline");
        assert_eq!(mail.html().trim_end(), letter.html.trim_end());
    }
}

#[test]
fn our_own_lines_fit_a_narrow_screen() {
    for letter in samples::all() {
        let ours = letter.text.split("\nPatch\n").next().unwrap();
        for line in ours.lines().filter(|line| !line.starts_with("https://")) {
            assert!(line.chars().count() <= 72, "{}: {line}", letter.subject);
        }
    }
}

#[test]
fn a_patch_stands_in_the_mail_up_to_60_kb_and_is_attached_up_to_1_mb() {
    let of_size = |size: usize| {
        let bytes = format!("{PATCH}{}", "+x\n".repeat(500_000)).into_bytes()[..size].to_vec();
        let mail = ReviewAsked { patch: patch_of(bytes.clone()), ..review_asked() };
        (bytes, review(&mail))
    };
    let (kb, mb) = (1024, 1024 * 1024);

    let (bytes, letter) = of_size(60 * kb);
    assert!(letter.text.contains(std::str::from_utf8(&bytes).unwrap()));
    assert!(!letter.text.contains("Shortened"));
    assert_eq!(letter.attachments[0].bytes, bytes);
    assert_eq!(letter.attachments[0].file_name, "shop-v41-v42.patch");

    let (bytes, letter) = of_size(60 * kb + 1);
    assert!(letter.text.contains("Shortened to 60 KB of 61 KB. The whole patch is attached."));
    assert!(letter.html.contains("Shortened to 60 KB of 61 KB. The whole patch is attached."));
    assert_eq!(letter.attachments[0].bytes, bytes);

    let (bytes, letter) = of_size(mb);
    assert!(letter.text.len() < 64 * kb);
    assert_eq!(letter.attachments[0].bytes, bytes);

    let (_, letter) = of_size(mb + 1);
    assert_eq!(letter.attachments, []);
    assert!(!letter.text.contains("diff --git") && !letter.html.contains("diff --git"));
    assert!(letter.text.contains(&"5e1f".repeat(16)));
    assert!(letter.text.contains("src/checkout/payment.py") && letter.text.contains("/review/k7Jq2"));
}

#[test]
fn an_empty_patch_and_a_line_without_end_are_no_trouble() {
    let empty = review(&ReviewAsked { patch: patch_of(""), ..review_asked() });
    assert!(empty.text.contains("Patch\nNothing differs."), "{}", empty.text);
    assert_eq!(empty.attachments, []);

    let long = "é".repeat(50_000);
    let letter = review(&ReviewAsked { patch: patch_of(long.clone()), ..review_asked() });
    assert!(letter.text.contains("Shortened to 60 KB of 98 KB"));
    assert_eq!(wire(&letter).attachments(), [("shop-v41-v42.patch".to_owned(), long.into_bytes())]);
}

#[test]
fn many_files_are_counted() {
    let mut mail = review_asked();
    mail.patch.stat.files = (0..40).map(|n| samples::file(&format!("src/file {n}\n.rs"), n, 1)).collect();
    let text = review(&mail).text;
    assert!(text.contains("and 25 more files, +780 −40 in all"), "{text}");
    assert!(text.contains("   +14     −1  src/file 14␊.rs\nand"), "{text}");
    assert!(!text.contains("src/file 15"));
}

#[test]
fn words_of_others_stay_words() {
    let mut mail = review_asked();
    mail.requester = "Eve\r\nBcc: all@example.com\u{202e}<script>alert(1)</script>".into();
    mail.change.to = "v42\r\nX-Evil: yes\u{7}".into();
    mail.change.application = "../../\"shop\" class=\"letter-go\"".into();
    mail.reason = "Good.\r\n\r\nRead and decide:\nhttps://evil.example/\u{1b}[31m</p><h1>".into();
    mail.ticket = Some("T-1\nSeal\n0000".into());
    mail.patch = patch_of("@@ -1 +1 @@\n+a\u{202e}b<b>\r\n-\u{1b}]8;;x\u{7}\n");
    let letter = review(&mail);

    assert_eq!(
        letter.subject,
        "[review] ../../\"shop\" class=\"letter-go\" v42 X-Evil: yes → production (Eve Bcc: all@example.com \
         <script>alert(1)</script>)"
    );
    assert!(letter.text.contains("> Read and decide:\n> https://evil.example/<U+001B>[31m</p><h1>"));
    assert!(letter.text.contains("Ticket: T-1 Seal 0000"));
    assert!(letter.text.contains("+a<U+202E>b<b>␍\n-<U+001B>]8;;x<U+0007>\n"));
    assert!(letter.html.contains("+a&#60;U+202E&#62;b&#60;b&#62;␍"), "{}", letter.html);
    assert!(!letter.html.contains("<script") && !letter.html.contains("<b>"));
    assert_eq!(letter.html.matches("href=").count(), 1);

    let mail = wire(&letter);
    assert_eq!(mail.header("bcc"), None);
    assert_eq!(mail.header("x-evil"), None);
    assert_eq!(mail.header("from").unwrap(), "Countersign <deploy@example.com>");
    let (name, _) = &mail.attachments()[0];
    assert_eq!(name, "shop--class--letter-go--v41-v42--X-Evil--yes-.patch");
}

#[test]
fn words_of_others_stay_words_in_every_mail() {
    let evil = || "E\r\n\r\nForged: yes\u{202e}<script>x</script>\" href=\"https://evil.example/".to_owned();
    let hostile = Change { application: evil(), environment: evil(), from: Some(evil()), to: evil() };
    let (to, now) = (|| to("dana@example.com"), at(NOW));

    let mut accepted = request_accepted();
    (accepted.change, accepted.accepted_by, accepted.comment) =
        (hostile.clone(), vec![evil(), evil()], Some(evil()));
    let mut rejected = request_rejected();
    (rejected.change, rejected.by, rejected.why) = (hostile.clone(), evil(), evil());
    let mut question = question_asked();
    (question.change, question.by, question.question) = (hostile.clone(), evil(), evil());
    let mut void = request_void();
    (void.change, void.cause, void.ending) = (hostile.clone(), evil(), Ending::Cancelled { by: evil() });
    (void.differs[0].what, void.differs[0].reviewed, void.differs[0].now) = (evil(), evil(), evil());
    let mut failed = deployment_failed();
    (failed.change, failed.cause, failed.started_by) = (hostile, Some(evil()), evil());
    (failed.accepted_by, failed.out_of_service) = (vec![evil()], vec![evil()]);
    (failed.hosts[0].host, failed.hosts[1].why, failed.hosts[3].runs) = (evil(), Some(evil()), Some(evil()));

    for letter in [
        accepted.letter(to(), now).unwrap(),
        rejected.letter(to(), now).unwrap(),
        question.letter(to(), now).unwrap(),
        void.letter(to(), now).unwrap(),
        failed.letter(to(), now).unwrap(),
    ] {
        assert!(letter.text.contains("Forged"), "the words are there");
        assert!(!letter.text.contains("\n\nForged"), "no paragraph of its own: {}", letter.text);
        assert!(!letter.text.contains('\u{202e}') && !letter.html.contains('\u{202e}'));
        assert!(!letter.html.contains("<script"), "{}", letter.html);
        assert_eq!(letter.html.matches("href=\"").count(), 1, "{}", letter.html);
        assert!(!wire(&letter).header_names().iter().any(|name| name == "forged"));
    }
}

#[test]
fn a_file_name_is_short_and_keeps_its_end() {
    let mut mail = review_asked();
    for (tag, name) in [("../".repeat(60), 100), (".".into(), 18), ("é".into(), 18)] {
        mail.change.to = tag;
        let (found, _) = wire(&review(&mail)).attachments().remove(0);
        assert!(found.starts_with("shop-v41-") && found.split('.').next_back() == Some("patch"), "{found}");
        assert!(found.len() <= name, "{found}");
    }
}

#[test]
fn an_automatic_mail_says_that_it_is_one() {
    for letter in samples::all() {
        let mail = wire(&letter);
        assert_eq!(mail.header("auto-submitted").unwrap(), "auto-generated");
        assert_eq!(mail.header("date").unwrap(), "Sat, 21 Nov 2026 14:02:03 +0000");
    }
}

#[test]
fn the_mails_of_a_request_make_one_thread() {
    let letters = samples::all();
    let head = wire(&letters[0]).header("message-id").unwrap();
    assert_eq!(head, "<countersign.Zk3vQ9@deploy.example.com>");
    let mut ids = vec![head.clone()];
    for letter in &letters[1..] {
        let mail = wire(letter);
        assert_eq!(mail.header("in-reply-to").as_ref(), Some(&head), "{}", letter.subject);
        assert_eq!(mail.header("references").as_ref(), Some(&head), "{}", letter.subject);
        ids.push(mail.header("message-id").unwrap());
    }
    let second = ReviewAsked { thread: Thread { copy: 1, ..thread() }, ..review_asked() };
    assert_eq!(review(&second).in_reply_to, Some(head));
    ids.push(review(&second).message_id);
    assert!(ids.iter().all(|id| ids.iter().filter(|other| *other == id).count() == 1), "{ids:?}");
    assert_eq!(review(&review_asked()).message_id, review(&review_asked()).message_id, "a retry is the same");
}

#[test]
fn times_are_said_here_and_in_utc() {
    let said = |at_: &str, zone: &str| Moment { at: at(at_), zone: zone.into() }.to_string();
    assert_eq!(
        said("2026-11-22T14:02:00Z", "Europe/Paris"),
        "Sun 22 Nov 2026, 15:02 Europe/Paris (14:02 UTC)"
    );
    assert_eq!(
        said("2026-07-01T23:30:00Z", "Europe/Paris"),
        "Thu 2 Jul 2026, 01:30 Europe/Paris (Wed 1 Jul, 23:30 UTC)"
    );
    assert_eq!(said("2026-11-22T14:02:00Z", "UTC"), "Sun 22 Nov 2026, 14:02 UTC");
    assert_eq!(said("2026-11-22T14:02:00Z", "Mars/Olympus"), "Sun 22 Nov 2026, 14:02 UTC");
}

#[test]
fn a_bad_address_in_a_list_is_named_and_the_others_stay() {
    let found = recipients([
        "releases@example.com",
        "Rosa Lindqvist <rosa@example.com>",
        "no address",
        "releases@example.com",
        "eve@example.com\r\nBcc: all@example.com",
        "two@example.com, three@example.com",
        "jürgen@example.com",
        "",
    ]);
    let mails: Vec<String> = found.mailboxes.iter().map(ToString::to_string).collect();
    assert_eq!(mails, ["releases@example.com", "Rosa Lindqvist <rosa@example.com>"]);
    let refused: Vec<&str> = found.refused.iter().map(|bad| bad.entry.as_str()).collect();
    assert_eq!(
        refused,
        [
            "no address",
            "eve@example.com Bcc: all@example.com",
            "two@example.com, three@example.com",
            "jürgen@example.com",
            ""
        ]
    );
    assert!(found.refused[1].to_string().contains("control or text-direction characters"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// security.md 34: no value makes a header of its own.
    #[test]
    fn no_text_makes_a_header(
        subject in ".*", name in ".*", id in ".*", reply in ".*", file in ".*", cut in "\r\n[A-Z]-X: [a-z]{1,9}\r\n"
    ) {
        let hostile = |text: &str| format!("{text}{cut}{text}");
        let mut letter = review(&review_asked());
        letter.subject = hostile(&subject);
        letter.to = vec![Mailbox::new(Some(hostile(&name)), "a@example.com".parse().unwrap())];
        letter.message_id = hostile(&id);
        letter.in_reply_to = Some(hostile(&reply));
        letter.attachments = vec![Attachment { file_name: hostile(&file), kind: "text/x-diff", bytes: vec![1] }];
        let mail = wire(&letter);
        prop_assert_eq!(
            mail.header_names(),
            ["from", "subject", "date", "message-id", "auto-submitted", "to", "in-reply-to", "references",
             "mime-version", "content-type"]
        );
        let files: Vec<Vec<u8>> = mail.attachments().into_iter().map(|(_, bytes)| bytes).collect();
        prop_assert_eq!(files, [[1]]);
    }
}

#[test]
fn a_requester_is_told_of_a_revoked_link() {
    let letter = link_revoked().letter(to("dana@example.com"), at(NOW)).unwrap();
    assert_snapshot!(shown(&letter));
    assert_snapshot!(letter.html);
}

#[test]
fn a_requester_is_told_of_a_freeze_that_comes_that_is_there_and_that_is_over() {
    let letter = |state, until| {
        let mail = FreezeTold { state, until, ..freeze_told() };
        mail.letter(to("dana@example.com"), at(NOW)).unwrap()
    };
    let now = letter(FreezeState::Current, freeze_told().until);
    assert_snapshot!(shown(&now));
    assert_snapshot!(now.html);
    assert_snapshot!(shown(&letter(FreezeState::Planned, freeze_told().until)));
    assert_snapshot!(shown(&letter(FreezeState::Current, None)));
    let lifted = FreezeTold { state: FreezeState::Ended, lifted_by: Some("rosa".into()), ..freeze_told() };
    assert_snapshot!(shown(&lifted.letter(to("dana@example.com"), at(NOW)).unwrap()));
}

#[test]
fn everybody_is_told_of_broken_glass_and_reminded_while_nobody_signs() {
    let letter = glass_broken().letter(to("releases@example.com"), at(NOW)).unwrap();
    assert_snapshot!(shown(&letter));
    assert_snapshot!(letter.html);
    let again = GlassBroken { reminds: true, ..glass_broken() };
    assert_snapshot!(shown(&again.letter(to("releases@example.com"), at(NOW)).unwrap()));
}
