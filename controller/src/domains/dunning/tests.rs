//! Dunning on both databases, with a clock that the test moves: who is held, who never is, and who is asked.

use std::collections::BTreeSet;

use super::{Brake, ClockWatch, Summary, approve, brakes, clear, dismiss, frozen, run};
use crate::config::Config;
use crate::db::testing::{START_MS, on_both};
use crate::domains::fixture::{Isp, add_branch, monthly};
use crate::domains::lines::{self, HoldReason, NewHold};
use crate::kernel::{Clock as _, Fault, Scope};

const DAY: i64 = 86_400_000;
const DAY_U: u64 = 86_400_000;

async fn look(isp: &Isp, watch: &ClockWatch) -> Summary {
    run(&isp.test.db, &*isp.test.clock, &isp.config, watch).await.unwrap()
}

async fn asking(isp: &Isp) -> Vec<Brake> {
    let mut tx = isp.test.read().await;
    brakes(&mut tx, "asking", 10).await.unwrap()
}

async fn set_all(isp: &Isp, until: Option<i64>) {
    let mut tx = isp.test.begin().await;
    sqlx::query("UPDATE subscriptions SET paid_until_ms = $1").bind(until).execute(tx.conn()).await.unwrap();
    tx.commit().await.unwrap();
}

fn is_conflict<T: std::fmt::Debug>(result: Result<T, Fault>, wanted: &str) {
    assert!(matches!(&result, Err(Fault::Conflict { code, .. }) if *code == wanted), "{result:?}");
}

#[tokio::test]
async fn ten_of_five_hundred_are_held_and_a_payment_releases() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        isp.lines("paid", 490, START_MS + 10 * DAY).await;
        let late = isp.lines("late", 10, START_MS - DAY).await;
        let watch = ClockWatch::new();
        assert_eq!(look(&isp, &watch).await, Summary { held: 10, asking: 0, frozen: false });
        assert_eq!(isp.closed().await, 10);
        assert_eq!(look(&isp, &watch).await.held, 0);
        isp.pay(late[0].id, 80_000, "k").await.unwrap();
        assert!(isp.is_open(late[0].id).await);
        assert_eq!((isp.closed().await, look(&isp, &watch).await.held), (9, 0));
    })
    .await;
}

#[tokio::test]
async fn a_clock_400_days_ahead_holds_nobody_and_asks() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        isp.lines("user", 500, START_MS + 10 * DAY).await;
        let watch = ClockWatch::new();
        assert_eq!(look(&isp, &watch).await, Summary::default());
        isp.test.clock.set_wall(START_MS + 400 * DAY);
        assert_eq!(look(&isp, &watch).await, Summary { held: 0, asking: 1, frozen: true });
        // Another process, for which this is a start long after the last tick, believes the clock no more.
        assert_eq!(look(&isp, &ClockWatch::new()).await, Summary { held: 0, asking: 1, frozen: true });
        assert_eq!(isp.closed().await, 0);
        let list = asking(&isp).await;
        assert_eq!((list.len(), list[0].wanted, list[0].limit, list[0].active_lines), (1, 500, 25, 500));
        // While the clock is doubted, nobody can approve the list either.
        let mut tx = isp.test.begin().await;
        is_conflict(approve(&mut tx, &isp.cashier, list[0].id, "go").await, "clock_frozen");
        drop(tx);
        // A person clears the freeze without looking at the clock: the brake still stands.
        let mut tx = isp.test.begin().await;
        clear(&mut tx, &isp.cashier, "looked at it").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(look(&isp, &watch).await, Summary { held: 0, asking: 1, frozen: false });
        // The clock is put right: a jump again, asked again; then nothing is left to ask about.
        isp.test.clock.set_wall(START_MS);
        assert!(look(&isp, &watch).await.frozen);
        assert!(asking(&isp).await.is_empty());
        assert_eq!(isp.closed().await, 0);
    })
    .await;
}

