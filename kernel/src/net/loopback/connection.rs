//! What two connected stream sockets inside the LibOS share.

use super::urgent::{Mark, Urgent};
use crate::events::{
    Blocking, CHUNK_SIZE, Channel, Chunk, ChunkKind, Consumer, IoEvents, Notifier, Observer, Producer, Reaction, Share,
    Used,
};
use crate::net::Shutdown;
use crate::prelude::*;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

/// What each end adds to the capacity of a direction, in pages, unless it says otherwise: both together as many bytes as
/// Linux's `wmem_default`.
const SHARE: usize = 26;

/// One end of a connection. Each direction is a channel, which is shut for both ends by `shutdown` or when one is dropped.
pub(super) struct Connection {
    incoming: Consumer<Chunk>,
    outgoing: Producer<Chunk>,
    side: Arc<Side>,
    peer: Arc<Side>,
}

/// What an end of a connection is told, by its own channels and by its peer, and what the peer asks it.
pub(super) struct Side {
    /// Tells that the end became ready for something.
    pub(super) notifier: Notifier,
    /// The peer closed without having read everything, or before something was sent to it.
    is_reset: AtomicBool,
    /// That as an error's number, until it's told.
    error: AtomicI32,
    /// The end has said that it sends nothing more.
    has_ended: AtomicBool,
    /// The urgent byte that came last.
    pub(super) urgent: Urgent,
    /// What the sizes of its buffers for sending and receiving (`SO_SNDBUF`, `SO_RCVBUF`) add to the directions, in pages.
    shares: [AtomicUsize; 2],
    /// So many bytes, and the end is ready to receive (`SO_RCVLOWAT`).
    least: AtomicUsize,
}

/// Which of a socket's buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Buffer {
    /// `SO_SNDBUF`.
    Send,
    /// `SO_RCVBUF`.
    Receive,
}

impl Default for Side {
    fn default() -> Self {
        Self {
            notifier: Notifier::new(),
            is_reset: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            error: AtomicI32::new(0),
            urgent: Urgent::default(),
            shares: [AtomicUsize::new(SHARE), AtomicUsize::new(SHARE)],
            least: AtomicUsize::new(1),
        }
    }
}

impl Side {
    /// Changes the size of a buffer, for the connections that are made from now on.
    pub(super) fn set_buffer(&self, buffer: Buffer, bytes: usize) {
        self.shares[buffer as usize].store((bytes / CHUNK_SIZE).max(1), Ordering::SeqCst);
    }

    /// Changes how many bytes make it ready to receive.
    pub(super) fn set_least(&self, bytes: usize) {
        self.least.store(bytes.max(1), Ordering::SeqCst);
        self.notifier.broadcast(IoEvents::READABLE);
    }

    fn share(&self, buffer: Buffer) -> usize {
        self.shares[buffer as usize].load(Ordering::SeqCst)
    }

    /// The capacity in pages of the direction towards a peer.
    fn capacity_to(&self, peer: &Self) -> usize {
        self.share(Buffer::Send) + peer.share(Buffer::Receive)
    }

    /// The peer resets the connection, which is told by this error.
    fn reset(&self, errno: Errno) {
        if !self.is_reset.swap(true, Ordering::SeqCst) {
            self.error.store(errno as i32, Ordering::SeqCst);
        }
    }

    /// The error that waits to be told, which it is once.
    pub(super) fn take_error(&self) -> Option<Errno> {
        Errno::from_raw(self.error.swap(0, Ordering::SeqCst))
    }

    /// A side that starts as this one is set.
    pub(super) fn like(&self) -> Self {
        let copy = |value: &AtomicUsize| AtomicUsize::new(value.load(Ordering::SeqCst));
        let [send, receive] = &self.shares;
        Self {
            urgent: self.urgent.like(),
            shares: [copy(send), copy(receive)],
            least: copy(&self.least),
            ..Self::default()
        }
    }
}

impl Observer for Side {
    fn on_events(&self, events: IoEvents) -> Reaction {
        self.notifier.broadcast(events);
        Reaction::Noted
    }
}

/// What a receiver wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// What there is, or at least `SO_RCVLOWAT`.
    Some,
    /// All that it has room for (`MSG_WAITALL`).
    All,
}

impl Connection {
    /// The two ends of a connection, which tell these sides.
    pub(super) fn pair([one, other]: &[Arc<Side>; 2]) -> [Self; 2] {
        let (out0, in1) = Channel::pair(one.capacity_to(other));
        let (out1, in0) = Channel::pair(other.capacity_to(one));
        [Self::new(in0, out0, one, other), Self::new(in1, out1, other, one)]
    }

    fn new(incoming: Consumer<Chunk>, outgoing: Producer<Chunk>, side: &Arc<Side>, peer: &Arc<Side>) -> Self {
        for notifier in [incoming.notifier(), outgoing.notifier()] {
            let observer: Weak<Side> = Arc::downgrade(side);
            notifier.register(observer, IoEvents::all(), Share::All);
        }
        Self { incoming, outgoing, side: side.clone(), peer: peer.clone() }
    }

