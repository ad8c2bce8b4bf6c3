//! Approvals: who may give one, what ends one, and what of it is asked again.

use jiff::SignedDuration;
use serde_json::json;

use crate::app::access;
use crate::app::check_start::Checked;
use crate::domain::name::Name;
use crate::tests::harness::{Approved, Service, World, number_in, production, release, server};
use crate::tests::support::browser::{Browser, Page};

async fn quiet() -> Service {
    Service::start_in(World::quiet()).await
}

async fn state(browser: &Browser, link: &str) -> (u16, String) {
    let page = browser.get(link).await.unwrap();
    (page.status, page.main_state().unwrap_or_default())
}

fn why(page: &Page) -> String {
    page.text()
}

/// Makes dana a reviewer, or an administrator, beside what she is.
fn promote(fleet: &mut serde_json::Value, role: usize) {
    fleet["roles"][role]["users"] = json!(["ada", "dana"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_their_own_request_administrators_neither() {
    for role in [0, 2] {
        let service = Service::start_in(World::quiet_with(move |fleet| promote(fleet, role))).await;
        let dana = service.as_user("dana").await;
        let request = service.asked(&dana, "v1.0", &[]).await;
        let review = service.link_about("review", "v1.0").await;
        let before = service.rows_but("people").await;
        assert_eq!(state(&dana, &review).await, (403, "own_request".to_owned()));
        for act in ["accept", "reject"] {
            let page = service.post(&dana, &format!("{review}/{act}"), &[("comment", "I know best")]).await;
            assert_eq!(page.status, 403, "{act} with role {role}: {}", why(&page));
        }
        let page = service.post(&dana, &format!("/requests/{request}/start"), &[]).await;
        assert_eq!(page.status, 409, "nor skips the review: {}", why(&page));
        assert_eq!(service.rows_but("people").await, before, "but for when GitHub was asked last");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_decision_needs_a_policy_that_allows_it_and_is_marked() {
    let world = World::quiet_with(|fleet| {
        promote(fleet, 2);
        production(fleet)["approval"]["self_approval"] = json!(true);
    });
    let mut service = Service::start_in(world).await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let review = service.link_about("review", "v1.0").await;
    let page = dana.get(&review).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("awaiting_review"), "{}", why(&page));
    let page = dana.submit(&page, "Countersign", &[]).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("accepted"), "{}", why(&page));
    assert!(why(&page).contains("their own request"), "{}", why(&page));
    let rows = service.rows().await;
    let marked = |row: &&String| row.starts_with("decisions: ") && row.contains("own_request=1");
    assert_eq!(rows.iter().filter(marked).count(), 1);
    let audited = |row: &&String| {
        row.starts_with("audit_log: ")
            && row.contains("request.accept")
            && row.contains("\"own_request\":true")
    };
    assert_eq!(rows.iter().filter(audited).count(), 1, "{rows:#?}");

    // The stricter of the policy then and now: it no longer counts.
    let launch = service.link_about("accepted", "v1.0").await;
    service.apply(|fleet| production(fleet)["approval"]["self_approval"] = json!(false)).await;
    let page = service.post(&dana, &launch, &[]).await;
    assert_eq!(page.status, 409);
    assert!(why(&page).contains("asks for 1 accept now, and 0 count"), "{}", why(&page));
    assert_eq!(service.request_state(request).await, "void");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_people_accept_as_the_environment_asks_for() {
    let world = World::quiet_with(|fleet| production(fleet)["approval"]["required"] = json!(2));
    let service = Service::start_in(world).await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let review = service.link_about("review", "v1.0").await;
    let (rosa, remy) = (service.as_user("rosa").await, service.as_user("remy").await);
    for _ in 0..2 {
        assert_eq!(service.post(&rosa, &format!("{review}/accept"), &[]).await.status, 303);
        assert_eq!(service.request_state(request).await, "awaiting_review", "one person counts once");
    }
    let page = remy.get(&review).await.unwrap();
    let page = remy.submit(&page, "Countersign", &[]).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("accepted"), "{}", why(&page));
    assert_eq!(
        service.post(&remy, &format!("{review}/accept"), &[]).await.status,
        409,
        "nothing is left to accept"
    );
    let launch = service.link_about("accepted", "v1.0").await;
    assert_eq!(service.post(&dana, &launch, &[]).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stricter_quorum_after_the_accept_voids_it() {
    let mut service = quiet().await;
    let Approved { dana, request, launch, .. } = service.approved("v1.0").await;
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(2)).await;
    assert_eq!(service.request_state(request).await, "void");
    assert_eq!(state(&dana, &launch).await, (409, "void".to_owned()));
    let page = service.post(&dana, &launch, &[]).await;
    assert_eq!(page.status, 409);
    assert!(why(&page).contains("asks for 2 accepts now, and 1 counts"), "{}", why(&page));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laxer_quorum_after_the_accept_changes_nothing() {
    let mut service = quiet().await;
    let Approved { dana, launch, .. } = service.approved("v1.0").await;
    service.apply(|fleet| production(fleet)["approval"]["required"] = json!(0)).await;
    assert_eq!(service.post(&dana, &launch, &[]).await.status, 303, "one was asked for, and one was given");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moved_after_the_request_voids_it_when_somebody_decides() {
    let service = quiet().await;
    let dana = service.as_user("dana").await;
    let request = service.asked(&dana, "v1.0", &[]).await;
    let review = service.link_about("review", "v1.0").await;
    let rosa = service.as_user("rosa").await;
    service.repository.write("evil", "x");
    release(&service.repository, "v1.0", 9);
    service.advance(SignedDuration::from_mins(1));

    let before = service.rows().await;
    assert_eq!(state(&rosa, &review).await, (409, "changed".to_owned()));
    assert_eq!(state(&dana, &format!("/requests/{request}")).await, (409, "awaiting_review".to_owned()));
    assert_eq!(service.rows().await, before, "looking says it and changes nothing");
    let page = service.post(&rosa, &format!("{review}/accept"), &[]).await;
    assert_eq!(page.status, 409);
    assert!(why(&page).contains("The tag was moved after the request"), "{}", why(&page));
    assert_eq!(service.request_state(request).await, "void");
    assert_eq!(state(&rosa, &review).await, (409, "void".to_owned()));
    service.deliver().await;
    let mail = service.mail_about("[void] shop v1.0").await;
    assert_eq!(mail.to, ["dana@example.com"]);
    assert!(mail.text().contains("the tag v1.0") && mail.text().contains("moved"), "{}", mail.text());
    assert_eq!(
        service.post(&rosa, &format!("{review}/accept"), &[]).await.status,
        410,
        "its links are destroyed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moved_after_the_approval_voids_it_at_the_launch() {
    type Change = fn(&Service, &str);
    let changes: [(&str, Change, &str); 4] = [
        (
            "moved",
            |service, _| {
                service.repository.tag("v1.0", "HEAD");
            },
            "The tag was moved",
        ),
        (
            "deleted",
            |service, _| {
                service.repository.delete_tag("v1.0");
            },
            "The tag was deleted",
        ),
        (
            "retagged",
            |service, commit| {
                service.repository.annotated_tag("v1.0", commit, "Again", 1_790_000_000);
            },
            "another tag object",
        ),
        (
            "untagged",
            |service, commit| {
                service.repository.tag("v1.0", commit);
            },
            "another tag object",
        ),
    ];
    let service = quiet().await;
    let commit = service.repository.git(["rev-parse", "v1.0^{commit}"]);
    let object = service.repository.git(["rev-parse", "refs/tags/v1.0"]);
    for (what, change, words) in changes {
        service.repository.set_ref("refs/tags/v1.0", &object);
        let Approved { dana, request, launch, .. } = service.approved("v1.0").await;
        change(&service, &commit);
        service.advance(SignedDuration::from_mins(1));
        let before = service.rows().await;
        assert_eq!(state(&dana, &launch).await, (409, "void".to_owned()), "{what}");
        assert_eq!(service.rows().await, before);
        let page = service.post(&dana, &launch, &[]).await;
        assert_eq!(page.status, 409, "{what}");
        assert!(why(&page).contains(words), "{what}: {}", why(&page));
        assert_eq!(service.request_state(request).await, "void");
        assert_eq!(service.post(&dana, &launch, &[]).await.status, 409, "{what}: it says so again");
    }
    assert_eq!(service.rows_of("deployments").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moved_in_the_queue_cancels_the_deployment() {
    let service = quiet().await;
    let Approved { dana, request, launch, .. } = service.approved("v1.0").await;
    let deployment = number_in(&service.post(&dana, &launch, &[]).await);
    service.repository.tag("v1.0", "HEAD");
    let (_, checked) = service.pick_up().await;
    assert!(matches!(&checked, Checked::Stopped { why } if why.contains("The tag was moved")), "{checked:?}");
    assert_eq!(service.request_state(request).await, "void");
    assert_eq!(state(&dana, &format!("/deployments/{deployment}")).await, (200, "cancelled".to_owned()));
    assert_eq!(state(&dana, &launch).await, (410, "used".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_release_that_went_live_supersedes_the_request() {
    let service = Service::start_in(World { hosts: 1, ..World::default() }).await;
    let (dana, first) = service.accepted("v1.0").await;
    let (_, second) = service.accepted("v1.1").await;
    let page = dana.get(&first).await.unwrap();
    let page = dana.submit(&page, "Start deployment", &[]).await.unwrap();
    service.ended(number_in_address(&page)).await;

    let page = dana.get(&second).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (409, Some("void")));
    assert!(
        why(&page).contains("Superseded: nothing was live when this was asked for, and now it is v1.0"),
        "{}",
        why(&page)
    );
    assert_eq!(service.post(&dana, &second, &[]).await.status, 409);
    service.mail_about("[void] shop v1.1").await;
    assert_eq!(service.rows_of("deployments").await, 1);
}

fn number_in_address(page: &Page) -> i64 {
    crate::tests::harness::id_of(page)
}

type Edit = fn(&mut serde_json::Value);

#[tokio::test(flavor = "multi_thread")]
async fn changed_hosts_or_configuration_void_the_approval_and_nothing_else_does() {
    let mut service = quiet().await;
    let Approved { dana, launch, request, .. } = service.approved("v1.0").await;
    service
        .apply(|fleet| {
            fleet["servers"][0]["active"] = json!(false);
            fleet["servers"].as_array_mut().unwrap().push(server("web-9", 9));
            let approval = &mut production(fleet)["approval"];
            approval["review_list"] = json!(["others@example.com"]);
            approval["slot_minutes"] = json!(30);
            production(fleet)["order"] = json!(7);
        })
        .await;
    service.apply(|fleet| fleet["servers"][0]["active"] = json!(true)).await;
    assert_eq!(service.request_state(request).await, "accepted");
    assert_eq!(state(&dana, &launch).await, (200, "ready".to_owned()));

    let edits: [(Edit, &str); 4] = [
        (
            |fleet| fleet["clusters"][0]["servers"] = json!([{ "server": "web-1" }, { "server": "web-9" }]),
            "The set of hosts changed",
        ),
        (|fleet| fleet["servers"][0]["port"] = json!(2), "The set of hosts changed"),
        (
            |fleet| production(fleet)["rsync_options"] = json!(["-az"]),
            "The way this environment is deployed changed",
        ),
        (
            |fleet| production(fleet)["target_path"] = json!("/srv/elsewhere/shop"),
            "The way this environment is deployed changed",
        ),
    ];
    let mut open = (request, launch);
    for (edit, words) in edits {
        service.apply(edit).await;
        assert_eq!(service.request_state(open.0).await, "void", "{words}: by the apply itself");
        assert_eq!(state(&dana, &open.1).await, (409, "void".to_owned()));
        let page = service.post(&dana, &open.1, &[]).await;
        assert_eq!(page.status, 409);
        assert!(why(&page).contains(words), "{}", why(&page));
        let next = service.approved("v1.0").await;
        open = (next.request, next.launch);
    }
    assert_eq!(service.rows_of("deployments").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_who_lost_the_right_cannot_start() {
    let service = quiet().await;
    let Approved { dana, request, launch, .. } = service.approved("v1.0").await;
    service.github.person("dana").without_team("developers");
    assert_eq!(service.post(&dana, &launch, &[]).await.status, 403, "GitHub is asked before the launch");
    service.github.person("dana").team("developers");
    assert_eq!(service.post(&dana, &launch, &[]).await.status, 303, "and nothing was used up");
    service.github.person("dana").outsider();
    let (_, checked) = service.pick_up().await;
    assert!(matches!(&checked, Checked::Stopped { why } if why.contains("dana may not")), "{checked:?}");
    assert_eq!(service.request_state(request).await, "accepted", "the approval is given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_and_lost_every_right_reads_nothing_by_their_links() {
    let mut service = quiet().await;
    let Approved { dana, request, review, launch, .. } = service.approved("v1.0").await;
    service.apply(|fleet| fleet["roles"][1]["github_teams"] = json!([])).await;
    for path in [format!("/requests/{request}"), launch, review] {
        let page = dana.get(&path).await.unwrap();
        assert!([403, 404].contains(&page.status), "{path}: {}", page.status);
        assert!(
            !page.text().contains("web-1") && !page.text().contains("Commits"),
            "{path}: {}",
            page.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approver_who_lost_the_right_voids_the_approval() {
    let mut service = quiet().await;
    let lost = |page: &Page| why(page).contains("rosa, who accepted it, may no longer review here");

    let Approved { dana, launch, request, .. } = service.approved("v1.0").await;
    service.github.revoke("rosa");
    let page = service.post(&dana, &launch, &[]).await;
    assert!(page.status == 409 && lost(&page), "a token that is refused means lost: {}", why(&page));
    assert_eq!(service.request_state(request).await, "void");

    let Approved { dana, launch, .. } = service.approved("v1.0").await;
    assert_eq!(service.post(&dana, &launch, &[]).await.status, 303);
    service.github.person("rosa").without_team("release-managers");
    let (_, checked) = service.pick_up().await;
    assert!(
        matches!(&checked, Checked::Stopped { why } if why.contains("rosa, who accepted it")),
        "{checked:?}"
    );

    service.github.person("rosa").team("release-managers");
    let Approved { dana, launch, request, .. } = service.approved("v1.0").await;
    service.apply(|fleet| fleet["roles"][2]["grants"] = json!([])).await;
    assert_eq!(service.request_state(request).await, "void", "by the apply itself");
    let page = service.post(&dana, &launch, &[]).await;
    assert!(page.status == 409 && lost(&page), "{}", why(&page));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_persons_session_ends_at_once() {
    let service = quiet().await;
    let Approved { dana, rosa, request, launch, .. } = service.approved("v1.0").await;
    let ada = crate::db::people::find_by_name(&service.app.db, &Name::parse("ada").unwrap()).await.unwrap();
    let ada = if let Some(person) = ada {
        person
    } else {
        service.as_user("ada").await;
        crate::db::people::find_by_name(&service.app.db, &Name::parse("ada").unwrap()).await.unwrap().unwrap()
    };
    let ada = access::actor_of(&service.app.db, ada).await.unwrap();
    access::disable(&service.app, &ada, &Name::parse("rosa").unwrap()).await.unwrap();
    assert_eq!(rosa.get("/requests").await.unwrap().main_page().as_deref(), Some("login"));
    let page = service.post(&dana, &launch, &[]).await;
    assert_eq!(page.status, 409, "her accept counts no longer: {}", why(&page));
    assert_eq!(service.request_state(request).await, "void");

    access::disable(&service.app, &ada, &Name::parse("dana").unwrap()).await.unwrap();
    assert_eq!(dana.get(&launch).await.unwrap().main_page().as_deref(), Some("login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_github_is_away_its_last_word_holds_for_a_day() {
    let world = World::quiet_with(|fleet| production(fleet)["approval"]["stand_hours"] = json!(72));
    let service = Service::start_in(world).await;
    let Approved { dana, launch, request, .. } = service.approved("v1.0").await;
    service.github.down().await;
    let deployment = number_in(&service.post(&dana, &launch, &[]).await);
    let log = dana.get(&format!("/deployments/{deployment}/log")).await.unwrap().html;
    assert!(log.contains("GitHub did not answer; what it said of dana at"), "it is said: {log}");
    assert!(log.contains("what it said of rosa at"), "{log}");

    service.post(&dana, &format!("/deployments/{deployment}/cancel"), &[]).await;
    service.github.up().await;
    service.advance(SignedDuration::from_hours(25));
    let dana = service.as_user("dana").await;
    service.github.down().await;
    assert_eq!(service.post(&dana, &format!("/requests/{request}/new-link"), &[]).await.status, 303);
    let second = service.link_about("accepted", "v1.0").await;
    let page = service.post(&dana, &second, &[]).await;
    assert_eq!(page.status, 503, "{}", why(&page));
    assert!(why(&page).contains("rosa"), "{}", why(&page));
    assert_eq!(service.request_state(request).await, "accepted", "not knowing voids nothing");

    service.github.up().await;
    assert_eq!(service.post(&dana, &second, &[]).await.status, 303);
    service.github.down().await;
    service.advance(SignedDuration::from_hours(25));
    let (_, checked) = service.pick_up().await;
    assert!(
        matches!(&checked, Checked::Stopped { why } if why.contains("GitHub does not answer")),
        "{checked:?}"
    );
    assert_eq!(service.request_state(request).await, "accepted", "it stands for three days");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_request_cannot_be_accepted() {
    let service = quiet().await;
    let Approved { dana, rosa, request, review, launch } = service.approved("v1.0").await;
    let again = service.post(&rosa, &format!("{review}/accept"), &[]).await;
    assert_eq!(again.status, 409, "{}", why(&again));
    assert!(why(&again).contains("Already accepted"), "{}", why(&again));
    assert_eq!(service.post(&dana, &format!("/requests/{request}/cancel"), &[]).await.status, 303);
    assert_eq!(service.post(&rosa, &format!("{review}/accept"), &[]).await.status, 410);
    assert_eq!(service.post(&dana, &launch, &[]).await.status, 410);
    assert_eq!(service.post(&dana, &format!("/requests/{request}/cancel"), &[]).await.status, 409);
    assert_eq!(service.post(&dana, &format!("/requests/{request}/new-link"), &[]).await.status, 409);
    assert_eq!(service.rows_of("deployments").await, 0);
}
