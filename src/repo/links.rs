//! Whether a symbolic link of a tree stays inside it, wherever the tree is put.
//!
//! Looking at the text of a target is not enough: `a -> b/../..` depends on what `b`
//! is. So the way is walked through the tree as the system would walk it.

use std::collections::HashMap;

/// As many links as Linux follows in one way.
const MOST_LINKS: usize = 40;
/// Bytes of a target that Linux can hold.
pub(super) const LONGEST_TARGET: usize = 4095;

/// The links of one tree, by their full paths.
#[derive(Default)]
pub(super) struct Links {
    targets: HashMap<Vec<u8>, Vec<u8>>,
}

impl Links {
    pub(super) fn insert(&mut self, path: Vec<u8>, target: Vec<u8>) {
        self.targets.insert(path, target);
    }

    /// The first link, by path, that may not be brought to a server, and why. A link
    /// to what is missing is allowed: a build or a script may make it.
    pub(super) fn first_refused(&self) -> Option<(&[u8], &'static str)> {
        let refused = |(path, target)| self.check(path, target).err().map(|why| (path, why));
        let all = self.targets.iter().map(|(path, target)| (path.as_slice(), target.as_slice()));
        all.filter_map(refused).min()
    }

    fn check(&self, path: &[u8], target: &[u8]) -> Result<(), &'static str> {
        // What is still to be walked, next part last; and where we are.
        let mut ahead = parts_reversed(target)?;
        let mut here: Vec<&[u8]> = path.split(|&b| b == b'/').collect();
        here.pop();
        let mut followed = 0;
        while let Some(part) = ahead.pop() {
            match part {
                b"" | b"." => {}
                b".." => {
                    here.pop().ok_or("is a link that leads out of the tree")?;
                }
                _ => {
                    here.push(part);
                    let Some(target) = self.targets.get(&here.join(&b'/')) else { continue };
                    followed += 1;
                    if followed > MOST_LINKS {
                        return Err("is a link that leads in circles");
                    }
                    here.pop();
                    ahead.extend(parts_reversed(target)?);
                }
            }
        }
        Ok(())
    }
}

fn parts_reversed(target: &[u8]) -> Result<Vec<&[u8]>, &'static str> {
    match target {
        b"" => Err("is a link to nothing"),
        [b'/', ..] => Err("is a link to an absolute path"),
        _ if target.contains(&0) => Err("is a link whose target holds a zero byte"),
        _ => Ok(target.rsplit(|&b| b == b'/').collect()),
    }
}
