//! The power comes back, and everybody signs in at the same minute.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lastmile_testbed::clock;
use lastmile_testbed::processes::{Controller, Folder, Settings};
use serde_json::json;

/// Sign-ins at once.
const PEOPLE: usize = 1_000;
/// Every so many-th knows no password, or is nobody.
const STRANGER: usize = 10;
const USERS: usize = 20;
/// Nobody waits longer: a slower answer is an error of the client.
const PATIENCE: Duration = Duration::from_secs(60);
/// The probe of a supervisor would call a slower answer none.
const QUICK: Duration = Duration::from_secs(2);
const PASSWORD: &str = "correct horse battery";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_people_sign_in_at_once() {
    let folder = Folder::new().expect("a folder");
    if let Err(why) = rush(&folder).await {
        panic!("{why:?}");
    }
}

async fn rush(folder: &Folder) -> Result<()> {
    let mut controller = Controller::prepare(folder, &Settings::default()).await?;
    controller.command(&["migrate"], "")?.success()?;
    for user in 0..USERS {
        let name = format!("user{user}");
        let words = ["user", "add", "--username", &name, "--role", "cashier"];
        controller.command(&words, &format!("{PASSWORD}\n"))?.success()?;
    }
    controller.start().await?;
    let base = controller.base();
    let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let before = verifications(&http, &base).await?;
    let over = Arc::new(AtomicBool::new(false));
    let probes = tokio::spawn(probe(base.clone(), Arc::clone(&over)));
    let started = clock::mono_ms();
    let all: Vec<_> = (0..PEOPLE).map(|person| tokio::spawn(enter(http.clone(), base.clone(), person))).collect();
    let mut refused = 0;
    for task in all {
        refused += usize::from(!task.await??);
    }
    let took = Duration::from_millis(clock::mono_ms() - started);
    over.store(true, Ordering::Relaxed);
    let (count, slowest) = probes.await??;
    let compared = verifications(&http, &base).await? - before;
    println!("{PEOPLE} sign-ins took {took:?}; {count} looks at /healthz, the slowest {slowest:?}");
    ensure!(refused == PEOPLE / STRANGER, "{refused} were refused");
    ensure!(compared == PEOPLE as u64, "{compared} passwords were compared");
    controller.stop().await
}

/// Signs one person in; every tenth is a stranger. Says whether they got in.
async fn enter(http: reqwest::Client, base: String, person: usize) -> Result<bool> {
    let body = match (person % STRANGER, person % (2 * STRANGER)) {
        (0, 0) => json!({"username": format!("stranger{person}"), "password": PASSWORD}),
        // Two wrong tries each of their own user's: nobody is made to wait for that.
        (0, _) => json!({"username": format!("user{}", person / STRANGER % USERS), "password": "wrong"}),
        _ => json!({"username": format!("user{}", person % USERS), "password": PASSWORD}),
    };
    let answer = http.post(format!("{base}/api/v1/login")).json(&body).send().await.context("a sign-in")?;
    match (answer.status().as_u16(), person % STRANGER) {
        (200, 1..) => Ok(true),
        (401, 0) => Ok(false),
        (status, _) => anyhow::bail!("person {person}: {status} {}", answer.text().await?),
    }
}

/// Asks for a sign of life again and again; gives how often, and the slowest answer.
async fn probe(base: String, over: Arc<AtomicBool>) -> Result<(usize, Duration)> {
    let http = reqwest::Client::builder().timeout(QUICK).no_proxy().build()?;
    let (mut count, mut slowest) = (0, Duration::ZERO);
    while !over.load(Ordering::Relaxed) {
        let asked = clock::mono_ms();
        let answer = http.get(format!("{base}/healthz")).send().await.context("/healthz during the rush")?;
        ensure!(answer.status().is_success(), "/healthz says {}", answer.status());
        (count, slowest) = (count + 1, slowest.max(Duration::from_millis(clock::mono_ms() - asked)));
    }
    Ok((count, slowest))
}

async fn verifications(http: &reqwest::Client, base: &str) -> Result<u64> {
    let text = http.get(format!("{base}/metrics")).send().await?.text().await?;
    let line = text.lines().find_map(|line| line.strip_prefix("lastmile_password_verifications_total "));
    line.map_or(Ok(0), |number| number.trim().parse().context("the counter"))
}
