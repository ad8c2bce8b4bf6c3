//! A real HAProxy with servers behind it that say their name, and visitors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::balancer::{Balancers, Endpoint};
use crate::domain::balancer::{Member, ProxyName};
use crate::domain::fleet;
use crate::domain::name::Name;
use crate::tests::support::haproxy::{Haproxy, PASSWORD, USER};

/// For whatever comes without a doubt; only a defect waits that long.
pub const LONG: Duration = Duration::from_secs(20);
/// For what never comes.
pub const SHORT: Duration = Duration::from_millis(300);

/// How the same HAProxy is spoken with.
#[derive(Debug, Clone, Copy)]
pub enum By {
    Tcp,
    Unix,
    Stats,
}

pub struct World {
    pub folder: TempDir,
    pub haproxy: Haproxy,
    /// Answers HTTP for `shop/OLD` and bare TCP for `chat/OLD`.
    pub old: Site,
    pub new: Site,
}

impl World {
    /// `shop` and `chat` both have `OLD` and `NEW`; `shop` also has `GONE`, where
    /// nobody listens. `chat` is not checked.
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let (old, new) = (Site::start("OLD").await, Site::start("NEW").await);
        let haproxy = Haproxy::start(&folder.path().join("one"), &backends(old.port, new.port));
        Self { folder, haproxy, old, new }
    }

    /// A second process before the same servers.
    pub fn second(&self) -> Haproxy {
        Haproxy::start(&self.folder.path().join("two"), &backends(self.old.port, self.new.port))
    }

    pub fn by(&self, by: By) -> Balancers {
        edge([match by {
            By::Tcp => runtime(&self.haproxy.tcp()),
            By::Unix => runtime(&self.haproxy.unix()),
            By::Stats => stats(&self.haproxy.stats(), PASSWORD),
        }])
    }
}

fn backends(old: u16, new: u16) -> String {
    // A port of nobody: bound and given up again.
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    // `inter` is also how long a check may take, so it must not be tight.
    format!(
        "backend shop\n default-server check inter 500ms fastinter 50ms downinter 50ms fall 2 rise 1\n\
         \x20server OLD 127.0.0.1:{old}\n server NEW 127.0.0.1:{new}\n server GONE 127.0.0.1:{gone}\n\
         backend chat\n mode tcp\n server OLD 127.0.0.1:{old}\n server NEW 127.0.0.1:{new}\n"
    )
}

/// The load balancer `edge` of these endpoints.
pub fn edge<const N: usize>(endpoints: [Endpoint; N]) -> Balancers {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Balancers::new(BTreeMap::from([(name("edge"), endpoints.into())])).unwrap()
}

pub fn runtime(text: &str) -> Endpoint {
    Endpoint::of(&fleet::Endpoint::Runtime(text.to_owned()), None).unwrap()
}

pub fn stats(url: &str, password: &str) -> Endpoint {
    let page = fleet::StatsPage { url: url.to_owned(), user: USER.to_owned(), password: "env:X".to_owned() };
    Endpoint::of(&fleet::Endpoint::Stats(page), Some(SecretString::from(password))).unwrap()
}

pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// `shop/OLD` of the load balancer `edge`; the fleet's name is the same in lower case.
pub fn member(text: &str) -> Member {
    let (backend, server) = text.split_once('/').unwrap();
    Member {
        balancer: name("edge"),
        backend: ProxyName::parse(backend).unwrap(),
        backend_server: ProxyName::parse(server).unwrap(),
        server: name(&server.to_lowercase()),
    }
}

/// A server behind the load balancer: says its name to every request and every line.
pub struct Site {
    pub port: u16,
    /// Requests for `/hold` end when this becomes true.
    pub release: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Site {
    pub async fn start(says: &'static str) -> Self {
        Self::at(says, 0).await
    }

    pub async fn at(says: &'static str, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (release, held) = watch::channel(false);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, says, held.clone()));
            }
        });
        Self { port, release, task }
    }
}

