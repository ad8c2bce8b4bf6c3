//! Those who watch over the service: who may do what, what was done, what did not arrive.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::matrix::Holder;
use crate::domain::name::Name;
use crate::domain::permission::Permission::{self, Deploy, DeployInWindow, Read, Request, Review};
use crate::domain::person::{Identity, MemberKind, Person, RoleMember};
use crate::tests::harness::{Service, World};
use crate::tests::support::smtp::Behaviour;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn person(login: &str, teams: &[&str], member: bool) -> Person {
    Person {
        id: 1,
        name: name(login),
        identity: Some(Identity { provider: "github".to_owned(), subject: "7".to_owned() }),
        display: login.to_owned(),
        mail: None,
        given_mail: None,
        github_token: None,
        teams: teams.iter().map(|team| (*team).to_owned()).collect(),
        member,
        membership_at: Timestamp::UNIX_EPOCH,
        disabled: false,
        external_id: None,
        has_password: false,
        created_at: Timestamp::UNIX_EPOCH,
        version: 0,
    }
}

fn given(role: &str, kind: MemberKind, member: &str) -> RoleMember {
    RoleMember { role: name(role), kind, member: member.to_owned(), source: "fleet".to_owned() }
}

/// Who, where, what they may do, and why in words.
type Row =
    (&'static str, &'static [&'static str], &'static str, &'static [Permission], &'static [&'static str]);

#[test]
fn the_matrix_is_what_policy_says_with_the_role_that_gives_it() {
    let roles = serde_json::from_value::<Vec<_>>(json!([
        { "name": "default", "grants": [{ "permission": "read", "application": "docs" }] },
        { "name": "developers", "grants": [{ "permission": "request", "application": "shop" }] },
        { "name": "operators", "grants": [
            { "permission": "deploy_in_window", "application": "shop", "environment": "production" },
            { "permission": "read" }, { "permission": "review", "environment": "production" } ] },
        { "name": "auditors", "global": ["read_all"] },
        { "name": "bots", "global": ["impersonate"] },
    ]))
    .unwrap();
    let memberships = [
        given("developers", MemberKind::Team, "devs"),
        given("operators", MemberKind::Team, "ops"),
        given("operators", MemberKind::User, "rosa"),
        given("auditors", MemberKind::User, "github:otto"),
        given("auditors", MemberKind::User, "local:liv"),
        given("bots", MemberKind::User, "bea"),
        given("admin", MemberKind::User, "ada"),
    ];
    let all: &[Permission] = &[Read, Request, DeployInWindow, Deploy, Review];
    let table: [Row; 9] = [
        ("dana", &["devs"], "production", &[Read, Request], &["developers: team devs: [Request]"]),
        ("dana", &["devs"], "staging", &[Read, Request], &["developers: team devs: [Request]"]),
        // A permission that another one implies is not told twice.
        (
            "remy",
            &["ops"],
            "production",
            &[Read, Request, DeployInWindow, Review],
            &["operators: team ops: [DeployInWindow, Review]"],
        ),
        ("remy", &["ops"], "staging", &[Read], &["operators: team ops: [Read]"]),
        (
            "rosa",
            &["ops", "devs"],
            "staging",
            &[Read, Request],
            &["developers: team devs: [Request]", "operators: team ops and by name: [Read]"],
        ),
        ("otto", &[], "staging", &[Read], &["auditors: by name: []"]),
        // The role is kept for another provider.
        ("liv", &[], "production", &[], &[]),
        // Acting for others is no right of one's own here, and yet a way in.
        ("bea", &[], "production", &[], &["bots: by name: []"]),
        ("ada", &[], "production", all, &["admin: by name: []"]),
    ];
    for (who, teams, place, may, why) in table {
        let holder = Holder::new(&person(who, teams, true), &memberships, &roles);
        let line = holder.line(&name("shop"), &name(place));
        let permissions = line.as_ref().map(|line| line.permissions.clone()).unwrap_or_default();
        assert_eq!(permissions, may, "{who} {place}");
        let words: Vec<String> = line
            .iter()
            .flat_map(|line| &line.why)
            .map(|why| {
                let through: Vec<String> = why.through.iter().map(ToString::to_string).collect();
                format!("{}: {}: {:?}", why.role, through.join(" and "), why.gives)
            })
            .collect();
        assert_eq!(words, why, "{who} {place}");
        for permission in all {
            let said = permissions.contains(permission);
            assert_eq!(
                holder.access.may(*permission, &name("shop"), &name(place)),
                said,
                "{who} {place} {permission:?}"
            );
        }
    }
    let left = Holder::new(&person("rosa", &["ops"], false), &memberships, &roles);
    assert!(left.line(&name("shop"), &name("production")).is_none(), "who left the organisation may nothing");
    let off = Person { disabled: true, ..person("ada", &[], true) };
    assert!(Holder::new(&off, &memberships, &roles).line(&name("shop"), &name("production")).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_who_may_do_what_and_others_do_not() {
    let service = Service::start_in(World::quiet()).await;
    let ada = service.as_user("ada").await;
    for login in ["dana", "rosa", "mallory"] {
        service.as_user(login).await;
    }
    let page = ada.get("/admin/access").await.unwrap();
    assert_eq!(page.main_page().as_deref(), Some("admin_access"), "{}", page.text());
    let text = page.text();
    for said in [
        "Who may do what in shop production",
        "role developers (team developers): request",
        "role release-managers (team release-managers): review",
        "everything, as administrator",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("mallory"), "who may do nothing has no row: {text}");
    let page = ada.get("/admin/access?person=mallory").await.unwrap();
    assert!(page.text().contains("mallory may do nothing anywhere."), "{}", page.text());
    let page = ada.get("/admin/access?person=rosa").await.unwrap();
    assert!(page.text().contains("What rosa may do in 1 environment"), "{}", page.text());
    for nowhere in
        ["?application=nosuch", "?person=nobody", "?environment=%2f", "?application=shop&environment=nosuch"]
    {
        assert_eq!(ada.get(&format!("/admin/access{nowhere}")).await.unwrap().status, 404, "{nowhere}");
    }

    let caller = service.calling_as("ada").await;
    let said = caller.get("/access?application=shop&environment=production&limit=2").await.ok();
    let people: Vec<&str> =
        said["items"].as_array().unwrap().iter().filter_map(|item| item["person"].as_str()).collect();
    assert_eq!((people, &said["next"]), (vec!["ada", "dana"], &json!("dana")), "{said}");
    let rest = caller.get("/access?application=shop&environment=production&after=dana").await.ok();
    assert_eq!((&rest["items"][0]["person"], &rest["next"]), (&json!("rosa"), &Value::Null), "{rest}");
    assert_eq!(rest["items"][0]["permissions"], json!(["read", "review"]));
    assert_eq!(
        rest["items"][0]["why"],
        json!([{ "role": "release-managers", "through": ["team release-managers"], "gives": ["review"] }])
    );
    assert_eq!(caller.get("/access").await.wrong_fields(), ["person"]);
    // More people without any right than are read at once.
    let tx = service.app.db.begin().await.unwrap();
    for number in 0..450 {
        let nobody = name(&format!("m{number}"));
        crate::db::people::insert(&tx, &nobody, None, service.app.clock.now()).await.unwrap();
    }
    tx.commit().await.unwrap();
    let among_many = caller.get("/access?application=shop&environment=production").await.ok();
    let people: Vec<&str> =
        among_many["items"].as_array().unwrap().iter().filter_map(|item| item["person"].as_str()).collect();
    assert_eq!((people, &among_many["next"]), (vec!["ada", "dana", "rosa"], &Value::Null));
    let dana = service.calling_as("dana").await;
    for address in ["/access?person=dana", "/audit", "/deliveries"] {
        assert_eq!(dana.get(address).await.status, 403, "{address}");
    }
    assert_eq!(dana.post("/deliveries/1/resend", &json!({})).await.status, 403);
}

/// Who acts for others reaches more than any role shows.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_act_for_others_is_among_those_who_may_something() {
    let service = Service::start_in(World::quiet_with(|fleet| {
        let role = json!({ "name": "bots", "users": ["bot"], "global": ["impersonate"] });
        fleet["roles"].as_array_mut().unwrap().push(role);
    }))
    .await;
    service.calling_as("bot").await;
    let words = "role bots (by name): act for others, through the API";
    let browser = service.as_user("ada").await;
    for place in ["?person=bot", "?application=shop&environment=production"] {
        let page = browser.get(&format!("/admin/access{place}")).await.unwrap();
        assert!(page.text().contains(words), "{place}: {}", page.text());
    }
    let found = service.calling_as("ada").await.get("/access?person=bot").await.ok();
    let item = &found["items"][0];
    assert_eq!((&item["permissions"], &item["global"]), (&json!([]), &json!(["impersonate"])), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_is_read_by_person_act_object_and_day() {
    let service = Service::start_in(World { hosts: 1, ..World::default() }).await;
    let (dana, rosa, ada) =
        (service.as_user("dana").await, service.as_user("rosa").await, service.as_user("ada").await);
    let first = service.asked(&dana, "v1.0", &[]).await;
    let review = service.mail_about("[review] shop v1.0").await.only_link();
    let page = rosa.get(&review).await.unwrap();
    rosa.submit(&page, "Reject", &[("comment", "not <today>")]).await.unwrap();
    let caller = service.calling_as("ada").await;

    let said = caller.get("/audit?actor=rosa&action=request.rejected").await.ok();
    let rows = said["items"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{said}");
    let id = first;
    assert_eq!(rows[0]["subject"], json!(format!("request {id}")));
    let page = ada.get("/admin/audit?actor=rosa&action=request.rejected").await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("ready"), "{}", page.text());
    assert!(page.html.contains(&format!("href=\"/requests/{id}\"")), "{}", page.text());
    let of_it = caller.get(&format!("/audit?subject=request%20{id}&limit=1")).await.ok();
    assert_eq!(of_it["items"][0]["action"], json!("request.rejected"), "the newest first: {of_it}");
    let older = caller.get(&format!("/audit?subject=request%20{id}&after={}", of_it["next"])).await.ok();
    assert_eq!(older["items"].as_array().unwrap().last().unwrap()["actor"], json!("dana"), "{older}");

    let today = service.app.clock.now().strftime("%Y-%m-%d").to_string();
    for (query, state) in [
        (format!("?since={today}&until={today}"), "ready"),
        ("?until=2001-01-01".to_owned(), "empty"),
        ("?since=2999-01-01".to_owned(), "empty"),
        ("?actor=nobody".to_owned(), "empty"),
    ] {
        let page = ada.get(&format!("/admin/audit{query}")).await.unwrap();
        assert_eq!(
            (page.status, page.main_state().as_deref()),
            (200, Some(state)),
            "{query} {}",
            page.text()
        );
    }
    let page = ada.get("/admin/audit?since=yesterday").await.unwrap();
    assert_eq!((page.status, page.main_state().as_deref()), (422, Some("invalid")), "{}", page.text());
    assert!(page.html.contains("value=\"yesterday\""), "what was typed stays");
    assert_eq!(dana.get("/admin/audit").await.unwrap().status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_sent_again_with_a_new_link_by_an_administrator() {
    let edit_fleet = Box::new(|fleet: &mut Value| {
        let reader = json!({ "name": "auditors", "users": ["remy"], "global": ["read_all"] });
        fleet["roles"].as_array_mut().unwrap().push(reader);
    });
    let service = Service::start_in(World { hosts: 1, edit_fleet, ..World::default() }).await;
    let (dana, rosa, remy, ada) = (
        service.as_user("dana").await,
        service.as_user("rosa").await,
        service.as_user("remy").await,
        service.as_user("ada").await,
    );
    service.mail.behave(Behaviour::RefuseForGood);
    let first = service.asked(&dana, "v1.0", &[]).await;
    let page = wait_for_one(&ada).await;
    assert!(
        page.text().contains("(550): never") && page.text().contains(&format!("request {first}")),
        "{}",
        page.text()
    );
    assert!(!page.html.contains("/review/"), "no link is shown");
    let seen = remy.get("/admin/deliveries").await.unwrap();
    assert!(
        seen.status == 200 && !seen.has_form("Send again"),
        "who only reads sends nothing: {}",
        seen.text()
    );
    let resend = page.attributes("form[action*=resend]", "action")[0].clone();
    assert_eq!(service.post(&remy, &resend, &[]).await.status, 403);

    service.mail.behave(Behaviour::Accept);
    let page = ada.submit(&page, "Send again", &[]).await.unwrap();
    assert_eq!(page.main_state().as_deref(), Some("empty"), "{}", page.text());
    let review = service.mail_about("[review] shop v1.0").await.only_link();
    let opened = rosa.get(&review).await.unwrap();
    assert_eq!(opened.main_state().as_deref(), Some("awaiting_review"), "{}", opened.text());
    assert_eq!(service.post(&ada, &resend, &[]).await.status, 409, "once is enough");

    service.mail.behave(Behaviour::RefuseForGood);
    rosa.submit(&opened, "Countersign", &[("comment", "fine")]).await.unwrap();
    let page = wait_for_one(&ada).await;
    let resend = page.attributes("form[action*=resend]", "action")[0].clone();
    service.post(&dana, &format!("/requests/{first}/cancel"), &[]).await;
    assert_eq!(service.post(&ada, &resend, &[]).await.status, 409, "that link would be of no use any more");
}

async fn wait_for_one(ada: &crate::tests::support::browser::Browser) -> crate::tests::support::browser::Page {
    let found = tokio::time::timeout(std::time::Duration::from_mins(1), async {
        loop {
            let page = ada.get("/admin/deliveries?state=given_up").await.unwrap();
            if page.main_state().as_deref() == Some("ready") {
                return page;
            }
        }
    });
    found.await.expect("a notice that was given up")
}
