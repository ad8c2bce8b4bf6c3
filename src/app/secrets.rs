//! Every secret that the service knows, so that none of them shows in a journal
//! (security.md 35).

use secrecy::{ExposeSecret, SecretString};

use super::{App, Refusal, balancing};
use crate::db;
use crate::domain::fleet::secret::SecretForm;
use crate::domain::mask::Mask;

pub async fn mask(app: &App) -> Result<Mask, Refusal> {
    let mut known = of_config(app);
    let fleet = db::fleet::load(&app.db).await?;
    for balancer in &fleet.load_balancers {
        for (number, endpoint) in balancer.endpoints.iter().enumerate() {
            known.extend(balancing::password(app, balancer, number, endpoint).await?);
        }
    }
    for application in &fleet.applications {
        let Some(secret) = &application.webhook_secret else { continue };
        let place = super::fleet_rows::place_of_webhook_secret(&application.name);
        known.extend(resolve(app, SecretForm::of(secret), (&place, "")).await?);
    }
    Ok(Mask::new(known.iter().map(ExposeSecret::expose_secret)))
}

fn of_config(app: &App) -> Vec<SecretString> {
    let config = &app.config;
    let mut known = vec![config.github.client_secret.clone()];
    known.extend(config.github.status_token.clone());
    known.extend(config.webhooks.iter().map(|webhook| webhook.secret.clone()));
    // The account's password is the secret in these, not the whole address.
    for address in [&config.database, &config.mail.smtp] {
        let password = url::Url::parse(address.expose_secret()).ok().and_then(|url| {
            let password = url.password()?;
            Some(percent_decoded(password))
        });
        known.extend(password.map(SecretString::from));
    }
    known
}

fn percent_decoded(text: &str) -> String {
    // A key without a value is decoded by the same rules; `+` is not a space here.
    let text = text.replace('+', "%2B");
    url::form_urlencoded::parse(text.as_bytes()).next().map(|(key, _)| key.into_owned()).unwrap_or_default()
}

/// The secret itself, by the form in which the fleet keeps it (rules.md 40). `place`
/// and what it is bound to find the one that is stored.
pub async fn resolve(
    app: &App,
    form: SecretForm<'_>,
    (place, bound_to): (&str, &str),
) -> Result<Option<SecretString>, Refusal> {
    Ok(match form {
        SecretForm::Literal(text) => Some(text.to_owned().into()),
        SecretForm::Env(name) => std::env::var(name).ok().map(SecretString::from),
        SecretForm::File(path) => {
            let text = tokio::fs::read_to_string(path).await.ok();
            text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned().into())
        }
        SecretForm::Stored => {
            let stored = db::fleet::find_secret(&app.db, place).await?;
            let sealed = stored.filter(|(bound, _)| bound == bound_to).map(|(_, sealed)| sealed);
            let opened = sealed.and_then(|sealed| app.keys.open(super::fleet_rows::SECRET_SEAL, &sealed));
            opened.and_then(|bytes| String::from_utf8(bytes).ok()).map(SecretString::from)
        }
    })
}
