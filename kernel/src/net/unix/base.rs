//! What Unix sockets of all types share: their name, their options, their attributes.

use super::namespace::{self, Binding};
use super::side::Side;
use super::{AnySocket, Identity, Kind, Name};
use crate::events::{Anonymous, Blocking};
use crate::fs::{Metadata, StatusFlags};
use crate::net::control::SOL_SOCKET;
use crate::net::node::Node;
use crate::net::option::{OptionName, buffer_size, number, so, timeout, timeout_value};
use crate::net::{AF_UNIX, Address, MessageFlags};
use crate::prelude::*;
use crate::process::{Thread, cap};
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use core::time::Duration;
use frame::sync::Deadline;
use zerocopy::{FromBytes, IntoBytes};

/// A socket's name, which its peer asks for.
#[derive(Default)]
pub struct NameCell(Mutex<Name>);

impl NameCell {
    /// The name.
    pub fn get(&self) -> Name {
        self.0.lock().clone()
    }
}

/// The usual size of a buffer, and the largest one that may be asked for (`/proc/sys/net/core/wmem_default` and `wmem_max`).
pub(super) const BUFFER_SIZE: u32 = 212_992;

/// What all types share.
pub struct Base {
    /// The type.
    pub kind: Kind,
    /// What others know of it.
    pub side: Arc<Side>,
    /// Its name.
    pub name: Arc<NameCell>,
    binding: Mutex<Option<Binding>>,
    anonymous: Anonymous,
    node: Node,
    /// Permissions, which the name's inode gets.
    mode: AtomicU32,
    send_buffer: AtomicU32,
    receive_buffer: AtomicU32,
    /// Nanoseconds; 0 for ever.
    send_timeout: AtomicU64,
    receive_timeout: AtomicU64,
    linger: Mutex<[i32; 2]>,
    /// Options that mean nothing to a Unix socket but keep their value, a bit each.
    kept: AtomicU64,
    priority: AtomicI32,
}

impl Base {
    /// A socket with this inode.
    pub(in crate::net) fn new(kind: Kind, status: StatusFlags, node: Node) -> Self {
        Self {
            kind,
            side: Arc::default(),
            name: Arc::default(),
            binding: Mutex::new(None),
            anonymous: Anonymous::new(status | StatusFlags::O_RDWR),
            node,
            mode: AtomicU32::new(0o777),
            send_buffer: AtomicU32::new(BUFFER_SIZE),
            receive_buffer: AtomicU32::new(BUFFER_SIZE),
            send_timeout: AtomicU64::new(0),
            receive_timeout: AtomicU64::new(0),
            linger: Mutex::new([0, 0]),
            kept: AtomicU64::new(0),
            priority: AtomicI32::new(0),
        }
    }

    /// A socket that a listening one of this name accepts.
    #[must_use]
    pub fn accepted(&self) -> Self {
        let base = Self::new(self.kind, StatusFlags::empty(), self.node.sibling());
        *base.name.0.lock() = self.name.get();
        base.side.passes_credentials.store(self.side.wants_credentials(), Ordering::Relaxed);
        base
    }

    /// Its inode's number.
    pub fn ino(&self) -> u64 {
        self.node.ino()
    }

    /// Binds it.
    ///
    /// # Errors
    /// `EINVAL` if it's bound already, and as in [`namespace::bind`].
    pub fn bind(&self, thread: &Thread, address: &Address, me: Weak<dyn AnySocket>) -> Result<()> {
        let name = Name::parse(address)?;
        if name == Name::Unnamed && self.is_bound() {
            return Ok(());
        }
        if self.is_bound() {
            // Linux makes the path first.
            if let Name::Path(path) = &name {
                namespace::check_free(thread, path)?;
            }
            bail!(EINVAL, "the socket has a name");
        }
        let binding = namespace::bind(thread, name, self.mode.load(Ordering::Relaxed), me)?;
        let name = binding.name().clone();
        let superfluous = {
            let mut slot = self.binding.lock();
            if slot.is_some() { Some(binding) } else { slot.replace(binding) }
        };
        if superfluous.is_some() {
            bail!(EINVAL, "the socket has a name");
        }
        *self.name.0.lock() = name;
        Ok(())
    }

