//! TCP of the loopback inside the LibOS.

use super::connection::{Buffer, Connection, Side, Wanted};
use super::options::Options;
use super::ports::STREAMS;
use super::urgent::Look;
use super::waiting::Wait;
use super::{IPPROTO_TCP, address, control};
use crate::events::{Anonymous, Blocking, IoEvents, Notifier};
use crate::fs::{File, Metadata, StatusFlags};
use crate::net::node::Node;
use crate::net::{Address, Incoming, MessageFlags, OptionName, Outgoing, Shutdown, Socket, socket};
use crate::prelude::*;
use crate::process::{Credentials, Thread};
use crate::signal;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use frame::ocall::net::Domain;
use frame::sync::Deadline;
use linux_raw_sys::net::{
    SO_ACCEPTCONN, SO_DOMAIN, SO_ERROR, SO_OOBINLINE, SO_PROTOCOL, SO_RCVBUF, SO_RCVBUFFORCE, SO_RCVLOWAT, SO_SNDBUF,
    SO_SNDBUFFORCE, SO_TYPE, SOL_SOCKET, SOL_TCP, TCP_INFO,
};

/// The most connections that wait to be accepted (`somaxconn`); what a program asks for isn't looked at.
const MOST_WAITING: usize = 4096;
/// How much one call drops at most (`MSG_TRUNC`).
const MOST_DROPPED: usize = 1 << 16;

/// A TCP socket.
pub struct StreamSocket {
    this: Weak<Self>,
    domain: Domain,
    node: Node,
    anonymous: Anonymous,
    options: Options,
    side: Arc<Side>,
    listens: Arc<AtomicBool>,
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    /// Its address in the table of ports.
    bound: Option<SocketAddr>,
    /// What it calls itself.
    name: SocketAddr,
    /// What a connection attempt that nobody waited for came to.
    pending: Option<Errno>,
    /// It was shut without being connected, which those who poll are told.
    is_shut: bool,
}

enum State {
    Unconnected,
    Listening(VecDeque<Arc<StreamSocket>>),
    Connected { connection: Arc<Connection>, peer: SocketAddr, announced: Announced },
}

/// Whether `connect` has said that the connection is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Announced {
    Yes,
    No,
}

impl StreamSocket {
    /// A socket of this family; `status` may have `O_NONBLOCK`.
    pub fn new(domain: Domain, status: StatusFlags, credentials: &Credentials) -> Arc<Self> {
        let inner = Inner {
            state: State::Unconnected,
            bound: None,
            name: address::nowhere(domain),
            pending: None,
            is_shut: false,
        };
        Self::with(domain, Node::new(credentials), status, Arc::default(), Options::default(), inner)
    }

