//! Messages to people: SMS and e-mail.

pub mod sms;
