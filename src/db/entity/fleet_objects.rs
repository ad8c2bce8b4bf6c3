//! The fleet's objects, each as the JSON that the fleet file and the API speak.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "fleet_objects")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub kind: String,
    pub parent: String,
    pub name: String,
    pub position: i32,
    pub spec: String,
    pub managed: bool,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}
