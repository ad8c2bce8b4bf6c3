//! One exchange over HAProxy's Runtime API: connect, send one line, read until it
//! closes. HAProxy closes after each line unless asked otherwise, so that an exchange
//! leaves nothing behind on either side.

use std::io;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::endpoint::Place;
use super::error::{BalancerError, plain_words};
use super::{ANSWER_LIMIT, Patience};
use crate::domain::balancer::{Level, Order, Reading, read_command, read_runtime, reply_words};

/// How HAProxy answers a command that is above the level of the socket.
const DENIED: &str = "Permission denied";

pub(super) enum Socket<'a> {
    Tcp { host: &'a str, port: u16 },
    Unix(&'a Path),
}

/// The socket of one endpoint.
pub(super) struct Runtime<'a> {
    pub socket: Socket<'a>,
    pub place: &'a Place,
    pub patience: Patience,
}

impl Runtime<'_> {
    pub async fn read(&self) -> Result<Reading, BalancerError> {
        let answer = self.exchange(read_command()).await?;
        read_runtime(&answer).map_err(|why| match reply_words(&answer) {
            Some(words) if words.starts_with(DENIED) => BalancerError::ReadOnlySocket(self.place.clone()),
            // Its own words say more than what is missing in them.
            Some(words) if words.len() <= 200 => {
                let why = format!("it says \"{}\"", plain_words(&words));
                BalancerError::Garbled { place: self.place.clone(), why }
            }
            _ => BalancerError::misread(self.place, &why),
        })
    }

    /// Whether orders are allowed here; told by what was read.
    pub fn check_may_act(&self, reading: &Reading) -> Result<(), BalancerError> {
        match reading.level() {
            Some(Level::Admin) => Ok(()),
            _ => Err(BalancerError::ReadOnlySocket(self.place.clone())),
        }
    }

    pub async fn order(&self, orders: &[Order<'_>]) -> Result<(), BalancerError> {
        for line in Order::lines(orders) {
            let answer = self.exchange(&line).await?;
            match reply_words(&answer) {
                None => {}
                Some(words) if words.starts_with(DENIED) => {
                    return Err(BalancerError::ReadOnlySocket(self.place.clone()));
                }
                Some(words) => {
                    let words = plain_words(&words);
                    return Err(BalancerError::Refused { place: self.place.clone(), words });
                }
            }
        }
        Ok(())
    }

    async fn exchange(&self, line: &str) -> Result<String, BalancerError> {
        let connecting = async {
            match self.socket {
                Socket::Tcp { host, port } => {
                    let stream = timeout(self.patience.connect, TcpStream::connect((host, port))).await;
                    self.connected(stream).map(Stream::Tcp)
                }
                Socket::Unix(path) => {
                    let stream = timeout(self.patience.connect, UnixStream::connect(path)).await;
                    self.connected(stream).map(Stream::Unix)
                }
            }
        };
        let talking = async {
            match connecting.await? {
                Stream::Tcp(stream) => self.talk(stream, line).await,
                Stream::Unix(stream) => self.talk(stream, line).await,
            }
        };
        match timeout(self.patience.answer, talking).await {
            Ok(answer) => answer,
            Err(_) => Err(BalancerError::TimedOut(self.place.clone())),
        }
    }

    fn connected<S>(
        &self,
        stream: Result<io::Result<S>, tokio::time::error::Elapsed>,
    ) -> Result<S, BalancerError> {
        match stream {
            Ok(stream) => stream.map_err(|problem| self.unreachable(&problem)),
            Err(_) => Err(BalancerError::TimedOut(self.place.clone())),
        }
    }

    async fn talk(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        line: &str,
    ) -> Result<String, BalancerError> {
        let sent = stream.write_all(format!("{line}\n").as_bytes()).await;
        sent.map_err(|problem| self.unreachable(&problem))?;
        let mut answer = Vec::new();
        let limit = u64::try_from(ANSWER_LIMIT).unwrap_or(u64::MAX);
        let read = stream.take(limit.saturating_add(1)).read_to_end(&mut answer).await;
        read.map_err(|problem| self.unreachable(&problem))?;
        if answer.len() > ANSWER_LIMIT {
            let why = "it is larger than 4 MB".to_owned();
            return Err(BalancerError::Garbled { place: self.place.clone(), why });
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn unreachable(&self, problem: &io::Error) -> BalancerError {
        let why = match problem.kind() {
            io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            io::ErrorKind::NotFound => "there is no such socket".to_owned(),
            io::ErrorKind::PermissionDenied => "this account may not use the socket".to_owned(),
            _ => plain_words(&problem.to_string()),
        };
        BalancerError::Unreachable { place: self.place.clone(), why }
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}
