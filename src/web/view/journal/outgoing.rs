//! The journal as it leaves the service as data: live feed and raw log. Colours stay,
//! everything else that a terminal or a page would obey is dropped (security.md 33).

use crate::domain::event::{Event, EventKind, StepOutcome};
use crate::web::ansi;

pub fn outgoing(mut event: Event) -> Event {
    match &mut event.what {
        EventKind::Output { text, .. } | EventKind::Note { text, .. } => clean(text),
        EventKind::State { why: Some(why), .. } => clean(why),
        EventKind::StepEnded { outcome, .. } => match outcome {
            StepOutcome::Skipped { why } | StepOutcome::Warned { why } | StepOutcome::Failed { why } => {
                clean(why);
            }
            StepOutcome::Done | StepOutcome::Cancelled => {}
        },
        // Names and numbers, parsed when they came in.
        EventKind::State { why: None, .. }
        | EventKind::StepStarted { .. }
        | EventKind::Host { .. }
        | EventKind::Compared { .. }
        | EventKind::Service { .. }
        | EventKind::Waiting { .. }
        | EventKind::Continued { .. } => {}
    }
    event
}

fn clean(text: &mut String) {
    if let std::borrow::Cow::Owned(clean) = ansi::colours_only(text) {
        *text = clean;
    }
}
