//! Progress is a fold of the journal.

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use super::world::{commit, name};
use crate::domain::deployment::DeploymentState;
use crate::domain::event::{Event, EventKind, HostState, NoteLevel, Phase, StepId, StepOutcome, Stream};
use crate::domain::progress::Progress;

/// Events as a journal stores them.
pub fn numbered(events: Vec<EventKind>) -> Vec<Event> {
    (1..).zip(events).map(|(seq, what)| Event { seq, at: Timestamp::UNIX_EPOCH, what }).collect()
}

fn any_event() -> impl Strategy<Value = EventKind> {
    let step = (0u32..4).prop_map(StepId);
    let host = prop_oneof![Just(name("web-1")), Just(name("web-2"))];
    prop_oneof![
        Just(EventKind::State { state: DeploymentState::Running, why: None }),
        (step.clone(), proptest::option::of(host.clone())).prop_map(|(step, host)| EventKind::StepStarted {
            step,
            phase: Phase::Sync,
            cluster: None,
            host
        }),
        (step.clone(), ".*").prop_map(|(step, text)| EventKind::Output {
            step,
            host: None,
            stream: Stream::Stdout,
            text
        }),
        step.prop_map(|step| EventKind::StepEnded { step, outcome: StepOutcome::Done }),
        host.prop_map(|host| EventKind::Host { host, state: HostState::Done, commit: Some(commit('a')) }),
        ".*".prop_map(|text| EventKind::Note { level: NoteLevel::Info, text }),
    ]
}

proptest! {
    /// However a reader stops, resumes, and reads some events twice, it shows the same.
    #[test]
    fn a_reader_that_resumes_sees_the_same(events in vec(any_event(), 0..60), cut in 0usize..60, again in 0usize..60) {
        let events = numbered(events);
        let cut = cut.min(events.len());
        let mut progress = Progress::of(&events[..cut]);
        for event in &events[again.min(cut)..] {
            progress.apply(event);
        }
        prop_assert_eq!(progress, Progress::of(&events));
    }

    #[test]
    fn the_journal_survives_json(events in vec(any_event(), 0..20)) {
        let events = numbered(events);
        let text = serde_json::to_string(&events).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Event>>(&text).unwrap(), events);
    }
}

#[test]
fn a_journal_reads_as_progress() {
    let web = Some(name("web-1"));
    let (sync, tests) = (StepId(5), StepId(8));
    let events = numbered(vec![
        EventKind::State { state: DeploymentState::Running, why: None },
        EventKind::StepStarted { step: sync, phase: Phase::Sync, cluster: None, host: web.clone() },
        EventKind::Output { step: sync, host: web.clone(), stream: Stream::Stdout, text: "x".to_owned() },
        EventKind::StepEnded { step: sync, outcome: StepOutcome::Done },
        EventKind::StepStarted { step: tests, phase: Phase::Test, cluster: None, host: web },
        EventKind::Host { host: name("web-1"), state: HostState::Unknown, commit: None },
        EventKind::Note { level: NoteLevel::Error, text: "web-1: lost".to_owned() },
        EventKind::State { state: DeploymentState::Failed, why: Some("web-1: lost".to_owned()) },
    ]);
    let progress = Progress::of(&events);
    assert_eq!((progress.seq, progress.state), (8, DeploymentState::Failed));
    assert_eq!(progress.why.as_deref(), Some("web-1: lost"));
    assert_eq!(progress.steps[&sync].lines, 1);
    assert_eq!(progress.running().map(|(id, _)| *id).collect::<Vec<_>>(), [tests]);
    let web = &progress.hosts[&name("web-1")];
    assert_eq!((web.state, web.step), (HostState::Unknown, Some(tests)));
    assert_eq!(progress.notes[0].text, "web-1: lost");
}
