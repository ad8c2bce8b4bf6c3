//! The filters of the templates. Each that gives markup escapes what it is given
//! and returns it as safe; nothing else in a template may.

#![expect(clippy::inline_always, reason = "the attribute `filter_fn` writes its functions so")]

use std::fmt::Display;

use askama::filters::Safe;
use askama::{Result, Values, filter_fn};
use jiff::Timestamp;

use super::{Mark, escape, hue, initials, time};
use crate::domain::gate::Verdict;
use crate::web::assets;

type Markup = Result<Safe<String>>;

/// A number of things. Templates hand values over by any number of references.
pub trait Count {
    fn count(&self) -> u64;
}

impl Count for u64 {
    fn count(&self) -> u64 {
        *self
    }
}

impl Count for usize {
    fn count(&self) -> u64 {
        *self as u64
    }
}

impl<T: Count + ?Sized> Count for &T {
    fn count(&self) -> u64 {
        (**self).count()
    }
}

/// A length of time.
pub trait Seconds {
    fn seconds(&self) -> i64;
}

impl Seconds for i64 {
    fn seconds(&self) -> i64 {
        *self
    }
}

impl<T: Seconds + ?Sized> Seconds for &T {
    fn seconds(&self) -> i64 {
        (**self).seconds()
    }
}

/// An icon of `static/icons.svg`, decorative: the word stands beside it.
#[filter_fn]
pub fn icon(name: impl Display, _: &dyn Values) -> Markup {
    Ok(Safe(icon_markup(&name.to_string())))
}

/// The mark of a state: `<span class="status" data-s="failed">…Failed</span>`.
#[filter_fn]
pub fn status(state: impl Display, _: &dyn Values) -> Markup {
    let state = state.to_string();
    Ok(Safe(status_markup(&state, &words_of(&state), "status")))
}

/// The same in the size of a page's head.
#[filter_fn]
pub fn big_status(state: impl Display, _: &dyn Values) -> Markup {
    let state = state.to_string();
    Ok(Safe(status_markup(&state, &words_of(&state), "status big")))
}

/// The icon of a state.
#[filter_fn]
pub fn state_icon(state: impl Display, _: &dyn Values) -> Markup {
    Ok(Safe(icon_markup(icon_of(&state.to_string()))))
}

#[filter_fn]
pub fn words(state: impl Display, _: &dyn Values) -> Result<String> {
    Ok(words_of(&state.to_string()))
}

/// `<time>` in relative words.
#[filter_fn]
pub fn when(at: &Timestamp, _: &dyn Values, now: &Timestamp) -> Markup {
    Ok(Safe(time_markup(*at, &time::relative(*at, *now))))
}

/// `<time>` as `15:38 UTC`, with the date when it is another day than now.
#[filter_fn]
pub fn clock(at: &Timestamp, _: &dyn Values, now: &Timestamp) -> Markup {
    let same_day = at.strftime("%F").to_string() == now.strftime("%F").to_string();
    let hour = at.strftime("%H:%M UTC");
    let text = if same_day { hour.to_string() } else { format!("{}, {hour}", time::date(*at, *now)) };
    Ok(Safe(time_markup(*at, &text)))
}

/// `<time>` by the clocks of a zone and by UTC: `16:38 Europe/Paris (15:38 UTC)`, with
/// the date when it is another day than now (rules.md 50).
#[filter_fn]
pub fn clock_in(at: &Timestamp, _: &dyn Values, now: &Timestamp, zone: &str) -> Markup {
    Ok(Safe(time_markup(*at, &time::clock_in(*at, *now, zone))))
}

/// `<time>` as `15:38:02`, for lines of a log.
#[filter_fn]
pub fn second(at: &Timestamp, _: &dyn Values) -> Markup {
    Ok(Safe(time_markup(*at, &at.strftime("%H:%M:%S").to_string())))
}

/// Seconds as `9 min 41 s`.
#[filter_fn]
pub fn duration(seconds: impl Seconds, _: &dyn Values) -> Result<String> {
    Ok(time::duration(seconds.seconds()))
}

/// `8 412`.
#[filter_fn]
pub fn grouped(number: impl Count, _: &dyn Values) -> Result<String> {
    Ok(super::grouped(number.count()))
}

/// `3 files`.
#[filter_fn]
pub fn counted(number: impl Count, _: &dyn Values, one: &str, many: &str) -> Result<String> {
    Ok(super::counted(number.count(), one, many))
}

#[filter_fn]
pub fn file_size(bytes: impl Count, _: &dyn Values) -> Result<String> {
    Ok(super::file_size(bytes.count()))
}

/// `web-a, web-b and web-c`.
#[filter_fn]
pub fn listed(words: &[String], _: &dyn Values) -> Result<String> {
    Ok(super::listed(words))
}

/// A person's round mark.
#[filter_fn]
pub fn avatar(display: impl Display, _: &dyn Values) -> Markup {
    let display = display.to_string();
    let letters = escape(&initials(&display));
    let hue = hue(&display);
    Ok(Safe(format!("<span class=\"avatar\" data-p=\"{hue}\" aria-hidden=\"true\">{letters}</span>")))
}

/// `7f3a 91c4 e2b0 5d68`.
#[filter_fn]
pub fn groups(fingerprint: impl Display, _: &dyn Values) -> Result<String> {
    Ok(super::fingerprint_groups(&fingerprint.to_string()))
}

#[filter_fn]
pub fn rosette(fingerprint: impl Display, _: &dyn Values) -> Markup {
    Ok(Safe(super::rosette(&fingerprint.to_string())))
}

/// Source text, with hidden characters shown.
#[filter_fn]
pub fn reveal(text: impl Display, _: &dyn Values) -> Markup {
    Ok(Safe(super::reveal(&text.to_string())))
}

/// The address of a file of `static/`.
#[filter_fn]
pub fn asset(path: impl Display, _: &dyn Values) -> Result<String> {
    Ok(assets::url(&path.to_string()))
}

/// The tone of a gate: `yes`, `warn`, `no`.
#[filter_fn]
pub fn tone(verdict: &Verdict, _: &dyn Values) -> Result<&'static str> {
    Ok(match verdict {
        Verdict::Pass => "yes",
        Verdict::Warn => "warn",
        Verdict::Stop => "no",
    })
}

/// One part of a path or query, percent-encoded.
#[filter_fn]
pub fn part(text: impl Display, _: &dyn Values) -> Result<String> {
    Ok(url::form_urlencoded::byte_serialize(text.to_string().as_bytes())
        .collect::<String>()
        .replace('+', "%20"))
}

fn words_of(state: &str) -> String {
    Mark::from_word(state).map_or_else(|| super::sentence_case(state), Mark::words)
}

fn icon_of(state: &str) -> &'static str {
    Mark::from_word(state).map_or("info", Mark::icon)
}

fn status_markup(state: &str, words: &str, class: &str) -> String {
    let (icon, state, words) = (icon_markup(icon_of(state)), escape(state), escape(words));
    format!("<span class=\"{class}\" data-s=\"{state}\">{icon}{words}</span>")
}

fn icon_markup(name: &str) -> String {
    let name = escape(name);
    let file = assets::url("icons.svg");
    format!("<svg class=\"i\" aria-hidden=\"true\"><use href=\"{file}#{name}\"/></svg>")
}

fn time_markup(at: Timestamp, text: &str) -> String {
    let (exact, text) = (time::exact(at), escape(text));
    format!("<time datetime=\"{}\" title=\"{exact}\">{text}</time>", at.strftime("%FT%TZ"))
}
