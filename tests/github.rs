//! Signing in and belonging, against a GitHub that is down, slow, lying or well.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use url::Url;

use super::support::github::{CLIENT_ID, CLIENT_SECRET, GitHubStandIn, ORGANISATION, Trouble};
use crate::config::GitHubConfig;
use crate::github::{GitHub, GitHubError, Membership, PkceVerifier, Timeouts};

const BACK: &str = "http://localhost:8080/authorized";

async fn stand_in() -> GitHubStandIn {
    let stand_in = GitHubStandIn::start(None).await;
    stand_in.register_redirect(BACK);
    stand_in
}

fn config(stand_in: &GitHubStandIn) -> GitHubConfig {
    GitHubConfig {
        client_id: CLIENT_ID.to_owned(),
        client_secret: CLIENT_SECRET.into(),
        organisation: ORGANISATION.to_owned(),
        web_url: stand_in.web_url(),
        api_url: stand_in.api_url(),
        status_token: None,
    }
}

fn client_of(config: &GitHubConfig) -> GitHub {
    // Another test of this process may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    GitHub::new(config, BACK.parse().unwrap()).unwrap()
}

fn client(stand_in: &GitHubStandIn) -> GitHub {
    client_of(&config(stand_in))
}

fn token(stand_in: &GitHubStandIn, login: &str) -> SecretString {
    stand_in.token_of(login).into()
}

/// What a browser does: opens the page and is sent back, with code and state.
async fn browse(url: Url) -> (u16, String, Option<Url>) {
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let response = browser.get(url).send().await.unwrap();
    let back = response.headers().get("location").map(|to| to.to_str().unwrap().parse().unwrap());
    (response.status().as_u16(), response.text().await.unwrap(), back)
}

fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap()
}

async fn code_of(stand_in: &GitHubStandIn, github: &GitHub, login: &str, verifier: &PkceVerifier) -> String {
    stand_in.sign_in_as(Some(login));
    let (_, _, back) = browse(github.authorize_url("the-state", verifier)).await;
    parameter(&back.unwrap(), "code")
}

#[tokio::test]
async fn dana_signs_in() {
    let stand_in = stand_in().await;
    stand_in.person("Dana").named("Dana Okafor").id(4711).team("developers").team("shop");
    let github = client(&stand_in);
    let verifier = PkceVerifier::new([7; 32]);

    let (status, page, _) = browse(github.authorize_url("a state & more", &verifier)).await;
    assert_eq!(status, 200);
    assert!(page.contains("Choose a person") && page.contains("Dana Okafor"), "{page}");

    stand_in.sign_in_as(Some("dana"));
    let (_, _, back) = browse(github.authorize_url("a state & more", &verifier)).await;
    let back = back.unwrap();
    assert!(back.as_str().starts_with(BACK));
    assert_eq!(parameter(&back, "state"), "a state & more");

    let token = github.exchange(&parameter(&back, "code"), verifier.secret()).await.unwrap();
    let dana = github.identity(&token).await.unwrap();
    assert_eq!(dana.subject, "4711");
    assert_eq!(dana.login.as_str(), "dana");
    assert_eq!(dana.display, "Dana Okafor");
    assert_eq!(dana.verified_mail.as_deref(), Some("dana@example.com"));
    let membership = github.membership(&token).await.unwrap();
    assert_eq!(membership, Membership { member: true, teams: vec!["developers".into(), "shop".into()] });
}

#[tokio::test]
async fn the_way_to_github_carries_state_challenge_and_scopes() {
    let stand_in = stand_in().await;
    let url = client(&stand_in).authorize_url("s1", &PkceVerifier::new([0; 32]));
    assert_eq!(url.path(), "/login/oauth/authorize");
    assert_eq!(parameter(&url, "client_id"), CLIENT_ID);
    assert_eq!(parameter(&url, "redirect_uri"), BACK);
    assert_eq!(parameter(&url, "response_type"), "code");
    assert_eq!(parameter(&url, "state"), "s1");
    assert_eq!(parameter(&url, "scope"), "read:user user:email read:org");
    assert_eq!(parameter(&url, "code_challenge_method"), "S256");
    assert_eq!(parameter(&url, "code_challenge"), "DwBzhbb51LfusnSGBa_hqYSgo7-j8BTQnip4TOnlzRo");
    assert!(!url.as_str().contains(CLIENT_SECRET));
}

