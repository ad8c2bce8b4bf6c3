//! When something may start: calendars, freezes and break-glass, from the rule to the
//! page, the API and the runner.

mod bounded;
mod breaking;
mod calendars;
mod days;
mod freezing;
mod held_up;
mod ics;
mod policy;
mod queued;

use crate::tests::support::browser::Page;

/// The page holds each of these words.
#[track_caller]
fn says(page: &Page, words: &[&str]) {
    let text = page.text();
    for words in words {
        assert!(text.contains(words), "{words:?} is not on {}: {text}", page.url);
    }
}
