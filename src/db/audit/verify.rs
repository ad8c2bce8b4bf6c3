//! Whether the trail holds: each row's MAC, the chain from row to row, its end.
//!
//! A key that was rotated out may be gone, and what it sealed verifies no longer.
//! Such rows are proved by a checkpoint: a row, sealed with a key that is there,
//! whose digest covers every row before it (rules.md 41). The walk keeps one
//! running digest and reads in pages, so that it needs no memory for rows that hold.

use std::cmp::Reverse;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sha2::{Digest as _, Sha256};

use super::checkpoint::{self, Claim};
use super::{Head, PURPOSE, head, message, unhex};
use crate::db::entity::audit_log;
use crate::db::{DbError, Source};
use crate::domain::manifest::hex;
use crate::keys::{KeyId, Keys};

const PAGE: u64 = 1000;

/// Where the chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("row {0} was changed: its seal does not fit its content")]
    Changed(i64),
    /// The first and the last of them.
    #[error("{}", missing_words(*.0, *.1))]
    Missing(i64, i64),
    #[error("row {0} does not follow the row before it")]
    Unlinked(i64),
    /// The first and the last of them, and the row of the checkpoint.
    #[error("rows {0} to {1} do not fit the checkpoint in row {2}")]
    Unfit(i64, i64, i64),
    #[error("the checkpoint in row {0} was not made with the older key that it names")]
    OlderKey(i64),
    #[error("the trail ends at row {found}, but its head says {said}")]
    Cut { found: i64, said: i64 },
    #[error("the recorded head is not that of row {0}, the last one")]
    WrongHead(i64),
    #[error("the given head {0} is not in the trail")]
    OtherHead(String),
}

fn missing_words(first: i64, last: i64) -> String {
    if first == last {
        format!("row {first} is missing")
    } else {
        format!("rows {first} to {last} are missing")
    }
}

impl Broken {
    /// The first row that it says something of, for telling in order.
    fn place(&self) -> i64 {
        match self {
            Broken::Changed(row)
            | Broken::Missing(row, _)
            | Broken::Unlinked(row)
            | Broken::Unfit(row, ..)
            | Broken::OlderKey(row) => *row,
            Broken::Cut { .. } | Broken::WrongHead(_) | Broken::OtherHead(_) => i64::MAX,
        }
    }
}

/// Walks the whole chain; gives the head, or every place where it breaks.
/// `known` is a head seen earlier (`COUNT:MAC`), from a log or a mail.
pub async fn verify(
    source: &impl Source,
    keys: &Keys,
    known: Option<&Head>,
) -> Result<Result<Head, Vec<Broken>>, DbError> {
    let mut walk = Walk::new(known.cloned());
    walk.on(source, keys).await?;
    Ok(walk.verdict(head(source).await?))
}

/// A checkpoint whose own seal fits a key that is there.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    pub seq: i64,
    /// Milliseconds of the epoch.
    pub at: i64,
    pub signer: KeyId,
    pub older_key: String,
    /// Its digest is that of the rows before it.
    fits: bool,
}

/// Rows one after another that no key verifies.
#[derive(Debug, Clone, Copy)]
struct Unsealed {
    first: i64,
    last: i64,
    /// The last row before them that a key verified; 0 when there is none.
    after: i64,
}

/// The state of a walk; it can be taken up again where it ended.
#[derive(Debug)]
pub struct Walk {
    known: Option<Head>,
    known_seen: bool,
    seq: i64,
    /// The MAC of row `seq`.
    previous: String,
    digest: Sha256,
    /// The last row that each key sealed.
    signers: Vec<(KeyId, i64)>,
    checkpoints: Vec<Checkpoint>,
    unsealed: Vec<Unsealed>,
    broken: Vec<Broken>,
}

