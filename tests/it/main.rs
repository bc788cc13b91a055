//! The one test binary of the whole project: rules of the source tree, and stories told on real programs.
//!
//! One binary, because each links everything we have. It is run by `cargo nextest`, which gives every test
//! its own process.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod scenarios;
