//! Typed identifiers, shared by both programs.
//!
//! An id is 128 bits (a ULID: 48 bits of milliseconds, 80 random bits), written as 26 characters of
//! Crockford base 32 in SQL, JSON and router comments, and as 16 bytes on the wire. Ids are made from a
//! time and random bytes that the caller hands in.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id is 26 characters of 0-9 and A-Z without I, L, O, U")]
pub struct BadId;

fn encode(value: u128) -> [u8; 26] {
    let mut out = [0u8; 26];
    let mut rest = value;
    for slot in out.iter_mut().rev() {
        let digit = usize::try_from(rest & 31).unwrap_or(0);
        *slot = ALPHABET.get(digit).copied().unwrap_or(b'0');
        rest >>= 5;
    }
    out
}

fn decode(text: &str) -> Result<u128, BadId> {
    let bytes = text.as_bytes();
    if bytes.len() != 26 || bytes.first().is_none_or(|first| *first > b'7') {
        return Err(BadId);
    }
    let mut value: u128 = 0;
    for byte in bytes {
        let digit = ALPHABET.iter().position(|c| c == byte).ok_or(BadId)?;
        value = (value << 5) | u128::try_from(digit).map_err(|_| BadId)?;
    }
    Ok(value)
}

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// Builds an id from a time (milliseconds since 1970, UTC) and ten random bytes.
            #[must_use]
            pub fn new(at_ms: u64, random: [u8; 10]) -> Self {
                let mut low = [0u8; 16];
                low[6..].copy_from_slice(&random);
                Self((u128::from(at_ms & 0xFFFF_FFFF_FFFF) << 80) | u128::from_be_bytes(low))
            }

            /// The id of these 16 bytes, big-endian.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// The 16 bytes of the id, big-endian.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = encode(self.0);
                f.write_str(core::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                decode(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.to_bytes().serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = String::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    <[u8; 16]>::deserialize(deserializer).map(Self::from_bytes)
                }
            }
        }
    )+};
}

typed_id! {
    /// An agent: one daemon at one POP.
    AgentId,
    /// A point of presence: routers and the agent that stands beside them.
    PopId,
    /// A router (or any box that enforces lines).
    RouterId,
    /// A line: what one subscription is served by.
    LineId,
    /// An office of the ISP.
    BranchId,
    /// A part of the map where customers live.
    AreaId,
    /// A package: speed, price, validity.
    PackageId,
    /// Who pays.
    CustomerId,
    /// What a customer has bought; served by one line.
    SubscriptionId,
    /// A reason why a line is closed.
    HoldId,
    /// A payment.
    PaymentId,
    /// A ledger journal entry.
    JournalId,
    /// A ledger account.
    AccountId,
    /// A person who works for the ISP.
    StaffId,
    /// A web session.
    WebSessionId,
    /// An API token.
    TokenId,
    /// A single-use invitation of an agent.
    JoinTokenId,
    /// An event in the record of what happened.
    EventId,
    /// A job in the durable queue.
    JobId,
    /// A pull of the brake: a list of holds that waits for a person.
    BrakeId,
    /// A reseller: sells the ISP's lines under their own name.
    ResellerId,
    /// An account into which an office is paid.
    BranchAccountId,
    /// A message to somebody.
    NoticeId,
    /// An act that waits for a second person.
    ApprovalId,
}

/// Number of a line within its POP: small, so that usage columns delta-code well. Given by the controller,
/// never used again for another line. The POP itself is known from the agent's key, never from a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LineNo(pub u32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_return_the_same_id() {
        let id = LineId::new(1_795_000_000_000, [0xA5; 10]);
        let text = id.to_string();
        assert_eq!(text.len(), 26);
        assert_eq!(text.parse::<LineId>(), Ok(id));
        assert_eq!(LineId::from_bytes(id.to_bytes()), id);
    }

    #[test]
    fn texts_that_are_no_ids_are_refused() {
        for text in ["", "0", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "0000000000000000000000000I", "০০০০০০০০"] {
            assert_eq!(text.parse::<LineId>(), Err(BadId), "{text}");
        }
    }

    #[test]
    fn ids_of_a_later_time_sort_later() {
        assert!(LineId::new(2, [0; 10]) > LineId::new(1, [255; 10]));
    }
}
