//! The operator's commands: what they are told, what they may answer.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::stage::{Ran, Stage, facts, failure, name};
use crate::config::CommandConfig;
use crate::domain::event::StepOutcome;
use crate::runner::local::commands::{Artifact, artifact, method};
use crate::runner::local::facts::MethodFacts;
use crate::runner::local::sandbox::Private;

fn command(script: &str) -> CommandConfig {
    let argv = ["bash", "-c", script].map(str::to_owned).into();
    CommandConfig { name: name("build"), argv, events: Vec::new(), timeout_s: 30 }
}

async fn built(stage: &Stage, script: &str) -> Ran<Result<Artifact, StepOutcome>> {
    let private = Private { files: vec![stage.path("keys/auth.key")], folders: Vec::new() };
    let (command, facts, tree) = (command(script), facts(), stage.path("tree"));
    stage.heard(async |out| artifact(&command, &facts, &tree, &private, out, &stage.cancel).await).await
}

fn stage() -> (Stage, PathBuf) {
    let stage = Stage::new();
    let folder = stage.path("built here").canonicalize();
    let folder = folder.unwrap_or_else(|_| {
        fs::create_dir(stage.path("built here")).unwrap();
        stage.path("built here").canonicalize().unwrap()
    });
    (stage, folder)
}

#[tokio::test]
async fn an_artifact_command_is_told_the_facts_and_names_a_folder() {
    let (stage, folder) = stage();
    let script = format!("cat >&2; echo building; echo ' {}  '; echo", folder.display());
    let ran = built(&stage, &script).await;
    assert_eq!(ran.end, Ok(Artifact { folder: folder.clone(), run_local_scripts: true }));
    assert_eq!(ran.stdout()[0], "building", "what it says is in the journal");
    let told: Value = serde_json::from_str(ran.stderr()[0]).unwrap();
    assert_eq!(
        told,
        json!({
            "application": "shop", "environment": "production", "release": "v1.2", "commit": "a".repeat(40),
            "deployment": 7, "tree": stage.path("tree").to_str().unwrap(),
        })
    );
}

#[tokio::test]
async fn an_artifact_may_be_named_in_json_and_say_that_local_scripts_are_done() {
    let (stage, folder) = stage();
    for (scripts, expected) in
        [("", true), (", \"local_scripts\": true", true), (", \"local_scripts\": false", false)]
    {
        let answer = format!("echo '{{\"folder\": \"{}\"{scripts}}}'", folder.display());
        let ran = built(&stage, &answer).await;
        assert_eq!(ran.end, Ok(Artifact { folder: folder.clone(), run_local_scripts: expected }));
    }
}

#[tokio::test]
async fn answers_that_name_nothing_to_deploy_are_refused() {
    let (stage, folder) = stage();
    fs::create_dir(stage.path("keys")).unwrap();
    fs::write(stage.path("keys/auth.key"), "").unwrap();
    fs::write(folder.join("file"), "").unwrap();
    std::os::unix::fs::symlink("/etc", folder.join("link")).unwrap();
    let (keys, folder) = (stage.path("keys"), folder.display());
    let table = [
        ("true".to_owned(), "named no folder"),
        ("echo dist".to_owned(), "answered \"dist\", which is not an absolute path"),
        (format!("echo '{folder}/missing'"), "No such file"),
        (format!("echo '{folder}/file'"), "which is not a folder"),
        (format!("echo '{folder}/link'"), "which is a folder of the system"),
        (format!("echo '{}'", keys.display()), "which holds what is private to this service"),
        (format!("echo '{{\"folder\": \"{folder}\", \"local\": 1}}'"), "not the JSON it should be"),
        ("echo '{\"local_scripts\": false}'".to_owned(), "missing field `folder`"),
        (format!("echo '{folder}'; exit 3"), "ended with exit code 3"),
        ("head -c 200000 /dev/zero | tr '\\0' x".to_owned(), "not an absolute path"),
        ("printf '/\\033[31mx\\n'".to_owned(), "named /[31mx: "),
    ];
    for system in [
        "/", "//", "/usr", "/usr/lib", "/etc", "/etc/ssl", "/tmp", "/home", "/root", "/var", "/proc/1",
        "/tmp/..",
    ] {
        let ran = built(&stage, &format!("echo {system}")).await;
        assert!(failure(&ran.end.unwrap_err()).contains("a folder of the system"), "{system}");
    }
    for (script, why) in table {
        let ran = built(&stage, &script).await;
        let refused = ran.end.unwrap_err();
        let said = failure(&refused);
        assert!(said.starts_with("the command build ") && said.contains(why), "{script}: {said}");
    }
}

#[tokio::test]
async fn a_command_that_deploys_gets_the_facts_and_no_variable_of_ours() {
    let stage = Stage::new();
    let script = "env | grep -o '^[^=]*' | sort | grep -vE '^(PWD|SHLVL|_)$'; \
                  echo $DEPLOY_HOSTS $DEPLOY_FROM; pwd; read -r line || echo nothing to read; exit 6";
    let facts = MethodFacts { facts: facts(), hosts: vec![name("web-1"), name("web-2")], from: None };
    let ran = stage.heard(async |out| method(&command(script), &facts, out, &stage.cancel).await).await;
    assert_eq!(failure(&ran.end), "the command build ended with exit code 6");
    insta::assert_snapshot!(ran.stdout().join("\n"), @r"
    DEPLOY_APPLICATION
    DEPLOY_COMMIT
    DEPLOY_ENVIRONMENT
    DEPLOY_FROM
    DEPLOY_HOST
    DEPLOY_HOSTS
    DEPLOY_ID
    DEPLOY_RELEASE
    HOME
    LANG
    PATH
    web-1,web-2
    /
    nothing to read
    ");
}

#[tokio::test]
async fn a_command_that_deploys_can_be_cancelled() {
    let stage = Stage::new();
    let facts = MethodFacts { facts: facts(), hosts: Vec::new(), from: None };
    let script = "trap 'echo undone; exit 0' TERM; echo 'cancel me'; sleep 1000 & wait";
    let ran = stage.heard(async |out| method(&command(script), &facts, out, &stage.cancel).await).await;
    assert_eq!((ran.end.clone(), ran.stdout()), (StepOutcome::Cancelled, vec!["cancel me", "undone"]));
}
