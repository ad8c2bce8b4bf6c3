//! A strict reader of our own pages: not HTML in general, but the part of it that we
//! write. What it does not understand is an error, so hostile text that came through
//! as markup is one, too.

use std::collections::{HashMap, HashSet};

use rocket::http::Method;

const VOID: &[&str] = &["meta", "link", "input", "br", "hr", "img", "col", "use", "path", "circle", "rect"];

#[derive(Debug)]
pub struct Element {
    pub name: String,
    attributes: HashMap<String, String>,
    /// The elements around it, outermost first, as places in the document.
    around: Vec<usize>,
}

impl Element {
    pub fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }

    pub fn has_class(&self, class: &str) -> bool {
        self.get("class").is_some_and(|classes| classes.split_whitespace().any(|c| c == class))
    }
}

#[derive(Debug, Default)]
pub struct Document {
    elements: Vec<Element>,
}

impl Document {
    pub fn read(html: &str) -> Result<Self, String> {
        let mut document = Document::default();
        let mut open: Vec<usize> = Vec::new();
        let mut rest = html.strip_prefix("<!doctype html>").ok_or("no doctype")?;
        while let Some(at) = rest.find('<') {
            let end =
                tag_end(&rest[at..]).ok_or_else(|| format!("tag without end: {}", excerpt(&rest[at..])))?;
            let tag = &rest[at + 1..at + end];
            rest = &rest[at + end + 1..];
            if let Some(name) = tag.strip_prefix('/') {
                let last = open.pop().ok_or_else(|| format!("</{name}> closes nothing"))?;
                if document.elements[last].name != name {
                    return Err(format!("</{name}> closes <{}>", document.elements[last].name));
                }
                continue;
            }
            let element = element(tag, open.clone())?;
            let stays_open = !VOID.contains(&element.name.as_str());
            document.elements.push(element);
            if stays_open {
                open.push(document.elements.len() - 1);
            }
        }
        match open.last() {
            Some(last) => Err(format!("<{}> is never closed", document.elements[*last].name)),
            None => Ok(document),
        }
    }

    pub fn elements<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements.iter().filter(move |element| element.name == name)
    }

    /// Every address of this site that the page leads to or sends a form to.
    pub fn addresses(&self) -> Vec<(Method, String)> {
        let address = |element: &Element| {
            let posts = element.name == "form" && element.get("method") == Some("post");
            let method = if posts { Method::Post } else { Method::Get };
            let address = element.get("href").or(element.get("src")).or(element.get("action"))?;
            address.starts_with('/').then(|| (method, address.to_owned()))
        };
        self.elements.iter().filter_map(address).collect()
    }

    fn within(&self, element: &Element, test: impl Fn(&Element) -> bool) -> bool {
        element.around.iter().any(|at| test(&self.elements[*at]))
    }

    /// What security.md and the markup contract ask of every page.
    pub fn keeps_the_rules(&self) -> Result<(), String> {
        let mut ids = HashSet::new();
        for element in &self.elements {
            if let Some(id) = element.get("id")
                && !ids.insert(id)
            {
                return Err(format!("id {id} twice"));
            }
            Self::is_harmless(element)?;
        }
        for element in &self.elements {
            for reference in ["for", "aria-labelledby", "aria-describedby"] {
                for id in element.get(reference).unwrap_or_default().split_whitespace() {
                    if !ids.contains(id) {
                        return Err(format!("{reference}={id} leads nowhere"));
                    }
                }
            }
            if element.name == "input" && element.get("type") != Some("hidden") {
                self.is_labelled(element)?;
            }
        }
        self.posts_carry_the_token()?;
        self.has_one_primary_action()
    }

    fn is_harmless(element: &Element) -> Result<(), String> {
        if element.name == "style" || (element.name == "script" && element.get("src").is_none()) {
            return Err(format!("inline <{}>", element.name));
        }
        for (name, value) in &element.attributes {
            if name == "style" || name.starts_with("on") {
                return Err(format!("<{} {name}=…>", element.name));
            }
            let address = matches!(name.as_str(), "href" | "src" | "action" | "formaction");
            let allowed = value.starts_with('/') && !value.starts_with("//") && !value.starts_with("/\\")
                || value.starts_with('#')
                || value.starts_with('?')
                || value.starts_with("https://");
            if address && !allowed {
                return Err(format!("<{} {name}={value:?}>", element.name));
            }
        }
        Ok(())
    }

    fn is_labelled(&self, input: &Element) -> Result<(), String> {
        let labelled = input
            .get("id")
            .is_some_and(|id| self.elements("label").any(|label| label.get("for") == Some(id)));
        let inside = self.within(input, |outer| outer.name == "label");
        if labelled || inside || input.get("aria-label").is_some() {
            return Ok(());
        }
        Err(format!("input {:?} has no label", input.get("name")))
    }

    fn posts_carry_the_token(&self) -> Result<(), String> {
        for (at, form) in self.elements.iter().enumerate().filter(|(_, element)| element.name == "form") {
            let has = |name: &str| {
                self.elements("input")
                    .any(|input| input.around.contains(&at) && input.get("name") == Some(name))
            };
            let posts = form.get("method") == Some("post");
            if posts != has("csrf") {
                return Err(format!("form {:?}: method and csrf disagree", form.get("action")));
            }
        }
        Ok(())
    }

    fn has_one_primary_action(&self) -> Result<(), String> {
        let visible = self.elements.iter().filter(|element| {
            (element.has_class("primary") || element.has_class("seal-it"))
                && !self.within(element, |outer| outer.has_class("panel"))
        });
        match visible.count() {
            0 | 1 => Ok(()),
            n => Err(format!("{n} primary actions")),
        }
    }
}

