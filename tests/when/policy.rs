//! Policy about when: freezes by act, level and place; break-glass against everything
//! that it may and may not pass; calendars on a Friday afternoon.

use jiff::Timestamp;
use rstest::rstest;
use serde_json::json;

use crate::domain::fleet::{Calendar, Environment};
use crate::domain::freeze::{Freeze, FreezeState, Frozen, Level, Lifted};
use crate::domain::gate::{Gate, Verdict};
use crate::domain::name::Name;
use crate::domain::overriding::Via;
use crate::domain::permission::{Access, Permission};
use crate::domain::policy::{
    Act, Covering, DeployFacts, Facts, HostFacts, LiveFacts, Promotion, gates, passes,
};
use crate::domain::scope::Scope;
use crate::domain::windows::Window;

const NOW: &str = "2026-11-27T13:30:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn freeze(on: &str, level: Level) -> Freeze {
    let (application, environment) = on.split_once('/').unwrap();
    let only = |text: &str| (text != "*").then(|| name(text));
    Freeze {
        id: 1,
        on: Frozen { application: only(application), environment: only(environment) },
        level,
        reason: "Black Friday.".to_owned(),
        author: "ada".to_owned(),
        created_at: now(),
        from: now(),
        until: Some("2026-11-30T08:00:00Z".parse().unwrap()),
        lifted: None,
        version: 1,
    }
}

/// `dana` at shop production, where approval is needed.
struct Place {
    environment: Environment,
    access: Access,
    window: Window,
    freezes: Vec<Freeze>,
    break_glass: Option<Via>,
    covered_by: Option<i64>,
}

impl Place {
    fn with(permission: Permission) -> Self {
        let environment = json!({
            "name": "production", "deploy_from": { "tags": "*" }, "target_path": "/srv/shop",
            "remote_user": "deploy", "approval": { "required": 1 },
        });
        let grant = json!({ "permission": permission });
        Self {
            environment: serde_json::from_value(environment).unwrap(),
            access: Access { grants: vec![serde_json::from_value(grant).unwrap()], ..Access::default() },
            window: Window::Always,
            freezes: Vec::new(),
            break_glass: None,
            covered_by: None,
        }
    }

    fn gates(&self, act: Act) -> Vec<Gate> {
        let (application, actor) = (name("shop"), name("dana"));
        let promotion = Promotion::default();
        let facts = Facts {
            now: now(),
            application: &application,
            environment: &self.environment,
            actor: &actor,
            access: &self.access,
            hosts: HostFacts { active: 1, ..HostFacts::default() },
            live: LiveFacts::default(),
            window: self.window.clone(),
            freezes: self.freezes.clone(),
            zone: "Europe/Paris".to_owned(),
            promotion: &promotion,
            busy: None,
            asking: None,
            request: None,
            deploying: Some(DeployFacts {
                release_words: "v42".to_owned(),
                commit: None,
                not_allowed: None,
                direction: None,
                scope: Scope::Environment,
                covered_by: self.covered_by.map(|request| Covering { request, why_not: None }),
                break_glass: self.break_glass,
            }),
        };
        gates(act, &facts)
    }

    fn verdict(&self, act: Act, code: &str) -> Option<Verdict> {
        self.gates(act).iter().find(|gate| gate.code == code).map(|gate| gate.verdict)
    }
}

#[rstest]
#[case(Act::Request, Level::Lock, Some(Verdict::Warn))]
#[case(Act::Accept, Level::Lock, Some(Verdict::Warn))]
#[case(Act::Reject, Level::Lock, None)]
#[case(Act::Launch, Level::Lock, Some(Verdict::Stop))]
#[case(Act::Start, Level::Lock, Some(Verdict::Stop))]
#[case(Act::Deploy, Level::Lock, Some(Verdict::Stop))]
#[case(Act::Retry, Level::Lock, Some(Verdict::Stop))]
#[case(Act::Request, Level::Warning, Some(Verdict::Warn))]
#[case(Act::Accept, Level::Warning, Some(Verdict::Warn))]
#[case(Act::Reject, Level::Warning, None)]
#[case(Act::Launch, Level::Warning, Some(Verdict::Warn))]
#[case(Act::Start, Level::Warning, Some(Verdict::Warn))]
#[case(Act::Deploy, Level::Warning, Some(Verdict::Warn))]
#[case(Act::Retry, Level::Warning, Some(Verdict::Warn))]
fn a_lock_stops_what_starts_something_and_a_warning_stops_nothing(
    #[case] act: Act,
    #[case] level: Level,
    #[case] expected: Option<Verdict>,
) {
    // Administrators are bound like everybody (rules.md 33).
    for globals in [json!([]), json!(["admin"])] {
        let mut place = Place::with(Permission::Deploy);
        place.access.globals = serde_json::from_value(globals).unwrap();
        place.freezes = vec![freeze("*/*", level)];
        assert_eq!(place.verdict(act, "freeze"), expected);
    }
    assert_eq!(Place::with(Permission::Deploy).verdict(act, "freeze"), None);
}

