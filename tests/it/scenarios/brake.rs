//! Nobody cuts a town by mistake: not with a wrong date for everybody, and not with a wrong clock.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lastmile_testbed::processes::{Settings, eventually, never};
use serde_json::{Value, json};

use super::isp::{Customer, Isp, SOON, from_now, tell};

/// More lines than the brake lets go at once: 5 % of them are 26.
const LINES: usize = 520;

async fn town(isp: &Isp) -> Result<Vec<Customer>> {
    let until = from_now(30 * 86_400);
    let mut people = Vec::with_capacity(LINES);
    for number in 0..LINES {
        people.push(isp.customer_until(&format!("sub{number:04}"), Some(&until)).await?);
    }
    eventually("the whole town is open on the router", Duration::from_secs(120), async || {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_date_for_everybody_holds_nobody_and_asks() {
    tell(Settings::default(), async |isp: &mut Isp| {
        let people = town(isp).await?;
        for customer in &people {
            isp.paid_for(customer, -365 * 86_400).await?;
        }
        let brake = eventually("the brake asks", SOON, async || {
            let brakes = isp.api.get("/dunning/brakes").await.map_err(|why| json!(format!("{why:#}")))?;
            let full = brakes["items"]
                .as_array()
                .and_then(|list| list.iter().find(|brake| brake.to_string().contains(&LINES.to_string())).cloned());
            full.ok_or(brakes)
        })
        .await?;
        // While the dates were being changed one by one, fewer than the limit may have been held already.
        let (shown, on_router) = held(isp).await?;
        ensure!(shown <= 26 && on_router <= 26, "held: {shown} shown, {on_router} on the router; {brake}");
        Ok(())
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
