//! Which chunk is sent when: window, acknowledgement, sending again, epochs. No socket and no disk.
//!
//! The rule is short. On every connection sending begins behind the last acknowledgement that the spool has
//! recorded; at most [`WINDOW`] chunks are under way; they leave in order; what was not acknowledged is sent again on
//! the next connection. The controller applies each at most once, so sending again is always safe.
//!
//! What the controller says at the hello acknowledges nothing: only an acknowledgement does, so that there is one way
//! on which chunks are given up. Its mark moves the beginning back (a controller from a backup has forgotten some),
//! and the first chunk that it has already is answered with all that it has: the rest is then skipped.

use std::collections::{BTreeMap, VecDeque};

use lastmile_protocol::downlink::Ack;
use lastmile_protocol::uplink::SpooledChunk;

/// Chunks under way at most: a quarter of a megabyte.
pub const WINDOW: usize = 64;
/// Chunks that may wait to be written at most: an acknowledgement of what an earlier connection has brought frees the
/// window while the chunks in it have not left yet.
pub const QUEUED: usize = 2 * WINDOW;
/// Chunks that are loaded at once at most.
const BATCH: usize = 32;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The spool stands here now.
    Spooled {
        /// Its epoch.
        epoch: u64,
        /// Highest fsynced position.
        last: u64,
        /// Highest position that it has recorded as acknowledged.
        acked: u64,
    },
    /// The controller took the hello; these are its applied marks, (epoch, seq).
    Welcomed(Vec<(u64, u64)>),
    /// Chunks that were asked for by [`Effect::Load`] with this ticket.
    Loaded {
        /// Its ticket.
        ticket: u64,
        /// The chunks, in order.
        chunks: Vec<SpooledChunk>,
    },
    /// They could not be read; asked for again at the next [`Input::Tick`].
    LoadFailed {
        /// Its ticket.
        ticket: u64,
    },
    /// The controller has it for certain.
    Acked(Ack),
    /// Some time has passed.
    Tick,
    /// The connection is gone.
    Disconnected,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Read chunks from the spool.
    Load {
        /// Comes back with them.
        ticket: u64,
        /// First position.
        from: u64,
        /// How many at most.
        most: usize,
    },
    /// Put the chunk on the data stream.
    Send(SpooledChunk),
    /// Record in the spool that the controller has everything up to here.
    Record(Ack),
    /// The controller has more of this epoch than the spool ever wrote: begin a new one.
    Renew {
        /// What the controller has applied.
        applied: u64,
    },
    /// The controller speaks nonsense: close the connection.
    Close(&'static str),
}

/// The sending side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    epoch: u64,
    last: u64,
    /// What the spool has recorded as acknowledged.
    recorded: u64,
    /// What the controller said at the hello; `None` while there is no connection.
    applied: Option<BTreeMap<u64, u64>>,
    acked: u64,
    /// Highest position sent on this connection.
    sent: u64,
    /// Highest position ever sent of this epoch, as far as is known: before a restart at least what has arrived.
    ever: u64,
    under_way: VecDeque<u64>,
    ticket: u64,
    loading: bool,
    stalled: bool,
    resends: u64,
    progress: u64,
}

impl Link {
    /// Nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Chunks sent again since the program started.
    #[must_use]
    pub const fn resends(&self) -> u64 {
        self.resends
    }

    /// Chunks sent and not acknowledged on this connection.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Acknowledgements that moved something since the program started.
    #[must_use]
    pub const fn progress(&self) -> u64 {
        self.progress
    }

