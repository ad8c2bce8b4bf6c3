//! The pages of administration, as a person without scripts uses them.

use serde_json::{Value, json};

use crate::tests::harness::{Service, World};
use crate::tests::support::browser::{Browser, Page};

pub async fn see(browser: &Browser, path: &str) -> Page {
    browser.get(path).await.unwrap()
}

/// The page, once it is what it should be.
#[track_caller]
pub fn is(page: &Page, status: u16, name: &str, state: &str) {
    assert_eq!(
        (page.status, page.main_page().as_deref(), page.main_state().as_deref()),
        (status, Some(name), Some(state)),
        "{}",
        page.text()
    );
}

pub async fn object(service: &Service, path: &str) -> Value {
    service.calling_as("ada").await.get(path).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_builds_a_fleet_from_nothing_on_pages() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.as_user("ada").await;
    let make = async |list: &str, button: &str, fields: &[(&str, &str)]| {
        let form = see(&ada, &format!("/admin/{list}/new")).await;
        assert_eq!(form.main_state().as_deref(), Some("new"));
        let page = ada.submit(&form, button, fields).await.unwrap();
        assert_eq!((page.status, page.main_state().as_deref()), (200, Some("editing")), "{}", page.text());
    };
    make("servers", "Make the server", &[("name", "web-9"), ("host", "10.0.0.9")]).await;
    let endpoint = [("name", "edge"), ("endpoints.0.url", "tcp://10.0.0.5:9999")];
    make("load_balancers", "Make the load balancer", &endpoint).await;
    let cluster = [
        ("name", "side"),
        ("load_balancer", "edge"),
        ("backend", "shop"),
        ("servers.1.server", "web-9"),
        ("servers.1.backend_server", "WEB9"),
    ];
    make("clusters", "Make the cluster", &cluster).await;
    let hours = [
        ("name", "office"),
        ("timezone", "Europe/Paris"),
        ("weekly.0.days.mon", "1"),
        ("weekly.0.from", "08:00"),
        ("weekly.0.to", "18:00"),
        ("closed", "2026-12-24\r\n2026-12-25"),
    ];
    make("calendars", "Make the calendar", &hours).await;
    let role = [
        ("name", "ops"),
        ("users", "remy"),
        ("grants.0.permission", "deploy"),
        ("grants.0.application", "blog"),
    ];
    make("roles", "Make the role", &role).await;
    make("applications", "Make the application", &[("name", "blog"), ("repository", "/srv/blog.git")]).await;
    let place = [
        ("name", "live"),
        ("deploy_from.tags", "v*"),
        ("target_path", "/srv"),
        ("remote_user", "deploy"),
        ("clusters", "side"),
        ("calendar", "office"),
        ("approval.required", "2"),
    ];
    let wrong = see(&ada, "/admin/applications/blog/environments/new").await;
    let wrong = ada.submit(&wrong, "Make the environment", &place).await.unwrap();
    is(&wrong, 422, "admin_environment", "invalid");
    let right =
        ada.submit(&wrong, "Make the environment", &[("target_path", "/srv/www/blog")]).await.unwrap();
    is(&right, 200, "admin_environment", "editing");

    let live = object(&service, "/applications/blog/environments/live").await;
    assert_eq!((&live["clusters"], &live["approval"]["required"]), (&json!(["side"]), &json!(2)));
    assert_eq!(
        object(&service, "/clusters/side").await["servers"],
        json!([{ "server": "web-9", "backend_server": "WEB9" }])
    );
    let office = object(&service, "/calendars/office").await;
    assert_eq!(office["closed"], json!(["2026-12-24", "2026-12-25"]));
    for list in ["servers", "load_balancers", "clusters", "calendars", "roles", "applications"] {
        is(&see(&ada, &format!("/admin/{list}")).await, 200, &format!("admin_{list}"), "ready");
        is(&see(&ada, &format!("/admin/{list}?q=zzz")).await, 200, &format!("admin_{list}"), "empty");
    }
    let overview = see(&ada, "/admin").await;
    assert!(overview.link("web-9").is_ok() && overview.link("Load balancers").is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_stands_beside_its_field_and_what_was_typed_stays() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.as_user("ada").await;
    let before = service.tables_that_matter().await;
    let form = see(&ada, "/admin/servers/web-1").await;
    let typed = [("host", "-oProxyCommand=id"), ("port", "many")];
    let page = ada.submit(&form, "Save", &typed).await.unwrap();
    is(&page, 422, "admin_server", "invalid");
    assert_eq!(page.value("host").as_deref(), Some("-oProxyCommand=id"));
    assert_eq!(page.value("port").as_deref(), Some("many"));
    for (field, words) in [("host", "must be a host name or an address"), ("port", "must be a whole number")]
    {
        let error = page.select(&format!(r#"[id="{field}-e"]"#)).join(" ");
        assert!(error.contains(words), "{field}: {error}");
    }
    assert_eq!(service.tables_that_matter().await, before);
    let page = ada.submit(&page, "Save", &[("host", "10.0.0.7"), ("port", "2222")]).await.unwrap();
    is(&page, 200, "admin_server", "editing");
    assert_eq!(object(&service, "/servers/web-1").await["port"], 2222);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_edit_at_once_are_both_told_and_neither_loses_a_word() {
    let service = Service::start_in(World::quiet()).await;
    let (ada, other) = (service.as_user("ada").await, service.as_user("ada").await);
    let (first, second) =
        (see(&ada, "/admin/servers/web-1").await, see(&other, "/admin/servers/web-1").await);
    ada.submit(&first, "Save", &[("host", "10.0.0.1")]).await.unwrap();
    let late = other.submit(&second, "Save", &[("host", "10.0.0.2")]).await.unwrap();
    is(&late, 409, "admin_server", "conflict");
    assert_eq!(late.value("host").as_deref(), Some("10.0.0.2"));
    let differs = late.select("tbody tr").join(" ");
    assert!(differs.contains("10.0.0.1") && differs.contains("10.0.0.2"), "{differs}");
    assert_eq!(object(&service, "/servers/web-1").await["host"], "10.0.0.1");
    let mine = other.submit(&late, "Save mine over it", &[]).await.unwrap();
    is(&mine, 200, "admin_server", "editing");
    assert_eq!(object(&service, "/servers/web-1").await["host"], "10.0.0.2");

    // The question whether to remove it was about another one too.
    let question = see(&ada, "/admin/roles/developers/delete").await;
    let role = see(&other, "/admin/roles/developers").await;
    other.submit(&role, "Save", &[("users", "remy")]).await.unwrap();
    let page = ada.submit(&question, "Remove the role developers", &[]).await.unwrap();
    is(&page, 409, "admin_role", "conflict");
    let page = ada.submit(&page, "Remove the role developers", &[]).await.unwrap();
    is(&page, 200, "admin_roles", "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_asks_first_and_says_what_is_in_the_way() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.as_user("ada").await;
    let question = see(&ada, "/admin/servers/web-1/delete").await;
    is(&question, 200, "admin_server", "blocked");
    assert!(question.text().contains("The cluster web uses it"), "{}", question.text());
    assert!(question.text().contains("Managed by the fleet file"), "{}", question.text());
    assert!(ada.submit(&question, "Remove the server web-1", &[]).await.is_err(), "the button is off");
    let version = question.value("version").unwrap();
    let forced = service.post(&ada, "/admin/servers/web-1/delete", &[("version", &version)]).await;
    is(&forced, 409, "admin_server", "blocked");

    let cluster = see(&ada, "/admin/clusters/web").await;
    ada.submit(&cluster, "Save", &[("servers.0.server", "")]).await.unwrap();
    let question = see(&ada, "/admin/servers/web-1/delete").await;
    is(&question, 200, "admin_server", "deleting");
    let page = ada.submit(&question, "Remove the server web-1", &[]).await.unwrap();
    is(&page, 200, "admin_servers", "empty");
    assert_eq!(see(&ada, "/admin/servers/web-1").await.status, 404);

    let question = see(&ada, "/admin/applications/shop/environments/production/delete").await;
    let page = ada.submit(&question, "Remove the environment shop/production", &[]).await.unwrap();
    is(&page, 200, "admin_application", "editing");
    assert!(!see(&ada, "/admin/roles/admin").await.has_form("Remove…"));
    is(&see(&ada, "/admin/roles/admin/delete").await, 200, "admin_role", "blocked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_typed_once_and_never_shown() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.as_user("ada").await;
    let form = see(&ada, "/admin/load_balancers/new").await;
    let page = [("name", "edge"), ("endpoints.0.url", "https://lb/stats"), ("endpoints.0.user", "ops")];
    let wrong = [&page[..], &[("endpoints.0.password", "env:HOME")]].concat();
    let refused = ada.submit(&form, "Make the load balancer", &wrong).await.unwrap();
    is(&refused, 422, "admin_load_balancer", "invalid");
    assert!(!refused.html.contains("env:HOME") && refused.text().contains("type it again"));
    let made =
        ada.submit(&refused, "Make the load balancer", &[("endpoints.0.password", "hunter2")]).await.unwrap();
    is(&made, 200, "admin_load_balancer", "editing");
    assert!(!made.html.contains("hunter2") && !made.html.contains("stored:"));

    let before = service.tables().await["fleet_secrets"].clone();
    let saved = ada.submit(&made, "Save", &[("endpoints.1.url", "tcp://10.0.0.5:9999")]).await.unwrap();
    is(&saved, 200, "admin_load_balancer", "editing");
    assert_eq!(service.tables().await["fleet_secrets"].len(), before.len());
    let elsewhere = ada.submit(&saved, "Save", &[("endpoints.0.url", "https://other/stats")]).await.unwrap();
    is(&elsewhere, 422, "admin_load_balancer", "invalid");
    assert!(elsewhere.text().contains("nothing is stored for it"), "{}", elsewhere.text());

    let shop = see(&ada, "/admin/applications/shop").await;
    let shop = ada.submit(&shop, "Save", &[("webhook_secret", "hunter3")]).await.unwrap();
    assert_eq!(object(&service, "/applications/shop").await["webhook_secret"], "stored:");
    ada.submit(&shop, "Save", &[("webhook_secret.remove", "1")]).await.unwrap();
    assert_eq!(object(&service, "/applications/shop").await.get("webhook_secret"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_manages_is_marked_and_a_new_name_leads_to_a_new_page() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.as_user("ada").await;
    let form = see(&ada, "/admin/servers/web-1").await;
    assert!(form.text().contains("The next apply writes over changes made here"), "{}", form.text());
    let page = ada.submit(&form, "Save", &[("name", "www-1")]).await.unwrap();
    is(&page, 200, "admin_server", "editing");
    assert_eq!(page.url.path(), "/admin/servers/www-1");
    assert_eq!(see(&ada, "/admin/servers/web-1").await.status, 404);
    assert_eq!(object(&service, "/clusters/web").await["servers"][0]["server"], "www-1");
    let taken = see(&ada, "/admin/roles/developers").await;
    let taken = ada.submit(&taken, "Save", &[("name", "admin")]).await.unwrap();
    is(&taken, 422, "admin_role", "invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_administrator_gets_403_on_every_page_of_it() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        let auditors = json!({ "name": "auditors", "users": ["remy"], "global": ["read_all"] });
        fleet["roles"].as_array_mut().unwrap().push(auditors);
    }))
    .await;
    let (dana, remy) = (service.as_user("dana").await, service.as_user("remy").await);
    let before = service.tables_that_matter().await;
    assert_eq!(see(&dana, "/admin").await.status, 403);
    let overview = see(&remy, "/admin").await;
    is(&overview, 200, "admin", "ready");
    assert!(overview.link("web-1").is_err(), "nothing to change, no way to it");
    assert!(overview.link("Tokens").is_err() && overview.link("People").is_ok(), "no way to a 403");
    assert_eq!(see(&remy, "/admin/tokens").await.status, 403);
    let place = "/admin/applications/shop/environments";
    for browser in [&dana, &remy] {
        for path in [
            "/admin/servers",
            "/admin/servers/new",
            "/admin/servers/web-1",
            "/admin/servers/nosuch",
            "/admin/roles/admin/delete",
        ] {
            assert_eq!(see(browser, path).await.status, 403, "{path}");
        }
        for path in ["new", "production", "production/delete"] {
            assert_eq!(see(browser, &format!("{place}/{path}")).await.status, 403, "{path}");
        }
        let fields = [("name", "web-1"), ("host", "10.0.0.66")];
        for path in ["/admin/servers", "/admin/servers/web-1", "/admin/servers/nosuch"] {
            assert_eq!(service.post(browser, path, &fields).await.status, 403, "{path}");
        }
        for path in ["/admin/servers/web-1/delete", "/admin/servers/web-1/scan"] {
            assert_eq!(service.post(browser, path, &[]).await.status, 403, "{path}");
        }
        let own = [("name", "admin"), ("users", "dana\r\nremy")];
        assert_eq!(service.post(browser, "/admin/roles/admin", &own).await.status, 403);
        let key = [("version", ""), ("host_key", "ssh-ed25519 AAAA")];
        assert_eq!(service.post(browser, "/admin/servers/web-1/pin", &key).await.status, 403);
    }
    assert_eq!(service.tables_that_matter().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_no_form_has_is_refused_whatever_the_kind() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.as_user("ada").await;
    let before = service.tables_that_matter().await;
    for (list, name) in
        [("servers", "web-1"), ("clusters", "web"), ("roles", "admin"), ("applications", "shop")]
    {
        let version = see(&ada, &format!("/admin/{list}/{name}")).await.value("version").unwrap();
        for field in ["managed", "was", "environments", "id", "spec", "servers.0.managed", "grants.0.role"] {
            let fields = [("name", name), ("version", version.as_str()), (field, "1")];
            let page = service.post(&ada, &format!("/admin/{list}/{name}"), &fields).await;
            assert_eq!(page.status, 422, "{field} of {list}");
            let page = service.post(&ada, &format!("/admin/{list}"), &[("name", "new"), (field, "1")]).await;
            assert_eq!(page.status, 422, "{field} of a new one of {list}");
        }
    }
    assert_eq!(service.tables_that_matter().await, before);
    assert_eq!(see(&ada, "/admin/environments").await.status, 404);
    assert_eq!(see(&ada, "/admin/secrets").await.status, 404);
}
