//! Every statement of every store can be prepared on both databases.

use sqlx::{Executor as _, SqlSafeStr as _};

use super::{areas, branches, customers, dunning, ledger, lines, network, packages, payments, usage};
use crate::db::testing::on_both;

#[tokio::test]
async fn every_statement_can_be_prepared() {
    on_both(|test| async move {
        let mut wrong = Vec::new();
        let own = [
            areas::store::STATEMENTS,
            branches::store::STATEMENTS,
            customers::store::STATEMENTS,
            dunning::store::STATEMENTS,
            ledger::store::STATEMENTS,
            lines::store::STATEMENTS,
            packages::store::STATEMENTS,
            payments::store::STATEMENTS,
        ];
        let _ = (network::store::STATEMENTS, usage::store::STATEMENTS);
        for statement in own.into_iter().flatten().copied() {
            // One transaction each: on PostgreSQL a refused statement ends its transaction.
            let mut tx = test.begin().await;
            if let Err(error) = tx.conn().prepare(statement.into_sql_str()).await {
                wrong.push(format!("{error}: {statement}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    })
    .await;
}
