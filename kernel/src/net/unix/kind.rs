//! Types of Unix sockets.

/// What a socket's messages are (`man 7 unix`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Parts of a stream.
    Stream = 1,
    /// Datagrams.
    Datagram = 2,
    /// Datagrams between two that are connected.
    SeqPacket = 5,
}

impl Kind {
    /// The type of this number.
    pub fn from_raw(raw: u32) -> Option<Self> {
        // Unix sockets have no raw ones; Linux gives a datagram socket.
        const SOCK_RAW: u32 = 3;
        match raw {
            1 => Some(Self::Stream),
            2 | SOCK_RAW => Some(Self::Datagram),
            5 => Some(Self::SeqPacket),
            _ => None,
        }
    }
}
