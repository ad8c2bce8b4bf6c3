//! Terminal output as HTML. Scripts on hosts colour their output; colours are kept as
//! classes, everything else that a terminal would obey is dropped: links and titles
//! (OSC), cursor moves, controls and text-direction characters (security.md 33).
//!
//! Colours last from line to line, as in a terminal. A sequence that is not finished
//! ends with its line, so that nobody can hide what follows inside one.

use std::borrow::Cow;
use std::fmt::Write;

use anstyle_parse::{DefaultCharAccumulator, Params, Parser, Perform};

use super::html::{escape, grouped};
use crate::domain::name::is_deceptive;

/// What is shown of one line; the raw log has the rest.
pub const LINE_LIMIT: usize = 8 * 1024;

/// A stream of lines with the style in force.
#[derive(Debug, Clone, Default)]
pub struct Terminal {
    style: Style,
}

impl Terminal {
    /// One line, without its line end, as safe HTML.
    pub fn line(&mut self, text: &str) -> String {
        let text = text.strip_suffix('\r').unwrap_or(text);
        let shown = &text[..text.floor_char_boundary(LINE_LIMIT)];
        let mut painter =
            Painter { style: self.style, written: None, html: String::new(), run: String::new() };
        let mut parser = Parser::<DefaultCharAccumulator>::new();
        for byte in shown.bytes() {
            parser.advance(&mut painter, byte);
        }
        painter.flush();
        painter.close();
        self.style = painter.style;
        let mut html = painter.html;
        if shown.len() < text.len() {
            let more = grouped((text.len() - shown.len()) as u64);
            let _ = write!(html, "<span class=\"cut\">… {more} bytes more in the raw log</span>");
        }
        html
    }
}

/// The same line as text: colours and tabs stay as they are, whatever else a terminal
/// would obey is dropped.
pub fn colours_only(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c == '\t' || !is_deceptive(c)) {
        return Cow::Borrowed(text);
    }
    let mut plain = Plain(String::with_capacity(text.len()));
    let mut parser = Parser::<DefaultCharAccumulator>::new();
    for byte in text.bytes() {
        parser.advance(&mut plain, byte);
    }
    Cow::Owned(plain.0)
}

struct Plain(String);

impl Perform for Plain {
    fn print(&mut self, c: char) {
        if !is_deceptive(c) {
            self.0.push(c);
        }
    }

