//! The schema, written once for every database. Instants are epoch milliseconds
//! in BIGINT: `MariaDB`'s timestamps lose fractions and wrap in 2038.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m0001_release;
mod m0002_tokens;
mod m0003_engine;
mod m0004_around;
mod m0005_when;
mod m0006_identities;
mod m0007_approval;
mod m0009_outline;
mod m0010_watching;
mod m0011_following;
mod m0012_identities;
mod m0013_steering;
mod m0014_freezes;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_release::Migration),
            Box::new(m0002_tokens::Migration),
            Box::new(m0003_engine::Migration),
            Box::new(m0004_around::Migration),
            Box::new(m0005_when::Migration),
            Box::new(m0006_identities::Migration),
            Box::new(m0007_approval::Migration),
            Box::new(m0009_outline::Migration),
            Box::new(m0010_watching::Migration),
            Box::new(m0011_following::Migration),
            Box::new(m0012_identities::Migration),
            Box::new(m0013_steering::Migration),
            Box::new(m0014_freezes::Migration),
        ]
    }
}
