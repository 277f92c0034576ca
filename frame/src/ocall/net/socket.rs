//! Making sockets and connections.

use super::address::{HostAddress, MAX_ADDRESS};
use crate::errno::{Errno, Error, Result};
use crate::host;
use crate::ocall::file::{HostFd, owned};
use linux_raw_sys::general as sys;
use linux_raw_sys::general::{
    __NR_accept4, __NR_bind, __NR_connect, __NR_getpeername, __NR_getsockname, __NR_listen, __NR_shutdown, __NR_socket,
};

/// An address family that the host serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Domain {
    /// `AF_INET`.
    Inet = 2,
    /// `AF_INET6`.
    Inet6 = 10,
    /// `AF_NETLINK`.
    Netlink = 16,
}

impl Domain {
    /// Bytes of an address of the family: `struct sockaddr_in`, `sockaddr_in6`, `sockaddr_nl`.
    pub const fn address_len(self) -> usize {
        match self {
            Self::Inet => 16,
            Self::Inet6 => 28,
            Self::Netlink => 12,
        }
    }
}

/// A socket's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// `SOCK_STREAM`.
    Stream = 1,
    /// `SOCK_DGRAM`.
    Datagram = 2,
    /// `SOCK_RAW`.
    Raw = 3,
}

/// Which half of a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in `man 2 shutdown`")]
pub enum Shutdown {
    Read = 0,
    Write = 1,
    Both = 2,
}

/// A socket of the host.
#[derive(Debug)]
pub struct HostSocket {
    fd: HostFd,
    domain: Domain,
}

impl HostSocket {
    /// A new one; `status` may have `O_NONBLOCK`.
    ///
    /// # Errors
    /// As `socket(2)`.
    pub fn new(domain: Domain, kind: Kind, protocol: i32, status: u32) -> Result<Self> {
        let kind = kind as u32 | sys::O_CLOEXEC | status & sys::O_NONBLOCK;
        // SAFETY: no effect on memory.
        let fd =
            owned(unsafe { host::call(__NR_socket, [domain as usize, kind as usize, protocol as usize, 0, 0, 0]) })?;
        Ok(Self { fd, domain })
    }

    /// The descriptor, to be waited for.
    pub const fn fd(&self) -> &HostFd {
        &self.fd
    }

    /// The address family.
    pub const fn domain(&self) -> Domain {
        self.domain
    }

    pub(super) const fn raw(&self) -> usize {
        self.fd.raw() as usize
    }

    /// Binds it to a `struct sockaddr`.
    ///
    /// # Errors
    /// As `bind(2)`.
    pub fn bind(&self, address: &[u8]) -> Result<()> {
        let args = [self.raw(), address.as_ptr() as usize, address.len(), 0, 0, 0];
        // SAFETY: the host reads the address.
        unsafe { host::call(__NR_bind, args)? };
        Ok(())
    }

    /// Connects it to a `struct sockaddr`. May sleep.
    ///
    /// # Errors
    /// `ERESTARTSYS` when the thread is wanted; what `connect(2)` gives.
    pub fn connect(&self, address: &[u8]) -> Result<()> {
        let args = [self.raw(), address.as_ptr() as usize, address.len(), 0, 0, 0];
        // SAFETY: the host reads the address.
        unsafe { host::call_blocking(__NR_connect, args)? };
        Ok(())
    }

    /// Accepts connections from now on.
    ///
    /// # Errors
    /// As `listen(2)`.
    pub fn listen(&self, backlog: i32) -> Result<()> {
        // SAFETY: no effect on memory.
        unsafe { host::call(__NR_listen, [self.raw(), backlog as usize, 0, 0, 0, 0])? };
        Ok(())
    }

    /// The next connection; `status` as for [`new`](Self::new). May sleep.
    ///
    /// # Errors
    /// `ERESTARTSYS` when the thread is wanted; what `accept4(2)` gives.
    pub fn accept(&self, status: u32) -> Result<Self> {
        let flags = sys::O_CLOEXEC | status & sys::O_NONBLOCK;
        // SAFETY: no effect on memory without an address.
        let fd = owned(unsafe { host::call_blocking(__NR_accept4, [self.raw(), 0, 0, flags as usize, 0, 0]) })?;
        Ok(Self { fd, domain: self.domain })
    }

    /// Its own address.
    ///
    /// # Errors
    /// As `getsockname(2)`; `EIO` for no address.
    pub fn name(&self) -> Result<HostAddress> {
        self.named(__NR_getsockname)
    }

    /// The address of its peer.
    ///
    /// # Errors
    /// `ENOTCONN`; `EIO` for no address.
    pub fn peer(&self) -> Result<HostAddress> {
        self.named(__NR_getpeername)
    }

    fn named(&self, nr: u32) -> Result<HostAddress> {
        let mut address = HostAddress::room();
        let mut len = MAX_ADDRESS as u32;
        let args = [self.raw(), address.as_mut_ptr() as usize, &raw mut len as usize, 0, 0, 0];
        // SAFETY: the host writes at most `len` bytes of the address, and the length.
        unsafe { host::call(nr, args)? };
        HostAddress::checked(self.domain, address, len as usize)?
            .ok_or(Error::new(Errno::EIO, "the host gave no address"))
    }

    /// Ends one half of the connection, or both.
    ///
    /// # Errors
    /// `ENOTCONN`.
    pub fn shut_down(&self, how: Shutdown) -> Result<()> {
        // SAFETY: no effect on memory.
        unsafe { host::call(__NR_shutdown, [self.raw(), how as usize, 0, 0, 0, 0])? };
        Ok(())
    }
}
