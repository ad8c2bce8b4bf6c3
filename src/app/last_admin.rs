//! What every change of roles and people asks before it is committed: does somebody
//! still administer? Where nobody did before, nothing is lost, and a house may be set
//! up in any order.

use super::{Refusal, access};
use crate::db::{self, DbError, Source, Tx};
use crate::domain::actor::Actor;
use crate::domain::fleet::Role;
use crate::domain::last_admin::{Somebody, is_administered};
use crate::domain::person::{Person, RoleMember};

/// Who held what before a change.
#[derive(Debug)]
pub struct Before {
    was_administered: bool,
}

impl Before {
    pub async fn read(source: &impl Source) -> Result<Self, DbError> {
        Ok(Self { was_administered: is_administered_now(source).await? })
    }

    /// What somebody at a page or the API has changed in this transaction must leave an
    /// administrator, and leave them one. Gives the words of what is wrong.
    pub async fn refuse_lockout(&self, tx: &Tx, actor: &Actor) -> Result<Option<&'static str>, Refusal> {
        if access::still_administers(tx, actor).await.is_err() {
            return Ok(Some("nobody takes the administration from themselves; ask another administrator"));
        }
        if self.was_administered && !is_administered_now(tx).await? {
            return Ok(Some("an administrator has to be left who can sign in"));
        }
        Ok(None)
    }
}

async fn is_administered_now(source: &impl Source) -> Result<bool, DbError> {
    let (people, members) = (everybody(source).await?, db::people::list_all_members(source).await?);
    let roles = db::fleet::load_roles(source).await?;
    Ok(is_administered(&people, &members, &roles, Somebody::Known))
}

/// The same of a fleet file, before it is written.
pub async fn would_lose(
    tx: &Tx,
    before: (&[RoleMember], &[Role]),
    after: (&[RoleMember], &[Role]),
) -> Result<bool, DbError> {
    let people = everybody(tx).await?;
    let holds = |(members, roles)| is_administered(&people, members, roles, Somebody::Named);
    Ok(holds(before) && !holds(after))
}

async fn everybody(source: &impl Source) -> Result<Vec<Person>, DbError> {
    db::people::list(source, "", None, u64::from(u32::MAX)).await
}
