//! Subscriptions and holds on both databases: what they write into the desired line.

use std::collections::BTreeSet;

use super::{
    HoldReason, NewAccess, NewHold, Paid, SubscriptionChange, change, clear_hold, create, end, holds_of, load,
    place_hold, release_if_paid, show_password, view,
};
use crate::db::testing::{START_MS, on_both};
use crate::domains::fixture::{Isp, add_branch, monthly};
use crate::domains::network::{self, AccessInput};
use crate::domains::packages::{self, PackageChange};
use crate::events::LiveState;
use crate::kernel::{At, Fault, Scope};

const DAY: i64 = 86_400_000;
const COUNTER: &str = "SELECT counter FROM pops";

fn hold(reason: HoldReason) -> NewHold {
    NewHold { reason, note: "because".into() }
}

#[tokio::test]
async fn a_new_line_is_paid_for_one_validity_and_open() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let made = isp.line("rahim", None).await;
        assert_eq!(made.paid.until_ms, Some(START_MS + 30 * DAY));
        assert_eq!(made.number, "LM-000001-1");
        assert!(isp.is_open(made.id).await);
        let unknown = isp.line("karim", Some(None)).await;
        assert_eq!(unknown.paid, Paid { until_ms: None, anniversary: None });
        let mut tx = isp.test.read().await;
        let seen = view(&mut tx, &isp.config, &LiveState::new(), &made).await.unwrap();
        let json = serde_json::to_value(&seen).unwrap();
        assert_eq!(json["state"], "active");
        assert_eq!(json["line"]["state"], "queued");
        assert_eq!(json["access"], serde_json::json!({ "kind": "pppoe", "username": "rahim" }));
        assert_eq!(json["line"]["wanted"]["profile"], "lastmile-20M-20M");
        assert_eq!(json["router"]["kind"], "routeros");
        assert!(json["live"].is_null());
    })
    .await;
}

#[tokio::test]
async fn a_username_is_taken_once_at_a_pop() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let first = isp.line("rahim", None).await;
        let customer = isp.customer("Other").await;
        let mut tx = isp.test.begin().await;
        let asked = isp.asked(customer.id, "rahim", None);
        let refused = create(&mut tx, &isp.keyring, &isp.cashier, asked).await;
        let Err(Fault::Taken { field, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(field, "username");
        drop(tx);
        // The name is free again once its line has ended.
        let mut tx = isp.test.begin().await;
        end(&mut tx, &isp.cashier, first.id).await.unwrap();
        create(&mut tx, &isp.keyring, &isp.cashier, isp.asked(customer.id, "rahim", None)).await.unwrap();
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn wrong_usernames_are_refused() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let customer = isp.customer("Rahim").await;
        for username in ["", "a\nb", " a", &"x".repeat(65)] {
            let mut tx = isp.test.begin().await;
            let asked = isp.asked(customer.id, username, None);
            let refused = create(&mut tx, &isp.keyring, &isp.cashier, asked).await;
            let Err(Fault::Invalid(errors)) = refused else { panic!("{username:?}: {refused:?}") };
            assert_eq!(errors[0].field, "username");
        }
    })
    .await;
}

