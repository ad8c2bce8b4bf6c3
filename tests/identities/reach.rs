//! What is left of a person's rights by the scope of a token, and in another's name.

use super::name;
use crate::domain::actor::Actor;
use crate::domain::permission::GlobalPermission::{Admin, Impersonate, ReadAll};
use crate::domain::permission::Permission::{self, Deploy, DeployInWindow, Read, Request, Review};
use crate::domain::permission::{Access, GlobalPermission, Grant, Pattern, TokenScope};

/// `shop`, `shop/production` or `*`.
fn grant(permission: Permission, place: &str) -> Grant {
    let pattern = |text: &str| Pattern::try_from(text.to_owned()).unwrap();
    let (application, environment) = place.split_once('/').unwrap_or((place, "*"));
    Grant { permission, application: pattern(application), environment: pattern(environment) }
}

fn scope(global: &[GlobalPermission], grants: &[(Permission, &str)]) -> Option<TokenScope> {
    let grants = grants.iter().map(|(permission, place)| grant(*permission, place)).collect();
    Some(TokenScope { global: global.to_vec(), grants })
}

fn access(global: &[GlobalPermission], grants: &[(Permission, &str)], within: Option<TokenScope>) -> Access {
    let TokenScope { global, grants } = scope(global, grants).unwrap();
    Access { globals: global, grants, within, ..Access::default() }
}

#[test]
fn a_scope_takes_away_and_never_gives() {
    type Row<'a> = (
        &'a str,
        (&'a [GlobalPermission], &'a [(Permission, &'a str)]),
        Option<TokenScope>,
        (Permission, &'a str),
        bool,
    );
    let rows: Vec<Row> = vec![
        ("nothing bounds it", (&[], &[(Deploy, "shop")]), None, (Deploy, "shop/production"), true),
        ("an empty scope is nothing", (&[Admin], &[]), scope(&[], &[]), (Read, "shop/production"), false),
        (
            "both hold it",
            (&[], &[(Deploy, "shop")]),
            scope(&[], &[(Request, "shop")]),
            (Request, "shop/staging"),
            true,
        ),
        (
            "only the person",
            (&[], &[(Deploy, "shop")]),
            scope(&[], &[(Request, "shop")]),
            (DeployInWindow, "shop/staging"),
            false,
        ),
        (
            "only the scope",
            (&[], &[(Read, "shop")]),
            scope(&[], &[(Deploy, "*")]),
            (Request, "shop/staging"),
            false,
        ),
        (
            "another application",
            (&[], &[(Deploy, "*")]),
            scope(&[], &[(Deploy, "shop")]),
            (Read, "vault/production"),
            false,
        ),
        (
            "another environment",
            (&[], &[(Deploy, "*")]),
            scope(&[], &[(Deploy, "shop/staging")]),
            (Read, "shop/production"),
            false,
        ),
        (
            "an admin, bounded",
            (&[Admin], &[]),
            scope(&[], &[(Request, "shop/staging")]),
            (Request, "shop/staging"),
            true,
        ),
        (
            "an admin, bounded elsewhere",
            (&[Admin], &[]),
            scope(&[], &[(Request, "shop/staging")]),
            (Request, "shop/production"),
            false,
        ),
        (
            "an admin who only reads",
            (&[Admin], &[]),
            scope(&[ReadAll], &[]),
            (Read, "vault/production"),
            true,
        ),
        ("and does no more", (&[Admin], &[]), scope(&[ReadAll], &[]), (Request, "vault/production"), false),
        (
            "a scope of admin, no admin",
            (&[], &[(Read, "shop")]),
            scope(&[Admin], &[]),
            (Read, "shop/production"),
            true,
        ),
        (
            "and gives no more",
            (&[], &[(Read, "shop")]),
            scope(&[Admin], &[]),
            (Review, "shop/production"),
            false,
        ),
        (
            "deploying is not reviewing",
            (&[Admin], &[]),
            scope(&[], &[(Deploy, "*")]),
            (Review, "shop/production"),
            false,
        ),
    ];
    for (what, (global, grants), within, (wanted, place), expected) in rows {
        let (application, environment) = place.split_once('/').unwrap();
        let access = access(global, grants, within);
        assert_eq!(access.may(wanted, &name(application), &name(environment)), expected, "{what}");
    }
}

#[test]
fn global_rights_need_the_scope_as_well() {
    let rows = [
        (&[Admin][..], None, Impersonate, true),
        (&[Admin], scope(&[ReadAll], &[]), Admin, false),
        (&[Admin], scope(&[ReadAll], &[]), ReadAll, true),
        (&[Impersonate], scope(&[Admin], &[]), Impersonate, true),
        (&[Impersonate], scope(&[], &[(Deploy, "*")]), Impersonate, false),
        (&[Impersonate], None, ReadAll, false),
        (&[ReadAll], scope(&[Admin], &[]), Admin, false),
    ];
    for (global, within, wanted, expected) in rows {
        let access = access(global, &[], within.clone());
        assert_eq!(access.has(wanted), expected, "{global:?} within {within:?}: {wanted:?}");
    }
}

#[test]
fn in_anothers_name_nobody_decides_or_administers() {
    let (shop, production) = (name("shop"), name("production"));
    let theirs = access(&[Admin, Impersonate, ReadAll], &[(Review, "shop"), (Deploy, "shop")], None);
    let acted = Access { by: Some(name("bot")), ..theirs };
    for (wanted, expected) in
        [(Read, true), (Request, true), (DeployInWindow, true), (Deploy, true), (Review, false)]
    {
        assert_eq!(acted.may(wanted, &shop, &production), expected, "{wanted:?}");
    }
    assert_eq!([Admin, Impersonate, ReadAll].map(|wanted| acted.has(wanted)), [false, false, true]);
    let actor = Actor { id: 1, name: name("dana"), display: "Dana".to_owned(), access: acted };
    assert_eq!(actor.signature(), "bot for dana");
}

#[test]
fn what_is_ones_own_is_out_of_reach_of_a_token_for_elsewhere() {
    let within = scope(&[], &[(Read, "shop/staging")]);
    let access = access(&[], &[(Request, "*")], within);
    let dana = Actor { id: 1, name: name("dana"), display: "Dana".to_owned(), access };
    let owns = |owner: &str, wanted, environment: &str| {
        dana.owns(&name(owner), wanted, &name("shop"), &name(environment))
    };
    assert!(owns("dana", Read, "staging"));
    assert!(!owns("dana", Request, "staging"), "it only reads");
    assert!(!owns("dana", Read, "production"), "and only there");
    assert!(!owns("rosa", Read, "staging"), "and it is hers");
}

#[test]
fn who_only_reads_keeps_nothing_else() {
    let all = access(&[Admin], &[(Deploy, "shop/staging"), (Review, "vault")], None).reading_only();
    assert_eq!(all.globals, [ReadAll]);
    assert!(all.grants.iter().all(|grant| grant.permission == Read));
    let none = access(&[Impersonate], &[], None).reading_only();
    assert!(none.globals.is_empty());
}

#[test]
fn words_of_a_command_become_a_scope() {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let made = TokenScope::of_words(&words(&["read", "impersonate"]), &[name("shop")], &[]).unwrap();
    assert_eq!(made, scope(&[Impersonate], &[(Read, "shop")]));
    assert_eq!(TokenScope::of_words(&[], &[], &[]), Ok(None));
    let error = TokenScope::of_words(&words(&["write"]), &[], &[]).unwrap_err();
    assert!(error.contains("\"write\""), "{error}");
}
