//! Counters become usage.
//!
//! A router counts octets per PPPoE session: when the customer dials in again the counter begins at zero, under
//! the same name. The meter keys on the session, not on the name, and turns readings into records that carry
//! their own start and end. Its rules, in order:
//!
//! * What is committed was read: never negative, never guessed, never above what the line can carry.
//! * A new session is counted from its first octet. What the ended one moved after its last reading nobody will
//!   ever know: it becomes a gap with its time and the most that it can have been.
//! * A counter that goes back within a session is a gap, not a wrap: counters here have 64 bits.
//! * Where it cannot be told whether a session is the same one, the smaller number is committed and a gap covers
//!   the rest.
//! * A record and the baseline that the next one counts from leave in the same batch of effects, and the caller
//!   keeps them in one write. After a kill the meter goes on from its baselines: nothing lost, nothing twice.
//!
//! Records of a line are contiguous. A record ends with the first reading at or after a multiple of the interval.

mod baseline;
mod pace;
mod session;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use lastmile_protocol::ids::{LineNo, RouterId};
use lastmile_protocol::uplink::{Gap, GapCause, LineRate, UsageRecord};

use baseline::{Baseline, Last};
use pace::Pace;
use session::{Verdict, verdict};

/// A moment on both clocks. The wall clock says when something happened, the monotonic one how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970 UTC.
    pub wall_ms: i64,
    /// Milliseconds since some moment of this process.
    pub mono_ms: u64,
}

/// Counters of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The line.
    pub line: LineNo,
    /// When they were asked for.
    pub at: Moment,
    /// What they belong to: changes with every PPPoE session (or whenever the interface is made anew).
    pub key: u64,
    /// How long that session is up, where the router says so; it may be a little older than the counters.
    pub uptime_ms: Option<u64>,
    /// A complete list of sessions, read just before, did not have it: the session began between the two.
    pub fresh: bool,
    /// Which connection to the router read them, from 1: within one connection a key is never used again.
    pub connection: u64,
    /// Octets towards the customer since the session began.
    pub down: u64,
    /// Octets from the customer since the session began.
    pub up: u64,
}

/// What the meter is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// What was kept before a restart. Before anything else of that line.
    Restore(LineNo, Vec<u8>),
    /// The line is ours from now on. Known lines are not touched by it.
    Known(LineNo, Moment),
    /// Its counters.
    Reading(Reading),
    /// A complete print did not have it: no session at that moment (when the print was complete).
    Gone(LineNo, Moment),
    /// The line was removed.
    Forget(LineNo, Moment),
    /// From now on: the most that a line carries, bit/s, and the interval, milliseconds.
    Plan {
        /// bit/s.
        line_rate_bps: u64,
        /// Milliseconds.
        interval_ms: i64,
    },
}

/// What is to be done about it. All of one batch is kept in one write, rates excepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Usage.
    Record(UsageRecord),
    /// Unknown usage.
    Gap(Gap),
    /// The rate since a reading that is long enough ago to tell it.
    Rate(LineRate),
    /// What has to be handed to [`Input::Restore`] after a restart; `None` deletes it.
    Baseline(LineNo, Option<Vec<u8>>),
}

/// The meter of one router.
#[derive(Debug)]
pub struct Meter {
    router: Option<RouterId>,
    limits: Limits,
    lines: BTreeMap<LineNo, Line>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    line_rate_bps: u64,
    interval_ms: i64,
}

/// Clocks of two machines, and a print that takes its time: so much may always be amiss.
const SLACK_MS: u64 = 2_000;
/// The wall clock jumped when it differs by more from what the monotonic clock says.
const JUMP_MS: u64 = 2_000;

impl Limits {
    /// The most octets that a line carries in `ms`.
    fn most(self, ms: u64) -> u64 {
        let octets = u128::from(self.line_rate_bps) * u128::from(ms.saturating_add(SLACK_MS)) / 8_000;
        u64::try_from(octets).unwrap_or(u64::MAX)
    }

    /// Whether so many octets in so much time are nonsense, a tenth of grace included.
    fn refuses(self, octets: u64, ms: u64) -> bool {
        u128::from(octets) * 10 > u128::from(self.most(ms)) * 11
    }

