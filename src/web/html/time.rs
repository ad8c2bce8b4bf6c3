//! Instants in words. The text is relative to the page's own `now`; the exact UTC
//! time is in the element's title and `datetime`.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// `Thu 19 Nov 2026, 14:02:00 UTC`.
pub fn exact(at: Timestamp) -> String {
    at.strftime("%a %d %b %Y, %H:%M:%S UTC").to_string()
}

/// `1 h 40 min ago`, `yesterday`, `in 2 days 22 h`; the date when it is far away.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - at.as_second();
    if seconds >= 0 { past(at, now, seconds) } else { future(at, now, -seconds) }
}

/// `19 Nov`, with the year when it is another one than now.
pub fn date(at: Timestamp, now: Timestamp) -> String {
    let same_year = at.strftime("%Y").to_string() == now.strftime("%Y").to_string();
    at.strftime(if same_year { "%-d %b" } else { "%-d %b %Y" }).to_string()
}

/// `16:38 Europe/Paris (15:38 UTC)`, with the date where it is another day than now; in
/// UTC alone where the zone is that, or none that is known.
pub fn clock_in(at: Timestamp, now: Timestamp, zone: &str) -> String {
    let day = |here: &Zoned, now: &Zoned| match (here.date() == now.date(), here.year() == now.year()) {
        (true, _) => String::new(),
        (false, true) => here.strftime("%-d %b, ").to_string(),
        (false, false) => here.strftime("%-d %b %Y, ").to_string(),
    };
    let (utc, utc_now) = (at.to_zoned(TimeZone::UTC), now.to_zoned(TimeZone::UTC));
    let in_utc = format!("{}{}", day(&utc, &utc_now), utc.strftime("%H:%M UTC"));
    let Some(zone) = TimeZone::get(zone).ok().filter(|_| zone != "UTC") else { return in_utc };
    let (here, here_now) = (at.to_zoned(zone.clone()), now.to_zoned(zone));
    let name = here.time_zone().iana_name().unwrap_or_default();
    let in_utc = if here.date() == utc.date() { utc.strftime("%H:%M UTC").to_string() } else { in_utc };
    format!("{}{} {name} ({in_utc})", day(&here, &here_now), here.strftime("%H:%M"))
}

/// `9 min 41 s`: the two largest units.
pub fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let two = |large: i64, unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {small_unit}") }
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => {
            let days = seconds / 86_400;
            two(days, if days == 1 { "day" } else { "days" }, seconds % 86_400 / 3_600, "h")
        }
    }
}

/// `38 min`, `2 days 22 h`: what is left, without seconds unless they are all there is.
pub fn left(seconds: i64) -> String {
    if seconds >= 60 { duration(seconds / 60 * 60) } else { duration(seconds) }
}

fn past(at: Timestamp, now: Timestamp, seconds: i64) -> String {
    match seconds {
        0..45 => "just now".to_owned(),
        45..21_600 => format!("{} ago", left(seconds.max(60))),
        21_600..86_400 => format!("{} h ago", seconds / 3_600),
        86_400..172_800 => "yesterday".to_owned(),
        172_800..1_728_000 => format!("{} days ago", seconds / 86_400),
        _ => date(at, now),
    }
}

fn future(at: Timestamp, now: Timestamp, seconds: i64) -> String {
    if seconds < 1_728_000 { format!("in {}", left(seconds)) } else { date(at, now) }
}
