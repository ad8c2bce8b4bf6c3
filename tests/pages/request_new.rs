use super::samples::*;
use super::sound;
use crate::domain::gate::Gate;
use crate::web::view::request_new::{Choice, Fetched, Preview, RequestForm, RequestNew};
use crate::web::view::{FieldError, ReleaseChoice, Section, Size};

fn choice(name: &str) -> Choice {
    Choice {
        name: name.into(),
        words: "runs v41".into(),
        href: format!("/requests/new?application={name}"),
        why_not: None,
    }
}

fn tag(name: &str, why_not: Option<&str>) -> ReleaseChoice {
    ReleaseChoice {
        value: name.into(),
        name: name.into(),
        commit: "9c1e7d2f04ab".into(),
        at: at("13:12"),
        author: "Dana".into(),
        message: "Basket: keep guest carts for 30 days".into(),
        live: name == "v41",
        href: format!("/requests/new?application=shop&environment=production&tag={name}"),
        why_not: why_not.map(str::to_owned),
    }
}

fn preview() -> Preview {
    Preview {
        from: Some("v41".into()),
        size: Size { commits: Some(6), files: 14, added: 1601, deleted: 655 },
        diff_href: "/applications/shop/diff?from=a&to=b".into(),
        risks: risks(),
        gates: open_gates(),
        mailed: vec!["releases@example.com".into()],
    }
}

fn start() -> RequestNew {
    RequestNew {
        shell: shell(Section::Requests),
        applications: vec![choice("shop"), choice("billing")],
        environments: vec![],
        tags: vec![],
        tags_total: 0,
        older_href: None,
        fetched: None,
        preview: None,
        form: RequestForm::default(),
        errors: vec![],
    }
}

fn at_tags() -> RequestNew {
    RequestNew {
        environments: vec![
            choice("staging"),
            choice("production"),
            Choice { why_not: Some("You may only read here.".into()), ..choice("demo") },
        ],
        tags: vec![
            tag("v42", None),
            tag("v42-fix", Some("Diverged: its commit does not descend from v41. Merge main and tag again.")),
            tag("v41", Some("Already live in production.")),
        ],
        tags_total: 150,
        older_href: Some("/requests/new?application=shop&environment=production&older=1".into()),
        form: RequestForm {
            application: "shop".into(),
            environment: "production".into(),
            ..RequestForm::default()
        },
        ..start()
    }
}

fn ready() -> RequestNew {
    let form = RequestForm {
        tag: "v42".into(),
        reason: "Guests lose their basket.".into(),
        ticket: "SHOP-1289".into(),
        ..at_tags().form
    };
    RequestNew { preview: Some(preview()), form, ..at_tags() }
}

#[test]
fn application_and_environment_are_chosen_by_links() {
    let html = sound("start", "request_new", "choose_application", &start());
    assert!(html.contains("href=\"/requests/new?application=billing\""));
    let half = RequestNew {
        environments: at_tags().environments,
        form: RequestForm { application: "shop".into(), ..RequestForm::default() },
        ..start()
    };
    let html = sound("environment", "request_new", "choose_application", &half);
    assert!(html.contains("You may only read here."));
    sound("nothing", "request_new", "choose_application", &RequestNew { applications: vec![], ..start() });
}

#[test]
fn tags_that_cannot_be_asked_for_stay_visible_with_the_reason() {
    let html = sound("tags", "request_new", "choose_tag", &at_tags());
    assert!(html.contains("Diverged: its commit does not descend"));
    assert!(html.contains("live now"));
    assert!(html.contains("Show 147 older tags"));
    assert!(!html.contains("tag=v42-fix"), "no link leads to a tag that cannot be asked for");
    let none = RequestNew {
        tags: vec![],
        fetched: Some(Fetched { at: at("12:00"), failed: Some("no route to host".into()) }),
        ..at_tags()
    };
    let html = sound("no-tags", "request_new", "choose_tag", &none);
    assert!(html.contains("No tag fits") && html.contains("This list is old."));
}

#[test]
fn the_last_step_shows_everything_and_posts_the_plain_fields() {
    let html = sound("ready", "request_new", "ready", &ready());
    assert!(html.contains("Request review of <bdi>v42</bdi> → production</button>"));
    for (name, value) in [("application", "shop"), ("environment", "production"), ("tag", "v42")] {
        assert!(html.contains(&format!(r#"<input type="hidden" name="{name}" value="{value}">"#)), "{name}");
    }
    assert!(html.contains(r#"<textarea id="reason" name="reason" required"#));
    assert!(!html.contains("name=\"rollback\""));
    let mut back = ready();
    back.form.rollback = true;
    assert!(sound("rollback", "request_new", "ready", &back).contains(r#"name="rollback" value="1""#));
}

#[test]
fn errors_stand_beside_the_field_and_what_was_typed_stays() {
    let errors = vec![
        FieldError { field: "reason", text: "Say why this should go out.".into() },
        FieldError { field: "tag", text: "v42 was deleted meanwhile.".into() },
    ];
    let html = sound("errors", "request_new", "ready", &RequestNew { errors, ..ready() });
    assert!(html.contains(r##"<a href="#reason">Say why this should go out.</a>"##));
    assert!(html.contains(r##"<a href="#h-tag">"##));
    assert!(html.contains(r#"<p class="err" id="reason-e">"#));
    assert!(html.contains("Guests lose their basket.</textarea>") && html.contains("value=\"SHOP-1289\""));
}

#[test]
fn a_closed_gate_refuses_with_its_reason() {
    let mut refused = ready();
    refused.preview.as_mut().unwrap().gates = gates();
    let html = sound("refused", "request_new", "refused", &refused);
    assert!(html.contains(r#"aria-disabled="true" aria-describedby="refused-why""#));
    assert!(html.contains("Production is frozen</p>"));
}

#[test]
fn a_first_release_and_a_hostile_one_are_pages() {
    let mut first = ready();
    first.preview = Some(Preview { from: None, risks: vec![], mailed: vec![], ..preview() });
    let html = sound("first", "request_new", "ready", &first);
    assert!(html.contains("Nothing is live there yet") && html.contains("tell a reviewer yourself"));

    let hostile = RequestNew {
        shell: hostile_shell(Section::Requests),
        tags: vec![
            ReleaseChoice { author: HOSTILE.into(), message: HOSTILE.into(), ..tag("v1", Some(HOSTILE)) },
            ReleaseChoice { name: HOSTILE.into(), message: "x".repeat(1_000_000), ..tag("v2", None) },
        ],
        preview: Some(Preview {
            from: Some(HOSTILE.into()),
            gates: vec![Gate::warn("x", HOSTILE, HOSTILE)],
            mailed: vec![HOSTILE.into()],
            ..preview()
        }),
        form: RequestForm {
            tag: HOSTILE.into(),
            reason: HOSTILE.into(),
            ticket: HOSTILE.into(),
            ..ready().form
        },
        errors: vec![FieldError { field: "ticket", text: HOSTILE.into() }],
        fetched: Some(Fetched { at: at("12:00"), failed: Some(HOSTILE.into()) }),
        ..ready()
    };
    sound("hostile", "request_new", "ready", &hostile);
}
