use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use super::installation::{Installation, Ran, fleet};

/// Runs a command that reads its standard input.
async fn with_input(installation: &Installation, arguments: &[&str], input: &str) -> Ran {
    let mut command = installation.command(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

async fn trail(installation: &Installation) -> Vec<Value> {
    let said = installation.run(&["audit", "export"]).await.well();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The values of a column, as the file itself holds them.
async fn column(installation: &Installation, sql: &str) -> Vec<String> {
    use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement};
    let file = installation.path("data/countersign.db");
    let db = Database::connect(format!("sqlite:{}", file.display())).await.unwrap();
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql.to_owned())).await.unwrap();
    db.close().await.unwrap();
    rows.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()).collect()
}

#[tokio::test]
async fn somebody_is_added_once_and_a_role_stays_with_them() {
    let installation = Installation::new().await;
    installation.apply(&fleet(), &[]).await.well();
    let add = &["user", "add", "bot", "--role", "admin"];
    assert_eq!(installation.run(add).await.well(), "added bot\ngave bot the role admin\n");
    assert_eq!(installation.run(add).await.well(), "bot is there already\nbot has the role admin already\n");
    // A name that the fleet file mentions is reserved, and may be added.
    assert_eq!(installation.run(&["user", "add", "rosa"]).await.well(), "added rosa\n");

    installation.apply(&fleet(), &["--prune"]).await.well();
    let admins = "SELECT member || ' by ' || source FROM role_members WHERE role = 'admin' ORDER BY 1";
    assert_eq!(column(&installation, admins).await, ["bot by command", "rosa by fleet"]);
    let trail = trail(&installation).await;
    let of_bot: Vec<&str> = trail
        .iter()
        .filter(|row| row["subject"] == "person bot")
        .map(|row| row["action"].as_str().unwrap())
        .collect();
    assert_eq!(of_bot, ["person.added", "role.given"]);
}

