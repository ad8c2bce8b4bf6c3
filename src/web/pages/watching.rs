//! Pages of administration that only look, and one button: who may do what, what was
//! done, and what did not arrive.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::app::queries::applications;
use crate::app::queries::watching::{self, AuditLine, AuditWanted, Delivery, Entry};
use crate::app::resend::resend;
use crate::app::{FieldError, Refusal};
use crate::domain::matrix::PERMISSIONS;
use crate::domain::name::Name;
use crate::domain::notice::{About, DeliveryState};
use crate::web::form::{Nothing, Posted};
use crate::web::guard::Visit;
use crate::web::html::Mark;
use crate::web::respond::{Html, PageError, SeeOther};
use crate::web::view::admin_access::{AdminAccess, Place, Row};
use crate::web::view::admin_audit::{AdminAudit, AuditFields, AuditRow};
use crate::web::view::admin_deliveries::{AdminDeliveries, DeliveryRow};
use crate::web::view::requests::Filter;
use crate::web::view::{Link, Section};

const A_PAGE: usize = 50;

/// The people of one environment, or the environments of one person.
#[rocket::get("/admin/access?<application>&<environment>&<person>&<after>")]
pub async fn access(
    visit: Visit<'_>,
    application: Option<&str>,
    environment: Option<&str>,
    person: Option<&str>,
    after: Option<&str>,
) -> Result<Html, PageError> {
    let (app, actor) = (visit.app, visit.actor());
    let given = |text: Option<&str>| {
        let text = text.filter(|text| !text.is_empty());
        text.map(Name::parse).transpose().map_err(|_| Refusal::NotFound)
    };
    let (person, after) = (given(person)?, given(after)?);
    crate::app::access::oversees(actor)?;
    let fleet = applications::readable_fleet(app, actor).await?;
    let places: Vec<(&Name, &Name)> = fleet
        .applications
        .iter()
        .flat_map(|application| {
            let environments = application.environments_in_order().into_iter();
            environments.map(|environment| (&application.name, &environment.name))
        })
        .collect();
    let (wanted, in_it) = (given(application)?, given(environment)?);
    // Of an application alone, and without any, the last of its environments: production.
    let fits = |(application, environment): &(&Name, &Name)| {
        wanted.as_ref().is_none_or(|wanted| wanted == *application)
            && in_it.as_ref().is_none_or(|wanted| wanted == *environment)
    };
    let first = places.iter().find(|place| fits(place)).map(|place| place.0);
    let chosen = places.iter().rfind(|place| fits(place) && Some(place.0) == first).copied();
    if person.is_none() && chosen.is_none() && (wanted.is_some() || in_it.is_some()) {
        return Err(Refusal::NotFound.into());
    }
    let (entries, next) = match (&person, chosen) {
        (Some(person), _) => (watching::what_may(app, actor, person).await?, None),
        (None, Some(place)) => watching::who_may(app, actor, place, after.as_ref(), A_PAGE).await?,
        (None, None) => (Vec::new(), None),
    };
    let next = next.zip(chosen).map(|(after, (application, environment))| {
        format!("/admin/access?application={application}&environment={environment}&after={after}")
    });
    let page = AdminAccess {
        place: chosen.filter(|_| person.is_none()).map(|(application, environment)| Place {
            application: application.to_string(),
            environment: environment.to_string(),
        }),
        person: person.map(|person| person.to_string()),
        places: places
            .iter()
            .map(|(application, environment)| Place {
                application: application.to_string(),
                environment: environment.to_string(),
            })
            .collect(),
        rows: entries.iter().map(row).collect(),
        next,
        shell: visit.shell(Section::Administration),
    };
    Html::page(&page)
}

fn row(entry: &Entry) -> Row {
    Row {
        person: entry.person.to_string(),
        display: entry.display.clone(),
        place: Place {
            application: entry.application.to_string(),
            environment: entry.environment.to_string(),
        },
        may: PERMISSIONS.map(|permission| entry.line.permissions.contains(&permission)),
        why: entry.line.why.iter().map(crate::web::view::admin_access::words_of).collect(),
    }
}

