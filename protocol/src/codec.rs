//! Bytes of every message; the only file that names bincode.
//!
//! bincode 2 with varints and a hard limit: a length that lies is refused before anything is allocated.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes that are not a message.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The bytes do not decode, or more than the limit would have to be allocated.
    #[error("cannot decode {what}: {reason}")]
    Decode {
        /// Type that was expected.
        what: &'static str,
        /// In words.
        reason: String,
    },
    /// Bytes are left over behind the message.
    #[error("{left} bytes are left over behind {what}")]
    Trailing {
        /// Type that was expected.
        what: &'static str,
        /// How many.
        left: usize,
    },
    /// The message cannot be encoded within its cap.
    #[error("cannot encode {what}: {reason}")]
    Encode {
        /// Type.
        what: &'static str,
        /// In words.
        reason: String,
    },
}

/// The most that decoding one message may allocate, in bytes: the largest frame cap, with room for what
/// structures take more in memory than on the wire.
const LIMIT: usize = 4 << 20;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<LIMIT>()
}

fn name<T>() -> &'static str {
    core::any::type_name::<T>().rsplit("::").next().unwrap_or("message")
}

/// Encodes a message.
///
/// # Errors
/// When it would be longer than any frame.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, CodecError> {
    bincode::serde::encode_to_vec(message, config())
        .map_err(|e| CodecError::Encode { what: name::<T>(), reason: e.to_string() })
}

/// Decodes a whole message: bytes left over are an error.
///
/// # Errors
/// When the bytes are not such a message.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (message, used) = bincode::serde::decode_from_slice(bytes, config())
        .map_err(|e| CodecError::Decode { what: name::<T>(), reason: e.to_string() })?;
    match bytes.len() - used {
        0 => Ok(message),
        left => Err(CodecError::Trailing { what: name::<T>(), left }),
    }
}

/// `#[serde(with = "crate::codec::bytes")]` for long byte strings: the same bytes on the wire as a plain
/// `Vec<u8>`, moved at once instead of one by one.
pub(crate) mod bytes {
    use core::fmt;

    use serde::de::{Deserializer, Error, SeqAccess, Visitor};
    use serde::ser::Serializer;

    pub(crate) fn serialize<S: Serializer>(value: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(Bytes)
    }

    struct Bytes;

    impl<'de> Visitor<'de> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<Vec<u8>, E> {
            Ok(value.to_vec())
        }

        fn visit_byte_buf<E: Error>(self, value: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(value)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
            let mut out = Vec::new();
            while let Some(byte) = seq.next_element()? {
                out.push(byte);
            }
            Ok(out)
        }
    }
}
