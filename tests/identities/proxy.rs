//! A reverse proxy says who somebody is, from a listed address only.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::config::AddressRange;
use crate::tests::harness::{Service, World};
use crate::tests::support::browser::{Browser, Page};
use crate::web::proxy::behind as behind_proxy;

const HEADER: &str = "x-remote-user";

async fn behind(addresses: Value) -> Service {
    let edit_config = Box::new(move |config: &mut Value| {
        config["trusted_proxy"] = json!({ "addresses": addresses, "header": "X-Remote-User" });
    });
    Service::start_in(World { edit_config, ..World::quiet() }).await
}

async fn looks(browser: &Browser, names: &[&str]) -> Page {
    let headers: Vec<(&str, &str)> = names.iter().map(|name| (HEADER, *name)).collect();
    browser.raw("GET", "/account", &headers, "").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_listed_address_the_header_makes_a_session_that_lasts_while_it_says_so() {
    let service = behind(json!(["10.0.0.0/8", "127.0.0.0/8"])).await;
    let browser = service.browser();
    let page = looks(&browser, &["Pat"]).await;
    assert!(page.status == 200 && page.text().contains("You are pat here"), "{}", page.text());
    let session = browser.cookies();
    assert_eq!(looks(&browser, &["pat"]).await.status, 200);
    assert_eq!(browser.cookies(), session, "the same person keeps the session");

    // Another name is another session; the one before has ended.
    let token = looks(&browser, &["pat"]).await.value("csrf").unwrap();
    let page = looks(&browser, &["quin"]).await;
    assert!(page.text().contains("You are quin here"), "{}", page.text());
    let old = service.browser();
    old.set_cookie(&format!("{}; Path=/", session.iter().find(|c| c.starts_with("countersign_s")).unwrap()));
    assert_eq!(old.raw("GET", "/account", &[], "").await.unwrap().status, 303);

    // A form is quin's or nobody's.
    let form = async |name: Option<&str>, token: &str| {
        let mut headers = vec![
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", service.base_url.as_str()),
        ];
        headers.extend(name.map(|name| (HEADER, name)));
        let body = format!("csrf={token}&theme=dark&back=%2F");
        browser.raw("POST", "/preferences", &headers, &body).await.unwrap().status
    };
    let quins = looks(&browser, &["quin"]).await.value("csrf").unwrap();
    assert_eq!(form(Some("quin"), &token).await, 403);
    assert_eq!(form(Some("pat"), &quins).await, 403);
    assert_eq!(form(None, &quins).await, 403, "the proxy no longer says so");
    assert_eq!(form(Some("quin"), &quins).await, 303);
    assert_eq!(browser.raw("GET", "/account", &[], "").await.unwrap().status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_elsewhere_the_header_is_what_anybody_could_write() {
    let service = behind(json!(["10.0.0.0/8"])).await;
    let page = looks(&service.browser(), &["ada"]).await;
    assert_eq!(page.status, 303, "{}", page.text());
    assert!(page.header("location").starts_with("/login?"));
    let dana = service.as_user("dana").await;
    assert!(looks(&dana, &["ada"]).await.text().contains("You are dana here"), "a session stays what it is");
    let caller = service.calling_as("dana").await;
    let account = caller.send("GET", "/account", &[(HEADER, "ada")], "").await.ok();
    assert_eq!(account["name"], "dana");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_another_identity_two_names_or_none_come_in_as_nobody() {
    let service = behind(json!(["127.0.0.1"])).await;
    service.as_user("dana").await;
    let ada = service.calling_as("ada").await;
    let browser = service.browser();
    for names in [&["dana"][..], &["pat", "quin"], &[""], &["pat evil"], &["anonymous"]] {
        let page = looks(&browser, names).await;
        assert_eq!((page.status, page.main_page().as_deref()), (403, Some("error")), "{names:?}");
        assert!(browser.cookies().iter().all(|cookie| !cookie.starts_with("countersign_session")));
    }
    // Until an administrator links it.
    let admin = service.browser();
    service.github.sign_in_as(Some("ada"));
    admin.get("/authorize?return_to=/").await.unwrap();
    let page = admin.get("/admin/people/dana").await.unwrap();
    let page = admin.submit(&page, "Link it", &[("provider", "proxy"), ("subject", "dana")]).await.unwrap();
    assert!(page.text().contains("proxy dana"), "{}", page.text());
    assert!(looks(&browser, &["dana"]).await.text().contains("You are dana here"));
    assert_eq!(ada.send("DELETE", "/people/dana", &[], "").await.status, 204);
    assert_eq!(looks(&browser, &["dana"]).await.status, 403, "disabled");
}

#[test]
fn an_address_range_holds_what_begins_with_its_bits() {
    let range = |text: &str, bits| AddressRange::new(text.parse().unwrap(), bits).unwrap();
    let holds = |range: AddressRange, text: &str| range.holds(text.parse().unwrap());
    assert!(
        holds(range("10.1.0.0", Some(16)), "10.1.255.3") && !holds(range("10.1.0.0", Some(16)), "10.2.0.1")
    );
    assert!(holds(range("10.0.0.5", None), "10.0.0.5") && !holds(range("10.0.0.5", None), "10.0.0.4"));
    assert!(holds(range("10.0.0.5", None), "::ffff:10.0.0.5"));
    assert!(holds(range("0.0.0.0", Some(0)), "8.8.8.8") && !holds(range("0.0.0.0", Some(0)), "::1"));
    assert!(holds(range("fd00::", Some(8)), "fd12::1") && !holds(range("fd00::", Some(8)), "fe80::1"));
    assert!(AddressRange::new("10.0.0.0".parse().unwrap(), Some(33)).is_none());
    assert!(range("0.0.0.0", Some(0)).is_loopback() && !range("10.0.0.0", Some(8)).is_loopback());
}

#[test]
fn who_is_behind_a_proxy_is_the_last_address_that_no_proxy_of_ours_has() {
    let proxies = ["10.0.0.1", "10.0.0.2", "fd00::1"].map(|text| text.parse::<IpAddr>().unwrap());
    for (peer, said, client) in [
        ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["127.0.0.1", " 198.51.100.1 "], "198.51.100.1"),
        ("10.0.0.1", &["198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", &["10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
        ("fd00::1", &["[2001:db8::7]:4711"], "2001:db8::7"),
        ("fd00::1", &["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["198.51.100.1", "unknown"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.1", ""], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.1", "unknown", "10.0.0.2"], "10.0.0.2"),
    ] {
        let found = behind_proxy(peer.parse().unwrap(), said, |address| proxies.contains(&address));
        assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{peer} {said:?}");
    }
}

/// A limit counts the one who guesses, not the proxy they all come through.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_that_signs_nobody_in_each_address_has_its_own_limit() {
    for (listed, others_wait) in [("127.0.0.1", false), ("10.0.0.9", true)] {
        let edit_config = Box::new(move |config: &mut Value| {
            config["trusted_proxy"] = json!({ "addresses": [listed] });
        });
        let service = Service::start_in(World { edit_config, ..World::quiet() }).await;
        let guess = async |from: &str| {
            let caller = service.calling_with("countersign_nosuch");
            caller.send("GET", "/account", &[("x-forwarded-for", from)], "").await.status
        };
        for _ in 0..60 {
            assert_eq!(guess("198.51.100.1").await, 401);
        }
        assert_eq!(guess("198.51.100.1").await, 429);
        assert_eq!(guess("198.51.100.2").await, if others_wait { 429 } else { 401 }, "{listed}");
        let page = looks(&service.browser(), &["ada"]).await;
        assert_eq!(page.status, 303, "it names nobody: {}", page.text());
    }
}
