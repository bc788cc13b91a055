//! The brake and the freeze of the clock. Pure: how many may be held, and whether the clock is to be believed.

/// Fewest lines that the limit of a branch lets pass in 24 hours, however small the branch is.
pub const LEAST_LIMIT: i64 = 20;
/// The window of the limit, milliseconds: 24 hours, rolling.
pub const WINDOW_MS: i64 = 86_400_000;
/// Wall time may differ so much from monotonic time, milliseconds: 5 minutes.
pub const JUMP_MS: i64 = 300_000;
/// A start may be so much later than the last tick before the clock is doubted, milliseconds: 7 days.
pub const FAR_START_MS: i64 = 7 * 86_400_000;

/// Most lines of a branch that are newly held for nonpayment in the window: max(20, 5 % of its active lines).
#[must_use]
pub const fn limit(active_lines: i64) -> i64 {
    let share = active_lines / 20;
    if share > LEAST_LIMIT { share } else { LEAST_LIMIT }
}

/// What may be done with the lines of a branch that would be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to do.
    Nothing,
    /// All of them may be held.
    Hold,
    /// None of them: a person is asked.
    Ask,
}

/// All or none: a list that reaches above the limit is not cut to it, because a list that is too long is a sign
/// that something is wrong with all of it.
#[must_use]
pub const fn verdict(active_lines: i64, held_in_window: i64, wanted: i64) -> Verdict {
    if wanted <= 0 {
        Verdict::Nothing
    } else if held_in_window.saturating_add(wanted) > limit(active_lines) {
        Verdict::Ask
    } else {
        Verdict::Hold
    }
}

/// A reading of both clocks by one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Wall clock, milliseconds since 1970 UTC.
    pub wall_ms: i64,
    /// Monotonic clock of the process, milliseconds since its start.
    pub mono_ms: u64,
}

/// Cause of a freeze after a restore.
pub const RESTORED: &str = "restored";

/// Why the clock, or the book, is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Wall time moved against monotonic time by so many milliseconds (negative = back).
    Jumped(i64),
    /// The process started before the last saved tick by so many milliseconds.
    BehindLastTick(i64),
    /// It started more than seven days after it, by so many milliseconds.
    FarAfterLastTick(i64),
    /// The database was restored from a backup that was so many milliseconds old.
    Restored(i64),
}

impl Doubt {
    /// As stored.
    #[must_use]
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Jumped(_) => "jumped",
            Self::BehindLastTick(_) => "behind_last_tick",
            Self::FarAfterLastTick(_) => "far_after_last_tick",
            Self::Restored(_) => RESTORED,
        }
    }

    /// How far the clock is from where it was expected, milliseconds; negative = behind.
    #[must_use]
    pub const fn off_by_ms(self) -> i64 {
        match self {
            Self::Jumped(ms) | Self::FarAfterLastTick(ms) | Self::Restored(ms) => ms,
            Self::BehindLastTick(ms) => -ms,
        }
    }
}

/// A stored doubt in a sentence for people.
#[must_use]
pub fn sentence(cause: &str, off_by_ms: i64) -> String {
    let length = length(off_by_ms.unsigned_abs());
    match cause {
        RESTORED => format!(
            "The database was restored from a backup that was {length} old. Enter the payments that came since, then \
             clear this: lines that were held stay as they are until then."
        ),
        "jumped" if off_by_ms < 0 => format!("The clock of the controller went back by {length} while it ran."),
        "jumped" => format!("The clock of the controller went ahead by {length} while it ran."),
        "behind_last_tick" => {
            format!("The controller started {length} before the last time at which it is known to have run.")
        }
        _ => format!("The controller started {length} after the last time at which it is known to have run."),
    }
}

