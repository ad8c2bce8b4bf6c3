//! Terminal output: colours stay, whatever else a terminal would obey does not.

use proptest::prelude::*;
use rstest::rstest;

use crate::web::ansi::{LINE_LIMIT, Terminal};

fn line(text: &str) -> String {
    Terminal::default().line(text)
}

#[rstest]
#[case::plain("hello", "hello")]
#[case::colour("\u{1b}[31mred\u{1b}[0m plain", r#"<span class="f1">red</span> plain"#)]
#[case::bright("\u{1b}[1;97;41mX", r#"<span class="ab f15 g1">X</span>"#)]
#[case::same_style_again("\u{1b}[32ma\u{1b}[32mb", r#"<span class="f2">ab</span>"#)]
#[case::palette("\u{1b}[38;5;9mX\u{1b}[38;5;196mY", r#"<span class="f9">X</span><span class="f1">Y</span>"#)]
#[case::grey("\u{1b}[38;5;255mX", r#"<span class="f15">X</span>"#)]
#[case::true_colour("\u{1b}[38;2;250;90;80mX", r#"<span class="f9">X</span>"#)]
#[case::true_colour_with_colons("\u{1b}[38:2::0:0:160mX", r#"<span class="f4">X</span>"#)]
#[case::short_extended("\u{1b}[38;5mX\u{1b}[38mY\u{1b}[38;2;1mZ", "XYZ")]
#[case::styles("\u{1b}[2;3;4;7;9mX\u{1b}[22;23;24;27;29mY", r#"<span class="ad ai au as av">X</span>Y"#)]
#[case::markup("<script>alert('1')</script>&", "&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;&#38;")]
#[case::markup_in_colour("\u{1b}[31m\"><b>", r#"<span class="f1">&#34;&#62;&#60;b&#62;</span>"#)]
#[case::hyperlink("\u{1b}]8;;https://evil.example\u{1b}\\text\u{1b}]8;;\u{7}", "text")]
#[case::window_title("\u{1b}]0;owned\u{7}a", "a")]
#[case::clipboard("\u{1b}]52;c;Zm9v\u{7}a", "a")]
#[case::cursor("a\u{1b}[2J\u{1b}[1;1H\u{1b}[Kb\u{1b}7\u{1b}8", "ab")]
#[case::private_mode("\u{1b}[?25lx\u{1b}[?1049hy\u{1b}[>4;1mz", "xyz")]
#[case::device_control("\u{1b}P1$r0m\u{1b}\\x", "x")]
#[case::bell_and_null("a\u{7}b\0c\u{8}d", "abcd")]
#[case::right_to_left("a\u{202e}b\u{2066}c\u{200f}d\u{feff}e", "abcde")]
#[case::eight_bit_controls("a\u{9b}31mb\u{9d}8;;x\u{9c}c", "a31mb8;;xc")]
#[case::carriage_return("10%\r20%\r100%", "10%␍20%␍100%")]
#[case::windows_line_end("done\r", "done")]
#[case::tab("a\tb", "a\tb")]
#[case::words_of_others("naïve 日本 🙂 \u{fffd}", "naïve 日本 🙂 \u{fffd}")]
#[case::unfinished_link("\u{1b}]8;;https://evil", "")]
#[case::unfinished_colour("a\u{1b}[31", "a")]
fn one_line(#[case] text: &str, #[case] html: &str) {
    assert_eq!(line(text), html);
}

#[test]
fn a_colour_lasts_until_it_is_reset() {
    let mut terminal = Terminal::default();
    assert_eq!(terminal.line("\u{1b}[33mwarning:"), r#"<span class="f3">warning:</span>"#);
    assert_eq!(terminal.line("  still yellow"), r#"<span class="f3">  still yellow</span>"#);
    assert_eq!(terminal.line("\u{1b}[mplain"), "plain");
}

#[test]
fn an_unfinished_sequence_hides_nothing_of_the_next_line() {
    let mut terminal = Terminal::default();
    for start in ["\u{1b}]8;;", "\u{1b}P", "\u{1b}[31;", "\u{1b}", "\u{1b}^", "\u{1b}X"] {
        terminal.line(start);
        assert_eq!(terminal.line("rm -rf /srv"), "rm -rf /srv");
    }
}

#[test]
fn a_line_of_a_megabyte_is_cut_and_says_so() {
    let html = line(&"é<".repeat(350_000));
    assert!(html.len() < LINE_LIMIT * 6);
    assert!(html.ends_with("bytes more in the raw log</span>"), "{}", &html[html.len() - 80..]);
}

proptest! {
    #[test]
    fn no_text_becomes_markup_or_keeps_a_control(lines in prop::collection::vec(any::<String>(), 1..4), esc in any::<bool>()) {
        let mut terminal = Terminal::default();
        for text in lines {
            let text = if esc { text.replace(['a', ' ', '0'], "\u{1b}") } else { text };
            let html = terminal.line(&text);
            let bare = html.replace("</span>", "");
            for (at, _) in bare.match_indices('<') {
                prop_assert!(bare[at..].starts_with("<span class=\""), "{bare}");
            }
            prop_assert!(!html.chars().any(|c| c != '\t' && crate::domain::name::is_deceptive(c)));
        }
    }
}
