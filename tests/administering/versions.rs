//! What GET gives, PUT takes, and only while it is what its author saw: people,
//! freezes and tokens as well as the fleet.

use serde_json::json;

use crate::tests::harness::{Service, World};

#[tokio::test(flavor = "multi_thread")]
async fn people_freezes_and_tokens_are_changed_only_as_they_were_seen() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    for (list, object, (key, value)) in [
        ("/people", json!({ "name": "sam", "roles": ["developers"] }), ("display", json!("Sam"))),
        (
            "/freezes",
            json!({ "application": "shop", "reason": "Stocktaking." }),
            ("reason", json!("Over soon.")),
        ),
        ("/tokens", json!({ "name": "ci" }), ("name", json!("cd"))),
    ] {
        let made = ada.post(list, &object).await;
        assert_eq!(made.status, 201, "{}", made.page.html);
        let address = made.page.header("location").strip_prefix("/api/v1").unwrap().to_owned();
        let seen = ada.get(&address).await;
        let old = seen.page.header("etag").to_owned();
        assert!(old.len() > 4 && made.page.header("etag") == old, "{list}: {old}");
        let record = service.record().await;
        let same = ada.put_if(&old, &address, &seen.body).await;
        assert_eq!((same.page.header("etag"), &same.body), (old.as_str(), &seen.body), "{list}");
        assert_eq!(service.record().await, record, "{list}: nothing changed, nothing is on record");

        let mut changed = seen.body.clone();
        changed[key] = value.clone();
        let newer = ada.put_if(&old, &address, &changed).await;
        assert_eq!(newer.body[key], value, "{}", newer.page.html);
        let new = newer.page.header("etag").to_owned();
        assert_ne!(new, old, "{list}");
        for stale in [old.as_str(), "W/\"x\"", "\"\"", "nonsense"] {
            assert_eq!(ada.put_if(stale, &address, &changed).await.problem(412), "changed", "{list} {stale}");
            let reply = ada.send("DELETE", &address, &[("if-match", stale)], "").await;
            assert_eq!(reply.problem(412), "changed", "{list} {stale}");
        }
        let mut wrong = newer.body.clone();
        wrong["created_at"] = json!("2020-01-01T00:00:00Z");
        assert_eq!(ada.put(&address, &wrong).await.wrong_fields(), ["created_at"], "{list}");
        wrong["surprise"] = json!(1);
        assert!(ada.put(&address, &wrong).await.wrong_fields().contains(&"surprise"), "{list}");
        assert_eq!(ada.post(list, &newer.body).await.status, 422, "{list}: what is only read makes nothing");
        let gone = ada.send("DELETE", &address, &[("if-match", &new)], "").await;
        assert_eq!(gone.status, 204, "{list}: {}", gone.page.html);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_comes_back_unchanged_holds_what_they_held_by_what_they_held_it() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        fleet["roles"][1]["users"] = json!(["rosa"]);
        let everybody = json!({ "name": "default", "grants": [{ "permission": "read" }] });
        fleet["roles"].as_array_mut().unwrap().push(everybody);
    }))
    .await;
    for login in ["dana", "rosa"] {
        service.as_user(login).await;
    }
    let ada = service.calling_as("ada").await;
    let members = service.tables().await["role_members"].clone();
    for name in ["dana", "rosa"] {
        let address = format!("/people/{name}");
        let seen = ada.get(&address).await.body;
        assert!(seen["roles"].as_array().unwrap().len() > 1, "{seen}");
        assert_eq!(ada.put(&address, &seen).await.ok()["given"], seen["given"]);
        // One role more is one role more.
        let mut more = seen.clone();
        more["roles"].as_array_mut().unwrap().push(json!("release-managers"));
        ada.put(&address, &more).await.ok();
        let mut back = seen.clone();
        back.as_object_mut().unwrap().retain(|key, _| !["version", "given"].contains(&key.as_str()));
        ada.put(&address, &back).await.ok();
    }
    assert_eq!(service.tables().await["role_members"], members);

    let dana =
        ada.put("/people/dana", &json!({ "external_id": "crm-7", "roles": ["release-managers"] })).await.ok();
    assert_eq!(dana["external_id"], "crm-7");
    let cleared = ada.put("/people/dana", &json!({ "external_id": null })).await.ok();
    assert_eq!(cleared["external_id"], json!(null));
    // Who is disabled shows no role, and loses none by coming back so.
    let disabled = ada.put("/people/dana", &json!({ "disabled": true })).await.ok();
    assert_eq!(disabled["roles"], json!([]));
    assert_eq!(ada.put("/people/dana", &disabled).await.ok()["given"], disabled["given"]);
    assert!(disabled["given"].as_array().unwrap().iter().any(|given| given["role"] == "release-managers"));
}
