//! Every route of the service with an address that really leads somewhere. A new
//! route fails here until it has a row, and a row is what the other suites walk.

use std::collections::BTreeSet;

use crate::tests::harness::dump::differences;
use crate::tests::harness::furnished::Furnished;
use crate::web::{assets, pages};

/// `GET` and the addresses of each route, by the path it is mounted with.
#[expect(clippy::too_many_lines, reason = "a table")]
pub fn gets(world: &Furnished) -> Vec<(&'static str, Vec<String>)> {
    let Furnished { awaiting, accepted, review, launch, used, deployment, freeze, .. } = world;
    let [from, to] = &world.commits;
    let own = |path: &str| vec![path.to_owned()];
    vec![
        ("/", own("/")),
        ("/login", own("/login?return_to=/requests")),
        ("/authorize", own("/authorize?return_to=/requests")),
        (
            "/authorized",
            vec![
                "/authorized?code=a&state=b".to_owned(),
                "/authorized?error=access_denied&state=b".to_owned(),
            ],
        ),
        ("/applications", vec!["/applications".to_owned(), "/applications?q=sho".to_owned()]),
        ("/applications/<name>", own("/applications/shop")),
        ("/applications/<name>/<environment>", own("/applications/shop/production")),
        (
            "/applications/<name>/<environment>/deploy",
            ["", "?q=v1", "?release=v1.3&server=web-1"]
                .map(|query| format!("/applications/shop/production/deploy{query}"))
                .to_vec(),
        ),
        (
            "/applications/<name>/diff",
            vec![
                format!("/applications/shop/diff?from={from}&to={to}"),
                format!("/applications/shop/diff?from={from}&to={to}&view=commits"),
                format!("/applications/shop/diff?to={to}&file=1"),
            ],
        ),
        (
            "/requests/new",
            [
                "",
                "?application=shop",
                "?application=shop&environment=production&all=1",
                "?application=shop&environment=production&tag=v1.3",
                "?application=shop&environment=production&tag=v1.0&rollback=1",
            ]
            .map(|query| format!("/requests/new{query}"))
            .to_vec(),
        ),
        ("/requests", vec!["/requests".to_owned(), "/requests?mine=1&state=accepted&before=9".to_owned()]),
        ("/requests/<id>", vec![format!("/requests/{awaiting}"), format!("/requests/{accepted}")]),
        ("/review/<link>", vec![review.clone()]),
        ("/launch/<link>", vec![launch.clone(), used.clone()]),
        (
            "/deployments",
            vec!["/deployments".to_owned(), "/deployments?application=shop&state=succeeded".to_owned()],
        ),
        ("/deployments/<id>", vec![format!("/deployments/{deployment}")]),
        ("/deployments/<id>/log", vec![format!("/deployments/{deployment}/log")]),
        (
            "/deployments/<id>/events",
            vec![
                format!("/deployments/{deployment}/events"),
                format!("/deployments/{deployment}/events?after=3"),
            ],
        ),
        (
            "/applications/<name>/<environment>/preview",
            vec![
                "/applications/shop/production/preview?release=v1.1".to_owned(),
                format!("/applications/shop/production/preview?release={to}"),
            ],
        ),
        ("/account", own("/account")),
        ("/admin/people", vec!["/admin/people".to_owned(), "/admin/people?q=da&after=ada".to_owned()]),
        ("/admin/people/<name>", own("/admin/people/dana")),
        ("/admin/tokens", own("/admin/tokens")),
        ("/servers", own("/servers")),
        ("/servers/<name>", own("/servers/web-1")),
        ("/admin", own("/admin")),
        ("/admin/freezes", vec!["/admin/freezes".to_owned(), "/admin/freezes?before=2".to_owned()]),
        ("/admin/freezes/<id>", vec![format!("/admin/freezes/{freeze}")]),
        (
            "/admin/access",
            ["", "?person=dana", "?application=shop&environment=production"]
                .map(|query| format!("/admin/access{query}"))
                .to_vec(),
        ),
        (
            "/admin/audit",
            ["", "?actor=dana&since=2026-01-01", "?before=3"]
                .map(|query| format!("/admin/audit{query}"))
                .to_vec(),
        ),
        (
            "/admin/deliveries",
            vec!["/admin/deliveries".to_owned(), "/admin/deliveries?state=given_up".to_owned()],
        ),
        (
            "/admin/<kind>",
            ["servers", "load_balancers", "clusters", "calendars", "roles", "applications?q=sho"]
                .map(|list| format!("/admin/{list}"))
                .to_vec(),
        ),
        (
            "/admin/<kind>/new",
            ["servers", "load_balancers", "clusters", "calendars", "roles", "applications"]
                .map(|list| format!("/admin/{list}/new"))
                .to_vec(),
        ),
        (
            "/admin/<kind>/<name>",
            ["servers/web-1", "clusters/web", "roles/admin", "applications/shop"]
                .map(|object| format!("/admin/{object}"))
                .to_vec(),
        ),
        ("/admin/<kind>/<name>/delete", own("/admin/servers/web-1/delete")),
        (
            "/admin/applications/<application>/environments/new",
            own("/admin/applications/shop/environments/new"),
        ),
        (
            "/admin/applications/<application>/environments/<environment>",
            own("/admin/applications/shop/environments/production"),
        ),
        (
            "/admin/applications/<application>/environments/<environment>/delete",
            own("/admin/applications/shop/environments/production/delete"),
        ),
        ("/health", own("/health")),
        ("/static/<digest>/<path..>", assets::paths().map(assets::url).collect()),
        ("/favicon.ico", own("/favicon.ico")),
    ]
}

