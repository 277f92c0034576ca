//! Connected Unix stream sockets.

use super::{Address, Half, MessageFlags, OptionName, Outgoing, Received, Socket, Wanted};
use crate::events::{
    Anonymous, Blocking, CHUNK_SIZE, Channel, Chunk, ChunkKind, Consumer, IoEvents, Notifier, Observer, Producer,
    Reaction, Share,
};
use crate::fs::{File, FileType, Metadata, StatusFlags, Time, current_time};
use crate::prelude::*;
use crate::process::{Credentials, Thread};
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

    /// What a transfer does when it can't go on.
    fn blocking(&self, flags: MessageFlags) -> Blocking {
        if flags.contains(MessageFlags::MSG_DONTWAIT) { Blocking::DontWait } else { self.anonymous.blocking() }
    }

    fn send_bytes(&self, source: &mut Source<'_>, blocking: Blocking) -> Result<usize> {
        if self.outgoing.channel().is_shut() {
            bail!(EPIPE, "nothing can be sent any more");
        }
        self.outgoing.write(source, ChunkKind::Stream, blocking)
    }

    /// Receives what there is, or waits for something; 0 at the end.
    fn receive_bytes(&self, sink: &mut Sink<'_>, blocking: Blocking) -> Result<usize> {
        if sink.is_empty() {
            return Ok(0);
        }
        match self.incoming.read(sink, blocking)? {
            0 => self.end(),
            count => Ok(count),
        }
    }

    /// As [`receive_bytes`](Self::receive_bytes), but the bytes stay (`MSG_PEEK`).
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
        self.send_bytes(source, self.blocking(message.flags))
    }

    fn receive_message(&self, sink: &mut Sink<'_>, wanted: Wanted) -> Result<Received> {
        let flags = wanted.flags;
        if flags.contains(MessageFlags::MSG_OOB) {
            bail!(EINVAL, "no out-of-band data");
        }
        let blocking = self.blocking(flags);
        let mut len;
        if flags.contains(MessageFlags::MSG_PEEK) {
            len = self.peek(sink, blocking)?;
        } else {
            len = self.receive_bytes(sink, blocking)?;
            if flags.contains(MessageFlags::MSG_WAITALL) && blocking == Blocking::Wait {
                while len > 0 && !sink.is_empty() {
                    match self.receive_bytes(sink, blocking) {
                        Ok(0) | Err(_) => break,
                        Ok(count) => len += count,
                    }
                }
            }
        }
        Ok(Received { len, from: Address::NONE, control: Vec::new(), flags: MessageFlags::empty() })
    }

    fn shut_down(&self, half: Half) -> Result<()> {
        if half != Half::Send {
            self.incoming.channel().shut();
        }
        if half != Half::Receive {
            self.outgoing.channel().shut();
        }
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
        self.receive_bytes(sink, self.anonymous.blocking())
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        self.send_bytes(source, self.anonymous.blocking())
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

    fn as_socket(&self) -> Option<&dyn Socket> {
        Some(self)
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