impl Walk {
    pub fn new(known: Option<Head>) -> Self {
        Self {
            known_seen: known.is_none(),
            known,
            seq: 0,
            previous: String::new(),
            digest: Sha256::new(),
            signers: Vec::new(),
            checkpoints: Vec::new(),
            unsealed: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// Goes on to the last row there is.
    pub async fn on(&mut self, source: &impl Source, keys: &Keys) -> Result<(), DbError> {
        loop {
            let rows = audit_log::Entity::find()
                .filter(audit_log::Column::Seq.gt(self.seq))
                .order_by_asc(audit_log::Column::Seq)
                .limit(PAGE)
                .all(source.connection())
                .await?;
            let full = rows.len() as u64 == PAGE;
            for row in rows {
                self.step(row, keys);
            }
            if !full {
                return Ok(());
            }
        }
    }

    fn step(&mut self, row: audit_log::Model, keys: &Keys) {
        if row.seq > self.seq + 1 {
            self.broken.push(Broken::Missing(self.seq + 1, row.seq - 1));
        }
        let (message, mac) = (message(&row), unhex(&row.mac));
        let signer = keys.signer(PURPOSE, &message, &mac);
        match signer {
            None => self.add_unsealed(row.seq),
            Some(_) if row.seq == self.seq + 1 && row.previous != self.previous => {
                self.broken.push(Broken::Unlinked(row.seq));
            }
            Some(_) => {}
        }
        if let Some(signer) = signer {
            if let Some(claim) = checkpoint::claim(&row) {
                self.judge(&row, signer, claim, keys);
            }
            match self.signers.iter_mut().find(|(key, _)| *key == signer) {
                Some((_, last)) => *last = row.seq,
                None => self.signers.push((signer, row.seq)),
            }
        }
        self.known_seen |=
            self.known.as_ref().is_some_and(|known| known.count == row.seq && known.mac == row.mac);
        self.digest.update(&message);
        self.digest.update((row.mac.len() as u64).to_be_bytes());
        self.digest.update(&row.mac);
        self.seq = row.seq;
        self.previous = row.mac;
    }

    fn add_unsealed(&mut self, seq: i64) {
        let after = self.signers.iter().map(|(_, last)| *last).max().unwrap_or(0);
        match self.unsealed.last_mut() {
            Some(run) if run.last + 1 == seq => run.last = seq,
            _ => self.unsealed.push(Unsealed { first: seq, last: seq, after }),
        }
    }

    fn judge(&mut self, row: &audit_log::Model, signer: KeyId, claim: Claim, keys: &Keys) {
        let covered = self.covered();
        let fits = row.seq == covered.count + 1
            && (claim.count, &claim.mac, &claim.digest) == (covered.count, &covered.mac, &covered.digest);
        if claim.older_mac(keys).is_some_and(|right| hex(&right) != claim.older_mac) {
            self.broken.push(Broken::OlderKey(row.seq));
        }
        let older_key = claim.older_key;
        self.checkpoints.push(Checkpoint { seq: row.seq, at: row.at, signer, older_key, fits });
    }

    /// What a checkpoint would cover that was written now.
    pub fn covered(&self) -> checkpoint::Covered {
        let digest: [u8; 32] = self.digest.clone().finalize().into();
        checkpoint::Covered { count: self.seq, mac: self.previous.clone(), digest: hex(&digest) }
    }

    /// The checkpoints that hold, oldest first.
    pub fn checkpoints(&self) -> impl DoubleEndedIterator<Item = &Checkpoint> {
        self.checkpoints.iter().filter(|checkpoint| checkpoint.fits)
    }

    /// Of the keys that are there, the one but `newest` that sealed the last row
    /// which no checkpoint under `newest` covers.
    pub fn uncovered(&self, newest: KeyId) -> Option<KeyId> {
        self.uncovered_keys(newest).into_iter().next()
    }

    /// All of them, the one that sealed last first.
    pub fn uncovered_keys(&self, newest: KeyId) -> Vec<KeyId> {
        let last = self.checkpoints().rfind(|checkpoint| checkpoint.signer == newest);
        let covered = last.map_or(0, |checkpoint| checkpoint.seq);
        let mut signers: Vec<(KeyId, i64)> =
            self.signers.iter().copied().filter(|(key, last)| *key != newest && *last > covered).collect();
        signers.sort_by_key(|(_, last)| Reverse(*last));
        signers.into_iter().map(|(key, _)| key).collect()
    }

    /// What was found, and whether the recorded head is the end of it.
    pub fn verdict(&self, said: Option<Head>) -> Result<Head, Vec<Broken>> {
        let mut broken = self.broken.clone();
        broken.extend(self.unproved());
        for checkpoint in self.checkpoints.iter().filter(|checkpoint| !checkpoint.fits) {
            // Where what does not fit is named already, this says nothing new.
            let before = self.checkpoints().rfind(|earlier| earlier.seq < checkpoint.seq);
            let from = before.map_or(1, |earlier| earlier.seq + 1);
            let named = |broken: &Broken| (from..checkpoint.seq).contains(&broken.place());
            if !broken.iter().any(named) {
                broken.push(Broken::Unfit(from, checkpoint.seq - 1, checkpoint.seq));
            }
        }
        broken.sort_by_key(Broken::place);
        let said = said.unwrap_or(Head { count: 0, mac: String::new() });
        if said.count != self.seq {
            broken.push(Broken::Cut { found: self.seq, said: said.count });
        } else if said.mac != self.previous {
            broken.push(Broken::WrongHead(self.seq));
        }
        if let (false, Some(known)) = (self.known_seen, &self.known) {
            broken.push(Broken::OtherHead(format!("{}:{}", known.count, known.mac)));
        }
        if broken.is_empty() { Ok(said) } else { Err(broken) }
    }

    /// The rows that no key verifies and no checkpoint covers. Those from the
    /// beginning up to a checkpoint that they do not fit are perhaps of a key that
    /// is gone: then which of them was changed cannot be known.
    fn unproved(&self) -> Vec<Broken> {
        let proved = self.checkpoints().next_back().map_or(0, |checkpoint| checkpoint.seq);
        let runs: Vec<Unsealed> = self.unsealed.iter().copied().filter(|run| run.first > proved).collect();
        let (leading, others): (Vec<Unsealed>, Vec<Unsealed>) =
            runs.iter().partition(|run| run.after <= proved);
        let mut broken = Vec::new();
        let bounds = leading.first().zip(leading.last()).map(|(first, last)| (first.first, last.last));
        let unfit = bounds.and_then(|(first, last)| {
            let above = self.checkpoints.iter().find(|checkpoint| checkpoint.seq > last)?;
            (first < last).then_some(Broken::Unfit(first, last, above.seq))
        });
        let each = |runs: &[Unsealed]| -> Vec<Broken> {
            runs.iter().flat_map(|run| run.first..=run.last).map(Broken::Changed).collect()
        };
        match unfit {
            Some(unfit) => broken.push(unfit),
            None => broken.extend(each(&leading)),
        }
        broken.extend(each(&others));
        broken
    }
}
