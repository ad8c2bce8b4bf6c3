//! Plans as values.

use super::world::{facts, key, name};
use crate::domain::plan::{ClusterFacts, HostFacts, Plan, RunFacts, Step, plan};

fn host(server: &str) -> HostFacts {
    HostFacts {
        server: name(server),
        host: "10.0.0.11".to_owned(),
        port: 22,
        host_key: Some(key().to_owned()),
        active: true,
    }
}

fn inactive(server: &str) -> HostFacts {
    HostFacts { active: false, host_key: None, ..host(server) }
}

fn cluster(cluster: &str, hosts: Vec<HostFacts>) -> ClusterFacts {
    ClusterFacts { name: name(cluster), hosts, members: Vec::new() }
}

fn in_words(plan: &Plan) -> String {
    let mut lines = vec![format!("here{}", steps_in_words(&plan.prepare))];
    for stage in &plan.stages {
        for host in &stage.hosts {
            lines.push(format!("{} {}{}", stage.name, host.host.server, steps_in_words(&host.steps)));
        }
    }
    lines.extend(plan.warnings.iter().map(|warning| format!("! {warning}")));
    lines.join("\n")
}

fn steps_in_words(steps: &[Step]) -> String {
    let word = |step: &Step| format!(" {}:{}/{}s", step.id.0, step.phase.word(), step.timeout_s);
    steps.iter().map(word).collect::<Vec<_>>().concat()
}

#[test]
fn a_plan_is_the_same_for_the_same_facts() {
    let clusters = [
        cluster("blue", vec![host("web-1"), inactive("web-2")]),
        cluster("green", vec![host("web-3"), host("web-1")]),
        cluster("spare", vec![inactive("web-4")]),
    ];
    let planned = plan(facts("/srv/shop"), &clusters).unwrap();
    insta::assert_snapshot!(in_words(&planned), @r"
    here 0:checks/60s 1:fetch/600s 2:build/600s 3:predeploy.sh/3600s 4:local tests/3600s
    blue web-1 5:connect/60s 6:compare/3600s 7:mark/30s 8:sync/3600s 9:verify/900s 10:deploy.sh/3600s 11:tests/3600s 12:finish/300s
    green web-3 13:connect/60s 14:compare/3600s 15:mark/30s 16:sync/3600s 17:verify/900s 18:deploy.sh/3600s 19:tests/3600s 20:finish/300s
    ! web-2 is inactive and was skipped
    ! web-1 is in blue and green; it is deployed once, with blue
    ! web-4 is inactive and was skipped
    ");
}

#[test]
fn what_cannot_be_planned_is_refused_in_words() {
    let sound = || vec![cluster("blue", vec![host("web-1")])];
    let with = |change: fn(&mut RunFacts)| {
        let mut facts = facts("/srv/shop");
        change(&mut facts);
        facts
    };
    let unchanged = || with(|_| {});
    let of = |changed: HostFacts| vec![cluster("blue", vec![host("web-1"), changed])];
    let said = [
        plan(unchanged(), &[]),
        plan(unchanged(), &[cluster("blue", vec![host("web-1")]), cluster("green", vec![])]),
        plan(unchanged(), &[cluster("blue", vec![inactive("web-1")])]),
        plan(unchanged(), &of(HostFacts { host_key: None, ..host("web-2") })),
        plan(unchanged(), &of(HostFacts { host_key: Some("ssh-ed25519 AAAA".to_owned()), ..host("web-2") })),
        plan(unchanged(), &of(HostFacts { host: "-oProxyCommand=id".to_owned(), ..host("web-2") })),
        plan(with(|facts| facts.target_path = "/".to_owned()), &sound()),
        plan(with(|facts| facts.remote_user = "-root".to_owned()), &sound()),
        plan(with(|facts| facts.rsync_options.push("--rsync-path=id".to_owned())), &sound()),
        plan(with(|facts| facts.release = "v1\nv2".to_owned()), &sound()),
    ];
    let said: Vec<String> = said.into_iter().map(|planned| planned.unwrap_err().to_string()).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    there is no cluster to deploy to
    cluster green has no servers
    no active server is left to deploy to
    server web-2 has no pinned host key; nothing connects to it until one is pinned
    host key of web-2: must be a public key like 'ssh-ed25519 AAAA…'
    host of web-2: must be a DNS name, an IPv4 or an IPv6 address
    target_path: must be at least two folders deep
    remote_user: must be 1 to 64 of a-z, A-Z, 0-9, '_', '.' and '-', starting with none of '.' and '-'
    rsync_options: rsync option "--rsync-path=id" is not among the options of rsync that may be used
    release: must be one line of visible text
    "#);
}