#[tokio::test]
async fn a_code_works_once_and_only_with_its_verifier() {
    let stand_in = stand_in().await;
    stand_in.person("dana");
    let github = client(&stand_in);
    let verifier = PkceVerifier::new([1; 32]);

    let code = code_of(&stand_in, &github, "dana", &verifier).await;
    github.exchange(&code, verifier.secret()).await.unwrap();
    let again = github.exchange(&code, verifier.secret()).await.unwrap_err();
    assert_eq!(again, GitHubError::Refused("The code passed is incorrect or expired.".into()));

    let code = code_of(&stand_in, &github, "dana", &verifier).await;
    let stolen = github.exchange(&code, PkceVerifier::new([2; 32]).secret()).await.unwrap_err();
    assert!(matches!(stolen, GitHubError::Refused(_)), "{stolen:?}");
}

#[tokio::test]
async fn a_wrong_client_secret_is_refused_in_githubs_words() {
    let stand_in = stand_in().await;
    stand_in.person("dana");
    let github = client_of(&GitHubConfig { client_secret: "wrong-secret".into(), ..config(&stand_in) });
    let verifier = PkceVerifier::new([1; 32]);
    let code = code_of(&stand_in, &github, "dana", &verifier).await;
    let refused = github.exchange(&code, verifier.secret()).await.unwrap_err();
    assert!(refused.to_string().contains("client_secret passed are incorrect"), "{refused}");
    assert!(!format!("{refused:?} {refused}").contains("wrong-secret"));
}

#[tokio::test]
async fn another_way_back_is_not_accepted() {
    let stand_in = stand_in().await;
    stand_in.person("dana");
    stand_in.sign_in_as(Some("dana"));
    let config = config(&stand_in);
    drop(client_of(&config));
    let github = GitHub::new(&config, format!("{BACK}/elsewhere").parse().unwrap()).unwrap();
    let (status, page, back) = browse(github.authorize_url("s", &PkceVerifier::new([1; 32]))).await;
    assert_eq!((status, back), (400, None));
    assert!(page.contains("not the registered one"));
}

#[tokio::test]
async fn enterprise_keeps_its_api_below_a_prefix() {
    let stand_in = stand_in().await;
    let person = stand_in.person("dana");
    (0..120).fold(person, |person, n| person.team(&format!("team-{n:03}")));
    let token = token(&stand_in, "dana");
    for api_url in
        [stand_in.enterprise_api_url(), format!("{}/", stand_in.enterprise_api_url()).parse().unwrap()]
    {
        let github = client_of(&GitHubConfig { api_url, ..config(&stand_in) });
        assert_eq!(github.identity(&token).await.unwrap().login.as_str(), "dana");
        assert_eq!(github.membership(&token).await.unwrap().teams.len(), 120);
    }
}

#[tokio::test]
async fn teams_are_read_over_all_pages_and_only_of_our_organisation() {
    let stand_in = stand_in().await;
    let person = stand_in.person("rosa").team_of("other", "admins").team_of("ACME", "release-managers");
    (0..205).fold(person, |person, n| person.team(&format!("team-{n:03}")));
    let membership = client(&stand_in).membership(&token(&stand_in, "rosa")).await.unwrap();
    assert_eq!(stand_in.calls("/user/teams"), 3);
    assert_eq!(membership.teams.len(), 206);
    assert!(membership.teams.contains(&"team-204".to_owned()));
    assert!(membership.teams.contains(&"release-managers".to_owned()));
    assert!(!membership.teams.contains(&"admins".to_owned()));
}

#[tokio::test]
async fn an_invitation_or_a_foreign_team_is_no_membership() {
    let stand_in = stand_in().await;
    stand_in.person("iris").pending().team("developers");
    stand_in.person("olga").outsider().team_of("other", "admins");
    let github = client(&stand_in);
    for login in ["iris", "olga"] {
        let membership = github.membership(&token(&stand_in, login)).await.unwrap();
        assert_eq!(membership, Membership::default(), "{login}");
    }
    assert_eq!(stand_in.calls("/user/teams"), 0);

    stand_in.person("iris").active();
    assert_eq!(github.membership(&token(&stand_in, "iris")).await.unwrap().teams, ["developers"]);
}

