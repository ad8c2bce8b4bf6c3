//! A few real hosts, a tree to deploy and a journal, in a temporary folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::config;
use crate::domain::deployment::DeploymentState;
use crate::domain::event::{EventKind, HostState, StepOutcome, Stream};
use crate::domain::fleet::{Layout, Method, Strategy};
use crate::domain::manifest::{Entry, EntryKind, Manifest};
use crate::domain::name::{CommitId, Name};
use crate::domain::plan::{ClusterFacts, HostFacts, Plan, RunFacts, plan};
use crate::domain::scope::Scope;
use crate::runner::engine::{Control, RunOutcome, Sink, SinkLost, control, run};
use crate::runner::executor::skipped;
use crate::runner::local::sandbox::{Private, Sandbox};
use crate::runner::output::Output;
use crate::runner::ssh::build::Workshop;
use crate::runner::ssh::connection::SshSettings;
use crate::runner::ssh::{Prepare, SshExecutor, Tree};
use crate::tests::support::sshd::{Sshd, new_identity, user};

pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A run that nobody steers.
pub fn uncontrolled() -> Control {
    control().0
}

/// A commit id of one repeated digit.
pub fn commit(digit: char) -> CommitId {
    CommitId::parse(&digit.to_string().repeat(40)).unwrap()
}

/// Somebody's public key.
pub fn key() -> &'static str {
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIPFphaLURjRrpx6Sns+YmVg/dJPXYQTIrTzl7jRZH0h"
}

pub fn facts(target_path: &str) -> RunFacts {
    RunFacts {
        deployment: 7,
        built_by: 7,
        servers: Vec::new(),
        out_of_service: Vec::new(),
        application: name("shop"),
        environment: name("production"),
        release: "v1.2".to_owned(),
        commit: commit('a'),
        target_path: target_path.to_owned(),
        remote_user: "deploy".to_owned(),
        from: None,
        scope: Scope::Environment,
        within: Scope::Environment,
        method: Method::Rsync,
        command: None,
        artifact: None,
        keep_releases: 5,
        strategy: Strategy::Clusters,
        batch: None,
        canary_minutes: 60,
        health_check: None,
        delete_threshold: 50,
        deletes_acknowledged: false,
        expected: Vec::new(),
        layout: Layout::InPlace,
        rsync_options: vec!["-az".to_owned(), "--delete".to_owned()],
        fail_on_failed_tests: true,
        allow_submodules_and_lfs: false,
    }
}

/// Real hosts `web-1`, `web-2` … with a folder of their own at the target path.
pub struct World {
    pub sshds: Vec<Sshd>,
    pub facts: RunFacts,
    pub hosts: Vec<HostFacts>,
    folder: TempDir,
}

/// What a run left behind.
pub struct Ran {
    pub outcome: RunOutcome,
    pub events: Vec<EventKind>,
}

impl World {
    pub fn with_hosts(count: usize) -> Self {
        Self::with_target(count, "shop")
    }

