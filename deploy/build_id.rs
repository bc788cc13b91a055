// The build id: a hash of the sources a program is made of. Included by the `build.rs` of every package.
//
// A program prints its id with `--version`; the harness is built with the ids its programs must have and refuses
// others, so that no test ever passes on yesterday's binary. A git hash was not taken: it does not change with
// an uncommitted edit, and there is none in an unpacked archive.

use std::path::{Path, PathBuf};

/// Sources of the agent, from the project's root.
const AGENT: &[&str] = &["protocol/src", "agent/src", "Cargo.lock"];
/// Sources of the controller, from the project's root.
const CONTROLLER: &[&str] = &["protocol/src", "controller/src", "migrations", "Cargo.lock"];

/// Sixteen hex digits over names and contents of all files below `parts`; cargo runs the build script again
/// once one of them changes.
fn build_id(parts: &[&str]) -> String {
    let package = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = package.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut files = Vec::new();
    for part in parts.iter().map(|part| root.join(part)).filter(|part| part.exists()) {
        println!("cargo::rerun-if-changed={}", part.display());
        collect(&part, &mut files);
    }
    files.sort();
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for file in files {
        let name = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().into_owned();
        fnv1a(&mut hash, name.as_bytes());
        fnv1a(&mut hash, &std::fs::read(&file).unwrap_or_default());
    }
    format!("{hash:016x}")
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(path) else {
        files.push(path.to_path_buf());
        return;
    };
    for entry in entries.flatten() {
        collect(&entry.path(), files);
    }
}

fn fnv1a(hash: &mut u64, bytes: &[u8]) {
    // The length closes each part, so that text cannot wander from one file into the next.
    for byte in bytes.iter().copied().chain(bytes.len().to_le_bytes()) {
        *hash = (*hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
}
