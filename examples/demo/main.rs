//! One whole release on this machine, with real parts and nobody to ask: `make demo`.
//!
//! The program runs twice. The outer one waits, hears Ctrl-C, and cleans up after
//! whatever happens to the inner one; the inner one builds the world, plays the
//! release through the real pages, and stays up (`keeper` says how the two watch
//! each other). The service is the real binary, started as its own process.

mod feed;
mod hosts;
mod keeper;
mod people;
mod play;
mod say;
mod server_process;
mod shop;
mod world;

#[path = "../../tests/support"]
#[expect(dead_code, reason = "the tests use the rest")]
#[expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "they panic with what went wrong; the demo says it"
)]
mod support {
    pub mod browser;
    pub mod git;
    pub mod github;
    pub mod http;
    pub mod mail_page;
    pub mod smtp;
    pub mod sshd;
}

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;
use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::util::SubscriberInitExt as _;

use say::Say;
use world::World;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let asked = (arguments.next(), arguments.next());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("demo: {error}");
            return ExitCode::FAILURE;
        }
    };
    match asked {
        (Some(word), Some(folder)) if word == keeper::INSIDE => {
            let folder = Path::new(&folder);
            let code = runtime.block_on(inside(folder));
            drop(runtime);
            keeper::end_descendants();
            keeper::remove(folder);
            code
        }
        _ => runtime.block_on(keeper::keep()).unwrap_or_else(|error| {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }),
    }
}

/// `ONCE=1`: play and exit.
fn only_once() -> bool {
    std::env::var("ONCE").is_ok_and(|once| !["", "0", "no", "false"].contains(&once.as_str()))
}

const INTERRUPTED: u8 = 130;

async fn inside(folder: &Path) -> ExitCode {
    let stop = keeper::lifeline();
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Rocket, which serves the stand-ins, else installs a logger of its own, and talks.
    let _ = tracing_subscriber::registry().try_init();
    // A panic becomes the reason of the failure, said once.
    std::panic::set_hook(Box::new(|_| {}));
    let say = Say::new();
    let once = only_once();
    let world = match guarded(&stop, World::build(folder, once, &say)).await {
        Some(Ok(world)) => world,
        Some(Err(error)) => {
            say.failed(&error, &server_process::log_tail(folder));
            return ExitCode::FAILURE;
        }
        None => return ExitCode::from(INTERRUPTED),
    };
    let played = guarded(&stop, play::play(&world, &say)).await;
    let mut ended = match played {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err(error),
        None => {
            world.close().await.ok();
            return ExitCode::from(INTERRUPTED);
        }
    };
    if ended.is_ok() && !once {
        say.closing(&world);
        ended = tokio::select! {
            () = stop.cancelled() => Ok(()),
            gone = world.service.gone() => Err(gone),
        };
    }
    let closed = world.close().await;
    match ended.and(closed) {
        Ok(()) => {
            if once {
                say.whole("The release went from the first click to bytes on hosts, and everything is stopped again.");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            say.failed(&error, &server_process::log_tail(folder));
            ExitCode::FAILURE
        }
    }
}

/// None when we are told to stop before the work is done. A panic of the shared
/// test support is a failure like any other.
async fn guarded<T>(
    stop: &CancellationToken,
    work: impl Future<Output = anyhow::Result<T>>,
) -> Option<anyhow::Result<T>> {
    let caught = AssertUnwindSafe(work).catch_unwind();
    tokio::select! {
        () = stop.cancelled() => None,
        done = caught => Some(done.unwrap_or_else(|panic| Err(words_of(panic.as_ref())))),
    }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> anyhow::Error {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    anyhow!(text.unwrap_or_else(|| "it panicked".to_owned()))
}
