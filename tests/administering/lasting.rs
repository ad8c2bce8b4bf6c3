//! What a fleet file gave and what it did not: only the giver takes back (rules.md 32).

use serde_json::{Value, json};

use super::environment;
use crate::app::apply_fleet::{ApplyError, Options, apply_fleet, export_fleet};
use crate::tests::harness::{Service, World};

const PRUNE: Options = Options { dry_run: false, prune: true };

async fn managed_by(service: &Service, path: &str) -> String {
    service.calling_as("ada").await.get(path).await.page.header("x-managed-by").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn prune_takes_back_what_a_file_gave_and_nothing_else() {
    let mut service = Service::start_in(World::quiet_with(|fleet| {
        fleet["servers"].as_array_mut().unwrap().push(crate::tests::harness::server("web-2", 2));
    }))
    .await;
    let ada = service.calling_as("ada").await;
    ada.post("/servers", &json!({ "name": "by-hand", "host": "10.0.0.9" })).await;
    ada.post("/applications/shop/environments", &environment("qa")).await;
    ada.post(
        "/applications",
        &json!({ "name": "blog", "repository": "/srv/blog.git", "environments": [environment("qa")] }),
    )
    .await;
    assert_eq!(managed_by(&service, "/servers/web-2").await, "fleet-file");
    assert_eq!(managed_by(&service, "/servers/by-hand").await, "");
    assert_eq!(managed_by(&service, "/applications/shop/environments/qa").await, "");

    service.apply(|fleet| drop(fleet["servers"].as_array_mut().unwrap().pop())).await;
    assert_eq!(ada.get("/servers/web-2").await.problem(404), "not_found");
    for path in
        ["/servers/by-hand", "/applications/shop/environments/qa", "/applications/blog/environments/qa"]
    {
        assert_eq!(ada.get(path).await.status, 200, "{path}");
    }
    // A file that names it gives it from then on.
    service
        .apply(|fleet| {
            fleet["servers"].as_array_mut().unwrap().push(json!({ "name": "by-hand", "host": "10.0.0.9" }));
        })
        .await;
    assert_eq!(managed_by(&service, "/servers/by-hand").await, "fleet-file");
    service.apply(|fleet| drop(fleet["servers"].as_array_mut().unwrap().pop())).await;
    assert_eq!(ada.get("/servers/by-hand").await.problem(404), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_keeps_what_it_needs() {
    let mut service = Service::start_in(World::quiet_with(|fleet| {
        fleet["servers"].as_array_mut().unwrap().push(crate::tests::harness::server("web-2", 2));
    }))
    .await;
    let ada = service.calling_as("ada").await;
    ada.post("/clusters", &json!({ "name": "mine", "servers": [{ "server": "web-2" }] })).await;
    let before = service.rows().await;
    let mut file = service.fleet.clone();
    file["servers"].as_array_mut().unwrap().pop();
    let Err(ApplyError::Invalid(problems)) = apply_fleet(&service.app, "command", &file, PRUNE).await else {
        panic!("the cluster would name a server that is gone");
    };
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["cluster mine: servers[0].server: there is no server \"web-2\""]);
    assert_eq!(service.rows().await, before);

    // It follows when the file renames what it needs.
    service
        .apply(|fleet| {
            fleet["servers"][1]["name"] = json!("www-2");
            fleet["servers"][1]["was"] = json!("web-2");
        })
        .await;
    assert_eq!(ada.get("/clusters/mine").await.ok()["servers"], json!([{ "server": "www-2" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_gave_may_be_changed_here_until_the_file_comes_again() {
    let mut service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let mut server = ada.get("/servers/web-1").await.body;
    server["port"] = json!(2222);
    let changed = ada.put("/servers/web-1", &server).await;
    assert_eq!((changed.status, changed.page.header("x-managed-by")), (200, "fleet-file"));
    service.apply(|_| {}).await;
    assert_eq!(ada.get("/servers/web-1").await.ok()["port"], 1);
}

async fn holders(service: &Service, role: &str) -> Value {
    service.calling_as("ada").await.get(&format!("/roles/{role}")).await.ok()["users"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_given_a_role_here_keeps_it_when_the_file_comes_again() {
    let mut service = Service::start_in(World::quiet()).await;
    service.as_user("rosa").await;
    let (ada, rosa) = (service.calling_as("ada").await, service.calling_as("rosa").await);
    let mut admin = ada.get("/roles/admin").await.body;
    assert_eq!(admin["users"], json!(["ada"]));
    admin["users"] = json!(["ada", "rosa"]);
    ada.put("/roles/admin", &admin).await.ok();
    assert_eq!(rosa.get("/account").await.ok()["globals"], json!(["admin"]));
    service.apply(|_| {}).await;
    assert_eq!(holders(&service, "admin").await, json!(["ada", "rosa"]));
    let again = apply_fleet(&service.app, "command", &service.fleet, PRUNE).await.unwrap();
    assert_eq!(again.changes, [], "the same file again changes nothing");
    assert!(export_fleet(&service.app).await.unwrap().contains("\"rosa\""));

    // Whoever gave it, here it can be taken back, by somebody else; the file gives its
    // own again.
    admin["users"] = json!(["rosa"]);
    assert_eq!(ada.put("/roles/admin", &admin).await.wrong_fields(), ["users"], "not from herself");
    rosa.put("/roles/admin", &admin).await.ok();
    assert_eq!(holders_by(&rosa).await, json!(["rosa"]));
    service.apply(|_| {}).await;
    assert_eq!(holders(&service, "admin").await, json!(["ada", "rosa"]));
}

async fn holders_by(caller: &crate::tests::harness::api::Caller) -> Value {
    caller.get("/roles/admin").await.ok()["users"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_is_always_left() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    let nobody = json!({ "name": "admin", "users": [], "github_teams": [] });
    assert_eq!(ada.put("/roles/admin", &nobody).await.wrong_fields(), ["users"]);
    let before = service.rows_of("role_members").await;
    service.as_user("rosa").await;
    for wrong in [
        json!({ "users": ["nobody-is-this"] }),
        json!({ "users": ["rosa"] }),
        json!({ "github_teams": ["no-team"] }),
    ] {
        let mut object = nobody.clone();
        object.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        assert_eq!(ada.put("/roles/admin", &object).await.wrong_fields(), ["users"], "{wrong}");
    }
    assert_eq!(service.rows_of("role_members").await, before);
    // A bot that administers is nobody who can sign in.
    ada.put("/roles/admin", &json!({ "name": "admin", "users": ["ada", "rosa", "bot"] })).await.ok();
    let (rosa, bot) = (service.calling_as("rosa").await, service.calling_as("bot").await);
    rosa.put("/roles/admin", &json!({ "name": "admin", "users": ["rosa", "bot"] })).await.ok();
    assert_eq!(
        bot.put("/roles/admin", &json!({ "name": "admin", "users": ["bot"] })).await.wrong_fields(),
        ["users"]
    );
    assert_eq!(bot.put("/people/rosa", &json!({ "disabled": true })).await.problem(409), "conflict");
    assert_eq!(bot.put("/people/rosa", &json!({ "roles": [] })).await.problem(409), "conflict");
    // What makes another role one of administrators counts as well.
    bot.post("/roles", &json!({ "name": "root", "users": ["rosa"], "global": ["admin"] })).await;
    bot.put("/roles/admin", &json!({ "name": "admin", "users": ["bot"] })).await.ok();
    assert_eq!(bot.delete("/roles/root").await.problem(409), "conflict");
    rosa.put("/roles/admin", &json!({ "name": "admin", "users": ["ada"] })).await.ok();
    let other = json!({ "name": "root", "users": ["ada"] });
    assert_eq!(ada.put("/roles/admin", &other).await.wrong_fields(), ["name"]);
    let less = json!({ "name": "admin", "users": ["ada"], "global": ["read_all"] });
    assert_eq!(ada.put("/roles/admin", &less).await.wrong_fields(), ["global"]);
    assert_eq!(ada.get("/account").await.ok()["globals"], json!(["admin"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_never_takes_the_last_administrator_and_empties_what_it_leaves_out() {
    let mut service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    // Left out, the role admin keeps whom it has.
    let mut without = service.fleet.clone();
    without["roles"].as_array_mut().unwrap().retain(|role| role["name"] != "admin");
    without["servers"][0]["port"] = json!(7);
    let applied = apply_fleet(&service.app, "command", &without, PRUNE).await.unwrap();
    let objects: Vec<&str> = applied.changes.iter().map(|change| change.object.as_str()).collect();
    assert_eq!(objects, ["server web-1"]);
    assert_eq!(holders(&service, "admin").await, json!(["ada"]));

    // Named with nobody in it, it is refused, with and without --prune.
    let mut nobody = service.fleet.clone();
    nobody["roles"][0] = json!({ "name": "admin", "users": [] });
    for prune in [true, false] {
        for dry_run in [true, false] {
            let refused = apply_fleet(&service.app, "command", &nobody, Options { dry_run, prune }).await;
            let Err(ApplyError::Invalid(problems)) = refused else { panic!("{refused:?}") };
            assert!(problems[0].to_string().contains("nobody would administer any more"), "{problems:?}");
        }
    }
    assert_eq!(holders(&service, "admin").await, json!(["ada"]));
    // A name that nobody is bound to yet is somebody here: so a house is set up.
    nobody["roles"][0]["users"] = json!(["zoe"]);
    apply_fleet(&service.app, "command", &nobody, PRUNE).await.unwrap();
    nobody["roles"][0] = json!({ "name": "admin", "github_teams": ["ops"] });
    apply_fleet(&service.app, "command", &nobody, PRUNE).await.unwrap();
    service.apply(|_| {}).await;
    assert_eq!(holders(&service, "admin").await, json!(["ada"]));

    // What everybody may do goes with the file that said it.
    service
        .apply(|fleet| {
            let everybody = json!({ "name": "default", "grants": [{ "permission": "read" }] });
            fleet["roles"].as_array_mut().unwrap().push(everybody);
        })
        .await;
    let mut file = service.fleet.clone();
    file["roles"].as_array_mut().unwrap().retain(|role| role["name"] != "default");
    let applied = apply_fleet(&service.app, "command", &file, PRUNE).await.unwrap();
    let said: Vec<String> = applied.changes.iter().map(ToString::to_string).collect();
    assert!(said.len() == 1 && said[0].starts_with("change role default\n  grants: "), "{said:?}");
    assert_eq!(ada.get("/roles/default").await.ok()["grants"], json!([]));
    // What a page gives it from then on is not the file's to take.
    let own = json!({ "name": "default", "grants": [{ "permission": "read" }] });
    ada.put("/roles/default", &own).await.ok();
    let again = apply_fleet(&service.app, "command", &file, PRUNE).await.unwrap();
    assert_eq!(again.changes, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_the_anonymous_stays_with_every_file() {
    let service = Service::start_in(World {
        edit_config: Box::new(|config| config["anonymous_role"] = json!("developers")),
        ..World::quiet()
    })
    .await;
    for (edit, words) in [
        (json!(null), "role developers: cannot be removed: it is the anonymous_role of config.json"),
        (json!("makers"), "role developers: cannot be renamed: it is the anonymous_role of config.json"),
    ] {
        let mut file = service.fleet.clone();
        let roles = file["roles"].as_array_mut().unwrap();
        let place = roles.iter().position(|role| role["name"] == "developers").unwrap();
        let mut role = roles.remove(place);
        if edit.is_string() {
            (role["was"], role["name"]) = (role["name"].clone(), edit);
            roles.push(role);
        }
        let refused = apply_fleet(&service.app, "command", &file, PRUNE).await;
        let Err(ApplyError::Invalid(problems)) = refused else { panic!("{refused:?}") };
        assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), [words]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_for_a_place_that_there_is_none_of_is_said_and_taken() {
    let service = Service::start_in(World::quiet()).await;
    let mut file = service.fleet.clone();
    let grants = json!([
        { "permission": "read", "application": "shpo" },
        { "permission": "read", "application": "shop", "environment": "prodcution" },
        { "permission": "read", "environment": "prodcution" },
        { "permission": "read", "application": "shop", "environment": "production" },
    ]);
    file["roles"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": "typists", "users": ["rosa"], "grants": grants }));
    let applied = apply_fleet(&service.app, "command", &file, PRUNE).await.unwrap();
    assert_eq!(
        applied.warnings,
        [
            "role typists: there is no application shpo",
            "role typists: shop has no environment prodcution",
            "role typists: no application has an environment prodcution",
        ]
    );
    let ada = service.as_user("ada").await;
    let page = ada.get("/admin/roles/typists").await.unwrap();
    let page = ada.submit(&page, "Save", &[("users", "remy")]).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (200, Some("editing")), "{}", page.text());
    assert!(page.text().contains("There is no application shpo"), "{}", page.text());
    let page = ada.get("/admin/roles/developers").await.unwrap();
    assert!(!page.text().contains("for nothing"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_holds_a_role_that_was_removed_when_one_of_that_name_is_made_again() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.calling_as("ada").await;
    ada.post("/roles", &json!({ "name": "ops", "users": ["remy"] })).await;
    assert_eq!(ada.delete("/roles/ops").await.status, 204);
    let made = ada.post("/roles", &json!({ "name": "ops", "grants": [{ "permission": "deploy" }] })).await;
    assert_eq!((made.status, &made.body["users"]), (201, &json!([])));
    service.as_user("remy").await;
    let remy = service.calling_as("remy").await;
    assert_eq!(remy.get("/account").await.ok()["roles"], json!(["release-managers"]));
}
