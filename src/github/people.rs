//! Who the holder of a token is, and what they belong to in our organisation.

use reqwest::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

use super::GitHub;
use super::error::{GitHubError, plain_words};
use crate::domain::name::{Name, is_deceptive};

/// The person as GitHub knows them. Only `subject` identifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// GitHub's numeric id, which stays when a login is renamed or reused.
    pub subject: String,
    /// Lower-cased.
    pub login: Name,
    /// One line to show; the login when there is no name.
    pub display: String,
    /// The primary address, if verified. For mail only.
    pub verified_mail: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// Active; an invitation not yet accepted is none.
    pub member: bool,
    /// Slugs of the person's teams in the configured organisation, sorted.
    /// Empty for people who are not members.
    pub teams: Vec<String>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    #[serde(rename = "email")]
    address: String,
    primary: bool,
    verified: bool,
}

#[derive(Deserialize)]
struct OrganisationMembership {
    state: MembershipState,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum MembershipState {
    Active,
    /// Invited, and whatever else GitHub may say one day: not in.
    #[serde(other)]
    NotYet,
}

#[derive(Deserialize)]
struct Team {
    slug: String,
    organization: Organisation,
}

#[derive(Deserialize)]
struct Organisation {
    login: String,
}

impl GitHub {
    pub async fn identity(&self, token: &SecretString) -> Result<Identity, GitHubError> {
        let user: User = self.get(self.api(&["user"])?, token).await?.success()?.json()?;
        let login = Name::parse(&user.login.to_ascii_lowercase()).map_err(|_| {
            GitHubError::Unexpected(format!("the login “{}” cannot be a name", plain_words(&user.login)))
        })?;
        let name = plain_words(user.name.as_deref().unwrap_or_default());
        Ok(Identity {
            subject: user.id.to_string(),
            display: if name.is_empty() { login.to_string() } else { name },
            login,
            verified_mail: self.verified_mail(token).await?,
        })
    }

    async fn verified_mail(&self, token: &SecretString) -> Result<Option<String>, GitHubError> {
        let emails: Vec<Email> = self.list(&["user", "emails"], token).await?;
        let own = emails.into_iter().find(|email| email.primary && email.verified);
        Ok(own.map(|email| email.address).filter(|address| !address.chars().any(is_deceptive)))
    }

    pub async fn membership(&self, token: &SecretString) -> Result<Membership, GitHubError> {
        let url = self.api(&["user", "memberships", "orgs", &self.organisation])?;
        let answer = self.get(url, token).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(Membership::default());
        }
        let membership: OrganisationMembership = answer.success()?.json()?;
        if membership.state != MembershipState::Active {
            return Ok(Membership::default());
        }
        Ok(Membership { member: true, teams: self.teams(token).await? })
    }

    async fn teams(&self, token: &SecretString) -> Result<Vec<String>, GitHubError> {
        let teams: Vec<Team> = self.list(&["user", "teams"], token).await?;
        let ours = |team: &Team| team.organization.login.eq_ignore_ascii_case(&self.organisation);
        let mut slugs: Vec<String> = teams.into_iter().filter(ours).map(|team| team.slug).collect();
        slugs.sort();
        slugs.dedup();
        Ok(slugs)
    }
}
