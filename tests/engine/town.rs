//! The whole service before a real HAProxy: clusters of hosts, each with a small web
//! server that answers with what was deployed there, and visitors.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::balancer::Balancers;
use crate::db;
use crate::domain::balancer::{Admin, Member, ProxyName};
use crate::domain::git_release::FILE_NAME;
use crate::tests::balancer::world::{Visit, edge, name, runtime};
use crate::tests::harness::{Service, World, production};
use crate::tests::support::haproxy::Haproxy;

const CLUSTERS: [&str; 3] = ["blue", "green", "red"];

pub struct Town {
    pub service: Service,
    pub haproxy: Haproxy,
    sites: Vec<Site>,
    _folder: TempDir,
}

impl Town {
    /// Clusters `blue`, `green`, `red` of so many hosts each, all in the backend `shop`
    /// of `edge`. Nothing is approved or deployed yet.
    pub async fn of(hosts_in: &[usize], edit: impl FnOnce(&mut Value) + Send + 'static) -> Self {
        let hosts = hosts_in.iter().sum();
        let folder = tempfile::Builder::new().prefix("cs").tempdir().unwrap();
        let mut sites = Vec::with_capacity(hosts);
        for number in 1..=hosts {
            sites.push(Site::start(number).await);
        }
        let server =
            |number: usize| format!(" server WEB-{number} 127.0.1.{number}:{}\n", sites[number - 1].port);
        let servers = (1..=hosts).map(server).collect::<Vec<_>>().concat();
        let checks = "option httpchk GET /health\n default-server check inter 500ms fastinter 50ms downinter 50ms fall 2 rise 1";
        let haproxy = Haproxy::start(
            &folder.path().join("haproxy"),
            &format!("backend shop\n balance roundrobin\n {checks}\n{servers}backend chat\n mode tcp\n"),
        );
        let (endpoint, hosts_in) = (haproxy.tcp(), hosts_in.to_vec());
        let edit_fleet = move |fleet: &mut Value| {
            let mut numbers = 1..;
            let clusters = CLUSTERS.iter().zip(hosts_in).map(|(cluster, size)| {
                let servers: Vec<Value> =
                    numbers.by_ref().take(size).map(|n| json!({ "server": format!("web-{n}") })).collect();
                json!({ "name": cluster, "load_balancer": "edge", "backend": "shop", "servers": servers })
            });
            let clusters: Vec<Value> = clusters.collect();
            let names: Vec<Value> = clusters.iter().map(|cluster| cluster["name"].clone()).collect();
            fleet["load_balancers"] = json!([{ "name": "edge", "endpoints": [endpoint] }]);
            fleet["clusters"] = json!(clusters);
            production(fleet)["clusters"] = json!(names);
            production(fleet)["approval"]["required"] = json!(0);
            edit(fleet);
        };
        let service =
            Service::start_in(World { hosts, edit_fleet: Box::new(edit_fleet), ..World::default() }).await;
        for (site, host) in sites.iter().zip(&service.hosts) {
            site.root.set(host.files().join("shop")).unwrap();
        }
        Self { service, haproxy, sites, _folder: folder }
    }

    /// The same with v1.0 on every host.
    pub async fn with_first_release(
        hosts_in: &[usize],
        edit: impl FnOnce(&mut Value) + Send + 'static,
    ) -> Self {
        let town = Self::of(hosts_in, edit).await;
        town.service.succeeds("v1.0").await;
        town
    }

    /// The load balancer as the operators of it know it.
    pub fn balancers(&self) -> Balancers {
        edge([runtime(&self.haproxy.tcp())])
    }

    /// What HAProxy was told of each server, in the order of their numbers.
    pub async fn admin(&self) -> Vec<Admin> {
        let members: Vec<Member> = (1..=self.sites.len()).map(member).collect();
        let states = self.balancers().states(&members).await.unwrap();
        states.into_iter().map(|seen| seen.state.admin).collect()
    }

    /// The servers that the record says a deployment took out.
    pub async fn out(&self) -> Vec<String> {
        let rows = db::out_of_service::list(&self.service.app.db).await.unwrap();
        let mut names: Vec<String> = rows.into_iter().map(|row| row.member.server.to_string()).collect();
        names.sort();
        names
    }

    pub fn visitors(&self, old: &'static str, new: &'static str) -> Traffic {
        Traffic::start(self.haproxy.http(), old, new)
    }

