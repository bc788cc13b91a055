//! Is it still the same session?

use super::baseline::Last;
use super::{Reading, SLACK_MS};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Count on.
    Same,
    /// Count from its first octet.
    New,
    /// The key says same, the uptime says otherwise, the counters contradict neither: commit the difference,
    /// which is right if it is the same and too little if it is not, and report a gap.
    Unsure,
}

/// Keys are used again after a reboot of the router, and a router cannot reboot within one connection. Across
/// connections the session's uptime decides; it is read a moment before the counters and may belong to the
/// session before, so that alone it never makes octets count twice.
pub(super) fn verdict(last: &Last, r: &Reading) -> Verdict {
    if last.key != r.key {
        return Verdict::New;
    }
    if last.connection == r.connection && last.connection != 0 {
        return Verdict::Same;
    }
    // A complete list that did not have it says more than a key: it began after the list.
    if r.fresh {
        return Verdict::New;
    }
    let back = r.down < last.down || r.up < last.up;
    let Some(now) = r.uptime_ms else { return Verdict::Same };
    let younger = last.uptime_ms.is_some_and(|then| now.saturating_add(SLACK_MS) < then);
    let too_young = now.saturating_add(SLACK_MS) < last.elapsed_until_ms(r.at);
    match (younger || too_young, back) {
        (true, true) => Verdict::New,
        (true, false) if younger => Verdict::New,
        (true, false) => Verdict::Unsure,
        (false, _) => Verdict::Same,
    }
}
