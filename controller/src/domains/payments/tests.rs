//! Payments on both databases: posted once, all or nothing, and what they open.

use super::{NewPayment, Taken, list, quote, take};
use crate::db::testing::{START_MS, on_both};
use crate::domains::fixture::{Isp, bdt, person};
use crate::domains::ledger::{self, Account};
use crate::domains::lines::{self, HoldReason, NewHold};
use crate::kernel::{Actor, ActorKind, At, Currency, Fault, Money};

const DAY: i64 = 86_400_000;

async fn hold(isp: &Isp, line: &lines::Subscription, reason: HoldReason) {
    let mut tx = isp.test.begin().await;
    let new = NewHold { reason, note: String::new() };
    lines::place_hold(&mut tx, &isp.cashier, line, new).await.unwrap();
    tx.commit().await.unwrap();
}

async fn balance(isp: &Isp, account: Account) -> i64 {
    let mut tx = isp.test.read().await;
    ledger::balance(&mut tx, isp.branch.id, account, Currency::BDT).await.unwrap().minor()
}

fn cash(isp: &Isp) -> Account {
    match isp.cashier.kind {
        ActorKind::Staff(id) => Account::Cash(id),
        _ => panic!("the cashier is a person"),
    }
}

#[tokio::test]
async fn the_price_opens_a_line_that_ran_out() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", Some(Some(START_MS - DAY))).await;
        hold(&isp, &line, HoldReason::Nonpayment).await;
        assert!(!isp.is_open(line.id).await);
        let before = isp.count("SELECT counter FROM pops").await;
        let paid = isp.pay(line.id, 80_000, "k1").await.unwrap().payment();
        assert!(paid.opens && isp.is_open(line.id).await);
        assert_eq!((paid.number.as_str(), paid.validities), ("R-000001", 1));
        assert_eq!(paid.paid_until, Some(At(START_MS + 30 * DAY)));
        assert_eq!(paid.credit, bdt(0));
        assert_eq!(isp.count("SELECT counter FROM pops").await, before + 1);
        assert_eq!(balance(&isp, cash(&isp)).await, 80_000);
        assert_eq!(balance(&isp, Account::Advance(line.customer_id)).await, 0);
        assert_eq!(balance(&isp, Account::Revenue).await, -80_000);
        assert_eq!(isp.count("SELECT COUNT(*) FROM ledger_journals").await, 2);
    })
    .await;
}

#[tokio::test]
async fn part_of_a_price_stays_as_credit_and_the_rest_opens() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", Some(Some(START_MS - DAY))).await;
        hold(&isp, &line, HoldReason::Nonpayment).await;
        let first = isp.pay(line.id, 79_999, "k1").await.unwrap().payment();
        assert!(!first.opens && first.credit == bdt(79_999) && first.validities == 0);
        assert!(!isp.is_open(line.id).await);
        let mut tx = isp.test.read().await;
        let asked = quote(&mut tx, &isp.config, line.id, 1).await.unwrap();
        assert!(asked.opens && asked.reason.is_none() && asked.validities == 1);
        drop(tx);
        let second = isp.pay(line.id, 1, "k2").await.unwrap().payment();
        assert!(second.opens && isp.is_open(line.id).await);
        assert_eq!((second.paid_until, second.credit), (asked.paid_until, asked.credit_after));
    })
    .await;
}

#[tokio::test]
async fn a_staff_hold_is_not_opened_by_money() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", Some(Some(START_MS - DAY))).await;
        hold(&isp, &line, HoldReason::Nonpayment).await;
        hold(&isp, &line, HoldReason::Staff).await;
        let mut tx = isp.test.read().await;
        let asked = quote(&mut tx, &isp.config, line.id, 80_000).await.unwrap();
        assert_eq!((asked.opens, asked.reason.as_deref()), (false, Some("staff hold stays")));
        drop(tx);
        let paid = isp.pay(line.id, 80_000, "k").await.unwrap().payment();
        assert!(!paid.opens && !isp.is_open(line.id).await);
        let mut tx = isp.test.read().await;
        let left = lines::holds_of(&mut tx, line.id).await.unwrap();
        assert_eq!(left.iter().map(|hold| hold.reason).collect::<Vec<_>>(), [HoldReason::Staff]);
    })
    .await;
}