#[test]
fn every_freeze_is_said_with_reason_author_and_end() {
    let mut place = Place::with(Permission::Deploy);
    place.freezes = vec![freeze("shop/production", Level::Warning), freeze("*/*", Level::Lock)];
    place.freezes[1].until = None;
    let gates = place.gates(Act::Launch);
    let said: Vec<(&str, &str)> = gates
        .iter()
        .filter(|gate| gate.code == "freeze")
        .map(|gate| (gate.title.as_str(), gate.remedy.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (
                "shop production: take care",
                "Black Friday. Said by ada until Mon 30 Nov 2026, 09:00 (Europe/Paris); it holds nothing up."
            ),
            (
                "Everything is frozen",
                "Black Friday. Frozen by ada until an administrator lifts it; nobody passes it, and an administrator may lift it."
            ),
        ]
    );
}

#[rstest]
#[case("*/*", [true, true, true, true])]
#[case("shop/*", [true, true, false, false])]
#[case("shop/production", [true, false, false, false])]
#[case("*/production", [true, false, true, false])]
#[case("till/staging", [false, false, false, true])]
fn a_freeze_covers_what_it_is_on(#[case] on: &str, #[case] expected: [bool; 4]) {
    let freeze = freeze(on, Level::Lock);
    let places = [("shop", "production"), ("shop", "staging"), ("till", "production"), ("till", "staging")];
    assert_eq!(places.map(|(a, e)| freeze.binds(&name(a), &name(e), now())), expected);
}

#[rstest]
#[case::before("2026-11-27T13:29:59.999Z", FreezeState::Planned)]
#[case::first_moment("2026-11-27T13:30:00Z", FreezeState::Current)]
#[case::last_moment("2026-11-30T07:59:59.999Z", FreezeState::Current)]
#[case::its_end_is_not_in_it("2026-11-30T08:00:00Z", FreezeState::Ended)]
fn a_freeze_holds_from_its_beginning_until_its_end(#[case] at: &str, #[case] expected: FreezeState) {
    let at: Timestamp = at.parse().unwrap();
    let mut freeze = freeze("*/*", Level::Lock);
    assert_eq!(freeze.state(at), expected);
    assert_eq!(freeze.binds(&name("shop"), &name("production"), at), expected == FreezeState::Current);
    freeze.lifted = Some(Lifted { by: "ada".to_owned(), at });
    assert_eq!(freeze.state(at), FreezeState::Ended);
}

/// By whom, by which way, in what calendar, under what freeze: whether it goes, and the
/// codes of what stops it.
#[rstest]
#[case::as_usual(Permission::Deploy, None, true, None, &["approval"])]
#[case::overridden(Permission::Deploy, Some(Via::Session), true, None, &[])]
#[case::and_outside_the_window(Permission::Deploy, Some(Via::Session), false, None, &[])]
#[case::never_a_lock(Permission::Deploy, Some(Via::Session), true, Some(Level::Lock), &["freeze"])]
#[case::a_warning_is_no_lock(Permission::Deploy, Some(Via::Session), true, Some(Level::Warning), &[])]
#[case::never_by_a_token(Permission::Deploy, Some(Via::Token), true, None, &["approval", "break_glass"])]
#[case::never_in_anothers_name(Permission::Deploy, Some(Via::Impersonation), true, None, &["approval", "break_glass"])]
#[case::within_the_window_is_less(Permission::DeployInWindow, Some(Via::Session), true, None, &["approval", "break_glass"])]
#[case::and_outside_even_less(Permission::DeployInWindow, Some(Via::Session), false, None, &["approval", "break_glass", "window"])]
#[case::who_may_request(Permission::Request, Some(Via::Session), true, None, &["approval", "break_glass", "permission"])]
#[case::who_may_review(Permission::Review, Some(Via::Session), true, None, &["approval", "break_glass", "permission"])]
fn break_glass_passes_approval_and_calendar_and_nothing_else(
    #[case] permission: Permission,
    #[case] via: Option<Via>,
    #[case] open: bool,
    #[case] level: Option<Level>,
    #[case] stops: &[&str],
) {
    let mut place = Place::with(permission);
    place.break_glass = via;
    place.freezes = level.map(|level| freeze("shop/*", level)).into_iter().collect();
    if !open {
        place.window = Window::Closed { opens: None, words: "Opens Monday.".to_owned() };
    }
    let gates = place.gates(Act::Deploy);
    let mut stopped: Vec<&str> =
        gates.iter().filter(|gate| gate.verdict == Verdict::Stop).map(|gate| gate.code).collect();
    stopped.sort_unstable();
    assert_eq!(stopped, stops);
    assert_eq!(passes(&gates), stops.is_empty());
    if via == Some(Via::Session) && !stops.contains(&"break_glass") {
        // The same person by a bounded token, or somebody in their name.
        place.access.within =
            Some(serde_json::from_value(json!({ "grants": [{ "permission": "deploy" }] })).unwrap());
        assert_eq!(place.verdict(Act::Deploy, "break_glass"), Some(Verdict::Stop));
        place.access.within = None;
        place.access.by = Some(name("bot"));
        assert_eq!(place.verdict(Act::Deploy, "break_glass"), Some(Verdict::Stop));
    }
    if via == Some(Via::Session) && stops.is_empty() {
        let overridden = |code| gates.iter().any(|gate| gate.code == code && gate.verdict == Verdict::Warn);
        assert!(overridden("approval") && overridden("break_glass"), "it says what it passed: {gates:?}");
    }
}

