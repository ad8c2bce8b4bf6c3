//! Every gate that policy knows, driven by calls that no page made. The table says by
//! which calls; a gate that is new has no row and fails here, and so does a row that no
//! story proved.

mod stories;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio::task::JoinSet;

use super::town::gates;
use crate::tests::harness::Service;
use crate::tests::harness::api::Caller;
use crate::tests::rooms::source::Source;
use crate::tests::rooms::{files_of_the_repository, is_rust};

/// How a gate is met by who calls the API.
enum Met {
    /// It refuses these: the last words of their paths.
    By(&'static [&'static str]),
    /// It only ever warns.
    Warns,
    /// Something before it refuses the same, with an answer of its own; a story shows it.
    Earlier(&'static str),
}

use Met::{By, Earlier, Warns};

const GATES: [(&str, Met); 31] = [
    ("accepted", By(&["retry"])),
    ("adopted", Warns),
    ("approval", By(&["deployments", "retry"])),
    ("approved", By(&["retry"])),
    ("author", Warns),
    ("awaiting_review", By(&["decisions"])),
    ("break_glass", Earlier("the API knows no such field: it is for a person who is signed in")),
    ("deployment_running", By(&["launch", "requests", "rollback"])),
    ("direction", Warns),
    ("drift", Warns),
    ("freeze", By(&["deployments", "launch", "retry", "rollback"])),
    ("host_keys", By(&["deployments", "requests", "retry", "rollback"])),
    ("hosts", By(&["decisions", "deployments", "launch", "requests", "retry", "rollback"])),
    ("impersonation", By(&["decisions", "launch"])),
    ("inactive_hosts", Warns),
    ("newer_than_live", By(&["requests", "rollback"])),
    ("not_built", Earlier("no fleet file, page or call makes an environment that asks for it")),
    ("one_open_request", By(&["requests", "rollback"])),
    ("own_request", By(&["decisions"])),
    ("permission", By(&["deployments", "launch", "requests", "retry", "rollback"])),
    ("promotion", By(&["decisions", "deployments", "launch", "requests", "retry"])),
    ("release_allowed", By(&["deployments", "requests", "retry", "rollback"])),
    ("request_limit", By(&["requests"])),
    ("request_rate", By(&["requests"])),
    ("requester", Earlier("who did not ask for it is told so before anything is read")),
    ("scope", Warns),
    ("slot", By(&["launch"])),
    ("unchanged", By(&["decisions", "launch", "retry"])),
    ("unknown_hosts", Warns),
    ("unreachable", Warns),
    ("window", By(&["deployments", "launch", "retry", "rollback"])),
];

/// Who calls, and what was refused so far.
struct Drive<'a> {
    service: &'a Service,
    met: &'a mut Refused,
}

/// The calls that each gate refused, and the gates that something came before.
#[derive(Default)]
struct Refused {
    by: BTreeMap<String, BTreeSet<String>>,
    earlier: BTreeSet<String>,
}

