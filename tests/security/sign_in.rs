//! Signing in with GitHub: whose return it is, who they are, and what happens when
//! GitHub does not play along. Whatever fails leaves nothing half done.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use url::Url;

use crate::github::Timeouts;
use crate::tests::harness::dump::differences;
use crate::tests::harness::{Service, World};
use crate::tests::support::browser::{Browser, Page};
use crate::tests::support::github::Trouble;

async fn small() -> Service {
    Service::start_in(World { hosts: 0, ..World::without_runner() }).await
}

/// Where a browser is sent to sign in.
async fn to_github(browser: &Browser) -> Url {
    browser.raw("GET", "/authorize", &[], "").await.unwrap().location().unwrap().expect("the way to GitHub")
}

/// The way back that GitHub gives to somebody who signs in there.
async fn way_back(service: &Service, browser: &Browser, login: &str) -> Url {
    service.github.sign_in_as(Some(login));
    let github = to_github(browser).await;
    browser.raw("GET", github.as_str(), &[], "").await.unwrap().location().unwrap().expect("the way back")
}

async fn take(browser: &Browser, back: &Url) -> Page {
    browser.raw("GET", back.as_str(), &[], "").await.unwrap()
}

fn with_query(back: &Url, change: impl Fn(&str, &str) -> Option<String>) -> Url {
    let mut url = back.clone();
    let pairs: Vec<(String, String)> = back
        .query_pairs()
        .filter_map(|(name, value)| Some((name.to_string(), change(&name, &value)?)))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url
}

fn is_refused(what: &str, page: &Page, status: u16, words: &str) {
    assert_eq!(
        (page.status, page.main_page().as_deref()),
        (status, Some("login")),
        "{what}: {}",
        page.text()
    );
    assert!(page.text().contains(words), "{what}: {}", page.text());
    let cookies: Vec<&str> =
        page.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).collect();
    assert!(!cookies.iter().any(|cookie| cookie.starts_with("countersign_session=")), "{what}: {cookies:?}");
}

