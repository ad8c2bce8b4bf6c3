//! The journal of one run: one writer, numbered without gaps, state first.
//!
//! Output is written in batches of 256 KB or 100 ms; every other event is in the
//! database before the step that made it goes on. Each write renews the lease and
//! is refused once the lease belongs to somebody else.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use super::engine::{Sink, SinkLost};
use crate::app::queue::Lease;
use crate::app::{App, health, run_deployment};
use crate::domain::deployment::Deployment;
use crate::domain::event::{Event, EventKind, NoteLevel};

const BATCH_BYTES: usize = 256 * 1024;
const BATCH_FOR: Duration = Duration::from_millis(100);
/// The lease is renewed at a third of its time.
pub const RENEW_EVERY: Duration = Duration::from_secs(10);
/// Events that may wait for the writer before the engine waits too.
const WAITING: usize = 256;

type Message = (EventKind, Option<oneshot::Sender<()>>);

/// The engine's end.
pub struct JournalSink {
    to_writer: mpsc::Sender<Message>,
}

impl Sink for JournalSink {
    async fn emit(&self, what: EventKind) -> Result<(), SinkLost> {
        if matches!(what, EventKind::Output { .. }) {
            return self.to_writer.send((what, None)).await.map_err(|_| SinkLost);
        }
        let (written, is_written) = oneshot::channel();
        self.to_writer.send((what, Some(written))).await.map_err(|_| SinkLost)?;
        is_written.await.map_err(|_| SinkLost)
    }
}

/// The database's end. `run` ends when the sink is dropped, or the lease is lost.
pub struct Writer {
    app: App,
    deployment: Deployment,
    lease: Lease,
    seq: u64,
    from_engine: mpsc::Receiver<Message>,
    batch: Vec<Event>,
    batch_bytes: usize,
    output_bytes: u64,
    /// The last output was dropped, and that is said.
    is_dropping: bool,
    disk_is_full: bool,
}

pub fn journal(app: &App, deployment: &Deployment, lease: &Lease, seq: u64) -> (JournalSink, Writer) {
    let (to_writer, from_engine) = mpsc::channel(WAITING);
    let writer = Writer {
        app: app.clone(),
        deployment: deployment.clone(),
        lease: lease.clone(),
        seq,
        from_engine,
        batch: Vec::new(),
        batch_bytes: 0,
        output_bytes: 0,
        is_dropping: false,
        disk_is_full: false,
    };
    (JournalSink { to_writer }, writer)
}

impl Writer {
    /// Gives the number of the last event, or that the lease is lost.
    pub async fn run(mut self) -> Result<u64, SinkLost> {
        let mut renew = pin!(sleep(RENEW_EVERY));
        let mut flush = pin!(sleep(BATCH_FOR));
        loop {
            let waiting = !self.batch.is_empty();
            tokio::select! {
                message = self.from_engine.recv() => {
                    let Some((what, written)) = message else { break };
                    if self.batch.is_empty() {
                        flush.set(sleep(BATCH_FOR));
                    }
                    self.take(what);
                    if self.batch_bytes >= BATCH_BYTES || written.is_some() {
                        self.flush().await?;
                    }
                    if let Some(written) = written {
                        let _ = written.send(());
                    }
                }
                () = &mut flush, if waiting => self.flush().await?,
                // A write renews it too; once more does no harm.
                () = &mut renew => {
                    self.renew().await?;
                    renew.set(sleep(RENEW_EVERY));
                }
            }
        }
        self.flush().await?;
        Ok(self.seq)
    }

    /// Output may be dropped with a mark; what happened never is (rules.md 54).
    fn take(&mut self, what: EventKind) {
        let EventKind::Output { text, .. } = &what else { return self.push(what, 64) };
        let bytes = text.len();
        self.output_bytes = self.output_bytes.saturating_add(bytes as u64);
        let why_dropped = self.why_dropped();
        let was_dropping = std::mem::replace(&mut self.is_dropping, why_dropped.is_some());
        match why_dropped {
            None => self.push(what, bytes + 64),
            Some(text) if !was_dropping => self.push(EventKind::Note { level: NoteLevel::Warning, text }, 64),
            Some(_) => {}
        }
    }

    fn why_dropped(&mut self) -> Option<String> {
        let limits = &self.app.config.limits;
        if self.output_bytes > limits.output_mb.saturating_mul(1024 * 1024) {
            return Some(format!("Output beyond {} MB is not kept. The run goes on.", limits.output_mb));
        }
        // Asked once a batch: room on a disk comes and goes slowly.
        if self.batch.is_empty() {
            self.disk_is_full = !health::disk(&self.app).ok;
        }
        self.disk_is_full.then(|| {
            let least = limits.disk_free_mb;
            format!("Less than {least} MB are free on the disk: output is not kept until there are. The run goes on.")
        })
    }

    fn push(&mut self, what: EventKind, bytes: usize) {
        self.seq += 1;
        self.batch_bytes += bytes;
        self.batch.push(Event { seq: self.seq, at: self.app.clock.now(), what });
    }

    async fn flush(&mut self) -> Result<(), SinkLost> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        run_deployment::append(&self.app, &self.deployment, &self.lease, &batch).await.map_err(|error| {
            tracing::error!(deployment = self.deployment.id, %error, "the journal cannot be written");
            SinkLost
        })
    }

    async fn renew(&self) -> Result<(), SinkLost> {
        run_deployment::renew(&self.app, &self.lease).await.map_err(|error| {
            tracing::error!(deployment = self.deployment.id, %error, "the lease cannot be renewed");
            SinkLost
        })
    }
}
