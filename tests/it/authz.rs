//! Who may do what: every route × every role, asked of the real program and laid beside `authz.expected`.
//!
//! A new route, or a role that may suddenly do more, is a line in that file that somebody has looked at.
//! `LASTMILE_WRITE_EXPECTED=1` writes it anew.

mod foreign;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use lastmile_testbed::processes::{Api, Controller, Folder, Settings};
use reqwest::Method;
use serde_json::{Value, json};

/// All roles, the mightiest first.
const ROLES: &[&str] = &[
    "owner",
    "branch_manager",
    "accountant",
    "cashier",
    "noc",
    "support",
    "technician",
    "reseller",
    "reseller_staff",
    "auditor",
];

/// An id that nobody has.
const NOBODY: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

#[tokio::test]
async fn every_route_lets_in_just_whom_it_says() {
    let folder = Folder::new().expect("a folder");
    if let Err(why) = compare(&folder).await {
        panic!("{why:?}");
    }
}

async fn compare(folder: &Folder) -> Result<()> {
    let mut controller = Controller::prepare(folder, &Settings::default()).await?;
    controller.command(&["migrate"], "")?.success()?;
    controller.start().await?;
    let mut people = BTreeMap::new();
    for role in ROLES {
        controller
            .command(&["user", "add", "--username", role, "--role", role], "correct horse battery\n")?
            .success()?;
        people.insert(*role, controller.token(role)?);
    }
    let anonymous = Api::new(&controller.base(), "")?;
    let document = anonymous.get("/openapi.json").await?;
    let mut table = String::new();
    for (method, path) in routes(&document)? {
        let mut who = Vec::new();
        let first = ask(&anonymous, &method, &path).await?;
        ensure!(first != 403, "{method} {path}: a stranger is told 401, not 403");
        if first != 401 {
            who.push("everybody");
        } else {
            for role in ROLES {
                let status = ask(&people[role], &method, &path).await?;
                ensure!(status != 401 && status < 500, "{method} {path} as {role}: {status}");
                if status != 403 {
                    who.push(role);
                }
            }
        }
        writeln!(table, "{:6} {path}: {}", method.as_str(), who.join(" "))?;
    }
    let file = crate::project_root().join("tests/it/authz.expected");
    if std::env::var_os("LASTMILE_WRITE_EXPECTED").is_some() {
        std::fs::write(&file, &table)?;
    }
    let expected = std::fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
    let differs = difference(&expected, &table);
    ensure!(differs.is_empty(), "who may do what has changed (- expected, + now):\n{differs}");
    Ok(())
}

/// Every operation of the document, sorted.
fn routes(document: &Value) -> Result<Vec<(Method, String)>> {
    let paths = document["paths"].as_object().context("`paths` of the OpenAPI document")?;
    let mut all = Vec::new();
    for (path, operations) in paths {
        for name in operations.as_object().context("operations of a path")?.keys() {
            if let Ok(method) = Method::from_bytes(name.to_uppercase().as_bytes())
                && ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str())
            {
                all.push((method, path.clone()));
            }
        }
    }
    ensure!(all.len() > 30, "the document names {} operations only", all.len());
    all.sort_by(|a, b| (&a.1, a.0.as_str()).cmp(&(&b.1, b.0.as_str())));
    Ok(all)
}

async fn ask(who: &Api, method: &Method, path: &str) -> Result<u16> {
    let mut filled = String::new();
    for part in path.split('/').skip(1) {
        filled.push('/');
        filled.push_str(if part.starts_with('{') { NOBODY } else { part });
    }
    let body = (method != Method::GET).then(|| json!({}));
    who.status(method.clone(), &filled, body.as_ref()).await
}

fn difference(expected: &str, now: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), now.lines().collect());
    let gone = old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {line}\n"));
    let come = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}\n"));
    gone.chain(come).collect()
}
