//! A service in which something of everything exists, and no runner that changes it
//! meanwhile: v1.0 is live by deployment 1, v1.1 awaits review, v1.2 is accepted.
//! The application `vault` is nobody's but the administrators'.

use serde_json::json;

use super::{Service, World, id_of, release, shop};
use crate::boot::Role;
use crate::domain::freeze::Level;
use crate::tests::support::browser::Browser;

pub struct Furnished {
    pub service: Service,
    pub dana: Browser,
    pub rosa: Browser,
    pub ada: Browser,
    /// The request for v1.1 and the path of its review link.
    pub awaiting: i64,
    pub review: String,
    /// The request for v1.2, the path of its review link, and of its launch link.
    pub accepted: i64,
    pub launch: String,
    /// What v1.0 was started with: a link that is used.
    pub used: String,
    pub deployment: i64,
    /// A warning about the vault, that holds nothing up.
    pub freeze: i64,
    /// Of v1.0 and v1.1.
    pub commits: [String; 2],
    pub vault_commit: String,
}

impl Furnished {
    pub async fn new() -> Self {
        Box::pin(Self::furnish()).await
    }

    async fn furnish() -> Self {
        let mut service = Service::start_in(World { hosts: 1, ..World::default() }).await;
        release(&service.repository, "v1.3", 3);
        let vault = shop(&service.path().join("vault"));
        let vault_commit = release(&vault, "v9.0", 9);
        let address = vault.address();
        service
            .apply(|fleet| {
                let mut application = fleet["applications"][0].clone();
                application["name"] = json!("vault");
                application["repository"] = json!(address);
                let path = application["environments"][0]["target_path"]
                    .as_str()
                    .unwrap()
                    .replace("/shop", "/vault");
                application["environments"][0]["target_path"] = json!(path);
                fleet["applications"].as_array_mut().unwrap().push(application);
                fleet["roles"][2]["grants"] = json!([{ "permission": "review", "application": "shop" }]);
            })
            .await;
        let (dana, launch) = service.accepted("v1.0").await;
        let page = dana.get(&launch).await.unwrap();
        let page = dana.submit(&page, "Start deployment", &[]).await.unwrap();
        let deployment = service.ended(id_of(&page)).await;
        assert_eq!(deployment.state.word(), "succeeded", "{:?}", deployment.why);
        let used = path_of(&launch);
        let awaiting = id_of(&service.ask(&dana, "v1.1").await);
        let review = path_of(&service.mail_about("[review] shop v1.1").await.only_link());
        let (_, launch) = service.accepted("v1.2").await;
        let rosa = service.as_user("rosa").await;
        let ada = service.as_user("ada").await;
        let accepted = awaiting + 1;
        // Fetched once, so that its commits can be asked for.
        ada.get("/requests/new?application=vault&environment=production").await.unwrap();
        let freeze = service.freeze("vault", "", Level::Warning, "The auditors are here.").await;
        service.stop().await;
        service.restart_as(Role::Web).await;
        let commits = ["v1.0", "v1.1"]
            .map(|tag| service.repository.git(["rev-parse", &format!("{tag}^{{commit}}")]).trim().to_owned());
        Self {
            awaiting,
            review,
            accepted,
            launch: path_of(&launch),
            used,
            deployment: deployment.id,
            freeze,
            commits,
            vault_commit,
            service,
            dana,
            rosa,
            ada,
        }
    }
}

pub fn path_of(link: &str) -> String {
    url::Url::parse(link).unwrap().path().to_owned()
}

/// The token that the forms of this browser's session carry.
pub async fn token_of(browser: &Browser) -> String {
    browser.get("/").await.unwrap().value("csrf").expect("a form with the token")
}
