//! A mail server that keeps what it is given, and a small reader of mails.
//! It can be down, refuse for now or for good, or never answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub struct SmtpSink {
    port: u16,
    shared: Arc<Shared>,
    /// The listener and all conversations; dropping it ends them.
    serving: Mutex<JoinSet<()>>,
}

struct Shared {
    mails: watch::Sender<Vec<Mail>>,
    behaviour: watch::Sender<Behaviour>,
    login: Mutex<Option<String>>,
    commands: Mutex<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    Accept,
    /// 451 to every letter.
    RefuseForNow,
    /// 550 to every letter.
    RefuseForGood,
    /// This code to these recipients; the others are accepted.
    RefuseRecipients {
        code: u16,
        containing: &'static str,
    },
    /// Connections are accepted, nothing is said until the behaviour changes.
    Hang,
}

impl SmtpSink {
    /// On the given port, or on a free one. Listens when this returns.
    pub async fn start(port: Option<u16>) -> Self {
        let shared = Arc::new(Shared {
            mails: watch::Sender::new(Vec::new()),
            behaviour: watch::Sender::new(Behaviour::Accept),
            login: Mutex::default(),
            commands: Mutex::default(),
        });
        let (port, serving) = listen(port.unwrap_or(0), shared.clone()).await;
        Self { port, shared, serving: Mutex::new(serving) }
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn behave(&self, behaviour: Behaviour) {
        self.shared.behaviour.send_replace(behaviour);
    }

    /// From now on letters are taken only after this login.
    pub fn require_login(&self, user: &str, password: &str) {
        *self.shared.login.lock().unwrap() = Some(STANDARD.encode(format!("\0{user}\0{password}")));
    }

    /// Connections are refused when this returns, and open ones are cut.
    pub async fn down(&self) {
        let mut serving = std::mem::take(&mut *self.serving.lock().unwrap());
        serving.shutdown().await;
    }

    pub async fn up(&self) {
        self.down().await;
        let (_, serving) = listen(self.port, self.shared.clone()).await;
        *self.serving.lock().unwrap() = serving;
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.shared.mails.borrow().clone()
    }

    /// Every command line that any client sent.
    pub fn commands(&self) -> Vec<String> {
        self.shared.commands.lock().unwrap().clone()
    }

    /// All mails, as soon as there are at least `n`.
    pub async fn wait_for(&self, n: usize) -> Vec<Mail> {
        let mut mails = self.shared.mails.subscribe();
        let enough = mails.wait_for(|mails| mails.len() >= n);
        let found = match tokio::time::timeout(Duration::from_mins(1), enough).await {
            Ok(found) => found.expect("the sink lives").clone(),
            Err(_) => Vec::new(),
        };
        if found.len() < n {
            let subjects: Vec<String> = self.mails().iter().map(Mail::subject).collect();
            panic!("waited for {n} mails, there are only {subjects:?}");
        }
        found
    }
}

async fn listen(port: u16, shared: Arc<Shared>) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port for mail");
    let port = listener.local_addr().expect("an address").port();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut conversations = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let shared = shared.clone();
            conversations.spawn(async move {
                // A client that goes away in the middle is no concern of the sink.
                let _ = converse(stream, &shared).await;
            });
        }
    });
    (port, serving)
}

