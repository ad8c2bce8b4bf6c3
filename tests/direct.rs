//! Deployments without a request and the steering of runs, by the pages and their forms.

mod deploying;
mod out_of_service;
mod steering;

use serde_json::{Value, json};

use crate::tests::harness::{Service, World, production};
use crate::tests::support::browser::{Browser, Page};

/// `shop` goes to production without approval, to web-1 in web-a and web-2 in web-b.
/// dana may deploy there at any time.
fn free(edit: impl FnOnce(&mut Value) + Send + 'static) -> World {
    let edit_fleet = Box::new(|fleet: &mut Value| {
        fleet["clusters"] = json!([
            { "name": "web-a", "servers": [{ "server": "web-1" }] },
            { "name": "web-b", "servers": [{ "server": "web-2" }] },
        ]);
        production(fleet)["clusters"] = json!(["web-a", "web-b"]);
        production(fleet)["approval"]["required"] = json!(0);
        fleet["roles"][1]["grants"] = json!([{ "permission": "deploy", "application": "shop" }]);
        edit(fleet);
    });
    World { edit_fleet, ..World::default() }
}

const DEPLOY: &str = "/applications/shop/production/deploy";

impl Service {
    /// Deploys through the page; gives the page of the deployment.
    async fn deployed(&self, browser: &Browser, release: &str) -> Page {
        let page = browser.get(&format!("{DEPLOY}?release={release}")).await.unwrap();
        assert_eq!(page.main_state().as_deref(), Some("ready"), "{}", page.text());
        let page = browser.submit(&page, &format!("Deploy {release} to production"), &[]).await.unwrap();
        assert_eq!(page.main_page().as_deref(), Some("deployment"), "{}", page.text());
        page
    }

    /// A release whose script ends badly on this server.
    fn broken_on(&self, tag: &str, server: &str) {
        self.commit(tag, |repository| {
            let script = format!("if [ \"$2\" = {server} ]; then echo 'no route to host' >&2; exit 1; fi\n");
            repository.write("deploy.sh", script);
        });
    }
}

async fn run_page(browser: &Browser, id: i64) -> Page {
    browser.get(&format!("/deployments/{id}")).await.unwrap()
}

fn says(page: &Page, words: &[&str]) {
    let text = page.text();
    for words in words {
        assert!(text.contains(words), "{words:?} is not on {}: {text}", page.url);
    }
}
