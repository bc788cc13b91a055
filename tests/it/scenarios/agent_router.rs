//! The agent's poll loops and its enforcement on the simulated router, with a spool in memory: lines appear, live,
//! are held and opened, usage equals what the oracle knows, and every fault of a router stays that router's.

use std::sync::Arc;

use lastmile_agent::clock::{Clock, SystemClock};
use lastmile_agent::collect::{PopStatus, Watched};
use lastmile_protocol::downlink::{DesiredLine, PollPlan, Profile};
use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::{FailReason, Outcome, RouterState};
use lastmile_testbed::routeros::{Edit, Fault, Octets, Options, Rates, Simulator, TrafficMode};

use super::agent_alone::{Agent, Kept, PATIENCE, line, plan_of, router_id};

async fn simulator(options: Options) -> Simulator {
    Simulator::start(options).await.expect("the simulator starts")
}

async fn pop(options: Options) -> (Simulator, Agent) {
    let simulator = simulator(options).await;
    let agent = Agent::start(vec![plan_of(1, simulator.api_addr().port())]);
    (simulator, agent)
}

fn edit(op: &str, menu: &str, name: &str, fields: &[(&str, &str)]) -> Edit {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Edit { op: op.into(), menu: menu.into(), name: Some(name.into()), fields }
}

#[tokio::test]
async fn a_line_is_made_changed_renamed_held_opened_and_removed() {
    let (simulator, mut agent) = pop(Options { subscribers: 3, ..Options::default() }).await;
    let router = simulator.handle();
    agent.want([line(1, "rahim", true)]);
    let proof = agent.verified(1).await;
    let seen = proof.observed.expect("what was seen");
    assert_eq!((seen.present, seen.closed, seen.profile.as_str()), (true, false, "home-10M"));
    assert_eq!(seen.rate, "5000000/10000000");
    assert_eq!(router.secret("rahim").unwrap().fields["comment"], format!("lastmile:{}", line(1, "", true).id));

    router.dial("rahim", Some("geheim")).unwrap();
    assert!(router.pass("rahim", Octets { down_octets: 1_000, up_octets: 10 }));

    agent.want([line(1, "rahim", false)]);
    let held = agent.verified(1).await.observed.expect("what was seen");
    assert_eq!((held.closed, held.sessions.len()), (true, 0));
    let truth = router.true_octets("rahim").octets;
    let accounted = |kept: &Kept| {
        let gap = kept.gaps.iter().find(|gap| gap.line == Some(LineNo(1)))?;
        Some((gap.end_ms - gap.start_ms, kept.usage.iter().map(|record| record.down_octets).sum::<u64>()))
    };
    let (lost_ms, counted) = agent.until("the account of the ended session", accounted).await;
    assert!(lost_ms < 1_000, "the counters are read just before the session is ended, not {lost_ms} ms");
    assert_eq!(counted, truth.down_octets);
    assert!(router.secret("rahim").unwrap().disabled && !router.online("rahim"));
    let status = agent.status("the held line", |status| status.held.iter().any(|held| held.verified)).await;
    assert_eq!((status.held[0].access.as_str(), status.held[0].router.as_str()), ("rahim", "core-1"));

    agent.want([line(1, "rahim", true)]);
    assert!(!agent.verified(1).await.observed.expect("what was seen").closed);
    router.dial("rahim", Some("geheim")).unwrap();

    agent.want([DesiredLine {
        profile: Profile { name: "home-20M".into(), down_bps: 20_000_000, up_bps: 0 },
        ..line(1, "karim", true)
    }]);
    agent.verified(1).await;
    assert!(router.secret("rahim").is_none());
    assert!(!router.online("rahim"), "a changed profile begins the session anew");
    assert_eq!(router.secret("karim").unwrap().fields["profile"], "home-20M");

    agent.remove(1);
    agent.proved(1, |outcome| *outcome == Outcome::Removed).await;
    assert!(router.secret("karim").is_none());
    assert_eq!(agent.buried.recv().await, Some(LineNo(1)));
    assert_eq!(router.secrets().len(), 3, "the foreign ones are all there");
    assert!(router.writes().iter().all(|write| write.trap.is_none()), "{:?}", router.writes());
}

