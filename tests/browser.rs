//! The browser of the harness behaves like one: else the suites prove too little.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::support::browser::Browser;

/// A request as it arrived, its header names in lower case.
#[derive(Debug, Clone, Default)]
struct Seen {
    line: String,
    headers: HashMap<String, String>,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A site that answers by table and remembers what it was asked.
struct Site {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// `GET /path` and what follows the status line of the answer: `200 OK\r\n…`.
type Answers = Vec<(&'static str, String)>;

impl Site {
    async fn start(answers: Answers) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answers) = (Arc::clone(&seen), Arc::new(answers));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answers) = (Arc::clone(&log), Arc::clone(&answers));
                tokio::spawn(async move { answer(stream, &log, &answers).await });
            }
        });
        Ok(Self { address, seen })
    }

    fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

async fn answer(stream: TcpStream, log: &Mutex<Vec<Seen>>, answers: &Answers) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await?;
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let line = lines.remove(0).replace(" HTTP/1.1", "");
    let headers: HashMap<String, String> = lines
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await?;
    let found = answers.iter().find(|(asked, _)| *asked == line).map(|(_, answer)| answer.clone());
    log.lock().unwrap().push(Seen { line, headers, body: String::from_utf8(body)? });
    let answer = found.unwrap_or_else(|| html("nothing here").replace("200 OK", "404 Not Found"));
    reader.get_mut().write_all(format!("HTTP/1.1 {answer}").as_bytes()).await?;
    Ok(())
}

fn html(body: &str) -> String {
    html_with("", body)
}

fn html_with(headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "200 OK\r\nconnection: close\r\ncontent-type: text/html\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
}