    pub fn version_on(&self, number: usize) -> String {
        let bytes = self.service.on_host(number, "version").unwrap_or_default();
        String::from_utf8(bytes).unwrap().trim().to_owned()
    }
}

pub fn member(number: usize) -> Member {
    Member {
        balancer: name("edge"),
        backend: ProxyName::parse("shop").unwrap(),
        backend_server: ProxyName::parse(&format!("WEB-{number}")).unwrap(),
        server: name(&format!("web-{number}")),
    }
}

/// The web server of a host. It answers with the version in the target folder, and
/// with an error while the folder is being changed.
struct Site {
    port: u16,
    root: Arc<OnceLock<PathBuf>>,
    task: JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Site {
    async fn start(number: usize) -> Self {
        let listener = TcpListener::bind((format!("127.0.1.{number}"), 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let root: Arc<OnceLock<PathBuf>> = Arc::default();
        let of_task = Arc::clone(&root);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&of_task)));
            }
        });
        Self { port, root, task }
    }
}

async fn serve(stream: TcpStream, root: Arc<OnceLock<PathBuf>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let (mut first, mut line) = (String::new(), String::new());
        if stream.read_line(&mut first).await? == 0 {
            return Ok(());
        }
        while line.trim() != "" || line.is_empty() {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
        }
        let read = |file: &str| {
            let path = root.get().map(|root| root.join(file));
            path.and_then(|path| std::fs::read_to_string(path).ok())
        };
        let is_changing = || read(FILE_NAME).is_none_or(|text| text.ends_with("in progress\n"));
        let (status, body) = if first.starts_with("GET /health") {
            if read("sick").is_some() { (503, "sick".to_owned()) } else { (200, "fine".to_owned()) }
        } else {
            match read("version") {
                Some(version) if !is_changing() => (200, version.trim().to_owned()),
                _ => (500, "being changed".to_owned()),
            }
        };
        let answer = format!("HTTP/1.1 {status} .\r\ncontent-length: {}\r\n\r\n{body}\n", body.len() + 1);
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// Visitors who ask again and again, half of them on connections that they keep.
pub struct Traffic {
    seen: Arc<Mutex<Seen>>,
    count: watch::Receiver<u64>,
    stop: CancellationToken,
    visitors: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
pub struct Seen {
    pub versions: BTreeSet<String>,
    pub failures: Vec<String>,
    /// Requests that began after somebody had got the new version, and got the old one.
    pub back_in_time: u64,
    is_new: bool,
}

const VISITORS: usize = 6;

impl Traffic {
    fn start(address: (&'static str, u16), old: &'static str, new: &'static str) -> Self {
        let (seen, stop) = (Arc::new(Mutex::new(Seen::default())), CancellationToken::new());
        let (counter, count) = watch::channel(0);
        let counter = Arc::new(counter);
        let visitor = |number: usize| {
            let (seen, stop, counter) = (Arc::clone(&seen), stop.clone(), Arc::clone(&counter));
            tokio::spawn(async move {
                let mut kept = None;
                while !stop.is_cancelled() {
                    let began_new = seen.lock().unwrap().is_new;
                    let answer = visit(address, &mut kept, number.is_multiple_of(2)).await;
                    {
                        let mut seen = seen.lock().unwrap();
                        match answer {
                            Ok(version) => {
                                seen.back_in_time += u64::from(began_new && version == old);
                                seen.is_new |= version == new;
                                seen.versions.insert(version);
                            }
                            Err(error) => seen.failures.push(error.to_string()),
                        }
                    }
                    counter.send_modify(|count| *count += 1);
                }
            })
        };
        let visitors = (0..VISITORS).map(visitor).collect();
        Self { seen, count, stop, visitors }
    }

    /// Lets so many more requests be answered.
    pub async fn more(&mut self, requests: u64) {
        let wanted = *self.count.borrow() + requests;
        self.count.wait_for(|count| *count >= wanted).await.unwrap();
    }

    /// The versions that were answered since this was asked last.
    pub fn versions(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap().versions).into_iter().collect()
    }

    pub async fn end(self) -> Seen {
        self.stop.cancel();
        for visitor in self.visitors {
            visitor.await.unwrap();
        }
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

async fn visit(address: (&str, u16), kept: &mut Option<Visit>, keeps: bool) -> std::io::Result<String> {
    let mut visit = match kept.take() {
        Some(visit) => visit,
        None => Visit::to(address).await?,
    };
    let version = visit.get("/").await?;
    if keeps {
        *kept = Some(visit);
    }
    Ok(version)
}
