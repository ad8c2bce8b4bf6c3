//! Whether each address that a page leads or posts to is answered by a route.

use rocket::Route;
use rocket::http::Method;

use super::markup::Document;
use crate::web::pages;

/// Asking a question has its form before it has its route; no page shows it yet.
const LATER: [&str; 1] = ["/review/abc/ask"];

/// The addresses of our own that nothing answers.
pub fn unanswered(document: &Document) -> Vec<String> {
    let routes = pages::own_routes();
    let addresses = document.addresses().into_iter();
    addresses
        .filter(|(method, address)| {
            !LATER.contains(&address.as_str()) && !routes.iter().any(|route| answers(route, *method, address))
        })
        .map(|(method, address)| format!("{method} {address}"))
        .collect()
}

fn answers(route: &Route, method: Method, address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let pattern = route.uri.path();
    let mut wanted = pattern.split('/');
    let mut given = path.split('/');
    route.method == method
        && loop {
            match (wanted.next(), given.next()) {
                (None, None) => break true,
                (Some(rest), Some(_)) if rest.ends_with("..>") => break true,
                (Some(parameter), Some(part)) if parameter.starts_with('<') && !part.is_empty() => {}
                (Some(word), Some(part)) if word == part => {}
                _ => break false,
            }
        }
}

#[test]
fn an_address_that_no_route_answers_is_found() {
    let page = |body: &str| Document::read(&format!("<!doctype html><main>{body}</main>")).unwrap();
    let fine = page(
        "<a href=\"/requests?mine=1#x\">a</a><a href=\"#b\">b</a><form method=\"post\" action=\"/requests/7/cancel\"></form>",
    );
    assert_eq!(unanswered(&fine), [""; 0]);
    let lost = page(
        "<a href=\"/requests/7/cancel\">a</a><a href=\"/nowhere\">b</a><form method=\"post\" action=\"/deployments/7/fly\"></form>",
    );
    assert_eq!(unanswered(&lost), ["GET /requests/7/cancel", "GET /nowhere", "POST /deployments/7/fly"]);
}