fn length(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Whether the clock of a process that has just started is believed, given the last wall time that was saved by
/// any process. No saved time is a first start.
#[must_use]
pub fn judge_start(saved_wall_ms: Option<i64>, now: Tick) -> Option<Doubt> {
    let passed = now.wall_ms.saturating_sub(saved_wall_ms?);
    if passed < 0 {
        Some(Doubt::BehindLastTick(passed.saturating_neg()))
    } else if passed > FAR_START_MS {
        Some(Doubt::FarAfterLastTick(passed))
    } else {
        None
    }
}

/// Whether the clock is believed since `anchor`, an earlier reading by the same process. The anchor stays where
/// it is, so that a clock that is moved in small steps is found as well.
#[must_use]
pub fn judge_run(anchor: Tick, now: Tick) -> Option<Doubt> {
    let wall = now.wall_ms.saturating_sub(anchor.wall_ms);
    let mono = i64::try_from(now.mono_ms.saturating_sub(anchor.mono_ms)).unwrap_or(i64::MAX);
    let moved = wall.saturating_sub(mono);
    (moved.saturating_abs() > JUMP_MS).then_some(Doubt::Jumped(moved))
}

/// Lines that one person may let through the brake at once: so many in any case, or so many percent of the active ones
/// where that is more.
#[must_use]
pub fn alone(active: i64, lines: u32, percent: u32) -> i64 {
    i64::from(lines).max(active.saturating_mul(i64::from(percent)) / 100)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_person_lets_a_short_list_through() {
        assert_eq!(alone(30, 100, 25), 100);
        assert_eq!(alone(4_000, 100, 25), 1_000);
        assert_eq!(alone(i64::MAX, 100, 25), i64::MAX / 100);
    }

    #[test]
    fn the_limit_is_twenty_or_five_percent() {
        for (active, expected) in [(0, 20), (399, 20), (400, 20), (420, 21), (500, 25), (1_920, 96), (10_000, 500)] {
            assert_eq!(limit(active), expected);
        }
    }

    #[test]
    fn all_or_none() {
        assert_eq!(verdict(500, 0, 25), Verdict::Hold);
        assert_eq!(verdict(500, 0, 26), Verdict::Ask);
        assert_eq!(verdict(500, 15, 10), Verdict::Hold);
        assert_eq!(verdict(500, 15, 11), Verdict::Ask);
        assert_eq!(verdict(0, 0, 0), Verdict::Nothing);
    }

    #[test]
    fn a_start_is_judged_by_the_last_tick() {
        let now = Tick { wall_ms: 1_000_000_000_000, mono_ms: 3 };
        assert_eq!(judge_start(None, now), None);
        assert_eq!(judge_start(Some(now.wall_ms), now), None);
        assert_eq!(judge_start(Some(now.wall_ms - FAR_START_MS), now), None);
        assert_eq!(
            judge_start(Some(now.wall_ms - FAR_START_MS - 1), now),
            Some(Doubt::FarAfterLastTick(FAR_START_MS + 1))
        );
        assert_eq!(judge_start(Some(now.wall_ms + 1), now), Some(Doubt::BehindLastTick(1)));
    }

    #[test]
    fn a_doubt_is_a_sentence() {
        assert_eq!(
            sentence("jumped", 400 * 86_400_000),
            "The clock of the controller went ahead by 400 days while it ran."
        );
        assert_eq!(sentence("jumped", -301_000), "The clock of the controller went back by 5 minutes while it ran.");
        assert!(sentence("behind_last_tick", -3_000).contains("3 s before"));
    }

    proptest! {
        /// In any order in which the lines of one day come, never more than the limit are held without a person.
        #[test]
        fn never_above_the_limit(active in 0_i64..20_000, batches in prop::collection::vec(0_i64..400, 0..40)) {
            let mut held = 0;
            for wanted in batches {
                if verdict(active, held, wanted) == Verdict::Hold { held += wanted; }
                prop_assert!(held <= limit(active));
            }
        }

        /// Time that passes the same on both clocks is believed; any step of more than five minutes is not,
        /// also when it is taken in small ones.
        #[test]
        fn steps_are_found(
            wall in 1_600_000_000_000_i64..1_900_000_000_000, passed in 0_u32..u32::MAX,
            step in 1_i64..300_000, times in 1_i64..50, back in any::<bool>(),
        ) {
            let anchor = Tick { wall_ms: wall, mono_ms: 17 };
            let later = |step: i64| Tick { wall_ms: wall + i64::from(passed) + step, mono_ms: 17 + u64::from(passed) };
            prop_assert_eq!(judge_run(anchor, later(0)), None);
            let sum = step * times * if back { -1 } else { 1 };
            prop_assert_eq!(judge_run(anchor, later(sum)), (sum.abs() > JUMP_MS).then_some(Doubt::Jumped(sum)));
        }

        #[test]
        fn no_reading_panics(a in any::<i64>(), b in any::<u64>(), c in any::<i64>(), d in any::<u64>()) {
            let (a, b) = (Tick { wall_ms: a, mono_ms: b }, Tick { wall_ms: c, mono_ms: d });
            let _ = judge_run(a, b);
            let _ = judge_start(Some(a.wall_ms), b);
        }
    }
}