#[tokio::test]
async fn who_leaves_a_team_or_the_organisation_is_out_at_the_next_look() {
    let stand_in = stand_in().await;
    stand_in.person("rosa").team("release-managers");
    let github = client(&stand_in);
    let token = token(&stand_in, "rosa");
    assert_eq!(github.membership(&token).await.unwrap().teams, ["release-managers"]);
    stand_in.person("rosa").without_team("release-managers");
    assert_eq!(github.membership(&token).await.unwrap(), Membership { member: true, teams: vec![] });
    stand_in.person("rosa").outsider();
    assert!(!github.membership(&token).await.unwrap().member);
}

#[tokio::test]
async fn a_revoked_token_is_said_to_be_one() {
    let stand_in = stand_in().await;
    stand_in.person("dana");
    let github = client(&stand_in);
    let token = token(&stand_in, "dana");
    stand_in.revoke("dana");
    assert_eq!(github.identity(&token).await.unwrap_err(), GitHubError::Revoked);
    let error = github.membership(&token).await.unwrap_err();
    assert_eq!(error, GitHubError::Revoked);
    assert!(!error.is_outage());
}

#[tokio::test]
async fn the_same_mail_under_another_subject_is_another_person() {
    let stand_in = stand_in().await;
    stand_in.person("dana").id(1);
    stand_in.person("mallory").id(2).without_emails().email("dana@example.com", true, true);
    let github = client(&stand_in);
    let dana = github.identity(&token(&stand_in, "dana")).await.unwrap();
    let mallory = github.identity(&token(&stand_in, "mallory")).await.unwrap();
    assert_eq!(dana.verified_mail, mallory.verified_mail);
    assert_ne!(dana.subject, mallory.subject);
}

#[tokio::test]
async fn only_the_verified_primary_mail_is_used() {
    let stand_in = stand_in().await;
    stand_in.person("dana").without_emails().email("old@example.com", false, true).email(
        "boss@example.com",
        true,
        false,
    );
    stand_in.person("eve").without_emails().email("eve@example.com\r\nBcc: all@example.com", true, true);
    let github = client(&stand_in);
    for login in ["dana", "eve"] {
        assert_eq!(github.identity(&token(&stand_in, login)).await.unwrap().verified_mail, None, "{login}");
    }
}

#[tokio::test]
async fn hostile_names_are_made_plain_and_hostile_logins_refused() {
    let stand_in = stand_in().await;
    stand_in.person("dana").named("Dana\r\n\u{202e}<b>rm</b>\u{7}");
    stand_in.person("eve").login("../admin\u{202e}\n");
    let github = client(&stand_in);
    assert_eq!(github.identity(&token(&stand_in, "dana")).await.unwrap().display, "Dana <b>rm</b>");
    let error = github.identity(&token(&stand_in, "eve")).await.unwrap_err();
    assert_eq!(error, GitHubError::Unexpected("the login “../admin” cannot be a name".into()));
}

#[tokio::test]
async fn github_is_down_and_comes_back() {
    let stand_in = stand_in().await;
    stand_in.person("dana");
    let github = client(&stand_in);
    let token = token(&stand_in, "dana");
    let verifier = PkceVerifier::new([1; 32]);
    let code = code_of(&stand_in, &github, "dana", &verifier).await;

    stand_in.down().await;
    for error in [
        github.exchange(&code, verifier.secret()).await.unwrap_err(),
        github.identity(&token).await.unwrap_err(),
        github.membership(&token).await.unwrap_err(),
    ] {
        assert_eq!(error, GitHubError::Unreachable("no connection".into()));
        assert!(error.is_outage());
    }

    stand_in.up().await;
    github.exchange(&code, verifier.secret()).await.unwrap();
}

#[tokio::test]
async fn github_never_answers() {
    let stand_in = stand_in().await;
    stand_in.person("dana");
    let config = config(&stand_in);
    drop(client_of(&config));
    // Short, because only the hanging calls are made with it; they can only end by it.
    let timeouts = Timeouts { connect: Duration::from_secs(5), total: Duration::from_millis(50) };
    let github = GitHub::with_timeouts(&config, BACK.parse().unwrap(), timeouts).unwrap();
    let token = token(&stand_in, "dana");
    stand_in.hang();
    for error in [
        github.identity(&token).await.unwrap_err(),
        github.membership(&token).await.unwrap_err(),
        github.exchange("code", "verifier").await.unwrap_err(),
    ] {
        assert_eq!(error, GitHubError::TimedOut);
        assert!(error.is_outage());
    }
    stand_in.release();
    assert_eq!(client_of(&config).identity(&token).await.unwrap().login.as_str(), "dana");
}

