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

pub(super) fn cut<'a>(
    facts: &RunFacts,
    taking: &[Taking<'a>],
    members: &[Member],
    warnings: &mut Vec<String>,
) -> Vec<Cut<'a>> {
    // A server leaves service in every cluster that it is in.
    let of = |hosts: &[Taking<'_>]| -> Vec<Member> {
        members
            .iter()
            .filter(|m| hosts.iter().any(|taking| taking.host.server == m.server))
            .cloned()
            .collect()
    };
    if matches!(facts.scope, Scope::Cluster(_) | Scope::Server(_)) {
        warnings.push(format!(
            "Only {} is deployed; the rest keeps what it runs, so two versions will serve.",
            facts.scope
        ));
    }
    match facts.strategy {
        Strategy::Clusters => by_cluster(facts, taking, of, warnings),
        Strategy::Rolling => {
            warnings.push(
                "Batches leave and enter service one after another; two versions serve meanwhile.".to_owned(),
            );
            in_batches(batches(taking, facts.batch.unwrap_or(ROLLING), taking.len()), false, of)
        }
        Strategy::Canary => {
            warnings.push("The canary serves beside the old version until somebody continues.".to_owned());
            let count = facts.batch.unwrap_or(CANARY).of(taking.len());
            let (first, rest) = taking.split_at(count.min(taking.len()));
            let rest = batches(rest, AFTER_CANARY, taking.len());
            in_batches(std::iter::once(first.to_vec()).chain(rest).collect(), true, of)
        }
        Strategy::All => {
            warnings.push("All hosts are changed at once, while they serve.".to_owned());
            vec![plain("all", taking.to_vec())]
        }
    }
}

fn by_cluster<'a>(
    facts: &RunFacts,
    taking: &[Taking<'a>],
    of: impl Fn(&[Taking<'_>]) -> Vec<Member>,
    warnings: &mut Vec<String>,
) -> Vec<Cut<'a>> {
    let mut groups: Vec<Vec<Taking<'a>>> = Vec::new();
    for host in taking {
        match groups.iter_mut().find(|group| group[0].cluster == host.cluster) {
            Some(group) => group.push(*host),
            None => groups.push(vec![*host]),
        }
    }
    // The whole environment or what is left of it: none of the old may serve on.
    let whole = matches!(facts.scope, Scope::Environment | Scope::Servers(_));
    if whole && groups.len() == 1 && !of(&groups[0]).is_empty() {
        warnings.push(format!(
            "{} is the only cluster: nothing serves while it is deployed.",
            groups[0][0].cluster
        ));
    }
    let mut cuts = Vec::with_capacity(groups.len());
    for (place, group) in groups.iter().enumerate() {
        let mine = of(group);
        let earlier: Vec<Member> = groups[..place].iter().flat_map(|group| of(group)).collect();
        let later: Vec<Member> =
            groups[place + 1..].iter().flat_map(|group| of(group)).filter(|m| !mine.contains(m)).collect();
        // Later clusters left service when the first one entered it.
        let drain = if place == 0 || !whole { mine.clone() } else { Vec::new() };
        let after = if mine.is_empty() {
            (place == 0 && whole && !later.is_empty()).then_some(Balance::Drain { members: later })
        } else if place == 0 && whole && !later.is_empty() {
            Some(Balance::Swap { enable: mine, drain: later })
        } else {
            Some(Balance::Enable { members: mine })
        };
        cuts.push(Cut {
            name: group[0].cluster.to_string(),
            waits_for_person: false,
            hosts: group.clone(),
            still_up: some(earlier),
            drain: some(drain),
            after,
        });
    }
    cuts
}

fn in_batches(
    batches: Vec<Vec<Taking<'_>>>,
    canary: bool,
    of: impl Fn(&[Taking<'_>]) -> Vec<Member>,
) -> Vec<Cut<'_>> {
    let mut cuts = Vec::with_capacity(batches.len());
    let mut earlier: Vec<Member> = Vec::new();
    for (place, hosts) in batches.into_iter().enumerate() {
        let mine = of(&hosts);
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