    fn with(
        domain: Domain,
        node: Node,
        status: StatusFlags,
        side: Arc<Side>,
        options: Options,
        inner: Inner,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            domain,
            node,
            anonymous: Anonymous::new(status & StatusFlags::O_NONBLOCK | StatusFlags::O_RDWR),
            options,
            side,
            listens: Arc::default(),
            inner: Mutex::new(inner),
        })
    }

    /// Its family.
    pub(super) fn domain(&self) -> Domain {
        self.domain
    }

    /// What tells that it became ready for something.
    pub(super) fn ready_notifier(&self) -> &Notifier {
        &self.side.notifier
    }

    /// Whether there is such an option.
    pub(super) fn has_option(name: OptionName) -> bool {
        Options::has(name)
    }

    /// Whether somebody listens there.
    pub(super) fn is_reached_at(to: SocketAddr) -> bool {
        address::destination(to).is_ok_and(|to| STREAMS.takers(to).iter().any(|socket| socket.is_listening()))
    }

    /// Listens at an address that it has elsewhere already.
    ///
    /// # Errors
    /// `EADDRINUSE`, `EINVAL` if it's connected.
    pub(super) fn listen_at(&self, name: SocketAddr) -> Result<()> {
        let bound = self.inner.lock().bound;
        if bound != Some(name) {
            self.bind_to(name)?;
        }
        self.start_listening()
    }

    /// Connects a socket that has nothing to do with others yet to whoever listens there, from the address that it has
    /// elsewhere.
    ///
    /// # Errors
    /// `ECONNREFUSED`, `EADDRINUSE`, and `EINPROGRESS` if it doesn't wait.
    pub(super) fn connect_from(&self, bound: Option<SocketAddr>, to: SocketAddr) -> Result<()> {
        self.connect_to(to, bound)?;
        self.announce()
    }

    /// A connection that waits to be accepted, as a socket of this status.
    ///
    /// # Errors
    /// `EAGAIN`, `EINVAL` if it doesn't listen.
    pub(super) fn accept_now(&self, status: StatusFlags) -> Result<Arc<dyn File>> {
        let accepted = self.take_waiting()?;
        accepted.set_status(status & StatusFlags::O_NONBLOCK)?;
        Ok(accepted)
    }

    /// How a call waits that receives.
    pub(super) fn wait_to_receive(&self) -> Wait {
        Wait { blocking: self.anonymous.blocking(), timeout: self.options.receive_timeout() }
    }

    fn connection(&self) -> Result<Arc<Connection>> {
        match &self.inner.lock().state {
            State::Connected { connection, .. } => Ok(connection.clone()),
            _ => Err(err!(ENOTCONN, "the socket is not connected")),
        }
    }

    /// What a transfer does when it can't go on, with this time limit.
    fn blocking(&self, flags: MessageFlags, timeout: Option<Duration>) -> Blocking {
        if flags.contains(MessageFlags::MSG_DONTWAIT) {
            return Blocking::DontWait;
        }
        match (self.anonymous.blocking(), timeout) {
            (Blocking::Wait, Some(timeout)) => Blocking::Until(Deadline::after(timeout)),
            (blocking, _) => blocking,
        }
    }

    fn bind_to(&self, to: SocketAddr) -> Result<SocketAddr> {
        let bound = STREAMS.bind(to, self.options.wish(&self.listens), &self.this)?;
        let mut inner = self.inner.lock();
        if let Some(earlier) = inner.bound {
            drop(inner);
            if earlier != bound {
                STREAMS.release(bound.port(), &self.this);
            }
            bail!(EINVAL, "the socket has an address");
        }
        (inner.bound, inner.name) = (Some(bound), bound);
        Ok(bound)
    }

    fn start_listening(&self) -> Result<()> {
        let mut inner = self.inner.lock();
        match inner.state {
            State::Unconnected => {
                inner.state = State::Listening(VecDeque::new());
                self.listens.store(true, Ordering::SeqCst);
            }
            State::Listening(_) => {}
            State::Connected { .. } => bail!(EINVAL, "the socket is connected"),
        }
        Ok(())
    }

    /// Connects to whoever listens there.
    fn connect_to(&self, to: SocketAddr, bound: Option<SocketAddr>) -> Result<()> {
        let to = address::destination(to)?;
        let source = address::source(to.ip());
        let own = match bound {
            Some(bound) if !bound.ip().is_unspecified() => bound,
            Some(bound) => (source, bound.port()).into(),
            None => self.bind_to((source, 0).into())?,
        };
        let Some(listener) = STREAMS.takers(to).into_iter().find(|socket| socket.is_listening()) else {
            bail!(ECONNREFUSED, "nobody listens there");
        };
        let connection = listener.take_in(&self.side, to, own)?;
        let mut inner = self.inner.lock();
        inner.name = own;
        inner.state = State::Connected { connection: Arc::new(connection), peer: to, announced: Announced::Yes };
        drop(inner);
        self.side.notifier.broadcast(IoEvents::WRITABLE);
        Ok(())
    }

    /// Says of a new connection what `connect` gives: nothing takes time here, but Linux never says at once how it went.
    fn announce(&self) -> Result<()> {
        if self.anonymous.blocking() == Blocking::Wait {
            return Ok(());
        }
        if let State::Connected { announced, .. } = &mut self.inner.lock().state {
            *announced = Announced::No;
        }
        self.side.notifier.broadcast(IoEvents::WRITABLE);
        bail!(EINPROGRESS, "the connection is being made")
    }

    /// Nobody can connect any more, if nothing shall be read; who waits for a connection is told.
    fn stop_listening(&self, how: Shutdown) -> Result<()> {
        if !how.ends_reading() {
            return Ok(());
        }
        let old = {
            let mut inner = self.inner.lock();
            self.listens.store(false, Ordering::SeqCst);
            core::mem::replace(&mut inner.state, State::Unconnected)
        };
        old.refuse_waiting();
        self.side.notifier.broadcast(IoEvents::READABLE | IoEvents::POLLHUP);
        Ok(())
    }

    /// Takes a new connection into those that wait to be accepted. Gives the end that is that of who connects.
    fn take_in(&self, from: &Arc<Side>, name: SocketAddr, peer: SocketAddr) -> Result<Connection> {
        let sides = [from.clone(), Arc::new(self.side.like())];
        let [connection, other] = Connection::pair(&sides);
        let [_, side] = sides;
        let state = State::Connected { connection: Arc::new(other), peer, announced: Announced::Yes };
        let inner = Inner { state, bound: None, name, pending: None, is_shut: false };
        let node = self.node.sibling();
        let accepted = Self::with(self.domain, node, StatusFlags::empty(), side, self.options.clone(), inner);
        match &mut self.inner.lock().state {
            State::Listening(waiting) if waiting.len() < MOST_WAITING => waiting.push_back(accepted),
            State::Listening(_) => bail!(ETIMEDOUT, "too many connections wait to be accepted"),
            _ => bail!(ECONNREFUSED, "nobody listens there any more"),
        }
        self.side.notifier.broadcast(IoEvents::READABLE);
        Ok(connection)
    }

    /// The error that waits to be told, which it is once.
    fn take_error(&self) -> Option<Errno> {
        let pending = self.inner.lock().pending.take();
        pending.or_else(|| self.side.take_error())
    }

    fn transmit(&self, source: &mut Source<'_>, flags: MessageFlags) -> Result<usize> {
        let connection = self.connection().map_err(|_| err!(EPIPE, "the socket is not connected"))?;
        let blocking = self.blocking(flags, self.options.send_timeout());
        if flags.contains(MessageFlags::MSG_OOB) {
            return connection.send_urgent(source, blocking);
        }
        connection.send(source, blocking)
    }

    fn take(&self, sink: &mut Sink<'_>, flags: MessageFlags) -> Result<usize> {
        if flags.contains(MessageFlags::MSG_ERRQUEUE) {
            bail!(EAGAIN, "no errors are queued");
        }
        let connection = self.connection()?;
        let blocking = self.blocking(flags, self.options.receive_timeout());
        if flags.contains(MessageFlags::MSG_PEEK) {
            return connection.peek(sink, blocking);
        }
        let wanted = if flags.contains(MessageFlags::MSG_WAITALL) { Wanted::All } else { Wanted::Some };
        if flags.contains(MessageFlags::MSG_TRUNC) {
            // TCP's bytes are dropped then (`man 7 tcp`).
            let mut dropped = vec![0; sink.remaining().min(MOST_DROPPED)];
            return connection.receive(&mut Sink::buffer(&mut dropped), wanted, blocking);
        }
        connection.receive(sink, wanted, blocking)
    }

    /// The urgent byte (`MSG_OOB`).
    fn take_urgent(&self, message: &mut Incoming<'_, '_>) -> Result<usize> {
        let look = if message.flags.contains(MessageFlags::MSG_PEEK) { Look::Peek } else { Look::Take };
        let byte = self.side.urgent.take(look)?;
        message.outcome |= MessageFlags::MSG_OOB;
        if message.sink.is_empty() {
            message.outcome |= MessageFlags::MSG_TRUNC;
            return Ok(0);
        }
        message.sink.put(&[byte])
    }

    /// What the connection is like (`struct tcp_info`): its state, and nothing that was measured.
    fn info(&self) -> Vec<u8> {
        const LEN: usize = 104;
        const CLOSED: u8 = 7;
        const LISTENING: u8 = 10;
        let state = match &self.inner.lock().state {
            State::Unconnected => CLOSED,
            State::Listening(_) => LISTENING,
            State::Connected { connection, .. } => connection.tcp_state(),
        };
        let mut info = vec![0; LEN];
        info[0] = state;
        info
    }

    /// Carries out what a new value of an option means for the connection.
    fn apply_option(&self, name: OptionName) {
        let (SOL_SOCKET, number) = (name.level as u32, name.number as u32) else { return };
        match number {
            SO_SNDBUF | SO_SNDBUFFORCE => self.side.set_buffer(Buffer::Send, self.options.buffer(Buffer::Send)),
            SO_RCVBUF | SO_RCVBUFFORCE => self.side.set_buffer(Buffer::Receive, self.options.buffer(Buffer::Receive)),
            SO_RCVLOWAT => self.side.set_least(self.options.least()),
            SO_OOBINLINE => self.side.urgent.set_inline(self.options.is_on(SOL_SOCKET, SO_OOBINLINE)),
            _ => return,
        }
        if let Ok(connection) = self.connection() {
            connection.resize();
        }
    }

    /// Whether it listens.
    pub(super) fn is_listening(&self) -> bool {
        self.listens.load(Ordering::SeqCst)
    }

    fn take_waiting(&self) -> Result<Arc<Self>> {
        match &mut self.inner.lock().state {
            State::Listening(waiting) => waiting.pop_front().ok_or(err!(EAGAIN, "no connection waits")),
            _ => Err(err!(EINVAL, "the socket doesn't listen")),
        }
    }
}

