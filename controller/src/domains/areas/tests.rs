//! Areas on both databases: the tree, names, scope, and what cannot be deleted.

use std::collections::BTreeSet;

use super::{AreaChange, NewArea, change, create, delete, list, load};
use crate::db::testing::on_both;
use crate::domains::customers::{self, NewCustomer};
use crate::domains::fixture::{Isp, add_branch};
use crate::kernel::{Fault, Scope};

fn named(name: &str) -> NewArea {
    NewArea { name: name.to_owned(), parent_id: None, branch_id: None }
}

#[tokio::test]
async fn a_tree_is_built_and_cannot_bite_its_tail() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let mut tx = isp.test.begin().await;
        let dhaka = create(&mut tx, &isp.cashier, &named(" Dhaka ")).await.unwrap();
        assert_eq!(dhaka.name, "Dhaka");
        let savar = NewArea { parent_id: Some(dhaka.id), ..named("Savar") };
        let savar = create(&mut tx, &isp.cashier, &savar).await.unwrap();
        let below = AreaChange { name: None, parent_id: Some(Some(savar.id)) };
        assert!(matches!(change(&mut tx, &isp.cashier, dhaka.id, &below).await, Err(Fault::Invalid(_))));
        let itself = AreaChange { name: None, parent_id: Some(Some(dhaka.id)) };
        assert!(matches!(change(&mut tx, &isp.cashier, dhaka.id, &itself).await, Err(Fault::Invalid(_))));
        let root = AreaChange { name: Some("Savar town".into()), parent_id: Some(None) };
        let moved = change(&mut tx, &isp.cashier, savar.id, &root).await.unwrap();
        assert_eq!((moved.parent_id, moved.name.as_str()), (None, "Savar town"));
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_name_is_taken_once_beside_its_siblings() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let mut tx = isp.test.begin().await;
        create(&mut tx, &isp.cashier, &named("Dhaka")).await.unwrap();
        let again = create(&mut tx, &isp.cashier, &named("Dhaka")).await;
        assert!(matches!(again, Err(Fault::Taken { code: "area_exists", field: "name", .. })), "{again:?}");
    })
    .await;
}

#[tokio::test]
async fn an_area_in_use_says_by_how_many() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let mut tx = isp.test.begin().await;
        let area = create(&mut tx, &isp.cashier, &named("Dhaka")).await.unwrap();
        for name in ["Rahim", "Karim"] {
            let new = NewCustomer {
                name: name.into(),
                phone: "01712345678".into(),
                area_id: Some(area.id),
                address: String::new(),
                notes: String::new(),
                branch_id: None,
            };
            customers::create(&mut tx, &isp.cashier, new).await.unwrap();
        }
        assert_eq!(load(&mut tx, area.id).await.unwrap().customers, 2);
        let refused = delete(&mut tx, &isp.cashier, area.id).await;
        let Err(Fault::Conflict { code: "area_in_use", detail }) = refused else { panic!("{refused:?}") };
        assert!(detail.contains("2 customer(s)"), "{detail}");
        let empty = create(&mut tx, &isp.cashier, &named("Empty")).await.unwrap();
        delete(&mut tx, &isp.cashier, empty.id).await.unwrap();
        assert!(matches!(load(&mut tx, empty.id).await, Err(Fault::NotFound { .. })));
    })
    .await;
}

#[tokio::test]
async fn areas_of_another_branch_do_not_exist() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let mut tx = isp.test.begin().await;
        let area = create(&mut tx, &isp.cashier, &named("Dhaka")).await.unwrap();
        tx.commit().await.unwrap();
        let other = add_branch(&isp.test, "Chattogram", "Asia/Dhaka", "BDT").await;
        let mut tx = isp.test.db.begin(&Scope::Branches(BTreeSet::from([other]))).await.unwrap();
        assert!(list(&mut tx).await.unwrap().is_empty());
        let gone = |result: Result<(), Fault>| assert!(matches!(result, Err(Fault::NotFound { .. })), "{result:?}");
        gone(load(&mut tx, area.id).await.map(|_| ()));
        gone(change(&mut tx, &isp.cashier, area.id, &AreaChange::default()).await.map(|_| ()));
        gone(delete(&mut tx, &isp.cashier, area.id).await);
        let child = NewArea { parent_id: Some(area.id), ..named("Child") };
        assert!(matches!(create(&mut tx, &isp.cashier, &child).await, Err(Fault::Invalid(_))));
    })
    .await;
}
