//! Known secrets in what programs print (security.md 35).

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;

use super::stage::{Stage, short};
use crate::domain::mask::{MARK, Mask, Masker};
use crate::runner::local::process::{Outcome, Program, Stdin};

const SECRET: &str = "p/s? \"wörd";

fn masked(mask: &Mask, pieces: &[&[u8]]) -> String {
    let mut masker = Masker::default();
    let mut bytes: Vec<u8> = pieces.iter().flat_map(|piece| masker.push(mask, piece)).collect();
    bytes.extend(masker.finish(mask));
    String::from_utf8(bytes).unwrap()
}

#[rstest]
#[case::plain(SECRET)]
#[case::hexadecimal("702f733f202277c3b67264")]
#[case::hexadecimal_upper("702F733F202277C3B67264")]
#[case::base64("cC9zPyAid8O2cmQ=")]
#[case::base64_of_urls("cC9zPyAid8O2cmQ")]
#[case::percent("p%2Fs%3F%20%22w%C3%B6rd")]
#[case::percent_lower("p%2fs%3f%20%22w%c3%b6rd")]
#[case::form("p%2Fs%3F+%22w%C3%B6rd")]
#[case::json("p/s? \\\"wörd")]
#[case::json_of_php("p\\/s? \\\"wörd")]
fn a_secret_is_masked_in_its_usual_forms(#[case] form: &str) {
    let mask = Mask::new([SECRET]);
    let shown = mask.apply(form).into_owned();
    assert!(
        [MARK.to_owned(), format!("{MARK}=")].contains(&shown) || shown.len() <= MARK.len() + 2,
        "{shown}"
    );
    assert_eq!(mask.apply(&format!("<{form}>")).chars().next(), Some('<'));
}

#[test]
fn a_secret_within_longer_base64_is_masked_at_every_alignment() {
    use base64::Engine as _;
    let secret = "correct horse ~~~ battery???";
    let mask = Mask::new([secret]);
    let engines = [base64::engine::general_purpose::STANDARD, base64::engine::general_purpose::URL_SAFE];
    for engine in engines {
        for before in ["", "a", "ab", "abc", "Basic user:"] {
            for after in ["", "z", "zz", "zzz"] {
                let text = engine.encode(format!("{before}{secret}{after}"));
                let shown = mask.apply(&text).into_owned();
                // What is left of the secret is less than a byte at each end.
                let longest = before.len().div_ceil(3) * 4 + after.len().div_ceil(3) * 4 + MARK.len() + 4;
                assert!(shown.contains(MARK) && shown.len() <= longest, "{text} became {shown}");
            }
        }
    }
}

#[test]
fn short_values_and_other_text_stay() {
    let mask = Mask::new(["short", "  ", "", "long enough\n"]);
    assert_eq!(mask.apply("short: long enoug, long-enough"), "short: long enoug, long-enough");
    assert_eq!(mask.apply("very long enough!"), format!("very {MARK}!"));
    assert!(Mask::new(["tiny", ""]).is_empty());
    assert_eq!(Mask::default().apply("anything"), "anything");
}

#[test]
fn secrets_that_overlap_leave_nothing_between_them() {
    let mask = Mask::new(["abcdef", "defghi", "abcdefgh-long"]);
    assert_eq!(mask.apply("<abcdefghi>"), format!("<{MARK}>"));
    assert_eq!(mask.apply("<abcdefgh-lon>"), format!("<{MARK}gh-lon>"));
    assert_eq!(mask.apply("<abcdefabcdef>"), format!("<{MARK}>"));
}

#[test]
fn a_key_file_is_masked_line_by_line_and_its_frame_is_not() {
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\r\nAAAAMwAAAAtzc2gtZW\n-----END OPENSSH PRIVATE KEY-----\n";
    let mask = Mask::new([key]);
    let lines: Vec<String> = key.lines().map(|line| mask.apply(line).into_owned()).collect();
    assert_eq!(
        lines,
        ["-----BEGIN OPENSSH PRIVATE KEY-----", MARK, MARK, "-----END OPENSSH PRIVATE KEY-----"]
    );
    assert!(!format!("{mask:?}").contains("b3Bl"));
}

proptest! {
    /// However a text is cut, the same of it is masked; and what is masked is gone.
    #[test]
    fn cuts_do_not_matter(text in "(abcdef|defabc|bcdefg|[a-g]|é){0,30}", cuts in vec(0usize..200, 0..8)) {
        let mask = Mask::new(["abcdef", "defabc", "bcdefgabcd"]);
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let shown = masked(&mask, &pieces);
        prop_assert_eq!(&shown, &masked(&mask, &[bytes]));
        prop_assert_eq!(&shown, &*mask.apply(&text));
        for secret in ["abcdef", "defabc", "bcdefgabcd"] {
            prop_assert!(!shown.contains(secret));
        }
    }

    /// Never more than the longest form waits for its rest.
    #[test]
    fn little_is_held_back(text in "[ab]{0,200}") {
        let mask = Mask::new(["abababab"]);
        let longest = 8 * 3;
        let mut masker = Masker::default();
        let told = masker.push(&mask, text.as_bytes());
        let all = masked(&mask, &[text.as_bytes()]);
        prop_assert!(told.len() + longest >= all.len(), "{} of {}", told.len(), all.len());
    }
}

#[tokio::test]
async fn a_secret_that_comes_in_two_pieces_never_reaches_the_journal() {
    let mut stage = Stage::new();
    stage.mask = Arc::new(Mask::new(["correct-horse"]));
    // The second half is printed only when the first was read: its line was complete.
    let script = "printf 'one\\ncorrect-'; printf 'horse two\\n'; printf 'x%.0s' $(seq 65530); printf 'correct-horse\\n'; \
                  printf correct-horse >&2";
    let program = Program {
        argv: ["bash", "-c", script].map(Into::into).into(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        folder: "/".into(),
        stdin: Stdin::Bytes(Vec::new()),
        limits: short(),
        mark: None,
    };
    let ran = stage.run(&program).await;
    assert_eq!(ran.end, Outcome::Exited(0));
    assert_eq!(ran.stdout()[..2], ["one".to_owned(), format!("{MARK} two")]);
    assert_eq!(ran.stderr(), [MARK]);
    assert!(!ran.lines.iter().any(|(_, line)| line.contains("corr")), "not even where a long line is cut");
}
