//! Frames: `kind (u8) · length (u32 little-endian) · payload`. The registry is append-only: a number is
//! never used again, a removed kind stays and says since when.
//!
//! Streams of a connection: the agent opens one bidirectional *control* stream (hello first, then control
//! frames both ways) and one unidirectional *data* stream (spooled chunks only, in order of seq). Live rates
//! travel as QUIC datagrams, each one payload of [`FrameKind::LiveRates`] without a header.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{self, CodecError};
use crate::downlink::{Ack, DesiredPush, Ping, PollPlan, Watch};
use crate::hello::{Hello, HelloReply};
use crate::uplink::{DesiredStatus, Health, LiveRates, SpooledChunk};

/// Bytes of a frame's header: kind and length.
pub const HEADER: usize = 5;

/// Kinds of frame, with their number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum FrameKind {
    /// agent → controller, control, first: [`crate::hello::Hello`].
    Hello = 1,
    /// controller → agent, control, first: [`crate::hello::HelloReply`].
    HelloReply = 2,
    /// agent → controller, data: [`crate::uplink::SpooledChunk`].
    Chunk = 16,
    /// agent → controller, control: [`crate::uplink::Health`].
    Health = 17,
    /// agent → controller, datagram: [`crate::uplink::LiveRates`].
    LiveRates = 18,
    /// agent → controller, control: [`crate::uplink::DesiredStatus`].
    DesiredStatus = 19,
    /// controller → agent, control: [`crate::downlink::Ack`].
    Ack = 32,
    /// controller → agent, control: [`crate::downlink::DesiredPush`].
    DesiredPush = 33,
    /// controller → agent, control: [`crate::downlink::PollPlan`].
    PollPlan = 34,
    /// controller → agent, control: [`crate::downlink::Watch`].
    Watch = 35,
    /// controller → agent, control: [`crate::downlink::Ping`]; renews the lease.
    Ping = 36,
}

impl FrameKind {
    /// Every kind of this version.
    pub const ALL: &'static [Self] = &[
        Self::Hello,
        Self::HelloReply,
        Self::Chunk,
        Self::Health,
        Self::LiveRates,
        Self::DesiredStatus,
        Self::Ack,
        Self::DesiredPush,
        Self::PollPlan,
        Self::Watch,
        Self::Ping,
    ];

    /// The longest payload that is read, in bytes. A longer one closes the connection before a byte of it is kept.
    #[must_use]
    pub const fn cap(self) -> usize {
        match self {
            Self::Hello | Self::HelloReply => 4 << 10,
            Self::Chunk => 16 << 10,
            Self::Health => 256 << 10,
            Self::LiveRates => 1200,
            Self::DesiredStatus | Self::Ack | Self::Ping => 1 << 10,
            Self::DesiredPush => 1 << 20,
            Self::PollPlan => 1 << 20,
            Self::Watch => 16 << 10,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The kind of this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.number() == number)
    }
}

/// A message that has a frame of its own.
pub trait Framed: Serialize + DeserializeOwned {
    /// Kind of its frame.
    const KIND: FrameKind;
}

macro_rules! framed {
    ($($message:ident),+ $(,)?) => {$(
        impl Framed for $message {
            const KIND: FrameKind = FrameKind::$message;
        }
    )+};
}

framed!(Hello, HelloReply, Health, LiveRates, DesiredStatus, Ack, DesiredPush, PollPlan, Watch, Ping);

impl Framed for SpooledChunk {
    const KIND: FrameKind = FrameKind::Chunk;
}

/// Bytes that are not a frame, or a message that fits in none. Every one closes the connection.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// No kind has this number.
    #[error("no frame has the kind {0}")]
    Kind(u8),
    /// Longer than its kind may be.
    #[error("a {kind:?} frame of {length} bytes is longer than its {} bytes", kind.cap())]
    TooLong {
        /// Its kind.
        kind: FrameKind,
        /// Bytes announced, or encoded.
        length: usize,
    },
    /// Another kind was due.
    #[error("a {got:?} frame came where {wanted:?} was due")]
    Unexpected {
        /// What came.
        got: FrameKind,
        /// What was due.
        wanted: FrameKind,
    },
    /// The payload is not its message.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// The start of a frame: what comes and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Kind of the payload.
    pub kind: FrameKind,
    /// Its bytes; never above the cap of the kind.
    pub length: usize,
}

impl Header {
    /// Reads a header; a payload above its cap is refused before a byte of it is kept.
    ///
    /// # Errors
    /// Unknown kind, or length above the cap.
    pub fn parse(bytes: [u8; HEADER]) -> Result<Self, FrameError> {
        let [number, a, b, c, d] = bytes;
        let kind = FrameKind::from_number(number).ok_or(FrameError::Kind(number))?;
        let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if length > kind.cap() {
            return Err(FrameError::TooLong { kind, length });
        }
        Ok(Self { kind, length })
    }
}

/// Header and payload of a message.
///
/// # Errors
/// When the message is longer than its kind may be.
pub fn write_frame<T: Framed>(message: &T) -> Result<Vec<u8>, FrameError> {
    let payload = codec::encode(message)?;
    let length = payload.len();
    if length > T::KIND.cap() {
        return Err(FrameError::TooLong { kind: T::KIND, length });
    }
    let announced = u32::try_from(length).map_err(|_| FrameError::TooLong { kind: T::KIND, length })?;
    let mut out = Vec::with_capacity(HEADER + length);
    out.push(T::KIND.number());
    out.extend_from_slice(&announced.to_le_bytes());
    out.extend_from_slice(&payload);
    Ok(out)
}

/// The message of a payload, whose header said `kind`.
///
/// # Errors
/// When another kind was due, or the payload is not such a message.
pub fn read_payload<T: Framed>(kind: FrameKind, payload: &[u8]) -> Result<T, FrameError> {
    if kind != T::KIND {
        return Err(FrameError::Unexpected { got: kind, wanted: T::KIND });
    }
    if payload.len() > kind.cap() {
        return Err(FrameError::TooLong { kind, length: payload.len() });
    }
    Ok(codec::decode(payload)?)
}

/// Takes one whole frame from the front of `bytes`: the message and how many bytes it took, or `None` while
/// bytes are missing.
///
/// # Errors
/// As [`Header::parse`] and [`read_payload`].
pub fn read_frame<T: Framed>(bytes: &[u8]) -> Result<Option<(T, usize)>, FrameError> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEADER>() else { return Ok(None) };
    let header = Header::parse(*head)?;
    let Some(payload) = rest.get(..header.length) else { return Ok(None) };
    Ok(Some((read_payload(header.kind, payload)?, HEADER + header.length)))
}
