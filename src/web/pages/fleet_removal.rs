//! The question before an object of the fleet is removed, and the answer to it.

use super::fleet::{Answered, Version};
use super::fleet_words::{address, crumbs, list_address, page_of};
use crate::app::Refusal;
use crate::app::administer::{self, Trouble};
use crate::domain::document::Problem;
use crate::domain::fleet::object::Place;
use crate::web::form::Posted;
use crate::web::guard::Visit;
use crate::web::html::capital;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::fleet_object::Removal;
use crate::web::view::{Link, Section};

/// Why the question is asked.
pub enum Why {
    Asked,
    /// It is not what was seen when the answer was given.
    Changed,
    /// It was answered, and this kept the object.
    Kept(String),
}

pub async fn question(visit: &Visit<'_>, place: Place, why: Why) -> Result<Html, PageError> {
    let seen = administer::find(visit.app, visit.actor(), &place).await?;
    let mut reasons = administer::what_needs(visit.app, visit.actor(), &place).await?;
    let (status, is_changed) =
        (if matches!(why, Why::Asked) { 200 } else { 409 }, matches!(why, Why::Changed));
    if let (Why::Kept(words), true) = (why, reasons.is_empty()) {
        // Nothing names it; it is what would be without it.
        reasons.push(words.trim_end_matches('.').to_owned());
    }
    let left_behind = administer::what_is_left(visit.app, visit.actor(), &place).await?;
    let names =
        seen.object["environments"].as_array().map(|all| all.iter().filter_map(|one| one["name"].as_str()));
    let environments = names.map(|names| names.map(str::to_owned).collect());
    let page = Removal {
        page: page_of(place.kind),
        what: place.to_string(),
        crumbs: crumbs(place.kind, place.parent.as_ref()),
        back: Link::new(address(&place), place.name.to_string()),
        takes_along: environments.unwrap_or_default(),
        action: format!("{}/delete", address(&place)),
        version: seen.version,
        managed: seen.managed,
        reasons: reasons.iter().map(|reason| capital(reason)).collect(),
        left_behind: left_behind.iter().map(|words| capital(words)).collect(),
        is_changed,
        shell: visit.shell(Section::Administration),
    };
    Html::with_status(status, &page)
}

pub async fn take_away(posted: Posted<'_, Version>, place: Place) -> Result<Answered, PageError> {
    let (visit, Version(version)) = (posted.visit, posted.form);
    match administer::remove(visit.app, visit.actor(), &place, Some(&[version])).await {
        Ok(()) => Ok(Answered::Done(SeeOther(list_address(&place)))),
        Err(Trouble::Changed(_)) => Ok(Answered::Again(question(&visit, place, Why::Changed).await?)),
        Err(Trouble::Refused(Refusal::Conflict(words))) => {
            Ok(Answered::Again(question(&visit, place, Why::Kept(words)).await?))
        }
        Err(Trouble::Refused(refusal)) => Err(refusal.into()),
        Err(Trouble::Invalid(problems)) => {
            let words: Vec<String> = problems.iter().map(Problem::to_string).collect();
            Err(Refusal::Conflict(words.join("; ")).into())
        }
    }
}
