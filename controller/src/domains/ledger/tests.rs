//! The ledger on both databases: what the database refuses, what verification finds, and a model beside it.

use std::collections::BTreeMap;

use lastmile_protocol::ids::{CustomerId, StaffId};
use sqlx::AssertSqlSafe;

use super::{Account, Entry, Leg, Report, balance, credit, post, seal, transfer, verify};
use crate::db::Dialect;
use crate::db::testing::on_both;
use crate::domains::fixture::{Isp, bdt};
use crate::kernel::{Currency, Fault, Rng as _};

fn customer(n: u64) -> Account {
    Account::Advance(CustomerId::new(n, [3; 10]))
}

fn cash(n: u64) -> Account {
    Account::Cash(StaffId::new(n, [4; 10]))
}

fn entry(isp: &Isp, legs: Vec<Leg>) -> Entry {
    Entry { branch: isp.branch.id, kind: "receipt", reference: "payment:1".into(), note: "টাকা".into(), legs }
}

async fn move_money(isp: &Isp, debit: Account, credit: Account, minor: i64) {
    let mut tx = isp.test.begin().await;
    let legs = transfer(debit, credit, bdt(minor)).unwrap().to_vec();
    post(&mut tx, &isp.keyring, &isp.cashier, entry(isp, legs)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn verified(isp: &Isp) -> Report {
    let mut tx = isp.test.read().await;
    verify(&mut tx, &isp.keyring).await.unwrap()
}

async fn seal_all(isp: &Isp) {
    loop {
        let mut tx = isp.test.begin().await;
        let sealed = seal(&mut tx, &isp.keyring).await.unwrap();
        tx.commit().await.unwrap();
        if sealed == 0 {
            return;
        }
    }
}

/// What somebody does who has the database's own shell; whether the database let it happen.
async fn shell(isp: &Isp, statements: &[&str]) -> bool {
    let mut tx = isp.test.shell().await;
    for statement in statements {
        if sqlx::query(AssertSqlSafe((*statement).to_owned())).execute(tx.conn()).await.is_err() {
            return false;
        }
    }
    tx.commit().await.is_ok()
}

/// The statements with which the owner of the database takes its guards away from a table.
fn unguard(isp: &Isp, table: &str) -> Vec<String> {
    match isp.test.db.dialect() {
        Dialect::Postgres => vec![format!("ALTER TABLE {table} DISABLE TRIGGER USER")],
        Dialect::Sqlite => ["no_update", "no_delete", "closed", "balance"]
            .into_iter()
            .map(|guard| format!("DROP TRIGGER IF EXISTS {table}_{guard}"))
            .collect(),
    }
}

async fn force(isp: &Isp, table: &str, statements: &[&str]) {
    let guards = unguard(isp, table);
    let all: Vec<&str> = guards.iter().map(String::as_str).chain(statements.iter().copied()).collect();
    assert!(shell(isp, &all).await, "{statements:?}");
}

fn kinds(report: &Report) -> Vec<&'static str> {
    let mut kinds: Vec<_> = report.problems.iter().map(|problem| problem.kind).collect();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn an_empty_ledger_and_an_honest_one_are_fine() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        assert!(verified(&isp).await.ok);
        for n in 1..=3 {
            move_money(&isp, cash(1), customer(n), 100).await;
        }
        let report = verified(&isp).await;
        assert!(report.ok && report.unsealed == 3 && report.journals == 3 && report.postings == 6, "{report:?}");
        seal_all(&isp).await;
        move_money(&isp, customer(1), Account::Revenue, 50).await;
        seal_all(&isp).await;
        let report = verified(&isp).await;
        assert!(report.ok && report.unsealed == 0 && report.seals == 2 && report.accounts == 5, "{report:?}");
        let mut tx = isp.test.read().await;
        let left = credit(&mut tx, isp.branch.id, CustomerId::new(1, [3; 10]), Currency::BDT).await.unwrap();
        assert_eq!(left, bdt(50));
    })
    .await;
}

