//! The meter against an oracle that knows the true octets.

use std::collections::BTreeMap;

use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::GapCause;
use proptest::prelude::*;

use super::{Effect, Input, Meter, Moment, Reading};

const LINE: LineNo = LineNo(7);
const RATE: u64 = 100_000_000;
const INTERVAL: i64 = 300_000;
/// Some Sunday, on no multiple of the interval.
const START: i64 = 1_795_348_812_345;

#[derive(Debug, Clone, Copy)]
struct Session {
    /// The agent kept a reading of it. What came and went between two polls nobody can know of.
    seen: bool,
    key: u64,
    began_mono: u64,
    down: u64,
    up: u64,
}

/// A line on a router, an agent that may die at any moment, and the truth.
struct World {
    mono: u64,
    jumped: i64,
    down: u64,
    up: u64,
    /// Octets of sessions that no kept reading ever saw.
    unseen: (u64, u64),
    /// True octets at each poll.
    history: BTreeMap<i64, (u64, u64)>,
    session: Option<Session>,
    next_key: u64,
    connection: u64,
    meter: Meter,
    disk: Option<Vec<u8>>,
    committed: (u64, u64),
    gaps: (u64, u64),
    records: Vec<(i64, i64, u64, u64)>,
    causes: Vec<GapCause>,
    offline: usize,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            mono: 0,
            jumped: 0,
            down: 0,
            up: 0,
            unseen: (0, 0),
            history: BTreeMap::new(),
            session: None,
            next_key: 1,
            connection: 1,
            meter: meter(),
            disk: None,
            committed: (0, 0),
            gaps: (0, 0),
            records: Vec::new(),
            causes: Vec::new(),
            offline: 0,
        };
        let mut effects = Vec::new();
        world.meter.handle(Input::Known(LINE, world.at()), &mut effects);
        world.keep(effects);
        world
    }

    fn wall(&self) -> i64 {
        START + self.jumped + i64::try_from(self.mono).unwrap()
    }

    fn at(&self) -> Moment {
        Moment { wall_ms: self.wall(), mono_ms: self.mono }
    }

    fn pass(&mut self, ms: u64, permille: u64) {
        self.mono += ms;
        if let Some(session) = &mut self.session {
            let down = RATE * ms / 8_000 * permille / 1_000;
            let up = down / 7;
            session.down += down;
            session.up += up;
            self.down += down;
            self.up += up;
        }
    }

    fn hang_up(&mut self) {
        if let Some(session) = self.session.take().filter(|session| !session.seen) {
            self.unseen.0 += session.down;
            self.unseen.1 += session.up;
        }
    }

    fn dial(&mut self) {
        self.hang_up();
        self.session = Some(Session { seen: false, key: self.next_key, began_mono: self.mono, down: 0, up: 0 });
        self.next_key += 1;
    }

    /// One complete poll.
    fn poll(&mut self, keep: bool) {
        self.poll_with(None, keep);
    }

    /// One complete poll. `listed` is what the list of sessions said before the session changed: the uptime of the
    /// one before, or nothing.
    fn poll_with(&mut self, listed: Option<Option<u64>>, keep: bool) {
        let mut effects = Vec::new();
        match self.session {
            Some(session) => {
                let uptime = (self.mono - session.began_mono) / 1_000 * 1_000;
                let reading = Reading {
                    line: LINE,
                    at: self.at(),
                    key: session.key,
                    uptime_ms: listed.unwrap_or(Some(uptime)),
                    fresh: listed == Some(None),
                    connection: self.connection,
                    down: session.down,
                    up: session.up,
                };
                self.meter.handle(Input::Reading(reading), &mut effects);
            }
            None => self.meter.handle(Input::Gone(LINE, self.at()), &mut effects),
        }
        self.history.insert(self.wall(), (self.down, self.up));
        if keep {
            if let Some(session) = &mut self.session {
                session.seen = true;
            }
            self.keep(effects);
        } else {
            self.restart();
        }
    }

    fn keep(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Record(record) => {
                    assert!(record.end_ms > record.start_ms);
                    self.committed.0 += record.down_octets;
                    self.committed.1 += record.up_octets;
                    self.records.push((record.start_ms, record.end_ms, record.down_octets, record.up_octets));
                }
                Effect::Gap(gap) => {
                    assert!(gap.end_ms > gap.start_ms);
                    self.gaps.0 += gap.down_octets;
                    self.gaps.1 += gap.up_octets;
                    self.causes.push(gap.cause);
                }
                Effect::Rate(rate) => self.offline += usize::from(!rate.online),
                Effect::Baseline(line, bytes) => {
                    assert_eq!(line, LINE);
                    assert!(bytes.as_ref().is_none_or(|bytes| bytes.len() <= 128));
                    self.disk = bytes;
                }
            }
        }
        assert!(self.committed.0 <= self.down && self.committed.1 <= self.up, "more than the truth");
    }

    fn restart(&mut self) {
        self.meter = meter();
        self.connection = 1;
        if let Some(bytes) = self.disk.clone() {
            self.meter.handle(Input::Restore(LINE, bytes), &mut Vec::new());
        }
        let mut effects = Vec::new();
        self.meter.handle(Input::Known(LINE, self.at()), &mut effects);
        self.keep(effects);
    }

    /// Everything that can be read is read and reported.
    fn settle(&mut self) {
        self.poll(true);
        self.pass(u64::try_from(INTERVAL).unwrap(), 0);
        self.poll(true);
    }
}

