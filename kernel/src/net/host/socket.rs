//! A socket of the host as a file.

use super::options::{self, Timeout};
use super::{control, interfaces, netlink, rules};
use crate::events::{Anonymous, IoEvents};
use crate::fs::{File, Metadata, StatusFlags};
use crate::net::node::Node;
use crate::net::{Address, Incoming, MessageFlags, OptionName, Outgoing, Shutdown, Socket};
use crate::prelude::*;
use crate::process::{Credentials, Thread, cap};
use crate::signal;
use core::sync::atomic::{AtomicBool, Ordering};
use frame::ocall::file::{self, HostFd, PollFd};
use frame::ocall::net::{self as ocall, Domain, HostSocket, Kind, QueueRequest};

/// A socket whose every call is the host's.
pub struct HostSocketFile {
    socket: HostSocket,
    kind: Kind,
    anonymous: Anonymous,
    /// A call that waits gives up after a time, and isn't made again when a signal was handled (`man 7 signal`).
    receive_timeout: AtomicBool,
    send_timeout: AtomicBool,
    node: Node,
}

/// The most control data of a message (`optmem_max`).
const MOST_CONTROL: usize = 128 << 10;

/// Flags of a message that the host gets. `MSG_ZEROCOPY` isn't among them: without the option that allows it, which isn't
/// there, Linux ignores it.
const PASSED_FLAGS: MessageFlags = MessageFlags::MSG_OOB
    .union(MessageFlags::MSG_PEEK)
    .union(MessageFlags::MSG_DONTROUTE)
    .union(MessageFlags::MSG_TRUNC)
    .union(MessageFlags::MSG_DONTWAIT)
    .union(MessageFlags::MSG_EOR)
    .union(MessageFlags::MSG_WAITALL)
    .union(MessageFlags::MSG_CONFIRM)
    .union(MessageFlags::MSG_ERRQUEUE)
    .union(MessageFlags::MSG_MORE)
    .union(MessageFlags::MSG_FASTOPEN)
    .union(MessageFlags::MSG_CMSG_CLOEXEC);

impl HostSocketFile {
    /// A new one; `status` may have `O_NONBLOCK`.
    ///
    /// # Errors
    /// `EPERM` for a raw socket without `CAP_NET_RAW`, and what the host gives.
    pub fn new(
        domain: Domain,
        kind: Kind,
        protocol: i32,
        status: StatusFlags,
        credentials: &Credentials,
    ) -> Result<Arc<Self>> {
        const NETLINK_ROUTE: i32 = 0;
        if domain == Domain::Netlink {
            if protocol != NETLINK_ROUTE {
                warn!("netlink sockets of protocol {protocol} are not there");
                bail!(EPROTONOSUPPORT, "only route sockets are there");
            }
        } else if kind == Kind::Raw && !credentials.has_cap(cap::NET_RAW) {
            bail!(EPERM, "a raw socket needs CAP_NET_RAW");
        }
        let socket = HostSocket::new(domain, kind, protocol, (status & StatusFlags::O_NONBLOCK).bits())?;
        Ok(Self::of(socket, kind, status, Node::new(credentials)))
    }

    pub(super) fn is_stream(&self) -> bool {
        self.kind == Kind::Stream
    }

    fn of(socket: HostSocket, kind: Kind, status: StatusFlags, node: Node) -> Arc<Self> {
        Arc::new(Self {
            socket,
            kind,
            anonymous: Anonymous::new(status & StatusFlags::O_NONBLOCK | StatusFlags::O_RDWR),
            receive_timeout: AtomicBool::new(false),
            send_timeout: AtomicBool::new(false),
            node,
        })
    }

    /// Lets no call wait at the host from now on, whatever its status says.
    ///
    /// # Errors
    /// What the host gives.
    pub(in crate::net) fn never_wait(&self) -> Result<()> {
        file::set_status_flags(self.socket.fd(), StatusFlags::O_NONBLOCK.bits())
    }

    /// Binds it to the name that it has while it has no port, so that the host chooses one, as it does by itself for who sends.
    ///
    /// # Errors
    /// What the host gives.
    pub(in crate::net) fn bind_again(&self, address: &Address) -> Result<()> {
        self.socket.bind(address.bytes())
    }

    fn transmit(&self, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        let address = message.address.as_ref().map_or(&[][..], Address::bytes);
        self.check_reach(address)?;
        let control = control::for_host(&message.control)?;
        let outgoing = ocall::Outgoing { address, control: &control, flags: (message.flags & PASSED_FLAGS).bits() };
        let sent = if self.socket.domain() == Domain::Netlink {
            if message.source.remaining() > netlink::LONGEST {
                bail!(EMSGSIZE, "the message is longer than a route socket's");
            }
            // What is checked is what is sent, whatever the program does to its memory meanwhile.
            let datagram = message.source.take_all()?;
            netlink::check(&datagram)?;
            self.socket.send(&mut Source::buffer(&datagram), outgoing)
        } else {
            self.socket.send(message.source, outgoing)
        };
        restartable(&self.send_timeout, sent)
    }

    fn check_reach(&self, address: &[u8]) -> Result<()> {
        if address.is_empty() {
            return Ok(());
        }
        match self.socket.domain() {
            Domain::Netlink => netlink::check_peer(address),
            _ => rules::check_reach(self.kind, address),
        }
    }
}

/// A call that gives up after a time isn't made again once a handler ran, whatever `SA_RESTART` says.
fn restartable<T>(timeout: &AtomicBool, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error.errno() {
        Errno::ERESTARTSYS if timeout.load(Ordering::Relaxed) => Errno::ERESTARTNOHAND.into(),
        _ => error,
    })
}

