//! Tells the harness the build ids that the programs it starts must have.

include!("../deploy/build_id.rs");

fn main() {
    println!("cargo::rustc-env=LASTMILE_AGENT_BUILD_ID={}", build_id(AGENT));
    println!("cargo::rustc-env=LASTMILE_CONTROLLER_BUILD_ID={}", build_id(CONTROLLER));
}