fn meter() -> Meter {
    let mut meter = Meter::new(None);
    meter.handle(Input::Plan { line_rate_bps: RATE, interval_ms: INTERVAL }, &mut Vec::new());
    meter
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Pass(u64, u64),
    Poll,
    /// The agent dies after reading, before anything is kept.
    PollAndDie,
    Restart,
    CutConnection,
    Reconnect,
    ReconnectDuringPoll,
    HangUp,
    Reboot(u64),
    ResetCounters,
    JumpClock(i64),
}

fn calm() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1u64..120_000, 0u64..=1000).prop_map(|(ms, permille)| Step::Pass(ms, permille)),
        6 => Just(Step::Poll),
        1 => Just(Step::PollAndDie),
        1 => Just(Step::Restart),
        1 => Just(Step::CutConnection),
    ]
}

fn wild() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => calm(),
        1 => Just(Step::Reconnect),
        1 => Just(Step::ReconnectDuringPoll),
        1 => Just(Step::HangUp),
        1 => (5_000u64..60_000).prop_map(Step::Reboot),
        1 => Just(Step::ResetCounters),
    ]
}

fn jumpy() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1u64..120_000, 0u64..=1000).prop_map(|(ms, permille)| Step::Pass(ms, permille)),
        6 => Just(Step::Poll),
        1 => Just(Step::Reconnect),
        1 => Just(Step::HangUp),
        2 => (-40_000_000_000i64..40_000_000_000).prop_map(Step::JumpClock),
        1 => (-20_000i64..20_000).prop_map(Step::JumpClock),
    ]
}