    /// Gives it some name if it wants to know who sends and has none, so that it can be answered.
    ///
    /// # Errors
    /// `ENOSPC`.
    pub fn bind_if_wanted(&self, thread: &Thread, me: Weak<dyn AnySocket>) -> Result<()> {
        if self.side.wants_credentials() && !self.is_bound() {
            self.bind(thread, &Name::Unnamed.address(), me)?;
        }
        Ok(())
    }

    /// Whether it has a name.
    pub fn is_bound(&self) -> bool {
        self.name.get() != Name::Unnamed
    }

    /// Its status flags.
    pub fn status(&self) -> StatusFlags {
        self.anonymous.status()
    }

    /// Changes them.
    pub fn set_status(&self, status: StatusFlags) {
        self.anonymous.set_status(status);
    }

    /// What a transfer to the peer does when it can't go on.
    pub fn blocking_to_send(&self, flags: MessageFlags) -> Blocking {
        self.blocking(flags, &self.send_timeout)
    }

    /// What a transfer from the peer does when it can't go on.
    pub fn blocking_to_receive(&self, flags: MessageFlags) -> Blocking {
        self.blocking(flags, &self.receive_timeout)
    }

    fn blocking(&self, flags: MessageFlags, timeout: &AtomicU64) -> Blocking {
        if flags.contains(MessageFlags::MSG_DONTWAIT) {
            return Blocking::DontWait;
        }
        match (self.anonymous.blocking(), timeout.load(Ordering::Relaxed)) {
            (Blocking::Wait, nanos @ 1..) => Blocking::Until(Deadline::after(Duration::from_nanos(nanos))),
            (blocking, _) => blocking,
        }
    }

    /// Bytes that may be on their way from it.
    pub fn send_buffer(&self) -> usize {
        self.send_buffer.load(Ordering::Relaxed) as usize
    }

    /// Its attributes.
    pub fn metadata(&self) -> Metadata {
        Metadata { mode: self.mode.load(Ordering::Relaxed), ..self.node.metadata() }
    }

    /// What `/proc/PID/fd` shows.
    pub fn path(&self) -> Vec<u8> {
        self.node.path()
    }

    /// The value of an option. `Identity` is the peer's.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EOPNOTSUPP` for another level, `ERANGE`.
    pub fn option(&self, name: OptionName, len: usize, is_listening: bool, peer: &Identity) -> Result<Vec<u8>> {
        if name.level != SOL_SOCKET {
            bail!(EOPNOTSUPP, "Unix sockets have options of SOL_SOCKET only");
        }
        let value = match name.number {
            so::TYPE => self.kind as i32,
            so::DOMAIN => i32::from(AF_UNIX),
            so::PROTOCOL | so::DONTROUTE | so::SNDLOWAT | so::PASSPIDFD => i32::from(name.number == so::SNDLOWAT),
            so::ERROR => self.side.take_error(),
            so::ACCEPTCONN => i32::from(is_listening),
            so::SNDBUF => self.send_buffer.load(Ordering::Relaxed) as i32,
            so::RCVBUF => self.receive_buffer.load(Ordering::Relaxed) as i32,
            so::PASSCRED => i32::from(self.side.wants_credentials()),
            so::PRIORITY => self.priority.load(Ordering::Relaxed),
            so::RCVLOWAT => self.side.least() as i32,
            so::LINGER => return Ok(self.linger.lock().as_bytes().to_vec()),
            so::RCVTIMEO => return Ok(time_of(&self.receive_timeout)),
            so::SNDTIMEO => return Ok(time_of(&self.send_timeout)),
            so::PEERCRED => return Ok(peer.ucred.as_bytes().to_vec()),
            so::PEERGROUPS => {
                if peer.ucred.uid == u32::MAX {
                    bail!(ENODATA, "nobody is connected");
                }
                let groups = peer.groups.as_bytes();
                if len < groups.len() {
                    bail!(ERANGE, "the groups have no room");
                }
                return Ok(groups.to_vec());
            }
            number => match kept_bit(number) {
                Some(bit) => i32::from(self.kept.load(Ordering::Relaxed) & bit != 0),
                None => {
                    warn!("the socket option {number} is not there");
                    bail!(ENOPROTOOPT, "no such option");
                }
            },
        };
        Ok(value.to_ne_bytes().to_vec())
    }