async fn serve(
    stream: TcpStream,
    says: &'static str,
    mut held: watch::Receiver<bool>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if !line.contains("HTTP/1.1") {
            stream.write_all(format!("{says}\n").as_bytes()).await?;
            continue;
        }
        let holds = line.starts_with("GET /hold");
        while line.trim() != "" {
            line.clear();
            stream.read_line(&mut line).await?;
        }
        let start = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", says.len() + 1, &says[..1]);
        stream.write_all(start.as_bytes()).await?;
        if holds {
            let _ = held.wait_for(|released| *released).await;
        }
        stream.write_all(format!("{}\n", &says[1..]).as_bytes()).await?;
    }
}

/// A connection through the load balancer.
pub struct Visit(BufReader<TcpStream>);

impl Visit {
    pub async fn to(address: (&str, u16)) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// A line to `chat`; who answered.
    pub async fn says(&mut self) -> String {
        self.0.write_all(b"hello\n").await.unwrap();
        self.line().await.unwrap()
    }

    /// A request to `shop`; who answered.
    pub async fn get(&mut self, path: &str) -> std::io::Result<String> {
        self.ask(path).await?;
        self.line().await
    }

    /// Sends a request and reads the head and the first byte of the answer.
    pub async fn ask(&mut self, path: &str) -> std::io::Result<()> {
        self.0.write_all(format!("GET {path} HTTP/1.1\r\nhost: shop\r\n\r\n").as_bytes()).await?;
        let status = self.line().await?;
        if !status.starts_with("HTTP/1.1 200") {
            return Err(std::io::Error::other(status));
        }
        while !self.line().await?.is_empty() {}
        self.0.fill_buf().await?;
        Ok(())
    }

    pub async fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim().to_owned()),
        }
    }
}

/// Visitors who ask again and again, on kept connections and on new ones.
pub struct Traffic {
    seen: Arc<Mutex<Seen>>,
    /// How many requests each visitor has made.
    counts: watch::Receiver<[u64; VISITORS]>,
    stop: CancellationToken,
    visitors: Vec<JoinHandle<()>>,
}

const VISITORS: usize = 4;

#[derive(Default)]
struct Seen {
    by: BTreeSet<String>,
    failures: Vec<String>,
}

impl Traffic {
    pub fn start(address: (&'static str, u16)) -> Self {
        let (seen, stop) = (Arc::new(Mutex::new(Seen::default())), CancellationToken::new());
        let (count, counts) = watch::channel([0; VISITORS]);
        let count = Arc::new(count);
        let visitor = |number: usize| {
            let (seen, stop, count) = (seen.clone(), stop.clone(), count.clone());
            tokio::spawn(async move {
                let mut kept = None;
                while !stop.is_cancelled() {
                    let answer = visit_once(address, &mut kept, number.is_multiple_of(2)).await;
                    {
                        let mut seen = seen.lock().unwrap();
                        match answer {
                            Ok(by) => drop(seen.by.insert(by)),
                            Err(problem) => seen.failures.push(problem.to_string()),
                        }
                    }
                    count.send_modify(|count| count[number] += 1);
                }
            })
        };
        let visitors = (0..VISITORS).map(visitor).collect();
        Self { seen, counts, stop, visitors }
    }

    /// Who answers from now on, over twenty requests more of each visitor.
    pub async fn answered_by(&mut self) -> Vec<String> {
        // Those on their way began before.
        self.requests(1).await;
        self.seen.lock().unwrap().by.clear();
        self.requests(20).await;
        self.seen.lock().unwrap().by.iter().cloned().collect()
    }

    async fn requests(&mut self, more: u64) {
        let wanted = self.counts.borrow_and_update().map(|count| count + more);
        let reached =
            |counts: &[u64; VISITORS]| counts.iter().zip(wanted).all(|(count, wanted)| *count >= wanted);
        self.counts.wait_for(reached).await.unwrap();
    }

    /// What failed, over the whole time.
    pub async fn end(self) -> Vec<String> {
        self.stop.cancel();
        for visitor in self.visitors {
            visitor.await.unwrap();
        }
        let seen = self.seen.lock().unwrap();
        seen.failures.clone()
    }
}

async fn visit_once(address: (&str, u16), kept: &mut Option<Visit>, keeps: bool) -> std::io::Result<String> {
    let mut visit = match kept.take() {
        Some(visit) => visit,
        None => Visit::to(address).await?,
    };
    let by = visit.get("/").await?;
    if keeps {
        *kept = Some(visit);
    }
    Ok(by)
}
