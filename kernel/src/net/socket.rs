//! What all sockets share.

use super::Address;
use crate::fs::{File, StatusFlags};
use crate::prelude::*;
use crate::process::Credentials;
use bitflags::bitflags;

bitflags! {
    /// Flags of a message (`man 2 send`, `man 2 recv`); Linux ignores those that mean nothing to a socket.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MessageFlags: u32 {
        /// `MSG_OOB`.
        const MSG_OOB = 0x1;
        /// `MSG_PEEK`.
        const MSG_PEEK = 0x2;
        /// `MSG_DONTROUTE`.
        const MSG_DONTROUTE = 0x4;
        /// `MSG_CTRUNC`.
        const MSG_CTRUNC = 0x8;
        /// `MSG_TRUNC`.
        const MSG_TRUNC = 0x20;
        /// `MSG_DONTWAIT`.
        const MSG_DONTWAIT = 0x40;
        /// `MSG_EOR`.
        const MSG_EOR = 0x80;
        /// `MSG_WAITALL`.
        const MSG_WAITALL = 0x100;
        /// `MSG_CONFIRM`.
        const MSG_CONFIRM = 0x800;
        /// `MSG_ERRQUEUE`.
        const MSG_ERRQUEUE = 0x2000;
        /// `MSG_NOSIGNAL`.
        const MSG_NOSIGNAL = 0x4000;
        /// `MSG_MORE`.
        const MSG_MORE = 0x8000;
        /// `MSG_WAITFORONE`.
        const MSG_WAITFORONE = 0x10000;
        /// `MSG_FASTOPEN`.
        const MSG_FASTOPEN = 0x2000_0000;
        /// `MSG_CMSG_CLOEXEC`.
        const MSG_CMSG_CLOEXEC = 0x4000_0000;
    }
}

/// Which half of a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Nothing more is received.
    Receive,
    /// Nothing more is sent.
    Send,
    /// Both.
    Both,
}

/// What goes with the bytes of a message that is sent.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Whom it is for; none for the peer.
    pub to: &'a Address,
    /// Control messages (`man 3 cmsg`).
    pub control: &'a [u8],
    /// How it's sent.
    pub flags: MessageFlags,
}

/// What is wanted with the bytes of a message that is received.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// How much room there is for control messages.
    pub control_room: usize,
    /// How it's received.
    pub flags: MessageFlags,
}

/// What came with the bytes of a message.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its length; with `MSG_TRUNC` wanted all of it, more than there was room for.
    pub len: usize,
    /// Whom it's from; none for a stream's bytes.
    pub from: Address,
    /// Control messages, at most as long as the room.
    pub control: Vec<u8>,
    /// What became of it: `MSG_TRUNC`, `MSG_CTRUNC` and others.
    pub flags: MessageFlags,
}

/// An option's level and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionName {
    /// `SOL_*`.
    pub level: u32,
    /// `SO_*` and its like.
    pub name: u32,
}

/// A socket.
///
/// Addresses are as the program gave them; each family looks at its own.
pub trait Socket: File {
    /// Gives it an address.
    fn bind(&self, credentials: &Credentials, address: &Address) -> Result<()>;

    /// Connects it to an address.
    fn connect(&self, address: &Address) -> Result<()>;

    /// Accepts connections from now on.
    fn listen(&self, backlog: i32) -> Result<()>;

    /// The next connection and whom it's with; `status` may have `O_NONBLOCK`.
    fn accept(&self, status: StatusFlags) -> Result<(Arc<dyn File>, Address)>;

    /// Sends a message.
    fn send(&self, source: &mut Source<'_>, message: Outgoing<'_>) -> Result<usize>;

    /// Receives a message's bytes alone.
    fn receive(&self, sink: &mut Sink<'_>, flags: MessageFlags) -> Result<usize> {
        Ok(self.receive_message(sink, Wanted { control_room: 0, flags })?.len)
    }

    /// Receives a message.
    fn receive_message(&self, sink: &mut Sink<'_>, wanted: Wanted) -> Result<Received>;

    /// Ends a half of the connection, or both.
    fn shut_down(&self, half: Half) -> Result<()>;

    /// Its address.
    fn name(&self) -> Result<Address>;

    /// Its peer's address.
    fn peer(&self) -> Result<Address>;

    /// Sets an option; `value` is as long as the program says.
    fn set_option(&self, credentials: &Credentials, option: OptionName, value: UserSlice) -> Result<()>;

    /// Reads an option into `value`, which is as long as the program says; gives the length of what there is of it.
    fn option(&self, option: OptionName, value: UserSlice) -> Result<usize>;
}
