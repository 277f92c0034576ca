//! UDP whose datagrams stay inside where both ends are.

use crate::events::{Blocking, IoEvents, Notifier};
use crate::fs::{File, Metadata, StatusFlags};
use crate::net::host::HostSocketFile;
use crate::net::loopback::address;
use crate::net::loopback::datagram::DatagramSocket as InsideSocket;
use crate::net::loopback::waiting::is_again;
use crate::net::{Address, Incoming, MessageFlags, OptionName, Outgoing, Shutdown, Socket};
use crate::prelude::*;
use crate::process::Thread;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use frame::ocall::file::HostFd;
use frame::ocall::net::{Domain, Kind};

/// A UDP socket. Names, peers, options and errors are the host's; what is inside has the queue of datagrams from inside.
pub(super) struct DatagramSocket {
    inside: Arc<InsideSocket>,
    outside: Arc<HostSocketFile>,
    /// An option was set that datagrams inside don't have.
    is_for_host: AtomicBool,
}

impl DatagramSocket {
    /// A new one; `status` may have `O_NONBLOCK`.
    ///
    /// # Errors
    /// What the host gives.
    pub(super) fn create(thread: &Arc<Thread>, domain: Domain, status: StatusFlags) -> Result<Arc<dyn File>> {
        let credentials = thread.credentials();
        Ok(Arc::new(Self {
            outside: HostSocketFile::new(domain, Kind::Datagram, 0, status, &credentials)?,
            inside: InsideSocket::new(domain, status, &credentials),
            is_for_host: AtomicBool::new(false),
        }))
    }

    /// The host has changed the socket's name or peer: it's known inside by the same.
    fn rename(&self) -> Result<()> {
        let domain = self.inside.domain();
        let name = address::parse(domain, &self.outside.name()?)?.filter(|name| name.port() != 0);
        let peer = self.outside.peer_name().ok().and_then(|peer| address::parse(domain, &peer).ok().flatten());
        let is_for_host = self.is_for_host.load(Ordering::Relaxed);
        let found = name.filter(|name| address::is_of_loopback(name.ip()) && !is_for_host);
        self.inside.rename(found, peer);
        Ok(())
    }

    /// Whom a message goes to by its address, or by the socket's, if that is of the loopback.
    fn destination(&self, message: &Outgoing<'_, '_>) -> Option<SocketAddr> {
        let to = match &message.address {
            Some(named) => address::parse(self.inside.domain(), named).ok()??,
            None => self.inside.peer()?,
        };
        address::destination(to).ok()
    }

    /// Sends a message to who receives it inside; `None` if nobody does, or if it wants what only the host has.
    fn send_inside(&self, message: &mut Outgoing<'_, '_>) -> Option<Result<usize>> {
        let is_plain =
            !message.flags.intersects(MessageFlags::MSG_OOB | MessageFlags::MSG_MORE | MessageFlags::MSG_ERRQUEUE)
                && !self.is_for_host.load(Ordering::Relaxed);
        let to = self.destination(message).filter(|_| is_plain)?;
        if !InsideSocket::is_reached_at(to) {
            return None;
        }
        if self.inside.bound().is_none() {
            // The host chooses a port, as it does when it sends. An address that it has without one it keeps.
            let name = self.outside.name().ok()?;
            self.outside.bind_again(&name).and_then(|()| self.rename()).ok()?;
        }
        let from = self.inside.bound()?;
        // The host says what is wrong with a control message, or knows it.
        let sending = self.inside.sending(message).ok()?;
        self.inside.send_to(from, to, sending, message.source).transpose()
    }
}

impl Socket for DatagramSocket {
    fn bind(&self, thread: &Arc<Thread>, address: &Address) -> Result<()> {
        self.outside.bind(thread, address)?;
        self.rename()
    }

    fn listen(&self, thread: &Arc<Thread>, backlog: i32) -> Result<()> {
        self.outside.listen(thread, backlog)
    }

    fn connect(&self, thread: &Arc<Thread>, address: &Address) -> Result<()> {
        self.outside.connect(thread, address)?;
        self.rename()
    }

    fn accept(&self, thread: &Arc<Thread>, status: StatusFlags) -> Result<Arc<dyn File>> {
        self.outside.accept(thread, status)
    }

    fn send(&self, thread: &Arc<Thread>, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        self.send_inside(message).unwrap_or_else(|| self.outside.send(thread, message))
    }

    fn receive(&self, thread: &Arc<Thread>, message: &mut Incoming<'_, '_>) -> Result<usize> {
        if message.flags.intersects(MessageFlags::MSG_OOB | MessageFlags::MSG_ERRQUEUE) {
            return self.outside.receive(thread, message);
        }
        let mut wait = self.inside.wait_to_receive();
        if message.flags.contains(MessageFlags::MSG_DONTWAIT) {
            wait.blocking = Blocking::DontWait;
        }
        // Neither of the two waits by itself.
        message.flags |= MessageFlags::MSG_DONTWAIT;
        let hosted: [(&dyn File, IoEvents); 1] = [(&*self.outside, IoEvents::READABLE)];
        let told = (self.inside.ready_notifier(), IoEvents::READABLE);
        wait.until_with_host(told, &hosted, || {
            let inside = self.inside.receive(thread, message);
            if is_again(&inside) { self.outside.receive(thread, message) } else { inside }
        })
    }

    fn name(&self) -> Result<Address> {
        self.outside.name()
    }

    fn peer_name(&self) -> Result<Address> {
        self.outside.peer_name()
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        self.outside.shutdown(how)?;
        self.inside.shutdown(how)
    }

    fn option(&self, thread: &Arc<Thread>, name: OptionName, len: usize) -> Result<Vec<u8>> {
        self.outside.option(thread, name, len)
    }

    fn set_option(&self, thread: &Arc<Thread>, name: OptionName, value: &[u8]) -> Result<()> {
        self.outside.set_option(thread, name, value)?;
        if InsideSocket::has_option(name) {
            return self.inside.set_option(thread, name, value);
        }
        // What else it's to be told of datagrams it learns of those that the host delivers.
        self.is_for_host.store(true, Ordering::Relaxed);
        self.rename()
    }
}

impl File for DatagramSocket {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        if sink.is_empty() {
            return Ok(0);
        }
        let thread = crate::process::table::calling_thread().ok_or(Errno::EIO)?;
        self.receive(&thread, &mut Incoming::new(sink, MessageFlags::empty()))
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        let thread = crate::process::table::calling_thread().ok_or(Errno::EIO)?;
        self.send(&thread, &mut Outgoing::new(source, MessageFlags::empty()))
    }

    fn metadata(&self) -> Result<Metadata> {
        self.outside.metadata()
    }

    fn status(&self) -> StatusFlags {
        self.outside.status()
    }

    fn set_status(&self, status: StatusFlags) -> Result<()> {
        self.inside.set_status(status)?;
        self.outside.set_status(status)
    }

    fn path(&self) -> Vec<u8> {
        self.outside.path()
    }

    fn poll(&self) -> IoEvents {
        // Room to send is the host's to tell: it has none while its own queue is full.
        self.outside.poll() | (self.inside.poll() - IoEvents::WRITABLE)
    }

    fn notifier(&self) -> Option<&Notifier> {
        self.inside.notifier()
    }

    fn host_fd(&self) -> Option<&HostFd> {
        self.outside.host_fd()
    }

    fn as_socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn ioctl(&self, thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        if self.inside.has_datagrams() {
            return self.inside.ioctl(thread, request, argument);
        }
        self.outside.ioctl(thread, request, argument)
    }
}
