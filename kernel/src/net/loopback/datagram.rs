//! UDP of the loopback inside the LibOS.

use super::connection::Buffer;
use super::control::{Envelope, Sending};
use super::options::Options;
use super::ports::DATAGRAMS;
use super::waiting::Wait;
use super::{IPPROTO_UDP, address};
use crate::events::{Anonymous, Blocking, IoEvents, Notifier};
use crate::fs::{File, Metadata, StatusFlags};
use crate::net::node::Node;
use crate::net::{Address, Incoming, MessageFlags, OptionName, Outgoing, Shutdown, Socket, socket};
use crate::prelude::*;
use crate::process::{Credentials, Thread};
use core::net::SocketAddr;
use frame::ocall::net::Domain;
use frame::ocall::time::{Clock, now};
use linux_raw_sys::net::{SO_ACCEPTCONN, SO_DOMAIN, SO_ERROR, SO_PROTOCOL, SO_TYPE, SOL_SOCKET};

/// The longest datagram: what fits into a packet of IPv4.
const LONGEST: usize = 65507;
/// What a datagram takes of a receiver's buffer besides its bytes, as on Linux.
const COST: usize = 768;

/// A UDP socket.
pub struct DatagramSocket {
    this: Weak<Self>,
    domain: Domain,
    node: Node,
    anonymous: Anonymous,
    options: Options,
    notifier: Notifier,
    inner: Mutex<Inner>,
}

struct Inner {
    bound: Option<SocketAddr>,
    name: SocketAddr,
    peer: Option<SocketAddr>,
    /// Nobody was there when something was sent (`ECONNREFUSED`).
    is_refused: bool,
    queue: VecDeque<Datagram>,
    queued: usize,
    shut: Shut,
}

/// A datagram that waits to be received.
#[derive(Clone)]
struct Datagram {
    from: SocketAddr,
    envelope: Envelope,
    bytes: Arc<[u8]>,
}

/// The halves that were shut down.
#[derive(Clone, Copy, Default)]
struct Shut {
    receiving: bool,
    sending: bool,
}

