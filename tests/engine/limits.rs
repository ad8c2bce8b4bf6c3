//! Much of everything: files, bytes, output.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use crate::domain::deployment::DeploymentState;
use crate::domain::event::EventKind;
use crate::domain::scope::Scope;
use crate::repo::Limits;
use crate::tests::harness::{Service, World};
use crate::tests::support::git::GitRepository;

/// The most memory that this process ever had, in MB.
fn peak_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// 500 folders of 100 files, without a work tree of them; one of the files says `last`.
fn commit_many(repository: &GitRepository, tag: &str, last: &str) {
    let (same, other) = (repository.blob("the same\n"), repository.blob(last));
    let tree = |mode, count: usize, object: &str, last: &str| {
        let mut names: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        names.sort();
        let of = |name: &String| {
            if *name == (count - 1).to_string() { last.to_owned() } else { object.to_owned() }
        };
        let objects: Vec<String> = names.iter().map(of).collect();
        let entries: Vec<(&str, &[u8], &str)> = names
            .iter()
            .zip(&objects)
            .map(|(name, object)| (mode, name.as_bytes(), object.as_str()))
            .collect();
        repository.raw_tree(&entries)
    };
    let (folder, last) = (tree("100644", 100, &same, &same), tree("100644", 100, &same, &other));
    let data = tree("40000", 500, &folder, &last);
    repository.git(["rm", "-r", "-q", "--cached", "--ignore-unmatch", "data"]);
    repository.git(["read-tree", "--prefix=data/", &data]);
    let commit = repository.commit_index(tag, 1_790_000_000);
    repository.annotated_tag(tag, &commit, tag, 1_790_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_files_deploy_and_a_second_release_sends_only_what_differs() {
    let service = Service::start_in(World::unreviewed(1)).await;
    commit_many(&service.repository, "v1.3", "first");
    service.succeeds("v1.3").await;
    let untouched = service.hosts[0].files().join("shop/data/0/0");
    let before = fs::metadata(&untouched).unwrap().ino();
    assert_eq!(service.on_host(1, "data/499/99").unwrap(), b"first");

    commit_many(&service.repository, "v1.4", "again");
    service.succeeds("v1.4").await;

    assert_eq!(service.on_host(1, "data/499/99").unwrap(), b"again", "of the same size and second");
    assert_eq!(fs::metadata(&untouched).unwrap().ino(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_two_gigabytes_deploys_without_being_held_in_memory() {
    let service = Service::start_in(World::unreviewed(1)).await;
    // One byte more than two gigabytes, where a number of 31 bits ends.
    let megabytes = 2_048_u64;
    service.commit("v1.3", |repository| {
        let file = fs::File::create(repository.path().join("large")).unwrap();
        file.set_len((megabytes << 20) + 1).unwrap();
    });
    let before = peak_mb();
    service.succeeds("v1.3").await;
    let large = service.hosts[0].files().join("shop/large");
    assert_eq!(fs::metadata(large).unwrap().len(), (megabytes << 20) + 1);
    let more = peak_mb() - before;
    assert!(more < 150, "{more} MB more for a file of {megabytes} MB");
}

#[test]
fn no_limit_of_ours_is_below_what_has_to_deploy() {
    let Limits { file_bytes, tree_bytes, tree_entries, .. } = Limits::default();
    assert!(file_bytes > 2 << 30 && tree_bytes > 4 << 30 && tree_entries > 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_output_is_cut_with_a_mark_the_run_goes_on_and_memory_stays_bounded() {
    let mut world = World::unreviewed(1);
    world.edit_config = Box::new(|config| config["limits"]["output_mb"] = serde_json::json!(5));
    let service = Service::start_in(world).await;
    service.commit("v1.3", |repository| {
        repository.write(
            "deploy.sh",
            "head -c 100000000 /dev/zero | tr '\\0' x | fold -w 999\necho; touch after\n",
        );
    });
    let before = peak_mb();
    let id = service.queue("v1.3", Scope::Environment).await.unwrap();
    assert_eq!(service.ended(id).await.state, DeploymentState::Succeeded);
    assert!(service.on_host(1, "after").is_some());
    let (mut bytes, mut marks) = (0, 0);
    for event in service.journal(id).await {
        match event.what {
            EventKind::Output { text, .. } => bytes += text.len(),
            EventKind::Note { text, .. } if text.contains("Output beyond 5 MB is not kept") => marks += 1,
            _ => {}
        }
    }
    assert!((4 << 20..6 << 20).contains(&bytes), "{bytes}");
    assert_eq!(marks, 1);
    let more = peak_mb() - before;
    assert!(more < 250, "{more} MB more");
}