#[tokio::test]
async fn four_hundred_days_that_really_pass_ask_too() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        isp.lines("user", 500, START_MS + 10 * DAY).await;
        let watch = ClockWatch::new();
        look(&isp, &watch).await;
        isp.test.clock.advance(400 * DAY_U);
        assert_eq!(look(&isp, &watch).await, Summary { held: 0, asking: 1, frozen: false });
        assert_eq!(isp.closed().await, 0);
    })
    .await;
}

#[tokio::test]
async fn dates_set_to_last_year_hold_nobody_and_ask_once() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        isp.lines("user", 500, START_MS + 10 * DAY).await;
        let watch = ClockWatch::new();
        look(&isp, &watch).await;
        set_all(&isp, Some(START_MS - 365 * DAY)).await;
        for _ in 0..3 {
            assert_eq!(look(&isp, &watch).await, Summary { held: 0, asking: 1, frozen: false });
            isp.test.clock.advance(60_000);
        }
        assert_eq!((isp.closed().await, asking(&isp).await.len()), (0, 1));
        assert_eq!(isp.count("SELECT COUNT(*) FROM events WHERE kind = 'dunning.brake_asks'").await, 1);
        // Somebody repairs the dates: the question goes away by itself.
        set_all(&isp, Some(START_MS + 10 * DAY)).await;
        assert_eq!(look(&isp, &watch).await, Summary::default());
        assert!(asking(&isp).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn dates_that_were_wiped_hold_nobody_and_nobody_is_asked() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        isp.lines("user", 30, START_MS - DAY).await;
        set_all(&isp, None).await;
        assert_eq!(look(&isp, &ClockWatch::new()).await, Summary::default());
        assert_eq!(isp.closed().await, 0);
    })
    .await;
}

#[tokio::test]
async fn grace_is_the_package_s_or_the_setting_s() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let mut lenient = monthly("Lenient");
        lenient.grace_days = None;
        let lenient = isp.package(lenient).await;
        let strict = isp.line("strict", Some(Some(START_MS))).await;
        let isp = Isp { package: lenient, ..isp };
        let patient = isp.line("patient", Some(Some(START_MS))).await;
        let watch = ClockWatch::new();
        assert_eq!(look(&isp, &watch).await.held, 1);
        assert!(!isp.is_open(strict.id).await && isp.is_open(patient.id).await);
        isp.test.clock.advance(3 * DAY_U - 1);
        assert_eq!(look(&isp, &watch).await.held, 0);
        isp.test.clock.advance(1);
        assert_eq!(look(&isp, &watch).await.held, 1);
        assert!(!isp.is_open(patient.id).await);
    })
    .await;
}

#[tokio::test]
async fn the_limit_is_for_rolling_24_hours() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        isp.lines("first", 15, START_MS - DAY).await;
        let hour = 3_600_000;
        isp.lines("second", 10, START_MS + hour).await;
        let watch = ClockWatch::new();
        assert_eq!(look(&isp, &watch).await.held, 15);
        isp.test.clock.advance(u64::try_from(hour).unwrap());
        // 15 + 10 is above 20: none of the ten.
        assert_eq!(look(&isp, &watch).await, Summary { held: 0, asking: 1, frozen: false });
        isp.test.clock.advance(22 * 3_600_000);
        assert_eq!(look(&isp, &watch).await, Summary { held: 0, asking: 1, frozen: false });
        // 24 hours after the fifteen there is room again, and nobody need be asked.
        isp.test.clock.advance(3_600_000);
        assert_eq!(look(&isp, &watch).await, Summary { held: 10, asking: 0, frozen: false });
        assert!(asking(&isp).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_approval_covers_its_list_and_nothing_else() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let listed = isp.lines("listed", 30, START_MS - DAY).await;
        let watch = ClockWatch::new();
        assert_eq!(look(&isp, &watch).await.asking, 1);
        let added = isp.lines("added", 25, START_MS - DAY).await;
        isp.pay(listed[0].id, 80_000, "k").await.unwrap();
        let list = asking(&isp).await.remove(0);
        assert_eq!((list.listed, list.wanted), (30, 30));
        let mut tx = isp.test.begin().await;
        assert!(matches!(approve(&mut tx, &isp.cashier, list.id, " ").await, Err(Fault::Invalid(_))));
        approve(&mut tx, &isp.cashier, list.id, "they really have not paid").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(isp.count("SELECT COUNT(*) FROM jobs WHERE kind = 'dunning.run'").await, 1);
        // 29 of the list; the one who paid is left open; the 25 that came later are above the limit by themselves.
        assert_eq!(look(&isp, &watch).await, Summary { held: 29, asking: 1, frozen: false });
        assert!(isp.is_open(listed[0].id).await && !isp.is_open(listed[1].id).await);
        for line in &added {
            assert!(isp.is_open(line.id).await);
        }
        // The approval travels with the line, so that the agent's own brake lets it pass.
        assert_eq!(isp.count("SELECT COUNT(*) FROM lines WHERE open = 0 AND approved_hold = 1").await, 29);
        let mut tx = isp.test.begin().await;
        is_conflict(approve(&mut tx, &isp.cashier, list.id, "again").await, "brake_decided");
        drop(tx);
        let again = asking(&isp).await.remove(0);
        assert_eq!((again.wanted, again.held_before), (25, 0));
        let mut tx = isp.test.read().await;
        assert_eq!(super::load(&mut tx, list.id).await.unwrap().state, "done");
    })
    .await;
}

