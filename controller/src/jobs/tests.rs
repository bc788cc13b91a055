//! The queue on both databases.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{Driver, JobError, Registry, enqueue, run_until_idle, schedules, store};
use crate::db::testing::{TestDb, on_both};
use crate::events::Hub;

fn counting(registry: Registry, kind: &'static str, fails: usize) -> (Registry, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let registry = registry.handle(kind, move |_| {
        let before = seen.fetch_add(1, Ordering::SeqCst);
        async move { if before < fails { Err(JobError::Retry("not yet".to_owned())) } else { Ok(()) } }
    });
    (registry, count)
}

async fn queue(test: &TestDb, kind: &str, key: &str, in_ms: i64) {
    let mut tx = test.begin().await;
    let at = tx.now_ms() + in_ms;
    enqueue(&mut tx, kind, key, &json!({"a": 1}), at).await.unwrap();
    tx.commit().await.unwrap();
}

fn driver(test: &TestDb, registry: Registry) -> Driver {
    Driver::new(test.db.clone(), registry, &*test.rng)
}

#[tokio::test]
async fn a_job_runs_once_and_a_waiting_one_is_not_doubled() {
    on_both(|test| async move {
        let (registry, count) = counting(Registry::new(), "greet", 0);
        let driver = driver(&test, registry);
        queue(&test, "greet", "x", 0).await;
        queue(&test, "greet", "x", 0).await;
        queue(&test, "greet", "y", 60_000).await;
        assert_eq!(run_until_idle(&driver).await.unwrap(), 1);
        test.clock.advance(60_000);
        assert_eq!(run_until_idle(&driver).await.unwrap(), 1);
        assert_eq!(count.load(Ordering::SeqCst), 2);
    })
    .await;
}

#[tokio::test]
async fn a_rolled_back_cause_leaves_no_job() {
    on_both(|test| async move {
        let mut nudges = test.db.nudges().subscribe();
        let mut tx = test.begin().await;
        enqueue(&mut tx, "greet", "x", &json!({}), 0).await.unwrap();
        tx.rollback().await.unwrap();
        let (registry, _) = counting(Registry::new(), "greet", 0);
        assert_eq!(run_until_idle(&driver(&test, registry)).await.unwrap(), 0);
        assert!(nudges.try_recv().is_err());
    })
    .await;
}

#[tokio::test]
async fn a_failure_waits_longer_each_time_and_then_succeeds() {
    on_both(|test| async move {
        let (registry, count) = counting(Registry::new(), "flaky", 2);
        let driver = driver(&test, registry);
        queue(&test, "flaky", "x", 0).await;
        assert_eq!(run_until_idle(&driver).await.unwrap(), 1);
        assert_eq!(run_until_idle(&driver).await.unwrap(), 0);
        test.clock.advance(2_000);
        assert_eq!(run_until_idle(&driver).await.unwrap(), 1);
        test.clock.advance(3_999);
        assert_eq!(run_until_idle(&driver).await.unwrap(), 0);
        test.clock.advance(1);
        assert_eq!(run_until_idle(&driver).await.unwrap(), 1);
        assert_eq!(count.load(Ordering::SeqCst), 3);
    })
    .await;
}

#[tokio::test]
async fn a_job_of_a_lost_worker_is_taken_over() {
    on_both(|test| async move {
        queue(&test, "greet", "x", 0).await;
        let mut tx = test.begin().await;
        let until = tx.now_ms() + 1_000;
        assert!(store::claim(&mut tx, "lost", until).await.unwrap().is_some());
        assert!(store::claim(&mut tx, "other", until).await.unwrap().is_none());
        tx.commit().await.unwrap();
        let (registry, count) = counting(Registry::new(), "greet", 0);
        let driver = driver(&test, registry);
        assert_eq!(run_until_idle(&driver).await.unwrap(), 0);
        test.clock.advance(1_001);
        assert_eq!(run_until_idle(&driver).await.unwrap(), 1);
        assert_eq!(count.load(Ordering::SeqCst), 1);
        // The lost worker comes back and finds that the job is not its own any more.
        let mut tx = test.begin().await;
        let id = tx.new_id();
        assert!(!store::renew(&mut tx, id, "lost", until).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_panic_and_a_missing_handler_are_written_down() {
    on_both(|test| async move {
        let registry = Registry::new().every("explode", 60, |_| async { panic!("boom") });
        let driver = driver(&test, registry);
        queue(&test, "unknown", "x", 0).await;
        assert_eq!(run_until_idle(&driver).await.unwrap(), 2);
        let states = schedules(&mut test.read().await).await.unwrap();
        assert_eq!(states[0].last_status.as_deref(), Some("failed"));
        assert_eq!(states[0].last_error.as_deref(), Some("the handler panicked"));
    })
    .await;
}

#[tokio::test]
async fn a_schedule_runs_by_the_clock_even_when_it_is_turned_back() {
    on_both(|test| async move {
        let count = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&count);
        let registry = Registry::new().every("tick", 60, move |_| {
            seen.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        });
        let driver = driver(&test, registry);
        run_until_idle(&driver).await.unwrap();
        run_until_idle(&driver).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        test.clock.advance(60_000);
        run_until_idle(&driver).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 2);
        test.clock.set_wall(crate::db::testing::START_MS - 86_400_000);
        run_until_idle(&driver).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 3);
    })
    .await;
}

#[tokio::test]
async fn the_driver_hears_of_a_job_and_stops_when_told() {
    let test = TestDb::sqlite().await;
    let (done, mut ran) = tokio::sync::mpsc::channel(1);
    let registry = Registry::new().handle("greet", move |job| {
        let done = done.clone();
        async move { done.send(job.payload).await.map_err(|_| JobError::Fail(String::new())) }
    });
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let task = tokio::spawn(driver(&test, registry).run(Hub::new(&test.db), stopping));
    queue(&test, "greet", "x", 0).await;
    assert_eq!(ran.recv().await.unwrap(), json!({"a": 1}));
    stop.send(true).unwrap();
    task.await.unwrap();
}
