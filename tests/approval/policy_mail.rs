//! Whoever watched over a place hears that it was loosened, and a void request says
//! what differs.

use serde_json::json;

use super::{audited, flowing, mails, quiet_with};
use crate::tests::harness::{Approved, production, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_laxer_policy_is_mailed_to_the_review_list_of_before() {
    let mut service = quiet_with(|fleet| production(fleet)["approval"]["required"] = json!(2)).await;
    assert!(mails(&service, "[policy]").await.is_empty(), "a new place is no change");
    service
        .apply(|fleet| {
            let approval = &mut production(fleet)["approval"];
            approval["required"] = json!(1);
            approval["self_approval"] = json!(true);
            approval["review_list"] = json!(["mallory@example.com"]);
        })
        .await;
    let sent = mails(&service, "[policy] shop production").await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].to, ["releases@example.com"], "the old list, not the new one");
    for words in [
        "It takes 1 accept instead of 2 accepts.",
        "Whoever asks may approve their own request.",
        "The review list was releases@example.com and is mallory@example.com.",
        "was changed by command on",
    ] {
        assert!(flowing(&sent[0]).contains(words), "{words}: {}", sent[0].text());
    }
    assert_eq!(audited(&service, "approval.changed").await, 1);

    // The same file again changes nothing, and a stricter policy is nobody's loss.
    service.apply(|_| {}).await;
    service
        .apply(|fleet| {
            let approval = &mut production(fleet)["approval"];
            approval["required"] = json!(3);
            approval["self_approval"] = json!(false);
        })
        .await;
    assert_eq!(mails(&service, "[policy]").await.len(), 1);
    assert_eq!(audited(&service, "approval.changed").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_request_says_which_hosts_and_settings_differ() {
    let mut service = quiet_with(|_| {}).await;
    let Approved { dana, request, launch, .. } = service.approved("v1.0").await;
    service
        .apply(|fleet| {
            fleet["servers"].as_array_mut().unwrap().push(server("web-9", 9));
            fleet["clusters"][0]["servers"] = json!([{ "server": "web-9" }]);
        })
        .await;
    let expected = ["web-1 in web: among the hosts → removed", "web-9 in web: not there → added"];
    let pages = [dana.get(&launch).await.unwrap(), dana.get(&format!("/requests/{request}")).await.unwrap()];
    for (page, words) in pages.iter().flat_map(|page| expected.map(|words| (page, words))) {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    let mail = &mails(&service, "[void] shop v1.0").await[0];
    for words in [
        "The set of hosts changed after the request.",
        "web-1 in web: reviewed among the hosts, now removed",
        "web-9 in web: reviewed not there, now added",
    ] {
        assert!(flowing(mail).contains(words), "{words}: {}", mail.text());
    }

    service.approved("v1.1").await;
    service
        .apply(|fleet| {
            production(fleet)["target_path"] = json!("/srv/elsewhere/shop");
            production(fleet)["rsync_options"] = json!(["-a"]);
        })
        .await;
    let mail = &mails(&service, "[void] shop v1.1").await[0];
    for words in ["path: reviewed /", "now /srv/elsewhere/shop", "now [\"-a\"]"] {
        assert!(flowing(mail).contains(words), "{words}: {}", mail.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_is_removed_is_told_since_one_made_anew_asks_for_what_it_likes() {
    let mut service = quiet_with(|_| {}).await;
    let kept = service.fleet.clone();
    service
        .apply(|fleet| {
            let mut other = production(fleet).clone();
            other["name"] = json!("qa");
            fleet["applications"][0]["environments"] = json!([other]);
        })
        .await;
    let sent = mails(&service, "[policy] shop production").await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].to, ["releases@example.com"]);
    let words = "The environment was removed, and what it asked for with it.";
    assert!(flowing(&sent[0]).contains(words), "{}", sent[0].text());
    service.fleet = kept;
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(0)).await;
}
