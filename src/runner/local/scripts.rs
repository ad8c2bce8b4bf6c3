//! The two scripts of a release that run on this machine, with the names and
//! arguments that repositories already use.

use std::fs;
use std::io;

use tokio_util::sync::CancellationToken;

use super::facts::Facts;
use super::process::run;
use super::sandbox::Sandbox;
use super::workplace::Workplace;
use crate::domain::event::StepOutcome;
use crate::domain::manifest::Manifest;
use crate::runner::output::Output;

pub const PREDEPLOY: &str = "predeploy.sh";
pub const LOCAL_TESTS: &str = "tests/run_local_tests.sh";

/// Those that a release has; they make a sandbox necessary.
pub fn local_scripts(manifest: &Manifest) -> Vec<&'static str> {
    let has = |script: &&str| manifest.entries.iter().any(|entry| entry.path == script.as_bytes());
    [PREDEPLOY, LOCAL_TESTS].into_iter().filter(has).collect()
}

/// `bash predeploy.sh ENV COMMIT`. However it ends, it is removed: it is never deployed.
pub async fn predeploy(
    sandbox: &Sandbox,
    place: &Workplace,
    facts: &Facts,
    out: &Output,
    cancel: &CancellationToken,
) -> StepOutcome {
    let args = [facts.environment.as_str(), facts.commit.as_str()];
    let program = sandbox.program(place.tree(), place.tmp(), PREDEPLOY, &args, facts);
    let outcome = run(&program, out, cancel).await.judged(PREDEPLOY);
    let script = place.tree().join(PREDEPLOY);
    match fs::remove_file(&script) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            StepOutcome::Failed { why: format!("{PREDEPLOY} could not be removed: {error}") }
        }
        _ => outcome,
    }
}

/// `bash tests/run_local_tests.sh ENV HOST REF COMMIT`. What the tests leave in their
/// tree stays there: a caller who deploys the tree gives them a copy of it.
pub async fn local_tests(
    sandbox: &Sandbox,
    place: &Workplace,
    facts: &Facts,
    out: &Output,
    cancel: &CancellationToken,
) -> StepOutcome {
    let args = [facts.environment.as_str(), &facts.host, &facts.release, facts.commit.as_str()];
    let program = sandbox.program(place.tree(), place.tmp(), LOCAL_TESTS, &args, facts);
    run(&program, out, cancel).await.judged(LOCAL_TESTS)
}
