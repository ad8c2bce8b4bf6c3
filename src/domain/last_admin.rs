//! Somebody always administers: who else would give the administration back?

use super::fleet::Role;
use super::permission::GlobalPermission;
use super::person::{ADMIN_ROLE, MemberKind, Person, RoleMember, access};

/// Who counts as somebody who administers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Somebody {
    /// Who is known, may come in, and holds admin by name or by team.
    Known,
    /// Also a name that nobody is bound to yet and a team that nobody known is in: on
    /// the command line a house is set up before anybody came in.
    Named,
}

pub fn is_administered(people: &[Person], members: &[RoleMember], roles: &[Role], counts: Somebody) -> bool {
    let is_known = people.iter().any(|person| {
        let theirs = members.iter().filter(|member| person.is_meant_by(member)).cloned();
        person.identity.is_some() && access(person, &theirs.collect::<Vec<_>>(), roles).is_admin()
    });
    let gives_admin = |member: &&RoleMember| {
        let gives = |role: &Role| role.name == member.role && role.global.contains(&GlobalPermission::Admin);
        member.role.as_str() == ADMIN_ROLE || roles.iter().any(gives)
    };
    is_known
        || (counts == Somebody::Named
            && members.iter().filter(gives_admin).any(|member| may_yet_come(people, member)))
}

fn may_yet_come(people: &[Person], member: &RoleMember) -> bool {
    if member.kind == MemberKind::Team {
        return true;
    }
    let name = member.member.rsplit(':').next();
    let known = people.iter().find(|person| Some(person.name.as_str()) == name);
    known.is_none_or(|person| person.identity.is_none() && !person.disabled)
}
