//! A small world for the API: the shop with one deployment that waits, and the
//! application `vault`, which is the administrators' alone.

use serde_json::json;

use crate::tests::harness::{Service, World, number_in};

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
