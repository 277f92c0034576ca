//! A connected socket.

use super::ancillary::deliver;
use super::in_flight::Rights;
use super::packet::{Budget, Packet};
use super::{Ancillary, Base, Identity, Kind, NameCell, Side, Ucred};
use crate::events::{Attachment, Blocking, CHUNK_SIZE, Channel, Chunk, ChunkKind, Consumer, IoEvents, Producer, Used};
use crate::net::{Incoming, MessageFlags, Outgoing, Shutdown};
use crate::prelude::*;
use crate::process::Thread;
use core::sync::atomic::{AtomicBool, Ordering};

/// One of two connected sockets. Each direction is a channel, which is shut for both by `shutdown` or when one is closed.
pub struct Endpoint {
    transport: Transport,
    side: Arc<Side>,
    peer: Arc<Side>,
    own_name: Arc<NameCell>,
    /// The peer's name.
    pub peer_name: Arc<NameCell>,
    /// Who the peer is.
    pub identity: Identity,
    /// Whether somebody has it: it isn't waiting to be accepted.
    is_owned: AtomicBool,
}

enum Transport {
    Stream {
        incoming: Consumer<Chunk>,
        outgoing: Producer<Chunk>,
        /// The sender's credentials as they were attached last, so that bytes of one sender get into one page.
        attached: Mutex<Option<(Ucred, Attachment)>>,
    },
    Packets {
        incoming: Consumer<Packet>,
        outgoing: Producer<Packet>,
        budget: Arc<Budget>,
        /// The peer's, which may wait for it.
        peer_budget: Arc<Budget>,
    },
}

/// Bytes as a number of pages.
fn pages(bytes: usize) -> usize {
    (bytes / CHUNK_SIZE).max(1)
}

/// What a receiver has got so far of one message.
#[derive(Default)]
struct Received {
    /// Of the sender, if the receiver wants to know.
    credentials: Option<Ucred>,
    rights: Option<(Attachment, Rights)>,
}

impl Endpoint {
    /// Two ends, of these sockets, each with who its peer is.
    pub fn pair([one, other]: [&Base; 2], [of_one, of_other]: [Identity; 2]) -> [Self; 2] {
        let [in_one, in_other] = match one.kind {
            Kind::Stream => {
                let (out_one, in_other) = Channel::pair(pages(one.send_buffer()));
                let (out_other, in_one) = Channel::pair(pages(other.send_buffer()));
                [(in_one, out_one), (in_other, out_other)].map(|(incoming, outgoing)| Transport::Stream {
                    incoming,
                    outgoing,
                    attached: Mutex::new(None),
                })
            }
            Kind::SeqPacket | Kind::Datagram => {
                // How many may be under way is the budget's affair.
                let (out_one, in_other) = Channel::pair(usize::MAX);
                let (out_other, in_one) = Channel::pair(usize::MAX);
                let [budget, other_budget] =
                    [one, other].map(|base| Budget::new(base.send_buffer(), base.side.clone()));
                let budgets = [budget.clone(), other_budget.clone()];
                [(in_one, out_one, budgets), (in_other, out_other, [other_budget, budget])].map(
                    |(incoming, outgoing, [budget, peer_budget])| Transport::Packets {
                        incoming,
                        outgoing,
                        budget,
                        peer_budget,
                    },
                )
            }
        };
        [Self::new(in_one, one, other, of_other), Self::new(in_other, other, one, of_one)]
    }

    fn new(transport: Transport, own: &Base, peer: &Base, identity: Identity) -> Self {
        match &transport {
            Transport::Stream { incoming, outgoing, .. } => {
                own.side.observe(incoming.notifier());
                own.side.observe(outgoing.notifier());
            }
            Transport::Packets { incoming, outgoing, .. } => {
                own.side.observe(incoming.notifier());
                own.side.observe(outgoing.notifier());
            }
        }
        Self {
            transport,
            side: own.side.clone(),
            peer: peer.side.clone(),
            own_name: own.name.clone(),
            peer_name: peer.name.clone(),
            identity,
            is_owned: AtomicBool::new(true),
        }
    }