/// Who may do what when: Friday, when the window ends at two in the afternoon in Paris.
#[rstest]
#[case::launch_before("2026-11-27T12:59:59Z", Act::Launch, Permission::Request, Verdict::Pass)]
#[case::launch_at_two("2026-11-27T13:00:00Z", Act::Launch, Permission::Request, Verdict::Stop)]
#[case::the_right_to_deploy_is_none_to_launch(
    "2026-11-27T13:00:00Z",
    Act::Launch,
    Permission::Deploy,
    Verdict::Stop
)]
#[case::start("2026-11-27T13:00:00Z", Act::Start, Permission::Deploy, Verdict::Stop)]
#[case::in_window("2026-11-27T13:00:00Z", Act::Deploy, Permission::DeployInWindow, Verdict::Stop)]
#[case::in_window_before("2026-11-27T12:59:59Z", Act::Deploy, Permission::DeployInWindow, Verdict::Pass)]
#[case::always("2026-11-27T13:00:00Z", Act::Deploy, Permission::Deploy, Verdict::Warn)]
#[case::retry_in_window("2026-11-27T13:00:00Z", Act::Retry, Permission::DeployInWindow, Verdict::Stop)]
#[case::retry_always("2026-11-27T13:00:00Z", Act::Retry, Permission::Deploy, Verdict::Warn)]
#[case::request("2026-11-27T13:00:00Z", Act::Request, Permission::Request, Verdict::Warn)]
#[case::accept("2026-11-27T13:00:00Z", Act::Accept, Permission::Review, Verdict::Warn)]
// On the Sunday of the change, the night from two to three is shown twice.
#[case::first_time("2026-10-25T00:30:00Z", Act::Launch, Permission::Request, Verdict::Pass)]
#[case::second_time("2026-10-25T01:30:00Z", Act::Launch, Permission::Request, Verdict::Pass)]
#[case::after_both("2026-10-25T02:00:00Z", Act::Launch, Permission::Request, Verdict::Stop)]
fn the_calendar_binds_acts_and_rights_as_it_should(
    #[case] at: &str,
    #[case] act: Act,
    #[case] permission: Permission,
    #[case] expected: Verdict,
) {
    let calendar: Calendar = serde_json::from_value(json!({
        "name": "office", "timezone": "Europe/Paris", "weekly": [
            { "days": ["fri"], "from": "08:00", "to": "14:00" },
            { "days": ["sun"], "from": "02:00", "to": "03:00" },
        ],
    }))
    .unwrap();
    let mut place = Place::with(permission);
    place.window = Window::at(Some(&calendar), at.parse().unwrap());
    assert_eq!(place.verdict(act, "window"), Some(expected));
}

/// An approval was made for somebody; nobody uses it in their name (rules.md 31).
#[rstest]
#[case(Act::Deploy, None, None, None)]
#[case(Act::Deploy, Some(7), None, None)]
#[case(Act::Deploy, None, Some("bot"), None)]
#[case(Act::Deploy, Some(7), Some("bot"), Some(Verdict::Stop))]
#[case(Act::Retry, None, Some("bot"), None)]
#[case(Act::Request, None, Some("bot"), None)]
#[case(Act::Launch, None, Some("bot"), Some(Verdict::Stop))]
#[case(Act::Start, None, Some("bot"), Some(Verdict::Stop))]
#[case(Act::Accept, None, Some("bot"), Some(Verdict::Stop))]
#[case(Act::Ask, None, Some("bot"), Some(Verdict::Stop))]
fn what_nobody_does_in_anothers_name(
    #[case] act: Act,
    #[case] covered_by: Option<i64>,
    #[case] by: Option<&str>,
    #[case] expected: Option<Verdict>,
) {
    let mut place = Place::with(Permission::Deploy);
    (place.covered_by, place.access.by) = (covered_by, by.map(name));
    assert_eq!(place.verdict(act, "impersonation"), expected, "{act:?} {covered_by:?} {by:?}");
}
