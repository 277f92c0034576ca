//! A ring of items between two ends.

use super::{IoEvents, Notifier};
use crate::prelude::*;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use frame::sync::{Deadline, MutexGuard, WaitError, WaitQueue};

/// How many used-up items all channels together keep for their producers: those of idle ones would take more memory than
/// the channels themselves.
const MOST_SPARE: usize = 256;

/// How many there are.
static SPARE: AtomicUsize = AtomicUsize::new(0);

/// A ring between producers and consumers. Its ends are made by [`producer`](Self::producer) and
/// [`consumer`](Self::consumer); an end is closed when the last of its handles is dropped, and opened again by a new one.
///
/// A slot is occupied from [`Producer::push`] until whoever popped its item says [`Consumer::release`], so that an item can
/// be used up outside the lock. Lock order: an end's turn, the items, the spare ones.
pub struct Channel<T> {
    items: Mutex<VecDeque<T>>,
    /// Items that are used up, for the producers to use again.
    spare: Mutex<Vec<T>>,
    /// Slots in use: the items, and those that were popped and aren't released.
    occupied: AtomicUsize,
    capacity: AtomicUsize,
    producers: End,
    consumers: End,
    /// Both ends are closed, whatever handles there are.
    is_shut: AtomicBool,
}

/// Who has an end's turn is at work.
#[derive(Debug, Default)]
pub(super) struct AtWork;

/// What there is for each end.
#[derive(Default)]
struct End {
    handles: AtomicUsize,
    /// Held while items are made or used up, so that those of one call stay together. Never while waiting.
    turn: Mutex<AtWork>,
    waiters: WaitQueue,
    notifier: Notifier,
}

impl End {
    fn is_open(&self) -> bool {
        self.handles.load(Ordering::SeqCst) > 0
    }
}

/// The end that items are put in at.
pub struct Producer<T>(Arc<Channel<T>>);

/// The end that items are taken out at.
pub struct Consumer<T>(Arc<Channel<T>>);

/// Why an item wasn't pushed.
#[derive(Debug, PartialEq, Eq)]
pub enum PushError<T> {
    /// There's no slot for it.
    Full(T),
    /// All consumers are gone.
    Closed(T),
}

const HAS_CONSUMERS_GONE: IoEvents = IoEvents::WRITABLE.union(IoEvents::ALWAYS);
const HAS_PRODUCERS_GONE: IoEvents = IoEvents::READABLE.union(IoEvents::ALWAYS).union(IoEvents::POLLRDHUP);

impl<T> Channel<T> {
    /// A ring of this many slots, whose ends aren't open yet.
    pub fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            items: Mutex::new(VecDeque::new()),
            spare: Mutex::new(Vec::new()),
            occupied: AtomicUsize::new(0),
            capacity: AtomicUsize::new(capacity),
            producers: End::default(),
            consumers: End::default(),
            is_shut: AtomicBool::new(false),
        })
    }

    /// A ring and its two ends.
    pub fn pair(capacity: usize) -> (Producer<T>, Consumer<T>) {
        let channel = Self::new(capacity);
        (channel.producer(), channel.consumer())
    }

    /// A handle of the one end.
    pub fn producer(self: &Arc<Self>) -> Producer<T> {
        self.producers.handles.fetch_add(1, Ordering::SeqCst);
        Producer(self.clone())
    }

    /// A handle of the other end.
    pub fn consumer(self: &Arc<Self>) -> Consumer<T> {
        self.consumers.handles.fetch_add(1, Ordering::SeqCst);
        Consumer(self.clone())
    }

    /// Whether there is a producer.
    pub fn has_producers(&self) -> bool {
        self.producers.is_open() && !self.is_shut()
    }

    /// Whether there is a consumer.
    pub fn has_consumers(&self) -> bool {
        self.consumers.is_open() && !self.is_shut()
    }

    /// Closes both ends for good: nothing more can be put in, and what is there can still be taken out.
    pub fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
        self.tell_shut();
    }

    /// Closes both ends of two rings for good, such that nobody finds the one shut and the other not.
    pub fn shut_both<U>(&self, other: &Channel<U>) {
        self.is_shut.store(true, Ordering::SeqCst);
        other.is_shut.store(true, Ordering::SeqCst);
        self.tell_shut();
        other.tell_shut();
    }

    fn tell_shut(&self) {
        self.consumers.waiters.wake_all();
        self.producers.waiters.wake_all();
        self.consumers.notifier.broadcast(HAS_PRODUCERS_GONE);
        self.producers.notifier.broadcast(HAS_CONSUMERS_GONE);
    }

    /// Whether it was shut.
    pub fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::SeqCst)
    }

    /// The number of slots.
    pub fn capacity(&self) -> usize {
        self.capacity.load(Ordering::SeqCst)
    }

    /// Changes the number of slots.
    ///
    /// # Errors
    /// `EBUSY` if more are in use.
    pub fn set_capacity(&self, capacity: usize) -> Result<()> {
        {
            // With the producers' turn, nobody fills slots that are about to go.
            let _turn = self.producers.turn.lock();
            if self.occupied() > capacity {
                bail!(EBUSY, "more is in the channel");
            }
            self.capacity.store(capacity, Ordering::SeqCst);
        }
        self.announce_capacity();
        Ok(())
    }

    /// Changes the number of slots; if more are in use, nothing is put in until they aren't.
    pub fn resize(&self, capacity: usize) {
        {
            let _turn = self.producers.turn.lock();
            self.capacity.store(capacity, Ordering::SeqCst);
        }
        self.announce_capacity();
    }

    fn announce_capacity(&self) {
        self.producers.waiters.wake_all();
        self.producers.notifier.broadcast(IoEvents::WRITABLE);
    }

    /// Looks at the items.
    pub fn with_items<R>(&self, look: impl FnOnce(&VecDeque<T>) -> R) -> R {
        look(&self.items.lock())
    }

    fn occupied(&self) -> usize {
        self.occupied.load(Ordering::SeqCst)
    }

    fn free(&self) -> usize {
        self.capacity().saturating_sub(self.occupied())
    }
}

