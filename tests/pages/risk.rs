//! What is said about a change, from its paths.

use rstest::rstest;

use crate::domain::diff::{DiffStat, FileStat, FileStatus};
use crate::domain::risk::{RiskLevel, risk_hints, risk_of};

fn file(path: &str) -> FileStat {
    FileStat {
        path: path.into(),
        status: FileStatus::Modified,
        added: 3,
        deleted: 1,
        binary: false,
        mode: None,
    }
}

#[rstest]
#[case("deploy.sh", Some("on hosts"))]
#[case("tests/run_tests.sh", Some("on hosts"))]
#[case("docs/deploy.sh", None)]
#[case("migrations/0042.sql", Some("schema"))]
#[case("db/Schema.rb", Some("schema"))]
#[case("src/app/migrations/0001_initial.py", Some("schema"))]
#[case("certs/server.KEY", Some("secrets"))]
#[case(".env", Some("secrets"))]
#[case("src/checkout/payment.py", Some("payments"))]
#[case("tests/test_payment.py", Some("tests"))]
#[case("src/auth/login.rs", Some("access"))]
#[case("src/author.rs", None)]
#[case(".github/workflows/ci.yml", Some("pipeline"))]
#[case("Dockerfile", Some("pipeline"))]
#[case("Cargo.lock", Some("dependencies"))]
#[case("config/production.yaml", Some("settings"))]
#[case("nginx/site.conf", Some("settings"))]
#[case("src/main.rs", None)]
#[case("", None)]
#[case("\u{202e}<script>/", None)]
fn a_path_tells_a_risk(#[case] path: &str, #[case] word: Option<&str>) {
    assert_eq!(risk_of(&file(path)).map(|risk| risk.word), word);
}

#[test]
fn modes_and_types_tell_a_risk_too() {
    let executable =
        FileStat { mode: Some("100644 → 100755".into()), status: FileStatus::ModeChanged, ..file("bin/x") };
    assert_eq!(risk_of(&executable).unwrap().word, "executable");
    let link = FileStat { status: FileStatus::TypeChanged, ..file("tests/link") };
    assert_eq!(risk_of(&link).unwrap().level, RiskLevel::High);
}

#[test]
fn hints_gather_the_files_of_a_kind_gravest_first() {
    let files = ["tests/a.py", "config/a.yaml", "config/b.yaml", "migrations/1.sql", "src/main.rs"]
        .map(file)
        .to_vec();
    let hints = risk_hints(&DiffStat { files });
    let words: Vec<&str> = hints.iter().map(|hint| hint.word).collect();
    assert_eq!(words, ["schema", "settings", "tests"]);
    assert_eq!(hints[1].text, "and 1 more: live settings.");
    assert_eq!(hints[1].path.as_deref(), Some("config/a.yaml"));
    assert_eq!(hints[2].text, "4 lines of tests come with it.");
}

#[test]
fn many_deleted_files_and_much_change_are_said() {
    let mut files: Vec<FileStat> =
        (0..10).map(|n| FileStat { status: FileStatus::Deleted, ..file(&format!("src/{n}.rs")) }).collect();
    assert!(risk_hints(&DiffStat { files: files[..9].to_vec() }).is_empty());
    files[0].added = 6_000;
    let hints = risk_hints(&DiffStat { files });
    assert_eq!(hints.iter().map(|hint| hint.word).collect::<Vec<_>>(), ["deletes", "large"]);
}

#[test]
fn an_ordinary_change_has_no_hint() {
    assert!(risk_hints(&DiffStat::default()).is_empty());
}
