//! A backup and what comes out of it again: every row on either database, nothing from a damaged file, nobody cut.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lastmile_protocol::downlink::Generation;
use sqlx::AssertSqlSafe;
use tempfile::TempDir;
use tokio::sync::watch;

use super::rows::Cell;
use super::{BackupError, check, jobs, make, reseal, restore, rules, store};
use crate::config::Config;
use crate::db::Db;
use crate::db::testing::{START_MS, TestDb, empty, on_both};
use crate::domains::fixture::Isp;
use crate::domains::lines::{HoldReason, NewHold};
use crate::domains::{dunning, ledger, lines, network, settings};
use crate::events::seal;
use crate::jobs::{Driver, Registry, run_until_idle};
use crate::kernel::{Actor, Scope, SeededRng};
use crate::secrets::Keyring;
use crate::web::App;

/// Tables that a restore changes on purpose.
const CHANGED: &[&str] = &[
    "incarnations",
    "dunning_freezes",
    "events",
    "event_unsealed",
    "event_personal",
    "web_sessions",
    "notices",
    "notices",
    "lines",
    "pops",
];

fn other_key() -> Arc<Keyring> {
    Arc::new(Keyring::from_text(&"6".repeat(64), "test", Arc::new(SeededRng::new(9))).unwrap())
}

/// An ISP with lines, money, a held line, and a chain of events.
async fn isp(test: TestDb) -> Isp {
    let isp = Isp::open(test).await;
    isp.line("open", Some(Some(START_MS + 86_400_000))).await;
    let held = isp.line("held", Some(Some(START_MS + 86_400_000))).await;
    let mut tx = isp.test.begin().await;
    let why = NewHold { reason: HoldReason::Staff, note: "asked by the office".into() };
    lines::place_hold(&mut tx, &isp.cashier, &held, why).await.unwrap();
    seal::seal(&mut tx, &*isp.keyring).await.unwrap();
    tx.commit().await.unwrap();
    isp
}

/// Every row of every table, in one order.
async fn everything(db: &Db) -> BTreeMap<String, Vec<String>> {
    let mut tx = db.read(&Scope::All).await.unwrap();
    let mut all = BTreeMap::new();
    for name in store::tables(&mut tx).await.unwrap() {
        let mut table = store::table(&mut tx, &name).await.unwrap();
        table.columns.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let rows = sqlx::query(AssertSqlSafe(table.select())).fetch_all(tx.conn()).await.unwrap();
        let mut rows: Vec<String> = rows
            .iter()
            .map(|row| table.cells(row).unwrap())
            .map(|cells: Vec<Cell>| cells.iter().map(|cell| format!("{cell:?}|")).collect())
            .collect();
        rows.sort_unstable();
        all.insert(name, rows);
    }
    all
}

async fn backup(isp: &Isp, folder: &Path) -> PathBuf {
    let place = folder.join("one.lmbackup");
    std::fs::write(folder.join("fleet.key"), "the controller's own key").unwrap();
    let (header, content) = make(&isp.test.db, &isp.keyring, folder, &place, |_| {}).await.unwrap();
    assert!(content.rows > 20 && content.tables > 30, "{content:?}");
    assert_eq!(header.key_id, isp.keyring.id());
    assert!(header.audit_head.is_some());
    place
}

