//! Stream and sequential-packet sockets.

use super::{Ancillary, AnySocket, Base, Endpoint, Identity, Kind, Listener, Name, list, namespace};
use crate::events::{Blocking, IoEvents, Notifier, PushError};
use crate::fs::{File, Metadata, StatusFlags};
use crate::net::option::{OptionName, so};
use crate::net::{Address, Incoming, MessageFlags, Outgoing, Shutdown, Socket, socket};
use crate::prelude::*;
use crate::process::Thread;
use crate::signal;
use frame::sync::Once;

/// A socket that listens or is connected, once it is either.
pub struct ConnectionSocket {
    base: Base,
    me: Weak<Self>,
    role: Once<Role>,
    transition: Mutex<Transition>,
}

/// What a socket has become, which it stays.
enum Role {
    Listener(Listener),
    Endpoint(Endpoint),
}

/// What a socket's lock for becoming something protects: that it happens once.
struct Transition;

impl ConnectionSocket {
    /// A fresh socket.
    pub fn new(base: Base) -> Arc<Self> {
        Self::with_role(base, Once::new())
    }

    fn with_role(base: Base, role: Once<Role>) -> Arc<Self> {
        let ino = base.ino();
        let socket =
            Arc::new_cyclic(|me: &Weak<Self>| Self { base, me: me.clone(), role, transition: Mutex::new(Transition) });
        list::add(socket.me.clone(), ino);
        socket
    }

    /// Two sockets that are connected with each other.
    pub fn pair([one, other]: [Base; 2], maker: &Identity) -> [Arc<Self>; 2] {
        let [end, other_end] = Endpoint::pair([&one, &other], [maker.clone(), maker.clone()]);
        [(one, end), (other, other_end)]
            .map(|(base, end)| Self::with_role(base, Once::initialized(Role::Endpoint(end))))
    }

    /// Itself, as others know it.
    pub(super) fn me(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        match self.role.get() {
            Some(Role::Endpoint(endpoint)) => Some(endpoint),
            _ => None,
        }
    }

    fn listener(&self) -> Option<&Listener> {
        match self.role.get() {
            Some(Role::Listener(listener)) => Some(listener),
            _ => None,
        }
    }

    /// Checks that it's fresh.
    fn check_fresh(&self) -> Result<()> {
        match self.role.get() {
            None => Ok(()),
            Some(Role::Endpoint(_)) => Err(err!(EISCONN, "the socket is connected")),
            Some(Role::Listener(_)) => Err(err!(EINVAL, "the socket listens")),
        }
    }

    /// Connects with a listening socket if that has room; whether it had.
    fn try_connect(&self, thread: &Thread, target: &Self, listener: &Listener) -> Result<bool> {
        let _transition = self.transition.lock();
        self.check_fresh()?;
        if !listener.entrance().poll().contains(IoEvents::POLLOUT) && listener.entrance().channel().has_consumers() {
            return Ok(false);
        }
        let accepted = target.base.accepted();
        let identities = [Identity::of(thread), listener.identity.clone()];
        let [own_end, accepted_end] = Endpoint::pair([&self.base, &accepted], identities);
        let accepted = Self::with_role(accepted, Once::initialized(Role::Endpoint(accepted_end.waiting())));
        match listener.entrance().push(accepted) {
            Ok(()) => {}
            Err(PushError::Full(_)) => return Ok(false),
            Err(PushError::Closed(_)) => bail!(ECONNREFUSED, "the socket doesn't listen any more"),
        }
        self.role.call_once(|| Role::Endpoint(own_end));
        Ok(true)
    }
}

impl AnySocket for ConnectionSocket {
    fn base(&self) -> &Base {
        &self.base
    }

    fn visit_queued(&self, visit: &mut dyn FnMut(&Ancillary)) {
        match self.role.get() {
            Some(Role::Endpoint(endpoint)) => endpoint.visit_queued(visit),
            Some(Role::Listener(listener)) => listener.visit_waiting(&mut |socket| socket.visit_queued(visit)),
            None => {}
        }
    }

