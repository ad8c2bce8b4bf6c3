//! Acting for somebody else (rules.md 31): a program with the right says who, reads
//! and deploys with that person's rights and not its own, and both names are recorded.
//! What it never does is decided by `Access` and by policy; who may not be acted for,
//! here.

use super::{App, Refusal, access};
use crate::db;
use crate::domain::actor::Actor;
use crate::domain::name::Name;
use crate::domain::permission::{Access, GlobalPermission};

/// The actor that `bot` is from now on: `name`, within the scope of the bot's token.
pub async fn act_for(app: &App, bot: &Actor, name: &str) -> Result<Actor, Refusal> {
    if !bot.access.has(GlobalPermission::Impersonate) {
        return Err(may_not());
    }
    let name = Name::parse(name.trim()).map_err(|_| nobody())?;
    let person = db::people::find_by_name(&app.db, &name).await?;
    let person = person.filter(|person| !person.disabled).ok_or_else(nobody)?;
    let target = access::actor_of(&app.db, person).await?;
    allowed(&bot.access, &target)?;
    let access = Access { within: bot.access.within.clone(), by: Some(bot.name.clone()), ..target.access };
    Ok(Actor { access, ..target })
}

/// `theirs` is what the one who acts holds; the other must not hold as much.
pub(super) fn allowed(theirs: &Access, target: &Actor) -> Result<(), Refusal> {
    let above = |wanted| target.access.has(wanted);
    if !theirs.has(GlobalPermission::Impersonate) {
        Err(may_not())
    } else if above(GlobalPermission::Admin) || above(GlobalPermission::Impersonate) {
        Err(Refusal::Forbidden(format!("Nobody acts for {}, who holds a right to everything.", target.name)))
    } else {
        Ok(())
    }
}

fn may_not() -> Refusal {
    Refusal::Forbidden(
        "Acting for another needs the right to impersonate, in the token's scope too.".to_owned(),
    )
}

/// The same for a name that is nobody's, disabled or none.
fn nobody() -> Refusal {
    Refusal::Forbidden("There is nobody of that name to act for.".to_owned())
}
