//! Options and queues of a socket.

use super::socket::HostSocket;
use crate::errno::{Errno, Error, Result};
use crate::host;
use linux_raw_sys::general::{__NR_getsockopt, __NR_ioctl, __NR_setsockopt};

/// What may be asked about a socket's queues; the answer is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum QueueRequest {
    /// Bytes that can be read (`SIOCINQ`).
    Incoming = 0x541b,
    /// Bytes that weren't sent or acknowledged yet (`SIOCOUTQ`).
    Outgoing = 0x5411,
    /// Whether the next byte is the urgent one (`SIOCATMARK`).
    AtMark = 0x8905,
}

impl HostSocket {
    /// Sets an option. The caller knows that its value holds no pointers.
    ///
    /// # Errors
    /// As `setsockopt(2)`.
    pub fn set_option(&self, level: i32, name: i32, value: &[u8]) -> Result<()> {
        let args = [self.raw(), level as usize, name as usize, value.as_ptr() as usize, value.len(), 0];
        // SAFETY: the host reads the value.
        unsafe { host::call(__NR_setsockopt, args)? };
        Ok(())
    }

    /// Reads an option into `value`; gives its length. The caller knows that its value holds no pointers, neither before
    /// nor after the call.
    ///
    /// # Errors
    /// As `getsockopt(2)`; `EIO` for a length beyond the room.
    pub fn option(&self, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
        let room = u32::try_from(value.len()).map_err(|_| Error::from(Errno::EINVAL))?;
        let mut len = room;
        let args = [self.raw(), level as usize, name as usize, value.as_mut_ptr() as usize, &raw mut len as usize, 0];
        // SAFETY: the host writes at most `len` bytes of the value, and the length.
        unsafe { host::call(__NR_getsockopt, args)? };
        if len > room {
            return Err(Error::new(Errno::EIO, "the host gave a longer option than there was room for"));
        }
        Ok(len as usize)
    }

    /// What is in its queues.
    ///
    /// # Errors
    /// As `ioctl(2)`: `EINVAL` for a socket that listens; `EIO` for a negative number.
    pub fn queue(&self, request: QueueRequest) -> Result<u32> {
        let mut count = 0_i32;
        let args = [self.raw(), request as usize, &raw mut count as usize, 0, 0, 0];
        // SAFETY: these requests write an `int`.
        unsafe { host::call(__NR_ioctl, args)? };
        u32::try_from(count).map_err(|_| Error::new(Errno::EIO, "the host counted less than nothing"))
    }
}
