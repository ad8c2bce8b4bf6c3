//! Globs and addresses: the pure parts.

use proptest::prelude::*;
use rstest::rstest;

use crate::domain::glob::matches;
use crate::domain::name::{TagName, has_visible};
use crate::domain::repository_url::{RepositoryUrl, Transport};

#[rstest]
#[case("v*", "v1.2", true)]
#[case("v*", "v", true)]
#[case("v*", "V1", false)]
#[case("v*", "xv1", false)]
#[case("v*", "v1/2", false)]
#[case("*", "anything", true)]
#[case("*", "a/b", false)]
#[case("*/*", "a/b", true)]
#[case("*/*", "a/b/c", false)]
#[case("releases/v?.?", "releases/v1.2", true)]
#[case("releases/v?.?", "releases/v1.10", false)]
#[case("?", "/", false)]
#[case("?", "é", true)]
#[case("?", "", false)]
#[case("", "", true)]
#[case("", "a", false)]
#[case("*", "", true)]
#[case("**", "ab", true)]
#[case("a*b*c", "a-b-b-c", true)]
#[case("a*b*c", "a-c-b", false)]
#[case("*.1", "v1.1.1", true)]
#[case("[v]1", "v1", false)]
#[case("[v]1", "[v]1", true)]
#[case("a\\*", "a*", false)]
fn a_glob(#[case] pattern: &str, #[case] text: &str, #[case] expected: bool) {
    assert_eq!(matches(pattern, text), expected);
}

proptest! {
    #[test]
    fn a_name_without_wildcards_matches_itself_alone(name in "[a-z/.-]{0,12}", other in "[a-z/.-]{0,12}") {
        prop_assert!(matches(&name, &name));
        prop_assert_eq!(matches(&name, &other), name == other);
    }

    #[test]
    fn a_star_stands_for_any_text_without_a_slash(
        before in "[a-c/]{0,5}", middle in "[a-c/]{0,5}", after in "[a-c/]{0,5}"
    ) {
        let text = format!("{before}{middle}{after}");
        if !middle.contains('/') {
            let pattern = format!("{before}*{after}");
            prop_assert!(matches(&pattern, &text));
        }
        prop_assert_eq!(matches("*", &text), !text.contains('/'));
    }

    #[test]
    fn many_stars_take_no_longer_than_their_product(stars in 1_usize..60, length in 0_usize..3_000) {
        let pattern = "*a".repeat(stars) + "b";
        prop_assert!(!matches(&pattern, &"a".repeat(length)));
    }

    #[test]
    fn a_tag_name_is_always_a_ref_and_never_an_option(text in ".{0,40}|[-a-z./@{~^: ]{0,12}") {
        if let Ok(name) = TagName::parse(&text) {
            prop_assert!(git2::Tag::is_valid_name(name.as_str()), "{}", text);
            prop_assert!(!text.starts_with('-'));
        }
    }

    #[test]
    fn an_address_is_parsed_or_refused_and_never_an_option(text in "\\PC{0,60}|(ssh|https)://[-a-z@:/.]{0,20}") {
        if let Ok(url) = RepositoryUrl::parse(&text) {
            prop_assert!(!text.starts_with('-'));
            prop_assert_eq!(url.as_str(), text);
        }
    }
}

#[rstest]
#[case("https://git.example.com/acme/shop.git", Transport::Https)]
#[case("https://robot:s3cr3t@git.example.com:8443/shop", Transport::Https)]
#[case("ssh://git@git.example.com:2222/acme/shop.git", Transport::Ssh)]
#[case("ssh://[::1]/shop.git", Transport::Ssh)]
#[case("git@github.com:acme/shop.git", Transport::Ssh)]
#[case("/srv/git/a b/größe.git", Transport::Path)]
fn an_address_that_git_may_be_given(#[case] address: &str, #[case] transport: Transport) {
    let url = RepositoryUrl::parse(address).unwrap();
    assert_eq!(url.transport(), transport);
    assert_eq!(url.as_str(), address);
}

#[rstest]
#[case("http://git.example.com/shop")]
#[case("git://git.example.com/shop")]
#[case("file:///srv/git/shop")]
#[case("ext::sh -c id")]
#[case("ext::x@y:z")]
#[case("fd::3")]
#[case("ssh://-oProxyCommand=id/x")]
#[case("ssh://-l@host/x")]
#[case("ssh://git:secret@host/x")]
#[case("ssh://host")]
#[case("git@host:")]
#[case("git@host:-x")]
#[case("git@host::x")]
#[case("git@-host:x")]
#[case("-git@host:x")]
#[case("host:path")]
#[case("git@[::1]:x")]
#[case("https://")]
#[case("https://host")]
#[case("https://host/a b")]
#[case("https://host\\@evil/x")]
#[case("https://host/x?y")]
#[case("https://host/x#y")]
#[case("HTTPS://host/x")]
#[case("/srv/../etc")]
#[case("./shop")]
#[case("~/shop")]
#[case("--upload-pack=id")]
#[case("/srv/a\u{0}b")]
#[case("/srv/\u{202e}b")]
fn an_address_that_is_refused(#[case] address: &str) {
    RepositoryUrl::parse(address).unwrap_err();
}

#[test]
fn a_login_is_not_shown() {
    let url = RepositoryUrl::parse("https://robot:s3cr3t@git.example.com:8443/a@b/shop").unwrap();
    assert_eq!(url.to_string(), "https://git.example.com:8443/a@b/shop");
    assert_eq!(format!("{url:?}"), "RepositoryUrl(https://git.example.com:8443/a@b/shop)");
    assert_eq!(url.login().unwrap(), b"robot:s3cr3t");
    let token = RepositoryUrl::parse("https://tok%20en@git.example.com/shop").unwrap();
    assert_eq!(token.login().unwrap(), b"tok en:");
    assert_eq!(RepositoryUrl::parse("git@example.com:shop").unwrap().login(), None);
}

/// What people write for people has something to see in it.
#[test]
fn a_text_of_invisible_characters_says_nothing() {
    let blank = [
        "\u{200b}",
        "\u{3164}",
        "\u{2800}",
        "\u{ad}",
        "\u{34f}",
        "\u{180e}",
        "\u{e0041}",
        "\u{fe0f}",
        "\u{ffa0}",
    ];
    for text in blank.iter().chain(&["", " \t\n", "\u{2003}\u{202e}\u{a0}"]) {
        assert!(!has_visible(text), "{text:?}");
        assert!(has_visible(&format!("{text}x{text}")), "{text:?} beside a letter");
    }
    for text in ["x", ".", "é", "名", "❤\u{fe0f}", "0"] {
        assert!(has_visible(text), "{text:?}");
    }
    assert!(!has_visible(&blank.concat()));
}