impl DatagramSocket {
    /// A socket of this family; `status` may have `O_NONBLOCK`.
    pub fn new(domain: Domain, status: StatusFlags, credentials: &Credentials) -> Arc<Self> {
        let inner = Inner {
            bound: None,
            name: address::nowhere(domain),
            peer: None,
            is_refused: false,
            queue: VecDeque::new(),
            queued: 0,
            shut: Shut::default(),
        };
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            domain,
            node: Node::new(credentials),
            anonymous: Anonymous::new(status & StatusFlags::O_NONBLOCK | StatusFlags::O_RDWR),
            options: Options::default(),
            notifier: Notifier::new(),
            inner: Mutex::new(inner),
        })
    }

    /// Its family.
    pub(super) fn domain(&self) -> Domain {
        self.domain
    }

    /// What tells that it became ready for something.
    pub(super) fn ready_notifier(&self) -> &Notifier {
        &self.notifier
    }

    /// Whether there is such an option.
    pub(super) fn has_option(name: OptionName) -> bool {
        Options::has(name)
    }

    /// Whether somebody receives what is sent there.
    pub(super) fn is_reached_at(to: SocketAddr) -> bool {
        !DATAGRAMS.takers(to).is_empty()
    }

    /// The address that it's bound to.
    pub(super) fn bound(&self) -> Option<SocketAddr> {
        self.inner.lock().bound
    }

    /// Whom it's connected with.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.inner.lock().peer
    }

    /// Whether there's something to be received.
    pub(super) fn has_datagrams(&self) -> bool {
        !self.inner.lock().queue.is_empty()
    }

    /// How a call waits that receives.
    pub(super) fn wait_to_receive(&self) -> Wait {
        Wait { blocking: self.anonymous.blocking(), timeout: self.options.receive_timeout() }
    }

    /// Has the name and the peer that it has elsewhere. If others have that name, it's not reached here.
    pub(super) fn rename(&self, name: Option<SocketAddr>, peer: Option<SocketAddr>) {
        let old = {
            let mut inner = self.inner.lock();
            inner.peer = peer;
            if inner.bound == name {
                return;
            }
            inner.bound.take()
        };
        if let Some(old) = old {
            DATAGRAMS.release(old.port(), &self.this);
        }
        if let Some(name) = name
            && let Err(error) = self.bind_to(name)
        {
            debug!("{name} isn't reached inside: {error}");
        }
    }

    /// How a message is to be sent.
    ///
    /// # Errors
    /// `EINVAL` for control messages that are malformed or not there.
    pub(super) fn sending(&self, message: &Outgoing<'_, '_>) -> Result<Sending> {
        Sending::parse(self.domain, &self.options, &message.control)
    }

    /// Sends all of a source to who receives it, if there's somebody.
    ///
    /// # Errors
    /// `EPIPE` if sending was shut, `EMSGSIZE`, `EFAULT`.
    pub(super) fn send_to(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        sending: Sending,
        source: &mut Source<'_>,
    ) -> Result<Option<usize>> {
        let own = if from.ip().is_unspecified() { address::source(to.ip()) } else { from.ip() };
        let from = (sending.source.unwrap_or(own), from.port()).into();
        if self.inner.lock().shut.sending {
            bail!(EPIPE, "the sending half is shut");
        }
        if source.remaining() > LONGEST {
            bail!(EMSGSIZE, "longer than a datagram");
        }
        let Some(taker) = DATAGRAMS.takers(to).into_iter().find(|socket| socket.takes_from(from)) else {
            return Ok(None);
        };
        let bytes: Arc<[u8]> = source.take_all()?.into();
        let len = bytes.len();
        let time = now(Clock::Realtime);
        taker.deliver(Datagram { from, envelope: Envelope { to, sending, time }, bytes });
        Ok(Some(len))
    }

    fn bind_to(&self, to: SocketAddr) -> Result<SocketAddr> {
        let bound = DATAGRAMS.bind(to, self.options.wish(&Arc::default()), &self.this)?;
        let mut inner = self.inner.lock();
        if let Some(earlier) = inner.bound {
            drop(inner);
            if earlier != bound {
                DATAGRAMS.release(bound.port(), &self.this);
            }
            bail!(EINVAL, "the socket has an address");
        }
        (inner.bound, inner.name) = (Some(bound), bound);
        Ok(bound)
    }

    /// The address that it sends from, which it gets if it has none.
    fn sender(&self, to: SocketAddr) -> Result<SocketAddr> {
        let bound = self.inner.lock().bound;
        let bound = match bound {
            Some(bound) => bound,
            None => self.bind_to(address::nowhere(self.domain))?,
        };
        let ip = if bound.ip().is_unspecified() { address::source(to.ip()) } else { bound.ip() };
        Ok((ip, bound.port()).into())
    }

    /// Puts a datagram into the queue, if there's room: it is lost otherwise.
    fn deliver(&self, datagram: Datagram) {
        let cost = datagram.bytes.len() + COST;
        let room = self.options.buffer(Buffer::Receive) * 2;
        let mut inner = self.inner.lock();
        if inner.queued + cost > room || inner.shut.receiving {
            return;
        }
        inner.queued += cost;
        inner.queue.push_back(datagram);
        drop(inner);
        self.notifier.broadcast(IoEvents::READABLE);
    }

    /// Whether it takes datagrams of this sender: if it's connected, its peer's only.
    fn takes_from(&self, from: SocketAddr) -> bool {
        self.inner.lock().peer.is_none_or(|peer| peer == from)
    }

    fn transmit(&self, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        if message.flags.contains(MessageFlags::MSG_OOB) {
            bail!(EOPNOTSUPP, "no urgent data");
        }
        let sending = self.sending(message)?;
        let peer = {
            let mut inner = self.inner.lock();
            if inner.shut.sending {
                bail!(EPIPE, "the sending half is shut");
            }
            if core::mem::take(&mut inner.is_refused) {
                bail!(ECONNREFUSED, "nobody was there");
            }
            inner.peer
        };
        let named = match &message.address {
            None => None,
            Some(named) => address::parse(self.domain, named).map_err(|error| match self.domain {
                // Linux's UDP tells wrong families apart for IPv4 only.
                Domain::Inet6 => err!(EINVAL, "no address of the family"),
                _ => error,
            })?,
        };
        let to = named.or(peer).ok_or(err!(EDESTADDRREQ, "no address to send to"))?;
        if message.source.remaining() > LONGEST {
            bail!(EMSGSIZE, "longer than a datagram");
        }
        let to = address::destination(to)?;
        let from = self.sender(to)?;
        match self.send_to(from, to, sending, message.source)? {
            Some(len) => return Ok(len),
            None if peer == Some(to) => {
                self.inner.lock().is_refused = true;
                self.notifier.broadcast(IoEvents::POLLERR);
            }
            None => {}
        }
        // It's lost, but a source that can't be read is told of.
        message.source.take_all().map(|bytes| bytes.len())
    }

    fn receive_next(&self, message: &mut Incoming<'_, '_>) -> Result<usize> {
        let flags = message.flags;
        if flags.contains(MessageFlags::MSG_ERRQUEUE) {
            bail!(EAGAIN, "no errors are queued");
        }
        let mut wait = self.wait_to_receive();
        if flags.contains(MessageFlags::MSG_DONTWAIT) {
            wait.blocking = Blocking::DontWait;
        }
        let taken = wait.until(&self.notifier, IoEvents::READABLE, || self.take(flags))?;
        let Some(Datagram { from, envelope, bytes }) = taken else { return Ok(0) };
        let put = if bytes.is_empty() { 0 } else { message.sink.put(&bytes)? };
        message.address = address::render(self.domain, from);
        envelope.tell(self.domain, &self.options, &mut message.control);
        message.outcome.set(MessageFlags::MSG_TRUNC, put < bytes.len());
        Ok(if flags.contains(MessageFlags::MSG_TRUNC) { bytes.len() } else { put })
    }

    /// The next datagram, which stays if it's only looked at; `None` if the receiving half is shut.
    fn take(&self, flags: MessageFlags) -> Result<Option<Datagram>> {
        let mut inner = self.inner.lock();
        if core::mem::take(&mut inner.is_refused) {
            bail!(ECONNREFUSED, "nobody was there");
        }
        if flags.contains(MessageFlags::MSG_PEEK)
            && let Some(datagram) = inner.queue.front()
        {
            return Ok(Some(datagram.clone()));
        }
        match inner.queue.pop_front() {
            Some(datagram) => {
                inner.queued -= datagram.bytes.len() + COST;
                Ok(Some(datagram))
            }
            None if inner.shut.receiving => Ok(None),
            None => Err(err!(EAGAIN, "no datagram has come")),
        }
    }
}

