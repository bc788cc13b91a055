//! `make run`, as somebody sees it who tries Lastmile for the first time: it starts by itself, somebody can sign in,
//! the customers are there and online, and Ctrl-C leaves nothing behind.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lastmile_testbed::processes::child::Child;
use lastmile_testbed::processes::{Api, Folder, eventually};
use serde_json::json;

/// What follows `label` in the output, up to the next space.
fn said(output: &str, label: &str) -> Result<String> {
    let line = output.lines().find_map(|line| line.trim().strip_prefix(label)).with_context(|| label.to_owned())?;
    Ok(line.split_whitespace().next().context("an address")?.to_owned())
}

#[tokio::test]
async fn the_demonstration_starts_works_and_stops() -> Result<()> {
    let folder = Folder::new()?;
    let log = folder.log("demo");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lastmile-testbed"));
    command.arg("demo").arg("--data").arg(folder.path().join("data"));
    let mut demo = Child::start("the demonstration", command, &[], &log)?;
    demo.wait_for_line("The demonstration ISP runs", Duration::from_secs(120)).await?;
    let output = demo.output();
    let base = said(&output, "console")?;

    let api = Api::new(&base, "")?;
    let login = json!({ "username": "owner", "password": "demo-lastmile" });
    let signed_in = api.post("/login", login).await?;
    ensure!(signed_in["staff"]["username"] == "owner", "{signed_in}");

    // What people pay is told to them: the messages end on the page that was printed.
    let page = said(&output, "messages sent")?;
    let messages = Api::new(page.trim_end_matches('/'), "")?;
    let told = async || {
        let seen = messages.get("//messages").await.map_err(|error| format!("{error:#}"))?;
        let receipt = |one: &serde_json::Value| one["text"].as_str().is_some_and(|text| text.contains("receipt R-"));
        if seen["items"].as_array().is_some_and(|all| all.iter().any(receipt)) { Ok(()) } else { Err(seen.to_string()) }
    };
    eventually("a receipt was sent", Duration::from_secs(60), told).await?;

    let control = Api::new(&said(&output, "router's control")?.replace("/status", ""), "")?;
    let dialled_in = async || {
        let seen = control.get("//sessions").await.map_err(|error| format!("{error:#}"))?;
        let ours = |name: &serde_json::Value| name.as_str().is_some_and(|name| name.starts_with("lm1"));
        let up = seen["items"].as_array().map_or(0, |all| all.iter().filter(|one| ours(&one["name"])).count());
        if up >= 50 { Ok(()) } else { Err(format!("{up} of our customers are online")) }
    };
    eventually("the customers' modems dial in", Duration::from_secs(60), dialled_in).await?;
    demo.stop().await
}