/// The forms, in an order in which each of them can still be sent: who sends it,
/// the path it is mounted with, its address, and its fields.
pub struct Form {
    pub by: &'static str,
    pub route: &'static str,
    pub address: String,
    pub fields: Vec<(&'static str, &'static str)>,
    /// 303 where it can act here. What needs a run in a certain state is refused here,
    /// and acts in the stories of `direct`.
    pub answer: u16,
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub fn forms(world: &Furnished) -> Vec<Form> {
    let Furnished { awaiting, accepted, review, launch, deployment, freeze, .. } = world;
    let form = |by, route, address: String, fields: &[(&'static str, &'static str)]| Form {
        by,
        route,
        address,
        fields: fields.to_vec(),
        answer: 303,
    };
    let of_zoe = |what: &'static str, fields: &[(&'static str, &'static str)]| {
        let route = match what {
            "roles" => "/admin/people/<name>/roles",
            "roles/take" => "/admin/people/<name>/roles/take",
            "external-id" => "/admin/people/<name>/external-id",
            "password" => "/admin/people/<name>/password",
            "link" => "/admin/people/<name>/link",
            "unlink" => "/admin/people/<name>/unlink",
            "mail" => "/admin/people/<name>/mail",
            "end-sessions" => "/admin/people/<name>/end-sessions",
            "disable" => "/admin/people/<name>/disable",
            _ => "/admin/people/<name>/enable",
        };
        // An empty version: as they are by now.
        form("ada", route, format!("/admin/people/zoe/{what}"), &[&[("version", "")], fields].concat())
    };
    let refused = |answer, form: Form| Form { answer, ..form };
    let made = awaiting + 2;
    let run = |what: &str| format!("/deployments/{deployment}/{what}");
    let release =
        [("application", "shop"), ("environment", "production"), ("tag", "v1.3"), ("reason", "why")];
    vec![
        form("dana", "/preferences", "/preferences".to_owned(), &[("theme", "dark"), ("back", "/requests")]),
        form(
            "dana",
            "/applications/<name>/fetch",
            "/applications/shop/fetch".to_owned(),
            &[("back", "/applications/shop")],
        ),
        // It needs approval.
        refused(
            409,
            form(
                "ada",
                "/applications/<name>/<environment>/deploy",
                "/applications/shop/production/deploy".to_owned(),
                &[("release", "v1.3"), ("acknowledge_deletes", "1"), ("break_glass", ""), ("reason", "")],
            ),
        ),
        refused(409, form("dana", "/deployments/<id>/continue", run("continue"), &[])),
        refused(409, form("dana", "/deployments/<id>/retry", run("retry"), &[("acknowledge_deletes", "1")])),
        // It is what is live: there is nothing to go back to.
        refused(422, form("dana", "/deployments/<id>/rollback", run("rollback"), &[("reason", "why")])),
        refused(404, form("ada", "/servers/out/<id>/put-back", "/servers/out/1/put-back".to_owned(), &[])),
        // Nothing failed; `watching` sends one again.
        refused(
            404,
            form("ada", "/admin/deliveries/<id>/resend", "/admin/deliveries/999/resend".to_owned(), &[]),
        ),
        form("dana", "/requests", "/requests".to_owned(), &release),
        // One that is decided on its page, and made again for what comes below.
        form("rosa", "/requests/<id>/accept", format!("/requests/{made}/accept"), &[("comment", "fine")]),
        form("rosa", "/requests/<id>/revoke-link", format!("/requests/{made}/revoke-link"), &[]),
        form("rosa", "/requests/<id>/reject", format!("/requests/{made}/reject"), &[("comment", "no")]),
        form("dana", "/requests", "/requests".to_owned(), &release),
        form("rosa", "/review/<link>/ask", format!("{review}/ask"), &[("comment", "Why?")]),
        form("dana", "/requests/<id>/answer", format!("/requests/{awaiting}/answer"), &[("comment", "So.")]),
        form("rosa", "/requests/<id>/ask", format!("/requests/{awaiting}/ask"), &[("comment", "How?")]),
        form("rosa", "/review/<link>/accept", format!("{review}/accept"), &[("comment", "fine")]),
        form("rosa", "/review/<link>/reject", format!("{review}/reject"), &[("comment", "no")]),
        form("dana", "/launch/<link>", launch.clone(), &[]),
        // The one that the launch above has queued; its request is accepted again.
        form("dana", "/deployments/<id>/cancel", format!("/deployments/{}/cancel", deployment + 1), &[]),
        form("dana", "/requests/<id>/new-link", format!("/requests/{accepted}/new-link"), &[]),
        form("dana", "/requests/<id>/start", format!("/requests/{accepted}/start"), &[]),
        form("dana", "/requests/<id>/cancel", format!("/requests/{}/cancel", made + 1), &[]),
        form(
            "dana",
            "/applications/<name>/<environment>/preview",
            "/applications/shop/production/preview".to_owned(),
            &[("release", "v1.1")],
        ),
        form(
            "ada",
            "/admin/freezes",
            "/admin/freezes".to_owned(),
            &[
                ("application", "vault"),
                ("environment", "production"),
                ("level", "warning"),
                ("reason", "why"),
                ("from", "2026-01-01 08:00"),
                ("until", "2031-01-01 08:00"),
            ],
        ),
        form(
            "ada",
            "/admin/freezes/<id>",
            format!("/admin/freezes/{freeze}"),
            &[("application", "vault"), ("level", "warning"), ("reason", "why"), ("version", "1")],
        ),
        form("ada", "/admin/freezes/<id>/lift", format!("/admin/freezes/{freeze}/lift"), &[]),
        // It was approved: there is nothing to sign.
        refused(409, form("rosa", "/deployments/<id>/sign", run("sign"), &[("comment", "fine")])),
        form("dana", "/servers/<name>/read", "/servers/web-1/read".to_owned(), &[]),
        refused(
            422,
            form(
                "dana",
                "/login",
                "/login".to_owned(),
                &[("name", "dana"), ("password", "not a password"), ("return_to", "/")],
            ),
        ),
        refused(422, form("dana", "/login/session", "/login/session".to_owned(), &[("return_to", "/")])),
        Form {
            answer: 200,
            ..form(
                "dana",
                "/account/tokens",
                "/account/tokens".to_owned(),
                &[
                    ("name", "ci"),
                    ("days", "9"),
                    ("permission", "read"),
                    ("application", ""),
                    ("environment", ""),
                ],
            )
        },
        form("ada", "/admin/tokens/<id>/revoke", "/admin/tokens/1/revoke".to_owned(), &[]),
        // It is revoked already.
        refused(409, form("dana", "/account/tokens/<id>/revoke", "/account/tokens/1/revoke".to_owned(), &[])),
        // GitHub lets dana in.
        refused(
            409,
            form(
                "dana",
                "/account/password",
                "/account/password".to_owned(),
                &[("old", "not a password"), ("new", "another password")],
            ),
        ),
        form("dana", "/account/sessions/end", "/account/sessions/end".to_owned(), &[]),
        form("ada", "/admin/people", "/admin/people".to_owned(), &[("name", "zoe"), ("role", "")]),
        of_zoe("roles", &[("role", "developers")]),
        of_zoe("roles/take", &[("role", "developers")]),
        of_zoe("external-id", &[("external_id", "zoe@elsewhere")]),
        of_zoe("password", &[("password", "a password of hers")]),
        of_zoe("mail", &[("mail", "zoe@acme.test")]),
        of_zoe("link", &[("provider", "proxy"), ("subject", "zoe")]),
        of_zoe("unlink", &[("provider", "proxy"), ("subject", "zoe")]),
        of_zoe("end-sessions", &[]),
        of_zoe("disable", &[]),
        of_zoe("enable", &[]),
        form(
            "ada",
            "/admin/<kind>",
            "/admin/servers".to_owned(),
            &[("name", "web-9"), ("host", "10.0.0.9"), ("port", "22")],
        ),
        form(
            "ada",
            "/admin/applications/<application>/environments",
            "/admin/applications/shop/environments".to_owned(),
            &[
                ("name", "qa"),
                ("deploy_from.tags", "v*"),
                ("target_path", "/srv/qa/shop"),
                ("remote_user", "deploy"),
            ],
        ),
        // Of another version than the one that is there; they act in their own stories.
        refused(
            409,
            form(
                "ada",
                "/admin/<kind>/<name>",
                "/admin/servers/web-1".to_owned(),
                &[("host", "10.0.0.9"), ("version", "x")],
            ),
        ),
        refused(
            409,
            form(
                "ada",
                "/admin/<kind>/<name>/delete",
                "/admin/servers/web-1/delete".to_owned(),
                &[("version", "x")],
            ),
        ),
        refused(
            409,
            form(
                "ada",
                "/admin/applications/<application>/environments/<environment>",
                "/admin/applications/shop/environments/production".to_owned(),
                &[("order", "1"), ("version", "x")],
            ),
        ),
        refused(
            409,
            form(
                "ada",
                "/admin/applications/<application>/environments/<environment>/delete",
                "/admin/applications/shop/environments/production/delete".to_owned(),
                &[("version", "x")],
            ),
        ),
        refused(200, form("ada", "/admin/servers/<name>/scan", "/admin/servers/web-1/scan".to_owned(), &[])),
        refused(
            409,
            form(
                "ada",
                "/admin/servers/<name>/pin",
                "/admin/servers/web-1/pin".to_owned(),
                &[("version", "x"), ("host_key", "ssh-ed25519 AAAA")],
            ),
        ),
        form("dana", "/logout", "/logout".to_owned(), &[]),
    ]
}

