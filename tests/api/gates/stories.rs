//! The story that closes each gate, and the calls that meet it closed.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Drive, Refused};
use crate::app::check_start::Checked;
use crate::domain::deployment::DeploymentState;
use crate::domain::freeze::Level;
use crate::tests::api::town::{DEPLOYMENTS, REQUESTS, begun, deployers, deploys, directly, member};
use crate::tests::harness::api::Caller;
use crate::tests::harness::{Service, World, production, release};

type Edit = fn(&mut Value);

/// What closes a gate wherever hosts and the way of a release are looked at, and is not
/// sealed: what is asked for stands.
const NOT_SEALED: [(&str, Edit); 2] = [
    ("hosts", |fleet| fleet["servers"][0]["active"] = json!(false)),
    ("promotion", |fleet| production(fleet)["promote_from"] = json!("staging")),
];

/// The same where nothing is sealed yet.
const OF_THE_FLEET: [(&str, Edit); 3] = [
    NOT_SEALED[0],
    NOT_SEALED[1],
    ("host_keys", |fleet| drop(fleet["servers"][0].as_object_mut().unwrap().remove("host_key"))),
];

/// Also a bot that acts for others, and a staging where nothing ever succeeds.
fn people(fleet: &mut Value) {
    deployers(fleet);
    let bots = json!({ "name": "bots", "users": ["bot"], "global": ["impersonate"] });
    fleet["roles"].as_array_mut().unwrap().push(bots);
    let mut staging = production(fleet).clone();
    staging["name"] = json!("staging");
    staging["target_path"] = json!("/srv/staging");
    fleet["applications"][0]["environments"].as_array_mut().unwrap().push(staging);
}

async fn quiet(edit: Edit) -> Service {
    let world = World::quiet_with(move |fleet| {
        people(fleet);
        edit(fleet);
    });
    Box::pin(Service::start_in(world)).await
}

/// Every day, at every hour; or never, as somebody forgot to say when.
fn calendar(fleet: &mut Value, weekly: &Value) {
    fleet["calendars"] = json!([{ "name": "office", "timezone": "UTC", "weekly": weekly }]);
    production(fleet)["calendar"] = json!("office");
}

/// Closes each of these gates for one call, and opens it again.
async fn closed(
    gates: &[(&str, Edit)],
    (service, met): (&mut Service, &mut Refused),
    caller: &Caller,
    path: &str,
    body: &Value,
) {
    let good = service.fleet.clone();
    for (code, close) in gates {
        service.apply(close).await;
        Drive { service, met }.stops(caller, path, body, 409, code).await;
        service.apply(|fleet| *fleet = good.clone()).await;
    }
}

/// The same with a lock.
async fn frozen(service: &Service, met: &mut Refused, caller: &Caller, path: &str, body: &Value) {
    let lock = service.freeze("shop", "", Level::Lock, "The shop moves house.").await;
    Drive { service, met }.stops(caller, path, body, 409, "freeze").await;
    service.unfreeze(lock).await;
}

fn wish(tag: &str) -> Value {
    json!({ "tag": tag, "reason": "Guests lose their basket." })
}

/// Asks; gives the number.
async fn asked(caller: &Caller, tag: &str) -> i64 {
    let reply = caller.post(REQUESTS, &wish(tag)).await;
    assert_eq!(reply.status, 201, "{}", reply.page.html);
    reply.body["id"].as_i64().unwrap()
}

/// Asks as dana and accepts as rosa.
async fn accepted(service: &Service, tag: &str) -> i64 {
    let (dana, rosa) = (member(service, "dana").await, member(service, "rosa").await);
    let id = asked(&dana, tag).await;
    let reply = rosa.post(&format!("/requests/{id}/decisions"), &json!({ "decision": "accept" })).await;
    assert_eq!(reply.body["state"], "accepted", "{}", reply.page.html);
    id
}

