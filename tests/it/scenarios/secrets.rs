//! Canaries: secrets that are entered where people enter them, and looked for everywhere else.
//!
//! Every program logs at its lowest level. Looked through are the files of the controller (database, write-ahead log,
//! backup) and of the agent (desired state, spool), all logs, and every answer of the interface that a person with all
//! permissions can read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use lastmile_controller::db::{Db, DbConfig};
use lastmile_controller::kernel::{Scope, SystemClock, SystemRng};
use lastmile_testbed::processes::{Api, Settings, eventually};
use reqwest::Method;
use serde_json::json;

use super::isp::{Isp, SOON, expect, id, router_row, tell};

/// A secret, and what it is.
struct Canary {
    what: &'static str,
    secret: String,
}

impl Canary {
    fn new(what: &'static str, secret: &str) -> Self {
        Self { what, secret: secret.to_owned() }
    }

    /// How it might stand somewhere: as it is, in hexadecimal, in base64 at each of three offsets, in UTF-16.
    fn forms(&self) -> Vec<String> {
        let clear = self.secret.as_bytes();
        let hex: String = clear.iter().map(|byte| format!("{byte:02x}")).collect();
        let wide = self.secret.chars().flat_map(|letter| [letter, '\0']).collect();
        let mut forms = vec![self.secret.clone(), wide, hex.to_uppercase(), hex];
        for skipped in 0..3 {
            let rest = clear.get(skipped..).unwrap_or_default();
            forms.push(base64(rest.get(..rest.len() / 3 * 3).unwrap_or_default()));
        }
        forms
    }
}

/// Whole groups of three bytes only: what stands there wherever the text around it begins.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(LETTERS[usize::try_from(bits >> shift & 63).unwrap_or(0)]))
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_stand_nowhere_in_clear_and_open_only_where_they_belong() {
    tell(Settings::default(), canaries).await;
}

async fn canaries(isp: &mut Isp) -> Result<()> {
    loud(isp).await?;
    let mut canaries = enter(isp).await?;
    let (one, two) = (isp.customer("swapped-one").await?, isp.customer("swapped-two").await?);
    isp.verified(&one, true).await?;
    isp.verified(&two, true).await?;
    canaries.push(Canary::new("a PPPoE password", "secret-of-swapped-one"));
    let backup = isp.folder.path().join("canary.lmbackup");
    isp.controller.command(&["backup", backup.to_str().context("a path of letters")?], "")?.success()?;
    eventually("what happened is sealed", SOON, async || {
        let seal = isp.api.get("/audit/seal").await.map_err(|why| json!(format!("{why:#}")))?;
        if seal["head"].is_object() { Ok(()) } else { Err(seal) }
    })
    .await?;

    answers_tell_nothing(isp, &one.subscription, &one.id, &canaries).await?;
    // The write-ahead log is looked at while the controller runs; stopping would empty it.
    ensure!(isp.folder.path().join("controller/lastmile.db-wal").exists(), "there is a write-ahead log");
    files_hold_nothing(isp.folder.path(), &canaries)?;
    let reads = isp.api.get(&format!("/subscriptions/{}/password", one.subscription)).await?;
    expect(&reads, "/password", &json!("secret-of-swapped-one"))?;

    isp.controller.stop().await?;
    another_key_stops_before_serving(isp).await?;
    swap(isp, &one.subscription, &two.subscription).await?;
    isp.controller.start().await?;
    let path = format!("/subscriptions/{}/password", one.subscription);
    let refused = isp.api.ask(Method::GET, &path, None, &[]).await?.refused(500)?;
    ensure!(!refused.to_string().contains("secret-of"), "{refused}");
    isp.controller.child()?.wait_for_line("is damaged or belongs elsewhere", SOON).await?;
    isp.controller.stop().await?;
    files_hold_nothing(isp.folder.path(), &canaries)
}

