//! A small world for the API: the shop with one deployment that waits, and the
//! application `vault`, which is the administrators' alone.

use serde_json::{Value, json};

use crate::tests::harness::api::{Caller, Reply};
use crate::tests::harness::{Service, World, number_in, production};

pub const DEPLOYMENTS: &str = "/applications/shop/environments/production/deployments";
pub const REQUESTS: &str = "/applications/shop/environments/production/requests";

/// drew may deploy the shop at any time, wendy within the window, and stella may ask
/// for releases like dana. Nothing has to be approved.
pub fn direct(fleet: &mut Value) {
    deployers(fleet);
    production(fleet)["approval"]["required"] = json!(0);
}

pub fn deployers(fleet: &mut Value) {
    fleet["roles"][1]["users"] = json!(["stella"]);
    for (role, person, permission) in
        [("deployers", "drew", "deploy"), ("daytime", "wendy", "deploy_in_window")]
    {
        let grants = json!([{ "permission": permission, "application": "shop" }]);
        let role = json!({ "name": role, "users": [person], "grants": grants });
        fleet["roles"].as_array_mut().unwrap().push(role);
    }
}

/// A program of somebody who signed in once, so that their teams are known.
pub async fn member(service: &Service, login: &str) -> Caller {
    service.as_user(login).await;
    service.calling_as(login).await
}

/// Real hosts, and whatever else a story needs.
pub async fn directly(hosts: usize, edit: impl FnOnce(&mut Value) + Send + 'static) -> Service {
    let edit_fleet = Box::new(|fleet: &mut Value| {
        direct(fleet);
        edit(fleet);
    });
    Box::pin(Service::start_in(World { hosts, edit_fleet, ..World::default() })).await
}

/// The number of what goes on now, once the answer is what such an answer is.
#[track_caller]
pub fn begun(reply: &Reply) -> i64 {
    assert_eq!(reply.status, 202, "{}", reply.page.html);
    let id = reply.body["id"].as_i64().unwrap();
    assert_eq!(reply.page.header("location"), format!("/api/v1/deployments/{id}"));
    id
}

/// Deploys directly; gives the number.
pub async fn deploys(caller: &Caller, release: &str) -> i64 {
    begun(&caller.post(DEPLOYMENTS, &json!({ "release": release })).await)
}

/// Which gates stand in the way.
#[track_caller]
pub fn gates(reply: &Reply, status: u16) -> Vec<&str> {
    assert_eq!(reply.problem(status), "stopped");
    reply.body["gates"].as_array().unwrap().iter().map(|gate| gate["code"].as_str().unwrap()).collect()
}

pub struct Town {
    pub service: Service,
    /// The request that was accepted and launched.
    pub request: i64,
    /// It waits in the queue, and nothing takes it from there.
    pub deployment: i64,
}

impl Town {
    pub async fn new() -> Self {
        Box::pin(Self::found()).await
    }

    async fn found() -> Self {
        let service = Service::start_in(World::quiet_with(|fleet| {
            let mut vault = fleet["applications"][0].clone();
            vault["name"] = json!("vault");
            vault["webhook_secret"] = json!("hush-hush");
            fleet["applications"].as_array_mut().unwrap().push(vault);
            fleet["roles"][2]["grants"] = json!([{ "permission": "review", "application": "shop" }]);
        }))
        .await;
        let approved = service.approved("v1.0").await;
        let deployment = number_in(&service.post(&approved.dana, &approved.launch, &[]).await);
        Self { service, request: approved.request, deployment }
    }
}
