//! Which chunk is sent when: window, acknowledgement, sending again, epochs. No socket and no disk.
//!
//! The rule is short. On every connection sending begins behind what the controller says it has applied; at
//! most [`WINDOW`] chunks are under way; they leave in order; what was not acknowledged is sent again on the
//! next connection. The controller applies each at most once, so sending again is always safe.

use std::collections::{BTreeMap, VecDeque};

use lastmile_protocol::downlink::Ack;
use lastmile_protocol::uplink::SpooledChunk;

/// Chunks under way at most: a quarter of a megabyte.
pub const WINDOW: usize = 64;
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
    /// What the controller said at the hello; `None` while there is no connection.
    applied: Option<BTreeMap<u64, u64>>,
    acked: u64,
    /// Highest position sent on this connection.
    sent: u64,
    /// Highest position ever sent of this epoch.
    ever: u64,
    under_way: VecDeque<u64>,
    ticket: u64,
    loading: bool,
    stalled: bool,
    resends: u64,
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

    /// Takes what happened; returns what is to be done, in this order.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Spooled { epoch, last } => self.spooled(epoch, last, &mut effects),
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

    fn spooled(&mut self, epoch: u64, last: u64, effects: &mut Vec<Effect>) {
        if epoch == self.epoch {
            self.last = self.last.max(last);
            return;
        }
        (self.epoch, self.last, self.ever) = (epoch, last, 0);
        if self.applied.is_some() {
            self.begin(effects);
        }
    }

    /// Sending begins behind what the controller has of this epoch.
    fn begin(&mut self, effects: &mut Vec<Effect>) {
        self.stop();
        let applied = self.applied.as_ref().and_then(|marks| marks.get(&self.epoch)).copied().unwrap_or(0);
        (self.acked, self.sent) = (applied, applied);
        if applied > self.last {
            effects.push(Effect::Renew { applied });
        } else if applied > 0 {
            effects.push(Effect::Record(Ack { epoch: self.epoch, seq: applied }));
        }
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
        if ack.seq > self.sent {
            effects.push(Effect::Close("the controller acknowledges what was never sent"));
            return;
        }
        self.acked = ack.seq;
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

    /// A spool in memory, a controller that applies once, and a wire that breaks.
    #[derive(Default)]
    struct World {
        link: Link,
        last: u64,
        connected: bool,
        wire: VecDeque<SpooledChunk>,
        acks: VecDeque<Ack>,
        loads: VecDeque<(u64, u64, usize)>,
        applied: Vec<u64>,
        duplicates: u64,
        recorded: u64,
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
                        assert!(ack.seq <= self.mark() && ack.seq >= self.recorded);
                        self.recorded = ack.seq;
                    }
                    Effect::Renew { .. } | Effect::Close(_) => panic!("never here: {effect:?}"),
                }
            }
            assert!(self.link.under_way() <= WINDOW);
        }

        fn step(&mut self, step: u8) {
            match step % 7 {
                0 => {
                    self.last += u64::from(step);
                    self.feed(Input::Spooled { epoch: EPOCH, last: self.last });
                }
                1 if self.connected => {
                    (self.connected, _) = (false, self.wire.clear());
                    self.acks.clear();
                    self.feed(Input::Disconnected);
                }
                1 => {
                    self.connected = true;
                    let applied = vec![(EPOCH - 1, 999), (EPOCH, self.mark())];
                    self.feed(Input::Welcomed(applied));
                }
                2 | 3 => self.read(step.is_multiple_of(5)),
                4 => self.arrive(),
                5 => {
                    if let Some(ack) = self.acks.pop_front() {
                        self.feed(Input::Acked(ack));
                    }
                }
                _ => self.feed(Input::Tick),
            }
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
            world.feed(Input::Spooled { epoch: EPOCH, last: world.last });
            if !world.connected {
                world.step(1);
            }
            for _ in 0..10_000 {
                [2, 4, 5, 6].into_iter().for_each(|step| world.step(step));
            }
            prop_assert_eq!(world.mark(), world.last);
            prop_assert!(world.applied.is_sorted());
            prop_assert_eq!(u64::try_from(world.applied.len()).expect("small"), world.last);
            prop_assert_eq!(world.recorded, world.last);
        }
    }

    fn connected(last: u64, applied: u64) -> Link {
        let mut link = Link::new();
        link.handle(Input::Spooled { epoch: EPOCH, last });
        link.handle(Input::Welcomed(vec![(EPOCH, applied)]));
        link
    }

    #[test]
    fn a_lie_about_the_future_closes_the_connection() {
        let mut link = connected(10, 0);
        let effects = link.handle(Input::Acked(Ack { epoch: EPOCH, seq: 3 }));
        assert!(matches!(effects.as_slice(), [Effect::Close(_)]));
    }

    #[test]
    fn a_controller_that_has_more_than_was_written_begins_a_new_epoch() {
        let mut link = Link::new();
        link.handle(Input::Spooled { epoch: EPOCH, last: 10 });
        assert_eq!(link.handle(Input::Welcomed(vec![(EPOCH, 11)])), vec![Effect::Renew { applied: 11 }]);
        let effects = link.handle(Input::Spooled { epoch: EPOCH + 1, last: 2 });
        assert!(matches!(effects.as_slice(), [Effect::Load { from: 1, .. }]));
    }

    #[test]
    fn a_restored_controller_is_sent_again_what_it_has_forgotten() {
        let mut link = connected(10, 10);
        link.handle(Input::Disconnected);
        let effects = link.handle(Input::Welcomed(vec![(EPOCH, 4)]));
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Load { from: 5, .. })));
    }
}