    fn execute(&mut self, byte: u8) {
        if byte == b'\t' {
            self.0.push('\t');
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, byte: u8) {
        if byte == b'm' && intermediates.is_empty() && !ignore {
            let join = |numbers: &[u16]| numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(":");
            let codes: Vec<String> = params.iter().map(join).collect();
            let _ = write!(self.0, "\x1b[{}m", codes.join(";"));
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Style {
    /// Which of `LOOKS` are on.
    looks: [bool; 6],
    /// One of the sixteen colours.
    ink: Option<u8>,
    ground: Option<u8>,
}

/// The classes of bold, dim, italic, underlined, struck out, inverse.
const LOOKS: [&str; 6] = ["ab", "ad", "ai", "au", "as", "av"];
const BOLD: usize = 0;
const DIM: usize = 1;
const ITALIC: usize = 2;
const UNDERLINED: usize = 3;
const STRUCK: usize = 4;
const INVERSE: usize = 5;

impl Style {
    fn classes(self) -> String {
        let mut classes = String::new();
        for (_, class) in self.looks.iter().zip(LOOKS).filter(|(on, _)| **on) {
            let _ = write!(classes, " {class}");
        }
        if let Some(ink) = self.ink {
            let _ = write!(classes, " f{ink}");
        }
        if let Some(ground) = self.ground {
            let _ = write!(classes, " g{ground}");
        }
        classes.split_off(usize::from(!classes.is_empty()))
    }

    fn apply(&mut self, params: &Params) {
        let mut codes = params.iter().map(<[u16]>::to_vec);
        while let Some(code) = codes.next() {
            match code.first().copied().unwrap_or(0) {
                0 => *self = Style::default(),
                1 => self.looks[BOLD] = true,
                2 => self.looks[DIM] = true,
                3 => self.looks[ITALIC] = true,
                4 => self.looks[UNDERLINED] = code.get(1) != Some(&0),
                7 => self.looks[INVERSE] = true,
                9 => self.looks[STRUCK] = true,
                21 | 22 => (self.looks[BOLD], self.looks[DIM]) = (false, false),
                23 => self.looks[ITALIC] = false,
                24 => self.looks[UNDERLINED] = false,
                27 => self.looks[INVERSE] = false,
                29 => self.looks[STRUCK] = false,
                n @ 30..=37 => self.ink = low(n - 30),
                38 => self.ink = extended(&code, &mut codes),
                39 => self.ink = None,
                n @ 40..=47 => self.ground = low(n - 40),
                48 => self.ground = extended(&code, &mut codes),
                49 => self.ground = None,
                n @ 90..=97 => self.ink = low(n - 90 + 8),
                n @ 100..=107 => self.ground = low(n - 100 + 8),
                _ => {}
            }
        }
    }
}

fn low(index: u16) -> Option<u8> {
    u8::try_from(index).ok().filter(|index| *index < 16)
}

/// `38;5;N` and `38;2;R;G;B`, also with colons, as the nearest of the sixteen.
fn extended(code: &[u16], codes: &mut impl Iterator<Item = Vec<u16>>) -> Option<u8> {
    let mut inner = code[1..].to_vec();
    if inner.is_empty() {
        let mut next = || codes.next().and_then(|code| code.first().copied());
        match next()? {
            5 => inner = vec![5, next()?],
            2 => inner = vec![2, next()?, next()?, next()?],
            _ => return None,
        }
    }
    match inner[..] {
        [5, index @ 0..16] => low(index),
        [5, index @ 16..232] => {
            let level = |n: u16| if n == 0 { 0 } else { 55 + n * 40 };
            let index = index - 16;
            Some(nearest(level(index / 36), level(index / 6 % 6), level(index % 6)))
        }
        [5, index @ 232..256] => {
            let grey = 8 + (index - 232) * 10;
            Some(nearest(grey, grey, grey))
        }
        [2, .., red, green, blue] => Some(nearest(red, green, blue)),
        _ => None,
    }
}

fn nearest(red: u16, green: u16, blue: u16) -> u8 {
    const COLOURS: [(i32, i32, i32); 16] = [
        (0, 0, 0),
        (170, 0, 0),
        (0, 170, 0),
        (170, 85, 0),
        (0, 0, 170),
        (170, 0, 170),
        (0, 170, 170),
        (170, 170, 170),
        (85, 85, 85),
        (255, 85, 85),
        (85, 255, 85),
        (255, 255, 85),
        (85, 85, 255),
        (255, 85, 255),
        (85, 255, 255),
        (255, 255, 255),
    ];
    let channel = |value: u16| i32::from(value.min(255));
    let (red, green, blue) = (channel(red), channel(green), channel(blue));
    let distance = |(r, g, b): (i32, i32, i32)| (r - red).pow(2) + (g - green).pow(2) + (b - blue).pow(2);
    (0u8..16).min_by_key(|index| distance(COLOURS[usize::from(*index)])).unwrap_or(7)
}

/// Writes runs of text that share a style.
struct Painter {
    style: Style,
    /// The style of the element that is open, if one is.
    written: Option<Style>,
    html: String,
    run: String,
}

impl Painter {
    fn flush(&mut self) {
        if self.run.is_empty() {
            return;
        }
        if self.written.unwrap_or_default() != self.style {
            self.close();
            let classes = self.style.classes();
            if !classes.is_empty() {
                let _ = write!(self.html, "<span class=\"{classes}\">");
                self.written = Some(self.style);
            }
        }
        self.html.push_str(&escape(&self.run));
        self.run.clear();
    }

    fn close(&mut self) {
        if self.written.take().is_some() {
            self.html.push_str("</span>");
        }
    }
}

impl Perform for Painter {
    fn print(&mut self, c: char) {
        if !is_deceptive(c) {
            self.run.push(c);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\t' => self.run.push('\t'),
            // A program that overwrites its line: both texts stay, told apart.
            b'\r' if !self.run.is_empty() => self.run.push('␍'),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, byte: u8) {
        if byte == b'm' && intermediates.is_empty() && !ignore {
            self.flush();
            self.style.apply(params);
        }
    }
}
