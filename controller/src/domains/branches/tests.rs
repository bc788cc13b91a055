//! Branches on both databases.

use std::collections::BTreeSet;

use jiff::civil::date;

use super::{AccountInput, AccountKind, BranchChange, Holiday, NewBranch, WeekDay, calendar, change, create, detail};
use super::{list, offices, remove};
use crate::db::testing::on_both;
use crate::domains::fixture::Isp;
use crate::domains::{customers, network};
use crate::events::store::{Filter, list as events};
use crate::kernel::{Actor, Currency, Fault, Scope};

fn new(name: &str) -> NewBranch {
    NewBranch {
        name: name.to_owned(),
        time_zone: "Asia/Dhaka".to_owned(),
        currency: Currency::BDT,
        address: None,
        phone: None,
        manager_id: None,
        days_off: None,
        invoice_prefix: None,
        fiscal_year_month: None,
        holidays: None,
        accounts: None,
    }
}

fn account(number: &str) -> AccountInput {
    AccountInput {
        id: None,
        kind: AccountKind::Bank,
        name: "Sonali Bank, Mirpur 10".to_owned(),
        number: number.to_owned(),
        note: String::new(),
        active: true,
    }
}

#[tokio::test]
async fn what_was_said_of_a_branch_is_read_back() {
    on_both(|test| async move {
        let mut tx = test.begin().await;
        let actor = Actor::system();
        let victory = Holiday { day: date(2026, 12, 16), name: "Victory Day".to_owned() };
        let asked = NewBranch {
            phone: Some("01712-345678".to_owned()),
            invoice_prefix: Some("mir/".to_owned()),
            holidays: Some(vec![victory.clone()]),
            accounts: Some(vec![account("001"), account("002")]),
            ..new("Mirpur")
        };
        let made = create(&mut tx, &actor, asked).await.unwrap();
        assert_eq!(made.office.days_off, BTreeSet::from([WeekDay::Fri, WeekDay::Sat]));
        assert_eq!((made.office.phone.as_str(), made.office.fiscal_year_month), ("+8801712345678", 7));
        assert_eq!((made.office.invoice_prefix.as_str(), made.holidays.len()), ("MIR/", 1));
        assert!(!calendar(&mut tx, made.office.id).await.unwrap().is_working_day(victory.day));

        let kept = AccountInput { id: Some(made.accounts[0].id), active: false, ..account("001") };
        let asked = BranchChange {
            days_off: Some([WeekDay::Sun].into()),
            holidays: Some(Vec::new()),
            accounts: Some(vec![kept, account("003")]),
            ..BranchChange::default()
        };
        let after = change(&mut tx, &actor, made.office.id, asked).await.unwrap();
        let numbers: Vec<_> = after.accounts.iter().map(|a| (a.number.as_str(), a.active)).collect();
        assert_eq!(numbers, [("003", true), ("001", false)]);
        assert_eq!(after.accounts[1].id, made.accounts[0].id);
        assert_eq!((after.holidays.len(), after.office.phone), (0, made.office.phone.clone()));
        let told =
            events(&mut tx, &Filter { kind: Some("branch.changed".into()), ..Filter::default() }, 10).await.unwrap();
        assert_eq!(told.len(), 1);
        change(&mut tx, &actor, made.office.id, BranchChange::default()).await.unwrap();
        let told =
            events(&mut tx, &Filter { kind: Some("branch.changed".into()), ..Filter::default() }, 10).await.unwrap();
        assert_eq!(told.len(), 1, "nothing changed, nothing is told");
    })
    .await;
}

