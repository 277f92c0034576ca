//! Datagram sockets.

use super::packet::{self, Budget, Packet};
use super::{Ancillary, AnySocket, Base, Identity, Name, Ucred, list, namespace};
use crate::events::{Blocking, Channel, Consumer, IoEvents, Notifier, Producer, PushError};
use crate::fs::{File, Metadata, StatusFlags};
use crate::net::option::{OptionName, so};
use crate::net::{AF_UNSPEC, Address, Incoming, MessageFlags, Outgoing, Shutdown, Socket, socket};
use crate::prelude::*;
use crate::process::Thread;
use core::sync::atomic::{AtomicBool, Ordering};

/// How many datagrams of strangers wait in a socket: one more than `/proc/sys/net/unix/max_dgram_qlen`.
const QUEUE_LEN: usize = 11;

/// A socket of datagrams, which may be sent to it by anybody, or by its peer alone if it's connected.
pub struct DatagramSocket {
    base: Base,
    me: Weak<Self>,
    incoming: Consumer<Packet>,
    /// Where others put datagrams in.
    entrance: Producer<Packet>,
    budget: Arc<Budget>,
    peer: Mutex<Option<Weak<Self>>>,
    identity: Identity,
    /// Nothing more is sent.
    is_mute: AtomicBool,
}

impl DatagramSocket {
    /// A fresh socket.
    pub fn new(base: Base) -> Arc<Self> {
        Self::with_identity(base, Identity::nobody())
    }

    fn with_identity(base: Base, identity: Identity) -> Arc<Self> {
        let (entrance, incoming) = Channel::pair(QUEUE_LEN);
        base.side.observe(incoming.notifier());
        let (ino, budget) = (base.ino(), Budget::new(base.send_buffer(), base.side.clone()));
        let socket = Arc::new_cyclic(|me: &Weak<Self>| Self {
            base,
            me: me.clone(),
            incoming,
            entrance,
            budget,
            peer: Mutex::new(None),
            identity,
            is_mute: AtomicBool::new(false),
        });
        list::add(socket.me.clone(), ino);
        socket
    }

    /// Two sockets that are connected with each other.
    pub fn pair(bases: [Base; 2], maker: &Identity) -> [Arc<Self>; 2] {
        let [one, other] = bases.map(|base| Self::with_identity(base, maker.clone()));
        *one.peer.lock() = Some(Arc::downgrade(&other));
        *other.peer.lock() = Some(Arc::downgrade(&one));
        [one, other]
    }

    /// Itself, as others know it.
    pub(super) fn me(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    /// Whom it's connected with, as far as that is known.
    fn peer(&self) -> Option<Weak<Self>> {
        self.peer.lock().clone()
    }

    fn is_connected_with(&self, other: &Self) -> bool {
        self.peer().is_some_and(|peer| Weak::ptr_eq(&peer, &other.me))
    }

    /// Checks that it may send to another one, which takes datagrams of its own peer alone if it has one.
    fn check_may_send(&self, other: &Self) -> Result<()> {
        if other.peer().is_some() && !other.is_connected_with(self) {
            bail!(EPERM, "the socket is connected with another one");
        }
        Ok(())
    }

    fn find(&self, thread: &Thread, address: &Address) -> Result<Arc<Self>> {
        let found = namespace::find(thread, &Name::of_peer(address)?)?;
        let found = found.as_datagram().ok_or(err!(EPROTOTYPE, "the socket is of another type"))?;
        self.check_may_send(&found)?;
        Ok(found)
    }

    /// The socket that a message goes to.
    fn target(&self, thread: &Thread, address: Option<&Address>) -> Result<Arc<Self>> {
        if let Some(address) = address {
            return self.find(thread, address);
        }
        let peer = self.peer().ok_or(err!(ENOTCONN, "the socket isn't connected"))?;
        let Some(target) = peer.upgrade() else {
            *self.peer.lock() = None;
            bail!(ECONNREFUSED, "the peer is gone");
        };
        self.check_may_send(&target)?;
        Ok(target)
    }

    fn is_mute(&self) -> bool {
        self.is_mute.load(Ordering::SeqCst)
    }
}

impl AnySocket for DatagramSocket {
    fn base(&self) -> &Base {
        &self.base
    }

