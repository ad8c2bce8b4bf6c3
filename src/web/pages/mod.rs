//! The routes of the pages. A handler names who may call it, asks one use case or
//! query, and hands what came back to a template.

mod admin;
mod applications;
mod deciding;
mod deploy;
mod deployment;
mod deployments;
mod health;
mod home;
mod items;
mod launch;
mod live_feed;
mod preview;
mod request;
mod request_new;
mod requests;
mod review;
mod servers;
mod sign_in;
mod statics;
mod steering;
mod whats_next;

use rocket::Route;

pub fn routes() -> Vec<Route> {
    rocket::routes![
        home::home,
        sign_in::login,
        sign_in::authorize,
        sign_in::authorized,
        sign_in::logout,
        sign_in::preferences,
        applications::list,
        applications::one,
        applications::environment,
        applications::diff,
        deploy::page,
        deploy::start,
        deploy::fetch,
        request_new::new,
        request_new::create,
        requests::list,
        requests::one,
        requests::cancel,
        requests::start,
        requests::new_link,
        requests::revoke,
        requests::accept,
        requests::reject,
        requests::ask,
        requests::answer,
        review::page,
        review::accept,
        review::reject,
        review::ask,
        launch::page,
        launch::start,
        deployments::list,
        deployment::one,
        deployments::log,
        steering::cancel,
        steering::go_on,
        steering::retry,
        steering::roll_back,
        steering::put_back,
        live_feed::events,
        preview::page,
        preview::ask,
        servers::list,
        servers::one,
        servers::read,
        admin::overview,
        health::health,
        statics::asset,
        statics::favicon,
    ]
}
