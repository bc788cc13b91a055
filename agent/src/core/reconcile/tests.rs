//! Reconciling against a model of a router: it converges, does nothing twice and touches nothing foreign.

use std::collections::{BTreeMap, BTreeSet};

use lastmile_protocol::downlink::{Access, DesiredLine, Generation, Profile as WantedProfile};
use lastmile_protocol::ids::{LineId, LineNo, RouterId};
use lastmile_protocol::uplink::{FailReason, Outcome, Proof};
use proptest::prelude::*;

use super::{Action, Brake, Limits, PROFILE_MARK, Plan, Profile, Prover, Secret, Session, View, mark, plan};
use crate::core::desired::DesiredState;

fn line_id(number: u32) -> LineId {
    LineId::from_bytes(u128::from(number).to_be_bytes())
}

fn line(number: u32, name: &str, profile: (&str, u64), open: bool) -> DesiredLine {
    DesiredLine {
        no: LineNo(number),
        id: line_id(number),
        counter: 1,
        router: RouterId::from_bytes([1; 16]),
        access: Access::Pppoe { username: name.into(), password: format!("pw-{number}").into_bytes() },
        profile: WantedProfile { name: profile.0.into(), down_bps: profile.1 * 2, up_bps: profile.1 },
        open,
    }
}

/// A router, as far as it matters here.
#[derive(Debug, Clone, Default)]
struct Router {
    next: u32,
    hides_passwords: bool,
    secrets: Vec<Secret>,
    profiles: Vec<Profile>,
    sessions: Vec<Session>,
}

impl Router {
    fn id(&mut self) -> Box<[u8]> {
        self.next += 1;
        format!("*{:X}", self.next).into_bytes().into()
    }

    fn secret(&mut self, name: &str, comment: &str, disabled: bool) {
        let id = self.id();
        self.secrets.push(Secret {
            id,
            name: name.as_bytes().into(),
            password: Some(b"old"[..].into()),
            service: b"pppoe"[..].into(),
            profile: b"default"[..].into(),
            disabled,
            comment: comment.as_bytes().into(),
        });
    }

    fn dial(&mut self) {
        let up =
            self.secrets.iter().filter(|secret| !secret.disabled).map(|secret| secret.name.clone()).collect::<Vec<_>>();
        for name in up {
            if !self.sessions.iter().any(|session| session.name == name) {
                let id = self.id();
                self.sessions.push(Session {
                    id,
                    name,
                    address: "100.64.0.9".into(),
                    mac: String::new(),
                    uptime_seconds: 3,
                });
            }
        }
    }

    fn view(&self) -> View {
        let mut secrets = self.secrets.clone();
        if self.hides_passwords {
            secrets.iter_mut().for_each(|secret| secret.password = None);
        }
        View::new(1, secrets, self.profiles.clone(), self.sessions.clone())
    }

    fn run(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::AddProfile { name, rate_limit, .. } => {
                assert!(!self.profiles.iter().any(|profile| *profile.name == **name));
                let id = self.id();
                self.profiles.push(Profile {
                    id,
                    name: name.as_slice().into(),
                    rate_limit: rate_limit.as_bytes().into(),
                    comment: PROFILE_MARK.into(),
                    ..Profile::default()
                });
            }
            Action::SetProfile { id, rate_limit } => {
                let profile = self.profiles.iter_mut().find(|profile| *profile.id == **id).ok_or("no such item")?;
                profile.rate_limit = rate_limit.as_bytes().into();
            }
            Action::AddSecret { name, password, profile, disabled, comment } => {
                self.free(name)?;
                self.has_profile(profile)?;
                let id = self.id();
                self.secrets.push(Secret {
                    id,
                    name: name.as_slice().into(),
                    password: Some(password.as_slice().into()),
                    service: b"pppoe"[..].into(),
                    profile: profile.as_slice().into(),
                    disabled: *disabled,
                    comment: comment.as_bytes().into(),
                });
            }
            Action::SetSecret { id, change } => {
                if let Some(name) = &change.name {
                    self.free(name)?;
                }
                if let Some(profile) = &change.profile {
                    self.has_profile(profile)?;
                }
                let secret = self.secrets.iter_mut().find(|secret| *secret.id == **id).ok_or("no such item")?;
                if let Some(name) = &change.name {
                    secret.name = name.as_slice().into();
                }
                if let Some(password) = &change.password {
                    secret.password = Some(password.as_slice().into());
                }
                if let Some(profile) = &change.profile {
                    secret.profile = profile.as_slice().into();
                }
                if change.service {
                    secret.service = b"pppoe"[..].into();
                }
                secret.disabled = change.disabled.unwrap_or(secret.disabled);
            }
            Action::RemoveSecret { id } => self.secrets.retain(|secret| *secret.id != **id),
            Action::Kick { id } => self.sessions.retain(|session| *session.id != **id),
        }
        Ok(())
    }

    fn free(&self, name: &[u8]) -> Result<(), String> {
        let taken = self.secrets.iter().any(|secret| *secret.name == *name);
        if taken { Err("secret with the same name already exists".into()) } else { Ok(()) }
    }

    fn has_profile(&self, name: &[u8]) -> Result<(), String> {
        let there = self.profiles.iter().any(|profile| *profile.name == *name);
        if there { Ok(()) } else { Err("input does not match any value of profile".into()) }
    }

    fn foreign(&self) -> (Vec<Secret>, Vec<Profile>) {
        let secrets = self.secrets.iter().filter(|secret| !secret.comment.starts_with(b"lastmile:")).cloned().collect();
        (secrets, self.profiles.iter().filter(|profile| !profile.ours()).cloned().collect())
    }
}

