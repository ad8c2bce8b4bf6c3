//! Whether a run may take servers out of service (rules.md 20).

use std::collections::BTreeSet;
use std::fmt;

use super::{Admin, Health, Member, MemberState};

/// One reason, as a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Out of service, and not by a deployment.
    TakenOutByOthers { member: Member, admin: Admin },
    /// Fails the load balancer's checks already; nothing is lost by taking it out.
    AlreadyDown { member: Member, up: Health },
    /// Finished before, and should carry the traffic now.
    NotServing(MemberState),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TakenOutByOthers { member, admin: Admin::Maint } => {
                write!(f, "{member} was put in maintenance by somebody else. Put it back, or ask who did it.")
            }
            Self::TakenOutByOthers { member, .. } => {
                write!(f, "{member} is being drained by somebody else. Put it back, or ask who did it.")
            }
            Self::AlreadyDown { member, up } => {
                write!(f, "{member} is {up} already; it serves nobody, and is deployed all the same.")
            }
            Self::NotServing(MemberState { member, state }) => {
                write!(f, "{member} is done, but does not serve ({state}). Nothing more is taken out.")
            }
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakeOut {
    /// Any of these, and nothing may be touched.
    pub stops: Vec<Obstacle>,
    pub warnings: Vec<Obstacle>,
}

impl TakeOut {
    pub fn may(&self) -> bool {
        self.stops.is_empty()
    }
}

/// `ours` are the members that our deployments took out: those may be out already,
/// and the run puts them back. Whoever else is out stops the run.
pub fn may_take_out(states: &[MemberState], ours: &BTreeSet<Member>) -> TakeOut {
    let mut decision = TakeOut::default();
    for MemberState { member, state } in states {
        let member = member.clone();
        if state.admin != Admin::Ready {
            if !ours.contains(&member) {
                decision.stops.push(Obstacle::TakenOutByOthers { member, admin: state.admin });
            }
        } else if !state.up.serves() {
            decision.warnings.push(Obstacle::AlreadyDown { member, up: state.up });
        }
    }
    decision
}

/// Those of the finished members that do not carry traffic. Any of them stops the
/// run: taking more out would leave less than was planned.
pub fn are_serving(finished: &[MemberState]) -> Vec<Obstacle> {
    let idle = finished.iter().filter(|seen| seen.state.admin != Admin::Ready || !seen.state.up.serves());
    idle.cloned().map(Obstacle::NotServing).collect()
}
