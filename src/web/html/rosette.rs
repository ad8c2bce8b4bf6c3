//! The seal as a figure. It is drawn from the first seven bytes of the fingerprint,
//! so that two seals that differ look different at a glance; the digits are the proof.

use std::f64::consts::PI;
use std::fmt::Write;

use super::escape;

/// How far control points stand out from the curve they draw.
const REACH: f64 = 1.6;

/// The first 16 digits in groups of four: `7f3a 91c4 e2b0 5d68`.
pub fn fingerprint_groups(fingerprint: &str) -> String {
    let digits: Vec<char> = fingerprint.chars().take(16).collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// The figure as an SVG element. `fingerprint` is hexadecimal; missing digits count as zero.
pub fn rosette(fingerprint: &str) -> String {
    let bytes = first_bytes(fingerprint);
    let rim = ring(30.9, 14 + u32::from(bytes[6] % 20), 0.045);
    let mut rings = String::new();
    turned(&mut rings, Ring { radius: 19.0, lobes: (3, 7), depth: (0.25, 0.45), copies: 3 }, &bytes[0..3]);
    turned(&mut rings, Ring { radius: 28.0, lobes: (5, 14), depth: (0.10, 0.38), copies: 2 }, &bytes[3..6]);
    let digits = escape(&fingerprint_groups(fingerprint));
    format!(
        "<svg class=\"rosette\" viewBox=\"-32 -32 64 64\" role=\"img\" aria-label=\"Seal drawn from fingerprint {digits}\">\
         <path class=\"rim\" d=\"{rim}\"/><g>{rings}</g>\
         <circle class=\"heart\" r=\"8.5\"/><path class=\"tick\" d=\"M-3.8.4l2.6 2.7L4-3.2\"/></svg>"
    )
}

struct Ring {
    radius: f64,
    /// Lowest number of lobes, and how many numbers there are.
    lobes: (u32, u8),
    /// Lowest depth, and how much deeper it gets.
    depth: (f64, f64),
    /// It is drawn twice, or up to `copies - 1` times more.
    copies: u8,
}

fn turned(into: &mut String, of: Ring, bytes: &[u8]) {
    let lobes = of.lobes.0 + u32::from(bytes[0] % of.lobes.1);
    let depth = of.depth.0 + of.depth.1 * f64::from(bytes[1]) / 255.0;
    let copies = 2 + u32::from(bytes[2] % of.copies);
    let path = ring(of.radius, lobes, depth);
    for copy in 0..copies {
        let angle = 360.0 / f64::from(lobes) * f64::from(copy) / f64::from(copies);
        let _ = write!(into, "<path d=\"{path}\" transform=\"rotate({angle:.1})\"/>");
    }
}

/// A closed quadratic B-spline whose control points alternate between outer and inner radius.
fn ring(radius: f64, lobes: u32, depth: f64) -> String {
    let middle = radius * (1.0 - depth / 2.0);
    let swing = radius * depth / 2.0 * REACH;
    let points = lobes * 2;
    let control = |n: u32| {
        let reach = if n.is_multiple_of(2) { middle + swing } else { middle - swing };
        let angle = PI * f64::from(n) / f64::from(lobes);
        (reach * angle.sin(), -reach * angle.cos())
    };
    let between = |n: u32| {
        let ((x1, y1), (x2, y2)) = (control(n), control((n + 1) % points));
        point((f64::midpoint(x1, x2), f64::midpoint(y1, y2)))
    };
    let mut path = format!("M{}Q{} {}", between(points - 1), point(control(0)), between(0));
    for n in 1..points {
        let _ = write!(path, "T{}", between(n));
    }
    path.push('z');
    path
}

fn point((x, y): (f64, f64)) -> String {
    format!("{} {}", short(x), short(y))
}

/// One decimal, none when it is zero.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn first_bytes(fingerprint: &str) -> [u8; 7] {
    let mut bytes = [0; 7];
    for (byte, pair) in bytes.iter_mut().zip(fingerprint.as_bytes().chunks(2)) {
        let digit = |at: usize| pair.get(at).and_then(|c| char::from(*c).to_digit(16)).unwrap_or(0);
        *byte = u8::try_from(digit(0) * 16 + digit(1)).unwrap_or(0);
    }
    bytes
}
