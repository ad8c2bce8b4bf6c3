//! A world in which nothing happens by itself, and what no page offers: forms made
//! by hand, the outbox emptied on demand, the runner's checks, the rows themselves.

use serde_json::{Value, json};

use super::{Service, World};
use crate::app::check_start::{Checked, check_start};
use crate::app::deliver;
use crate::app::queue::{Claimed, claim_next};
use crate::boot::Role;
use crate::db;
use crate::domain::live::{LiveRow, LiveState};
use crate::domain::name::{CommitId, Name};
use crate::mail::Mailer;
use crate::tests::support::browser::{Browser, Page};

/// Of no host: whoever listened at the address below would be turned away.
const HOST_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA1qtQ8XR92uR6rNjctelROi13odnEALVF5Zg0KhmT2N";

impl World {
    /// One host where nobody listens, and no background work: mail leaves on
    /// `deliver`, and what is queued stays queued.
    pub fn quiet() -> Self {
        Self::quiet_with(|_| {})
    }

    pub fn quiet_with(edit: impl FnOnce(&mut Value) + Send + 'static) -> Self {
        let edit_fleet = Box::new(|fleet: &mut Value| {
            fleet["servers"] = json!([server("web-1", 1)]);
            fleet["clusters"] = json!([{ "name": "web", "servers": [{ "server": "web-1" }] }]);
            edit(fleet);
        });
        Self { hosts: 0, edit_fleet, role: Role::Web, ..Self::default() }
    }
}

/// A server of a fleet file that never answers.
pub fn server(name: &str, port: u16) -> Value {
    json!({ "name": name, "host": "127.0.0.1", "port": port, "host_key": HOST_KEY })
}

/// The environment of the shop in a fleet file.
pub fn production(fleet: &mut Value) -> &mut Value {
    &mut fleet["applications"][0]["environments"][0]
}

impl Service {
    /// Sends a form that no page showed, with a genuine token and Origin.
    pub async fn post(&self, browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Page {
        let home = browser.get("/").await.unwrap();
        let csrf = home.value("csrf").expect("somebody signed in");
        self.post_with(browser, &csrf, path, fields).await
    }

    pub async fn post_with(
        &self,
        browser: &Browser,
        csrf: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf", csrf)
            .extend_pairs(fields)
            .finish();
        let headers =
            [("origin", self.base_url.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        browser.raw("POST", path, &headers, &body).await.unwrap()
    }

    /// Asks for a release of the shop by hand. Later pairs win over the usual ones.
    pub async fn ask_by_hand(&self, browser: &Browser, tag: &str, changed: &[(&str, &str)]) -> Page {
        let usual =
            [("application", "shop"), ("environment", "production"), ("tag", tag), ("reason", "Because.")];
        let kept = usual.iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let fields: Vec<(&str, &str)> = kept.chain(changed).copied().collect();
        self.post(browser, "/requests", &fields).await
    }

    /// The same, where it is expected to succeed. Gives the number of the request.
    pub async fn asked(&self, browser: &Browser, tag: &str, changed: &[(&str, &str)]) -> i64 {
        number_in(&self.ask_by_hand(browser, tag, changed).await)
    }

    /// Sends every mail that is due now.
    pub async fn deliver(&self) {
        let mailer = Mailer::new(&self.app.config.mail).unwrap();
        while deliver::deliver_due(&self.app, &mailer).await.unwrap() {}
    }

    /// The link in the newest mail of this kind about a release.
    pub async fn link_about(&self, kind: &str, tag: &str) -> String {
        self.deliver().await;
        self.mail_about(&format!("[{kind}] shop {tag}")).await.only_link()
    }

    /// Asks as dana and accepts as rosa, by hand: her browser, the request, the links.
    pub async fn approved(&self, tag: &str) -> Approved {
        let dana = self.as_user("dana").await;
        let request = self.asked(&dana, tag, &[]).await;
        let review = self.link_about("review", tag).await;
        let rosa = self.as_user("rosa").await;
        let page = self.post(&rosa, &format!("{review}/accept"), &[]).await;
        assert_eq!(page.status, 303, "{}", page.text());
        let launch = self.link_about("accepted", tag).await;
        Approved { dana, rosa, request, review, launch }
    }

    /// What the runner does first: takes the next deployment and asks policy again.
    pub async fn pick_up(&self) -> (Claimed, Checked) {
        let claimed = claim_next(&self.app, "a test").await.unwrap().expect("a deployment that waits");
        let checked = check_start(&self.app, &claimed).await.unwrap();
        (claimed, checked)
    }

    /// Records that a server runs a tag, as the end of a deployment does.
    pub async fn record_live(&self, server: &str, tag: &str) {
        let commit = self.repository.git(["rev-parse", &format!("{tag}^{{commit}}")]);
        let name = |text: &str| Name::parse(text).unwrap();
        let row = LiveRow {
            server: name(server),
            commit: Some(CommitId::parse(&commit).unwrap()),
            release: Some(tag.to_owned()),
            state: LiveState::Settled,
            deployment: None,
            at: self.clock.now(),
        };
        let tx = self.app.db.begin().await.unwrap();
        db::live::put(&tx, &name("shop"), &name("production"), &row).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Every row that matters, after the name of its table.
    pub async fn rows(&self) -> Vec<String> {
        let dump = self.tables_that_matter().await.into_iter();
        dump.flat_map(|(table, rows)| rows.into_iter().map(move |row| format!("{table}: {row}"))).collect()
    }

    /// The same without one table.
    pub async fn rows_but(&self, table: &str) -> Vec<String> {
        let rows = self.rows().await.into_iter();
        rows.filter(|row| !row.starts_with(&format!("{table}: "))).collect()
    }

    /// How many rows of a table there are.
    pub async fn rows_of(&self, table: &str) -> usize {
        self.tables().await[table].len()
    }
}

/// An accepted request, and those who have to do with it.
pub struct Approved {
    pub dana: Browser,
    pub rosa: Browser,
    pub request: i64,
    pub review: String,
    pub launch: String,
}

/// The number at the end of where a 303 leads.
pub fn number_in(page: &Page) -> i64 {
    assert_eq!(page.status, 303, "{}", page.text());
    let location = page.location().unwrap().expect("a way on");
    location.path_segments().and_then(Iterator::last).and_then(|last| last.parse().ok()).expect("a number")
}
