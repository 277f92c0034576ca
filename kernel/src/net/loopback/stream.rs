//! TCP of the loopback inside the LibOS.

use super::CONTROL_HEADER;
use super::address;
use super::connection::{Connection, Side};
use super::options::Options;
use super::ports::STREAMS;
use super::waiting::Wait;
use crate::events::{Anonymous, Blocking, IoEvents, Notifier};
use crate::fs::{File, Metadata, StatusFlags};
use crate::net::node::Node;
use crate::net::{Address, Incoming, MessageFlags, OptionName, Outgoing, Shutdown, Socket, socket};
use crate::prelude::*;
use crate::process::{Credentials, Thread};
use crate::signal;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use frame::ocall::net::Domain;

/// The most connections that wait to be accepted (`somaxconn`); what a program asks for isn't looked at.
const MOST_WAITING: usize = 4096;

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
        let inner = Inner { state: State::Unconnected, bound: None, name: address::nowhere(domain), pending: None };
        Self::with(domain, Node::new(credentials), status, Arc::default(), inner)
    }

    fn with(domain: Domain, node: Node, status: StatusFlags, side: Arc<Side>, inner: Inner) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            domain,
            node,
            anonymous: Anonymous::new(status & StatusFlags::O_NONBLOCK | StatusFlags::O_RDWR),
            options: Options::default(),
            side,
            listens: Arc::default(),
            inner: Mutex::new(inner),
        })
    }

    fn connection(&self) -> Result<Arc<Connection>> {
        match &self.inner.lock().state {
            State::Connected { connection, .. } => Ok(connection.clone()),
            _ => Err(err!(ENOTCONN, "the socket is not connected")),
        }
    }

    fn blocking(&self, flags: MessageFlags) -> Blocking {
        if flags.contains(MessageFlags::MSG_DONTWAIT) { Blocking::DontWait } else { self.anonymous.blocking() }
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

    /// Connects to whoever listens there.
    fn connect_to(&self, to: SocketAddr) -> Result<()> {
        let to = address::destination(to)?;
        let source = address::source(to.ip());
        let bound = self.inner.lock().bound;
        let own = match bound {
            Some(bound) if !bound.ip().is_unspecified() => bound,
            Some(bound) => (source, bound.port()).into(),
            None => self.bind_to((source, 0).into())?,
        };
        let sides = [self.side.clone(), Arc::default()];
        let [connection, other] = Connection::pair(&sides);
        let [_, other_side] = sides;
        let Some(listener) = STREAMS.takers(to).into_iter().find(|socket| socket.is_listening()) else {
            bail!(ECONNREFUSED, "nobody listens there");
        };
        listener.take_in(other, other_side, to, own)?;
        let mut inner = self.inner.lock();
        inner.name = own;
        inner.state = State::Connected { connection: Arc::new(connection), peer: to, announced: Announced::Yes };
        drop(inner);
        self.side.notifier.broadcast(IoEvents::WRITABLE);
        Ok(())
    }

    /// Takes a connection into those that wait to be accepted.
    fn take_in(&self, connection: Connection, side: Arc<Side>, name: SocketAddr, peer: SocketAddr) -> Result<()> {
        let state = State::Connected { connection: Arc::new(connection), peer, announced: Announced::Yes };
        let inner = Inner { state, bound: None, name, pending: None };
        let accepted = Self::with(self.domain, self.node.sibling(), StatusFlags::empty(), side, inner);
        match &mut self.inner.lock().state {
            State::Listening(waiting) if waiting.len() < MOST_WAITING => waiting.push_back(accepted),
            State::Listening(_) => bail!(ETIMEDOUT, "too many connections wait to be accepted"),
            _ => bail!(ECONNREFUSED, "nobody listens there any more"),
        }
        self.side.notifier.broadcast(IoEvents::READABLE);
        Ok(())
    }

    fn transmit(&self, source: &mut Source<'_>, flags: MessageFlags) -> Result<usize> {
        let connection = self.connection().map_err(|_| err!(EPIPE, "the socket is not connected"))?;
        let blocking = self.blocking(flags);
        let Some(timeout) = self.options.send_timeout() else { return connection.send(source, blocking) };
        let wait = Wait { blocking, timeout: Some(timeout) };
        let mut total = 0;
        while !source.is_empty() {
            let attempt = || connection.send(source, Blocking::DontWait);
            match wait.until(&self.side.notifier, IoEvents::WRITABLE, attempt) {
                Ok(sent) => total += sent,
                Err(error) if total == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(total)
    }

    fn take(&self, sink: &mut Sink<'_>, flags: MessageFlags) -> Result<usize> {
        if flags.contains(MessageFlags::MSG_OOB) {
            bail!(EINVAL, "no urgent data");
        }
        if flags.contains(MessageFlags::MSG_ERRQUEUE) {
            bail!(EAGAIN, "no errors are queued");
        }
        let connection = self.connection()?;
        let blocking = self.blocking(flags);
        match self.options.receive_timeout() {
            _ if flags.contains(MessageFlags::MSG_PEEK) => connection.peek(sink, blocking),
            Some(timeout) => {
                let wait = Wait { blocking, timeout: Some(timeout) };
                wait.until(&self.side.notifier, IoEvents::READABLE, || connection.receive(sink, Blocking::DontWait))
            }
            None if flags.contains(MessageFlags::MSG_WAITALL) && blocking == Blocking::Wait => {
                connection.receive_all(sink)
            }
            None => connection.receive(sink, blocking),
        }
    }

    fn is_listening(&self) -> bool {
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
        let result = self.connect_to(to);
        if self.anonymous.blocking() == Blocking::Wait {
            return result;
        }
        // Nothing takes time here, but Linux never says at once how it went.
        let mut inner = self.inner.lock();
        match result {
            Ok(()) => {
                if let State::Connected { announced, .. } = &mut inner.state {
                    *announced = Announced::No;
                }
            }
            Err(error) if error.errno() == Errno::ECONNREFUSED => inner.pending = Some(Errno::ECONNREFUSED),
            Err(error) => return Err(error),
        }
        drop(inner);
        self.side.notifier.broadcast(IoEvents::WRITABLE | IoEvents::POLLERR);
        bail!(EINPROGRESS, "the connection is being made")
    }

    fn listen(&self, _thread: &Arc<Thread>, _backlog: i32) -> Result<()> {
        if self.inner.lock().bound.is_none() {
            self.bind_to(address::nowhere(self.domain))?;
        }
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

    fn accept(&self, _thread: &Arc<Thread>, status: StatusFlags) -> Result<Arc<dyn File>> {
        let wait = Wait { blocking: self.anonymous.blocking(), timeout: self.options.receive_timeout() };
        let accepted = wait.until(&self.side.notifier, IoEvents::READABLE, || self.take_waiting())?;
        accepted.set_status(status & StatusFlags::O_NONBLOCK)?;
        Ok(accepted)
    }

    fn send(&self, thread: &Arc<Thread>, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        if message.flags.contains(MessageFlags::MSG_OOB) {
            warn!("urgent data is not there without a network");
            bail!(EOPNOTSUPP, "no urgent data");
        }
        if message.control.len() >= CONTROL_HEADER {
            warn!("control messages are not there without a network");
            bail!(EINVAL, "no control messages");
        }
        let result = self.transmit(message.source, message.flags);
        if message.flags.contains(MessageFlags::MSG_NOSIGNAL) {
            result
        } else {
            signal::raise_if_broken_pipe(thread, result)
        }
    }

    fn receive(&self, _thread: &Arc<Thread>, message: &mut Incoming<'_, '_>) -> Result<usize> {
        self.take(message.sink, message.flags)
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        self.connection()?.shut(how);
        Ok(())
    }

    fn name(&self) -> Result<Address> {
        Ok(address::render(self.domain, self.inner.lock().name))
    }

    fn peer_name(&self) -> Result<Address> {
        match self.inner.lock().state {
            State::Connected { peer, .. } => Ok(address::render(self.domain, peer)),
            _ => Err(err!(ENOTCONN, "the socket is not connected")),
        }
    }

    fn set_option(&self, _thread: &Arc<Thread>, name: OptionName, value: &[u8]) -> Result<()> {
        self.options.set(name, value)
    }

    fn option(&self, _thread: &Arc<Thread>, name: OptionName, _len: usize) -> Result<Vec<u8>> {
        use linux_raw_sys::net::{SO_ACCEPTCONN, SO_DOMAIN, SO_ERROR, SO_PROTOCOL, SO_TYPE, SOL_SOCKET};
        const SOCK_STREAM: i32 = 1;
        const IPPROTO_TCP: i32 = 6;
        let number = match (name.level as u32, name.number as u32) {
            (SOL_SOCKET, SO_TYPE) => SOCK_STREAM,
            (SOL_SOCKET, SO_DOMAIN) => self.domain as i32,
            (SOL_SOCKET, SO_PROTOCOL) => IPPROTO_TCP,
            (SOL_SOCKET, SO_ACCEPTCONN) => i32::from(self.is_listening()),
            (SOL_SOCKET, SO_ERROR) => self.inner.lock().pending.take().map_or(0, |errno| errno as i32),
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
        let inner = self.inner.lock();
        let failed = IoEvents::POLLERR.when(inner.pending.is_some());
        match &inner.state {
            State::Unconnected => {
                failed | IoEvents::WRITABLE | IoEvents::POLLHUP | IoEvents::READABLE.when(!failed.is_empty())
            }
            State::Listening(waiting) => IoEvents::READABLE.when(!waiting.is_empty()),
            State::Connected { connection, .. } => connection.poll(),
        }
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.side.notifier)
    }

    fn as_socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn ioctl(&self, _thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
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
            State::Listening(waiting) => {
                for socket in waiting {
                    if let Ok(connection) = socket.connection() {
                        connection.reset();
                    }
                }
            }
            _ => {}
        }
    }
}
