//! The documents say what is true: their commands exist, their links lead
//! somewhere, their words are the glossary's, their proofs are tests.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::rooms::{files_of_the_repository, is_rust};

fn documents() -> Vec<(String, String)> {
    let files = files_of_the_repository().into_iter();
    files.filter(|(file, _)| Path::new(file).extension().is_some_and(|kind| kind == "md")).collect()
}

fn file(name: &str) -> String {
    let files = files_of_the_repository();
    files.into_iter().find(|(file, _)| file == name).unwrap_or_else(|| panic!("{name} is missing")).1
}

#[test]
fn every_make_target_that_a_document_names_exists() {
    let makefile = file("Makefile");
    let targets: BTreeSet<&str> =
        makefile.lines().filter_map(|line| Some(line.strip_prefix(".PHONY: ")?.trim())).collect();
    let mut unknown = Vec::new();
    for (name, text) in documents() {
        for code in commands(&text) {
            for called in code.split("make ").skip(1) {
                let target =
                    called.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or("");
                if !target.is_empty() && !targets.contains(target) {
                    unknown.push(format!("{name}: make {target}"));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "no such target:\n{}", unknown.join("\n"));
}

/// What stands between backticks, and the lines of fenced blocks.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            found.push(line.to_owned());
        } else {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

#[test]
fn the_first_screen_of_the_readme_has_the_two_commands() {
    let readme = file("README.md");
    let first_screen = readme.lines().take(30).collect::<Vec<_>>().join("\n");
    for command in ["\nmake demo\n", "\nmake test\n"] {
        assert!(first_screen.contains(command), "{command:?} is not among the first 30 lines");
    }
}

#[test]
fn every_relative_link_leads_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    for (name, text) in documents() {
        for target in links(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let folder = Path::new(&name).parent().unwrap_or(Path::new(""));
            let linked = if path.is_empty() { PathBuf::from(&name) } else { folded(&folder.join(path)) };
            let found = std::fs::read_to_string(root.join(&linked));
            let exists = root.join(&linked).exists();
            let has_anchor = anchor.is_empty() || found.is_ok_and(|text| anchors(&text).contains(anchor));
            if !exists || !has_anchor {
                broken.push(format!("{name}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

/// `[text](target)` and `![text](target)`, code left out.
fn links(text: &str) -> Vec<String> {
    let mut prose = String::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            prose.extend(line.split('`').step_by(2));
            prose.push('\n');
        }
    }
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

/// `docs/../README.md` is `README.md`.
fn folded(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::CurDir => {}
            other => parts.push(other),
        }
    }
    parts
}

/// The anchors that a Markdown page gives its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings =
        text.lines().filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#').trim()));
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    headings
        .map(|title| title.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-"))
        .collect()
}

#[test]
fn the_glossary_has_every_word() {
    let glossary = file("docs/glossary.md");
    let words = [
        "application",
        "environment",
        "server",
        "cluster",
        "load balancer",
        "release",
        "release request",
        "seal",
        "fingerprint",
        "decision",
        "review list",
        "launch link",
        "slot",
        "deployment",
        "step",
        "plan",
        "journal",
        "gate",
        "window",
        "freeze",
        "fleet file",
        "live",
        "permission",
        "role",
        "drift",
    ];
    let defined: BTreeSet<String> = rows(&glossary).into_iter().map(|row| row[0].to_lowercase()).collect();
    let missing: Vec<&&str> = words.iter().filter(|word| !defined.contains(**word)).collect();
    assert!(missing.is_empty(), "not in docs/glossary.md: {missing:?}");
}

/// The cells of every table row that is not a head or a rule.
fn rows(text: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = text.lines().collect();
    let is_rule = |line: &str| line.starts_with("|-") || line.starts_with("| -");
    let is_head = |index: usize| lines.get(index + 1).is_some_and(|next| is_rule(next));
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    lines
        .iter()
        .enumerate()
        .filter(|(index, line)| line.starts_with('|') && !is_rule(line) && !is_head(*index))
        .map(|(_, line)| cells(line))
        .collect()
}

#[test]
fn every_promise_of_this_version_stands_there_once() {
    let promised: Vec<u32> =
        rows(&file("docs/security.md")).iter().map(|row| row[0].parse().expect("a number")).collect();
    let expected = [1..=4, 6..=19, 22..=37, 39..=39, 41..=42];
    assert_eq!(promised, expected.into_iter().flatten().collect::<Vec<u32>>());
}

#[test]
fn every_promise_names_a_test_that_exists_or_a_dash() {
    let tests = names_of_tests();
    let mut wrong = Vec::new();
    for row in rows(&file("docs/security.md")) {
        let [number, _, proofs] = &row[..] else {
            wrong.push(format!("a row of {} cells: {row:?}", row.len()));
            continue;
        };
        for proof in proofs.split(", ").map(|proof| proof.trim_matches('`')) {
            if proof != "–" && !tests.contains(proof) {
                wrong.push(format!("row {number}: no test `{proof}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The functions under a `#[test]`, `#[tokio::test]`, `#[rstest]` or inside `proptest!`.
fn names_of_tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (file, text) in files_of_the_repository() {
        if !(file.starts_with("tests/") && is_rust(&file)) {
            continue;
        }
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            let attribute = line.strip_prefix("#[").unwrap_or("");
            is_test |= ["test", "rstest", "tokio::test"].iter().any(|kind| attribute.starts_with(kind));
            let function = line.trim_start_matches("async ").strip_prefix("fn ");
            if let Some((name, _)) = function.and_then(|rest| rest.split_once(['(', '<'])) {
                if is_test {
                    names.insert(name.to_owned());
                }
                is_test = false;
            }
        }
    }
    names
}

#[test]
fn every_rule_that_a_source_cites_is_written_down() {
    let cited = |document: &str| {
        let mut numbers = BTreeSet::new();
        let sources = files_of_the_repository().into_iter();
        let sources = sources.filter(|(file, _)| !file.starts_with("tests/") && !file.starts_with("docs/"));
        for (file, text) in sources {
            for rest in text.split(&format!("{document} ")).skip(1) {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                if !digits.is_empty() {
                    numbers.insert((digits, file.clone()));
                }
            }
        }
        numbers
    };
    let mut missing = Vec::new();
    for document in ["rules.md", "security.md"] {
        let text = file(&format!("docs/{document}"));
        let written: BTreeSet<String> = rows(&text).into_iter().map(|row| row[0].clone()).collect();
        for (number, source) in cited(document) {
            if !written.contains(&number) {
                missing.push(format!("{source} cites {document} {number}"));
            }
        }
    }
    assert!(missing.is_empty(), "cited, but not written down:\n{}", missing.join("\n"));
}

#[test]
fn the_readers_of_documents_see_what_they_check() {
    let text = "# A `title`, here\n[a](b.md#c) `[no](x.md)` `make one`\n```sh\nmake two\n[no](y.md)\n```\n\
                | # | rule |\n|---|---|\n| 1 | so |\n| 2 | `a` |\n";
    assert_eq!(links(text), ["b.md#c"]);
    assert_eq!(commands(text)[3..], ["make two", "[no](y.md)", "a"]);
    assert!(anchors(text).contains("a-title-here"));
    assert_eq!(rows(text), [["1", "so"], ["2", "`a`"]]);
    assert_eq!(folded(Path::new("docs/../README.md")), Path::new("README.md"));
    assert!(names_of_tests().contains("the_readers_of_documents_see_what_they_check"));
    assert!(!names_of_tests().contains("names_of_tests"));
}
