//! The way of a letter to a mail server that takes it, refuses it, is away or
//! says nothing.

use std::sync::Arc;
use std::time::Duration;

use super::samples::{PATCH, at, patch_of, request_accepted, review_asked, to};
use crate::config::MailConfig;
use crate::mail::messages::ReviewAsked;
use crate::mail::{Letter, Mailer, Sent, recipients};
use crate::tests::support::mail_page::MailPage;
use crate::tests::support::smtp::{Behaviour, SmtpSink};

fn config(smtp: &str) -> MailConfig {
    MailConfig {
        smtp: smtp.into(),
        from: "Countersign <deploy@example.com>".into(),
        always_notify: Vec::new(),
    }
}

fn mailer(sink: &SmtpSink) -> Mailer {
    Mailer::new(&config(&sink.url())).unwrap()
}

fn letter() -> Letter {
    review_asked().letter(to("releases@example.com"), at("2026-11-21T14:02:03Z")).unwrap()
}

fn letter_to(addresses: &[&str]) -> Letter {
    Letter { to: recipients(addresses.iter().copied()).mailboxes, ..letter() }
}

#[tokio::test]
async fn a_letter_arrives_as_it_was_written() {
    let sink = SmtpSink::start(None).await;
    let bytes = [PATCH.as_bytes(), b"+.\r\n..\n.\nFrom me\n\xff\xfe\r\n"].concat();
    let written = ReviewAsked { patch: patch_of(bytes.clone()), ..review_asked() }
        .letter(to("Release Team <releases@example.com>"), at("2026-11-21T14:02:03Z"))
        .unwrap();
    assert_eq!(mailer(&sink).send(&written).await.unwrap(), Sent::default());

    let mails = sink.wait_for(1).await;
    let mail = &mails[0];
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("deploy@example.com", ["releases@example.com".into()].as_slice())
    );
    assert_eq!(mail.subject(), "[review] shop v42 → production (Dana Okafor)");
    assert_eq!(mail.header("to").unwrap(), "\"Release Team\" <releases@example.com>");
    assert_eq!(mail.only_link(), "https://deploy.example.com/review/k7Jq2");
    assert_eq!(mail.text().trim_end(), written.text.trim_end());
    assert_eq!(mail.html().trim_end(), written.html.trim_end());
    assert_eq!(mail.attachment("shop-v41-v42.patch").unwrap(), bytes);
    assert!(mail.raw.is_ascii());
    assert!(mail.raw.split(|byte| *byte == b'\n').all(|line| line.len() <= 998));
}

#[tokio::test]
async fn a_refusal_for_now_is_told_from_one_for_good() {
    let sink = SmtpSink::start(None).await;
    sink.behave(Behaviour::RefuseForNow);
    let error = mailer(&sink).send(&letter()).await.unwrap_err();
    assert!(error.temporary);
    assert!(error.words.contains("451") && error.words.contains("try again later"), "{error}");

    sink.behave(Behaviour::RefuseForGood);
    let error = mailer(&sink).send(&letter()).await.unwrap_err();
    assert!(!error.temporary);
    assert!(error.words.contains("550") && error.words.contains("never"), "{error}");
    assert!(sink.mails().is_empty());
}

#[tokio::test]
async fn a_refused_recipient_is_named_and_the_others_get_it() {
    let sink = SmtpSink::start(None).await;
    sink.behave(Behaviour::RefuseRecipients { code: 550, containing: "gone" });
    let letter = letter_to(&["rosa@example.com", "gone@example.com", "sam@example.com"]);
    let sent = mailer(&sink).send(&letter).await.unwrap();
    assert_eq!(sink.wait_for(1).await[0].to, ["rosa@example.com", "sam@example.com"]);
    assert_eq!(sent.undelivered.len(), 1);
    assert_eq!(sent.undelivered[0].to.to_string(), "gone@example.com");
    assert!(!sent.undelivered[0].error.temporary);
}

#[tokio::test]
async fn a_letter_that_nobody_may_have_is_an_error() {
    let sink = SmtpSink::start(None).await;
    let letter = letter_to(&["gone@example.com", "away@example.com"]);
    for (code, temporary) in [(550, false), (450, true)] {
        sink.behave(Behaviour::RefuseRecipients { code, containing: "@" });
        let error = mailer(&sink).send(&letter).await.unwrap_err();
        assert_eq!(error.temporary, temporary, "{error}");
    }
    assert!(!mailer(&sink).send(&letter_to(&[])).await.unwrap_err().temporary);
    assert!(sink.mails().is_empty());
}