    /// The size of one of the end's buffers has changed.
    pub(super) fn resize(&self) {
        self.outgoing.channel().resize(self.side.capacity_to(&self.peer));
        self.incoming.channel().resize(self.peer.capacity_to(&self.side));
    }

    /// Sends all of a source.
    ///
    /// # Errors
    /// `EPIPE` if that direction is shut, `EAGAIN`, `EFAULT`, `ERESTARTSYS`; none once something was sent.
    pub(super) fn send(&self, source: &mut Source<'_>, blocking: Blocking) -> Result<usize> {
        if self.outgoing.channel().is_shut() {
            return self.send_to_nobody(source);
        }
        self.outgoing.write(source, ChunkKind::Stream, blocking).map_err(|error| self.send_error(error))
    }

    /// Linux learns that the peer has closed by the answer to what is sent to it: that is lost, and the next is refused.
    fn send_to_nobody(&self, source: &mut Source<'_>) -> Result<usize> {
        if self.side.has_ended.load(Ordering::SeqCst) || self.is_reset() {
            return Err(self.send_error(err!(EPIPE, "nothing can be sent any more")));
        }
        // No more than is on its way before there's an answer.
        let mut lost = vec![0; source.remaining().min(self.side.share(Buffer::Send) * CHUNK_SIZE)];
        let count = source.take(&mut lost)?;
        self.side.reset(Errno::EPIPE);
        self.side.notifier.broadcast(IoEvents::WRITABLE | IoEvents::ALWAYS);
        Ok(count)
    }

    /// As [`send`](Self::send), but the last byte is urgent (`MSG_OOB`).
    ///
    /// # Errors
    /// As there.
    pub(super) fn send_urgent(&self, source: &mut Source<'_>, blocking: Blocking) -> Result<usize> {
        let bytes = source.take_all()?;
        if self.outgoing.channel().is_shut() {
            return self.send_to_nobody(&mut Source::buffer(&bytes));
        }
        let Some((&last, before)) = bytes.split_last() else { return Ok(0) };
        let sent = self.send(&mut Source::buffer(before), blocking)?;
        if sent < before.len() {
            return Ok(sent);
        }
        let mark = Mark::new(last);
        self.peer.urgent.announce(mark.clone());
        self.peer.notifier.broadcast(IoEvents::POLLPRI);
        let mut source = Source::buffer(core::slice::from_ref(&last));
        match self.outgoing.write_with(&mut source, ChunkKind::Stream, blocking, Some(&mark.attachment())) {
            Err(_) if sent > 0 => Ok(sent),
            result => result.map(|count| sent + count).map_err(|error| self.send_error(error)),
        }
    }

    /// What a sender is told: of a reset first.
    fn send_error(&self, error: Error) -> Error {
        let reset = (error.errno() == Errno::EPIPE).then(|| self.side.take_error()).flatten();
        reset.map_or(error, Error::from)
    }

    fn is_reset(&self) -> bool {
        self.side.is_reset.load(Ordering::SeqCst)
    }

    /// Whether nothing is left of it: the peer has reset it, or both have ended it.
    pub(super) fn is_over(&self) -> bool {
        let [own, peers] = [&self.side, &self.peer].map(|side| side.has_ended.load(Ordering::SeqCst));
        self.is_reset() || own && peers
    }

    /// Receives what there is, or waits for something; 0 at the end. Stops before an urgent byte.
    ///
    /// # Errors
    /// `ECONNRESET` once, if the peer closed without having read everything; `EAGAIN`, `EFAULT`, `ERESTARTSYS`.
    pub(super) fn receive(&self, sink: &mut Sink<'_>, wanted: Wanted, blocking: Blocking) -> Result<usize> {
        let room = sink.remaining();
        let target = self.target(wanted, room);
        loop {
            let before = room - sink.remaining();
            if before >= target {
                return Ok(before);
            }
            let mut stops = false;
            let result = self.incoming.consume(blocking, |chunk| {
                if self.side.urgent.is_mark(chunk) {
                    if room > sink.remaining() {
                        stops = true;
                        return Ok(Used::Last(0));
                    }
                    if !self.side.urgent.is_inline() {
                        self.side.urgent.pass();
                        return Ok(Used::More(chunk.len()));
                    }
                }
                let count = sink.put(chunk.bytes())?;
                if count > 0 && self.side.urgent.is_mark(chunk) {
                    self.side.urgent.pass();
                }
                Ok(if sink.is_empty() { Used::Last(count) } else { Used::More(count) })
            });
            let received = room - sink.remaining();
            match result {
                Ok(0) if received == 0 && !stops => return self.end(),
                Err(error) if received == 0 => return Err(error),
                Ok(0) | Err(_) => return Ok(received),
                Ok(_) if stops => return Ok(received),
                Ok(_) if received > 0 && blocking == Blocking::DontWait => return Ok(received),
                Ok(_) => {}
            }
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
                    if self.side.urgent.is_mark(chunk) && !bytes.is_empty() {
                        break;
                    }
                    if self.side.urgent.is_mark(chunk) && !self.side.urgent.is_inline() {
                        continue;
                    }
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
            self.incoming.wait_for_items(blocking.deadline()).map_err(|error| blocking.error(error))?;
        }
    }

