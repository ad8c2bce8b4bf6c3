//! A page as a person sees it: its words, its links, its forms.

use anyhow::{Context, Result, bail};
use reqwest::header::HeaderMap;
use scraper::node::Node;
use scraper::{ElementRef, Html, Selector};
use url::Url;
use url::form_urlencoded::Serializer;

/// What came back, after redirects.
#[derive(Debug, Clone)]
pub struct Page {
    pub status: u16,
    pub url: Url,
    pub headers: HeaderMap,
    pub html: String,
}

/// A form with its fields filled in, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledForm {
    pub action: Url,
    pub is_post: bool,
    /// Percent-encoded pairs, in the order of the page.
    pub fields: String,
}

impl Page {
    /// `data-page` of `<main>`.
    pub fn main_page(&self) -> Option<String> {
        self.main_attribute("data-page")
    }

    /// `data-state` of `<main>`: the exact word of the state.
    pub fn main_state(&self) -> Option<String> {
        self.main_attribute("data-state")
    }

    fn main_attribute(&self, name: &str) -> Option<String> {
        let document = self.parse();
        let main = all(&document, "main").into_iter().next()?;
        main.attr(name).map(str::to_owned)
    }

    /// The visible words of the body, white space folded.
    pub fn text(&self) -> String {
        let document = self.parse();
        all(&document, "body").into_iter().next().map(words).unwrap_or_default()
    }

    /// The words of each element that a CSS selector finds; none if it finds none.
    pub fn select(&self, css: &str) -> Vec<String> {
        all(&self.parse(), css).into_iter().map(words).collect()
    }

    /// One attribute of each element that a CSS selector finds.
    pub fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        let document = self.parse();
        let found = all(&document, css);
        found.iter().filter_map(|element| element.attr(name)).map(str::to_owned).collect()
    }

    /// Every link: its words and where it leads, resolved.
    pub fn links(&self) -> Vec<(String, Url)> {
        let document = self.parse();
        let anchors = all(&document, "a[href]");
        let resolve = |href: &str| self.url.join(href).ok();
        anchors.into_iter().filter_map(|a| Some((words(a), resolve(a.attr("href")?)?))).collect()
    }

    /// The one link with these words, or, if none has exactly these, containing them.
    pub fn link(&self, text: &str) -> Result<Url> {
        let links = self.links();
        let named: Vec<&(String, Url)> = pick(&links, |(words, _)| words, text);
        let mut targets: Vec<&Url> = named.iter().map(|(_, url)| url).collect();
        targets.dedup();
        match targets[..] {
            [url] => Ok(url.clone()),
            [] => bail!("no link \"{text}\" on {}; there are {:?}", self.shown(), titles(&links)),
            _ => bail!("several links \"{text}\" on {}: {targets:?}", self.shown()),
        }
    }

    /// Is there a form whose button has these words and can be pressed?
    pub fn has_form(&self, button: &str) -> bool {
        self.fill(button, &[]).is_ok()
    }

    /// The words of every button that sends a form.
    pub fn buttons(&self) -> Vec<String> {
        all(&self.parse(), BUTTONS).into_iter().map(label).collect()
    }

    /// What a field of any form on the page holds now.
    pub fn value(&self, name: &str) -> Option<String> {
        let document = self.parse();
        let fields = all(&document, FIELDS);
        let field = fields.into_iter().find(|field| field.attr("name") == Some(name))?;
        defaults(field).into_iter().next()
    }

    /// The form of the button with these words, filled: what the page put there
    /// (the CSRF token, what was typed before), changed by `fields`. A field that
    /// is not in the form is an error, for nobody could type into it.
    pub fn fill(&self, button: &str, fields: &[(&str, &str)]) -> Result<FilledForm> {
        let document = self.parse();
        let buttons: Vec<(String, ElementRef)> =
            all(&document, BUTTONS).into_iter().map(|element| (label(element), element)).collect();
        let pressed = match pick(&buttons, |(words, _)| words, button)[..] {
            [(_, element)] => *element,
            [] => bail!("no button \"{button}\" on {}; there are {:?}", self.shown(), titles(&buttons)),
            _ => bail!("several buttons \"{button}\" on {}", self.shown()),
        };
        if is_off(pressed) {
            bail!("the button \"{button}\" on {} is disabled", self.shown());
        }
        let form = owner(&document, pressed)
            .with_context(|| format!("the button \"{button}\" on {} belongs to no form", self.shown()))?;
        let pairs = filled(&document, form, pressed, fields)
            .with_context(|| format!("in the form of \"{button}\" on {}", self.shown()))?;
        let attribute = |own: &str, inherited: &str| pressed.attr(own).or_else(|| form.attr(inherited));
        let action = self.url.join(attribute("formaction", "action").unwrap_or(""))?;
        let is_post = attribute("formmethod", "method").is_some_and(|m| m.eq_ignore_ascii_case("post"));
        let fields = Serializer::new(String::new()).extend_pairs(pairs).finish();
        Ok(FilledForm { action, is_post, fields })
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    fn parse(&self) -> Html {
        Html::parse_document(&self.html)
    }

    fn shown(&self) -> String {
        let state = self.main_state().map(|state| format!(", {state}")).unwrap_or_default();
        format!("{} ({}{state})", self.url, self.status)
    }
}

