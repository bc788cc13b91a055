//! Lastmile's controller: see the design in README.md.
