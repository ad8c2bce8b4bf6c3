//! The API of programs, JSON only. A handler names who may call it, asks one use
//! case or query, and gives what came back as an object.
//!
//! It takes bearer tokens and nothing else: a cookie is never looked at, so no other
//! site can make a browser call it (rules.md 36).

mod account;
pub mod answer;
mod applications;
mod auth;
pub mod bearer;
pub mod body;
mod decisions;
mod deployments;
mod fleet;
mod freezes;
mod people;
mod previews;
pub mod problem;
pub mod query;
mod releases;
mod requests;
mod servers;
pub mod steering;
pub mod tokens;
mod versions;
mod watching;

use rocket::{Catcher, Route};

pub const BASE: &str = "/api/v1";

pub fn routes() -> Vec<Route> {
    let mut routes = rocket::routes![
        account::account,
        account::password,
        account::end_sessions,
        applications::list,
        applications::one,
        applications::environment,
        releases::tags,
        releases::branches,
        releases::diff,
        releases::fetch,
        releases::commits,
        previews::one,
        previews::ask,
        servers::of_environment,
        servers::releases,
        servers::read,
        servers::put_back,
        requests::list,
        requests::one,
        requests::ask,
        requests::cancel,
        decisions::decide,
        decisions::answer,
        decisions::new_link,
        decisions::revoke,
        requests::launch,
        deployments::list,
        deployments::one,
        deployments::journal,
        deployments::events,
        steering::start,
        steering::cancel,
        steering::go_on,
        steering::retry,
        steering::roll_back,
        steering::sign,
        freezes::list,
        freezes::one,
        freezes::set,
        freezes::change,
        freezes::lift,
        watching::access,
        watching::audit,
        watching::audit_head,
        watching::deliveries,
        watching::send_again,
        auth::token,
        auth::session,
        people::list,
        people::create,
        people::one,
        people::change,
        people::link,
        people::unlink,
        people::end_sessions,
        people::disable,
        tokens::list,
        tokens::create,
        tokens::one,
        tokens::change,
        tokens::revoke,
    ];
    routes.extend(fleet::routes());
    routes
}

pub fn catchers() -> Vec<Catcher> {
    rocket::catchers![problem::unanswered]
}