impl Socket for HostSocketFile {
    fn bind(&self, thread: &Arc<Thread>, address: &Address) -> Result<()> {
        if self.socket.domain() != Domain::Netlink {
            rules::check_bind(&thread.credentials(), address.bytes())?;
        }
        self.socket.bind(address.bytes())
    }

    fn listen(&self, _thread: &Arc<Thread>, backlog: i32) -> Result<()> {
        rules::check_listen(&self.socket)?;
        self.socket.listen(backlog)
    }

    fn connect(&self, _thread: &Arc<Thread>, address: &Address) -> Result<()> {
        if !rules::is_disconnect(address.bytes()) {
            self.check_reach(address.bytes())?;
        }
        restartable(&self.send_timeout, self.socket.connect(address.bytes()))
    }

    fn accept(&self, _thread: &Arc<Thread>, status: StatusFlags) -> Result<Arc<dyn File>> {
        let accepted = self.socket.accept((status & StatusFlags::O_NONBLOCK).bits());
        let socket = restartable(&self.receive_timeout, accepted)?;
        let connection = Self::of(socket, self.kind, status, self.node.sibling());
        // The host hands the timeouts on.
        for (own, of) in
            [(&connection.receive_timeout, &self.receive_timeout), (&connection.send_timeout, &self.send_timeout)]
        {
            own.store(of.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        Ok(connection)
    }

    fn send(&self, thread: &Arc<Thread>, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        let result = self.transmit(message);
        if self.kind == Kind::Stream && !message.flags.contains(MessageFlags::MSG_NOSIGNAL) {
            signal::raise_if_broken_pipe(thread, result)
        } else {
            result
        }
    }

    fn receive(&self, _thread: &Arc<Thread>, message: &mut Incoming<'_, '_>) -> Result<usize> {
        let mut control = vec![0; message.control.whole_room().min(MOST_CONTROL)];
        let wanted = ocall::Incoming { control: &mut control, flags: (message.flags & PASSED_FLAGS).bits() };
        let received = restartable(&self.receive_timeout, self.socket.receive_message(message.sink, wanted))?;
        control::from_host(&control[..received.control_len], &mut message.control);
        message.address = received.address.map_or(Address::EMPTY, |address| Address::new(address.as_bytes()));
        message.outcome = MessageFlags::from_bits_retain(received.flags);
        if message.outcome.contains(MessageFlags::MSG_CTRUNC) {
            message.control.truncate();
        }
        Ok(received.len)
    }

    fn receive_bytes(&self, _thread: &Arc<Thread>, sink: &mut Sink<'_>, flags: MessageFlags) -> Result<usize> {
        restartable(&self.receive_timeout, self.socket.receive(sink, (flags & PASSED_FLAGS).bits()))
    }

    fn name(&self) -> Result<Address> {
        Ok(Address::new(self.socket.name()?.as_bytes()))
    }

    fn peer_name(&self) -> Result<Address> {
        Ok(Address::new(self.socket.peer()?.as_bytes()))
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        self.socket.shut_down(match how {
            Shutdown::Read => ocall::Shutdown::Read,
            Shutdown::Write => ocall::Shutdown::Write,
            Shutdown::Both => ocall::Shutdown::Both,
        })
    }

    fn option(&self, _thread: &Arc<Thread>, name: OptionName, len: usize) -> Result<Vec<u8>> {
        options::get(&self.socket, name, len)
    }

    fn set_option(&self, thread: &Arc<Thread>, name: OptionName, value: &[u8]) -> Result<()> {
        options::set(&self.socket, &thread.credentials(), name, value)?;
        if let Some((which, is_some)) = options::timeout(name, value) {
            match which {
                Timeout::Receive => self.receive_timeout.store(is_some, Ordering::Relaxed),
                Timeout::Send => self.send_timeout.store(is_some, Ordering::Relaxed),
            }
        }
        Ok(())
    }
}

impl File for HostSocketFile {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        if sink.is_empty() { Ok(0) } else { restartable(&self.receive_timeout, self.socket.receive(sink, 0)) }
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
        file::set_status_flags(self.socket.fd(), (status & StatusFlags::O_NONBLOCK).bits())?;
        self.anonymous.set_status(status);
        Ok(())
    }

    fn path(&self) -> Vec<u8> {
        self.node.path()
    }

    fn poll(&self) -> IoEvents {
        let mut fds = [PollFd::new(self.socket.fd(), IoEvents::all().bits() as i16)];
        match file::poll_now(&mut fds) {
            Ok(_) => IoEvents::from_bits_truncate(fds[0].ready() as u16),
            Err(_) => IoEvents::empty(),
        }
    }

    fn host_fd(&self) -> Option<&HostFd> {
        Some(self.socket.fd())
    }

    fn as_socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn ioctl(&self, _thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        const SIOCINQ: u32 = 0x541b;
        const SIOCOUTQ: u32 = 0x5411;
        const SIOCATMARK: u32 = 0x8905;
        let queue = match request {
            SIOCINQ => QueueRequest::Incoming,
            SIOCOUTQ => QueueRequest::Outgoing,
            SIOCATMARK => QueueRequest::AtMark,
            _ => return interfaces::ioctl(&self.socket, request, argument),
        };
        let count = self.socket.queue(queue)?;
        UserPtr::<u32>::new(argument as usize).write(&count)?;
        Ok(0)
    }
}