    fn visit_queued(&self, visit: &mut dyn FnMut(&Ancillary)) {
        self.incoming.channel().with_items(|packets| packets.iter().for_each(|packet| visit(&packet.ancillary)));
    }

    fn state(&self) -> (u8, bool) {
        (if self.peer().is_some() { 3 } else { 1 }, false)
    }

    fn as_datagram(self: Arc<Self>) -> Option<Arc<DatagramSocket>> {
        Some(self)
    }
}

impl Drop for DatagramSocket {
    fn drop(&mut self) {
        list::remove(self.base.ino());
        // A sender that waits may have the channel still.
        while self.incoming.pop().is_some() {}
    }
}

impl File for DatagramSocket {
    fn as_socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        self.base.side.check()?;
        let blocking = self.base.blocking_to_receive(MessageFlags::empty());
        match packet::take(&self.incoming, blocking)? {
            Some(packet) => sink.put(&packet.bytes),
            None => Ok(0),
        }
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
        let no_more_in = self.incoming.channel().is_shut();
        let peer = self.peer().and_then(|peer| peer.upgrade());
        let is_peer_full = peer
            .is_some_and(|peer| !peer.is_connected_with(self) && !peer.entrance.poll().intersects(IoEvents::WRITABLE));
        (self.incoming.poll() & IoEvents::READABLE)
            | (IoEvents::WRITABLE | IoEvents::POLLWRBAND).when(self.budget.has_room() && !is_peer_full)
            | (IoEvents::READABLE | IoEvents::POLLRDHUP).when(no_more_in)
            | IoEvents::POLLHUP.when(no_more_in && self.is_mute())
            | IoEvents::POLLERR.when(self.base.side.has_error())
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.base.side.notifier)
    }

    fn ioctl(&self, _thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        socket::ioctl(request, argument, || {
            let first =
                self.incoming.channel().with_items(|packets| packets.front().map_or(0, |packet| packet.bytes.len()));
            Ok([first, self.budget.used()])
        })
    }
}

impl Socket for DatagramSocket {
    fn bind(&self, thread: &Arc<Thread>, address: &Address) -> Result<()> {
        self.base.bind(thread, address, self.me.clone())
    }

    fn listen(&self, _thread: &Arc<Thread>, _backlog: i32) -> Result<()> {
        Err(err!(EOPNOTSUPP, "datagram sockets don't listen"))
    }

    fn connect(&self, thread: &Arc<Thread>, address: &Address) -> Result<()> {
        let target = match address.family() {
            None => bail!(EINVAL, "an address without a family"),
            Some(AF_UNSPEC) => None,
            Some(_) => {
                Name::of_peer(address)?;
                self.base.bind_if_wanted(thread, self.me.clone())?;
                Some(self.find(thread, address)?)
            }
        };
        let previous = core::mem::replace(&mut *self.peer.lock(), target.as_ref().map(|target| target.me.clone()));
        if let Some(previous) = previous.and_then(|previous| previous.upgrade()) {
            previous.entrance.notifier().unregister(Arc::as_ptr(&self.base.side).cast());
            let is_other = target.as_ref().is_none_or(|target| !Arc::ptr_eq(target, &previous));
            // What the previous peer sent is none of the new one's.
            if is_other {
                while self.incoming.pop().is_some() {}
            }
        }
        if let Some(target) = target {
            self.base.side.observe(target.entrance.notifier());
        }
        Ok(())
    }

    fn accept(&self, _thread: &Arc<Thread>, _status: StatusFlags) -> Result<Arc<dyn File>> {
        Err(err!(EOPNOTSUPP, "datagram sockets don't listen"))
    }

