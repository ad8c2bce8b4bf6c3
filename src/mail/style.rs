//! The letter's style sheet, each rule put inline in place of its class.
//!
//! Templates say `class="letter-go"`. Text that others wrote cannot: its quotes
//! are escaped before this runs.

use std::sync::LazyLock;

const SHEET: &str = include_str!("../../templates/mail/letter.css");

static RULES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let rule = |line: &str| {
        let (class, rest) = line.strip_prefix('.')?.split_once(" {")?;
        let (body, _) = rest.split_once('}')?;
        Some((format!("class=\"{class}\""), format!("style=\"{}\"", body.trim())))
    };
    SHEET.lines().filter_map(rule).collect()
});

pub(super) fn inline(html: &str) -> String {
    let mut out = html.to_owned();
    for (class, style) in RULES.iter() {
        out = out.replace(class, style);
    }
    out
}
