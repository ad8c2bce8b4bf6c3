//! A real HAProxy on a loopback address: its Runtime API on TCP and on unix sockets,
//! its stats page, and frontends for HTTP and for bare TCP. It needs Debian's haproxy.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub const USER: &str = "deploy";
pub const PASSWORD: &str = "drain and fill";

/// Stops with its handle.
pub struct Haproxy {
    folder: PathBuf,
    ports: Ports,
    process: Child,
}

#[derive(Clone, Copy)]
struct Ports {
    runtime: u16,
    stats: u16,
    stats_without_admin: u16,
    http: u16,
    tcp: u16,
}

impl Haproxy {
    /// Starts one that keeps its things in `folder`. `backends` are sections of its
    /// configuration; HTTP goes to the backend `shop`, bare TCP to `chat`, which
    /// they must have.
    pub fn start(folder: &Path, backends: &str) -> Self {
        fs::create_dir_all(folder).unwrap();
        let mut said = String::new();
        // Between asking for a free port and taking it, another test may be faster.
        for _ in 0..5 {
            let [runtime, stats, stats_without_admin, http, tcp] = free_ports();
            let ports = Ports { runtime, stats, stats_without_admin, http, tcp };
            match run(folder, ports, backends) {
                Ok(process) => return Self { folder: folder.to_owned(), ports, process },
                Err(words) => said = words,
            }
        }
        panic!("haproxy does not start: {said}");
    }

    /// `tcp://127.0.0.1:PORT`, `level admin`.
    pub fn tcp(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.ports.runtime)
    }

    /// `unix:///…`, `level admin`.
    pub fn unix(&self) -> String {
        format!("unix://{}", self.folder.join("admin.sock").display())
    }

    /// `unix:///…`, `level operator`.
    pub fn unix_for_readers(&self) -> String {
        format!("unix://{}", self.folder.join("reader.sock").display())
    }

    /// The stats page of [`USER`] with [`PASSWORD`].
    pub fn stats(&self) -> String {
        format!("http://127.0.0.1:{}/haproxy?stats", self.ports.stats)
    }

    /// The same without `stats admin`.
    pub fn stats_for_readers(&self) -> String {
        format!("http://127.0.0.1:{}/haproxy?stats", self.ports.stats_without_admin)
    }

    /// Where visitors of the backend `shop` connect.
    pub fn http(&self) -> (&'static str, u16) {
        ("127.0.0.1", self.ports.http)
    }

    /// Where visitors of the backend `chat` connect.
    pub fn bare_tcp(&self) -> (&'static str, u16) {
        ("127.0.0.1", self.ports.tcp)
    }

    /// Refuses connections when this returns.
    pub fn stop(&mut self) {
        // TERM: the master takes its worker along. With KILL the worker would notice later.
        let id = self.process.id().to_string();
        let _ =
            Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &id]).stderr(Stdio::null()).status();
        let _ = self.process.wait();
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        self.stop();
    }
}

/// All at once, so that no two are the same.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Serves when this returns; an error says what HAProxy said before it ended.
fn run(folder: &Path, ports: Ports, backends: &str) -> Result<Child, String> {
    let Ports { runtime, stats, stats_without_admin, http, tcp } = ports;
    let here = folder.display();
    let page = format!(
        "stats enable\n stats uri /haproxy?stats\n stats auth {USER}:{}",
        PASSWORD.replace(' ', "\\ ")
    );
    let config = format!(
        "global\n nbthread 1\n maxconn 1000\n\
         \x20stats socket ipv4@127.0.0.1:{runtime} level admin\n\
         \x20stats socket {here}/admin.sock level admin\n\
         \x20stats socket {here}/reader.sock level operator\n\
         defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n\
         frontend visitors\n bind 127.0.0.1:{http}\n default_backend shop\n\
         frontend callers\n mode tcp\n bind 127.0.0.1:{tcp}\n default_backend chat\n\
         frontend page\n bind 127.0.0.1:{stats}\n {page}\n stats admin if TRUE\n\
         frontend page-for-readers\n bind 127.0.0.1:{stats_without_admin}\n {page}\n\
         {backends}\n"
    );
    fs::write(folder.join("haproxy.cfg"), config).unwrap();
    // It says READY=1 there when it serves, as a service of systemd does.
    let told = folder.join("notify.sock");
    let _ = fs::remove_file(&told);
    let notify = UnixDatagram::bind(&told).unwrap();
    notify.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut process = Command::new("/usr/sbin/haproxy")
        .args(["-Ws", "-f"])
        .arg(folder.join("haproxy.cfg"))
        .env("NOTIFY_SOCKET", &told)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .expect("haproxy is needed");
    let mut word = [0; 256];
    loop {
        let length = notify.recv(&mut word).unwrap_or(0);
        if String::from_utf8_lossy(&word[..length]).contains("READY=1") {
            return Ok(process);
        }
        if process.try_wait().unwrap().is_some() {
            let mut said = String::new();
            fs::File::open(folder.join("log")).unwrap().read_to_string(&mut said).unwrap();
            return Err(said);
        }
    }
}
