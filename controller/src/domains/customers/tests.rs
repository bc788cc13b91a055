//! Customers on both databases: numbers, fields, scope.

use std::collections::BTreeSet;

use super::{CustomerChange, NewCustomer, change, create, load};
use crate::db::testing::on_both;
use crate::domains::fixture::{Isp, add_branch};
use crate::kernel::{Fault, Scope};

fn new(name: &str, phone: &str) -> NewCustomer {
    NewCustomer {
        name: name.into(),
        phone: phone.into(),
        area_id: None,
        address: "House 7\nRoad 3".into(),
        notes: String::new(),
        branch_id: None,
    }
}

#[tokio::test]
async fn numbers_follow_each_other_and_what_rolls_back_leaves_no_gap() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        assert_eq!(isp.customer("Rahim").await.number, "LM-000001");
        let mut tx = isp.test.begin().await;
        create(&mut tx, &isp.cashier, new("Lost", "01712345678")).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(isp.customer("Karim").await.number, "LM-000002");
    })
    .await;
}

#[tokio::test]
async fn fields_are_checked_and_normalised() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let mut tx = isp.test.begin().await;
        let customer = create(&mut tx, &isp.cashier, new(" রহিম উদ্দিন ", "০১৭১২-৩৪৫ ৬৭৮")).await.unwrap();
        assert_eq!((customer.name.as_str(), customer.phone.as_str()), ("রহিম উদ্দিন", "+8801712345678"));
        let refused = create(&mut tx, &isp.cashier, new("a\u{0}b", "12")).await;
        let Err(Fault::Invalid(errors)) = refused else { panic!("{refused:?}") };
        assert_eq!(errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), ["name", "phone"]);
        let long = CustomerChange { notes: Some("x".repeat(4_001)), ..CustomerChange::default() };
        assert!(matches!(change(&mut tx, &isp.cashier, customer.id, long).await, Err(Fault::Invalid(_))));
        let other = CustomerChange { phone: Some("+49 30 123456".into()), ..CustomerChange::default() };
        assert_eq!(change(&mut tx, &isp.cashier, customer.id, other).await.unwrap().phone, "+4930123456");
        assert_eq!(load(&mut tx, customer.id).await.unwrap().phone, "+4930123456");
    })
    .await;
}

#[tokio::test]
async fn a_change_tells_before_and_after_and_nothing_changed_tells_nothing() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let customer = isp.customer("Rahim").await;
        const EVENTS: &str = "SELECT COUNT(*) FROM events WHERE kind = 'customer.changed'";
        let mut tx = isp.test.begin().await;
        change(&mut tx, &isp.cashier, customer.id, CustomerChange::default()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(isp.count(EVENTS).await, 0);
        let mut tx = isp.test.begin().await;
        let renamed = CustomerChange { name: Some("Rahima".into()), ..CustomerChange::default() };
        change(&mut tx, &isp.cashier, customer.id, renamed).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(isp.count(EVENTS).await, 1);
    })
    .await;
}

#[tokio::test]
async fn customers_of_another_branch_do_not_exist() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let customer = isp.customer("Rahim").await;
        let other = add_branch(&isp.test, "Chattogram", "Asia/Dhaka", "BDT").await;
        let mut tx = isp.test.db.begin(&Scope::Branches(BTreeSet::from([other]))).await.unwrap();
        assert!(matches!(load(&mut tx, customer.id).await, Err(Fault::NotFound { what: "customer" })));
        let refused = change(&mut tx, &isp.cashier, customer.id, CustomerChange::default()).await;
        assert!(matches!(refused, Err(Fault::NotFound { .. })));
    })
    .await;
}
