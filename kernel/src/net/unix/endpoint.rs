//! Connected Unix stream sockets.

use crate::events::{
    Anonymous, Blocking, CHUNK_SIZE, Channel, Chunk, ChunkKind, Consumer, IoEvents, Notifier, Observer, Producer,
    Reaction, Share,
};
use crate::fs::{File, FileType, Metadata, StatusFlags, Time, current_time};
use crate::net::option::OptionName;
use crate::net::{AF_UNIX, Address, Incoming, MessageFlags, Outgoing, Shutdown, Socket};
use crate::prelude::*;
use crate::process::Thread;
use crate::signal;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The capacity of one direction in pages: as many bytes as Linux's `wmem_default`.
const CAPACITY: usize = 52;

/// One of two connected sockets. Each direction is a channel, which is shut for both by `shutdown` or when one is closed.
pub struct Endpoint {
    incoming: Consumer<Chunk>,
    outgoing: Producer<Chunk>,
    side: Arc<Side>,
    peer: Arc<Side>,
    anonymous: Anonymous,
    ino: u64,
    owner: [u32; 2],
    created: Time,
}

/// What an endpoint's peer tells it.
#[derive(Default)]
struct Side {
    notifier: Notifier,
    /// The peer closed without having read everything; told once (`ECONNRESET`).
    is_reset: AtomicBool,
}

impl Observer for Side {
    fn on_events(&self, events: IoEvents) -> Reaction {
        self.notifier.broadcast(events);
        Reaction::Noted
    }
}

impl Endpoint {
    /// Two sockets of this user and group, connected with each other.
    pub fn pair(status: StatusFlags, owner: [u32; 2]) -> [Arc<Self>; 2] {
        let [(out0, in1), (out1, in0)] = [Channel::pair(CAPACITY), Channel::pair(CAPACITY)];
        let sides = [Arc::new(Side::default()), Arc::new(Side::default())];
        let [one, other] = [[sides[0].clone(), sides[1].clone()], [sides[1].clone(), sides[0].clone()]];
        [Self::new(in0, out0, one, status, owner), Self::new(in1, out1, other, status, owner)]
    }

    fn new(
        incoming: Consumer<Chunk>,
        outgoing: Producer<Chunk>,
        [side, peer]: [Arc<Side>; 2],
        status: StatusFlags,
        owner: [u32; 2],
    ) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        for notifier in [incoming.notifier(), outgoing.notifier()] {
            let observer: Weak<Side> = Arc::downgrade(&side);
            notifier.register(observer, IoEvents::all(), Share::All);
        }
        Arc::new(Self {
            incoming,
            outgoing,
            side,
            peer,
            anonymous: Anonymous::new(status | StatusFlags::O_RDWR),
            ino: NEXT.fetch_add(1, Ordering::Relaxed),
            owner,
            created: current_time(),
        })
    }

    /// What a transfer does when it can't go on, by the socket's status.
    fn blocking(&self) -> Blocking {
        self.anonymous.blocking()
    }

    /// Sends all of a source.
    ///
    /// # Errors
    /// `EPIPE` if that direction is shut, `EAGAIN`, `EFAULT`, `ERESTARTSYS`; none once something was sent.
    fn give(&self, source: &mut Source<'_>, blocking: Blocking) -> Result<usize> {
        if self.outgoing.channel().is_shut() {
            bail!(EPIPE, "nothing can be sent any more");
        }
        self.outgoing.write(source, ChunkKind::Stream, blocking)
    }

    /// Receives what there is, or waits for something; 0 at the end.
    ///
    /// # Errors
    /// `ECONNRESET` once, if the peer closed without having read everything; `EAGAIN`, `EFAULT`, `ERESTARTSYS`.
    fn take(&self, sink: &mut Sink<'_>, blocking: Blocking) -> Result<usize> {
        if sink.is_empty() {
            return Ok(0);
        }
        match self.incoming.read(sink, blocking)? {
            0 => self.end(),
            count => Ok(count),
        }
    }

    /// As [`take`](Self::take), but the bytes stay (`MSG_PEEK`).
    ///
    /// # Errors
    /// As there.
    fn peek(&self, sink: &mut Sink<'_>, blocking: Blocking) -> Result<usize> {
        let channel = self.incoming.channel();
        loop {
            let mut bytes = Vec::new();
            channel.with_items(|chunks| {
                for chunk in chunks {
                    let wanted = (sink.remaining() - bytes.len()).min(chunk.len());
                    bytes.extend_from_slice(&chunk.bytes()[..wanted]);
                }
            });
            if !bytes.is_empty() || sink.is_empty() {
                return sink.put(&bytes);
            }
            if channel.is_shut() {
                return self.end();
            }
            if blocking == Blocking::DontWait {
                bail!(EAGAIN, "nothing has been sent");
            }
            self.incoming.wait_for_items(None).map_err(|_| Error::from(Errno::ERESTARTSYS))?;
        }
    }

    fn end(&self) -> Result<usize> {
        if self.side.is_reset.swap(false, Ordering::SeqCst) {
            bail!(ECONNRESET, "the peer closed without having read everything");
        }
        Ok(0)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if self.incoming.poll().contains(IoEvents::POLLIN) {
            self.peer.is_reset.store(true, Ordering::SeqCst);
        }
        self.incoming.channel().shut();
        self.outgoing.channel().shut();
    }
}