    /// Whether a multiple of the interval lies behind `start` and not behind `end`.
    fn boundary(self, start: i64, end: i64) -> bool {
        let interval = self.interval_ms.max(1);
        end.div_euclid(interval) > start.div_euclid(interval)
    }
}

/// One line.
#[derive(Debug)]
struct Line {
    /// Up to where usage was reported; the same on disk, or older.
    reported: Baseline,
    /// Where `reported` ends on the monotonic clock; not known after a restart.
    until_mono_ms: Option<u64>,
    /// A complete poll saw no session since the line became ours.
    absent: bool,
    /// What was read since.
    open: Option<Open>,
    /// The live rate of the session.
    pace: Pace,
}

/// Usage of the live session that is not reported yet.
#[derive(Debug, Clone, Copy)]
struct Open {
    start_ms: i64,
    last: Last,
    /// The session was up at the last reading, as far as is known.
    live: bool,
    down: u64,
    up: u64,
}

impl Meter {
    /// A meter without lines. Gaps name the router.
    #[must_use]
    pub const fn new(router: Option<RouterId>) -> Self {
        let limits = Limits { line_rate_bps: 1_000_000_000, interval_ms: 300_000 };
        Self { router, limits, lines: BTreeMap::new() }
    }

    /// Takes one input and appends what follows from it.
    pub fn handle(&mut self, input: Input, effects: &mut Vec<Effect>) {
        let mut out = Out { router: self.router, limits: self.limits, effects };
        match input {
            Input::Plan { line_rate_bps, interval_ms } => self.limits = Limits { line_rate_bps, interval_ms },
            Input::Restore(line, bytes) => {
                if let Some(reported) = Baseline::decode(&bytes) {
                    self.lines.insert(line, Line::new(reported, None));
                }
            }
            Input::Known(line, at) => {
                self.lines.entry(line).or_insert_with(|| {
                    let reported = Baseline { until_ms: at.wall_ms, last: None, live: false };
                    out.baseline(line, &reported);
                    Line::new(reported, Some(at.mono_ms))
                });
            }
            Input::Reading(reading) => {
                if let Some(line) = self.lines.get_mut(&reading.line) {
                    line.read(&reading, &mut out);
                }
            }
            Input::Gone(no, at) => {
                if let Some(line) = self.lines.get_mut(&no) {
                    line.gone(no, at, &mut out);
                }
            }
            Input::Forget(no, at) => {
                if let Some(mut line) = self.lines.remove(&no) {
                    line.gone(no, at, &mut out);
                    out.effects.retain(|effect| !matches!(effect, Effect::Baseline(line, _) if *line == no));
                    out.effects.push(Effect::Baseline(no, None));
                }
            }
        }
    }

    /// Lines it knows.
    pub fn lines(&self) -> impl Iterator<Item = LineNo> {
        self.lines.keys().copied()
    }

    /// Whether it counts this line: a reading was kept or taken since the line became known.
    #[must_use]
    pub fn counts(&self, line: LineNo) -> bool {
        self.lines.get(&line).is_some_and(|line| line.open.is_some() || line.reported.last.is_some())
    }

    /// Whether it knows this line.
    #[must_use]
    pub fn knows(&self, line: LineNo) -> bool {
        self.lines.contains_key(&line)
    }
}

impl Line {
    fn new(reported: Baseline, until_mono_ms: Option<u64>) -> Self {
        Self { reported, until_mono_ms, absent: false, open: None, pace: Pace::default() }
    }

    /// Two loops read: a reading that was asked for before the one that is accounted for already, or before the
    /// session was seen gone, says nothing new. Taken in, it would show a line online that has just been closed.
    fn is_stale(&self, r: &Reading) -> bool {
        let read = self.open.and_then(|open| open.last.mono_ms);
        let gone = self.until_mono_ms.filter(|_| self.absent && self.open.is_none());
        read.or(gone).is_some_and(|then| r.at.mono_ms < then)
    }

