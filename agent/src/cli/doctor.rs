//! What the agent needs, looked at one by one, with what to do where it is missing.

use std::path::Path;

use crate::cli::ask;
use crate::config::Config;
use crate::files;
use crate::uplink::identity;

/// Prints one line a check.
///
/// # Errors
/// When one of them failed.
pub async fn doctor(config: &Config) -> anyhow::Result<()> {
    let mut failed = 0;
    let mut say = |name: &str, outcome: Result<String, String>| {
        failed += u32::from(outcome.is_err());
        let line = match outcome {
            Ok(text) => format!("ok    {name}: {text}"),
            Err(text) => format!("FAIL  {name}: {text}"),
        };
        // Whoever no longer reads still gets the exit code.
        let _ = crate::cli::say(&line);
    };
    say("data folder", writable(&config.data_dir));
    let identity = identity::load(&config.data_dir);
    match identity {
        Ok(Some(identity)) => {
            let at = identity.enrolment;
            say("identity", Ok(format!("POP {}, agent {}", at.pop_name, at.agent)));
            for address in at.addresses {
                let found = tokio::net::lookup_host(&address).await;
                let found = found.map(|all| all.map(|a| a.to_string()).collect::<Vec<_>>().join(" "));
                say(
                    "controller",
                    found.map(|all| format!("{address} is {all}")).map_err(|e| format!("{address}: {e}")),
                );
            }
        }
        Ok(None) => say("identity", Err("not joined: run the line that the console shows".into())),
        Err(error) => say("identity", Err(error.to_string())),
    }
    match ask::get(config, "/api/status") {
        Ok(text) => {
            let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let word = |pointer: &str| value.pointer(pointer).and_then(|v| v.as_str()).unwrap_or("").to_owned();
            say("agent", Ok(format!("runs, {}", word("/verdict"))));
            let phase = word("/link/phase");
            let link = format!("{phase} {}", word("/link/detail"));
            say("link", if phase == "connected" { Ok(link) } else { Err(link) });
            let trouble = word("/spool/trouble");
            say("spool", if trouble.is_empty() { Ok("well".into()) } else { Err(trouble) });
        }
        Err(error) => say("agent", Err(error.to_string())),
    }
    anyhow::ensure!(failed == 0, "{failed} of the checks failed");
    Ok(())
}

fn writable(folder: &Path) -> Result<String, String> {
    let probe = folder.join("doctor.probe");
    let outcome = files::replace(&probe, b"probe");
    let _ = std::fs::remove_file(&probe);
    outcome.map(|()| folder.display().to_string()).map_err(|e| format!("{}: {e}", folder.display()))
}