#[tokio::test]
async fn a_line_opens_when_its_last_hold_goes() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", None).await;
        let mut tx = isp.test.begin().await;
        let staff = place_hold(&mut tx, &isp.cashier, &line, hold(HoldReason::Staff)).await.unwrap();
        let abuse = place_hold(&mut tx, &isp.cashier, &line, hold(HoldReason::Abuse)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!isp.is_open(line.id).await);
        let mut tx = isp.test.begin().await;
        let twice = place_hold(&mut tx, &isp.cashier, &line, hold(HoldReason::Staff)).await;
        assert!(matches!(twice, Err(Fault::Conflict { code: "already_held", .. })));
        drop(tx);
        for (id, open) in [(staff.id, false), (abuse.id, true)] {
            let mut tx = isp.test.begin().await;
            clear_hold(&mut tx, &isp.cashier, id, "cleared").await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(isp.is_open(line.id).await, open);
        }
        let mut tx = isp.test.begin().await;
        assert!(matches!(clear_hold(&mut tx, &isp.cashier, abuse.id, "").await, Err(Fault::NotFound { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_second_hold_is_no_news_for_the_pop() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", None).await;
        let before = isp.count(COUNTER).await;
        for reason in [HoldReason::Staff, HoldReason::Legal] {
            let mut tx = isp.test.begin().await;
            place_hold(&mut tx, &isp.cashier, &line, hold(reason)).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(isp.count(COUNTER).await, before + 1);
    })
    .await;
}

#[tokio::test]
async fn a_change_of_package_changes_the_profile_and_keeps_the_password() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", None).await;
        let mut fast = monthly("Home 50");
        (fast.down_bps, fast.up_bps) = (50_000_000, 25_000_000);
        let fast = isp.package(fast).await;
        let mut tx = isp.test.begin().await;
        let before = show_password(&mut tx, &isp.keyring, &isp.cashier, line.id).await.unwrap();
        let wanted = SubscriptionChange { package_id: Some(fast.id), ..SubscriptionChange::default() };
        change(&mut tx, &isp.keyring, &isp.cashier, line.id, wanted).await.unwrap();
        let after = show_password(&mut tx, &isp.keyring, &isp.cashier, line.id).await.unwrap();
        assert_eq!(before.expose(), after.expose());
        assert_eq!(before.expose().len(), 12);
        tx.commit().await.unwrap();
        let mut tx = isp.test.read().await;
        let states = network::line_states(&mut tx, &LiveState::new(), &[line.line_id]).await.unwrap();
        assert_eq!(states[&line.line_id].wanted.profile, "lastmile-50M-25M");
        assert_eq!(isp.count("SELECT COUNT(*) FROM events WHERE kind = 'subscription.password_shown'").await, 2);
        assert_eq!(isp.count("SELECT COUNT(*) FROM events WHERE data LIKE '%password\":\"%'").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_change_of_access_is_written_and_stays_held() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", None).await;
        let mut tx = isp.test.begin().await;
        place_hold(&mut tx, &isp.cashier, &line, hold(HoldReason::Staff)).await.unwrap();
        let access = NewAccess::Pppoe { username: "rahim2".into(), password: Some("newone".to_owned().into()) };
        let wanted = SubscriptionChange { access: Some(access), ..SubscriptionChange::default() };
        change(&mut tx, &isp.keyring, &isp.cashier, line.id, wanted).await.unwrap();
        let info = network::line(&mut tx, line.line_id).await.unwrap();
        assert!(!info.open);
        assert!(matches!(info.access, AccessInput::Pppoe { username, .. } if username == "rahim2"));
        let shown = show_password(&mut tx, &isp.keyring, &isp.cashier, line.id).await.unwrap();
        assert_eq!(shown.expose(), "newone");
    })
    .await;
}

#[tokio::test]
async fn a_faster_package_reaches_every_line_once() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let all = isp.lines("user", 5, START_MS + DAY).await;
        let before = isp.count(COUNTER).await;
        for _ in 0..2 {
            let mut tx = isp.test.begin().await;
            let faster = PackageChange { up_bps: Some(30_000_000), ..PackageChange::default() };
            packages::change(&mut tx, &isp.cashier, isp.package.id, faster).await.unwrap();
            for line in &all {
                super::change::apply_package(&mut tx, &isp.keyring, line.id).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
        assert_eq!(isp.count(COUNTER).await, before + 5);
        assert_eq!(isp.count("SELECT COUNT(*) FROM lines WHERE profile = 'lastmile-20M-30M'").await, 5);
    })
    .await;
}

