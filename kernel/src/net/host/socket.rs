//! A socket of the host as a file.

use super::options::{self, Timeout};
use super::{control, interfaces, netlink, rules};
use crate::events::{Anonymous, IoEvents};
use crate::fs::{File, FileType, Metadata, StatusFlags, Time, current_time};
use crate::prelude::*;
use crate::process::{Credentials, Thread, cap};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use frame::ocall::file::{self, HostFd, PollFd};
use frame::ocall::net::{Domain, HostAddress, HostSocket, Incoming, Kind, Outgoing, QueueRequest, Received, Shutdown};

/// A socket whose every call is the host's.
pub struct HostSocketFile {
    socket: HostSocket,
    kind: Kind,
    anonymous: Anonymous,
    /// A call that waits gives up after a time, and isn't made again when a signal was handled (`man 7 signal`).
    receive_timeout: AtomicBool,
    send_timeout: AtomicBool,
    ino: u64,
    owner: [u32; 2],
    created: Time,
}

/// Flags of a message that mean something to the host's sockets. `MSG_ZEROCOPY` isn't among them: without the option that
/// allows it, Linux ignores it, and that option isn't there.
const PASSED_FLAGS: u32 = {
    const MSG_OOB: u32 = 0x1;
    const MSG_PEEK: u32 = 0x2;
    const MSG_DONTROUTE: u32 = 0x4;
    const MSG_TRUNC: u32 = 0x20;
    const MSG_DONTWAIT: u32 = 0x40;
    const MSG_EOR: u32 = 0x80;
    const MSG_WAITALL: u32 = 0x100;
    const MSG_CONFIRM: u32 = 0x800;
    const MSG_ERRQUEUE: u32 = 0x2000;
    const MSG_MORE: u32 = 0x8000;
    const MSG_FASTOPEN: u32 = 0x2000_0000;
    const MSG_CMSG_CLOEXEC: u32 = 0x4000_0000;
    MSG_OOB
        | MSG_PEEK
        | MSG_DONTROUTE
        | MSG_TRUNC
        | MSG_DONTWAIT
        | MSG_EOR
        | MSG_WAITALL
        | MSG_CONFIRM
        | MSG_ERRQUEUE
        | MSG_MORE
        | MSG_FASTOPEN
        | MSG_CMSG_CLOEXEC
};

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
        Ok(Self::of(socket, kind, status, [credentials.fsuid, credentials.fsgid]))
    }

    fn of(socket: HostSocket, kind: Kind, status: StatusFlags, owner: [u32; 2]) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            socket,
            kind,
            anonymous: Anonymous::new(status & StatusFlags::O_NONBLOCK | StatusFlags::O_RDWR),
            receive_timeout: AtomicBool::new(false),
            send_timeout: AtomicBool::new(false),
            ino: NEXT.fetch_add(1, Ordering::Relaxed),
            owner,
            created: current_time(),
        })
    }

    /// Binds it to a `struct sockaddr`.
    ///
    /// # Errors
    /// `EACCES` for a port that may not be bound, and what the host gives.
    pub fn bind(&self, credentials: &Credentials, address: &[u8]) -> Result<()> {
        if self.socket.domain() != Domain::Netlink {
            rules::check_bind(credentials, address)?;
        }
        self.socket.bind(address)
    }

    /// Connects it to a `struct sockaddr`, or disconnects it (`AF_UNSPEC`).
    ///
    /// # Errors
    /// `EACCES` for an address that may not be connected to, `ERESTARTSYS`, and what the host gives.
    pub fn connect(&self, address: &[u8]) -> Result<()> {
        if !rules::is_disconnect(address) {
            self.check_reach(address)?;
        }
        self.restartable(&self.send_timeout, self.socket.connect(address))
    }

    /// Accepts connections from now on.
    ///
    /// # Errors
    /// `EACCES` if it isn't bound and the host may not choose a port, and what the host gives.
    pub fn listen(&self, backlog: i32) -> Result<()> {
        rules::check_listen(&self.socket)?;
        self.socket.listen(backlog)
    }

    /// The next connection, and whom it is with; `status` may have `O_NONBLOCK`.
    ///
    /// # Errors
    /// `EAGAIN`, `ERESTARTSYS`, and what the host gives.
    pub fn accept(&self, status: StatusFlags) -> Result<(Arc<Self>, Option<HostAddress>)> {
        let accepted = self.socket.accept((status & StatusFlags::O_NONBLOCK).bits());
        let (socket, address) = self.restartable(&self.receive_timeout, accepted)?;
        let connection = Self::of(socket, self.kind, status, self.owner);
        // The host hands the timeouts on.
        for (own, of) in
            [(&connection.receive_timeout, &self.receive_timeout), (&connection.send_timeout, &self.send_timeout)]
        {
            own.store(of.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        Ok((connection, address))
    }

    /// Sends a message.
    ///
    /// # Errors
    /// `EACCES` for an address that may not be sent to, `EPERM` for what would change the host's network, `EPIPE` without a
    /// signal, `ERESTARTSYS`, and what the host gives.
    pub fn send(&self, source: &mut Source<'_>, message: Outgoing<'_>) -> Result<usize> {
        self.check_reach(message.address)?;
        let control = control::filter(message.control)?;
        let message = Outgoing { control: &control, flags: message.flags & PASSED_FLAGS, ..message };
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
        self.restartable(&self.send_timeout, sent)
    }

    /// Receives bytes alone.
    ///
    /// # Errors
    /// `EAGAIN`, `ERESTARTSYS`, and what the host gives.
    pub fn receive(&self, sink: &mut Sink<'_>, flags: u32) -> Result<usize> {
        self.restartable(&self.receive_timeout, self.socket.receive(sink, flags & PASSED_FLAGS))
    }

    /// Receives a message, and at most `control_room` bytes of control messages with it.
    ///
    /// # Errors
    /// As for [`receive`](Self::receive).
    pub fn receive_message(&self, sink: &mut Sink<'_>, control_room: usize, flags: u32) -> Result<(Received, Vec<u8>)> {
        /// More than Linux ever gives (`optmem_max`).
        const MOST_CONTROL: usize = 128 << 10;
        let mut control = vec![0; control_room.min(MOST_CONTROL)];
        let wanted = Incoming { control: &mut control, flags: flags & PASSED_FLAGS };
        let received = self.restartable(&self.receive_timeout, self.socket.receive_message(sink, wanted))?;
        let passed = control::filter(&control[..received.control_len]).unwrap_or_else(|_| {
            warn!("the host gave malformed control messages");
            Vec::new()
        });
        Ok((received, passed))
    }

    /// Ends one half of the connection, or both.
    ///
    /// # Errors
    /// `ENOTCONN`.
    pub fn shut_down(&self, how: Shutdown) -> Result<()> {
        self.socket.shut_down(how)
    }

    /// Its own address.
    ///
    /// # Errors
    /// What the host gives.
    pub fn name(&self) -> Result<HostAddress> {
        self.socket.name()
    }

    /// Its peer's address.
    ///
    /// # Errors
    /// `ENOTCONN`.
    pub fn peer(&self) -> Result<HostAddress> {
        self.socket.peer()
    }

    /// Sets an option; `value` is as long as the program says.
    ///
    /// # Errors
    /// `ENOPROTOOPT` for one that isn't there, `EPERM`, `EFAULT`, and what the host gives.
    pub fn set_option(&self, credentials: &Credentials, level: i32, name: i32, value: UserSlice) -> Result<()> {
        let bytes = options::set(&self.socket, credentials, (level, name), value)?;
        if let Some((which, is_some)) = options::timeout(level, name, &bytes) {
            match which {
                Timeout::Receive => self.receive_timeout.store(is_some, Ordering::Relaxed),
                Timeout::Send => self.send_timeout.store(is_some, Ordering::Relaxed),
            }
        }
        Ok(())
    }

    /// Reads an option into `value`, which is as long as the program says; gives the length of what there is of it.
    ///
    /// # Errors
    /// `ENOPROTOOPT` for one that isn't there, `EFAULT`, and what the host gives.
    pub fn option(&self, level: i32, name: i32, value: UserSlice) -> Result<usize> {
        options::get(&self.socket, (level, name), value)
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

    /// A call that gives up after a time isn't made again once a handler ran, whatever `SA_RESTART` says.
    fn restartable<T>(&self, timeout: &AtomicBool, result: Result<T>) -> Result<T> {
        result.map_err(|error| match error.errno() {
            Errno::ERESTARTSYS if timeout.load(Ordering::Relaxed) => Errno::ERESTARTNOHAND.into(),
            _ => error,
        })
    }
}

impl File for HostSocketFile {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        if sink.is_empty() { Ok(0) } else { self.receive(sink, 0) }
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        self.send(source, Outgoing::default())
    }

    fn metadata(&self) -> Result<Metadata> {
        let [uid, gid] = self.owner;
        Ok(Metadata {
            dev: 0x8,
            ino: self.ino,
            kind: FileType::Socket,
            mode: 0o777,
            uid,
            gid,
            atime: self.created,
            mtime: self.created,
            ctime: self.created,
            btime: self.created,
            ..Anonymous::metadata()
        })
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
        format!("socket:[{}]", self.ino).into_bytes()
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
