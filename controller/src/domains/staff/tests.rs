//! Staff on both databases.

use super::{Filter, NewStaff, add, list};
use crate::access::roles;
use crate::db::Tx;
use crate::db::testing::{TestDb, on_both};
use crate::domains::branches;
use crate::kernel::{Actor, Currency, Fault, Scope};

async fn new(tx: &mut Tx, username: &str, role: &str) -> NewStaff {
    let branch_id = branches::list(tx).await.unwrap()[0].id;
    let (username, role) = (username.to_owned(), role.to_owned());
    NewStaff { branch_id, name: username.clone(), username, role, password_hash: "x".to_owned() }
}

async fn prepared(test: &TestDb) -> Tx {
    let mut tx = test.begin().await;
    roles::ensure_defaults(&mut tx).await.unwrap();
    branches::add(&mut tx, "Mirpur", "Asia/Dhaka", Currency::BDT).await.unwrap();
    tx
}

#[tokio::test]
async fn a_sign_in_name_is_one_persons() {
    on_both(|test| async move {
        let mut tx = prepared(&test).await;
        let rahim = new(&mut tx, "Rahim", "cashier").await;
        add(&mut tx, &Actor::system(), rahim).await.unwrap();
        assert_eq!(list(&mut tx, &Filter::default(), None, 10).await.unwrap()[0].username, "rahim");
        let again = new(&mut tx, "RAHIM", "owner").await;
        let fault = add(&mut tx, &Actor::system(), again).await.unwrap_err();
        assert!(matches!(fault, Fault::Taken { field: "username", .. }), "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn wrong_fields_are_all_named() {
    on_both(|test| async move {
        let mut tx = prepared(&test).await;
        let wrong = new(&mut tx, "no spaces", "king").await;
        let Err(Fault::Invalid(errors)) = add(&mut tx, &Actor::system(), wrong).await else { panic!("accepted") };
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["username", "role"]);
    })
    .await;
}

#[tokio::test]
async fn a_manager_sees_the_own_branch_only() {
    on_both(|test| async move {
        let mut tx = prepared(&test).await;
        let rahim = new(&mut tx, "rahim", "cashier").await;
        add(&mut tx, &Actor::system(), rahim).await.unwrap();
        let other = branches::add(&mut tx, "Uttara", "Asia/Dhaka", Currency::BDT).await.unwrap().id;
        tx.commit().await.unwrap();
        let mut tx = test.db.read(&Scope::Branches([other].into())).await.unwrap();
        assert!(list(&mut tx, &Filter::default(), None, 10).await.unwrap().is_empty());
    })
    .await;
}
