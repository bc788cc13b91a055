//! The network on both databases.

use lastmile_protocol::downlink::{Access, Generation, RouterKind, digest};
use lastmile_protocol::hello::Refusal;
use lastmile_protocol::identity::KeyHash;
use lastmile_protocol::ids::{AgentId, LineId, LineNo};
use lastmile_protocol::uplink::{FailReason, Observed, Outcome, Proof};

use super::testing::{Ground, branch, router_input, token};
use super::*;
use crate::db::testing::on_both;
use crate::events::LiveState;
use crate::kernel::{Actor, Scope};

impl Ground {
    async fn state(&self, line: LineId) -> LineState {
        let mut tx = self.test.read().await;
        line_states(&mut tx, &LiveState::new(), &[line]).await.unwrap().remove(&line).unwrap()
    }

    async fn prove(&self, agent: AgentId, seq: u64, proofs: &[Proof]) -> u64 {
        let mut tx = self.test.begin().await;
        let mut names = LineNames::default();
        names.refresh(&mut tx, self.pop).await.unwrap();
        let from = Source { agent, pop: self.pop, branch: self.branch, epoch: 1, seq };
        let unknown = apply_proofs(&mut tx, &names, from, proofs, true).await.unwrap();
        tx.commit().await.unwrap();
        unknown
    }
}

fn proof(line: u32, counter: u64, outcome: Outcome) -> Proof {
    let observed = Observed {
        read_ms: 5,
        present: true,
        closed: false,
        profile: "10M".to_owned(),
        rate: "5M/10M".to_owned(),
        sessions: Vec::new(),
    };
    Proof {
        line: LineNo(line),
        generation: Generation { incarnation: 1, counter },
        at_ms: 5,
        outcome,
        observed: Some(observed),
    }
}

#[tokio::test]
async fn every_statement_is_one_on_both_databases() {
    on_both(|test| async move {
        use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};
        let mut tx = test.begin().await;
        let own = match tx.dialect() {
            crate::db::Dialect::Sqlite => store::lines::STATEMENTS_SQLITE,
            crate::db::Dialect::Postgres => store::lines::STATEMENTS_POSTGRES,
        };
        for sql in store::STATEMENTS.iter().flat_map(|list| list.iter()).chain(own) {
            let prepared = tx.conn().prepare(AssertSqlSafe(*sql).into_sql_str()).await;
            assert!(prepared.is_ok(), "{sql}: {:?}", prepared.err());
        }
    })
    .await;
}

#[tokio::test]
async fn a_put_that_changes_nothing_moves_nothing() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let line = ground.put(ground.wanted("rahim")).await.unwrap();
        let first = ground.changes(0).await;
        assert_eq!((first.until.counter, first.count, first.lines.len()), (1, 1, 1));
        let Access::Pppoe { username, password } = &first.lines[0].access else { panic!() };
        assert_eq!((username.as_slice(), password.as_slice()), (b"rahim".as_slice(), b"pw".as_slice()));

        let mut again = DesiredInput { line: Some(line), ..ground.wanted("rahim") };
        assert_eq!(ground.put(again.clone()).await.unwrap(), line);
        again.access = AccessInput::Pppoe { username: "rahim".to_owned(), password: None };
        ground.put(again.clone()).await.unwrap();
        assert_eq!(ground.changes(0).await, first);

        again.profile.down_bps = 20_000_000;
        ground.put(again).await.unwrap();
        let second = ground.changes(1).await;
        assert_eq!((second.since.counter, second.until.counter, second.lines.len()), (1, 2, 1));
        assert_ne!(second.digest, first.digest);
        assert_eq!(second.digest, digest([(LineNo(1), 2)]));
        assert!(ground.changes(2).await.lines.is_empty());
    })
    .await;
}

