//! Why a connection is closed: the application error code of QUIC. Append only.

/// Code with which either side closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CloseCode {
    /// The program stops; connect again later.
    Bye = 0,
    /// The other side sent what is no frame, or one out of place.
    Protocol = 1,
    /// Refused at the hello; the reply says why.
    Refused = 2,
    /// The row of the agent's key was revoked.
    Revoked = 3,
    /// The same key has connected again; this is the older connection.
    Replaced = 4,
    /// The controller cannot answer now; try again later.
    Busy = 5,
}

impl CloseCode {
    /// Every code of this version.
    pub const ALL: &'static [Self] =
        &[Self::Bye, Self::Protocol, Self::Refused, Self::Revoked, Self::Replaced, Self::Busy];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The code of this number; later versions may send others.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| u64::from(code.number()) == number)
    }
}