#[tokio::test]
async fn every_row_comes_back_on_either_database() {
    on_both(|test| async move {
        let isp = isp(test).await;
        let folder = TempDir::new().unwrap();
        let place = backup(&isp, folder.path()).await;
        let before = everything(&isp.test.db).await;
        let isp = &isp;
        let (place, before) = (&place, &before);
        empty(|target| async move {
            let data = TempDir::new().unwrap();
            // Time has passed: ids of the new life are not those of the old one.
            target.clock.advance(3_600_000);
            let restored =
                restore(&target.db, &isp.keyring, data.path(), place, &Actor::system(), |_| {}).await.unwrap();
            target.db.migrate().await.unwrap();
            let after = everything(&target.db).await;
            for (name, rows) in before.iter().filter(|(name, _)| !CHANGED.contains(&name.as_str())) {
                let same = name == "schema_migrations" || after.get(name) == Some(rows);
                assert!(same, "{name}: {rows:?} became {:?}", after.get(name));
            }
            for name in ["events", "event_personal"] {
                let kept = before[name].iter().filter(|row| after[name].contains(row)).count();
                assert_eq!(kept, before[name].len(), "what happened before is there: {name}");
            }
            assert_eq!(std::fs::read_to_string(data.path().join("fleet.key")).unwrap(), "the controller's own key");
            let mut tx = target.read().await;
            let record = seal::verify(&mut tx, &*isp.keyring, restored.header.audit_head.as_slice()).await.unwrap();
            assert!(record.ok, "{:?}", record.problems);
            let books = ledger::verify(&mut tx, &isp.keyring).await.unwrap();
            assert!(books.ok, "{:?}", books.problems);
            tx.rollback().await.unwrap();
            nobody_is_cut(&target, isp).await;
            let again = restore(&target.db, &isp.keyring, data.path(), place, &Actor::system(), |_| {}).await;
            assert!(matches!(again, Err(BackupError::NotEmpty(_))), "not over what is there");
        })
        .await;
    })
    .await;
}

/// A higher life; the open line is told; the held one is not, until a person has cleared the freeze.
async fn nobody_is_cut(target: &TestDb, isp: &Isp) {
    let old = Generation { incarnation: 1, counter: 1_000 };
    let mut tx = target.begin().await;
    let told = network::changes_since(&mut tx, &isp.keyring, isp.pop, old).await.unwrap();
    assert!(told.until > old, "{:?} is obeyed by who obeyed {old:?}", told.until);
    assert_eq!((told.lines.len(), told.count), (1, 1));
    assert!(told.lines[0].open);
    assert!(dunning::frozen(&mut tx).await.unwrap().is_some_and(|freeze| freeze.cause == "restored"));
    dunning::clear(&mut tx, &Actor::system(), "all payments were entered again").await.unwrap();
    let told = network::changes_since(&mut tx, &isp.keyring, isp.pop, told.until).await.unwrap();
    assert_eq!((told.lines.len(), told.count), (1, 2));
    assert!(!told.lines[0].open);
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn another_key_and_a_damaged_file_open_nothing() {
    let isp = isp(TestDb::sqlite().await).await;
    let folder = TempDir::new().unwrap();
    let place = backup(&isp, folder.path()).await;
    let refused = check(&place, &other_key()).unwrap_err().to_string();
    assert!(refused.contains(&isp.keyring.id()) && refused.contains(&other_key().id()), "{refused}");

    let whole = std::fs::read(&place).unwrap();
    assert!(!whole.windows(6).any(|window| window == b"secret"), "nothing stands in clear");
    let broken = folder.path().join("broken.lmbackup");
    let step = (whole.len() / 300).max(1);
    for at in (0..whole.len()).step_by(step) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&broken, &bytes).unwrap();
        assert!(check(&broken, &isp.keyring).is_err(), "byte {at} of {}", whole.len());
        std::fs::write(&broken, &whole[..at]).unwrap();
        assert!(check(&broken, &isp.keyring).is_err(), "cut at {at} of {}", whole.len());
    }
    let target = TestDb::sqlite_empty().await;
    let data = TempDir::new().unwrap();
    std::fs::write(&broken, &whole[..whole.len() - 1]).unwrap();
    restore(&target.db, &isp.keyring, data.path(), &broken, &Actor::system(), |_| {}).await.unwrap_err();
    assert!(!data.path().join("fleet.key").exists(), "a restore that failed leaves no key behind");
}