/// No session, and no person made or changed.
async fn nobody_came_in(what: &str, service: &Service) {
    let dump = service.tables().await;
    assert_eq!((dump["sessions"].len(), dump["people"].len()), (0, 0), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_empty_foreign_replayed_or_expired_state_signs_nobody_in() {
    let service = small().await;
    let (dana, mallory) = (service.browser(), service.browser());
    let back = way_back(&service, &dana, "dana").await;
    let missing = with_query(&back, |name, value| (name != "state").then(|| value.to_owned()));
    is_refused("missing", &take(&dana, &missing).await, 403, "too old");
    let back = way_back(&service, &dana, "dana").await;
    let empty =
        with_query(&back, |name, value| Some(if name == "state" { String::new() } else { value.to_owned() }));
    is_refused("empty", &take(&dana, &empty).await, 403, "too old");
    let back = way_back(&service, &dana, "dana").await;
    let wrong = with_query(&back, |name, value| {
        Some(if name == "state" { "A".repeat(43) } else { value.to_owned() })
    });
    is_refused("wrong", &take(&dana, &wrong).await, 403, "too old");

    // Mallory's return, sent to a browser that went nowhere, and to one on its own way.
    let back = way_back(&service, &mallory, "mallory").await;
    is_refused("into another browser", &take(&service.browser(), &back).await, 403, "too old");
    to_github(&dana).await;
    is_refused("into a browser on its own way", &take(&dana, &back).await, 403, "too old");
    // Her code with the state of that browser: the verifier is another one.
    let own = way_back(&service, &dana, "dana").await;
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.to_string();
    let mixed =
        with_query(&own, |name, value| Some(if name == "code" { code.clone() } else { value.to_owned() }));
    is_refused("another's code", &take(&dana, &mixed).await, 403, "did not accept");

    let back = way_back(&service, &dana, "dana").await;
    service.advance(SignedDuration::from_mins(11));
    is_refused("expired", &take(&dana, &back).await, 403, "too old");
    nobody_came_in("after all of these", &service).await;

    let back = way_back(&service, &dana, "dana").await;
    let kept = dana.cookies().join("; ");
    assert_eq!(take(&dana, &back).await.status, 303);
    let sessions = service.tables().await["sessions"].len();
    // With a new code too, the same state and cookie are spent.
    let fresh = way_back(&service, &service.browser(), "dana").await;
    let code = fresh.query_pairs().find(|(name, _)| name == "code").unwrap().1.to_string();
    let replayed =
        with_query(&back, |name, value| Some(if name == "code" { code.clone() } else { value.to_owned() }));
    let page = service.browser().raw("GET", replayed.as_str(), &[("cookie", &kept)], "").await.unwrap();
    is_refused("replayed with its cookie", &page, 403, "too old");
    assert_eq!(service.tables().await["sessions"].len(), sessions);
    let declined = service.browser();
    let back = way_back(&service, &declined, "dana").await;
    let said_no = with_query(&back, |name, value| (name == "state").then(|| value.to_owned()));
    let said_no = format!("{said_no}&error=access_denied");
    is_refused("declined", &declined.raw("GET", &said_no, &[], "").await.unwrap(), 403, "declined");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_github_has_a_random_state_pkce_and_one_exact_return() {
    let service = small().await;
    let browser = service.browser();
    let (first, second) = (to_github(&browser).await, to_github(&browser).await);
    let of = |url: &Url, name: &str| {
        url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.to_string()).unwrap_or_default()
    };
    for url in [&first, &second] {
        assert_eq!(of(url, "redirect_uri"), format!("{}/authorized", service.base_url));
        assert_eq!(
            (of(url, "code_challenge_method").as_str(), of(url, "code_challenge").len()),
            ("S256", 43),
            "{url}"
        );
        assert_eq!((of(url, "state").len(), of(url, "response_type").as_str()), (43, "code"), "{url}");
    }
    for name in ["state", "code_challenge"] {
        assert_ne!(of(&first, name), of(&second, name), "{name} is made anew");
    }
    // The stand-in checks the verifier against the challenge: with another one it fails.
    service.github.sign_in_as(Some("dana"));
    let other = with_query(&second, |name, value| {
        Some(if name == "code_challenge" { of(&first, name) } else { value.to_owned() })
    });
    let back = browser.raw("GET", other.as_str(), &[], "").await.unwrap().location().unwrap().unwrap();
    is_refused("a verifier that does not fit", &take(&browser, &back).await, 403, "did not accept");
    nobody_came_in("a verifier that does not fit", &service).await;
    // And neither host header nor parameter moves the return.
    let page = browser
        .raw(
            "GET",
            "/authorize?redirect_uri=https://evil.example",
            &[("x-forwarded-host", "evil.example")],
            "",
        )
        .await
        .unwrap();
    assert_eq!(
        of(&page.location().unwrap().unwrap(), "redirect_uri"),
        format!("{}/authorized", service.base_url)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_the_subject_and_neither_mail_nor_name() {
    let edit = |fleet: &mut serde_json::Value| {
        fleet["roles"][0]["users"] = json!(["ada", "local:zoe", "github:gil"]);
    };
    let service =
        Service::start_in(World { hosts: 0, edit_fleet: Box::new(edit), ..World::without_runner() }).await;
    let dana = service.as_user("dana").await;
    assert_eq!(dana.get("/applications/shop").await.unwrap().status, 200);

    service.github.person("evil").without_emails().email("dana@example.com", true, true);
    let evil = service.as_user("evil").await;
    assert_eq!(
        evil.get("/applications/shop").await.unwrap().status,
        404,
        "the same mail gives nothing of hers"
    );
    let evil_page = evil.get("/").await.unwrap();
    assert!(!evil_page.text().contains("Dana"), "{}", evil_page.text());

    // Dana is renamed at GitHub, and somebody takes the login that she left.
    service.github.person("dana").login("dana-o");
    let renamed = service.as_user("dana").await;
    assert_eq!(renamed.get("/applications/shop").await.unwrap().status, 200, "she is who she was");
    service.github.person("taker").login("dana");
    let before = service.tables().await;
    let browser = service.browser();
    let back = way_back(&service, &browser, "taker").await;
    is_refused("a name that was left", &take(&browser, &back).await, 403, "known here as somebody else");
    service.github.person("zoe");
    let back = way_back(&service, &browser, "zoe").await;
    is_refused(
        "a name kept for another provider",
        &take(&browser, &back).await,
        403,
        "known here as somebody else",
    );
    let after = service.tables().await;
    let changed: Vec<String> = differences(&before, &after)
        .into_iter()
        .filter(|change| !change.starts_with("audit") && !change.starts_with("oauth"))
        .collect();
    assert!(changed.is_empty(), "{changed:#?}");
    let people = after["people"].join("\n");
    assert!(!people.contains("name='dana-o'") && people.matches("name='dana'").count() == 1, "{people}");
    let refused: Vec<&String> =
        after["audit_log"].iter().filter(|row| row.contains("action='person.sign_in_refused'")).collect();
    for name in ["dana", "zoe"] {
        let row = refused.iter().find(|row| row.contains(&format!("actor='github:{name}'")));
        let row = row.unwrap_or_else(|| panic!("{name}: {refused:#?}"));
        let parts = [
            format!("subject='person {name}'"),
            "the name is another identity".to_owned(),
            "\"subject\"".to_owned(),
        ];
        assert!(parts.iter().all(|part| row.contains(part)), "{row}");
    }
    assert_eq!(refused.len(), 2, "{refused:#?}");
    let signed_in: Vec<&String> = after["audit_log"].iter().filter(|row| row.contains("dana-o")).collect();
    assert!(signed_in.is_empty(), "the record names people as they are known here: {signed_in:#?}");

    service.github.person("gil");
    let gil = service.as_user("gil").await;
    assert_eq!(gil.get("/admin").await.unwrap().status, 200, "a name kept for this provider");

    service.github.person("una").without_emails().email("una@example.com", true, false).email(
        "other@example.com",
        false,
        true,
    );
    service.as_user("una").await;
    let people = service.tables().await["people"].join("\n");
    let una = people.lines().find(|row| row.contains("name='una'")).unwrap();
    assert!(una.contains("mail=NULL"), "an address that is not verified is never used: {una}");
}

#[tokio::test(flavor = "multi_thread")]
async fn outsiders_are_told_so_and_leave_no_trace_but_in_the_record() {
    let service = small().await;
    service.github.person("ines").pending();
    for login in ["olga", "ines"] {
        let browser = service.browser();
        let back = way_back(&service, &browser, login).await;
        let page = take(&browser, &back).await;
        is_refused(login, &page, 403, &format!("{login} is not a member of acme"));
        assert_eq!(browser.raw("GET", "/", &[], "").await.unwrap().status, 303);
    }
    nobody_came_in("outsiders", &service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_github_is_in_trouble_a_page_says_so_and_nothing_is_half_done() {
    let short = Timeouts { connect: Duration::from_millis(300), total: Duration::from_millis(300) };
    let service =
        Service::start_in(World { hosts: 0, github_timeouts: short, ..World::without_runner() }).await;
    let reset = service.clock.now().as_second() + 600;
    let troubles = [
        (Trouble::ServerError, 503, "does not answer"),
        (Trouble::NotJson, 503, "does not answer"),
        (Trouble::Limited, 503, "asks us to wait"),
        (Trouble::RateLimited { reset }, 503, "Try again in 1"),
        (Trouble::BadCredentials, 403, "did not accept"),
        (Trouble::Huge(3_000_000), 503, "does not answer"),
        (Trouble::NextPage("https://evil.example/teams".to_owned()), 503, "does not answer"),
    ];
    for (trouble, status, words) in troubles {
        let browser = service.browser();
        let back = way_back(&service, &browser, "dana").await;
        service.github.trouble(trouble);
        is_refused(words, &take(&browser, &back).await, status, words);
        service.github.trouble(None);
        nobody_came_in(words, &service).await;
    }

    let browser = service.browser();
    let back = way_back(&service, &browser, "dana").await;
    service.github.hang();
    is_refused("slow", &take(&browser, &back).await, 503, "does not answer");
    service.github.release();
    nobody_came_in("slow", &service).await;

    let back = way_back(&service, &browser, "dana").await;
    service.github.down().await;
    is_refused("down", &take(&browser, &back).await, 503, "does not answer");
    nobody_came_in("down", &service).await;
    assert_eq!(browser.get("/login").await.unwrap().status, 200);
    service.github.up().await;
    service.sign_in(&browser, "dana").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_of_an_enterprise_server_give_roles_from_every_page_and_losing_one_takes_them() {
    let enterprise = |settings: &mut serde_json::Value| {
        let api = format!("{}api/v3", settings["github"]["api_url"].as_str().unwrap());
        settings["github"]["api_url"] = json!(api);
    };
    let service =
        Service::start_in(World { hosts: 0, edit_config: Box::new(enterprise), ..World::without_runner() })
            .await;
    let tess = service.github.person("tess");
    let tess = (0..150).fold(tess, |tess, number| tess.team(&format!("guild-{number}")));
    let _ = tess.team("developers").team_of("other-organisation", "release-managers");
    let browser = service.as_user("tess").await;
    let page = browser.get("/applications/shop/production").await.unwrap();
    assert_eq!(page.status, 200, "the team of the second page: {}", page.text());
    assert!(service.github.calls("/user/teams") >= 2);

    // The team is lost; what asks GitHub again says so, and takes the right.
    service.github.person("tess").without_team("developers");
    let page = ask(&service, &browser).await;
    assert_eq!(page.status, 403, "{}", page.text());
    assert_eq!(browser.get("/applications/shop").await.unwrap().status, 404);

    // A token that was revoked proves nothing any more.
    let dana = service.as_user("dana").await;
    service.github.revoke("dana");
    let page = ask(&service, &dana).await;
    assert_eq!(page.status, 403, "{}", page.text());
    assert_eq!(dana.get("/applications/shop").await.unwrap().status, 404);
    assert!(service.tables().await["requests"].is_empty());
    let again = service.as_user("dana").await;
    assert_eq!(again.get("/applications/shop").await.unwrap().status, 200, "signing in again brings it back");
}

/// Sends the form without looking at the page before.
async fn ask(service: &Service, browser: &Browser) -> Page {
    let token = crate::tests::harness::furnished::token_of(browser).await;
    let headers =
        [("content-type", "application/x-www-form-urlencoded"), ("origin", service.base_url.as_str())];
    let body = format!("csrf={token}&application=shop&environment=production&tag=v1.0&reason=why");
    browser.raw("POST", "/requests", &headers, &body).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_known_membership_is_believed_for_a_day_while_github_is_down() {
    let service = small().await;
    let dana = service.as_user("dana").await;
    service.github.down().await;
    service.advance(SignedDuration::from_hours(11));
    let page = ask(&service, &dana).await;
    assert!(![403, 503].contains(&page.status), "half a day old: {} {}", page.status, page.text());
    service.advance(SignedDuration::from_hours(11));
    assert_eq!(dana.get("/").await.unwrap().status, 200);
    service.advance(SignedDuration::from_hours(3));
    let page = ask(&service, &dana).await;
    assert_eq!(page.status, 503, "more than a day old: {}", page.text());
    assert!(page.text().contains("GitHub does not answer"), "{}", page.text());
    assert!(service.tables().await["requests"].is_empty());
}
