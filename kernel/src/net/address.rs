//! Addresses of sockets (`struct sockaddr`), as they cross the edge.

use crate::prelude::*;

const MAX_LEN: usize = Address::MAX_LEN;

/// A socket's address as its family has it: a number for the family, and what that puts behind it. It may be too short
/// for both, which is for the socket to judge.
#[derive(Clone, Copy)]
pub struct Address {
    len: u8,
    bytes: [u8; MAX_LEN],
}

/// No family: what `connect` dissolves an association with.
pub const AF_UNSPEC: u16 = 0;
/// Unix sockets.
pub const AF_UNIX: u16 = 1;

impl Address {
    /// The longest address (`struct sockaddr_storage`).
    pub const MAX_LEN: usize = 128;

    /// No address at all.
    pub const EMPTY: Self = Self { len: 0, bytes: [0; MAX_LEN] };

    /// These bytes, of which no more than the longest address are taken.
    pub fn new(bytes: &[u8]) -> Self {
        let mut address = Self::EMPTY;
        let len = bytes.len().min(MAX_LEN);
        address.bytes[..len].copy_from_slice(&bytes[..len]);
        address.len = len as u8;
        address
    }

    /// Reads an address of a program.
    ///
    /// # Errors
    /// `EINVAL` for a length that no address has, `EFAULT`.
    pub fn read(from: UserPtr<u8>, len: i32) -> Result<Self> {
        let len = usize::try_from(len).ok().filter(|&len| len <= MAX_LEN);
        let len = len.ok_or(err!(EINVAL, "an address can't be that long"))?;
        let mut address = Self { len: len as u8, ..Self::EMPTY };
        if len > 0 {
            from.slice(len)?.read(&mut address.bytes[..len])?;
        }
        Ok(address)
    }

    /// Writes it to a program as far as that has room, which `len` says, and then how long it is.
    ///
    /// # Errors
    /// `EINVAL` for a negative length, `EFAULT`.
    pub fn write(&self, to: UserPtr<u8>, len: UserPtr<i32>) -> Result<()> {
        let room = usize::try_from(len.read()?).map_err(|_| err!(EINVAL, "the address's length is negative"))?;
        let bytes = self.bytes();
        let written = bytes.len().min(room);
        if written > 0 {
            to.slice(written)?.write(bytes)?;
        }
        len.write(&(bytes.len() as i32))
    }

    /// All of it, the family included.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Its length.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether there's none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The family's number, if it's long enough for one.
    pub fn family(&self) -> Option<u16> {
        self.bytes().first_chunk().copied().map(u16::from_ne_bytes)
    }
}

impl core::fmt::Debug for Address {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "family {:?} \"{}\"", self.family(), self.bytes().get(2..).unwrap_or_default().escape_ascii())
    }
}
