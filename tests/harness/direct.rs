//! People with the right to deploy, without pages in between.

use super::Service;
use crate::app::deploy::{Ask, deploy};
use crate::app::{Refusal, access};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::deployment::{Deployment, DeploymentState};
use crate::domain::name::Name;
use crate::domain::scope::Scope;

impl Service {
    /// Somebody, signed in.
    pub async fn actor(&self, login: &str) -> Actor {
        let name = Name::parse(login).unwrap();
        if db::people::find_by_name(&self.app.db, &name).await.unwrap().is_none() {
            self.as_user(login).await;
        }
        let person = db::people::find_by_name(&self.app.db, &name).await.unwrap().expect("a person");
        access::actor_of(&self.app.db, person).await.unwrap()
    }

    /// Queues a release of the shop directly, as ada.
    pub async fn queue(&self, release: &str, scope: Scope) -> Result<i64, Refusal> {
        self.queue_at(["shop", "production"], release, scope).await
    }

    pub async fn queue_at(&self, place: [&str; 2], release: &str, scope: Scope) -> Result<i64, Refusal> {
        let [application, environment] = place.map(|text| Name::parse(text).unwrap());
        let release = release.to_owned();
        let ask = Ask { application, environment, release, scope, deletes_acknowledged: false };
        let ada = self.actor("ada").await;
        Box::pin(deploy(&self.app, &ada, &ask)).await
    }

    /// The whole shop, to the end.
    pub async fn ran(&self, release: &str) -> Deployment {
        let id = self.queue(release, Scope::Environment).await.unwrap();
        self.ended(id).await
    }

    pub async fn succeeds(&self, release: &str) -> i64 {
        let ended = self.ran(release).await;
        assert_eq!(
            (ended.state, &ended.why),
            (DeploymentState::Succeeded, &None),
            "{:#?}",
            self.journal(ended.id).await
        );
        ended.id
    }

    /// Retries as ada, to the end.
    pub async fn retried(&self, id: i64) -> Deployment {
        let ada = self.actor("ada").await;
        let again = crate::app::steer::retry(&self.app, &ada, id, false).await.unwrap();
        self.ended(again).await
    }
}