fn to(location: &str) -> String {
    format!("303 See Other\r\nconnection: close\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

const REVIEW: &str = r#"
<title>Review</title>
<main data-page="review" data-state="awaiting_review">
  <h1>v42 <svg><title>to</title></svg><span class="vh">to</span> production</h1>
  <a href="/diff#f1">The whole <b>diff</b></a> <a href="https://example.com/">Elsewhere</a>
  <form method="post" action="/review/7/accept">
    <input type="hidden" name="csrf" value="t0ken&amp;more">
    <label>Comment <textarea name="comment">as before</textarea></label>
    <select name="slot"><option value="60">an hour</option><option value="90" selected>longer</option></select>
    <input type="checkbox" name="quiet"><input type="checkbox" name="loud" checked>
    <input type="radio" name="tag" value="v41"><input type="radio" name="tag" value="v40" disabled>
    <input name="off" value="x" disabled>
    <button name="how" value="now"><svg><title>seal</title></svg> Accept </button>
  </form>
  <form id="no" method="post" action="/review/7/reject"><input name="comment" value=""></form>
  <button form="no">Reject</button>
  <form action="/search?old=1"><input name="q"><input type="submit" value="Search"></form>
  <form method="post" action="/x"><button aria-disabled="true">Launch</button></form>
</main>"#;

#[tokio::test]
async fn a_page_is_read_as_a_person_sees_it() -> Result<()> {
    let site = Site::start(vec![("GET /", html(REVIEW))]).await?;
    let page = Browser::new(&site.address)?.get("/").await?;

    assert_eq!(page.status, 200);
    assert_eq!(page.main_page().as_deref(), Some("review"));
    assert_eq!(page.main_state().as_deref(), Some("awaiting_review"));
    assert!(page.text().starts_with("v42 to production The whole diff Elsewhere"), "{}", page.text());
    assert_eq!(page.link("The whole diff")?.as_str(), format!("{}/diff#f1", site.address));
    assert_eq!(page.buttons(), ["Accept", "Reject", "Search", "Launch"]);
    assert_eq!(page.select("main > h1"), ["v42 to production"]);
    assert_eq!(page.attributes("form[id]", "action"), ["/review/7/reject"]);
    assert_eq!(page.value("comment").as_deref(), Some("as before"));
    assert!(page.has_form("Accept"));
    assert!(!page.has_form("Launch"), "a disabled button cannot be pressed");
    assert!(!page.has_form("Delete"));
    Ok(())
}

#[tokio::test]
async fn a_form_is_sent_with_what_the_page_put_into_it() -> Result<()> {
    let site = Site::start(vec![
        ("GET /review/7", html(REVIEW)),
        ("POST /review/7/accept", to("/requests/7")),
        ("GET /requests/7", html("<main data-page=request data-state=accepted>done</main>")),
    ])
    .await?;
    let browser = Browser::new(&site.address)?;
    let page = browser.get("/review/7").await?;

    let after = browser.submit(&page, "Accept", &[("comment", "ok & go"), ("tag", "v41")]).await?;

    assert_eq!(after.main_state().as_deref(), Some("accepted"));
    let seen = site.seen.lock().unwrap().clone();
    let post = &seen[1];
    assert_eq!(post.body, "csrf=t0ken%26more&comment=ok+%26+go&slot=90&loud=on&tag=v41&how=now");
    assert_eq!(post.header("origin"), site.address);
    assert_eq!(post.header("referer"), format!("{}/review/7", site.address));
    assert_eq!(post.header("sec-fetch-site"), "same-origin");
    assert_eq!(post.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!((seen[2].line.as_str(), seen[2].body.as_str()), ("GET /requests/7", ""));
    Ok(())
}

#[tokio::test]
async fn a_form_takes_only_what_a_person_could_enter() -> Result<()> {
    let site = Site::start(vec![("GET /", html(REVIEW))]).await?;
    let page = Browser::new(&site.address)?.get("/").await?;

    for field in [("state", "accepted"), ("off", "y"), ("tag", "v40"), ("tag", "v9"), ("slot", "1")] {
        assert!(page.fill("Accept", &[field]).is_err(), "{field:?} was entered");
    }
    let error = format!("{:#}", page.fill("Delete", &[]).unwrap_err());
    assert!(error.contains("Accept") && error.contains("awaiting_review"), "{error}");
    assert_eq!(page.fill("Reject", &[("comment", "no")])?.fields, "comment=no");
    Ok(())
}

#[tokio::test]
async fn a_get_form_asks_by_its_query_and_a_press_stops_at_the_first_answer() -> Result<()> {
    let site = Site::start(vec![
        ("GET /", html(REVIEW)),
        ("GET /search?q=a+b", html("found")),
        ("POST /review/7/reject", to("/requests/7")),
    ])
    .await?;
    let browser = Browser::new(&site.address)?;
    let page = browser.get("/").await?;

    assert_eq!(browser.submit(&page, "Search", &[("q", "a b")]).await?.html, "found");
    let first = browser.press(&page, "Reject", &[]).await?;
    assert_eq!((first.status, first.header("location")), (303, "/requests/7"));
    Ok(())
}

#[tokio::test]
async fn signing_in_elsewhere_comes_back_with_the_cookie_kept() -> Result<()> {
    let github = Site::start(vec![(
        "GET /login",
        html("<form method=post action=/choose><input name=who><button>Sign in</button></form>"),
    )])
    .await?;
    // The same site for a browser is another port of the same host; `localhost` is another one.
    let elsewhere = github.address.replace("127.0.0.1", "localhost");
    let site = Site::start(vec![
        ("GET /authorize", format!("302 Found\r\nconnection: close\r\nset-cookie: state=s1; Path=/; HttpOnly; SameSite=Lax\r\nlocation: {elsewhere}/login\r\ncontent-length: 0\r\n\r\n")),
        ("GET /", html("<a href=/authorize>Sign in</a>")),
    ])
    .await?;
    let browser = Browser::new(&site.address)?;

    let login = browser.click(&browser.get("/").await?, "Sign in").await?;
    assert_eq!(login.url.as_str(), format!("{elsewhere}/login"));
    assert_eq!(github.last().header("sec-fetch-site"), "cross-site");
    assert_eq!(github.last().header("cookie"), "", "the state cookie is not for the other host");
    assert_eq!(github.last().header("referer"), format!("{}/", site.address));

    browser.submit(&login, "Sign in", &[("who", "dana")]).await?;
    assert_eq!(github.last().header("origin"), elsewhere);
    assert_eq!(browser.cookies(), ["state=s1"]);
    Ok(())
}

#[tokio::test]
async fn a_form_of_another_site_carries_no_lax_cookie() -> Result<()> {
    let site = Site::start(vec![]).await?;
    let form = format!("<form method=post action={}/requests><button>Win</button></form>", site.address);
    let evil = Site::start(vec![("GET /", html(&form))]).await?;
    let browser = Browser::new(&site.address)?;
    browser.set_cookie("session=s; SameSite=Lax");
    browser.set_cookie("open=o; SameSite=None");

    let trap = browser.get(&evil.address.replace("127.0.0.1", "localhost")).await?;
    browser.submit(&trap, "Win", &[]).await?;

    assert_eq!(site.last().header("cookie"), "open=o");
    assert_eq!(site.last().header("sec-fetch-site"), "cross-site");
    assert!(site.last().header("origin").starts_with("http://localhost:"));
    Ok(())
}

#[tokio::test]
async fn a_page_that_hides_its_address_posts_elsewhere_without_one() -> Result<()> {
    let site = Site::start(vec![]).await?;
    let form = format!("<form method=post action={}/x><button>Go</button></form>", site.address);
    let other = Site::start(vec![("GET /", html_with("referrer-policy: same-origin\r\n", &form))]).await?;
    let browser = Browser::new(&site.address)?;

    browser.submit(&browser.get(&other.address).await?, "Go", &[]).await?;

    assert_eq!(site.last().header("origin"), "null");
    assert_eq!(site.last().header("referer"), "");
    assert_eq!(site.last().header("sec-fetch-site"), "same-site");
    Ok(())
}

#[tokio::test]
async fn cookies_end_when_the_server_says_so_and_keep_to_their_path() -> Result<()> {
    let site = Site::start(vec![]).await?;
    let browser = Browser::new(&site.address)?;
    for cookie in ["a=1; Path=/", "b=2; Path=/deployments", "c=3; Secure", "d=4; Max-Age=60"] {
        browser.set_cookie(cookie);
    }
    browser.get("/deployments/9").await?;
    assert_eq!(site.last().header("cookie"), "b=2; a=1; c=3; d=4");
    browser.get("/deploymentsx").await?;
    assert_eq!(site.last().header("cookie"), "a=1; c=3; d=4");

    browser.set_cookie("a=; Path=/; Max-Age=0");
    browser.set_cookie("c=; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(browser.cookies(), ["d=4"]);
    browser.forget_cookies();
    assert!(browser.cookies().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_raw_request_sends_what_it_is_told_and_follows_nothing() -> Result<()> {
    let site = Site::start(vec![("POST /x", to("/y"))]).await?;
    let browser = Browser::new(&site.address)?;
    browser.set_cookie("session=s");

    let answer = browser.raw("POST", "/x", &[("content-type", "text/plain")], "{\"a\":1}").await?;

    assert_eq!(answer.status, 303);
    assert_eq!((site.last().body.as_str(), site.last().header("cookie")), ("{\"a\":1}", "session=s"));
    assert_eq!((site.last().header("origin"), site.last().header("sec-fetch-site")), ("", ""));
    browser.raw("DELETE", "/x", &[("cookie", "session=other")], "").await?;
    assert_eq!(site.last().header("cookie"), "session=other");
    Ok(())
}

#[tokio::test]
async fn a_circle_of_redirects_is_an_error() -> Result<()> {
    let site = Site::start(vec![("GET /", to("/"))]).await?;
    let error = Browser::new(&site.address)?.get("/").await.unwrap_err();
    assert!(error.to_string().contains("more than 10 redirects"), "{error}");
    assert_eq!(site.seen.lock().unwrap().len(), 11);
    Ok(())
}