impl<T> Drop for Channel<T> {
    fn drop(&mut self) {
        SPARE.fetch_sub(self.spare.get_mut().len(), Ordering::Relaxed);
    }
}

/// A producer's or consumer's turn: others of the same end wait.
pub(super) type Turn<'a> = MutexGuard<'a, AtWork>;

impl<T> Producer<T> {
    /// The ring.
    pub fn channel(&self) -> &Arc<Channel<T>> {
        &self.0
    }

    /// What tells that there is room again, or that the consumers are gone.
    pub fn notifier(&self) -> &Notifier {
        &self.0.producers.notifier
    }

    /// What the end is ready for.
    pub fn poll(&self) -> IoEvents {
        IoEvents::WRITABLE.when(self.0.free() > 0) | IoEvents::POLLERR.when(!self.0.has_consumers())
    }

    /// Puts an item in.
    ///
    /// # Errors
    /// [`PushError`], with the item.
    pub fn push(&self, item: T) -> Result<(), PushError<T>> {
        let turn = self.turn();
        if !self.0.has_consumers() {
            return Err(PushError::Closed(item));
        }
        if self.room(&turn) == 0 {
            return Err(PushError::Full(item));
        }
        self.push_all(&turn, [item]);
        drop(turn);
        self.announce();
        Ok(())
    }

    /// Puts an item in whether there's room or not.
    ///
    /// # Errors
    /// The item, if all consumers are gone.
    pub fn force(&self, item: T) -> Result<(), T> {
        let turn = self.turn();
        if !self.0.has_consumers() {
            return Err(item);
        }
        self.push_all(&turn, [item]);
        drop(turn);
        self.announce();
        Ok(())
    }

    /// Waits until there is room, or no consumer.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] after `deadline`, [`WaitError::Interrupted`] when the thread is wanted.
    pub fn wait_for_room(&self, deadline: Option<Deadline>) -> Result<(), WaitError> {
        let channel = &*self.0;
        channel
            .producers
            .waiters
            .wait_until(deadline, || (channel.free() > 0 || !channel.has_consumers()).then_some(()))
    }