/// Everybody says everything they ever say.
async fn loud(isp: &mut Isp) -> Result<()> {
    isp.controller.set_env("LASTMILE_LOG__LEVEL", "trace");
    isp.agent.set_env("LASTMILE_LOG__LEVEL", "trace");
    isp.agent.stop().await?;
    isp.controller.stop().await?;
    isp.controller.start().await?;
    isp.agent.start().await?;
    isp.connected().await
}

/// Enters secrets everywhere, rightly and wrongly.
async fn enter(isp: &Isp) -> Result<Vec<Canary>> {
    let mut all = Vec::new();
    let mut canary = |what: &'static str, secret: &str| {
        all.push(Canary::new(what, secret));
        secret.to_owned()
    };
    let mut router = router_row(&isp.pop_id, isp.router.api_addr().port());
    router["name"] = json!("canary router");
    router["password"] = json!(canary("a router's password", "canary-router-5f1e8c"));
    router["enforce"] = json!(false);
    let router = id(&isp.api.post("/routers", router).await?)?;
    let changed = json!({ "password": canary("a router's new password", "canary-router-a07b31") });
    isp.api.patch(&format!("/routers/{router}"), changed).await?;

    let relay = json!({
        "enabled": false, "per_minute": 60, "password": canary("a mail server's password", "canary-mail-e20c5b"),
        "settings": { "host": "127.0.0.1", "port": 587, "tls": "starttls", "username": "isp", "from_address": "a@isp.example" },
    });
    isp.api.ask(Method::PUT, "/notice-channels/email", Some(&relay), &[]).await?.ok()?;

    let wrong = canary("a password in a request that is refused", "canary-refused-77d2c9");
    let body = json!({ "customer_id": 7, "access": { "kind": "pppoe", "username": "x", "password": [wrong] } });
    let reply = isp.api.try_post("/subscriptions", body).await?;
    ensure!(reply.status == 422 && !reply.body.to_string().contains("canary-"), "{:?}", reply.body);

    let typed = canary("a password typed on the command line", "canary-typed-19b0e4");
    let add = ["user", "add", "--username", "canary", "--role", "cashier"];
    isp.controller.command(&add, &format!("{typed}\n"))?.success()?;
    let missed = canary("a password that was mistyped", "canary-mistyped-c3a6f8");
    let anonymous = Api::new(&isp.controller.base(), "")?;
    for (password, status) in [(&missed, 401), (&typed, 200)] {
        let reply = anonymous.try_post("/login", json!({ "username": "canary", "password": password })).await?;
        ensure!(reply.status == status, "{} {}", reply.status, reply.body);
    }
    let token = isp.controller.command(&["token", "create", "--user", "canary"], "")?.success()?;
    let token = canary("an API token", token.lines().last().unwrap_or_default());
    ensure!(token.len() >= 20, "a token is long");
    isp.api.with_token(&token).get("/me").await?;
    Ok(all)
}

/// Every page that can be read, as it would be by somebody who may read all.
async fn answers_tell_nothing(isp: &Isp, subscription: &str, customer: &str, canaries: &[Canary]) -> Result<()> {
    let document = isp.api.get("/openapi.json").await?;
    let paths = document["paths"].as_object().context("paths of the document")?;
    let mut read = 0;
    for (path, methods) in paths {
        // One shows a password to who may see it, which is recorded; one never ends; one is the backup itself.
        let apart = path.ends_with("/password") || path.ends_with("/live") || path.ends_with("/file");
        if methods.get("get").is_none() || apart {
            continue;
        }
        let path = path.trim_start_matches("/api/v1");
        let known = [
            ("/subscriptions/", subscription),
            ("/customers/", customer),
            ("/routers/", &isp.router_id),
            ("/pops/", &isp.pop_id),
            ("/packages/", &isp.package_id),
        ];
        let id = known.iter().find(|(prefix, _)| path.starts_with(prefix)).map_or("none", |(_, id)| id);
        let path = path.replace("{id}", id);
        let answer = isp.api.ask(Method::GET, &path, None, &[]).await?;
        ensure!(answer.status < 500, "{path}: {} {}", answer.status, answer.body);
        read += u32::from(answer.status == 200);
        let body = answer.body.to_string();
        for canary in canaries {
            ensure!(!body.contains(&canary.secret), "{path} tells {}", canary.what);
        }
    }
    ensure!(read >= 20, "{read} answers were read");
    Ok(())
}