    fn read(&mut self, r: &Reading, out: &mut Out<'_>) {
        if self.is_stale(r) {
            return;
        }
        self.follow_clock(r.at);
        let Some(open) = self.open.or_else(|| self.reported.open()) else {
            let ours = Last::ours_for_ms(self.reported.until_ms, self.until_mono_ms, r.at);
            if self.absent || r.fresh || r.uptime_ms.is_some_and(|up| up <= ours.saturating_add(SLACK_MS)) {
                self.begin(self.reported.until_ms, r, out);
            } else {
                // It was up before the line was ours: what it moved until now is nobody's business here.
                self.restart(r, out);
            }
            return;
        };
        match verdict(&open.last, r) {
            Verdict::Same => self.go_on(open, r, false, out),
            Verdict::Unsure => self.go_on(open, r, true, out),
            Verdict::New => {
                let from = open.close(r.line, out);
                let elapsed = open.last.elapsed_ms(r);
                // A session cannot be older than the last sight of the one before it: then that uptime was the other's.
                let seen = open.last.uptime_ms.is_some();
                let unseen = open.last.unseen_ms(r.at);
                let young = |up: &u64| seen && up.saturating_add(SLACK_MS) < unseen;
                let uptime_ms = r.uptime_ms.filter(|up| !open.live || young(up));
                let r = &Reading { uptime_ms, ..*r };
                let began = r.began_ms().unwrap_or(r.at.wall_ms).clamp(from, r.at.wall_ms.max(from));
                if open.live {
                    let lost = elapsed.saturating_sub(r.uptime_ms.unwrap_or(0));
                    out.gap(GapCause::SessionEnded, r.line, (from, began), lost);
                }
                self.begin(from, r, out);
            }
        }
    }

    /// Counts a session from its first octet; it began after `not_before`. Routers say uptimes in whole seconds,
    /// so it may have begun almost a second before. That it is there is kept at once: should both the session and
    /// this process end before its first record, the gap has to be known.
    fn begin(&mut self, not_before: i64, r: &Reading, out: &mut Out<'_>) {
        let began = r.began_ms().map_or(not_before, |began| began.saturating_sub(1_000));
        let start_ms = began.clamp(not_before.min(r.at.wall_ms), r.at.wall_ms);
        let elapsed = r.uptime_ms.unwrap_or_else(|| u64::try_from(r.at.wall_ms - start_ms).unwrap_or(0));
        let first = Last::first_of(r, start_ms, elapsed);
        self.reported = Baseline { until_ms: start_ms, last: Some(first), live: true };
        self.until_mono_ms = first.mono_ms;
        self.pace = Pace::of_new_session(r.uptime_ms.is_some());
        out.baseline(r.line, &self.reported);
        self.go_on(Open { start_ms, last: first, live: true, down: 0, up: 0 }, r, false, out);
    }

    /// Counts on in the same session.
    fn go_on(&mut self, mut open: Open, r: &Reading, unsure: bool, out: &mut Out<'_>) {
        let elapsed = open.last.elapsed_ms(r);
        let (Some(down), Some(up)) = (r.down.checked_sub(open.last.down), r.up.checked_sub(open.last.up)) else {
            let from = open.close(r.line, out);
            out.gap(GapCause::CounterReset, r.line, (from, r.at.wall_ms), elapsed);
            self.pace = Pace::default();
            self.restart(r, out);
            return;
        };
        if out.limits.refuses(down, elapsed) || out.limits.refuses(up, elapsed) {
            let from = open.close(r.line, out);
            out.gap(GapCause::AboveLineRate, r.line, (from, r.at.wall_ms), elapsed);
            self.pace = Pace::default();
            self.restart(r, out);
            return;
        }
        open.down = open.down.saturating_add(down);
        open.up = open.up.saturating_add(up);
        if unsure {
            out.gap(GapCause::CounterReset, r.line, (open.last.at_ms.max(open.start_ms), r.at.wall_ms), elapsed);
        }
        if let Some((down_bps, up_bps)) = self.pace.read(down, up, elapsed, out.limits.line_rate_bps) {
            out.effects.push(Effect::Rate(LineRate { line: r.line, down_bps, up_bps, online: true }));
        }
        open.last = Last::of(r);
        let returned = !std::mem::replace(&mut open.live, true);
        if unsure || returned {
            // The gap is reported once: its end has to be kept with it. And that a session is there again that was seen
            // gone: should it end together with this process, that has to be known.
            self.report(open, r, out);
        } else {
            self.settle(open, r, out);
        }
    }

