//! Socket addresses on their way from and to programs.

use crate::prelude::*;
use crate::syscalls::args::Addr;

/// The longest address: `struct sockaddr_storage`.
pub const MAX_ADDRESS: usize = 128;

/// The bytes of a `struct sockaddr`; none if there is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    bytes: [u8; MAX_ADDRESS],
    len: usize,
}

impl Address {
    /// No address.
    pub const NONE: Self = Self { bytes: [0; MAX_ADDRESS], len: 0 };

    /// An address of these bytes, at most [`MAX_ADDRESS`] of them.
    pub fn new(bytes: &[u8]) -> Self {
        let mut address = Self::NONE;
        address.len = bytes.len().min(MAX_ADDRESS);
        address.bytes[..address.len].copy_from_slice(&bytes[..address.len]);
        address
    }

    /// Reads the address that a program passed.
    ///
    /// # Errors
    /// `EINVAL` for a length that no address has, `EFAULT`.
    pub fn read(at: Addr, len: i32) -> Result<Self> {
        let len = usize::try_from(len).ok().filter(|&len| len <= MAX_ADDRESS);
        let len = len.ok_or(err!(EINVAL, "no address has this length"))?;
        let mut address = Self::NONE;
        UserSlice::new(at.0, len)?.read(&mut address.bytes[..len])?;
        address.len = len;
        Ok(address)
    }

    /// Writes as much of it as a program has room for.
    fn write(&self, at: Addr, room: usize) -> Result<()> {
        UserSlice::new(at.0, self.len.min(room))?.write(self.as_bytes())?;
        Ok(())
    }

    /// Writes as much of it as a program has room for, which `len` says, and its whole length there.
    ///
    /// # Errors
    /// `EINVAL` for a negative room, `EFAULT`.
    pub fn write_back(&self, at: Addr, len: UserPtr<i32>) -> Result<()> {
        let room = usize::try_from(len.read()?).map_err(|_| err!(EINVAL, "the room is negative"))?;
        self.write(at, room)?;
        len.write(&(self.len as i32))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
