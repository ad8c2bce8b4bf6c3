//! How the hosts of a run are cut into stages, and what load balancers are told
//! around each of them.
//!
//! `clusters` goes cluster by cluster. When the first is done it enters service
//! and every other leaves it at the same moment, so that two versions never serve
//! together. `rolling` and `canary` keep capacity instead: their batches leave
//! and enter service one after another, and both versions serve meanwhile. `all`
//! changes every host at once while it serves.

use super::lay_out::Taking;
use super::{Balance, RunFacts};
use crate::domain::balancer::Member;
use crate::domain::fleet::{Batch, Strategy};
use crate::domain::scope::Scope;

/// What follows a canary goes in quarters: most of the hosts serve at any time.
const AFTER_CANARY: Batch = Batch::Percent(25);
const ROLLING: Batch = Batch::Percent(25);
const CANARY: Batch = Batch::Count(1);

/// One stage to be.
pub(super) struct Cut<'a> {
    pub name: String,
    pub waits_for_person: bool,
    pub hosts: Vec<Taking<'a>>,
    pub still_up: Option<Vec<Member>>,
    pub drain: Option<Vec<Member>>,
    pub after: Option<Balance>,
}

impl Cut<'_> {
    /// Everything that the load balancer is told about.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        let (out, back) = self.after.as_ref().map_or((&[][..], &[][..]), |a| (a.takes_out(), a.puts_back()));
        self.drain.iter().flatten().chain(out).chain(back)
    }
}

/// `members` are those of every server that is active.
pub(super) fn cut<'a>(
    facts: &RunFacts,
    taking: &[Taking<'a>],
    members: &[Member],
    warnings: &mut Vec<String>,
) -> Vec<Cut<'a>> {
    if matches!(facts.within, Scope::Cluster(_) | Scope::Server(_)) {
        warnings.push(format!(
            "Only {} is deployed; the rest keeps what it runs, so two versions will serve.",
            facts.scope
        ));
    }
    let cuts = match facts.strategy {
        Strategy::Clusters => by_cluster(facts, taking, members),
        Strategy::Rolling => {
            warnings.push(
                "Batches leave and enter service one after another; two versions serve meanwhile.".to_owned(),
            );
            let (done, undone) = parted(taking);
            let whole = undone.len();
            in_batches(&done, batches(&undone, facts.batch.unwrap_or(ROLLING), whole), false, members)
        }
        Strategy::Canary => {
            let (done, undone) = parted(taking);
            let count = facts.batch.unwrap_or(CANARY).of(undone.len());
            let (first, rest) = undone.split_at(count.min(undone.len()));
            if !rest.is_empty() {
                let words = "The canary serves beside the old version until somebody continues.";
                warnings.push(words.to_owned());
            }
            let rest = batches(rest, AFTER_CANARY, undone.len());
            in_batches(&done, std::iter::once(first.to_vec()).chain(rest).collect(), true, members)
        }
        Strategy::All => {
            warnings.push("All hosts are changed at once, while they serve.".to_owned());
            vec![plain("all", parted(taking).1)]
        }
    };
    for cut in &cuts {
        if is_outage(cut.drain.as_deref().unwrap_or_default(), members) {
            warnings.push(format!("{} is all that serves: nothing does while it is deployed.", cut.name));
        }
    }
    cuts
}

/// A server leaves service in every cluster that it is in.
fn members_of(hosts: &[Taking<'_>], members: &[Member]) -> Vec<Member> {
    let is_theirs = |member: &&Member| hosts.iter().any(|taking| taking.host.server == member.server);
    members.iter().filter(is_theirs).cloned().collect()
}

/// The hosts that an earlier run has done, and those that are left.
fn parted<'a>(taking: &[Taking<'a>]) -> (Vec<Taking<'a>>, Vec<Taking<'a>>) {
    taking.iter().copied().partition(|host| host.is_done)
}

