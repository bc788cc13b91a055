//! The connection's state machine, without sockets.

use super::*;
use lastmile_protocol::downlink::{Access, DesiredLine, Profile};
use lastmile_protocol::ids::{AgentId, LineId, PopId, RouterId};

fn generation(counter: u64) -> Generation {
    Generation { incarnation: 1, counter }
}

fn hello(minors: &[u16]) -> Hello {
    Hello {
        minors: minors.to_vec(),
        capabilities: 0,
        agent_version: "test".into(),
        join_token: String::new(),
        wall_ms: 0,
        extensions: Vec::new(),
    }
}

fn welcome() -> Box<Welcome> {
    Box::new(Welcome {
        minor: 9,
        capabilities: 0,
        agent: AgentId::from_bytes([1; 16]),
        pop: PopId::from_bytes([2; 16]),
        pop_name: "North".into(),
        wall_ms: 1,
        lease_seconds: 900,
        applied: Vec::new(),
        extensions: Vec::new(),
    })
}

fn running() -> Core {
    let mut session = Core::new(10);
    assert!(matches!(session.handle(Input::Hello(hello(&[7, 0])))[..], [Effect::Admit(_)]));
    let effects = session.handle(Input::Admitted(welcome()));
    let [Effect::Send(Frame::Reply(reply)), Effect::LoadPlan(0)] = &effects[..] else { panic!("{effects:?}") };
    assert!(matches!(**reply, HelloReply::Welcome(Welcome { minor: 0, .. })));
    session
}

fn status(counter: u64, digest: u8) -> Input {
    Input::Status(DesiredStatus { generation: generation(counter), lines: 1, digest: [digest; 32] })
}

fn changes(since: u64, until: u64, digest: u8) -> Changes {
    Changes {
        since: generation(since),
        until: generation(until),
        lines: vec![line(1, 8)],
        tombstones: Vec::new(),
        count: 1,
        digest: [digest; 32],
        approved_holds: 0,
    }
}

fn digest_of(counter: u64) -> u8 {
    u8::try_from(counter).expect("a small counter")
}

fn loaded(since: u64, until: u64, digest: u8) -> Input {
    Input::Changes(Box::new(changes(since, until, digest)))
}

fn line(no: u32, password: usize) -> DesiredLine {
    DesiredLine {
        no: LineNo(no),
        id: LineId::from_bytes([3; 16]),
        counter: 1,
        router: RouterId::from_bytes([4; 16]),
        access: Access::Pppoe { username: b"u".to_vec(), password: vec![0; password] },
        profile: Profile { name: "10M".into(), down_bps: 1, up_bps: 1 },
        open: true,
    }
}

fn pushed(effects: &[Effect]) -> (u64, u64) {
    let [Effect::Send(Frame::Push(push))] = effects else { panic!("{effects:?}") };
    (push.since.counter, push.until.counter)
}

