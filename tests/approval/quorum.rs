//! Who counts, as a table: duplicates, the requester who is also an administrator,
//! rights lost in between, people in several groups, the stricter of two policies.

use rstest::rstest;

use crate::domain::fleet::{Approval, ApprovalGroup};
use crate::domain::name::Name;
use crate::domain::policy::{DecisionFacts, Terms, judge, strictest};
use crate::domain::request::DecisionKind;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// `rosa:ops,owners`; a mark before the name says what is special: `!` lost the right,
/// `~` wrote a part of it, `-` rejected.
fn decisions(text: &str) -> Vec<DecisionFacts> {
    let decision = |text: &str| {
        let (person, roles) = text.split_once(':').unwrap_or((text, ""));
        let plain = person.trim_start_matches(['!', '~', '-']);
        DecisionFacts {
            person: name(plain),
            kind: if person.contains('-') { DecisionKind::Reject } else { DecisionKind::Accept },
            may_review: !person.contains('!'),
            roles: roles.split(',').filter(|role| !role.is_empty()).map(name).collect(),
            is_author: person.contains('~'),
        }
    };
    text.split_whitespace().map(decision).collect()
}

/// `2`, `1 self`, `2 authors`, `2 no-authors`, `1 ops=1 owners=1`.
fn terms(text: &str) -> Terms {
    let mut terms = Terms::from(&Approval::default());
    for word in text.split_whitespace() {
        match word {
            "self" => terms.self_approval = true,
            "no-authors" => terms.authors_count = false,
            "authors" => terms.authors_count = true,
            _ => match word.split_once('=') {
                Some((role, required)) => {
                    terms
                        .groups
                        .push(ApprovalGroup { role: name(role), required: required.parse().unwrap() });
                }
                None => terms.required = word.parse().unwrap(),
            },
        }
    }
    terms
}

/// dana asks. What it comes to, in words; a `+` at the beginning: that is enough.
#[rstest]
#[case("0", "", "+0 of 0 accepts.")]
#[case("1", "", "0 of 1 accept.")]
#[case("1", "rosa", "+1 of 1 accept.")]
#[case("2", "rosa rosa", "1 of 2 accepts.")]
#[case("2", "rosa remy", "+2 of 2 accepts.")]
#[case("1", "rosa -rosa", "0 of 1 accept.")]
#[case("1", "-rosa", "0 of 1 accept.")]
#[case("1", "rosa -remy", "+1 of 1 accept.")]
// The requester, administrator or not.
#[case("1", "dana:admin", "0 of 1 accept. dana asked for it, and does not count.")]
#[case("1 self", "dana:admin", "+1 of 1 accept.")]
#[case("2 self", "dana rosa", "+2 of 2 accepts.")]
#[case("2", "dana rosa", "1 of 2 accepts. dana asked for it, and does not count.")]
// Rights lost in between.
#[case("1", "!rosa", "0 of 1 accept. rosa may no longer review here, and does not count.")]
#[case("1", "!rosa remy", "+1 of 1 accept. rosa may no longer review here, and does not count.")]
// Authors.
#[case("1", "~rosa", "0 of 1 accept. rosa wrote a part of it, and does not count.")]
#[case("1 authors", "~rosa", "+1 of 1 accept.")]
#[case("1 no-authors", "~rosa", "0 of 1 accept. rosa wrote a part of it, and does not count.")]
#[case("1 no-authors", "~rosa remy", "+1 of 1 accept. rosa wrote a part of it, and does not count.")]
#[case("1 self no-authors", "~dana", "+1 of 1 accept.")]
// Groups.
#[case("1 ops=1 owners=1", "", "0 of 2 accepts: 0 of 1 from ops; 0 of 1 from owners.")]
#[case("1 ops=1 owners=1", "rosa:ops", "1 of 2 accepts: 1 of 1 from ops; 0 of 1 from owners.")]
#[case("1 ops=1 owners=1", "rosa:ops remy:owners", "+2 of 2 accepts: 1 of 1 from ops; 1 of 1 from owners.")]
#[case("1 ops=1 owners=1", "rosa:ops remy:ops", "2 of 2 accepts: 1 of 1 from ops; 0 of 1 from owners.")]
#[case("3 ops=1 owners=1", "rosa:ops remy:owners", "2 of 3 accepts: 1 of 1 from ops; 1 of 1 from owners.")]
#[case(
    "3 ops=1 owners=1",
    "rosa:ops remy:owners ada",
    "+3 of 3 accepts: 1 of 1 from ops; 1 of 1 from owners."
)]
#[case("1 ops=2", "rosa:ops rosa:ops", "1 of 2 accepts: 1 of 2 from ops.")]
#[case(
    "1 ops=2",
    "rosa:ops !remy:ops",
    "1 of 2 accepts: 1 of 2 from ops. remy may no longer review here, and does not count."
)]
// In both groups: counted once, in the one that leaves room for the others.
#[case("1 ops=1 owners=1", "rosa:ops,owners", "1 of 2 accepts: 1 of 1 from ops; 0 of 1 from owners.")]
#[case(
    "1 ops=1 owners=1",
    "rosa:ops,owners remy:ops",
    "+2 of 2 accepts: 1 of 1 from ops; 1 of 1 from owners."
)]
#[case(
    "1 ops=1 owners=1",
    "remy:ops rosa:ops,owners",
    "+2 of 2 accepts: 1 of 1 from ops; 1 of 1 from owners."
)]
#[case("1 a=1 b=1 c=1", "x:a,b y:a z:b,c", "+3 of 3 accepts: 1 of 1 from a; 1 of 1 from b; 1 of 1 from c.")]
#[case("1 a=1 b=1 c=1", "x:a,b,c y:a,b,c", "2 of 3 accepts: 1 of 1 from a; 1 of 1 from b; 0 of 1 from c.")]
#[case("1 a=2 b=1", "x:a,b y:a,b z:a,b", "+3 of 3 accepts: 2 of 2 from a; 1 of 1 from b.")]
// The role of everybody.
#[case("1 default=1 ops=1", "rosa remy:ops", "+2 of 2 accepts: 1 of 1 from default; 1 of 1 from ops.")]
fn who_counts(#[case] policy: &str, #[case] decided: &str, #[case] expected: &str) {
    let quorum = judge(&terms(policy), &decisions(decided), &[&name("dana")]);
    let words = format!("{}{}", if quorum.is_reached() { "+" } else { "" }, quorum.words());
    assert_eq!(words, expected, "{policy} by {decided}");
}

