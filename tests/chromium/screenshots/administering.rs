//! The pages of administration, of signing in, and of what waits for somebody.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{draw, draw_here};
use crate::domain::freeze::Level;
use crate::tests::chromium::driver::Chromium;
use crate::tests::chromium::town::Town;
use crate::tests::support::smtp::Behaviour;

/// What is typed into a form before it is sent, and what it is called with its mistakes.
type Mistake = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const MISTAKES: [Mistake; 5] = [
    ("server", "/admin/servers/web-1", &[("host", "-oProxyCommand=x"), ("port", "ssh")]),
    ("cluster", "/admin/clusters/web-a", &[("backend", "two words"), ("load_balancer", "")]),
    ("load-balancer", "/admin/load_balancers/edge", &[("endpoints.0.url", "edge:9999")]),
    ("calendar", "/admin/calendars/office", &[("timezone", "Mars/Olympus"), ("weekly.0.from", "8 o'clock")]),
    (
        "application",
        "/admin/applications/shop",
        &[("repository", "http://git.example.com/shop"), ("tags", "")],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_administration_are_drawn_where_the_environment_says() {
    let Some(folder) = std::env::var_os("COUNTERSIGN_SCREENSHOTS").map(PathBuf::from) else { return };
    std::fs::create_dir_all(&folder).unwrap();
    let mut town = Box::pin(Town::build()).await;
    let chromium = Chromium::start().await;
    chromium.forget(&town.service).await;
    draw(&town, &chromium, &folder, "login", "/login").await;
    type_and_send(&chromium, &[("name", "dana"), ("password", "no idea")]).await;
    draw_here(&chromium, &folder, "login-wrong").await;
    town.open_the_gate().await;
    overridden(&town, &chromium, &folder).await;
    town.service.apply(more).await;
    for login in ["dana", "remy", "rosa"] {
        town.service.calling_as(login).await;
    }
    chromium.sign_in(&town.service, "Ada Admin").await;
    let lock = "Black Friday: nothing moves until Monday morning, and who is in doubt asks Remy.";
    let freeze = town.service.freeze("search", "", Level::Lock, lock).await;
    let freeze = format!("/admin/freezes/{freeze}");
    let of_ada = [
        ("freeze", freeze.as_str()),
        ("people", "/admin/people"),
        ("tokens", "/admin/tokens"),
        ("admin-servers", "/admin/servers"),
        ("admin-clusters", "/admin/clusters"),
        ("admin-load-balancers", "/admin/load_balancers"),
        ("admin-calendars", "/admin/calendars"),
        ("admin-applications", "/admin/applications"),
        ("admin-roles", "/admin/roles"),
        ("admin-server-new", "/admin/servers/new"),
        ("admin-cluster-new", "/admin/clusters/new"),
        ("admin-load-balancer-new", "/admin/load_balancers/new"),
        ("admin-calendar-new", "/admin/calendars/new"),
        ("admin-application-new", "/admin/applications/new"),
        ("admin-server", "/admin/servers/web-1"),
        ("admin-cluster", "/admin/clusters/web-a"),
        ("admin-load-balancer", "/admin/load_balancers/edge"),
        ("admin-calendar", "/admin/calendars/office"),
        ("admin-application", "/admin/applications/shop"),
        ("remove-cluster", "/admin/clusters/web-a/delete"),
        ("remove-load-balancer", "/admin/load_balancers/edge/delete"),
        ("remove-calendar", "/admin/calendars/office/delete"),
        ("remove-application", "/admin/applications/shop/delete"),
        ("remove-environment", "/admin/applications/shop/environments/production/delete"),
        ("remove-role", "/admin/roles/operators/delete"),
    ];
    for (name, address) in of_ada {
        draw(&town, &chromium, &folder, name, address).await;
    }
    for (name, address, typed) in MISTAKES {
        chromium.open(&town.service, address).await;
        type_and_send(&chromium, typed).await;
        draw_here(&chromium, &folder, &format!("admin-{name}-invalid")).await;
    }
    scanned(&mut town, &chromium, &folder).await;
    town.service.mail.behave(Behaviour::RefuseForGood);
    let dana = town.service.as_user("dana").await;
    for tag in ["v1.1", "v1.3"] {
        town.service.asked(&dana, tag, &[]).await;
    }
    let ada = town.service.as_user("ada").await;
    while ada.get("/admin/deliveries").await.unwrap().main_state().as_deref() != Some("ready") {
        tokio::task::yield_now().await;
    }
    draw(&town, &chromium, &folder, "admin-deliveries-failed", "/admin/deliveries").await;
    draw(&town, &chromium, &folder, "admin-with-failed", "/admin").await;
}

/// A calendar and a load balancer that something depends on.
fn more(fleet: &mut Value) {
    fleet["load_balancers"] = json!([{ "name": "edge", "endpoints": [
        "tcp://10.0.0.5:9999", { "url": "https://edge.example.com/stats", "user": "countersign", "password": "hush" },
    ] }]);
    for (cluster, name) in [(0, "shop-a"), (1, "shop-b")] {
        fleet["clusters"][cluster]["load_balancer"] = json!("edge");
        fleet["clusters"][cluster]["backend"] = json!(name);
    }
    fleet["calendars"] = json!([{
        "name": "office", "timezone": "Europe/Paris", "closed": ["2027-12-24", "2027-12-31"],
        "weekly": [
            { "days": ["mon", "tue", "wed", "thu"], "from": "08:00", "to": "18:30" },
            { "days": ["fri"], "from": "08:00", "to": "14:00" },
        ],
    }]);
    fleet["applications"][0]["environments"][1]["calendar"] = json!("office");
}

/// Somebody broke the glass, and somebody else has to sign it.
async fn overridden(town: &Town, chromium: &Chromium, folder: &Path) {
    let remy = town.service.as_user("remy").await;
    let deploy = "/applications/billing/production/deploy";
    let page = remy.get(&format!("{deploy}?release=v1.1")).await.unwrap();
    let reason = "Checkout is down for all of France, and nobody who reviews answers the phone.";
    let page = remy.submit(&page, "Deploy v1.1 by override", &[("reason", reason)]).await.unwrap();
    let id = crate::tests::harness::id_of(&page);
    town.service.ended(id).await;
    let page = format!("/deployments/{id}");
    chromium.sign_in(&town.service, "Rosa Lindqvist").await;
    draw(town, chromium, folder, "override-home", "/").await;
    draw(town, chromium, folder, "override-to-sign", &page).await;
    chromium.sign_in(&town.service, "Remy Duval").await;
    draw(town, chromium, folder, "override-own", &page).await;
}

/// The keys of a host as they are shown: the pinned one, the first, and another.
async fn scanned(town: &mut Town, chromium: &Chromium, folder: &Path) {
    let other = town.service.hosts[1].host_key().to_owned();
    let pinned = town.service.hosts[0].host_key().to_owned();
    for (name, key) in [("same", Some(pinned)), ("first", None), ("changed", Some(other))] {
        town.service
            .apply(|fleet| {
                let server = fleet["servers"][0].as_object_mut().unwrap();
                server.remove("host_key");
                server.extend(key.map(|key| ("host_key".to_owned(), json!(key))));
            })
            .await;
        chromium.open(&town.service, "/admin/servers/web-1").await;
        chromium.click_button("Ask the host for its keys").await;
        chromium.arrives("admin_server", "scanned").await;
        draw_here(chromium, folder, &format!("admin-server-scanned-{name}")).await;
    }
}

/// Fills fields of the last form of the page and sends it.
async fn type_and_send(chromium: &Chromium, typed: &[(&str, &str)]) {
    let script = format!(
        "const form = [...document.querySelectorAll('main form[method=post]')].at(-1);
         for (const [name, value] of {}) {{ const field = form.elements[name]; if (field) field.value = value; }}
         form.noValidate = true; window.left = false; form.requestSubmit();",
        json!(typed)
    );
    chromium.value(&script).await;
    chromium.until("window.left === undefined && document.readyState === 'complete'").await;
}
