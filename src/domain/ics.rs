//! An .ics calendar (RFC 5545), read for one purpose: on which days nothing starts.
//!
//! Of each event only its name, its time and its yearly repetition are kept, and the
//! text is written anew from them: what is stored holds no addresses, no notes and
//! nothing else that nobody needs here. What cannot be understood is refused by the
//! event's name, since a rule that is half understood would open a closed day.

mod event;
mod text;
mod yearly;

use jiff::civil::Date;
use jiff::tz::TimeZone;

pub use event::Event;
use event::read_event;
use text::{Line, lines};

/// Of a file that is read, in bytes.
pub const LARGEST_FILE: usize = 1 << 20;
/// Of what is kept, in bytes: a row holds it on every database.
const LARGEST_KEPT: usize = 48 * 1024;
const MOST_EVENTS: usize = 1_000;

/// The events of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ics {
    events: Vec<Event>,
}

impl Ics {
    /// Reads the text, or says what is wrong with it and in which event.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LARGEST_FILE {
            return Err(format!("is larger than {} KiB", LARGEST_FILE / 1024));
        }
        let lines = lines(text)?;
        if !lines.first().is_some_and(|line| line.is("BEGIN", "VCALENDAR")) {
            return Err("is no .ics calendar: it does not begin with BEGIN:VCALENDAR".to_owned());
        }
        let mut events = Vec::new();
        for lines in blocks(&lines)? {
            events.extend(read_event(&lines)?);
            if events.len() > MOST_EVENTS {
                return Err(format!("holds more than {MOST_EVENTS} events"));
            }
        }
        let ics = Self { events };
        if ics.text().len() > LARGEST_KEPT {
            return Err(format!("holds more than fits: {} KiB of dates and names", LARGEST_KEPT / 1024));
        }
        Ok(ics)
    }

    /// What is kept of it, as an .ics calendar. Read again, it is the same.
    pub fn text(&self) -> String {
        let mut text = String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Countersign//EN\r\n");
        for event in &self.events {
            event.write(&mut text);
        }
        text.push_str("END:VCALENDAR\r\n");
        text
    }

    /// The days from `first` to `last`, both included, that an event touches in this
    /// zone, with the event's name.
    pub fn days<'a>(
        &'a self,
        zone: &TimeZone,
        first: Date,
        last: Date,
    ) -> impl Iterator<Item = (Date, &'a str)> {
        self.events.iter().flat_map(move |event| {
            event.days(zone, first, last).into_iter().map(move |day| (day, event.name()))
        })
    }
}

/// The lines of each event, without what is nested in it (alarms).
fn blocks(lines: &[Line]) -> Result<Vec<Vec<Line>>, String> {
    let mut open: Vec<&str> = Vec::new();
    let mut blocks = Vec::new();
    for line in lines {
        match line.name.as_str() {
            "BEGIN" => {
                if line.value == "VEVENT" && open == ["VCALENDAR"] {
                    blocks.push(Vec::new());
                }
                open.push(&line.value);
                if open.len() > 8 {
                    return Err("is nested too deeply".to_owned());
                }
            }
            "END" if open.pop() != Some(line.value.as_str()) => {
                return Err(format!("is broken: END:{} has no beginning", line.value));
            }
            "END" => {}
            _ if open == ["VCALENDAR", "VEVENT"] => {
                if let Some(block) = blocks.last_mut() {
                    block.push(line.clone());
                }
            }
            _ => {}
        }
    }
    if let Some(block) = open.last() {
        return Err(format!("is cut off: {block} does not end"));
    }
    Ok(blocks)
}
