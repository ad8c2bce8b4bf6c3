//! Both names, wherever somebody acts for another (rules.md 31), and what that keeps
//! them from: deciding what they asked for themselves (security.md 4), and using what
//! was approved for the person.

use serde_json::{Value, json};

use super::PASSWORD;
use super::acting::{gets, posts};
use crate::app::{queries, run_deployment, tokens};
use crate::tests::api::town::{DEPLOYMENTS, REQUESTS, begun, direct, gates};
use crate::tests::harness::api::Caller;
use crate::tests::harness::{Service, World, number_in, production};
use crate::tests::support::smtp::Mail;

/// `bot` may act for others, and reviews the shop.
fn world(edit: impl FnOnce(&mut Value) + Send + 'static) -> World {
    World::quiet_with(|fleet| {
        let grants = json!([{ "permission": "review", "application": "shop" }]);
        let role = json!({ "name": "bots", "users": ["bot"], "global": ["impersonate"], "grants": grants });
        fleet["roles"].as_array_mut().unwrap().push(role);
        edit(fleet);
    })
}

/// A mail without its line breaks.
fn words(mail: &Mail) -> String {
    mail.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// By the bot in the name of dana.
async fn asked(service: &Service, bot: &Caller) -> i64 {
    service.as_user("dana").await;
    let reply = posts(bot, "dana", REQUESTS, &json!({ "tag": "v1.0", "reason": "Because." })).await;
    assert_eq!(reply.status, 201, "{}", reply.page.html);
    let who = (&reply.body["requester"], &reply.body["acting_by"]);
    assert_eq!(who, (&json!("dana"), &json!("bot")));
    reply.body["id"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_in_anothers_name_does_not_decide_it_by_any_channel() {
    let service = Service::start_in(world(|_| {})).await;
    let bot = service.calling_as("bot").await;
    service.with_password("bot", None).await;
    let id = asked(&service, &bot).await;
    let review = service.link_about("review", "v1.0").await;
    let before = service.rows_but("sessions").await;

    for decision in ["accept", "reject", "ask"] {
        let body = json!({ "decision": decision, "comment": "I know best." });
        let reply = bot.post(&format!("/requests/{id}/decisions"), &body).await;
        assert!(gates(&reply, 403).contains(&"own_request"), "{decision}: {}", reply.page.html);
    }
    let browser = service.browser();
    service.types(&browser, "bot", PASSWORD).await;
    let page = browser.get(&review).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (403, Some("own_request")), "{}", page.text());
    assert!(!browser.get(&format!("/requests/{id}")).await.unwrap().has_form("Reject the request"));
    for place in [review.clone(), format!("/requests/{id}")] {
        for act in ["accept", "reject", "ask"] {
            let path = format!("{place}/{act}");
            let page = service.post(&browser, &path, &[("comment", "I know best.")]).await;
            assert_eq!(page.status, 403, "{path}: {}", page.text());
        }
    }
    let actor = tokens::find(&service.app, &bot.token).await.unwrap().unwrap().actor;
    assert_eq!(queries::requests::list_waiting(&service.app, &actor).await.unwrap().len(), 0);
    let decided = |rows: &[String]| rows.iter().filter(|row| row.starts_with("decisions:")).count();
    assert_eq!(decided(&service.rows_but("sessions").await), decided(&before));

    let rosa = service.as_user("rosa").await;
    assert_eq!(service.post(&rosa, &format!("/requests/{id}/accept"), &[]).await.status, 303);
    assert_eq!(service.request_state(id).await, "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_policy_allows_an_own_decision_theirs_is_marked_as_one() {
    let service =
        Service::start_in(world(|fleet| production(fleet)["approval"]["self_approval"] = json!(true))).await;
    let bot = service.calling_as("bot").await;
    let id = asked(&service, &bot).await;
    let reply = bot.post(&format!("/requests/{id}/decisions"), &json!({ "decision": "accept" })).await;
    assert_eq!(reply.status, 201, "{}", reply.page.html);
    assert_eq!(reply.body["decisions"][0]["own_request"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn reviewers_read_who_really_asked_and_what_was_noted_of_the_hosts() {
    let service = Service::start_in(world(|_| {})).await;
    let bot = service.calling_as("bot").await;
    let id = asked(&service, &bot).await;
    let review = service.link_about("review", "v1.0").await;
    let rosa = service.as_user("rosa").await;
    let (said, hosts) = ("bot asked for this, acting for dana.", "web-1");
    let mail = service.mail_about("[review] shop v1.0").await;
    let html = mail.html();
    let mut places = vec![("the mail", words(&mail))];
    places.push(("its HTML", html));
    for path in [review, format!("/requests/{id}")] {
        let page = rosa.get(&path).await.unwrap();
        assert_eq!(page.select("[data-part=notes] li").len(), 2, "{}", page.text());
        places.push(("a page", page.text()));
    }
    let one = service.calling_as("rosa").await.get(&format!("/requests/{id}")).await.ok();
    places.push(("the API", one["notes"].to_string()));
    for (place, text) in places {
        assert!(text.contains(said) && text.contains(hosts), "{place}: {text}");
    }
    let page = rosa.get(&format!("/requests/{id}")).await.unwrap();
    assert!(page.text().contains("dana (bot acting) asked for"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_says_both_names_from_its_start_to_its_end() {
    let service = Service::start_in(world(direct)).await;
    let (drew, bot) = (service.calling_as("drew").await, service.calling_as("bot").await);
    let id = begun(&posts(&bot, "drew", DEPLOYMENTS, &json!({ "release": "v1.0" })).await);
    let one = drew.get(&format!("/deployments/{id}")).await.ok();
    assert_eq!((&one["started_by"], &one["acting_by"]), (&json!("drew"), &json!("bot")));
    assert_eq!(drew.get("/deployments").await.ok()["items"][0]["acting_by"], json!("bot"));
    let ada = service.as_user("ada").await;
    for path in [format!("/deployments/{id}"), "/deployments".to_owned()] {
        let page = ada.get(&path).await.unwrap();
        assert!(page.text().contains("drew (bot acting)"), "{path}: {}", page.text());
    }
    let claimed = crate::app::queue::claim_next(&service.app, "a test").await.unwrap().unwrap();
    posts(&bot, "drew", &format!("/deployments/{id}/cancel"), &json!({ "when": "after_batch" })).await;
    let asked = drew.get(&format!("/deployments/{id}")).await.ok();
    assert_eq!(asked["cancel"], json!({ "when": "after_batch", "by": "drew", "acting_by": "bot" }));
    let page = ada.get(&format!("/deployments/{id}")).await.unwrap();
    assert!(page.text().contains("It is being cancelled by drew (bot acting), after"), "{}", page.text());
    let failed = crate::domain::deployment::DeploymentState::Failed;
    run_deployment::finish(&service.app, &claimed, claimed.seq, failed, Some("no host")).await.unwrap();
    service.deliver().await;
    assert!(words(&service.mail_about("shop v1.0").await).contains("started by drew (bot acting)"));
    let record = service.record().await;
    for action in ["queued", "started", "ended"] {
        let line = format!("bot for drew deployment.{action} deployment {id}");
        assert!(record.contains(&line), "{line}: {record:#?}");
    }

    let own = begun(&drew.post(DEPLOYMENTS, &json!({ "release": "v1.0" })).await);
    let own = drew.get(&format!("/deployments/{own}")).await.ok();
    assert!(own.get("acting_by").is_none(), "{own}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_for_somebody_is_not_used_in_their_name() {
    let service = Service::start_in(world(|_| {})).await;
    let bot = service.calling_as("bot").await;
    let approved = service.approved("v1.0").await;
    let request = format!("/requests/{}", approved.request);
    for what in ["revoke-link", "new-link", "launch"] {
        let reply = posts(&bot, "dana", &format!("{request}/{what}"), &json!({})).await;
        assert_eq!(reply.status, 403, "{what}: {}", reply.page.html);
    }
    let run = number_in(&service.post(&approved.dana, &approved.launch, &[]).await);
    service
        .damage("UPDATE deployments SET state = 'failed', active_key = NULL, started_at = created_at, ended_at = created_at")
        .await;
    let retry = format!("/deployments/{run}/retry");
    let reply = posts(&bot, "dana", &retry, &json!({})).await;
    assert!(gates(&reply, 403).contains(&"impersonation"), "{}", reply.page.html);
    begun(&service.calling_as("dana").await.post(&retry, &json!({})).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_withdrawn_in_both_names() {
    let service = Service::start_in(world(|_| {})).await;
    let bot = service.calling_as("bot").await;
    let id = asked(&service, &bot).await;
    let reply = posts(&bot, "dana", &format!("/requests/{id}/cancel"), &json!({})).await;
    assert_eq!(reply.body["state"], "cancelled", "{}", reply.page.html);
    assert!(service.record().await.contains(&format!("bot for dana request.cancelled request {id}")));
    let page = service.as_user("rosa").await.get(&format!("/requests/{id}")).await.unwrap();
    assert!(page.text().contains("dana (bot acting) withdrew it"), "{}", page.text());
    service.deliver().await;
    assert!(words(&service.mail_about("[cancelled]").await).contains("(bot acting) cancelled the request"));
}

/// What the bot may rests on its own membership, which GitHub is asked for as well.
#[tokio::test(flavor = "multi_thread")]
async fn who_acts_for_others_has_to_be_a_member_still() {
    let service = Service::start_in(world(direct)).await;
    service.calling_as("drew").await;
    for (path, body) in [
        (DEPLOYMENTS, json!({ "release": "v1.0" })),
        (REQUESTS, json!({ "tag": "v1.0", "reason": "Because." })),
    ] {
        service.github.person("bot");
        service.as_user("bot").await;
        let bot = service.calling_as("bot").await;
        gets(&bot, "drew", "/applications/shop").await.ok();
        service.github.revoke("bot");
        let reply = posts(&bot, "drew", path, &body).await;
        assert_eq!(reply.problem(403), "forbidden", "{path}: {}", reply.page.html);
    }
    assert_eq!(service.rows_of("deployments").await + service.rows_of("requests").await, 0);
}
