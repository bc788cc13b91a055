//! Lines, proofs and agents on both databases: what is wanted, pushed, seen and refused.
