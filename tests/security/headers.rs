//! What every answer carries, errors and files included, and what no page holds.

use serde_json::json;

use super::routes::gets;
use crate::tests::harness::furnished::{Furnished, token_of};
use crate::tests::harness::{Service, World};
use crate::tests::pages::markup::Document;
use crate::tests::support::browser::Page;

/// The status to come, method, address, headers, body.
type Asked<'a> = (u16, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);

fn is_framed_strictly(what: &str, page: &Page) {
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';"), "{what}: {policy:?}");
    for part in [
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.split("; ").any(|own| own == part), "{what}: {part} in {policy:?}");
    }
    assert!(!policy.contains("unsafe"), "{what}: {policy:?}");
    assert_eq!(page.headers.get_all("content-security-policy").iter().count(), 1, "{what}");
    assert_eq!(page.header("x-frame-options"), "DENY", "{what}");
    assert_eq!(page.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(page.header("referrer-policy"), "same-origin", "{what}");
    assert_eq!(page.header("server"), "", "{what}");
    assert!(page.header("x-request-id").len() >= 8, "{what}");
}

/// Pages say what they show, and hold neither script nor style.
fn is_a_sound_page(what: &str, page: &Page) {
    if !page.header("content-type").starts_with("text/html") {
        return;
    }
    let document = Document::read(&page.html).unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
    document.keeps_the_rules().unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
    let mains: Vec<_> = document.elements("main").collect();
    assert_eq!(mains.len(), 1, "{what}: one <main>");
    for attribute in ["data-page", "data-state"] {
        assert!(mains[0].get(attribute).is_some_and(|word| !word.is_empty()), "{what}: {attribute}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_framed_strictly_and_holds_no_inline_script_or_style() {
    let world = Furnished::new().await;
    let stranger = world.service.browser();
    for (name, browser) in
        [("ada", &world.ada), ("dana", &world.dana), ("rosa", &world.rosa), ("nobody", &stranger)]
    {
        for (_, addresses) in gets(&world) {
            for address in addresses {
                for method in ["GET", "HEAD"] {
                    let page = browser.raw(method, &address, &[], "").await.unwrap();
                    let what = format!("{method} {address} by {name}: {}", page.status);
                    is_framed_strictly(&what, &page);
                    assert_eq!(page.header("strict-transport-security"), "", "{what}: not over http");
                    if method == "GET" {
                        is_a_sound_page(&what, &page);
                    }
                }
            }
        }
    }

    let token = token_of(&world.dana).await;
    let ours = world.service.base_url.as_str();
    let form = [("content-type", "application/x-www-form-urlencoded"), ("origin", ours)];
    let large = format!("csrf={token}&comment={}", "x".repeat(100_000));
    let unknown_field = format!("csrf={token}&state=accepted");
    let typed = format!("csrf={token}&application=shop&environment=production&tag=nosuch&reason=");
    let start = format!("csrf={token}");
    let answers: Vec<Asked> = vec![
        (404, "GET", "/nowhere", &[], ""),
        (404, "GET", "/requests/999999", &[], ""),
        (404, "GET", "/static/000000000000/icons.svg", &[], ""),
        (404, "PUT", "/requests", &form, ""),
        (404, "DELETE", "/", &[], ""),
        (400, "BREW", "/", &[], ""),
        (400, "GET", "/%ff", &[], ""),
        (403, "POST", "/requests", &[], ""),
        (403, "GET", "/admin", &[], ""),
        (413, "POST", "/requests", &form, &large),
        (422, "POST", "/logout", &form, &unknown_field),
        (422, "POST", "/requests", &form, &typed),
        (422, "GET", "/applications/shop/diff?to=abcdef0", &[], ""),
        (410, "GET", &world.used, &[], ""),
        (410, "POST", &world.used, &form, &start),
        (409, "POST", "/requests/1/cancel", &form, &start),
    ];
    for (status, method, address, headers, body) in answers {
        let page = world.dana.raw(method, address, headers, body).await.unwrap();
        let what = format!("{method} {address}: {} {}", page.status, page.text());
        is_framed_strictly(&what, &page);
        is_a_sound_page(&what, &page);
        if address != "/%ff" {
            assert_eq!(page.status, status, "{what}");
        }
    }
    // Rocket cannot make a request of every address that a client can send.
    let odd = world.dana.raw("GET", "/a[b", &[], "").await.unwrap();
    is_framed_strictly("an address that is none", &odd);
    is_a_sound_page("an address that is none", &odd);

    world.service.damage("UPDATE people SET teams = 'no list' WHERE name = 'dana'").await;
    let page = world.dana.raw("GET", "/", &[], "").await.unwrap();
    assert_eq!(page.status, 500);
    is_framed_strictly("500", &page);
    is_a_sound_page("500", &page);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_browsers_are_told_to_stay_there_and_cookies_are_secure() {
    let https = |settings: &mut serde_json::Value| {
        let base = settings["base_url"].as_str().unwrap().replace("http://", "https://");
        settings["base_url"] = json!(base);
    };
    let service =
        Service::start_in(World { hosts: 0, edit_config: Box::new(https), ..World::without_runner() }).await;
    let secure = service.base_url.replace("http://", "https://");
    service.github.register_redirect(&format!("{secure}/authorized"));
    service.github.sign_in_as(Some("dana"));
    let browser = service.browser();
    for address in ["/login", "/nowhere", "/health", "/"] {
        let page = browser.raw("GET", address, &[], "").await.unwrap();
        assert!(page.header("strict-transport-security").starts_with("max-age="), "{address}");
    }
    let page = browser.raw("GET", "/authorize", &[], "").await.unwrap();
    is_a_guarded_cookie(&page, "countersign_state", true);
    let github = page.location().unwrap().unwrap();
    let back = browser.raw("GET", github.as_str(), &[], "").await.unwrap().location().unwrap().unwrap();
    assert_eq!(back.scheme(), "https");
    let page = browser.raw("GET", &back.as_str().replace("https://", "http://"), &[], "").await.unwrap();
    assert_eq!(page.status, 303, "{}", page.text());
    is_a_guarded_cookie(&page, "countersign_session", true);
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_stay_out_of_reach_of_scripts_and_other_sites() {
    let service = Service::start_in(World { hosts: 0, ..World::without_runner() }).await;
    service.github.sign_in_as(Some("dana"));
    let browser = service.browser();
    let page = browser.raw("GET", "/authorize", &[], "").await.unwrap();
    is_a_guarded_cookie(&page, "countersign_state", false);
    let github = page.location().unwrap().unwrap();
    let back = browser.raw("GET", github.as_str(), &[], "").await.unwrap().location().unwrap().unwrap();
    let page = browser.raw("GET", back.as_str(), &[], "").await.unwrap();
    is_a_guarded_cookie(&page, "countersign_session", false);
    assert!(!page.html.contains("countersign_session"), "no page holds it");
}

fn is_a_guarded_cookie(page: &Page, name: &str, secure: bool) {
    let cookies: Vec<&str> =
        page.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    let own = cookies
        .iter()
        .find(|cookie| cookie.starts_with(&format!("{name}=")))
        .unwrap_or_else(|| panic!("{name} in {cookies:?}"));
    for flag in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(own.contains(flag), "{flag} in {own}");
    }
    assert_eq!(own.contains("; Secure"), secure, "{own}");
}
