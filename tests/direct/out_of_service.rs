//! What a run leaves out of service, at a real HAProxy.

use serde_json::json;

use super::{DEPLOY, free, run_page, says};
use crate::domain::deployment::DeploymentState;
use crate::tests::harness::{Service, id_of, production};
use crate::tests::support::haproxy::Haproxy;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_run_leaves_out_of_service_is_listed_until_somebody_puts_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let backends = "backend shop\n server WEB-1 127.0.0.1:9\n server WEB-2 127.0.0.1:9\n\
                    backend chat\n mode tcp\n server OLD 127.0.0.1:9\n";
    let haproxy = Haproxy::start(folder.path(), backends);
    let endpoint = haproxy.tcp();
    let service = Service::start_in(free(move |fleet| {
        fleet["load_balancers"] = json!([{ "name": "edge", "endpoints": [endpoint] }]);
        for cluster in fleet["clusters"].as_array_mut().unwrap() {
            cluster["load_balancer"] = json!("edge");
            cluster["backend"] = json!("shop");
        }
        production(fleet)["strategy"] = json!("clusters");
    }))
    .await;
    let dana = service.as_user("dana").await;
    let page = dana.get(&format!("{DEPLOY}?release=v1.0")).await.unwrap();
    says(&page, &["web-1 (shop in edge) leave service", "at the same moment"]);
    service.ended(id_of(&service.deployed(&dana, "v1.0").await)).await;
    service.broken_on("v1.3", "web-1");
    let failed = service.ended(id_of(&service.deployed(&dana, "v1.3").await)).await;
    assert_eq!(failed.state, DeploymentState::Failed, "{:?}", failed.why);

    let page = run_page(&dana, failed.id).await;
    says(&page, &["Load balancer", "out of service", "Put web-1 back into service?", "in maintenance"]);
    let mail = service.mail_about("[failed]").await.text();
    let mail: Vec<&str> = mail.split_whitespace().collect();
    let listed = "Out of service in the load balancer until someone acts: web-1 (shop/WEB-1 in edge)";
    assert!(mail.join(" ").contains(listed), "{mail:?}");
    let rosa = service.as_user("rosa").await;
    let home = rosa.get("/").await.unwrap();
    says(&home, &["Out of service", "web-1", "Who may deploy there may put it back."]);
    assert!(!home.has_form("Put web-1 back into service"));
    let page = dana.get(&format!("{DEPLOY}?release=v1.2")).await.unwrap();
    says(&page, &["Left out of service by an earlier run: web-1"]);

    let home = dana.get("/").await.unwrap();
    says(&home, &["web-1 is out of service.", "the load balancer says: in maintenance"]);
    let (caller, reviewer) = (service.calling_as("dana").await, service.calling_as("rosa").await);
    let left = caller.get(&format!("/deployments/{}", failed.id)).await.ok()["out_of_service"].clone();
    let put_back = format!("/servers/out/{}/put-back", left[0]["id"]);
    assert_eq!(reviewer.post(&put_back, &json!({})).await.problem(403), "forbidden");
    let page = dana.submit(&home, "Put web-1 back into service", &[]).await.unwrap();
    assert_eq!(page.main_page().as_deref(), Some("deployment"), "{}", page.text());
    assert_eq!(caller.post(&put_back, &json!({})).await.problem(404), "not_found", "it serves again");
    assert!(!dana.get("/").await.unwrap().text().contains("Out of service"));
    let gone = service.post(&dana, "/servers/out/1/put-back", &[]).await;
    assert_eq!(gone.status, 404, "{}", gone.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_somebody_else_took_out_is_said_before_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let backends = "backend shop\n server WEB-1 127.0.0.1:9 disabled\n server WEB-2 127.0.0.1:9\n\
                    backend chat\n mode tcp\n server OLD 127.0.0.1:9\n";
    let mut haproxy = Haproxy::start(folder.path(), backends);
    let endpoint = haproxy.tcp();
    let service = Service::start_in(free(move |fleet| {
        fleet["load_balancers"] = json!([{ "name": "edge", "endpoints": [endpoint] }]);
        for cluster in fleet["clusters"].as_array_mut().unwrap() {
            cluster["load_balancer"] = json!("edge");
            cluster["backend"] = json!("shop");
        }
    }))
    .await;
    let dana = service.as_user("dana").await;
    let page = dana.get(&format!("{DEPLOY}?release=v1.0")).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("blocked"), "{}", page.text());
    says(
        &page,
        &["web-1 (shop/WEB-1 in edge) was put in maintenance by somebody else", "before it touches anything"],
    );
    haproxy.stop();
    let page = dana.get(&format!("{DEPLOY}?release=v1.0")).await.unwrap();
    says(&page, &["The load balancer does not answer just now"]);
}
