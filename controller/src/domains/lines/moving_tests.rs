//! Moving a customer to another branch, on both databases.

use lastmile_protocol::downlink::RouterKind;
use lastmile_protocol::ids::{BranchId, CustomerId, PackageId, RouterId, StaffId};

use super::{HoldReason, Move, MoveSubscription, NewHold, Subscription, clear_hold, end, holds_of, load};
use super::{move_customer, of_customer, place_hold, preview_move};
use crate::access::roles;
use crate::db::testing::on_both;
use crate::domains::branches::{self, NewBranch};
use crate::domains::fixture::{Isp, bdt, monthly};
use crate::domains::ledger::{self, Account};
use crate::domains::network::{self, RouterInput};
use crate::domains::packages::{self, NewPackage};
use crate::domains::staff::{self, NewStaff, store as people};
use crate::domains::{areas, customers, payments};
use crate::events::store::{Filter, list as events};
use crate::kernel::{Currency, Fault, Scope};

/// A second office with a POP, a router and the same package.
struct Uttara {
    branch: BranchId,
    router: RouterId,
    package: PackageId,
}

async fn uttara(isp: &Isp, currency: Currency) -> Uttara {
    let mut tx = isp.test.begin().await;
    let new = NewBranch {
        name: "Uttara".to_owned(),
        time_zone: "Asia/Dhaka".to_owned(),
        currency,
        address: None,
        phone: None,
        manager_id: None,
        days_off: None,
        invoice_prefix: None,
        fiscal_year_month: None,
        holidays: None,
        accounts: None,
    };
    let branch = branches::create(&mut tx, &isp.cashier, new).await.unwrap().office.id;
    let pop = network::add_pop(&mut tx, &isp.cashier, branch, "Uttara 4").await.unwrap();
    let router = RouterInput {
        name: "east".to_owned(),
        kind: RouterKind::RouterOs,
        host: "10.9.0.1".to_owned(),
        port: 8728,
        username: "api".to_owned(),
        password: Some("secret".to_owned()),
        line_rate_bps: 1_000_000_000,
        enforce: true,
        poll_seconds: 60,
    };
    let router = network::add_router(&mut tx, &isp.keyring, &isp.cashier, pop, router).await.unwrap().id;
    let price = crate::kernel::Money::new(80_000, currency);
    let own = NewPackage { branch_id: Some(branch), price, ..monthly("Home 20") };
    let package = packages::create(&mut tx, &isp.cashier, own).await.unwrap().id;
    tx.commit().await.unwrap();
    Uttara { branch, router, package }
}

impl Uttara {
    fn move_of(&self, line: &Subscription) -> Move {
        let new = MoveSubscription { id: line.id, package_id: self.package, router_id: self.router };
        Move { branch_id: self.branch, area_id: None, reason: "moved house".to_owned(), subscriptions: vec![new] }
    }
}

async fn credit(isp: &Isp, branch: BranchId, customer: CustomerId) -> i64 {
    let mut tx = isp.test.read().await;
    ledger::credit(&mut tx, branch, customer, Currency::BDT).await.unwrap().minor()
}

async fn owed(isp: &Isp, branch: BranchId, other: BranchId) -> i64 {
    let mut tx = isp.test.read().await;
    ledger::balance(&mut tx, branch, Account::Interbranch(other), Currency::BDT).await.unwrap().minor()
}

