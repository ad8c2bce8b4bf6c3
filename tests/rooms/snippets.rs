//! What each rule must catch, and what it must leave alone.

use super::rules::check;
use super::source::Source;
use super::text;

/// The rules that a snippet breaks if it stood in that file.
fn broken(file: &str, code: &str) -> Vec<&'static str> {
    let source = Source::read(file, code).unwrap();
    let mut rules: Vec<&str> = check(&source).into_iter().map(|violation| violation.rule).collect();
    rules.dedup();
    rules
}

#[test]
fn every_rule_catches_its_snippet() {
    let rows = [
        ("src/domain/seal.rs", "use rocket::serde::Serialize;", "pure-domain"),
        ("src/domain/seal.rs", "fn f() { let x = tokio::spawn(y); }", "pure-domain"),
        ("src/domain/seal.rs", "use std::{fmt, fs};", "pure-domain"),
        ("src/domain/seal.rs", "use std::*;", "pure-domain"),
        ("src/domain/seal.rs", "use std::net::TcpStream;", "pure-domain"),
        ("src/domain/seal.rs", "fn f() { ::std::process::exit(1) }", "pure-domain"),
        ("src/domain/seal.rs", "use std::time::{Duration, Instant};", "pure-domain"),
        ("src/domain/seal.rs", "#[tokio::main] fn main() {}", "pure-domain"),
        ("src/domain/seal.rs", "pub async fn f() {}", "pure-domain"),
        ("src/domain/seal.rs", "use crate::config::Config;", "room"),
        ("src/domain/fleet/mod.rs", "use super::super::db::rows;", "room"),
        ("src/domain/seal.rs", "fn f(c: &crate::web::Page) {}", "room"),
        ("src/domain/seal.rs", "mod inner { use super::super::super::app; }", "room"),
        ("src/domain/seal.rs", "use crate as all;", "room"),
        ("src/domain/seal.rs", "use crate::*;", "room"),
        ("src/db/requests.rs", "use crate::{domain::name::Name, app::launch};", "room"),
        ("src/db/requests.rs", "use crate::mail::Mail;", "room"),
        ("src/web/guards.rs", "use crate::db::sessions;", "room"),
        ("src/web/pages/home.rs", "use super::super::super::runner::queue;", "room"),
        ("src/web/mod.rs", "macro_rules! m { () => { $crate::db::open() } }", "room"),
        ("src/runner/lease.rs", "use crate::web::sse;", "room"),
        ("src/app/launch.rs", "use countersign::web::Page;", "room"),
        ("src/repo/mirror.rs", "use crate::app::fetch;", "room"),
        ("src/runner/engine.rs", "use crate::db::journal;", "engine"),
        ("src/web/pages/home.rs", "use crate::web::api::list;", "pages-and-api"),
        ("src/web/pages/mod.rs", "use super::api::{list, show};", "pages-and-api"),
        ("src/web/api/mod.rs", "fn f() { super::pages::home() }", "pages-and-api"),
        ("src/app/launch.rs", "use sea_orm::Set;", "database"),
        ("src/boot.rs", "fn f() -> sea_orm::DbErr {}", "database"),
        ("src/app/launch.rs", "#[rocket::async_trait] trait T {}", "rocket"),
        ("src/runner/lease.rs", "use rocket::tokio;", "rocket"),
        ("src/web/pages/home.rs", "use std::process::Command;", "processes"),
        ("src/app/launch.rs", "fn f() { tokio::process::Command::new(\"x\"); }", "processes"),
        ("src/app/launch.rs", "fn f() { let now = std::time::SystemTime::now(); }", "clock"),
        ("src/web/sse.rs", "fn f() { x.get_or_insert_with(Instant::now); }", "clock"),
        ("src/mail/outbox.rs", "fn f() { jiff::Timestamp::now() }", "clock"),
        ("src/github/api.rs", "fn f() { OffsetDateTime::now_utc() }", "clock"),
        ("src/mail/outbox.rs", "use std::time::SystemTime as T;", "clock"),
        ("src/repo/mirror.rs", "fn f() { modified.elapsed() }", "clock"),
        ("src/web/filters.rs", "fn f() { if row.state == \"queued\" {} }", "status"),
        ("src/web/filters.rs", "fn f() { \"queued\" != x }", "status"),
        ("src/github/teams.rs", "fn f() { member.state.as_str() == \"active\" }", "status"),
        ("src/app/launch.rs", "fn f() { match word { \"queued\" => 1, _ => 2 } }", "status"),
        ("src/app/launch.rs", "fn f() { matches!(word, \"failed\") }", "status"),
        ("src/db/requests.rs", "fn f() { Column::State.eq(\"accepted\") }", "status"),
        ("src/db/requests.rs", "const Q: &str = \"SELECT 1 WHERE state = 'queued'\";", "status"),
        ("src/db/requests.rs", "const Q: &str = r#\"WHERE \"state\" IN ('queued')\"#;", "status"),
        ("src/app/launch.rs", "fn f() { x.unwrap() }", "leftover"),
        ("src/app/launch.rs", "fn f() { x.map(Option::unwrap); Option::unwrap(x) }", "leftover"),
        ("src/cli/mod.rs", "fn f() { x.expect(\"a row\") }", "leftover"),
        ("src/app/launch.rs", "fn f() { todo!() }", "leftover"),
        ("src/app/launch.rs", "fn f() { unimplemented!() }", "leftover"),
        ("src/app/launch.rs", "fn f() { dbg!(x); }", "leftover"),
        ("src/app/launch.rs", "fn f() { println!(\"x\"); }", "leftover"),
        ("migrations/src/lib.rs", "fn f() { eprintln!(\"x\"); }", "leftover"),
        ("src/app/launch.rs", "#[allow(dead_code)] fn f() {}", "allow"),
        ("src/lib.rs", "#![allow(dead_code)]", "allow"),
        ("src/lib.rs", "#[cfg_attr(test, allow(unused))] fn f() {}", "allow"),
        ("tests/pages.rs", "#[allow(dead_code)] fn f() {}", "allow"),
        ("src/app/launch.rs", "#[expect(dead_code)] fn f() {}", "allow"),
        ("tests/pages.rs", "async fn f() { tokio::time::sleep(D).await; }", "sleep"),
        ("tests/pages.rs", "use std::thread::sleep as nap;", "sleep"),
        ("tests/pages.rs", "#[ignore = \"slow\"] #[test] fn f() {}", "ignored-test"),
        ("tests/support/browser.rs", "use crate::domain::name::Name;", "shared-support"),
        ("tests/support/browser.rs", "fn f() { countersign::boot::serve() }", "shared-support"),
        ("src/web/utils.rs", "fn f() {}", "name"),
        ("src/app/helpers/mod.rs", "fn f() {}", "name"),
    ];
    let missed: Vec<String> = rows
        .iter()
        .filter(|(file, code, rule)| !broken(file, code).contains(rule))
        .map(|(file, code, rule)| format!("{rule} did not catch in {file}: {code}"))
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn what_is_allowed_is_left_alone() {
    let rows = [
        ("src/domain/seal.rs", "// use rocket::get;\n/* todo!() */ use sha2::Digest;"),
        ("src/domain/seal.rs", "//! `tokio::spawn` is not for us\n/// x.unwrap() == \"queued\"\nfn f() {}"),
        (
            "src/domain/seal.rs",
            "use std::{fmt, net::IpAddr, time::Duration}; use url::Url; use jiff::Timestamp;",
        ),
        ("src/domain/seal.rs", "use super::name::Name; use crate::domain::gate::Gate;"),
        ("src/domain/seal.rs", "const S: &str = r##\"use rocket::get; \"# x.unwrap()\"##;"),
        ("src/domain/seal.rs", "fn f<'a>(c: &'a char) -> bool { *c == '\"' }"),
        (
            "src/domain/state.rs",
            "fn word(self) -> &'static str { match self { Self::Queued => \"queued\" } }",
        ),
        ("src/db/columns.rs", "fn f(t: &str) { match t { \"queued\" => Ok(Q), _ => Err(()) } }"),
        ("src/web/pages/mod.rs", "use super::guards; use crate::app::queries; use rocket::get;"),
        ("src/web/api/mod.rs", "mod pages {} "),
        ("src/db/mod.rs", "use sea_orm::Set; use crate::domain::name::Name;"),
        ("src/boot.rs", "use crate::{db, web, runner};"),
        ("src/clock.rs", "fn now() { std::time::SystemTime::now() }"),
        ("src/runner/engine.rs", "fn f() { tokio::time::timeout(D, x); tokio::time::sleep(D); }"),
        ("src/runner/ssh.rs", "use tokio::process::Command;"),
        ("src/web/filters.rs", "fn f() { state == State::Queued && kind == \"form\" && status == 404 }"),
        ("src/cli/mod.rs", "fn f() { println!(\"x\"); std::process::ExitCode::FAILURE }"),
        ("src/app/launch.rs", "fn f() { x.unwrap_or_default(); x.expect_err; \"x.unwrap()\" }"),
        ("src/app/launch.rs", "#[expect(clippy::too_many_lines, reason = \"a table\")] fn f() {}"),
        ("tests/pages.rs", "fn f() { x.unwrap(); println!(\"deploy.sh: sleep(5)\"); }"),
        ("tests/pages.rs", "fn f() { let t = Timestamp::now(); }"),
        ("tests/support/mod.rs", "use crate::domain::name::Name;"),
        ("tests/support/github.rs", "use super::browser::Browser; use rocket::get;"),
    ];
    let wrong: Vec<String> = rows
        .iter()
        .map(|(file, code)| (broken(file, code), file, code))
        .filter(|(rules, _, _)| !rules.is_empty())
        .map(|(rules, file, code)| format!("{rules:?} wrongly caught in {file}: {code}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_violation_names_file_line_and_rule() {
    let source = Source::read("src/web/mod.rs", "\n\nuse crate::{\n    app,\n    db::open,\n};\n").unwrap();
    let lines: Vec<String> = check(&source).iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["src/web/mod.rs:5 room: web may not name crate::db::open"]);
}

#[test]
fn a_file_of_more_than_500_lines_is_too_long() {
    assert_eq!(broken("src/app/launch.rs", &"\n".repeat(500)), Vec::<&str>::new());
    assert_eq!(broken("src/app/launch.rs", &"\n".repeat(501)), ["size"]);
}

#[test]
fn a_template_may_show_a_state_but_not_compare_it() {
    let caught = |text: &str| text::check_template("templates/home.html", text).len();
    assert_eq!(caught("{% if row.state == \"queued\" %}"), 1);
    assert_eq!(caught("{% if \"queued\" != row.state %}"), 1);
    assert_eq!(caught("{% match word %}\n{% when \"queued\" %}"), 1);
    assert_eq!(caught("<span class=\"status\" data-s=\"queued\">queued</span>"), 0);
}

#[test]
fn no_file_names_a_developers_machine() {
    let caught = |file: &str, text: &str| text::check_places(file, text).len();
    let (ours, home) = (concat!("/wo", "rk/"), concat!("/ro", "ot/"));
    assert_eq!(caught("README.md", &format!("see {ours}main")), 1);
    assert_eq!(caught("Makefile", &format!("X={home}.cargo")), 1);
    assert_eq!(caught("docs/rules.md", concat!("as in ../sha", "red/docs")), 1);
    assert_eq!(caught("tests/fleet.rs", &format!("refuse {home}x")), 0);
    assert_eq!(caught("docs/fleet.md", &format!("/srv{ours}shop")), 0);
}

#[test]
fn a_file_that_is_not_rust_is_an_error_with_its_name() {
    let error = Source::read("src/broken.rs", "fn f( {").err().unwrap();
    assert!(error.starts_with("src/broken.rs: "), "{error}");
}
