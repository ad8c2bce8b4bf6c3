//! Those who are not walked with the others: who only reads, who oversees everything and
//! touches nothing, who may deploy within the window, and who is not signed in. On each
//! page it is said what it offers, and nothing else is to be there; whatever a page leads
//! to lets its reader in.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::driver::{Chromium, Screen, axe};
use super::pages::faults;
use super::town::Town;

/// An address, and the page and state that it shows.
type Stop = (String, &'static str, &'static str, &'static [&'static str]);

/// Nothing to press.
const NOTHING: &[&str] = &[];

struct Walk {
    chromium: Chromium,
    axe: String,
    who: &'static str,
    /// Where the pages led to so far.
    ways: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Walk {
    async fn begin() -> Self {
        Self {
            chromium: Chromium::start().await,
            axe: axe(),
            who: "",
            ways: BTreeSet::new(),
            wrong: Vec::new(),
        }
    }

    async fn sign_in(&mut self, town: &Town, login: &str, display: &'static str) {
        town.service.github.person(login).named(display);
        self.chromium.resize(Screen::DESK).await;
        self.chromium.sign_in(&town.service, display).await;
        (self.who, self.ways) = (display, BTreeSet::new());
    }

    /// Looks at each page on a phone by day and at a desk by night.
    async fn past(&mut self, town: &Town, stops: Vec<Stop>) {
        for (address, page, state, offers) in stops {
            for screen in [Screen::PHONE, Screen::DESK.in_the_dark()] {
                self.chromium.resize(screen).await;
                self.chromium.open(&town.service, &address).await;
                let here = (self.chromium.page().await, self.chromium.state().await);
                if here != (page.to_owned(), state.to_owned()) {
                    self.note(&address, &format!("is {here:?}, not {page} {state}"));
                }
                for what in faults(&self.chromium, &self.axe).await {
                    self.note(&address, &format!("at {}: {what}", screen.width));
                }
                let offered = self.chromium.offers().await;
                if offered != offers {
                    self.note(&address, &format!("at {}: offers {offered:?}, not {offers:?}", screen.width));
                }
            }
            self.ways.extend(self.chromium.ways().await);
        }
    }

    /// Pages that this one may not see, whose errors look like any other page.
    async fn kept_out(&mut self, town: &Town, status: u64, addresses: &[String]) {
        for address in addresses {
            for screen in [Screen::PHONE, Screen::DESK.in_the_dark()] {
                self.chromium.resize(screen).await;
                self.chromium.open(&town.service, address).await;
                let here = (self.chromium.page().await, self.chromium.status().await);
                let says_so = ["error", "review", "launch"].contains(&here.0.as_str());
                if !says_so || here.1 != status {
                    self.note(address, &format!("is {here:?}, not {status}"));
                }
                let offered = self.chromium.offers().await;
                if !offered.is_empty() {
                    self.note(address, &format!("offers {offered:?}"));
                }
                for what in faults(&self.chromium, &self.axe).await {
                    self.note(address, &format!("at {}: {what}", screen.width));
                }
            }
        }
    }

    /// Led to the login, and back from there to what was asked for.
    async fn asked_in(&mut self, town: &Town, addresses: &[String]) {
        self.past(town, vec![sign_in_page(&addresses[0])]).await;
        for address in addresses {
            self.chromium.open(&town.service, address).await;
            let here = (self.chromium.page().await, self.chromium.state().await);
            if here != ("login".to_owned(), "signed_out".to_owned()) {
                self.note(address, &format!("is {here:?}, not the login"));
            }
            let back = self.chromium.ask("return document.querySelector('[name=return_to]').value").await;
            if !address.ends_with(&back) {
                self.note(address, &format!("leads back to {back}"));
            }
        }
    }

    /// No page led to one that keeps its reader out.
    async fn no_way_is_barred(&mut self) {
        let ways: Vec<String> = std::mem::take(&mut self.ways).into_iter().collect();
        let statuses = self.chromium.statuses(&ways).await;
        for (way, status) in ways.iter().zip(statuses) {
            if status >= 400 {
                self.note(way, &format!("is linked and answers {status}"));
            }
        }
        // They are no page's own complaints.
        self.chromium.complaints().await;
    }

    fn note(&mut self, address: &str, what: &str) {
        self.wrong.push(format!("{}: {address} {what}", self.who));
    }
}

fn at(address: &str, page: &'static str, state: &'static str) -> Stop {
    offering(address, page, state, NOTHING)
}

fn offering(address: &str, page: &'static str, state: &'static str, offers: &'static [&'static str]) -> Stop {
    (address.to_owned(), page, state, offers)
}

fn addresses(all: &[&str]) -> Vec<String> {
    all.iter().map(|&address| address.to_owned()).collect()
}

