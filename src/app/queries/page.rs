//! A page of a list of which its reader may see only some.

use crate::app::Refusal;
use crate::db::DbError;

/// Rows that are read at once: more than a page, since some may not be seen.
pub const ROWS: u64 = 200;

/// At most `limit` of what may be read below the number `before`, newest first, with
/// the number to go on below. `rows` gives the next `ROWS` rows below a number.
pub async fn page<T, Rows>(
    limit: usize,
    mut before: Option<i64>,
    rows: impl Fn(Option<i64>) -> Rows,
    id: impl Fn(&T) -> i64,
    may_read: impl Fn(&T) -> bool,
) -> Result<(Vec<T>, Option<i64>), Refusal>
where
    Rows: Future<Output = Result<Vec<T>, DbError>>,
{
    let mut items: Vec<T> = Vec::new();
    loop {
        let rows = rows(before).await?;
        let full = rows.len() as u64 == ROWS;
        before = rows.last().map(&id);
        for row in rows.into_iter().filter(&may_read) {
            if items.len() == limit {
                let next = items.last().map(&id);
                return Ok((items, next));
            }
            items.push(row);
        }
        if !full {
            return Ok((items, None));
        }
    }
}
