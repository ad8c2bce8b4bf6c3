//! What a step says while it runs: bytes become lines, lines become events.
//!
//! The queue behind an `Output` is bounded. A step that writes faster than the
//! journal stores waits, and so does the script at the other end of its pipe:
//! memory stays bounded whatever a script prints.
//!
//! Every word passes the mask of known secrets here, so that none gets past it.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::mpsc;

use crate::domain::event::{EventKind, HostState, NoteLevel, StepId, Stream};
use crate::domain::mask::{Mask, Masker};
use crate::domain::name::{CommitId, Name};

/// Longer lines are cut, with a mark that says so.
pub const LINE_LIMIT: usize = 64 * 1024;

/// A cloneable handle that a step writes its lines to.
#[derive(Debug, Clone)]
pub struct Output {
    events: mpsc::Sender<EventKind>,
    step: StepId,
    host: Option<Name>,
    view: Arc<HostView>,
    mask: Arc<Mask>,
}

/// What the steps of one host found out about it; kept over all its steps.
#[derive(Debug, Default)]
pub(super) struct HostView(Mutex<Seen>);

#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    pub commit: Option<CommitId>,
    pub lost_sight: bool,
}

impl HostView {
    pub fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Output {
    /// An output whose events go to `events`. The engine makes these; a test of a
    /// single step may too.
    pub fn new(events: mpsc::Sender<EventKind>, step: StepId, host: Option<Name>) -> Self {
        Self::seeing(events, step, host, Arc::default())
    }

    pub(super) fn seeing(
        events: mpsc::Sender<EventKind>,
        step: StepId,
        host: Option<Name>,
        view: Arc<HostView>,
    ) -> Self {
        Self { events, step, host, view, mask: Arc::default() }
    }

    /// The same output without these secrets.
    #[must_use]
    pub fn masked_by(mut self, mask: Arc<Mask>) -> Self {
        self.mask = mask;
        self
    }

    /// For a stream that is made lines of elsewhere, and where a secret may lie across
    /// a line that is cut.
    pub(super) fn mask(&self) -> &Mask {
        &self.mask
    }

    pub async fn line(&self, stream: Stream, text: impl Into<String>) {
        self.masked_line(stream, self.masked(text.into())).await;
    }

    async fn masked_line(&self, stream: Stream, text: String) {
        let (step, host) = (self.step, self.host.clone());
        self.send(EventKind::Output { step, host, stream, text }).await;
    }

    fn masked(&self, text: String) -> String {
        match self.mask.apply(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(masked) => masked,
        }
    }

    pub async fn note(&self, level: NoteLevel, text: impl Into<String>) {
        self.send(EventKind::Note { level, text: self.masked(text.into()) }).await;
    }

    /// Something else that happened in this step.
    pub async fn event(&self, what: EventKind) {
        self.send(what).await;
    }

    /// Reports what the host runs before this run changes it.
    pub async fn runs_now(&self, commit: Option<CommitId>) {
        let Some(host) = self.host.clone() else { return };
        self.view.change(|seen| seen.commit.clone_from(&commit));
        self.send(EventKind::Host { host, state: HostState::Waiting, commit }).await;
    }

    /// From now on nobody can say what happens on the host: its connection is
    /// gone, or what was started there could not be seen to end.
    pub fn lost_sight(&self) {
        self.view.change(|seen| seen.lost_sight = true);
    }

    /// Copies a stream line by line until it ends.
    pub async fn copy(&self, stream: Stream, from: impl AsyncRead + Unpin) -> std::io::Result<()> {
        self.copy_noting(stream, from, |_| {}).await
    }

    /// The same, and shows each line to `note` as well.
    pub async fn copy_noting(
        &self,
        stream: Stream,
        mut from: impl AsyncRead + Unpin,
        mut note: impl FnMut(&str),
    ) -> std::io::Result<()> {
        let (mut masker, mut splitter) = (Masker::default(), LineSplitter::default());
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let count = from.read(&mut buffer).await?;
            let mut lines = splitter.push(&masker.push(&self.mask, &buffer[..count]));
            if count == 0 {
                lines.extend(splitter.push(&masker.finish(&self.mask)));
                lines.extend(splitter.finish());
            }
            for line in lines {
                note(&line);
                self.masked_line(stream, line).await;
            }
            if count == 0 {
                return Ok(());
            }
        }
    }

    /// A closed queue means that the run has lost its lease; the engine then
    /// drops the step, so there is nobody to tell.
    async fn send(&self, event: EventKind) {
        let _ = self.events.send(event).await;
    }
}

/// Makes whole lines of bytes that arrive in any pieces. A line ends with LF or
/// CR LF. What a lone CR overwrites is dropped, as on a terminal, so that a
/// progress bar is one line. Bytes that are no UTF-8 become U+FFFD.
#[derive(Debug, Default)]
pub struct LineSplitter {
    line: Vec<u8>,
    /// Bytes of this line beyond the limit.
    dropped: usize,
    after_cr: bool,
}

impl LineSplitter {
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.after_cr && rest[0] != b'\n' {
                self.line.clear();
                self.dropped = 0;
            }
            self.after_cr = false;
            let end = rest.iter().position(|b| matches!(b, b'\n' | b'\r'));
            self.keep(&rest[..end.unwrap_or(rest.len())]);
            let Some(end) = end else { break };
            if rest[end] == b'\n' {
                lines.push(self.take());
            } else {
                self.after_cr = true;
            }
            rest = &rest[end + 1..];
        }
        lines
    }

    /// The last line, when the stream ended without a line end.
    pub fn finish(&mut self) -> Vec<String> {
        let nothing = self.line.is_empty() && self.dropped == 0;
        if nothing { Vec::new() } else { vec![self.take()] }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_LIMIT - self.line.len();
        let kept = bytes.len().min(room);
        self.line.extend_from_slice(&bytes[..kept]);
        self.dropped += bytes.len() - kept;
    }

    fn take(&mut self) -> String {
        self.after_cr = false;
        let line = std::mem::take(&mut self.line);
        let mut text = String::from_utf8_lossy(&line).into_owned();
        if self.dropped > 0 {
            text = format!("{text} […{} bytes cut]", self.dropped);
            self.dropped = 0;
        }
        text
    }
}
