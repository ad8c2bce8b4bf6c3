//! `keys`: the first command of a fresh installation. It must work before there is
//! anything to authenticate with, so it reads nothing of the configuration but the
//! paths of the keys, and not even a file needs to be there.

use std::path::Path;

use super::{DEFAULT_CONFIG, Failed, say};
use crate::config::{self, environment};
use crate::keys::generate;

pub fn keys(path: Option<&Path>) -> Result<(), Failed> {
    let path = match path {
        Some(path) => Some(path),
        None => Some(Path::new(DEFAULT_CONFIG)).filter(|path| path.exists()),
    };
    let paths = config::key_paths(path, environment())?;
    let made = generate(&paths.auth, &paths.enc, &paths.identity);
    for key in made.map_err(|error| Failed::one(error.to_string()))? {
        say(&key.to_string())?;
    }
    Ok(())
}
