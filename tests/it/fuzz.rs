//! The HTTP interface under schemathesis, a program that others wrote: it reads our OpenAPI document, makes up requests
//! that fit it and requests that do not, and lays the answers beside the document. No answer may be a 5xx, of a shape,
//! a status or a content type that the document does not name.
//!
//! As owner, who gets everywhere, and as cashier, who is refused often. Seed and time are fixed: the same requests every
//! time, as many as fit in.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lastmile_testbed::processes::{Api, Controller, Folder, Settings};
use serde_json::{Value, json};
use tokio::process::Command;

/// Seconds that each of the two may take; they run side by side.
const SECONDS: u64 = 45;
/// Requests of one kind for an operation, at most.
const EXAMPLES: u32 = 8;
const SEED: u32 = 7;
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,response_headers_conformance";

/// What would end the run: a stream that never ends, and the end of the run's own sign-in.
const LEFT_OUT: &[&str] = &["/api/v1/live", "/api/v1/logout"];

#[tokio::test]
async fn no_answer_is_outside_of_the_document() {
    if let Err(why) = fuzz().await {
        panic!("{why:?}");
    }
}

async fn fuzz() -> Result<()> {
    let folder = Folder::new()?;
    let mut controller = Controller::prepare(&folder, &Settings::default()).await?;
    controller.command(&["migrate"], "")?.success()?;
    controller.start().await?;
    let owner = controller.owner()?;
    let known = furnish(&owner).await?;
    let ids = folder.path().join("ids.json");
    std::fs::write(&ids, serde_json::to_vec(&known)?)?;
    let python = python().await?;
    let mut runs = Vec::new();
    for role in ["owner", "cashier"] {
        let name = format!("fuzz-{role}");
        controller
            .command(&["user", "add", "--username", &name, "--role", role], "correct horse battery\n")?
            .success()?;
        let token = controller.command(&["token", "create", "--user", &name], "")?.success()?;
        let token = token.lines().last().context("a token")?.trim().to_owned();
        let mut command = Command::new(&python);
        command
            .args(["-m", "schemathesis.cli", "run"])
            .arg(format!("{}/api/v1/openapi.json", controller.base()))
            .args(["-H", &format!("Authorization: Bearer {token}"), "--seed", &SEED.to_string()])
            .args(["--phases", "examples,coverage,fuzzing", "-n", &EXAMPLES.to_string(), "-c", CHECKS])
            .args(["--max-time", &SECONDS.to_string(), "--request-timeout", "20", "--no-shrink", "--warnings", "off"])
            .arg("--continue-on-failure")
            .args(LEFT_OUT.iter().flat_map(|path| ["--exclude-path", path]))
            .env("SCHEMATHESIS_HOOKS", "schemathesis_hooks")
            .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/peers"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("LASTMILE_FUZZ_IDS", &ids)
            .current_dir(folder.path())
            .kill_on_drop(true)
            .stdin(Stdio::null());
        runs.push((role, tokio::spawn(async move { command.output().await })));
    }
    for (role, run) in runs {
        let done =
            tokio::time::timeout(Duration::from_secs(4 * SECONDS), run).await.context("schemathesis hangs")???;
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        ensure!(done.status.success(), "as {role}:\n{said}");
        let tested = said.lines().find_map(|line| line.trim().strip_prefix("Tested: ")?.parse::<u32>().ok());
        ensure!(tested.is_some_and(|count| count > 30), "as {role} too little was asked:\n{said}");
    }
    Ok(())
}

/// Something of every kind, and its ids by the word that stands before them in a path.
async fn furnish(owner: &Api) -> Result<Value> {
    let id = |row: &Value| row["id"].as_str().map(str::to_owned).context("an id");
    let area = id(&owner.post("/areas", json!({ "name": "Sector 7" })).await?)?;
    let money = |minor: u32| json!({ "minor": minor, "currency": "BDT" });
    let package = json!({
        "name": "Home 20", "price": money(80_000), "down_bps": 20_000_000, "up_bps": 10_000_000,
        "validity_value": 1, "validity_unit": "month", "grace_days": 3,
    });
    let package = id(&owner.post("/packages", package).await?)?;
    let pop = id(&owner.post("/pops", json!({ "name": "Uttara" })).await?)?;
    let router = json!({
        "pop_id": pop, "name": "core", "kind": "routeros", "host": "127.0.0.1", "port": 8728, "username": "lm",
        "password": "secret", "line_rate_bps": 1_000_000_000, "enforce": true, "poll_seconds": 60,
    });
    let router = id(&owner.post("/routers", router).await?)?;
    let (mut customers, mut subscriptions, mut payments) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..4 {
        let customer = json!({ "name": format!("Customer {number}"), "phone": format!("0171200000{number}") });
        let customer = id(&owner.post("/customers", customer).await?)?;
        let subscription = json!({
            "customer_id": customer, "package_id": package, "router_id": router,
            "access": { "kind": "pppoe", "username": format!("user{number}"), "password": "secret-1" },
        });
        let subscription = id(&owner.post("/subscriptions", subscription).await?)?;
        let payment = json!({
            "subscription_id": subscription, "amount": money(80_000), "method": "cash", "note": "",
        });
        payments.push(id(&owner.pay(&format!("fuzz-{number}"), &payment).await?)?);
        customers.push(customer);
        subscriptions.push(subscription);
    }
    Ok(json!({
        "areas": [area], "packages": [package], "pops": [pop], "routers": [router], "customers": customers,
        "subscriptions": subscriptions, "payments": payments,
    }))
}

/// The Python environment of the peers.
async fn python() -> Result<String> {
    let venv = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/venv.sh");
    let made = Command::new(venv).stderr(Stdio::inherit()).output().await.context("venv.sh")?;
    ensure!(made.status.success(), "the peers' Python environment cannot be made");
    Ok(String::from_utf8(made.stdout)?.trim().to_owned())
}