/// otto reads one environment, aud everything, wendy deploys the search within its window,
/// and the anonymous read what otto reads.
fn people(fleet: &mut Value) {
    let staging = json!([{ "permission": "read", "application": "shop", "environment": "staging" }]);
    let search = json!([{ "permission": "deploy_in_window", "application": "search" }]);
    fleet["roles"].as_array_mut().unwrap().extend([
        json!({ "name": "readers", "users": ["otto"], "grants": staging }),
        json!({ "name": "public", "grants": staging }),
        json!({ "name": "auditors", "users": ["aud"], "global": ["read_all"] }),
        json!({ "name": "daytime", "users": ["wendy"], "grants": search }),
    ]);
}

/// A calendar for the search: open all day, or closed today and tomorrow.
fn calendar(fleet: &mut Value, open: bool) {
    let today = Timestamp::now().in_tz("UTC").unwrap().date();
    let days = if open { 0 } else { 2 };
    let closed: Vec<String> =
        (0..days).map(|day: i64| today.checked_add(day.days()).unwrap().to_string()).collect();
    let every_day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    fleet["calendars"] = json!([{
        "name": "office", "timezone": "UTC", "closed": closed,
        "weekly": [{ "days": every_day, "from": "00:00", "to": "24:00" }],
    }]);
    let applications = fleet["applications"].as_array_mut().unwrap();
    let search = applications.iter_mut().find(|application| application["name"] == "search").unwrap();
    search["environments"][0]["calendar"] = json!("office");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_watches_finds_nothing_to_press_and_no_way_that_is_barred() {
    let mut town = Box::pin(Town::build_with(|config| config["anonymous_role"] = json!("public"))).await;
    town.service.apply(people).await;
    let mut walk = Walk::begin().await;

    walk.sign_in(&town, "otto", "Otto Reader").await;
    walk.past(&town, of_the_reader(&town)).await;
    let request = format!("/requests/{}", town.awaiting);
    let (production, search) =
        (format!("/deployments/{}", town.succeeded), format!("/deployments/{}", town.canary));
    let of_others = ["/applications/search", "/applications/shop/production", "/servers/web-3"];
    let hidden =
        [&addresses(&of_others)[..], &[request.clone(), production.clone(), search.clone()]].concat();
    walk.kept_out(&town, 404, &hidden).await;
    let links = [town.review.clone(), town.launch.clone()];
    walk.kept_out(&town, 403, &links).await;
    walk.kept_out(&town, 403, &addresses(&["/admin", "/admin/people", "/admin/audit", "/admin/servers"]))
        .await;
    walk.no_way_is_barred().await;

    walk.sign_in(&town, "aud", "Aud Itor").await;
    walk.past(&town, of_the_auditor(&town)).await;
    walk.kept_out(&town, 403, &links).await;
    walk.kept_out(
        &town,
        403,
        &addresses(&[
            "/admin/tokens",
            "/admin/servers",
            "/admin/servers/web-1",
            "/admin/servers/web-1/delete",
            "/admin/roles/new",
            "/admin/applications/shop",
            "/admin/applications/shop/environments/production",
        ]),
    )
    .await;
    walk.no_way_is_barred().await;

    walk.chromium.forget(&town.service).await;
    (walk.who, walk.ways) = ("nobody", BTreeSet::new());
    walk.past(&town, of_the_anonymous(&town)).await;
    // What they may not read may be there after signing in.
    let hidden = [&hidden[..], &links, &addresses(&["/account", "/admin", "/requests/new"])].concat();
    walk.asked_in(&town, &hidden).await;
    walk.no_way_is_barred().await;

    assert!(walk.wrong.is_empty(), "{}", walk.wrong.join("\n"));
    town.open_the_gate().await;
}

fn sign_in_page(address: &str) -> Stop {
    offering(address, "login", "signed_out", &["Sign in with password"])
}

fn of_the_reader(town: &Town) -> Vec<Stop> {
    vec![
        at("/", "home", "ready"),
        at("/applications", "applications", "ready"),
        at("/applications/shop", "application", "ready"),
        at("/applications/shop/staging", "environment", "ready"),
        at("/applications/shop/staging/deploy", "deploy", "choose"),
        at("/applications/shop/staging/preview?release=v1.2", "preview", "none"),
        at("/requests", "requests", "ready"),
        at("/requests/new", "request_new", "choose_application"),
        at("/requests/new?application=shop&environment=staging", "request_new", "choose_tag"),
        offering(
            "/requests/new?application=shop&environment=staging&tag=v1.3",
            "request_new",
            "refused",
            &["not: Request review of v1.3 → staging"],
        ),
        at("/deployments", "deployments", "ready"),
        at(&format!("/deployments/{}", town.running), "deployment", "running"),
        at("/servers", "servers", "ready"),
        at("/servers/web-1", "server", "busy"),
        offering("/account", "account", "ready", &["Make the token", "End the others"]),
    ]
}

fn of_the_auditor(town: &Town) -> Vec<Stop> {
    let deployment = |id: i64| format!("/deployments/{id}");
    vec![
        at("/", "home", "ready"),
        at("/applications", "applications", "ready"),
        at("/applications/search", "application", "ready"),
        at("/applications/search/production", "environment", "ready"),
        offering(
            "/applications/search/production/deploy?release=v1.2",
            "deploy",
            "blocked",
            &["not: Deploy v1.2 to production"],
        ),
        at("/requests", "requests", "ready"),
        at(&format!("/requests/{}", town.awaiting), "request", "awaiting_review"),
        at(&format!("/requests/{}", town.rejected), "request", "rejected"),
        at("/deployments", "deployments", "ready"),
        at(&deployment(town.canary), "deployment", "running"),
        at(&deployment(town.queued), "deployment", "queued"),
        at(&deployment(town.failed), "deployment", "failed"),
        at(&deployment(town.succeeded), "deployment", "succeeded"),
        at("/servers", "servers", "ready"),
        at("/servers/web-2", "server", "busy"),
        at("/admin", "admin", "ready"),
        at("/admin/access", "admin_access", "ready"),
        at("/admin/access?person=dana", "admin_access", "ready"),
        at("/admin/people", "admin_people", "ready"),
        at("/admin/people/dana", "admin_person", "enabled"),
        at("/admin/freezes", "freezes", "clear"),
        at("/admin/audit", "admin_audit", "ready"),
        at("/admin/deliveries", "admin_deliveries", "empty"),
    ]
}

fn of_the_anonymous(town: &Town) -> Vec<Stop> {
    vec![
        at("/", "home", "ready"),
        at("/applications", "applications", "ready"),
        at("/applications/shop", "application", "ready"),
        at("/applications/shop/staging", "environment", "ready"),
        at("/requests", "requests", "ready"),
        at("/deployments", "deployments", "ready"),
        at(&format!("/deployments/{}", town.running), "deployment", "running"),
        at("/servers", "servers", "ready"),
        at("/servers/web-1", "server", "busy"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_deploy_within_the_window_is_offered_it_while_it_is_open() {
    let mut town = Box::pin(Town::build()).await;
    town.service.apply(people).await;
    let mut walk = Walk::begin().await;
    for open in [true, false] {
        town.service.apply(|fleet| calendar(fleet, open)).await;
        walk.sign_in(&town, "wendy", "Wendy Window").await;
        walk.past(&town, of_the_daytime(&town, open)).await;
        walk.kept_out(&town, 404, &addresses(&["/applications/shop", "/servers/web-1"])).await;
        walk.kept_out(&town, 403, &addresses(&["/admin"])).await;
        walk.no_way_is_barred().await;
    }
    assert!(walk.wrong.is_empty(), "{}", walk.wrong.join("\n"));
    town.open_the_gate().await;
}

fn of_the_daytime(town: &Town, open: bool) -> Vec<Stop> {
    type Words = &'static [&'static str];
    let deploy = "/applications/search/production/deploy";
    let by_calendar = |within: Words, outside: Words| if open { within } else { outside };
    let state = if open { "ready" } else { "blocked" };
    // Of the environment, of its two clusters and of their servers.
    let to_the_form = by_calendar(&["Deploy…"; 5], &["not: Deploy…"]);
    let and_fetch = by_calendar(
        &["Deploy…", "Deploy…", "Deploy…", "Deploy…", "Deploy…", "Fetch now"],
        &["not: Deploy…", "Fetch now"],
    );
    vec![
        offering("/", "home", "ready", &["Request a release"]),
        offering("/applications/search", "application", "ready", and_fetch),
        offering("/applications/search/production", "environment", "ready", to_the_form),
        offering(deploy, "deploy", "choose", &["Fetch now"]),
        offering(
            &format!("{deploy}?release=v1.2"),
            "deploy",
            state,
            by_calendar(
                &["Deploy v1.2 to production", "Fetch now"],
                &["not: Deploy v1.2 to production", "Fetch now"],
            ),
        ),
        offering(
            &format!("{deploy}?release=v1.2&server=web-3"),
            "deploy",
            state,
            by_calendar(
                &["Deploy v1.2 to production, server web-3 only", "Fetch now"],
                &["not: Deploy v1.2 to production, server web-3 only", "Fetch now"],
            ),
        ),
        at("/requests/new?application=search&environment=production", "request_new", "choose_tag"),
        offering(
            &format!("/deployments/{}", town.canary),
            "deployment",
            "running",
            &["Cancel…", "Continue with batch-1", "Stop here"],
        ),
        offering(&format!("/deployments/{}", town.queued), "deployment", "queued", &["Cancel…"]),
        at("/servers", "servers", "ready"),
        at("/servers/web-3", "server", "busy"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_signed_in_is_led_to_the_login_from_everywhere() {
    let town = Box::pin(Town::build()).await;
    let mut walk = Walk::begin().await;
    walk.chromium.forget(&town.service).await;
    walk.who = "nobody";
    let tour = super::pages::tour(&town).into_iter().flat_map(|(_, pages)| pages);
    let everywhere: BTreeSet<String> = tour.map(|(address, ..)| address).collect();
    walk.asked_in(&town, &everywhere.into_iter().collect::<Vec<_>>()).await;
    walk.no_way_is_barred().await;
    assert!(walk.wrong.is_empty(), "{}", walk.wrong.join("\n"));
    town.open_the_gate().await;
}
