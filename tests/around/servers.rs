//! The page of a server: for whom it is, what it tells, and asking the host now.

use serde_json::json;

use crate::domain::deployment::DeploymentState::Succeeded;
use crate::domain::target::HostKey;
use crate::tests::harness::{Service, World, production, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_tells_what_runs_on_it_and_is_asked_on_demand() {
    let service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    let id = service.launched(&dana, "v1.0").await;
    assert_eq!(service.ended(id).await.state, Succeeded);

    let page = dana.get("/servers").await.unwrap();
    assert_eq!((page.main_page().as_deref(), page.main_state().as_deref()), (Some("servers"), Some("ready")));
    let link = page.link("web-1").unwrap();
    let page = dana.get(link.as_str()).await.unwrap();
    assert_eq!((page.main_page().as_deref(), page.main_state().as_deref()), (Some("server"), Some("ready")));
    let text = page.text();
    let fingerprint = HostKey::parse(service.hosts[0].host_key()).unwrap().fingerprint();
    let port = service.hosts[0].port().to_string();
    for said in ["v1.0", "not read since the record", "127.0.1.1", &port, &fingerprint, "shop production"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(page.html.contains(&format!("/deployments/{id}\"")), "what touched it lately: {text}");

    let before = service.connections(1);
    let page = dana.submit(&page, "Read now", &[]).await.unwrap();
    assert_eq!(page.url.path(), "/servers/web-1");
    assert!(page.text().contains("as recorded, read"), "{}", page.text());
    assert_eq!(service.connections(1), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_read_nothing_on_a_server_does_not_learn_that_it_exists() {
    let world = World::quiet_with(|fleet| {
        let hidden = server("vault-1", 2);
        fleet["servers"].as_array_mut().unwrap().push(hidden);
        let cluster = json!({ "name": "vault", "servers": [{ "server": "vault-1" }, { "server": "web-1" }] });
        fleet["clusters"].as_array_mut().unwrap().push(cluster);
        let mut vault = fleet["applications"][0].clone();
        vault["name"] = json!("vault");
        vault["environments"][0]["clusters"] = json!(["vault"]);
        let path = production(fleet)["target_path"].as_str().unwrap().replace("shop", "vault");
        vault["environments"][0]["target_path"] = json!(path);
        fleet["applications"].as_array_mut().unwrap().push(vault);
        fleet["roles"][2]["grants"] = json!([{ "permission": "review", "application": "shop" }]);
    });
    let service = Service::start_in(world).await;
    let (mallory, dana) = (service.as_user("mallory").await, service.as_user("dana").await);
    let (rosa, ada) = (service.as_user("rosa").await, service.as_user("ada").await);

    let list = mallory.get("/servers").await.unwrap();
    assert_eq!(list.main_state().as_deref(), Some("empty"), "{}", list.text());
    for path in ["/servers/web-1", "/servers/vault-1", "/servers/nosuch", "/servers/UP"] {
        assert_eq!(mallory.get(path).await.unwrap().status, 404, "{path}");
        assert_eq!(service.post(&mallory, &format!("{path}/read"), &[]).await.status, 404, "{path}");
    }
    assert_eq!(dana.get("/servers/vault-1").await.unwrap().status, 404);
    for path in ["/servers", "/servers/web-1"] {
        let text = dana.get(path).await.unwrap().text();
        assert!(text.contains("shop production") && !text.contains("vault"), "{path}: {text}");
    }
    let both = ada.get("/servers/web-1").await.unwrap().text();
    assert!(both.contains("shop production") && both.contains("vault production"), "{both}");

    let page = rosa.get("/servers/web-1").await.unwrap();
    assert!(page.status == 200 && !page.has_form("Read now"), "who reviews reads: {}", page.text());
    assert_eq!(service.post(&rosa, "/servers/web-1/read", &[]).await.status, 403);
    let by_call = async |who: &str, path: &str| {
        service.calling_as(who).await.post(&format!("/servers/{path}/read"), &serde_json::json!({})).await
    };
    assert_eq!(by_call("rosa", "web-1").await.problem(403), "forbidden");
    assert_eq!(by_call("mallory", "web-1").await.problem(404), "not_found");
    assert_eq!(service.rows_of("readings").await, 0, "nobody was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_pinned_key_is_never_connected_to() {
    let service = Service::start_in(World {
        edit_fleet: Box::new(|fleet| {
            fleet["servers"][0].as_object_mut().unwrap().remove("host_key");
        }),
        hosts: 1,
        ..World::default()
    })
    .await;
    let dana = service.as_user("dana").await;
    let page = dana.get("/servers/web-1").await.unwrap();
    assert!(page.text().contains("No host key is pinned") && !page.has_form("Read now"), "{}", page.text());
    assert_eq!(service.post(&dana, "/servers/web-1/read", &[]).await.status, 409);
    service.check_drift().await;
    assert_eq!((service.rows_of("readings").await, service.connections(1)), (0, 0));
}
