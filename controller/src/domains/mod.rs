//! The business: one folder per domain. Each imports only what stands before it, and of another domain only its front
//! door:
//! `branches settings notices staff ledger areas packages network resellers customers lines outages billing payments
//! dunning usage broadcasts speedtest tickets surveys fieldwork calls referrals commissions portal`.

pub mod areas;
pub mod branches;
pub mod customers;
pub mod dunning;
pub mod ledger;
pub mod lines;
pub mod network;
pub mod notices;
pub mod packages;
pub mod payments;
pub mod resellers;
pub mod settings;
pub mod staff;
pub mod usage;

#[cfg(test)]
pub mod fixture;
