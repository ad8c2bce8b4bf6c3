//! A host is asked for its keys; a person compares, and pins the one they were shown.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::boot::Role;
use crate::domain::target::{HostAddress, HostKey, ScanVerdict, judge_scan};
use crate::runner::ssh::keyscan;
use crate::tests::harness::{Service, World};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA1qtQ8XR92uR6rNjctelROi13odnEALVF5Zg0KhmT2N";

/// One real host whose key is not pinned, and a patience of a second.
async fn unpinned() -> Service {
    Service::start_in(World {
        hosts: 1,
        role: Role::Web,
        edit_fleet: Box::new(|fleet| {
            fleet["servers"][0].as_object_mut().unwrap().remove("host_key");
        }),
        edit_config: Box::new(|config| config["ssh"]["connect_timeout_s"] = json!(1)),
        ..World::default()
    })
    .await
}

async fn point_at(service: &Service, host: &str, port: u16) {
    let ada = service.calling_as("ada").await;
    let mut server = ada.get("/servers/web-1").await.body;
    (server["host"], server["port"]) = (json!(host), json!(port));
    let body = server.to_string();
    let reply = ada.send("PUT", "/servers/web-1", &[("content-type", "application/json")], &body).await;
    assert_eq!(reply.status, 200, "{}", reply.page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hosts_key_is_shown_and_pinned_by_a_person() {
    let service = unpinned().await;
    let (host, ada) = (&service.hosts[0], service.as_user("ada").await);
    let fingerprint = HostKey::parse(host.host_key()).unwrap().fingerprint();
    let before = service.tables_that_matter().await;
    let page = ada.get("/admin/servers/web-1").await.unwrap();
    assert!(page.text().contains("nothing connects to this server yet"), "{}", page.text());
    let page = ada.submit(&page, "Ask the host for its keys", &[]).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (200, Some("scanned")), "{}", page.text());
    assert!(page.text().contains(&fingerprint), "{}", page.text());
    assert_eq!(service.tables_that_matter().await, before, "asking pins nothing");

    let page = ada.submit(&page, "Pin this ssh-ed25519 key", &[]).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (200, Some("editing")), "{}", page.text());
    assert_eq!(page.value("host_key").as_deref(), Some(host.host_key()));
    let page = ada.submit(&page, "Ask the host for its keys", &[]).await.unwrap();
    assert!(page.text().contains("shows the key that is pinned"), "{}", page.text());
    assert!(!page.has_form("Pin this ssh-ed25519 key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_than_the_pinned_one_is_alarming_and_changes_nothing_by_itself() {
    let mut service = unpinned().await;
    let ada = service.calling_as("ada").await;
    let scan = async || ada.post("/servers/web-1/scan", &json!({})).await.ok();
    let first = scan().await;
    assert_eq!((&first["verdict"], &first["pinned"]), (&json!("unpinned"), &Value::Null));
    let key = first["keys"][0].clone();
    assert_eq!(
        (&key["type"], &key["host_key"]),
        (&json!("ssh-ed25519"), &json!(service.hosts[0].host_key()))
    );
    let mut server = ada.get("/servers/web-1").await.body;
    server["host_key"] = key["host_key"].clone();
    let body = server.to_string();
    ada.send("PUT", "/servers/web-1", &[("content-type", "application/json")], &body).await.ok();
    let second = scan().await;
    assert_eq!((&second["verdict"], &second["keys"][0]["pinned"]), (&json!("same"), &json!(true)));

    service.hosts[0].swap_host_key();
    let third = scan().await;
    assert_eq!((&third["verdict"], &third["pinned"]), (&json!("changed"), &key["fingerprint"]));
    assert_ne!(third["keys"][0]["fingerprint"], key["fingerprint"]);
    assert_eq!(ada.get("/servers/web-1").await.ok()["host_key"], key["host_key"]);
    let browser = service.as_user("ada").await;
    let page = browser.get("/admin/servers/web-1").await.unwrap();
    let page = browser.submit(&page, "Ask the host for its keys", &[]).await.unwrap();
    assert!(page.text().contains("The host shows another key than the pinned one."), "{}", page.text());

    // The key that was shown, on the server as it was shown, and no other.
    let version = page.value("version").unwrap();
    point_at(&service, "127.0.0.1", 9).await;
    let late = browser.submit(&page, "Pin this ssh-ed25519 key", &[]).await.unwrap();
    assert_eq!(
        (late.status, late.main_state().as_deref()),
        (409, Some("conflict")),
        "{version}: {}",
        late.text()
    );
    assert_eq!(ada.get("/servers/web-1").await.ok()["host_key"], key["host_key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_does_not_answer_says_so_in_words() {
    let service = unpinned().await;
    let (ada, browser) = (service.calling_as("ada").await, service.as_user("ada").await);
    let before = service.hosts[0].port();
    // Somebody listens, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let hanging = silent.local_addr().unwrap().port();
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    for (host, port, words) in [
        ("127.0.0.1", closed, "refused the connection"),
        ("127.0.0.1", hanging, "gave no answer"),
        ("no-such-host.invalid", before, "cannot be reached"),
    ] {
        point_at(&service, host, port).await;
        let reply = ada.post("/servers/web-1/scan", &json!({})).await;
        assert_eq!(reply.problem(503), "unavailable", "{host}:{port}");
        assert!(reply.body["detail"].as_str().unwrap().contains(words), "{}", reply.body);
        let page = browser.get("/admin/servers/web-1").await.unwrap();
        let page = browser.submit(&page, "Ask the host for its keys", &[]).await.unwrap();
        assert_eq!((page.status, page.main_state().as_deref()), (503, Some("editing")), "{}", page.text());
        assert!(page.text().contains(words), "{}", page.text());
    }
    assert_eq!(ada.post("/servers/nosuch/scan", &json!({})).await.problem(404), "not_found");
    assert_eq!(ada.post("/servers/web-1/scan", &json!({ "port": 1 })).await.wrong_fields(), ["port"]);
}

#[test]
fn nothing_in_an_address_is_an_option() {
    let arguments = |host: &str| keyscan::arguments(&HostAddress::parse(host).unwrap(), 2222, 5).join(" ");
    assert_eq!(arguments("web.example.com"), "-T 5 -p 2222 -t ed25519,ecdsa,rsa -- web.example.com");
    assert!(HostAddress::parse("-fid").is_err());
}

#[test]
fn lines_that_hold_no_key_are_left_out_and_a_verdict_compares_whole_keys() {
    let said = format!("# 127.0.0.1:22 SSH-2.0-x\n[127.0.0.1]:2222 {KEY}\nweb ssh-dss AAAA\nnonsense\n\n");
    let keys = keyscan::keys(&said);
    let key = HostKey::parse(KEY).unwrap();
    assert_eq!(keys, std::slice::from_ref(&key));
    assert_eq!(judge_scan(None, &keys), ScanVerdict::Unpinned);
    assert_eq!(judge_scan(Some(&key), &keys), ScanVerdict::Same);
    assert_eq!(judge_scan(Some(&key), &[]), ScanVerdict::Changed);
}
