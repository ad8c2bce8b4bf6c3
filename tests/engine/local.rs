//! What runs on our side: local scripts in their sandbox, artifacts, and commands of
//! the operator's, from the queue to the bytes on hosts.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::domain::deployment::DeploymentState;
use crate::domain::event::EventKind;
use crate::domain::live::LiveState;
use crate::domain::name::Name;
use crate::domain::scope::Scope;
use crate::tests::harness::{Service, World, production};

fn world(hosts: usize, edit: impl FnOnce(&mut Value) + Send + 'static) -> World {
    let edit_fleet = Box::new(|fleet: &mut Value| {
        production(fleet)["approval"]["required"] = json!(0);
        edit(fleet);
    });
    World { hosts, edit_fleet, ..World::default() }
}

async fn said(service: &Service, id: i64) -> Vec<String> {
    let journal = service.journal(id).await.into_iter();
    let line = |what| match what {
        EventKind::Output { text, host: None, .. } => Some(text),
        _ => None,
    };
    journal.filter_map(|event| line(event.what)).collect()
}

fn read(service: &Service, host: usize, file: &str) -> Option<String> {
    service.on_host(host, file).map(|bytes| String::from_utf8(bytes).unwrap())
}

/// A program of the operator's.
fn program(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/bash\n{text}")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn predeploy_changes_what_arrives_and_sees_no_key_no_database_and_no_socket() {
    let service = Service::start_in(world(1, |_| {})).await;
    let control = service.data_dir().join("ssh");
    std::fs::create_dir_all(&control).unwrap();
    let _listener = UnixListener::bind(control.join("probe")).unwrap();
    let secrets =
        ["keys/auth.key", "keys/enc.key", "keys/id", "config.json", "data/countersign.db", "data/ssh/probe"];
    for file in secrets {
        assert!(service.path().join(file).exists(), "{file}");
    }
    let try_one = |file: &&str| {
        let path = service.path().join(file);
        format!("if [ -e '{0}' ] || cat '{0}' 2>/dev/null; then echo 'SEES {file}'; fi\n", path.display())
    };
    let tries = secrets.iter().map(try_one).collect::<Vec<_>>().concat();
    let commit = service.commit("v1.3", |repository| {
        let script = format!(
            "echo \"args $*\"\nenv | sed 's/^/env /'\n{tries}rm README.md\necho \"made of $DEPLOY_RELEASE\" > made\nmkdir -p out && ln -s ../made out/link\n"
        );
        repository.write("predeploy.sh", script);
    });

    let id = service.succeeds("v1.3").await;

    let said = said(&service, id).await;
    assert!(said.contains(&format!("args production {commit}")), "{said:#?}");
    assert!(!said.iter().any(|line| line.contains("SEES")), "{said:#?}");
    let names: Vec<&str> = said
        .iter()
        .filter_map(|line| line.strip_prefix("env ")?.split_once('='))
        .map(|(name, _)| name)
        .collect();
    let allowed = [
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
        "DEPLOY_APPLICATION",
        "DEPLOY_ENVIRONMENT",
        "DEPLOY_RELEASE",
        "DEPLOY_COMMIT",
        "DEPLOY_HOST",
        "DEPLOY_ID",
    ];
    assert!(names.contains(&"DEPLOY_COMMIT") && names.iter().all(|name| allowed.contains(name)), "{names:?}");
    assert_eq!(read(&service, 1, "made").as_deref(), Some("made of v1.3\n"));
    assert_eq!(read(&service, 1, "out/link").as_deref(), Some("made of v1.3\n"));
    assert_eq!((read(&service, 1, "README.md"), read(&service, 1, "predeploy.sh")), (None, None));
    let left = std::fs::read_dir(service.data_dir().join("work")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "the workplace is removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sandbox_a_release_with_scripts_is_refused_and_others_are_not() {
    let mut world = world(1, |_| {});
    world.edit_config = Box::new(|config| config["runner"] = json!({ "sandbox": "user:no-such-user" }));
    let service = Service::start_in(world).await;
    service.succeeds("v1.0").await;
    for (tag, script) in [("v1.3", "predeploy.sh"), ("v1.4", "tests/run_local_tests.sh")] {
        service.commit(tag, |repository| {
            repository.write(script, "echo ran\n");
        });
        let refused = service.ran(tag).await;
        assert_eq!(refused.state, DeploymentState::Failed);
        let why = refused.why.unwrap();
        let words = format!("build: the release has {script}, and scripts cannot run here: ");
        assert!(why.starts_with(&words) && why.contains("no-such-user"), "{why}");
        assert!(!said(&service, refused.id).await.contains(&"ran".to_owned()));
        service.repository.remove(script);
    }
    assert_eq!(read(&service, 1, "version").as_deref(), Some("v1.0\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_local_tests_touch_no_host_and_a_retry_tests_again() {
    let service = Service::start_in(world(1, |_| {})).await;
    service.succeeds("v1.0").await;
    service.commit("v1.3", |repository| {
        repository.write("predeploy.sh", "echo $RANDOM$RANDOM > number\n");
        repository.write("tests/run_local_tests.sh", "echo \"args $1 $2 $3\"; touch left-by-tests; exit 7\n");
    });
    let failed = service.ran("v1.3").await;
    let why = "local tests: tests/run_local_tests.sh ended with exit code 7";
    assert_eq!((failed.state, failed.why.as_deref()), (DeploymentState::Failed, Some(why)));
    assert!(said(&service, failed.id).await.contains(&"args production web-1 v1.3".to_owned()));
    assert_eq!(read(&service, 1, "version").as_deref(), Some("v1.0\n"));
    let mail = service.mail_about("[failed] shop").await;
    assert!(mail.to.iter().any(|to| to == "shop@example.com"), "{:?}", mail.to);
    assert!(mail.text().contains("run_local_tests.sh ended"), "{}", mail.text());

    let again = service.retried(failed.id).await;
    assert_eq!(
        (again.state, again.why.as_deref()),
        (DeploymentState::Failed, Some(why)),
        "no way around the tests"
    );
    assert_eq!(read(&service, 1, "version").as_deref(), Some("v1.0\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_local_tests_are_a_warning_by_policy_and_mailed_to_the_owners() {
    let service =
        Service::start_in(world(1, |fleet| production(fleet)["fail_on_failed_tests"] = json!(false))).await;
    service.commit("v1.3", |repository| {
        repository.write("tests/run_local_tests.sh", "touch left-by-tests; exit 7\n");
        repository.write("tests/run_tests.sh", "exit 8\n");
    });
    service.succeeds("v1.3").await;
    assert_eq!(read(&service, 1, "left-by-tests"), None, "tests work on a copy");
    let mail = service.mail_about("[succeeded] shop").await;
    assert!(mail.to.iter().any(|to| to == "shop@example.com"), "{:?}", mail.to);
    let text = mail.text().split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "tests/run_local_tests.sh ended with exit code 7",
        "web-1: runs v1.3, verified: tests: tests/run_tests.sh ended with exit code 8",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_deploys_the_same_built_tree_and_only_where_it_failed() {
    let service = Service::start_in(world(2, |_| {})).await;
    let broken = service.path().join("broken");
    service.commit("v1.3", |repository| {
        repository.write("predeploy.sh", "echo making; head -c 16 /dev/urandom | od -An -tx1 > number\n");
        repository.write("tests/run_local_tests.sh", "echo testing; test -s number\n");
        repository.write("deploy.sh", format!("! grep -qx \"$DEPLOY_HOST\" '{}'\n", broken.display()));
    });
    std::fs::write(&broken, "web-2\n").unwrap();
    let failed = service.ran("v1.3").await;
    assert_eq!(failed.why.as_deref(), Some("web-2: deploy.sh ended with exit code 1"));
    let number = read(&service, 1, "number").unwrap();
    // What is done is not touched again: it may have changed since.
    std::fs::write(service.hosts[0].files().join("shop/number"), "touched").unwrap();
    std::fs::remove_file(service.hosts[1].files().join("shop/number")).unwrap();
    std::fs::write(&broken, "").unwrap();

    let retry = service.retried(failed.id).await;

    assert_eq!((retry.state, &retry.why), (DeploymentState::Succeeded, &None));
    assert_eq!(
        (read(&service, 1, "number").unwrap(), read(&service, 2, "number").unwrap()),
        ("touched".to_owned(), number)
    );
    let said = said(&service, retry.id).await;
    assert!(!said.iter().any(|line| line == "making" || line == "testing"), "{said:?}");
    let anew = service.ran("v1.3").await;
    assert_eq!(anew.state, DeploymentState::Succeeded);
    assert_eq!(read(&service, 1, "number"), read(&service, 2, "number"), "a new one is made once for all");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_of_the_operators_is_deployed_in_the_place_of_the_tree() {
    let mut world = world(1, |fleet| production(fleet)["artifact"] = json!("make"));
    let folder = tempfile::Builder::new().prefix("cs").tempdir().unwrap();
    let (make, answer) = (folder.path().join("make"), folder.path().join("answer"));
    let argv = json!([make]);
    world.edit_config =
        Box::new(move |config| config["commands"] = json!([{ "name": "make", "argv": argv }]));
    program(
        &make,
        &format!(
            "read -r facts\nbuild='{0}/build-'$DEPLOY_ID\nmkdir \"$build\"\nprintf %s \"$facts\" > \"$build/facts\"\n\
             printf 'echo scripted > scripted' > \"$build/predeploy.sh\"\necho \"built $DEPLOY_RELEASE\"\nsed \"s|BUILD|$build|\" '{0}/answer'\n",
            folder.path().display()
        ),
    );
    let service = Service::start_in(world).await;

    std::fs::write(&answer, "BUILD\n").unwrap();
    let id = service.succeeds("v1.0").await;
    let facts: Value = serde_json::from_str(&read(&service, 1, "facts").unwrap()).unwrap();
    assert_eq!(
        (&facts["application"], &facts["release"], &facts["deployment"]),
        (&json!("shop"), &json!("v1.0"), &json!(id))
    );
    assert!(Path::new(facts["tree"].as_str().unwrap()).join("README.md").exists(), "{facts}");
    assert_eq!(read(&service, 1, "README.md"), None);
    assert_eq!(read(&service, 1, "scripted").as_deref(), Some("scripted\n"), "its scripts run");
    assert!(said(&service, id).await.contains(&"built v1.0".to_owned()));

    std::fs::write(&answer, "{\"folder\": \"BUILD\", \"local_scripts\": false}\n").unwrap();
    service.succeeds("v1.1").await;
    assert_eq!(read(&service, 1, "scripted"), None, "it said that they are not to run");

    std::fs::write(&answer, "/etc\n").unwrap();
    let refused = service.ran("v1.2").await;
    assert_eq!(
        refused.why.as_deref(),
        Some("artifact: the command make named /etc, which is a folder of the system")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_command_deploys_by_itself_and_the_record_says_what_is_live() {
    let folder = tempfile::Builder::new().prefix("cs").tempdir().unwrap();
    let (ship, fails) = (folder.path().join("ship"), folder.path().join("fails"));
    program(
        &ship,
        &format!(
            "echo \"$DEPLOY_RELEASE to $DEPLOY_HOSTS from ${{DEPLOY_FROM:-nothing}}\"\n[ ! -e '{}' ]\n",
            fails.display()
        ),
    );
    let mut world = world(0, |fleet| {
        production(fleet)["method"] = json!("command");
        production(fleet)["command"] = json!("ship");
        let server = |n: u8| crate::tests::harness::server(&format!("web-{n}"), 1);
        fleet["servers"] = json!([server(1), server(2)]);
        fleet["clusters"] = json!([
            { "name": "web", "servers": [{ "server": "web-1" }] },
            { "name": "side", "servers": [{ "server": "web-2" }] },
        ]);
        production(fleet)["clusters"] = json!(["web", "side"]);
    });
    let argv = json!([ship]);
    world.edit_config =
        Box::new(move |config| config["commands"] = json!([{ "name": "ship", "argv": argv }]));
    let service = Service::start_in(world).await;

    let first = service.succeeds("v1.0").await;
    assert_eq!(said(&service, first).await, ["v1.0 to web-1,web-2 from nothing"]);
    let v1 = service.live("web-1").await;
    assert_eq!((v1.state, v1.release.as_deref()), (LiveState::Settled, Some("v1.0")));
    let second = service.succeeds("v1.1").await;
    assert_eq!(said(&service, second).await, [format!("v1.1 to web-1,web-2 from {}", v1.commit.unwrap())]);

    std::fs::write(&fails, "").unwrap();
    let failed = service.ran("v1.2").await;
    assert_eq!(failed.why.as_deref(), Some("command: the command ship ended with exit code 1"));
    for server in ["web-1", "web-2"] {
        assert_eq!(service.live(server).await.state, LiveState::Unknown, "{server}");
    }
    std::fs::remove_file(&fails).unwrap();
    let retry = service.retried(failed.id).await;
    assert_eq!((retry.state, &retry.why), (DeploymentState::Succeeded, &None));
    assert_eq!(service.live("web-2").await.release.as_deref(), Some("v1.2"));

    // One cluster is told of, and nothing is said of the other.
    let id = service.queue("v1.1", Scope::Cluster(Name::parse("side").unwrap())).await.unwrap();
    assert_eq!(service.ended(id).await.state, DeploymentState::Succeeded);
    let heard = said(&service, id).await;
    assert!(heard[0].starts_with("v1.1 to web-2 from "), "{heard:?}");
    for (server, release) in [("web-1", "v1.2"), ("web-2", "v1.1")] {
        assert_eq!(service.live(server).await.release.as_deref(), Some(release), "{server}");
    }
}

/// Not only what a step is given: what the service itself knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_the_configuration_or_the_fleet_that_a_script_prints_is_masked() {
    const STATS: &str = "stats-password-9f3";
    let world = world(1, |fleet| {
        let endpoint = json!({ "url": "http://127.0.0.1:1/stats", "user": "ops", "password": STATS });
        fleet["load_balancers"] = json!([{ "name": "edge", "endpoints": [endpoint] }]);
        fleet["applications"][0]["webhook_secret"] = json!("webhook-secret-77");
    });
    let service = Service::start_in(world).await;
    let github = service.app.config.github.client_secret.expose_secret().to_owned();
    assert!(github.len() > 5, "short values are not masked");
    let script = format!("echo 'a {github} b {STATS} c webhook-secret-77 d'\n");
    service.repository.write("deploy.sh", &script);
    let commit = service.repository.commit("It says too much", 1_700_009_000);
    service.repository.tag("v3.0", &commit);

    let id = service.succeeds("v3.0").await;

    let lines = service.journal(id).await.into_iter().filter_map(|event| match event.what {
        EventKind::Output { text, host: Some(_), .. } if text.starts_with("a ") => Some(text),
        _ => None,
    });
    assert_eq!(lines.collect::<Vec<_>>(), ["a ••• b ••• c ••• d"]);
}