    /// Takes what happened; returns what is to be done, in this order.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Spooled { epoch, last, acked } => self.spooled(epoch, last, acked, &mut effects),
            Input::Welcomed(applied) => {
                self.applied = Some(applied.into_iter().collect());
                self.begin(&mut effects);
            }
            Input::Loaded { ticket, chunks } => self.loaded(ticket, chunks, &mut effects),
            Input::LoadFailed { ticket } if ticket == self.ticket => (self.loading, self.stalled) = (false, true),
            Input::LoadFailed { .. } => {}
            Input::Acked(ack) => self.acked(ack, &mut effects),
            Input::Tick => self.stalled = false,
            Input::Disconnected => {
                self.applied = None;
                self.stop();
            }
        }
        self.load(&mut effects);
        effects
    }

    fn stop(&mut self) {
        self.under_way.clear();
        self.loading = false;
        self.stalled = false;
        // Whatever is still being read belongs to the past.
        self.ticket = self.ticket.wrapping_add(1);
    }

    fn spooled(&mut self, epoch: u64, last: u64, acked: u64, effects: &mut Vec<Effect>) {
        if epoch == self.epoch {
            self.last = self.last.max(last);
            self.recorded = self.recorded.max(acked);
            return;
        }
        (self.epoch, self.last, self.recorded, self.ever) = (epoch, last, acked, 0);
        if self.applied.is_some() {
            self.begin(effects);
        }
    }

    /// Sending begins behind what is recorded as acknowledged, or further back when the controller has less.
    fn begin(&mut self, effects: &mut Vec<Effect>) {
        self.stop();
        let applied = self.applied.as_ref().and_then(|marks| marks.get(&self.epoch)).copied().unwrap_or(0);
        if applied > self.last {
            (self.acked, self.sent) = (applied, applied);
            effects.push(Effect::Renew { applied });
            return;
        }
        let start = self.recorded.min(applied);
        (self.acked, self.sent) = (start, start);
        self.ever = self.ever.max(self.recorded).max(applied);
    }

    fn loaded(&mut self, ticket: u64, chunks: Vec<SpooledChunk>, effects: &mut Vec<Effect>) {
        if ticket != self.ticket || !self.loading {
            return;
        }
        self.loading = false;
        // Nothing came although something was due: do not ask again at once.
        self.stalled = chunks.is_empty();
        for chunk in chunks {
            let follows = chunk.epoch == self.epoch && chunk.first <= self.sent + 1 && chunk.seq > self.sent;
            if !follows {
                self.stalled = true;
                return;
            }
            if chunk.first <= self.ever {
                self.resends += 1;
            }
            self.sent = chunk.seq;
            self.ever = self.ever.max(chunk.seq);
            self.last = self.last.max(chunk.seq);
            self.under_way.push_back(chunk.seq);
            effects.push(Effect::Send(chunk));
        }
    }

    fn acked(&mut self, ack: Ack, effects: &mut Vec<Effect>) {
        if self.applied.is_none() || ack.epoch != self.epoch || ack.seq <= self.acked {
            return;
        }
        if ack.seq > self.ever {
            effects.push(Effect::Close("the controller acknowledges what was never sent"));
            return;
        }
        self.acked = ack.seq;
        self.progress = self.progress.wrapping_add(1);
        if ack.seq > self.sent {
            // An earlier connection has brought more than this one so far: go on behind it.
            self.stop();
            self.sent = ack.seq;
        }
        while self.under_way.front().is_some_and(|seq| *seq <= ack.seq) {
            self.under_way.pop_front();
        }
        effects.push(Effect::Record(ack));
    }

    fn load(&mut self, effects: &mut Vec<Effect>) {
        let room = WINDOW.saturating_sub(self.under_way.len());
        if self.applied.is_none() || self.loading || self.stalled || room == 0 || self.sent >= self.last {
            return;
        }
        self.loading = true;
        self.ticket = self.ticket.wrapping_add(1);
        effects.push(Effect::Load { ticket: self.ticket, from: self.sent + 1, most: room.min(BATCH) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastmile_protocol::uplink::Place;
    use proptest::prelude::*;

    const EPOCH: u64 = 7;

    /// A spool in memory, a controller that applies once, and a wire that breaks. The agent may be killed, and the
    /// controller restored from a backup.
    #[derive(Default)]
    struct World {
        link: Link,
        last: u64,
        connected: bool,
        wire: VecDeque<SpooledChunk>,
        acks: VecDeque<Ack>,
        loads: VecDeque<(u64, u64, usize)>,
        /// Acknowledgements on their way into the spool.
        records: VecDeque<u64>,
        recorded: u64,
        applied: Vec<u64>,
        duplicates: u64,
        /// What killed agents had sent again.
        resends: u64,
    }

    impl World {
        fn mark(&self) -> u64 {
            self.applied.last().copied().unwrap_or(0)
        }

        fn feed(&mut self, input: Input) {
            for effect in self.link.handle(input) {
                match effect {
                    Effect::Load { ticket, from, most } => self.loads.push_back((ticket, from, most)),
                    Effect::Send(chunk) => {
                        assert!(self.connected, "nothing is sent without a connection");
                        self.wire.push_back(chunk);
                    }
                    Effect::Record(ack) => {
                        assert!(ack.seq <= self.mark(), "only what the controller has");
                        self.records.push_back(ack.seq);
                    }
                    Effect::Renew { .. } | Effect::Close(_) => panic!("never here: {effect:?}"),
                }
            }
            assert!(self.link.under_way() <= WINDOW);
            assert!(self.wire.len() <= QUEUED);
        }

        fn step(&mut self, step: u8) {
            match step % 10 {
                0 => {
                    self.last += u64::from(step);
                    self.spooled();
                }
                1 if self.connected => {
                    self.cut();
                    self.feed(Input::Disconnected);
                }
                1 => {
                    self.connected = true;
                    let applied = vec![(EPOCH - 1, 999), (EPOCH, self.mark())];
                    self.feed(Input::Welcomed(applied));
                }
                2 | 3 => self.read(step.is_multiple_of(3)),
                4 => self.arrive(),
                5 => {
                    if let Some(ack) = self.acks.pop_front() {
                        self.feed(Input::Acked(ack));
                    }
                }
                6 => self.feed(Input::Tick),
                7 => {
                    self.recorded = self.recorded.max(self.records.pop_front().unwrap_or(0));
                    self.spooled();
                }
                8 => self.kill(),
                _ if !self.connected => self.applied.truncate(usize::from(step)),
                _ => {}
            }
        }

        fn spooled(&mut self) {
            self.feed(Input::Spooled { epoch: EPOCH, last: self.last, acked: self.recorded });
        }

        fn cut(&mut self) {
            self.connected = false;
            self.wire.clear();
            self.acks.clear();
        }

        fn kill(&mut self) {
            self.cut();
            self.loads.clear();
            self.records.clear();
            self.resends += self.link.resends();
            self.link = Link::new();
            self.spooled();
        }

        fn read(&mut self, fails: bool) {
            let Some((ticket, from, most)) = self.loads.pop_front() else { return };
            if fails {
                return self.feed(Input::LoadFailed { ticket });
            }
            let until = self.last.min(from + u64::try_from(most).expect("small") - 1);
            let chunks = (from..=until).map(|seq| SpooledChunk::seal(EPOCH, seq, Vec::new())).collect();
            self.feed(Input::Loaded { ticket, chunks });
        }

        fn arrive(&mut self) {
            let Some(chunk) = self.wire.pop_front() else { return };
            match chunk.place(self.mark()) {
                Place::Next => self.applied.push(chunk.seq),
                Place::Duplicate => self.duplicates += 1,
                Place::Hole => panic!("a hole before {}", chunk.seq),
            }
            self.acks.push_back(Ack { epoch: EPOCH, seq: self.mark() });
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn every_chunk_is_applied_once_and_in_order_whatever_breaks(steps: Vec<u8>, last in 1u64..400) {
            let mut world = World::default();
            steps.into_iter().for_each(|step| world.step(step));
            world.last = world.last.max(last);
            world.spooled();
            if !world.connected {
                world.step(1);
            }
            for _ in 0..10_000 {
                [2, 4, 5, 6, 7].into_iter().for_each(|step| world.step(step));
            }
            prop_assert_eq!(world.mark(), world.last);
            prop_assert!(world.applied.is_sorted());
            prop_assert_eq!(u64::try_from(world.applied.len()).expect("small"), world.last);
            prop_assert_eq!(world.recorded, world.last);
            let resends = world.resends + world.link.resends();
            prop_assert!(world.duplicates <= resends, "{} came twice, {resends} were sent again", world.duplicates);
        }
    }

    fn connected(last: u64, acked: u64, applied: u64) -> (Link, Vec<Effect>) {
        let mut link = Link::new();
        link.handle(Input::Spooled { epoch: EPOCH, last, acked });
        let effects = link.handle(Input::Welcomed(vec![(EPOCH, applied)]));
        (link, effects)
    }

    /// Answers the load in `effects` with chunks `from..=until`.
    fn load(link: &mut Link, effects: &[Effect], until: u64) -> Vec<Effect> {
        let Some(Effect::Load { ticket, from, .. }) = effects.last() else { panic!("no load in {effects:?}") };
        let chunks = (*from..=until).map(|seq| SpooledChunk::seal(EPOCH, seq, Vec::new())).collect();
        link.handle(Input::Loaded { ticket: *ticket, chunks })
    }

    #[test]
    fn a_lie_about_the_future_closes_the_connection() {
        let (mut link, _) = connected(10, 0, 0);
        let effects = link.handle(Input::Acked(Ack { epoch: EPOCH, seq: 3 }));
        assert!(matches!(effects.as_slice(), [Effect::Close(_)]));
    }

    #[test]
    fn a_controller_that_has_more_than_was_written_begins_a_new_epoch() {
        let (mut link, effects) = connected(10, 10, 11);
        assert_eq!(effects, vec![Effect::Renew { applied: 11 }]);
        let effects = link.handle(Input::Spooled { epoch: EPOCH + 1, last: 2, acked: 0 });
        assert!(matches!(effects.as_slice(), [Effect::Load { from: 1, .. }]));
    }

    #[test]
    fn a_restored_controller_is_sent_again_what_it_has_forgotten() {
        let (_, effects) = connected(10, 10, 4);
        assert!(matches!(effects.as_slice(), [Effect::Load { from: 5, .. }]));
    }

    #[test]
    fn what_a_hello_says_acknowledges_nothing_and_the_first_answer_skips_the_rest() {
        let (mut link, effects) = connected(10, 2, 8);
        assert!(matches!(effects.as_slice(), [Effect::Load { from: 3, .. }]), "{effects:?}");
        load(&mut link, &effects, 4);
        assert_eq!((link.resends(), link.under_way()), (2, 2));
        // The second load is still being read when the controller says what it has.
        let ack = Ack { epoch: EPOCH, seq: 8 };
        let effects = link.handle(Input::Acked(ack));
        assert!(
            matches!(effects.as_slice(), [Effect::Record(recorded), Effect::Load { from: 9, .. }] if *recorded == ack)
        );
        load(&mut link, &effects, 10);
        assert_eq!((link.resends(), link.under_way()), (2, 2), "what is new is not sent again");
    }

    #[test]
    fn what_an_earlier_connection_brings_late_may_be_acknowledged() {
        let (mut link, effects) = connected(10, 0, 0);
        load(&mut link, &effects, 6);
        link.handle(Input::Disconnected);
        // The hello was answered before the controller had committed what was under way.
        let effects = link.handle(Input::Welcomed(vec![(EPOCH, 0)]));
        load(&mut link, &effects, 1);
        let effects = link.handle(Input::Acked(Ack { epoch: EPOCH, seq: 6 }));
        assert!(matches!(effects.as_slice(), [Effect::Record(_), Effect::Load { from: 7, .. }]), "{effects:?}");
    }
}
