//! The one test binary of the whole project: rules of the source tree, and stories told on real programs.
//!
//! One binary, because each links everything we have. It is run by `cargo nextest`, which gives every test
//! its own process.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod authz;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod schema;

/// Where the project lies now; the build may have been made from another checkout that shares its output.
#[cfg(test)]
fn project_root() -> std::path::PathBuf {
    let tests = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    std::path::Path::new(&tests).parent().expect("the tests are a folder of the project").to_path_buf()
}
