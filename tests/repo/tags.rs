//! Tags as the request form offers them.

use proptest::prelude::*;

use super::{World, at, id, tag};
use crate::domain::diff::TagInfo;
use crate::domain::name::TagName;
use crate::domain::version_order::newest_first;

impl World {
    async fn tag(&self, name: &str) -> Option<TagInfo> {
        self.mirrors.tag(&self.app, &tag(name)).await.unwrap()
    }
}

#[tokio::test]
async fn tags_come_newest_version_first_and_other_names_after_them() {
    let world = World::new();
    let commit = world.git.commit("one", 1_000);
    for name in ["v1.9", "zebra", "v1.10", "v2.0-rc.2", "v2.0", "v1.10.1", "v2.0-rc.10", "alpha", "über"] {
        world.git.tag(name, &commit);
    }
    world.fetch().await;

    let expected = ["v2.0", "v2.0-rc.10", "v2.0-rc.2", "v1.10.1", "v1.10", "v1.9", "über", "zebra", "alpha"];
    assert_eq!(world.tag_names().await, expected);

    let newest = world.mirrors.tags(&world.app, 2).await.unwrap();
    assert_eq!(newest.tags.len(), 2);
    assert_eq!(newest.tags[0].name, tag("v2.0"));
    assert_eq!(newest.total, 9);
}

#[tokio::test]
async fn a_tag_tells_its_commit_its_object_its_time_its_author_and_its_message() {
    let world = World::new();
    let commit = world.git.commit("Fix the till\n\nLong story.", 1_000);
    world.git.tag("light", &commit);
    let tagger = world.git.clone().by("Rosa\u{202e} <Release>", "rosa@example.com");
    let object = tagger.annotated_tag("signed", &commit, "Summer sale\n\nDetails.", 2_000);
    let outer = tagger.annotated_tag("tag-of-tag", &object, "Again", 3_000);
    world.fetch().await;

    let light = world.tag("light").await.unwrap();
    assert_eq!((light.commit, light.object, light.at), (id(&commit), None, at(1_000)));
    assert_eq!((light.author.as_str(), light.message.as_str()), ("Dana Dev", "Fix the till"));

    let signed = world.tag("signed").await.unwrap();
    assert_eq!((signed.commit, signed.object, signed.at), (id(&commit), Some(id(&object)), at(2_000)));
    assert_eq!((signed.author.as_str(), signed.message.as_str()), ("Rosa Release", "Summer sale"));

    let nested = world.tag("tag-of-tag").await.unwrap();
    assert_eq!((nested.commit, nested.object), (id(&commit), Some(id(&outer))));
}

#[tokio::test]
async fn a_moved_tag_is_seen_and_a_deleted_one_is_gone_after_the_next_fetch() {
    let world = World::new();
    let first = world.git.commit("one", 1_000);
    let second = world.git.commit("two", 2_000);
    world.git.tag("v1", &first).tag("v2", &second);
    world.fetch().await;

    world.git.tag("v1", &second).delete_tag("v2");
    world.fetch().await;

    let moved = world.tag("v1").await.unwrap();
    assert_eq!(moved.commit, id(&second));
    assert_eq!(world.tag("v2").await, None);
    assert_eq!(world.tag_names().await, ["v1"]);
}

#[tokio::test]
async fn tags_that_can_never_be_released_are_listed_with_the_reason() {
    let world = World::new();
    world.git.write("file", "x\n");
    let commit = world.git.commit("one", 1_000);
    let tree = world.git.git(["rev-parse", "HEAD^{tree}"]);
    let blob = world.git.git(["rev-parse", "HEAD:file"]);
    world.git.tag("good", &commit).tag("of-a-folder", &tree).tag("of-a-file", &blob);
    world.git.annotated_tag("signed-file", &blob, "a key", 1_000);
    world.git.tag(&"a".repeat(40), &commit).tag("rtl\u{202e}gpj", &commit);
    world.fetch().await;

    let list = world.mirrors.tags(&world.app, 100).await.unwrap();

    let names: Vec<&str> = list.tags.iter().map(|tag| tag.name.as_str()).collect();
    assert_eq!(names, ["good"]);
    let refused: Vec<(&str, &str)> =
        list.refused.iter().map(|refused| (refused.name.as_str(), refused.why.as_str())).collect();
    assert_eq!(
        refused,
        [
            (&*"a".repeat(40), "its name must not look like a commit id"),
            ("of-a-file", "it names a file, not a commit"),
            ("of-a-folder", "it names a folder, not a commit"),
            ("rtlgpj", "its name must not hold control or text-direction characters"),
            ("signed-file", "it names a file, not a commit"),
        ]
    );
    assert_eq!(world.tag("of-a-file").await, None);
}

#[tokio::test]
async fn a_commit_id_is_no_tag_and_a_branch_is_none_either() {
    let world = World::new();
    world.git.commit("one", 1_000);
    world.fetch().await;
    for name in ["main", "HEAD", "heads/main", "refs/heads/main", "../heads/main"] {
        if TagName::parse(name).is_ok() {
            assert_eq!(world.tag(name).await, None, "{name}");
        }
    }
}

fn versions() -> impl Strategy<Value = String> {
    prop_oneof!["v?[0-9]{1,3}(\\.[0-9]{1,3}){0,3}(-rc\\.?[0-9]{1,2})?", "[a-z0-9./+-]{0,8}", ".{0,6}"]
}

proptest! {
    #[test]
    fn the_order_of_names_is_total(a in versions(), b in versions(), c in versions()) {
        prop_assert_eq!(newest_first(&a, &b), newest_first(&b, &a).reverse());
        prop_assert_eq!(newest_first(&a, &b).is_eq(), a == b);
        if newest_first(&a, &b).is_le() && newest_first(&b, &c).is_le() {
            prop_assert!(newest_first(&a, &c).is_le());
        }
    }

    #[test]
    fn a_higher_number_in_any_place_is_newer(major in 0_u16..50, minor in 0_u16..50, more in 1_u16..50) {
        let [old, next_major, next_minor] =
            [(major, minor), (major + more, 0), (major, minor + more)].map(|(a, b)| format!("v{a}.{b}"));
        let candidate = format!("{old}-rc.1");
        prop_assert!(newest_first(&next_major, &old).is_lt());
        prop_assert!(newest_first(&next_minor, &old).is_lt());
        prop_assert!(newest_first(&old, &candidate).is_lt());
    }
}
