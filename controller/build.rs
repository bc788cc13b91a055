//! Hands the controller its build id as `LASTMILE_BUILD_ID`, and builds it again when the pages that a release
//! carries inside have changed.
//!
//! It never runs npm: the Makefile builds the pages first, and a controller without them says so on its page.

include!("../deploy/build_id.rs");

fn main() {
    let _ = AGENT;
    println!("cargo::rustc-env=LASTMILE_BUILD_ID={}", build_id(CONTROLLER));
    // A debug build reads the pages from disk. `make` touches index.html after it made the first bundle.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        let pages = if Path::new("ui/dist").exists() { "ui/dist" } else { "ui/index.html" };
        println!("cargo::rerun-if-changed={pages}");
    }
}