pub(super) async fn asking() -> Refused {
    let mut met = Refused::default();
    let mut service = quiet(|_| {}).await;
    let (dana, rosa) = (member(&service, "dana").await, member(&service, "rosa").await);
    service.repository.tag("nightly", &service.repository.git(["rev-parse", "HEAD"]));
    service.record_live("web-1", "v1.1").await;
    let mut drive = Drive { service: &service, met: &mut met };
    drive.stops(&rosa, REQUESTS, &wish("v1.2"), 403, "permission").await;
    drive.stops(&dana, REQUESTS, &wish("nightly"), 422, "release_allowed").await;
    drive.stops(&dana, REQUESTS, &wish("v1.0"), 422, "newer_than_live").await;
    closed(&OF_THE_FLEET, (&mut service, &mut met), &dana, REQUESTS, &wish("v1.2")).await;
    // No fleet asks for what this version cannot do, so no request meets that gate.
    let (ada, environment) = (service.calling_as("ada").await, "/applications/shop/environments");
    let mut unbuilt = production(&mut service.fleet.clone()).clone();
    (unbuilt["name"], unbuilt["sync"]) = (json!("tomorrow"), json!("delta"));
    let mut drive = Drive { service: &service, met: &mut met };
    drive.is_refused_before(&ada, environment, &unbuilt, (422, "invalid"), "not_built").await;
    asked(&dana, "v1.2").await;
    drive.stops(&dana, REQUESTS, &wish("v1.2"), 409, "one_open_request").await;
    met
}

pub(super) async fn asking_too_often() -> Refused {
    let mut met = Refused::default();
    let service = quiet(|_| {}).await;
    for minor in 3..=5 {
        release(&service.repository, &format!("v1.{minor}"), minor);
    }
    let dana = member(&service, "dana").await;
    let mut drive = Drive { service: &service, met: &mut met };
    for minor in 0..5 {
        asked(&dana, &format!("v1.{minor}")).await;
    }
    drive.stops(&dana, REQUESTS, &wish("v1.5"), 429, "request_limit").await;
    for request in 5..20 {
        dana.post(&format!("/requests/{request}/cancel"), &json!({})).await.ok();
        asked(&dana, &format!("v1.{}", if request % 2 == 1 { 5 } else { 4 })).await;
    }
    dana.post("/requests/20/cancel", &json!({})).await.ok();
    drive.stops(&dana, REQUESTS, &wish("v1.5"), 429, "request_rate").await;
    met
}

pub(super) async fn deciding() -> Refused {
    let mut met = Refused::default();
    let mut service = quiet(|fleet| fleet["roles"][1]["users"] = json!(["rosa"])).await;
    let (dana, rosa) = (member(&service, "dana").await, member(&service, "rosa").await);
    let (remy, bot) = (member(&service, "remy").await, service.calling_as("bot").await);
    let accept = json!({ "decision": "accept" });
    let request = asked(&rosa, "v1.0").await;
    let path = format!("/requests/{request}/decisions");
    let mut drive = Drive { service: &service, met: &mut met };
    for decision in ["accept", "reject", "ask"] {
        let body = json!({ "decision": decision, "comment": "Mine." });
        drive.stops(&rosa, &path, &body, 403, "own_request").await;
        drive.stops_in_the_name_of(Some("rosa"), &bot, &path, &body, (403, "impersonation")).await;
    }
    // Who may not review is told that alone.
    assert_eq!(dana.post(&path, &accept).await.problem(403), "forbidden");
    closed(&NOT_SEALED, (&mut service, &mut met), &remy, &path, &accept).await;
    let moved = service.repository.git(["rev-parse", "v1.1^{commit}"]);
    service.repository.annotated_tag("v1.0", &moved, "Moved", 1_790_000_000);
    let mut drive = Drive { service: &service, met: &mut met };
    drive.stops(&remy, &path, &accept, 409, "unchanged").await;
    drive.stops(&remy, &path, &accept, 409, "awaiting_review").await;
    met
}

pub(super) async fn launching() -> Refused {
    let mut met = Refused::default();
    let mut service = quiet(|_| {}).await;
    let none = json!({});
    let request = accepted(&service, "v1.0").await;
    let path = format!("/requests/{request}/launch");
    let (dana, stella) = (member(&service, "dana").await, service.calling_as("stella").await);
    let bot = service.calling_as("bot").await;
    let mut drive = Drive { service: &service, met: &mut met };
    drive.is_refused_before(&stella, &path, &none, (403, "forbidden"), "requester").await;
    drive.stops_in_the_name_of(Some("dana"), &bot, &path, &none, (403, "impersonation")).await;
    frozen(&service, &mut met, &dana, &path, &none).await;
    let good = service.fleet.clone();
    service.apply(|fleet| fleet["roles"][1]["grants"][0]["permission"] = json!("read")).await;
    Drive { service: &service, met: &mut met }.stops(&dana, &path, &none, 403, "permission").await;
    service.apply(|fleet| *fleet = good.clone()).await;
    closed(&NOT_SEALED, (&mut service, &mut met), &dana, &path, &none).await;

    let second = accepted(&service, "v1.1").await;
    begun(&dana.post(&path, &none).await);
    let path = format!("/requests/{second}/launch");
    let mut drive = Drive { service: &service, met: &mut met };
    drive.stops(&dana, &path, &none, 409, "deployment_running").await;
    drive.stops(&dana, REQUESTS, &wish("v1.2"), 409, "deployment_running").await;
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(2)).await;
    // It was void at once, which is all that anybody hears.
    let mut drive = Drive { service: &service, met: &mut met };
    drive.stops(&dana, &path, &none, 409, "unchanged").await;
    met
}

