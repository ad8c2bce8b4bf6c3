use super::samples::*;
use super::sound;
use crate::web::view::account::{Account, SessionView, TokenForm, TokenState, TokenView};
use crate::web::view::{FieldError, Section};

pub fn token(id: i64, name: &str, state: TokenState, scope: Vec<String>) -> TokenView {
    TokenView {
        id,
        user: "dana".into(),
        name: name.into(),
        expires_at: Some(now()),
        last_used_at: None,
        state,
        scope,
    }
}

fn account() -> Account {
    Account {
        shell: shell(Section::Elsewhere),
        name: "dana".into(),
        ways_in: vec!["a password of Countersign".into()],
        roles: vec!["developers".into()],
        rights: vec!["may read and request releases of shop in every environment".into()],
        sessions: vec![
            SessionView { began_at: now(), seen_at: now(), by: "GitHub".into(), is_this: true },
            SessionView { began_at: now(), seen_at: now(), by: "the reverse proxy".into(), is_this: false },
        ],
        tokens: vec![
            token(1, "ci", TokenState::Usable, vec!["may read shop in production".into()]),
            token(2, "old", TokenState::Expired, Vec::new()),
        ],
        has_password: true,
        secret: None,
        form: TokenForm { days: "90".into(), ..TokenForm::default() },
        errors: Vec::new(),
    }
}

#[test]
fn an_account_says_what_one_may_and_by_what_one_comes_in() {
    let html = sound("typical", "account", "ready", &account());
    assert!(html.contains("You may read and request releases of shop in every environment."));
    assert!(html.contains("End the others") && html.contains("Change your password"));
    assert_eq!(html.matches("Revoke ci").count(), 1);
    assert!(!html.contains("Revoke old"), "what is over cannot be revoked");
    let empty = Account {
        roles: Vec::new(),
        rights: Vec::new(),
        ways_in: Vec::new(),
        tokens: Vec::new(),
        sessions: Vec::new(),
        has_password: false,
        ..account()
    };
    let html = sound("empty", "account", "ready", &empty);
    assert!(html.contains("No role is yours yet") && html.contains("End the others"));
}

#[test]
fn a_secret_is_shown_and_hostile_words_stay_words() {
    let made = Account { secret: Some("cs_secret".into()), ..account() };
    assert!(sound("made", "account", "token_made", &made).contains("cs_secret"));
    let error = |field| FieldError { field, text: HOSTILE.into() };
    let hostile = Account {
        shell: hostile_shell(Section::Elsewhere),
        tokens: vec![token(1, HOSTILE, TokenState::Usable, vec![HOSTILE.into()])],
        rights: vec![HOSTILE.into()],
        form: TokenForm {
            name: HOSTILE.into(),
            days: HOSTILE.into(),
            permission: HOSTILE.into(),
            application: HOSTILE.into(),
            environment: HOSTILE.into(),
        },
        errors: vec![
            error("name"),
            error("days"),
            error("permission"),
            error("application"),
            error("environment"),
            error("old"),
            error("new"),
        ],
        ..account()
    };
    let html = sound("hostile", "account", "invalid", &hostile);
    for field in ["permission", "application", "environment"] {
        let told = format!("aria-invalid=\"true\" aria-describedby=\"{field}-e\"");
        assert!(html.contains(&told) && html.contains(&format!("id=\"{field}-e\"")), "{field}: {html}");
    }
}
