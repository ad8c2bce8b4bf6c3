//! What a repository offers: tags, branches, commits, patches.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::town::{deployers, direct, member};
use crate::tests::harness::api::keys;
use crate::tests::harness::{Service, World, release, shop};

fn named<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
}

fn commit_of(service: &Service, tag: &str) -> String {
    service.repository.git(["rev-parse", &format!("{tag}^{{commit}}")]).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_and_branches_are_listed_from_a_mirror_that_is_fetched_when_it_is_old() {
    let service = Service::start_in(World::quiet()).await;
    let dana = member(&service, "dana").await;
    let list = dana.get("/applications/shop/tags").await.ok();
    assert_eq!(keys(&list), ["items", "next", "fetched_at", "problem"]);
    assert_eq!((named(&list, "name"), &list["problem"]), (vec!["v1.2", "v1.1", "v1.0"], &Value::Null));
    assert_eq!(keys(&list["items"][0]), ["name", "commit", "object", "author", "at", "message"]);
    assert_eq!(list["items"][2]["commit"], json!(commit_of(&service, "v1.0")));
    let page = dana.get("/applications/shop/tags?limit=2").await.ok();
    assert_eq!((named(&page, "name"), &page["next"]), (vec!["v1.2", "v1.1"], &json!("v1.1")));
    let page = dana.get("/applications/shop/tags?limit=2&after=v1.1").await.ok();
    assert_eq!((named(&page, "name"), &page["next"]), (vec!["v1.0"], &Value::Null));
    assert_eq!(dana.get("/applications/shop/tags?after=v0").await.wrong_fields(), ["after"]);

    service.repository.branch("next", &commit_of(&service, "v1.1"));
    release(&service.repository, "v1.3", 3);
    assert_eq!(
        dana.get("/applications/shop/tags").await.ok()["items"].as_array().unwrap().len(),
        3,
        "it is new"
    );
    let fetched = dana.post("/applications/shop/fetch", &json!({})).await.ok();
    assert_eq!(keys(&fetched), ["fetched_at"]);
    assert_eq!(named(&dana.get("/applications/shop/tags").await.ok(), "name")[0], "v1.3");
    let branches = dana.get("/applications/shop/branches").await.ok();
    let next = branches["items"].as_array().unwrap().iter().find(|item| item["name"] == "next").unwrap();
    assert_eq!(next["commit"], json!(commit_of(&service, "v1.1")));
    release(&service.repository, "v1.4", 4);
    service.advance(SignedDuration::from_secs(31));
    assert_eq!(named(&dana.get("/applications/shop/tags").await.ok(), "name")[0], "v1.4");

    // A repository that is away: the old list, its age and why; to fetch fails.
    std::fs::rename(service.repository.path(), service.path().join("away")).unwrap();
    service.advance(SignedDuration::from_secs(31));
    let old = dana.get("/applications/shop/tags").await.ok();
    assert!(named(&old, "name").len() == 5 && old["problem"].is_string(), "{old}");
    assert_eq!(dana.post("/applications/shop/fetch", &json!({})).await.problem(503), "unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_is_between_two_full_commits_of_that_application() {
    let mut service = Service::start_in(World::quiet()).await;
    let vault = shop(&service.path().join("vault"));
    let foreign = release(&vault, "v9.0", 9);
    let address = vault.address();
    service
        .apply(|fleet| {
            let mut application = fleet["applications"][0].clone();
            (application["name"], application["repository"]) = (json!("vault"), json!(address));
            fleet["applications"].as_array_mut().unwrap().push(application);
        })
        .await;
    let (dana, ada) = (member(&service, "dana").await, service.calling_as("ada").await);
    let (from, to) = (commit_of(&service, "v1.0"), commit_of(&service, "v1.1"));
    let diff = dana.get(&format!("/applications/shop/diff?from={from}&to={to}")).await.ok();
    assert_eq!(keys(&diff), ["from", "to", "stat", "files", "patch"]);
    assert_eq!((&diff["from"], &diff["to"]), (&json!(from), &json!(to)));
    assert_eq!(diff["stat"]["files"], 2);
    assert!(named_paths(&diff).contains(&"src/payment.py"), "{diff}");
    assert!(diff["patch"].as_str().unwrap().contains("+def pay(amount):"), "{diff}");
    let whole = dana.get(&format!("/applications/shop/diff?to={to}")).await.ok();
    assert_eq!(whole["from"], Value::Null);

    let short = &from[..7];
    let reply = dana.get(&format!("/applications/shop/diff?from={short}&to={to}")).await;
    assert_eq!(reply.wrong_fields(), ["from"], "a shortened commit");
    assert_eq!(dana.get("/applications/shop/diff?to=v1.1").await.wrong_fields(), ["to"]);
    assert_eq!(dana.get("/applications/shop/diff").await.wrong_fields(), ["to"]);
    // Known to the service, but of another application.
    ada.get(&format!("/applications/vault/diff?to={foreign}")).await.ok();
    for path in [format!("from={from}&to={foreign}"), format!("from={foreign}&to={to}")] {
        let reply = ada.get(&format!("/applications/shop/diff?{path}")).await;
        assert_eq!(reply.problem(404), "not_found", "{path}");
    }
    for path in ["tags", "branches", &format!("diff?to={foreign}")] {
        assert_eq!(
            dana.get(&format!("/applications/vault/{path}")).await.problem(404),
            "not_found",
            "{path}"
        );
    }
    assert_eq!(dana.post("/applications/vault/fetch", &json!({})).await.problem(404), "not_found");
    assert_eq!(dana.get("/servers/nosuch/releases").await.problem(404), "not_found");
    let mallory = service.calling_as("mallory").await;
    assert_eq!(mallory.get("/servers/web-1/releases").await.problem(404), "not_found");
}

fn named_paths(diff: &Value) -> Vec<&str> {
    diff["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_commit_says_whether_the_caller_may_deploy_it_and_why_not() {
    let mut service = Service::start_in(World::quiet_with(direct)).await;
    service.repository.tag("nightly", &commit_of(&service, "v1.2"));
    service.record_live("web-1", "v1.1").await;
    let path = "/applications/shop/environments/production/commits";
    let (drew, dana) = (service.calling_as("drew").await, member(&service, "dana").await);
    let list = drew.get(path).await.ok();
    let item = |list: &Value, release: &str| {
        let items = list["items"].as_array().unwrap();
        items.iter().find(|item| item["release"] == release).cloned().unwrap()
    };
    let (newer, same, older) = (item(&list, "v1.2"), item(&list, "v1.1"), item(&list, "v1.0"));
    assert_eq!(
        keys(&newer),
        ["release", "commit", "author", "at", "summary", "direction", "deployable", "gates"]
    );
    assert_eq!((&newer["direction"], &newer["deployable"]), (&json!("forward"), &json!(true)));
    assert_eq!((&same["direction"], &same["deployable"]), (&json!("redeploys"), &json!(true)));
    assert_eq!((&older["direction"], &older["deployable"]), (&json!("goes_back"), &json!(true)));
    let unfit = item(&list, "nightly");
    assert_eq!(
        (&unfit["deployable"], &unfit["gates"][0]["code"]),
        (&json!(false), &json!("release_allowed"))
    );
    let unfit = item(&dana.get(path).await.ok(), "v1.2");
    assert_eq!((&unfit["deployable"], &unfit["gates"][0]["code"]), (&json!(false), &json!("permission")));
    assert_eq!(named(&drew.get(&format!("{path}?limit=1")).await.ok(), "release"), ["v1.2"]);
    service
        .apply(|fleet| {
            fleet["roles"].as_array_mut().unwrap().truncate(3);
            deployers(fleet);
            crate::tests::harness::production(fleet)["deploy_from"] = json!({ "branch": "main" });
            crate::tests::harness::production(fleet)["approval"]["required"] = json!(1);
        })
        .await;
    let list = drew.get(path).await.ok();
    let head = &list["items"][0];
    assert_eq!((&head["release"], &head["gates"][0]["code"]), (&head["commit"], &json!("approval")));
}
