//! When a host that differs is drift: rows of what was known, what it said, and what follows.

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;

use crate::domain::drift::{Memory, Reading, Standing, remember, standing};
use crate::domain::live::{HostWord, LiveRow, LiveState};
use crate::domain::name::{CommitId, Name};

const GRACE: SignedDuration = SignedDuration::from_mins(30);

fn commit(digit: char) -> CommitId {
    CommitId::parse(&digit.to_string().repeat(40)).unwrap()
}

/// Minutes of one hour.
fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + 60 * minute).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// Release `a`, recorded in minute 10.
fn record(state: LiveState) -> LiveRow {
    LiveRow {
        server: name("web-1"),
        commit: Some(commit('a')),
        release: Some("v1".to_owned()),
        state,
        deployment: Some(1),
        at: at(10),
    }
}

fn runs(digit: char) -> HostWord {
    HostWord::Runs { commit: commit(digit), release: format!("v-{digit}"), in_progress: false }
}

fn half_changed() -> HostWord {
    HostWord::Runs { commit: commit('a'), release: "v-a".to_owned(), in_progress: true }
}

fn silent() -> HostWord {
    HostWord::Unreachable("refused".to_owned())
}

/// Since when it is unreachable, since when it differs, and whether that is drift.
fn memory(unreachable: Option<i64>, differs: Option<i64>, drifted: bool) -> Memory {
    Memory { unreachable_since: unreachable.map(at), differs_since: differs.map(at), drifted }
}

#[rstest]
#[case::it_agrees(memory(None, None, false), 20, runs('a'), memory(None, None, false))]
#[case::it_begins_to_differ(memory(None, None, false), 20, runs('b'), memory(None, Some(20), false))]
#[case::not_for_long_yet(memory(None, Some(20), false), 49, runs('b'), memory(None, Some(20), false))]
#[case::for_as_long_as_is_allowed(memory(None, Some(20), false), 50, runs('b'), memory(None, Some(20), true))]
#[case::another_difference_goes_on(
    memory(None, Some(20), false),
    55,
    runs('c'),
    memory(None, Some(20), true)
)]
#[case::nothing_there_differs_too(
    memory(None, Some(20), false),
    55,
    HostWord::Nothing,
    memory(None, Some(20), true)
)]
#[case::left_in_the_middle_differs_too(
    memory(None, Some(20), false),
    55,
    half_changed(),
    memory(None, Some(20), true)
)]
#[case::it_agrees_again(memory(None, Some(20), true), 60, runs('a'), memory(None, None, false))]
#[case::what_differed_from_an_older_record_begins_anew(
    memory(None, Some(5), true),
    40,
    runs('b'),
    memory(None, Some(40), false)
)]
#[case::silence_is_no_drift(memory(None, None, false), 20, silent(), memory(Some(20), None, false))]
#[case::silence_goes_on(memory(Some(20), None, false), 99, silent(), memory(Some(20), None, false))]
#[case::silence_ends_no_drift(memory(None, Some(20), true), 60, silent(), memory(Some(60), Some(20), true))]
#[case::silence_does_not_stop_the_time(
    memory(Some(30), Some(20), false),
    60,
    runs('b'),
    memory(None, Some(20), true)
)]
#[case::it_answers_again(memory(Some(30), None, false), 60, runs('a'), memory(None, None, false))]
fn what_is_remembered(
    #[case] before: Memory,
    #[case] minute: i64,
    #[case] word: HostWord,
    #[case] expected: Memory,
) {
    let row = record(LiveState::Settled);
    assert_eq!(remember(before, Some(&row), &word, at(minute), GRACE), expected);
}

#[test]
fn without_a_settled_record_nothing_differs_from_it() {
    let unsettled = record(LiveState::Unknown);
    for row in [None, Some(&unsettled)] {
        let after = remember(memory(None, Some(20), true), row, &runs('b'), at(60), GRACE);
        assert_eq!(after, Memory::default());
    }
}

#[test]
fn without_any_grace_the_first_difference_is_drift() {
    let row = record(LiveState::Settled);
    assert!(remember(Memory::default(), Some(&row), &runs('b'), at(20), SignedDuration::ZERO).drifted);
}

#[rstest]
#[case::never_asked(None, Standing::NotRead)]
#[case::asked_before_the_record(Some((5, runs('b'), memory(None, Some(5), true))), Standing::NotRead)]
#[case::agrees(Some((20, runs('a'), Memory::default())), Standing::Agrees { read_at: at(20) })]
#[case::differs(
    Some((20, runs('b'), memory(None, Some(15), false))),
    Standing::Differs { since: at(15), says: "says v-b (bbbbbbbbbbbb)".to_owned() }
)]
#[case::drifted(
    Some((50, runs('b'), memory(None, Some(15), true))),
    Standing::Drifted { since: at(15), says: "says v-b (bbbbbbbbbbbb)".to_owned() }
)]
#[case::silent_after_drift(
    Some((60, silent(), memory(Some(55), Some(15), true))),
    Standing::Unreachable { since: at(55), why: "refused".to_owned() }
)]
fn how_it_stands(#[case] said: Option<(i64, HostWord, Memory)>, #[case] expected: Standing) {
    let reading = said.map(|(minute, word, memory)| Reading {
        application: name("shop"),
        environment: name("production"),
        server: name("web-1"),
        word,
        at: at(minute),
        memory,
    });
    let row = record(LiveState::Settled);
    assert_eq!(standing(Some(&row), reading.as_ref()), expected);
}
