//! Every page on a phone by day and at a desk by night: it fits, nothing complains,
//! nobody is kept out.

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

pub async fn faults(chromium: &Chromium, axe: &str) -> Vec<String> {
    let mut faults = chromium.complaints().await;
    let widths = chromium.value("return [document.documentElement.scrollWidth, innerWidth]").await;
    if widths[0].as_u64() > widths[1].as_u64() {
        let widest = "return [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
            .slice(0, 3).map((one) => one.outerHTML.slice(0, 120)).join(' | ')";
        faults.push(format!("wider than the screen: {widths}: {}", chromium.ask(widest).await));
    }
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
