use serde_json::Value;

use super::installation::{Installation, fleet};

/// With some rows in its trail, and the head of it.
async fn with_trail() -> (Installation, String) {
    let installation = Installation::new().await;
    installation.apply(&fleet(), &[]).await.well();
    let said = installation.run(&["audit", "verify"]).await.well();
    let (rows, head) = said.trim().split_once(" rows, head ").unwrap();
    assert_eq!(rows, format!("ok {}", head.split_once(':').unwrap().0));
    (installation, head.to_owned())
}

async fn verify(installation: &Installation) -> Vec<String> {
    installation.run(&["audit", "verify"]).await.refused()
}

#[tokio::test]
async fn the_trail_says_who_changed_what() {
    let (installation, head) = with_trail().await;
    let said = installation.run(&["audit", "export"]).await.well();
    let rows: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len().to_string(), head.split_once(':').unwrap().0);
    let seqs: Vec<i64> = rows.iter().map(|row| row["seq"].as_i64().unwrap()).collect();
    assert!(seqs.is_sorted() && seqs[0] == 1, "{seqs:?}");
    let added = rows.iter().find(|row| row["subject"] == "application shop").unwrap();
    assert_eq!(added["action"], "fleet.added");
    assert!(added["actor"].as_str().unwrap().starts_with("command"), "{added}");
    assert_eq!(rows.last().unwrap()["mac"], head.split_once(':').unwrap().1);
}

#[tokio::test]
async fn a_row_that_was_edited_is_named() {
    let (installation, _) = with_trail().await;
    installation.sql("UPDATE audit_log SET actor = 'command:mallory' WHERE seq = 2").await;
    assert_eq!(verify(&installation).await, ["row 2 was changed: its seal does not fit its content"]);
}

#[tokio::test]
async fn a_row_that_was_removed_is_named() {
    let (installation, _) = with_trail().await;
    installation.sql("DELETE FROM audit_log WHERE seq = 2").await;
    assert_eq!(verify(&installation).await, ["row 2 is missing"]);
}

#[tokio::test]
async fn a_trail_whose_end_was_cut_off_is_noticed() {
    let (installation, head) = with_trail().await;
    let count: i64 = head.split_once(':').unwrap().0.parse().unwrap();
    installation.sql(&format!("DELETE FROM audit_log WHERE seq = {count}")).await;
    let words = format!("the trail ends at row {}, but its head says {count}", count - 1);
    assert_eq!(verify(&installation).await, [words]);

    // Whoever also sets the recorded head back leaves a whole trail …
    let last = count - 1;
    let mac = format!("(SELECT mac FROM audit_log WHERE seq = {last})");
    installation.sql(&format!("UPDATE audit_head SET count = {last}, mac = {mac}")).await;
    installation.run(&["audit", "verify"]).await.well();
    // … but not one with the head that a mail carried.
    let lines = installation.run(&["audit", "verify", "--head", &head]).await.refused();
    assert_eq!(lines, [format!("the given head {head} is not in the trail")]);
}

#[tokio::test]
async fn a_head_that_was_swapped_is_noticed() {
    let (installation, _) = with_trail().await;
    installation.sql("UPDATE audit_head SET mac = (SELECT mac FROM audit_log WHERE seq = 1)").await;
    let lines = verify(&installation).await;
    assert!(lines.len() == 1 && lines[0].starts_with("the recorded head is not that of row"), "{lines:?}");
}

#[tokio::test]
async fn a_head_seen_earlier_stays_in_the_trail() {
    let (installation, head) = with_trail().await;
    let mut more = fleet();
    more["servers"][0]["port"] = 2222.into();
    installation.apply(&more, &[]).await.well();
    let said = installation.run(&["audit", "verify", "--head", &head]).await.well();
    assert!(!said.contains(&head), "the trail did not grow: {said}");
}
