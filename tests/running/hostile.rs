//! A repository whose every word is hostile, through pages, mails, log and feed
//! (security.md 33, 34).

use crate::domain::deployment::DeploymentState;
use crate::domain::name::is_deceptive;
use crate::tests::harness::{Feed, Service, id_of};
use crate::tests::support::smtp::Mail;

const SCRIPT: &str = "<script>alert(1)</script>";
/// A hyperlink, a title, a cleared screen, a turned text.
const TERMINAL: &str =
    "\u{1b}]8;;http://evil.example\u{7}click\u{1b}]8;;\u{7}\u{1b}]0;title\u{7}\u{1b}[2J\u{202e}txt.exe";

/// No text of the repository is markup, and nothing turns the text or moves a cursor.
fn is_clean_page(name: &str, html: &str) {
    assert!(!html.contains("<script>alert") && !html.contains("<img src=x"), "{name}: markup");
    let bad = html.chars().find(|c| is_deceptive(*c) && !matches!(c, '\n' | '\t'));
    assert_eq!(bad, None, "{name}");
}

/// The same, with colours.
fn is_clean_text(name: &str, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(|c| is_deceptive(c) && !matches!(c, '\n' | '\t' | '\r')) {
        let colour = rest[at..]
            .strip_prefix("\u{1b}[")
            .map(|after| after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';'));
        assert!(
            colour.is_some_and(|after| after.starts_with('m')),
            "{name}: {:?}",
            &rest[at..rest.len().min(at + 40)]
        );
        rest = &rest[at + 1..];
    }
}

fn is_clean_mail(mail: &Mail, allowed: &[&str]) {
    let subject = mail.subject();
    is_clean_page(&subject, &mail.html());
    is_clean_text(&subject, &mail.text());
    assert!(!mail.text().contains('\u{1b}'), "{subject}: colours are for terminals");
    is_clean_page("subject", &subject.replace(SCRIPT, ""));
    for to in &mail.to {
        assert!(allowed.contains(&to.as_str()), "{subject} went to {to}");
    }
    for header in ["bcc", "cc", "x-evil"] {
        assert_eq!(mail.header(header), None, "{subject}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_commits_names_and_output_are_text_on_every_page_and_in_every_mail() {
    let service = Service::start().await;
    let crlf = "Dana\r\nBcc: evil@example.com\r\nX-Evil: yes";
    service.github.person("dana").named(crlf);
    let dana = service.as_user("dana").await;
    let repository = service.repository.clone().by(&format!("Eve {TERMINAL}"), "eve@example.com");
    repository.write(format!("src/{}.txt", SCRIPT.replace('/', "∕")), format!("{SCRIPT}\n{TERMINAL}\n"));
    repository.write("src/\u{202e}cod.exe", "turned\n");
    repository.write("version", "v1.3\n");
    let (red, plain) = ("\\033[31m", "\\033[0m");
    let prints = [
        format!("printf '{red}red{plain} {SCRIPT}\\n'"),
        "printf '\\033]8;;http://evil.example\\007click\\033]8;;\\007 \\342\\200\\256turned\\n'".to_owned(),
        "printf 'zero\\000 bad \\377\\376 bytes \\033[2Jcleared\\n'".to_owned(),
        "head -c 1000000 /dev/zero | tr '\\0' x; echo".to_owned(),
        "echo the end".to_owned(),
    ];
    repository.write("deploy.sh", prints.join("\n") + "\n");
    let commit = repository
        .commit(&format!("{SCRIPT} {TERMINAL}\r\nBcc: evil@example.com\n\n{TERMINAL}"), 1_790_000_000);
    repository.annotated_tag("v1.3", &commit, &format!("{SCRIPT}{TERMINAL}"), 1_790_000_000);

    let form = service.request_form(&dana, "v1.3").await;
    let reason = format!("{SCRIPT}{TERMINAL}\r\nBcc: evil@example.com");
    let asked =
        dana.submit(&form, "Request review of", &[("reason", &reason), ("ticket", SCRIPT)]).await.unwrap();
    let review = service.mail_about("[review] shop v1.3").await;
    let rosa = service.as_user("rosa").await;
    let reviewed = rosa.get(&review.only_link()).await.unwrap();
    let accepted = rosa.submit(&reviewed, "Countersign", &[("comment", &reason)]).await.unwrap();
    let launch = service.mail_about("[accepted] shop v1.3").await.only_link();
    let start = dana.get(&launch).await.unwrap();
    let started = dana.submit(&start, "Start deployment", &[]).await.unwrap();
    let id = id_of(&started);
    let ended = service.ended(id).await;
    assert_eq!(ended.state, DeploymentState::Succeeded, "{:?}", ended.why);

    for page in [&form, &asked, &reviewed, &accepted, &start, &started] {
        is_clean_page(page.url.path(), &page.html);
    }
    let diff = format!("/applications/shop/diff?to={commit}");
    let seen = format!("/deployments/{id}");
    for path in [
        "/",
        "/requests",
        "/deployments",
        "/applications/shop",
        "/applications/shop/production",
        &diff,
        &seen,
        asked.url.path(),
    ] {
        let page = dana.get(path).await.unwrap();
        assert_eq!(page.status, 200, "{path}");
        is_clean_page(path, &page.html);
    }
    let page = dana.get(&seen).await.unwrap();
    assert!(
        page.html.contains("&lt;script&gt;alert(1)&lt;/script&gt;") || page.html.contains("&#60;script&#62;"),
        "it is shown as text"
    );
    assert!(page.html.contains("<span class=\"f1\">red</span>"), "colours are kept");
    assert!(page.text().contains("the end"));
    let log = dana.get(&format!("{seen}/log")).await.unwrap();
    assert!(log.header("content-type").starts_with("text/plain"), "{:?}", log.headers);
    is_clean_text("log", &log.html);
    assert!(
        log.html.contains("\u{1b}[31mred\u{1b}[0m") && log.html.contains("bytes cut]"),
        "colours stay, the long line has a mark"
    );
    assert!(
        log.html.contains("zero bad \u{fffd}\u{fffd} bytes cleared\n") && log.html.contains("click turned\n")
    );
    for message in Feed::open(&dana, &service.base_url, id, None).await.rest().await {
        for event in message.events() {
            is_clean_text("feed", &serde_json::to_string(&event).unwrap().replace("\\u001b", "\u{1b}"));
        }
    }
    service.mail_about("[succeeded] shop").await;
    let people = ["releases@example.com", "dana@example.com", "shop@example.com", "ops@example.com"];
    let mails = service.mail.mails();
    assert_eq!(mails.len(), 3);
    for mail in &mails {
        is_clean_mail(mail, &people);
    }
}