#[rocket::get("/admin/audit?<actor>&<action>&<subject>&<since>&<until>&<before>")]
pub async fn audit(
    visit: Visit<'_>,
    actor: Option<&str>,
    action: Option<&str>,
    subject: Option<&str>,
    since: Option<&str>,
    until: Option<&str>,
    before: Option<i64>,
) -> Result<Html, PageError> {
    let text = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let fields = AuditFields {
        actor: text(actor),
        action: text(action),
        subject: text(subject),
        since: text(since),
        until: text(until),
    };
    let mut errors = Vec::new();
    let zone = TimeZone::get(&visit.app.config.timezone).unwrap_or(TimeZone::UTC);
    let mut day = |field: &'static str, text: &Option<String>, days_later: i64| {
        let text = text.as_ref()?;
        let at = day_begins(text, days_later, &zone);
        if at.is_none() {
            errors.push(FieldError::new(field, "A day like 2026-11-22."));
        }
        at
    };
    let wanted = AuditWanted {
        actor: fields.actor.clone(),
        action: fields.action.clone(),
        subject: fields.subject.clone(),
        since: day("since", &fields.since, 0),
        // The whole of the day that is named.
        until: day("until", &fields.until, 1),
        before,
    };
    let is_wrong = !errors.is_empty();
    let (lines, next) = if is_wrong {
        crate::app::access::oversees(visit.actor())?;
        (Vec::new(), None)
    } else {
        watching::audit(visit.app, visit.actor(), &wanted, A_PAGE).await?
    };
    let head = watching::audit_head(visit.app, visit.actor()).await?;
    let page = AdminAudit {
        rows: lines.into_iter().map(audit_row).collect(),
        next: next.map(|before| fields.address(Some(before))),
        count: head.as_ref().map_or(0, |head| u64::try_from(head.count).unwrap_or_default()),
        head: head.map(|head| format!("{}:{}", head.count, head.mac)),
        fields,
        errors,
        shell: visit.shell(Section::Administration),
    };
    Html::with_status(if is_wrong { 422 } else { 200 }, &page)
}

fn day_begins(text: &str, days_later: i64, zone: &TimeZone) -> Option<Timestamp> {
    let day: Date = text.parse().ok()?;
    let day = day.checked_add(jiff::Span::new().days(days_later)).ok()?;
    Some(day.to_zoned(zone.clone()).ok()?.timestamp())
}

fn audit_row(line: AuditLine) -> AuditRow {
    let href = match line.subject.split_once(' ') {
        Some(("request", id)) if id.parse::<i64>().is_ok() => Some(format!("/requests/{id}")),
        Some(("deployment", id)) if id.parse::<i64>().is_ok() => Some(format!("/deployments/{id}")),
        Some(("person", name)) if Name::parse(name).is_ok() => Some(format!("/admin/people/{name}")),
        _ => None,
    };
    AuditRow {
        seq: line.seq,
        at: line.at,
        actor: line.actor,
        action: line.action,
        subject: line.subject,
        href,
        facts: crate::web::view::admin_audit::facts(&line.facts),
    }
}

#[rocket::get("/admin/deliveries?<state>&<before>")]
pub async fn deliveries(
    visit: Visit<'_>,
    state: Option<&str>,
    before: Option<i64>,
) -> Result<Html, PageError> {
    let state = state
        .and_then(DeliveryState::from_word)
        .filter(|state| matches!(state, DeliveryState::GivenUp | DeliveryState::Waiting));
    let (rows, next) = watching::deliveries(visit.app, visit.actor(), state, before, A_PAGE).await?;
    let may_resend = crate::app::access::administers(visit.actor()).is_ok();
    let address = |state: Option<DeliveryState>, before: Option<i64>| {
        let state = state.map(|state| format!("state={}", state.word()));
        let before = before.map(|before| format!("before={before}"));
        let query: Vec<String> = state.into_iter().chain(before).collect();
        if query.is_empty() {
            "/admin/deliveries".to_owned()
        } else {
            format!("/admin/deliveries?{}", query.join("&"))
        }
    };
    let filter = |of: Option<DeliveryState>, words: &str| Filter {
        link: Link::new(address(of, None), words),
        chosen: of == state,
    };
    let page = AdminDeliveries {
        filters: vec![
            filter(None, "All"),
            filter(Some(DeliveryState::GivenUp), "Given up"),
            filter(Some(DeliveryState::Waiting), "Tried again"),
        ],
        rows: rows.iter().map(|row| delivery_row(row, may_resend)).collect(),
        next: next.map(|before| address(state, Some(before))),
        shell: visit.shell(Section::Administration),
    };
    Html::page(&page)
}

fn delivery_row(row: &Delivery, may_resend: bool) -> DeliveryRow {
    let given_up = row.state == DeliveryState::GivenUp;
    DeliveryRow {
        id: row.id,
        words: row.notice.words(),
        about: match row.notice.about() {
            About::Request(id) => Link::new(format!("/requests/{id}"), format!("request {id}")),
            About::Audit(seq) => {
                Link::new(format!("/admin/audit?before={}", seq + 1), format!("audit row {seq}"))
            }
            About::Deployment(id) => Link::new(format!("/deployments/{id}"), format!("deployment {id}")),
        },
        state: if given_up { Mark::Failed } else { Mark::Waiting },
        attempts: row.attempts.into(),
        error: row.error.clone(),
        created_at: row.created_at,
        at: row.at,
        may_resend: given_up && may_resend,
    }
}

#[rocket::post("/admin/deliveries/<id>/resend", data = "<posted>")]
pub async fn send_again(posted: Posted<'_, Nothing>, id: i64) -> Result<SeeOther, PageError> {
    resend(posted.visit.app, posted.visit.actor(), id).await?;
    Ok(SeeOther("/admin/deliveries".to_owned()))
}