/// The paths that the service has routes for.
fn mounted(method: &str) -> BTreeSet<String> {
    let routes = pages::routes().into_iter().filter(|route| route.method.as_str() == method);
    routes.map(|route| route.uri.path().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_has_a_row_in_the_tables_that_the_suites_walk() {
    let world = Furnished::new().await;
    let known = |rows: Vec<&str>| -> BTreeSet<String> { rows.into_iter().map(str::to_owned).collect() };
    let ways_back: BTreeSet<String> =
        pages::ways_back(&pages::own_routes()).into_iter().map(|(form, _)| form).collect();
    let looked_at: BTreeSet<String> = mounted("GET").difference(&ways_back).cloned().collect();
    assert_eq!(looked_at, known(gets(&world).iter().map(|(route, _)| *route).collect()));
    assert_eq!(mounted("POST"), known(forms(&world).iter().map(|form| form.route).collect()));
    let methods: BTreeSet<&str> = pages::routes().iter().map(|route| route.method.as_str()).collect();
    assert_eq!(methods, BTreeSet::from(["GET", "POST"]), "another method needs a table of its own");
    // A row that leads nowhere would prove nothing.
    for (_, addresses) in gets(&world) {
        for address in addresses {
            let page = world.ada.raw("GET", &address, &[], "").await.unwrap();
            let expected: &[u16] = match address.as_str() {
                a if a.starts_with("/authorized") => &[403],
                // Who is signed in needs no login page.
                a if a.starts_with("/login") || a.starts_with("/authorize") || a == "/favicon.ico" => &[303],
                a if a.starts_with("/launch") => &[403],
                _ => &[200],
            };
            assert!(expected.contains(&page.status), "{address}: {} {}", page.status, page.text());
        }
    }
}

/// Whoever reloads the answer to a form, or changes the theme on it, comes to its page.
#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_a_form_leads_to_its_page() {
    let world = Furnished::new().await;
    let before = world.service.tables_that_matter().await;
    let ways_back: BTreeSet<String> =
        pages::ways_back(&pages::own_routes()).into_iter().map(|(form, _)| form).collect();
    let mut walked = BTreeSet::new();
    for form in forms(&world).into_iter().filter(|form| ways_back.contains(form.route)) {
        let back = world.ada.raw("GET", &form.address, &[], "").await.unwrap();
        assert_eq!(back.status, 303, "{}: {}", form.address, back.text());
        assert!(form.address.starts_with(back.header("location")), "{}", form.address);
        walked.insert(form.route.to_owned());
    }
    assert_eq!(walked, ways_back);
    for (form, page) in [
        ("/admin/people/dana/roles/take", "/admin/people/dana"),
        ("/admin/servers/web-1/scan", "/admin/servers/web-1"),
        ("/admin/applications/shop/environments", "/admin/applications/shop"),
        ("/admin/deliveries/9/resend", "/admin/deliveries"),
        ("/account/tokens", "/account"),
        ("/applications/shop/fetch", "/applications/shop"),
        ("/servers/out/1/put-back", "/servers"),
    ] {
        let back = world.ada.raw("GET", form, &[], "").await.unwrap();
        assert_eq!(back.header("location"), page, "{form}");
        assert_eq!(world.ada.raw("GET", page, &[], "").await.unwrap().status, 200, "{page}");
    }
    assert!(differences(&before, &world.service.tables_that_matter().await).is_empty());
    let back = world.ada.raw("GET", "/account//tokens", &[], "").await.unwrap();
    assert!(!back.header("location").starts_with("//"), "{}", back.header("location"));
}
