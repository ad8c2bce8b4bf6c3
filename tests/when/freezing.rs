//! Freezes by page and API: who may set them, what the forms say, where they show, and
//! that every way to a start is closed by a lock.

use serde_json::{Value, json};

use super::says;
use crate::domain::freeze::Level;
use crate::tests::harness::{Service, World, production};
use crate::tests::support::browser::Browser;

pub(super) const REASON: &str = "Black Friday: nothing moves.";

pub(super) async fn quiet() -> Service {
    Service::start_in(World::quiet_with(|fleet| {
        fleet["roles"][1]["grants"] = json!([{ "permission": "deploy", "application": "shop" }]);
    }))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_closes_every_way_to_a_start_and_shows_on_every_page_concerned() {
    let mut service = quiet().await;
    let approved = service.approved("v1.0").await;
    let ada = service.as_user("ada").await;
    let page = ada.get("/admin").await.unwrap();
    assert_eq!(page.attributes("a[href='/admin/freezes']", "href").len(), 1);
    let page = ada.get("/admin/freezes").await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("clear"));
    let fields = [("application", "shop"), ("environment", "production"), ("reason", REASON)];
    let fields = [&fields[..], &[("until", "2031-01-02 08:00")]].concat();
    let page = ada.submit(&page, "Set this freeze", &fields).await.unwrap();
    assert_eq!(
        (page.main_page().as_deref(), page.main_state().as_deref()),
        (Some("freeze"), Some("current"))
    );
    let freeze = crate::tests::harness::id_of(&page);

    let dana = &approved.dana;
    let launch = crate::tests::harness::furnished::path_of(&approved.launch);
    let places = [
        "/".to_owned(),
        "/applications".to_owned(),
        "/requests".to_owned(),
        "/deployments".to_owned(),
        "/applications/shop".to_owned(),
        "/applications/shop/production".to_owned(),
        "/applications/shop/production/deploy?release=v1.0".to_owned(),
        "/applications/shop/production/preview?release=v1.0".to_owned(),
        "/requests/new?application=shop&environment=production&tag=v1.1".to_owned(),
        format!("/requests/{}", approved.request),
        launch.clone(),
    ];
    for place in places {
        let page = dana.get(&place).await.unwrap();
        says(&page, &["shop production is frozen", REASON, "ada", "it ends"]);
        assert_eq!(page.select("[data-freeze='lock']").len(), 1, "{place}");
    }
    // Not where it does not concern anything.
    assert_eq!(dana.get("/servers").await.unwrap().select("[data-freeze]").len(), 0);

    let page = dana.get(&launch).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (409, Some("blocked")), "{}", page.text());
    let before = service.rows_of("deployments").await;
    for path in [launch.clone(), format!("/requests/{}/start", approved.request)] {
        let page = service.post(dana, &path, &[]).await;
        assert_eq!(page.status, 409, "{path}: {}", page.text());
        says(&page, &["shop production is frozen"]);
    }
    let caller = service.calling_as("dana").await;
    let reply = caller.post(&format!("/requests/{}/launch", approved.request), &json!({})).await;
    assert_eq!((reply.problem(409), codes(&reply.body)), ("stopped", vec!["freeze"]));
    // Without approval too, by page and API, and administrators are bound as well.
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(0)).await;
    for who in ["dana", "ada"] {
        let caller = service.calling_as(who).await;
        let path = "/applications/shop/environments/production/deployments";
        let reply = caller.post(path, &json!({ "release": "v1.0" })).await;
        assert_eq!((reply.problem(409), codes(&reply.body)), ("stopped", vec!["freeze"]), "{who}");
        let browser = service.as_user(who).await;
        let page =
            service.post(&browser, "/applications/shop/production/deploy", &[("release", "v1.0")]).await;
        assert_eq!((page.status, page.main_state().as_deref()), (409, Some("blocked")), "{}", page.text());
    }
    assert_eq!(service.rows_of("deployments").await, before);
    // To ask and to review is only warned of.
    let page = service.ask_by_hand(dana, "v1.1", &[]).await;
    assert_eq!(page.status, 303, "{}", page.text());

    let page = ada.get(&format!("/admin/freezes/{freeze}")).await.unwrap();
    let page = ada.submit(&page, "Lift this freeze", &[]).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("ended"));
    says(&page, &["ada lifted it"]);
    assert_eq!(dana.get("/").await.unwrap().select("[data-freeze]").len(), 0);
    let page = service.post(dana, &launch, &[]).await;
    assert_eq!(page.status, 303, "{}", page.text());
}

