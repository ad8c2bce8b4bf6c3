//! Following what happens: the live feed as a browser reads it, the journal and the
//! database by their wake signals, and gates that hold a script until a test opens them.

use std::path::PathBuf;
use std::process::Command;

use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection};

use super::{PATIENCE, Service, release};
use crate::db;
use crate::domain::event::{Event, EventKind, Phase};
use crate::domain::live::LiveRow;
use crate::domain::name::Name;
use crate::tests::support::browser::Browser;
use crate::tests::support::git::GitRepository;
use crate::tests::support::smtp::Mail;

impl Service {
    /// Asks and starts, where nothing has to be reviewed; gives the deployment's number.
    pub async fn launched(&self, browser: &Browser, tag: &str) -> i64 {
        self.launched_to(browser, ["shop", "production"], tag).await
    }

    pub async fn launched_to(&self, browser: &Browser, place: [&str; 2], tag: &str) -> i64 {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("application", place[0]), ("environment", place[1]), ("tag", tag)])
            .finish();
        let form = browser.get(&format!("/requests/new?{query}")).await.unwrap();
        assert_eq!(form.main_state().as_deref(), Some("ready"), "{}", form.text());
        let page = browser.submit(&form, "Request review of", &[("reason", "A fix.")]).await.unwrap();
        assert_eq!(page.main_state().as_deref(), Some("accepted"), "{}", page.text());
        let page = browser.submit(&page, "Start deployment", &[]).await.unwrap();
        assert_eq!(page.main_page().as_deref(), Some("deployment"), "{}", page.text());
        super::id_of(&page)
    }

    /// Commits what `change` writes, under a tag.
    pub fn commit(&self, tag: &str, change: impl FnOnce(&GitRepository)) -> String {
        change(&self.repository);
        release(&self.repository, tag, 10)
    }

    pub async fn journal(&self, id: i64) -> Vec<Event> {
        db::journal::read(&self.app.db, id, 0, usize::MAX).await.unwrap()
    }

    /// Waits until the journal holds what `wanted` looks for.
    pub async fn until_event(&self, id: i64, wanted: impl Fn(&EventKind) -> bool) {
        let mut wake = self.app.wake.journal.subscribe();
        let found = tokio::time::timeout(PATIENCE, async {
            while !self.journal(id).await.iter().any(|event| wanted(&event.what)) {
                let _ = wake.recv().await;
            }
        });
        let said = found.await.is_ok();
        assert!(said, "deployment {id} never said it: {:#?}", self.journal(id).await);
    }

    pub async fn until_line(&self, id: i64, line: &str) {
        self.until_event(id, |what| matches!(what, EventKind::Output { text, .. } if text == line)).await;
    }

    pub async fn until_step(&self, id: i64, wanted: Phase) {
        self.until_event(id, |what| matches!(what, EventKind::StepStarted { phase, .. } if *phase == wanted))
            .await;
    }

    /// What the record says of a server of `shop` in `production`.
    pub async fn live(&self, server: &str) -> LiveRow {
        let name = |text| Name::parse(text).unwrap();
        let rows = db::live::list(&self.app.db, &name("shop"), &name("production")).await.unwrap();
        rows.into_iter().find(|row| row.server.as_str() == server).expect("a record of the server")
    }

    /// The mails whose subject holds `words`, once there are as many.
    pub async fn mails_about(&self, words: &str, wanted: usize) -> Vec<Mail> {
        let mut known = 0;
        loop {
            let mails = self.mail.wait_for(known).await;
            let about: Vec<Mail> =
                mails.iter().filter(|mail| mail.subject().contains(words)).cloned().collect();
            if about.len() >= wanted {
                return about;
            }
            known = mails.len() + 1;
        }
    }

    /// A connection beside the service, for what only a test does.
    pub async fn database(&self) -> DatabaseConnection {
        let file = self.data_dir().join("countersign.db");
        Database::connect(format!("sqlite:{}", file.display())).await.unwrap()
    }

    pub async fn sql(&self, statement: &str) {
        let database = self.database().await;
        database.execute_unprepared(statement).await.unwrap();
        database.close().await.unwrap();
    }

    pub fn gate(&self, name: &str) -> Gate {
        let path = self.path().join(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        Gate(path)
    }
}