async fn technician(isp: &Isp) -> StaffId {
    let mut tx = isp.test.begin().await;
    roles::ensure_defaults(&mut tx).await.unwrap();
    let count = isp.count("SELECT COUNT(*) FROM staff").await;
    let new = NewStaff {
        branch_id: isp.branch.id,
        username: format!("tech{count}"),
        name: format!("Technician {count}"),
        role: "technician".to_owned(),
        password_hash: "x".to_owned(),
    };
    let id = staff::add(&mut tx, &isp.cashier, new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn what_is_goes_along_and_what_was_stays() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let to = uttara(&isp, Currency::BDT).await;
        let (old, person) = (isp.branch.id, technician(&isp).await);
        let line = isp.line("rahim", None).await;
        let customer = line.customer_id;
        let payment = isp.pay(line.id, 100_000, "k1").await.unwrap().payment();
        let mut tx = isp.test.begin().await;
        let hold = NewHold { reason: HoldReason::Staff, note: String::new() };
        let hold = place_hold(&mut tx, &isp.cashier, &line, hold).await.unwrap();
        customers::assign(&mut tx, &isp.cashier, customer, person).await.unwrap();
        let area = areas::NewArea { name: "Sector 4".to_owned(), parent_id: None, branch_id: Some(to.branch) };
        let area = areas::create(&mut tx, &isp.cashier, &area).await.unwrap().id;
        tx.commit().await.unwrap();

        let mut tx = isp.test.begin().await;
        let preview = preview_move(&mut tx, customer, to.branch).await.unwrap();
        assert_eq!((preview.credit, preview.blocked), (bdt(20_000), None));
        assert_eq!(preview.loses.assigned_to.len(), 1);
        let needs = &preview.subscriptions[0];
        assert_eq!((needs.package_id, needs.router_id), (Some(to.package), Some(to.router)));
        let wanted = Move { area_id: Some(area), ..to.move_of(&line) };
        let moved = move_customer(&mut tx, &isp.keyring, &isp.cashier, customer, wanted).await.unwrap();
        assert_eq!((moved.branch_id, moved.area.map(|area| area.id)), (to.branch, Some(area)));
        tx.commit().await.unwrap();

        let mut tx = isp.test.db.read(&Scope::Branches([to.branch].into())).await.unwrap();
        let after = load(&mut tx, line.id).await.unwrap();
        assert_eq!(
            (after.branch_id, after.package_id, after.paid),
            (to.branch, to.package, {
                let mut all = isp.test.read().await;
                load(&mut all, line.id).await.unwrap().paid
            })
        );
        let there = network::line(&mut tx, after.line_id).await.unwrap();
        assert!(!there.open, "the hold went along");
        assert_eq!(holds_of(&mut tx, line.id).await.unwrap()[0].id, hold.id);
        assert_eq!(customers::viewers(&mut tx, customer).await.unwrap(), customers::Viewers::default());
        assert!(matches!(payments::load(&mut tx, payment.id).await, Err(Fault::NotFound { .. })));
        let told = Filter { kind: Some("customer.moved_in".to_owned()), ..Filter::default() };
        assert_eq!(events(&mut tx, &told, 10).await.unwrap().len(), 1);
        drop(tx);

        let mut tx = isp.test.db.read(&Scope::Branches([old].into())).await.unwrap();
        assert!(matches!(customers::load(&mut tx, customer).await, Err(Fault::NotFound { .. })));
        assert_eq!(payments::load(&mut tx, payment.id).await.unwrap().id, payment.id);
        assert!(network::line(&mut tx, line.line_id).await.unwrap().removed);
        let told = Filter { kind: Some("customer.moved_out".to_owned()), ..Filter::default() };
        assert_eq!(events(&mut tx, &told, 10).await.unwrap().len(), 1);
        drop(tx);

        assert_eq!((credit(&isp, old, customer).await, credit(&isp, to.branch, customer).await), (0, 20_000));
        assert_eq!((owed(&isp, old, to.branch).await, owed(&isp, to.branch, old).await), (-20_000, 20_000));
        let mut tx = isp.test.db.begin(&Scope::Branches([to.branch].into())).await.unwrap();
        clear_hold(&mut tx, &isp.cashier, hold.id, "").await.unwrap();
        tx.commit().await.unwrap();
        assert!(isp.is_open(line.id).await);
        // The credit that came along pays with what is paid now.
        isp.pay(line.id, 60_000, "k2").await.unwrap();
        assert_eq!(credit(&isp, to.branch, customer).await, 0);
        let mut tx = isp.test.read().await;
        let report = ledger::verify(&mut tx, &isp.keyring).await.unwrap();
        assert!(report.ok, "{report:?}");
    })
    .await;
}

#[tokio::test]
async fn there_and_back_nobody_owes_anything() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let to = uttara(&isp, Currency::BDT).await;
        let line = isp.line("rahim", None).await;
        isp.pay(line.id, 50_000, "k1").await.unwrap();
        let mut tx = isp.test.begin().await;
        let customer = line.customer_id;
        move_customer(&mut tx, &isp.keyring, &isp.cashier, customer, to.move_of(&line)).await.unwrap();
        let home = MoveSubscription { id: line.id, package_id: isp.package.id, router_id: isp.router };
        let back = Move { branch_id: isp.branch.id, area_id: None, reason: "back".into(), subscriptions: vec![home] };
        move_customer(&mut tx, &isp.keyring, &isp.cashier, customer, back).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(credit(&isp, isp.branch.id, customer).await, 50_000);
        assert_eq!((owed(&isp, isp.branch.id, to.branch).await, owed(&isp, to.branch, isp.branch.id).await), (0, 0));
        assert!(isp.is_open(line.id).await);
        let mut tx = isp.test.read().await;
        assert!(ledger::verify(&mut tx, &isp.keyring).await.unwrap().ok);
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_or_foreign_is_named_and_nothing_moves() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let to = uttara(&isp, Currency::BDT).await;
        let line = isp.line("rahim", None).await;
        isp.line("karim", None).await;
        let good = || to.move_of(&line);
        let with = |change: fn(&mut MoveSubscription, &Isp)| {
            let mut wanted = good();
            change(&mut wanted.subscriptions[0], &isp);
            wanted
        };
        let twice = Move { subscriptions: [good().subscriptions, good().subscriptions].concat(), ..good() };
        for (wanted, field) in [
            (Move { subscriptions: Vec::new(), ..good() }, "subscriptions"),
            (with(|new, isp| new.package_id = isp.package.id), "subscriptions[0].package_id"),
            (with(|new, isp| new.router_id = isp.router), "subscriptions[0].router_id"),
            (twice, "subscriptions[1].id"),
            (Move { branch_id: isp.branch.id, ..good() }, "branch_id"),
            (Move { branch_id: BranchId::new(1, [9; 10]), ..good() }, "branch_id"),
            (Move { reason: " ".to_owned(), ..good() }, "reason"),
        ] {
            let mut tx = isp.test.begin().await;
            let moved = move_customer(&mut tx, &isp.keyring, &isp.cashier, line.customer_id, wanted).await;
            let Err(Fault::Invalid(errors)) = moved else { panic!("{field}: {moved:?}") };
            assert_eq!(errors[0].field, field);
        }
        let mut tx = isp.test.db.begin(&Scope::Branches([isp.branch.id].into())).await.unwrap();
        let moved = move_customer(&mut tx, &isp.keyring, &isp.cashier, line.customer_id, good()).await;
        assert!(matches!(&moved, Err(Fault::Invalid(errors)) if errors[0].field == "branch_id"), "{moved:?}");
        drop(tx);
        let mut tx = isp.test.db.begin(&Scope::Branches([to.branch].into())).await.unwrap();
        let moved = move_customer(&mut tx, &isp.keyring, &isp.cashier, line.customer_id, good()).await;
        assert!(matches!(moved, Err(Fault::NotFound { .. })), "{moved:?}");
        drop(tx);
        let mut tx = isp.test.read().await;
        assert_eq!(customers::load(&mut tx, line.customer_id).await.unwrap().branch_id, isp.branch.id);
    })
    .await;
}

