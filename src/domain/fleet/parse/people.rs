//! Roles: who has them, and what they allow.

use super::Names;
use crate::domain::document::{Reader, one_of};
use crate::domain::fleet::{Role, checks};
use crate::domain::name::Name;
use crate::domain::permission::{GlobalPermission, Grant, Pattern, Permission};

/// These exist without a fleet file, so references to them always hold.
pub(super) const BUILT_IN: [&str; 2] = ["admin", "default"];

pub(super) fn role<'a>(r: &mut Reader<'a>, names: &Names<'a>) -> Option<Role> {
    let (name, was) = names.read(r);
    let name_text = r.raw("name").and_then(|name| name.as_str()).unwrap_or_default();
    let renames_built_in = was.as_ref().is_some_and(|was| BUILT_IN.contains(&was.as_str()));
    if renames_built_in || (was.is_some() && BUILT_IN.contains(&name_text)) {
        r.problem("was", "the roles admin and default cannot be renamed");
    }
    let github_teams = r.set("github_teams", checks::team);
    let users = r.set("users", user);
    let globals = [
        ("admin", GlobalPermission::Admin),
        ("impersonate", GlobalPermission::Impersonate),
        ("read_all", GlobalPermission::ReadAll),
    ];
    let mut global = r.set("global", |text| one_of(text, &globals));
    let grants = r.objects("grants", grant);
    if name_text == "admin" {
        if global.iter().any(|global| *global != GlobalPermission::Admin) {
            r.problem("global", "of the role admin is always [\"admin\"]");
        }
        if !grants.is_empty() {
            r.problem("grants", "the role admin may do everything and takes no grants");
        }
        global = vec![GlobalPermission::Admin];
    }
    Some(Role { name: name?, was, github_teams, users, global, grants })
}

/// `rosa`, `github:rosa` or `local:rosa` (rules.md 29).
fn user(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix("github:").or_else(|| text.strip_prefix("local:")).unwrap_or(text);
    match Name::parse(bare) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("{error}; before it \"github:\" or \"local:\" may stand")),
    }
}

fn grant(r: &mut Reader<'_>) -> Option<Grant> {
    let permissions = [
        ("read", Permission::Read),
        ("request", Permission::Request),
        ("deploy_in_window", Permission::DeployInWindow),
        ("deploy", Permission::Deploy),
        ("review", Permission::Review),
    ];
    let pattern = |text: &str| match Pattern::try_from(text.to_owned()) {
        Ok(pattern) => Ok(pattern),
        Err(error) => Err(format!("{error}; or \"*\"")),
    };
    let permission = r.required("permission", |text| one_of(text, &permissions));
    let application = r.text_or("application", Pattern::All, pattern);
    let environment = r.text_or("environment", Pattern::All, pattern);
    Some(Grant { permission: permission?, application, environment })
}
