//! Messages as programs describe them (`struct msghdr`).

use super::{Address, MAX_ADDRESS, Received};
use crate::fs::sys::pieces;
use crate::prelude::*;
use crate::syscalls::args::Addr;
use core::mem::offset_of;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The most pieces of a message (`UIO_MAXIOV`).
const MOST_PIECES: u64 = 1024;
/// The most bytes of control messages (`optmem_max`).
const MOST_CONTROL: u64 = 128 << 10;

/// `struct msghdr`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MessageHeader {
    name: u64,
    name_len: i32,
    padding: u32,
    pieces: u64,
    piece_count: u64,
    control: u64,
    control_len: u64,
    flags: u32,
    end: u32,
}

/// `struct mmsghdr`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ManyHeader {
    header: MessageHeader,
    len: u32,
    padding: u32,
}

impl ManyHeader {
    /// The message's own header.
    pub fn header(at: UserPtr<Self>) -> UserPtr<MessageHeader> {
        at.cast()
    }

    /// Writes how much of the message was transferred.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn write_len(at: UserPtr<Self>, len: usize) -> Result<()> {
        UserPtr::<u32>::new(at.addr().wrapping_add(offset_of!(Self, len))).write(&(len as u32))
    }
}

impl MessageHeader {
    /// Reads a header.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` for a negative length of the address, `EMSGSIZE` for too many pieces.
    pub fn read(at: UserPtr<Self>) -> Result<Self> {
        let header = at.read()?;
        if header.name != 0 && header.name_len < 0 {
            bail!(EINVAL, "the address's length is negative");
        }
        if header.piece_count > MOST_PIECES {
            bail!(EMSGSIZE, "too many pieces");
        }
        Ok(header)
    }

    /// Whom it's for; none if there's no address. One that is longer than any is cut.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn address(&self) -> Result<Address> {
        if self.name == 0 {
            return Ok(Address::NONE);
        }
        Address::read(Addr(self.name as usize), self.name_len.min(MAX_ADDRESS as i32))
    }

    /// The pieces of memory that its bytes are in.
    ///
    /// # Errors
    /// `EFAULT`, `EINVAL`.
    pub fn pieces(&self) -> Result<Vec<UserSlice>> {
        pieces(UserPtr::new(self.pieces as usize), self.piece_count as usize)
    }

    /// Its control messages.
    ///
    /// # Errors
    /// `ENOBUFS` for more than Linux takes, `EFAULT`.
    pub fn control(&self) -> Result<Vec<u8>> {
        if self.control_len > MOST_CONTROL {
            bail!(ENOBUFS, "too much control data");
        }
        UserSlice::new(self.control as usize, self.control_len as usize)?.to_vec()
    }

    /// How much room there is for control messages.
    pub fn control_room(&self) -> usize {
        // Linux writes nothing without a place, and tells that something was cut.
        if self.control == 0 { 0 } else { self.control_len.min(MOST_CONTROL) as usize }
    }

    /// Writes what came with a message's bytes into the header at `at` and to where it points.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn write_back(&self, at: UserPtr<Self>, received: &Received) -> Result<()> {
        let field = |offset: usize| at.addr().wrapping_add(offset);
        if self.name != 0 {
            received.from.write_back(Addr(self.name as usize), UserPtr::new(field(offset_of!(Self, name_len))))?;
        }
        UserPtr::new(self.control as usize).write_array(&received.control)?;
        UserPtr::new(field(offset_of!(Self, flags))).write(&received.flags.bits())?;
        UserPtr::new(field(offset_of!(Self, control_len))).write(&received.control.len())
    }
}
