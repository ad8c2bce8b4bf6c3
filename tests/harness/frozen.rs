//! Freezes, without pages in between.

use super::Service;
use crate::app::freeze::{By, Wanted, lift, set};
use crate::db;
use crate::domain::freeze::{Freeze, Frozen, Level};
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
        lift(&self.app, By::Command("command:root"), id, None).await.unwrap();
    }

    /// Puts a freeze on something else, whether that exists or not.
    pub async fn move_freeze(&self, id: i64, application: Option<&str>, environment: Option<&str>) {
        let name = |text: Option<&str>| text.map(|text| Name::parse(text).unwrap());
        let tx = self.app.db.begin().await.unwrap();
        let freeze = db::freezes::find(&tx, id).await.unwrap().unwrap();
        let on = Frozen { application: name(application), environment: name(environment) };
        db::freezes::update(&tx, &Freeze { on, ..freeze }).await.unwrap();
        tx.commit().await.unwrap();
    }
}