    /// Nobody has it until it's accepted.
    #[must_use]
    pub fn waiting(self) -> Self {
        self.is_owned.store(false, Ordering::SeqCst);
        self
    }

    /// It was accepted.
    pub fn accept(&self) {
        self.is_owned.store(true, Ordering::SeqCst);
    }

    /// The size of the buffer for sending has changed.
    pub fn resize(&self, bytes: usize) {
        match &self.transport {
            Transport::Stream { outgoing, .. } => outgoing.channel().resize(pages(bytes)),
            Transport::Packets { budget, .. } => budget.set_limit(bytes),
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// `EPIPE` if that direction is shut, `EMSGSIZE` for a packet, `EAGAIN`, `EFAULT`, `EINTR`, `ERESTARTSYS`, and what is wrong
    /// with its control messages.
    pub fn send(&self, thread: &Thread, message: &mut Outgoing<'_, '_>, blocking: Blocking) -> Result<usize> {
        let wants_sender = self.side.wants_credentials() || self.peer.wants_credentials();
        let ancillary = if message.control.is_empty() && !wants_sender {
            None
        } else {
            let mut ancillary = Ancillary::parse(thread, &message.control)?;
            if wants_sender {
                ancillary.credentials.get_or_insert_with(|| Ucred::of_sender(thread));
            }
            Some(ancillary)
        };
        match &self.transport {
            Transport::Stream { outgoing, attached, .. } => {
                if outgoing.channel().is_shut() {
                    bail!(EPIPE, "nothing can be sent any more");
                }
                let attachment = ancillary.and_then(|ancillary| attach(ancillary, attached));
                outgoing.write_with(message.source, ChunkKind::Stream, blocking, attachment.as_ref())
            }
            Transport::Packets { outgoing, budget, .. } => {
                self.side.check()?;
                let is_shut = || outgoing.channel().is_shut();
                if is_shut() {
                    bail!(EPIPE, "nothing can be sent any more");
                }
                let charge = budget.charge(message.source.remaining(), blocking, is_shut)?;
                let bytes = message.source.take_all()?;
                let len = bytes.len();
                let packet = Packet::new(bytes, self.own_name.clone(), ancillary.unwrap_or_default(), charge);
                outgoing.force(packet).map_err(|_| err!(EPIPE, "nothing can be sent any more"))?;
                Ok(len)
            }
        }
    }

    /// Receives a message, or waits for one; 0 at the end.
    ///
    /// # Errors
    /// `ECONNRESET` once, if the peer closed without having read everything; `EAGAIN`, `EFAULT`, `EINTR`, `ERESTARTSYS`.
    pub fn receive(&self, thread: &Thread, message: &mut Incoming<'_, '_>, blocking: Blocking) -> Result<usize> {
        match &self.transport {
            Transport::Stream { incoming, .. } => {
                let is_peek = message.flags.contains(MessageFlags::MSG_PEEK);
                let mut received = Received::default();
                let (count, files) = if is_peek {
                    self.peek_stream(incoming, message.sink, blocking, &mut received)?
                } else {
                    let room = message.sink.remaining();
                    let wants_all = message.flags.contains(MessageFlags::MSG_WAITALL);
                    let least = if wants_all { room } else { self.side.least() };
                    let count = self.take_stream(incoming, message.sink, blocking, least, &mut received)?;
                    (count, received.rights.take().map(|(_, rights)| rights.receive()).unwrap_or_default())
                };
                if count > 0 {
                    message.address = self.peer_name.get().sender_address();
                }
                deliver(thread, message, received.credentials, files);
                Ok(count)
            }
            Transport::Packets { incoming, .. } => {
                self.side.check()?;
                let wants_credentials = self.side.wants_credentials();
                super::packet::receive(thread, incoming, message, blocking, wants_credentials)?
                    .map_or_else(|| self.end(), Ok)
            }
        }
    }

    /// Reads bytes alone; files that come with them are closed.
    ///
    /// # Errors
    /// As for [`receive`](Self::receive).
    pub fn read(&self, sink: &mut Sink<'_>, blocking: Blocking) -> Result<usize> {
        match &self.transport {
            Transport::Stream { incoming, .. } => {
                self.take_stream(incoming, sink, blocking, self.side.least(), &mut Received::default())
            }
            Transport::Packets { incoming, .. } => {
                self.side.check()?;
                match super::packet::take(incoming, blocking)? {
                    Some(packet) => sink.put(&packet.bytes),
                    None => self.end(),
                }
            }
        }
    }

    /// How much of a chunk a receiver may have together with what it has got.
    fn belongs(&self, received: &mut Received, chunk: &Chunk) -> bool {
        let attachment = chunk.attachment();
        if let Some((from, _)) = &received.rights
            && !attachment.is_some_and(|attachment| Arc::ptr_eq(attachment, from))
        {
            return false;
        }
        if !self.side.wants_credentials() {
            return true;
        }
        let sender = attachment.and_then(ancillary_of).and_then(|ancillary| ancillary.credentials);
        let sender = sender.unwrap_or(Ucred::UNKNOWN);
        *received.credentials.get_or_insert(sender) == sender
    }

    /// Takes bytes until there are `least`, or the sink is full.
    fn take_stream(
        &self,
        incoming: &Consumer<Chunk>,
        sink: &mut Sink<'_>,
        blocking: Blocking,
        least: usize,
        received: &mut Received,
    ) -> Result<usize> {
        if sink.is_empty() {
            return Ok(0);
        }
        let mut total = 0;
        loop {
            let result = incoming.consume(blocking, |chunk| {
                if !self.belongs(received, chunk) {
                    return Ok(Used::Last(0));
                }
                let count = sink.put(chunk.bytes())?;
                if let Some(attachment) = chunk.attachment()
                    && received.rights.is_none()
                    && let Some(rights) = ancillary_of(attachment).and_then(Ancillary::take_rights)
                {
                    received.rights = Some((attachment.clone(), rights));
                }
                Ok(if sink.is_empty() { Used::Last(count) } else { Used::More(count) })
            });
            match result {
                Ok(0) if total == 0 => return self.end(),
                Err(error) if total == 0 => return Err(error),
                Ok(0) | Err(_) => return Ok(total),
                Ok(count) => total += count,
            }
            if total >= least || blocking == Blocking::DontWait || sink.is_empty() || received.rights.is_some() {
                return Ok(total);
            }
        }
    }

    fn peek_stream(
        &self,
        incoming: &Consumer<Chunk>,
        sink: &mut Sink<'_>,
        blocking: Blocking,
        received: &mut Received,
    ) -> Result<(usize, Vec<Arc<dyn crate::fs::File>>)> {
        let channel = incoming.channel();
        loop {
            let mut bytes = Vec::new();
            let mut files = Vec::new();
            let mut files_of: Option<Attachment> = None;
            channel.with_items(|chunks| {
                for chunk in chunks {
                    let is_other = |from: &Attachment| !chunk.attachment().is_some_and(|own| Arc::ptr_eq(own, from));
                    if files_of.as_ref().is_some_and(is_other) || !self.belongs(received, chunk) {
                        break;
                    }
                    let wanted = (sink.remaining() - bytes.len()).min(chunk.len());
                    bytes.extend_from_slice(&chunk.bytes()[..wanted]);
                    if files.is_empty()
                        && let Some(attachment) = chunk.attachment()
                    {
                        files = ancillary_of(attachment).map(Ancillary::peek_files).unwrap_or_default();
                        files_of = (!files.is_empty()).then(|| attachment.clone());
                    }
                    if bytes.len() == sink.remaining() {
                        break;
                    }
                }
            });
            if !bytes.is_empty() || sink.is_empty() {
                return Ok((sink.put(&bytes)?, files));
            }
            if channel.is_shut() {
                return Ok((self.end()?, files));
            }
            if blocking == Blocking::DontWait {
                bail!(EAGAIN, "nothing has been sent");
            }
            incoming.wait_for_items(blocking.deadline()).map_err(|error| blocking.error(error))?;
        }
    }

    fn end(&self) -> Result<usize> {
        self.side.check().map(|()| 0)
    }

    /// Nothing more goes these ways.
    pub fn shut(&self, how: Shutdown) {
        match &self.transport {
            Transport::Stream { incoming, outgoing, .. } => shut_channels(how, incoming, outgoing),
            Transport::Packets { incoming, outgoing, budget, peer_budget } => {
                shut_channels(how, incoming, outgoing);
                if how.ends_reading() {
                    peer_budget.tell();
                }
                if how.ends_writing() {
                    budget.tell();
                }
            }
        }
    }

    /// What it's ready for.
    pub fn poll(&self) -> IoEvents {
        let (readable, writable, [no_more_in, no_more_out]) = match &self.transport {
            Transport::Stream { incoming, outgoing, .. } => (
                incoming.poll() & IoEvents::READABLE,
                outgoing.poll().intersects(IoEvents::WRITABLE),
                [incoming.channel().is_shut(), outgoing.channel().is_shut()],
            ),
            Transport::Packets { incoming, outgoing, budget, .. } => (
                incoming.poll() & IoEvents::READABLE,
                budget.has_room(),
                [incoming.channel().is_shut(), outgoing.channel().is_shut()],
            ),
        };
        readable
            | (IoEvents::WRITABLE | IoEvents::POLLWRBAND).when(writable)
            | (IoEvents::READABLE | IoEvents::POLLRDHUP).when(no_more_in)
            | IoEvents::POLLHUP.when(no_more_in && no_more_out)
            | IoEvents::POLLERR.when(self.side.has_error())
    }

    /// Bytes that are there to be read, and those that the peer hasn't read.
    pub fn queued(&self) -> [usize; 2] {
        match &self.transport {
            Transport::Stream { incoming, outgoing, .. } => [incoming.channel(), outgoing.channel()]
                .map(|channel| channel.with_items(|chunks| chunks.iter().map(Chunk::len).sum())),
            Transport::Packets { incoming, outgoing, .. } => [incoming.channel(), outgoing.channel()]
                .map(|channel| channel.with_items(|packets| packets.iter().map(|packet| packet.bytes.len()).sum())),
        }
    }

    /// Looks at what the messages carry that are there to be received.
    pub fn visit_queued(&self, visit: &mut dyn FnMut(&Ancillary)) {
        match &self.transport {
            Transport::Stream { incoming, .. } => incoming.channel().with_items(|chunks| {
                chunks.iter().filter_map(Chunk::attachment).filter_map(ancillary_of).for_each(visit);
            }),
            Transport::Packets { incoming, .. } => incoming.channel().with_items(|packets| {
                for packet in packets {
                    visit(&packet.ancillary);
                }
            }),
        }
    }
}

fn shut_channels<T>(how: Shutdown, incoming: &Consumer<T>, outgoing: &Producer<T>) {
    match how {
        Shutdown::Read => incoming.channel().shut(),
        Shutdown::Write => outgoing.channel().shut(),
        Shutdown::Both => incoming.channel().shut_both(outgoing.channel()),
    }
}

fn ancillary_of(attachment: &Attachment) -> Option<&Ancillary> {
    attachment.downcast_ref()
}

/// What is attached to a stream's bytes; the same as before for the same sender without files.
fn attach(ancillary: Ancillary, attached: &Mutex<Option<(Ucred, Attachment)>>) -> Option<Attachment> {
    if ancillary.is_empty() {
        return None;
    }
    let Some(sender) = ancillary.credentials.filter(|_| !ancillary.has_rights()) else {
        return Some(Arc::new(ancillary));
    };
    let mut attached = attached.lock();
    if let Some((last, attachment)) = &*attached
        && *last == sender
    {
        return Some(attachment.clone());
    }
    let attachment: Attachment = Arc::new(ancillary);
    *attached = Some((sender, attachment.clone()));
    Some(attachment)
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let [unread, _] = self.queued();
        if unread > 0 || !self.is_owned.load(Ordering::SeqCst) {
            self.peer.fail(Errno::ECONNRESET);
        }
        self.shut(Shutdown::Both);
        // The peer may have the channel for long, but nobody what is in it.
        match &self.transport {
            Transport::Stream { incoming, .. } => while incoming.pop().is_some() {},
            Transport::Packets { incoming, .. } => while incoming.pop().is_some() {},
        }
    }
}
