//! Our own nftables table, spoken to through `nft` with JSON. No other table is ever read or written.
//!
//! The chain hooks into *forward* before every chain of the operator, so that connections which his rules accept
//! as established are cut as well; a drop is final, an accept elsewhere cannot undo it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::process::{Output, Stdio};
use std::time::Duration;

use lastmile_protocol::ids::LineId;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::core::reconcile::{mark, marked};
use crate::device::DeviceError;

const TABLE: &str = "lastmile";
const SET: &str = "lastmile_held";
const CHAIN: &str = "lastmile_forward";
/// Before the operator's `filter` (0).
const PRIORITY: i32 = -10;
const WAIT: Duration = Duration::from_secs(10);

/// Makes table, set and chain what they have to be, in one transaction. The set keeps its elements.
pub(super) async fn install() -> Result<(), DeviceError> {
    let drop = |field: &str| {
        json!({"add": {"rule": {"family": "inet", "table": TABLE, "chain": CHAIN, "expr": [
            {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": field}}, "right": format!("@{SET}")}},
            {"drop": null},
        ]}}})
    };
    run(&json!({"nftables": [
        {"add": {"table": {"family": "inet", "name": TABLE}}},
        {"add": {"set": {"family": "inet", "table": TABLE, "name": SET, "type": "ipv4_addr"}}},
        {"add": {"chain": {"family": "inet", "table": TABLE, "name": CHAIN,
            "type": "filter", "hook": "forward", "prio": PRIORITY, "policy": "accept"}}},
        {"flush": {"chain": {"family": "inet", "table": TABLE, "name": CHAIN}}},
        drop("saddr"),
        drop("daddr"),
    ]}))
    .await
}

/// Closes an address. Closing it again changes nothing.
pub(super) async fn add(address: Ipv4Addr, line: LineId) -> Result<(), DeviceError> {
    let element = json!({"elem": {"val": address.to_string(), "comment": mark(line)}});
    run(&json!({"nftables": [{"add": {"element": element_of(&element)}}]})).await
}

/// Opens an address. Opening it again changes nothing.
pub(super) async fn remove(address: Ipv4Addr) -> Result<(), DeviceError> {
    let element = json!(address.to_string());
    // Deleting what is not there is an error; what was just added is there.
    run(&json!({"nftables": [{"add": {"element": element_of(&element)}}, {"delete": {"element": element_of(&element)}}]})).await
}

fn element_of(element: &Value) -> Value {
    json!({"family": "inet", "table": TABLE, "name": SET, "elem": [element]})
}

/// Looks one address up: the line that it is closed for.
pub(super) async fn get(address: Ipv4Addr) -> Result<Option<Option<LineId>>, DeviceError> {
    let found = lookup(&format!("{{ {address} }}")).await?;
    Ok(found.and_then(|elements| elements.get(&address).copied()))
}

/// Whether every one of these is closed.
pub(super) async fn all_there(addresses: impl Iterator<Item = Ipv4Addr>) -> Result<bool, DeviceError> {
    let addresses = addresses.map(|address| address.to_string()).collect::<Vec<_>>();
    // A command line holds so many without trouble.
    for part in addresses.chunks(2_000) {
        if lookup(&format!("{{ {} }}", part.join(", "))).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `None` when one of them is not there.
async fn lookup(elements: &str) -> Result<Option<BTreeMap<Ipv4Addr, Option<LineId>>>, DeviceError> {
    // Not every version of nft answers this one in JSON.
    let output = nft(&["get", "element", "inet", TABLE, SET, elements], None).await?;
    if output.status.success() {
        return Ok(Some(elements_in(&String::from_utf8_lossy(&output.stdout))));
    }
    let words = String::from_utf8_lossy(&output.stderr);
    if words.contains("No such file or directory") { Ok(None) } else { Err(DeviceError::Nft(first_line(&words))) }
}

/// The whole set.
pub(super) async fn list() -> Result<BTreeMap<Ipv4Addr, Option<LineId>>, DeviceError> {
    let output = nft(&["-j", "list", "set", "inet", TABLE, SET], None).await?;
    if output.status.success() {
        return Ok(elements_of(&output.stdout));
    }
    Err(DeviceError::Nft(first_line(&String::from_utf8_lossy(&output.stderr))))
}

fn elements_of(answer: &[u8]) -> BTreeMap<Ipv4Addr, Option<LineId>> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let parts = answer.get("nftables").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let sets = parts.iter().filter_map(|part| part.get("set")?.get("elem")?.as_array());
    sets.flatten().filter_map(element).collect()
}

/// Elements as `nft` writes them for people: `elements = { 10.0.0.1 comment "…", 10.0.0.2 }`.
fn elements_in(text: &str) -> BTreeMap<Ipv4Addr, Option<LineId>> {
    let list = text.split_once("elements = {").map_or("", |(_, list)| list);
    let parts = list.split(',').filter_map(|part| {
        let part = part.trim_start();
        let end = part.find(|c: char| c.is_whitespace() || c == '}').unwrap_or(part.len());
        let (address, rest) = part.split_at_checked(end)?;
        let comment = rest.split('"').nth(1);
        Some((address.parse().ok()?, comment.and_then(|comment| marked(comment.as_bytes()))))
    });
    parts.collect()
}

/// An element is its address, or an object with address and comment.
fn element(element: &Value) -> Option<(Ipv4Addr, Option<LineId>)> {
    let with = element.get("elem");
    let value = with.and_then(|with| with.get("val")).unwrap_or(element);
    let comment = with.and_then(|with| with.get("comment")).and_then(Value::as_str);
    Some((value.as_str()?.parse().ok()?, comment.and_then(|comment| marked(comment.as_bytes()))))
}

async fn run(commands: &Value) -> Result<(), DeviceError> {
    let output = nft(&["-j", "-f", "-"], Some(commands.to_string())).await?;
    if output.status.success() {
        return Ok(());
    }
    Err(DeviceError::Nft(first_line(&String::from_utf8_lossy(&output.stderr))))
}

async fn nft(arguments: &[&str], input: Option<String>) -> Result<Output, DeviceError> {
    let failed = |error: std::io::Error| DeviceError::Nft(format!("nft: {error}"));
    let mut command = Command::new("nft");
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().map_err(failed)?;
    if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
        pipe.write_all(input.as_bytes()).await.map_err(failed)?;
    }
    match timeout(WAIT, child.wait_with_output()).await {
        Ok(output) => output.map_err(failed),
        Err(_) => Err(DeviceError::Nft(format!("nft did not end within {} s", WAIT.as_secs()))),
    }
}

fn first_line(words: &str) -> String {
    words.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason").trim().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_with_and_without_a_comment_are_read() {
        let id = LineId::from_bytes([5; 16]);
        let answer = json!({"nftables": [{"metainfo": {}}, {"set": {"elem": [
            "10.0.0.1", {"elem": {"val": "10.0.0.2", "comment": mark(id)}}, {"elem": {"val": "10.0.0.3", "comment": "?"}}, 7,
        ]}}]});
        let elements = elements_of(answer.to_string().as_bytes());
        let want = [("10.0.0.1", None), ("10.0.0.2", Some(id)), ("10.0.0.3", None)];
        assert_eq!(elements, want.into_iter().map(|(address, id)| (address.parse().unwrap(), id)).collect());
        assert!(elements_of(b"garbage").is_empty());
        let text = format!(
            "table inet lastmile {{\n\tset lastmile_held {{\n\t\telements = {{ 10.0.0.1,\n\t\t\t10.0.0.2 comment \"{}\", 10.0.0.3 comment \"?\" }}\n\t}}\n}}",
            mark(id)
        );
        assert_eq!(elements_in(&text), elements);
        assert!(elements_in("garbage").is_empty());
    }
}