struct Wanted {
    lines: BTreeMap<LineNo, DesiredLine>,
    tombstones: BTreeMap<LineNo, (LineId, Generation)>,
}

impl Wanted {
    fn of(lines: impl IntoIterator<Item = DesiredLine>) -> Self {
        let lines = lines.into_iter().map(|line| (line.no, line)).collect();
        Self { lines, tombstones: BTreeMap::new() }
    }

    fn plan(&self, router: &Router, limits: Limits<'_>) -> Plan {
        let known = |id| self.lines.values().any(|line| line.id == id);
        plan(self.lines.values(), &self.tombstones, known, &router.view(), limits)
    }
}

static NONE: BTreeSet<LineNo> = BTreeSet::new();
static UNWRITTEN: BTreeMap<LineNo, u64> = BTreeMap::new();

fn free() -> Limits<'static> {
    Limits { lease: true, enforce: true, frozen: &NONE, frozen_why: "", renew: &NONE, written: &UNWRITTEN }
}

/// Passes until nothing is left to do; panics when that never comes.
fn converge(wanted: &Wanted, router: &mut Router, limits: Limits<'_>) -> Plan {
    for _ in 0..8 {
        let plan = wanted.plan(router, limits);
        // A line may wait for a name that another line of ours cannot leave.
        if plan.profiles.is_empty() && plan.tasks.iter().all(|task| task.actions.is_empty()) {
            return plan;
        }
        for (_, action) in &plan.profiles {
            router.run(action).unwrap();
        }
        for task in &plan.tasks {
            for action in &task.actions {
                if router.run(action).is_err() {
                    break;
                }
            }
        }
        router.dial();
    }
    panic!("no end: {:?}", wanted.plan(router, limits));
}

#[test]
fn a_new_line_gets_its_profile_and_its_secret() {
    let wanted = Wanted::of([line(1, "rahim", ("10M", 5_000_000), true)]);
    let mut router = Router::default();
    router.profiles.push(Profile {
        name: b"default"[..].into(),
        remote_address: b"pool1"[..].into(),
        ..Profile::default()
    });
    let plan = wanted.plan(&router, free());
    assert!(matches!(&plan.profiles[..], [(_, Action::AddProfile { rate_limit, like, .. })]
        if rate_limit == "5000000/10000000" && *like == [("remote-address", b"pool1".to_vec())]));
    converge(&wanted, &mut router, free());
    assert_eq!(router.secrets[0].comment[..], *mark(line_id(1)).as_bytes());
    assert_eq!(router.view().observed(line_id(1), b"rahim").sessions.len(), 1);
}

#[test]
fn a_hold_disables_the_secret_and_ends_the_session_in_the_same_pass() {
    let mut router = Router::default();
    converge(&Wanted::of([line(1, "rahim", ("10M", 1), true)]), &mut router, free());
    let wanted = Wanted::of([line(1, "rahim", ("10M", 1), false)]);
    let plan = wanted.plan(&router, free());
    assert!(
        matches!(&plan.tasks[0].actions[..], [Action::SetSecret { change, .. }, Action::Kick { .. }] if change.disabled == Some(true))
    );
    // Disabled, but the session lives: not verified.
    router.secrets[0].disabled = true;
    let plan = wanted.plan(&router, free());
    assert_eq!((plan.right.len(), plan.tasks[0].differs.as_str()), (0, "a session is up"));
    assert_eq!(converge(&wanted, &mut router, free()).right, [LineNo(1)]);
    assert_eq!(router.sessions, []);
    // And open again.
    let plan = converge(&Wanted::of([line(1, "rahim", ("10M", 1), true)]), &mut router, free());
    assert_eq!((plan.right, router.sessions.len()), (vec![LineNo(1)], 1));
}