impl File for Endpoint {
    fn as_socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        self.take(sink, self.blocking())
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        self.give(source, self.blocking())
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
            blksize: CHUNK_SIZE as u32,
            ..Anonymous::metadata()
        })
    }

    fn status(&self) -> StatusFlags {
        self.anonymous.status()
    }

    fn set_status(&self, status: StatusFlags) -> Result<()> {
        self.anonymous.set_status(status);
        Ok(())
    }

    fn path(&self) -> Vec<u8> {
        format!("socket:[{}]", self.ino).into_bytes()
    }

    fn poll(&self) -> IoEvents {
        let (no_more_in, no_more_out) = (self.incoming.channel().is_shut(), self.outgoing.channel().is_shut());
        (self.incoming.poll() & IoEvents::READABLE)
            | (self.outgoing.poll() & IoEvents::WRITABLE)
            | (IoEvents::READABLE | IoEvents::POLLRDHUP).when(no_more_in)
            | IoEvents::POLLHUP.when(no_more_in && no_more_out)
            | IoEvents::POLLERR.when(self.side.is_reset.load(Ordering::SeqCst))
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.side.notifier)
    }

    fn ioctl(&self, _thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        const FIONREAD: u32 = 0x541b;
        if request != FIONREAD {
            bail!(ENOTTY, "a Unix socket has no such request");
        }
        let len: usize = self.incoming.channel().with_items(|chunks| chunks.iter().map(Chunk::len).sum());
        UserPtr::<u32>::new(argument as usize).write(&(len as u32))?;
        Ok(0)
    }
}

impl Socket for Endpoint {
    fn bind(&self, _thread: &Arc<Thread>, _address: &Address) -> Result<()> {
        unnamed()
    }

    fn listen(&self, _thread: &Arc<Thread>, _backlog: i32) -> Result<()> {
        Err(err!(EINVAL, "the socket is connected"))
    }

    fn connect(&self, _thread: &Arc<Thread>, _address: &Address) -> Result<()> {
        Err(err!(EISCONN, "the socket is connected"))
    }

    fn accept(&self, _thread: &Arc<Thread>, _status: StatusFlags) -> Result<Arc<dyn File>> {
        Err(err!(EINVAL, "the socket doesn't listen"))
    }

    fn send(&self, thread: &Arc<Thread>, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        if message.flags.contains(MessageFlags::MSG_OOB) {
            warn!("out-of-band data is not there");
            bail!(EOPNOTSUPP, "no out-of-band data");
        }
        if message.address.is_some() {
            bail!(EISCONN, "the socket is connected");
        }
        if !message.control.is_empty() {
            return unnamed();
        }
        let result = self.give(message.source, self.blocking_by(message.flags));
        if message.flags.contains(MessageFlags::MSG_NOSIGNAL) {
            result
        } else {
            signal::raise_if_broken_pipe(thread, result)
        }
    }

    fn receive(&self, _thread: &Arc<Thread>, message: &mut Incoming<'_, '_>) -> Result<usize> {
        if message.flags.contains(MessageFlags::MSG_OOB) {
            bail!(EINVAL, "no out-of-band data");
        }
        let blocking = self.blocking_by(message.flags);
        if message.flags.contains(MessageFlags::MSG_PEEK) {
            return self.peek(message.sink, blocking);
        }
        let mut total = self.take(message.sink, blocking)?;
        if message.flags.contains(MessageFlags::MSG_WAITALL) && blocking == Blocking::Wait {
            while total > 0 && !message.sink.is_empty() {
                match self.take(message.sink, blocking) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => total += count,
                }
            }
        }
        Ok(total)
    }

    fn name(&self) -> Result<Address> {
        Ok(Address::new(&AF_UNIX.to_ne_bytes()))
    }

    fn peer_name(&self) -> Result<Address> {
        self.name()
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        if how.ends_reading() {
            self.incoming.channel().shut();
        }
        if how.ends_writing() {
            self.outgoing.channel().shut();
        }
        Ok(())
    }

    fn option(&self, _thread: &Arc<Thread>, _name: OptionName, _len: usize) -> Result<Vec<u8>> {
        unnamed()
    }

    fn set_option(&self, _thread: &Arc<Thread>, _name: OptionName, _value: &[u8]) -> Result<()> {
        unnamed()
    }
}

fn unnamed<T>() -> Result<T> {
    warn!("Unix sockets have no names, options and control messages yet");
    Err(err!(EOPNOTSUPP, "not there yet"))
}

impl Endpoint {
    fn blocking_by(&self, flags: MessageFlags) -> Blocking {
        if flags.contains(MessageFlags::MSG_DONTWAIT) { Blocking::DontWait } else { self.blocking() }
    }
}
