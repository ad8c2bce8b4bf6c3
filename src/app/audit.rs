//! The audit trail, for those who watch over it. Rows are written by the use cases
//! that they record; here they are only read.

use super::{App, Refusal};
use crate::db;

pub use crate::db::audit::{Broken, Head, Line};

const PAGE: u64 = 500;

/// The head of a trail that holds, or every place where it breaks.
pub async fn verify(app: &App, known: Option<&Head>) -> Result<Result<Head, Vec<Broken>>, Refusal> {
    Ok(db::audit::verify(&app.db, &app.keys, known).await?)
}

/// Rows above `seq`, oldest first; none at the end.
pub async fn page_after(app: &App, seq: i64) -> Result<Vec<Line>, Refusal> {
    Ok(db::audit::list_after(&app.db, seq, PAGE).await?)
}
