//! What all sockets share.

use super::address::Address;
use super::host;
use super::message::{Incoming, MessageFlags, Outgoing};
use super::option::OptionName;
use crate::fs::{File, StatusFlags};
use crate::prelude::*;
use crate::process::Thread;

/// An open file that is a socket. What a kind of socket doesn't have is refused as Linux does it.
///
/// A call waits unless the file's status or the message's flags say otherwise.
pub trait Socket: File {
    /// Gives it a name.
    ///
    /// # Errors
    /// As in `man 2 bind`.
    fn bind(&self, thread: &Arc<Thread>, address: &Address) -> Result<()>;

    /// Lets others connect, so many before they are accepted.
    ///
    /// # Errors
    /// As in `man 2 listen`.
    fn listen(&self, thread: &Arc<Thread>, backlog: i32) -> Result<()>;

    /// Connects it with another one.
    ///
    /// # Errors
    /// As in `man 2 connect`.
    fn connect(&self, thread: &Arc<Thread>, address: &Address) -> Result<()>;

    /// Takes a connection, as a socket of this status.
    ///
    /// # Errors
    /// As in `man 2 accept`.
    fn accept(&self, thread: &Arc<Thread>, status: StatusFlags) -> Result<Arc<dyn File>>;

    /// Sends a message, and raises `SIGPIPE` where its kind does so.
    ///
    /// # Errors
    /// As in `man 2 send`.
    fn send(&self, thread: &Arc<Thread>, message: &mut Outgoing<'_, '_>) -> Result<usize>;

    /// Receives a message. Descriptors that come with it are installed in the thread's table.
    ///
    /// # Errors
    /// As in `man 2 recv`.
    fn receive(&self, thread: &Arc<Thread>, message: &mut Incoming<'_, '_>) -> Result<usize>;

    /// Receives a message's bytes alone.
    ///
    /// # Errors
    /// As for [`receive`](Self::receive).
    fn receive_bytes(&self, thread: &Arc<Thread>, sink: &mut Sink<'_>, flags: MessageFlags) -> Result<usize> {
        self.receive(thread, &mut Incoming::new(sink, flags))
    }

    /// Its own name.
    ///
    /// # Errors
    /// As in `man 2 getsockname`.
    fn name(&self) -> Result<Address>;

    /// The name of whom it's connected with.
    ///
    /// # Errors
    /// `ENOTCONN`, and as in `man 2 getpeername`.
    fn peer_name(&self) -> Result<Address>;

    /// Nothing more goes these ways.
    ///
    /// # Errors
    /// `ENOTCONN`.
    fn shutdown(&self, how: Shutdown) -> Result<()>;

    /// The value of an option; the caller has room for `len` bytes.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EOPNOTSUPP`, and as in `man 2 getsockopt`.
    fn option(&self, thread: &Arc<Thread>, name: OptionName, len: usize) -> Result<Vec<u8>>;

    /// Sets an option.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EOPNOTSUPP`, `EINVAL` for a value that is too short, and as in `man 2 setsockopt`.
    fn set_option(&self, thread: &Arc<Thread>, name: OptionName, value: &[u8]) -> Result<()>;
}

/// Which ways are shut (`man 2 shutdown`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Nothing comes in.
    Read,
    /// Nothing goes out.
    Write,
    /// Neither.
    Both,
}

impl Shutdown {
    /// Whether nothing comes in.
    pub fn ends_reading(self) -> bool {
        self != Self::Write
    }

    /// Whether nothing goes out.
    pub fn ends_writing(self) -> bool {
        self != Self::Read
    }
}

/// Answers an `ioctl` of a socket inside the LibOS: how many bytes are there to be read, and how many the peer hasn't read,
/// as `queued` says (`man 7 unix`, `man 7 tcp`).
///
/// # Errors
/// `ENOTTY` for another request, unless it is about the host's interfaces; what `queued` gives, and `EFAULT`.
pub(super) fn ioctl(request: u32, argument: u64, queued: impl FnOnce() -> Result<[usize; 2]>) -> Result<usize> {
    const SIOCINQ: u32 = 0x541b;
    const SIOCOUTQ: u32 = 0x5411;
    let len = match request {
        SIOCINQ => queued()?[0],
        SIOCOUTQ => queued()?[1],
        _ if host::is_host_there() => return host::ask_about_interfaces(request, argument),
        _ => bail!(ENOTTY, "a socket has no such request"),
    };
    UserPtr::<u32>::new(argument as usize).write(&u32::try_from(len).unwrap_or(u32::MAX))?;
    Ok(0)
}