/// No file below the folder holds a canary in any form.
fn files_hold_nothing(folder: &Path, canaries: &[Canary]) -> Result<()> {
    let mut files = Vec::new();
    walk(folder, &mut files)?;
    ensure!(files.len() > 10, "{files:?}");
    for file in &files {
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        // All forms are ASCII, and what is no UTF-8 hides none of it.
        let text = String::from_utf8_lossy(&bytes);
        for canary in canaries {
            for form in canary.forms() {
                ensure!(!text.contains(&form), "{} holds {}", file.display(), canary.what);
            }
        }
    }
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { walk(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// The wrong key is named beside the right one, and nobody is served.
async fn another_key_stops_before_serving(isp: &mut Isp) -> Result<()> {
    isp.controller.set_env("LASTMILE_SECRETS__KEY", &"b".repeat(64));
    isp.controller.spawn()?;
    isp.controller.child()?.wait_for_line("this database is sealed with key", SOON).await?;
    isp.controller.child()?.wait_for_line("but the key here is", SOON).await?;
    let child = isp.controller.child()?;
    eventually("the controller has ended", SOON, async || if child.is_running() { Err("it runs") } else { Ok(()) })
        .await?;
    let anonymous = Api::new(&isp.controller.base(), "")?;
    ensure!(anonymous.get("//healthz").await.is_err(), "nothing is served under a wrong key");
    isp.controller.set_env("LASTMILE_SECRETS__KEY", "");
    Ok(())
}

/// Somebody with the database's shell gives two lines each other's sealed password.
async fn swap(isp: &Isp, one: &str, two: &str) -> Result<()> {
    let url = format!("sqlite://{}", isp.folder.path().join("controller/lastmile.db").display());
    let config = DbConfig { url, owner_url: None, max_connections: 1 };
    let database = Db::connect(&config, Arc::new(SystemClock::new()), Arc::new(SystemRng::new())).await?;
    let mut tx = database.begin(&Scope::All).await?;
    let done = sqlx::query(
        "UPDATE lines SET password_sealed = (SELECT l.password_sealed FROM lines l JOIN subscriptions s ON s.line_id = l.id \
         WHERE s.id = CASE WHEN lines.id = (SELECT line_id FROM subscriptions WHERE id = $1) THEN $2 ELSE $1 END) \
         WHERE id IN (SELECT line_id FROM subscriptions WHERE id IN ($1, $2))",
    )
    .bind(one)
    .bind(two)
    .execute(tx.conn())
    .await?;
    tx.commit().await?;
    database.close().await;
    ensure!(done.rows_affected() == 2, "two rows were swapped");
    Ok(())
}

/// What looks is looked at: a canary in any of its forms is found.
#[test]
fn the_search_finds_what_it_looks_for() {
    let canary = Canary::new("a canary", "canary-test-123456");
    let found = |text: &str| canary.forms().iter().any(|form| text.contains(form));
    for around in ["", "x", "xy"] {
        let encoded = base64(format!("{around}{}padding", canary.secret).as_bytes());
        assert!(found(&encoded), "base64 after {} bytes", around.len());
    }
    let hex: String = canary.secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(found(&canary.secret) && found(&hex) && found(&hex.to_uppercase()));
    assert!(!found("canary-test-12345"));
    let torn = [b"\xff\xfe".as_slice(), canary.secret.as_bytes(), b"\x80"].concat();
    assert!(found(&String::from_utf8_lossy(&torn)), "in the middle of what is no text");
}
