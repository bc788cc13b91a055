//! Taking pushes of desired lines: what is new, what is old, and what does not fit together.
//!
//! A push is obeyed whole or not at all. Refused are: an older generation; other content under the same
//! generation; a difference from a state that the agent does not have; a result whose count or digest is not
//! the controller's. The last two ask for the whole, once.

use std::collections::BTreeMap;
use std::sync::Arc;

use lastmile_protocol::downlink::{DesiredPush, Generation, digest};
use lastmile_protocol::uplink::DesiredStatus;

use crate::core::desired::DesiredState;

/// Lines of one push at most; far above any POP.
const MOST_LINES: usize = 200_000;
/// Approvals are remembered for the window of the agent's brake.
const APPROVAL_MS: i64 = 24 * 3_600_000;

/// What became of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// More frames of the same push must come.
    Waiting,
    /// It changes nothing.
    Same,
    /// The new state; store it, then obey it.
    New(Box<DesiredState>),
    /// It does not fit to what is here: ask for all rows.
    AskAll(&'static str),
    /// It is not obeyed.
    Refused(&'static str),
}

/// Frames of a push that is not yet whole.
#[derive(Debug, Default)]
pub struct Inbox {
    parts: Vec<DesiredPush>,
}

impl Inbox {
    /// Nothing has come.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets a push that was cut off.
    pub fn clear(&mut self) {
        self.parts.clear();
    }

    /// Takes a frame. `now_ms` is the wall clock, for the age of approvals.
    pub fn take(&mut self, current: &DesiredState, frame: DesiredPush, now_ms: i64) -> Taken {
        let whole = !frame.more;
        if self.parts.first().is_some_and(|first| first.head() != frame.head()) {
            self.clear();
            return Taken::Refused("the frames of a push do not belong together");
        }
        self.parts.push(frame);
        let rows: usize = self.parts.iter().map(|part| part.lines.len() + part.tombstones.len()).sum();
        if rows > MOST_LINES || self.parts.len() > MOST_LINES {
            self.clear();
            return Taken::Refused("a push has more lines than a POP can have");
        }
        if whole { merge(current, core::mem::take(&mut self.parts), now_ms) } else { Taken::Waiting }
    }
}

/// What the agent says of its state.
#[must_use]
pub fn status(state: &DesiredState) -> DesiredStatus {
    DesiredStatus {
        generation: state.generation,
        lines: u32::try_from(state.lines.len()).unwrap_or(u32::MAX),
        digest: digest_of(state),
    }
}

/// The status that asks for all rows.
#[must_use]
pub fn ask_all(state: &DesiredState) -> DesiredStatus {
    DesiredStatus { generation: Generation { counter: 0, ..state.generation }, lines: 0, digest: digest([]) }
}

fn digest_of(state: &DesiredState) -> [u8; 32] {
    digest(state.lines.values().map(|line| (line.no, line.counter)))
}

fn merge(current: &DesiredState, parts: Vec<DesiredPush>, now_ms: i64) -> Taken {
    let Some(head) = parts.first().map(DesiredPush::head) else { return Taken::Waiting };
    let all = head.since.counter == 0;
    if head.until < current.generation {
        return Taken::Refused("the push is older than what is here");
    }
    if !all && (head.since.incarnation != current.generation.incarnation || head.since > current.generation) {
        return Taken::AskAll("the push begins at a state that is not here");
    }
    if head.until == current.generation && head.digest != digest_of(current) {
        return if all {
            Taken::Refused("the push has other content under the same generation")
        } else {
            Taken::AskAll("the push has other content under the same generation")
        };
    }
    let mut next = DesiredState {
        generation: head.until,
        lines: if all { BTreeMap::new() } else { current.lines.clone() },
        tombstones: current.tombstones.clone(),
        approvals: current.approvals.clone(),
    };
    for (no, id) in parts.iter().flat_map(|part| &part.tombstones) {
        next.lines.remove(no);
        next.tombstones.insert(*no, (*id, head.until));
    }
    for line in parts.into_iter().flat_map(|part| part.lines) {
        next.tombstones.remove(&line.no);
        next.lines.insert(line.no, Arc::new(line));
    }
    if next.lines.len() != usize::try_from(head.count).unwrap_or(usize::MAX) || digest_of(&next) != head.digest {
        return if all {
            Taken::Refused("count or digest of the push are not those of its lines")
        } else {
            Taken::AskAll("count or digest differ from the controller's")
        };
    }
    if next.lines == current.lines && next.generation == current.generation && next.tombstones == current.tombstones {
        return Taken::Same;
    }
    next.approvals.retain(|(at_ms, _)| now_ms.saturating_sub(*at_ms) < APPROVAL_MS);
    if head.approved_holds > 0 {
        next.approvals.push((now_ms, head.approved_holds));
    }
    Taken::New(Box::new(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastmile_protocol::downlink::{Access, DesiredLine, Profile, PushHead};
    use lastmile_protocol::ids::{LineId, LineNo, RouterId};
    use proptest::prelude::*;

    fn line(no: u32, counter: u64, open: bool) -> DesiredLine {
        DesiredLine {
            no: LineNo(no),
            id: LineId::new(u64::from(no), [1; 10]),
            counter,
            router: RouterId::new(1, [1; 10]),
            access: Access::Pppoe { username: no.to_string().into_bytes(), password: vec![counter.to_le_bytes()[0]] },
            profile: Profile { name: "home".into(), down_bps: 0, up_bps: 0 },
            open,
        }
    }

    /// The controller's side: rows with the counter of their last change.
    #[derive(Default)]
    struct Controller {
        counter: u64,
        rows: BTreeMap<u32, (u64, Option<bool>)>,
    }

    impl Controller {
        fn change(&mut self, no: u32, open: Option<bool>) {
            self.counter += 1;
            self.rows.insert(no, (self.counter, open));
        }

        fn push(&self, since: Generation) -> Vec<DesiredPush> {
            let alive = self.rows.iter().filter_map(|(no, (counter, open))| open.map(|open| line(*no, *counter, open)));
            let lines: Vec<DesiredLine> = alive.collect();
            let head = PushHead {
                since,
                until: Generation { incarnation: 1, counter: self.counter },
                count: u32::try_from(lines.len()).expect("small"),
                digest: digest(lines.iter().map(|line| (line.no, line.counter))),
                approved_holds: 0,
            };
            let changed = lines.into_iter().filter(|line| line.counter > since.counter).collect();
            let gone = self.rows.iter().filter(|(_, (counter, open))| open.is_none() && *counter > since.counter);
            let tombstones: Vec<_> = gone.map(|(no, _)| (LineNo(*no), line(*no, 0, true).id)).collect();
            DesiredPush::frames(head, changed, &tombstones)
        }
    }

    fn take(current: &DesiredState, frames: Vec<DesiredPush>) -> Taken {
        let mut inbox = Inbox::new();
        frames.into_iter().fold(Taken::Waiting, |_, frame| inbox.take(current, frame, 0))
    }

    proptest! {
        #[test]
        fn differences_lead_to_the_same_state_as_the_whole(changes in proptest::collection::vec((0u32..20, 0u8..3), 1..60), every in 1usize..9) {
            let mut controller = Controller::default();
            let mut state = DesiredState::default();
            for (n, (no, what)) in changes.iter().enumerate() {
                controller.change(*no, match what { 0 => None, 1 => Some(false), _ => Some(true) });
                if n % every == 0
                    && let Taken::New(next) = take(&state, controller.push(state.generation))
                {
                    state = *next;
                }
            }
            if let Taken::New(next) = take(&state, controller.push(state.generation)) {
                state = *next;
            }
            let Taken::New(whole) = take(&DesiredState::default(), controller.push(Generation::default())) else {
                return Err(TestCaseError::fail("the whole is always new to an empty agent"));
            };
            prop_assert_eq!(&state.lines, &whole.lines);
            prop_assert_eq!(take(&state, controller.push(state.generation)), Taken::Same);
            for (no, (_, open)) in &controller.rows {
                prop_assert_eq!(state.lines.contains_key(&LineNo(*no)), open.is_some());
            }
        }
    }

    fn at(counter: u64) -> (Controller, DesiredState) {
        let mut controller = Controller::default();
        (0..u32::try_from(counter).expect("small")).for_each(|no| controller.change(no, Some(true)));
        let Taken::New(state) = take(&DesiredState::default(), controller.push(Generation::default())) else {
            panic!()
        };
        (controller, *state)
    }

    #[test]
    fn an_older_push_is_refused_and_a_restored_controller_is_obeyed() {
        let (_, state) = at(5);
        let (old, _) = at(3);
        assert!(matches!(take(&state, old.push(Generation::default())), Taken::Refused(_)));
        let mut restored = old.push(Generation::default());
        restored[0].until.incarnation = 2;
        let Taken::New(next) = take(&state, restored) else { panic!("a higher incarnation is obeyed") };
        assert_eq!((next.lines.len(), next.generation.incarnation), (3, 2));
    }

    #[test]
    fn what_does_not_fit_is_asked_for_whole_and_never_obeyed() {
        let (mut controller, state) = at(5);
        controller.change(9, Some(false));
        let mut foreign = controller.push(state.generation);
        foreign[0].digest = [0; 32];
        assert!(matches!(take(&state, foreign), Taken::AskAll(_)));
        let ahead = controller.push(Generation { incarnation: 1, counter: 6 });
        assert!(matches!(take(&state, ahead), Taken::AskAll(_)));
        let mut lying = controller.push(Generation::default());
        lying[0].count += 1;
        assert!(matches!(take(&state, lying), Taken::Refused(_)));
        let (mut same, _) = at(4);
        same.change(0, Some(false));
        assert!(matches!(take(&state, same.push(Generation::default())), Taken::Refused(_)));
    }

    #[test]
    fn a_push_that_was_cut_off_changes_nothing() {
        let (controller, state) = at(5);
        let mut frames = controller.push(Generation::default());
        frames[0].more = true;
        let mut inbox = Inbox::new();
        assert_eq!(inbox.take(&state, frames.remove(0), 0), Taken::Waiting);
        inbox.clear();
        assert_eq!(inbox.take(&state, controller.push(Generation::default()).remove(0), 0), Taken::Same);
    }
}
