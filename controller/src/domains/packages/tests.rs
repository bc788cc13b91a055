//! Packages on both databases: bounds, names, what a change of speed queues, and what cannot be deleted.

use super::{PackageChange, change, create, delete};
use crate::db::testing::on_both;
use crate::domains::fixture::{Isp, bdt, monthly};
use crate::kernel::{Currency, Fault, Money};

#[tokio::test]
async fn wrong_packages_name_all_their_fields() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let mut tx = isp.test.begin().await;
        let mut wrong = monthly(" ");
        wrong.price = Money::new(0, Currency::new("USD").unwrap());
        wrong.down_bps = -1;
        wrong.up_bps = 1;
        wrong.validity_value = 731;
        wrong.grace_days = Some(-1);
        let refused = create(&mut tx, &isp.cashier, wrong).await;
        let Err(Fault::Invalid(errors)) = refused else { panic!("{refused:?}") };
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            ["name", "price", "price", "down_bps", "up_bps", "validity_value", "grace_days"],
            "{errors:?}"
        );
        let huge = PackageChange { price: Some(bdt(i64::MAX)), ..PackageChange::default() };
        assert!(matches!(change(&mut tx, &isp.cashier, isp.package.id, huge).await, Err(Fault::Invalid(_))));
    })
    .await;
}

#[tokio::test]
async fn only_a_change_of_speed_moves_lines() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        const JOBS: &str = "SELECT COUNT(*) FROM jobs WHERE kind = 'packages.speed_changed'";
        let mut tx = isp.test.begin().await;
        let dearer = PackageChange { price: Some(bdt(90_000)), ..PackageChange::default() };
        change(&mut tx, &isp.cashier, isp.package.id, dearer).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(isp.count(JOBS).await, 0);
        let mut tx = isp.test.begin().await;
        let faster = PackageChange { down_bps: Some(30_000_000), ..PackageChange::default() };
        change(&mut tx, &isp.cashier, isp.package.id, faster).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(isp.count(JOBS).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_package_that_somebody_has_stays() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        isp.line("rahim", None).await;
        let mut tx = isp.test.begin().await;
        let refused = delete(&mut tx, &isp.cashier, isp.package.id).await;
        let Err(Fault::Conflict { code: "package_in_use", detail }) = refused else { panic!("{refused:?}") };
        assert!(detail.contains("1 subscription"), "{detail}");
        let unused = create(&mut tx, &isp.cashier, monthly("Unused")).await.unwrap();
        delete(&mut tx, &isp.cashier, unused.id).await.unwrap();
        let again = create(&mut tx, &isp.cashier, monthly("Home 20")).await;
        assert!(matches!(again, Err(Fault::Taken { code: "package_exists", field: "name", .. })));
    })
    .await;
}
