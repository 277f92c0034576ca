//! Message queues (`man 2 msgop`).

use super::ids::{Head, Ids, Object, seconds};
use crate::prelude::*;
use crate::process::Thread;
use frame::sync::{WaitError, WaitQueue};

/// The most queues (`MSGMNI`).
pub(super) const MAX_QUEUES: usize = 32000;
/// The longest message (`MSGMAX`).
pub(super) const MAX_MESSAGE: usize = 8192;
/// What a queue holds unless it's told otherwise, in bytes (`MSGMNB`).
pub(super) const QUEUE_SIZE: usize = 16384;

/// All queues.
pub(super) static QUEUES: Ids<Queue> = Ids::new(MAX_QUEUES);

/// A queue.
pub(super) struct Queue {
    head: Head,
    pub(super) state: Mutex<State>,
    senders: WaitQueue,
    receivers: WaitQueue,
}

/// What a queue's lock protects.
pub(super) struct State {
    messages: VecDeque<Message>,
    pub(super) bytes: usize,
    pub(super) capacity: usize,
    /// When the last message was sent and received, in seconds, and by which process.
    pub(super) sent: (i64, u32),
    pub(super) received: (i64, u32),
}

/// A message.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) kind: i64,
    pub(super) text: Vec<u8>,
}

/// Which message is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The first.
    First,
    /// The first of this type.
    Kind(i64),
    /// The first of another type (`MSG_EXCEPT`).
    NotKind(i64),
    /// The first of the lowest type up to this one.
    LowestUpTo(i64),
}

/// What becomes of a message that is longer than the room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooLong {
    /// It stays (`E2BIG`).
    Fails,
    /// It's cut off (`MSG_NOERROR`).
    IsCut,
}

/// What a call does when it can't go on.
pub(super) use crate::events::Blocking;

impl Object for Queue {
    fn head(&self) -> &Head {
        &self.head
    }
}

impl Queue {
    /// An empty queue.
    pub(super) fn new(head: Head) -> Self {
        let state = State { messages: VecDeque::new(), bytes: 0, capacity: QUEUE_SIZE, sent: (0, 0), received: (0, 0) };
        Self { head, state: Mutex::new(state), senders: WaitQueue::new(), receivers: WaitQueue::new() }
    }

    /// Removes it; who waits for it is told.
    pub(super) fn remove(&self) {
        QUEUES.remove(self);
        self.wake_all();
    }

    /// Lets all look who wait.
    pub(super) fn wake_all(&self) {
        self.senders.wake_all();
        self.receivers.wake_all();
    }

    /// Sends a message.
    ///
    /// # Errors
    /// As `msgsnd(2)`.
    pub(super) fn send(&self, thread: &Thread, message: Message, blocking: Blocking) -> Result<()> {
        let mut message = Some(message);
        let attempt = || {
            let mut state = self.state.lock();
            if let Err(error) = self.head.check_there() {
                return Some(Err(error));
            }
            let len = message.as_ref().map_or(0, |message| message.text.len());
            if state.bytes + len <= state.capacity && state.messages.len() < state.capacity {
                state.bytes += len;
                state.messages.extend(message.take());
                state.sent = (seconds(), thread.process.pid());
                return Some(Ok(()));
            }
            (blocking == Blocking::DontWait).then(|| Err(err!(EAGAIN, "the queue is full")))
        };
        wait(&self.senders, attempt)?;
        self.receivers.wake_all();
        Ok(())
    }

    /// Receives a message of at most `room` bytes.
    ///
    /// # Errors
    /// As `msgrcv(2)`.
    pub(super) fn receive(
        &self,
        thread: &Thread,
        wanted: Wanted,
        room: usize,
        too_long: TooLong,
        blocking: Blocking,
    ) -> Result<Message> {
        let attempt = || {
            let mut state = self.state.lock();
            if let Err(error) = self.head.check_there() {
                return Some(Err(error));
            }
            let Some(index) = state.find(wanted) else {
                return (blocking == Blocking::DontWait).then(|| Err(err!(ENOMSG, "there's no such message")));
            };
            if state.messages[index].text.len() > room && too_long == TooLong::Fails {
                return Some(Err(err!(E2BIG, "the message is longer")));
            }
            let message = state.messages.remove(index)?;
            state.bytes -= message.text.len();
            state.received = (seconds(), thread.process.pid());
            Some(Ok(message))
        };
        let message = wait(&self.receivers, attempt)?;
        self.senders.wake_all();
        Ok(message)
    }

    /// A copy of the message at this place (`MSG_COPY`).
    ///
    /// # Errors
    /// `ENOMSG`, `E2BIG`.
    pub(super) fn copy(&self, index: i64, room: usize, too_long: TooLong) -> Result<Message> {
        let state = self.state.lock();
        let message = usize::try_from(index).ok().and_then(|index| state.messages.get(index));
        let message = message.ok_or(err!(ENOMSG, "there's no such message"))?;
        if message.text.len() > room && too_long == TooLong::Fails {
            bail!(E2BIG, "the message is longer");
        }
        Ok(message.clone())
    }
}

impl State {
    /// Number of messages.
    pub(super) fn count(&self) -> usize {
        self.messages.len()
    }

    fn find(&self, wanted: Wanted) -> Option<usize> {
        let mut kinds = self.messages.iter().map(|message| message.kind);
        match wanted {
            Wanted::First => (!self.messages.is_empty()).then_some(0),
            Wanted::Kind(kind) => kinds.position(|other| other == kind),
            Wanted::NotKind(kind) => kinds.position(|other| other != kind),
            Wanted::LowestUpTo(limit) => {
                let lowest = kinds.filter(|kind| *kind <= limit).min()?;
                self.find(Wanted::Kind(lowest))
            }
        }
    }
}

fn wait<R>(queue: &WaitQueue, attempt: impl FnMut() -> Option<Result<R>>) -> Result<R> {
    queue.wait_until(None, attempt).map_err(|error| match error {
        // It restarts unless there's a handler (`man 7 signal`).
        WaitError::Interrupted | WaitError::TimedOut => Error::from(Errno::ERESTARTNOHAND),
    })?
}