#[tokio::test]
async fn numbers_are_not_used_again_and_names_are_free_after_removal() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let first = ground.put(ground.wanted("rahim")).await.unwrap();
        let taken = ground.put(ground.wanted("rahim")).await;
        assert!(matches!(taken, Err(Fault::Taken { field: "username", .. })), "{taken:?}");
        let mut tx = ground.test.begin().await;
        remove_line(&mut tx, first).await.unwrap();
        remove_line(&mut tx, first).await.unwrap();
        tx.commit().await.unwrap();
        let second = ground.put(ground.wanted("rahim")).await.unwrap();
        let all = ground.changes(0).await;
        assert_eq!(all.tombstones, [(LineNo(1), first)]);
        assert_eq!((all.lines[0].no, all.lines[0].id), (LineNo(2), second));
        assert_eq!((all.count, all.until.counter), (1, 3));
        assert!(ground.put(DesiredInput { line: Some(first), ..ground.wanted("x") }).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_generation_of_another_life_brings_everything() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        ground.put(ground.wanted("a")).await.unwrap();
        let mut tx = ground.test.read().await;
        for strange in [(0, 0), (0, 1), (2, 1), (1, 9)] {
            let since = Generation { incarnation: strange.0, counter: strange.1 };
            let changes = changes_since(&mut tx, &ground.keyring, ground.pop, since).await.unwrap();
            assert_eq!((changes.since.counter, changes.lines.len()), (0, 1), "{strange:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_line_moves_to_another_pop_with_its_password() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let line = ground.put(ground.wanted("rahim")).await.unwrap();
        let mut tx = ground.test.begin().await;
        let south = add_pop(&mut tx, &Actor::system(), ground.branch, "South").await.unwrap();
        let router = router_input("core", RouterKind::RouterOs);
        let router = add_router(&mut tx, &ground.keyring, &Actor::system(), south, router).await.unwrap();
        tx.commit().await.unwrap();
        let access = AccessInput::Pppoe { username: "rahim".to_owned(), password: None };
        let moved = DesiredInput { line: Some(line), router: router.id, access, ..ground.wanted("") };
        let new = ground.put(moved).await.unwrap();
        assert_ne!(new, line);
        assert_eq!(ground.changes(0).await.tombstones, [(LineNo(1), line)]);
        let mut tx = ground.test.read().await;
        let south = changes_since(&mut tx, &ground.keyring, south, Generation::default()).await.unwrap();
        assert!(matches!(&south.lines[0].access, Access::Pppoe { password, .. } if password == b"pw"));
    })
    .await;
}

#[tokio::test]
async fn wrong_lines_are_refused_field_by_field() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let fields = |result: Result<LineId, Fault>| match result {
            Err(Fault::Invalid(errors)) => errors.into_iter().map(|e| e.field).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(fields(ground.put(ground.wanted("")).await), ["username"]);
        let on_linux = DesiredInput { router: ground.linux, ..ground.wanted("a") };
        assert_eq!(fields(ground.put(on_linux).await), ["router_id"]);
        let access = AccessInput::Pppoe { username: "a".to_owned(), password: None };
        assert_eq!(fields(ground.put(DesiredInput { access, ..ground.wanted("") }).await), ["password"]);
        let access = AccessInput::Static { address: "10.9.0.2".to_owned(), interface: "veth0".to_owned() };
        let fixed = DesiredInput { router: ground.linux, access, ..ground.wanted("") };
        ground.put(fixed.clone()).await.unwrap();
        assert!(matches!(ground.put(fixed).await, Err(Fault::Taken { field: "address", .. })));
    })
    .await;
}

