//! Hosts that are asked from time to time, and what becomes of their answers.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::app::drift;
use crate::db;
use crate::domain::deployment::DeploymentState::Succeeded;
use crate::tests::harness::{Service, World, production};
use crate::tests::support::browser::Browser;

impl Service {
    pub async fn check_drift(&self) {
        drift::round(&self.app).await.unwrap();
    }

    /// How often somebody has signed in to a host, by its own log.
    pub fn connections(&self, number: usize) -> usize {
        self.hosts[number - 1].log().matches("Accepted publickey").count()
    }

    /// Somebody on the host puts another release there by hand.
    fn overwrite_record(&self, number: usize, tag: &str) {
        let commit = self.repository.git(["rev-parse", &format!("{tag}^{{commit}}")]);
        let file = self.hosts[number - 1].files().join("shop/.git_release");
        let text = std::fs::read_to_string(&file).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        (lines[0], lines[1]) = (tag, commit.trim());
        std::fs::write(file, lines.join("\n") + "\n").unwrap();
    }
}

async fn acts(service: &Service) -> Vec<String> {
    let rows = db::audit::list_after(&service.app.db, 0, 10_000).await.unwrap();
    let about = rows.into_iter().filter(|row| row.action.starts_with("drift."));
    about.map(|row| format!("{} {}", row.action, row.subject)).collect()
}

async fn health(browser: &Browser) -> (u16, Value) {
    let page = browser.get("/health").await.unwrap();
    (page.status, serde_json::from_str(&page.html).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_differs_for_long_is_drift_until_it_agrees_again() {
    let mut service = Service::start_in(World::unreviewed(2)).await;
    let (dana, ada) = (service.as_user("dana").await, service.as_user("ada").await);
    let id = service.launched(&dana, "v1.0").await;
    assert_eq!(service.ended(id).await.state, Succeeded);
    let environment = async || dana.get("/applications/shop/production").await.unwrap().text();

    service.check_drift().await;
    let text = environment().await;
    assert_eq!(text.matches("as recorded, read").count(), 2, "{text}");

    service.overwrite_record(2, "v1.1");
    service.check_drift().await;
    let text = environment().await;
    assert!(text.contains("differs: says v1.1") && !text.contains("drift"), "not for long yet: {text}");
    assert_eq!(health(&service.browser()).await.1["status"], json!("ok"));
    assert_eq!(acts(&service).await, [""; 0]);

    service.advance(SignedDuration::from_mins(31));
    service.check_drift().await;
    service.check_drift().await;
    let text = environment().await;
    assert!(text.contains("1 server drifted") && text.contains("drift: says v1.1"), "{text}");
    assert_eq!(acts(&service).await, ["drift.found server web-2"], "once, however often it is seen");
    let home = ada.get("/").await.unwrap().text();
    assert!(home.contains("Hosts that differ") && home.contains("says v1.1"), "{home}");
    let home = dana.get("/").await.unwrap().text();
    assert!(!home.contains("Hosts that differ"), "who may not deploy can do nothing about it: {home}");
    let (status, told) = health(&service.browser()).await;
    assert_eq!((status, &told["status"]), (200, &json!("warning")), "the service does its work: {told}");
    assert_eq!(told["checks"][3], json!({ "name": "drift", "status": "warning" }), "no names for strangers");
    let (_, told) = health(&ada).await;
    let words = told["checks"][3]["details"].as_str().unwrap();
    assert_eq!(words, "differ from the record: web-2 (shop production); do not answer: none");

    service.hosts[0].stop();
    service.overwrite_record(2, "v1.0");
    service.check_drift().await;
    let text = environment().await;
    assert!(!text.contains("drift") && text.contains("1 server is unknown"), "{text}");
    assert!(text.contains("refused the connection, since"), "{text}");
    assert_eq!(health(&service.browser()).await.1["status"], json!("ok"), "silence is no drift");
    assert_eq!(acts(&service).await, ["drift.found server web-2", "drift.over server web-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_a_deployment_has_is_not_asked() {
    let service = Service::start_in(World::two_places()).await;
    let (dana, ada) = (service.as_user("dana").await, service.as_user("ada").await);
    let gate = service.gate("gate");
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", format!("echo waiting\n{}", gate.wait()));
    });
    let id = service.launched(&dana, "v1.3").await;
    service.until_line(id, "waiting").await;
    let before = [service.connections(1), service.connections(2)];

    service.check_drift().await;
    let refused = service.post(&ada, "/servers/web-1/read", &[]).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("A deployment is at work on web-1"), "{}", refused.text());

    let after = [service.connections(1), service.connections(2)];
    assert_eq!(after, [before[0], before[1] + 1], "the free one was asked");
    let page = ada.get("/servers/web-1").await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("busy"), "{}", page.text());
    assert!(page.text().contains(&format!("Deployment {id} has it just now")), "{}", page.text());
    assert!(!page.has_form("Read now"), "{:?}", page.buttons());
    gate.open().await;
    assert_eq!(service.ended(id).await.state, Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_reads_all_that_a_host_has_and_who_does_not_want_it_is_left_alone() {
    let mut world = World::unreviewed(2);
    let unreviewed = world.edit_fleet;
    world.edit_fleet = Box::new(|fleet| {
        unreviewed(fleet);
        fleet["clusters"] = json!([
            { "name": "web", "servers": [{ "server": "web-1" }] },
            { "name": "side", "servers": [{ "server": "web-2" }] },
        ]);
        let mut other = fleet["applications"][0].clone();
        other["name"] = json!("till");
        let path = production(fleet)["target_path"].as_str().unwrap().replace("shop", "till");
        other["environments"][0]["target_path"] = json!(path);
        let mut unchecked = production(fleet).clone();
        unchecked["name"] = json!("staging");
        unchecked["clusters"] = json!(["side"]);
        unchecked["drift_check"] = json!(false);
        fleet["applications"][0]["environments"].as_array_mut().unwrap().push(unchecked);
        fleet["applications"].as_array_mut().unwrap().push(other);
    });
    let mut service = Service::start_in(world).await;
    service.check_drift().await;
    assert_eq!([service.connections(1), service.connections(2)], [1, 0]);
    let readings = db::readings::list_all(&service.app.db).await.unwrap();
    let places: Vec<String> =
        readings.iter().map(|reading| format!("{} {}", reading.application, reading.server)).collect();
    assert_eq!(places, ["shop web-1", "till web-1"]);

    service
        .apply(|fleet| {
            fleet["applications"].as_array_mut().unwrap().pop();
            fleet["servers"][0]["active"] = json!(false);
        })
        .await;
    service.check_drift().await;
    assert_eq!(service.connections(1), 1, "an inactive host is not asked");
    let readings = db::readings::list_all(&service.app.db).await.unwrap();
    assert_eq!(readings.len(), 1, "what is gone from the fleet is forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_is_begun_by_one_instance_when_it_is_due() {
    let service = Service::start_in(World::quiet()).await;
    assert!(!drift::is_due(&service.app).await.unwrap(), "the first look starts the clock");
    service.advance(SignedDuration::from_secs(299));
    assert!(!drift::is_due(&service.app).await.unwrap());
    service.advance(SignedDuration::from_secs(1));
    let instances = [service.app.clone(), service.app.clone(), service.app.clone()];
    let asked = instances.iter().map(drift::is_due);
    let due = futures_util::future::join_all(asked).await.into_iter().filter(|due| *due.as_ref().unwrap());
    assert_eq!(due.count(), 1);
}
