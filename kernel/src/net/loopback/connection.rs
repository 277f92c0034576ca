//! What two connected stream sockets inside the LibOS share.

use crate::events::{
    Blocking, Channel, Chunk, ChunkKind, Consumer, IoEvents, Notifier, Observer, Producer, Reaction, Share,
};
use crate::net::Shutdown;
use crate::prelude::*;
use core::sync::atomic::{AtomicBool, Ordering};

/// The capacity of one direction in pages: as many bytes as Linux's `wmem_default`.
const CAPACITY: usize = 52;

/// One end of a connection. Each direction is a channel, which is shut for both ends by `shutdown` or when one is dropped.
pub(super) struct Connection {
    incoming: Consumer<Chunk>,
    outgoing: Producer<Chunk>,
    side: Arc<Side>,
    peer: Arc<Side>,
}

/// What an end of a connection is told, by its own channels and by its peer.
#[derive(Default)]
pub(super) struct Side {
    /// Tells that the end became ready for something.
    pub(super) notifier: Notifier,
    /// The peer closed without having read everything; told once (`ECONNRESET`).
    is_reset: AtomicBool,
}

impl Observer for Side {
    fn on_events(&self, events: IoEvents) -> Reaction {
        self.notifier.broadcast(events);
        Reaction::Noted
    }
}

impl Connection {
    /// The two ends of a connection, which tell these sides.
    pub(super) fn pair(sides: &[Arc<Side>; 2]) -> [Self; 2] {
        let [(out0, in1), (out1, in0)] = [Channel::pair(CAPACITY), Channel::pair(CAPACITY)];
        let [one, other] = sides;
        [Self::new(in0, out0, one, other), Self::new(in1, out1, other, one)]
    }

    fn new(incoming: Consumer<Chunk>, outgoing: Producer<Chunk>, side: &Arc<Side>, peer: &Arc<Side>) -> Self {
        for notifier in [incoming.notifier(), outgoing.notifier()] {
            let observer: Weak<Side> = Arc::downgrade(side);
            notifier.register(observer, IoEvents::all(), Share::All);
        }
        Self { incoming, outgoing, side: side.clone(), peer: peer.clone() }
    }

    /// Sends all of a source.
    ///
    /// # Errors
    /// `EPIPE` if that direction is shut, `EAGAIN`, `EFAULT`, `ERESTARTSYS`; none once something was sent.
    pub(super) fn send(&self, source: &mut Source<'_>, blocking: Blocking) -> Result<usize> {
        if self.outgoing.channel().is_shut() {
            bail!(EPIPE, "nothing can be sent any more");
        }
        self.outgoing.write(source, ChunkKind::Stream, blocking)
    }

    /// Receives what there is, or waits for something; 0 at the end.
    ///
    /// # Errors
    /// `ECONNRESET` once, if the peer closed without having read everything; `EAGAIN`, `EFAULT`, `ERESTARTSYS`.
    pub(super) fn receive(&self, sink: &mut Sink<'_>, blocking: Blocking) -> Result<usize> {
        if sink.is_empty() {
            return Ok(0);
        }
        match self.incoming.read(sink, blocking)? {
            0 => self.end(),
            count => Ok(count),
        }
    }

    /// As [`receive`](Self::receive), but the bytes stay (`MSG_PEEK`).
    ///
    /// # Errors
    /// As there.
    pub(super) fn peek(&self, sink: &mut Sink<'_>, blocking: Blocking) -> Result<usize> {
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

    /// Receives until the sink is full, or to the end (`MSG_WAITALL`).
    ///
    /// # Errors
    /// As for [`receive`](Self::receive), if there's nothing before.
    pub(super) fn receive_all(&self, sink: &mut Sink<'_>) -> Result<usize> {
        let mut total = self.receive(sink, Blocking::Wait)?;
        while total > 0 && !sink.is_empty() {
            match self.receive(sink, Blocking::Wait) {
                Ok(0) | Err(_) => break,
                Ok(count) => total += count,
            }
        }
        Ok(total)
    }

    /// Ends a half of the connection, or both.
    pub(super) fn shut(&self, how: Shutdown) {
        if how.ends_reading() {
            self.incoming.channel().shut();
        }
        if how.ends_writing() {
            self.outgoing.channel().shut();
        }
    }

    /// Ends the connection such that the peer finds it reset.
    pub(super) fn reset(&self) {
        self.peer.is_reset.store(true, Ordering::SeqCst);
        self.shut(Shutdown::Both);
    }

    /// What the end is ready for.
    pub(super) fn poll(&self) -> IoEvents {
        let (no_more_in, no_more_out) = (self.incoming.channel().is_shut(), self.outgoing.channel().is_shut());
        (self.incoming.poll() & IoEvents::READABLE)
            | (self.outgoing.poll() & IoEvents::WRITABLE)
            | (IoEvents::READABLE | IoEvents::POLLRDHUP).when(no_more_in)
            | IoEvents::POLLHUP.when(no_more_in && no_more_out)
            | IoEvents::POLLERR.when(self.side.is_reset.load(Ordering::SeqCst))
    }

    /// How many bytes can be received.
    pub(super) fn receivable(&self) -> usize {
        self.incoming.channel().with_items(|chunks| chunks.iter().map(Chunk::len).sum())
    }

    /// How many bytes the peer hasn't received yet.
    pub(super) fn unreceived(&self) -> usize {
        self.outgoing.channel().with_items(|chunks| chunks.iter().map(Chunk::len).sum())
    }

    fn end(&self) -> Result<usize> {
        if self.side.is_reset.swap(false, Ordering::SeqCst) {
            bail!(ECONNRESET, "the peer closed without having read everything");
        }
        Ok(0)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.incoming.poll().contains(IoEvents::POLLIN) {
            self.peer.is_reset.store(true, Ordering::SeqCst);
        }
        self.shut(Shutdown::Both);
    }
}
