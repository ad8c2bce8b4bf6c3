//! Where on a host a release is put together, and where it is live.
//!
//! Layout `in_place` fills the target itself. Layout `releases` fills a folder of
//! its own beside it, `shop_releases/17-0123456789ab` for `shop`, and the target
//! is a link that is moved there by one rename.

use crate::domain::fleet::Layout;
use crate::domain::plan::RunFacts;
use crate::domain::rsync_options::RsyncOptions;
use crate::domain::target::TargetPath;

/// What the steps of a plan need in parsed form.
#[derive(Debug)]
pub struct Ground {
    /// What the world sees.
    pub target: TargetPath,
    /// What the sync fills: the target, or the folder of this release.
    pub into: TargetPath,
    pub options: RsyncOptions,
    pub releases: Option<Releases>,
}

/// The folders of layout `releases`.
#[derive(Debug)]
pub struct Releases {
    /// Absolute: `/srv/shop_releases`.
    pub folder: String,
    /// `17-0123456789ab`: the deployment and the beginning of the commit.
    pub name: String,
    pub keep: u32,
}

impl Ground {
    pub fn of(facts: &RunFacts) -> Result<Self, String> {
        let target =
            TargetPath::parse(&facts.target_path).map_err(|error| format!("target_path: {error}"))?;
        let options = RsyncOptions::parse(&facts.rsync_options).map_err(|error| error.to_string())?;
        if facts.layout == Layout::InPlace {
            return Ok(Self { into: target.clone(), target, options, releases: None });
        }
        let folder = format!("{}_releases", target.as_str());
        let name = format!("{}-{}", facts.deployment, facts.commit.short());
        let into = TargetPath::parse(&format!("{folder}/{name}"));
        let into = into.map_err(|error| format!("the release folder: {error}"))?;
        Ok(Self {
            target,
            into,
            options,
            releases: Some(Releases { folder, name, keep: facts.keep_releases }),
        })
    }
}

impl Releases {
    /// What the target links to: relative, so that it holds wherever the parent folder is seen.
    pub fn link(&self) -> String {
        let folder = self.folder.rsplit('/').next().unwrap_or_default();
        format!("{folder}/{}", self.name)
    }
}