/// The place of the `>` that ends the tag at the start of the text.
fn tag_end(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            b'<' if at > 0 => return None,
            _ => {}
        }
    }
    None
}

fn element(tag: &str, around: Vec<usize>) -> Result<Element, String> {
    let tag = tag.strip_suffix('/').unwrap_or(tag);
    let name_end = tag.find(char::is_whitespace).unwrap_or(tag.len());
    let name = tag[..name_end].to_owned();
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(format!("<{}> is no element", excerpt(tag)));
    }
    let mut attributes = HashMap::new();
    let mut rest = tag[name_end..].trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let attribute = &rest[..end];
        if !attribute.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(format!("attribute {attribute:?} in <{}>", excerpt(tag)));
        }
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let close = quoted.find('"').ok_or_else(|| format!("open quote in <{}>", excerpt(tag)))?;
            value = unescape(&quoted[..close]);
            rest = &quoted[close + 1..];
            if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
                return Err(format!("text after a quote in <{}>", excerpt(tag)));
            }
        }
        if attributes.insert(attribute.to_owned(), value).is_some() {
            return Err(format!("attribute {attribute} twice in <{}>", excerpt(tag)));
        }
        rest = rest.trim_start();
    }
    Ok(Element { name, attributes, around })
}

fn unescape(text: &str) -> String {
    text.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The reader is what the other suites rest on, so it is held to account itself.
mod itself {
    use rstest::rstest;

    use super::Document;

    fn verdict(body: &str) -> Result<(), String> {
        Document::read(&format!("<!doctype html><main>{body}</main>"))?.keeps_the_rules()
    }

    #[rstest]
    #[case::style("<p style=\"x\">a</p>", "style")]
    #[case::handler("<p onclick=\"x\">a</p>", "onclick")]
    #[case::script("<script>a</script>", "inline <script>")]
    #[case::style_element("<style>a</style>", "inline <style>")]
    #[case::address("<a href=\"javascript:x\">a</a>", "javascript")]
    #[case::other_host("<a href=\"//evil.example\">a</a>", "evil")]
    #[case::no_token("<form method=\"post\" action=\"/x\"></form>", "csrf disagree")]
    #[case::two_primary("<a class=\"btn primary\">a</a><a class=\"primary\">b</a>", "2 primary")]
    #[case::twice("<p id=\"a\">a</p><p id=\"a\">b</p>", "id a twice")]
    #[case::no_label("<input name=\"a\">", "no label")]
    #[case::nowhere("<p aria-describedby=\"z\">a</p>", "leads nowhere")]
    #[case::not_closed("<p>a", "closes <p>")]
    #[case::broken_out("<a href=\"/\"onload=\"x\">a</a>", "after a quote")]
    #[case::stray("<p>a < b</p>", "")]
    fn what_breaks_a_rule_is_found(#[case] body: &str, #[case] words: &str) {
        let wrong = verdict(body).unwrap_err();
        assert!(wrong.contains(words), "{wrong}");
    }

    #[test]
    fn an_ordinary_page_passes() {
        let form = "<form method=\"post\" action=\"/x\"><input type=\"hidden\" name=\"csrf\" value=\"t\"><button>a</button></form>";
        assert_eq!(verdict(form), Ok(()));
    }
}