#[tokio::test]
async fn an_address_is_set_by_the_command_and_a_wrong_one_sets_nothing() {
    let installation = Installation::new().await;
    installation.apply(&fleet(), &[]).await.well();
    let refused = installation.run(&["user", "add", "zoe", "--mail", "not an address"]).await.refused();
    assert!(refused.concat().contains("An address like"), "{refused:?}");
    let mails = "SELECT name || ' ' || coalesce(given_mail, '-') FROM people WHERE name = 'zoe'";
    assert!(column(&installation, mails).await.is_empty(), "nobody was added");
    let add = &["user", "add", "zoe", "--mail", "zoe@example.com"];
    assert_eq!(installation.run(add).await.well(), "added zoe\nset the address of zoe\n");
    assert_eq!(column(&installation, mails).await, ["zoe zoe@example.com"]);
    let actions: Vec<String> = trail(&installation)
        .await
        .iter()
        .filter(|row| row["subject"] == "person zoe")
        .map(|row| row["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(actions, ["person.added", "person.mail_set"]);
}

#[tokio::test]
async fn a_role_that_is_not_there_or_a_name_that_is_none_adds_nobody() {
    let installation = Installation::new().await;
    let lines = installation.run(&["user", "add", "bot", "--role", "nosuch"]).await.refused();
    assert_eq!(lines, ["There is no role nosuch."]);
    assert_eq!(installation.run(&["user", "add", "Not A Name"]).await.code, 2);
    assert!(column(&installation, "SELECT name FROM people").await.is_empty());
    assert!(trail(&installation).await.is_empty());
}

#[tokio::test]
async fn a_password_is_kept_as_argon2id_and_makes_the_name_local() {
    let installation = Installation::new().await;
    let add = &["user", "add", "bot", "--password-stdin"];
    let ran = with_input(&installation, add, "correct horse battery\n").await;
    assert_eq!(ran.well(), "added bot\nset the password of bot\n");
    let hashes = column(&installation, "SELECT password_hash FROM people").await;
    assert!(hashes[0].starts_with("$argon2id$v=19$"), "{hashes:?}");
    assert_eq!(column(&installation, "SELECT provider || ':' || subject FROM people").await, ["local:bot"]);
    let everything = installation.run(&["audit", "export"]).await.well();
    assert!(!everything.contains("correct horse") && !everything.contains("argon2"), "{everything}");

    let ran = with_input(&installation, add, "another long password").await;
    assert_eq!(ran.well(), "bot is there already\nset the password of bot\n");
    assert_ne!(column(&installation, "SELECT password_hash FROM people").await, hashes);
    for short in ["", "\n", "eleven char\n"] {
        let lines = with_input(&installation, add, short).await.refused();
        assert_eq!(lines, ["A password is 12 to 1024 bytes long."]);
    }
}

#[tokio::test]
async fn a_name_of_github_gets_no_password() {
    let installation = Installation::new().await;
    let mut reserved = fleet();
    reserved["roles"][0]["users"] = serde_json::json!(["github:rosa"]);
    installation.apply(&reserved, &[]).await.well();
    let add = &["user", "add", "rosa", "--password-stdin"];
    let lines = with_input(&installation, add, "correct horse battery\n").await.refused();
    assert_eq!(lines, ["The name rosa is reserved for GitHub."]);
    installation.run(&["user", "add", "dana"]).await.well();
    installation.sql("UPDATE people SET provider = 'github', subject = '7' WHERE name = 'dana'").await;
    let add = &["user", "add", "dana", "--password-stdin"];
    let lines = with_input(&installation, add, "correct horse battery\n").await.refused();
    assert_eq!(lines, ["dana signs in with github."]);
    let hashes = column(&installation, "SELECT name FROM people WHERE password_hash IS NOT NULL").await;
    assert!(hashes.is_empty(), "{hashes:?}");
}

#[tokio::test]
async fn a_token_is_printed_alone_once_and_listed_without_its_secret() {
    let installation = Installation::new().await;
    installation.run(&["user", "add", "bot"]).await.well();
    let create = ["token", "create", "--user", "bot", "--name", "CI"];
    let token = installation.run(&create).await.well();
    let secret = token.trim_end().strip_prefix("cs_").expect("a token");
    assert_eq!((secret.len(), token.lines().count()), (43, 1), "{token}");
    assert_ne!(installation.run(&create).await.well(), token);

    assert_eq!(installation.run(&["token", "revoke", "2"]).await.well(), "revoked token 2\n");
    let said = installation.run(&["token", "list", "--user", "bot"]).await.well();
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("1 usable, until ") && lines[0].ends_with(", never used, CI"), "{said}");
    assert!(lines[1].starts_with("2 revoked, ") && lines.len() == 2, "{said}");
    let file = std::fs::read(installation.path("data/countersign.db")).unwrap();
    assert!(!file.windows(secret.len()).any(|part| part == secret.as_bytes()));

    let trail = trail(&installation).await;
    let actions: Vec<&str> = trail.iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["person.added", "token.created", "token.created", "token.revoked"]);
    assert!(!trail.iter().any(|row| row.to_string().contains(secret)));
}

#[tokio::test]
async fn a_token_is_for_somebody_who_is_there() {
    let installation = Installation::new().await;
    let create = &["token", "create", "--user", "bot"];
    let lines = installation.run(create).await.refused();
    assert!(lines[0].starts_with("There is nobody called bot."), "{lines:?}");
    installation.run(&["user", "add", "bot"]).await.well();
    installation.sql("UPDATE people SET disabled_at = 1 WHERE name = 'bot'").await;
    assert_eq!(installation.run(create).await.refused(), ["bot is disabled."]);
    assert_eq!(installation.run(&["token", "create", "--user", "bot", "--days", "0"]).await.code, 2);
    assert_eq!(installation.run(&["token", "revoke", "7"]).await.refused(), ["There is no token 7."]);
    assert!(column(&installation, "SELECT name FROM tokens").await.is_empty());
}
