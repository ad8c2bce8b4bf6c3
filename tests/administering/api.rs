//! Each kind of object made, read, changed, renamed and removed.

use serde_json::{Value, json};

use super::{calendar, environment};
use crate::app::audit;
use crate::tests::api::town::Town;
use crate::tests::harness::api::Caller;
use crate::tests::harness::{Service, World};

const ENVIRONMENTS: &str = "/applications/shop/environments";

/// Where they are, a small one, and a key with another value for it.
fn kinds() -> Vec<(&'static str, Value, &'static str, Value)> {
    vec![
        ("/servers", json!({ "name": "web-9", "host": "10.0.0.9" }), "port", json!(2222)),
        (
            "/load_balancers",
            json!({ "name": "edge", "endpoints": ["tcp://10.0.0.5:9999"] }),
            "endpoints",
            json!(["unix:///run/h.sock"]),
        ),
        ("/clusters", json!({ "name": "side", "servers": [{ "server": "web-1" }] }), "servers", json!([])),
        ("/calendars", calendar("office"), "closed", json!(["2026-12-24"])),
        (
            "/roles",
            json!({ "name": "ops", "users": ["remy"], "grants": [{ "permission": "read", "application": "*", "environment": "shop" }] }),
            "users",
            json!(["remy", "rosa"]),
        ),
        ("/applications", json!({ "name": "blog", "repository": "/srv/blog.git" }), "tags", json!("v*")),
        (ENVIRONMENTS, environment("qa"), "order", json!(3)),
    ]
}