#[tokio::test]
async fn what_does_not_balance_is_not_posted() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let mut tx = isp.test.begin().await;
        let legs = vec![Leg { account: cash(1), amount: bdt(5) }, Leg { account: Account::Revenue, amount: bdt(-4) }];
        assert!(matches!(post(&mut tx, &isp.keyring, &isp.cashier, entry(&isp, legs)).await, Err(Fault::Internal(_))));
    })
    .await;
}

#[tokio::test]
async fn the_database_refuses_change_deletion_and_what_does_not_balance() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        move_money(&isp, cash(1), customer(1), 100).await;
        seal_all(&isp).await;
        let half = "INSERT INTO ledger_postings (journal_id, no, branch_id, account_id, amount_minor, currency) \
             SELECT 'X', 1, branch_id, account_id, 7, currency FROM ledger_postings WHERE no = 1";
        let journal = "INSERT INTO ledger_journals (id, branch_id, kind, reference, note, posted_by, posted_at_ms, mac) \
             SELECT 'X', branch_id, kind, reference, note, posted_by, posted_at_ms, mac FROM ledger_journals";
        let more = "INSERT INTO ledger_postings (journal_id, no, branch_id, account_id, amount_minor, currency) \
             SELECT journal_id, 9, branch_id, account_id, 7, currency FROM ledger_postings WHERE no = 1";
        for tables in ["ledger_journals", "ledger_postings", "ledger_seals", "ledger_sealed"] {
            assert!(!shell(&isp, &[&format!("DELETE FROM {tables}")]).await, "{tables}");
        }
        for statements in [
            &["UPDATE ledger_postings SET amount_minor = amount_minor * 2"][..],
            &["UPDATE ledger_journals SET note = 'x'"],
            &["UPDATE ledger_seals SET entries = 7"],
            &["UPDATE ledger_sealed SET position = 7"],
            &[half],
            &[journal],
            &[half, journal],
            &[more],
        ] {
            assert!(!shell(&isp, statements).await, "{statements:?}");
        }
        match isp.test.db.dialect() {
            Dialect::Postgres => {
                for table in ["ledger_postings", "ledger_journals, ledger_postings, ledger_sealed, ledger_unsealed"] {
                    assert!(!shell(&isp, &[&format!("TRUNCATE {table}")]).await, "{table}");
                }
            }
            Dialect::Sqlite => {
                let replace = more.replace("INSERT INTO", "INSERT OR REPLACE INTO").replace(" 9,", " 1,");
                assert!(!shell(&isp, &[&replace]).await);
            }
        }
        assert!(verified(&isp).await.ok);
    })
    .await;
}

#[tokio::test]
async fn both_legs_edited_alike_are_found() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        move_money(&isp, cash(1), customer(1), 100).await;
        force(
            &isp,
            "ledger_postings",
            &[
                "UPDATE ledger_postings SET amount_minor = amount_minor * 2",
                "UPDATE ledger_accounts SET balance_minor = balance_minor * 2",
            ],
        )
        .await;
        assert_eq!(kinds(&verified(&isp).await), ["mac", "guard"]);
    })
    .await;
}

#[tokio::test]
async fn a_forged_balanced_journal_is_found() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        move_money(&isp, cash(1), customer(1), 100).await;
        // Balanced, closed and queued for its seal, as the program would do it; only the MAC cannot be made.
        let forged = shell(
            &isp,
            &[
                "INSERT INTO ledger_postings (journal_id, no, branch_id, account_id, amount_minor, currency) \
                 SELECT '01KAF0RGED000000000000000X', no, branch_id, account_id, amount_minor, currency \
                 FROM ledger_postings",
                "INSERT INTO ledger_journals (id, branch_id, kind, reference, note, posted_by, posted_at_ms, mac) \
                 SELECT '01KAF0RGED000000000000000X', branch_id, kind, reference, note, posted_by, posted_at_ms, mac \
                 FROM ledger_journals",
                "INSERT INTO ledger_unsealed (journal_id) VALUES ('01KAF0RGED000000000000000X')",
                "UPDATE ledger_accounts SET balance_minor = balance_minor * 2",
            ],
        )
        .await;
        assert!(forged);
        seal_all(&isp).await;
        assert_eq!(kinds(&verified(&isp).await), ["mac"]);
    })
    .await;
}

