//! The address of a form that is only sent, looked at: whoever reloads an answer, or
//! changes the theme on it, comes to the page that the form stands on. Nothing is
//! changed by it, and nothing said of whether there is such a page.

use std::collections::BTreeSet;

use rocket::http::Method;
use rocket::route::{Handler, Outcome, Route};
use rocket::{Data, Request};

use crate::web::respond::SeeOther;

/// Where the page is a `GET` of other words than the form's.
const PAGES: [(&str, &str); 3] = [
    ("/admin/servers/<name>/scan", "/admin/servers/<name>"),
    ("/admin/servers/<name>/pin", "/admin/servers/<name>"),
    ("/admin/applications/<application>/environments", "/admin/applications/<application>"),
];

/// Each form's path that no page has, with that of its page: the nearest one above it.
/// What every page has in its frame, signing out and the theme, is left out.
pub fn ways_back(routes: &[Route]) -> Vec<(String, String)> {
    let of = |method| routes.iter().filter(move |route| route.method == method);
    let pages: BTreeSet<&str> = of(Method::Get).map(|route| route.uri.path()).collect();
    let forms: BTreeSet<&str> =
        of(Method::Post).map(|route| route.uri.path()).filter(|path| !pages.contains(path)).collect();
    let above = |path: &str| {
        let mut parents = std::iter::successors(path.rsplit_once('/'), |(parent, _)| parent.rsplit_once('/'));
        parents.find_map(|(parent, _)| pages.get(parent).copied())
    };
    let page = |path: &str| {
        let named = PAGES.iter().find(|(form, _)| *form == path);
        named.map(|(_, page)| *page).or_else(|| above(path))
    };
    forms.into_iter().filter_map(|path| Some((path.to_owned(), page(path)?.to_owned()))).collect()
}

/// As routes, before those whose last part is a name.
pub fn routes(routes: &[Route]) -> Vec<Route> {
    let ways = ways_back(routes).into_iter();
    ways.map(|(form, page)| {
        let parts = page.split('/').filter(|part| !part.is_empty()).count();
        Route::ranked(-30, Method::Get, &form, Above { parts })
    })
    .collect()
}

/// Leads to the first so many parts of the address.
#[derive(Clone)]
struct Above {
    parts: usize,
}

#[rocket::async_trait]
impl Handler for Above {
    async fn handle<'r>(&self, request: &'r Request<'_>, _: Data<'r>) -> Outcome<'r> {
        let parts: Vec<&str> =
            request.uri().path().raw_segments().take(self.parts).map(rocket::http::RawStr::as_str).collect();
        Outcome::from(request, SeeOther(format!("/{}", parts.join("/"))))
    }
}
