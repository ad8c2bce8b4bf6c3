//! Pictures for the documentation and for looking at, from the running service:
//! `COUNTERSIGN_SCREENSHOTS=docs/screenshots cargo nextest run --lib chromium::screenshots`.

mod administering;

use std::path::{Path, PathBuf};

use super::driver::{Chromium, Screen};
use super::town::Town;
use crate::domain::freeze::Level;

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "a list of pages")]
async fn pages_are_drawn_where_the_environment_says() {
    let Some(folder) = std::env::var_os("COUNTERSIGN_SCREENSHOTS").map(PathBuf::from) else { return };
    std::fs::create_dir_all(&folder).unwrap();
    let town = Box::pin(Town::build()).await;
    let chromium = Chromium::start().await;
    let shop = "/requests/new?application=shop&environment=production&tag=v1.3";
    let of_dana = [
        ("home", "/".to_owned()),
        ("account", "/account".to_owned()),
        ("request-form", shop.to_owned()),
        ("launch", town.launch.clone()),
        ("deployment-running", format!("/deployments/{}", town.running)),
        ("deployment-succeeded", format!("/deployments/{}", town.succeeded)),
        ("deployment-failed", format!("/deployments/{}", town.failed)),
        ("deployments", "/deployments".to_owned()),
        ("requests", "/requests".to_owned()),
        ("applications", "/applications".to_owned()),
        ("application", "/applications/shop".to_owned()),
    ];
    chromium.sign_in(&town.service, "Dana Okafor").await;
    for (name, address) in of_dana {
        draw(&town, &chromium, &folder, name, &address).await;
    }
    chromium.sign_in(&town.service, "Rosa Lindqvist").await;
    let of_rosa = [
        ("home-reviewer", "/".to_owned()),
        ("review", town.review.clone()),
        ("request", format!("/requests/{}", town.awaiting)),
        ("request-accepted", format!("/requests/{}", town.awaiting - 1)),
    ];
    for (name, address) in of_rosa {
        draw(&town, &chromium, &folder, name, &address).await;
    }
    let diff = chromium
        .ask("return [...document.querySelectorAll('a[href*=\"/diff?\"]')][0].getAttribute('href')")
        .await;
    draw(&town, &chromium, &folder, "diff", &diff).await;
    chromium.resize(Screen::PHONE).await;
    chromium.open(&town.service, &town.review).await;
    chromium.click_button("Accept…").await;
    save(&chromium, &folder.join("review-accept-phone-light.png")).await;
    let request = format!("/requests/{}", town.awaiting);
    let rosa = town.service.as_user("rosa").await;
    let question = [("comment", "How long does the migration take on a copy of production?")];
    assert_eq!(town.service.post(&rosa, &format!("{request}/ask"), &question).await.status, 303);
    chromium.sign_in(&town.service, "Dana Okafor").await;
    draw(&town, &chromium, &folder, "request-asked", &request).await;
    chromium.sign_in(&town.service, "Remy Duval").await;
    let deploy = "/applications/search/production/deploy";
    let of_remy = [
        ("deploy-choose", format!("{deploy}?q=basket")),
        ("deploy-ready", format!("{deploy}?release=v1.2&cluster=find-a")),
        ("deploy-blocked", "/applications/shop/production/deploy?release=v1.2".to_owned()),
        ("application-operator", "/applications/search".to_owned()),
        ("deployment-canary", format!("/deployments/{}", town.canary)),
        ("deployment-queued", format!("/deployments/{}", town.queued)),
        ("deployment-failed-operator", format!("/deployments/{}", town.failed)),
        ("home-operator", "/".to_owned()),
        ("environment-operator", "/applications/search/production".to_owned()),
        ("servers", "/servers".to_owned()),
        ("server", "/servers/web-2".to_owned()),
    ];
    for (name, address) in of_remy {
        draw(&town, &chromium, &folder, name, &address).await;
    }
    for (name, address, button) in [
        ("cancel-phone", format!("/deployments/{}", town.running), "Cancel…"),
        ("roll-back-phone", format!("/deployments/{}", town.failed), "Roll back…"),
    ] {
        chromium.resize(Screen::PHONE).await;
        chromium.open(&town.service, &address).await;
        chromium.click_button(button).await;
        save(&chromium, &folder.join(format!("{name}-light.png"))).await;
    }
    chromium.resize(Screen::PHONE).await;
    chromium.open(&town.service, "/applications/shop/production/deploy?release=v1.2").await;
    chromium.click_button("Break the glass…").await;
    save(&chromium, &folder.join("break-glass-phone-light.png")).await;
    chromium.sign_in(&town.service, "Ada Admin").await;
    let of_ada = [
        ("person", "/admin/people/dana"),
        ("admin-access", "/admin/access"),
        ("admin-audit", "/admin/audit"),
        ("admin-deliveries", "/admin/deliveries"),
        ("admin", "/admin"),
        ("admin-role", "/admin/roles/developers"),
        ("admin-environment", "/admin/applications/shop/environments/production"),
        ("admin-removal", "/admin/servers/web-1/delete"),
    ];
    for (name, address) in of_ada {
        draw(&town, &chromium, &folder, name, address).await;
    }
    draw(&town, &chromium, &folder, "freezes-none", "/admin/freezes").await;
    let lock = "Black Friday: nothing moves until Monday morning.";
    let freeze = town.service.freeze("search", "", Level::Lock, lock).await;
    town.service.freeze("", "", Level::Warning, "The auditors are here; ask before you start.").await;
    for (name, address) in [
        ("freezes", "/admin/freezes".to_owned()),
        ("home-frozen", "/".to_owned()),
        ("deploy-frozen", format!("{deploy}?release=v1.2")),
        ("deployment-frozen", format!("/deployments/{}", town.running)),
    ] {
        draw(&town, &chromium, &folder, name, &address).await;
    }
    town.service.unfreeze(freeze).await;
    town.open_the_gate().await;
    let preview = "/applications/shop/production/preview?release=v1.3";
    draw(&town, &chromium, &folder, "preview-unasked", preview).await;
    chromium.click_button("Compare with the hosts").await;
    let remy = town.service.as_user("remy").await;
    while remy.get(preview).await.unwrap().main_state().as_deref() == Some("wanted") {
        tokio::task::yield_now().await;
    }
    draw(&town, &chromium, &folder, "preview", preview).await;
}