    /// Sets an option. The caller makes a new size of the buffers take effect.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EOPNOTSUPP` for another level, `EINVAL`, `EDOM`, `EPERM`.
    pub fn set_option(&self, thread: &Thread, name: OptionName, value: &[u8]) -> Result<()> {
        if name.level != SOL_SOCKET {
            bail!(EOPNOTSUPP, "Unix sockets have options of SOL_SOCKET only");
        }
        // All of them are looked at as a number first, as on Linux.
        let as_number = number(value)?;
        match name.number {
            so::SNDBUF => self.send_buffer.store(buffer_size(as_number, BUFFER_SIZE, 4608), Ordering::Relaxed),
            so::RCVBUF => self.receive_buffer.store(buffer_size(as_number, BUFFER_SIZE, 2304), Ordering::Relaxed),
            so::SNDBUFFORCE | so::RCVBUFFORCE => {
                const MAX_FORCED: u32 = 1 << 30;
                if !thread.credentials().has_cap(cap::NET_ADMIN) {
                    bail!(EPERM, "only for who may administer the network");
                }
                let (buffer, least) = match name.number {
                    so::SNDBUFFORCE => (&self.send_buffer, 4608),
                    _ => (&self.receive_buffer, 2304),
                };
                buffer.store(buffer_size(as_number.max(0), MAX_FORCED, least), Ordering::Relaxed);
            }
            so::PASSCRED => self.side.passes_credentials.store(as_number != 0, Ordering::Relaxed),
            so::PRIORITY => self.priority.store(as_number, Ordering::Relaxed),
            so::RCVLOWAT => {
                let low = if as_number < 0 { i32::MAX } else { as_number.max(1) };
                self.side.set_least(low as u32);
            }
            so::LINGER => {
                let linger = <[i32; 2]>::read_from_prefix(value).map_err(|_| err!(EINVAL, "the value is too short"))?.0;
                // Without it, the time stays as it was.
                let mut own = self.linger.lock();
                *own = if linger[0] != 0 { [1, linger[1]] } else { [0, own[1]] };
            }
            so::RCVTIMEO => set_time(&self.receive_timeout, value)?,
            so::SNDTIMEO => set_time(&self.send_timeout, value)?,
            so::TYPE | so::PROTOCOL | so::DOMAIN | so::ERROR | so::ACCEPTCONN | so::PEERCRED | so::SNDLOWAT => {
                bail!(ENOPROTOOPT, "the option can't be set");
            }
            number => {
                let Some(bit) = kept_bit(number) else {
                    warn!("the socket option {number} is not there");
                    bail!(ENOPROTOOPT, "no such option");
                };
                if as_number != 0 {
                    self.kept.fetch_or(bit, Ordering::Relaxed);
                } else {
                    self.kept.fetch_and(!bit, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }
}

/// Options that are yes or no and mean nothing to Unix sockets, here as on Linux.
fn kept_bit(number: i32) -> Option<u64> {
    match number {
        so::DEBUG | so::REUSEADDR | so::BROADCAST | so::KEEPALIVE | so::OOBINLINE | so::DONTROUTE => Some(1 << number),
        _ => None,
    }
}

fn time_of(nanos: &AtomicU64) -> Vec<u8> {
    let nanos = nanos.load(Ordering::Relaxed);
    timeout_value((nanos > 0).then(|| Duration::from_nanos(nanos)))
}

fn set_time(nanos: &AtomicU64, value: &[u8]) -> Result<()> {
    let time = timeout(value)?.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    nanos.store(time, Ordering::Relaxed);
    Ok(())
}
