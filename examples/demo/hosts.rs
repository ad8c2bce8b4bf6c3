//! What the hosts hold after a deployment, read from their folders and compared
//! with what git says the tag holds.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use crate::shop::Content;
use crate::support::sshd::Sshd;

pub struct Host {
    pub name: &'static str,
    pub sshd: Sshd,
}

pub const RECORD: &str = ".git_release";

/// It runs on the host and is then removed.
const RUN_ONCE: &str = "deploy.sh";

impl Host {
    /// Exactly the files of the release, byte for byte. Gives how many.
    pub fn compare(&self, wanted: &[Content]) -> Result<usize> {
        let root = self.sshd.files().join("shop");
        let mut found = BTreeMap::new();
        collect(&root, &root, &mut found).with_context(|| self.name)?;
        found.remove(RECORD).with_context(|| format!("{}: {RECORD} is missing", self.name))?;
        let mut same = 0;
        for file in wanted.iter().filter(|file| file.path != RUN_ONCE) {
            let place = format!("{}: {}", self.name, file.path);
            let Some((bytes, executable)) = found.remove(&file.path) else { bail!("{place} is missing") };
            ensure!(bytes == file.bytes, "{place} is not what the tag holds");
            ensure!(executable == file.executable, "{place} has another mode than in the tag");
            same += 1;
        }
        ensure!(found.is_empty(), "{}: not in the tag: {:?}", self.name, found.keys());
        Ok(same)
    }

    /// The lines of `.git_release`: release, commit, time, path.
    pub fn record(&self) -> Result<Vec<String>> {
        let text =
            fs::read_to_string(self.sshd.files().join("shop").join(RECORD)).with_context(|| self.name)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// The process that listens, for those who want to stop the host for a while.
    pub fn process(&self, folder: &Path) -> Option<u32> {
        // sshd rewrites its command line into one text.
        let config = format!(" {}/{}/sshd_config ", folder.display(), self.name);
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let listens = |id: &u32| {
            let read = |file: &str| fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
            read("comm") == b"sshd\n" && String::from_utf8_lossy(&read("cmdline")).contains(&config)
        };
        processes.filter_map(|process| process.file_name().to_str()?.parse().ok()).find(listens)
    }
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, (Vec<u8>, bool)>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let (path, facts) = {
            let entry = entry?;
            (entry.path(), entry.metadata()?)
        };
        if facts.is_dir() {
            collect(root, &path, found)?;
        } else {
            let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
            found.insert(name, (fs::read(&path)?, facts.permissions().mode() & 0o100 != 0));
        }
    }
    Ok(())
}
