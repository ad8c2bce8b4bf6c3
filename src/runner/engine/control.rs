//! What people want of a run while it goes on.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::domain::actor::Hand;

/// The engine's end.
#[derive(Debug, Clone)]
pub struct Control {
    /// Everything ends now.
    pub now: CancellationToken,
    /// No further stage begins.
    pub after_batch: CancellationToken,
    continued: watch::Receiver<Option<Hand>>,
}

/// The other end.
#[derive(Debug)]
pub struct Steering {
    pub now: CancellationToken,
    pub after_batch: CancellationToken,
    continued: watch::Sender<Option<Hand>>,
}

pub fn control() -> (Control, Steering) {
    let (tell, continued) = watch::channel(None);
    let control = Control { now: CancellationToken::new(), after_batch: CancellationToken::new(), continued };
    let (now, after_batch) = (control.now.clone(), control.after_batch.clone());
    (control, Steering { now, after_batch, continued: tell })
}

impl Control {
    /// Who said that the next stage may begin. Waits for ever when nobody can any more.
    pub(super) async fn continued(&self) -> Hand {
        let mut continued = self.continued.clone();
        let said = continued.wait_for(Option::is_some).await.ok().and_then(|hand| hand.clone());
        match said {
            Some(hand) => hand,
            None => std::future::pending().await,
        }
    }

    pub(super) fn wants_end(&self) -> bool {
        self.now.is_cancelled() || self.after_batch.is_cancelled()
    }
}

impl Steering {
    /// The stage that waits for a person may begin.
    pub fn go_on(&self, who: &Hand) {
        self.continued.send_if_modified(|said| {
            let first = said.is_none();
            said.get_or_insert_with(|| who.clone());
            first
        });
    }
}