    /// `target` is the path below the folder that each host sees as its own.
    pub fn with_target(count: usize, target: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let shared = folder.path().join("srv");
        fs::create_dir(&shared).unwrap();
        fs::create_dir(folder.path().join("tree")).unwrap();
        let identity = new_identity(folder.path());
        let sshds: Vec<Sshd> = (1..=count)
            .map(|number| {
                let own = folder.path().join(format!("web-{number}"));
                Sshd::start(&own, &shared, &format!("127.0.1.{number}"), &identity.with_extension("pub"))
            })
            .collect();
        let hosts = sshds.iter().zip(1..).map(|(sshd, number)| host_facts(number, sshd)).collect();
        let mut facts = facts(shared.join(target).to_str().unwrap());
        facts.remote_user = user();
        Self { sshds, facts, hosts, folder }
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub fn settings(&self) -> SshSettings {
        SshSettings { identity: self.path("id"), connect_timeout_s: 60, control_dir: self.path("control") }
    }

    /// Writes a file of the tree to deploy; a name that ends with `.sh` is executable.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let file = self.path("tree").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        let is_script = file.extension().is_some_and(|extension| extension == "sh");
        let mode = if is_script { 0o755 } else { 0o644 };
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Where the files of a host really are.
    pub fn target_on(&self, host: &str) -> PathBuf {
        let number: usize = host.strip_prefix("web-").unwrap().parse().unwrap();
        let target = Path::new(&self.facts.target_path).strip_prefix(self.path("srv")).unwrap();
        self.sshds[number - 1].files().join(target)
    }

    pub fn read(&self, host: &str, path: &str) -> String {
        fs::read_to_string(self.target_on(host).join(path)).unwrap()
    }

    /// All hosts in one cluster.
    pub fn plan(&self) -> Plan {
        self.plan_of(std::slice::from_ref(&self.hosts))
    }

    pub fn plan_of(&self, clusters: &[Vec<HostFacts>]) -> Plan {
        let named = clusters.iter().zip('a'..).map(|(hosts, letter)| ClusterFacts {
            name: name(&format!("cluster-{letter}")),
            hosts: hosts.clone(),
            members: Vec::new(),
        });
        plan(self.facts.clone(), &named.collect::<Vec<_>>()).unwrap()
    }

    pub async fn deploy(&self) -> Ran {
        self.run(&self.plan(), &Journal::default(), &uncontrolled()).await
    }

    pub async fn run(&self, plan: &Plan, journal: &Journal, control: &Control) -> Ran {
        let tree = Tree { path: self.path("tree"), manifest: manifest_of(&self.path("tree")) };
        self.run_tree(plan, tree, journal, control).await
    }

    pub async fn run_tree(&self, plan: &Plan, tree: Tree, journal: &Journal, control: &Control) -> Ran {
        self.execute(plan, tree, self.settings(), journal, control).await
    }

    pub async fn run_with(&self, settings: SshSettings, plan: &Plan) -> Ran {
        let tree = Tree { path: self.path("tree"), manifest: manifest_of(&self.path("tree")) };
        self.execute(plan, tree, settings, &Journal::default(), &uncontrolled()).await
    }

    /// The host gets a small disk, which is empty.
    pub fn make_small(&mut self, number: usize, bytes: u64) {
        self.sshds[number - 1].shrink(bytes);
    }

    fn workshop(&self) -> Workshop {
        let private = Private { files: vec![self.path("id")], folders: vec![] };
        Workshop {
            sandbox: Sandbox::new(config::Sandbox::Bubblewrap, false, &[], private.clone()),
            workplaces: self.path("work"),
            built: self.path("built"),
            private,
            commands: Vec::new(),
        }
    }

    async fn execute(
        &self,
        plan: &Plan,
        tree: Tree,
        settings: SshSettings,
        journal: &Journal,
        control: &Control,
    ) -> Ran {
        let now = Arc::new(|| "2026-11-21T08:00:00Z".parse::<Timestamp>().unwrap());
        let executor = SshExecutor::new(Given(tree), settings, self.workshop(), None, now).unwrap();
        let outcome = run(plan, &executor, journal, 20, control, &Arc::default()).await;
        Ran { outcome, events: journal.events() }
    }
}

fn host_facts(number: usize, sshd: &Sshd) -> HostFacts {
    HostFacts {
        server: name(&format!("web-{number}")),
        host: sshd.host().to_owned(),
        port: sshd.port(),
        host_key: Some(sshd.host_key().to_owned()),
        active: true,
    }
}

impl Ran {
    pub fn succeeded(self) -> Self {
        assert_eq!((self.outcome.state, &self.outcome.why), (DeploymentState::Succeeded, &None));
        self
    }

    pub fn failed(self) -> String {
        assert_eq!(self.outcome.state, DeploymentState::Failed);
        self.outcome.why.unwrap()
    }

    pub fn host_states(&self) -> BTreeMap<String, HostState> {
        self.outcome.hosts.iter().map(|(host, state)| (host.to_string(), *state)).collect()
    }