#[test]
fn an_agent_of_another_time_is_told_so_and_let_go() {
    let mut session = Core::new(10);
    let effects = session.handle(Input::Hello(hello(&[900])));
    let [Effect::Send(Frame::Reply(reply)), Effect::Close(Close::Version)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert!(matches!(**reply, HelloReply::VersionMismatch { .. }));
    assert_eq!(session.handle(Input::Hello(hello(&[0]))), []);
}

#[test]
fn nothing_but_a_hello_comes_first() {
    for input in [status(1, 1), loaded(0, 1, 1), Input::Admitted(welcome())] {
        assert_eq!(Core::new(10).handle(input), [Effect::Close(Close::Protocol)]);
    }
    assert_eq!(running().handle(Input::Hello(hello(&[0]))), [Effect::Close(Close::Protocol)]);
}

#[test]
fn a_refusal_is_said_before_the_door_closes() {
    let mut session = Core::new(10);
    session.handle(Input::Hello(hello(&[0])));
    let effects = session.handle(Input::NotAdmitted(Refusal::TokenUsed));
    assert_eq!(
        effects,
        [Effect::Send(Frame::Reply(Box::new(HelloReply::Refused(Refusal::TokenUsed)))), Effect::Close(Close::Refused)]
    );
}

#[test]
fn what_changed_is_pushed_at_once_and_marked_when_stored() {
    let mut session = running();
    assert_eq!(session.handle(status(3, 3)), [Effect::LoadChanges(generation(3))]);
    assert_eq!(pushed(&session.handle(loaded(3, 5, 5))), (3, 5));
    // A payment comes in before the agent has answered: the next difference follows without waiting.
    assert_eq!(session.handle(Input::Nudged), [Effect::LoadPlan(0), Effect::LoadChanges(generation(5))]);
    assert_eq!(pushed(&session.handle(loaded(5, 6, 6))), (5, 6));
    assert_eq!(session.handle(status(5, 5)), [Effect::MarkSent(generation(5))]);
    assert_eq!(session.handle(status(6, 6)), [Effect::MarkSent(generation(6))]);
    assert_eq!(session.handle(Input::Nudged), [Effect::LoadPlan(0), Effect::LoadChanges(generation(6))]);
    assert_eq!(session.handle(loaded(6, 6, 6)), []);
}

#[test]
fn an_agent_that_is_up_to_date_is_sent_nothing() {
    let mut session = running();
    session.handle(status(3, 3));
    assert_eq!(session.handle(loaded(3, 3, 3)), [Effect::MarkSent(generation(3))]);
}

#[test]
fn changes_while_loading_are_loaded_after_it() {
    let mut session = running();
    session.handle(status(3, 3));
    assert_eq!(session.handle(Input::Nudged), [Effect::LoadPlan(0)]);
    let effects = session.handle(loaded(3, 4, 4));
    let [Effect::Send(Frame::Push(_)), Effect::LoadChanges(since)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*since, generation(4));
}

#[test]
fn another_digest_brings_the_whole_but_not_for_ever() {
    let mut session = running();
    session.handle(status(3, 9));
    assert_eq!(session.handle(loaded(3, 3, 3)), [Effect::LoadChanges(Generation::default())]);
    for _ in 1..WHOLE_PUSHES_MAX {
        assert_eq!(pushed(&session.handle(loaded(0, 3, 3))), (0, 3));
        assert_eq!(session.handle(status(3, 9)), [Effect::LoadChanges(Generation::default())]);
    }
    assert_eq!(pushed(&session.handle(loaded(0, 3, 3))), (0, 3));
    assert_eq!(session.handle(status(3, 9)), []);
    let tick = |mono_ms| Input::Tick { mono_ms, wall_ms: 0 };
    assert!(session.handle(tick(RETRY_MS)).contains(&Effect::LoadChanges(Generation::default())));
    assert_eq!(pushed(&session.handle(loaded(0, 3, 3))), (0, 3));
    assert_eq!(session.handle(status(3, 3)), [Effect::MarkSent(generation(3))]);
}

#[test]
fn a_push_that_the_agent_did_not_take_brings_the_whole() {
    let mut session = running();
    session.handle(status(3, 3));
    session.handle(loaded(3, 5, 5));
    assert_eq!(session.handle(status(3, 3)), [Effect::LoadChanges(Generation::default())]);
    assert_eq!(pushed(&session.handle(loaded(0, 5, 5))), (0, 5));
    assert_eq!(session.handle(status(5, 5)), [Effect::MarkSent(generation(5))]);
}

/// Lines are created faster than the agent stores them.
#[test]
fn an_agent_that_is_slower_than_the_changes_is_not_taken_for_one_that_differs() {
    let mut session = running();
    session.handle(status(1, 1));
    let mut until = 1;
    let mut pushes = VecDeque::new();
    let mut note = |effects: &[Effect], pushes: &mut VecDeque<u64>| {
        for effect in effects {
            match effect {
                Effect::LoadChanges(since) => assert_eq!(*since, generation(until), "a difference, never the whole"),
                Effect::Send(Frame::Push(push)) => {
                    until = push.until.counter;
                    pushes.push_back(until);
                }
                Effect::MarkSent(_) | Effect::LoadPlan(_) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    note(&session.handle(loaded(1, 2, 2)), &mut pushes);
    let mut newest = 2;
    for _ in 0..100 {
        newest += 1;
        let effects = session.handle(Input::Nudged);
        note(&effects, &mut pushes);
        if effects.iter().any(|effect| matches!(effect, Effect::LoadChanges(_))) {
            let since = *pushes.back().expect("pushed");
            note(&session.handle(loaded(since, newest, digest_of(newest))), &mut pushes);
        }
        assert!(pushes.len() <= OUTSTANDING_MAX, "bounded");
    }
    // The agent answers all of them, late; what was gathered meanwhile goes out in one push.
    let mut last = 0;
    let mut answers = 0;
    while let Some(stored) = pushes.pop_front() {
        (last, answers) = (stored, answers + 1);
        let effects = session.handle(status(stored, digest_of(stored)));
        assert!(effects.contains(&Effect::MarkSent(generation(stored))), "{effects:?}");
        note(&effects, &mut pushes);
        if effects.iter().any(|effect| matches!(effect, Effect::LoadChanges(_))) {
            let since = pushes.back().copied().unwrap_or(stored);
            note(&session.handle(loaded(since, newest, digest_of(newest))), &mut pushes);
        }
    }
    assert_eq!((last, answers), (newest, OUTSTANDING_MAX + 1));
}

#[test]
fn one_push_that_was_not_taken_costs_one_whole_push_however_many_were_behind_it() {
    let mut session = running();
    session.handle(status(1, 1));
    for until in 2..=6 {
        assert_eq!(pushed(&session.handle(loaded(until - 1, until, digest_of(until)))), (until - 1, until));
        session.handle(Input::Nudged);
    }
    assert_eq!(session.handle(loaded(6, 6, 6)), []);
    // The first of five does not fit: the agent asks for everything, and for each of those behind it again.
    assert_eq!(session.handle(status(0, 0)), [Effect::LoadChanges(Generation::default())]);
    assert_eq!(pushed(&session.handle(loaded(0, 6, 6))), (0, 6));
    for _ in 3..=6 {
        assert_eq!(session.handle(status(0, 0)), []);
    }
    assert_eq!(session.handle(status(6, 6)), [Effect::MarkSent(generation(6))]);
    assert_eq!(session.handle(Input::Nudged), [Effect::LoadPlan(0), Effect::LoadChanges(generation(6))]);
}

#[test]
fn an_agent_that_left_out_answers_is_understood() {
    let mut session = running();
    session.handle(status(1, 1));
    session.handle(loaded(1, 2, 2));
    session.handle(Input::Nudged);
    session.handle(loaded(2, 3, 3));
    assert_eq!(session.handle(status(3, 3)), [Effect::MarkSent(generation(3))]);
    assert_eq!(session.handle(status(3, 3)), [Effect::LoadChanges(generation(3))]);
}

#[test]
fn pings_and_watch_lists_are_repeated_in_time() {
    let mut session = running();
    let tick = |mono_ms| Input::Tick { mono_ms, wall_ms: 7 };
    assert_eq!(session.handle(tick(0)), [Effect::Send(Frame::Ping(Ping { wall_ms: 7 }))]);
    assert_eq!(session.handle(tick(9_999)), []);
    let watch = |lines: &[u32]| Input::Watch(lines.iter().map(|n| LineNo(*n)).collect());
    let sent = |effects: &[Effect]| match effects {
        [Effect::Send(Frame::Watch(w))] => w.lines.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(sent(&session.handle(watch(&[2, 1, 2]))), 2);
    assert_eq!(session.handle(watch(&[1, 2])), []);
    assert_eq!(session.handle(tick(25_000)).len(), 2);
    assert_eq!(sent(&session.handle(watch(&[]))), 0);
    assert_eq!(session.handle(tick(34_999)), []);
}

#[test]
fn revoked_and_displaced_agents_are_cut_in_any_phase() {
    assert_eq!(running().handle(Input::Close(Close::Revoked)), [Effect::Close(Close::Revoked)]);
    assert_eq!(running().handle(Input::Close(Close::Displaced)), [Effect::Close(Close::Displaced)]);
    let mut early = Core::new(10);
    early.handle(Input::Hello(hello(&[0])));
    assert_eq!(early.handle(Input::Close(Close::Revoked)), [Effect::Close(Close::Revoked)]);
}
