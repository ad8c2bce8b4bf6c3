//! Servers, load balancers, clusters and calendars.

use super::{Declared, Names};
use crate::domain::calendar::{self, TimeOfDay};
use crate::domain::document::{Reader, one_of};
use crate::domain::fleet::{
    Calendar, Cluster, Day, Endpoint, Hours, LoadBalancer, Member, Server, StatsPage, checks, secret,
};
use crate::domain::holidays::Country;
use crate::domain::ics::Ics;

pub(super) fn server<'a>(r: &mut Reader<'a>, names: &Names<'a>) -> Option<Server> {
    let (name, was) = names.read(r);
    let host = r.required("host", checks::host);
    let port = r.number("port", 1..=65_535, 22);
    let host_key = r.optional("host_key", checks::host_key);
    let active = r.flag("active", true);
    Some(Server { name: name?, was, host: host?, port, host_key, active })
}

pub(super) fn load_balancer<'a>(r: &mut Reader<'a>, names: &Names<'a>) -> Option<LoadBalancer> {
    let (name, was) = names.read(r);
    r.must_have("endpoints");
    let runtime = |text: &str| checks::runtime_endpoint(text).map(Endpoint::Runtime);
    let endpoints = r.mixed("endpoints", runtime, |r| stats_page(r).map(Endpoint::Stats));
    if r.raw("endpoints").is_some_and(|list| list.as_array().is_some_and(Vec::is_empty)) {
        r.problem("endpoints", "must not be empty");
    }
    Some(LoadBalancer { name: name?, was, endpoints })
}

fn stats_page(r: &mut Reader<'_>) -> Option<StatsPage> {
    let url = r.required("url", checks::http_url);
    let user = r.required("user", checks::non_empty);
    let password = r.required("password", secret::check);
    Some(StatsPage { url: url?, user: user?, password: password? })
}

pub(super) fn cluster<'a>(r: &mut Reader<'a>, declared: &Declared<'a>) -> Option<Cluster> {
    let (name, was) = declared.clusters.read(r);
    let load_balancer = r.optional("load_balancer", |text| declared.load_balancers.refer(text));
    let backend = r.optional("backend", checks::balancer_name);
    match (r.raw("load_balancer"), r.raw("backend")) {
        (Some(_), None) => r.problem("backend", "is missing: load_balancer needs it"),
        (None, Some(_)) => r.problem("load_balancer", "is missing: backend needs it"),
        _ => {}
    }
    let balanced = r.raw("load_balancer").is_some();
    let mut before = Vec::new();
    let servers = r.objects("servers", |r| {
        let server = r.required("server", |text| declared.servers.refer(text));
        let backend_server = r.optional("backend_server", checks::balancer_name);
        if backend_server.is_some() && !balanced {
            r.problem("backend_server", "has no meaning without a load_balancer");
        }
        let server = server?;
        if before.contains(&server) {
            r.problem("server", "is listed twice");
        }
        before.push(server.clone());
        Some(Member { server, backend_server })
    });
    Some(Cluster { name: name?, was, load_balancer, backend, servers })
}

pub(super) fn calendar<'a>(r: &mut Reader<'a>, names: &Names<'a>) -> Option<Calendar> {
    let (name, was) = names.read(r);
    let timezone = r.required("timezone", checks::timezone);
    r.must_have("weekly");
    let weekly = r.objects("weekly", hours);
    if r.raw("weekly").is_some_and(|list| list.as_array().is_some_and(Vec::is_empty)) {
        r.problem("weekly", "must not be empty: nothing could ever start");
    }
    let closed = r.set("closed", |text| calendar::date(text).map(|_| text.to_owned()));
    let holidays = r.set("holidays", |text| Country::parse(text).map(|country| country.code().to_owned()));
    let ics = r.optional("ics", ics);
    Some(Calendar { name: name?, was, timezone: timezone?, weekly, closed, holidays, ics })
}

/// What is kept of the text; a file is read only where the fleet file is applied.
fn ics(text: &str) -> Result<String, String> {
    if text.starts_with("file:") {
        return Err("must be the text of an .ics calendar: a file is read only by `apply`".to_owned());
    }
    Ics::parse(text).map(|ics| ics.text())
}

fn hours(r: &mut Reader<'_>) -> Option<Hours> {
    let words = [
        ("mon", Day::Mon),
        ("tue", Day::Tue),
        ("wed", Day::Wed),
        ("thu", Day::Thu),
        ("fri", Day::Fri),
        ("sat", Day::Sat),
        ("sun", Day::Sun),
    ];
    r.must_have("days");
    let days = r.set("days", |text| one_of(text, &words));
    if r.raw("days").is_some_and(|list| list.as_array().is_some_and(Vec::is_empty)) {
        r.problem("days", "must not be empty");
    }
    let mut time = |key| r.required(key, |text| TimeOfDay::parse(text).map(|time| (time, text)));
    let (from, to) = (time("from"), time("to"));
    let ((start, from), (end, to)) = (from?, to?);
    if start >= end {
        r.problem("to", "must be later than from; a span over midnight is two spans");
    }
    Some(Hours { days, from: from.to_owned(), to: to.to_owned() })
}
