//! The main job: a customer's minute runs out, the line is proved held, a payment opens it again.

use std::time::Duration;

use anyhow::{Result, ensure};
use lastmile_testbed::processes::{Database, Settings, never};
use serde_json::{Value, json};

use super::isp::{Isp, PRICE, expect, number, tell, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_runs_out_and_a_payment_opens_again_on_sqlite() {
    tell(Settings::default(), expiry_and_payment).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_runs_out_and_a_payment_opens_again_on_postgres() {
    tell(Settings { database: Database::Postgres, ..Settings::default() }, expiry_and_payment).await;
}

async fn expiry_and_payment(isp: &mut Isp) -> Result<()> {
    let rahima = isp.customer("rahima").await?;
    let live = isp.verified(&rahima, true).await?;
    expect(&live, "/state", &json!("active"))?;
    let secret = isp.router.handle().secret("rahima");
    let comment = secret.and_then(|s| s.fields.get("comment").cloned()).unwrap_or_default();
    ensure!(comment.starts_with("lastmile:"), "the secret carries our mark, not `{comment}`");

    // The minute runs out; nobody does anything.
    isp.paid_for(&rahima, 2).await?;
    let held = isp.verified(&rahima, false).await?;
    expect(&held, "/state", &json!("held"))?;
    expect(&held, "/line/reason", &Value::Null)?;
    ensure!(isp.reasons(&rahima).await? == ["nonpayment"], "held for nonpayment only");
    let proofs = isp.api.get(&format!("/subscriptions/{}/proofs", rahima.subscription)).await?;
    ensure!(proofs["items"].as_array().is_some_and(|list| list.len() >= 2), "a proof of open and of held: {proofs}");

    // Half of the price stays as credit and opens nothing.
    let half = isp.pays(&rahima, PRICE / 2, "half").await?;
    ensure!(number(&half, "/credit/minor")? == PRICE / 2, "half is kept: {half}");
    expect(&half, "/opens", &json!(false))?;

    // The other half opens. The same key again is the same payment, with another body it is refused.
    let paid = isp.pays(&rahima, PRICE / 2, "other half").await?;
    ensure!(number(&paid, "/credit/minor")? == 0, "all is used: {paid}");
    expect(&paid, "/opens", &json!(true))?;
    isp.verified(&rahima, true).await?;
    let again = isp.pays(&rahima, PRICE / 2, "other half").await?;
    ensure!(text(&again, "/id")? == text(&paid, "/id")?, "one payment, asked twice: {again}");
    isp.api.try_pay("other half", &isp.payment(&rahima, PRICE)).await?.refused(409)?;
    let payments = isp.api.get(&format!("/payments?customer_id={}", rahima.id)).await?;
    ensure!(payments["items"].as_array().map(Vec::len) == Some(2), "two payments: {payments}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_staff_hold_is_not_opened_by_a_payment() {
    tell(Settings::default(), async |isp: &mut Isp| {
        let karim = isp.customer("karim").await?;
        isp.verified(&karim, true).await?;
        let hold = isp.hold(&karim, "staff").await?;
        isp.verified(&karim, false).await?;

        let quote = isp.api.get(&format!("/subscriptions/{}/quote?amount_minor={PRICE}", karim.subscription)).await?;
        expect(&quote, "/opens", &json!(false))?;
        ensure!(quote["reason"].is_string(), "the quote says why: {quote}");
        let paid = isp.pays(&karim, PRICE, "karim pays").await?;
        expect(&paid, "/opens", &json!(false))?;
        never("a payment opens a staff hold", Duration::from_secs(3), async || {
            if isp.router.handle().online("karim") { Ok("online") } else { Err(()) }
        })
        .await?;

        isp.api.post(&format!("/holds/{hold}/release"), json!({ "note": "settled" })).await?;
        isp.verified(&karim, true).await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_and_a_removed_line_leave_nothing_behind() {
    tell(Settings::default(), async |isp: &mut Isp| {
        let before = isp.customer("old.name").await?;
        isp.verified(&before, true).await?;
        let path = format!("/subscriptions/{}", before.subscription);
        let access = json!({ "access": { "kind": "pppoe", "username": "new.name", "password": "another" } });
        isp.api.patch(&path, access).await?;
        let after = super::isp::Customer { username: "new.name".into(), ..before };
        isp.verified(&after, true).await?;
        ensure!(isp.router.handle().secret("old.name").is_none(), "the old secret is gone");

        isp.api.delete(&path).await?.ok()?;
        lastmile_testbed::processes::eventually("the secret is gone", super::isp::SOON, async || {
            match isp.router.handle().secret("new.name") {
                None if !isp.router.handle().online("new.name") => Ok(()),
                other => Err(other),
            }
        })
        .await
    })
    .await;
}
