//! The controller's machine burns down. A backup that was made under load is restored on another one: agents obey its
//! new life and send again what it has forgotten, and nobody who is online notices.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lastmile_testbed::processes::{Api, Database, Settings, eventually, never};
use lastmile_testbed::routeros::{Handle, Octets};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::isp::{Customer, Isp, PRICE, SOON, expect, from_now, number, tell, text};

/// Lines that move octets all the time.
const TOWN: usize = 6;
/// How long nobody may be cut after the restored controller was heard.
const QUIET: Duration = Duration::from_secs(8);
/// Until a backup of a small ISP is made on a busy machine.
const MADE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_elsewhere_is_obeyed_and_cuts_nobody_on_sqlite() {
    tell(Settings { interval_seconds: 1, ..Settings::default() }, burnt_down).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_elsewhere_is_obeyed_and_cuts_nobody_on_postgres() {
    tell(Settings { interval_seconds: 1, database: Database::Postgres, ..Settings::default() }, burnt_down).await;
}

async fn burnt_down(isp: &mut Isp) -> Result<()> {
    let until = from_now(30 * 86_400);
    let mut town = Vec::new();
    for number in 0..TOWN {
        town.push(isp.customer_until(&format!("user{number:02}"), Some(&until)).await?);
    }
    let (debtor, payer) = (isp.customer("debtor").await?, isp.customer("payer").await?);
    for customer in [&debtor, &payer] {
        isp.verified(customer, true).await?;
        isp.paid_for(customer, -5).await?;
        isp.verified(customer, false).await?;
    }
    for customer in &town {
        isp.on_router(customer, true).await?;
    }
    let mut traffic = JoinSet::new();
    traffic.spawn(move_octets(isp.router.handle().clone(), town.iter().map(|c| c.username.clone()).collect()));

    let file = backup_under_load(isp, &town).await?;

    // After the backup: somebody pays, somebody is new, usage goes on. The backup knows nothing of it.
    isp.pays(&payer, PRICE, "after the backup").await?;
    isp.verified(&payer, true).await?;
    let late = isp.customer_until("late", Some(&until)).await?;
    isp.verified(&late, true).await?;
    let forgotten = acknowledged_since(isp).await?;
    let generation = generation(isp).await?;

    isp.controller.kill()?;
    restore_elsewhere(isp, &file).await?;
    isp.controller.start().await?;
    isp.connected().await?;
    eventually("the agent obeys the new life", SOON, async || {
        let now = self::generation(isp).await.map_err(|why| format!("{why:#}"))?;
        if now.0 > generation.0 { Ok(()) } else { Err(format!("{now:?}, before {generation:?}")) }
    })
    .await?;

    nobody_is_cut(isp, &town, &payer, &late, &debtor).await?;
    books_are_complete_again(isp, &payer, &debtor).await?;

    // Every octet that the old controller had acknowledged after the backup is in the new one's books.
    traffic.shutdown().await;
    for customer in &town {
        arrived(isp, customer).await?;
    }
    ensure!(resends(isp).await? > 0, "{forgotten} chunks were forgotten, and none was sent again");
    for words in [["verify-audit", "--json"], ["verify-ledger", "--json"]] {
        let report: Value = serde_json::from_str(&isp.controller.command(&words, "")?.success()?)?;
        expect(&report, "/ok", &json!(true))?;
    }
    Ok(())
}

async fn move_octets(router: Handle, names: Vec<String>) {
    loop {
        for name in &names {
            let octets = Octets { down_octets: 150_000, up_octets: 20_000 };
            assert!(router.pass(name, octets), "{name} was cut");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Asks for a backup while money is taken and usage comes in, and waits until it was read back.
async fn backup_under_load(isp: &Isp, town: &[Customer]) -> Result<PathBuf> {
    let mut load = JoinSet::new();
    let payments: Vec<Value> = town.iter().map(|customer| isp.payment(customer, 100)).collect();
    load.spawn(pay_and_pay(isp.api.clone(), payments));
    let asked = isp.api.post("/backups", json!({})).await?;
    let path = format!("/backups/{}", text(&asked, "/id")?);
    let made = eventually("the backup is made", MADE, async || {
        let backup = isp.api.get(&path).await.map_err(|why| json!(format!("{why:#}")))?;
        if ["done", "failed"].iter().any(|state| backup["state"] == json!(state)) { Ok(backup) } else { Err(backup) }
    })
    .await?;
    load.shutdown().await;
    expect(&made, "/state", &json!("done"))?;
    ensure!(number(&made, "/rows")? > 50, "{made}");
    let list = isp.api.get("/backups").await?;
    expect(&list, "/items/0/id", &made["id"])?;
    let place = isp.folder.path().join("controller/backups").join(text(&made, "/file")?);
    // As a person does who carries it to another machine.
    let carried = isp.folder.path().join("carried.lmbackup");
    std::fs::copy(place, &carried).context("the backup's file")?;
    Ok(carried)
}

async fn pay_and_pay(api: Api, payments: Vec<Value>) {
    for round in 0_u32.. {
        for (no, payment) in payments.iter().enumerate() {
            let paid = api.try_pay(&format!("load-{round}-{no}"), payment).await;
            assert!(paid.is_ok_and(|reply| reply.status < 300), "money is taken while the backup is made");
        }
    }
}

/// Waits until the old controller has acknowledged some chunks that are not in the backup, and says how many.
async fn acknowledged_since(isp: &Isp) -> Result<u64> {
    let acked = async || {
        let view = status(isp).await.map_err(|why| format!("{why:#}"))?;
        view.pointer("/spool/acked").and_then(Value::as_u64).ok_or_else(|| view.to_string())
    };
    let begun = eventually("the spool tells how far it has come", SOON, &acked).await?;
    eventually("some more chunks are acknowledged", SOON, async || {
        let now = acked().await?;
        if now >= begun + 3 { Ok(now - begun) } else { Err(format!("{begun}..{now}")) }
    })
    .await
}

/// The agent's own page.
async fn status(isp: &Isp) -> Result<Value> {
    Api::new(&isp.agent.base(), "")?.get("//api/status").await
}

/// Incarnation and counter of the desired state at the agent.
async fn generation(isp: &Isp) -> Result<(u64, u64)> {
    let view = status(isp).await?;
    let part = |at: usize| view["generation"][at].as_u64().with_context(|| view.to_string());
    Ok((part(0)?, part(1)?))
}

/// Chunks that the agent has sent again.
async fn resends(isp: &Isp) -> Result<u64> {
    let view = status(isp).await?;
    view.pointer("/link/resends").and_then(Value::as_u64).with_context(|| view.to_string())
}

/// Another machine: nothing is there but the program, the configuration, the key and the backup.
async fn restore_elsewhere(isp: &mut Isp, file: &std::path::Path) -> Result<()> {
    let file = file.to_str().context("a path of letters")?.to_owned();
    let data = isp.controller.move_elsewhere(&isp.folder).await?;
    let keyless = isp.controller.command(&["restore", &file], "")?;
    let said = keyless.success().expect_err("a restore without the key").to_string();
    ensure!(said.contains("secret.key") && said.contains("is missing"), "it says what is missing: {said}");

    std::fs::copy(isp.folder.path().join("controller/secret.key"), data.join("secret.key")).context("the key")?;
    let said = isp.controller.command(&["restore", &file], "")?.success()?;
    ensure!(said.contains("verified:") && said.contains("frozen"), "it says what was done: {said}");
    let again = isp.controller.command(&["restore", &file], "")?;
    ensure!(again.success().is_err(), "a restore over what is there is refused");
    Ok(())
}

/// The restored book believes that `payer` is held and has never heard of `late`; both stay online.
async fn nobody_is_cut(
    isp: &Isp,
    town: &[Customer],
    payer: &Customer,
    late: &Customer,
    debtor: &Customer,
) -> Result<()> {
    let names: Vec<&str> = town.iter().chain([payer, late]).map(|customer| customer.username.as_str()).collect();
    never("somebody is cut", QUIET, async || {
        let router = isp.router.handle();
        names.iter().find(|name| !router.online(name)).map(|name| (*name).to_owned()).ok_or(())
    })
    .await?;
    isp.on_router(debtor, false).await?;
    let shown = isp.subscription(payer).await?;
    expect(&shown, "/line/open", &json!(false))?;
    expect(&shown, "/line/withheld", &json!(true))?;
    let freeze = isp.api.get("/dunning/freeze").await?;
    expect(&freeze, "/cause", &json!("restored"))?;
    let gone = isp.api.ask(reqwest::Method::GET, &format!("/customers/{}", late.id), None, &[]).await?;
    gone.refused(404).map(drop)
}

/// The office enters what was paid since the backup, then says so: only who has really not paid is held.
async fn books_are_complete_again(isp: &Isp, payer: &Customer, debtor: &Customer) -> Result<()> {
    isp.pays(payer, PRICE, "after the backup").await?;
    let open = isp.verified(payer, true).await?;
    expect(&open, "/line/withheld", &json!(false))?;
    let why = json!({ "reason": "all payments since the backup were entered again" });
    isp.api.post("/dunning/freeze/clear", why).await?;
    let held = isp.verified(debtor, false).await?;
    expect(&held, "/line/withheld", &json!(false))?;
    isp.on_router(payer, true).await
}

/// Waits until the totals of the line are what really passed.
async fn arrived(isp: &Isp, customer: &Customer) -> Result<()> {
    let path = format!("/subscriptions/{}/usage", customer.subscription);
    eventually(&format!("all octets of {} are in the new books", customer.username), SOON, async || {
        let shown = isp.api.get(&path).await.map_err(|why| json!(format!("{why:#}")))?;
        let truth = isp.router.handle().true_octets(&customer.username).octets;
        let same = shown["down_octets"] == json!(truth.down_octets) && shown["up_octets"] == json!(truth.up_octets);
        if same { Ok(()) } else { Err(json!({ "shown": shown, "truth": truth })) }
    })
    .await
}