impl Socket for DatagramSocket {
    fn bind(&self, _thread: &Arc<Thread>, address: &Address) -> Result<()> {
        let to = address::parse(self.domain, address)?.ok_or(err!(EAFNOSUPPORT, "the address has no family"))?;
        if self.inner.lock().bound.is_some() {
            bail!(EINVAL, "the socket has an address");
        }
        self.bind_to(to).map(|_| ())
    }

    fn connect(&self, _thread: &Arc<Thread>, address: &Address) -> Result<()> {
        let Some(to) = address::parse(self.domain, address)? else {
            self.inner.lock().peer = None;
            return Ok(());
        };
        let to = address::destination(to)?;
        let own = self.sender(to)?;
        let mut inner = self.inner.lock();
        (inner.peer, inner.name) = (Some(to), own);
        Ok(())
    }

    fn listen(&self, _thread: &Arc<Thread>, _backlog: i32) -> Result<()> {
        Err(err!(EOPNOTSUPP, "datagrams have no connections"))
    }

    fn accept(&self, _thread: &Arc<Thread>, _status: StatusFlags) -> Result<Arc<dyn File>> {
        Err(err!(EOPNOTSUPP, "datagrams have no connections"))
    }

    fn send(&self, _thread: &Arc<Thread>, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        self.transmit(message)
    }