    fn state(&self) -> (u8, bool) {
        const UNCONNECTED: u8 = 1;
        const CONNECTED: u8 = 3;
        match self.role.get() {
            Some(Role::Endpoint(_)) => (CONNECTED, false),
            Some(Role::Listener(_)) => (UNCONNECTED, true),
            None => (UNCONNECTED, false),
        }
    }

    fn as_connection(&self) -> Option<&ConnectionSocket> {
        Some(self)
    }
}

impl Drop for ConnectionSocket {
    fn drop(&mut self) {
        list::remove(self.base.ino());
    }
}

impl File for ConnectionSocket {
    fn as_socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        let endpoint = self.endpoint().ok_or_else(|| not_connected(self.base.kind))?;
        endpoint.read(sink, self.base.blocking_to_receive(MessageFlags::empty()))
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        let thread = crate::process::table::calling_thread().ok_or(Errno::EIO)?;
        self.send(&thread, &mut Outgoing::new(source, MessageFlags::empty()))
    }

    fn metadata(&self) -> Result<Metadata> {
        Ok(self.base.metadata())
    }

    fn status(&self) -> StatusFlags {
        self.base.status()
    }

    fn set_status(&self, status: StatusFlags) -> Result<()> {
        self.base.set_status(status);
        Ok(())
    }

    fn path(&self) -> Vec<u8> {
        self.base.path()
    }

    fn poll(&self) -> IoEvents {
        match self.role.get() {
            Some(Role::Endpoint(endpoint)) => endpoint.poll(),
            Some(Role::Listener(listener)) => listener.poll(),
            None => IoEvents::WRITABLE | IoEvents::POLLWRBAND | IoEvents::POLLHUP,
        }
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.base.side.notifier)
    }

    fn ioctl(&self, _thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        socket::ioctl(request, argument, || match self.role.get() {
            Some(Role::Endpoint(endpoint)) => Ok(endpoint.queued()),
            Some(Role::Listener(_)) => Err(err!(EINVAL, "the socket listens")),
            None => Ok([0, 0]),
        })
    }
}

/// Of a receiver.
fn not_connected(kind: Kind) -> Error {
    match kind {
        Kind::Stream => err!(EINVAL, "the socket isn't connected"),
        Kind::SeqPacket | Kind::Datagram => err!(ENOTCONN, "the socket isn't connected"),
    }
}

impl Socket for ConnectionSocket {
    fn bind(&self, thread: &Arc<Thread>, address: &Address) -> Result<()> {
        self.base.bind(thread, address, self.me.clone())
    }

    fn listen(&self, thread: &Arc<Thread>, backlog: i32) -> Result<()> {
        if !self.base.is_bound() {
            bail!(EINVAL, "the socket has no name");
        }
        let _transition = self.transition.lock();
        match self.role.get() {
            None => {
                self.role.call_once(|| Role::Listener(Listener::new(backlog, Identity::of(thread), &self.base.side)));
            }
            Some(Role::Listener(listener)) => listener.set_backlog(backlog),
            Some(Role::Endpoint(_)) => bail!(EINVAL, "the socket is connected"),
        }
        Ok(())
    }

    fn connect(&self, thread: &Arc<Thread>, address: &Address) -> Result<()> {
        let name = Name::of_peer(address)?;
        self.base.bind_if_wanted(thread, self.me.clone())?;
        let blocking = self.base.blocking_to_send(MessageFlags::empty());
        loop {
            let entrance = {
                let found = namespace::find(thread, &name)?;
                let target = found.as_connection().filter(|target| target.base.kind == self.base.kind);
                let target = target.ok_or(err!(EPROTOTYPE, "the socket is of another type"))?;
                let listener = target.listener().ok_or(err!(ECONNREFUSED, "the socket doesn't listen"))?;
                if self.try_connect(thread, target, listener)? {
                    self.base.side.notifier.broadcast(IoEvents::WRITABLE | IoEvents::POLLWRBAND);
                    return Ok(());
                }
                // The socket itself isn't held while waiting: it shall be closed when its owner does that.
                listener.entrance().clone()
            };
            if blocking == Blocking::DontWait {
                bail!(EAGAIN, "too many wait to be accepted");
            }
            entrance.wait_for_room(blocking.deadline()).map_err(|error| blocking.error(error))?;
        }
    }

