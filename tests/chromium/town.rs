//! A service with a history, for looking at: two applications, two environments,
//! a release in each state.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::event::EventKind;
use crate::tests::harness::{Service, World, id_of};
use crate::tests::support::browser::{Browser, Page};
use crate::tests::support::git::GitRepository;

const DAY: i64 = 86_400;

/// An application and its environment.
type Place = (&'static str, &'static str);

pub struct Town {
    pub service: Service,
    /// What the paths of pages are made with.
    pub succeeded: i64,
    pub failed: i64,
    pub running: i64,
    pub awaiting: i64,
    pub rejected: i64,
    /// Of `search`: one that waits for a person, and one that waits for it.
    pub canary: i64,
    pub queued: i64,
    /// Links of mails that still wait to be used.
    pub review: String,
    pub launch: String,
    /// Its lock holds the running deployment.
    gate: Latch,
}

impl Town {
    pub async fn build() -> Self {
        Self::build_with(|_| {}).await
    }

    /// The same with another configuration.
    pub async fn build_with(edit_config: impl FnOnce(&mut Value) + Send + 'static) -> Self {
        let edit_config = Box::new(edit_config);
        let edit_fleet = Box::new(fleet);
        let service =
            Service::start_in(World { hosts: 4, edit_fleet, edit_config, ..World::default() }).await;
        let gate = Latch::closed(service.path());
        history(&service.repository, &gate);
        let dana = service.as_user("dana").await;
        let rosa = service.as_user("rosa").await;
        let mut town = Self {
            service,
            succeeded: 0,
            failed: 0,
            running: 0,
            awaiting: 0,
            rejected: 0,
            canary: 0,
            queued: 0,
            review: String::new(),
            launch: String::new(),
            gate,
        };
        let (staging, production) = (("shop", "staging"), ("shop", "production"));
        let billing = ("billing", "staging");
        town.release(&dana, &rosa, staging, "v1.0", DeploymentState::Succeeded).await;
        town.succeeded = town.release(&dana, &rosa, production, "v1.0", DeploymentState::Succeeded).await.id;
        town.rejected = id_of(&town.asked(&dana, production, "v1.1", "The payment page is ready.").await);
        town.decided(&rosa, production, "v1.1", "Reject", "Black Friday is on; please come back on Monday.")
            .await;
        town.release(&dana, &rosa, billing, "v1.0", DeploymentState::Succeeded).await;
        town.failed = town.release(&dana, &rosa, billing, "v1.3", DeploymentState::Failed).await.id;
        let launch = town.accepted(&dana, &rosa, staging, "v1.4").await;
        let page = dana.get(&launch).await.unwrap();
        town.running = id_of(&dana.submit(&page, "Start deployment", &[]).await.unwrap());
        town.launch = town.accepted(&dana, &rosa, production, "v1.2").await;
        let words = "Guests lose their basket when they sign in; support gets forty mails a week about it.";
        town.awaiting = id_of(&town.asked(&dana, production, "v1.4", words).await);
        town.review = town.service.mail_about("[review] shop v1.4 → production").await.only_link();
        let running = town.running;
        town.service.until(running, |deployment| deployment.plan.is_some()).await;
        let remy = town.service.as_user("remy").await;
        town.canary = town.deployed(&remy, "v1.1").await;
        let waits = |what: &EventKind| matches!(what, EventKind::Waiting { .. });
        town.service.until_event(town.canary, waits).await;
        town.queued = town.deployed(&remy, "v1.2").await;
        town
    }

    async fn deployed(&self, who: &Browser, release: &str) -> i64 {
        let page =
            who.get(&format!("/applications/search/production/deploy?release={release}")).await.unwrap();
        id_of(&who.submit(&page, &format!("Deploy {release} to production"), &[]).await.unwrap())
    }

    /// Lets what runs come to its end.
    pub async fn open_the_gate(&self) -> Deployment {
        self.gate.open();
        self.service.ended(self.running).await
    }

    async fn asked(&self, who: &Browser, (application, environment): Place, tag: &str, reason: &str) -> Page {
        let form = who
            .get(&format!("/requests/new?application={application}&environment={environment}&tag={tag}"))
            .await
            .unwrap();
        let page = who
            .submit(&form, "Request review of", &[("reason", reason), ("ticket", "SHOP-1289")])
            .await
            .unwrap();
        assert_eq!(page.main_state().as_deref(), Some("awaiting_review"), "{}", page.text());
        page
    }

    async fn decided(
        &self,
        who: &Browser,
        (application, environment): Place,
        tag: &str,
        button: &str,
        comment: &str,
    ) {
        let link = self
            .service
            .mail_about(&format!("[review] {application} {tag} → {environment}"))
            .await
            .only_link();
        let page = who.get(&link).await.unwrap();
        let page = who.submit(&page, button, &[("comment", comment)]).await.unwrap();
        assert_eq!(page.main_page().as_deref(), Some("request"), "{}", page.text());
    }