#[tokio::test]
async fn a_journal_taken_out_is_found() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        move_money(&isp, cash(1), customer(1), 100).await;
        move_money(&isp, cash(1), customer(2), 100).await;
        seal_all(&isp).await;
        for table in ["ledger_postings", "ledger_journals", "ledger_sealed"] {
            force(&isp, table, &[]).await;
        }
        let first = "(SELECT MIN(journal_id) FROM ledger_sealed)";
        // What is left is made to look whole: postings, journal, its place under the seal, the balances.
        assert!(
            shell(
                &isp,
                &[
                    &format!("DELETE FROM ledger_postings WHERE journal_id = {first}"),
                    "DELETE FROM ledger_sealed WHERE journal_id NOT IN (SELECT journal_id FROM ledger_postings)",
                    "DELETE FROM ledger_journals WHERE id NOT IN (SELECT journal_id FROM ledger_postings)",
                    "UPDATE ledger_accounts SET balance_minor = COALESCE((SELECT SUM(p.amount_minor) \
                     FROM ledger_postings p WHERE p.account_id = ledger_accounts.id), 0)",
                ],
            )
            .await
        );
        let report = verified(&isp).await;
        assert_eq!(kinds(&report), ["chain", "guard"], "{report:?}");
    })
    .await;
}

#[tokio::test]
async fn a_seal_taken_out_a_wrong_fold_and_somebody_else_s_account_are_found() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        move_money(&isp, cash(1), customer(1), 100).await;
        assert!(shell(&isp, &["UPDATE ledger_accounts SET balance_minor = 7 WHERE kind = 'cash'"]).await);
        assert_eq!(kinds(&verified(&isp).await), ["fold"]);
        assert!(shell(&isp, &["UPDATE ledger_accounts SET balance_minor = 100 WHERE kind = 'cash'"]).await);
        assert!(verified(&isp).await.ok);
        assert!(shell(&isp, &["UPDATE ledger_accounts SET owner_id = 'ME' WHERE kind = 'advance'"]).await);
        assert_eq!(kinds(&verified(&isp).await), ["mac"]);
        assert!(shell(&isp, &["DELETE FROM ledger_unsealed"]).await);
        assert!(kinds(&verified(&isp).await).contains(&"stray"));
    })
    .await;
}

/// A model that knows nothing of SQL: after every posting the balances agree, and at the end all of it verifies.
#[tokio::test]
async fn a_thousand_random_postings_agree_with_a_model() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let rng = crate::kernel::SeededRng::new(42);
        let below = |n: u64| {
            let mut bytes = [0u8; 8];
            rng.fill(&mut bytes);
            u64::from_le_bytes(bytes) % n
        };
        let accounts: Vec<Account> = (1..=3).map(cash).chain((1..=6).map(customer)).chain([Account::Revenue]).collect();
        let mut model: BTreeMap<Account, i64> = BTreeMap::new();
        for round in 0..20 {
            let mut tx = isp.test.begin().await;
            let mut drafted = model.clone();
            for _ in 0..50 {
                let pick = |n: u64| accounts[usize::try_from(n).unwrap()];
                let (debit, credit) = (pick(below(10)), pick(below(10)));
                if debit == credit {
                    continue;
                }
                let minor = i64::try_from(1 + below(1_000_000)).unwrap();
                let legs = transfer(debit, credit, bdt(minor)).unwrap().to_vec();
                post(&mut tx, &isp.keyring, &isp.cashier, entry(&isp, legs)).await.unwrap();
                *drafted.entry(debit).or_insert(0) += minor;
                *drafted.entry(credit).or_insert(0) -= minor;
            }
            if round % 4 == 3 {
                tx.rollback().await.unwrap();
                continue;
            }
            tx.commit().await.unwrap();
            model = drafted;
            if round % 5 == 0 {
                seal_all(&isp).await;
            }
        }
        let mut tx = isp.test.read().await;
        for (account, expected) in &model {
            let kept = balance(&mut tx, isp.branch.id, *account, Currency::BDT).await.unwrap();
            assert_eq!(kept.minor(), *expected, "{account:?}");
        }
        assert_eq!(model.values().sum::<i64>(), 0);
        drop(tx);
        let report = verified(&isp).await;
        assert!(report.ok, "{report:?}");
    })
    .await;
}
