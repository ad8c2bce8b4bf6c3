//! The main job: from the first click to bytes on hosts.

use crate::domain::deployment::DeploymentState;
use crate::tests::harness::{Service, id_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_from_the_first_click_to_bytes_on_every_host() {
    let service = Service::start().await;
    let dana = service.as_user("dana").await;

    let form = service.request_form(&dana, "v1.0").await;
    assert_eq!(form.main_state().as_deref(), Some("ready"), "{}", form.text());
    let page = service.ask(&dana, "v1.0").await;
    assert_eq!(page.main_state().as_deref(), Some("awaiting_review"), "{}", page.text());

    let mail = service.mail_about("[review] shop v1.0").await;
    assert!(mail.text().contains("Guests lose their basket."), "{}", mail.text());
    assert!(mail.text().contains("+v1.0"), "the patch is in the mail: {}", mail.text());

    let rosa = service.as_user("rosa").await;
    let review = rosa.get(&mail.only_link()).await.unwrap();
    assert_eq!(
        (review.status, review.main_state().as_deref()),
        (200, Some("awaiting_review")),
        "{}",
        review.text()
    );
    let page = rosa.submit(&review, "Countersign", &[("comment", "Ship it")]).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("accepted"), "{}", page.text());

    let launch = service.mail_about("[accepted] shop v1.0").await.only_link();
    let page = dana.get(&launch).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (200, Some("ready")), "{}", page.text());
    let page = dana.submit(&page, "Start deployment", &[]).await.unwrap();
    assert_eq!(page.main_page().as_deref(), Some("deployment"), "{}", page.text());

    let deployment = service.ended(id_of(&page)).await;
    assert_eq!(deployment.state, DeploymentState::Succeeded, "{:?}", deployment.why);
    for host in [1, 2] {
        assert_eq!(service.on_host(host, "version").unwrap(), b"v1.0\n");
        assert!(service.on_host(host, "deploy.sh").is_none(), "deploy.sh is removed after its run");
        let release = String::from_utf8(service.on_host(host, ".git_release").unwrap()).unwrap();
        assert_eq!(release.lines().count(), 4, "{release}");
        assert!(release.starts_with(&format!("v1.0\n{}\n", deployment.commit)), "{release}");
    }
    let log = dana.get(&format!("/deployments/{}/log", deployment.id)).await.unwrap();
    assert!(
        log.html.contains(&format!("deploying {} on web-1 to production", deployment.commit)),
        "{}",
        log.html
    );
    let mail = service.mail_about("succeeded").await;
    assert!(mail.text().contains("web-2"), "{}", mail.text());

    let again = dana.get(&launch).await.unwrap();
    assert_eq!((again.status, again.main_state().as_deref()), (410, Some("used")), "{}", again.text());
}
