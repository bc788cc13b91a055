//! A small ISP on real programs: a controller, an agent at one POP, a simulated router, a road between them.
//!
//! Everything goes the way a person or a program outside would go: the command line for the first owner and the
//! REST interface for the rest. What is true on the router is asked of the simulator.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lastmile_testbed::link::Link;
use lastmile_testbed::processes::{Agent, Api, Controller, Folder, Settings, eventually};
use lastmile_testbed::routeros::{self, Simulator};
use serde_json::{Value, json};

/// The most that one thing may take to travel from the controller to the router and back, on a busy machine.
pub const SOON: Duration = Duration::from_secs(30);

/// Price of the package of every line here, in poisha.
pub const PRICE: i64 = 80_000;

/// The ISP. Fields are dropped in this order: programs first, the folder with their logs last.
pub struct Isp {
    pub agent: Agent,
    pub controller: Controller,
    pub router: Simulator,
    pub api: Api,
    pub pop_id: String,
    pub router_id: String,
    pub package_id: String,
    pub folder: Folder,
}

/// A customer with one PPPoE line.
#[derive(Debug, Clone)]
pub struct Customer {
    pub id: String,
    pub subscription: String,
    pub username: String,
}

/// Tells a story on a fresh ISP; when it fails, the logs of all programs are printed.
pub async fn tell(settings: Settings, story: impl AsyncFnOnce(&mut Isp) -> Result<()>) {
    let folder = Folder::new().expect("a folder");
    let mut isp = match Isp::found(folder, &settings).await {
        Ok(isp) => isp,
        Err(why) => panic!("the ISP cannot be founded: {why:?}"),
    };
    if let Err(why) = story(&mut isp).await {
        panic!("{why:?}");
    }
}

impl Isp {
    /// Controller, owner, package, POP, router, agent: in the order in which a new ISP does it.
    async fn found(folder: Folder, settings: &Settings) -> Result<Self> {
        let router = Simulator::start(routeros::Options { auto_dial: true, ..Default::default() }).await?;
        let mut controller = Controller::prepare(&folder, settings).await?;
        controller.command(&["migrate"], "")?.success()?;
        controller.start().await?;
        let api = controller.owner()?;
        let package_id = id(&api
            .post(
                "/packages",
                json!({
                    "name": "One minute", "price": money(PRICE), "down_bps": 20_000_000, "up_bps": 10_000_000,
                    "validity_value": 1, "validity_unit": "minute", "grace_days": 0,
                }),
            )
            .await?)?;
        let pop_id = id(&api.post("/pops", json!({ "name": "Uttara" })).await?)?;
        let port = router.api_addr().port();
        let router_id = id(&api.post("/routers", router_row(&pop_id, port)).await?)?;
        let mut agent = Agent::prepare(&folder, "agent", "")?;
        let invite = api.post("/agents/invite", json!({ "pop_id": pop_id })).await?;
        agent.join(text(&invite, "/token")?)?;
        agent.start().await?;
        let isp = Self { agent, controller, router, api, pop_id, router_id, package_id, folder };
        isp.connected().await?;
        Ok(isp)
    }

    /// The road between the POP and the controller.
    pub fn road(&self) -> &Link {
        self.controller.link()
    }

    /// Waits until the controller sees the agent.
    pub async fn connected(&self) -> Result<()> {
        eventually("the agent is connected", SOON, async || {
            let pop = self.pop().await.map_err(|why| json!(format!("{why:#}")))?;
            let connected = pop.pointer("/agents/0/connected") == Some(&json!(true));
            if connected { Ok(()) } else { Err(pop) }
        })
        .await
    }

    /// The POP as the network page shows it.
    pub async fn pop(&self) -> Result<Value> {
        let pops = self.api.get("/pops").await?;
        let items = pops["items"].as_array().context("`items` of /pops")?;
        items.iter().find(|pop| pop["id"] == json!(self.pop_id)).cloned().context("our POP is not in the list")
    }

    /// A new customer with a PPPoE line; a new line is paid for one validity.
    pub async fn customer(&self, username: &str) -> Result<Customer> {
        self.customer_until(username, None).await
    }

    /// A new customer whose line is paid until then (RFC 3339).
    pub async fn customer_until(&self, username: &str, paid_until: Option<&str>) -> Result<Customer> {
        let person = json!({ "name": format!("Customer {username}"), "phone": "01711000000" });
        let customer = id(&self.api.post("/customers", person).await?)?;
        let mut line = json!({
            "customer_id": customer, "package_id": self.package_id, "router_id": self.router_id,
            "access": { "kind": "pppoe", "username": username, "password": format!("secret-of-{username}") },
        });
        if let Some(until) = paid_until {
            line["paid_until"] = json!(until);
        }
        let subscription = id(&self.api.post("/subscriptions", line).await?)?;
        Ok(Customer { id: customer, subscription, username: username.to_owned() })
    }

