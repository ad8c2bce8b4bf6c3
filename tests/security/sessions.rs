//! Sessions: made new at each login, ended on the server, old in time, and never
//! what somebody put into the browser. Return paths lead back here.

use jiff::SignedDuration;
use serde_json::json;

use crate::app::add_person::{Wanted, add_person};
use crate::domain::name::Name;
use crate::tests::harness::furnished::token_of;
use crate::tests::harness::{Service, World};
use crate::tests::support::browser::{Browser, Page};

const SESSION: &str = "countersign_session";

async fn small() -> Service {
    Service::start_in(World { hosts: 0, ..World::without_runner() }).await
}

fn session_of(browser: &Browser) -> Option<String> {
    browser.cookies().into_iter().find(|cookie| cookie.starts_with(SESSION))
}

/// Home, or the way to the login page.
async fn is_in(browser: &Browser) -> bool {
    let page = browser.raw("GET", "/", &[], "").await.unwrap();
    match page.status {
        200 => true,
        303 => {
            assert!(page.header("location").starts_with("/login?"), "{}", page.header("location"));
            false
        }
        other => panic!("{other}: {}", page.text()),
    }
}

fn with_cookie(service: &Service, cookie: &str) -> Browser {
    let browser = service.browser();
    browser.set_cookie(&format!("{cookie}; Path=/"));
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_put_into_a_browser_becomes_nobodys_session() {
    let service = small().await;
    for forged in ["chosen-by-mallory", "", "AAAA", &"A".repeat(5000)] {
        assert!(!is_in(&with_cookie(&service, &format!("{SESSION}={forged}"))).await, "{forged:.20}");
    }
    // Mallory's own session, put into Dana's browser before she signs in.
    let mallory = service.as_user("mallory").await;
    let planted = session_of(&mallory).unwrap();
    let dana = with_cookie(&service, &planted);
    service.sign_in(&dana, "dana").await;
    assert_ne!(session_of(&dana).unwrap(), planted);
    let page = dana.get("/").await.unwrap();
    assert!(page.text().contains("Dana Okafor"), "{}", page.text());
    assert!(!is_in(&with_cookie(&service, &planted)).await, "what was in the browser before has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_login_makes_a_new_session_and_ends_the_one_before() {
    let service = small().await;
    let dana = service.as_user("dana").await;
    let (first, first_token) = (session_of(&dana).unwrap(), token_of(&dana).await);
    service.sign_in(&dana, "dana").await;
    let (second, second_token) = (session_of(&dana).unwrap(), token_of(&dana).await);
    assert_ne!(first, second);
    assert_ne!(first_token, second_token);
    assert!(!is_in(&with_cookie(&service, &first)).await);
    let elsewhere = service.as_user("dana").await;
    assert!(is_in(&dana).await && is_in(&elsewhere).await, "another browser's session is another one");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_is_a_form_and_ends_the_session_on_the_server() {
    let service = small().await;
    let dana = service.as_user("dana").await;
    let cookie = session_of(&dana).unwrap();
    assert_eq!(dana.get("/logout").await.unwrap().status, 404);
    assert!(is_in(&dana).await, "a link signs nobody out");
    let home = dana.get("/").await.unwrap();
    let page = dana.submit(&home, "Sign out", &[]).await.unwrap();
    assert_eq!((page.main_page().as_deref(), page.url.path()), (Some("login"), "/login"));
    assert_eq!(session_of(&dana), None);
    assert!(!is_in(&with_cookie(&service, &cookie)).await, "the old cookie is nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_survive_a_restart_and_end_when_idle_or_old() {
    let mut service = small().await;
    let (busy, idle) = (service.as_user("dana").await, service.as_user("rosa").await);
    service.restart_as(crate::boot::Role::Web).await;
    assert!(is_in(&busy).await && is_in(&idle).await);

    service.advance(SignedDuration::from_hours(11));
    assert!(is_in(&busy).await);
    service.advance(SignedDuration::from_mins(61));
    assert!(is_in(&busy).await, "it was used an hour ago");
    assert!(!is_in(&idle).await, "twelve hours without a visit");
    assert!(!is_in(&idle).await, "and a visit does not wake it");

    for _ in 0..15 {
        service.advance(SignedDuration::from_hours(10));
        assert!(is_in(&busy).await);
    }
    service.advance(SignedDuration::from_hours(6));
    assert!(!is_in(&busy).await, "seven days are enough, however busy");
    service.keep_house().await;
    assert!(!is_in(&busy).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_returns_only_to_a_path_of_this_service() {
    let service = small().await;
    let long = format!("/{}", "a".repeat(10_000));
    let foreign = [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%2f%2fevil.example",
        "%2f%2fevil.example",
        "/%5cevil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=y",
        "/%0d%0aSet-Cookie:x",
        "/\tevil.example",
        "\t//evil.example",
        " //evil.example",
        "evil.example",
        "",
        "/a\\..\\evil",
        &long,
    ];
    let ours = format!("{}/", service.base_url);
    for path in foreign {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", path).finish();
        let arrived = arrive(&service, &query).await;
        assert_eq!(arrived.location().unwrap().unwrap().as_str(), ours, "after signing in with {path:?}");
        assert!(arrived.headers.get("x").is_none() && !arrived.header("location").contains('\n'));
        let login = service.browser().get(&format!("/login?{query}")).await.unwrap();
        assert_eq!(login.status, 200, "{path:.50}");
        assert!(!login.html.contains("evil"), "{path:.50}");

        let dana = service.as_user("dana").await;
        let token = token_of(&dana).await;
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("csrf", token.as_str()), ("theme", "dark"), ("back", path)])
            .finish();
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("origin", service.base_url.as_str())];
        let page = dana.raw("POST", "/preferences", &headers, &body).await.unwrap();
        assert_eq!(
            (page.status, page.location().unwrap().unwrap().as_str()),
            (303, ours.as_str()),
            "after a preference with {path:?}"
        );
    }
    // Written twice over, it is decoded once.
    for query in [
        "return_to=%2F%2Fevil.example",
        "return_to=%252F%252Fevil.example",
        "return_to=%2F%252F%252Fevil.example",
    ] {
        assert_eq!(arrive(&service, query).await.location().unwrap().unwrap().as_str(), ours, "{query}");
    }
    let arrived = arrive(&service, "return_to=%2Frequests%3Fmine%3D1").await;
    assert_eq!(arrived.location().unwrap().unwrap().as_str(), format!("{ours}requests?mine=1"));
}

/// The answer to the way back from GitHub.
async fn arrive(service: &Service, query: &str) -> Page {
    service.github.sign_in_as(Some("dana"));
    let browser = service.browser();
    let github = browser
        .raw("GET", &format!("/authorize?{query}"), &[], "")
        .await
        .unwrap()
        .location()
        .unwrap()
        .unwrap();
    let back = browser.raw("GET", github.as_str(), &[], "").await.unwrap().location().unwrap().unwrap();
    let page = browser.raw("GET", back.as_str(), &[], "").await.unwrap();
    assert_eq!(page.status, 303, "{}", page.text());
    page
}

/// Rights change by page, by a fleet file and by command; each brings another secret
/// with the next page, and throws nobody out.
#[tokio::test(flavor = "multi_thread")]
async fn another_right_is_another_secret_and_the_one_before_opens_nothing_any_more() {
    let mut service = small().await;
    let (ada, dana) = (service.as_user("ada").await, service.as_user("dana").await);
    let form = dana.get("/account").await.unwrap();
    for way in ["a page", "a fleet file", "the form of the role", "a command", "a grant"] {
        let before = session_of(&dana).unwrap();
        assert!(is_in(&dana).await);
        assert_eq!(session_of(&dana).unwrap(), before, "{way}: nothing has changed yet");
        match way {
            "a page" => {
                let fields = [("version", ""), ("role", "release-managers")];
                assert_eq!(service.post(&ada, "/admin/people/dana/roles", &fields).await.status, 303);
            }
            "a fleet file" => {
                let role = json!({ "name": "extra", "users": ["dana"], "global": ["read_all"] });
                service.apply(|fleet| fleet["roles"].as_array_mut().unwrap().push(role)).await;
            }
            "the form of the role" => {
                let role = json!({ "name": "extra", "users": [], "global": ["read_all"] }).to_string();
                let ada = service.calling_as("ada").await;
                let headers = [("content-type", "application/json")];
                assert_eq!(ada.send("PUT", "/roles/extra", &headers, &role).await.status, 200);
            }
            "a command" => {
                let (name, role) = (Name::parse("dana").unwrap(), Name::parse("admin").unwrap());
                let wanted = Wanted { name: &name, role: Some(&role), password: None, mail: None };
                assert!(add_person(&service.app, "command", wanted).await.unwrap().given_role);
            }
            _ => {
                service
                    .apply(|fleet| fleet["roles"][1]["grants"] = json!([{ "permission": "deploy" }]))
                    .await;
            }
        }
        assert!(is_in(&dana).await, "{way}: nobody is thrown out");
        let after = session_of(&dana).unwrap();
        assert_ne!(after, before, "{way}");
        let old = with_cookie(&service, &before);
        assert!(is_in(&old).await, "{way}: what the browser had sent already is answered");
        assert_eq!(session_of(&old).unwrap(), before, "{way}: and leads to nothing newer");
        service.advance(SignedDuration::from_secs(61));
        assert!(!is_in(&with_cookie(&service, &before)).await, "{way}");
        assert!(is_in(&dana).await, "{way}");
    }
    // A form that was open all the time is still theirs.
    let page = dana.submit(&form, "Sign out", &[]).await.unwrap();
    assert_eq!(page.main_page().as_deref(), Some("login"), "{}", page.text());
    assert!(!is_in(&dana).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_a_session_that_is_over_says_so_and_who_is_in_needs_no_login_page() {
    let service = small().await;
    let dana = service.as_user("dana").await;
    let csrf = token_of(&dana).await;
    let page = dana.raw("GET", "/login?return_to=/requests", &[], "").await.unwrap();
    assert_eq!((page.status, page.header("location")), (303, "/requests"));
    let page = dana.raw("GET", "/login?return_to=https://evil.example/", &[], "").await.unwrap();
    assert_eq!((page.status, page.header("location")), (303, "/"));
    let twice = [("name", "ci"), ("name", "ci")];
    let page = service.post(&dana, "/account/tokens", &twice).await;
    assert!(page.status == 422 && page.text().contains("sent twice"), "{}", page.text());

    service.post(&dana, "/logout", &[]).await;
    let late = service.post_with(&dana, &csrf, "/account/tokens", &[("name", "ci")]).await;
    assert_eq!((late.status, late.main_page().as_deref()), (403, Some("error")), "{}", late.text());
    assert!(late.text().contains("not signed in any more"), "{}", late.text());
    let login = dana.click(&late, "Sign in").await.unwrap();
    assert_eq!(login.main_page().as_deref(), Some("login"), "{}", login.text());
}
