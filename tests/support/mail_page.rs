//! A page to read the mails that the sink caught, for people who try things out.
//! Needs the siblings `http` and `smtp`.

use std::fmt::Write;
use std::sync::Arc;

use rocket::data::Data;
use rocket::request::Request;
use rocket::route::{Handler, Outcome};

use super::http::{Reply, Server, escape};
use super::smtp::{Mail, SmtpSink};

pub struct MailPage {
    server: Server<Pages>,
}

#[derive(Clone)]
struct Pages {
    sink: Arc<SmtpSink>,
}

impl MailPage {
    pub async fn start(sink: Arc<SmtpSink>, port: Option<u16>) -> Self {
        Self { server: Server::start(Pages { sink }, port).await }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.server.port())
    }
}

#[rocket::async_trait]
impl Handler for Pages {
    async fn handle<'r>(&self, request: &'r Request<'_>, _: Data<'r>) -> Outcome<'r> {
        let mails = self.sink.mails();
        let path = request.uri().path().to_string();
        let number = path.strip_prefix("/mails/").and_then(|number| number.parse::<usize>().ok());
        let reply = match (path.as_str(), number.and_then(|number| mails.get(number.checked_sub(1)?))) {
            ("/", _) => list(&mails),
            (_, Some(mail)) => one(mail),
            _ => page(404, "No such mail", "<p><a href=\"/\">All mails</a></p>"),
        };
        Outcome::from(request, reply)
    }
}

fn list(mails: &[Mail]) -> Reply {
    let mut items = String::new();
    for (index, mail) in mails.iter().enumerate().rev() {
        let (number, to) = (index + 1, escape(&mail.to.join(", ")));
        let subject = escape(&mail.subject());
        let _ =
            writeln!(items, "<li><a href=\"/mails/{number}\">{subject}</a><br><small>to {to}</small></li>");
    }
    let words = match mails.len() {
        0 => "<p>None yet. Reload the page when something should have been mailed.</p>".to_owned(),
        _ => format!("<p>Newest first.</p>\n<ul>\n{items}</ul>"),
    };
    page(200, "Mails", &words)
}

fn one(mail: &Mail) -> Reply {
    let header = |name: &str| escape(&mail.header(name).unwrap_or_default());
    let mut text = String::new();
    for line in mail.text().lines() {
        let line_html = escape(line);
        let is_link = mail.links().iter().any(|link| link == line);
        let _ = if is_link {
            writeln!(text, "<a href=\"{line_html}\">{line_html}</a>")
        } else {
            writeln!(text, "{line_html}")
        };
    }
    let files: Vec<String> = mail
        .attachments()
        .iter()
        .map(|(name, bytes)| format!("<li>{} ({} bytes)</li>", escape(name), bytes.len()))
        .collect();
    let body = format!(
        "<p>From {}<br>To {}<br>{}</p>\n<pre>{text}</pre>\n<ul>{}</ul>\n<p><a href=\"/\">All mails</a></p>",
        header("from"),
        header("to"),
        header("date"),
        files.concat()
    );
    page(200, &escape(&mail.subject()), &body)
}

/// `title` and `body` are HTML.
fn page(status: u16, title: &str, body: &str) -> Reply {
    Reply::html(
        status,
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
             <style>body{{font:18px/1.6 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}}\
             pre{{font:15px/1.5 monospace;white-space:pre-wrap;overflow-wrap:anywhere}}\
             li{{margin:.6rem 0}}</style></head>\n<body><main>\n<h1>{title}</h1>\n{body}\n</main></body></html>\n"
        ),
    )
}
