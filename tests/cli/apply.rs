use serde_json::{Value, json};

use super::installation::{Installation, fleet, server};

#[tokio::test]
async fn the_same_file_again_changes_nothing() {
    let installation = Installation::new().await;
    let said = installation.apply(&fleet(), &[]).await.well();
    for line in
        ["add server web-1", "add cluster web", "add application shop", "add environment shop/production"]
    {
        assert!(said.lines().any(|said| said == line), "{line:?} is missing:\n{said}");
    }
    assert_eq!(installation.apply(&fleet(), &[]).await.well(), "nothing to change\n");
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_and_leaves_it() {
    let installation = Installation::new().await;
    installation.apply(&fleet(), &[]).await.well();
    let before = installation.export().await;
    let mut other = fleet();
    other["servers"][0]["port"] = json!(2222);
    let said = installation.apply(&other, &["--dry-run"]).await.well();
    assert_eq!(said, "change server web-1\n  port: 22 → 2222\nthis was a dry run: nothing was changed\n");
    assert_eq!(installation.export().await, before);
}

#[tokio::test]
async fn only_prune_removes() {
    let installation = Installation::new().await;
    let mut with_two = fleet();
    with_two["servers"] = json!([server("web-1"), server("web-2")]);
    installation.apply(&with_two, &[]).await.well();

    assert_eq!(installation.apply(&fleet(), &[]).await.well(), "nothing to change\n");
    assert_eq!(installation.apply(&fleet(), &["--prune"]).await.well(), "remove server web-2\n");
    let servers = &installation.export().await["servers"];
    assert_eq!(servers.as_array().unwrap().len(), 1, "{servers}");
}

#[tokio::test]
async fn a_grant_for_nothing_is_warned_of_and_applied() {
    let installation = Installation::new().await;
    let mut typo = fleet();
    typo["roles"] =
        json!([{ "name": "typists", "grants": [{ "permission": "read", "application": "shpo" }] }]);
    let said = installation.apply(&typo, &[]).await.well();
    let warning = "warning: role typists: there is no application shpo";
    assert_eq!(said.lines().last(), Some(warning), "{said}");
    let said = installation.apply(&typo, &[]).await.well();
    assert_eq!(said, format!("{warning}\nnothing to change\n"));
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once_and_nothing_is_changed() {
    let installation = Installation::new().await;
    let mut wrong = fleet();
    wrong["servers"][0]["port"] = json!(0);
    wrong["clusters"][0]["servers"][0]["server"] = json!("web-9");
    wrong["applications"][0]["environments"][0]["target_path"] = json!("/");
    wrong["applications"][0]["surprise"] = json!(1);
    let lines = installation.apply(&wrong, &[]).await.refused();
    for path in [
        "servers[0].port: ",
        "clusters[0].servers[0].server: ",
        "applications[0].environments[0].target_path: ",
        "applications[0].surprise: ",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(path)), "{path:?} is missing: {lines:#?}");
    }
    assert_eq!(lines.last().unwrap(), "nothing was changed");
    assert_eq!(installation.export().await["servers"], json!([]));
}

#[tokio::test]
async fn a_file_that_is_no_json_is_refused_with_its_place() {
    let installation = Installation::new().await;
    for (text, words) in [
        ("{\n  \"servers\": [,]\n}", "line 2 column 15"),
        ("{ \"servers\": [], \"servers\": [] }", "the key \"servers\" stands twice"),
    ] {
        std::fs::write(installation.path("fleet.json"), text).unwrap();
        let lines = installation.run(&["apply", "fleet.json"]).await.refused();
        assert!(lines[0].starts_with("fleet.json: ") && lines[0].contains(words), "{lines:?}");
        assert_eq!(lines[1..], ["nothing was changed"]);
    }
}

#[tokio::test]
async fn a_rename_keeps_what_hangs_on_the_name() {
    let installation = Installation::new().await;
    installation.apply(&fleet(), &[]).await.well();
    let mut renamed = fleet();
    renamed["servers"][0]["name"] = json!("www-1");
    renamed["servers"][0]["was"] = json!("web-1");
    renamed["clusters"][0]["servers"][0]["server"] = json!("www-1");
    renamed["applications"][0]["name"] = json!("store");
    renamed["applications"][0]["was"] = json!("shop");
    let said = installation.apply(&renamed, &[]).await.well();
    let expected =
        "rename server www-1\n  name: web-1 → www-1\nrename application store\n  name: shop → store\n";
    assert_eq!(said, expected);
    let exported = installation.export().await;
    assert_eq!(exported["servers"].as_array().unwrap().len(), 1);
    assert_eq!(exported["applications"][0]["environments"][0]["name"], "production");

    // Applied, `was` says nothing any more.
    assert_eq!(installation.apply(&renamed, &[]).await.well(), "nothing to change\n");
}

