//! What one may read, in the shape that is promised, and nothing beyond it.

use serde_json::{Value, json};

use super::town::Town;
use crate::tests::harness::api::keys;
use crate::tests::harness::{Service, World};

fn ids(list: &Value) -> Vec<i64> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_says_who_and_what() {
    let service = Service::start_in(World::quiet()).await;
    service.as_user("dana").await;
    let account = service.calling_as("dana").await.get("/account").await.ok();
    assert_eq!(keys(&account), ["name", "display", "roles", "globals", "grants", "acting", "token"]);
    assert_eq!((&account["name"], &account["display"]), (&json!("dana"), &json!("Dana Okafor")));
    assert_eq!((&account["roles"], &account["globals"]), (&json!(["developers"]), &json!([])));
    let words = "may read and request releases of shop in every environment";
    let grant = json!({ "permission": "request", "application": "shop", "environment": "*", "words": words });
    assert_eq!(account["grants"], json!([grant]));
    let fields = ["id", "user", "name", "expires_at", "last_used_at", "created_at", "revoked_at", "scope"];
    assert_eq!(keys(&account["token"]), fields);
    let ada = service.calling_as("ada").await.get("/account").await.ok();
    assert_eq!((&ada["roles"], &ada["globals"]), (&json!(["admin"]), &json!(["admin"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_has_the_fields_of_the_rules() {
    let town = Town::new().await;
    let dana = town.service.calling_as("dana").await;
    let list = dana.get("/deployments").await.ok();
    assert_eq!((ids(&list), &list["next"]), (vec![town.deployment], &Value::Null));
    let item = &list["items"][0];
    let fields = [
        "id",
        "application",
        "environment",
        "release",
        "commit",
        "from",
        "state",
        "requested_by",
        "started_by",
        "created_at",
        "started_at",
        "ended_at",
    ];
    assert_eq!(keys(item), fields);
    assert_eq!(
        (&item["application"], &item["environment"], &item["release"], &item["state"], &item["started_by"]),
        (&json!("shop"), &json!("production"), &json!("v1.0"), &json!("queued"), &json!("dana"))
    );
    assert_eq!(item["commit"].as_str().unwrap().len(), 40);

    let one = dana.get(&format!("/deployments/{}", town.deployment)).await.ok();
    for field in fields {
        assert_eq!(one[field], item[field], "{field}");
    }
    assert_eq!(
        (&one["request"], &one["why"], &one["hosts"]),
        (&json!(town.request), &Value::Null, &json!([]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_the_fields_of_the_rules() {
    let town = Town::new().await;
    let dana = town.service.calling_as("dana").await;
    let one = dana.get(&format!("/requests/{}", town.request)).await.ok();
    for field in [
        "id",
        "application",
        "environment",
        "tag",
        "commit",
        "from",
        "state",
        "requester",
        "reason",
        "fingerprint",
    ] {
        assert!(one.get(field).is_some(), "{field} in {one}");
    }
    assert_eq!(
        (&one["tag"], &one["state"], &one["requester"]),
        (&json!("v1.0"), &json!("launched"), &json!("dana"))
    );
    assert_eq!(one["fingerprint"].as_str().unwrap().len(), 64);
    let decision = &one["decisions"][0];
    assert_eq!((&decision["person"], &decision["decision"]), (&json!("rosa"), &json!("accept")));
    assert_eq!(dana.get("/requests?state=launched&mine=true").await.ok()["items"], json!([one]));
    assert_eq!(dana.get("/requests?state=accepted").await.ok()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_narrowed_and_paged() {
    let town = Town::new().await;
    let dana = town.service.calling_as("dana").await;
    dana.post(&format!("/deployments/{}/cancel", town.deployment), &json!({})).await.ok();
    let since = town.service.clock.now();
    town.service.advance(jiff::SignedDuration::from_mins(1));
    let browser = town.service.as_user("dana").await;
    town.service.post(&browser, &format!("/requests/{}/new-link", town.request), &[]).await;
    let second = town.service.post(&browser, &format!("/requests/{}/start", town.request), &[]).await;
    let second = crate::tests::harness::number_in(&second);
    let ask = async |query: &str| ids(&dana.get(&format!("/deployments?{query}")).await.ok());
    assert_eq!(ask("").await, [second, town.deployment], "newest first");
    assert_eq!(ask("state=queued").await, [second]);
    assert_eq!(ask("state=cancelled&application=shop&environment=production").await, [town.deployment]);
    assert_eq!(ask("application=vault").await, Vec::<i64>::new());
    assert_eq!(ask("person=dana").await.len(), 2);
    assert_eq!(ask("person=rosa").await.len(), 0);
    assert_eq!(ask(&format!("since={since}")).await, [second]);
    let first_page = dana.get("/deployments?limit=1").await.ok();
    assert_eq!((ids(&first_page), &first_page["next"]), (vec![second], &json!(second)));
    let last_page = dana.get(&format!("/deployments?limit=1&after={}", first_page["next"])).await.ok();
    assert_eq!((ids(&last_page), &last_page["next"]), (vec![town.deployment], &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_are_in_the_fleet_files_form_without_a_secret() {
    let town = Town::new().await;
    let (ada, dana) = (town.service.calling_as("ada").await, town.service.calling_as("dana").await);
    let names = |list: &Value| -> Vec<String> {
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let page = ada.get("/applications?limit=1").await.ok();
    assert_eq!((names(&page), &page["next"]), (vec!["shop".to_owned()], &json!("shop")));
    let page = ada.get("/applications?limit=1&after=shop").await.ok();
    assert_eq!((names(&page), &page["next"]), (vec!["vault".to_owned()], &Value::Null));
    assert_eq!(names(&dana.get("/applications").await.ok()), ["shop"]);

    let shop = dana.get("/applications/shop").await.ok();
    assert_eq!((&shop["tags"], &shop["environments"][0]["name"]), (&json!("v*"), &json!("production")));
    for path in ["/applications", "/applications/vault", "/applications/vault/environments/production"] {
        let reply = ada.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(!reply.page.html.contains("hush"), "{}", reply.page.html);
    }
    // That there is one is the administrators' to know.
    assert_eq!(ada.get("/applications/vault").await.ok()["webhook_secret"], "stored:");
    assert!(!dana.get("/applications").await.page.html.contains("webhook_secret"));
    let place = dana.get("/applications/shop/environments/production").await.ok();
    assert_eq!(
        (&place["application"], &place["name"], &place["live"]),
        (&json!("shop"), &json!("production"), &Value::Null)
    );
    town.service.record_live("web-1", "v1.0").await;
    let place = dana.get("/applications/shop/environments/production").await.ok();
    assert_eq!((&place["live"]["release"], &place["live"]["mixed"]), (&json!("v1.0"), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_may_not_read_is_404_like_what_does_not_exist() {
    let town = Town::new().await;
    let mallory = town.service.calling_as("mallory").await;
    let before = town.service.rows().await;
    let Town { deployment, request, .. } = &town;
    for (hidden, missing) in [
        (format!("/deployments/{deployment}"), "/deployments/999999".to_owned()),
        (format!("/deployments/{deployment}/journal"), "/deployments/999999/journal".to_owned()),
        (format!("/deployments/{deployment}/events"), "/deployments/999999/events".to_owned()),
        (format!("/requests/{request}"), "/requests/999999".to_owned()),
        ("/applications/shop".to_owned(), "/applications/nosuch".to_owned()),
        (
            "/applications/shop/environments/production".to_owned(),
            "/applications/nosuch/environments/production".to_owned(),
        ),
    ] {
        let (hidden_reply, missing_reply) = (mallory.get(&hidden).await, mallory.get(&missing).await);
        assert_eq!((hidden_reply.problem(404), missing_reply.problem(404)), ("not_found", "not_found"));
        let words = |reply: &crate::tests::harness::api::Reply| {
            reply.page.html.replace(reply.page.header("x-request-id"), "")
        };
        assert_eq!(words(&hidden_reply), words(&missing_reply), "{hidden}");
    }
    let cancel = mallory.post(&format!("/deployments/{deployment}/cancel"), &json!({})).await;
    assert_eq!(cancel.problem(404), "not_found");
    for list in ["/deployments", "/requests", "/applications"] {
        assert_eq!(mallory.get(list).await.ok(), json!({ "items": [], "next": null }), "{list}");
    }
    assert_eq!(town.service.rows().await, before);
    // A right to one application is none to another.
    let dana = town.service.calling_as("dana").await;
    assert_eq!(dana.get("/applications/vault").await.status, 404);
    assert_eq!(dana.get("/applications/vault/environments/production").await.status, 404);
}