    fn send(&self, thread: &Arc<Thread>, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        if message.flags.contains(MessageFlags::MSG_OOB) {
            warn!("out-of-band data is not there");
            bail!(EOPNOTSUPP, "no out-of-band data");
        }
        let mut ancillary = Ancillary::parse(thread, &message.control)?;
        self.base.bind_if_wanted(thread, self.me.clone())?;
        let blocking = self.base.blocking_to_send(message.flags);
        self.base.side.check()?;
        let (entrance, is_mutual) = {
            let target = self.target(thread, message.address.as_ref())?;
            let wants = self.base.side.wants_credentials() || target.base.side.wants_credentials();
            if wants && ancillary.credentials.is_none() {
                ancillary.credentials = Some(Ucred::of_sender(thread));
            }
            // The socket itself isn't held while waiting: it shall be closed when its owner does that.
            (target.entrance.clone(), target.is_connected_with(self))
        };
        let is_shut = || self.is_mute() || entrance.channel().is_shut();
        if is_shut() {
            bail!(EPIPE, "nothing can be sent any more");
        }
        let charge = self.budget.charge(message.source.remaining(), blocking, is_shut)?;
        let bytes = message.source.take_all()?;
        let len = bytes.len();
        let packet = Packet::new(bytes, self.base.name.clone(), ancillary, charge);
        put(&entrance, packet, blocking, is_mutual)?;
        Ok(len)
    }

    fn receive(&self, thread: &Arc<Thread>, message: &mut Incoming<'_, '_>) -> Result<usize> {
        if message.flags.contains(MessageFlags::MSG_OOB) {
            bail!(EOPNOTSUPP, "no out-of-band data");
        }
        self.base.side.check()?;
        let blocking = self.base.blocking_to_receive(message.flags);
        let wants_credentials = self.base.side.wants_credentials();
        Ok(packet::receive(thread, &self.incoming, message, blocking, wants_credentials)?.unwrap_or(0))
    }

    fn name(&self) -> Result<Address> {
        Ok(self.base.name.get().address())
    }

    fn peer_name(&self) -> Result<Address> {
        let peer = self.peer().ok_or(err!(ENOTCONN, "the socket isn't connected"))?;
        Ok(peer.upgrade().map_or_else(|| Name::Unnamed.address(), |peer| peer.base.name.get().address()))
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        if how.ends_writing() {
            self.is_mute.store(true, Ordering::SeqCst);
            self.budget.tell();
        }
        if how.ends_reading() {
            self.incoming.channel().shut();
        }
        Ok(())
    }

    fn option(&self, _thread: &Arc<Thread>, name: OptionName, len: usize) -> Result<Vec<u8>> {
        self.base.option(name, len, false, &self.identity)
    }

    fn set_option(&self, thread: &Arc<Thread>, name: OptionName, value: &[u8]) -> Result<()> {
        self.base.set_option(thread, name, value)?;
        if matches!(name.number, so::SNDBUF | so::SNDBUFFORCE) {
            self.budget.set_limit(self.base.send_buffer());
        }
        Ok(())
    }
}

/// Puts a datagram in where it's for, or waits until there's room; who is connected mutually has always some.
fn put(entrance: &Producer<Packet>, packet: Packet, blocking: Blocking, is_mutual: bool) -> Result<()> {
    let closed = || {
        if entrance.channel().is_shut() {
            err!(EPIPE, "nothing can be sent any more")
        } else {
            err!(ECONNREFUSED, "the socket is gone")
        }
    };
    if is_mutual {
        return entrance.force(packet).map_err(|_| closed());
    }
    let mut packet = packet;
    loop {
        packet = match entrance.push(packet) {
            Ok(()) => return Ok(()),
            Err(PushError::Closed(_)) => return Err(closed()),
            Err(PushError::Full(packet)) => packet,
        };
        if blocking == Blocking::DontWait {
            bail!(EAGAIN, "the socket's queue is full");
        }
        entrance.wait_for_room(blocking.deadline()).map_err(|error| blocking.error(error))?;
    }
}
