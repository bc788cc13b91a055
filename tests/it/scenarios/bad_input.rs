//! What people and the world do wrong, and that each is told where they look, with nothing lost.

use std::time::Duration;

use anyhow::{Result, ensure};
use lastmile_testbed::processes::{Agent, Controller, Folder, Settings, eventually};
use lastmile_testbed::routeros::Fault;
use serde_json::{Value, json};

use super::isp::{Isp, SOON, id, router_row, tell, text};

/// Writes a configuration, asks `check-config`, and returns exit code and message.
async fn checked(more: &str) -> Result<(i32, String)> {
    let folder = Folder::new()?;
    let controller = Controller::prepare(&folder, &Settings { more: more.to_owned(), ..Settings::default() }).await?;
    let ended = controller.command(&["check-config"], "")?;
    Ok((ended.code, ended.err))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_configuration_is_named_with_the_nearest_key() {
    let (code, message) = checked("[dunnning]\nevery_seconds = 5\n").await.expect("the command runs");
    assert!(
        code != 0 && message.contains("dunnning") && message.contains("did you mean dunning.every_seconds?"),
        "{code}: {message}"
    );
    let (code, message) = checked("colour = \"red\"\n").await.expect("the command runs");
    assert!(code != 0 && message.contains("colour"), "{code}: {message}");
    let (code, message) = checked("").await.expect("the command runs");
    assert_eq!(code, 0, "{message}");

    let folder = Folder::new().expect("a folder");
    let mut controller = Controller::prepare(&folder, &Settings::default()).await.expect("prepared");
    controller.set_env("LASTMILE_USAGE__POLL_SECONDS", "often");
    controller.spawn().expect("it starts");
    let child = controller.child().expect("it was started");
    eventually(
        "it ends by itself",
        Duration::from_secs(10),
        async || if child.is_running() { Err(()) } else { Ok(()) },
    )
    .await
    .expect("a wrong type ends the program");
    let said = child.output();
    assert!(said.contains("poll_seconds") && said.lines().count() <= 5, "one clear line: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_router_that_cannot_be_used_says_why_where_people_look() {
    tell(Settings::default(), async |isp: &mut Isp| {
        // A port that nobody listens on.
        let silent = isp.api.post("/routers", {
            let mut row = router_row(&isp.pop_id, 1);
            row["name"] = json!("Silent");
            row
        });
        let silent = id(&silent.await?)?;
        shown(isp, &silent, "cannot reach", "Silent").await?;

        assert!(isp.router.handle().fault(Fault::WrongPassword { on: true }));
        assert!(isp.router.handle().fault(Fault::DropConnections));
        let refused = isp.router_id.clone();
        shown(isp, &refused, "password", "Uttara CCR").await?;

        assert!(isp.router.handle().fault(Fault::Clear));
        let good = isp.customer("good").await?;
        isp.verified(&good, true).await?;
        Ok(())
    })
    .await;
}

/// Both the network page and the technician's page say it.
async fn shown(isp: &Isp, router: &str, word: &str, name: &str) -> Result<()> {
    eventually(&format!("{name} is shown with `{word}`"), SOON, async || {
        let pop = isp.pop().await.map_err(|why| json!(format!("{why:#}")))?;
        let row = pop["routers"].as_array().and_then(|list| list.iter().find(|r| r["id"] == json!(router)).cloned());
        match row {
            Some(row) if row["state"] != json!("healthy") && row.to_string().to_lowercase().contains(word) => Ok(()),
            other => Err(json!(other)),
        }
    })
    .await?;
    let page = lastmile_testbed::processes::Api::new(&isp.agent.base(), "")?.get("//").await?;
    let page = page.as_str().unwrap_or_default().to_lowercase();
    ensure!(page.contains(&name.to_lowercase()) && page.contains(word), "the status page says `{word}`: {page}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_token_works_once_and_says_so() {
    tell(Settings::default(), async |isp: &mut Isp| {
        let invite = isp.api.post("/agents/invite", json!({ "pop_id": isp.pop_id })).await?;
        let token = text(&invite, "/token")?.to_owned();
        ensure!(text(&invite, "/command")? == format!("lastmile-agent join {token}"), "one line to copy: {invite}");
        let second = Agent::prepare(&isp.folder, "second", "")?;
        second.join(&token)?;
        let third = Agent::prepare(&isp.folder, "third", "")?;
        let refused = third.command(&["join", &token])?;
        ensure!(refused.code != 0 && refused.err.contains("used"), "a used token is refused in words: {refused:?}");

        let damaged = third.command(&["join", &token[..token.len() - 4]])?;
        ensure!(damaged.code != 0 && damaged.err.lines().count() <= 3, "a damaged token, in one line: {damaged:?}");

        // A revoked agent is cut off while it is connected.
        let pop = isp.pop().await?;
        let agents = pop["agents"].as_array().cloned().unwrap_or_default();
        let connected = agents.iter().find(|a| a["connected"] == json!(true)).cloned().unwrap_or(Value::Null);
        isp.api.delete(&format!("/agents/{}", text(&connected, "/id")?)).await?.ok()?;
        eventually("the revoked agent is cut", Duration::from_secs(10), async || {
            let pop = isp.pop().await.map_err(|why| json!(format!("{why:#}")))?;
            let any = pop["agents"].as_array().is_some_and(|all| all.iter().any(|a| a["connected"] == json!(true)));
            if any { Err(pop) } else { Ok(()) }
        })
        .await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_at_the_agents_door_changes_nothing() {
    tell(Settings::default(), async |isp: &mut Isp| {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
        for round in 0..500_u32 {
            let junk: Vec<u8> =
                (0..1_200_u32).map(|at| (at.wrapping_mul(round * 7 + 3) >> 2).to_le_bytes()[0]).collect();
            socket.send_to(&junk, isp.controller.quic_address()).await?;
        }
        let customer = isp.customer("after.the.noise").await?;
        isp.verified(&customer, true).await?;
        ensure!(isp.controller.child()?.is_running(), "the controller lives");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_or_in_use_is_refused_by_name() {
    tell(Settings::default(), async |isp: &mut Isp| {
        isp.customer("taken").await?;
        let person = id(&isp.api.post("/customers", json!({ "name": "Second", "phone": "01711000001" })).await?)?;
        let line = json!({
            "customer_id": person, "package_id": isp.package_id, "router_id": isp.router_id,
            "access": { "kind": "pppoe", "username": "taken", "password": "x-password" },
        });
        let problem = isp.api.try_post("/subscriptions", line).await?.refused(409)?;
        ensure!(problem["errors"].to_string().contains("username"), "the field is named: {problem}");

        let area = id(&isp.api.post("/areas", json!({ "name": "Sector 4" })).await?)?;
        let resident = json!({ "name": "Resident", "phone": "01711000002", "area_id": area });
        isp.api.post("/customers", resident).await?;
        let problem = isp.api.delete(&format!("/areas/{area}")).await?.refused(409)?;
        ensure!(problem["detail"].is_string(), "it says what stands against it: {problem}");

        isp.api.with_token("not-a-token").try_post("/areas", json!({ "name": "x" })).await?.refused(401)?;
        let problem = isp.api.try_post("/customers", json!({ "name": "", "phone": 5 })).await?;
        ensure!((400..500).contains(&problem.status), "a wrong body is the caller's fault: {problem:?}");
        Ok(())
    })
    .await;
}
