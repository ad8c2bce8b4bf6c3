//! A browser without scripts: what a person can do on our pages, over real HTTP.
//!
//! It keeps cookies, follows redirects across sites, fills a form from the page it
//! was shown, hidden fields included, and sends what browsers send about where a
//! request comes from. What a person cannot do by clicking is `raw`.

mod jar;
mod page;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use reqwest::Method;
use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use url::Url;

use jar::Jar;
pub use page::{FilledForm, Page};

/// Cheap to clone; clones share their cookies, like the tabs of one browser.
#[derive(Clone)]
pub struct Browser {
    base: Url,
    http: reqwest::Client,
    jar: Arc<Mutex<Jar>>,
}

const MOST_REDIRECTS: usize = 10;

/// How the site of a request relates to the site that caused it. Over redirects
/// the farthest one counts, as in browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Distance {
    /// Typed, or a bookmark: nobody's page caused it.
    Typed,
    SameOrigin,
    /// Same host, other port: browsers call that the same site.
    SameSite,
    CrossSite,
}

impl Distance {
    fn between(from: &Url, to: &Url) -> Self {
        if from.origin() == to.origin() {
            Distance::SameOrigin
        } else if from.host() == to.host() && from.scheme() == to.scheme() {
            Distance::SameSite
        } else {
            Distance::CrossSite
        }
    }

    fn word(self) -> &'static str {
        match self {
            Distance::Typed => "none",
            Distance::SameOrigin => "same-origin",
            Distance::SameSite => "same-site",
            Distance::CrossSite => "cross-site",
        }
    }
}

/// One navigation: what to ask for, and the page that led there.
struct Visit {
    method: Method,
    url: Url,
    body: String,
    from: Option<Url>,
    referrer_policy: String,
}

impl Browser {
    /// `base_url` is where paths without a host lead: `http://127.0.0.1:8080`.
    pub fn new(base_url: &str) -> Result<Self> {
        // Several browsers in one process: the first one installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(std::time::Duration::from_mins(1))
            .build()?;
        let base = Url::parse(base_url).with_context(|| format!("not a base URL: {base_url}"))?;
        Ok(Self { base, http, jar: Arc::default() })
    }

    /// Opens a path or a whole URL, as if typed, and follows redirects.
    pub async fn get(&self, path_or_url: &str) -> Result<Page> {
        let url = self.base.join(path_or_url)?;
        self.navigate(Visit {
            method: Method::GET,
            url,
            body: String::new(),
            from: None,
            referrer_policy: String::new(),
        })
        .await
    }

    /// Follows the link with this visible text.
    pub async fn click(&self, page: &Page, text: &str) -> Result<Page> {
        let url = page.link(text)?;
        self.navigate(Visit {
            method: Method::GET,
            url,
            body: String::new(),
            from: Some(page.url.clone()),
            referrer_policy: page.header("referrer-policy").to_owned(),
        })
        .await
    }

    /// Fills the form of the button with this visible text, and presses it.
    pub async fn submit(&self, page: &Page, button: &str, fields: &[(&str, &str)]) -> Result<Page> {
        self.navigate(visit_of(page, page.fill(button, fields)?)).await
    }

    /// Presses the button once and shows the first answer, redirects not followed.
    pub async fn press(&self, page: &Page, button: &str, fields: &[(&str, &str)]) -> Result<Page> {
        let visit = visit_of(page, page.fill(button, fields)?);
        self.once(&visit, visit.distance()).await
    }

    /// Exactly this request: the jar's cookies (unless `Cookie` is given), these
    /// headers, nothing else; redirects not followed. For what no page offers.
    pub async fn raw(
        &self,
        method: &str,
        path_or_url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Page> {
        let url = self.base.join(path_or_url)?;
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            sent.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
        }
        if !sent.contains_key(COOKIE) {
            let cookies = self.with_jar(|jar| jar.for_url(&url, false, false));
            if let Some(cookies) = cookies {
                sent.insert(COOKIE, HeaderValue::from_str(&cookies)?);
            }
        }
        self.exchange(Method::from_bytes(method.as_bytes())?, &url, sent, body.to_owned()).await
    }

    /// The cookies that the base URL would be sent, `name=value` each.
    pub fn cookies(&self) -> Vec<String> {
        let cookies = self.with_jar(|jar| jar.for_url(&self.base, false, false)).unwrap_or_default();
        cookies.split("; ").filter(|cookie| !cookie.is_empty()).map(str::to_owned).collect()
    }

    /// Sets a cookie of the base URL, as an attacker beside the victim could.
    pub fn set_cookie(&self, cookie: &str) {
        self.with_jar(|jar| jar.store(&self.base, cookie));
    }

