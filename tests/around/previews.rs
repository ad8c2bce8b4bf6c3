//! What a release would change, asked of the hosts before anything is changed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use crate::domain::deployment::DeploymentState::Succeeded;
use crate::runner::ssh::compare::parse_changes;
use crate::tests::harness::{Service, World, production};
use crate::tests::support::browser::{Browser, Page};

const V3: &str = "/applications/shop/production/preview?release=v1.3";

/// Loads the page until the answer is there, as the page itself does.
async fn answered(browser: &Browser, path: &str) -> Page {
    let found = tokio::time::timeout(Duration::from_mins(1), async {
        loop {
            let page = browser.get(path).await.unwrap();
            if page.main_state().as_deref() != Some("wanted") {
                return page;
            }
            assert_eq!(page.attributes("meta[http-equiv=refresh]", "content"), ["3"], "{}", page.text());
        }
    });
    found.await.expect("an answer")
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut ahead = vec![folder.to_owned()];
    while let Some(next) = ahead.pop() {
        for entry in std::fs::read_dir(next).unwrap().flatten() {
            if entry.path().is_dir() {
                ahead.push(entry.path());
            } else {
                found.insert(entry.path().display().to_string(), std::fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_counts_and_names_what_would_change_and_changes_nothing() {
    let service = Service::start_in(World::unreviewed(2)).await;
    let (dana, rosa) = (service.as_user("dana").await, service.as_user("rosa").await);
    let id = service.launched(&dana, "v1.0").await;
    assert_eq!(service.ended(id).await.state, Succeeded);
    service.commit("v1.3", |repository| {
        repository.remove("README.md");
    });
    let before = [contents(&service.hosts[0].files()), contents(&service.hosts[1].files())];
    let form = service.request_form(&dana, "v1.3").await;
    let connected = service.connections(1);
    let page = dana.get(form.link("On the hosts").unwrap().as_str()).await.unwrap();
    assert_eq!((page.main_page().as_deref(), page.main_state().as_deref()), (Some("preview"), Some("none")));
    assert_eq!(service.connections(1), connected, "looking at the page asks nobody");
    let page = dana.submit(&page, "Compare with the hosts", &[]).await.unwrap();
    assert_eq!(page.main_page().as_deref(), Some("preview"), "{}", page.text());
    let page = answered(&dana, V3).await;

    assert_eq!(page.main_state().as_deref(), Some("ready"), "{}", page.text());
    let text = page.text();
    // deploy.sh is removed from a host after it ran, so it comes anew each time.
    for said in ["2 added", "2 changed", "1 deleted"] {
        assert_eq!(
            text.matches(said).count(),
            4,
            "in the numbers and over the paths of two hosts, {said}: {text}"
        );
    }
    assert!(text.contains("of 5 files there"), "{text}");
    for path in ["README.md", "src/basket.py", "src/payment.py", "version", "deploy.sh"] {
        assert!(text.contains(path), "{path}: {text}");
    }
    assert!(!text.contains("bin/serve") && !text.contains(".git_release"), "{text}");
    let after = [contents(&service.hosts[0].files()), contents(&service.hosts[1].files())];
    assert_eq!(before, after);

    assert_eq!(service.connections(1), connected + 1, "one for all of it");
    let alone = dana.get(&format!("{V3}&server=web-2")).await.unwrap();
    assert!(alone.text().contains("server web-2 of production"), "{}", alone.text());
    assert!(alone.html.contains("/servers/web-2") && !alone.html.contains("/servers/web-1"));
    assert!(alone.link("All hosts of production").is_ok());
    for nowhere in ["&server=nosuch", "&cluster=web-1", "&server=web-1&cluster=web", "&server=a%20b"] {
        assert_eq!(dana.get(&format!("{V3}{nowhere}")).await.unwrap().status, 404, "{nowhere}");
    }
    let caller = service.calling_as("dana").await;
    let address = "/applications/shop/environments/production/preview";
    let said = caller.get(&format!("{address}?release=v1.3&server=web-2")).await.ok();
    let host = &said["hosts"][0];
    assert_eq!((&said["state"], said["hosts"].as_array().unwrap().len()), (&json!("ready"), 1), "{said}");
    assert_eq!(
        (&host["server"], &host["found"], &host["deleted"]),
        (&json!("web-2"), &json!("changes"), &json!(1)),
        "{said}"
    );
    assert_eq!(caller.get(&format!("{address}?release=nosuch")).await.status, 404);
    assert_eq!(caller.get(address).await.wrong_fields(), ["release"]);
    let asked = caller.post(address, &json!({ "release": "v1.3" })).await;
    assert_eq!((asked.status, asked.page.header("location").contains("preview?release=")), (202, true));
    let again = rosa.get(V3).await.unwrap();
    assert_eq!(again.main_state().as_deref(), Some("ready"), "whoever reads sees what was found");
    service.post(&dana, "/applications/shop/production/preview", &[("release", "v1.3")]).await;
    assert_eq!(answered(&dana, V3).await.main_state().as_deref(), Some("ready"));
    assert_eq!(service.connections(1), connected + 1, "it is kept for ten minutes");
    service.advance(SignedDuration::from_mins(11));
    let page = dana.get(V3).await.unwrap();
    assert!(page.main_state().as_deref() == Some("none") && page.has_form("Compare"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_a_deployment_has_is_not_asked_for_a_preview() {
    let service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    let gate = service.gate("gate");
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", format!("echo waiting\n{}", gate.wait()));
    });
    let id = service.launched(&dana, "v1.3").await;
    service.until_line(id, "waiting").await;
    let connected = service.connections(1);

    let asked = service.post(&dana, "/applications/shop/production/preview", &[("release", "v1.3")]).await;
    assert_eq!((asked.status, asked.header("location")), (303, V3), "{}", asked.text());
    let page = answered(&dana, V3).await;
    assert!(page.text().contains("Not asked: a deployment has it just now."), "{}", page.text());
    assert!(page.text().contains("No host could be compared."), "{}", page.text());
    assert_eq!(service.connections(1), connected);
    gate.open().await;
    assert_eq!(service.ended(id).await.state, Succeeded);
    dana.submit(&page, "Compare again", &[]).await.unwrap();
    let page = answered(&dana, V3).await;
    assert!(page.text().contains("What would change on 1 host."), "{}", page.text());
    assert!(!page.has_form("Compare"), "{:?}", page.buttons());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_something_else_makes_what_is_deployed_there_is_no_preview() {
    let mut world = World::unreviewed(1);
    world.edit_config = Box::new(|settings| {
        settings["commands"] = json!([{ "name": "pack", "argv": ["true"] }]);
    });
    let mut service = Service::start_in(world).await;
    let dana = service.as_user("dana").await;
    service.commit("v1.3", |repository| {
        repository.write("predeploy.sh", "echo built > built\n");
    });
    service.post(&dana, "/applications/shop/production/preview", &[("release", "v1.3")]).await;
    let page = answered(&dana, V3).await;
    assert_eq!(page.main_state().as_deref(), Some("none"), "{}", page.text());
    assert!(page.text().contains("The release has predeploy.sh"), "{}", page.text());

    service.apply(|fleet| production(fleet)["artifact"] = json!("pack")).await;
    let page = dana.get(V3).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("none"), "{}", page.text());
    assert!(page.text().contains("The command pack makes what is deployed here"), "{}", page.text());
    assert!(!page.has_form("Compare"), "{:?}", page.buttons());
    let asked = service.post(&dana, "/applications/shop/production/preview", &[("release", "v1.3")]).await;
    assert_eq!(asked.status, 409, "{}", asked.text());
    assert_eq!(service.connections(1), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_read_does_not_make_us_knock_at_hosts() {
    let world = World::quiet_with(|fleet| {
        let reader =
            json!({ "name": "readers", "github_teams": ["interns"], "grants": [{ "permission": "read" }] });
        fleet["roles"].as_array_mut().unwrap().push(reader);
    });
    let mut service = Service::start_in(world).await;
    let mallory = service.as_user("mallory").await;
    let preview = "/applications/shop/production/preview";
    let page = mallory.get(&format!("{preview}?release=v1.0")).await.unwrap();
    assert!(page.status == 200 && !page.has_form("Compare"), "{}", page.text());
    assert_eq!(service.post(&mallory, preview, &[("release", "v1.0")]).await.status, 403);
    assert_eq!(service.rows_of("previews").await, 0);
    for missing in ["", "nosuch", "--upload-pack=x", &"a".repeat(40)] {
        let page = mallory.get(&format!("{preview}?release={missing}")).await.unwrap();
        assert_eq!(page.status, 404, "{missing:?}: {}", page.text());
    }
    service.apply(|fleet| drop(fleet["roles"].as_array_mut().unwrap().pop())).await;
    assert_eq!(mallory.get(&format!("{preview}?release=v1.0")).await.unwrap().status, 404);
    assert_eq!(service.post(&mallory, preview, &[("release", "v1.0")]).await.status, 404);
}

#[test]
fn what_rsync_says_of_a_dry_run_is_counted() {
    let mut text = String::from(
        "*deleting   old/gone\n*deleting   old/\ncd+++++++++ new/\n<f+++++++++ new/a b\ncL+++++++++ link\n\
         <fcs....... changed\n<fc........ mode\n.d..t...... same/\ncLc........ turned\n<f+++++++++ bad\u{202e}name\n\n\
         Number of files: 9 (reg: 6, dir: 1, link: 2)\nNumber of created files: 3\n",
    );
    let changes = parse_changes(&text, 50);
    assert_eq!((changes.added, changes.changed, changes.deleted, changes.files), (3, 3, 1, 6));
    assert_eq!(changes.added_paths, ["new/a b", "link", r"bad\u{202e}name"]);
    assert_eq!(changes.changed_paths, ["changed", "mode", "turned"]);
    assert_eq!(changes.deleted_paths, ["old/gone"]);
    assert!(!changes.beyond_threshold);

    for number in 0..30 {
        let _ = writeln!(text, "*deleting   {number}");
    }
    let changes = parse_changes(&text, 50);
    assert_eq!((changes.deleted, changes.deleted_paths.len()), (31, 20), "the rest is only counted");
    assert!(changes.beyond_threshold);
}