    fn receive(&self, _thread: &Arc<Thread>, message: &mut Incoming<'_, '_>) -> Result<usize> {
        self.receive_next(message)
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        let mut inner = self.inner.lock();
        if inner.peer.is_none() {
            bail!(ENOTCONN, "the socket is not connected");
        }
        inner.shut.receiving |= how.ends_reading();
        inner.shut.sending |= how.ends_writing();
        drop(inner);
        self.notifier.broadcast(IoEvents::READABLE);
        Ok(())
    }

    fn name(&self) -> Result<Address> {
        Ok(address::render(self.domain, self.inner.lock().name))
    }

    fn peer_name(&self) -> Result<Address> {
        let peer = self.inner.lock().peer.ok_or(err!(ENOTCONN, "the socket is not connected"))?;
        Ok(address::render(self.domain, peer))
    }

    fn set_option(&self, thread: &Arc<Thread>, name: OptionName, value: &[u8]) -> Result<()> {
        self.options.set(&thread.credentials(), name, value)
    }

    fn option(&self, _thread: &Arc<Thread>, name: OptionName, _len: usize) -> Result<Vec<u8>> {
        const SOCK_DGRAM: i32 = 2;
        let number = match (name.level as u32, name.number as u32) {
            (SOL_SOCKET, SO_TYPE) => SOCK_DGRAM,
            (SOL_SOCKET, SO_DOMAIN) => self.domain as i32,
            (SOL_SOCKET, SO_PROTOCOL) => IPPROTO_UDP,
            (SOL_SOCKET, SO_ERROR) if core::mem::take(&mut self.inner.lock().is_refused) => Errno::ECONNREFUSED as i32,
            (SOL_SOCKET, SO_ERROR | SO_ACCEPTCONN) => 0,
            _ => return self.options.get(name),
        };
        Ok(number.to_ne_bytes().to_vec())
    }
}

impl File for DatagramSocket {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        if sink.is_empty() { Ok(0) } else { self.receive_next(&mut Incoming::new(sink, MessageFlags::empty())) }
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        self.transmit(&mut Outgoing::new(source, MessageFlags::empty()))
    }

    fn metadata(&self) -> Result<Metadata> {
        Ok(self.node.metadata())
    }

    fn status(&self) -> StatusFlags {
        self.anonymous.status()
    }

    fn set_status(&self, status: StatusFlags) -> Result<()> {
        self.anonymous.set_status(status);
        Ok(())
    }

    fn path(&self) -> Vec<u8> {
        self.node.path()
    }

    fn poll(&self) -> IoEvents {
        let inner = self.inner.lock();
        IoEvents::WRITABLE
            | IoEvents::READABLE.when(!inner.queue.is_empty() || inner.shut.receiving || inner.is_refused)
            | IoEvents::POLLERR.when(inner.is_refused)
            | IoEvents::POLLRDHUP.when(inner.shut.receiving)
            | IoEvents::POLLHUP.when(inner.shut.receiving && inner.shut.sending)
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.notifier)
    }

    fn as_socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn ioctl(&self, _thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        let first = || self.inner.lock().queue.front().map_or(0, |datagram| datagram.bytes.len());
        socket::ioctl(request, argument, || Ok([first(), 0]))
    }
}

impl Drop for DatagramSocket {
    fn drop(&mut self) {
        if let Some(bound) = self.inner.get_mut().bound {
            DATAGRAMS.release(bound.port(), &self.this);
        }
    }
}
