//! Names that nobody could reach: where the address of an object would be, a page of
//! ours has another one. They are refused to what is new; what has one already keeps it
//! until it is renamed.

use serde_json::Value;

use super::object::{Place, find};
use super::{Fleet, Kind};
use crate::domain::document::Problem;
use crate::domain::name::Name;

/// `/admin/servers/new` is a form, `/applications/shop/diff` a page of `shop`.
fn is_reserved(kind: Kind, name: &str) -> bool {
    name == "new" || (kind == Kind::Environment && matches!(name, "diff" | "fetch"))
}

/// Of a whole document. Paths are those of the document.
pub fn in_document(old: &Fleet, document: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Environment) {
        let listed = document.get(kind.list()).and_then(Value::as_array);
        for (index, object) in listed.into_iter().flatten().enumerate() {
            problems.extend(in_object(old, (kind, None), object, &format!("{}[{index}].", kind.list())));
        }
    }
    problems
}

/// Of one object, of an application with its environments. `before` stands before each
/// path.
pub fn in_object(
    old: &Fleet,
    (kind, parent): (Kind, Option<&Name>),
    object: &Value,
    before: &str,
) -> Vec<Problem> {
    let named = |key| object.get(key).and_then(Value::as_str).and_then(|text| Name::parse(text).ok());
    let name = named("name");
    let mut problems = Vec::new();
    if let Some(name) = &name
        && is_reserved(kind, name.as_str())
        && find(old, &Place::new(kind, parent, name)).is_none()
    {
        let words = format!("cannot be \"{name}\": another page has its address");
        problems.push(Problem::new(format!("{before}name"), words));
    }
    if kind == Kind::Application {
        let known = |name: &Name| old.application(name).is_some();
        let former = named("was").filter(known).or(name);
        let environments = object.get("environments").and_then(Value::as_array);
        for (index, environment) in environments.into_iter().flatten().enumerate() {
            let path = format!("{before}environments[{index}].");
            problems.extend(in_object(old, (Kind::Environment, former.as_ref()), environment, &path));
        }
    }
    problems
}
