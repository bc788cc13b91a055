//! Resellers on both databases.

use super::{NewReseller, ResellerChange, change, create, list, load};
use crate::db::testing::on_both;
use crate::domains::customers;
use crate::domains::fixture::Isp;
use crate::kernel::{Fault, Scope};

fn new(isp: &Isp, name: &str) -> NewReseller {
    NewReseller { name: name.to_owned(), phone: "01712-345678".to_owned(), branch_id: Some(isp.branch.id) }
}

#[tokio::test]
async fn a_reseller_sees_itself_and_the_customers_it_was_given() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let (rahim, karim) = (isp.customer("Rahim").await, isp.customer("Karim").await);
        let mut tx = isp.test.begin().await;
        let north = create(&mut tx, &isp.cashier, &new(&isp, "North Net")).await.unwrap();
        let south = create(&mut tx, &isp.cashier, &new(&isp, "South Net")).await.unwrap();
        customers::give_to_reseller(&mut tx, &isp.cashier, rahim.id, Some(north.id)).await.unwrap();
        customers::give_to_reseller(&mut tx, &isp.cashier, karim.id, Some(south.id)).await.unwrap();
        tx.commit().await.unwrap();

        let scope = Scope::Reseller { id: north.id, branch: isp.branch.id };
        let mut tx = isp.test.db.begin(&scope).await.unwrap();
        let seen = list(&mut tx).await.unwrap();
        assert_eq!(seen.iter().map(|r| (r.name.as_str(), r.customers)).collect::<Vec<_>>(), [("North Net", 1)]);
        assert!(matches!(load(&mut tx, south.id).await, Err(Fault::NotFound { .. })));
        assert!(customers::load(&mut tx, rahim.id).await.is_ok());
        assert!(matches!(customers::load(&mut tx, karim.id).await, Err(Fault::NotFound { .. })));
        assert!(matches!(create(&mut tx, &isp.cashier, &new(&isp, "Mine")).await, Err(Fault::Forbidden { .. })));
        drop(tx);

        let mut tx = isp.test.begin().await;
        customers::give_to_reseller(&mut tx, &isp.cashier, rahim.id, None).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = isp.test.db.read(&scope).await.unwrap();
        assert!(matches!(customers::load(&mut tx, rahim.id).await, Err(Fault::NotFound { .. })));
    })
    .await;
}

#[tokio::test]
async fn who_is_out_of_use_is_given_nobody() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let rahim = isp.customer("Rahim").await;
        let mut tx = isp.test.begin().await;
        let north = create(&mut tx, &isp.cashier, &new(&isp, "North Net")).await.unwrap();
        let off = ResellerChange { active: Some(false), ..ResellerChange::default() };
        assert!(!change(&mut tx, &isp.cashier, north.id, &off).await.unwrap().active);
        let refused = customers::give_to_reseller(&mut tx, &isp.cashier, rahim.id, Some(north.id)).await;
        assert!(matches!(refused, Err(Fault::Invalid(_))), "{refused:?}");
        let again = create(&mut tx, &isp.cashier, &new(&isp, "North Net")).await;
        assert!(matches!(again, Err(Fault::Taken { field: "name", .. })), "{again:?}");
    })
    .await;
}
