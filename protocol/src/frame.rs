//! Frames: `kind (u8) · length (u32 little-endian) · payload`. The registry is append-only: a number is
//! never used again, a removed kind stays and says since when.
//!
//! Streams of a connection: the agent opens one bidirectional *control* stream (hello first, then control
//! frames both ways) and one unidirectional *data* stream (spooled chunks only, in order of seq). Live rates
//! travel as QUIC datagrams, each one payload of [`FrameKind::LiveRates`] without a header.

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
}