    pub fn forget_cookies(&self) {
        self.with_jar(|jar| *jar = Jar::default());
    }

    async fn navigate(&self, mut visit: Visit) -> Result<Page> {
        let mut distance = visit.distance();
        for _ in 0..=MOST_REDIRECTS {
            let page = self.once(&visit, distance).await?;
            if !matches!(page.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(page);
            }
            let Some(next) = page.location()? else { return Ok(page) };
            let keeps_method = matches!(page.status, 307 | 308) || visit.method == Method::GET;
            if !keeps_method {
                visit.method = Method::GET;
                visit.body.clear();
            }
            if distance != Distance::Typed {
                distance = distance.max(Distance::between(&visit.url, &next));
            }
            visit.url = next;
        }
        bail!("more than {MOST_REDIRECTS} redirects, the last to {}", visit.url)
    }

    async fn once(&self, visit: &Visit, distance: Distance) -> Result<Page> {
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: &str| -> Result<()> {
            headers.insert(name, HeaderValue::from_str(value)?);
            Ok(())
        };
        set("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")?;
        set("accept-language", "en")?;
        set("sec-fetch-site", distance.word())?;
        set("sec-fetch-mode", "navigate")?;
        set("sec-fetch-dest", "document")?;
        set("sec-fetch-user", "?1")?;
        if visit.method != Method::GET {
            set("content-type", "application/x-www-form-urlencoded")?;
            set("origin", &visit.origin(distance))?;
        }
        if let Some(referrer) = visit.referrer() {
            set("referer", &referrer)?;
        }
        let (cross_site, is_post) = (distance == Distance::CrossSite, visit.method != Method::GET);
        let cookies = self.with_jar(|jar| jar.for_url(&visit.url, cross_site, is_post));
        if let Some(cookies) = cookies {
            set("cookie", &cookies)?;
        }
        self.exchange(visit.method.clone(), &visit.url, headers, visit.body.clone()).await
    }

    async fn exchange(&self, method: Method, url: &Url, headers: HeaderMap, body: String) -> Result<Page> {
        let what = format!("{method} {url}");
        let mut request = self.http.request(method, url.clone()).headers(headers);
        if !body.is_empty() {
            request = request.body(body);
        }
        let response = request.send().await.with_context(|| what.clone())?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        self.with_jar(|jar| {
            for cookie in headers.get_all(SET_COOKIE) {
                jar.store(url, &String::from_utf8_lossy(cookie.as_bytes()));
            }
        });
        let html = response.text().await.with_context(|| what.clone())?;
        Ok(Page { status, url: url.clone(), headers, html })
    }

    fn with_jar<T>(&self, use_it: impl FnOnce(&mut Jar) -> T) -> T {
        use_it(&mut self.jar.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn visit_of(page: &Page, form: FilledForm) -> Visit {
    let mut url = form.action;
    let method = if form.is_post { Method::POST } else { Method::GET };
    let mut body = form.fields;
    if !form.is_post {
        url.set_query(Some(&body));
        body = String::new();
    }
    let referrer_policy = page.header("referrer-policy").to_owned();
    Visit { method, url, body, from: Some(page.url.clone()), referrer_policy }
}

impl Visit {
    fn distance(&self) -> Distance {
        self.from.as_ref().map_or(Distance::Typed, |from| Distance::between(from, &self.url))
    }

    /// `null` when the page keeps its address to itself, and after a redirect to elsewhere.
    fn origin(&self, distance: Distance) -> String {
        let from = self.from.as_ref().map(|from| from.origin().ascii_serialization());
        let redirected_away = self.distance() < distance;
        let hidden = match self.referrer_policy.as_str() {
            "no-referrer" => true,
            "same-origin" => distance > Distance::SameOrigin,
            _ => false,
        };
        from.filter(|_| !hidden && !redirected_away).unwrap_or_else(|| "null".to_owned())
    }

    fn referrer(&self) -> Option<String> {
        let mut from = self.from.clone()?;
        from.set_fragment(None);
        let at_home = from.origin() == self.url.origin();
        match self.referrer_policy.as_str() {
            "no-referrer" => None,
            "same-origin" if !at_home => None,
            _ if at_home => Some(from.to_string()),
            _ => Some(format!("{}/", from.origin().ascii_serialization())),
        }
    }
}

impl Page {
    /// Where a redirect leads, resolved; none without a `Location`.
    pub fn location(&self) -> Result<Option<Url>> {
        let Some(location) = self.headers.get(LOCATION) else { return Ok(None) };
        let next = self.url.join(location.to_str()?)?;
        if !matches!(next.scheme(), "http" | "https") {
            bail!("{} redirects to {next}", self.url);
        }
        Ok(Some(next))
    }
}
