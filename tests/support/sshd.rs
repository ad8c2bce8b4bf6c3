//! A real sshd on a loopback address, with its own keys, for the current user.
//!
//! Each one is "a host": several on 127.0.1.x stand for several servers. An
//! environment has one target path for all its servers, so each host sees a folder
//! of its own at the same path, by a bind mount of bubblewrap's. It needs Debian's
//! openssh-server and bubblewrap, as root or as a plain user.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Stops listening with its handle.
pub struct Sshd {
    folder: PathBuf,
    shared: PathBuf,
    host: String,
    port: u16,
    host_key: String,
    daemon: Child,
}

impl Sshd {
    /// Starts a host on `host` (`127.0.1.1`) that keeps its things in `folder` and
    /// lets in who has the key of `authorized` (a `.pub` file). Its sessions see
    /// `folder/files` at `shared`, an existing folder.
    pub fn start(folder: &Path, shared: &Path, host: &str, authorized: &Path) -> Self {
        fs::create_dir_all(folder.join("files")).unwrap();
        fs::copy(authorized, folder.join("authorized_keys")).unwrap();
        // sshd refuses to start as root without its empty folder, which Debian makes at boot.
        if user() == "root" {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let host_key = new_host_key(folder);
        // Between asking for a free port and taking it, another test may be faster.
        let (port, daemon) = (0..5)
            .find_map(|_| {
                let port = free_port(host);
                run_daemon(folder, shared, host, port).ok().map(|daemon| (port, daemon))
            })
            .expect("sshd does not start");
        let (folder, shared, host) = (folder.to_owned(), shared.to_owned(), host.to_owned());
        Self { folder, shared, host, port, host_key, daemon }
    }

    /// What the host's sessions see at the shared path.
    pub fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `ssh-ed25519 AAAA…`, as a fleet file pins it.
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// What the daemon and its sessions logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Stops, and comes back at the same address with another key, like a host
    /// that was replaced or an attacker in between.
    pub fn swap_host_key(&mut self) {
        self.stop();
        self.host_key = new_host_key(&self.folder);
        self.daemon = run_daemon(&self.folder, &self.shared, &self.host, self.port).unwrap();
    }

    /// Breaks the connections that this process has to the host, by ending the `ssh`
    /// programs that hold them; neither side gets a word of farewell.
    pub fn cut_connections(&self) {
        let port = format!("\0-p\0{}\0", self.port);
        for process in children_of(std::process::id()) {
            let words = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
            if words.starts_with("ssh\0") && words.contains(&port) {
                kill(process);
            }
        }
    }

    /// The connections that there are stay open, and nothing is answered on them any
    /// more, until somebody lets it go on: like a host that hangs.
    pub fn freeze(&self, is_frozen: bool) {
        let signal = if is_frozen { "-STOP" } else { "-CONT" };
        for session in descendants_of(self.listener()) {
            let id = session.to_string();
            let _ = Command::new("kill").args([signal, &id]).stderr(Stdio::null()).status();
        }
    }

    /// Every session dies without a word, like the network between.
    pub fn kill_sessions(&self) {
        for session in children_of(self.listener()) {
            kill(session);
        }
    }

    /// bubblewrap may stay as the parent of what it starts.
    fn listener(&self) -> u32 {
        let id = self.daemon.id();
        let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        if name.trim() == "sshd" { id } else { children_of(id).first().copied().unwrap_or(id) }
    }

    /// Comes back at the same address with a disk of so many bytes where its files were.
    pub fn shrink(&mut self, bytes: u64) {
        self.stop();
        let disk = ["--size".to_owned(), bytes.to_string(), "--tmpfs".to_owned()];
        self.daemon = run_daemon_on(&disk, &self.folder, &self.shared, &self.host, self.port).unwrap();
    }

    /// From now on the port refuses connections.
    pub fn stop(&mut self) {
        kill(self.listener());
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes a key pair `folder/id` and `folder/id.pub`; gives the private key's path.
pub fn new_identity(folder: &Path) -> PathBuf {
    let path = folder.join("id");
    keygen(&path);
    path
}

/// Who a client has to log in as: the user who runs the hosts.
pub fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn new_host_key(folder: &Path) -> String {
    let path = folder.join("host_key");
    let _ = fs::remove_file(&path);
    keygen(&path);
    let line = fs::read_to_string(path.with_extension("pub")).unwrap();
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn keygen(path: &Path) {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "ssh-keygen failed");
}

fn children_of(parent: u32) -> Vec<u32> {
    let line = format!("PPid:\t{parent}\n");
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let children = processes.filter(|process| {
        fs::read_to_string(process.path().join("status")).is_ok_and(|status| status.contains(&line))
    });
    children.filter_map(|child| child.file_name().to_str()?.parse().ok()).collect()
}

fn descendants_of(parent: u32) -> Vec<u32> {
    let children = children_of(parent);
    children.iter().flat_map(|child| [vec![*child], descendants_of(*child)].concat()).collect()
}

fn kill(process: u32) {
    let id = process.to_string();
    let _ = Command::new("sh").args(["-c", "kill -KILL \"$1\"", "sh", &id]).stderr(Stdio::null()).status();
}

fn free_port(host: &str) -> u16 {
    TcpListener::bind((host, 0)).unwrap().local_addr().unwrap().port()
}

/// An error says what sshd said before it ended.
fn run_daemon(folder: &Path, shared: &Path, host: &str, port: u16) -> Result<Child, String> {
    let disk = ["--bind".to_owned(), folder.join("files").display().to_string()];
    run_daemon_on(&disk, folder, shared, host, port)
}

/// `disk` are the words of bubblewrap that put something at the shared path.
fn run_daemon_on(
    disk: &[String],
    folder: &Path,
    shared: &Path,
    host: &str,
    port: u16,
) -> Result<Child, String> {
    let config = folder.join("sshd_config");
    let folder_text = folder.display();
    // HOME: what somebody has in their .bashrc is slow, prints, or waits for a lock.
    let text = format!(
        "ListenAddress {host}:{port}\n\
         HostKey \"{folder_text}/host_key\"\n\
         AuthorizedKeysFile \"{folder_text}/authorized_keys\"\n\
         PidFile none\n\
         UsePAM no\n\
         SetEnv \"HOME={folder_text}\"\n\
         StrictModes no\n\
         PermitRootLogin prohibit-password\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         MaxStartups 100\n\
         LogLevel INFO\n"
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new("bwrap");
    command.args(["--dev-bind", "/", "/"]).args(disk).arg(shared);
    if user() == "root" {
        // To become the user who logs in.
        command.args(["--cap-add", "ALL"]);
    }
    // By absolute path, because sshd starts itself again for each connection. With -D
    // it stays our child, and with -e it says on a pipe that it listens.
    let mut daemon = command
        .args(["--", "/usr/sbin/sshd", "-D", "-e", "-f"])
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bwrap (bubblewrap) is needed");
    let mut lines = BufReader::new(daemon.stderr.take().unwrap()).lines();
    let mut said = String::new();
    while !said.contains("Server listening") {
        let Some(Ok(line)) = lines.next() else {
            let _ = daemon.wait();
            return Err(said);
        };
        said.push_str(&line);
    }
    let mut log = fs::File::create(folder.join("log")).unwrap();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let _ = writeln!(log, "{line}");
        }
    });
    Ok(daemon)
}
