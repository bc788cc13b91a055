//! Lastmile's agent: see the design in README.md.
