//! A key is rotated by its files; then the program is started, and the older file
//! is taken away.

use std::fs;

use serde_json::{Value, json};

use super::installation::{Installation, Ran, fleet};
use crate::clock::Clock;
use crate::db::Db;
use crate::db::audit::{self, Broken, Entry, Walk};
use crate::keys::Keys;
use crate::tests::support::key_files::move_back;

/// Everything that writes follows a rotation first; this writes nothing else.
async fn start(installation: &Installation) -> Ran {
    let ran = installation.run(&["apply", "fleet.json", "--dry-run"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    ran
}

async fn with_trail() -> Installation {
    let installation = Installation::new().await;
    let mut fleet = fleet();
    fleet["applications"][0]["webhook_secret"] = json!("correct-horse-battery");
    installation.apply(&fleet, &[]).await.well();
    installation
}

async fn rotate(installation: &Installation, name: &str) {
    move_back(&installation.path("keys"), name);
    installation.run(&["keys"]).await.well();
}

fn remove(installation: &Installation, name: &str) {
    fs::remove_file(installation.path("keys").join(name)).unwrap();
}

async fn rows(installation: &Installation) -> Vec<Value> {
    let said = installation.run(&["audit", "export"]).await.well();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The numbers of the rows that are checkpoints.
async fn checkpoints(installation: &Installation) -> Vec<i64> {
    let rows = rows(installation).await;
    let all = rows.iter().filter(|row| row["action"] == "auth_key.rotated");
    all.map(|row| row["seq"].as_i64().unwrap()).collect()
}

async fn holds(installation: &Installation) -> String {
    let said = installation.run(&["audit", "verify"]).await.well();
    said.trim().split_once(" rows, head ").unwrap().1.to_owned()
}

async fn broken(installation: &Installation) -> Vec<String> {
    installation.run(&["audit", "verify"]).await.refused()
}

/// The lines of `check` about keys that were rotated out.
async fn words_of_check(installation: &Installation) -> Vec<String> {
    let ran = installation.run(&["check"]).await;
    let keys = installation.path("keys").display().to_string() + "/";
    ran.out
        .lines()
        .filter(|line| line.contains("older key"))
        .map(|line| line.replace(&keys, "").replace("keys/", ""))
        .collect()
}

#[tokio::test]
async fn the_trail_verifies_without_the_older_key() {
    let installation = with_trail().await;
    let before = holds(&installation).await;
    rotate(&installation, "auth.key").await;
    let words = words_of_check(&installation).await;
    assert!(
        words.len() == 1
            && words[0].starts_with("warn older key auth.key.1  the audit trail verifies only with it"),
        "{words:?}"
    );

    let log = start(&installation).await.err;
    assert!(log.contains("auth_key was rotated: the trail has a checkpoint"), "{log}");
    let count: i64 = before.split_once(':').unwrap().0.parse().unwrap();
    assert_eq!(checkpoints(&installation).await, [count + 1]);
    let facts = rows(&installation).await.pop().unwrap()["facts"].clone();
    assert_eq!((&facts["count"], &facts["mac"]), (&json!(count), &json!(before.split_once(':').unwrap().1)));
    holds(&installation).await;
    let words = words_of_check(&installation).await;
    assert_eq!(
        words,
        ["ok   older key auth.key.1  the trail has its checkpoint and no link needs it: it may be removed"]
    );

    start(&installation).await;
    assert_eq!(checkpoints(&installation).await, [count + 1], "one is enough");
    remove(&installation, "auth.key.1");
    holds(&installation).await;
    installation.run(&["audit", "verify", "--head", &before]).await.well();
    start(&installation).await;
    assert_eq!(checkpoints(&installation).await, [count + 1]);
}

#[tokio::test]
async fn what_was_changed_before_a_checkpoint_is_found_with_and_without_the_older_key() {
    let installation = with_trail().await;
    rotate(&installation, "auth.key").await;
    start(&installation).await;
    let checkpoint = checkpoints(&installation).await[0];
    let last = checkpoint - 1;
    let older = fs::read(installation.path("keys/auth.key.1")).unwrap();
    let unfit = format!("rows 1 to {last} do not fit the checkpoint in row {checkpoint}");

    let swap = |from: &str, to: &str| {
        format!("UPDATE audit_log SET actor = '{to}' WHERE seq = 2 AND actor = '{from}'")
    };
    let actor = rows(&installation).await[1]["actor"].as_str().unwrap().to_owned();
    installation.sql(&swap(&actor, "mallory")).await;
    assert_eq!(broken(&installation).await, ["row 2 was changed: its seal does not fit its content"]);
    remove(&installation, "auth.key.1");
    assert_eq!(broken(&installation).await, [unfit.as_str()]);
    installation.sql(&swap("mallory", &actor)).await;
    holds(&installation).await;

    // A row after the checkpoint is sealed with the key that is there.
    let mut more = fleet();
    more["servers"][0]["port"] = json!(2222);
    installation.apply(&more, &[]).await.well();
    let new = checkpoint + 1;
    installation.sql(&format!("UPDATE audit_log SET actor = 'mallory' WHERE seq = {new}")).await;
    assert_eq!(
        broken(&installation).await,
        [format!("row {new} was changed: its seal does not fit its content")]
    );
    installation.sql(&format!("UPDATE audit_log SET actor = '{actor}' WHERE seq = {new}")).await;
    holds(&installation).await;

    installation.sql("DELETE FROM audit_log WHERE seq = 2").await;
    assert_eq!(broken(&installation).await, [unfit.as_str(), "row 2 is missing"]);
    fs::write(installation.path("keys/auth.key.1"), older).unwrap();
    fs::set_permissions(
        installation.path("keys/auth.key.1"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    assert_eq!(broken(&installation).await, ["row 2 is missing"]);

    // Without the checkpoint nothing proves the rows of a key that is gone.
    remove(&installation, "auth.key.1");
    installation.sql(&format!("UPDATE audit_log SET facts = '{{}}' WHERE seq = {checkpoint}")).await;
    let lines = broken(&installation).await;
    assert!(
        lines.contains(&format!("row {checkpoint} was changed: its seal does not fit its content")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_key_is_rotated_again_and_again() {
    let installation = with_trail().await;
    for _ in 0..2 {
        rotate(&installation, "auth.key").await;
        start(&installation).await;
    }
    let [first, second] = checkpoints(&installation).await[..] else { panic!("two checkpoints") };
    holds(&installation).await;
    assert_eq!(words_of_check(&installation).await.len(), 2);
    remove(&installation, "auth.key.2");
    holds(&installation).await;
    installation.sql("UPDATE audit_log SET actor = 'x' || actor WHERE seq = 2").await;
    let words = |last, checkpoint| format!("rows 1 to {last} do not fit the checkpoint in row {checkpoint}");
    assert_eq!(broken(&installation).await, [words(first - 1, first)]);
    remove(&installation, "auth.key.1");
    assert_eq!(broken(&installation).await, [words(second - 1, second)]);
    installation.sql("UPDATE audit_log SET actor = substr(actor, 2) WHERE seq = 2").await;
    holds(&installation).await;

    // Two at once, with no start between them.
    rotate(&installation, "auth.key").await;
    rotate(&installation, "auth.key").await;
    start(&installation).await;
    remove(&installation, "auth.key.1");
    remove(&installation, "auth.key.2");
    holds(&installation).await;
    assert_eq!(checkpoints(&installation).await.len(), 3);
}

#[tokio::test]
async fn a_trail_that_does_not_hold_gets_no_checkpoint_and_stops_nothing() {
    let installation = with_trail().await;
    installation.sql("UPDATE audit_log SET actor = 'mallory' WHERE seq = 2").await;
    rotate(&installation, "auth.key").await;
    let log = start(&installation).await.err;
    let line = log.lines().find(|line| line.contains("no checkpoint was written")).expect(&log);
    assert!(line.contains("ERROR") && line.contains("row 2 was changed"), "{line}");
    assert!(checkpoints(&installation).await.is_empty());
    assert_eq!(broken(&installation).await, ["row 2 was changed: its seal does not fit its content"]);
}

#[tokio::test]
async fn programs_that_start_at_once_write_one_checkpoint() {
    let installation = with_trail().await;
    rotate(&installation, "auth.key").await;
    futures_util::future::join_all((0..4).map(|_| start(&installation))).await;
    assert_eq!(checkpoints(&installation).await.len(), 1);
    holds(&installation).await;
}

#[tokio::test]
async fn a_checkpoint_without_the_older_key_is_noticed_while_that_key_is_there() {
    let installation = with_trail().await;
    let older = load(&installation).newest_auth();
    rotate(&installation, "auth.key").await;
    let keys = load(&installation);
    let file = installation.path("data/countersign.db");
    let db = Db::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let mut walk = Walk::new(None);
    walk.on(&db, &keys).await.unwrap();
    let covered = walk.covered();
    let facts = json!({ "count": covered.count, "mac": covered.mac, "digest": covered.digest,
                        "older_key": older.to_string(), "older_mac": "00".repeat(32) });
    let tx = db.begin().await.unwrap();
    let entry = Entry { actor: "policy", action: "auth_key.rotated", subject: String::new(), facts };
    let head = audit::append(&tx, &keys, Clock::system().now(), entry).await.unwrap();
    tx.commit().await.unwrap();
    let found = audit::verify(&db, &keys, None).await.unwrap();
    assert_eq!(found, Err(vec![Broken::OlderKey(head.count)]));
    db.close().await.unwrap();
}

fn load(installation: &Installation) -> Keys {
    Keys::load(&installation.path("keys/auth.key"), &installation.path("keys/enc.key")).unwrap()
}

#[tokio::test]
async fn stored_secrets_follow_the_newest_key() {
    let installation = with_trail().await;
    rotate(&installation, "enc.key").await;
    let words = words_of_check(&installation).await;
    assert_eq!(
        words,
        [
            "warn older key enc.key.1  1 value is still sealed with it; the next start of the service seals it again"
        ]
    );
    let log = start(&installation).await.err;
    assert!(log.contains("sealed again with the newest") && log.contains("values=1"), "{log}");
    let words = words_of_check(&installation).await;
    assert_eq!(words, ["ok   older key enc.key.1  nothing is sealed with it any more: it may be removed"]);
    assert!(!start(&installation).await.err.contains("sealed again"), "there is nothing more to do");

    remove(&installation, "enc.key.1");
    let same = installation.run(&["apply", "fleet.json"]).await.well();
    assert_eq!(same, "nothing to change\n", "the secret opens");
}

#[tokio::test]
async fn a_value_whose_key_is_gone_is_left_and_said() {
    let installation = with_trail().await;
    rotate(&installation, "enc.key").await;
    remove(&installation, "enc.key.1");
    let log = start(&installation).await.err;
    let line = log.lines().find(|line| line.contains("open with no key")).expect(&log);
    assert!(line.contains("WARN") && line.contains("values=1"), "{line}");
    let words = words_of_check(&installation).await;
    assert_eq!(words, ["warn older keys  1 sealed values open with none of the keys that are there"]);
}