#[tokio::test]
async fn names_and_prefixes_are_one_branchs() {
    on_both(|test| async move {
        let actor = Actor::system();
        let mut tx = test.begin().await;
        create(&mut tx, &actor, NewBranch { invoice_prefix: Some("M-".into()), ..new("Mirpur") }).await.unwrap();
        let uttara = create(&mut tx, &actor, new("Uttara")).await.unwrap().office.id;
        create(&mut tx, &actor, new("Savar")).await.unwrap();
        tx.commit().await.unwrap();
        for (asked, field) in [
            (BranchChange { name: Some("Mirpur".into()), ..BranchChange::default() }, "name"),
            (BranchChange { invoice_prefix: Some("m-".into()), ..BranchChange::default() }, "invoice_prefix"),
        ] {
            let mut tx = test.begin().await;
            let fault = change(&mut tx, &actor, uttara, asked).await.unwrap_err();
            assert!(matches!(fault, Fault::Taken { field: taken, .. } if taken == field), "{fault:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_branch_goes_when_it_is_empty_and_not_the_last() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", None).await;
        isp.pay(line.id, 80_000, "k1").await.unwrap();
        let mut tx = isp.test.begin().await;
        let Err(Fault::Conflict { code, detail: why }) = remove(&mut tx, &isp.cashier, isp.branch.id).await else {
            panic!("removed")
        };
        assert_eq!(code, "branch_in_use");
        for part in ["1 customer", "1 POP", "1 router", "1 package", "1 payment", "entries in the ledger"] {
            assert!(why.contains(part), "{part}: {why}");
        }
        drop(tx);
        let mut tx = isp.test.begin().await;
        let other = create(&mut tx, &isp.cashier, NewBranch { invoice_prefix: Some("U-".into()), ..new("Uttara") });
        let other = other.await.unwrap().office.id;
        remove(&mut tx, &isp.cashier, other).await.unwrap();
        assert!(matches!(detail(&mut tx, other).await, Err(Fault::NotFound { .. })));
        assert_eq!(list(&mut tx).await.unwrap().len(), 1);
        create(&mut tx, &isp.cashier, NewBranch { invoice_prefix: Some("U-".into()), ..new("Uttara") }).await.unwrap();
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_last_branch_stays() {
    on_both(|test| async move {
        let mut tx = test.begin().await;
        let only = create(&mut tx, &Actor::system(), new("Mirpur")).await.unwrap().office.id;
        let refused = remove(&mut tx, &Actor::system(), only).await;
        assert!(matches!(refused, Err(Fault::Conflict { code: "last_branch", .. })), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_scope_sees_and_counts_its_own() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        isp.customer("Rahim").await;
        let karim = isp.customer("Karim").await;
        let mut tx = isp.test.begin().await;
        let other = create(&mut tx, &isp.cashier, new("Uttara")).await.unwrap().office.id;
        network::add_pop(&mut tx, &isp.cashier, other, "Uttara 4").await.unwrap();
        let with_bank = BranchChange { accounts: Some(vec![account("001")]), ..BranchChange::default() };
        change(&mut tx, &isp.cashier, isp.branch.id, with_bank).await.unwrap();
        let counts: Vec<_> = offices(&mut tx).await.unwrap().iter().map(|o| (o.customers, o.pops, o.routers)).collect();
        assert_eq!(counts, [(2, 1, 1), (0, 1, 0)]);
        tx.commit().await.unwrap();

        let mut tx = isp.test.db.begin(&Scope::Branches([isp.branch.id].into())).await.unwrap();
        assert_eq!(offices(&mut tx).await.unwrap().len(), 1);
        let refused = change(&mut tx, &isp.cashier, other, BranchChange::default()).await;
        assert!(matches!(refused, Err(Fault::NotFound { .. })));
        assert!(matches!(remove(&mut tx, &isp.cashier, other).await, Err(Fault::NotFound { .. })));
        assert!(matches!(remove(&mut tx, &isp.cashier, isp.branch.id).await, Err(Fault::Forbidden { .. })));
        assert!(matches!(create(&mut tx, &isp.cashier, new("Savar")).await, Err(Fault::Forbidden { .. })));
        drop(tx);

        let mut tx = isp.test.db.read(&Scope::Customer { id: karim.id, branch: isp.branch.id }).await.unwrap();
        assert_eq!(customers::load(&mut tx, karim.id).await.unwrap().id, karim.id);
        let seen = detail(&mut tx, isp.branch.id).await.unwrap();
        assert_eq!((seen.office.customers, seen.office.pops, seen.accounts.len()), (1, 0, 0));
    })
    .await;
}