async fn converse(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    let mut behaviour = shared.behaviour.subscribe();
    let (mut from, mut to, mut is_known) = (String::new(), Vec::new(), false);
    let mut reply = "220 sink ready".to_owned();
    loop {
        let behaviour = behaviour.wait_for(|now| *now != Behaviour::Hang).await.expect("it lives").clone();
        write.write_all(format!("{reply}\r\n").as_bytes()).await?;
        let mut line = String::new();
        if lines.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        shared.commands.lock().unwrap().push(line.to_owned());
        let login = shared.login.lock().unwrap().clone();
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        reply = match verb.as_str() {
            "EHLO" if login.is_some() => "250-sink\r\n250 AUTH PLAIN".to_owned(),
            "EHLO" => "250-sink\r\n250 8BITMIME".to_owned(),
            "HELO" => "250 sink".to_owned(),
            "AUTH" => {
                is_known = login.as_deref().is_some_and(|login| line.ends_with(login));
                if is_known { "235 welcome".to_owned() } else { "535 wrong user or password".to_owned() }
            }
            "MAIL" if login.is_some() && !is_known => "530 sign in first".to_owned(),
            "MAIL" => {
                (from, to) = (address(line), Vec::new());
                "250 ok".to_owned()
            }
            "RCPT" => match behaviour {
                Behaviour::RefuseRecipients { code, containing } if line.contains(containing) => {
                    format!("{code} not this one")
                }
                _ => {
                    to.push(address(line));
                    "250 ok".to_owned()
                }
            },
            "DATA" if to.is_empty() => "503 for whom?".to_owned(),
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let raw = read_letter(&mut lines).await?;
                match behaviour {
                    Behaviour::RefuseForNow => "451 try again later".to_owned(),
                    Behaviour::RefuseForGood => "550 never".to_owned(),
                    _ => {
                        let mail = Mail { from: from.clone(), to: std::mem::take(&mut to), raw };
                        shared.mails.send_modify(|mails| mails.push(mail));
                        "250 kept".to_owned()
                    }
                }
            }
            "RSET" => {
                to.clear();
                "250 ok".to_owned()
            }
            "NOOP" => "250 ok".to_owned(),
            "QUIT" => return write.write_all(b"221 bye\r\n").await,
            _ => "502 not known here".to_owned(),
        };
    }
}

fn address(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(inner, _)| inner).to_owned()
}

async fn read_letter(lines: &mut BufReader<tokio::net::tcp::OwnedReadHalf>) -> std::io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    loop {
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line).await?;
        if line.is_empty() || line == b".\r\n" {
            return Ok(raw);
        }
        raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

/// A mail as it came over the wire.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Of the envelope.
    pub from: String,
    pub to: Vec<String>,
    pub raw: Vec<u8>,
}

struct Part {
    /// Names in lower case, values unfolded.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Mail {
    pub fn subject(&self) -> String {
        self.header("subject").unwrap_or_default()
    }

    /// The decoded value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<String> {
        Part::parse(&self.raw).header(name).map(decode_words)
    }

    /// In lower case, in their order.
    pub fn header_names(&self) -> Vec<String> {
        Part::parse(&self.raw).headers.into_iter().map(|(name, _)| name).collect()
    }

    pub fn text(&self) -> String {
        self.first_of("text/plain")
    }

    pub fn html(&self) -> String {
        self.first_of("text/html")
    }

    /// Every URL of the text, in its order.
    pub fn links(&self) -> Vec<String> {
        let text = self.text();
        let words = text.split_whitespace();
        words
            .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
            .map(str::to_owned)
            .collect()
    }

    pub fn only_link(&self) -> String {
        let links = self.links();
        assert_eq!(links.len(), 1, "one link in:\n{}", self.text());
        links[0].clone()
    }

    pub fn attachment(&self, name: &str) -> Option<Vec<u8>> {
        self.attachments().into_iter().find(|(found, _)| found == name).map(|(_, bytes)| bytes)
    }

    /// File names and contents.
    pub fn attachments(&self) -> Vec<(String, Vec<u8>)> {
        let named = |part: Part| Some((part.file_name()?, part.decoded()));
        Part::parse(&self.raw).leaves().into_iter().filter_map(named).collect()
    }

    fn first_of(&self, kind: &str) -> String {
        let leaves = Part::parse(&self.raw).leaves();
        let part = leaves.into_iter().find(|part| part.kind() == kind && part.file_name().is_none());
        part.map_or_else(String::new, |part| String::from_utf8_lossy(&part.decoded()).replace("\r\n", "\n"))
    }
}