    /// The subscription as its page shows it.
    pub async fn subscription(&self, customer: &Customer) -> Result<Value> {
        self.api.get(&format!("/subscriptions/{}", customer.subscription)).await
    }

    /// Waits until the line is verified open or held, and the router itself agrees.
    pub async fn verified(&self, customer: &Customer, open: bool) -> Result<Value> {
        let word = if open { "open" } else { "held" };
        let shown = eventually(&format!("{} is verified {word}", customer.username), SOON, async || {
            let shown = self.subscription(customer).await.map_err(|why| json!(format!("{why:#}")))?;
            let line = &shown["line"];
            if line["state"] == json!("verified") && line["open"] == json!(open) { Ok(shown) } else { Err(shown) }
        })
        .await?;
        self.on_router(customer, open).await?;
        Ok(shown)
    }

    /// Waits until the router has the secret and its session just so.
    pub async fn on_router(&self, customer: &Customer, open: bool) -> Result<()> {
        let what = format!("{} is {} on the router", customer.username, if open { "online" } else { "cut" });
        eventually(&what, SOON, async || match self.router.handle().secret(&customer.username) {
            Some(secret) if secret.disabled != open && secret.online == open => Ok(()),
            other => Err(other),
        })
        .await
    }

    /// Moves the end of what is paid: `seconds` from now, behind or ahead.
    pub async fn paid_for(&self, customer: &Customer, seconds: i64) -> Result<()> {
        let body = json!({ "paid_until": from_now(seconds) });
        self.api.patch(&format!("/subscriptions/{}", customer.subscription), body).await?;
        Ok(())
    }

    /// A customer pays at the counter.
    pub async fn pays(&self, customer: &Customer, minor: i64, key: &str) -> Result<Value> {
        self.api.pay(key, &self.payment(customer, minor)).await
    }

    /// The body of a payment.
    pub fn payment(&self, customer: &Customer, minor: i64) -> Value {
        json!({ "subscription_id": customer.subscription, "amount": money(minor), "method": "cash", "note": "" })
    }

    /// Places a hold and returns its id.
    pub async fn hold(&self, customer: &Customer, reason: &str) -> Result<String> {
        let path = format!("/subscriptions/{}/holds", customer.subscription);
        id(&self.api.post(&path, json!({ "reason": reason, "note": "asked by the office" })).await?)
    }

    /// Reasons of the holds in force.
    pub async fn reasons(&self, customer: &Customer) -> Result<Vec<String>> {
        let shown = self.subscription(customer).await?;
        let holds = shown["holds"].as_array().context("`holds` of a subscription")?;
        Ok(holds.iter().filter_map(|hold| hold["reason"].as_str().map(str::to_owned)).collect())
    }
}

/// A RouterOS router on loopback, as the form sends it.
pub fn router_row(pop_id: &str, port: u16) -> Value {
    json!({
        "pop_id": pop_id, "name": "Uttara CCR", "kind": "routeros", "host": "127.0.0.1", "port": port,
        "username": "lastmile", "password": "testbed", "line_rate_bps": 10_000_000_000_i64, "enforce": true,
        "poll_seconds": 1,
    })
}

/// `{"minor", "currency"}`.
pub fn money(minor: i64) -> Value {
    json!({ "minor": minor, "currency": "BDT" })
}

/// RFC 3339, that many seconds from now.
pub fn from_now(seconds: i64) -> String {
    let now = lastmile_testbed::clock::wall_ms() / 1_000;
    jiff::Timestamp::from_second(now + seconds).expect("a time of this century").to_string()
}

/// The `id` of an answer.
pub fn id(answer: &Value) -> Result<String> {
    text(answer, "/id").map(str::to_owned)
}

/// A text in an answer, by JSON pointer.
pub fn text<'a>(answer: &'a Value, pointer: &str) -> Result<&'a str> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.with_context(|| format!("no text at {pointer} of {answer}"))
}

/// A number in an answer, by JSON pointer.
pub fn number(answer: &Value, pointer: &str) -> Result<i64> {
    let found = answer.pointer(pointer).and_then(Value::as_i64);
    found.with_context(|| format!("no number at {pointer} of {answer}"))
}

/// Fails with the whole answer when a field is not as expected.
pub fn expect(answer: &Value, pointer: &str, value: &Value) -> Result<()> {
    let found = answer.pointer(pointer);
    ensure!(found == Some(value), "{pointer} is {found:?}, expected {value}, in {answer}");
    Ok(())
}