#[tokio::test]
async fn a_rate_limit_says_until_when() {
    let stand_in = stand_in().await;
    stand_in.person("dana");
    let github = client(&stand_in);
    let token = token(&stand_in, "dana");

    stand_in.trouble(Trouble::RateLimited { reset: 1_795_000_000 });
    let error = github.membership(&token).await.unwrap_err();
    assert_eq!(
        error,
        GitHubError::RateLimited { until: Some(Timestamp::from_second(1_795_000_000).unwrap()) }
    );
    assert_eq!(
        error.to_string(),
        "GitHub limits how often we may ask; it answers again at 11:06:40 UTC on 18 Nov 2026."
    );

    stand_in.trouble(Trouble::Limited);
    let error = github.membership(&token).await.unwrap_err();
    assert_eq!(error, GitHubError::RateLimited { until: None });
    assert_eq!(error.to_string(), "GitHub limits how often we may ask; try again in a few minutes.");

    stand_in.trouble(Trouble::TooMany { retry_after: 90, date: "Sat, 21 Nov 2026 14:00:00 GMT" });
    let until = "2026-11-21T14:01:30Z".parse().unwrap();
    for error in
        [github.identity(&token).await.unwrap_err(), github.exchange("code", "verifier").await.unwrap_err()]
    {
        assert_eq!(error, GitHubError::RateLimited { until: Some(until) });
    }
}

#[tokio::test]
async fn another_403_is_no_rate_limit() {
    let stand_in = stand_in().await;
    stand_in.person("dana");
    stand_in.trouble(Trouble::Forbidden("the organization has enabled OAuth App access restrictions"));
    let error = client(&stand_in).membership(&token(&stand_in, "dana")).await.unwrap_err();
    assert_eq!(
        error,
        GitHubError::Refused("the organization has enabled OAuth App access restrictions".into())
    );
}

#[tokio::test]
async fn a_next_page_on_another_host_is_never_fetched() {
    let (stand_in, elsewhere) = (stand_in().await, GitHubStandIn::start(None).await);
    stand_in.person("dana");
    let github = client(&stand_in);
    for page in [
        elsewhere.web_url().join("user/teams?page=2").unwrap().to_string(),
        "https://evil.example/".into(),
        "//evil.example/a,b?page=2".into(),
        "http://[".into(),
    ] {
        stand_in.trouble(Trouble::NextPage(page));
        let error = github.membership(&token(&stand_in, "dana")).await.unwrap_err();
        assert_eq!(error, GitHubError::Unexpected("the next page is on another host".into()));
    }
    assert_eq!(elsewhere.all_calls(), 0);
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let stand_in = stand_in().await;
    stand_in.person("dana");
    stand_in.trouble(Trouble::NextPage(stand_in.api_url().join("user/teams").unwrap().to_string()));
    let error = client(&stand_in).membership(&token(&stand_in, "dana")).await.unwrap_err();
    assert_eq!(error, GitHubError::Unexpected("a list of more than 50 pages".into()));
    assert_eq!(stand_in.calls("/user/teams"), 50);
}

#[tokio::test]
async fn answers_that_make_no_sense_are_refused_without_quoting_them() {
    let (stand_in, elsewhere) = (stand_in().await, GitHubStandIn::start(None).await);
    stand_in.person("dana");
    let github = client(&stand_in);
    let token = token(&stand_in, "dana");

    stand_in.trouble(Trouble::Huge(3 * 1024 * 1024));
    let error = github.identity(&token).await.unwrap_err();
    assert_eq!(error, GitHubError::Unexpected("the answer is larger than 2 MB".into()));

    stand_in.trouble(Trouble::NotJson);
    for error in
        [github.identity(&token).await.unwrap_err(), github.exchange("code", "verifier").await.unwrap_err()]
    {
        assert!(matches!(error, GitHubError::Unexpected(_)), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("gho_secret"));
    }

    stand_in.trouble(Trouble::Moved(elsewhere.web_url().to_string()));
    assert_eq!(github.identity(&token).await.unwrap_err(), GitHubError::Unexpected("status 302".into()));
    assert_eq!(elsewhere.all_calls(), 0);

    stand_in.trouble(Trouble::ServerError);
    let error = github.identity(&token).await.unwrap_err();
    assert_eq!(error, GitHubError::Unreachable("it answered 502".into()));
}
