//! `payment_to_open`: from the moment a cashier sends a payment to the moment the secret of the held line is enabled
//! on the router, on loopback.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::rig::{Line, Pace, Rig};
use super::{Measure, median};
use crate::clock;
use crate::processes::eventually;
use crate::routeros::TrafficMode;

/// Payments that are measured; below the twenty holds that the brake lets pass.
const PAYMENTS: u32 = 12;
const DAY_MS: i64 = 86_400_000;

/// Waits until the line is held on the router and the controller has seen the proof.
async fn held(rig: &Rig, line: &Line) -> Result<()> {
    let path = format!("/subscriptions/{}", line.subscription);
    eventually("the line is held and verified", Duration::from_secs(60), async || {
        let seen = rig.api.get(&path).await.map_err(|error| format!("{error:#}"))?;
        let disabled = rig.site.simulator().handle().secret(&line.username).is_some_and(|secret| secret.disabled);
        let proved = seen["line"]["state"] == "verified" && seen["line"]["open"] == false;
        if disabled && proved { Ok(()) } else { Err(seen["line"].to_string()) }
    })
    .await
}

/// Milliseconds from the payment to the open secret.
async fn pay_and_wait(rig: &Rig, line: &Line) -> Result<f64> {
    let payment = json!({
        "subscription_id": line.subscription,
        "amount": { "minor": 80_000, "currency": "BDT" },
        "method": "cash",
        "note": "",
    });
    let begun = clock::mono_ns();
    let handle = rig.site.simulator().handle();
    let open = async {
        while handle.secret(&line.username).is_none_or(|secret| secret.disabled) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        clock::mono_ns()
    };
    let open = tokio::time::timeout(Duration::from_secs(30), open);
    let (paid, open) = tokio::join!(rig.api.pay(&line.username, &payment), open);
    paid?;
    let took = open.context("the line did not open within 30 s")?.saturating_sub(begun);
    Ok(Duration::from_nanos(took).as_secs_f64() * 1e3)
}

pub(super) async fn run() -> Result<Vec<Measure>> {
    let pace =
        Pace { poll_seconds: 5, interval_seconds: 60, mode: TrafficMode::Live, agent_program: None, enforce: true };
    let rig = Rig::start(pace).await?;
    let package = rig.package().await?;
    let lines = rig.lines(&package, PAYMENTS, clock::wall_ms() - 3 * DAY_MS).await?;
    for line in &lines {
        held(&rig, line).await?;
    }
    let mut took = Vec::new();
    for line in &lines {
        took.push(pay_and_wait(&rig, line).await?);
    }
    let slowest = took.iter().copied().fold(0.0, f64::max);
    eprintln!("bench: payment_to_open: median {:.0} ms, slowest {slowest:.0} ms", median(took));
    rig.site.stop().await?;
    let unit = "ms, slowest of 12";
    Ok(vec![Measure::less_is_better("payment_to_open", unit, slowest, None, "2000")])
}