impl Socket for StreamSocket {
    fn bind(&self, _thread: &Arc<Thread>, address: &Address) -> Result<()> {
        let to = address::parse(self.domain, address)?.ok_or(err!(EAFNOSUPPORT, "the address has no family"))?;
        if self.inner.lock().bound.is_some() {
            bail!(EINVAL, "the socket has an address");
        }
        self.bind_to(to).map(|_| ())
    }

    fn connect(&self, _thread: &Arc<Thread>, address: &Address) -> Result<()> {
        let Some(to) = address::parse(self.domain, address)? else {
            let old = core::mem::replace(&mut self.inner.lock().state, State::Unconnected);
            self.listens.store(false, Ordering::SeqCst);
            old.refuse_waiting();
            if let State::Connected { connection, .. } = old {
                connection.reset();
            }
            return Ok(());
        };
        {
            let mut inner = self.inner.lock();
            if let Some(errno) = inner.pending.take() {
                return Err(errno.into());
            }
            match &mut inner.state {
                State::Unconnected => {}
                State::Listening(_) => bail!(EISCONN, "the socket listens"),
                State::Connected { announced: announced @ Announced::No, .. } => {
                    *announced = Announced::Yes;
                    return Ok(());
                }
                State::Connected { .. } => bail!(EISCONN, "the socket is connected"),
            }
        }
        let bound = self.inner.lock().bound;
        match self.connect_to(to, bound) {
            Ok(()) => self.announce(),
            Err(error) if error.errno() == Errno::ECONNREFUSED && self.anonymous.blocking() != Blocking::Wait => {
                self.inner.lock().pending = Some(Errno::ECONNREFUSED);
                self.side.notifier.broadcast(IoEvents::WRITABLE | IoEvents::POLLERR);
                bail!(EINPROGRESS, "the connection is being made")
            }
            Err(error) => Err(error),
        }
    }