#[test]
fn a_foreign_secret_or_profile_of_the_same_name_is_left_alone() {
    let mut router = Router::default();
    router.secret("rahim", "moved from the old server", false);
    router.profiles.push(Profile { name: b"slow"[..].into(), rate_limit: b"1M/1M"[..].into(), ..Profile::default() });
    router.profiles.push(Profile { name: b"same"[..].into(), rate_limit: b"1M/2M"[..].into(), ..Profile::default() });
    let before = router.foreign();
    let wanted = Wanted::of([
        line(1, "rahim", ("10M", 1), true),
        line(2, "karim", ("slow", 9), true),
        line(3, "jamal", ("same", 1_000_000), true),
    ]);
    let plan = converge(&wanted, &mut router, free());
    assert_eq!(plan.failed[&LineNo(1)], FailReason::NameTaken);
    assert!(matches!(plan.failed[&LineNo(2)], FailReason::Differs(_)));
    assert_eq!(plan.right, [LineNo(3)]);
    assert_eq!(router.foreign(), before);
}

#[test]
fn names_can_be_exchanged() {
    let mut router = Router::default();
    converge(
        &Wanted::of([line(1, "a", ("p", 1), true), line(2, "b", ("p", 1), true), line(3, "c", ("p", 1), true)]),
        &mut router,
        free(),
    );
    let wanted = Wanted::of([line(1, "b", ("p", 1), true), line(2, "c", ("p", 1), true), line(3, "a", ("p", 1), true)]);
    let plan = converge(&wanted, &mut router, free());
    assert_eq!((plan.right.len(), plan.failed.len()), (3, 0));
}

#[test]
fn without_the_lease_drift_is_corrected_towards_open_only() {
    let mut router = Router::default();
    let both = Wanted::of([line(1, "open", ("p", 1), true), line(2, "held", ("p", 1), false)]);
    converge(&both, &mut router, free());
    for secret in &mut router.secrets {
        secret.disabled = !secret.disabled;
    }
    let plan = converge(&both, &mut router, Limits { lease: false, ..free() });
    assert_eq!(plan.right, [LineNo(1)]);
    assert!(matches!(plan.failed[&LineNo(2)], FailReason::Frozen(_)));
    assert!(router.secrets.iter().all(|secret| !secret.disabled));
    assert_eq!(converge(&both, &mut router, free()).right.len(), 2);
}

#[test]
fn a_tombstone_removes_and_an_absent_line_is_left_alone_and_counted() {
    let mut router = Router::default();
    converge(&Wanted::of([line(1, "a", ("p", 1), true), line(2, "b", ("p", 1), true)]), &mut router, free());
    let mut wanted = Wanted::of([]);
    wanted.tombstones.insert(LineNo(1), (line_id(1), Generation::default()));
    let frozen = BTreeSet::from([LineNo(1)]);
    let plan = wanted.plan(&router, Limits { frozen: &frozen, ..free() });
    assert!(matches!(plan.failed[&LineNo(1)], FailReason::Frozen(_)));
    let plan = converge(&wanted, &mut router, free());
    assert_eq!((plan.removed, plan.unlisted), (vec![LineNo(1)], 1));
    assert_eq!(router.secrets.len(), 1);
    assert!(!router.sessions.iter().any(|session| *session.name == *b"a"));
}

#[test]
fn a_hidden_password_is_written_once_for_each_change_and_kicks_nobody() {
    let mut router = Router { hides_passwords: true, ..Router::default() };
    let wanted = Wanted::of([line(1, "a", ("p", 1), true)]);
    let written = BTreeMap::from([(LineNo(1), 1)]);
    for _ in 0..2 {
        let plan = wanted.plan(&router, free());
        for (_, action) in plan.profiles {
            router.run(&action).unwrap();
        }
        for action in plan.tasks.iter().flat_map(|task| &task.actions) {
            assert!(!matches!(action, Action::Kick { .. }));
            router.run(action).unwrap();
        }
        router.dial();
    }
    assert_eq!(wanted.plan(&router, Limits { written: &written, ..free() }).right, [LineNo(1)]);
}

#[test]
fn a_changed_profile_begins_the_session_anew() {
    let mut router = Router::default();
    converge(&Wanted::of([line(1, "a", ("slow", 1), true)]), &mut router, free());
    let plan = Wanted::of([line(1, "a", ("fast", 9), true)]).plan(&router, free());
    assert!(matches!(&plan.tasks[0].actions[..], [Action::SetSecret { .. }, Action::Kick { .. }]));
}

fn desired(lines: u32, held: u32) -> DesiredState {
    let lines =
        (1..=lines).map(|no| line(no, &format!("c{no}"), ("p", 1), no > held)).map(|line| (line.no, line.into()));
    DesiredState { lines: lines.collect(), ..DesiredState::default() }
}

