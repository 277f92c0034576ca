//! Questions about network interfaces (`man 7 netdevice`).

use super::socket::HostSocket;
use crate::errno::{Errno, Error, Result};
use crate::host;
use alloc::vec::Vec;
use linux_raw_sys::general::__NR_ioctl;

/// Bytes of a `struct ifreq`.
pub const INTERFACE_SIZE: usize = 40;

/// What may be asked about one interface; the answer stands in the question's own structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[expect(missing_docs, reason = "named as in `man 7 netdevice`")]
pub enum InterfaceRequest {
    Name = 0x8910,
    Flags = 0x8913,
    Address = 0x8915,
    PeerAddress = 0x8917,
    Broadcast = 0x8919,
    NetMask = 0x891b,
    Metric = 0x891d,
    Mtu = 0x8921,
    HardwareAddress = 0x8927,
    Index = 0x8933,
    QueueLength = 0x8942,
}

impl InterfaceRequest {
    /// The request of this number.
    pub const fn from_raw(number: u32) -> Option<Self> {
        Some(match number {
            0x8910 => Self::Name,
            0x8913 => Self::Flags,
            0x8915 => Self::Address,
            0x8917 => Self::PeerAddress,
            0x8919 => Self::Broadcast,
            0x891b => Self::NetMask,
            0x891d => Self::Metric,
            0x8921 => Self::Mtu,
            0x8927 => Self::HardwareAddress,
            0x8933 => Self::Index,
            0x8942 => Self::QueueLength,
            _ => return None,
        })
    }
}

impl HostSocket {
    /// Asks about an interface; `request` is a `struct ifreq`.
    ///
    /// # Errors
    /// `ENODEV`, `EADDRNOTAVAIL`, and what else the request gives.
    pub fn interface(&self, question: InterfaceRequest, request: &mut [u8; INTERFACE_SIZE]) -> Result<()> {
        let args = [self.raw(), question as usize, request.as_mut_ptr() as usize, 0, 0, 0];
        // SAFETY: these requests read and write a `struct ifreq`, and follow no pointer in it.
        unsafe { host::call(__NR_ioctl, args)? };
        Ok(())
    }

    /// The interfaces with IPv4 addresses (`SIOCGIFCONF`), a `struct ifreq` each.
    ///
    /// # Errors
    /// `EIO` for a length beyond the room.
    pub fn interfaces(&self) -> Result<Vec<u8>> {
        const SIOCGIFCONF: usize = 0x8912;
        const ROOM: usize = 1024 * INTERFACE_SIZE;
        let mut list = alloc::vec![0_u8; ROOM];
        let mut request = [ROOM as u64, list.as_mut_ptr() as u64];
        let args = [self.raw(), SIOCGIFCONF, request.as_mut_ptr() as usize, 0, 0, 0];
        // SAFETY: the request is a `struct ifconf`; the host writes at most its length of the list, and the length.
        unsafe { host::call(__NR_ioctl, args)? };
        let len = request[0] as u32 as usize;
        if len > ROOM {
            return Err(Error::new(Errno::EIO, "the host gave more interfaces than there was room for"));
        }
        list.truncate(len);
        Ok(list)
    }
}
