//! Reads what HAProxy says about its servers. Columns are found by their names:
//! versions add some and move others.
//!
//! The statistics alone do not say what people ordered: a drained server that fails
//! its checks reads `DOWN`. The Runtime API has a second table, `show servers state`,
//! that does; a stats page has not, and then the order stays unknown.

use std::collections::BTreeMap;

use super::agree::Row;
use super::{Admin, Health, Level, Reading};

/// Rows of one answer; a load balancer of the largest kind has a tenth of them.
const MOST_ROWS: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    #[error("there is no table of servers in it")]
    NoTable,
    #[error("the table of servers has no column \"{0}\"")]
    NoColumn(&'static str),
    #[error("row {row} of the table of servers has no {column}")]
    BadRow { row: usize, column: &'static str },
    #[error("the table of servers has more than 100000 rows")]
    TooManyRows,
}

/// The answer to `;csv` of a stats page.
pub fn read_stats_page(text: &str) -> Result<Reading, Misread> {
    Ok(Reading { rows: statistics(text)?, level: None })
}

/// The answer to [`read_command`](super::read_command).
pub fn read_runtime(text: &str) -> Result<Reading, Misread> {
    let ordered = ordered_states(text)?;
    let mut rows = statistics(text)?;
    for row in &mut rows {
        let ordered = ordered.get(&(row.backend.as_str(), row.server.as_str())).copied();
        // A status that shows more than was ordered, such as by an agent, counts.
        row.admin = row.admin.max(ordered);
    }
    let level = match text.lines().map(str::trim).find(|line| !line.is_empty()) {
        Some("admin") => Level::Admin,
        _ => Level::Reader,
    };
    Ok(Reading { rows, level: Some(level) })
}

/// `show stat`: a header that begins with `# pxname`, then rows until an empty line.
fn statistics(text: &str) -> Result<Vec<Row>, Misread> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("# pxname,"));
    let header = lines.next().and_then(|line| line.strip_prefix("# ")).ok_or(Misread::NoTable)?;
    let names: Vec<&str> = header.split(',').collect();
    let column = |name: &'static str| names.iter().position(|n| *n == name).ok_or(Misread::NoColumn(name));
    let (backend, server, kind) = (column("pxname")?, column("svname")?, column("type")?);
    let (status, sessions) = (column("status")?, column("scur")?);
    let check = column("check_status")?;

    let mut rows = Vec::new();
    let lines = lines.take_while(|line| !line.trim().is_empty());
    for (index, line) in lines.enumerate() {
        if index >= MOST_ROWS {
            return Err(Misread::TooManyRows);
        }
        let cells = cells(line);
        let cell = |place: usize, column: &'static str| {
            cells.get(place).map(String::as_str).ok_or(Misread::BadRow { row: index + 1, column })
        };
        // 0 is a frontend, 1 a backend, 3 a listener.
        if cell(kind, "type")? != "2" {
            continue;
        }
        let has_checks = !cell(check, "check_status")?.is_empty();
        let bad_sessions = Misread::BadRow { row: index + 1, column: "number of sessions" };
        let (admin, up) = status_of(cell(status, "status")?, has_checks)
            .ok_or(Misread::BadRow { row: index + 1, column: "status that we know" })?;
        rows.push(Row {
            backend: cell(backend, "pxname")?.to_owned(),
            server: cell(server, "svname")?.to_owned(),
            admin,
            up,
            sessions: cell(sessions, "scur")?.parse().map_err(|_| bad_sessions)?,
        });
    }
    Ok(rows)
}

/// Cells of a line of CSV. Texts of checks stand in quotes, doubled inside.
fn cells(line: &str) -> Vec<String> {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    cells.push(cell);
    cells
}

/// `UP`, `UP 1/3`, `DOWN (agent)`, `MAINT (via shop/WEB1)`, `no check` and the like.
fn status_of(status: &str, has_checks: bool) -> Option<(Option<Admin>, Health)> {
    let (word, more) = status.split_once(' ').unwrap_or((status, ""));
    let wavers = more.contains('/');
    let up = match (has_checks, wavers) {
        (false, _) => Health::Unchecked,
        (true, true) => Health::Unproven,
        (true, false) => Health::Up,
    };
    Some(match word {
        "UP" if wavers => (None, Health::Unproven),
        "UP" => (Some(Admin::Ready), Health::Up),
        "no" if more == "check" => (Some(Admin::Ready), Health::Unchecked),
        "DRAIN" => (Some(Admin::Drain), up),
        "MAINT" => (Some(Admin::Maint), Health::Unknown),
        "NOLB" => (None, Health::Stopping),
        "DOWN" => (None, Health::Down),
        _ => return None,
    })
}

/// Bits of `srv_admin_state`: the rest says where an order came from or how names
/// are resolved.
const MAINT_BITS: u32 = 0x01 | 0x02 | 0x20;
const DRAIN_BITS: u32 = 0x08 | 0x10;

/// `show servers state`: a version, a header that begins with `# be_id`, then rows of
/// words until an empty line.
fn ordered_states(text: &str) -> Result<BTreeMap<(&str, &str), Admin>, Misread> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("# be_id "));
    let header = lines.next().and_then(|line| line.strip_prefix("# ")).ok_or(Misread::NoTable)?;
    let names: Vec<&str> = header.split(' ').collect();
    let column = |name: &'static str| names.iter().position(|n| *n == name).ok_or(Misread::NoColumn(name));
    let (backend, server) = (column("be_name")?, column("srv_name")?);
    let admin = column("srv_admin_state")?;

    let mut states = BTreeMap::new();
    for (index, line) in lines.take_while(|line| !line.trim().is_empty()).enumerate() {
        if index >= MOST_ROWS {
            return Err(Misread::TooManyRows);
        }
        let words: Vec<&str> = line.split(' ').collect();
        let word = |place: usize, column: &'static str| {
            words.get(place).copied().ok_or(Misread::BadRow { row: index + 1, column })
        };
        let bits: u32 = word(admin, "srv_admin_state")?
            .parse()
            .map_err(|_| Misread::BadRow { row: index + 1, column: "number as srv_admin_state" })?;
        let ordered = match bits {
            bits if bits & MAINT_BITS != 0 => Admin::Maint,
            bits if bits & DRAIN_BITS != 0 => Admin::Drain,
            _ => Admin::Ready,
        };
        states.insert((word(backend, "be_name")?, word(server, "srv_name")?), ordered);
    }
    Ok(states)
}
