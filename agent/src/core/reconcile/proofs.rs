//! Proofs are sent when something changed, not at each poll.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::{Outcome, Proof};

/// Remembers what was proved last.
#[derive(Debug, Default)]
pub struct Prover {
    last: BTreeMap<LineNo, (u64, bool)>,
}

impl Prover {
    /// The proof, when it says something new. Sessions come and go without being news: they have a stream of their own.
    pub fn news(&mut self, proof: Proof) -> Option<Proof> {
        if proof.outcome == Outcome::Applied {
            self.last.remove(&proof.line);
            return Some(proof);
        }
        let print = (fingerprint(&proof), proof.outcome == Outcome::Verified);
        (self.last.insert(proof.line, print) != Some(print)).then_some(proof)
    }

    /// Whether a line was last seen as wanted.
    #[must_use]
    pub fn verified(&self, line: LineNo) -> bool {
        self.last.get(&line).is_some_and(|(_, verified)| *verified)
    }

    /// Forgets lines that are not wanted any more.
    pub fn retain(&mut self, keep: impl Fn(LineNo) -> bool) {
        self.last.retain(|line, _| keep(*line));
    }
}

fn fingerprint(proof: &Proof) -> u64 {
    let mut hasher = DefaultHasher::new();
    (proof.generation.incarnation, proof.generation.counter).hash(&mut hasher);
    format!("{:?}", proof.outcome).hash(&mut hasher);
    if let Some(seen) = &proof.observed {
        (seen.present, seen.closed, &seen.profile, &seen.rate).hash(&mut hasher);
    }
    hasher.finish()
}
