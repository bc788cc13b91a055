//! Usage on both databases.

use lastmile_protocol::ids::{AgentId, LineNo};
use lastmile_protocol::uplink::{Gap, GapCause, UsageChunk, UsageRecord};

use super::*;
use crate::db::Tx;
use crate::db::testing::on_both;
use crate::domains::network::LineNames;
use crate::domains::network::testing::Ground;
use crate::kernel::At;
use crate::kernel::time::parse_day;

fn ms(text: &str) -> i64 {
    text.parse::<At>().unwrap().0
}

fn record(line: u32, start: &str, end: &str, down: u64) -> UsageRecord {
    UsageRecord { line: LineNo(line), start_ms: ms(start), end_ms: ms(end), down_octets: down, up_octets: 1 }
}

async fn take(tx: &mut Tx, ground: &Ground, agent: AgentId, seq: u64, records: &[UsageRecord]) -> Taken {
    let mut names = LineNames::default();
    names.refresh(tx, ground.pop).await.unwrap();
    let from = Source { agent, pop: ground.pop, branch: ground.branch, epoch: 1, seq };
    append(tx, &names, "Asia/Dhaka", from, UsageChunk::pack(records).unwrap(), records).await.unwrap()
}

#[tokio::test]
async fn every_statement_is_one_on_both_databases() {
    on_both(|test| async move {
        use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};
        let mut tx = test.begin().await;
        let own = match tx.dialect() {
            crate::db::Dialect::Sqlite => store::days::STATEMENTS_SQLITE,
            crate::db::Dialect::Postgres => store::days::STATEMENTS_POSTGRES,
        };
        for sql in store::STATEMENTS.iter().flat_map(|list| list.iter()).chain(own) {
            let prepared = tx.conn().prepare(AssertSqlSafe(*sql).into_sql_str()).await;
            assert!(prepared.is_ok(), "{sql}: {:?}", prepared.err());
        }
    })
    .await;
}

#[tokio::test]
async fn records_are_read_back_and_added_up_by_day_of_the_branch() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let line = ground.put(ground.wanted("a")).await.unwrap();
        let other = ground.put(ground.wanted("b")).await.unwrap();
        let agent = ground.agent(1).await;
        // Midnight in Dhaka is 18:00 UTC.
        let records = [
            record(1, "2026-11-22T17:50:00Z", "2026-11-22T17:55:00Z", 100),
            record(1, "2026-11-22T17:55:00Z", "2026-11-22T18:05:00Z", 1_001),
            record(2, "2026-11-22T17:55:00Z", "2026-11-22T18:05:00Z", 7),
            record(99, "2026-11-22T17:55:00Z", "2026-11-22T18:05:00Z", 7),
            record(1, "2026-11-22T18:05:00Z", "2026-11-22T18:05:00Z", 7),
        ];
        let mut tx = ground.test.begin().await;
        let taken = take(&mut tx, &ground, agent, 1, &records).await;
        assert_eq!(taken, Taken { records: 5, unknown: 1, wrong: 1, gaps: 0 });
        take(&mut tx, &ground, agent, 2, &[record(1, "2026-11-22T18:05:00Z", "2026-11-22T18:10:00Z", 10)]).await;
        // A chunk that spans more than six hours is found as well.
        take(
            &mut tx,
            &ground,
            agent,
            3,
            &[
                record(1, "2026-11-22T18:10:00Z", "2026-11-22T18:15:00Z", 20),
                record(2, "2026-11-23T18:10:00Z", "2026-11-23T18:15:00Z", 5),
            ],
        )
        .await;
        tx.commit().await.unwrap();

        let mut tx = ground.test.read().await;
        let (from, to) = (parse_day("2026-11-22").unwrap(), parse_day("2026-11-23").unwrap());
        let days = totals(&mut tx, line, from, to).await.unwrap();
        let octets: Vec<_> = days.iter().map(|d| (d.date.as_str(), d.down_octets)).collect();
        assert_eq!(octets, [("2026-11-22", 600), ("2026-11-23", 531)]);
        let read = range(&mut tx, line, ms("2026-11-22T17:55:00Z"), ms("2026-11-22T18:15:00Z")).await.unwrap();
        assert_eq!(read.iter().map(|r| r.down_octets).collect::<Vec<_>>(), [1_001, 10, 20]);
        assert_eq!(range(&mut tx, other, ms("2026-11-23T18:12:00Z"), i64::MAX).await.unwrap().len(), 1);
        assert!(range(&mut tx, line, ms("2026-11-24T00:00:00Z"), i64::MAX).await.unwrap().is_empty());
        let all = report(&mut tx, line, Some(from), Some(to)).await.unwrap();
        assert_eq!((all.down_octets, all.up_octets, all.gaps.len()), (1_131, 4, 0));
        assert!(report(&mut tx, line, Some(to), Some(from)).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn gaps_of_the_line_and_of_lost_chunks_are_told() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let line = ground.put(ground.wanted("a")).await.unwrap();
        let agent = ground.agent(1).await;
        let gap = |no: Option<u32>, cause| Gap {
            cause,
            line: no.map(LineNo),
            router: None,
            start_ms: ms("2026-11-22T10:00:00Z"),
            end_ms: ms("2026-11-22T10:01:00Z"),
            down_octets: 5,
            up_octets: 6,
            chunks: (0, 0, 0),
        };
        let gaps = [
            gap(Some(1), GapCause::SessionEnded),
            gap(None, GapCause::SpoolLost),
            gap(Some(2), GapCause::CounterReset),
        ];
        let mut tx = ground.test.begin().await;
        let mut names = LineNames::default();
        names.refresh(&mut tx, ground.pop).await.unwrap();
        let from = Source { agent, pop: ground.pop, branch: ground.branch, epoch: 1, seq: 1 };
        let mut intake = Intake::new("Asia/Dhaka");
        intake.gaps(&mut tx, &names, from, &gaps).await.unwrap();
        let taken = intake.finish(&mut tx, &names, ground.branch).await.unwrap();
        assert_eq!((taken.gaps, taken.unknown), (3, 1));
        let day = parse_day("2026-11-22");
        let told = report(&mut tx, line, day, day).await.unwrap().gaps;
        let mut causes: Vec<_> = told.iter().map(|g| (g.cause.as_str(), g.of_this_line, g.down_octets)).collect();
        causes.sort_unstable();
        assert_eq!(causes, [("session_ended", true, 5), ("spool_lost", false, 5)]);
    })
    .await;
}

