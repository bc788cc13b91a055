//! What a transaction promises, on both databases.

use sqlx::Row as _;

use super::testing::{TestDb, on_both};
use super::{Nudge, Tx};

const READ: &str = "SELECT wall_ms FROM clock_ticks WHERE name = 'count'";
const WRITE: &str = "INSERT INTO clock_ticks (name, wall_ms) VALUES ('count', $1) \
     ON CONFLICT (name) DO UPDATE SET wall_ms = excluded.wall_ms";

async fn count(tx: &mut Tx) -> i64 {
    let row = sqlx::query(READ).fetch_optional(tx.conn()).await.unwrap();
    row.map_or(0, |row| row.try_get(0).unwrap())
}

async fn set(tx: &mut Tx, value: i64) {
    sqlx::query(WRITE).bind(value).execute(tx.conn()).await.unwrap();
}

#[tokio::test]
async fn sqlite_is_opened_with_what_makes_it_durable() {
    let test = TestDb::sqlite().await;
    let mut tx = test.begin().await;
    for (pragma, wanted) in [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1), ("PRAGMA cache_size", -65_536)] {
        let value: i64 = sqlx::query_scalar(pragma).fetch_one(tx.conn()).await.unwrap();
        assert_eq!(value, wanted, "{pragma}");
    }
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(tx.conn()).await.unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn a_reader_cannot_write_and_sees_one_moment() {
    on_both(|test| async move {
        let mut reader = test.read().await;
        assert_eq!(count(&mut reader).await, 0);
        let mut writer = test.begin().await;
        set(&mut writer, 7).await;
        writer.commit().await.unwrap();
        assert_eq!(count(&mut reader).await, 0);
        assert!(sqlx::query(WRITE).bind(1_i64).execute(reader.conn()).await.is_err());
        drop(reader);
        assert_eq!(count(&mut test.read().await).await, 7);
    })
    .await;
}

#[tokio::test]
async fn what_is_read_before_it_is_written_is_not_lost() {
    on_both(|test| async move {
        let add = async |test: TestDb| {
            for _ in 0..10 {
                let mut tx = test.begin().await;
                tx.lock("count").await.unwrap();
                let before = count(&mut tx).await;
                tokio::task::yield_now().await;
                set(&mut tx, before + 1).await;
                tx.commit().await.unwrap();
            }
        };
        let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(add(test.clone()))).collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(count(&mut test.read().await).await, 80);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_transaction_leaves_and_announces_nothing() {
    on_both(|test| async move {
        let mut heard = test.db.nudges().subscribe();
        let mut tx = test.begin().await;
        set(&mut tx, 1).await;
        tx.nudge(Nudge::Jobs);
        drop(tx);
        let mut tx = test.begin().await;
        assert_eq!(count(&mut tx).await, 0);
        tx.nudge(Nudge::Jobs);
        tx.nudge(Nudge::Jobs);
        assert!(heard.try_recv().is_err());
        tx.commit().await.unwrap();
        assert_eq!(heard.try_recv(), Ok(Nudge::Jobs));
        assert!(heard.try_recv().is_err());
    })
    .await;
}

#[tokio::test]
async fn broken_rules_are_told_apart() {
    use super::{Violation, violation};
    on_both(|test| async move {
        for (sql, wanted) in [
            ("INSERT INTO clock_ticks (name, wall_ms) VALUES ('a', 1), ('a', 2)", Violation::Unique),
            (
                "INSERT INTO staff (id, branch_id, username, name, role, password_hash, active, created_at_ms) \
                 VALUES ('x', 'nowhere', 'x', 'x', 'none', 'x', 1, 1)",
                Violation::ForeignKey,
            ),
        ] {
            let mut tx = test.begin().await;
            let error = sqlx::query(sql).execute(tx.conn()).await.unwrap_err();
            assert_eq!(violation(&error), Some(wanted), "{error}");
        }
    })
    .await;
}