#[tokio::test]
async fn what_a_person_changes_on_the_router_is_put_right_and_foreign_rows_are_left_alone() {
    let (simulator, mut agent) = pop(Options { subscribers: 2, ..Options::default() }).await;
    let router = simulator.handle();
    agent.want([line(1, "rahim", true), line(2, "karim", false), line(3, "sub00001", true)]);
    agent.verified(1).await;
    agent.verified(2).await;
    agent.proved(3, |outcome| *outcome == Outcome::Failed(FailReason::NameTaken)).await;
    let proofs = agent.memory.kept.lock().unwrap().proofs.len();
    agent.polled().await;
    assert_eq!(agent.memory.kept.lock().unwrap().proofs.len(), proofs, "nothing changed, nothing is proved again");

    router.edit(&edit("set", "/ppp/secret", "karim", &[("disabled", "no")])).unwrap();
    router.dial("karim", Some("geheim")).unwrap();
    agent.until("the correction", |kept| (kept.proofs.len() >= proofs + 2).then_some(())).await;
    assert!(router.secret("karim").unwrap().disabled && !router.online("karim"));

    // Without the lease only what is towards open is put right.
    agent.lease.send_replace(false);
    router.edit(&edit("set", "/ppp/secret", "karim", &[("disabled", "no")])).unwrap();
    router.edit(&edit("set", "/ppp/secret", "rahim", &[("disabled", "yes")])).unwrap();
    agent.proved(2, |outcome| matches!(outcome, Outcome::Failed(FailReason::Frozen(_)))).await;
    let secret = |name| router.secret(name).unwrap();
    agent.status("frozen", |status| !status.frozen.is_empty()).await;
    agent.polled().await;
    assert!(!secret("rahim").disabled && !secret("karim").disabled);
    agent.lease.send_replace(true);
    agent.verified(2).await;
    assert!(secret("karim").disabled && !secret("sub00001").disabled);
    assert_eq!(secret("sub00001").fields["comment"], "টাওয়ার ৩, বাড়ি ১২");
}

