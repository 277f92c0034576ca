//! Connected Unix stream sockets.

use super::connection::{Connection, Side};
use super::node::Node;
use super::{Address, Half, MessageFlags, OptionName, Outgoing, Received, Socket, Wanted};
use crate::events::{Anonymous, Blocking, IoEvents, Notifier};
use crate::fs::{File, Metadata, StatusFlags};
use crate::prelude::*;
use crate::process::{Credentials, Thread};

/// One of two connected sockets.
pub struct Endpoint {
    connection: Connection,
    side: Arc<Side>,
    anonymous: Anonymous,
    node: Node,
}

impl Endpoint {
    /// Two sockets of whom the credentials say, connected with each other.
    pub fn pair(status: StatusFlags, credentials: &Credentials) -> [Arc<Self>; 2] {
        let sides = [Arc::new(Side::default()), Arc::new(Side::default())];
        let [one, other] = Connection::pair(&sides);
        let [side, peer] = sides;
        [(one, side), (other, peer)].map(|(connection, side)| {
            Arc::new(Self {
                connection,
                side,
                anonymous: Anonymous::new(status | StatusFlags::O_RDWR),
                node: Node::new(credentials),
            })
        })
    }

    /// What a transfer does when it can't go on.
    fn blocking(&self, flags: MessageFlags) -> Blocking {
        if flags.contains(MessageFlags::MSG_DONTWAIT) { Blocking::DontWait } else { self.anonymous.blocking() }
    }
}

impl Socket for Endpoint {
    fn bind(&self, _credentials: &Credentials, _address: &Address) -> Result<()> {
        warn!("Unix sockets can't be bound yet");
        Err(err!(EINVAL, "Unix sockets can't be bound yet"))
    }

    fn connect(&self, _address: &Address) -> Result<()> {
        Err(err!(EISCONN, "the socket is connected"))
    }

    fn listen(&self, _backlog: i32) -> Result<()> {
        Err(err!(EINVAL, "the socket is connected"))
    }

    fn accept(&self, _status: StatusFlags) -> Result<(Arc<dyn File>, Address)> {
        Err(err!(EINVAL, "the socket doesn't listen"))
    }

    fn send(&self, source: &mut Source<'_>, message: Outgoing<'_>) -> Result<usize> {
        if message.flags.contains(MessageFlags::MSG_OOB) {
            warn!("out-of-band data is not there");
            bail!(EOPNOTSUPP, "no out-of-band data");
        }
        if !message.to.as_bytes().is_empty() {
            bail!(EISCONN, "the socket is connected");
        }
        if !message.control.is_empty() {
            warn!("control messages of Unix sockets are not there yet");
            bail!(EINVAL, "no control messages yet");
        }
        self.connection.send(source, self.blocking(message.flags))
    }

    fn receive_message(&self, sink: &mut Sink<'_>, wanted: Wanted) -> Result<Received> {
        let flags = wanted.flags;
        if flags.contains(MessageFlags::MSG_OOB) {
            bail!(EINVAL, "no out-of-band data");
        }
        let blocking = self.blocking(flags);
        let len = if flags.contains(MessageFlags::MSG_PEEK) {
            self.connection.peek(sink, blocking)?
        } else if flags.contains(MessageFlags::MSG_WAITALL) && blocking == Blocking::Wait {
            self.connection.receive_all(sink)?
        } else {
            self.connection.receive(sink, blocking)?
        };
        Ok(Received { len, from: Address::NONE, control: Vec::new(), flags: MessageFlags::empty() })
    }

    fn shut_down(&self, half: Half) -> Result<()> {
        self.connection.shut(half);
        Ok(())
    }

    fn name(&self) -> Result<Address> {
        const AF_UNIX: u16 = 1;
        Ok(Address::new(&AF_UNIX.to_ne_bytes()))
    }

    fn peer(&self) -> Result<Address> {
        self.name()
    }

    fn set_option(&self, _credentials: &Credentials, option: OptionName, _value: UserSlice) -> Result<()> {
        warn!("options of Unix sockets are not there yet ({option:?})");
        Err(err!(ENOPROTOOPT, "no such option"))
    }

    fn option(&self, option: OptionName, _value: UserSlice) -> Result<usize> {
        warn!("options of Unix sockets are not there yet ({option:?})");
        Err(err!(ENOPROTOOPT, "no such option"))
    }
}

impl File for Endpoint {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        self.connection.receive(sink, self.anonymous.blocking())
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        self.connection.send(source, self.anonymous.blocking())
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
        self.connection.poll()
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.side.notifier)
    }

    fn as_socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn ioctl(&self, _thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        const FIONREAD: u32 = 0x541b;
        if request != FIONREAD {
            bail!(ENOTTY, "a Unix socket has no such request");
        }
        UserPtr::<u32>::new(argument as usize).write(&(self.connection.receivable() as u32))?;
        Ok(0)
    }
}
