//! A Rocket that serves one handler on a port of this machine, can be stopped
//! (connections are then refused) and started again on the same port.

use std::collections::HashSet;
use std::sync::Mutex;

use rocket::config::{LogLevel, Shutdown as ShutdownConfig};
use rocket::fairing::AdHoc;
use rocket::http::{Header, Method, Status};
use rocket::request::Request;
use rocket::response::{self, Responder, Response};
use rocket::route::{Handler, Route};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub struct Server<H> {
    handler: H,
    port: u16,
    running: Mutex<Option<Running>>,
}

struct Running {
    shutdown: rocket::Shutdown,
    ended: JoinHandle<()>,
}

impl<H: Handler + Clone> Server<H> {
    /// On the given port, or on a free one. Listens when this returns.
    pub async fn start(handler: H, port: Option<u16>) -> Self {
        let (port, running) = launch(handler.clone(), port.unwrap_or(0)).await;
        Self { handler, port, running: Mutex::new(Some(running)) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Refuses connections when this returns.
    pub async fn stop(&self) {
        let running = self.running.lock().unwrap().take();
        if let Some(running) = running {
            running.shutdown.notify();
            running.ended.await.expect("the server ended");
        }
    }

    pub async fn start_again(&self) {
        self.stop().await;
        let (_, running) = launch(self.handler.clone(), self.port).await;
        *self.running.lock().unwrap() = Some(running);
    }
}

impl<H> Drop for Server<H> {
    fn drop(&mut self) {
        if let Some(running) = self.running.lock().unwrap().take() {
            running.shutdown.notify();
        }
    }
}

async fn launch(handler: impl Handler + Clone, port: u16) -> (u16, Running) {
    let config = rocket::Config {
        port,
        log_level: LogLevel::Off,
        shutdown: ShutdownConfig {
            ctrlc: false,
            signals: HashSet::new(),
            grace: 1,
            mercy: 1,
            ..ShutdownConfig::default()
        },
        ..rocket::Config::debug_default()
    };
    let routes = [Method::Get, Method::Post].map(|method| Route::new(method, "/<path..>", handler.clone()));
    let (tell, listening) = oneshot::channel();
    let tell = Mutex::new(Some(tell));
    let rocket = rocket::custom(config).mount("/", routes).attach(AdHoc::on_liftoff("port", move |rocket| {
        if let Some(tell) = tell.lock().unwrap().take() {
            let _ = tell.send((rocket.config().port, rocket.shutdown()));
        }
        Box::pin(async {})
    }));
    let ended = tokio::spawn(async move {
        if let Err(problem) = rocket.launch().await {
            panic!("a stand-in cannot be served on port {port}: {problem:?}");
        }
    });
    let (port, shutdown) = listening.await.expect("the stand-in listens");
    (port, Running { shutdown, ended })
}

/// What a stand-in answers.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Reply {
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::with_type(status, "application/json; charset=utf-8", body.to_string())
    }

    pub fn html(status: u16, body: String) -> Self {
        Self::with_type(status, "text/html; charset=utf-8", body)
    }

    pub fn redirect(to: &str) -> Self {
        Self { status: 302, headers: vec![("location", to.to_owned())], body: String::new() }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn with_type(status: u16, kind: &str, body: String) -> Self {
        Self { status, headers: vec![("content-type", kind.to_owned())], body }
    }
}

impl<'r> Responder<'r, 'static> for Reply {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let mut response = Response::build();
        response.status(Status::new(self.status));
        for (name, value) in self.headers {
            response.raw_header_adjoin(name, value);
        }
        response.header_adjoin(Header::new("cache-control", "no-store"));
        response.sized_body(self.body.len(), std::io::Cursor::new(self.body)).ok()
    }
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
