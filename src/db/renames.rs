//! What the tables know of an object of the fleet by its name goes with it when it
//! gets another: what runs where, and what happened there, so that who may read a place
//! reads its history, that a way back is found and that what succeeded still counts.
//! What was sealed, journals and the audit trail keep the names of their day.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::entity::{deployments, freezes, live, out_of_service, previews, readings, requests, role_members};
use super::{DbError, Tx, tokens};
use crate::domain::fleet::Kind;
use crate::domain::fleet::object::Place;
use crate::domain::name::Name;

pub async fn follow(tx: &Tx, place: &Place, new: &Name) -> Result<(), DbError> {
    let old = place.name.as_str();
    macro_rules! happened {
        ($table:ident, $column:ident $(, $only:ident = $value:expr)?) => {
            $table::Entity::update_many()
                .col_expr($table::Column::$column, Expr::value(new.as_str()))
                .filter($table::Column::$column.eq(old))
                $(.filter($table::Column::$only.eq($value)))?
                .exec(tx.on())
                .await?
        };
    }
    macro_rules! rename {
        ($table:ident, $column:ident $(, $only:ident = $value:expr)?) => {{
            // Rows that an earlier bearer of the new name left behind.
            $table::Entity::delete_many()
                .filter($table::Column::$column.eq(new.as_str()))
                $(.filter($table::Column::$only.eq($value)))?
                .exec(tx.on())
                .await?;
            happened!($table, $column $(, $only = $value)?);
        }};
    }
    match place.kind {
        Kind::Server => {
            rename!(live, Server);
            rename!(readings, Server);
            rename!(out_of_service, Server);
        }
        Kind::Application => {
            rename!(live, Application);
            rename!(readings, Application);
            rename!(out_of_service, Application);
            rename!(previews, Application);
            happened!(deployments, Application);
            happened!(requests, Application);
            follow_freezes(tx, place, new).await?;
            tokens::follow(tx, place, new).await?;
        }
        Kind::Environment => {
            let application = place.parent.as_ref().map(Name::as_str).unwrap_or_default();
            rename!(live, Environment, Application = application);
            rename!(readings, Environment, Application = application);
            rename!(out_of_service, Environment, Application = application);
            rename!(previews, Environment, Application = application);
            happened!(deployments, Environment, Application = application);
            happened!(requests, Environment, Application = application);
            follow_freezes(tx, place, new).await?;
            tokens::follow(tx, place, new).await?;
        }
        Kind::LoadBalancer => rename!(out_of_service, Balancer),
        Kind::Role => {
            rename!(role_members, Role);
            super::requests::follow_role(tx, &place.name, new).await?;
        }
        Kind::Cluster | Kind::Calendar => {}
    }
    Ok(())
}

/// A place that is removed: what was known of it as it stands goes, so that another of
/// its name begins anew; what happened there stays, and says nothing of that other one.
pub async fn forget(tx: &Tx, place: &Place) -> Result<(), DbError> {
    let name = place.name.as_str();
    macro_rules! remove {
        ($table:ident, $($column:ident = $value:expr),+) => {
            $table::Entity::delete_many()
                $(.filter($table::Column::$column.eq($value)))+
                .exec(tx.on())
                .await?
        };
    }
    macro_rules! remove_all {
        ($($column:ident = $value:expr),+) => {{
            remove!(live, $($column = $value),+);
            remove!(readings, $($column = $value),+);
            remove!(previews, $($column = $value),+);
            deployments::Entity::update_many()
                .col_expr(deployments::Column::PlaceRemoved, Expr::value(true))
                $(.filter(deployments::Column::$column.eq($value)))+
                .exec(tx.on())
                .await?;
        }};
    }
    match place.kind {
        Kind::Server => {
            remove!(live, Server = name);
            remove!(readings, Server = name);
        }
        Kind::Application => remove_all!(Application = name),
        Kind::Environment => {
            let application = place.parent.as_ref().map(Name::as_str).unwrap_or_default();
            remove_all!(Application = application, Environment = name);
        }
        Kind::LoadBalancer | Kind::Role | Kind::Cluster | Kind::Calendar => {}
    }
    Ok(())
}

/// A freeze holds on under the new name; one that was lifted is history. One on an
/// environment of that name in every application says nothing of a single one.
async fn follow_freezes(tx: &Tx, place: &Place, new: &Name) -> Result<(), DbError> {
    let old = place.name.as_str();
    let update = freezes::Entity::update_many().filter(freezes::Column::LiftedAt.is_null());
    let update = match &place.parent {
        Some(application) => update
            .col_expr(freezes::Column::Environment, Expr::value(new.as_str()))
            .filter(freezes::Column::Application.eq(application.as_str()))
            .filter(freezes::Column::Environment.eq(old)),
        None => update
            .col_expr(freezes::Column::Application, Expr::value(new.as_str()))
            .filter(freezes::Column::Application.eq(old)),
    };
    update.exec(tx.on()).await?;
    Ok(())
}
