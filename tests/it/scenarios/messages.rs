//! What people hear: a payment's receipt reaches a provider of SMS once, whatever the provider does; e-mail reaches a
//! mail server that others wrote; the stand-ins are seen as real by clients that others wrote.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use lastmile_testbed::messages::{Fault, Messages};
use lastmile_testbed::processes::{Api, Controller, Folder, Settings, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::isp::{PRICE, SOON, money};

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

async fn python() -> Result<String> {
    let made = Command::new(format!("{PEERS}/venv.sh")).stderr(Stdio::inherit()).output().await?;
    ensure!(made.status.success(), "the peers' Python environment cannot be made");
    Ok(String::from_utf8(made.stdout)?.trim().to_owned())
}

fn anywhere() -> std::net::SocketAddr {
    std::net::SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn put(api: &Api, way: &str, body: &Value) -> Result<Value> {
    api.ask(Method::PUT, &format!("/notice-channels/{way}"), Some(body), &[]).await?.ok()
}

/// How SMS leave by the stand-in, with reports.
fn sms(provider: &Messages) -> Value {
    let mut settings = lastmile_testbed::demo::messages::sms_settings(&format!("http://{}", provider.http_addr()));
    settings["reports"] = json!({ "id": "id", "state": "status", "delivered": ["DELIVRD"], "failed": ["UNDELIV"] });
    json!({ "enabled": true, "settings": settings, "per_minute": 6000, "secrets": { "api_key": "c4nary" } })
}

/// A customer with a line.
async fn subscription(api: &Api) -> Result<String> {
    let id = |row: Value| Ok::<_, anyhow::Error>(row["id"].as_str().context("an id")?.to_owned());
    let package = json!({
        "name": "Home 20", "price": money(PRICE), "down_bps": 20_000_000, "up_bps": 10_000_000,
        "validity_value": 30, "validity_unit": "day", "grace_days": 0,
    });
    let package = id(api.post("/packages", package).await?)?;
    let pop = id(api.post("/pops", json!({ "name": "Uttara" })).await?)?;
    let router = json!({
        "pop_id": pop, "name": "north", "kind": "routeros", "host": "127.0.0.1", "port": 1, "username": "api",
        "password": "x", "line_rate_bps": 1_000_000_000, "enforce": false, "poll_seconds": 60,
    });
    let router = id(api.post("/routers", router).await?)?;
    let customer = json!({ "name": "Rahim Uddin", "phone": "01712-345678", "address": "", "notes": "" });
    let customer = id(api.post("/customers", customer).await?)?;
    let line = json!({
        "customer_id": customer, "package_id": package, "router_id": router,
        "access": { "kind": "pppoe", "username": "rahim", "password": "x" },
    });
    id(api.post("/subscriptions", line).await?)
}

async fn newest(api: &Api, state: &str) -> Result<Value> {
    eventually(&format!("the newest message is {state}"), SOON, async || {
        let page = api.get("/notices?limit=1").await.map_err(|error| format!("{error:#}"))?;
        let notice = page["items"][0].clone();
        if notice["state"] == state { Ok(notice) } else { Err(notice.to_string()) }
    })
    .await
}

#[tokio::test]
async fn a_receipt_reaches_the_phone_once() -> Result<()> {
    let folder = Folder::new()?;
    let provider = Messages::start(anywhere(), anywhere()).await?;
    let mut controller = Controller::prepare(&folder, &Settings::default()).await?;
    controller.command(&["migrate"], "")?.success()?;
    controller.start().await?;
    let api = controller.owner()?;
    let channel = put(&api, "sms", &sms(&provider)).await?;
    ensure!(!channel.to_string().contains("c4nary"), "a key is shown: {channel}");
    let line = subscription(&api).await?;
    let pay = async |key: &str| {
        let body = json!({ "subscription_id": line, "amount": money(PRICE), "method": "cash", "note": "" });
        api.pay(key, &body).await
    };

    pay("one").await?;
    let sent = newest(&api, "sent").await?;
    let heard = provider.inbox().received();
    ensure!(heard.len() == 1 && heard[0].to == "8801712345678", "{heard:?}");
    ensure!(heard[0].text.contains("received Tk 800 for Home 20, receipt R-000001"), "{heard:?}");

    // The provider reports that it arrived; somebody who does not know the address cannot.
    let report = format!("id={}&status=DELIVRD", sent["provider_id"].as_str().context("a name")?);
    let path = channel["report_path"].as_str().context("an address for reports")?;
    api.ask(Method::GET, &format!("//hooks/sms/{}?{report}", "0".repeat(64)), None, &[]).await?.refused(404)?;
    api.get(&format!("/{path}?{report}")).await?;
    newest(&api, "delivered").await?;

    // Taken, and no answer: nobody knows, so nobody sends it again.
    provider.inbox().next(Fault::TakenAndCut, 1);
    pay("two").await?;
    newest(&api, "unknown").await?;
    // The next message overtakes nothing and repeats nothing.
    pay("three").await?;
    newest(&api, "sent").await?;
    let texts: Vec<String> = provider.inbox().received().into_iter().map(|message| message.text).collect();
    for (number, count) in [("R-000001", 1), ("R-000002", 1), ("R-000003", 1)] {
        let heard = texts.iter().filter(|text| text.contains(number)).count();
        ensure!(heard == count, "{number} was heard {heard} times: {texts:?}");
    }

    // No balance: the way rests and says why; nothing is lost or given up.
    provider.inbox().next(Fault::Down, 1);
    pay("four").await?;
    newest(&api, "queued").await?;
    eventually("the trouble is shown", SOON, async || {
        let ways = api.get("/notice-channels").await.map_err(|error| format!("{error:#}"))?;
        if ways["sms"]["status"]["trouble"] == "1007: Balance Insufficient" {
            Ok(())
        } else {
            Err(ways["sms"].to_string())
        }
    })
    .await?;
    // Somebody pays the bill and saves: what waits goes out.
    put(&api, "sms", &sms(&provider)).await?;
    newest(&api, "sent").await?;
    controller.stop().await
}

#[tokio::test]
async fn mail_reaches_a_server_that_others_wrote() -> Result<()> {
    let folder = Folder::new()?;
    let mut server = Command::new(python().await?)
        .arg(format!("{PEERS}/smtp_inbox.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(server.stdout.take().context("its output")?).lines();
    let mut said = async || -> Result<Value> {
        let line = tokio::time::timeout(SOON, lines.next_line()).await.context("aiosmtpd is silent")??;
        Ok(serde_json::from_str(&line.context("aiosmtpd has ended")?)?)
    };
    let mail_server = said().await?;
    let port = mail_server["port"].as_u64().context("a port")?;
    let mut controller = Controller::prepare(&folder, &Settings::default()).await?;
    controller.command(&["migrate"], "")?.success()?;
    controller.start().await?;
    let api = controller.owner()?;
    let mut settings = lastmile_testbed::demo::messages::email_settings(u16::try_from(port)?);
    settings["from_name"] = json!("ঢাকা ফাইবার");
    settings["tls"] = json!("starttls");
    settings["username"] = mail_server["username"].clone();
    let mut channel = json!({ "enabled": true, "settings": settings, "per_minute": 60, "password": "another" });
    let to = json!({ "to": "Rahim@Example.com" });
    // A certificate that nobody vouches for, then a password that is wrong: neither gets a message.
    for (word, ca) in [("certificate", Value::Null), ("sign-in", mail_server["ca_pem"].clone())] {
        channel["settings"]["ca_pem"] = ca;
        put(&api, "email", &channel).await?;
        let result = api.post("/notice-channels/email/test", to.clone()).await?;
        let detail = result["detail"].as_str().unwrap_or_default();
        ensure!(result["outcome"] == "down" && detail.contains(word), "{word} was expected: {result}");
    }
    channel["password"] = mail_server["password"].clone();
    put(&api, "email", &channel).await?;
    let result = api.post("/notice-channels/email/test", to).await?;
    ensure!(result["outcome"] == "accepted", "{result}");
    let mail = said().await?;
    ensure!(mail["to"] == json!(["Rahim@example.com"]) && mail["from"] == "noreply@isp.example", "{mail}");
    ensure!(mail["subject"] == "Lastmile: a test", "{mail}");
    controller.stop().await
}

#[tokio::test]
async fn smtplib_and_curl_see_real_providers() -> Result<()> {
    let messages = Messages::start(anywhere(), anywhere()).await?;
    let checked = Command::new(python().await?)
        .arg(format!("{PEERS}/messages_check.py"))
        .args(["--smtp", &messages.smtp_addr().port().to_string()])
        .args(["--http", &messages.http_addr().port().to_string()])
        .kill_on_drop(true)
        .output()
        .await?;
    let said = format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    ensure!(checked.status.success() && said.contains("all as at a real provider"), "{said}");
    Ok(())
}
