//! Who is held up by a freeze: what they are mailed when it is changed and with their
//! link, which end of it a time is, and names that lead out of it.

use serde_json::{Value, json};

use super::freezing::{REASON, quiet};
use super::says;
use crate::app::apply_fleet::{ApplyError, Options, apply_fleet};
use crate::domain::freeze::{Edge, Level, instant};
use crate::tests::harness::{Service, World, production};

/// The text of the newest mail about this, without its line ends.
async fn mailed(service: &Service, about: &str) -> String {
    service.deliver().await;
    service.mail_about(about).await.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_let_go_by_a_change_of_the_freeze_is_told_and_whose_change_it_was() {
    let mut service = quiet().await;
    service.approved("v1.0").await;
    let freeze = service.freeze("shop", "production", Level::Warning, REASON).await;
    let (ada, json) = (service.calling_as("ada").await, [("content-type", "application/json")]);
    let to = async |application: &str, environment: Value, level: &str| {
        let wanted = json!({
            "application": application, "environment": environment, "level": level, "reason": REASON,
        });
        ada.send("PUT", &format!("/freezes/{freeze}"), &json, &wanted.to_string()).await.ok()
    };
    // Another one makes a lock of it, and answers for that.
    let locked = to("shop", json!("production"), "lock").await;
    assert_eq!((&locked["author"], &locked["changed_by"]), (&json!("command:root"), &json!("ada")));
    let people = "Frozen by command:root, changed by ada";
    let text = mailed(&service, "[frozen] shop v1.0").await;
    assert!(text.contains(people), "{text}");
    let dana = service.as_user("dana").await;
    says(&dana.get("/applications/shop/production").await.unwrap(), &["command:root, changed by ada"]);
    let body = json!({ "release": "v1.0" });
    let caller = service.calling_as("dana").await;
    let reply = caller.post("/applications/shop/environments/production/deployments", &body).await;
    assert!(reply.page.html.contains(people), "{}", reply.page.html);

    let other = service.freeze("shop", "", Level::Lock, "The auditors are here.").await;
    to("shop", json!("production"), "warning").await;
    let text = mailed(&service, "[no longer frozen] shop v1.0").await;
    for words in [
        "The freeze was changed and no longer holds it up.",
        "still waits: shop is frozen until an administrator lifts it.",
        "Changed by ada.",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    service.unfreeze(other).await;
    service.deliver().await;
    // Moved to another place: the same news.
    to("shop", json!("production"), "lock").await;
    service.deliver().await;
    service
        .apply(|fleet| {
            let mut vault = fleet["applications"][0].clone();
            vault["name"] = json!("vault");
            fleet["applications"].as_array_mut().unwrap().push(vault);
        })
        .await;
    to("vault", Value::Null, "lock").await;
    service.deliver().await;
    let told: Vec<_> = service
        .mail
        .mails()
        .into_iter()
        .filter(|mail| mail.subject().contains("[no longer frozen]"))
        .collect();
    assert_eq!(told.len(), 2);
    let last = told[1].text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(last.contains("no longer holds it up: your accepted release"), "{last}");
}

/// The link may be good, and the start is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_mail_with_the_link_says_what_holds_the_start_up() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        // Closed for the last minute of each hour: no window is as long as a slot.
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let hour =
            |hour| json!({ "days": days, "from": format!("{hour:02}:00"), "to": format!("{hour:02}:59") });
        let weekly: Vec<Value> = (0..24).map(hour).collect();
        fleet["calendars"] = json!([{ "name": "short", "timezone": "UTC", "weekly": weekly }]);
        production(fleet)["calendar"] = json!("short");
    }))
    .await;
    service.freeze("", "production", Level::Lock, REASON).await;
    service.approved("v1.0").await;
    let text = mailed(&service, "[accepted] shop v1.0").await;
    for words in [
        "The link works",
        "The window ends before, at",
        "But Every production is frozen until an administrator lifts it: nothing starts then.",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

/// In Paris the clock shows 02:30 twice on 25 October 2026, and not at all on 29 March.
#[test]
fn a_time_that_the_clock_shows_twice_or_never_freezes_for_longer() {
    let at = |text, edge| instant(text, "Europe/Paris", edge).unwrap().to_string();
    assert_eq!(at("2026-10-25 02:30", Edge::From), "2026-10-25T00:30:00Z");
    assert_eq!(at("2026-10-25 02:30", Edge::Until), "2026-10-25T01:30:00Z");
    assert_eq!(at("2026-03-29 02:30", Edge::From), "2026-03-29T00:30:00Z");
    assert_eq!(at("2026-03-29 02:30", Edge::Until), "2026-03-29T01:30:00Z");
    assert_eq!(at("2026-10-24 02:30", Edge::From), at("2026-10-24 02:30", Edge::Until));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_is_no_way_out_of_a_lock_on_every_environment_of_a_name() {
    let service = quiet().await;
    let (ada, json) = (service.calling_as("ada").await, [("content-type", "application/json")]);
    let path = "/applications/shop/environments/production";
    let mut renamed = ada.get(path).await.ok();
    renamed["name"] = json!("live");
    let freeze = service.freeze("", "production", Level::Lock, REASON).await;
    let reply = ada.send("PUT", path, &json, &renamed.to_string()).await;
    assert_eq!(reply.problem(409), "conflict");
    let words = format!("keeps its name meanwhile: freeze {freeze} is on every environment production");
    assert!(reply.page.html.contains(&words), "{}", reply.page.html);
    let mut file = service.fleet.clone();
    production(&mut file)["name"] = json!("live");
    production(&mut file)["was"] = json!("production");
    let applied = apply_fleet(&service.app, "command", &file, Options::default()).await;
    let Err(ApplyError::Invalid(problems)) = applied else { panic!("{applied:?}") };
    assert!(
        problems.iter().any(|problem| problem.message.contains("cannot be renamed meanwhile")),
        "{problems:?}"
    );
    service.unfreeze(freeze).await;
    assert_eq!(ada.send("PUT", path, &json, &renamed.to_string()).await.status, 200);
}