#[tokio::test]
async fn a_dismissal_leaves_its_lines_alone_for_a_day() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        isp.lines("listed", 30, START_MS - DAY).await;
        let watch = ClockWatch::new();
        look(&isp, &watch).await;
        let list = asking(&isp).await.remove(0);
        let mut tx = isp.test.begin().await;
        dismiss(&mut tx, &isp.cashier, list.id, "the import lost their payments").await.unwrap();
        tx.commit().await.unwrap();
        isp.lines("other", 3, START_MS - DAY).await;
        assert_eq!(look(&isp, &watch).await, Summary { held: 3, asking: 0, frozen: false });
        isp.test.clock.advance(DAY_U - 60_000);
        assert_eq!(look(&isp, &watch).await, Summary::default());
        isp.test.clock.advance(60_000);
        assert_eq!(look(&isp, &watch).await, Summary { held: 0, asking: 1, frozen: false });
    })
    .await;
}

#[tokio::test]
async fn a_stale_list_is_replaced_by_one_that_names_all() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        isp.lines("listed", 30, START_MS - DAY).await;
        let watch = ClockWatch::new();
        look(&isp, &watch).await;
        let old = asking(&isp).await.remove(0);
        isp.lines("added", 5, START_MS - DAY).await;
        look(&isp, &watch).await;
        assert_eq!(asking(&isp).await[0].id, old.id);
        isp.test.clock.advance(3_600_000);
        look(&isp, &watch).await;
        let new = asking(&isp).await.remove(0);
        assert_eq!(new.wanted, 35);
        let mut tx = isp.test.begin().await;
        is_conflict(approve(&mut tx, &isp.cashier, old.id, "what I saw before").await, "brake_decided");
    })
    .await;
}

#[tokio::test]
async fn a_frozen_clock_holds_nobody_and_opens_everybody_who_pays() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("late", Some(Some(START_MS + 60_000))).await;
        let held = isp.line("held", Some(Some(START_MS - DAY))).await;
        let watch = ClockWatch::new();
        assert_eq!(look(&isp, &watch).await.held, 1);
        isp.test.clock.set_wall(START_MS + 301_000);
        assert_eq!(look(&isp, &watch).await, Summary { held: 0, asking: 0, frozen: true });
        assert!(isp.is_open(line.id).await);
        isp.pay(held.id, 80_000, "k").await.unwrap();
        assert!(isp.is_open(held.id).await);
        let mut tx = isp.test.read().await;
        let freeze = frozen(&mut tx).await.unwrap().unwrap();
        assert_eq!((freeze.cause.as_str(), freeze.off_by_ms), ("jumped", 301_000));
        drop(tx);
        let other = add_branch(&isp.test, "Chattogram", "Asia/Dhaka", "BDT").await;
        let mut tx = isp.test.db.begin(&Scope::Branches(BTreeSet::from([other]))).await.unwrap();
        assert!(matches!(clear(&mut tx, &isp.cashier, "mine").await, Err(Fault::Forbidden { .. })));
        drop(tx);
        let mut tx = isp.test.begin().await;
        clear(&mut tx, &isp.cashier, "the clock was five minutes slow and is right now").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(look(&isp, &watch).await, Summary { held: 1, asking: 0, frozen: false });
        assert!(!isp.is_open(line.id).await);
        let mut tx = isp.test.begin().await;
        is_conflict(clear(&mut tx, &isp.cashier, "again").await, "not_frozen");
    })
    .await;
}