#[tokio::test]
async fn the_same_key_pays_once_and_another_content_is_refused() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", None).await;
        let first = isp.pay(line.id, 80_000, "same").await.unwrap();
        assert!(matches!(first, Taken::New(_)));
        let second = isp.pay(line.id, 80_000, "same").await.unwrap();
        let Taken::Before(again) = second else { panic!("posted twice") };
        assert_eq!(again, first.payment());
        let other = isp.pay(line.id, 80_001, "same").await;
        assert!(matches!(other, Err(Fault::Conflict { code: "idempotency_key_reused", .. })), "{other:?}");
        assert_eq!(isp.count("SELECT COUNT(*) FROM payments").await, 1);
        assert_eq!(balance(&isp, cash(&isp)).await, 80_000);
        // The key is the cashier's own.
        let colleague = Isp { cashier: person("Nusrat", 2), ..isp.clone() };
        assert!(matches!(colleague.pay(line.id, 80_000, "same").await.unwrap(), Taken::New(_)));
    })
    .await;
}

#[tokio::test]
async fn twenty_at_once_with_one_key_are_one_payment() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", None).await;
        let tries: Vec<_> = (0..20)
            .map(|_| {
                let isp = isp.clone();
                tokio::spawn(async move { isp.pay(line.id, 80_000, "once").await })
            })
            .collect();
        let mut new = 0;
        for one in tries {
            match one.await.unwrap() {
                Ok(Taken::New(_)) => new += 1,
                Ok(Taken::Before(_)) | Err(Fault::Unavailable { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(new, 1);
        assert_eq!(balance(&isp, cash(&isp)).await, 80_000);
        assert_eq!(isp.count("SELECT COUNT(*) FROM payments").await, 1);
    })
    .await;
}

#[tokio::test]
async fn payments_at_once_leave_no_gap_in_the_receipts() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let lines = isp.lines("user", 12, START_MS + DAY).await;
        let tries: Vec<_> = lines
            .iter()
            .enumerate()
            .map(|(n, line)| {
                let (isp, id) = (isp.clone(), line.id);
                // Every third is refused after its number was taken: it must give it back.
                let minor = if n % 3 == 0 { 0 } else { 80_000 };
                tokio::spawn(async move { isp.pay(id, minor, &format!("k{n}")).await.is_ok() })
            })
            .collect();
        let mut taken = 0;
        for one in tries {
            taken += usize::from(one.await.unwrap());
        }
        assert_eq!(taken, 8);
        let mut tx = isp.test.read().await;
        let mut numbers: Vec<_> =
            list(&mut tx, None, None, 100).await.unwrap().into_iter().map(|payment| payment.number).collect();
        numbers.sort();
        assert_eq!(numbers, (1..=8).map(|n| format!("R-{n:06}")).collect::<Vec<_>>());
        let report = ledger::verify(&mut tx, &isp.keyring).await.unwrap();
        assert!(report.ok, "{report:?}");
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_is_not_committed_leaves_nothing() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", Some(Some(START_MS - DAY))).await;
        hold(&isp, &line, HoldReason::Nonpayment).await;
        let new =
            NewPayment { subscription_id: line.id, amount: bdt(80_000), method: "cash".into(), note: String::new() };
        let mut tx = isp.test.begin().await;
        take(&mut tx, &isp.keyring, &isp.config, &isp.cashier, &new, "k").await.unwrap();
        drop(tx);
        assert!(!isp.is_open(line.id).await);
        for table in [
            "SELECT COUNT(*) FROM payments",
            "SELECT COUNT(*) FROM ledger_postings",
            "SELECT COUNT(*) FROM ledger_accounts",
            "SELECT COUNT(*) FROM events WHERE kind = 'payment.taken'",
        ] {
            assert_eq!(isp.count(table).await, 0, "{table}");
        }
        assert_eq!(isp.pay(line.id, 80_000, "k").await.unwrap().payment().number, "R-000001");
    })
    .await;
}