    async fn accepted(&self, dana: &Browser, rosa: &Browser, place: Place, tag: &str) -> String {
        self.asked(dana, place, tag, "Guests lose their basket when they sign in.").await;
        self.decided(rosa, place, tag, "Countersign", "Tested on staging, fine.").await;
        let (application, environment) = place;
        self.service.mail_about(&format!("[accepted] {application} {tag} → {environment}")).await.only_link()
    }

    async fn release(
        &self,
        dana: &Browser,
        rosa: &Browser,
        place: Place,
        tag: &str,
        end: DeploymentState,
    ) -> Deployment {
        let launch = self.accepted(dana, rosa, place, tag).await;
        let page = dana.get(&launch).await.unwrap();
        let page = dana.submit(&page, "Start deployment", &[]).await.unwrap();
        let deployment = self.service.ended(id_of(&page)).await;
        assert_eq!(deployment.state, end, "{tag} in {place:?}: {:?}", deployment.why);
        deployment
    }
}

/// A lock on a file that scripts on the hosts wait for, so that a deployment is held
/// exactly as long as a test wants.
pub struct Latch {
    file: File,
    path: PathBuf,
}

impl Latch {
    pub fn closed(folder: &Path) -> Self {
        let path = folder.join("gate");
        let file = File::create(&path).unwrap();
        file.lock().unwrap();
        Self { file, path }
    }

    /// The command that waits.
    pub fn wait(&self) -> String {
        format!("flock --shared {} true", self.path.display())
    }

    pub fn open(&self) {
        self.file.unlock().unwrap();
    }
}

/// Adds staging before production, each on hosts of its own, and a second application.
fn fleet(fleet: &mut Value) {
    fleet["clusters"] = json!([
        { "name": "web-a", "servers": [{ "server": "web-1" }] },
        { "name": "web-b", "servers": [{ "server": "web-2" }] },
        { "name": "find-a", "servers": [{ "server": "web-3" }] },
        { "name": "find-b", "servers": [{ "server": "web-4" }] },
    ]);
    let application = &mut fleet["applications"][0];
    let production = &mut application["environments"][0];
    production["clusters"] = json!(["web-a", "web-b"]);
    let mut staging = production.clone();
    staging["name"] = json!("staging");
    (staging["order"], production["order"]) = (json!(1), json!(2));
    staging["target_path"] = json!(format!("{}-staging", production["target_path"].as_str().unwrap()));
    application["environments"] = json!([staging, production.clone()]);
    let mut billing = application.clone();
    billing["name"] = json!("billing");
    for environment in billing["environments"].as_array_mut().unwrap() {
        environment["target_path"] =
            json!(format!("{}-billing", environment["target_path"].as_str().unwrap()));
    }
    fleet["applications"].as_array_mut().unwrap().push(billing);
    fleet["roles"][1]["grants"] = json!([{ "permission": "request" }]);
    // A third one, free for those who may deploy there.
    let mut free = fleet["applications"][0].clone();
    free["name"] = json!("search");
    free["environments"] = json!([free["environments"][1].clone()]);
    let environment = &mut free["environments"][0];
    environment["target_path"] = json!(format!("{}-search", environment["target_path"].as_str().unwrap()));
    environment["approval"]["required"] = json!(0);
    environment["strategy"] = json!("canary");
    environment["clusters"] = json!(["find-a", "find-b"]);
    fleet["applications"].as_array_mut().unwrap().push(free);
    fleet["roles"].as_array_mut().unwrap().push(json!({
        "name": "operators", "users": ["remy"], "grants": [{ "permission": "deploy" }],
    }));
}

/// Releases with something to review: v1.3 fails its script on the second host, v1.4
/// waits at the gate in staging.
fn history(repository: &GitRepository, gate: &Latch) {
    const FROM: i64 = 1_780_000_000 + 3 * DAY;
    let tag = |name: &str, words: &str, day: i64| {
        repository.write("version", format!("{name}\n"));
        let commit = repository.commit(words, FROM + day * DAY);
        repository.annotated_tag(name, &commit, words, FROM + day * DAY);
    };
    let talk = "printf '\\033[32m✓\\033[0m assets compiled\\n'; echo 'cache warmed: 412 entries'; ";
    repository.write("deploy.sh", format!("{talk}if [ \"$2\" = web-2 ]; then echo 'could not connect to tax-api.internal:443: no route to host' >&2; exit 1; fi\n"));
    repository.write(
        "migrations/0042_guest_carts.sql",
        "CREATE TABLE guest_carts (\n    id BIGINT PRIMARY KEY,\n    cookie TEXT NOT NULL\n);\n",
    );
    repository.commit("Carts of guests have a table", FROM);
    tag("v1.3", "Baskets survive signing in", 0);
    repository.write("deploy.sh", format!("{talk}if [ \"$1\" = staging ]; then {}; fi\n", gate.wait()));
    repository.write("config/production.yaml", "basket:\n  days: 30\n");
    repository.commit("Keep a basket for thirty days", FROM + DAY);
    repository.write(
        "src/payment.py",
        "def pay(amount, currency=\"EUR\"):\n    check(amount)\n    return Receipt(amount, currency)\n",
    );
    tag("v1.4", "Baskets survive signing in, second try", 1);
}