fn codes(problem: &Value) -> Vec<&str> {
    problem["gates"].as_array().unwrap().iter().map(|gate| gate["code"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_to_start_is_mailed_when_it_is_held_up_and_when_it_no_longer_is() {
    let service = quiet().await;
    service.approved("v1.0").await;
    let warning = service.freeze("shop", "", Level::Warning, "Mind the auditors.").await;
    let freeze = service.freeze("shop", "", Level::Lock, REASON).await;
    service.deliver().await;
    let mail = service.mail_about("[frozen] shop v1.0 → production").await;
    assert_eq!(mail.to, ["dana@example.com"]);
    let text = mail.text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("shop is frozen until an administrator lifts it") && text.contains(REASON),
        "{text}"
    );
    assert!(text.contains("The approval stands until"), "{text}");
    service.unfreeze(freeze).await;
    service.unfreeze(warning).await;
    service.deliver().await;
    service.mail_about("[freeze lifted] shop v1.0").await;
    let about = service.mail.mails().into_iter().filter(|mail| mail.subject().contains("fr")).count();
    assert_eq!(about, 2, "a warning is not mailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_says_beside_the_field_what_is_wrong_and_keeps_what_was_typed() {
    let service = quiet().await;
    let ada = service.as_user("ada").await;
    let rows: [(&str, &str, &str); 8] = [
        ("reason", "  ", "Say why"),
        ("application", "nothing", "There is no application nothing"),
        ("application", "../etc", "The name"),
        ("environment", "nowhere", "No application has an environment nowhere"),
        ("from", "tomorrow", "It must be a date and a time of day"),
        ("from", "2026-12-24", "It must be a date and a time of day"),
        ("until", "2020-01-01 08:00", "later than the beginning"),
        ("until", "2099-01-01 08:00", "more than five years"),
    ];
    for (field, value, words) in rows {
        let usual = [("reason", "Kept as typed"), ("level", "warning"), ("from", ""), ("until", "")];
        let fields: Vec<(&str, &str)> =
            usual.into_iter().filter(|(name, _)| *name != field).chain([(field, value)]).collect();
        let page = service.post(&ada, "/admin/freezes", &fields).await;
        assert_eq!(
            (page.status, page.main_state().as_deref()),
            (422, Some("invalid")),
            "{field}: {}",
            page.text()
        );
        says(&page, &["Nothing was changed", words]);
        let beside = page.select(&format!("#{field}-e"));
        assert_eq!(beside.len(), 1, "{field}: {}", page.text());
        if field != "reason" {
            assert_eq!(page.value("reason").as_deref().map(str::trim), Some("Kept as typed"));
        }
        assert_eq!(page.attributes("input[name='level'][checked]", "value"), ["warning"]);
    }
    let page = service.post(&ada, "/admin/freezes", &[("reason", "x"), ("author", "dana")]).await;
    assert_eq!(page.status, 422, "no field that the form does not have");
    assert_eq!(service.rows_of("freezes").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_administrators_do_not_undo_each_others_change_unseen() {
    let service = quiet().await;
    let ada = service.as_user("ada").await;
    let id = service.freeze("shop", "", Level::Lock, REASON).await;
    let first = ada.get(&format!("/admin/freezes/{id}")).await.unwrap();
    let second = ada.get(&format!("/admin/freezes/{id}")).await.unwrap();
    let page = ada.submit(&first, "Save the change", &[("until", "2031-01-01 08:00")]).await.unwrap();
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(page.value("until").as_deref(), Some("2031-01-01 08:00"));
    let page = ada.submit(&second, "Save the change", &[("reason", "Another.")]).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (409, Some("conflict")), "{}", page.text());
    says(&page, &["Somebody else changed this freeze meanwhile", "2031", REASON]);
    assert_eq!(page.value("reason").as_deref().map(str::trim), Some("Another."), "what was typed is there");
    says(&ada.get(&format!("/admin/freezes/{id}")).await.unwrap(), &[REASON]);
    let over = ada.submit(&page, "Save mine over it", &[]).await.unwrap();
    assert_eq!((over.status, over.main_state().as_deref()), (200, Some("current")), "{}", over.text());
    says(&over, &["Another."]);

    // A version that is none is no way around it; none at all means what stands now.
    let path = format!("/admin/freezes/{id}");
    let fields = [("application", "shop"), ("level", "lock"), ("reason", "By hand.")];
    let page = service.post(&ada, &path, &[&fields[..], &[("version", "zzz")]].concat()).await;
    assert_eq!((page.status, page.value("reason").as_deref().map(str::trim)), (422, Some("By hand.")));
    assert_eq!(service.post(&ada, &path, &fields).await.status, 303);

    let late = ada.get(&path).await.unwrap();
    service.unfreeze(id).await;
    let late = ada.submit(&late, "Save the change", &[("reason", "Too late.")]).await.unwrap();
    assert_eq!((late.status, late.main_state().as_deref()), (409, Some("conflict")), "{}", late.text());
    says(&late, &["command:root lifted it already"]);
    let anew = ada.submit(&late, "Set this freeze", &[]).await.unwrap();
    assert_eq!((anew.status, anew.main_state().as_deref()), (200, Some("current")), "{}", anew.text());
    says(&anew, &["Too late."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_says_its_end_in_the_zone_that_the_house_reads_times_in() {
    let edit_config = Box::new(|config: &mut Value| config["timezone"] = json!("Europe/Paris"));
    let service = Service::start_in(World { edit_config, ..World::quiet() }).await;
    let ada = service.calling_as("ada").await;
    let wanted = json!({ "reason": REASON, "level": "lock", "until": "2031-01-02T08:00:00Z" });
    assert_eq!(ada.post("/freezes", &wanted).await.status, 201);
    let deployments = "/applications/shop/environments/production/deployments";
    let refused = ada.post(deployments, &json!({ "release": "v1.0" })).await;
    assert!(refused.page.html.contains("2 Jan 2031, 09:00 (Europe/Paris)"), "{}", refused.page.html);
}

/// The form shows minutes; what was set to the second by API or command stays so.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_is_not_touched_in_the_form_stays_to_its_second() {
    let service = quiet().await;
    let ada = service.calling_as("ada").await;
    let times = json!({ "from": "2031-01-01T08:00:30.25Z", "until": "2031-01-02T08:00:59Z" });
    let wanted = json!({ "reason": REASON, "level": "lock", "from": times["from"], "until": times["until"] });
    let id = ada.post("/freezes", &wanted).await.body["id"].as_i64().unwrap();
    let browser = service.as_user("ada").await;
    let form = browser.get(&format!("/admin/freezes/{id}")).await.unwrap();
    browser.submit(&form, "Save the change", &[("reason", "Another.")]).await.unwrap();
    let one = ada.get(&format!("/freezes/{id}")).await.ok();
    assert_eq!(
        (&one["from"], &one["until"], &one["reason"]),
        (&times["from"], &times["until"], &json!("Another."))
    );
    let form = browser.get(&format!("/admin/freezes/{id}")).await.unwrap();
    browser.submit(&form, "Save the change", &[("until", "2031-01-02 09:00")]).await.unwrap();
    let one = ada.get(&format!("/freezes/{id}")).await.ok();
    assert_eq!((&one["from"], &one["until"]), (&times["from"], &json!("2031-01-02T09:00:00Z")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_of_a_place_that_is_gone_is_never_widened_by_its_form() {
    let service = quiet().await;
    let ada = service.as_user("ada").await;
    for (application, environment) in [("shop", ""), ("shop", "production"), ("", "production")] {
        let id = service.freeze(application, environment, Level::Lock, REASON).await;
        // As a fleet file of before left it.
        let name = |text: &str| {
            (!text.is_empty()).then(|| text.replace("shop", "gone").replace("production", "lost"))
        };
        service.move_freeze(id, name(application).as_deref(), name(environment).as_deref()).await;
        let page = ada.get(&format!("/admin/freezes/{id}")).await.unwrap();
        says(&page, &["no longer exists"]);
        let page = ada.submit(&page, "Save the change", &[("reason", "Still.")]).await.unwrap();
        assert_eq!(page.status, 200, "{}", page.text());
        let freeze = service.calling_as("ada").await.get(&format!("/freezes/{id}")).await.ok();
        let place = |text: &str| name(text).map_or(Value::Null, Value::from);
        assert_eq!(
            (&freeze["application"], &freeze["environment"]),
            (&place(application), &place(environment))
        );
        assert_eq!(freeze["reason"], "Still.");
        // To another place that is none it does not go.
        let fields = [("application", "nowhere"), ("reason", "x"), ("version", "")];
        let page = service.post(&ada, &format!("/admin/freezes/{id}"), &fields).await;
        assert_eq!(page.status, 422, "{}", page.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_set_and_lift_and_readers_see_what_concerns_them() {
    let service = quiet().await;
    let (dana, mallory) = (service.as_user("dana").await, service.as_user("mallory").await);
    let of_shop = service.freeze("shop", "", Level::Warning, REASON).await;
    for browser in [&dana, &mallory] {
        assert_eq!(browser.get("/admin/freezes").await.unwrap().status, 403);
        assert_eq!(browser.get(&format!("/admin/freezes/{of_shop}")).await.unwrap().status, 403);
        assert_eq!(refused(&service, browser, of_shop).await, [403, 403, 403]);
    }
    assert_eq!(dana.get("/").await.unwrap().select("[data-freeze='warning']").len(), 1);
    assert_eq!(mallory.get("/").await.unwrap().select("[data-freeze]").len(), 0, "she reads nothing of it");

    let (dana, mallory) = (service.calling_as("dana").await, service.calling_as("mallory").await);
    let wanted = json!({ "reason": "mine", "level": "lock" });
    assert_eq!(dana.post("/freezes", &wanted).await.problem(403), "forbidden");
    let json = [("content-type", "application/json")];
    let path = format!("/freezes/{of_shop}");
    assert_eq!(dana.send("PUT", &path, &json, &wanted.to_string()).await.problem(403), "forbidden");
    assert_eq!(dana.send("DELETE", &path, &[], "").await.problem(403), "forbidden");
    assert_eq!(dana.get("/freezes").await.ok()["items"][0]["id"], json!(of_shop));
    assert_eq!(dana.get(&path).await.ok()["reason"], json!(REASON));
    assert_eq!(mallory.get("/freezes").await.ok()["items"], json!([]));
    assert_eq!(mallory.get(&path).await.problem(404), "not_found");
    assert_eq!(service.rows_of("freezes").await, 1);
}

async fn refused(service: &Service, browser: &Browser, id: i64) -> [u16; 3] {
    let fields = [("reason", "mine"), ("level", "lock")];
    [
        service.post(browser, "/admin/freezes", &fields).await.status,
        service.post(browser, &format!("/admin/freezes/{id}"), &fields).await.status,
        service.post(browser, &format!("/admin/freezes/{id}/lift"), &[]).await.status,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_sets_reads_changes_and_lifts_and_each_is_on_record() {
    let service = quiet().await;
    let ada = service.calling_as("ada").await;
    let json = [("content-type", "application/json")];
    let wanted = json!({
        "application": "shop", "environment": null, "reason": REASON, "level": "lock",
        "until": "2031-01-02T08:00:00Z",
    });
    let made = ada.post("/freezes", &wanted).await;
    assert_eq!(made.status, 201, "{}", made.page.html);
    let id = made.body["id"].as_i64().unwrap();
    assert_eq!(made.page.header("location"), format!("/api/v1/freezes/{id}"));
    assert_eq!(
        crate::tests::harness::api::keys(&made.body),
        [
            "id",
            "application",
            "environment",
            "reason",
            "level",
            "from",
            "until",
            "state",
            "author",
            "changed_by",
            "created_at",
            "lifted_by",
            "lifted_at"
        ]
    );
    assert_eq!((&made.body["state"], &made.body["author"]), (&json!("current"), &json!("ada")));
    assert_eq!(made.body["from"], made.body["created_at"]);

    for (field, value) in [
        ("reason", json!("")),
        ("reason", json!(" \u{200b}\u{3164}\u{2800} ")),
        ("level", json!("soft")),
        ("application", json!("nothing")),
        ("until", json!("tomorrow")),
        ("surprise", json!(1)),
    ] {
        let mut wrong = wanted.clone();
        wrong[field] = value;
        assert_eq!(ada.post("/freezes", &wrong).await.wrong_fields(), [field]);
    }
    let path = format!("/freezes/{id}");
    let other = json!({ "application": "shop", "reason": "Only a word.", "level": "warning" });
    let changed = ada.send("PUT", &path, &json, &other.to_string()).await.ok();
    assert_eq!((&changed["level"], &changed["until"]), (&json!("warning"), &Value::Null));
    assert_eq!(changed["from"], made.body["from"], "its beginning stays where none is given");
    assert_eq!((&changed["author"], &changed["changed_by"]), (&json!("ada"), &json!("ada")));
    assert_eq!(ada.send("DELETE", &path, &[], "").await.status, 204);
    let lifted = ada.get(&path).await.ok();
    assert_eq!((&lifted["state"], &lifted["lifted_by"]), (&json!("ended"), &json!("ada")));
    assert_eq!(ada.send("DELETE", &path, &[], "").await.problem(409), "conflict");
    assert_eq!(ada.send("PUT", &path, &json, &other.to_string()).await.problem(409), "conflict");
    assert_eq!(ada.get("/freezes?state=current").await.ok()["items"], json!([]));
    assert_eq!(ada.get("/freezes?state=ended&limit=1").await.ok()["items"].as_array().unwrap().len(), 1);
    let trail = service.tables().await["audit_log"].join("\n");
    for action in ["freeze.set", "freeze.changed", "freeze.lifted"] {
        assert_eq!(trail.matches(&format!("'{action}'")).count(), 1, "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_follows_the_application_and_the_environment_that_are_renamed() {
    let mut service = quiet().await;
    let id = service.freeze("shop", "production", Level::Lock, REASON).await;
    service
        .apply(|fleet| {
            fleet["applications"][0]["name"] = json!("store");
            fleet["applications"][0]["was"] = json!("shop");
            production(fleet)["name"] = json!("live");
            production(fleet)["was"] = json!("production");
            fleet["roles"][1]["grants"] = json!([{ "permission": "deploy" }]);
        })
        .await;
    let freeze = service.calling_as("ada").await.get(&format!("/freezes/{id}")).await.ok();
    assert_eq!((&freeze["application"], &freeze["environment"]), (&json!("store"), &json!("live")));
    let dana = service.as_user("dana").await;
    let page = dana.get("/applications/store/live").await.unwrap();
    says(&page, &["store live is frozen"]);
    let page = service.post(&dana, "/applications/store/live/deploy", &[("release", "v1.0")]).await;
    assert_eq!(page.status, 409, "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_one_state_is_full_of_it() {
    let service = quiet().await;
    let ada = service.calling_as("ada").await;
    let mut current = Vec::new();
    for number in 0..4 {
        current.push(service.freeze("shop", "production", Level::Warning, REASON).await);
        let ended = service.freeze("shop", "production", Level::Warning, &format!("{REASON} {number}")).await;
        service.unfreeze(ended).await;
    }
    current.reverse();
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = ada.get(&format!("/freezes?state=current&limit=2{after}")).await.ok();
        let items = page["items"].as_array().unwrap().clone();
        assert_eq!(items.len(), 2, "{page}");
        found.extend(items.iter().map(|item| item["id"].as_i64().unwrap()));
        if page["next"].is_null() {
            break;
        }
        after = format!("&after={}", page["next"]);
    }
    assert_eq!(found, current);
}
