//! Hands the agent its build id as `LASTMILE_BUILD_ID`.

include!("../deploy/build_id.rs");

fn main() {
    let _ = CONTROLLER;
    println!("cargo::rustc-env=LASTMILE_BUILD_ID={}", build_id(AGENT));
}
