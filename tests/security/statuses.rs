//! Statuses, error pages and `/health`: what is said, to whom, and what is not.

use serde_json::{Value, json};

use crate::tests::harness::{Service, World, keep_logs, kept_logs};
use crate::tests::support::browser::Page;

async fn small() -> Service {
    Service::start_in(World { hosts: 0, ..World::without_runner() }).await
}

fn health(page: &Page) -> Value {
    serde_json::from_str(&page.html).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_ours_shows_a_number_and_the_log_has_the_rest() {
    keep_logs();
    let service = small().await;
    let dana = service.as_user("dana").await;
    service.damage("UPDATE people SET teams = 'no list at all' WHERE name = 'dana'").await;
    let page = dana.get("/").await.unwrap();
    assert_eq!(
        (page.status, page.main_page().as_deref(), page.main_state().as_deref()),
        (500, Some("error"), Some("500"))
    );
    let number = page.header("x-request-id").to_owned();
    assert!(page.text().contains(&number), "{}", page.text());
    for internal in ["teams", "people", "expected", "line 1"] {
        assert!(!page.html.contains(internal), "{internal}: {}", page.text());
    }
    let line =
        kept_logs().lines().find(|line| line.contains(&number) && line.contains("teams")).map(str::to_owned);
    assert!(line.is_some_and(|line| line.contains("ERROR")), "{}", kept_logs());

    service.damage("UPDATE people SET teams = '[]' WHERE name = 'dana'").await;
    service.damage("UPDATE fleet_objects SET spec = 'not json at all'").await;
    let page = dana.get("/applications").await.unwrap();
    assert_eq!(page.status, 500, "{}", page.text());
    let number = page.header("x-request-id").to_owned();
    assert!(page.text().contains(&number) && !page.text().contains("fleet_objects"), "{}", page.text());
    assert!(
        kept_logs()
            .lines()
            .any(|line| line.contains("ERROR") && line.contains(&number) && line.contains("fleet_objects")),
        "{}",
        kept_logs()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_methods_and_bodies_that_fit_nothing_have_their_status_and_page() {
    let service = small().await;
    let dana = service.as_user("dana").await;
    for address in [
        "/nowhere",
        "/requests/abc",
        "/requests/-1",
        "/deployments/99999999999999999999",
        "/static/x/../../etc/passwd",
        "/review/",
        "/applications/shop/production/more",
    ] {
        let page = dana.get(address).await.unwrap();
        assert_eq!(
            (page.status, page.main_page().as_deref(), page.main_state().as_deref()),
            (404, Some("error"), Some("404")),
            "{address}"
        );
    }
    for (method, address) in [
        ("PUT", "/"),
        ("DELETE", "/requests/1"),
        ("PATCH", "/login"),
        ("POST", "/"),
        ("GET", "/logout"),
        ("GET", "/preferences"),
        ("OPTIONS", "/requests"),
        ("BREW", "/"),
    ] {
        let page = dana.raw(method, address, &[], "").await.unwrap();
        assert!(matches!(page.status, 400 | 404 | 405), "{method} {address}: {}", page.status);
        assert_eq!(page.main_page().as_deref(), Some("error"), "{method} {address}");
    }
    assert_eq!(dana.get("/").await.unwrap().status, 200, "GET /logout signed nobody out");

    let form = [("content-type", "application/x-www-form-urlencoded"), ("origin", service.base_url.as_str())];
    let page =
        dana.raw("POST", "/preferences", &form, &format!("back={}", "x".repeat(70_000))).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (413, Some("413")), "{}", page.text());

    for address in ["/", "/login", "/applications", "/nowhere", "/health", "/static/x/y"] {
        let (get, head) = (
            dana.raw("GET", address, &[], "").await.unwrap(),
            dana.raw("HEAD", address, &[], "").await.unwrap(),
        );
        assert_eq!(head.status, get.status, "HEAD {address}");
        assert_eq!(head.html, "", "HEAD {address}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "HEAD {address}");
    }
    let signed_out = service.browser().raw("GET", "/requests?mine=1", &[], "").await.unwrap();
    assert_eq!(
        (signed_out.status, signed_out.header("location")),
        (303, "/login?return_to=%2Frequests%3Fmine%3D1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_strangers_names_and_details_only_to_who_may_see_them() {
    let service = small().await;
    let page = service.browser().get("/health").await.unwrap();
    assert_eq!((page.status, page.header("content-type")), (200, "application/json"));
    let names = ["database", "disk", "outbox", "drift"];
    let bare: Vec<Value> = names.iter().map(|name| json!({ "name": name, "status": "ok" })).collect();
    assert_eq!(health(&page), json!({ "status": "ok", "checks": bare }));
    let page = service.as_user("dana").await.get("/health").await.unwrap();
    assert_eq!(health(&page)["checks"], json!(bare), "a person without read_all is a stranger here");
    let page = service.as_user("ada").await.get("/health").await.unwrap();
    assert!(health(&page)["checks"][1]["details"].as_str().unwrap().contains("MB free"), "{}", page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_503_below_the_disk_limit_and_a_listed_address_sees_why() {
    let edit = |settings: &mut Value| {
        settings["limits"]["disk_free_mb"] = json!(1_000_000_000);
        settings["metrics"] = json!({ "addresses": ["::ffff:127.0.0.1"] });
    };
    let service =
        Service::start_in(World { hosts: 0, edit_config: Box::new(edit), ..World::without_runner() }).await;
    let page = service.browser().get("/health").await.unwrap();
    assert_eq!(page.status, 503, "{}", page.html);
    let told = health(&page);
    assert_eq!(
        (told["status"].as_str(), told["checks"][1]["status"].as_str()),
        (Some("failed"), Some("failed"))
    );
    assert!(told["checks"][1]["details"].as_str().unwrap().contains("1000000000 MB wanted"), "{told}");
}