    /// Keeps what is open, or reports it where the interval is over.
    fn settle(&mut self, open: Open, r: &Reading, out: &mut Out<'_>) {
        if out.limits.boundary(open.start_ms, r.at.wall_ms) {
            self.report(open, r, out);
        } else {
            self.open = Some(open);
        }
    }

    fn report(&mut self, open: Open, r: &Reading, out: &mut Out<'_>) {
        open.close(r.line, out);
        self.restart(r, out);
    }

    /// Everything up to this reading is reported.
    fn restart(&mut self, r: &Reading, out: &mut Out<'_>) {
        self.reported = Baseline { until_ms: r.at.wall_ms, last: Some(Last::of(r)), live: true };
        self.until_mono_ms = Some(r.at.mono_ms);
        self.open = self.reported.open();
        out.baseline(r.line, &self.reported);
    }

    fn gone(&mut self, no: LineNo, at: Moment, out: &mut Out<'_>) {
        self.follow_clock(at);
        self.absent = true;
        self.pace = Pace::default();
        let open = self.open.take().or_else(|| self.reported.open()).filter(|open| open.live);
        out.effects.push(Effect::Rate(LineRate { line: no, down_bps: 0, up_bps: 0, online: false }));
        let Some(open) = open else {
            self.reported.until_ms = at.wall_ms;
            self.until_mono_ms = Some(at.mono_ms);
            return;
        };
        let from = open.close(no, out);
        out.gap(GapCause::SessionEnded, no, (from, at.wall_ms), open.last.elapsed_until_ms(at));
        self.reported = Baseline { until_ms: at.wall_ms, last: Some(open.last), live: false };
        self.until_mono_ms = Some(at.mono_ms);
        out.baseline(no, &self.reported);
    }

    /// When the wall clock jumped, what is not reported yet keeps its length and moves with it.
    fn follow_clock(&mut self, now: Moment) {
        if let Some(open) = &mut self.open
            && let Some(jump) = open.last.jump_ms(now)
        {
            open.start_ms = open.start_ms.saturating_add(jump);
            open.last.at_ms = open.last.at_ms.saturating_add(jump);
        }
        if self.open.is_none() && self.reported.until_ms > now.wall_ms {
            self.reported.until_ms = now.wall_ms;
            if let Some(last) = &mut self.reported.last {
                last.at_ms = last.at_ms.min(now.wall_ms);
            }
        }
    }
}

impl Open {
    /// Reports what was read; says up to when the line is accounted for.
    fn close(&self, line: LineNo, out: &mut Out<'_>) -> i64 {
        let (start_ms, end_ms) = (self.start_ms, self.last.at_ms);
        let octets = self.down > 0 || self.up > 0;
        if end_ms > start_ms || octets {
            // A record without length cannot hold octets: it is one millisecond then.
            let start_ms = start_ms.min(end_ms.saturating_sub(1));
            let (down_octets, up_octets) = (self.down, self.up);
            out.effects.push(Effect::Record(UsageRecord { line, start_ms, end_ms, down_octets, up_octets }));
        }
        end_ms.max(start_ms)
    }
}

impl Reading {
    /// When its session began, at the latest.
    fn began_ms(&self) -> Option<i64> {
        self.uptime_ms.map(|up| self.at.wall_ms.saturating_sub(i64::try_from(up).unwrap_or(i64::MAX)))
    }
}

struct Out<'a> {
    router: Option<RouterId>,
    limits: Limits,
    effects: &'a mut Vec<Effect>,
}

impl Out<'_> {
    fn baseline(&mut self, line: LineNo, baseline: &Baseline) {
        self.effects.push(Effect::Baseline(line, Some(baseline.encode())));
    }

    fn gap(&mut self, cause: GapCause, line: LineNo, (start_ms, end_ms): (i64, i64), lasted_ms: u64) {
        let most = self.limits.most(lasted_ms);
        self.effects.push(Effect::Gap(Gap {
            cause,
            line: Some(line),
            router: self.router,
            start_ms,
            end_ms: end_ms.max(start_ms.saturating_add(1)),
            down_octets: most,
            up_octets: most,
            chunks: (0, 0, 0),
        }));
    }
}
