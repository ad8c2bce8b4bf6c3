//! Rules about text that is not Rust: SQL inside strings, templates, and paths of
//! a developer's machine in any file.

use super::rules::{STATE_WORDS, Violation};

/// `… state = 'queued' …`: the word must be bound from its enum instead.
pub fn sql_compares_a_status(sql: &str) -> bool {
    let sql = sql.to_lowercase();
    ["state", "status"].iter().any(|column| {
        sql.match_indices(column).any(|(at, _)| {
            let rest = sql[at + column.len()..].trim_start_matches(['"', '`', ' ', '\n']);
            let operators = ["=", "<>", "!=", "in", "is not", "not in"];
            operators.iter().filter_map(|operator| rest.strip_prefix(operator)).any(|rest| {
                let value = rest.trim_start_matches([' ', '(', '\n']);
                value
                    .strip_prefix('\'')
                    .is_some_and(|value| value.starts_with(|c: char| c.is_ascii_alphabetic()))
            })
        })
    })
}

/// A template decides by a flag or an enum that the view carries, never by a state's word.
pub fn check_template(file: &str, text: &str) -> Vec<Violation> {
    let compares = |line: &str| {
        STATE_WORDS.iter().any(|word| {
            let quoted = format!("\"{word}\"");
            line.match_indices(&quoted).any(|(at, _)| {
                let before = line[..at].trim_end();
                let after = line[at + quoted.len()..].trim_start();
                [before.ends_with("=="), before.ends_with("!="), before.ends_with("{% when")].contains(&true)
                    || after.starts_with("==")
                    || after.starts_with("!=")
            })
        })
    };
    let lines = text.lines().enumerate().filter(|(_, line)| compares(line));
    lines
        .map(|(number, _)| violation(file, number, "status", "a template compares a status with a string"))
        .collect()
}

/// Places on a developer's machine, and documents that are not in the repository.
pub fn check_places(file: &str, text: &str) -> Vec<Violation> {
    // Written in parts, so that this file does not name them either.
    let places = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("../sha", "red")];
    // A target below root's home is what these refuse.
    let may_name_a_home = file.starts_with("tests/fleet") || file.starts_with("src/domain/fleet");
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for place in places {
            let allowed = may_name_a_home && place.contains("oot");
            if !allowed && line.match_indices(place).any(|(at, _)| starts_a_path(line, at)) {
                found.push(violation(file, number, "place", &format!("names {place}")));
            }
        }
    }
    found
}

/// `/srv/work/…` is somebody's folder; only a path that begins there is ours.
fn starts_a_path(line: &str, at: usize) -> bool {
    !line[..at]
        .ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '~' | '}' | ')' | '*'))
}

fn violation(file: &str, number: usize, rule: &'static str, what: &str) -> Violation {
    Violation { file: file.to_owned(), line: number + 1, rule, what: what.to_owned() }
}
