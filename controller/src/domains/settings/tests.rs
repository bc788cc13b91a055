//! Settings on both databases.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{CUSTOMER_PREFIX, Defaults, GRACE_DAYS, change, integer, list, text};
use crate::db::testing::on_both;
use crate::domains::branches;
use crate::events::store::{Filter, list as events};
use crate::kernel::{Actor, Currency, Fault, Scope};

fn values(pairs: &[(&str, Value)]) -> BTreeMap<String, Value> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

#[tokio::test]
async fn a_branch_has_its_own_value_else_that_of_all_else_the_default() {
    on_both(|test| async move {
        let mut tx = test.begin().await;
        let branch = branches::add(&mut tx, "Mirpur", "Asia/Dhaka", Currency::BDT).await.unwrap().id;
        let actor = Actor::system();
        assert_eq!(integer(&mut tx, Some(branch), GRACE_DAYS).await.unwrap(), None);
        assert_eq!(text(&mut tx, Some(branch), CUSTOMER_PREFIX).await.unwrap(), "LM-");
        change(&mut tx, &actor, branch, None, &values(&[(GRACE_DAYS, json!(5))])).await.unwrap();
        assert_eq!(integer(&mut tx, Some(branch), GRACE_DAYS).await.unwrap(), Some(5));
        change(&mut tx, &actor, branch, Some(branch), &values(&[(GRACE_DAYS, json!(2))])).await.unwrap();
        assert_eq!(integer(&mut tx, Some(branch), GRACE_DAYS).await.unwrap(), Some(2));
        assert_eq!(integer(&mut tx, None, GRACE_DAYS).await.unwrap(), Some(5));
        let all = list(&mut tx, None, &Defaults { grace_days: 3 }).await.unwrap();
        let grace = all.iter().flat_map(|section| &section.settings).find(|s| s.key == GRACE_DAYS).unwrap().clone();
        assert_eq!((grace.value, grace.inherited, grace.own), (json!(5), json!(3), true));
        assert_eq!(grace.differs_in, [branch.to_string()]);
        change(&mut tx, &actor, branch, Some(branch), &values(&[(GRACE_DAYS, Value::Null)])).await.unwrap();
        assert_eq!(integer(&mut tx, Some(branch), GRACE_DAYS).await.unwrap(), Some(5));
        let told = events(&mut tx, &Filter { kind: Some("settings.changed".into()), ..Filter::default() }, 10).await;
        assert_eq!(told.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_is_named_and_nothing_is_kept() {
    on_both(|test| async move {
        let mut tx = test.begin().await;
        let branch = branches::add(&mut tx, "Mirpur", "Asia/Dhaka", Currency::BDT).await.unwrap().id;
        let given = values(&[
            ("company.name", json!("Savar Net")),
            (GRACE_DAYS, json!(100)),
            ("secrets.key_id", json!("x")),
            ("no.such", json!(1)),
        ]);
        let Err(Fault::Invalid(errors)) = change(&mut tx, &Actor::system(), branch, None, &given).await else {
            panic!("accepted")
        };
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["values.dunning.grace_days", "values.no.such", "values.secrets.key_id"]);
        assert_eq!(text(&mut tx, None, "company.name").await.unwrap(), "");
        let given = values(&[("company.name", json!("x"))]);
        let own = change(&mut tx, &Actor::system(), branch, Some(branch), &given).await;
        assert!(matches!(own, Err(Fault::Invalid(_))));
    })
    .await;
}

#[tokio::test]
async fn only_who_sees_all_branches_sets_what_is_for_all() {
    on_both(|test| async move {
        let mut tx = test.begin().await;
        let mirpur = branches::add(&mut tx, "Mirpur", "Asia/Dhaka", Currency::BDT).await.unwrap().id;
        let uttara = branches::add(&mut tx, "Uttara", "Asia/Dhaka", Currency::BDT).await.unwrap().id;
        tx.commit().await.unwrap();
        let mut tx = test.db.begin(&Scope::Branches([mirpur].into())).await.unwrap();
        let given = values(&[(GRACE_DAYS, json!(9))]);
        let actor = Actor::system();
        assert!(matches!(change(&mut tx, &actor, mirpur, None, &given).await, Err(Fault::Forbidden { .. })));
        assert!(matches!(change(&mut tx, &actor, mirpur, Some(uttara), &given).await, Err(Fault::NotFound { .. })));
        assert!(matches!(list(&mut tx, Some(uttara), &Defaults { grace_days: 3 }).await, Err(Fault::NotFound { .. })));
        change(&mut tx, &actor, mirpur, Some(mirpur), &given).await.unwrap();
    })
    .await;
}
