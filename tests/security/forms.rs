//! Forms act only for somebody who saw them here, with exactly their own fields;
//! looking changes nothing.

use url::form_urlencoded::Serializer;

use super::routes::{Form, forms, gets};
use crate::tests::harness::dump::differences;
use crate::tests::harness::furnished::{Furnished, token_of};
use crate::tests::support::browser::{Browser, Page};

/// What it is, the headers, the body.
type Attempt<'a> = (&'a str, Vec<(&'a str, &'a str)>, String);

const FORM: &str = "application/x-www-form-urlencoded";

fn body(form: &Form, more: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(&form.fields).extend_pairs(more).finish()
}

async fn send(browser: &Browser, address: &str, headers: &[(&str, &str)], body: &str) -> Page {
    browser.raw("POST", address, headers, body).await.unwrap()
}

fn browser_of<'a>(world: &'a Furnished, form: &Form) -> &'a Browser {
    match form.by {
        "rosa" => &world.rosa,
        "ada" => &world.ada,
        _ => &world.dana,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_its_token_or_from_another_origin_is_403_and_changes_nothing() {
    let world = Furnished::new().await;
    let ours = world.service.base_url.as_str();
    let elsewhere = format!("{ours}.evil.example");
    let (dana, rosa) = (token_of(&world.dana).await, token_of(&world.rosa).await);
    let ada = token_of(&world.ada).await;
    let own_of = |form: &Form| match form.by {
        "rosa" => &rosa,
        "ada" => &ada,
        _ => &dana,
    };
    let other_session = token_of(&world.service.as_user("dana").await).await;
    let before = world.service.tables_that_matter().await;
    let kind = ("content-type", FORM);
    let from_us = [kind, ("origin", ours)];

    for form in forms(&world) {
        let browser = browser_of(&world, &form);
        let (own, foreign) = (own_of(&form), if form.by == "rosa" { &dana } else { &rosa });
        let right = body(&form, &[("csrf", own)]);
        let json = format!("{{\"csrf\":\"{own}\",\"comment\":\"x\"}}");
        let attempts: Vec<Attempt> = vec![
            ("no token", from_us.to_vec(), body(&form, &[])),
            ("an empty token", from_us.to_vec(), body(&form, &[("csrf", "")])),
            ("a wrong token", from_us.to_vec(), body(&form, &[("csrf", &"A".repeat(43))])),
            ("somebody else's token", from_us.to_vec(), body(&form, &[("csrf", foreign)])),
            ("a token of another session", from_us.to_vec(), body(&form, &[("csrf", &other_session)])),
            ("no Origin", vec![kind], right.clone()),
            ("a foreign Origin", vec![kind, ("origin", "https://evil.example")], right.clone()),
            ("an Origin that begins like ours", vec![kind, ("origin", &elsewhere)], right.clone()),
            ("Origin null", vec![kind, ("origin", "null")], right.clone()),
            ("two Origins", vec![kind, ("origin", ours), ("origin", "https://evil.example")], right.clone()),
            (
                "Sec-Fetch-Site cross-site",
                vec![kind, ("origin", ours), ("sec-fetch-site", "cross-site")],
                right.clone(),
            ),
            (
                "Sec-Fetch-Site same-site",
                vec![kind, ("origin", ours), ("sec-fetch-site", "same-site")],
                right.clone(),
            ),
            ("JSON as text/plain", vec![("content-type", "text/plain"), ("origin", ours)], json.clone()),
            ("JSON as JSON", vec![("content-type", "application/json"), ("origin", ours)], json),
            ("the form as text/plain", vec![("content-type", "text/plain"), ("origin", ours)], right.clone()),
            ("no content type", vec![("origin", ours)], right.clone()),
            ("signed out", vec![kind, ("origin", ours), ("cookie", "a=b")], right.clone()),
        ];
        for (what, headers, body) in attempts {
            let page = send(browser, &form.address, &headers, &body).await;
            assert_eq!(
                (page.status, page.main_page().as_deref()),
                (403, Some("error")),
                "{what} on {}: {}",
                form.route,
                page.text()
            );
        }
        // Before anything else is looked at: whether it exists, or may be read.
        let nowhere = form.route.replace("<id>", "999999").replace("<link>", "unknown");
        let page = send(browser, &nowhere, &from_us, "state=accepted").await;
        assert_eq!(page.status, 403, "{nowhere}: {}", page.text());
        let changed = differences(&before, &world.service.tables_that_matter().await);
        assert!(changed.is_empty(), "{} changed {changed:#?}", form.route);
    }

    // The same forms sent rightly, by a browser that sends no Sec-Fetch-Site, act.
    for form in forms(&world) {
        let before = world.service.tables().await;
        let own = own_of(&form);
        let page =
            send(browser_of(&world, &form), &form.address, &from_us, &body(&form, &[("csrf", own)])).await;
        assert_eq!(page.status, form.answer, "{}: {}", form.route, page.text());
        let leaves_no_row = ["/preferences", "/applications/<name>/fetch"].contains(&form.route);
        let acted = leaves_no_row
            || form.answer != 303
            || !differences(&before, &world.service.tables().await).is_empty();
        assert!(acted, "{} did nothing", form.route);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_a_form_does_not_have_is_422_and_changes_nothing() {
    let world = Furnished::new().await;
    let ours = world.service.base_url.as_str();
    let before = world.service.tables_that_matter().await;
    let extra = [
        "state",
        "approver",
        "role",
        "id",
        "requester",
        "person",
        "approved",
        "fingerprint",
        "commit",
        "version",
        "_method",
        "is_admin",
    ];
    for form in forms(&world) {
        let browser = browser_of(&world, &form);
        let token = token_of(browser).await;
        for field in extra {
            let body = body(&form, &[("csrf", &token), (field, "accepted")]);
            let page = send(browser, &form.address, &[("content-type", FORM), ("origin", ours)], &body).await;
            assert_eq!(page.status, 422, "{field} on {}: {}", form.route, page.text());
        }
        if let Some((field, value)) = form.fields.first() {
            let twice = body(&form, &[("csrf", &token), (field, value)]);
            let page =
                send(browser, &form.address, &[("content-type", FORM), ("origin", ours)], &twice).await;
            assert_eq!(page.status, 422, "{field} twice on {}: {}", form.route, page.text());
        }
        let changed = differences(&before, &world.service.tables_that_matter().await);
        assert!(changed.is_empty(), "{} changed {changed:#?}", form.route);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_every_page_changes_nothing_that_matters() {
    let world = Furnished::new().await;
    let before = world.service.tables_that_matter().await;
    let walk = async |what: &str| {
        for browser in [&world.ada, &world.dana, &world.rosa, &world.service.browser()] {
            for (_, addresses) in gets(&world) {
                for address in addresses {
                    for method in ["GET", "HEAD"] {
                        browser.raw(method, &address, &[], "").await.unwrap();
                    }
                }
            }
        }
        let changed = differences(&before, &world.service.tables_that_matter().await);
        assert!(changed.is_empty(), "{what}: {changed:#?}");
    };
    walk("at first").await;

    // What is found by looking is shown, and not acted upon.
    let moved = world.service.repository.git(["rev-parse", "v1.0^{commit}"]).trim().to_owned();
    world.service.repository.delete_tag("v1.1").tag("v1.1", &moved);
    world.service.advance(jiff::SignedDuration::from_mins(2));
    walk("after a tag moved").await;
    let page = world.rosa.get(&world.review).await.unwrap();
    assert_eq!(page.status, 409, "{}", page.text());

    world.service.advance(jiff::SignedDuration::from_hours(90));
    let signed_in_again = world.service.as_user("rosa").await;
    let late = world.service.tables_that_matter().await;
    let page = signed_in_again.get(&world.review).await.unwrap();
    assert_eq!(page.status, 410, "{}", page.text());
    let changed = differences(&late, &world.service.tables_that_matter().await);
    assert!(changed.is_empty(), "after everything ran out: {changed:#?}");
}