#[tokio::test]
async fn a_start_before_the_last_tick_or_long_after_it_freezes() {
    on_both(|test| async move {
        for (moved, expected) in [(-1, true), (0, false), (7 * DAY, false), (7 * DAY + 60_000, true)] {
            let isp = Isp::open(test.clone()).await;
            let start = isp.test.clock.wall_ms();
            look(&isp, &ClockWatch::new()).await;
            isp.test.clock.set_wall(start + moved);
            assert_eq!(look(&isp, &ClockWatch::new()).await.frozen, expected, "{moved}");
            if expected {
                let mut tx = isp.test.begin().await;
                clear(&mut tx, &isp.cashier, "right").await.unwrap();
                tx.commit().await.unwrap();
            }
            let mut tx = isp.test.begin().await;
            // Names of branches are unique, and the next round opens its own.
            sqlx::query("UPDATE branches SET name = name || id").execute(tx.conn()).await.unwrap();
            tx.commit().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn branches_have_limits_of_their_own() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        isp.lines("many", 30, START_MS - DAY).await;
        let other = add_branch(&isp.test, "Chattogram", "Asia/Dhaka", "BDT").await;
        let mut tx = isp.test.begin().await;
        for statement in [
            "UPDATE lines SET branch_id = $1 WHERE username LIKE 'many1%'",
            "UPDATE subscriptions SET branch_id = $1 WHERE line_id IN (SELECT id FROM lines WHERE username LIKE 'many1%')",
            "UPDATE customers SET branch_id = $1 WHERE id IN (SELECT customer_id FROM subscriptions WHERE branch_id = $1)",
        ] {
            sqlx::query(statement).bind(other.to_string()).execute(tx.conn()).await.unwrap();
        }
        sqlx::query("UPDATE packages SET branch_id = $1").bind(other.to_string()).execute(tx.conn()).await.unwrap();
        tx.commit().await.unwrap();
        // Eleven in the other branch are within its limit. The nineteen left here are within this one's, but their
        // package is of the other branch now: the failure of one branch stops the other in nothing.
        let result = run(&isp.test.db, &*isp.test.clock, &isp.config, &ClockWatch::new()).await;
        assert!(result.is_err());
        assert_eq!(isp.closed().await, 11);
    })
    .await;
}

#[tokio::test]
async fn nobody_is_held_twice_or_while_dunning_is_off() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("late", Some(Some(START_MS - DAY))).await;
        let off = Config::parse("[dunning]\nenabled = false", std::iter::empty()).unwrap();
        let watch = ClockWatch::new();
        let idle = run(&isp.test.db, &*isp.test.clock, &off, &watch).await.unwrap();
        assert_eq!(idle, Summary::default());
        let mut tx = isp.test.begin().await;
        let new = NewHold { reason: HoldReason::Nonpayment, note: String::new() };
        lines::place_hold(&mut tx, &isp.cashier, &line, new).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(look(&isp, &watch).await, Summary::default());
        // Two runs at once share one limit and hold everybody once.
        isp.lines("more", 15, START_MS - DAY).await;
        let other = ClockWatch::new();
        let (one, two) = tokio::join!(look(&isp, &watch), look(&isp, &other));
        assert_eq!(one.held + two.held, 15);
        assert_eq!(isp.count("SELECT COUNT(*) FROM holds WHERE reason = 'nonpayment'").await, 16);
    })
    .await;
}