/// Whether nobody of some backend is left.
fn is_outage(drained: &[Member], all: &[Member]) -> bool {
    let backend = |member: &Member| (member.balancer.clone(), member.backend.clone());
    drained.iter().any(|one| {
        all.iter().filter(|other| backend(other) == backend(one)).all(|other| drained.contains(other))
    })
}

/// A cluster that the runs before a retry have done takes part without hosts: it has
/// to be in service before the others leave it, and is left alone when it is.
fn by_cluster<'a>(facts: &RunFacts, taking: &[Taking<'a>], members: &[Member]) -> Vec<Cut<'a>> {
    let mut groups: Vec<Vec<Taking<'a>>> = Vec::new();
    for host in taking {
        match groups.iter_mut().find(|group| group[0].cluster == host.cluster) {
            Some(group) => group.push(*host),
            None => groups.push(vec![*host]),
        }
    }
    let whole = facts.within.is_whole();
    let mut cuts = Vec::with_capacity(groups.len());
    for (place, group) in groups.iter().enumerate() {
        let mine = members_of(group, members);
        let earlier: Vec<Member> =
            groups[..place].iter().flat_map(|group| members_of(group, members)).collect();
        let later = groups[place + 1..].iter().flat_map(|group| members_of(group, members));
        let later: Vec<Member> = later.filter(|member| !mine.contains(member)).collect();
        let hosts = parted(group).1;
        // Later clusters left service when the first one entered it.
        let leaves = !hosts.is_empty() && (place == 0 || !whole);
        let drain = if leaves { mine.clone() } else { Vec::new() };
        let after = if place == 0 && whole && !later.is_empty() {
            Some(if mine.is_empty() {
                Balance::Drain { members: later }
            } else {
                Balance::Swap { enable: mine, drain: later }
            })
        } else {
            some(mine).map(|members| Balance::Enable { members })
        };
        if hosts.is_empty() && after.is_none() {
            continue;
        }
        cuts.push(Cut {
            name: group[0].cluster.to_string(),
            waits_for_person: false,
            hosts,
            still_up: some(earlier),
            drain: some(drain),
            after,
        });
    }
    cuts
}

fn in_batches<'a>(
    done: &[Taking<'a>],
    batches: Vec<Vec<Taking<'a>>>,
    canary: bool,
    members: &[Member],
) -> Vec<Cut<'a>> {
    let mut cuts = Vec::with_capacity(batches.len() + 1);
    let mut earlier = members_of(done, members);
    if !earlier.is_empty() {
        let after = Some(Balance::Enable { members: earlier.clone() });
        cuts.push(Cut { after, ..plain("done before", Vec::new()) });
    }
    for (place, hosts) in batches.into_iter().enumerate() {
        let mine = members_of(&hosts, members);
        let name = if canary && place == 0 {
            "canary".to_owned()
        } else {
            format!("batch-{}", place + usize::from(!canary))
        };
        let still_up = some(earlier.clone());
        earlier.extend(mine.iter().cloned());
        cuts.push(Cut {
            name,
            waits_for_person: canary && place == 1,
            hosts,
            still_up,
            drain: some(mine.clone()),
            after: some(mine).map(|members| Balance::Enable { members }),
        });
    }
    cuts
}

/// In the order given, so many at a time out of `whole`.
fn batches<'a>(hosts: &[Taking<'a>], batch: Batch, whole: usize) -> Vec<Vec<Taking<'a>>> {
    hosts.chunks(batch.of(whole)).map(<[Taking<'a>]>::to_vec).collect()
}

fn plain<'a>(name: &str, hosts: Vec<Taking<'a>>) -> Cut<'a> {
    Cut { name: name.to_owned(), waits_for_person: false, hosts, still_up: None, drain: None, after: None }
}

fn some(members: Vec<Member>) -> Option<Vec<Member>> {
    (!members.is_empty()).then_some(members)
}
