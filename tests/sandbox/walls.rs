//! What a script of a repository sees, reads and reaches (security.md 32).

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use super::stage::{Stage, failure, is_root, short, walled};
use crate::domain::event::StepOutcome;
use crate::runner::local::process::{Outcome, Program};
use crate::runner::local::sandbox::Private;

/// Its end must be well, or what it said is shown.
#[track_caller]
fn well(ran: &super::stage::Ran<StepOutcome>) -> Vec<&str> {
    assert_eq!(ran.end, StepOutcome::Done, "{:?}", ran.lines);
    ran.stdout()
}

#[tokio::test]
async fn bubblewrap_works_here() {
    let stage = Stage::new();
    stage.sandbox.ready(&stage.path("places")).await.expect("these tests need bubblewrap and namespaces");
}

#[tokio::test]
async fn a_script_gets_its_arguments_and_exactly_the_facts() {
    let stage = Stage::new();
    let print = "echo \"$0 $*\"; pwd; env | sort\n";
    let commit = "a".repeat(40);
    // What bash itself adds.
    let bash = |line: &&str| !["PWD=", "SHLVL=", "_=", "OLDPWD="].iter().any(|own| line.starts_with(own));
    let expected = |first: String| {
        let facts = format!(
            "/release\nDEPLOY_APPLICATION=shop\nDEPLOY_COMMIT={commit}\nDEPLOY_ENVIRONMENT=production\n\
             DEPLOY_HOST=web-1\nDEPLOY_ID=7\nDEPLOY_RELEASE=v1.2\nHOME=/tmp/home\nLANG=C.UTF-8\n\
             PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nTMPDIR=/tmp"
        );
        format!("{first}\n{facts}")
    };
    let ran = stage.predeploy(print).await;
    let lines: Vec<&str> = well(&ran).into_iter().filter(bash).collect();
    assert_eq!(lines.join("\n"), expected(format!("predeploy.sh production {commit}")));
    let ran = stage.local_tests(print).await;
    let lines: Vec<&str> = well(&ran).into_iter().filter(bash).collect();
    assert_eq!(
        lines.join("\n"),
        expected(format!("tests/run_local_tests.sh production web-1 v1.2 {commit}"))
    );
}

