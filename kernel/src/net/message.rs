//! Messages: what `sendmsg` and its kin send and receive (`struct msghdr`).

use super::address::Address;
use super::control::ControlSink;
use crate::fs::sys::{MAX_PIECES, pieces};
use crate::prelude::*;
use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

bitflags! {
    /// Flags of a message (`man 2 send`, `man 2 recv`). Those without a name here are kept: Linux ignores what means nothing
    /// to a socket.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
        const MSG_WAITFORONE = 0x1_0000;
        /// `MSG_ZEROCOPY`.
        const MSG_ZEROCOPY = 0x400_0000;
        /// `MSG_FASTOPEN`.
        const MSG_FASTOPEN = 0x2000_0000;
        /// `MSG_CMSG_CLOEXEC`.
        const MSG_CMSG_CLOEXEC = 0x4000_0000;
        /// `MSG_CMSG_COMPAT`.
        const MSG_CMSG_COMPAT = 0x8000_0000;
        // The rest.
        const _ = !0;
    }
}
crate::flags_arg!(MessageFlags);

/// A message on its way out.
pub struct Outgoing<'m, 'a> {
    /// Its bytes.
    pub source: &'m mut Source<'a>,
    /// Whom it's for; `None` for whom the socket is connected with.
    pub address: Option<Address>,
    /// Its control messages, as the program laid them out.
    pub control: Vec<u8>,
    /// How it's to be sent.
    pub flags: MessageFlags,
}

/// Room for a message that comes in, and what is known of it then.
pub struct Incoming<'m, 'a> {
    /// Where its bytes go.
    pub sink: &'m mut Sink<'a>,
    /// Whom it's from; empty if that has no address.
    pub address: Address,
    /// Where its control messages go.
    pub control: ControlSink,
    /// How it's to be received.
    pub flags: MessageFlags,
    /// What it turned out to be: `MSG_TRUNC`, `MSG_EOR`, …
    pub outcome: MessageFlags,
}

impl<'m, 'a> Outgoing<'m, 'a> {
    /// Bytes for whom the socket is connected with.
    pub fn new(source: &'m mut Source<'a>, flags: MessageFlags) -> Self {
        Self { source, address: None, control: Vec::new(), flags }
    }
}

impl<'m, 'a> Incoming<'m, 'a> {
    /// Room for bytes alone.
    pub fn new(sink: &'m mut Sink<'a>, flags: MessageFlags) -> Self {
        Self { sink, address: Address::EMPTY, control: ControlSink::default(), flags, outcome: MessageFlags::empty() }
    }
}

/// `struct msghdr`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MessageHeader {
    name: u64,
    name_len: i32,
    padding0: u32,
    pieces: u64,
    piece_count: u64,
    control: u64,
    control_len: u64,
    flags: u32,
    padding1: u32,
}

/// `struct mmsghdr`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct NumberedHeader {
    /// The message.
    pub header: MessageHeader,
    /// How much of it was sent or received.
    pub len: u32,
    padding: u32,
}

/// The most control data of a message (`/proc/sys/net/core/optmem_max`).
const MAX_CONTROL: u64 = 128 << 10;

impl MessageHeader {
    /// Whom the message is for.
    ///
    /// # Errors
    /// `EINVAL` for a negative length, `EFAULT`.
    pub fn address(&self) -> Result<Option<Address>> {
        // A length without an address is none, and one that is too large means the largest.
        match self.address_pointer() {
            None => Ok(None),
            Some(_) if self.name_len == 0 => Ok(None),
            Some(name) => Address::read(name, self.name_len.min(Address::MAX_LEN as i32)).map(Some),
        }
    }

    /// Where a sender's address goes.
    pub fn address_pointer(&self) -> Option<UserPtr<u8>> {
        UserPtr::new(self.name as usize).non_null()
    }

    /// The pieces of its bytes.
    ///
    /// # Errors
    /// `EMSGSIZE` for too many, `EINVAL` for a negative length, `EFAULT`.
    pub fn pieces(&self) -> Result<Vec<UserSlice>> {
        if self.address_pointer().is_some() && self.name_len < 0 {
            bail!(EINVAL, "the address's length is negative");
        }
        if self.piece_count > MAX_PIECES as u64 {
            bail!(EMSGSIZE, "too many pieces");
        }
        pieces(UserPtr::new(self.pieces as usize), self.piece_count as usize)
    }

    /// A sender's control messages.
    ///
    /// # Errors
    /// `ENOBUFS` for too many, `EFAULT`.
    pub fn control(&self) -> Result<Vec<u8>> {
        if self.control_len > MAX_CONTROL {
            bail!(ENOBUFS, "too much control data");
        }
        if self.control_len == 0 {
            return Ok(Vec::new());
        }
        UserPtr::<u8>::new(self.control as usize).slice(self.control_len as usize)?.to_vec()
    }

    /// Where a receiver's control messages go.
    pub fn control_sink(&self) -> ControlSink {
        ControlSink::new(UserPtr::new(self.control as usize), usize::try_from(self.control_len).unwrap_or(usize::MAX))
    }
}

impl UserMessage {
    /// The header.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn read(self) -> Result<MessageHeader> {
        self.0.read()
    }

    /// Tells a receiver what came besides the bytes.
    ///
    /// # Errors
    /// `EINVAL` for a negative length of the address, `EFAULT`.
    pub fn write_back(self, header: &MessageHeader, incoming: &Incoming<'_, '_>) -> Result<()> {
        use core::mem::offset_of;
        let at = self.0.addr();
        if let Some(name) = header.address_pointer() {
            incoming.address.write(name, UserPtr::new(at.wrapping_add(offset_of!(MessageHeader, name_len))))?;
        }
        let mut outcome = incoming.outcome | incoming.flags & MessageFlags::MSG_CMSG_CLOEXEC;
        outcome.set(MessageFlags::MSG_CTRUNC, incoming.control.is_truncated());
        UserPtr::<u32>::new(at.wrapping_add(offset_of!(MessageHeader, flags))).write(&outcome.bits())?;
        UserPtr::<u64>::new(at.wrapping_add(offset_of!(MessageHeader, control_len)))
            .write(&(incoming.control.written() as u64))
    }
}

/// A program's message header.
#[derive(Clone, Copy, Debug)]
pub struct UserMessage(pub UserPtr<MessageHeader>);