    pub(super) fn turn(&self) -> Turn<'_> {
        self.0.producers.turn.lock()
    }

    /// As [`turn`](Self::turn), for who has a consumer's, of whichever channel: that comes first.
    pub(super) fn turn_after(&self, _consumers: &Turn<'_>) -> Turn<'_> {
        self.0.producers.turn.lock_nested()
    }

    /// The slots that are free, which only become more while it's this producer's turn.
    pub(super) fn room(&self, _turn: &Turn<'_>) -> usize {
        self.0.free()
    }

    /// Puts items in, for which the caller has seen room, and wakes a consumer that waits.
    pub(super) fn push_all(&self, _turn: &Turn<'_>, items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>) {
        let items = items.into_iter();
        let count = items.len();
        {
            let mut queue = self.0.items.lock();
            queue.extend(items);
            self.0.occupied.fetch_add(count, Ordering::SeqCst);
        }
        self.0.consumers.waiters.wake_one();
    }

    /// Lets `change` add to the item that was pushed last, if that is still there: so nobody waits for one. Gives what it
    /// gives.
    pub(super) fn with_last<R>(&self, _turn: &Turn<'_>, change: impl FnOnce(&mut T) -> Option<R>) -> Option<R> {
        if self.0.occupied() == 0 {
            return None;
        }
        self.0.items.lock().back_mut().and_then(change)
    }

    /// At most `count` used-up items.
    pub(super) fn take_spare(&self, count: usize) -> Vec<T> {
        let mut spare = self.0.spare.lock();
        let rest = spare.len().saturating_sub(count);
        let taken = spare.split_off(rest);
        SPARE.fetch_sub(taken.len(), Ordering::Relaxed);
        taken
    }

    /// Tells the consumers that there's something new, and another producer that there's room left.
    pub(super) fn announce(&self) {
        let channel = &*self.0;
        channel.consumers.notifier.broadcast(IoEvents::READABLE);
        if channel.free() > 0 {
            channel.producers.waiters.wake_one();
        }
    }
}

impl<T> Consumer<T> {
    /// The ring.
    pub fn channel(&self) -> &Arc<Channel<T>> {
        &self.0
    }

    /// What tells that there is something again, or that the producers are gone.
    pub fn notifier(&self) -> &Notifier {
        &self.0.consumers.notifier
    }

    /// What the end is ready for.
    pub fn poll(&self) -> IoEvents {
        IoEvents::READABLE.when(self.0.occupied() > 0) | IoEvents::POLLHUP.when(!self.0.has_producers())
    }

    /// Takes an item out, if there is one.
    pub fn pop(&self) -> Option<T> {
        let turn = self.turn();
        let item = self.pop_held(&turn)?;
        drop(turn);
        if self.release() {
            self.announce_room();
        }
        self.wake_producer();
        Some(item)
    }

    /// Waits until there is something, or no producer.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] after `deadline`, [`WaitError::Interrupted`] when the thread is wanted.
    pub fn wait_for_items(&self, deadline: Option<Deadline>) -> Result<(), WaitError> {
        let channel = &*self.0;
        channel
            .consumers
            .waiters
            .wait_until(deadline, || (channel.occupied() > 0 || !channel.has_producers()).then_some(()))
    }

    pub(super) fn turn(&self) -> Turn<'_> {
        self.0.consumers.turn.lock()
    }

    /// Whether there's nothing to take out.
    pub(super) fn is_empty(&self) -> bool {
        self.0.occupied() == 0
    }

    /// Takes an item out whose slot stays occupied: until [`release`](Self::release), or until it's put back.
    pub(super) fn pop_held(&self, _turn: &Turn<'_>) -> Option<T> {
        self.0.items.lock().pop_front()
    }

    /// Puts the rest of an item back whose slot is still occupied.
    pub(super) fn put_back(&self, _turn: &Turn<'_>, item: T) {
        self.0.items.lock().push_front(item);
    }

    /// Frees the slot of an item that was popped. Gives whether there was no room before.
    pub(super) fn release(&self) -> bool {
        self.0.occupied.fetch_sub(1, Ordering::SeqCst) >= self.0.capacity()
    }

    /// Keeps a used-up item for the producers, unless there are enough.
    pub(super) fn give_spare(&self, item: T) {
        if SPARE.load(Ordering::Relaxed) >= MOST_SPARE {
            return;
        }
        let mut spare = self.0.spare.lock();
        if spare.len() < self.0.capacity() {
            spare.push(item);
            SPARE.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Wakes a producer that waits for room, if there is some, and another consumer if there's something left.
    pub(super) fn wake_producer(&self) {
        if self.0.free() > 0 {
            self.0.producers.waiters.wake_one();
        }
        if self.0.occupied() > 0 {
            self.0.consumers.waiters.wake_one();
        }
    }

    /// Tells the producers' observers that there's room again.
    pub(super) fn announce_room(&self) {
        self.0.producers.notifier.broadcast(IoEvents::WRITABLE);
    }
}

impl<T> Clone for Producer<T> {
    fn clone(&self) -> Self {
        self.0.producer()
    }
}

impl<T> Clone for Consumer<T> {
    fn clone(&self) -> Self {
        self.0.consumer()
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        if self.0.producers.handles.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.consumers.waiters.wake_all();
            self.0.consumers.notifier.broadcast(HAS_PRODUCERS_GONE);
        }
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        if self.0.consumers.handles.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.producers.waiters.wake_all();
            self.0.producers.notifier.broadcast(HAS_CONSUMERS_GONE);
        }
    }
}
