//! Freezes, without pages in between.

use super::Service;
use crate::app::freeze::{By, Wanted, lift, set};
use crate::domain::freeze::{Frozen, Level};
use crate::domain::name::Name;

impl Service {
    /// Set from the command line, without an end. An empty name is every one.
    pub async fn freeze(&self, application: &str, environment: &str, level: Level, reason: &str) -> i64 {
        let name = |text: &str| (!text.is_empty()).then(|| Name::parse(text).unwrap());
        let wanted = Wanted {
            on: Frozen { application: name(application), environment: name(environment) },
            level,
            reason: reason.to_owned(),
            from: None,
            until: None,
        };
        set(&self.app, By::Command("command:root"), wanted).await.unwrap()
    }

    pub async fn unfreeze(&self, id: i64) {
        lift(&self.app, By::Command("command:root"), id).await.unwrap();
    }
}