#[tokio::test]
async fn a_mark_moves_only_from_where_it_stands() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let agent = ground.agent(1).await;
        let at = |epoch, seq| Source { agent, pop: ground.pop, branch: ground.branch, epoch, seq };
        let mut tx = ground.test.begin().await;
        assert!(move_mark(&mut tx, at(1, 4), 0).await.unwrap());
        assert!(!move_mark(&mut tx, at(1, 5), 0).await.unwrap());
        assert!(move_mark(&mut tx, at(1, 5), 4).await.unwrap());
        assert!(move_mark(&mut tx, at(2, 1), 0).await.unwrap());
        assert_eq!(marks(&mut tx, agent).await.unwrap(), [(1, 5), (2, 1)].into());
        quarantine(&mut tx, at(2, 2), "of another time", vec![1, 2]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn old_records_go_in_batches_and_their_totals_stay() {
    on_both(|test| async move {
        let ground = Ground::new(test).await;
        let line = ground.put(ground.wanted("a")).await.unwrap();
        let agent = ground.agent(1).await;
        let mut tx = ground.test.begin().await;
        // More than two batches, each chunk five minutes on.
        let first = ms("2024-01-01T00:00:00Z");
        for seq in 0..1_100_u32 {
            let start_ms = first + i64::from(seq) * 300_000;
            let record =
                UsageRecord { line: LineNo(1), start_ms, end_ms: start_ms + 300_000, down_octets: 3, up_octets: 1 };
            take(&mut tx, &ground, agent, u64::from(seq) + 1, &[record]).await;
        }
        // Of those that span more than six hours, one ends before the moment and one does not.
        for (seq, first, last) in [(2_001, "2023-12-30", "2023-12-31"), (2_002, "2023-12-31", "2024-02-01")] {
            let record = |day| record(1, &format!("{day}T00:00:00Z"), &format!("{day}T00:05:00Z"), 5);
            take(&mut tx, &ground, agent, seq, &[record(first), record(last)]).await;
        }
        tx.commit().await.unwrap();

        let before = first + 1_080 * 300_000 + 1;
        assert_eq!(forget_records(&ground.test.db, before).await.unwrap(), 1_081);
        assert_eq!(forget_records(&ground.test.db, before).await.unwrap(), 0);
        let mut tx = ground.test.read().await;
        let left = range(&mut tx, line, 0, i64::MAX).await.unwrap();
        assert_eq!(left.len(), 20 + 2);
        assert!(left.iter().filter(|r| r.down_octets == 3).all(|r| r.end_ms >= before));
        let days =
            totals(&mut tx, line, parse_day("2023-12-01").unwrap(), parse_day("2024-02-28").unwrap()).await.unwrap();
        assert_eq!(days.iter().map(|day| day.down_octets).sum::<u64>(), 1_100 * 3 + 20);
    })
    .await;
}