fn run(world: &mut World, steps: &[Step]) {
    for step in steps {
        match *step {
            Step::Pass(ms, permille) => world.pass(ms, permille),
            Step::Poll => world.poll(true),
            Step::PollAndDie => world.poll(false),
            Step::Restart => world.restart(),
            Step::CutConnection => world.connection += 1,
            Step::Reconnect => world.dial(),
            Step::ReconnectDuringPoll => {
                let listed = world.session.map(|session| (world.mono - session.began_mono) / 1_000 * 1_000);
                world.dial();
                world.pass(20, 500);
                world.poll_with(Some(listed), true);
            }
            Step::HangUp => world.hang_up(),
            Step::Reboot(ms) => {
                world.hang_up();
                world.pass(ms, 0);
                world.next_key = 1;
                world.connection += 1;
                world.dial();
            }
            // What a counter held that was set back before anybody read it leaves no trace on any router.
            Step::ResetCounters => {
                world.poll(true);
                if let Some(session) = &mut world.session {
                    (session.down, session.up) = (0, 0);
                }
                world.poll(true);
            }
            Step::JumpClock(ms) => world.jumped += ms,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// No session ends: equal to the octet, in every interval, whatever happens to the agent.
    #[test]
    fn exact_while_sessions_live(during in any::<bool>(), steps in prop::collection::vec(calm(), 1..80)) {
        let mut world = World::new();
        if during {
            run(&mut world, &[Step::ReconnectDuringPoll]);
        } else {
            world.dial();
        }
        run(&mut world, &steps);
        world.settle();
        prop_assert_eq!(world.committed, (world.down, world.up));
        prop_assert_eq!(world.causes, vec![]);
        let mut end = None;
        for (start_ms, end_ms, down, up) in world.records {
            let then = world.history.get(&start_ms).copied().unwrap_or_default();
            let now = world.history[&end_ms];
            prop_assert_eq!((down, up), (now.0 - then.0, now.1 - then.1), "interval {}..{}", start_ms, end_ms);
            prop_assert!(end.is_none_or(|end| end == start_ms), "records are contiguous");
            end = Some(end_ms);
        }
    }

    /// Sessions end, routers reboot, the agent dies anywhere: never above the truth, and gaps cover the rest.
    #[test]
    fn never_above_and_always_covered(steps in prop::collection::vec(wild(), 1..80)) {
        let mut world = World::new();
        world.dial();
        run(&mut world, &steps);
        world.settle();
        let covered = (world.committed.0 + world.gaps.0 + world.unseen.0, world.committed.1 + world.gaps.1 + world.unseen.1);
        prop_assert!(covered.0 >= world.down && covered.1 >= world.up, "{:?} < {:?}", covered, (world.down, world.up));
    }

    /// The wall clock jumps: octets stay right.
    #[test]
    fn a_clock_that_jumps_changes_no_octet(steps in prop::collection::vec(jumpy(), 1..80)) {
        let mut world = World::new();
        world.dial();
        run(&mut world, &steps);
        world.settle();
        prop_assert!(world.committed.0 + world.gaps.0 + world.unseen.0 >= world.down);
        if !steps.iter().any(|step| matches!(step, Step::Reconnect | Step::HangUp)) {
            prop_assert_eq!(world.committed, (world.down, world.up));
        }
    }

    #[test]
    fn no_kept_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut meter = meter();
        let mut effects = Vec::new();
        meter.handle(Input::Restore(LINE, bytes), &mut effects);
        let at = Moment { wall_ms: START, mono_ms: 5 };
        meter.handle(Input::Known(LINE, Moment { wall_ms: START, mono_ms: 0 }), &mut effects);
        for (key, down) in [(0, u64::MAX), (1, 0), (1, 5)] {
            let reading = Reading { line: LINE, at, key, uptime_ms: Some(u64::MAX), fresh: false, connection: 1, down, up: down };
            meter.handle(Input::Reading(reading), &mut effects);
        }
        meter.handle(Input::Gone(LINE, Moment { wall_ms: i64::MIN, mono_ms: 0 }), &mut effects);
    }
}

#[test]
fn a_counter_that_wraps_at_32_bits_is_a_gap_and_never_four_gibibytes() {
    let mut world = World::new();
    world.dial();
    world.poll(true);
    let high = u64::from(u32::MAX) - 1;
    world.session.as_mut().unwrap().down = high;
    world.down = high;
    world.pass(400_000, 0);
    world.poll(true);
    assert_eq!(world.committed.0, high);
    world.session.as_mut().unwrap().down = 5;
    world.down += 7;
    world.pass(60_000, 0);
    world.poll(true);
    world.settle();
    assert_eq!(world.committed.0, high);
    assert_eq!(world.causes, vec![GapCause::CounterReset]);
}

#[test]
fn a_reading_above_what_the_line_carries_is_refused() {
    let mut world = World::new();
    world.dial();
    world.poll(true);
    world.pass(60_000, 100);
    world.session.as_mut().unwrap().down += RATE;
    world.down += RATE;
    world.session.as_mut().unwrap().up += u64::MAX / 2;
    world.poll(true);
    world.settle();
    assert_eq!(world.committed, (0, 0));
    assert_eq!(world.causes, vec![GapCause::AboveLineRate]);
}

#[test]
fn a_session_that_was_up_before_the_line_was_ours_is_counted_from_the_first_reading() {
    let mut meter = meter();
    let mut effects = Vec::new();
    meter.handle(Input::Known(LINE, Moment { wall_ms: START, mono_ms: 0 }), &mut effects);
    let reading = |ms: u64, down: u64| Reading {
        line: LINE,
        at: Moment { wall_ms: START + i64::try_from(ms).unwrap(), mono_ms: ms },
        key: 3,
        uptime_ms: Some(3_600_000 + ms),
        fresh: false,
        connection: 1,
        down,
        up: 0,
    };
    meter.handle(Input::Reading(reading(10_000, 1_000_000)), &mut effects);
    meter.handle(Input::Reading(reading(310_000, 1_500_000)), &mut effects);
    let records = effects.iter().filter_map(|e| match e {
        Effect::Record(record) => Some(record.down_octets),
        _ => None,
    });
    assert_eq!(records.collect::<Vec<_>>(), vec![500_000]);
}

/// The list of sessions still had the one before: its uptime says nothing about the next, however well it fits.
#[test]
fn an_uptime_of_the_session_before_hides_no_octets() {
    let mut world = World::new();
    world.dial();
    let steps = [
        Step::Pass(1_909, 0),
        Step::ReconnectDuringPoll,
        Step::Pass(12_052, 498),
        Step::PollAndDie,
        Step::ReconnectDuringPoll,
        Step::HangUp,
        Step::Poll,
    ];
    run(&mut world, &steps);
    world.settle();
    assert!(world.committed.0 + world.gaps.0 + world.unseen.0 >= world.down);
}

#[test]
fn a_removed_line_leaves_its_last_record_a_gap_and_no_baseline() {
    let mut world = World::new();
    world.dial();
    world.pass(1_000, 500);
    world.poll(true);
    world.pass(1_000, 500);
    let mut effects = Vec::new();
    world.meter.handle(Input::Forget(LINE, world.at()), &mut effects);
    world.keep(effects);
    assert_eq!(world.committed.0, world.down / 2);
    assert_eq!(world.causes, vec![GapCause::SessionEnded]);
    assert_eq!(world.disk, None);
    assert!(!world.meter.knows(LINE));
}

#[test]
fn rates_follow_the_counters_and_say_when_the_line_is_down() {
    let mut meter = meter();
    let mut effects = Vec::new();
    meter.handle(Input::Known(LINE, Moment { wall_ms: START, mono_ms: 0 }), &mut effects);
    let at = |ms: u64| Moment { wall_ms: START + i64::try_from(ms).unwrap(), mono_ms: ms };
    let reading = |ms: u64, down: u64| {
        Input::Reading(Reading {
            line: LINE,
            at: at(ms),
            key: 3,
            uptime_ms: Some(ms),
            fresh: false,
            connection: 1,
            down,
            up: down / 2,
        })
    };
    meter.handle(reading(1_000, 0), &mut effects);
    meter.handle(reading(6_000, 5_000_000), &mut effects);
    meter.handle(Input::Gone(LINE, at(11_000)), &mut effects);
    let rates = effects.iter().filter_map(|e| match e {
        Effect::Rate(rate) => Some((rate.down_bps, rate.up_bps, rate.online)),
        _ => None,
    });
    assert_eq!(rates.collect::<Vec<_>>(), vec![(0, 0, true), (8_000_000, 4_000_000, true), (0, 0, false)]);
}

#[test]
fn a_reading_that_was_asked_for_before_the_line_was_closed_does_not_bring_it_back() {
    let mut world = World::new();
    world.dial();
    world.pass(10_000, 500);
    world.poll(true);
    world.pass(2_000, 500);
    // The poll asks now, and is answered only when the line is closed.
    let asked = world.at();
    let session = world.session.expect("up");
    world.pass(3_000, 500);
    world.poll(true);
    world.pass(50, 0);
    world.hang_up();
    world.poll(true);
    assert_eq!(world.offline, 1);
    let counted = (world.committed, world.causes.len());
    let late = Reading {
        line: LINE,
        at: asked,
        key: session.key,
        uptime_ms: Some(12_000),
        fresh: false,
        connection: world.connection,
        down: session.down,
        up: session.up,
    };
    let mut effects = Vec::new();
    world.meter.handle(Input::Reading(late), &mut effects);
    assert_eq!(effects, []);
    world.settle();
    assert_eq!((world.committed, world.causes.len()), counted);
}

#[test]
fn a_reading_that_was_overtaken_by_another_counts_nothing_twice() {
    let mut world = World::new();
    world.dial();
    world.pass(10_000, 500);
    let (asked, session) = (world.at(), world.session.expect("up"));
    world.pass(1_000, 500);
    world.poll(true);
    let late = Reading {
        line: LINE,
        at: asked,
        key: session.key,
        uptime_ms: Some(10_000),
        fresh: false,
        connection: world.connection,
        down: session.down,
        up: session.up,
    };
    let mut effects = Vec::new();
    world.meter.handle(Input::Reading(late), &mut effects);
    world.keep(effects);
    world.pass(1_000, 500);
    world.settle();
    assert_eq!(world.committed, (world.down, world.up));
    assert_eq!(world.causes, vec![]);
}

/// After a reboot keys begin anew: a session that dialled in between the two lists had the key of the one before, with as
/// many octets, and was taken for it. Then the process died, and with it all that was known of the session.
#[test]
fn a_key_used_again_is_another_session_when_the_list_did_not_have_it() {
    let mut world = World::new();
    world.dial();
    run(
        &mut world,
        &[
            Step::ReconnectDuringPoll,
            Step::Reboot(5_000),
            Step::HangUp,
            Step::Poll,
            Step::ReconnectDuringPoll,
            Step::PollAndDie,
            Step::Pass(10_175, 687),
            Step::Reconnect,
        ],
    );
    world.settle();
    assert!(world.committed.0 + world.gaps.0 + world.unseen.0 >= world.down);
}
