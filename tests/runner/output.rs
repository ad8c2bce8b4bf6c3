//! Bytes become lines.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::runner::output::{LINE_LIMIT, LineSplitter};
use crate::runner::ssh::commands::END_MARK;
use crate::runner::ssh::remote::UntilMark;

fn lines_of(pieces: &[&[u8]]) -> Vec<String> {
    let mut splitter = LineSplitter::default();
    let mut lines: Vec<String> = pieces.iter().flat_map(|piece| splitter.push(piece)).collect();
    lines.extend(splitter.finish());
    lines
}

#[test]
fn lines_are_whole_however_they_arrive() {
    assert_eq!(lines_of(&[b"one\ntw", b"o\r", b"\n\nlast"]), ["one", "two", "", "last"]);
    assert_eq!(lines_of(&["grö".as_bytes(), b"\xc3", b"\x9fe\n"]), ["größe"]);
    assert_eq!(lines_of(&[b"\xff\xfe\n"]), ["\u{fffd}\u{fffd}"]);
    assert_eq!(lines_of(&[b"\x1b[31mred\x1b[0m\n"]), ["\x1b[31mred\x1b[0m"], "colours stay");
    assert_eq!(lines_of(&[]), Vec::<String>::new());
}

#[test]
fn a_progress_bar_is_one_line() {
    assert_eq!(lines_of(&[b"10%\r20%", b"\r", b"100%\nnext\n"]), ["100%", "next"]);
    assert_eq!(lines_of(&[b"10%\r20%\r"]), ["20%"], "its last state is kept");
}

#[test]
fn a_line_without_end_is_cut_with_a_mark_and_takes_no_memory() {
    let piece = vec![b'x'; 1024 * 1024];
    let mut splitter = LineSplitter::default();
    assert!(splitter.push(&piece).is_empty());
    let lines = splitter.push(b"\nnext\n");
    let cut = piece.len() - LINE_LIMIT;
    assert_eq!(lines, [format!("{} […{cut} bytes cut]", "x".repeat(LINE_LIMIT)), "next".to_owned()]);
}

fn until_mark(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let mut until = UntilMark::default();
    let found = pieces.iter().any(|piece| until.push(piece));
    (until.ready, found)
}

proptest! {
    /// Cut anywhere, a text has the same lines.
    #[test]
    fn cuts_do_not_matter(text in "[a-c\r\nü]{0,40}", cuts in vec(0usize..60, 0..5)) {
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(lines_of(&pieces), lines_of(&[bytes]));
    }

    /// What comes before the end mark passes, what comes after does not.
    #[test]
    fn the_end_mark_is_found_wherever_it_is_cut(before in "[ec\0]{0,20}", cut in 0usize..60) {
        let mut bytes = before.as_bytes().to_vec();
        bytes.extend_from_slice(END_MARK);
        let cut = cut.min(bytes.len());
        let after = [&bytes[cut..], b"after".as_slice()].concat();
        prop_assert_eq!(until_mark(&[&bytes[..cut], &after]), (before.into_bytes(), true));
    }
}

#[test]
fn nothing_is_held_back_that_cannot_be_a_mark() {
    assert_eq!(until_mark(&[b"waiting"]), (b"waiting".to_vec(), false));
    assert_eq!(until_mark(&[b"x\0count"]), (b"x".to_vec(), false));
    assert_eq!(until_mark(&[b"x\0count", b"ry"]), (b"x\0country".to_vec(), false));
}
