//! Every gate that a page shows, driven by forms that no page offered.

use serde_json::{Value, json};

use crate::domain::git_release::GitRelease;
use crate::domain::name::CommitId;
use crate::tests::harness::{Approved, Service, World, number_in, production, release};
use crate::tests::support::browser::{Browser, Page};

async fn quiet() -> Service {
    Service::start_in(World::quiet()).await
}

/// Asks by hand; gives the status and the words of the page.
async fn answer(service: &Service, browser: &Browser, tag: &str, changed: &[(&str, &str)]) -> (u16, String) {
    let page = service.ask_by_hand(browser, tag, changed).await;
    if page.status != 303 {
        assert_eq!(page.select("main").len(), 1);
    }
    (page.status, page.text())
}

/// Refused, with these words, and no request made.
async fn refused(
    service: &Service,
    browser: &Browser,
    tag: &str,
    changed: &[(&str, &str)],
    status: u16,
    words: &str,
) {
    let before = service.rows_of("requests").await;
    let (found, text) = answer(service, browser, tag, changed).await;
    assert_eq!(found, status, "{tag} {changed:?}: {text}");
    assert!(text.contains(words), "{tag} {changed:?} does not say {words:?}: {text}");
    assert_eq!(service.rows_of("requests").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_newer_than_what_is_live() {
    let service = quiet().await;
    let git = &service.repository;
    let first = git.git(["rev-parse", "v1.0^{commit}"]);
    let tree = git.git(["rev-parse", "v1.0^{tree}"]);
    let aside = git.commit_tree(&tree, &[&first], "Aside", 1_785_000_000);
    git.tag("v1.5", &aside);
    git.tag("nightly", &aside);
    git.tag("v9/9", &git.git(["rev-parse", "HEAD"]));
    let dana = service.as_user("dana").await;
    service.record_live("web-1", "v1.1").await;

    refused(&service, &dana, "v1.1", &[], 422, "Already live").await;
    refused(&service, &dana, "v1.0", &[], 422, "Older than live").await;
    refused(&service, &dana, "v1.5", &[], 422, "Diverged from live").await;
    refused(&service, &dana, "nightly", &[], 422, "takes tags like v*").await;
    refused(&service, &dana, "v9/9", &[], 422, "takes tags like v*").await;
    refused(&service, &dana, "v7.7", &[], 422, "There is no tag v7.7").await;
    refused(&service, &dana, "--upload-pack=x", &[], 422, "The tag").await;
    refused(&service, &dana, &first, &[], 422, "The tag").await;
    refused(&service, &dana, "v1.2", &[("reason", " ")], 422, "Say why").await;
    refused(&service, &dana, "v1.2", &[("rollback", "1")], 422, "Never ran here").await;
    let kept = service.ask_by_hand(&dana, "v1.0", &[("reason", "Kept as typed"), ("ticket", "SHOP-7")]).await;
    assert_eq!(kept.value("reason").as_deref().map(str::trim), Some("Kept as typed"));
    assert_eq!(kept.value("ticket").as_deref(), Some("SHOP-7"));
    assert_eq!(answer(&service, &dana, "v1.2", &[]).await.0, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_may_not_do_or_see_is_refused() {
    let service = quiet().await;
    let (dana, rosa) = (service.as_user("dana").await, service.as_user("rosa").await);
    let mallory = service.as_user("mallory").await;
    refused(&service, &rosa, "v1.0", &[], 403, "rosa may not request releases here").await;
    refused(&service, &mallory, "v1.0", &[], 404, "There is nothing here for you").await;
    for (field, value) in
        [("environment", "staging"), ("application", "till"), ("application", "../etc"), ("environment", "")]
    {
        refused(&service, &dana, "v1.0", &[(field, value)], 404, "There is nothing here for you").await;
    }
    let Approved { dana, review, request, .. } = service.approved("v1.0").await;
    for (who, expected) in [(&mallory, 403), (&dana, 403)] {
        for act in ["accept", "reject"] {
            let page = service.post(who, &format!("{review}/{act}"), &[("comment", "No")]).await;
            assert_eq!(page.status, expected, "{}", page.text());
        }
    }
    let page = service.post(&mallory, &format!("{review}/accept"), &[]).await;
    assert!(!page.text().contains("production") && !page.text().contains("rosa"), "{}", page.text());
    for act in ["cancel", "start", "new-link"] {
        assert_eq!(
            service.post(&mallory, &format!("/requests/{request}/{act}"), &[]).await.status,
            404,
            "{act}"
        );
        assert_eq!(service.post(&dana, &format!("/requests/999/{act}"), &[]).await.status, 404, "{act}");
    }
    assert_eq!(service.request_state(request).await, "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shortened_commit_is_refused() {
    let service = Service::start_in(World::quiet_with(follow_main)).await;
    let dana = service.as_user("dana").await;
    let head = service.repository.git(["rev-parse", "main"]);
    let first = service.repository.git(["rev-parse", "v1.0^{commit}"]);
    refused(&service, &dana, &head[..7], &[], 422, "The commit").await;
    refused(&service, &dana, &head[..39], &[], 422, "The commit").await;
    let pairs = [(&first[..7], &head[..]), (&first[..], &head[..7]), ("v1.0", &head[..]), (&first[..], "")];
    for (from, to) in pairs {
        let page = dana.get(&format!("/applications/shop/diff?from={from}&to={to}")).await.unwrap();
        assert_eq!(page.status, 422, "{from} {to}: {}", page.text());
    }
    let page = dana.get(&format!("/applications/shop/diff?from={first}&to={head}")).await.unwrap();
    assert_eq!(page.status, 200, "{}", page.text());
}

fn follow_main(fleet: &mut Value) {
    production(fleet)["deploy_from"] = json!({ "branch": "main" });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_environment_takes_full_commits_of_its_branch() {
    let service = Service::start_in(World::quiet_with(follow_main)).await;
    let git = &service.repository;
    let (first, head) = (git.git(["rev-parse", "v1.0^{commit}"]), git.git(["rev-parse", "main"]));
    let aside = git.commit_tree(&git.git(["rev-parse", "v1.0^{tree}"]), &[&head], "Aside", 1_785_000_000);
    git.branch("other", &aside);
    let dana = service.as_user("dana").await;
    refused(&service, &dana, "v1.2", &[], 422, "The commit").await;
    refused(&service, &dana, &aside, &[], 422, "It is not on the branch main").await;
    refused(&service, &dana, &"0".repeat(40), &[], 422, "There is no such commit").await;
    service.asked(&dana, &first, &[]).await;
    let request = service.asked(&dana, &head, &[]).await;
    let page = dana.get(&format!("/requests/{request}")).await.unwrap();
    assert!(page.text().contains(&head[..7]), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_per_commit_five_open_and_twenty_an_hour() {
    let service = quiet().await;
    for minor in 3..=6 {
        release(&service.repository, &format!("v1.{minor}"), minor);
    }
    let dana = service.as_user("dana").await;
    let twin = service.asked(&dana, "v1.0", &[]).await;
    refused(&service, &dana, "v1.0", &[], 409, &format!("Request {twin} for the same commit is still open"))
        .await;
    for minor in 1..=4 {
        service.asked(&dana, &format!("v1.{minor}"), &[]).await;
    }
    refused(&service, &dana, "v1.5", &[], 429, "Too many open requests").await;
    assert_eq!(service.post(&dana, &format!("/requests/{twin}/cancel"), &[]).await.status, 303);
    for _ in 5..20 {
        let id = service.asked(&dana, "v1.5", &[]).await;
        assert_eq!(service.post(&dana, &format!("/requests/{id}/cancel"), &[]).await.status, 303);
    }
    refused(&service, &dana, "v1.5", &[], 429, "Too many requests this hour").await;
    service.advance(jiff::SignedDuration::from_mins(61));
    service.asked(&dana, "v1.5", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_for_or_started_where_a_deployment_is_under_way() {
    let service = quiet().await;
    let Approved { dana, launch, .. } = service.approved("v1.0").await;
    let second = service.approved("v1.1").await;
    let deployment = number_in(&service.post(&dana, &launch, &[]).await);
    let busy = format!("Wait for deployment {deployment} to end");
    refused(&service, &dana, "v1.2", &[], 409, &busy).await;
    let page = service.post(&dana, &second.launch, &[]).await;
    assert_eq!(page.status, 409);
    assert!(page.text().contains(&busy), "{}", page.text());
    let page = dana.get(&second.launch).await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (409, Some("blocked")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_version_cannot_do_is_not_done_otherwise() {
    type Edit = fn(&mut Value);
    let mut service = quiet().await;
    let dana = service.as_user("dana").await;
    let good = service.fleet.clone();
    let edits: [(Edit, &str); 3] = [
        (
            |fleet| drop(fleet["servers"][0].as_object_mut().unwrap().remove("host_key")),
            "Host key not pinned",
        ),
        (|fleet| fleet["clusters"][0]["servers"] = json!([]), "Empty cluster"),
        (|fleet| fleet["servers"][0]["active"] = json!(false), "No active server"),
    ];
    for (edit, words) in edits {
        service.apply(|fleet| *fleet = good.clone()).await;
        service.apply(edit).await;
        refused(&service, &dana, "v1.0", &[], 409, words).await;
    }
    let page = service.ask_by_hand(&dana, "v1.0", &[]).await;
    for gate in
        ["First release here", "May be released here", "May request releases here", "No active server"]
    {
        assert!(page.text().contains(gate), "all gates are listed, {gate} is not: {}", page.text());
    }

    // The same gates stand before a launch.
    service.apply(|fleet| *fleet = good.clone()).await;
    let Approved { dana, launch, .. } = service.approved("v1.0").await;
    service.apply(|fleet| fleet["servers"][0]["active"] = json!(false)).await;
    let page = service.post(&dana, &launch, &[]).await;
    assert_eq!(page.status, 409);
    for gate in ["No active server", "Nothing changed", "Approved", "May request releases here"] {
        assert!(page.text().contains(gate), "all gates are listed, {gate} is not: {}", page.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_take_their_own_fields_and_answer_with_the_page_of_the_thing() {
    let service = quiet().await;
    let dana = service.as_user("dana").await;
    refused(&service, &dana, "v1.0", &[("state", "accepted")], 422, "a field that this page does not have")
        .await;
    refused(&service, &dana, "v1.0", &[("requester", "rosa")], 422, "a field that this page does not have")
        .await;
    refused(&service, &dana, "v1.0", &[("tag", "v1.0"), ("tag", "v1.1")], 422, "a field that was sent twice")
        .await;
    let page = service.ask_by_hand(&dana, "v1.0", &[]).await;
    let request = number_in(&page);
    assert_eq!(page.header("location"), format!("/requests/{request}"));

    let review = service.link_about("review", "v1.0").await;
    let rosa = service.as_user("rosa").await;
    let extra = [("comment", "Fine"), ("approver", "remy")];
    assert_eq!(service.post(&rosa, &format!("{review}/accept"), &extra).await.status, 422);
    assert_eq!(service.request_state(request).await, "awaiting_review");
    let page = service.post(&rosa, &format!("{review}/accept"), &[("comment", "Fine")]).await;
    assert_eq!(page.header("location"), format!("/requests/{request}"));
    let launch = service.link_about("accepted", "v1.0").await;
    for path in [
        launch.clone(),
        format!("/requests/{request}/start"),
        format!("/requests/{request}/new-link"),
        format!("/requests/{request}/cancel"),
    ] {
        assert_eq!(service.post(&dana, &path, &[("when", "now")]).await.status, 422, "{path}");
    }
    let page = service.post(&dana, &launch, &[]).await;
    assert_eq!(page.header("location"), format!("/deployments/{}", number_in(&page)));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_has_one_main_and_the_word_of_its_state() {
    let service = quiet().await;
    let Approved { dana, rosa, request, review, launch } = service.approved("v1.0").await;
    let one = async |browser: &Browser, path: &str| -> String {
        let page = browser.get(path).await.unwrap();
        assert_eq!(page.select("main").len(), 1, "{path}");
        page.main_state().unwrap_or_else(|| panic!("no data-state on {path}"))
    };
    assert_eq!(one(&dana, &format!("/requests/{request}")).await, "accepted");
    assert_eq!(one(&rosa, &review).await, "accepted");
    assert_eq!(one(&dana, &launch).await, "ready");
    let deployment = number_in(&service.post(&dana, &launch, &[]).await);
    assert_eq!(one(&dana, &format!("/requests/{request}")).await, "launched");
    assert_eq!(one(&dana, &format!("/deployments/{deployment}")).await, "queued");
    for path in [
        "/",
        "/requests",
        "/requests/new",
        "/deployments",
        "/applications",
        "/applications/shop",
        "/applications/shop/production",
    ] {
        one(&dana, path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_is_asked_for_as_one_and_leads_to_what_ran_here() {
    let service = Service::start_in(World { hosts: 1, ..World::default() }).await;
    service.released("v1.0").await;
    service.released("v1.1").await;
    let dana = service.as_user("dana").await;
    refused(&service, &dana, "v1.0", &[], 422, "Older than live").await;
    refused(&service, &dana, "v1.1", &[("rollback", "1")], 422, "Already live").await;
    refused(&service, &dana, "v1.2", &[("rollback", "1")], 422, "Never ran here").await;
    let request = service.asked(&dana, "v1.0", &[("rollback", "1")]).await;
    let page = dana.get(&format!("/requests/{request}")).await.unwrap();
    assert_eq!(page.select(".page-head .chip"), ["rollback"], "{}", page.text());
    let mails = service.mails_about("[review] shop v1.0", 2).await;
    assert!(mails[1].text().contains("v1.1"), "{}", mails[1].text());
}

/// Writes what a host says that it runs.
fn say(service: &Service, host: usize, tag: &str) {
    let commit = service.repository.git(["rev-parse", &format!("{tag}^{{commit}}")]);
    let folder = service.hosts[host - 1].files().join("shop");
    std::fs::create_dir_all(&folder).unwrap();
    let release =
        GitRelease::new(tag, &CommitId::parse(&commit).unwrap(), service.clock.now(), "/srv/shop", false);
    std::fs::write(folder.join(".git_release"), release.text()).unwrap();
}

async fn form(service: &Service, browser: &Browser, tag: &str) -> Page {
    service.request_form(browser, tag).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_record_agreeing_hosts_are_believed_and_it_is_said() {
    let service = Service::start_in(World { role: crate::boot::Role::Web, ..World::default() }).await;
    let dana = service.as_user("dana").await;
    say(&service, 1, "v1.0");
    say(&service, 2, "v1.1");
    let page = form(&service, &dana, "v1.2").await;
    assert!(
        page.text().contains("First release here") && page.text().contains("web-2 says v1.1"),
        "disagreeing hosts are not believed: {}",
        page.text()
    );

    say(&service, 2, "v1.0");
    refused(&service, &dana, "v1.0", &[], 422, "Already live").await;
    let page = form(&service, &dana, "v1.1").await;
    assert!(page.text().contains("Live by the hosts' word"), "{}", page.text());
    let request = service.asked(&dana, "v1.1", &[]).await;
    let page = dana.get(&format!("/requests/{request}")).await.unwrap();
    assert!(page.text().contains("v1.0"), "{}", page.text());
    assert_eq!(page.status, 200, "and it stays the record: {}", page.text());

    // With a record, a host that says otherwise is shown and not believed.
    say(&service, 2, "v1.2");
    let page = form(&service, &dana, "v1.2").await;
    assert!(
        page.text().contains("web-2 says v1.2") && page.text().contains("v1.2 descends from v1.0"),
        "{}",
        page.text()
    );
    refused(&service, &dana, "v1.2", &[("rollback", "1")], 422, "Never ran here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_several_releases_are_live_a_request_fits_each() {
    let world = World::quiet_with(|fleet| {
        fleet["servers"] =
            json!([crate::tests::harness::server("web-1", 1), crate::tests::harness::server("web-2", 1)]);
        fleet["clusters"][0]["servers"] = json!([{ "server": "web-1" }, { "server": "web-2" }]);
    });
    let service = Service::start_in(world).await;
    service.record_live("web-1", "v1.0").await;
    service.record_live("web-2", "v1.1").await;
    let dana = service.as_user("dana").await;
    refused(&service, &dana, "v1.0", &[], 422, "Several releases are live").await;
    let page = form(&service, &dana, "v1.1").await;
    assert!(
        page.text().contains("The patch starts from v1.0")
            && page.text().contains("Hosts could not be asked"),
        "{}",
        page.text()
    );

    // Ids are in no order: here the release that all contain sorts after the other.
    let git = &service.repository;
    let base = git.git(["rev-parse", "v1.0^{commit}"]);
    let mut later = (3..).map(|minor| (format!("v1.{minor}"), release(git, &format!("v1.{minor}"), minor)));
    let (other, _) = later.find(|(_, commit)| *commit < base).unwrap();
    release(git, "v2.0", 99);
    service.record_live("web-2", &other).await;
    for tag in [other.as_str(), "v2.0"] {
        let Approved { dana, launch, .. } = service.approved(tag).await;
        let deployment = number_in(&service.post(&dana, &launch, &[]).await);
        let (_, checked) = service.pick_up().await;
        assert!(
            matches!(&checked, crate::app::check_start::Checked::Go(_)),
            "{tag}, deployment {deployment}: {checked:?}"
        );
        service.advance(jiff::SignedDuration::from_mins(1));
        service.keep_house().await;
    }
}