    /// What scripts printed, with the stream it came by.
    pub fn output(&self, host: &str) -> Vec<(Stream, String)> {
        self.events.iter().filter_map(|event| line_of(event, host)).collect()
    }
}

fn line_of(event: &EventKind, of: &str) -> Option<(Stream, String)> {
    match event {
        EventKind::Output { host: Some(host), stream, text, .. } if host.as_str() == of => {
            Some((*stream, text.clone()))
        }
        _ => None,
    }
}

/// A sink in memory. Tests wait for events in it, never for time.
#[derive(Default)]
pub struct Journal {
    events: Mutex<Vec<EventKind>>,
    news: Notify,
    lost_after: Option<usize>,
    lost_at_line: Option<&'static str>,
}

impl Journal {
    /// Stores this many events and refuses the next.
    pub fn losing_its_lease_after(events: usize) -> Self {
        Self { lost_after: Some(events), ..Self::default() }
    }

    /// Stores everything up to this line of output.
    pub fn losing_its_lease_at(line: &'static str) -> Self {
        Self { lost_at_line: Some(line), ..Self::default() }
    }

    pub fn events(&self) -> Vec<EventKind> {
        self.events.lock().unwrap().clone()
    }

    /// Waits for the first event that `find` finds something in.
    pub async fn until<T>(&self, find: impl Fn(&EventKind) -> Option<T>) -> T {
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            if let Some(found) = self.events.lock().unwrap().iter().find_map(&find) {
                return found;
            }
            news.await;
        }
    }

    pub async fn until_line(&self, host: &str, text: &str) {
        self.until(|event| line_of(event, host).filter(|(_, line)| line == text)).await;
    }

    /// The rest of the first line that begins like this.
    pub async fn until_line_with(&self, host: &str, start: &str) -> String {
        self.until(|event| line_of(event, host)?.1.strip_prefix(start).map(str::to_owned)).await
    }
}

/// A named pipe: whoever opens one end waits for somebody at the other.
pub fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Whether a process of this machine lives; one that only waits to be reaped does not.
pub fn is_alive(process: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", process.trim())).unwrap_or_default();
    status.contains("State:") && !status.contains("State:\tZ")
}

/// Waits until every process that had the pipe open to write is gone.
pub async fn until_closed(pipe: &Path) {
    let pipe = pipe.to_owned();
    tokio::task::spawn_blocking(move || fs::read(pipe).unwrap()).await.unwrap();
}

impl Sink for Journal {
    async fn emit(&self, what: EventKind) -> Result<(), SinkLost> {
        let mut events = self.events.lock().unwrap();
        let at_line = matches!(&what, EventKind::Output { text, .. } if self.lost_at_line == Some(text));
        if at_line || self.lost_after.is_some_and(|limit| events.len() >= limit) {
            return Err(SinkLost);
        }
        events.push(what);
        self.news.notify_waiters();
        Ok(())
    }
}

struct Given(Tree);

impl Prepare for Given {
    async fn fetch(&self, _: &Plan, _: &Output) -> StepOutcome {
        skipped("the tree is given")
    }

    async fn build(&self, _: &Plan, _: &Output) -> Result<Tree, String> {
        Ok(self.0.clone())
    }
}

/// Reads a folder as a manifest, without the code under test.
pub fn manifest_of(folder: &Path) -> Manifest {
    let mut entries = Vec::new();
    collect(folder, b"", &mut entries);
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Manifest { entries }
}

fn collect(folder: &Path, prefix: &[u8], entries: &mut Vec<Entry>) {
    use std::os::unix::ffi::OsStrExt as _;
    for found in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = [prefix, found.file_name().as_bytes()].concat();
        let about = fs::symlink_metadata(found.path()).unwrap();
        if about.is_dir() {
            collect(&found.path(), &[&path, b"/".as_slice()].concat(), entries);
        } else if about.is_symlink() {
            let target = fs::read_link(found.path()).unwrap().as_os_str().as_bytes().to_vec();
            entries.push(Entry { path, kind: EntryKind::Symlink { target } });
        } else {
            let bytes = fs::read(found.path()).unwrap();
            let (size, executable) = (bytes.len() as u64, about.mode() & 0o100 != 0);
            let kind = EntryKind::File { executable, size, sha256: Sha256::digest(&bytes).into() };
            entries.push(Entry { path, kind });
        }
    }
}
