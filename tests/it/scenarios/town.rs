//! Customers who move octets all the time, and the books about it: what the router handed out, reading by reading,
//! beside what the controller has stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lastmile_controller::db::{Db, DbConfig};
use lastmile_controller::domains::usage;
use lastmile_controller::kernel::{Scope, SystemClock, SystemRng};
use lastmile_protocol::ids::LineId;
use lastmile_testbed::processes::eventually;
use lastmile_testbed::rng::Seeded;
use lastmile_testbed::routeros::{Handle, Octets, Reading};
use serde_json::json;
use tokio::task::JoinSet;

use super::isp::{Customer, Isp, SOON, from_now};

/// Lines whose usage is compared.
const LINES: usize = 12;

/// Every reading that the router handed out, by name and time.
type Readings = Arc<std::sync::Mutex<BTreeMap<String, BTreeMap<i64, Octets>>>>;

/// Customers with traffic.
pub struct Town {
    people: Vec<Customer>,
    readings: Readings,
    traffic: JoinSet<()>,
}

impl Town {
    /// Customers who are online and move octets all the time, and a clerk who notes every reading.
    pub async fn settle(isp: &Isp) -> Result<Self> {
        let until = from_now(30 * 86_400);
        let mut people = Vec::new();
        for number in 0..LINES {
            people.push(isp.customer_until(&format!("user{number:02}"), Some(&until)).await?);
        }
        for customer in &people {
            isp.on_router(customer, true).await?;
        }
        let readings = Readings::default();
        let mut traffic = JoinSet::new();
        let names: Vec<String> = people.iter().map(|customer| customer.username.clone()).collect();
        traffic.spawn(move_octets(isp.router.handle().clone(), names.clone()));
        traffic.spawn(note_readings(isp.router.handle().clone(), names, Arc::clone(&readings)));
        Ok(Self { people, readings, traffic })
    }
}

async fn move_octets(router: Handle, names: Vec<String>) {
    let mut dice = Seeded::new(7);
    loop {
        for name in &names {
            let octets = Octets { down_octets: dice.below(3_000_000), up_octets: dice.below(400_000) };
            assert!(router.pass(name, octets), "{name} went offline: then nothing can be exact");
        }
        tokio::time::sleep(Duration::from_millis(70)).await;
    }
}

async fn note_readings(router: Handle, names: Vec<String>, book: Readings) {
    loop {
        note(&router, &names, &book);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn note(router: &Handle, names: &[String], book: &Readings) {
    for name in names {
        let fresh: Vec<Reading> = router.readings(name);
        let mut book = book.lock().expect("nobody panics with the book in hand");
        book.entry(name.clone()).or_default().extend(fresh.into_iter().map(|r| (r.at_ms, r.octets)));
    }
}

/// Traffic ends, and everything arrives.
pub async fn all_arrives(isp: &Isp, town: &mut Town) -> Result<()> {
    town.traffic.shutdown().await;
    for customer in &town.people {
        arrived(isp, customer).await?;
    }
    Ok(())
}

/// The books are laid beside each other.
pub async fn compare(isp: &mut Isp, town: Town) -> Result<()> {
    let names: Vec<String> = town.people.iter().map(|customer| customer.username.clone()).collect();
    note(isp.router.handle(), &names, &town.readings);
    isp.controller.stop().await?;
    let database = open(isp).await?;
    for customer in &town.people {
        let readings = of(&town.readings, &customer.username)?;
        let truth = isp.router.handle().true_octets(&customer.username);
        agree(&database, customer, &readings, truth.octets).await?;
    }
    Ok(())
}

/// What the router handed out of one line.
fn of(book: &Readings, name: &str) -> Result<BTreeMap<i64, Octets>> {
    let book = book.lock().expect("nobody panics with the book in hand");
    book.get(name).cloned().context("readings of the line")
}

/// Waits until the totals of the line are what really passed.
async fn arrived(isp: &Isp, customer: &Customer) -> Result<()> {
    let path = format!("/subscriptions/{}/usage", customer.subscription);
    eventually(&format!("all octets of {} arrive", customer.username), SOON, async || {
        let shown = isp.api.get(&path).await.map_err(|why| json!(format!("{why:#}")))?;
        let truth = isp.router.handle().true_octets(&customer.username).octets;
        let same = shown["down_octets"] == json!(truth.down_octets) && shown["up_octets"] == json!(truth.up_octets);
        if same { Ok(()) } else { Err(json!({ "shown": shown, "truth": truth, "spool": isp.pop().await.ok() })) }
    })
    .await
}

async fn open(isp: &Isp) -> Result<Db> {
    let url = format!("sqlite://{}", isp.folder.path().join("controller/lastmile.db").display());
    let config = DbConfig { url, owner_url: None, max_connections: 2 };
    Ok(Db::connect(&config, Arc::new(SystemClock::new()), Arc::new(SystemRng::new())).await?)
}

/// Each record is the difference of two readings, and they follow each other.
async fn agree(database: &Db, customer: &Customer, readings: &BTreeMap<i64, Octets>, truth: Octets) -> Result<()> {
    let mut tx = database.read(&Scope::All).await?;
    let line: String = sqlx::query_scalar("SELECT line_id FROM subscriptions WHERE id = $1")
        .bind(&customer.subscription)
        .fetch_one(tx.conn())
        .await?;
    let line: LineId = line.parse().map_err(|_| anyhow::anyhow!("{line} is no id"))?;
    let records = usage::range(&mut tx, line, 0, i64::MAX).await.map_err(|fault| anyhow::anyhow!("{fault:?}"))?;
    ensure!(records.len() > 10, "{} records of {}", records.len(), customer.username);
    let (mut before, mut sum) = (None, Octets::default());
    for record in &records {
        ensure!(before.is_none_or(|end| end == record.start_ms), "a hole or an overlap before {record:?}");
        before = Some(record.end_ms);
        sum.add(Octets { down_octets: record.down_octets, up_octets: record.up_octets });
        let (at, read) = nearest(readings, record.end_ms).with_context(|| format!("no reading at {record:?}"))?;
        ensure!(read == sum, "until {} the router showed {read:?} (at {at}), the records say {sum:?}", record.end_ms);
    }
    ensure!(sum == truth, "{}: {sum:?} recorded, {truth:?} passed", customer.username);
    Ok(())
}

/// The reading that was handed out at this time, give or take what a poll takes.
fn nearest(readings: &BTreeMap<i64, Octets>, at_ms: i64) -> Option<(i64, Octets)> {
    let near = readings.range(at_ms - 400..=at_ms + 400);
    near.min_by_key(|(at, _)| at.abs_diff(at_ms)).map(|(at, octets)| (*at, *octets))
}