const LOOKS: [(&str, Screen); 4] = [
    ("desk-light", Screen::DESK),
    ("desk-dark", Screen { dark: true, ..Screen::DESK }),
    ("phone-light", Screen::PHONE),
    ("phone-dark", Screen { dark: true, ..Screen::PHONE }),
];

async fn draw(town: &Town, chromium: &Chromium, folder: &Path, name: &str, address: &str) {
    for (look, screen) in LOOKS {
        chromium.resize(screen).await;
        chromium.open(&town.service, address).await;
        shoot(chromium, screen, &folder.join(format!("{name}-{look}.png"))).await;
    }
}

/// The page that is open, such as the answer to a form.
async fn draw_here(chromium: &Chromium, folder: &Path, name: &str) {
    for (look, screen) in LOOKS {
        chromium.resize(screen).await;
        shoot(chromium, screen, &folder.join(format!("{name}-{look}.png"))).await;
    }
}

/// As tall as the page, to a limit, so that bars at the bottom stand at its end.
async fn shoot(chromium: &Chromium, screen: Screen, file: &Path) {
    let height = chromium.value("return document.documentElement.scrollHeight").await;
    let height = u32::try_from(height.as_u64().unwrap()).unwrap().clamp(screen.height, 1900);
    chromium.resize(Screen { height, ..screen }).await;
    save(chromium, file).await;
}

async fn save(chromium: &Chromium, file: &Path) {
    std::fs::write(file, chromium.driver.screenshot_as_png().await.unwrap()).unwrap();
}
