//! Break-glass: who may, by which way, what is told and marked, and who signs.

use serde_json::json;

use super::says;
use crate::domain::deployment::DeploymentState::Succeeded;
use crate::domain::freeze::Level;
use crate::tests::harness::{Service, World, id_of, number_in, production};

const DEPLOY: &str = "/applications/shop/production/deploy";
const REASON: &str = "Checkout is down, and nobody who reviews answers.";

fn world(hosts: usize) -> World {
    let edit_fleet = Box::new(|fleet: &mut serde_json::Value| {
        fleet["roles"][1]["grants"] = json!([{ "permission": "deploy", "application": "shop" }]);
        // Closed on every day that a test can run on.
        let ics = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Never\nDTSTART;VALUE=DATE:20200101\nDURATION:P366D\nRRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR";
        fleet["calendars"] = json!([{
            "name": "office", "timezone": "Europe/Paris", "ics": ics,
            "weekly": [{ "days": ["mon"], "from": "08:00", "to": "18:00" }],
        }]);
        production(fleet)["calendar"] = json!("office");
    });
    World { hosts, edit_fleet, ..World::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fix_goes_out_at_night_everybody_is_told_and_somebody_else_signs() {
    let service = Service::start_in(world(1)).await;
    for login in ["ada", "remy"] {
        service.as_user(login).await;
    }
    let (dana, rosa) = (service.as_user("dana").await, service.as_user("rosa").await);
    let page = dana.get(&format!("{DEPLOY}?release=v1.0")).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("blocked"));
    says(
        &page,
        &[
            "Needs approval",
            "Outside the window",
            "Closed: Never.",
            "Request v1.0 instead",
            "In an emergency",
            "Break the glass…",
        ],
    );
    let page = dana.submit(&page, "Deploy v1.0 by override", &[("reason", REASON)]).await.unwrap();
    assert_eq!(page.main_page().as_deref(), Some("deployment"), "{}", page.text());
    let id = id_of(&page);
    let ended = service.ended(id).await;
    assert_eq!((ended.state, ended.overridden), (Succeeded, true), "{:?}", ended.why);
    assert_eq!(service.on_host(1, "version").unwrap(), b"v1.0\n");

    // Marked wherever the deployment shows.
    let page = dana.get(&format!("/deployments/{id}")).await.unwrap();
    says(&page, &["override", "dana broke the glass", REASON, "It stays open until somebody else"]);
    for list in ["/deployments", "/applications/shop/production"] {
        says(&dana.get(list).await.unwrap(), &["override"]);
    }
    let notes = format!("{:?}", service.journal(id).await);
    assert!(notes.contains("Override by dana: Checkout is down"), "{notes}");

    // Told at once, to everybody concerned.
    let mail = service.mail_about("[override] shop v1.0 → production (Dana Okafor)").await;
    let mut to = mail.to.clone();
    to.sort();
    let everybody = [
        "ada@example.com",
        "ops@example.com",
        "releases@example.com",
        "remy@example.com",
        "rosa@example.com",
        "shop@example.com",
    ];
    assert_eq!(to, everybody);
    assert!(mail.text().contains("Checkout is down"), "{}", mail.text());
    let end = service.mail_about("[succeeded] shop v1.0").await.text();
    assert!(
        end.split_whitespace().collect::<Vec<_>>().join(" ").contains("By break-glass, without approval"),
        "{end}"
    );

    // Never by who overrode; by who reviews there, with what they found.
    let path = format!("/deployments/{id}/sign");
    let page = service.post(&dana, &path, &[("comment", "Fine, I think.")]).await;
    assert_eq!(page.status, 403, "{}", page.text());
    says(&page, &["Somebody else has to sign it"]);
    assert_eq!(service.post(&service.as_user("mallory").await, &path, &[("comment", "x")]).await.status, 404);
    let page = rosa.get("/").await.unwrap();
    says(&page, &["An override waits to be signed", "Overrides to sign", "dana: Checkout is down"]);
    let long = "x".repeat(4_001);
    for (comment, words) in [("  ", "Say what you found"), (long.as_str(), "At most 4000 bytes")] {
        let page = service.post(&rosa, &path, &[("comment", comment)]).await;
        assert_eq!((page.status, page.main_page().as_deref()), (422, Some("deployment")), "{}", page.text());
        says(&page, &[words, "Nothing was signed"]);
        assert_eq!(page.value("comment").as_deref(), Some(comment), "what was typed is there");
    }
    let page = rosa.get(&format!("/deployments/{id}")).await.unwrap();
    let page = rosa.submit(&page, "Sign the override", &[("comment", "The fix is right.")]).await.unwrap();
    says(&page, &["Signed by rosa", "The fix is right."]);
    assert!(!rosa.get("/").await.unwrap().text().contains("Overrides to sign"));
    let ada = service.calling_as("ada").await;
    assert_eq!(ada.post(&path, &json!({ "comment": "Me too." })).await.problem(409), "conflict");
    let object = ada.get(&format!("/deployments/{id}")).await.ok();
    let overridden = &object["override"];
    assert_eq!(
        [&overridden["by"], &overridden["reason"], &overridden["signed_by"], &overridden["comment"]],
        [&json!("dana"), &json!(REASON), &json!("rosa"), &json!("The fix is right.")]
    );
    let trail = service.tables().await["audit_log"].join("\n");
    for action in ["deployment.overridden", "deployment.override_signed"] {
        assert_eq!(trail.matches(&format!("'{action}'")).count(), 1, "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_right_reason_session_or_need_nothing_is_overridden_and_a_lock_never_is() {
    let mut service = Service::start_in(World::quiet_with(|fleet| {
        fleet["roles"][1]["grants"] = json!([{ "permission": "deploy", "application": "shop" }]);
        fleet["roles"].as_array_mut().unwrap().push(json!({
            "name": "in-window", "users": ["remy"], "grants": [{ "permission": "deploy_in_window" }]
        }));
    }))
    .await;
    let (dana, remy) = (service.as_user("dana").await, service.as_user("remy").await);
    let wish = [("release", "v1.0"), ("break_glass", "1"), ("reason", REASON)];

    let page = remy.get(&format!("{DEPLOY}?release=v1.0")).await.unwrap();
    assert!(!page.text().contains("In an emergency"), "{}", page.text());
    let page = service.post(&remy, DEPLOY, &wish).await;
    assert_eq!(page.status, 403, "{}", page.text());
    says(&page, &["It takes the right to deploy here at any time"]);
    let page = service.post(&service.as_user("rosa").await, DEPLOY, &wish).await;
    assert_eq!(page.status, 403, "{}", page.text());

    let page =
        service.post(&dana, DEPLOY, &[("release", "v1.0"), ("break_glass", "1"), ("reason", " ")]).await;
    assert_eq!(page.status, 422);
    says(
        &page,
        &["Say why; everybody concerned is told at once", "Deploy v1.0 to production without approval?"],
    );
    let page = service.post(&dana, DEPLOY, &[("release", "v1.0"), ("reason", "Only a reason")]).await;
    assert_eq!(page.status, 422, "a reason alone breaks nothing");

    let caller = service.calling_as("dana").await;
    let path = "/applications/shop/environments/production/deployments";
    for field in ["break_glass", "reason", "override"] {
        let mut body = json!({ "release": "v1.0" });
        body[field] = json!(true);
        assert_eq!(caller.post(path, &body).await.wrong_fields(), [field]);
    }

    let freeze = service.freeze("shop", "", Level::Lock, "The disks are full.").await;
    let page = dana.get(&format!("{DEPLOY}?release=v1.0")).await.unwrap();
    says(&page, &["Not now: shop is frozen"]);
    let page = service.post(&dana, DEPLOY, &wish).await;
    assert_eq!(page.status, 409, "{}", page.text());
    says(&page, &["shop is frozen"]);
    service.unfreeze(freeze).await;
    assert_eq!((service.rows_of("deployments").await, service.rows_of("overrides").await), (0, 0));

    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(0)).await;
    let page = service.post(&dana, DEPLOY, &wish).await;
    assert_eq!(page.status, 422, "{}", page.text());
    says(&page, &["Nothing is to be overridden"]);
    assert_eq!(service.rows_of("overrides").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_comes_while_an_override_waits_cancels_it_and_it_still_has_to_be_signed() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        fleet["roles"][1]["grants"] = json!([{ "permission": "deploy", "application": "shop" }]);
    }))
    .await;
    let dana = service.as_user("dana").await;
    let wish = [("release", "v1.0"), ("break_glass", "1"), ("reason", REASON)];
    let id = number_in(&service.post(&dana, DEPLOY, &wish).await);
    service.freeze("", "", Level::Lock, "The disks are full.").await;
    let (_, checked) = service.pick_up().await;
    assert!(
        matches!(&checked, crate::app::check_start::Checked::Stopped { why } if why.contains("Everything is frozen")),
        "{checked:?}"
    );
    let rosa = service.as_user("rosa").await;
    says(&rosa.get("/").await.unwrap(), &["Overrides to sign"]);
    // A retry is no override: it asks for approval like every other start.
    let page = service.post(&dana, &format!("/deployments/{id}/retry"), &[]).await;
    assert_eq!(page.status, 409, "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_sign_is_reminded_once_a_day_until_somebody_has() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        fleet["roles"][1]["grants"] = json!([{ "permission": "deploy", "application": "shop" }]);
    }))
    .await;
    let dana = service.as_user("dana").await;
    service.as_user("rosa").await;
    service.keep_house().await;
    let wish = [("release", "v1.0"), ("break_glass", "1"), ("reason", REASON)];
    let id = number_in(&service.post(&dana, DEPLOY, &wish).await);
    let reminded = async || {
        service.keep_house().await;
        service.deliver().await;
        let mails = service.mail.mails();
        mails.iter().filter(|mail| mail.subject().starts_with("[override not signed]")).count()
    };
    assert_eq!(reminded().await, 0);
    service.advance(jiff::SignedDuration::from_hours(25));
    assert_eq!(reminded().await, 1);
    assert_eq!(reminded().await, 1, "once a day");
    service.advance(jiff::SignedDuration::from_hours(25));
    assert_eq!(reminded().await, 2);
    let rosa = service.as_user("rosa").await;
    let sign = format!("/deployments/{id}/sign");
    let page = service.post(&rosa, &sign, &[("comment", "Seen.")]).await;
    assert_eq!(page.status, 409, "there is nothing to look back on: {}", page.text());
    let dana = service.as_user("dana").await;
    service.post(&dana, &format!("/deployments/{id}/cancel"), &[("when", "now")]).await;
    let page = service.post(&rosa, &sign, &[("comment", "Seen.")]).await;
    assert_eq!(page.status, 303, "{}", page.text());
    service.advance(jiff::SignedDuration::from_hours(25));
    assert_eq!(reminded().await, 2);
}
