//! Choosing, seeing and starting a deployment without a request.

use serde_json::json;

use super::{DEPLOY, free, says};
use crate::domain::deployment::{DeploymentState, Direction};
use crate::domain::scope::Scope;
use crate::tests::harness::{Service, World, id_of, number_in, production};

#[tokio::test(flavor = "multi_thread")]
async fn who_may_deploy_chooses_a_release_sees_what_would_happen_and_starts_it() {
    let service = Service::start_in(free(|_| {})).await;
    let dana = service.as_user("dana").await;
    let page = dana.get("/applications/shop").await.unwrap();
    let entry = page.attributes("#env-production header a[href$='/deploy']", "href");
    let page = dana.get(&entry[0]).await.unwrap();
    assert_eq!((page.main_page().as_deref(), page.main_state().as_deref()), (Some("deploy"), Some("choose")));
    says(&page, &["v1.2", "v1.0", "production runs nothing yet"]);
    let found = dana.submit(&page, "Find", &[("q", "shop v1.1")]).await.unwrap();
    says(&found, &["v1.1", "1 release speaks of it"]);
    assert!(!found.text().contains("v1.2"), "{}", found.text());

    let page = dana.get(&format!("{DEPLOY}?release=v1.1")).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("ready"), "{}", page.text());
    says(
        &page,
        &["Nothing is live there yet", "May deploy here", "web-a web-1", "On it: connect", "checks, fetch"],
    );
    let page = dana.submit(&page, "Deploy v1.1 to production", &[]).await.unwrap();
    let first = service.ended(id_of(&page)).await;
    assert_eq!((first.state, first.request), (DeploymentState::Succeeded, None), "{:?}", first.why);
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.1\n");

    // One server in its row, to an older release.
    let page = dana.get("/applications/shop").await.unwrap();
    let rows = page.attributes("a[aria-label='Deploy to server web-1']", "href");
    let page = dana.get(&format!("{}&release=v1.0", rows[0])).await.unwrap();
    says(&page, &["goes back", "Only server web-1", "two versions will serve", "v1.1 already contains v1.0"]);
    let page = dana.submit(&page, "Deploy v1.0 to production, server web-1 only", &[]).await.unwrap();
    let second = service.ended(id_of(&page)).await;
    assert_eq!(second.state, DeploymentState::Succeeded, "{:?}", second.why);
    assert_eq!(second.direction, Some(Direction::GoesBack));
    assert!(matches!(second.scope, Scope::Server(_)), "{:?}", second.scope);
    let page = dana.get(&format!("/deployments/{}", second.id)).await.unwrap();
    says(&page, &["goes back", "only server web-1", "shop v1.1 → v1.0 to production"]);
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.0\n");

    // What differs from the newest is a click away, from what each server runs.
    let page = dana.get("/applications/shop").await.unwrap();
    says(&page, &["production runs v1.1 and v1.0"]);
    let diffs = page.attributes("a[aria-label^='Diff of web-']", "href");
    assert_eq!(diffs.len(), 2);
    assert!(diffs[0].contains(first.from.as_ref().unwrap_or(&second.commit).as_str()), "{diffs:?}");
    assert!(diffs[1].contains(first.commit.as_str()), "{diffs:?}");
    assert_eq!(dana.get(&diffs[1]).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_of_a_deployment_is_said_and_holds_against_a_hand_made_form() {
    let world = World::quiet_with(|fleet| {
        fleet["roles"][1]["grants"] = json!([{ "permission": "deploy", "application": "shop" }]);
    });
    let mut service = Service::start_in(world).await;
    let (dana, rosa) = (service.as_user("dana").await, service.as_user("rosa").await);
    let mallory = service.as_user("mallory").await;

    let page = dana.get("/applications/shop").await.unwrap();
    says(&page, &["Needs approval"]);
    assert!(page.attributes("a[aria-label^='Deploy to']", "href").is_empty(), "the way is closed");
    let page = dana.get(&format!("{DEPLOY}?release=v1.1")).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (200, Some("blocked")), "{}", page.text());
    says(&page, &["Needs approval", "Request v1.1 instead"]);
    let before = service.rows_of("audit_log").await;
    let page = service.post(&dana, DEPLOY, &[("release", "v1.1"), ("acknowledge_deletes", "1")]).await;
    assert_eq!((page.status, page.main_state().as_deref()), (409, Some("blocked")), "{}", page.text());
    assert_eq!(page.value("release").as_deref(), Some("v1.1"), "what was typed is still there");
    assert_eq!(page.value("acknowledge_deletes").as_deref(), Some("1"));
    let page = service.post(&rosa, DEPLOY, &[("release", "v1.1")]).await;
    assert_eq!(page.status, 403, "who may only review: {}", page.text());
    says(&page, &["rosa may not deploy here"]);
    for (who, method) in [(&mallory, "GET"), (&service.browser(), "GET")] {
        let page = who.raw(method, DEPLOY, &[], "").await.unwrap();
        assert!([404, 303].contains(&page.status), "{}", page.status);
    }
    assert_eq!(service.post(&mallory, DEPLOY, &[("release", "v1.1")]).await.status, 404);
    let after = (service.rows_of("deployments").await, service.rows_of("audit_log").await);
    assert_eq!(after, (0, before), "nothing was queued");

    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(0)).await;
    for (fields, words) in [
        (vec![("release", "v9.9")], "There is no tag v9.9"),
        (vec![("release", "")], "A tag or a full commit id"),
        (vec![("release", "v1.0"), ("cluster", "web"), ("server", "web-1")], "not both"),
        (vec![("release", "v1.0"), ("cluster", "elsewhere")], "There is no cluster elsewhere"),
        (vec![("release", "v1.0"), ("server", "../etc")], "The name \"../etc\""),
    ] {
        let page = service.post(&dana, DEPLOY, &fields).await;
        assert_eq!((page.status, page.main_page().as_deref()), (422, Some("deploy")), "{fields:?}");
        says(&page, &["Nothing was started", words]);
    }
    assert_eq!(service.rows_of("deployments").await, 0);
    let id = number_in(&service.post(&dana, DEPLOY, &[("release", "v1.0"), ("server", "web-1")]).await);
    says(
        &dana.get(&format!("/deployments/{id}")).await.unwrap(),
        &["It is next, as soon as a runner is free"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_is_for_who_does_more_than_read() {
    let world = World::quiet_with(|fleet| {
        let reads = json!({ "name": "readers", "users": ["remy"], "grants": [{ "permission": "read" }] });
        fleet["roles"][2]["github_teams"] = json!([]);
        fleet["roles"][2]["users"] = json!(["rosa"]);
        fleet["roles"].as_array_mut().unwrap().push(reads);
    });
    let service = Service::start_in(world).await;
    let dana = service.as_user("dana").await;
    dana.get(DEPLOY).await.unwrap();
    service.commit("v1.3", |_| {});
    let page = dana.get(DEPLOY).await.unwrap();
    assert!(!page.text().contains("v1.3"), "the mirror is fresh: {}", page.text());
    let page = dana.submit(&page, "Fetch now", &[]).await.unwrap();
    assert_eq!(page.main_page().as_deref(), Some("deploy"), "back where the button is");
    says(&page, &["v1.3", "Fetched just now"]);

    for (login, status) in [("rosa", 303), ("remy", 403), ("mallory", 404)] {
        let who = service.as_user(login).await;
        let page = service.post(&who, "/applications/shop/fetch", &[("back", "//evil.example")]).await;
        assert_eq!(page.status, status, "{login}: {}", page.text());
        if status == 303 {
            assert_eq!(page.header("location"), "/applications/shop", "and nowhere else");
        }
        // By the API it is the same, and no page offers what would be refused.
        let reply = service.calling_as(login).await.post("/applications/shop/fetch", &json!({})).await;
        assert_eq!(reply.status, if status == 303 { 200 } else { status }, "{login}");
        let page = who.get(DEPLOY).await.unwrap();
        assert_eq!(page.has_form("Fetch now"), status == 303, "{login}: {}", page.text());
    }
}