#[tokio::test]
async fn steps_follow_the_proofs_of_the_wanted_state_alone() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let line = ground.put(ground.wanted("rahim")).await.unwrap();
        let agent = ground.agent(1).await;
        assert_eq!(ground.state(line).await.state, "queued");
        let mut tx = ground.test.begin().await;
        assert_eq!(
            mark_sent(&mut tx, ground.pop, ground.branch, 0, Generation { incarnation: 2, counter: 1 }).await.unwrap(),
            0
        );
        assert_eq!(
            mark_sent(&mut tx, ground.pop, ground.branch, 0, Generation { incarnation: 1, counter: 1 }).await.unwrap(),
            1
        );
        tx.commit().await.unwrap();
        assert_eq!(ground.state(line).await.state, "sent");
        ground.prove(agent, 1, &[proof(1, 1, Outcome::Applied)]).await;
        assert_eq!(ground.state(line).await.state, "applied");
        ground.prove(agent, 2, &[proof(1, 1, Outcome::Verified)]).await;
        let verified = ground.state(line).await;
        assert_eq!((verified.state, verified.generation.as_str()), ("verified", "1·1"));
        assert_eq!(verified.observed.unwrap().rate, verified.wanted.rate);

        // Held: what was proved of the open state proves nothing of the held one.
        let mut tx = ground.test.begin().await;
        assert!(set_open(&mut tx, line, false, true).await.unwrap());
        assert!(!set_open(&mut tx, line, false, true).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(ground.changes(1).await.approved_holds, 1);
        assert_eq!(ground.prove(agent, 3, &[proof(1, 1, Outcome::Verified), proof(7, 2, Outcome::Verified)]).await, 1);
        assert_eq!(ground.state(line).await.state, "queued");
        let mut ahead = proof(1, 2, Outcome::Verified);
        ahead.generation.incarnation = 2;
        ground.prove(agent, 4, &[ahead]).await;
        assert_eq!(ground.state(line).await.state, "queued");
        ground.prove(agent, 5, &[proof(1, 2, Outcome::Failed(FailReason::Refused("no\0pe".to_owned())))]).await;
        let failed = ground.state(line).await;
        assert_eq!((failed.state, failed.reason.as_deref()), ("failed", Some("the router refused: no pe")));
        ground.prove(agent, 6, &[proof(1, 2, Outcome::Verified)]).await;
        let held = ground.state(line).await;
        assert_eq!((held.state, held.reason, held.wanted.secret), ("verified", None, "disabled"));

        let mut tx = ground.test.read().await;
        let history = proofs(&mut tx, line, i64::MAX, 3).await.unwrap();
        assert_eq!(history.iter().map(|p| p.outcome.as_str()).collect::<Vec<_>>(), ["verified", "failed", "verified"]);
    })
    .await;
}

#[tokio::test]
async fn a_removed_line_is_proved_by_its_removal() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let line = ground.put(ground.wanted("rahim")).await.unwrap();
        let agent = ground.agent(1).await;
        let mut tx = ground.test.begin().await;
        remove_line(&mut tx, line).await.unwrap();
        tx.commit().await.unwrap();
        ground.prove(agent, 1, &[proof(1, 2, Outcome::Verified)]).await;
        assert_eq!(ground.state(line).await.state, "queued");
        ground.prove(agent, 2, &[proof(1, 2, Outcome::Removed)]).await;
        assert_eq!(ground.state(line).await.state, "verified");
    })
    .await;
}

#[tokio::test]
async fn a_token_lets_one_agent_in_and_no_second() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let mut tx = ground.test.begin().await;
        let token = token(&mut tx, ground.pop).await;
        let refused = |answer: Result<Agent, Refusal>| answer.unwrap_err();
        let no = |key: u8| KeyHash([key; 32]);
        assert_eq!(refused(join(&mut tx, no(1), "", "1", "").await.unwrap()), Refusal::UnknownKey);
        assert_eq!(
            refused(join(&mut tx, no(1), "AAAAAAAAAAAAAAAAAAAAAA", "1", "").await.unwrap()),
            Refusal::TokenUnknown
        );
        let agent = join(&mut tx, no(1), &token, "1", "").await.unwrap().unwrap();
        assert_eq!((agent.pop, agent.name.as_str()), (ground.pop, "North 1"));
        // The answer was lost: the same key comes again with the same token.
        assert_eq!(join(&mut tx, no(1), &token, "1", "").await.unwrap().unwrap().id, agent.id);
        assert_eq!(refused(join(&mut tx, no(2), &token, "1", "").await.unwrap()), Refusal::TokenUsed);
        let late = super::testing::token(&mut tx, ground.pop).await;
        ground.test.clock.advance(u64::try_from(TOKEN_MS).unwrap());
        assert_eq!(refused(join(&mut tx, no(2), &late, "1", "").await.unwrap()), Refusal::TokenExpired);
        revoke(&mut tx, &Actor::system(), agent.id).await.unwrap();
        assert!(matches!(revoke(&mut tx, &Actor::system(), agent.id).await, Err(Fault::Conflict { .. })));
        assert_eq!(refused(join(&mut tx, no(1), &token, "1", "").await.unwrap()), Refusal::Revoked);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_is_in_use_is_not_deleted() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let line = ground.put(ground.wanted("rahim")).await.unwrap();
        let actor = Actor::system();
        let mut tx = ground.test.begin().await;
        let used = delete_router(&mut tx, &actor, ground.router).await;
        assert!(matches!(used, Err(Fault::Conflict { code: "router_in_use", .. })), "{used:?}");
        remove_line(&mut tx, line).await.unwrap();
        delete_router(&mut tx, &actor, ground.router).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(ground.changes(0).await.tombstones.len(), 1);
        let mut tx = ground.test.begin().await;
        let used = delete_pop(&mut tx, &actor, ground.pop).await;
        assert!(matches!(used, Err(Fault::Conflict { code: "pop_in_use", .. })), "{used:?}");
    })
    .await;
}