/// A named pipe that a script and a test meet at.
#[derive(Debug, Clone)]
pub struct Gate(PathBuf);

impl Gate {
    /// Shell words that wait until the test opens the gate.
    pub fn wait(&self) -> String {
        format!("read go < '{}'\n", self.0.display())
    }

    /// Shell words that keep the gate open to write for as long as the script lives.
    pub fn hold(&self) -> String {
        format!("exec 9> '{}'\n", self.0.display())
    }

    /// Lets one script go on that waits, or comes to wait.
    pub async fn open(&self) {
        let path = self.0.clone();
        let opened = tokio::task::spawn_blocking(move || std::fs::write(path, "go\n").unwrap());
        tokio::time::timeout(PATIENCE, opened).await.expect("a script comes to the gate").unwrap();
    }

    /// Waits until every script that held it is dead. To be called while one holds it,
    /// or before.
    pub async fn until_nobody_holds_it(&self) {
        let path = self.0.clone();
        let read = tokio::task::spawn_blocking(move || std::fs::read(path).unwrap());
        tokio::time::timeout(PATIENCE, read).await.expect("the script dies").unwrap();
    }
}

/// The live feed, message by message.
pub struct Feed {
    response: reqwest::Response,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub kind: String,
    pub id: Option<u64>,
    pub data: String,
}

impl Message {
    /// The journal's events in it; none in other messages.
    pub fn events(&self) -> Vec<Event> {
        if self.kind == "journal" { serde_json::from_str(&self.data).unwrap() } else { Vec::new() }
    }
}

impl Feed {
    pub async fn open(browser: &Browser, base_url: &str, id: i64, last: Option<u64>) -> Self {
        let mut request = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .get(format!("{base_url}/deployments/{id}/events"))
            .header("cookie", browser.cookies().join("; "));
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
        Self { response, bytes: Vec::new() }
    }

    /// The next message; none once the connection is closed.
    pub async fn next(&mut self) -> Option<Message> {
        tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
                    let text = String::from_utf8(self.bytes.drain(..end + 2).collect()).unwrap();
                    if let Some(message) = read_message(&text) {
                        return Some(message);
                    }
                } else {
                    self.bytes.extend_from_slice(&self.response.chunk().await.unwrap()?);
                }
            }
        })
        .await
        .expect("the feed goes on or ends")
    }

    /// Everything up to and including the message that `wanted` finds.
    pub async fn until(&mut self, wanted: impl Fn(&Message) -> bool) -> Vec<Message> {
        let mut messages = Vec::new();
        while !messages.last().is_some_and(&wanted) {
            messages.push(self.next().await.unwrap_or_else(|| panic!("it ended before: {messages:?}")));
        }
        messages
    }

    pub async fn until_line(&mut self, line: &str) -> Vec<Message> {
        let says = |event: &Event| matches!(&event.what, EventKind::Output { text, .. } if text == line);
        self.until(|message| message.events().iter().any(says)).await
    }

    /// Everything until the connection is closed.
    pub async fn rest(mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await {
            messages.push(message);
        }
        messages
    }
}

fn read_message(text: &str) -> Option<Message> {
    let mut message = Message { kind: String::new(), id: None, data: String::new() };
    for line in text.lines() {
        match line.split_once(':') {
            Some(("event", kind)) => kind.trim().clone_into(&mut message.kind),
            Some(("id", id)) => message.id = id.trim().parse().ok(),
            Some(("data", data)) => message.data.push_str(data),
            _ => {}
        }
    }
    (!message.kind.is_empty()).then_some(message)
}