#[tokio::test]
async fn two_things_cannot_become_one_by_a_rename() {
    let installation = Installation::new().await;
    let mut with_two = fleet();
    with_two["servers"] = json!([server("web-1"), server("web-2")]);
    installation.apply(&with_two, &[]).await.well();
    let before = installation.export().await;

    let mut merged = fleet();
    merged["servers"][0]["name"] = json!("web-2");
    merged["servers"][0]["was"] = json!("web-1");
    merged["clusters"][0]["servers"][0]["server"] = json!("web-2");
    let lines = installation.apply(&merged, &[]).await.refused();
    let words = "servers[0].was: cannot be renamed: both \"web-1\" and \"web-2\" exist already";
    assert_eq!(lines, [words, "nothing was changed"]);
    assert_eq!(installation.export().await, before);
}

#[tokio::test]
async fn what_export_prints_apply_takes_back() {
    let first = Installation::new().await;
    first.apply(&fleet(), &[]).await.well();
    let exported = first.export().await;
    assert_eq!(first.apply(&exported, &["--prune"]).await.well(), "nothing to change\n");

    let second = Installation::new().await;
    second.apply(&exported, &[]).await.well();
    assert_eq!(second.export().await, exported);
}

#[tokio::test]
async fn a_secret_is_taken_and_never_given_back() {
    const SECRET: &str = "correct-horse-battery";
    let installation = Installation::new().await;
    let with_secret = |secret: &str| -> Value {
        let mut fleet = fleet();
        fleet["applications"][0]["webhook_secret"] = json!(secret);
        fleet
    };
    installation.apply(&with_secret(SECRET), &[]).await.well();
    assert_eq!(installation.export().await["applications"][0]["webhook_secret"], "stored:");
    for entry in std::fs::read_dir(installation.path("data")).unwrap() {
        let path = entry.unwrap().path();
        let held = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        let found = held.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
        assert!(!found, "{} holds the secret", path.display());
    }

    assert_eq!(installation.apply(&with_secret(SECRET), &[]).await.well(), "nothing to change\n");
    assert_eq!(installation.apply(&with_secret("stored:"), &[]).await.well(), "nothing to change\n");
    let said = installation.apply(&with_secret("another"), &[]).await.well();
    assert_eq!(said, "change application shop\n  webhook_secret: replaced\n");

    installation.apply(&with_secret("env:SHOP_WEBHOOK"), &[]).await.well();
    assert_eq!(installation.export().await["applications"][0]["webhook_secret"], "env:SHOP_WEBHOOK");
}

#[tokio::test]
async fn a_secret_that_was_never_given_cannot_be_kept() {
    let installation = Installation::new().await;
    let mut fleet = fleet();
    fleet["applications"][0]["webhook_secret"] = json!("stored:");
    let lines = installation.apply(&fleet, &[]).await.refused();
    assert!(lines[0].starts_with("applications[0].webhook_secret: nothing is stored"), "{lines:?}");
    assert_eq!(installation.export().await["applications"], json!([]));
}

#[tokio::test]
async fn who_holds_a_role_already_does_not_come_by_it_and_a_name_that_leads_nowhere_is_refused() {
    let installation = Installation::new().await;
    let mut file = fleet();
    let role = |users: Value| json!({ "name": "reviewers", "users": users });
    file["roles"].as_array_mut().unwrap().push(role(json!([])));
    installation.apply(&file, &[]).await.well();
    for name in ["rex", "roy"] {
        installation.run(&["user", "add", name, "--role", "reviewers"]).await.well();
    }
    file["roles"][1] = role(json!(["rex", "zoe"]));
    let said = installation.apply(&file, &["--dry-run"]).await.well();
    let expected = "change role reviewers\n  users: [\"rex\",\"roy\"] → [\"rex\",\"roy\",\"zoe\"]\n  the file gives it to user rex too\nthis was a dry run: nothing was changed\n";
    assert_eq!(said, expected);
    installation.apply(&file, &[]).await.well();
    assert_eq!(installation.apply(&file, &[]).await.well(), "nothing to change\n");
    file["roles"][1] = role(json!([]));
    let said = installation.apply(&file, &[]).await.well();
    let expected = "change role reviewers\n  users: [\"rex\",\"roy\",\"zoe\"] → [\"rex\",\"roy\"]\n  the file no longer gives it to user rex, who keeps it\n";
    assert_eq!(said, expected);

    file["servers"].as_array_mut().unwrap().push(server("new"));
    file["applications"][0]["environments"][0]["name"] = json!("diff");
    let lines = installation.apply(&file, &[]).await.refused();
    for path in ["servers[1].name: ", "applications[0].environments[0].name: "] {
        assert!(lines.iter().any(|line| line.starts_with(path)), "{path:?} is missing: {lines:#?}");
    }
}
