//! The RouterOS simulator as a client sees it that others wrote: a simulator that only our own client
//! understands would hide the mistakes that both share.

use std::process::Stdio;

use lastmile_testbed::routeros::{Options, Simulator};
use tokio::process::Command;

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

async fn python() -> String {
    let made = Command::new(format!("{PEERS}/venv.sh")).stderr(Stdio::inherit()).output().await.expect("venv.sh runs");
    assert!(made.status.success(), "the peers' Python environment cannot be made");
    String::from_utf8(made.stdout).expect("a path").trim().to_owned()
}

async fn check(options: Options, login: &str) {
    let subscribers = 40;
    let version = options.version.clone();
    let simulator = Simulator::start(Options { subscribers, ..options }).await.expect("the simulator starts");
    let port = simulator.api_addr().port().to_string();
    let checked = Command::new(python().await)
        .arg(format!("{PEERS}/librouteros_check.py"))
        .args(["--port", &port, "--version", &version, "--login", login])
        .args(["--subscribers", &subscribers.to_string()])
        .kill_on_drop(true)
        .output()
        .await
        .expect("the check runs");
    let said = format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(checked.status.success(), "librouteros sees no real router:\n{said}");
    assert!(said.contains("all as on a real router"), "{said}");
}

#[tokio::test]
async fn librouteros_works_on_a_router_that_says_empty() {
    check(Options::default(), "plain").await;
}

#[tokio::test]
async fn librouteros_works_on_an_older_router_with_a_challenge() {
    check(Options { version: "6.42".into(), legacy_login: true, ..Options::default() }, "token").await;
}