const BUTTONS: &str = "button:not([type=button]):not([type=reset]), input[type=submit]";
const FIELDS: &str = "input[name], select[name], textarea[name]";

/// Panics on a selector that is none: it is part of the test's text.
fn all<'a>(document: &'a Html, css: &str) -> Vec<ElementRef<'a>> {
    match Selector::parse(css) {
        Ok(selector) => document.select(&selector).collect(),
        Err(error) => panic!("not a CSS selector: {css}: {error}"),
    }
}

fn titles<T>(named: &[(String, T)]) -> Vec<&str> {
    named.iter().map(|(words, _)| words.as_str()).collect()
}

/// Those with exactly these words; if there are none, those that contain them.
fn pick<'a, T>(from: &'a [T], words: impl Fn(&T) -> &String, wanted: &str) -> Vec<&'a T> {
    let exact: Vec<&T> = from.iter().filter(|item| words(item) == wanted).collect();
    if exact.is_empty() { from.iter().filter(|item| words(item).contains(wanted)).collect() } else { exact }
}

/// The words inside an element, without what is hidden, white space folded.
fn words(element: ElementRef) -> String {
    let mut text = String::new();
    gather(element, &mut text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn gather(element: ElementRef, text: &mut String) {
    let hidden = ["script", "style", "template", "noscript", "svg"].contains(&element.value().name());
    if hidden || element.attr("hidden").is_some() || element.attr("aria-hidden") == Some("true") {
        return;
    }
    let inline = ["a", "b", "span", "em", "i", "code", "strong", "ins", "del", "time", "small"];
    let is_block = !inline.contains(&element.value().name());
    for child in element.children() {
        match child.value() {
            Node::Text(words) => text.push_str(words),
            Node::Element(_) => {
                if let Some(inner) = ElementRef::wrap(child) {
                    gather(inner, text);
                }
            }
            _ => {}
        }
    }
    if is_block {
        text.push(' ');
    }
}

/// The words of a button: its text, else its `value`.
fn label(button: ElementRef) -> String {
    if button.value().name() == "input" {
        return button.attr("value").unwrap_or("Submit").to_owned();
    }
    words(button)
}

/// Off for the browser, or told to be off by `aria-disabled`: a person is told not to press it.
fn is_off(element: ElementRef) -> bool {
    element.attr("disabled").is_some() || element.attr("aria-disabled") == Some("true")
}

/// The form of a field or button: by its `form` attribute, else the one around it.
fn owner<'a>(document: &'a Html, element: ElementRef<'a>) -> Option<ElementRef<'a>> {
    if let Some(id) = element.attr("form") {
        return all(document, "form[id]").into_iter().find(|form| form.attr("id") == Some(id));
    }
    element.ancestors().filter_map(ElementRef::wrap).find(|ancestor| ancestor.value().name() == "form")
}

fn filled(
    document: &Html,
    form: ElementRef,
    pressed: ElementRef,
    typed: &[(&str, &str)],
) -> Result<Vec<(String, String)>> {
    let inside = |field: &ElementRef| owner(document, *field).is_some_and(|owner| owner.id() == form.id());
    let usable = |field: &ElementRef| field.attr("disabled").is_none() && inside(field);
    let fields: Vec<(String, ElementRef)> = all(document, FIELDS)
        .into_iter()
        .filter(usable)
        .map(|field| (field.attr("name").unwrap_or_default().to_owned(), field))
        .collect();
    for (name, value) in typed {
        let same_name: Vec<ElementRef> =
            fields.iter().filter(|(other, _)| other == name).map(|(_, field)| *field).collect();
        if same_name.is_empty() {
            bail!("no field `{name}`; there are {:?}", titles(&fields));
        }
        let offered: Vec<Vec<String>> = same_name.into_iter().filter_map(choices).collect();
        let choices = offered.concat();
        if !offered.is_empty() && !choices.iter().any(|choice| choice == value) {
            bail!("`{name}` does not offer \"{value}\", only {choices:?}");
        }
    }
    let mut pairs = Vec::new();
    let mut answered = Vec::new();
    for (name, field) in &fields {
        let answers: Vec<&str> = typed.iter().filter(|(n, _)| n == name).map(|(_, value)| *value).collect();
        if answers.is_empty() {
            pairs.extend(defaults(*field).into_iter().map(|value| (name.clone(), value)));
        } else if !answered.contains(&name) {
            pairs.extend(answers.into_iter().map(|value| (name.clone(), value.to_owned())));
            answered.push(name);
        }
    }
    if let Some(name) = pressed.attr("name") {
        pairs.push((name.to_owned(), pressed.attr("value").unwrap_or_default().to_owned()));
    }
    Ok(pairs)
}

/// What may be chosen; none for a field that takes any text.
fn choices(field: ElementRef) -> Option<Vec<String>> {
    match (field.value().name(), kind_of(field)) {
        ("select", _) => Some(options(field).into_iter().filter(|o| !is_off(*o)).map(option_value).collect()),
        ("input", "radio" | "checkbox") if is_off(field) => Some(Vec::new()),
        ("input", "radio" | "checkbox") => Some(vec![field.attr("value").unwrap_or("on").to_owned()]),
        _ => None,
    }
}

/// What the field sends when nobody touches it.
fn defaults(field: ElementRef) -> Vec<String> {
    match (field.value().name(), kind_of(field)) {
        ("textarea", _) => vec![field.text().collect()],
        ("select", _) => {
            let all = options(field);
            let chosen = all.iter().find(|option| option.attr("selected").is_some()).or(all.first());
            chosen.map(|option| option_value(*option)).into_iter().collect()
        }
        (_, "radio" | "checkbox") if field.attr("checked").is_none() => Vec::new(),
        (_, "radio" | "checkbox") => vec![field.attr("value").unwrap_or("on").to_owned()],
        (_, "submit" | "button" | "image" | "reset" | "file") => Vec::new(),
        _ => vec![field.attr("value").unwrap_or_default().to_owned()],
    }
}

fn kind_of(field: ElementRef<'_>) -> &str {
    field.attr("type").unwrap_or("text")
}

fn options(select: ElementRef<'_>) -> Vec<ElementRef<'_>> {
    let inside = select.descendants().filter_map(ElementRef::wrap);
    inside.filter(|element| element.value().name() == "option").collect()
}

fn option_value(option: ElementRef) -> String {
    option.attr("value").map_or_else(|| words(option), str::to_owned)
}
