//! Where the programs under test lie, and the proof that they were built from the sources that lie here.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The agent's program.
///
/// # Errors
/// When it is missing or stale.
pub fn agent() -> Result<PathBuf> {
    checked(&folder()?, "lastmile-agent", env!("LASTMILE_AGENT_BUILD_ID"))
}

/// The controller's program.
///
/// # Errors
/// When it is missing or stale.
pub fn controller() -> Result<PathBuf> {
    checked(&folder()?, "lastmile-controller", env!("LASTMILE_CONTROLLER_BUILD_ID"))
}

fn checked(folder: &Path, name: &str, id: &str) -> Result<PathBuf> {
    let program = folder.join(name);
    let output = Command::new(&program).arg("--version").output().with_context(|| {
        format!("{} cannot be started; build the programs first: `cargo build --workspace --bins`", program.display())
    })?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(
        version.contains(id),
        "{name} is stale: it says `{version}`, the sources are {id}; run `cargo build --workspace --bins`"
    );
    Ok(program)
}

/// Tests stand in `target/debug/deps`, the programs one folder higher.
fn folder() -> Result<PathBuf> {
    let own = std::env::current_exe().context("the path of the test program")?;
    let parent = own.parent().context("the test program has a folder")?;
    let up = parent.file_name().is_some_and(|name| name == "deps" || name == "examples");
    Ok(if up { parent.parent().map(Path::to_path_buf).unwrap_or_default() } else { parent.to_path_buf() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_stale_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("lastmile-agent");
        std::fs::write(&program, "#!/bin/sh\necho lastmile-agent 0.1.0 aaaaaaaaaaaaaaaa\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(checked(folder.path(), "lastmile-agent", "aaaaaaaaaaaaaaaa").is_ok());
        let refusal = checked(folder.path(), "lastmile-agent", "bbbbbbbbbbbbbbbb").unwrap_err().to_string();
        assert!(refusal.contains("stale"), "{refusal}");
        let missing = checked(folder.path(), "lastmile-controller", "").unwrap_err();
        assert!(format!("{missing:#}").contains("build the programs first"), "{missing:#}");
    }
}
