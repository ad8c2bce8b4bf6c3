//! Every page with empty, typical, extreme and hostile content: it is well-formed,
//! says what it shows, and lets nothing through that others wrote as markup.
//! `COUNTERSIGN_DUMP_PAGES=FOLDER` writes what was rendered there, to look at it.

mod ansi;
mod answered;
mod assets;
mod deploy;
mod deployment;
mod deployments;
mod diff;
mod html;
pub mod markup;
mod risk;
mod samples;

mod account;
mod admin;
mod admin_objects;
mod application;
mod applications;
mod error;
mod freezes;
mod home;
mod launch;
mod login;
mod people;
mod request;
mod request_new;
mod requests;
mod review;
mod servers;

use askama::Template;

use crate::web::assets as static_files;

/// Renders a page and holds it to what every page must be. Gives the HTML back.
fn sound(case: &str, page: &str, state: &str, template: &impl Template) -> String {
    let html = template.render().unwrap();
    dump(&format!("{page}-{case}"), &html);
    let document = markup::Document::read(&html).unwrap_or_else(|wrong| panic!("{page} {case}: {wrong}"));
    let mains: Vec<_> = document.elements("main").collect();
    assert_eq!(mains.len(), 1, "{page} {case}: one <main>");
    assert_eq!(mains[0].get("data-page"), Some(page), "{page} {case}");
    assert_eq!(mains[0].get("data-state"), Some(state), "{page} {case}");
    if let Err(wrong) = document.keeps_the_rules() {
        panic!("{page} {case}: {wrong}");
    }
    let lost = answered::unanswered(&document);
    assert!(lost.is_empty(), "{page} {case}: no route answers {lost:?}");
    for raw in samples::MUST_NOT_APPEAR {
        assert!(!html.contains(raw), "{page} {case}: {raw:?} came through");
    }
    html
}

fn dump(name: &str, html: &str) {
    let Some(folder) = std::env::var_os("COUNTERSIGN_DUMP_PAGES") else { return };
    let folder = std::path::PathBuf::from(folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.html")), html).unwrap();
    for path in static_files::paths() {
        let address = static_files::url(path);
        let file = folder.join(address.trim_start_matches('/'));
        let digest = address.split('/').nth(2).unwrap();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, &static_files::find(digest, path).unwrap().bytes).unwrap();
    }
}
