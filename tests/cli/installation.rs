//! A folder with a configuration and keys, and the program run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sea_orm::{ConnectionTrait as _, Database};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

pub struct Installation {
    folder: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    #[track_caller]
    pub fn well(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// The lines of stderr.
    #[track_caller]
    pub fn refused(self) -> Vec<String> {
        assert_eq!(self.code, 1, "{self:?}");
        self.err.lines().map(str::to_owned).collect()
    }
}

/// Built beside this very executable's folder. Cargo tells its path to separate
/// test crates only.
pub fn program() -> PathBuf {
    let suite = std::env::current_exe().unwrap();
    let program = suite.parent().and_then(Path::parent).unwrap().join("countersign");
    assert!(program.exists(), "{} is missing; `cargo build --bin countersign` makes it", program.display());
    program
}

impl Installation {
    /// Nothing but an empty folder.
    pub fn empty() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// Configured, with keys; nothing outside can be reached.
    pub async fn new() -> Self {
        let installation = Self::empty();
        installation.configure(&json!({}));
        installation.run(&["keys"]).await.well();
        installation
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes `config.json`: the least there can be, and `more` over it.
    pub fn configure(&self, more: &Value) {
        let mut config = json!({
            "base_url": "http://localhost:8080",
            "github": { "client_id": "id", "client_secret": "hush", "organisation": "acme",
                        "web_url": "http://127.0.0.1:9/", "api_url": "http://127.0.0.1:9/" },
            "mail": { "smtp": "smtp://127.0.0.1:9", "from": "deploy@example.com" }
        });
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        self.write("config.json", &config);
    }

    pub fn write(&self, name: &str, value: &Value) {
        fs::write(self.path(name), value.to_string()).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).kill_on_drop(true);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Ran {
        ended(self.command(arguments)).await
    }

    /// Writes a fleet file and applies it.
    pub async fn apply(&self, fleet: &Value, options: &[&str]) -> Ran {
        self.write("fleet.json", fleet);
        self.run(&[&["apply", "fleet.json"], options].concat()).await
    }

    pub async fn export(&self) -> Value {
        serde_json::from_str(&self.run(&["export"]).await.well()).unwrap()
    }

    /// What somebody with the file and an SQL prompt does.
    pub async fn sql(&self, statement: &str) {
        let file = self.path("data/countersign.db");
        let db = Database::connect(format!("sqlite:{}", file.display())).await.unwrap();
        let changed = db.execute_unprepared(statement).await.unwrap();
        assert_eq!(changed.rows_affected(), 1, "{statement}");
        db.close().await.unwrap();
    }
}

pub async fn ended(mut command: Command) -> Ran {
    let output = command.output().await.unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// One application, one environment, one server.
pub fn fleet() -> Value {
    json!({
        "servers": [server("web-1")],
        "clusters": [{ "name": "web", "servers": [{ "server": "web-1" }] }],
        "roles": [{ "name": "admin", "users": ["rosa"], "global": ["admin"] }],
        "applications": [{
            "name": "shop",
            "repository": "/srv/git/shop.git",
            "environments": [{
                "name": "production", "deploy_from": { "tags": "v*" }, "target_path": "/srv/shop",
                "remote_user": "deploy", "clusters": ["web"],
                "approval": { "required": 1, "review_list": ["releases@example.com"] }
            }]
        }]
    })
}

pub fn server(name: &str) -> Value {
    json!({ "name": name, "host": format!("{name}.example.com") })
}