    fn accept(&self, _thread: &Arc<Thread>, status: StatusFlags) -> Result<Arc<dyn File>> {
        let listener = self.listener().ok_or(err!(EINVAL, "the socket doesn't listen"))?;
        let accepted = listener.accept(self.base.blocking_to_receive(MessageFlags::empty()))?;
        accepted.base.set_status(status);
        if let Some(endpoint) = accepted.endpoint() {
            endpoint.accept();
        }
        Ok(accepted)
    }

    fn send(&self, thread: &Arc<Thread>, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        if message.flags.contains(MessageFlags::MSG_OOB) {
            warn!("out-of-band data is not there");
            bail!(EOPNOTSUPP, "no out-of-band data");
        }
        let is_stream = self.base.kind == Kind::Stream;
        let Some(endpoint) = self.endpoint() else {
            if is_stream && message.address.is_some() {
                bail!(EOPNOTSUPP, "a stream has no addresses");
            }
            bail!(ENOTCONN, "the socket isn't connected");
        };
        if is_stream && message.address.is_some() {
            bail!(EISCONN, "the socket is connected");
        }
        let result = endpoint.send(thread, message, self.base.blocking_to_send(message.flags));
        // Only streams raise the signal.
        if !is_stream || message.flags.contains(MessageFlags::MSG_NOSIGNAL) {
            result
        } else {
            signal::raise_if_broken_pipe(thread, result)
        }
    }

    fn receive(&self, thread: &Arc<Thread>, message: &mut Incoming<'_, '_>) -> Result<usize> {
        if message.flags.contains(MessageFlags::MSG_OOB) {
            return Err(match self.base.kind {
                Kind::Stream => err!(EINVAL, "no out-of-band data"),
                Kind::SeqPacket | Kind::Datagram => err!(EOPNOTSUPP, "no out-of-band data"),
            });
        }
        let endpoint = self.endpoint().ok_or_else(|| not_connected(self.base.kind))?;
        endpoint.receive(thread, message, self.base.blocking_to_receive(message.flags))
    }

    fn name(&self) -> Result<Address> {
        Ok(self.base.name.get().address())
    }

    fn peer_name(&self) -> Result<Address> {
        let endpoint = self.endpoint().ok_or(err!(ENOTCONN, "the socket isn't connected"))?;
        Ok(endpoint.peer_name.get().address())
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        match self.role.get() {
            Some(Role::Endpoint(endpoint)) => endpoint.shut(how),
            Some(Role::Listener(listener)) => listener.shut(how),
            None => {}
        }
        Ok(())
    }

    fn option(&self, _thread: &Arc<Thread>, name: OptionName, len: usize) -> Result<Vec<u8>> {
        let nobody = Identity::nobody();
        let (is_listening, peer) = match self.role.get() {
            Some(Role::Endpoint(endpoint)) => (false, &endpoint.identity),
            Some(Role::Listener(listener)) => (true, &listener.identity),
            None => (false, &nobody),
        };
        self.base.option(name, len, is_listening, peer)
    }

    fn set_option(&self, thread: &Arc<Thread>, name: OptionName, value: &[u8]) -> Result<()> {
        self.base.set_option(thread, name, value)?;
        if matches!(name.number, so::SNDBUF | so::SNDBUFFORCE)
            && let Some(endpoint) = self.endpoint()
        {
            endpoint.resize(self.base.send_buffer());
        }
        Ok(())
    }
}
