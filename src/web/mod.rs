//! The pages that people see, and the API of programs. Routes, guards and headers stand beside the view:
//! what a page shows is data handed to a template, and nothing there reads anything.

pub mod ansi;
pub mod api;
pub mod assets;
pub mod diff;
pub mod feed;
pub mod form;
pub mod guard;
pub mod headers;
pub mod html;
pub mod limit;
pub mod pages;
pub mod proxy;
pub mod respond;
pub mod sheet;
mod tries;
pub mod view;

use base64::Engine as _;
use rocket::config::LogLevel;
use rocket::shield::Shield;
use rocket::{Build, Config, Rocket};

use crate::app::App;

/// The web half, ready to be launched. Signals are the caller's.
pub fn rocket(app: &App) -> anyhow::Result<Rocket<Build>> {
    let secret = base64::engine::general_purpose::STANDARD.encode(app.keys.cookie_key());
    let figment = Config::figment()
        .merge(("address", app.config.addr.ip()))
        .merge(("port", app.config.addr.port()))
        .merge(("secret_key", secret))
        .merge(("log_level", LogLevel::Off))
        .merge(("cli_colors", false))
        .merge(("ident", false))
        // Nothing in front of us is believed about where somebody comes from.
        .merge(("ip_header", false))
        .merge(("shutdown.ctrlc", false))
        // Rocket would stop serving pages at SIGTERM, while deployments still run.
        .merge(("shutdown.signals", Vec::<String>::new()))
        .merge(("shutdown.force", false))
        .merge(("shutdown.grace", 2))
        .merge(("shutdown.mercy", 2))
        .merge(("keep_alive", 30));
    let headers = headers::SecurityHeaders { strict_transport: app.config.base_url.scheme() == "https" };
    let rocket = rocket::custom(figment)
        .manage(app.clone())
        .manage(limit::Limits::default())
        .attach(Shield::new())
        .manage(headers)
        .attach(headers)
        .mount("/", pages::routes())
        .mount(api::BASE, api::routes())
        .register("/", rocket::catchers![respond::unauthorized, respond::other])
        .register(api::BASE, api::catchers());
    Ok(rocket)
}
