//! A program that acts for others (rules.md 31).

use serde_json::{Value, json};

use super::name;
use crate::app::{access, tokens};
use crate::domain::permission::{GlobalPermission, Grant, Pattern, Permission, TokenScope};
use crate::tests::api::town::{DEPLOYMENTS, REQUESTS, begun, deployers, direct, gates};
use crate::tests::harness::api::{Caller, Reply};
use crate::tests::harness::{Service, World, production};
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;

fn a_bot(fleet: &mut Value) {
    let role = json!({ "name": "bots", "users": ["bot", "otherbot"], "global": ["impersonate"] });
    fleet["roles"].as_array_mut().unwrap().push(role);
}

fn world(edit: impl FnOnce(&mut Value) + Send + 'static) -> World {
    World::quiet_with(|fleet| {
        a_bot(fleet);
        edit(fleet);
    })
}

pub(super) async fn posts(caller: &Caller, whom: &str, path: &str, body: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("x-impersonate-username", whom)];
    caller.send("POST", path, &headers, &body.to_string()).await
}

pub(super) async fn gets(caller: &Caller, whom: &str, path: &str) -> Reply {
    caller.send("GET", path, &[("x-impersonate-username", whom)], "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_reads_requests_and_deploys_with_the_rights_of_the_other_and_both_names_are_kept() {
    let service = Service::start_in(world(direct)).await;
    let (drew, bot) = (service.calling_as("drew").await, service.calling_as("bot").await);
    drew.get("/applications/shop").await.ok();
    assert_eq!(bot.get("/applications/shop").await.problem(404), "not_found", "its own rights are none");
    gets(&bot, "drew", "/applications/shop").await.ok();
    let account = gets(&bot, "drew", "/account").await.ok();
    assert_eq!((&account["name"], &account["acting"]), (&json!("drew"), &json!("bot")));
    assert_eq!(account["token"]["user"], "bot");

    let id = begun(&posts(&bot, "drew", DEPLOYMENTS, &json!({ "release": "v1.0" })).await);
    let deployment = drew.get(&format!("/deployments/{id}")).await.ok();
    assert_eq!(deployment["started_by"], "drew");
    let journal = drew.get(&format!("/deployments/{id}/journal")).await.ok();
    assert!(journal.to_string().contains("bot started it, acting for drew."), "{journal}");
    assert_eq!(service.record().await[0], format!("bot for drew deployment.queued deployment {id}"));

    let reply = posts(&bot, "drew", &format!("/deployments/{id}/cancel"), &json!({ "when": "now" })).await;
    assert_eq!(reply.status, 200, "{}", reply.page.html);
    assert!(service.record().await.contains(&format!("bot for drew deployment.cancelled deployment {id}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_requests_for_another_and_neither_decides_nor_launches() {
    let service = Service::start_in(world(|fleet| {
        deployers(fleet);
        production(fleet)["approval"]["required"] = json!(0);
        production(fleet)["approval"]["self_approval"] = json!(true);
    }))
    .await;
    let (stella, bot) = (service.calling_as("stella").await, service.calling_as("bot").await);
    let reply = posts(&bot, "stella", REQUESTS, &json!({ "tag": "v1.0", "reason": "why" })).await;
    assert_eq!(reply.status, 201, "{}", reply.page.html);
    let id = reply.body["id"].as_i64().unwrap();
    assert_eq!(reply.body["requester"], "stella");
    assert!(service.record().await.contains(&format!("bot for stella request.created request {id}")));
    let notes = service.rows_but("links").await.join("\n");
    assert!(notes.contains("bot asked for this, acting for stella."), "the record says by whom");

    // Nothing had to be decided; it waits for stella, and for nobody in her name.
    let launch = format!("/requests/{id}/launch");
    let reply = posts(&bot, "stella", &launch, &json!({})).await;
    assert!(gates(&reply, 403).contains(&"impersonation"), "{}", reply.page.html);
    assert_eq!(begun(&stella.post(&launch, &json!({})).await), 1);
}

/// The person has the right; what is in the way is said.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_decide_in_anothers_name_hears_that_only_they_in_person_do() {
    let service = Service::start_in(world(|fleet| fleet["roles"][2]["users"] = json!(["rex"]))).await;
    let (bot, rex) = (service.calling_as("bot").await, service.calling_as("rex").await);
    let dana = service.as_user("dana").await;
    let id = service.asked(&dana, "v1.0", &[]).await;
    let decisions = format!("/requests/{id}/decisions");
    let body = json!({ "decision": "accept" });
    let reply = posts(&bot, "rex", &decisions, &body).await;
    assert_eq!(reply.problem(403), "forbidden");
    assert_eq!(reply.body["detail"], "bot acts for rex; only rex in person may do this.");
    // A token of rex's that only reads is another cause.
    let scope = json!({ "grants": [{ "permission": "read", "application": "shop" }] });
    let made = rex.post("/tokens", &json!({ "name": "reader", "scope": scope })).await;
    let reader = service.calling_with(made.body["token"].as_str().unwrap());
    assert_eq!(reader.post(&decisions, &body).await.body["detail"], SCOPE);
    assert_eq!(rex.post(&decisions, &body).await.status, 201);
}

const SCOPE: &str = "The scope of this token does not reach this.";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acts_for_a_holder_of_more_for_nobody_or_without_the_right() {
    let service = Service::start_in(world(deployers)).await;
    let (ada, bot) = (service.calling_as("ada").await, service.calling_as("bot").await);
    for known in ["drew", "otherbot", "gone"] {
        service.calling_as(known).await;
    }
    access::disable(
        &service.app,
        &tokens::find(&service.app, &ada.token).await.unwrap().unwrap().actor,
        &name("gone"),
    )
    .await
    .unwrap();
    for whom in ["ada", "otherbot", "bot", "gone", "nosuch", "", "DREW!", "drew,ada"] {
        assert_eq!(gets(&bot, whom, "/account").await.problem(403), "forbidden", "{whom:?}");
    }
    let headers = [("x-impersonate-username", "drew"), ("x-impersonate-username", "drew")];
    assert_eq!(bot.send("GET", "/account", &headers, "").await.problem(403), "forbidden");
    // Nobody learns which names there are.
    let words = |reply: &Reply| reply.body["detail"].clone();
    assert_eq!(words(&gets(&bot, "gone", "/account").await), words(&gets(&bot, "nosuch", "/account").await));
    let drew = service.calling_as("drew").await;
    assert_eq!(gets(&drew, "stella", "/account").await.problem(403), "forbidden", "drew may not");
    gets(&ada, "drew", "/account").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_means_of_getting_in_are_out_of_reach_in_anothers_name() {
    let service = Service::start_in(world(deployers)).await;
    let (_, bot) = (service.calling_as("drew").await, service.calling_as("bot").await);
    let before = service.rows_but("tokens").await;
    let reply = posts(&bot, "drew", "/tokens", &json!({ "name": "mine now" })).await;
    assert_eq!(reply.problem(403), "forbidden");
    let headers = [("x-impersonate-username", "drew")];
    for (method, path) in [("DELETE", "/tokens/1"), ("DELETE", "/people/drew"), ("GET", "/people")] {
        assert_eq!(bot.send(method, path, &headers, "").await.problem(403), "forbidden", "{method} {path}");
    }
    assert_eq!(service.rows_but("tokens").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scope_of_the_bots_token_bounds_what_it_does_for_others() {
    let service = Service::start_in(world(direct)).await;
    service.calling_as("drew").await;
    let grant = |permission| Grant {
        permission,
        application: Pattern::Only(name("shop")),
        environment: Pattern::All,
    };
    let token = async |global: Vec<GlobalPermission>, grants: Vec<Grant>| {
        service.calling_as("bot").await;
        let wanted = tokens::Wanted {
            user: &name("bot"),
            name: "bounded",
            lasts_for: Some(SignedDuration::from_hours(1)),
            scope: Some(TokenScope { global, grants }),
            made_by: None,
        };
        let (_, secret) = tokens::create(&service.app, "a test", wanted).await.unwrap();
        service.calling_with(secret.expose_secret())
    };
    let reader = token(vec![GlobalPermission::Impersonate], vec![grant(Permission::Read)]).await;
    gets(&reader, "drew", "/applications/shop").await.ok();
    let reply = posts(&reader, "drew", DEPLOYMENTS, &json!({ "release": "v1.0" })).await;
    assert!(gates(&reply, 403).contains(&"permission"), "{}", reply.page.html);
    let without = token(Vec::new(), vec![grant(Permission::Deploy)]).await;
    assert_eq!(gets(&without, "drew", "/account").await.problem(403), "forbidden");
}