#[test]
fn the_brake_lets_a_fifth_pass_in_a_day_and_then_none() {
    let day = 86_400_000;
    let mut brake = Brake::default();
    assert!(brake.admit(&desired(500, 100), 0).frozen.is_empty());
    let refused = brake.admit(&desired(500, 101), 1);
    assert_eq!(refused.frozen, BTreeSet::from([LineNo(101)]));
    assert!(refused.why.contains("100 within a day"), "{}", refused.why);
    // Survives a restart, and a day later the window is free again.
    let mut brake = Brake::decode(&brake.encode()).unwrap();
    assert_eq!(brake.admit(&desired(500, 101), day - 1).frozen.len(), 1);
    assert!(brake.admit(&desired(500, 101), day).frozen.is_empty());
    // Everybody at once: none, not a fifth.
    let mut brake = Brake::default();
    assert_eq!(brake.admit(&desired(500, 500), 0).frozen.len(), 500);
    let approved = DesiredState { approvals: vec![(0, 400)], ..desired(500, 500) };
    assert!(brake.admit(&approved, 1).frozen.is_empty());
    // Twenty are always free.
    assert!(Brake::default().admit(&desired(20, 20), 0).frozen.is_empty());
    // What is closed already is no news.
    let mut brake = Brake::default();
    for no in 1..=300 {
        brake.found_closed(LineNo(no));
    }
    assert!(brake.admit(&desired(500, 300), 0).frozen.is_empty());
}

#[test]
fn a_proof_is_sent_once_until_something_changes() {
    let mut prover = Prover::default();
    let proof =
        |outcome| Proof { line: LineNo(1), generation: Generation::default(), at_ms: 0, outcome, observed: None };
    assert!(prover.news(proof(Outcome::Applied)).is_some());
    assert!(prover.news(proof(Outcome::Verified)).is_some());
    assert!(prover.news(proof(Outcome::Verified)).is_none());
    assert!(prover.news(proof(Outcome::Failed(FailReason::NameTaken))).is_some());
    assert!(prover.news(proof(Outcome::Failed(FailReason::NameTaken))).is_none());
    assert!(prover.news(proof(Outcome::Verified)).is_some());
}

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn some_line(number: u32) -> impl Strategy<Value = (usize, bool, bool)> {
    let _ = number;
    (0..NAMES.len(), any::<bool>(), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn any_router_converges_and_foreign_objects_stay(
        rows in prop::collection::vec((0..NAMES.len(), 0u32..9, any::<bool>()), 0..6),
        order in Just((0..NAMES.len()).collect::<Vec<_>>()).prop_shuffle(),
        choice in (some_line(1), some_line(2), some_line(3), some_line(4)),
        dead in 0u32..6,
        hides in any::<bool>(),
    ) {
        let mut router = Router { hides_passwords: hides, ..Router::default() };
        let mut names = BTreeSet::new();
        for (name, marked, disabled) in rows {
            if names.insert(name) {
                let comment = if marked == 0 { String::from("an operator's note") } else { mark(line_id(marked)) };
                router.secret(NAMES[name], &comment, disabled);
            }
        }
        router.dial();
        let foreign = router.foreign();
        let choices = [choice.0, choice.1, choice.2, choice.3];
        let mut wanted = Wanted::of((1u32..).zip(choices).map(|(no, (_, open, fast))| {
            line(no, NAMES[order[no as usize]], if fast { ("fast", 9) } else { ("slow", 1) }, open)
        }));
        if wanted.lines.remove(&LineNo(dead)).is_some() {
            wanted.tombstones.insert(LineNo(dead), (line_id(dead), Generation::default()));
        }
        // What was written once is not written again.
        let written = wanted.lines.values().map(|line| (line.no, line.counter)).collect();
        let plan = converge(&wanted, &mut router, Limits { written: &written, ..free() });
        prop_assert_eq!(router.foreign(), foreign);
        for line in wanted.lines.values() {
            let Access::Pppoe { username, .. } = &line.access else { continue };
            if let Some(reason) = plan.failed.get(&line.no) {
                prop_assert_eq!(reason, &FailReason::NameTaken);
                continue;
            }
            if plan.tasks.iter().any(|task| task.line == line.no) {
                prop_assert!(plan.failed.values().any(|reason| *reason == FailReason::NameTaken));
                continue;
            }
            prop_assert!(plan.right.contains(&line.no));
            let seen = router.view().observed(line.id, username);
            prop_assert_eq!((seen.present, seen.closed, seen.sessions.is_empty()), (true, !line.open, !line.open));
            prop_assert_eq!(seen.profile, line.profile.name.clone());
        }
        prop_assert!(wanted.tombstones.values().all(|(id, _)| router.view().marks().all(|mark| mark != *id)));
        // Nothing is done twice.
        let again = wanted.plan(&router, Limits { written: &written, ..free() });
        prop_assert!(again.profiles.is_empty());
    }
}
