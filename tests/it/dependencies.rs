//! What comes from outside: licences, banned crates, sources and known advisories, by `deny.toml`.
//!
//! Works without any network. What it cannot do is to learn of an advisory by itself: it knows those in
//! `deploy/advisories.toml`, and says so there.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

fn root() -> PathBuf {
    crate::project_root()
}

fn read<T: serde::de::DeserializeOwned>(file: &str) -> T {
    let text = std::fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    toml::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"))
}

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
    advisories: Ignored,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
}

#[derive(Deserialize)]
struct Ignored {
    ignore: Vec<Accepted>,
}

#[derive(Deserialize)]
struct Accepted {
    id: String,
    reason: String,
}

#[derive(Deserialize)]
struct Known {
    advisory: Vec<Advisory>,
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    #[serde(rename = "crate")]
    name: String,
    patched: Option<String>,
    title: String,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
}

/// `1.2.3-alpha+x` → (1, 2, 3).
fn numbers(version: &str) -> (u64, u64, u64) {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = plain.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

fn is_banned(ban: &Ban, package: &Locked) -> bool {
    match ban.name.split_once('@') {
        Some((name, major)) => name == package.name && package.version.split('.').next() == Some(major),
        None => ban.name == package.name,
    }
}

#[test]
fn nothing_banned_is_locked_and_all_comes_from_crates_io() {
    let (deny, lock): (Deny, Lock) = (read("deny.toml"), read("Cargo.lock"));
    for package in &lock.package {
        let ban = deny.bans.deny.iter().find(|ban| is_banned(ban, package));
        assert!(ban.is_none(), "{} {} is banned by deny.toml", package.name, package.version);
        let source = package.source.as_deref().unwrap_or("registry+https://github.com/rust-lang/crates.io-index");
        assert!(
            source.ends_with("//github.com/rust-lang/crates.io-index"),
            "{} comes from {source}, not from crates.io",
            package.name
        );
    }
}

#[test]
fn known_advisories_are_fixed_or_accepted_with_a_date() {
    let (deny, known, lock): (Deny, Known, Lock) =
        (read("deny.toml"), read("deploy/advisories.toml"), read("Cargo.lock"));
    let mut hit = BTreeSet::new();
    for advisory in &known.advisory {
        let open = |p: &&Locked| {
            p.name == advisory.name && advisory.patched.as_ref().is_none_or(|good| numbers(&p.version) < numbers(good))
        };
        let Some(package) = lock.package.iter().find(open) else { continue };
        hit.insert(advisory.id.as_str());
        assert!(
            deny.advisories.ignore.iter().any(|a| a.id == advisory.id),
            "{} {}: {} ({}), neither fixed nor accepted in deny.toml",
            package.name,
            package.version,
            advisory.id,
            advisory.title
        );
    }
    for accepted in &deny.advisories.ignore {
        assert!(hit.contains(accepted.id.as_str()), "{} is accepted but touches nothing: remove it", accepted.id);
        let dated = accepted.reason.get(..10).is_some_and(|date| date.parse::<jiff::civil::Date>().is_ok());
        assert!(dated, "{} must say when it was accepted: `YYYY-MM-DD: reason`", accepted.id);
    }
}

#[test]
fn every_licence_is_on_the_list() {
    let deny: Deny = read("deny.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .expect("cargo answers");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let resolved: BTreeSet<String> =
        list(&metadata["resolve"]["nodes"]).iter().map(|node| node["id"].to_string()).collect();
    assert!(resolved.len() > 50, "cargo metadata named {} packages only", resolved.len());
    for package in list(&metadata["packages"]) {
        if resolved.contains(&package["id"].to_string()) {
            let licence = package["license"].as_str().unwrap_or("none");
            assert!(is_allowed(licence, &deny.licenses.allow), "{}: licence {licence}", package["name"]);
        }
    }
}

/// SPDX expressions as they occur: `OR` (or `/`) binds weaker than `AND`, brackets around an alternative.
fn is_allowed(expression: &str, allow: &[String]) -> bool {
    let flat = expression.replace('/', " OR ");
    if let (Some(open), Some(close)) = (flat.find('('), flat.find(')')) {
        let inner = if is_allowed(&flat[open + 1..close], allow) { &allow[0] } else { "refused" };
        return is_allowed(&format!("{}{inner}{}", &flat[..open], &flat[close + 1..]), allow);
    }
    flat.split(" OR ").any(|way| way.split(" AND ").all(|part| allow.iter().any(|a| a == part.trim())))
}

#[test]
fn licence_expressions_are_read_right() {
    let allow = ["MIT".to_owned(), "Apache-2.0".to_owned()];
    for good in ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "MIT AND Apache-2.0", "(MIT OR GPL-3.0) AND Apache-2.0"] {
        assert!(is_allowed(good, &allow), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(GPL-3.0 OR MPL-2.0) AND MIT", "none"] {
        assert!(!is_allowed(bad, &allow), "{bad}");
    }
}
