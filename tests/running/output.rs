//! Much output: stored in chunks, whole and in order, cut where the operator says.

use std::sync::Arc;

use serde_json::json;

use crate::db;
use crate::domain::deployment::DeploymentState;
use crate::domain::event::{EventKind, StepId, StepOutcome, Stream};
use crate::runner::engine::Sink as _;
use crate::runner::journal::journal;
use crate::tests::harness::{Approved, Feed, Message, Service, World};
use crate::web::view::journal::LINES_SHOWN;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_lines_are_kept_in_order_and_the_page_shows_the_last() {
    const LINES: usize = 100_000;
    let service = Service::start_in(World::unreviewed(1)).await;
    let dana = service.as_user("dana").await;
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", format!("seq -f 'line %.0f' 1 {LINES}\n"));
    });
    let id = service.launched(&dana, "v1.3").await;
    assert_eq!(service.ended(id).await.state, DeploymentState::Succeeded);

    let expected: Vec<String> = (1..=LINES).map(|number| format!("line {number}")).collect();
    let log = dana.get(&format!("/deployments/{id}/log")).await.unwrap().html;
    let lines: Vec<&str> =
        log.lines().filter_map(|line| line.split_once(" web-1 | line ")).map(|(_, text)| text).collect();
    assert!(lines.iter().zip(1..).all(|(text, number)| text.parse() == Ok(number)) && lines.len() == LINES);
    assert!(
        log.lines().zip(1..).all(|(line, seq)| line.split(' ').next() == Some(&format!("{seq}"))),
        "no gaps"
    );

    let feed = Feed::open(&dana, &service.base_url, id, None).await.rest().await;
    let said = feed.iter().flat_map(Message::events).filter_map(|event| match event.what {
        EventKind::Output { text, .. } if text.starts_with("line") => Some(text),
        _ => None,
    });
    assert!(said.eq(expected), "the feed tells the same");
    let most = feed.iter().map(|message| message.events().len()).max().unwrap();
    assert!(most <= 500, "{most} events in one message");

    let outline = db::journal::outline(&service.app.db, id, 0).await.unwrap();
    let journal = service.journal(id).await;
    let (output, happened): (Vec<_>, Vec<_>) =
        journal.into_iter().partition(|event| matches!(event.what, EventKind::Output { .. }));
    assert_eq!(
        (outline.events, outline.lines),
        (happened, output.len() as u64),
        "what happened is told apart"
    );
    let last = db::journal::last_lines(&service.app.db, id, outline.last_seq, 7).await.unwrap();
    assert_eq!(last, output[output.len() - 7..]);

    let address = format!("/deployments/{id}");
    let page = dana.get(&address).await.unwrap();
    service.sql("UPDATE journal_chunks SET outline = NULL, lines = NULL").await;
    let old = dana.get(&address).await.unwrap();
    let main = |html: &str| {
        html.split_once("<main")
            .unwrap()
            .1
            .split("name=\"csrf\"")
            .map(|part| part.split_once('>').unwrap().1.to_owned())
            .collect::<String>()
    };
    assert_eq!(main(&old.html), main(&page.html), "chunks of an older schema say the same");
    assert!(page.html.contains(&format!("line {LINES}")) && !page.html.contains("line 90000<"));
    assert!(page.html.matches("<li").count() < LINES_SHOWN + 200, "the page holds the last lines only");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_beyond_the_limit_is_dropped_with_a_mark_and_the_run_goes_on() {
    let mut world = World::unreviewed(1);
    world.edit_config = Box::new(|config| config["limits"]["output_mb"] = json!(1));
    let service = Service::start_in(world).await;
    let dana = service.as_user("dana").await;
    service.commit("v1.3", |repository| {
        repository.write("deploy.sh", "head -c 3000000 /dev/zero | tr '\\0' x | fold -w 1000\n");
    });
    let id = service.launched(&dana, "v1.3").await;
    assert_eq!(service.ended(id).await.state, DeploymentState::Succeeded);

    let journal = service.journal(id).await;
    let kept: usize = journal
        .iter()
        .map(|event| if let EventKind::Output { text, .. } = &event.what { text.len() } else { 0 })
        .sum();
    assert!((900_000..=1024 * 1024).contains(&kept), "{kept} bytes kept");
    let marks = |what: &EventKind| matches!(what, EventKind::Note { text, .. } if text == "Output beyond 1 MB is not kept. The run goes on.");
    assert_eq!(journal.iter().filter(|event| marks(&event.what)).count(), 1);
    let ended = |what: &EventKind| matches!(what, EventKind::StepEnded { outcome: StepOutcome::Done, .. });
    assert!(journal.iter().filter(|event| ended(&event.what)).count() >= 9, "what happened is still told");
    let page = dana.get(&format!("/deployments/{id}")).await.unwrap();
    assert!(page.text().contains("Output beyond 1 MB is not kept."), "the mark is on the page");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_output_is_dropped_with_a_mark_and_what_happened_is_kept() {
    let service = Service::start_in(World::quiet()).await;
    let Approved { dana, launch, .. } = service.approved("v1.0").await;
    assert_eq!(service.post(&dana, &launch, &[]).await.status, 303);
    let (claimed, _) = service.pick_up().await;
    let mut app = service.app.clone();
    Arc::make_mut(&mut app.config).limits.disk_free_mb = u64::MAX;

    let (sink, writer) = journal(&app, &claimed.deployment, &claimed.lease, claimed.seq);
    let written = tokio::spawn(writer.run());
    for text in ["one", "two"] {
        let (step, text) = (StepId(0), text.to_owned());
        sink.emit(EventKind::Output { step, host: None, stream: Stream::Stdout, text }).await.unwrap();
    }
    sink.emit(EventKind::StepEnded { step: StepId(0), outcome: StepOutcome::Done }).await.unwrap();
    drop(sink);
    written.await.unwrap().unwrap();

    let journal = service.journal(claimed.deployment.id).await;
    let marks = journal.iter().filter(
        |event| matches!(&event.what, EventKind::Note { text, .. } if text.contains("free on the disk")),
    );
    assert_eq!(marks.count(), 1, "{journal:#?}");
    assert!(!journal.iter().any(|event| matches!(event.what, EventKind::Output { .. })), "{journal:#?}");
    assert!(matches!(journal.last().unwrap().what, EventKind::StepEnded { .. }), "{journal:#?}");
}
