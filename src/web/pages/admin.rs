//! The overview of administration: what the fleet holds, and the way to each part.

use super::fleet_words::{plural, words};
use crate::app::queries::applications;
use crate::app::{Refusal, administer};
use crate::domain::fleet::object::{self, Place};
use crate::domain::fleet::{Fleet, Kind};
use crate::web::guard::{Visit, may_administer};
use crate::web::html::capital;
use crate::web::respond::{Html, PageError};
use crate::web::view::Section;
use crate::web::view::admin::{Admin, FleetGroup, FleetRow};

#[rocket::get("/admin")]
pub async fn overview(visit: Visit<'_>) -> Result<Html, PageError> {
    if !may_administer(&visit.person) {
        return Err(Refusal::Forbidden("Administration is for administrators.".to_owned()).into());
    }
    let may_change = visit.actor().access.is_admin();
    let fleet = if may_change {
        administer::fleet(visit.app, visit.actor()).await?
    } else {
        applications::readable_fleet(visit.app, visit.actor()).await?
    };
    let page = Admin {
        groups: groups(&fleet, may_change),
        failed_deliveries: applications::failed_deliveries(visit.app).await?,
        may_change,
        shell: visit.shell(Section::Administration),
    };
    Html::page(&page)
}

const ORDER: [Kind; 6] =
    [Kind::Application, Kind::Server, Kind::Cluster, Kind::LoadBalancer, Kind::Calendar, Kind::Role];

/// Who may only read sees what there is, and no way to change it.
fn groups(fleet: &Fleet, may_change: bool) -> Vec<FleetGroup> {
    let places: Vec<Place> = object::objects(fleet).into_iter().map(|(place, _)| place).collect();
    let row = |place: &Place| {
        let (words, warning) = words(place.kind, &object::find(fleet, place).unwrap_or_default());
        let address = format!("/admin/{}/{}", place.kind.list(), place.name);
        FleetRow { name: place.name.to_string(), href: may_change.then_some(address), words, warning }
    };
    let group = |kind: Kind| FleetGroup {
        title: capital(plural(kind)),
        href: may_change.then(|| format!("/admin/{}", kind.list())),
        rows: places.iter().filter(|place| place.kind == kind).map(row).collect(),
    };
    ORDER.into_iter().map(group).collect()
}