#[tokio::test]
async fn an_end_leaves_a_tombstone_and_nothing_can_be_done_with_it() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", None).await;
        let mut tx = isp.test.begin().await;
        end(&mut tx, &isp.cashier, line.id).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(isp.count("SELECT removed FROM lines").await, 1);
        let ended = |result: Result<(), Fault>| {
            assert!(matches!(result, Err(Fault::Conflict { code: "subscription_ended", .. })), "{result:?}");
        };
        let mut tx = isp.test.begin().await;
        ended(end(&mut tx, &isp.cashier, line.id).await);
        ended(place_hold(&mut tx, &isp.cashier, &line, hold(HoldReason::Staff)).await.map(|_| ()));
        let none = SubscriptionChange::default();
        ended(change(&mut tx, &isp.keyring, &isp.cashier, line.id, none).await.map(|_| ()));
        ended(show_password(&mut tx, &isp.keyring, &isp.cashier, line.id).await.map(|_| ()));
        let stored = load(&mut tx, line.id).await.unwrap();
        let seen = view(&mut tx, &isp.config, &LiveState::new(), &stored).await.unwrap();
        assert_eq!(serde_json::to_value(&seen).unwrap()["state"], "ended");
        drop(tx);
        ended(isp.pay(line.id, 80_000, "k").await.map(|_| ()));
    })
    .await;
}

#[tokio::test]
async fn a_date_set_by_hand_releases_what_it_pays() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", Some(Some(START_MS - DAY))).await;
        let mut tx = isp.test.begin().await;
        place_hold(&mut tx, &isp.cashier, &line, hold(HoldReason::Nonpayment)).await.unwrap();
        for (until, released) in [(START_MS - 1, false), (START_MS + 1, true)] {
            let wanted = SubscriptionChange { paid_until: Some(Some(At(until))), ..SubscriptionChange::default() };
            change(&mut tx, &isp.keyring, &isp.cashier, line.id, wanted).await.unwrap();
            assert_eq!(release_if_paid(&mut tx, &isp.config, &isp.cashier, line.id).await.unwrap(), released);
            assert_eq!(holds_of(&mut tx, line.id).await.unwrap().is_empty(), released);
        }
        let wild = SubscriptionChange { paid_until: Some(Some(At(i64::MAX))), ..SubscriptionChange::default() };
        let refused = change(&mut tx, &isp.keyring, &isp.cashier, line.id, wild).await;
        assert!(matches!(refused, Err(Fault::Invalid(_))));
    })
    .await;
}

#[tokio::test]
async fn lines_of_another_branch_do_not_exist() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", None).await;
        let mut tx = isp.test.begin().await;
        let placed = place_hold(&mut tx, &isp.cashier, &line, hold(HoldReason::Staff)).await.unwrap();
        tx.commit().await.unwrap();
        let other = add_branch(&isp.test, "Chattogram", "Asia/Dhaka", "BDT").await;
        let mut tx = isp.test.db.begin(&Scope::Branches(BTreeSet::from([other]))).await.unwrap();
        let gone = |result: Result<(), Fault>| assert!(matches!(result, Err(Fault::NotFound { .. })), "{result:?}");
        gone(load(&mut tx, line.id).await.map(|_| ()));
        gone(end(&mut tx, &isp.cashier, line.id).await);
        gone(clear_hold(&mut tx, &isp.cashier, placed.id, "").await);
        gone(place_hold(&mut tx, &isp.cashier, &line, hold(HoldReason::Abuse)).await.map(|_| ()));
        gone(show_password(&mut tx, &isp.keyring, &isp.cashier, line.id).await.map(|_| ()));
        let none = SubscriptionChange::default();
        gone(change(&mut tx, &isp.keyring, &isp.cashier, line.id, none).await.map(|_| ()));
        assert!(holds_of(&mut tx, line.id).await.unwrap().is_empty());
        let foreign = isp.asked(line.customer_id, "new", None);
        let refused = create(&mut tx, &isp.keyring, &isp.cashier, foreign).await;
        assert!(matches!(refused, Err(Fault::Invalid(_))), "{refused:?}");
    })
    .await;
}