async fn actions(service: &Service) -> Vec<(String, String)> {
    let lines = audit::page_after(&service.app, 0).await.unwrap();
    let of_ada = lines.into_iter().filter(|line| line.actor == "ada");
    of_ada.map(|line| (line.action, line.subject)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_object_is_made_read_changed_renamed_and_removed() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    for (list, object, key, value) in kinds() {
        let name = object["name"].as_str().unwrap();
        let address = format!("{list}/{name}");
        let made = ada.post(list, &object).await;
        assert_eq!(made.status, 201, "{list}: {}", made.page.html);
        assert_eq!(made.page.header("location"), format!("/api/v1{address}"));
        for (key, value) in object.as_object().unwrap() {
            assert_eq!(made.body[key], *value, "{list}");
        }
        let again = ada.post(list, &object).await;
        assert_eq!(again.wrong_fields(), ["name"], "{list}: twice");

        // What GET gave, PUT takes, and it changes nothing.
        let found = ada.get(&address).await;
        let etag = found.page.header("etag").to_owned();
        assert_eq!((found.status, etag.is_empty()), (200, false), "{}", found.page.html);
        assert_eq!(found.page.header("x-managed-by"), "");
        let told = actions(&service).await.len();
        let same = ada.put_if(&etag, &address, &found.body).await;
        assert_eq!((same.status, same.page.header("etag")), (200, etag.as_str()), "{}", same.page.html);
        assert_eq!(actions(&service).await.len(), told, "{list}");

        let mut changed = found.body.clone();
        changed[key] = value.clone();
        let put = ada.put(&address, &changed).await;
        assert_eq!((put.status, &put.body[key]), (200, &value), "{list}: {}", put.page.html);
        assert_ne!(put.page.header("etag"), etag);
        let items = ada.get(&format!("{list}?limit=200")).await.ok()["items"].clone();
        assert!(
            items.as_array().unwrap().iter().any(|item| item["name"] == name && item[key] == value),
            "{items}"
        );

        changed["name"] = json!("another");
        let renamed = ada.put(&address, &changed).await;
        assert_eq!(
            (renamed.status, &renamed.body["name"]),
            (200, &json!("another")),
            "{}",
            renamed.page.html
        );
        assert_eq!(renamed.body.get("was"), None);
        assert_eq!(ada.get(&address).await.problem(404), "not_found");
        let other = format!("{list}/another");
        assert_eq!(ada.get(&other).await.ok()[key], value);

        // The other way of saying it.
        changed["name"] = json!(name);
        changed["was"] = json!("another");
        assert_eq!(ada.put(&address, &changed).await.ok()["name"], name);
        let gone = ada.delete(&address).await;
        assert_eq!((gone.status, gone.page.html.as_str()), (204, ""), "{list}");
        assert_eq!(ada.get(&address).await.problem(404), "not_found");
        assert_eq!(ada.delete(&address).await.problem(404), "not_found");
        let told: Vec<String> =
            actions(&service).await.into_iter().skip(told - 1).map(|(action, _)| action).collect();
        let mut expected =
            vec!["fleet.added", "fleet.changed", "fleet.renamed", "fleet.renamed", "fleet.removed"];
        // Whoever watched over it hears that it is gone.
        expected.extend((list == ENVIRONMENTS).then_some("approval.changed"));
        assert_eq!(told, expected, "{list}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_by_its_field_and_nothing_is_changed() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let before = service.rows().await;
    for (list, object, wrong) in [
        ("/servers", json!({ "name": "web-9", "port": 0 }), vec!["host", "port"]),
        ("/servers", json!({ "name": "Web 9", "host": "a" }), vec!["name"]),
        ("/servers", json!({ "host": "a" }), vec!["name"]),
        ("/servers", json!({ "name": "web-9", "host": "-oProxyCommand=id" }), vec!["host"]),
        (
            "/clusters",
            json!({ "name": "side", "servers": [{ "server": "web-7" }] }),
            vec!["servers[0].server"],
        ),
        ("/calendars", json!({ "name": "office", "timezone": "Mars" }), vec!["timezone", "weekly"]),
        (
            ENVIRONMENTS,
            json!({ "name": "qa", "deploy_from": {} }),
            vec!["deploy_from", "target_path", "remote_user"],
        ),
        ("/roles", json!({ "name": "default", "was": "developers" }), vec!["name", "was"]),
    ] {
        assert_eq!(ada.post(list, &object).await.wrong_fields(), wrong, "{object}");
    }
    // Nobody gives themselves more than the form of the object has.
    for field in ["managed", "version", "id", "position", "kind", "spec"] {
        for (list, object, ..) in kinds() {
            let mut object = object.clone();
            object[field] = json!(1);
            assert_eq!(ada.post(list, &object).await.wrong_fields(), [field], "{list}");
        }
    }
    assert_eq!(ada.post("/servers", &json!([])).await.wrong_fields(), [""]);
    assert_eq!(ada.get("/servers?sort=name").await.wrong_fields(), ["sort"]);
    assert_eq!(ada.get("/servers/Web%201").await.problem(404), "not_found");
    assert_eq!(
        ada.post("/applications/nosuch/environments", &environment("qa")).await.problem(404),
        "not_found"
    );
    assert_eq!(service.rows().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_administer_and_others_learn_nothing() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        let auditors =
            json!({ "name": "auditors", "users": ["remy"], "global": ["read_all", "impersonate"] });
        fleet["roles"].as_array_mut().unwrap().push(auditors);
    }))
    .await;
    service.as_user("dana").await;
    service.as_user("remy").await;
    let before = service.tables().await;
    for who in ["dana", "remy"] {
        let caller = service.calling_as(who).await;
        for (list, object, ..) in kinds() {
            let name = object["name"].as_str().unwrap();
            let mut replies = vec![caller.post(list, &object).await];
            for name in [name, "web-1", "shop", "production", "nosuch"] {
                let address = format!("{list}/{name}");
                replies.push(caller.put(&address, &object).await);
                replies.push(caller.put_if("\"x\"", &address, &object).await);
                replies.push(caller.delete(&address).await);
            }
            if !list.starts_with("/applications") {
                replies.push(caller.get(list).await);
                replies.push(caller.get(&format!("{list}/web-1")).await);
                replies.push(caller.get(&format!("{list}/nosuch")).await);
            }
            for reply in replies {
                assert_eq!(reply.problem(403), "forbidden", "{who} {list}");
            }
        }
        assert_eq!(caller.post("/servers/web-1/scan", &json!({})).await.problem(403), "forbidden");
        let environments = caller.get(ENVIRONMENTS).await.ok();
        assert_eq!(environments["items"][0]["name"], "production");
        assert_eq!(caller.get("/applications/shop").await.page.header("etag"), "");
    }
    let mallory = service.calling_as("mallory").await;
    assert_eq!(mallory.get(ENVIRONMENTS).await.problem(404), "not_found");
    let after = service.tables().await;
    assert_eq!(after["fleet_objects"], before["fleet_objects"]);
    assert_eq!(after["role_members"], before["role_members"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_may_be_bound_to_the_version_that_its_author_saw() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let seen = ada.get("/servers/web-1").await;
    let old = seen.page.header("etag").to_owned();
    let mut object = seen.body.clone();
    object["port"] = json!(2);
    let newer = ada.put_if(&format!("\"else\", {old}"), "/servers/web-1", &object).await;
    let newer = newer.page.header("etag").to_owned();
    assert_ne!(newer, old);
    object["port"] = json!(3);
    for stale in [old.clone(), format!("W/{newer}"), "\"\"".to_owned(), "nonsense".to_owned()] {
        let reply = ada.put_if(&stale, "/servers/web-1", &object).await;
        assert_eq!(reply.problem(412), "changed", "{stale}");
        let reply = ada.send("DELETE", "/servers/web-1", &[("if-match", &stale)], "").await;
        assert_eq!(reply.problem(412), "changed", "{stale}");
    }
    assert_eq!(ada.get("/servers/web-1").await.ok()["port"], 2);
    assert_eq!(ada.put_if("*", "/servers/web-1", &object).await.ok()["port"], 3);
    assert_eq!(ada.put_if(&newer, "/servers/nosuch", &object).await.problem(404), "not_found");

    // An application is of another version when one of its environments is.
    let application = ada.get("/applications/shop").await;
    let place = ada.get(&format!("{ENVIRONMENTS}/production")).await;
    let mut production = place.body.clone();
    production["order"] = json!(7);
    assert_eq!(
        ada.put_if(place.page.header("etag"), &format!("{ENVIRONMENTS}/production"), &production).await.ok()
            ["order"],
        7
    );
    let stale = ada.put_if(application.page.header("etag"), "/applications/shop", &application.body).await;
    assert_eq!(stale.problem(412), "changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_paged_and_narrowed_to_what_a_file_gave() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    for name in ["web-3", "web-2"] {
        ada.post("/servers", &json!({ "name": name, "host": "10.0.0.9" })).await;
    }
    let names = |list: &Value| -> Vec<String> {
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let page = ada.get("/servers?limit=2").await.ok();
    assert_eq!((names(&page), &page["next"]), (vec!["web-1".into(), "web-2".into()], &json!("web-2")));
    let page = ada.get("/servers?limit=2&after=web-2").await.ok();
    assert_eq!((names(&page), &page["next"]), (vec!["web-3".into()], &Value::Null));
    assert_eq!(names(&ada.get("/servers?after=web-10").await.ok()), ["web-2", "web-3"]);
    assert_eq!(names(&ada.get("/servers?managed=true").await.ok()), ["web-1"]);
    assert_eq!(names(&ada.get("/servers?managed=false").await.ok()), ["web-2", "web-3"]);
    assert_eq!(names(&ada.get("/roles").await.ok()), ["admin", "default", "developers", "release-managers"]);
}

async fn refused(ada: &Caller, path: &str) -> String {
    let reply = ada.delete(path).await;
    assert_eq!(reply.problem(409), "conflict", "{path}");
    reply.body["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_something_depends_on_stays_and_it_is_said_what() {
    let service = Service::start_in(World {
        edit_config: Box::new(|config| config["anonymous_role"] = json!("developers")),
        ..World::quiet_with(|fleet| {
            fleet["calendars"] = json!([calendar("office")]);
            fleet["load_balancers"] = json!([{ "name": "edge", "endpoints": ["tcp://10.0.0.5:9999"] }]);
            fleet["clusters"][0]["load_balancer"] = json!("edge");
            fleet["clusters"][0]["backend"] = json!("shop");
            let production = crate::tests::harness::production(fleet);
            production["calendar"] = json!("office");
            production["approval"]["groups"] = json!([{ "role": "release-managers", "required": 1 }]);
        })
    })
    .await;
    let ada = service.calling_as("ada").await;
    for (path, words) in [
        ("/servers/web-1", "The server web-1 stays: the cluster web uses it."),
        ("/load_balancers/edge", "The load balancer edge stays: the cluster web uses it."),
        ("/clusters/web", "The cluster web stays: the environment shop/production uses it."),
        ("/calendars/office", "The calendar office stays: the environment shop/production uses it."),
        (
            "/roles/release-managers",
            "The role release-managers stays: the environment shop/production uses it.",
        ),
        ("/roles/developers", "The role developers stays: it is the anonymous_role of config.json."),
        ("/roles/admin", "The role admin stays: it always exists."),
        ("/roles/default", "The role default stays: it always exists."),
    ] {
        assert_eq!(refused(&ada, path).await, words);
    }
    assert_eq!(ada.delete(&format!("{ENVIRONMENTS}/production")).await.status, 204);
    for path in ["/clusters/web", "/servers/web-1", "/load_balancers/edge", "/calendars/office"] {
        assert_eq!(ada.delete(path).await.status, 204, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_where_something_goes_on_stays_and_history_keeps_its_names() {
    let town = Town::new().await;
    let (service, deployment, request) = (&town.service, town.deployment, town.request);
    let (ada, dana) = (service.calling_as("ada").await, service.calling_as("dana").await);
    let production = format!("{ENVIRONMENTS}/production");
    let queued = format!("deployment {deployment} is queued");
    for path in [production.as_str(), "/applications/shop"] {
        assert!(refused(&ada, path).await.contains(&queued), "{path}");
    }
    let mut object = ada.get(&production).await.body;
    object["name"] = json!("live");
    assert_eq!(ada.put(&production, &object).await.problem(409), "conflict");
    let without = json!({ "name": "shop", "repository": service.repository.address(), "environments": [] });
    assert_eq!(ada.put("/applications/shop", &without).await.problem(409), "conflict");

    dana.post(&format!("/deployments/{deployment}/cancel"), &json!({})).await.ok();
    assert!(refused(&ada, &production).await.contains(&format!("request {request} is open")));
    dana.post(&format!("/requests/{request}/cancel"), &json!({})).await.ok();
    assert_eq!(ada.delete(&production).await.status, 204);
    for who in [&ada, &dana] {
        let kept = who.get(&format!("/deployments/{deployment}")).await.ok();
        assert_eq!((&kept["application"], &kept["environment"]), (&json!("shop"), &json!("production")));
        who.get(&format!("/requests/{request}")).await.ok();
    }
    let browser = service.as_user("ada").await;
    for address in [format!("/deployments/{deployment}"), format!("/requests/{request}"), "/admin".to_owned()]
    {
        assert_eq!(browser.get(&address).await.unwrap().status, 200, "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_request_is_void_when_its_hosts_are_changed_here_too() {
    let service = Service::start_in(World::quiet()).await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let ada = service.calling_as("ada").await;
    let mut server = ada.get("/servers/web-1").await.body;
    server["active"] = json!(false);
    ada.put("/servers/web-1", &server).await.ok();
    assert_eq!(service.request_state(request).await, "awaiting_review");
    server["port"] = json!(2222);
    ada.put("/servers/web-1", &server).await.ok();
    assert_eq!(service.request_state(request).await, "void");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_for_the_present_goes_with_a_new_name() {
    let service = Service::start_in(World::quiet()).await;
    service.record_live("web-1", "v1.0").await;
    let (ada, dana) =
        (service.calling_as("ada").await, super::super::api::town::member(&service, "dana").await);
    let rename = async |path: &str, to: &str| {
        let mut object = ada.get(path).await.body;
        object["name"] = json!(to);
        ada.put(path, &object).await.ok()
    };
    for object in
        [json!({ "application": "shop" }), json!({ "application": "shop", "environment": "production" })]
    {
        let mut freeze = object.clone();
        (freeze["reason"], freeze["level"]) = (json!("stocktaking"), json!("lock"));
        assert_eq!(ada.post("/freezes", &freeze).await.status, 201);
    }
    rename("/servers/web-1", "www-1").await;
    let runs = ada.get("/servers/www-1/releases").await.ok();
    assert_eq!(runs["items"][0]["release"], "v1.0", "{runs}");
    rename("/clusters/web", "front").await;
    rename(&format!("{ENVIRONMENTS}/production"), "live").await;
    rename("/applications/shop", "store").await;
    let place = ada.get("/applications/store/environments/live").await.ok();
    assert_eq!((&place["live"]["release"], &place["clusters"]), (&json!("v1.0"), &json!(["front"])));

    // What is frozen stays frozen.
    let freezes = ada.get("/freezes").await.ok();
    let on = |freeze: &Value| (freeze["application"].clone(), freeze["environment"].clone());
    let mut held: Vec<(Value, Value)> = freezes["items"].as_array().unwrap().iter().map(on).collect();
    held.sort_by_key(|(_, environment)| environment.is_string());
    assert_eq!(held, [(json!("store"), Value::Null), (json!("store"), json!("live"))]);
    // The grants name the application, and the people hold the role.
    rename("/roles/developers", "makers").await;
    let account = dana.get("/account").await.ok();
    assert_eq!(
        (&account["roles"], &account["grants"][0]["application"]),
        (&json!(["makers"]), &json!("store"))
    );
    let role = ada.get("/roles/makers").await.ok();
    assert_eq!(role["github_teams"], json!(["developers"]));
}