impl Drive<'_> {
    /// Refused, by this gate among others, and nothing is stored.
    async fn stops(&mut self, caller: &Caller, path: &str, body: &Value, status: u16, code: &str) {
        self.stops_in_the_name_of(None, caller, path, body, (status, code)).await;
    }

    async fn stops_in_the_name_of(
        &mut self,
        whom: Option<&str>,
        caller: &Caller,
        path: &str,
        body: &Value,
        (status, code): (u16, &str),
    ) {
        let before = self.stored().await;
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(whom.map(|whom| ("x-impersonate-username", whom)));
        let reply = caller.send("POST", path, &headers, &body.to_string()).await;
        assert_eq!(reply.status, status, "{path} by {code}: {}", reply.page.html);
        let stopped = gates(&reply, status);
        assert!(stopped.contains(&code), "{path}: {code} is not among {stopped:?}: {}", reply.page.html);
        assert_eq!(self.stored().await, before, "{path} was refused by {code} and stored something");
        let way = path.rsplit('/').next().unwrap_or_default();
        self.met.by.entry(code.to_owned()).or_default().insert(way.to_owned());
    }

    /// Refused before the gate is asked.
    async fn is_refused_before(
        &mut self,
        caller: &Caller,
        path: &str,
        body: &Value,
        (status, problem): (u16, &str),
        code: &str,
    ) {
        let before = self.stored().await;
        let reply = caller.post(path, body).await;
        assert_eq!(reply.problem(status), problem, "{path}: {}", reply.page.html);
        assert_eq!(self.stored().await, before, "{path} was refused and stored something");
        self.met.earlier.insert(code.to_owned());
    }

    /// What a refused call must not add to.
    async fn stored(&self) -> [usize; 4] {
        let tables = self.service.tables().await;
        ["requests", "decisions", "deployments", "overrides"].map(|table| tables[table].len())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_gate_refuses_the_calls_that_it_should_and_nothing_is_stored() {
    let mut at_once = JoinSet::new();
    at_once.spawn(stories::asking());
    at_once.spawn(stories::asking_too_often());
    at_once.spawn(stories::deciding());
    at_once.spawn(stories::launching());
    at_once.spawn(stories::outside_the_window());
    at_once.spawn(stories::deploying());
    at_once.spawn(stories::retrying_what_was_approved());
    at_once.spawn(stories::retrying_and_going_back());
    at_once.spawn(stories::going_back_by_request());
    let mut met = Refused::default();
    while let Some(story) = at_once.join_next().await {
        let refused = story.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        met.earlier.extend(refused.earlier);
        for (code, ways) in refused.by {
            met.by.entry(code).or_default().extend(ways);
        }
    }
    for (code, how) in &GATES {
        let ways: Vec<String> = met.by.remove(*code).unwrap_or_default().into_iter().collect();
        match how {
            By(expected) => assert_eq!(ways, *expected, "{code}"),
            Warns => assert!(ways.is_empty(), "{code} refuses {ways:?}"),
            Earlier(why) => assert!(ways.is_empty() && met.earlier.remove(*code), "{code}: {why}: {ways:?}"),
        }
    }
    assert!(met.by.is_empty() && met.earlier.is_empty(), "{:?} {:?} have no row", met.by, met.earlier);
}

#[test]
fn every_gate_in_the_sources_has_a_row_and_only_warns_where_the_table_says_so() {
    let (known, stopping) = in_the_sources();
    let rows: BTreeSet<String> = GATES.iter().map(|(code, _)| (*code).to_owned()).collect();
    assert_eq!(known, rows, "the table is not of these gates");
    for (code, how) in &GATES {
        assert_eq!(matches!(how, Warns), !stopping.contains(*code), "{code} is not what its row says");
    }
}

/// The codes of all gates that are made anywhere, and of those that can stop something.
fn in_the_sources() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut known, mut stopping) = (BTreeSet::new(), BTreeSet::new());
    for (file, text) in files_of_the_repository() {
        if !file.starts_with("src/") || !is_rust(&file) || file == "src/domain/gate.rs" {
            continue;
        }
        let source = Source::read(&file, &text).unwrap();
        // What `CODE` is in the function that is being read.
        let mut code = None;
        for at in 0..source.tokens.len() {
            match source.word(at) {
                Some("fn") => code = None,
                Some("CODE") if source.has_sign(at + 1, ":") => {
                    code = (at..)
                        .map_while(|at| source.tokens.get(at).map(|_| at))
                        .find_map(|at| source.string(at));
                }
                Some("Gate") if source.has_sign(at + 1, "::") && source.opens(at + 3, '(') => {
                    let said = source.string(at + 4).or(code.filter(|_| source.word(at + 4) == Some("CODE")));
                    let said = said.unwrap_or_else(|| {
                        panic!("{file}:{}: a gate without a code that can be read", source.tokens[at].line)
                    });
                    known.insert(said.to_owned());
                    if source.word(at + 2) == Some("stop") {
                        stopping.insert(said.to_owned());
                    }
                }
                _ => {}
            }
        }
    }
    (known, stopping)
}