#[tokio::test]
async fn the_clock_makes_backups_and_the_old_ones_go() {
    let isp = isp(TestDb::sqlite().await).await;
    let folder = TempDir::new().unwrap();
    let text = format!(
        "[data]\ndir = '{0}'\n[backup]\ndir = '{0}/backups'\nevery_hours = 1\nkeep = 2\nkeep_months = 0",
        folder.path().display()
    );
    let config = Arc::new(Config::parse(&text, std::iter::empty()).unwrap());
    let (_stop, stopping) = watch::channel(false);
    let test = &isp.test;
    let app = App::new(test.db.clone(), test.clock.clone(), test.rng.clone(), isp.keyring.clone(), config, stopping);
    let driver = Driver::new(test.db.clone(), Registry::new().merge(jobs(&app)), &*test.rng);
    for _ in 0..4 {
        run_until_idle(&driver).await.unwrap();
        test.clock.advance(3_600_000);
    }
    let list = store::list(&mut test.read().await, None, 100).await.unwrap();
    let states: Vec<_> = list.iter().map(|backup| (backup.state.as_str(), backup.error.as_deref())).collect();
    assert_eq!(states, [("done", None), ("done", None), ("removed", None), ("removed", None)]);
    let files: Vec<_> = std::fs::read_dir(folder.path().join("backups")).unwrap().collect();
    assert_eq!(files.len(), 2);
    for backup in list.iter().filter(|backup| backup.state == "done") {
        let name = backup.file.clone().unwrap();
        assert_eq!(name, rules::file_name(&backup.started_at.unwrap().to_string()));
        check(&folder.path().join("backups").join(name), &isp.keyring).unwrap();
    }

    // A place that cannot be written: said, and tried again an hour later.
    std::fs::remove_dir_all(folder.path().join("backups")).unwrap();
    std::fs::write(folder.path().join("backups"), "a file").unwrap();
    test.clock.advance(3_600_000);
    run_until_idle(&driver).await.unwrap();
    let list = store::list(&mut test.read().await, None, 100).await.unwrap();
    assert_eq!(list[0].state, "failed");
    assert!(list[0].error.as_deref().unwrap().contains("backups"), "{:?}", list[0].error);
    run_until_idle(&driver).await.unwrap();
    assert_eq!(store::list(&mut test.read().await, None, 100).await.unwrap().len(), list.len());
}

#[tokio::test]
async fn a_new_key_takes_over_while_everything_runs() {
    on_both(|test| async move {
        let isp = isp(test).await;
        let mut tx = isp.test.begin().await;
        settings::put(&mut tx, None, settings::SEAL_KEY_ID, &isp.keyring.id()).await.unwrap();
        tx.commit().await.unwrap();
        let both = format!("{}\n{}", "6".repeat(64), "5".repeat(64));
        let both = Keyring::from_text(&both, "test", Arc::new(SeededRng::new(11))).unwrap();
        let alone = other_key();
        let old = Generation { incarnation: 1, counter: 0 };
        let mut tx = isp.test.begin().await;
        assert!(network::changes_since(&mut tx, &alone, isp.pop, old).await.is_err(), "the new key opens nothing yet");
        tx.rollback().await.unwrap();

        // A router and two lines.
        assert_eq!(reseal(&isp.test.db, &both).await.unwrap(), 3);
        assert_eq!(reseal(&isp.test.db, &both).await.unwrap(), 0);
        let mut tx = isp.test.begin().await;
        let told = network::changes_since(&mut tx, &alone, isp.pop, old).await.unwrap();
        assert_eq!(told.lines.len(), 2, "the new key alone opens them");
        assert!(network::changes_since(&mut tx, &isp.keyring, isp.pop, old).await.is_err(), "the old one does not");
        assert_eq!(settings::get(&mut tx, None, settings::SEAL_KEY_ID).await.unwrap(), Some(alone.id()));
        let books = ledger::verify(&mut tx, &both).await.unwrap();
        let record = seal::verify(&mut tx, &both, &[]).await.unwrap();
        assert!(books.ok && record.ok, "the past is verified with the key that it had");
    })
    .await;
}
