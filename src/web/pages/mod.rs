//! The routes of the pages. A handler names who may call it, asks one use case or
//! query, and hands what came back to a template.

mod account;
mod admin;
mod applications;
mod deciding;
mod deploy;
mod deployment;
mod deployments;
mod environment;
mod fleet;
mod fleet_form;
mod fleet_removal;
mod fleet_words;
mod freezes;
mod health;
mod home;
mod host_keys;
mod items;
mod launch;
mod live_feed;
mod people;
mod preview;
mod request;
mod request_new;
mod requests;
mod review;
mod servers;
mod sign_in;
mod sign_in_here;
mod statics;
mod steering;
mod tokens;
mod watching;
mod ways_back;
mod whats_next;

use rocket::Route;

pub use ways_back::ways_back;

pub fn routes() -> Vec<Route> {
    let mut routes = own_routes();
    routes.extend(ways_back::routes(&routes));
    routes
}

/// Those with a handler of their own.
pub fn own_routes() -> Vec<Route> {
    rocket::routes![
        home::home,
        sign_in::login,
        sign_in_here::by_password,
        sign_in_here::by_session,
        sign_in::authorize,
        sign_in::authorized,
        sign_in::logout,
        sign_in::preferences,
        applications::list,
        applications::one,
        environment::one,
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
        steering::sign,
        live_feed::events,
        preview::page,
        preview::ask,
        servers::list,
        servers::one,
        servers::read,
        admin::overview,
        freezes::list,
        freezes::one,
        freezes::set,
        freezes::change,
        freezes::lift,
        watching::access,
        watching::audit,
        watching::deliveries,
        watching::send_again,
        people::list,
        people::add,
        people::one,
        people::give,
        people::take,
        people::external_id,
        people::password,
        people::link,
        people::unlink,
        people::mail,
        people::disable,
        people::enable,
        people::end_sessions,
        tokens::list,
        tokens::revoke,
        account::page,
        account::make_token,
        account::revoke_token,
        account::password,
        account::end_sessions,
        fleet::list,
        fleet::new,
        fleet::create,
        fleet::one,
        fleet::save,
        fleet::ask,
        fleet::delete,
        fleet::new_environment,
        fleet::create_environment,
        fleet::one_environment,
        fleet::save_environment,
        fleet::ask_environment,
        fleet::delete_environment,
        host_keys::scan,
        host_keys::pin,
        health::health,
        statics::asset,
        statics::favicon,
    ]
}