#[tokio::test]
async fn no_key_database_or_other_folder_is_to_be_seen() {
    let cache = tempfile::TempDir::new().unwrap();
    let inside = |name: &str| cache.path().join(name);
    fs::create_dir(inside("data")).unwrap();
    for secret in ["data/countersign.db", "auth.key", "plain"] {
        fs::write(inside(secret), format!("content of {secret}")).unwrap();
    }
    fs::write(inside("for root"), "readable by its owner").unwrap();
    fs::set_permissions(inside("for root"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let private = Private { files: vec![inside("auth.key")], folders: vec![inside("data")] };
    let stage = Stage::with(walled(false, &[cache.path().to_owned()], private));
    fs::write(stage.path("enc.key"), "content of enc.key").unwrap();
    let (folder, cache) = (stage.path(""), cache.path().display());
    let ran = stage
        .predeploy(&format!(
            "cat {folder}/enc.key {cache}/auth.key {cache}/data/countersign.db /etc/shadow && exit 9\n\
             cat {cache}/plain; echo; cat \"{cache}/for root\" && echo\n\
             ls -A / /tmp /tmp/home\n\
             for one in /root /home /run /var /etc/shadow /etc/ssh /sys {folder} /srv /opt /mnt; do\n\
               [ ! -e $one ] || echo \"sees $one\"\n\
             done\n",
            folder = folder.display(),
        ))
        .await;
    let said = well(&ran);
    assert_eq!(said[0], "content of plain", "a further folder is seen");
    assert_eq!(said.contains(&"readable by its owner"), !is_root(), "{said:?}");
    assert!(
        !said.iter().any(
            |line| line.starts_with("sees") || line.contains("content of") && *line != "content of plain"
        ),
        "{said:?}"
    );
    let known =
        ["bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "release", "sbin", "tmp", "usr"];
    let top: Vec<&str> = said
        .iter()
        .skip_while(|line| **line != "/:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .copied()
        .collect();
    assert!(top.iter().all(|name| known.contains(name)), "{top:?}");
    let kept = fs::read_to_string(inside("auth.key")).unwrap();
    assert_eq!(kept, "content of auth.key");
}

#[tokio::test]
async fn no_process_of_the_machine_is_to_be_seen() {
    let stage = Stage::new();
    let ran = stage
        .predeploy(&format!(
            "cat /proc/[0-9]*/comm; ls -d /proc/[0-9]* | wc -l\nkill -0 {} && echo reached\n",
            std::process::id()
        ))
        .await;
    let mut said = ran.stdout();
    said.pop();
    said.sort_unstable();
    said.dedup();
    let own = ["bash", "bwrap", "cat", "setpriv", "setsid", "sh"];
    assert!(said.contains(&"bash") && said.iter().all(|name| own.contains(name)), "{said:?}");
    assert!(ran.stderr().iter().any(|line| line.contains("No such process")), "{:?}", ran.lines);
}

/// Tries a TCP port, a socket file and a socket without a file.
async fn reached(network: bool) -> Vec<String> {
    let stage = Stage::with(walled(network, &[], Private::default()));
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let path = stage.path("control.sock");
    let _file = UnixListener::bind(&path).unwrap();
    let abstract_name = stage.sign();
    let _unnamed = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&abstract_name).unwrap()).unwrap();
    let ran = stage
        .predeploy(&format!(
            "unix() {{ perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); \
               exit !connect(S, pack_sockaddr_un($ARGV[0] =~ s/^@/\\0/r))' \"$1\"; }}\n\
             (exec 4<>/dev/tcp/127.0.0.1/{port}) && echo tcp\n\
             unix {path} && echo file\n\
             unix @{abstract_name} && echo unnamed\n\
             unix /tmp/none; perl -MSocket -e 'print \"perl works\\n\"'\n",
            port = tcp.local_addr().unwrap().port(),
            path = path.display(),
        ))
        .await;
    well(&ran).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn no_socket_of_the_machine_is_reached() {
    assert_eq!(reached(false).await, ["perl works"]);
}

#[tokio::test]
async fn with_the_network_on_loopback_is_reached_and_socket_files_are_not() {
    assert_eq!(reached(true).await, ["tcp", "unnamed", "perl works"]);
}

#[tokio::test]
async fn a_script_writes_in_its_copy_and_its_temporary_folder_only() {
    let stage = Stage::new();
    stage.write("page.html", "as released");
    let (ran, place) = stage
        .predeploy_at(
            "for one in /x /usr/x /etc/x /bin/x /dev/x /proc/sys/kernel/hostname; do\n\
               (echo x >$one) 2>/dev/null && echo \"wrote $one\"\n\
             done\n\
             echo built >page.html; mkdir css; echo new >css/new.css; echo x >/tmp/x; echo x >~/y\n",
        )
        .await;
    let said = well(&ran);
    // A plain user's own, in memory, and gone with it.
    let lasting: Vec<&&str> =
        said.iter().filter(|line| !["wrote /x", "wrote /etc/x", "wrote /dev/x"].contains(*line)).collect();
    assert!(lasting.is_empty(), "{said:?}");
    for outside in ["/x", "/etc/x", "/dev/x"] {
        assert!(!std::path::Path::new(outside).exists());
    }
    assert_eq!(fs::read_to_string(place.tree().join("page.html")).unwrap(), "built\n");
    assert_eq!(fs::read_to_string(place.tree().join("css/new.css")).unwrap(), "new\n");
    assert_eq!(fs::read_to_string(stage.path("tree/page.html")).unwrap(), "as released", "the original");
    assert!(place.tmp().join("home/y").exists());
    let root = place.tree().parent().unwrap().to_owned();
    place.remove().await;
    assert!(!root.exists(), "nothing is left");
}

#[tokio::test]
async fn a_script_has_no_power_over_the_machine() {
    let stage = Stage::new();
    let ran = stage
        .predeploy(
            "grep -E '^Cap(Eff|Prm|Bnd)' /proc/self/status; id -u\n\
             mount -t tmpfs none /tmp && echo mounted; chown 0:0 . && echo chowned\n\
             for one in sys/kernel/core_pattern sys/kernel/hostname sysrq-trigger; do\n\
               [ ! -w /proc/$one ] || echo \"writes $one\"\n\
             done\n",
        )
        .await;
    let none = "0".repeat(16);
    let expected = ["Prm", "Eff", "Bnd"].map(|set| format!("Cap{set}:\t{none}"));
    assert_eq!(well(&ran), [&expected[0], &expected[1], &expected[2], "65534"]);
}

#[tokio::test]
async fn predeploy_is_removed_also_when_it_fails() {
    let stage = Stage::new();
    let (ran, place) = stage.predeploy_at("echo no >&2; exit 3\n").await;
    assert_eq!(failure(&ran.end), "predeploy.sh ended with exit code 3");
    assert_eq!(ran.stderr(), ["no"]);
    assert!(!place.tree().join("predeploy.sh").exists());
    assert!(stage.path("tree/predeploy.sh").exists(), "the original stays");
}

#[tokio::test]
async fn folders_that_hold_what_is_private_and_folders_that_are_missing_are_refused() {
    let stage = Stage::new();
    let private = Private { files: vec![stage.path("auth.key")], folders: Vec::new() };
    let ready = async |paths: &[std::path::PathBuf]| {
        walled(false, paths, private.clone()).ready(&stage.path("places")).await.unwrap_err()
    };
    let why = ready(&["/".into()]).await;
    assert!(
        why.starts_with("runner.sandbox_paths has /, which holds ") && why.ends_with("auth.key"),
        "{why}"
    );
    assert!(ready(&["/no/such/cache".into()]).await.contains("/no/such/cache"));
}

/// Bubblewrap for a service that does not run as root.
#[tokio::test]
async fn the_walls_stand_for_a_plain_user_too() {
    let stage = Stage::new();
    stage.write("predeploy.sh", "id -u; pwd; ls /root /home; echo x >built\n");
    let place = stage.place().await;
    let mut program = stage.sandbox.clone().for_root(false).with_limits(short()).program(
        place.tree(),
        place.tmp(),
        "predeploy.sh",
        &[],
        &super::stage::facts(),
    );
    if is_root() {
        let open = fs::Permissions::from_mode(0o711);
        for folder in [stage.path(""), stage.path("places"), place.tree().parent().unwrap().to_owned()] {
            fs::set_permissions(folder, open.clone()).unwrap();
        }
        let mut chown = std::process::Command::new("chown");
        assert!(chown.args(["-R", "nobody"]).args([place.tree(), place.tmp()]).status().unwrap().success());
        let become_nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--"];
        let argv = become_nobody.iter().map(Into::into).chain(program.argv).collect();
        program = Program { argv, ..program };
    }
    let ran = stage.run(&program).await;
    assert_eq!(ran.end, Outcome::Exited(0), "{:?}", ran.lines);
    assert_eq!(ran.stdout(), ["65534", "/release"]);
    let mut built = String::new();
    fs::File::open(place.tree().join("built")).unwrap().read_to_string(&mut built).unwrap();
    assert_eq!(built, "x\n");
}