#[tokio::test]
async fn wrong_payments_are_named() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", None).await;
        let good =
            NewPayment { subscription_id: line.id, amount: bdt(100), method: "cash".into(), note: String::new() };
        let usd = Money::new(100, Currency::new("USD").unwrap());
        for (field, new, key) in [
            ("amount", NewPayment { amount: bdt(0), ..good.clone() }, "k"),
            ("amount", NewPayment { amount: bdt(-1), ..good.clone() }, "k"),
            ("amount", NewPayment { amount: bdt(i64::MAX), ..good.clone() }, "k"),
            ("amount", NewPayment { amount: usd, ..good.clone() }, "k"),
            ("method", NewPayment { method: "gold".into(), ..good.clone() }, "k"),
            ("note", NewPayment { note: "x".repeat(501), ..good.clone() }, "k"),
            ("Idempotency-Key", good.clone(), ""),
        ] {
            let mut tx = isp.test.begin().await;
            let refused = take(&mut tx, &isp.keyring, &isp.config, &isp.cashier, &new, key).await;
            let Err(Fault::Invalid(errors)) = refused else { panic!("{field}: {refused:?}") };
            assert_eq!(errors[0].field, field);
        }
        let mut tx = isp.test.begin().await;
        let nobody = take(&mut tx, &isp.keyring, &isp.config, &Actor::system(), &good, "k").await;
        assert!(matches!(nobody, Err(Fault::Forbidden { .. })));
    })
    .await;
}

#[tokio::test]
async fn months_in_new_york_end_on_the_branch_s_day_and_time() {
    on_both(|test| async move {
        let isp = Isp::open_in(test, "America/New_York").await;
        let mut monthly = crate::domains::fixture::monthly("By month");
        (monthly.validity_value, monthly.validity_unit) = (1, crate::domains::packages::ValidityUnit::Month);
        let package = isp.package(monthly).await;
        let at = |text: &str| text.parse::<At>().unwrap().0;
        // 31 January 2026, 23:30 in New York.
        isp.test.clock.set_wall(at("2026-02-01T04:30:00Z"));
        let isp = Isp { package, ..isp };
        let line = isp.line("joe", Some(Some(at("2026-01-30T12:00:00Z")))).await;
        let expected = ["2026-03-01T04:30:00Z", "2026-04-01T03:30:00Z", "2026-05-01T03:30:00Z"];
        for (n, until) in expected.into_iter().enumerate() {
            let paid = isp.pay(line.id, 80_000, &format!("k{n}")).await.unwrap().payment();
            assert_eq!(paid.paid_until, Some(At(at(until))));
        }
    })
    .await;
}

#[tokio::test]
async fn a_payment_sends_its_receipt_in_its_own_transaction() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("receipt", Some(Some(isp.now()))).await;
        let mut tx = isp.test.begin().await;
        sqlx::query(
            "INSERT INTO notice_channels (channel, enabled, settings, per_minute, price_per_1000_minor, currency, \
             updated_at_ms, updated_by) VALUES ('sms', 1, '{}', 600, 0, 'BDT', 0, 'test')",
        )
        .execute(tx.conn())
        .await
        .unwrap();
        tx.commit().await.unwrap();
        isp.pay(line.id, 80_000, "one").await.unwrap();
        isp.pay(line.id, 80_000, "one").await.unwrap();
        assert!(isp.pay(line.id, -5, "two").await.is_err());
        let receipts = "SELECT COUNT(*) FROM notices WHERE template = 'payment_receipt' AND state = 'queued' \
             AND body LIKE '%Tk 800 for Home 20, receipt R-000001%'";
        assert_eq!(isp.count(receipts).await, 1);
        assert_eq!(isp.count("SELECT COUNT(*) FROM notices").await, 1);
    })
    .await;
}
