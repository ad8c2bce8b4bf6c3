//! Commands through a live connection: asked and answered, or streamed while
//! they run.

use std::time::Duration;

use openssh::{Child, Session, Stdio};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::commands::END_MARK;
use super::connection::Connection;
use super::words::{self, Failure};
use crate::domain::event::Stream;
use crate::domain::mask::Masker;
use crate::runner::output::{LineSplitter, Output};

/// An answer longer than this is none that any of our commands gives.
const ANSWER_LIMIT: u64 = 64 * 1024 * 1024;

/// 10 s from TERM to KILL on the host, and the way there and back.
const STOP_LIMIT: Duration = Duration::from_secs(15);

pub struct Answer {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// Why a command gave no answer.
#[derive(Debug)]
pub enum Stopped {
    Cancelled,
    Failed(Failure),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Stopped::Failed(failure)
    }
}

impl Connection {
    /// Runs a short command that only reads, or changes all at once.
    pub async fn ask(
        &self,
        command: &str,
        input: &[u8],
        cancel: &CancellationToken,
    ) -> Result<Answer, Stopped> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Stopped::Cancelled),
            answer = self.answer(command, input) => Ok(answer?),
        }
    }

    async fn answer(&self, command: &str, input: &[u8]) -> Result<Answer, Failure> {
        let (mut child, _slot) = self.start(command).await?;
        let (stdin, stdout, stderr) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
        let send = async {
            if let Some(mut stdin) = stdin {
                // A command that ends without reading all says why by its exit code.
                let _ = stdin.write_all(input).await;
            }
        };
        let ((), stdout, stderr) = tokio::join!(send, read_all(stdout), read_all(stderr));
        let code = self.exit_code(child).await?;
        Ok(Answer { code, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
    }

    /// Runs a script of the release (see `commands::SCRIPT`) and gives its exit code.
    /// On cancellation its lifeline is cut, and its end is awaited.
    pub async fn run_script(
        &self,
        command: &str,
        out: &Output,
        cancel: &CancellationToken,
    ) -> Result<i32, Stopped> {
        let (mut child, _slot) = self.start(command).await?;
        let lifeline = child.stdin().take();
        let (stdout, stderr) = (child.stdout().take(), child.stderr().take());
        let run = async {
            tokio::join!(
                copy_until_mark(out, Stream::Stdout, stdout),
                copy_until_mark(out, Stream::Stderr, stderr)
            );
            self.exit_code(child).await
        };
        tokio::pin!(run);
        tokio::select! {
            biased;
            code = &mut run => return Ok(code?),
            () = cancel.cancelled() => drop(lifeline),
        }
        match timeout(STOP_LIMIT, run).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => out.lost_sight(),
        }
        Err(Stopped::Cancelled)
    }

    async fn start(&self, command: &str) -> Result<(Child<&Session>, SemaphorePermit<'_>), Failure> {
        let slot = self.slots.acquire().await.map_err(|_| words::connection_lost())?;
        let spawned = self
            .session
            .raw_command(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .await;
        let child = match spawned {
            Ok(child) => child,
            Err(_) if self.session.check().await.is_ok() => return Err(words::no_session()),
            Err(_) => return Err(words::connection_lost()),
        };
        Ok((child, slot))
    }

    /// To be called only after both streams have ended: waiting ends the session,
    /// and what was still under way in it would be lost.
    async fn exit_code(&self, child: Child<&Session>) -> Result<i32, Failure> {
        match child.wait().await {
            Ok(status) => Ok(status.code().unwrap_or(255)),
            // The crate's reading of exit code 127.
            Err(openssh::Error::Remote(_)) => Ok(127),
            Err(_) if self.session.check().await.is_ok() => {
                Err(Failure::from("the command was killed on the host".to_owned()))
            }
            Err(_) => Err(words::connection_lost()),
        }
    }
}

async fn read_all(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        let _ = from.take(ANSWER_LIMIT).read_to_end(&mut bytes).await;
    }
    bytes
}

async fn copy_until_mark(out: &Output, stream: Stream, from: Option<impl AsyncRead + Unpin>) {
    let Some(mut from) = from else { return };
    let (mut masker, mut splitter) = (Masker::default(), LineSplitter::default());
    let mut until = UntilMark::default();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).await.unwrap_or(0);
        let ended = if count == 0 { until.give_up() } else { until.push(&buffer[..count]) };
        let mut lines = splitter.push(&masker.push(out.mask(), &until.ready));
        until.ready.clear();
        if ended {
            lines.extend(splitter.push(&masker.finish(out.mask())));
            lines.extend(splitter.finish());
        }
        for line in lines {
            out.line(stream, line).await;
        }
        if ended {
            break;
        }
    }
}

/// Lets bytes through until the end mark, holding back only what may be its beginning.
#[derive(Debug, Default)]
pub(crate) struct UntilMark {
    pub(crate) ready: Vec<u8>,
    held: Vec<u8>,
}

impl UntilMark {
    /// Whether the mark was found.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> bool {
        self.held.extend_from_slice(bytes);
        if let Some(at) = self.held.windows(END_MARK.len()).position(|window| window == END_MARK) {
            self.ready.extend_from_slice(&self.held[..at]);
            self.held.clear();
            return true;
        }
        let longest = (END_MARK.len() - 1).min(self.held.len());
        let begun = (1..=longest).rev().find(|&length| self.held.ends_with(&END_MARK[..length]));
        let safe = self.held.len() - begun.unwrap_or(0);
        self.ready.extend(self.held.drain(..safe));
        false
    }

    /// The stream ended without a mark.
    fn give_up(&mut self) -> bool {
        self.ready.append(&mut self.held);
        true
    }
}