/// Who really asked, in the requester's name, counts as little as the requester.
#[rstest]
#[case("1", "bot", "0 of 1 accept. bot asked for it, and does not count.")]
#[case("1", "bot rosa", "+1 of 1 accept. bot asked for it, and does not count.")]
#[case(
    "2",
    "bot dana rosa",
    "1 of 2 accepts. bot asked for it, and does not count. dana asked for it, and does not count."
)]
#[case("1 ops=1", "bot:ops", "0 of 1 accept: 0 of 1 from ops. bot asked for it, and does not count.")]
#[case("1 self", "bot", "+1 of 1 accept.")]
fn who_really_asked_does_not_count(#[case] policy: &str, #[case] decided: &str, #[case] expected: &str) {
    let quorum = judge(&terms(policy), &decisions(decided), &[&name("dana"), &name("bot")]);
    let words = format!("{}{}", if quorum.is_reached() { "+" } else { "" }, quorum.words());
    assert_eq!(words, expected, "{policy} by {decided}");
}

/// By every policy that it was ever judged by, the one that asks for most decides.
#[rstest]
#[case(&["1", "2"], "rosa", false)]
#[case(&["2", "1"], "rosa", false)]
#[case(&["1 self", "1"], "dana", false)]
#[case(&["1", "1 self"], "dana", false)]
#[case(&["1 self", "1 self"], "dana", true)]
#[case(&["1 ops=1", "1 owners=1"], "rosa:ops", false)]
#[case(&["1 ops=1", "1 owners=1"], "rosa:ops,owners", true)]
#[case(&["1 no-authors", "1 authors"], "~rosa", false)]
#[case(&["1 authors", "1 no-authors"], "~rosa", false)]
#[case(&["0", "1"], "", false)]
#[case(&["0"], "", true)]
#[case(&[], "rosa remy", false)]
fn the_stricter_of_then_and_now(#[case] policies: &[&str], #[case] decided: &str, #[case] enough: bool) {
    let policies: Vec<Terms> = policies.iter().map(|policy| terms(policy)).collect();
    let quorum = strictest(&policies, &decisions(decided), &[&name("dana")]);
    assert_eq!(quorum.is_reached(), enough, "{policies:?} by {decided}: {}", quorum.words());
}

/// However the people are ordered, no place stays empty that somebody free could take.
#[test]
fn the_order_of_the_accepts_changes_nothing() {
    let policy = terms("1 a=1 b=2 c=1");
    let people = ["w:a,b", "x:b,c", "y:c", "z:b"];
    for turn in 0..people.len() {
        let mut order = people;
        order.rotate_left(turn);
        for _ in 0..2 {
            let quorum = judge(&policy, &decisions(&order.join(" ")), &[&name("dana")]);
            assert!(quorum.is_reached(), "{order:?}: {}", quorum.words());
            order.reverse();
        }
    }
}
