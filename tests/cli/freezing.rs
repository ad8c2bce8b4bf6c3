//! `freeze` and `unfreeze`, and calendars that lie in a file beside the fleet file.

use serde_json::json;

use super::installation::{Installation, fleet};

#[tokio::test]
async fn a_freeze_is_set_by_command_prints_its_number_and_is_lifted_by_it() {
    let installation = Installation::new().await;
    installation.configure(&json!({ "timezone": "Europe/Paris" }));
    installation.apply(&fleet(), &[]).await.well();
    let options = ["--application", "shop", "--environment", "production", "--until", "2031-01-02 08:00"];
    let said = installation.run(&[&["freeze"], &options[..], &["Black Friday."]].concat()).await.well();
    assert_eq!(said, "1\n");
    let said = installation.run(&["freeze", "--level", "warning", "Mind the auditors."]).await.well();
    assert_eq!(said, "2\n");
    let trail = installation.run(&["audit", "verify"]).await.well();
    assert!(!trail.is_empty());
    installation.run(&["unfreeze", "1"]).await.well();
    let lines = installation.run(&["unfreeze", "1"]).await.refused();
    assert!(lines[0].contains("lifted it already"), "{lines:?}");
    assert_eq!(installation.run(&["unfreeze", "9"]).await.refused(), ["there is no freeze 9"]);
}

#[tokio::test]
async fn a_freeze_that_cannot_be_is_refused_in_words() {
    let installation = Installation::new().await;
    installation.apply(&fleet(), &[]).await.well();
    for (arguments, words) in [
        (vec!["freeze", " "], "Say why"),
        (vec!["freeze", "--application", "till", "x"], "There is no application till"),
        (vec!["freeze", "--application", "../x", "x"], "the name \"../x\""),
        (vec!["freeze", "--environment", "staging", "x"], "No application has an environment staging"),
        (vec!["freeze", "--until", "soon", "x"], "--until must be a date and a time of day"),
        (vec!["freeze", "--until", "2020-01-01 08:00", "x"], "later than the beginning"),
    ] {
        let lines = installation.run(&arguments).await.refused();
        assert!(lines[0].contains(words), "{arguments:?}: {lines:?}");
    }
    assert_eq!(installation.run(&["freeze", "--level", "soft", "x"]).await.code, 2);
    assert_eq!(installation.run(&["freeze"]).await.code, 2);
}

#[tokio::test]
async fn a_calendar_file_beside_the_fleet_file_is_read_when_it_is_applied() {
    let installation = Installation::new().await;
    let mut fleet = fleet();
    fleet["calendars"] = json!([{
        "name": "office", "timezone": "Europe/Paris", "holidays": ["FR"], "ics": "file:days/closed.ics",
        "weekly": [{ "days": ["mon"], "from": "08:00", "to": "24:00" }],
    }]);
    let lines = installation.apply(&fleet, &[]).await.refused();
    assert!(lines[0].starts_with("calendars[0].ics: days/closed.ics cannot be read"), "{lines:?}");
    assert_eq!(lines[1..], ["nothing was changed"]);

    let events = |day: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Stocktaking\r\nDTSTART;VALUE=DATE:{day}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    };
    std::fs::create_dir(installation.path("days")).unwrap();
    std::fs::write(installation.path("days/closed.ics"), "BEGIN:VCALENDAR\n").unwrap();
    let lines = installation.apply(&fleet, &[]).await.refused();
    assert!(lines[0].starts_with("calendars[0].ics: is cut off"), "{lines:?}");
    std::fs::write(installation.path("days/closed.ics"), events("20261231")).unwrap();
    installation.apply(&fleet, &[]).await.well();
    assert_eq!(installation.apply(&fleet, &[]).await.well(), "nothing to change\n");

    // What is exported holds the text, and goes in again without the file.
    let exported = installation.export().await;
    assert!(exported["calendars"][0]["ics"].as_str().unwrap().contains("DTSTART;VALUE=DATE:20261231"));
    std::fs::remove_file(installation.path("days/closed.ics")).unwrap();
    assert_eq!(installation.apply(&exported, &[]).await.well(), "nothing to change\n");

    std::fs::write(installation.path("days/closed.ics"), events("20261230")).unwrap();
    let said = installation.apply(&fleet, &["--dry-run"]).await.well();
    assert!(said.contains("change calendar office\n  ics: replaced\n"), "{said}");
}