/// Accepted outside the window, so that the slot begins with the next one.
pub(super) async fn outside_the_window() -> Refused {
    let mut met = Refused::default();
    let service = quiet(never_open).await;
    let request = accepted(&service, "v1.0").await;
    let dana = member(&service, "dana").await;
    let path = format!("/requests/{request}/launch");
    let mut drive = Drive { service: &service, met: &mut met };
    drive.stops(&dana, &path, &json!({}), 409, "window").await;
    drive.stops(&dana, &path, &json!({}), 409, "slot").await;
    met
}

/// For the hour after next, whenever that is.
fn never_open(fleet: &mut Value) {
    let zone = jiff::tz::TimeZone::UTC;
    let tomorrow = jiff::Timestamp::now().to_zoned(zone).weekday().wrapping_add(2);
    let day = &format!("{tomorrow:?}").to_lowercase()[..3];
    calendar(fleet, &json!([{ "days": [day], "from": "08:00", "to": "09:00" }]));
}

pub(super) async fn deploying() -> Refused {
    let mut met = Refused::default();
    let mut service = quiet(|_| {}).await;
    service.repository.tag("nightly", &service.repository.git(["rev-parse", "HEAD"]));
    let (drew, wendy) = (service.calling_as("drew").await, service.calling_as("wendy").await);
    let (dana, body) = (member(&service, "dana").await, json!({ "release": "v1.0" }));
    let mut drive = Drive { service: &service, met: &mut met };
    drive.stops(&drew, DEPLOYMENTS, &body, 409, "approval").await;
    let broken = json!({ "release": "v1.0", "break_glass": true, "reason": "It burns." });
    drive.is_refused_before(&drew, DEPLOYMENTS, &broken, (422, "invalid"), "break_glass").await;
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(0)).await;
    let mut drive = Drive { service: &service, met: &mut met };
    drive.stops(&dana, DEPLOYMENTS, &body, 403, "permission").await;
    drive.stops(&drew, DEPLOYMENTS, &json!({ "release": "nightly" }), 422, "release_allowed").await;
    frozen(&service, &mut met, &drew, DEPLOYMENTS, &body).await;
    closed(&OF_THE_FLEET, (&mut service, &mut met), &drew, DEPLOYMENTS, &body).await;
    service.apply(never_open).await;
    Drive { service: &service, met: &mut met }.stops(&wendy, DEPLOYMENTS, &body, 409, "window").await;
    met
}

/// The run was lost before it touched a host, so all of it is left.
async fn interrupted(service: &Service, deployment: i64) -> String {
    let (claimed, checked) = service.pick_up().await;
    assert!(claimed.deployment.id == deployment && matches!(checked, Checked::Go(_)), "{checked:?}");
    service.advance(SignedDuration::from_mins(5));
    Box::pin(service.keep_house()).await;
    let ended = service.ended(deployment).await;
    assert_eq!(ended.state, DeploymentState::Interrupted, "{:?}", ended.why);
    format!("/deployments/{deployment}/retry")
}