#[tokio::test]
async fn usage_is_what_passed_and_the_rest_is_covered_by_gaps() {
    let (simulator, mut agent) = pop(Options { auto_dial: true, mode: TrafficMode::Live, ..Options::default() }).await;
    let router = simulator.handle();
    agent.want((1..=5).map(|no| line(no, &format!("c{no}"), true)));
    for no in 1..=5 {
        agent.verified(no).await;
    }
    let mut live = agent.live.subscribe();
    agent
        .status("all dialled in", |status| status.routers.first().is_some_and(|router| router.health.online == 5))
        .await;
    for round in 0..6 {
        agent.polled().await;
        match round {
            1 => assert!(router.hang_up("c1", "peer-request") > 0),
            2 | 4 => agent.die_and_return().await,
            3 => assert!(router.fault(Fault::Reboot { down_ms: 700, clock_1970: false })),
            _ => {}
        }
    }
    let moving = async {
        loop {
            let rates = live.recv().await.unwrap();
            if rates.lines.iter().any(|rate| rate.online && rate.down_bps > 0) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, moving).await.expect("a moving rate");
    for no in 1..=5 {
        let truth = router.true_octets(&format!("c{no}"));
        let (usage, gaps) = agent.sum(no);
        assert!(
            usage.0 <= truth.octets.down_octets && usage.1 <= truth.octets.up_octets,
            "line {no} is above the truth"
        );
        assert!(usage.0 > 0, "line {no} has usage");
        assert!(gaps.0 > 0, "the reboot ended a session of line {no}");
    }
    // Traffic stands still and everything is read: what is not committed is in the gaps.
    router.set_mode(TrafficMode::Manual);
    for no in 1..=5 {
        router.fix_rate(&format!("c{no}"), Some(Rates { down_bps: 0, up_bps: 0 }));
    }
    for _ in 0..3 {
        agent.polled().await;
    }
    for no in 1..=5 {
        let truth = router.true_octets(&format!("c{no}")).octets;
        let (usage, gaps) = agent.sum(no);
        assert!(usage.0 <= truth.down_octets && usage.1 <= truth.up_octets, "line {no} is above the truth");
        assert!(
            usage.0 + gaps.0 >= truth.down_octets && usage.1 + gaps.1 >= truth.up_octets,
            "line {no} is not covered"
        );
    }
}

#[tokio::test]
async fn usage_is_exact_while_sessions_live_although_the_agent_and_its_spool_fail() {
    let (simulator, mut agent) = pop(Options::default()).await;
    let router = simulator.handle();
    agent.want([line(1, "rahim", true)]);
    agent.verified(1).await;
    router.dial("rahim", Some("geheim")).unwrap();
    for round in 0u64..6 {
        assert!(router.pass("rahim", Octets { down_octets: 1_000_003 * (round + 1), up_octets: 77 + round }));
        *agent.memory.broken.lock().unwrap() = round % 3 == 1;
        agent.polled().await;
        if round % 2 == 0 {
            agent.die_and_return().await;
        }
    }
    *agent.memory.broken.lock().unwrap() = false;
    let truth = router.true_octets("rahim").octets;
    agent
        .until("everything that passed", |kept| {
            let down = kept.usage.iter().map(|record| record.down_octets).sum::<u64>();
            (down >= truth.down_octets).then_some(())
        })
        .await;
    agent.polled().await;
    assert_eq!(agent.sum(1), ((truth.down_octets, truth.up_octets), (0, 0)));
}

#[tokio::test]
async fn a_failing_router_says_why_and_delays_nobody() {
    let simulator = simulator(Options::default()).await;
    let dead = Simulator::start(Options::default()).await.unwrap();
    let mut agent = Agent::start(vec![plan_of(1, simulator.api_addr().port()), plan_of(2, dead.api_addr().port())]);
    let state = |status: &PopStatus| status.routers.get(1).map(|router| router.health.state);
    agent
        .status("both well", |status| status.routers.iter().all(|router| router.health.state == RouterState::Healthy))
        .await;

    let cases = [
        (Fault::WrongPassword { on: true }, RouterState::AuthRefused),
        (Fault::SessionLimit { n: Some(0) }, RouterState::SessionLimit),
        (Fault::RefuseConnections { on: true }, RouterState::Unreachable),
    ];
    for (fault, expected) in cases {
        assert!(dead.handle().fault(fault));
        assert!(dead.handle().fault(Fault::DropConnections));
        agent.status("the fault", |status| state(status) == Some(expected)).await;
        let detail = agent.status.borrow().routers[1].health.detail.clone();
        assert!(!detail.is_empty());
        // A change for the dead router is told as failed; the other one goes on.
        let no = 10 + u32::from(expected as u8);
        agent.want([
            line(no, &format!("alive{no}"), true),
            DesiredLine { router: router_id(2), ..line(no + 100, &format!("dead{no}"), true) },
        ]);
        agent.verified(no).await;
        agent.proved(no + 100, |outcome| matches!(outcome, Outcome::Failed(_))).await;
        assert!(dead.handle().fault(Fault::Clear));
        agent.status("well again", |status| state(status) == Some(RouterState::Healthy)).await;
        agent.verified(no + 100).await;
    }
    // A router that takes commands and answers nothing.
    assert!(dead.handle().fault(Fault::Hang { on: true }));
    agent.want([line(50, "meanwhile", true), DesiredLine { router: router_id(2), ..line(51, "never", true) }]);
    agent.verified(50).await;
    agent.proved(51, |outcome| *outcome == Outcome::Failed(FailReason::Unreachable)).await;
    agent.status("the hang", |status| state(status) == Some(RouterState::Unreachable)).await;
}

#[tokio::test]
async fn a_print_that_is_cut_off_puts_nobody_offline_and_a_refused_write_is_told() {
    let (simulator, mut agent) = pop(Options { auto_dial: true, ..Options::default() }).await;
    let router = simulator.handle();
    agent.want((1..=8).map(|no| line(no, &format!("c{no}"), true)));
    agent
        .status("all dialled in", |status| status.routers.first().is_some_and(|router| router.health.online == 8))
        .await;
    agent.polled().await;
    for after_rows in [2, 5] {
        assert!(router.fault(Fault::CutMidSentence { after_rows, times: 3 }));
        agent.polled().await;
    }
    assert!(router.fault(Fault::Clear));
    agent.polled().await;
    let ended = agent.memory.kept.lock().unwrap().gaps.len();
    assert_eq!(ended, 0, "no session ended");

    assert!(router.fault(Fault::RefuseWrites { message: Some("not enough permissions (9)".into()) }));
    agent.want([line(1, "c1", false)]);
    let refused = agent.proved(1, |outcome| matches!(outcome, Outcome::Failed(FailReason::Refused(_)))).await;
    assert!(format!("{:?}", refused.outcome).contains("not enough permissions (9)"));
    assert!(router.fault(Fault::Clear));
    agent.verified(1).await;
}

#[tokio::test]
async fn the_brake_cuts_nobody_when_too_many_would_be_closed() {
    let (simulator, mut agent) = pop(Options::default()).await;
    let all = |open| (1..=40).map(move |no| line(no, &format!("c{no}"), open));
    agent.want(all(true));
    agent.verified(40).await;
    agent.want(all(false));
    agent.proved(40, |outcome| matches!(outcome, Outcome::Failed(FailReason::Frozen(_)))).await;
    agent.status("the brake", |status| status.frozen.contains("brake")).await;
    assert!(simulator.handle().secrets().iter().all(|secret| !secret.disabled));
    // A person approves.
    agent.desired.send_modify(|state| {
        let mut next = (**state).clone();
        next.generation.counter += 1;
        next.approvals.push((SystemClock::new().wall_ms(), 40));
        *state = Arc::new(next);
    });
    for no in 1..=40 {
        agent.verified(no).await;
    }
    assert!(simulator.handle().secrets().iter().all(|secret| secret.disabled));
}

#[tokio::test]
async fn somebody_who_looks_sees_the_rate_often() {
    let (simulator, agent) = pop(Options::default()).await;
    agent.plan.send_modify(|plan| *plan = Arc::new(PollPlan { poll_seconds: 60, ..(**plan).clone() }));
    agent.want([line(1, "rahim", true)]);
    agent.verified(1).await;
    simulator.handle().dial("rahim", Some("geheim")).unwrap();
    simulator.handle().fix_rate("rahim", Some(Rates { down_bps: 8_000_000, up_bps: 800_000 }));
    let mut live = agent.live.subscribe();
    agent.watched.send_replace(Arc::new(Watched { lines: vec![LineNo(1)], until_mono_ms: u64::MAX }));
    let near = async {
        loop {
            let rates = live.recv().await.unwrap();
            if let Some(rate) = rates.lines.iter().find(|rate| rate.line == LineNo(1))
                && (7_000_000..9_000_000).contains(&rate.down_bps)
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, near).await.expect("the rate within seconds, not a minute");
}
