//! From the command line to the first call.

use crate::tests::harness::{Service, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_the_command_line_opens_the_api() {
    let service = Service::start_in(World::quiet()).await;
    let said = service.command(&["user", "add", "deploy-bot", "--role", "developers"]).await;
    assert_eq!(said, "added deploy-bot\ngave deploy-bot the role developers\n");
    let said =
        service.command(&["token", "create", "--user", "deploy-bot", "--days", "7", "--name", "CI"]).await;
    let token = said.strip_suffix('\n').expect("a line");
    assert!(
        token.starts_with("cs_") && token.len() == 46 && !token.contains(char::is_whitespace),
        "{said:?}"
    );

    let bot = service.calling_with(token);
    let account = bot.get("/account").await.ok();
    assert_eq!((&account["name"], &account["token"]["name"]), (&"deploy-bot".into(), &"CI".into()));
    assert_eq!(account["roles"], serde_json::json!(["developers"]));
    bot.get("/applications/shop").await.ok();

    let number = account["token"]["id"].to_string();
    let said = service.command(&["token", "revoke", &number]).await;
    assert_eq!(said, format!("revoked token {number}\n"));
    assert_eq!(bot.get("/account").await.status, 401);
}