pub(super) async fn retrying_what_was_approved() -> Refused {
    let mut met = Refused::default();
    let mut service = quiet(|_| {}).await;
    let (request, none) = (accepted(&service, "v1.0").await, json!({}));
    let (dana, stella) = (member(&service, "dana").await, service.calling_as("stella").await);
    let deployment = begun(&dana.post(&format!("/requests/{request}/launch"), &none).await);
    let path = Box::pin(interrupted(&service, deployment)).await;
    Drive { service: &service, met: &mut met }.stops(&stella, &path, &none, 403, "permission").await;
    frozen(&service, &mut met, &dana, &path, &none).await;
    closed(&OF_THE_FLEET, (&mut service, &mut met), &dana, &path, &none).await;
    let of_the_approval: [(&str, Edit); 3] = [
        ("window", never_open),
        ("approved", |fleet| production(fleet)["approval"]["required"] = json!(2)),
        ("unchanged", |fleet| production(fleet)["strategy"] = json!("rolling")),
    ];
    closed(&of_the_approval, (&mut service, &mut met), &dana, &path, &none).await;
    service.advance(SignedDuration::from_hours(25));
    Drive { service: &service, met: &mut met }.stops(&dana, &path, &none, 409, "accepted").await;
    met
}

/// Where nothing has to be approved: one that was lost, and one that succeeded.
pub(super) async fn retrying_and_going_back() -> Refused {
    let mut met = Refused::default();
    let mut service = Box::pin(directly(1, people_of_direct)).await;
    let (drew, wendy) = (service.calling_as("drew").await, service.calling_as("wendy").await);
    let (dana, none) = (member(&service, "dana").await, json!({}));
    for tag in ["v1.0", "v1.1"] {
        let ended = service.ended(deploys(&drew, tag).await).await;
        assert_eq!(ended.state, DeploymentState::Succeeded, "{:?}", ended.why);
    }
    service.stop().await;
    service.restart_as(crate::boot::Role::Web).await;
    let lost = deploys(&drew, "v1.2").await;
    let retry = Box::pin(interrupted(&service, lost)).await;
    let good = service.fleet.clone();
    for path in [retry.as_str(), "/deployments/1/rollback"] {
        Drive { service: &service, met: &mut met }.stops(&dana, path, &none, 403, "permission").await;
        frozen(&service, &mut met, &drew, path, &none).await;
        // What succeeded here may come again, wherever else it never was.
        let gates = if path == retry { &OF_THE_FLEET[..] } else { &[OF_THE_FLEET[0], OF_THE_FLEET[2]] };
        closed(gates, (&mut service, &mut met), &drew, path, &none).await;
        service.apply(never_open).await;
        Drive { service: &service, met: &mut met }.stops(&wendy, path, &none, 409, "window").await;
        service.apply(|fleet| *fleet = good.clone()).await;
        service.apply(|fleet| production(fleet)["deploy_from"] = json!({ "tags": "v9*" })).await;
        Drive { service: &service, met: &mut met }.stops(&drew, path, &none, 422, "release_allowed").await;
        service.apply(|fleet| *fleet = good.clone()).await;
    }
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(1)).await;
    Drive { service: &service, met: &mut met }.stops(&drew, &retry, &none, 409, "approval").await;
    met
}

/// `directly` makes the deployers itself.
fn people_of_direct(fleet: &mut Value) {
    let mut staging = production(fleet).clone();
    staging["name"] = json!("staging");
    staging["target_path"] = json!("/srv/staging");
    fleet["applications"][0]["environments"].as_array_mut().unwrap().push(staging);
}

/// Where approval is needed again, going back is asked for, and meets those gates.
pub(super) async fn going_back_by_request() -> Refused {
    let mut met = Refused::default();
    let mut service = Box::pin(directly(1, |_| {})).await;
    let drew = service.calling_as("drew").await;
    for tag in ["v1.0", "v1.1"] {
        let ended = service.ended(deploys(&drew, tag).await).await;
        assert_eq!(ended.state, DeploymentState::Succeeded, "{:?}", ended.why);
    }
    service.stop().await;
    service.restart_as(crate::boot::Role::Web).await;
    let waits = deploys(&drew, "v1.2").await;
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(1)).await;
    let why = json!({ "reason": "Too slow." });
    let mut drive = Drive { service: &service, met: &mut met };
    drive.stops(&drew, "/deployments/1/rollback", &why, 409, "deployment_running").await;
    let cancelled = drew.post(&format!("/deployments/{waits}/cancel"), &json!({})).await;
    assert_eq!(cancelled.body["state"], "cancelled", "{}", cancelled.page.html);
    drive.stops(&drew, "/deployments/2/rollback", &why, 422, "newer_than_live").await;
    let reply = drew.post("/deployments/1/rollback", &why).await;
    assert_eq!(reply.status, 201, "{}", reply.page.html);
    drive.stops(&drew, "/deployments/1/rollback", &why, 409, "one_open_request").await;
    met
}