    fn listen(&self, _thread: &Arc<Thread>, _backlog: i32) -> Result<()> {
        if self.inner.lock().bound.is_none() {
            self.bind_to(address::nowhere(self.domain))?;
        }
        self.start_listening()
    }

    fn accept(&self, _thread: &Arc<Thread>, status: StatusFlags) -> Result<Arc<dyn File>> {
        let attempt = || self.accept_now(status);
        self.wait_to_receive().until(&self.side.notifier, IoEvents::READABLE, attempt)
    }

    fn send(&self, thread: &Arc<Thread>, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        control::check_stream(&message.control)?;
        let result = self.transmit(message.source, message.flags);
        if message.flags.contains(MessageFlags::MSG_NOSIGNAL) {
            result
        } else {
            signal::raise_if_broken_pipe(thread, result)
        }
    }

    fn receive(&self, _thread: &Arc<Thread>, message: &mut Incoming<'_, '_>) -> Result<usize> {
        if message.flags.contains(MessageFlags::MSG_OOB) {
            return self.take_urgent(message);
        }
        self.take(message.sink, message.flags)
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        if self.is_listening() {
            return self.stop_listening(how);
        }
        let connection = self.connection().inspect_err(|_| {
            self.inner.lock().is_shut |= how.ends_reading();
            self.side.notifier.broadcast(IoEvents::READABLE);
        })?;
        if connection.is_over() {
            bail!(ENOTCONN, "the connection is over");
        }
        connection.shut(how);
        Ok(())
    }

