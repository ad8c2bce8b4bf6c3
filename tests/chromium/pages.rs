//! Every page on a phone by day and at a desk by night: it fits, nothing complains,
//! nobody is kept out.

use serde_json::json;

use super::driver::{Chromium, Screen, axe};
use super::town::Town;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_is_silent_and_keeps_nobody_out() {
    let axe = axe();
    let town = Box::pin(Town::build()).await;
    let chromium = Chromium::start().await;
    let mut wrong = Vec::new();
    for (person, pages) in tour(&town) {
        chromium.sign_in(&town.service, person).await;
        for (address, page, state) in pages {
            for screen in [Screen::PHONE, Screen::DESK.in_the_dark()] {
                chromium.resize(screen).await;
                chromium.open(&town.service, &address).await;
                let here = (chromium.page().await, chromium.state().await);
                assert_eq!(here, (page.to_owned(), state.to_owned()), "{address}: {}", chromium.text().await);
                for what in faults(&chromium, &axe).await {
                    wrong.push(format!("{page} {state} as {person} at {}: {what}", screen.width));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    town.open_the_gate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_names_fit_too() {
    let town = Box::pin(Town::build()).await;
    let service = &town.service;
    let long = |first: &str| format!("{first}{}", "x".repeat(62));
    let (somebody, role) = (long("p"), long("r"));
    let ada = service.calling_as("ada").await;
    let now = service.clock.now();
    let next_year = now + jiff::SignedDuration::from_hours(24 * 400);
    for (path, body) in [
        ("/servers", json!({ "name": long("s"), "host": format!("{}.example", "h".repeat(60)) })),
        (
            "/roles",
            json!({ "name": role, "users": [somebody], "grants": [{ "permission": "read", "application": "shop" }] }),
        ),
        ("/people", json!({ "name": somebody, "roles": [role], "display": "D".repeat(60) })),
        ("/tokens", json!({ "name": "T".repeat(80), "user": somebody })),
        ("/tokens", json!({ "name": "T".repeat(80) })),
        (
            "/freezes",
            json!({ "reason": "r".repeat(90), "level": "warning", "from": next_year, "until": next_year + jiff::SignedDuration::from_hours(999) }),
        ),
    ] {
        let reply = ada.post(path, &body).await;
        assert_eq!(reply.status, 201, "{path}: {}", reply.page.html);
    }
    let give = json!({ "roles": ["admin", role] }).to_string();
    ada.send("PUT", "/people/ada", &[("content-type", "application/json")], &give).await.ok();
    let chromium = Chromium::start().await;
    chromium.sign_in(service, "Ada Admin").await;
    let person = format!("/admin/people/{somebody}");
    let access = format!("/admin/access?person={somebody}");
    let mut wrong = Vec::new();
    for address in [
        "/admin",
        "/admin/people",
        &person,
        "/admin/tokens",
        "/admin/servers",
        "/admin/roles",
        "/admin/access",
        &access,
        "/admin/freezes",
        "/admin/audit",
        "/account",
        "/servers",
    ] {
        for screen in [Screen::PHONE, Screen::DESK] {
            chromium.resize(screen).await;
            chromium.open(service, address).await;
            assert_eq!(chromium.status().await, 200, "{address}");
            let what = [too_wide(&chromium).await, boxes_left(&chromium).await];
            wrong.extend(
                what.into_iter().flatten().map(|what| format!("{address} at {}: {what}", screen.width)),
            );
        }
    }
    chromium.open(service, "/admin/calendars/new").await;
    let small =
        "return [...document.querySelectorAll('.check > input')].map((one) => one.getBoundingClientRect())
        .filter((box) => box.width < 24 || box.height < 24).length";
    assert_eq!(chromium.value(small).await, json!(0), "boxes that a finger misses");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    town.open_the_gate().await;
}

/// What sticks out of the sheet that it stands in.
async fn boxes_left(chromium: &Chromium) -> Option<String> {
    let script = "return [...document.querySelectorAll('main .sheet')].flatMap((sheet) =>
            [...sheet.querySelectorAll('*')].filter((one) => !one.closest('.vh, thead') &&
                one.getBoundingClientRect().right > sheet.getBoundingClientRect().right + 1))
        .slice(0, 3).map((one) => one.outerHTML.slice(0, 120)).join(' | ')";
    Some(chromium.ask(script).await)
        .filter(|found| !found.is_empty())
        .map(|found| format!("out of its box: {found}"))
}

async fn too_wide(chromium: &Chromium) -> Option<String> {
    let widths = chromium.value("return [document.documentElement.scrollWidth, innerWidth]").await;
    if widths[0].as_u64() <= widths[1].as_u64() {
        return None;
    }
    let widest = "return [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
        .slice(0, 3).map((one) => one.outerHTML.slice(0, 120)).join(' | ')";
    Some(format!("wider than the screen: {widths}: {}", chromium.ask(widest).await))
}

pub async fn faults(chromium: &Chromium, axe: &str) -> Vec<String> {
    let mut faults = chromium.complaints().await;
    faults.extend(too_wide(chromium).await);
    faults.extend(chromium.barriers(axe).await);
    faults
}

type Stop = (String, &'static str, &'static str);

/// Every kind of page, by who sees it.
pub fn tour(town: &Town) -> Vec<(&'static str, Vec<Stop>)> {
    let request = |id: i64| format!("/requests/{id}");
    let deployment = |id: i64| format!("/deployments/{id}");
    let diff = "/requests/new?application=shop&environment=production&tag=v1.4";
    vec![
        (
            "Dana Okafor",
            vec![
                ("/".to_owned(), "home", "ready"),
                ("/applications".to_owned(), "applications", "ready"),
                ("/applications?q=zebra".to_owned(), "applications", "empty"),
                ("/applications/shop".to_owned(), "application", "ready"),
                ("/applications/shop/production".to_owned(), "environment", "ready"),
                ("/requests".to_owned(), "requests", "ready"),
                ("/requests?state=expired".to_owned(), "requests", "empty"),
                ("/requests/new".to_owned(), "request_new", "choose_application"),
                (
                    "/requests/new?application=shop&environment=production".to_owned(),
                    "request_new",
                    "choose_tag",
                ),
                (diff.to_owned(), "request_new", "refused"),
                (
                    "/requests/new?application=shop&environment=production&tag=v1.3".to_owned(),
                    "request_new",
                    "ready",
                ),
                (request(town.awaiting), "request", "awaiting_review"),
                (request(town.rejected), "request", "rejected"),
                (town.launch.clone(), "launch", "ready"),
                (town.review.clone(), "review", "own_request"),
                ("/deployments".to_owned(), "deployments", "ready"),
                (deployment(town.running), "deployment", "running"),
                (deployment(town.succeeded), "deployment", "succeeded"),
                (deployment(town.failed), "deployment", "failed"),
            ],
        ),
        (
            "Rosa Lindqvist",
            vec![
                ("/".to_owned(), "home", "ready"),
                (town.review.clone(), "review", "awaiting_review"),
                (request(town.awaiting), "request", "awaiting_review"),
                (town.launch.clone(), "launch", "foreign"),
            ],
        ),
        (
            "Remy Duval",
            vec![
                ("/applications/search/production/deploy".to_owned(), "deploy", "choose"),
                (
                    "/applications/search/production/deploy?release=v1.2&server=web-3".to_owned(),
                    "deploy",
                    "ready",
                ),
                ("/applications/shop/production/deploy?release=v1.2".to_owned(), "deploy", "blocked"),
                ("/applications/search".to_owned(), "application", "ready"),
                (deployment(town.canary), "deployment", "running"),
                (deployment(town.queued), "deployment", "queued"),
                (deployment(town.failed), "deployment", "failed"),
            ],
        ),
        ("Ada Admin", of_the_administrator()),
    ]
}

fn of_the_administrator() -> Vec<Stop> {
    let admin = |path: &str, page, state| (format!("/admin{path}"), page, state);
    let place = "/applications/shop/environments";
    vec![
        admin("", "admin", "ready"),
        ("/".to_owned(), "home", "ready"),
        ("/account".to_owned(), "account", "ready"),
        admin("/access", "admin_access", "ready"),
        admin("/access?person=dana", "admin_access", "ready"),
        admin("/audit", "admin_audit", "ready"),
        admin("/deliveries", "admin_deliveries", "empty"),
        admin("/people", "admin_people", "ready"),
        admin("/people/dana", "admin_person", "enabled"),
        admin("/tokens", "admin_tokens", "empty"),
        admin("/freezes", "freezes", "clear"),
        admin("/servers", "admin_servers", "ready"),
        admin("/calendars", "admin_calendars", "empty"),
        admin("/servers/web-1", "admin_server", "editing"),
        admin("/servers/web-1/delete", "admin_server", "blocked"),
        admin("/clusters/web-a", "admin_cluster", "editing"),
        admin("/load_balancers/new", "admin_load_balancer", "new"),
        admin("/calendars/new", "admin_calendar", "new"),
        admin("/roles/developers", "admin_role", "editing"),
        admin("/roles/operators/delete", "admin_role", "deleting"),
        admin("/applications/shop", "admin_application", "editing"),
        admin(&format!("{place}/production"), "admin_environment", "editing"),
        admin(&format!("{place}/new"), "admin_environment", "new"),
    ]
}
