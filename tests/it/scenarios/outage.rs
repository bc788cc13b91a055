//! The road between POP and controller is cut while money moves and time runs out.

use std::time::Duration;

use anyhow::{Result, ensure};
use lastmile_testbed::processes::{Settings, eventually, never};
use lastmile_testbed::routeros::Edit;
use serde_json::json;

use super::isp::{Isp, PRICE, SOON, expect, tell};

/// Until an agent that cannot hear the controller is shown as away.
const AWAY: Duration = Duration::from_secs(60);

async fn away(isp: &Isp) -> Result<()> {
    eventually("the agent is shown as away", AWAY, async || {
        let pop = isp.pop().await.map_err(|why| json!(format!("{why:#}")))?;
        if pop.pointer("/agents/0/connected") == Some(&json!(false)) { Ok(()) } else { Err(pop) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_and_released_while_the_road_is_cut_as_soon_as_it_is_back() {
    tell(Settings::default(), async |isp: &mut Isp| {
        let expired = isp.customer("expired").await?;
        let payer = isp.customer("payer").await?;
        isp.verified(&expired, true).await?;
        isp.paid_for(&payer, -5).await?;
        isp.verified(&payer, false).await?;

        // Nobody can reach the POP; at the office time runs out for one and the other pays.
        isp.road().cut();
        isp.paid_for(&expired, 1).await?;
        eventually("the job alone holds the expired one", SOON, async || {
            let reasons = isp.reasons(&expired).await.unwrap_or_default();
            if reasons == ["nonpayment"] { Ok(()) } else { Err(reasons) }
        })
        .await?;
        isp.pays(&payer, PRICE, "payer").await?;
        ensure!(isp.reasons(&payer).await?.is_empty(), "the payment alone releases");
        away(isp).await?;
        let shown = isp.subscription(&payer).await?;
        expect(&shown, "/line/agent_away", &json!(true))?;
        ensure!(shown["line"]["state"] != json!("verified"), "nothing is verified that nobody saw: {shown}");
        ensure!(isp.router.handle().online("expired") && !isp.router.handle().online("payer"), "nothing moved yet");

        isp.road().mend();
        isp.verified(&expired, false).await?;
        isp.verified(&payer, true).await?;
        Ok(())
    })
    .await;
}

/// A technician enables a secret by hand.
fn enable(isp: &Isp, username: &str) -> Result<()> {
    let edit = Edit {
        op: "enable".into(),
        menu: "/ppp/secret".into(),
        name: Some(username.to_owned()),
        fields: std::collections::BTreeMap::new(),
    };
    isp.router.handle().edit(&edit).map(drop).map_err(anyhow::Error::msg)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_alone_keeps_what_it_knows_and_cuts_nobody_on_stale_news() {
    tell(Settings::default(), async |isp: &mut Isp| {
        let held = isp.customer("held").await?;
        let open = isp.customer("open").await?;
        isp.paid_for(&open, 3_600).await?;
        isp.verified(&open, true).await?;
        isp.hold(&held, "abuse").await?;
        isp.verified(&held, false).await?;

        // Alone, but the controller was heard a moment ago: what a hand changed is put back.
        isp.road().cut();
        enable(isp, "held")?;
        isp.on_router(&held, false).await?;

        // Started while it is alone, it has heard nobody: it closes nothing, and opens what ought to be open.
        isp.agent.kill()?;
        isp.agent.start().await?;
        enable(isp, "held")?;
        never("a line is cut on stale news", Duration::from_secs(4), async || {
            let router = isp.router.handle();
            if router.online("open") && router.secret("held").is_some_and(|s| !s.disabled) {
                Err(())
            } else {
                Ok("cut")
            }
        })
        .await?;

        isp.road().mend();
        isp.verified(&held, false).await?;
        isp.verified(&open, true).await?;
        Ok(())
    })
    .await;
}
