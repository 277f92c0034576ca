//! Messages that stay whole: datagrams and packets of a sequence.

use super::ancillary::deliver;
use super::in_flight::Rights;
use super::{Ancillary, NameCell, Ucred};
use crate::events::{Blocking, Consumer, IoEvents};
use crate::net::{Incoming, MessageFlags};
use crate::prelude::*;
use crate::process::Thread;
use core::sync::atomic::{AtomicUsize, Ordering};
use frame::sync::WaitQueue;

use super::side::Side;

/// A message in a queue.
pub(super) struct Packet {
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// The name of who sent it.
    pub(super) sender: Arc<NameCell>,
    /// What came with it.
    pub(super) ancillary: Ancillary,
    /// Its share of what its sender may have under way; given back when it's received.
    _charge: Charge,
}

impl Packet {
    /// A message that is paid for.
    pub(super) fn new(bytes: Vec<u8>, sender: Arc<NameCell>, ancillary: Ancillary, charge: Charge) -> Self {
        Self { bytes, sender, ancillary, _charge: charge }
    }
}

/// What a sender may have under way (`SO_SNDBUF`).
pub(super) struct Budget {
    limit: AtomicUsize,
    used: AtomicUsize,
    waiters: WaitQueue,
    /// Whom to tell that there's room again.
    side: Arc<Side>,
}

/// What a message costs besides its bytes, as on Linux.
const OVERHEAD: usize = 768;

impl Budget {
    /// So many bytes of a sender.
    pub(super) fn new(limit: usize, side: Arc<Side>) -> Arc<Self> {
        Arc::new(Self { limit: AtomicUsize::new(limit), used: AtomicUsize::new(0), waiters: WaitQueue::new(), side })
    }

    /// Changes how many.
    pub(super) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::SeqCst);
        self.tell();
    }

    /// What is used.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::SeqCst)
    }

    /// Whether something is left.
    pub(super) fn has_room(&self) -> bool {
        self.used() < self.limit.load(Ordering::SeqCst)
    }

    /// Pays for a message, or waits until that can be done, or `is_over`.
    ///
    /// # Errors
    /// `EMSGSIZE` for a message that is larger than all of it; `EAGAIN`, `EINTR`, `ERESTARTSYS`.
    pub(super) fn charge(
        self: &Arc<Self>,
        len: usize,
        blocking: Blocking,
        is_over: impl Fn() -> bool,
    ) -> Result<Charge> {
        // Linux leaves this much for its own.
        const RESERVED: usize = 32;
        if len > self.limit.load(Ordering::SeqCst).saturating_sub(RESERVED) {
            bail!(EMSGSIZE, "the message is larger than the buffer");
        }
        let cost = len + OVERHEAD;
        let pay = || {
            let has_room = |used| (used < self.limit.load(Ordering::SeqCst) || is_over()).then_some(used + cost);
            self.used.try_update(Ordering::SeqCst, Ordering::SeqCst, has_room).ok()
        };
        if blocking == Blocking::DontWait {
            pay().ok_or(err!(EAGAIN, "the buffer is full"))?;
        } else {
            self.waiters.wait_until(blocking.deadline(), pay).map_err(|error| blocking.error(error))?;
        }
        Ok(Charge { budget: self.clone(), cost })
    }

    /// Lets those look again who wait.
    pub(super) fn tell(&self) {
        self.waiters.wake_all();
        self.side.notifier.broadcast(IoEvents::WRITABLE | IoEvents::POLLWRBAND);
    }
}

/// A message's share of a budget.
pub(super) struct Charge {
    budget: Arc<Budget>,
    cost: usize,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.cost, Ordering::SeqCst);
        self.budget.tell();
    }
}

/// Takes a packet, or waits for one; `None` at the end.
///
/// # Errors
/// `EAGAIN`, `EINTR`, `ERESTARTSYS`.
pub(super) fn take(incoming: &Consumer<Packet>, blocking: Blocking) -> Result<Option<Packet>> {
    wait_for(incoming, blocking, || incoming.pop())
}

/// Gets something of the first packet, or waits for one; `None` at the end.
fn wait_for<R>(
    incoming: &Consumer<Packet>,
    blocking: Blocking,
    mut get: impl FnMut() -> Option<R>,
) -> Result<Option<R>> {
    loop {
        // Asked before the look: the last one may write, and leave then.
        let is_over = !incoming.channel().has_producers();
        if let Some(got) = get() {
            return Ok(Some(got));
        }
        if is_over {
            return Ok(None);
        }
        if blocking == Blocking::DontWait {
            bail!(EAGAIN, "nothing has been sent");
        }
        incoming.wait_for_items(blocking.deadline()).map_err(|error| blocking.error(error))?;
    }
}

/// Receives a packet, or waits for one; `None` at the end. Gives how many bytes were received, or how many there were if
/// the receiver asks for that (`MSG_TRUNC`).
///
/// # Errors
/// `EAGAIN`, `EFAULT`, `EINTR`, `ERESTARTSYS`.
pub(super) fn receive(
    thread: &Thread,
    incoming: &Consumer<Packet>,
    message: &mut Incoming<'_, '_>,
    blocking: Blocking,
    wants_credentials: bool,
) -> Result<Option<usize>> {
    let got = if message.flags.contains(MessageFlags::MSG_PEEK) {
        wait_for(incoming, blocking, || {
            incoming.channel().with_items(|packets| {
                packets.front().map(|packet| {
                    let ancillary = &packet.ancillary;
                    (packet.bytes.clone(), packet.sender.clone(), ancillary.credentials, ancillary.peek_files())
                })
            })
        })?
    } else {
        take(incoming, blocking)?.map(|mut packet| {
            let files = packet.ancillary.take_rights().map(Rights::receive).unwrap_or_default();
            (core::mem::take(&mut packet.bytes), packet.sender.clone(), packet.ancillary.credentials, files)
        })
    };
    let Some((bytes, sender, credentials, files)) = got else { return Ok(None) };
    message.address = sender.get().sender_address();
    let room = message.sink.remaining();
    let count = bytes.len().min(room);
    if count > 0 && message.sink.put(&bytes[..count])? < count {
        bail!(EFAULT, "the buffer ends before its length");
    }
    if count < bytes.len() {
        message.outcome |= MessageFlags::MSG_TRUNC;
    }
    deliver(thread, message, wants_credentials.then(|| credentials.unwrap_or(Ucred::UNKNOWN)), files);
    Ok(Some(if message.flags.contains(MessageFlags::MSG_TRUNC) { bytes.len() } else { count }))
}