#[tokio::test]
async fn a_server_that_is_down_loses_nothing() {
    let sink = SmtpSink::start(None).await;
    let mailer = mailer(&sink);
    mailer.check().await.unwrap();
    sink.down().await;
    let error = mailer.send(&letter()).await.unwrap_err();
    assert!(error.temporary, "{error}");
    assert!(mailer.check().await.unwrap_err().temporary);

    sink.up().await;
    mailer.send(&letter()).await.unwrap();
    sink.wait_for(1).await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let sink = SmtpSink::start(None).await;
    sink.behave(Behaviour::Hang);
    // Short, because these calls can only end by it.
    let hurried = Mailer::with_timeout(&config(&sink.url()), Duration::from_millis(50)).unwrap();
    for error in [hurried.send(&letter()).await.unwrap_err(), hurried.check().await.unwrap_err()] {
        assert!(error.temporary);
        assert!(error.words.ends_with("did not answer within 50ms"), "{error}");
    }
    sink.behave(Behaviour::Accept);
    mailer(&sink).send(&letter()).await.unwrap();
    sink.wait_for(1).await;
}

#[tokio::test]
async fn a_login_is_used_and_never_told() {
    let sink = SmtpSink::start(None).await;
    sink.require_login("deploy@example.com", "p&s+s wörd");
    let right = format!("smtp://deploy%40example.com:p&s+s%20w%C3%B6rd@127.0.0.1:{}", sink.port());
    let mailer = Mailer::new(&config(&right)).unwrap();
    mailer.check().await.unwrap();
    mailer.send(&letter()).await.unwrap();
    sink.wait_for(1).await;

    let wrong = format!("smtp://deploy:hunter2@127.0.0.1:{}", sink.port());
    let mailer = Mailer::new(&config(&wrong)).unwrap();
    let error = mailer.send(&letter()).await.unwrap_err();
    assert!(error.temporary, "a wrong password is the operator's to mend, the letter waits");
    assert!(error.words.contains("535"), "{error}");
    assert!(!format!("{mailer:?} {mailer} {error:?}").contains("hunter2"));

    let none = Mailer::new(&config(&sink.url())).unwrap();
    assert!(none.send(&letter()).await.is_err());
}

#[tokio::test]
async fn starttls_is_never_done_without() {
    let sink = SmtpSink::start(None).await;
    // The TLS parameters ask for the process's provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("smtp+starttls://user:secret@127.0.0.1:{}", sink.port());
    let error = Mailer::new(&config(&url)).unwrap().send(&letter()).await.unwrap_err();
    assert!(error.words.contains("STARTTLS"), "{error}");
    let verbs: Vec<String> =
        sink.commands().iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(verbs, ["EHLO"]);
}

#[test]
fn a_wrong_configuration_is_refused_with_words_and_without_secrets() {
    let refused = |smtp: &str, words: &str| {
        let error = Mailer::new(&config(smtp)).unwrap_err();
        assert_eq!(error.words, words, "{smtp}");
        assert!(!error.temporary);
    };
    let scheme = "mail.smtp must begin with smtp://, smtps:// or smtp+starttls://";
    let both = "mail.smtp needs both user and password, or neither";
    refused("localhost", "mail.smtp is not a URL");
    refused("http://localhost", scheme);
    refused("smtp://user@localhost", both);
    refused("smtp://:hunter2@localhost", both);
    refused("smtp://localhost/inbox", "mail.smtp must end after the port");
    refused("smtp://localhost?tls=required", "mail.smtp must end after the port");
    refused("smtp://u:%ff@localhost", "mail.smtp has a user or password that is not UTF-8");
    refused("smtp://", "mail.smtp names no server");

    let from = MailConfig { from: "nobody".into(), ..config("smtp://localhost") };
    assert!(Mailer::new(&from).unwrap_err().words.starts_with("mail.from: "));
    for (url, shown) in [
        ("smtp://localhost", "localhost:25"),
        ("smtps://u:p@mail.example.com", "mail.example.com:465"),
        ("smtp+starttls://u:p@mail.example.com", "mail.example.com:587"),
        ("smtp://[::1]:2525", "::1:2525"),
    ] {
        assert_eq!(Mailer::new(&config(url)).unwrap().to_string(), shown);
    }
}

#[tokio::test]
async fn the_mails_can_be_read_in_a_browser() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sink = Arc::new(SmtpSink::start(None).await);
    let page = MailPage::start(sink.clone(), None).await;
    let read =
        async |path: &str| reqwest::get(format!("{}{path}", page.url())).await.unwrap().text().await.unwrap();
    assert!(read("").await.contains("None yet"));

    let accepted = request_accepted().letter(to("dana@example.com"), at("2026-11-21T14:03:00Z")).unwrap();
    let review = Letter { subject: "[review] <b>".into(), ..letter() };
    for letter in [review, accepted] {
        mailer(&sink).send(&letter).await.unwrap();
    }
    sink.wait_for(2).await;
    let list = read("").await;
    let (newest, oldest) = (list.find("[accepted]").unwrap(), list.find("[review] &lt;b&gt;").unwrap());
    assert!(newest < oldest, "{list}");
    let mail = read("mails/1").await;
    let link = "https://deploy.example.com/review/k7Jq2";
    assert!(mail.contains(&format!("<a href=\"{link}\">{link}</a>")), "{mail}");
    assert!(mail.contains("shop-v41-v42.patch") && mail.contains("currency = &quot;EUR&quot;"));
    assert!(read("mails/0").await.contains("No such mail"));
}
