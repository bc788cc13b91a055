//! Devices: what can be read and what can be enforced. RouterOS's rx and tx are turned round here, at the
//! boundary: inside the agent *down* is towards the customer.

pub mod routeros;
