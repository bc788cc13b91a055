//! The same journey on a real Linux router: real packets pass, stop both ways, and pass again after a payment; what the
//! controller has is what the kernel counted, and that is what was sent. The device by itself is shown in `linux_router`.

use anyhow::{Result, ensure};
use lastmile_testbed::netns::{CUSTOMER, LINE, Network, Pings};
use lastmile_testbed::processes::{Agent, Controller, Folder, Settings, eventually};
use serde_json::{Value, json};

use super::isp::{PRICE, SOON, from_now, id, money, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_pass_stop_both_ways_and_pass_again() {
    let folder = Folder::new().expect("a folder");
    if let Err(why) = story(&folder).await {
        panic!("{why:?}");
    }
}

async fn story(folder: &Folder) -> Result<()> {
    let net = Network::lay()?;
    let settings = Settings { agents_at: net.host().to_owned(), ..Settings::default() };
    let mut controller = Controller::prepare(folder, &settings).await?;
    controller.command(&["migrate"], "")?.success()?;
    controller.start().await?;
    let api = controller.owner()?;
    let pop = id(&api.post("/pops", json!({ "name": "Shop" })).await?)?;
    let router = json!({
        "pop_id": pop, "name": "Shop router", "kind": "linux", "host": "", "port": 0, "username": "", "password": "",
        "line_rate_bps": 1_000_000_000, "enforce": true, "poll_seconds": 1,
    });
    let router = id(&api.post("/routers", router).await?)?;
    let package = json!({
        "name": "One minute", "price": money(PRICE), "down_bps": 20_000_000, "up_bps": 10_000_000,
        "validity_value": 1, "validity_unit": "minute", "grace_days": 0,
    });
    let package = id(&api.post("/packages", package).await?)?;
    let person = id(&api.post("/customers", json!({ "name": "Salma", "phone": "01711000003" })).await?)?;
    let invite = api.post("/agents/invite", json!({ "pop_id": pop })).await?;
    let mut agent = Agent::prepare(folder, "agent", "")?;
    agent.live_in(&net.space("router"));
    agent.join(text(&invite, "/token")?)?;
    agent.start().await?;

    let line = json!({
        "customer_id": person, "package_id": package, "router_id": router,
        "access": { "kind": "static", "address": CUSTOMER, "interface": LINE }, "paid_until": from_now(3_600),
    });
    let subscription = format!("/subscriptions/{}", id(&api.post("/subscriptions", line).await?)?);
    let verified = async |open: bool| -> Result<Value> {
        eventually(&format!("verified, open: {open}"), SOON, async || {
            let shown = api.get(&subscription).await.map_err(|why| json!(format!("{why:#}")))?;
            let is = shown["line"]["state"] == json!("verified") && shown["line"]["open"] == json!(open);
            if is { Ok(shown) } else { Err(shown) }
        })
        .await
    };

    verified(true).await?;
    // What passed before the first reading of a line is nobody's: a live rate takes two.
    eventually("the line was read", SOON, async || {
        let shown = api.get(&subscription).await.map_err(|why| json!(format!("{why:#}")))?;
        if shown["live"]["online"] == json!(true) { Ok(()) } else { Err(shown) }
    })
    .await?;
    let mut sent = Sent::default();
    sent.add(net.ping("customer", 50, 900)?, true)?;
    sent.add(net.ping("internet", 20, 400)?, true)?;

    api.patch(&subscription, json!({ "paid_until": from_now(1) })).await?;
    verified(false).await?;
    sent.add(net.ping("customer", 10, 100)?, false)?;
    let from_outside = net.ping("internet", 10, 100)?;
    ensure!(from_outside.received == 0, "nothing comes in either: {from_outside:?}");

    let payment = json!({
        "subscription_id": subscription.trim_start_matches("/subscriptions/"), "amount": money(PRICE),
        "method": "cash", "note": "",
    });
    api.pay("salma", &payment).await?;
    verified(true).await?;
    sent.add(net.ping("customer", 30, 700)?, true)?;

    let counted = net.octets()?;
    ensure!(counted == (sent.down, sent.up), "the kernel counted {counted:?}, sent were {sent:?}");
    eventually("the controller has every octet", SOON, async || {
        let usage = api.get(&format!("{subscription}/usage")).await.map_err(|why| json!(format!("{why:#}")))?;
        let same = usage["down_octets"] == json!(sent.down) && usage["up_octets"] == json!(sent.up);
        if same { Ok(()) } else { Err(usage) }
    })
    .await
}

/// Octets of all frames on the line so far.
#[derive(Debug, Default)]
struct Sent {
    down: u64,
    up: u64,
}

impl Sent {
    /// Requests go one way, replies the other; both ways have the same length. A request that is dropped by the
    /// router has crossed the line all the same when it came from the customer.
    fn add(&mut self, pings: Pings, passes: bool) -> Result<()> {
        let expected = if passes { pings.sent } else { 0 };
        ensure!(pings.received == expected, "expected {expected} answers: {pings:?}");
        self.up += pings.sent * pings.frame;
        self.down += pings.received * pings.frame;
        Ok(())
    }
}
