//! The benchmarks: ours beside what others wrote, in the same run, on the same data, counted in CPU-seconds.
//!
//! Load generators and simulators are left out of the count: each side runs in a process of its own and tells
//! the CPU time of that process. Sides take turns, so that a busy moment of the machine meets both.

mod agent_memory;
pub mod child;
mod measure;
mod payment_to_open;
mod rig;
mod routeros_rows;
mod usage_end_to_end;

use std::path::Path;

use anyhow::{Context as _, Result, bail};

pub use measure::{Measure, median, table};

/// All benchmarks by name.
const NAMES: [&str; 4] = ["routeros_rows", "usage_end_to_end", "agent_memory", "payment_to_open"];

async fn one(name: &str) -> Result<Vec<Measure>> {
    match name {
        "routeros_rows" => routeros_rows::run().await,
        "usage_end_to_end" => usage_end_to_end::run().await,
        "agent_memory" => agent_memory::run().await,
        "payment_to_open" => payment_to_open::run().await,
        other => bail!("no benchmark is called {other}; there are: {}", NAMES.join(" ")),
    }
}

/// Runs the benchmark of that name, or all, prints the table and writes `out`.
///
/// # Errors
/// When one cannot be run; those that could are in the table and the file all the same.
pub async fn run(only: Option<&str>, out: &Path) -> Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("bench: this is a debug build, its figures say nothing; use `make bench`");
    }
    let names: Vec<&str> = only.map_or_else(|| NAMES.to_vec(), |name| vec![name]);
    let (mut measures, mut failed) = (Vec::new(), Vec::new());
    for name in names {
        eprintln!("bench: {name}");
        match one(name).await {
            Ok(more) => measures.extend(more),
            Err(error) => {
                eprintln!("bench: {name} failed: {error:#}");
                failed.push(name);
            }
        }
    }
    println!("{}", table(&measures));
    let text = serde_json::to_string_pretty(&measures).context("the figures as JSON")?;
    std::fs::write(out, text + "\n").with_context(|| format!("cannot write {}", out.display()))?;
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(" ")) }
}