impl Part {
    fn parse(raw: &[u8]) -> Self {
        let end = find(raw, b"\r\n\r\n").unwrap_or(raw.len());
        let head = String::from_utf8_lossy(&raw[..end]).into_owned();
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in head.split("\r\n") {
            match (line.starts_with([' ', '\t']), line.split_once(':')) {
                (true, _) => {
                    if let Some((_, value)) = headers.last_mut() {
                        value.push(' ');
                        value.push_str(line.trim());
                    }
                }
                (false, Some((name, value))) => {
                    headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                }
                (false, None) => headers.push((line.to_owned(), String::new())),
            }
        }
        Self { headers, body: raw.get(end + 4..).unwrap_or_default().to_vec() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    fn kind(&self) -> String {
        let value = self.header("content-type").unwrap_or("text/plain");
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    fn file_name(&self) -> Option<String> {
        let disposition = self.header("content-disposition")?;
        // A long name comes in pieces: filename*0="…"; filename*1="…".
        let pieces = disposition.split(';').map(str::trim).filter(|piece| piece.starts_with("filename"));
        let values = pieces.filter_map(|piece| Some(piece.split_once('=')?.1.trim_matches('"')));
        let name: String = values.collect();
        if name.is_empty() { None } else { Some(name) }
    }

    /// The parts that are no multipart, in their order.
    fn leaves(self) -> Vec<Part> {
        if !self.kind().starts_with("multipart/") {
            return vec![self];
        }
        let value = self.header("content-type").unwrap_or_default();
        let (_, boundary) = value.split_once("boundary=").expect("a boundary");
        let boundary = boundary.split(';').next().unwrap_or_default().trim().trim_matches('"');
        let mark = format!("--{boundary}");
        let mut parts = Vec::new();
        let mut rest = self.body.as_slice();
        while let Some(start) = find(rest, mark.as_bytes()) {
            rest = &rest[start + mark.len()..];
            if rest.starts_with(b"--") {
                break;
            }
            let end = find(rest, format!("\r\n{mark}").as_bytes()).unwrap_or(rest.len());
            parts.extend(Part::parse(rest[..end].strip_prefix(b"\r\n").unwrap_or(&rest[..end])).leaves());
            rest = &rest[end..];
        }
        parts
    }

    fn decoded(&self) -> Vec<u8> {
        let encoding = self.header("content-transfer-encoding").unwrap_or("7bit").to_ascii_lowercase();
        match encoding.as_str() {
            "base64" => {
                let digits: Vec<u8> =
                    self.body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                STANDARD.decode(digits).expect("base64")
            }
            "quoted-printable" => unquote(&self.body),
            _ => self.body.clone(),
        }
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn unquote(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (byte, hex) {
            (b'=', Some("\r\n")) => rest = &after[2..],
            (b'=', Some(pair)) if u8::from_str_radix(pair, 16).is_ok() => {
                out.push(u8::from_str_radix(pair, 16).expect("two digits"));
                rest = &after[2..];
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    out
}

/// `=?utf-8?b?…?=` and `=?utf-8?q?…?=`; the space between two of them vanishes.
fn decode_words(value: &str) -> String {
    let (mut out, mut rest, mut after_word) = (String::new(), value, false);
    while let Some((before, word)) = rest.split_once("=?") {
        let mut fields = word.splitn(4, '?');
        let (Some(_), Some(kind), Some(text), Some(end)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            break;
        };
        let Some(end) = end.strip_prefix('=') else { break };
        if !(after_word && before.trim().is_empty()) {
            out.push_str(before);
        }
        let bytes = match kind {
            "b" | "B" => STANDARD.decode(text).expect("base64"),
            _ => unquote(text.replace('_', " ").as_bytes()),
        };
        out.push_str(&String::from_utf8_lossy(&bytes));
        (rest, after_word) = (end, true);
    }
    out + rest
}