    fn name(&self) -> Result<Address> {
        Ok(address::render(self.domain, self.inner.lock().name))
    }

    fn peer_name(&self) -> Result<Address> {
        match &self.inner.lock().state {
            State::Connected { connection, peer, .. } if !connection.is_over() => {
                Ok(address::render(self.domain, *peer))
            }
            _ => Err(err!(ENOTCONN, "the socket is not connected")),
        }
    }

    fn set_option(&self, thread: &Arc<Thread>, name: OptionName, value: &[u8]) -> Result<()> {
        self.options.set(&thread.credentials(), name, value)?;
        self.apply_option(name);
        Ok(())
    }

    fn option(&self, _thread: &Arc<Thread>, name: OptionName, _len: usize) -> Result<Vec<u8>> {
        const SOCK_STREAM: i32 = 1;
        let number = match (name.level as u32, name.number as u32) {
            (SOL_SOCKET, SO_TYPE) => SOCK_STREAM,
            (SOL_SOCKET, SO_DOMAIN) => self.domain as i32,
            (SOL_SOCKET, SO_PROTOCOL) => IPPROTO_TCP,
            (SOL_SOCKET, SO_ACCEPTCONN) => i32::from(self.is_listening()),
            (SOL_SOCKET, SO_ERROR) => self.take_error().map_or(0, |errno| errno as i32),
            (SOL_TCP, TCP_INFO) => return Ok(self.info()),
            _ => return self.options.get(name),
        };
        Ok(number.to_ne_bytes().to_vec())
    }
}

impl File for StreamSocket {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        if sink.is_empty() { Ok(0) } else { self.take(sink, MessageFlags::empty()) }
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        self.transmit(source, MessageFlags::empty())
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
        let connection = {
            let inner = self.inner.lock();
            let failed = IoEvents::POLLERR.when(inner.pending.is_some());
            match &inner.state {
                State::Unconnected => {
                    let readable = IoEvents::READABLE.when(inner.is_shut || !failed.is_empty());
                    let shut = IoEvents::POLLRDHUP.when(inner.is_shut);
                    return failed | readable | shut | IoEvents::WRITABLE | IoEvents::POLLHUP;
                }
                State::Listening(waiting) => return IoEvents::READABLE.when(!waiting.is_empty()),
                State::Connected { connection, .. } => connection.clone(),
            }
        };
        // It may look at its channels, which are locked before.
        connection.poll()
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.side.notifier)
    }

    fn as_socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn ioctl(&self, _thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        const SIOCATMARK: u32 = 0x8905;
        if request == SIOCATMARK {
            let is_at_mark = self.connection().is_ok_and(|connection| connection.is_at_mark());
            UserPtr::<i32>::new(argument as usize).write(&i32::from(is_at_mark))?;
            return Ok(0);
        }
        socket::ioctl(request, argument, || {
            let queued = |connection: Arc<Connection>| [connection.receivable(), connection.unreceived()];
            Ok(self.connection().map_or([0, 0], queued))
        })
    }
}

impl Drop for StreamSocket {
    fn drop(&mut self) {
        let inner = self.inner.get_mut();
        if let Some(bound) = inner.bound {
            STREAMS.release(bound.port(), &self.this);
        }
        match &inner.state {
            State::Connected { connection, .. } if self.options.resets_on_close() => connection.reset(),
            state => state.refuse_waiting(),
        }
    }
}

impl State {
    /// Resets the connections that wait to be accepted.
    fn refuse_waiting(&self) {
        let Self::Listening(waiting) = self else { return };
        for socket in waiting {
            if let Ok(connection) = socket.connection() {
                connection.reset();
            }
        }
    }
}
