//! One Chromium with its `ChromeDriver`, in a fresh profile, gone when it is dropped.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::LoggingPrefsLogLevel;
use thirtyfour::prelude::*;

use crate::tests::harness::Service;

/// A page that is not there by then has a defect.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);
pub const AXE_VERSION: &str = "4.14.1";

/// The size of a screen and what its owner's system is set to.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
}

impl Screen {
    pub const PHONE: Screen = Screen { width: 360, height: 740, dark: false };
    pub const DESK: Screen = Screen { width: 1280, height: 800, dark: false };

    pub fn in_the_dark(self) -> Self {
        Self { dark: true, ..self }
    }
}

/// Dropped in this order: the session ends before its driver does.
pub struct Chromium {
    pub driver: WebDriver,
    _process: Process,
    _profile: TempDir,
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Chromium {
    pub async fn start() -> Self {
        let profile = tempfile::Builder::new().prefix("cs-chromium").tempdir().unwrap();
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is needed: `make setup` installs chromium and chromium-driver");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let process = Process(process);
        let port = lines.map_while(Result::ok).find_map(port_of).expect("chromedriver says its port");
        let mut wishes = DesiredCapabilities::chrome();
        for flag in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--force-prefers-reduced-motion",
            &format!("--user-data-dir={}", profile.path().display()),
        ] {
            wishes.add_arg(flag).unwrap();
        }
        wishes.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        wishes.set_logging_prefs("performance", LoggingPrefsLogLevel::All).unwrap();
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wishes)
            .await
            .expect("Chromium starts; `make setup` installs it");
        driver.set_script_timeout(PATIENCE).await.unwrap();
        let chromium = Self { driver, _process: process, _profile: profile };
        chromium.resize(Screen::DESK).await;
        chromium
    }

    pub async fn resize(&self, screen: Screen) {
        let phone = screen.width < 600;
        let size = json!({ "width": screen.width, "height": screen.height, "deviceScaleFactor": 1, "mobile": phone });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if screen.dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    pub async fn devtools(&self, method: &str, parameters: Value) -> Value {
        self.driver
            .cdp()
            .send_raw(method, parameters)
            .await
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Signs in by clicking, at the stand-in for GitHub. Ends any session before.
    pub async fn sign_in(&self, service: &Service, display: &str) {
        self.forget(service).await;
        self.open(service, "/login").await;
        self.click_link("Sign in with GitHub").await;
        self.click_link(display).await;
        self.arrives("home", "ready").await;
    }

    /// Becomes somebody of whom the service knows nothing.
    pub async fn forget(&self, service: &Service) {
        service.github.sign_in_as(None);
        self.open(service, "/login").await;
        self.driver.delete_all_cookies().await.unwrap();
    }

    /// A path of the service, or a link of a mail.
    pub async fn open(&self, service: &Service, address: &str) {
        let url = if address.starts_with('/') {
            format!("{}{address}", service.base_url)
        } else {
            address.to_owned()
        };
        self.driver.goto(url).await.unwrap();
    }

    pub async fn click_link(&self, words: &str) {
        let links = format!("//a[contains(normalize-space(.), '{words}')]");
        self.click(By::XPath(links), words).await;
    }

    pub async fn click_button(&self, words: &str) {
        let buttons = format!(
            "//button[contains(normalize-space(.), '{words}')] | //summary[contains(normalize-space(.), '{words}')]"
        );
        self.click(By::XPath(buttons), words).await;
    }

    /// The first that can be seen.
    async fn click(&self, by: By, words: &str) {
        for element in self.driver.find_all(by).await.unwrap() {
            if element.is_displayed().await.unwrap() {
                element.scroll_into_view().await.unwrap();
                return element.click().await.unwrap_or_else(|error| panic!("{words}: {error}"));
            }
        }
        panic!("nothing to click says {words:?}: {}", self.text().await);
    }

    pub async fn type_into(&self, field: &str, text: &str) {
        for element in self.driver.find_all(By::Css(format!("[name={field}]"))).await.unwrap() {
            if element.is_displayed().await.unwrap() {
                return element.send_keys(text).await.unwrap();
            }
        }
        panic!("no field {field}: {}", self.text().await);
    }

    /// Waits for a page in a state, also over the way to another one.
    pub async fn arrives(&self, page: &str, state: &str) {
        let wanted = By::Css(format!("main[data-page='{page}'][data-state='{state}']"));
        let found = self.driver.query(wanted).wait(PATIENCE, LOOK_EVERY).first().await;
        let here = (self.page().await, self.state().await, self.text().await);
        assert!(found.is_ok(), "never at {page} {state}, but at {here:?}");
    }

    pub async fn page(&self) -> String {
        self.ask("return document.querySelector('main')?.dataset.page ?? location.href").await
    }

    pub async fn state(&self) -> String {
        self.ask("return document.querySelector('main')?.dataset.state ?? ''").await
    }

    /// The HTTP status that the page came with.
    pub async fn status(&self) -> u64 {
        let status = self.value("return performance.getEntriesByType('navigation')[0].responseStatus").await;
        status.as_u64().unwrap_or_default()
    }

    /// What the content of the page offers to do: the buttons of its forms, the panels that
    /// open, and the links to forms. What is drawn but cannot be pressed begins with `not: `.
    pub async fn offers(&self) -> Vec<String> {
        self.texts(
            "return [...document.querySelectorAll('main :is(form[method=post] button, .btn[aria-disabled], summary.btn, :is(a.btn, .actions a):is([href*=\"/new\"], [href$=\"/deploy\"], [href*=\"/deploy?\"], [href$=\"/delete\"]))')]
              .filter((one) => one.checkVisibility({ visibilityProperty: true }))
              .map((one) => (one.getAttribute('aria-disabled') === 'true' ? 'not: ' : '') + one.innerText.replace(/\\s+/g, ' ').trim())",
        )
        .await
    }

    /// The paths of this service that the page leads to.
    pub async fn ways(&self) -> Vec<String> {
        self.texts(
            "return [...document.querySelectorAll(`a[href]:not([href^='#'])`)].map((one) => new URL(one.href))
              .filter((url) => url.origin === location.origin).map((url) => url.pathname + url.search)",
        )
        .await
    }

    /// The statuses that paths answer with for who is signed in; 0 where they lead elsewhere.
    pub async fn statuses(&self, paths: &[String]) -> Vec<u64> {
        let script = "const done = arguments[arguments.length - 1];
            Promise.all(arguments[0].map((path) => fetch(path, { redirect: 'manual' }).then((answer) => answer.status))).then(done);";
        let answered = self.driver.execute_async(script, vec![json!(paths)]).await.unwrap();
        answered.json().as_array().unwrap().iter().map(|status| status.as_u64().unwrap()).collect()
    }

    async fn texts(&self, script: &str) -> Vec<String> {
        let texts = self.value(script).await;
        texts.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    pub async fn text(&self) -> String {
        self.ask("return document.body.innerText").await
    }

    pub async fn ask(&self, script: &str) -> String {
        self.value(script).await.as_str().map(str::to_owned).unwrap_or_default()
    }

    pub async fn value(&self, script: &str) -> Value {
        self.driver
            .execute(script, Vec::new())
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
            .json()
            .clone()
    }

    /// Waits until a condition on the page holds, woken by its changes.
    pub async fn until(&self, condition: &str) {
        let script = format!(
            "const done = arguments[arguments.length - 1]; const holds = () => {condition};
             if (holds()) return done(true);
             const watch = new MutationObserver(() => {{ if (holds()) {{ watch.disconnect(); done(true); }} }});
             watch.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});"
        );
        let waited = self.driver.execute_async(script, Vec::new()).await;
        if let Err(error) = waited {
            panic!("{condition} never came: {error}: {}", self.text().await);
        }
    }

    /// What the browser complained of since it was asked last; the status of the page
    /// itself is not a complaint.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.driver.browser_log().await.unwrap();
        let status = |message: &str| message.contains("the server responded with a status of");
        // Advice for login pages, given wherever a form holds several passwords.
        let advice = |message: &str| message.contains("Multiple forms should be contained");
        log.into_iter()
            .filter(|entry| !status(&entry.message) && !advice(&entry.message))
            .map(|entry| format!("{}: {}", entry.level, entry.message))
            .collect()
    }

    /// The methods of all HTTP requests since it was asked last.
    pub async fn methods_sent(&self) -> Vec<String> {
        let log = self.driver.get_log("performance").await.unwrap();
        let events = log.iter().filter_map(|entry| serde_json::from_str::<Value>(&entry.message).ok());
        let method = |event: Value| {
            let message = &event["message"];
            let sent = message["method"] == "Network.requestWillBeSent";
            sent.then(|| message["params"]["request"]["method"].as_str().unwrap_or_default().to_owned())
        };
        events.filter_map(method).collect()
    }

    /// Serious and critical findings of axe-core on the page as it is.
    pub async fn barriers(&self, axe: &str) -> Vec<String> {
        self.driver.execute(axe, Vec::new()).await.unwrap();
        let run = "const done = arguments[arguments.length - 1];
            axe.run({ resultTypes: ['violations'], preload: false }).then((found) => done(found.violations
              .filter((one) => ['serious', 'critical'].includes(one.impact))
              .map((one) => `${one.id}: ${one.nodes.map((node) => node.html + ' ' + (node.any[0]?.message ?? '')).join(' | ')}`)),
              (error) => done(['axe failed: ' + error]));";
        let found = self.driver.execute_async(run, Vec::new()).await.unwrap();
        found.json().as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }
}

/// From `ChromeDriver was started successfully on port 41234.`
fn port_of(line: String) -> Option<u16> {
    let (_, port) = line.split_once("started successfully on port ")?;
    port.trim_end_matches('.').trim().parse().ok()
}

/// The script of axe-core, from where `make setup` puts it.
pub fn axe() -> String {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let file = cache
        .unwrap_or_default()
        .join(format!("countersign/axe-core-{AXE_VERSION}/node_modules/axe-core/axe.min.js"));
    std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; `make setup` installs axe-core", file.display()))
}