#[tokio::test]
async fn ended_subscriptions_stay_and_need_nothing() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let to = uttara(&isp, Currency::BDT).await;
        let line = isp.line("rahim", None).await;
        let mut tx = isp.test.begin().await;
        end(&mut tx, &isp.cashier, line.id).await.unwrap();
        let wanted = Move { subscriptions: Vec::new(), ..to.move_of(&line) };
        move_customer(&mut tx, &isp.keyring, &isp.cashier, line.customer_id, wanted).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = isp.test.read().await;
        assert_eq!(of_customer(&mut tx, line.customer_id).await.unwrap()[0].branch_id, isp.branch.id);
    })
    .await;
}

#[tokio::test]
async fn credit_is_not_changed_into_another_currency() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let to = uttara(&isp, Currency::new("USD").unwrap()).await;
        let line = isp.line("rahim", None).await;
        isp.pay(line.id, 50_000, "k1").await.unwrap();
        let mut tx = isp.test.begin().await;
        let preview = preview_move(&mut tx, line.customer_id, to.branch).await.unwrap();
        assert_eq!(preview.blocked.as_deref(), Some("currency_differs"));
        let moved = move_customer(&mut tx, &isp.keyring, &isp.cashier, line.customer_id, to.move_of(&line)).await;
        assert!(matches!(moved, Err(Fault::Conflict { code: "currency_differs", .. })), "{moved:?}");
    })
    .await;
}

#[tokio::test]
async fn who_leaves_hands_over_what_was_assigned() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let (rahim, karim) = (isp.customer("Rahim").await, isp.customer("Karim").await);
        let (old, heir) = (technician(&isp).await, technician(&isp).await);
        let scope = |staff| Scope::Assigned { staff, branch: isp.branch.id };
        let mut tx = isp.test.begin().await;
        for (customer, staff) in [(rahim.id, old), (karim.id, old), (karim.id, heir)] {
            customers::assign(&mut tx, &isp.cashier, customer, staff).await.unwrap();
            customers::assign(&mut tx, &isp.cashier, customer, staff).await.unwrap();
        }
        assert_eq!(customers::viewers(&mut tx, karim.id).await.unwrap().assigned_to.len(), 2);
        tx.commit().await.unwrap();
        let mut tx = isp.test.db.begin(&scope(heir)).await.unwrap();
        assert!(matches!(customers::load(&mut tx, rahim.id).await, Err(Fault::NotFound { .. })));
        let refused = customers::assign(&mut tx, &isp.cashier, karim.id, old).await;
        assert!(matches!(refused, Err(Fault::Forbidden { .. })), "{refused:?}");
        drop(tx);
        let mut tx = isp.test.begin().await;
        assert_eq!(people::hand_over(&mut tx, old, Some(heir)).await.unwrap(), 2);
        assert_eq!(people::hand_over(&mut tx, heir, Some(heir)).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let mut tx = isp.test.db.begin(&scope(heir)).await.unwrap();
        assert!(customers::load(&mut tx, rahim.id).await.is_ok());
        drop(tx);
        let mut tx = isp.test.db.read(&scope(old)).await.unwrap();
        assert!(matches!(customers::load(&mut tx, karim.id).await, Err(Fault::NotFound { .. })));
        drop(tx);
        let mut tx = isp.test.begin().await;
        customers::unassign(&mut tx, &isp.cashier, rahim.id, heir).await.unwrap();
        let again = customers::unassign(&mut tx, &isp.cashier, rahim.id, heir).await;
        assert!(matches!(again, Err(Fault::NotFound { .. })), "{again:?}");
    })
    .await;
}