#[tokio::test]
async fn another_branch_sees_nothing() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let line = ground.put(ground.wanted("rahim")).await.unwrap();
        let other = branch(&ground.test, "Other").await;
        let scope = Scope::Branches([other].into());
        let mut tx = ground.test.db.begin(&scope).await.unwrap();
        assert!(matches!(find_pop(&mut tx, ground.pop).await, Err(Fault::NotFound { .. })));
        assert!(matches!(find_router(&mut tx, ground.router).await, Err(Fault::NotFound { .. })));
        assert!(matches!(remove_line(&mut tx, line).await, Err(Fault::NotFound { .. })));
        assert!(matches!(set_open(&mut tx, line, false, false).await, Err(Fault::NotFound { .. })));
        assert!(matches!(place(&mut tx, line).await, Err(Fault::NotFound { .. })));
        assert!(matches!(add_pop(&mut tx, &Actor::system(), ground.branch, "X").await, Err(Fault::NotFound { .. })));
        assert!(line_states(&mut tx, &LiveState::new(), &[line]).await.unwrap().is_empty());
        assert!(matches!(pop_named(&mut tx, "North").await, Err(Fault::NotFound { .. })));
    })
    .await;
}

#[tokio::test]
async fn the_plan_carries_passwords_and_is_sent_only_when_it_is_newer() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let mut tx = ground.test.read().await;
        let plan = poll_plan(&mut tx, &ground.keyring, ground.pop, 0, 300).await.unwrap().unwrap();
        assert_eq!((plan.routers.len(), plan.poll_seconds, plan.interval_seconds), (2, 60, 300));
        assert_eq!(plan.routers[0].password, b"s3cret");
        assert!(poll_plan(&mut tx, &ground.keyring, ground.pop, plan.version, 300).await.unwrap().is_none());
        drop(tx);
        let mut tx = ground.test.begin().await;
        let mut input = router_input("core", RouterKind::RouterOs);
        (input.password, input.poll_seconds) = (None, 10);
        change_router(&mut tx, &ground.keyring, &Actor::system(), ground.router, input).await.unwrap();
        let newer = poll_plan(&mut tx, &ground.keyring, ground.pop, plan.version, 300).await.unwrap().unwrap();
        assert_eq!((newer.version, newer.poll_seconds), (plan.version + 1, 10));
        assert_eq!(newer.routers[0].password, b"s3cret");
    })
    .await;
}

#[tokio::test]
async fn old_proofs_go_and_the_newest_of_each_line_stay() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let busy = ground.put(ground.wanted("busy")).await.unwrap();
        let quiet = ground.put(ground.wanted("quiet")).await.unwrap();
        let agent = ground.agent(1).await;
        // More than one transaction's worth for one line, and a line that was proved once, long ago.
        ground.prove(agent, 1, &[proof(2, 1, Outcome::Applied), proof(2, 1, Outcome::Verified)]).await;
        let many: Vec<_> = (0..50).map(|_| proof(1, 1, Outcome::Verified)).collect();
        for seq in 0..22 {
            ground.test.clock.advance(1_000);
            ground.prove(agent, 2 + seq, &many).await;
        }
        ground.test.clock.advance(1_000);
        let cutoff = ground.test.begin().await.now_ms();
        let count = async |line, most| {
            let mut tx = ground.test.read().await;
            proofs(&mut tx, line, i64::MAX, most).await.unwrap().len()
        };
        // Nothing newer has come: the last look at each line is kept, all that came with it too.
        assert_eq!(forget_proofs(&ground.test.db, cutoff).await.unwrap(), 21 * 50);
        assert_eq!((count(busy, 9_999).await, count(quiet, 9_999).await), (50, 2));
        ground.prove(agent, 99, &[proof(1, 1, Outcome::Verified)]).await;
        assert_eq!(forget_proofs(&ground.test.db, cutoff).await.unwrap(), 50);
        assert_eq!(forget_proofs(&ground.test.db, cutoff).await.unwrap(), 0);
        assert_eq!((count(busy, 9_999).await, count(quiet, 9_999).await), (1, 2));
    })
    .await;
}
