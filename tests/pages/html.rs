//! Values as words and figures.

use rstest::rstest;

use super::samples::{FINGERPRINT, at, now};
use crate::web::html::{
    counted, escape, file_size, fingerprint_groups, grouped, initials, listed, reveal, rosette, time,
};

#[rstest]
#[case("15:41", "1 min ago")]
#[case("15:42", "just now")]
#[case("14:02", "1 h 40 min ago")]
#[case("09:12", "6 h ago")]
#[case("16:20", "in 38 min")]
fn times_of_today_are_relative(#[case] clock: &str, #[case] words: &str) {
    assert_eq!(time::relative(at(clock), now()), words);
}

#[rstest]
#[case("2026-11-18T10:00:00Z", "yesterday")]
#[case("2026-11-12T14:08:00Z", "7 days ago")]
#[case("2026-10-21T09:20:00Z", "21 Oct")]
#[case("2025-10-21T09:20:00Z", "21 Oct 2025")]
#[case("2026-11-22T14:02:00Z", "in 2 days 22 h")]
#[case("2027-02-01T00:00:00Z", "1 Feb 2027")]
#[case("9999-12-30T22:00:00Z", "30 Dec 9999")]
#[case("-009999-01-02T02:00:00Z", "2 Jan -9999")]
fn other_days_are_named(#[case] instant: &str, #[case] words: &str) {
    assert_eq!(time::relative(instant.parse().unwrap(), now()), words);
}

#[test]
fn the_exact_time_is_utc_to_the_second() {
    assert_eq!(time::exact(at("14:02")), "Thu 19 Nov 2026, 14:02:00 UTC");
}

#[rstest]
#[case(-5, "0 s")]
#[case(48, "48 s")]
#[case(581, "9 min 41 s")]
#[case(3_600, "1 h")]
#[case(3_840, "1 h 4 min")]
#[case(90_000, "1 day 1 h")]
fn durations_have_two_units(#[case] seconds: i64, #[case] words: &str) {
    assert_eq!(time::duration(seconds), words);
}

#[rstest]
#[case(0, "0 bytes")]
#[case(1, "1 byte")]
#[case(999, "999 bytes")]
#[case(4_200_000, "4.2 MB")]
#[case(41_000, "41 kB")]
#[case(1_000, "1 kB")]
#[case(u64::MAX, "18\u{a0}446\u{a0}744\u{a0}073 GB")]
fn sizes_are_decimal(#[case] bytes: u64, #[case] words: &str) {
    assert_eq!(file_size(bytes), words);
}

#[test]
fn numbers_are_counted_grouped_and_listed() {
    assert_eq!(counted(1, "host", "hosts"), "1 host");
    assert_eq!(counted(8_412, "line", "lines"), "8\u{a0}412 lines");
    assert_eq!(grouped(1_000_000), "1\u{a0}000\u{a0}000");
    assert_eq!(listed::<&str>(&[]), "");
    assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
}

#[rstest]
#[case("Dana Okafor", "DO")]
#[case("rosa", "RO")]
#[case("ana-maria.de la cruz", "AC")]
#[case("  ", "?")]
#[case("\u{202e}\u{0}", "?")]
#[case("é", "É")]
#[case("<script>", "SC")]
fn initials_come_from_the_name(#[case] name: &str, #[case] letters: &str) {
    assert_eq!(initials(name), letters);
}

#[test]
fn markup_and_deceptive_characters_do_not_pass_the_escaper() {
    assert_eq!(escape("<a href=\"x\" b='y'>&"), "&#60;a href=&#34;x&#34; b=&#39;y&#39;&#62;&#38;");
    assert_eq!(escape("a\u{202e}b\u{1b}[31mc\u{0}\nd\te"), "ab[31mc\nd\te");
}

#[test]
fn a_diff_shows_hidden_characters_by_number() {
    assert_eq!(
        reveal("if x\u{202e} { /*<*/\t}\r"),
        "if x<span class=\"ctl\">U+202E</span> { /*&#60;*/\t}<span class=\"ctl\">U+000D</span>"
    );
}

#[test]
fn a_fingerprint_is_read_in_groups_of_four() {
    assert_eq!(fingerprint_groups(FINGERPRINT), "7f3a 91c4 e2b0 5d68");
    assert_eq!(fingerprint_groups("ab"), "ab");
}

#[test]
fn the_rosette_is_the_one_of_the_design() {
    let svg = rosette(FINGERPRINT);
    // Ring 0: four lobes, three times; ring 1: five lobes, twice; rim: 27 lobes.
    let inner =
        "M-3.6 -14.1Q0 -21 3.6 -14.1T14.1 -3.6T14.1 3.6T3.6 14.1T-3.6 14.1T-14.1 3.6T-14.1 -3.6T-3.6 -14.1z";
    let outer = "M-3.6 -20.7Q0 -31.7 3.6 -20.7T18.6 -9.8T20.8 -3T15.1 14.7T9.3 18.9T-9.3 18.9T-15.1 14.7T-20.8 -3T-18.6 -9.8T-3.6 -20.7z";
    for (path, angles) in [(inner, &["0.0", "30.0", "60.0"][..]), (outer, &["0.0", "36.0"][..])] {
        for angle in angles {
            assert!(svg.contains(&format!("<path d=\"{path}\" transform=\"rotate({angle})\"/>")), "{svg}");
        }
    }
    assert!(svg.contains("class=\"rim\" d=\"M-1.7 -30.1Q0 -31.3 1.7 -30.1T5.3 -29.7T8.6 -28.9"), "{svg}");
    assert!(svg.contains("T-1.7 -30.1z\"/><g>"));
}

#[test]
fn other_digits_give_another_figure_and_bad_ones_still_a_figure() {
    assert_ne!(rosette(FINGERPRINT), rosette(&FINGERPRINT.replace('7', "8")));
    assert!(rosette("").contains("class=\"heart\""));
    assert!(rosette("\u{e9}\"<zz").contains("class=\"heart\""));
}

#[test]
fn a_time_is_told_by_the_clocks_of_a_zone_and_by_utc() {
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let now = at("2026-11-19T14:00:00Z");
    for (instant, zone, words) in [
        ("2026-11-19T15:38:00Z", "Europe/Paris", "16:38 Europe/Paris (15:38 UTC)"),
        ("2026-12-01T07:00:00Z", "Europe/Paris", "1 Dec, 08:00 Europe/Paris (07:00 UTC)"),
        ("2026-11-19T23:30:00Z", "Europe/Paris", "20 Nov, 00:30 Europe/Paris (23:30 UTC)"),
        ("2027-07-01T23:30:00Z", "Europe/Paris", "2 Jul 2027, 01:30 Europe/Paris (1 Jul 2027, 23:30 UTC)"),
        ("2026-11-19T15:38:00Z", "UTC", "15:38 UTC"),
        ("2026-12-01T07:00:00Z", "Mars/Base", "1 Dec, 07:00 UTC"),
    ] {
        assert_eq!(crate::web::html::time::clock_in(at(instant), now, zone), words);
    }
}

#[test]
fn the_secret_of_a_link_is_no_part_of_a_path_in_the_log() {
    for (path, logged) in [
        ("/launch/0123abcd", "/launch/…"),
        ("/review/0123abcd", "/review/…"),
        ("/review/0123abcd/accept", "/review/…/accept"),
        ("/requests/7", "/requests/7"),
        ("/reviews", "/reviews"),
    ] {
        assert_eq!(crate::web::respond::without_secret(path), logged);
    }
}
