//! Nobody cuts a town by mistake: not with a wrong date for everybody, and not with a wrong clock.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lastmile_testbed::processes::{Settings, eventually, never};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::isp::{Customer, Isp, PRICE, SOON, expect, from_now, id, tell};

/// More lines than the brake lets go at once: 5 % of them are 26.
const LINES: usize = 520;
/// The most that something may take for all of them, on a busy machine.
const TOWN: Duration = Duration::from_secs(120);

async fn town(isp: &Isp) -> Result<Vec<Customer>> {
    let until = from_now(30 * 86_400);
    let mut people = Vec::with_capacity(LINES);
    for number in 0..LINES {
        people.push(isp.customer_until(&format!("sub{number:04}"), Some(&until)).await?);
    }
    eventually("the whole town is open on the router", TOWN, async || {
        let online = isp.router.handle().sessions().len();
        if online == LINES { Ok(()) } else { Err(online) }
    })
    .await?;
    Ok(people)
}

/// How many lines the console counts as held, and how many secrets are disabled on the router.
async fn held(isp: &Isp) -> Result<(i64, usize)> {
    let counts = isp.api.get("/customers?limit=1").await?;
    let shown = counts.pointer("/counts/held").and_then(Value::as_i64).context("counts.held of /customers")?;
    Ok((shown, isp.router.handle().secrets().iter().filter(|secret| secret.disabled).count()))
}

async fn nobody_is_held(isp: &Isp) -> Result<()> {
    never("somebody is held", Duration::from_secs(5), async || match held(isp).await {
        Ok((0, 0)) => Err(()),
        other => Ok(format!("{other:?}")),
    })
    .await
}

/// The library that tells a program another time.
fn faketime() -> Result<String> {
    let folders = std::fs::read_dir("/usr/lib")?.flatten();
    let libraries = folders.map(|entry| entry.path().join("faketime/libfaketime.so.1"));
    let found =
        libraries.into_iter().find(|path| path.exists()).context("libfaketime is missing: deploy/dev-setup.sh")?;
    Ok(found.to_string_lossy().into_owned())
}

/// Sets the end of what everybody has paid to a year ago: one statement in the database of the running controller,
/// which hears nothing of it. Returns how many dates it moved.
async fn everybody_paid_until_last_year(isp: &Isp) -> Result<u64> {
    let file = isp.folder.path().join("controller").join("lastmile.db");
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(SOON);
    let mut database = options.connect().await.context("the controller's database")?;
    let moved = sqlx::query("UPDATE subscriptions SET paid_until_ms = $1")
        .bind(lastmile_testbed::clock::wall_ms() - 365 * 86_400_000)
        .execute(&mut database)
        .await
        .context("the wrong statement")?;
    database.close().await?;
    Ok(moved.rows_affected())
}

/// The one brake about which a person is asked.
async fn asked(isp: &Isp) -> Result<Value> {
    eventually("the brake asks", SOON, async || {
        let brakes = isp.api.get("/dunning/brakes").await.map_err(|why| json!(format!("{why:#}")))?;
        match brakes["items"].as_array().map(Vec::as_slice) {
            Some([brake]) => Ok(brake.clone()),
            _ => Err(brakes),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_date_for_everybody_holds_nobody_until_a_named_person_has_read_the_list() {
    tell(Settings::default(), async |isp: &mut Isp| {
        let people = town(isp).await?;
        let all = i64::try_from(LINES)?;
        ensure!(everybody_paid_until_last_year(isp).await? == LINES as u64, "not everybody's date was moved");

        let brake = asked(isp).await?;
        for (what, value) in
            [("wanted", all), ("listed", all), ("active_lines", all), ("held_before", 0), ("limit", 26)]
        {
            expect(&brake, &format!("/{what}"), &json!(value))?;
        }
        nobody_is_held(isp).await?;

        // A second look does not ask twice, and says the same.
        let again = asked(isp).await?;
        ensure!(again == brake, "{again} is not {brake}");

        isp.controller
            .command(&["user", "add", "--username", "nasrin", "--role", "branch_manager"], "correct horse battery\n")?
            .success()?;
        let (id, nasrin) = (id(&brake)?, isp.controller.token("nasrin")?);
        let reason = json!({ "reason": "the old system has ended; all were told" });
        // So long a list is closed by two: who asks, and another who has read it.
        ensure!(nasrin.post(&format!("/dunning/brakes/{id}/approve"), reason.clone()).await.is_err(), "one was enough");
        let asking = json!({ "kind": "dunning.brake", "subject_id": id, "reason": "the old system has ended" });
        let asking = nasrin.post("/approvals", asking).await?;
        let asking = asking.pointer("/id").and_then(Value::as_str).context("an approval without id")?.to_owned();
        isp.api.post(&format!("/approvals/{asking}/approve"), reason).await?;
        eventually("everybody on the list is held", TOWN, async || match held(isp).await {
            Ok((shown, LINES)) if shown == all => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await?;
        eventually("the list is done", SOON, async || {
            let brake = isp.api.get(&format!("/dunning/brakes/{id}")).await.map_err(|why| json!(format!("{why:#}")))?;
            if brake["state"] == json!("done") && brake["done"] == json!(all) { Ok(()) } else { Err(brake) }
        })
        .await?;

        // Whoever pays is open again, list or no list.
        let payer = people.first().context("a town without people")?;
        isp.pays(payer, PRICE, "after the list").await?;
        isp.on_router(payer, true).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_a_year_ahead_holds_nobody_and_asks() {
    tell(Settings::default(), async |isp: &mut Isp| {
        town(isp).await?;
        isp.controller.stop().await?;
        isp.controller.set_env("LD_PRELOAD", &faketime()?);
        isp.controller.set_env("FAKETIME", "+400d");
        isp.controller.set_env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        isp.controller.start().await?;
        // The old token has expired meanwhile, and rightly so.
        isp.api = isp.controller.token("owner")?;
        let freeze = eventually("suspensions are frozen", SOON, async || {
            let freeze = isp.api.get("/dunning/freeze").await.map_err(|why| json!(format!("{why:#}")))?;
            if freeze["frozen"] == json!(true) { Ok(freeze) } else { Err(freeze) }
        })
        .await?;
        nobody_is_held(isp).await?;

        // Somebody clears the freeze without looking: the brake still stands between the clock and the town.
        let cleared = isp.api.try_post("/dunning/freeze/clear", json!({ "reason": "looks fine" })).await?;
        ensure!((200..300).contains(&cleared.status), "{freeze}: {cleared:?}");
        eventually("the brake asks", SOON, async || {
            let brakes = isp.api.get("/dunning/brakes").await.map_err(|why| json!(format!("{why:#}")))?;
            if brakes["items"].as_array().is_some_and(|list| !list.is_empty()) { Ok(()) } else { Err(brakes) }
        })
        .await?;
        nobody_is_held(isp).await
    })
    .await;
}