    /// How many bytes a receiver with this much room waits for.
    fn target(&self, wanted: Wanted, room: usize) -> usize {
        match wanted {
            Wanted::All => room,
            Wanted::Some => self.side.least.load(Ordering::Relaxed).min(room),
        }
    }

    /// Ends a half of the connection, or both.
    pub(super) fn shut(&self, how: Shutdown) {
        if how.ends_writing() {
            self.side.has_ended.store(true, Ordering::SeqCst);
        }
        match how {
            Shutdown::Read => self.incoming.channel().shut(),
            Shutdown::Write => self.outgoing.channel().shut(),
            Shutdown::Both => self.incoming.channel().shut_both(self.outgoing.channel()),
        }
    }

    /// Ends the connection such that the peer finds it reset.
    pub(super) fn reset(&self) {
        self.peer.reset(Errno::ECONNRESET);
        self.shut(Shutdown::Both);
    }

    /// What the end is ready for.
    pub(super) fn poll(&self) -> IoEvents {
        let no_more_in = self.incoming.channel().is_shut();
        let no_more_out = self.side.has_ended.load(Ordering::SeqCst) || self.is_reset();
        IoEvents::READABLE.when(self.is_readable())
            | IoEvents::WRITABLE
                .when(self.outgoing.channel().is_shut() || self.outgoing.poll().intersects(IoEvents::WRITABLE))
            | IoEvents::POLLPRI.when(self.side.urgent.is_there())
            | (IoEvents::READABLE | IoEvents::POLLRDHUP).when(no_more_in)
            | IoEvents::POLLHUP.when(no_more_in && no_more_out)
            | IoEvents::POLLERR.when(self.side.error.load(Ordering::SeqCst) != 0)
    }

    fn is_readable(&self) -> bool {
        if !self.incoming.poll().contains(IoEvents::POLLIN) {
            return false;
        }
        let least = self.side.least.load(Ordering::Relaxed);
        if least <= 1 && !self.side.urgent.is_noted() {
            return true;
        }
        let channel = self.incoming.channel();
        channel.with_items(|chunks| {
            let is_skipped = |chunk: &Chunk| self.side.urgent.is_mark(chunk) && !self.side.urgent.is_inline();
            let skipped = usize::from(chunks.front().is_some_and(is_skipped));
            // What is full gets no fuller.
            chunks.iter().map(Chunk::len).sum::<usize>() >= least + skipped || chunks.len() >= channel.capacity()
        })
    }

    /// Whether the next byte is the urgent one (`SIOCATMARK`).
    pub(super) fn is_at_mark(&self) -> bool {
        let is_mark = |chunk: &Chunk| self.side.urgent.is_mark(chunk);
        self.incoming.channel().with_items(|chunks| chunks.front().is_some_and(is_mark))
    }

    /// How many bytes can be received, before an urgent one.
    pub(super) fn receivable(&self) -> usize {
        let is_other = |chunk: &&Chunk| self.side.urgent.is_inline() || !self.side.urgent.is_mark(chunk);
        self.incoming.channel().with_items(|chunks| chunks.iter().take_while(is_other).map(Chunk::len).sum())
    }

    /// How many bytes the peer hasn't received yet.
    pub(super) fn unreceived(&self) -> usize {
        self.outgoing.channel().with_items(|chunks| chunks.iter().map(Chunk::len).sum())
    }

    /// The state as TCP calls it, by its number (`TCP_INFO`).
    pub(super) fn tcp_state(&self) -> u8 {
        match (self.incoming.channel().is_shut(), self.outgoing.channel().is_shut()) {
            (false, false) => 1,
            // FIN-WAIT-2, CLOSE-WAIT, CLOSED.
            (false, true) => 5,
            (true, false) => 8,
            (true, true) => 7,
        }
    }

    fn end(&self) -> Result<usize> {
        // That nobody was there is for senders to know.
        let was_reset =
            self.side.error.compare_exchange(Errno::ECONNRESET as i32, 0, Ordering::SeqCst, Ordering::SeqCst);
        was_reset.map_or(Ok(0), |_| Err(err!(ECONNRESET, "the peer closed without having read everything")))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.incoming.poll().contains(IoEvents::POLLIN) {
            self.peer.reset(Errno::ECONNRESET);
        }
        self.shut(Shutdown::Both);
    }
}
