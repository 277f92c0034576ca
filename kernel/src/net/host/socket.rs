//! A socket of the host as a file.

use super::options::{self, Timeout};
use super::{control, interfaces, netlink, rules};
use crate::events::{Anonymous, IoEvents};
use crate::fs::{File, Metadata, StatusFlags};
use crate::net::node::Node;
use crate::net::{Address, Half, MessageFlags, OptionName, Outgoing, Received, Socket, Wanted};
use crate::prelude::*;
use crate::process::{Credentials, Thread, cap};
use core::sync::atomic::{AtomicBool, Ordering};
use frame::ocall::file::{self, HostFd, PollFd};
use frame::ocall::net::{self as ocall, Domain, HostAddress, HostSocket, Kind, QueueRequest};

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

/// Flags of a message that the host gets.
const PASSED_FLAGS: MessageFlags =
    MessageFlags::all().difference(MessageFlags::MSG_NOSIGNAL).difference(MessageFlags::MSG_WAITFORONE);

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
    fn bind(&self, credentials: &Credentials, address: &Address) -> Result<()> {
        if self.socket.domain() != Domain::Netlink {
            rules::check_bind(credentials, address.as_bytes())?;
        }
        self.socket.bind(address.as_bytes())
    }

    fn connect(&self, address: &Address) -> Result<()> {
        if !rules::is_disconnect(address.as_bytes()) {
            self.check_reach(address.as_bytes())?;
        }
        restartable(&self.send_timeout, self.socket.connect(address.as_bytes()))
    }

    fn listen(&self, backlog: i32) -> Result<()> {
        rules::check_listen(&self.socket)?;
        self.socket.listen(backlog)
    }

    fn accept(&self, status: StatusFlags) -> Result<(Arc<dyn File>, Address)> {
        let accepted = self.socket.accept((status & StatusFlags::O_NONBLOCK).bits());
        let (socket, address) = restartable(&self.receive_timeout, accepted)?;
        let connection = Self::of(socket, self.kind, status, self.node.sibling());
        // The host hands the timeouts on.
        for (own, of) in
            [(&connection.receive_timeout, &self.receive_timeout), (&connection.send_timeout, &self.send_timeout)]
        {
            own.store(of.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        Ok((connection, known(address)))
    }

    fn send(&self, source: &mut Source<'_>, message: Outgoing<'_>) -> Result<usize> {
        let address = message.to.as_bytes();
        self.check_reach(address)?;
        let control = control::filter(message.control)?;
        let flags = (message.flags & PASSED_FLAGS).bits();
        let message = ocall::Outgoing { address, control: &control, flags };
        let sent = if self.socket.domain() == Domain::Netlink {
            if source.remaining() > netlink::LONGEST {
                bail!(EMSGSIZE, "the message is longer than a route socket's");
            }
            // What is checked is what is sent, whatever the program does to its memory meanwhile.
            let datagram = source.take_all()?;
            netlink::check(&datagram)?;
            self.socket.send(&mut Source::buffer(&datagram), message)
        } else {
            self.socket.send(source, message)
        };
        restartable(&self.send_timeout, sent)
    }

    fn receive(&self, sink: &mut Sink<'_>, flags: MessageFlags) -> Result<usize> {
        restartable(&self.receive_timeout, self.socket.receive(sink, (flags & PASSED_FLAGS).bits()))
    }

    fn receive_message(&self, sink: &mut Sink<'_>, wanted: Wanted) -> Result<Received> {
        let mut control = vec![0; wanted.control_room];
        let request = ocall::Incoming { control: &mut control, flags: (wanted.flags & PASSED_FLAGS).bits() };
        let received = restartable(&self.receive_timeout, self.socket.receive_message(sink, request))?;
        control.truncate(received.control_len);
        let control = control::filter(&control).unwrap_or_else(|_| {
            warn!("the host gave malformed control messages");
            Vec::new()
        });
        let flags = MessageFlags::from_bits_truncate(received.flags);
        Ok(Received { len: received.len, from: known(received.address), control, flags })
    }

    fn shut_down(&self, half: Half) -> Result<()> {
        self.socket.shut_down(match half {
            Half::Receive => ocall::Shutdown::Read,
            Half::Send => ocall::Shutdown::Write,
            Half::Both => ocall::Shutdown::Both,
        })
    }

    fn name(&self) -> Result<Address> {
        Ok(Address::new(self.socket.name()?.as_bytes()))
    }

    fn peer(&self) -> Result<Address> {
        Ok(Address::new(self.socket.peer()?.as_bytes()))
    }

    fn set_option(&self, credentials: &Credentials, option: OptionName, value: UserSlice) -> Result<()> {
        let bytes = options::set(&self.socket, credentials, option, value)?;
        if let Some((which, is_some)) = options::timeout(option, &bytes) {
            match which {
                Timeout::Receive => self.receive_timeout.store(is_some, Ordering::Relaxed),
                Timeout::Send => self.send_timeout.store(is_some, Ordering::Relaxed),
            }
        }
        Ok(())
    }

    fn option(&self, option: OptionName, value: UserSlice) -> Result<usize> {
        options::get(&self.socket, option, value)
    }
}

/// An address of the host, or none.
fn known(address: Option<HostAddress>) -> Address {
    address.map_or(Address::NONE, |address| Address::new(address.as_bytes()))
}

impl File for HostSocketFile {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        if sink.is_empty() { Ok(0) } else { self.receive(sink, MessageFlags::empty()) }
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        self.send(source, Outgoing { to: &Address::NONE, control: &[], flags: MessageFlags::empty() })
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
        let mut fds = [PollFd { fd: self.socket.fd(), events: IoEvents::all().bits() as i16, ready: 0 }];
        match file::poll_now(&mut fds) {
            Ok(_) => IoEvents::from_bits_truncate(fds[0].ready as u16),
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
