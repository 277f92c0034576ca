//! A queue of messages with priorities.

use crate::events::{Blocking, IoEvents, Notifier};
use crate::fs::{FileType, Metadata, Time, current_time};
use crate::prelude::*;
use crate::process::{Process, Thread};
use crate::signal::{self, SigInfo, Signal};
use core::sync::atomic::{AtomicU64, Ordering};
use frame::sync::{Deadline, WaitError, WaitQueue};

/// Device number of queues.
const DEVICE: u64 = 0x17;
/// What `stat` shows as size: that of the text that a read gives.
const TEXT_SIZE: u64 = 80;

/// A queue.
pub(super) struct Queue {
    pub(super) limits: Limits,
    ino: u64,
    mode: u32,
    pub(super) owner: [u32; 2],
    created: Time,
    state: Mutex<State>,
    senders: WaitQueue,
    receivers: WaitQueue,
    pub(super) notifier: Notifier,
}

/// How many messages of what length a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) messages: usize,
    pub(super) size: usize,
}

#[derive(Default)]
struct State {
    /// By priority, the oldest first.
    messages: BTreeMap<u32, VecDeque<Vec<u8>>>,
    count: usize,
    bytes: usize,
    waiting_receivers: usize,
    /// What waits for room, the longest first, with numbers that senders know theirs by. Whoever makes room puts it in.
    blocked: VecDeque<(u64, u32, Vec<u8>)>,
    next_blocked: u64,
    registration: Option<Registration>,
}

/// Who wants to be told when a message comes into the empty queue (`man 3 mq_notify`).
pub(super) struct Registration {
    pub(super) process: Weak<Process>,
    pub(super) pid: u32,
    /// The signal and its value; nothing to just keep others from being told.
    pub(super) signal: Option<(Signal, u64)>,
}

impl Queue {
    /// An empty queue.
    pub(super) fn new(limits: Limits, mode: u32, owner: [u32; 2]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(2);
        Self {
            limits,
            ino: NEXT.fetch_add(1, Ordering::Relaxed),
            mode,
            owner,
            created: current_time(),
            state: Mutex::default(),
            senders: WaitQueue::new(),
            receivers: WaitQueue::new(),
            notifier: Notifier::new(),
        }
    }

    /// Its attributes.
    pub(super) fn metadata(&self) -> Metadata {
        let [uid, gid] = self.owner;
        Metadata {
            dev: DEVICE,
            ino: self.ino,
            kind: FileType::Regular,
            mode: self.mode,
            nlink: 1,
            uid,
            gid,
            rdev: 0,
            size: TEXT_SIZE,
            blksize: 4096,
            blocks: 0,
            atime: self.created,
            mtime: self.created,
            ctime: self.created,
            btime: self.created,
        }
    }

    /// Bytes that count against its creator's limit (`RLIMIT_MSGQUEUE`), as on Linux.
    pub(super) fn charge(limits: Limits) -> Option<u64> {
        const PER_MESSAGE: usize = 48;
        const PER_PRIORITY: usize = 48;
        const PRIORITIES: usize = 32768;
        let bytes = limits.messages.checked_mul(limits.size.checked_add(PER_MESSAGE)?)?;
        Some(bytes.checked_add(limits.messages.min(PRIORITIES) * PER_PRIORITY)? as u64)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// As `mq_send(3)`.
    pub(super) fn send(
        &self,
        thread: &Thread,
        message: Vec<u8>,
        priority: u32,
        blocking: Blocking,
        deadline: Option<Deadline>,
    ) -> Result<()> {
        let mut message = Some(message);
        let mut told = None;
        let mut blocked_as = None;
        let attempt = || {
            let mut state = self.state.lock();
            if let Some(number) = blocked_as {
                return (!state.is_blocked(number)).then_some(Ok(()));
            }
            if state.count >= self.limits.messages {
                if blocking == Blocking::DontWait {
                    return Some(Err(err!(EAGAIN, "the queue is full")));
                }
                blocked_as = message.take().map(|message| state.block(priority, message));
                return None;
            }
            if state.count == 0 && state.waiting_receivers == 0 {
                told = state.registration.take();
            }
            if let Some(message) = message.take() {
                state.put(priority, message);
            }
            Some(Ok(()))
        };
        if let Err(error) = wait(&self.senders, deadline, attempt) {
            // Unless somebody has put the message in meanwhile.
            if blocked_as.is_none_or(|number| self.state.lock().unblock(number)) {
                return Err(error);
            }
        }
        self.receivers.wake_all();
        self.notifier.broadcast(IoEvents::READABLE);
        if let Some(registration) = told {
            registration.tell(thread);
        }
        Ok(())
    }

    /// Receives the oldest message of the highest priority, and that.
    ///
    /// # Errors
    /// As `mq_receive(3)`.
    pub(super) fn receive(&self, blocking: Blocking, deadline: Option<Deadline>) -> Result<(Vec<u8>, u32)> {
        let mut is_noted = false;
        let attempt = || {
            let mut state = self.state.lock();
            if let Some(taken) = state.take() {
                state.waiting_receivers -= usize::from(core::mem::take(&mut is_noted));
                return Some(Ok(taken));
            }
            if blocking == Blocking::DontWait {
                return Some(Err(err!(EAGAIN, "the queue is empty")));
            }
            state.waiting_receivers += usize::from(!core::mem::replace(&mut is_noted, true));
            None
        };
        let received = wait(&self.receivers, deadline, attempt);
        if is_noted {
            self.state.lock().waiting_receivers -= 1;
        }
        let received = received?;
        self.senders.wake_all();
        self.notifier.broadcast(IoEvents::WRITABLE);
        Ok(received)
    }

    /// Number of messages.
    pub(super) fn count(&self) -> usize {
        self.state.lock().count
    }

    /// What it is ready for.
    pub(super) fn poll(&self) -> IoEvents {
        let count = self.count();
        IoEvents::READABLE.when(count > 0) | IoEvents::WRITABLE.when(count < self.limits.messages)
    }

    /// Registers who wants to be told.
    ///
    /// # Errors
    /// `EBUSY` if somebody is.
    pub(super) fn register(&self, new: Registration) -> Result<()> {
        let mut state = self.state.lock();
        if state.registration.as_ref().is_some_and(Registration::is_there) {
            bail!(EBUSY, "a process is told already");
        }
        state.registration = Some(new);
        Ok(())
    }

    /// A process doesn't want to be told any more.
    pub(super) fn unregister(&self, pid: u32) {
        let mut state = self.state.lock();
        if state.registration.as_ref().is_some_and(|registration| registration.pid == pid) {
            state.registration = None;
        }
    }

    /// What a read gives.
    pub(super) fn text(&self) -> String {
        const SIGEV_SIGNAL: u32 = 0;
        const SIGEV_NONE: u32 = 1;
        let state = self.state.lock();
        let (kind, number, pid) = match &state.registration {
            Some(Registration { pid, signal: Some((signal, _)), .. }) => (SIGEV_SIGNAL, signal.number(), *pid),
            Some(Registration { pid, signal: None, .. }) => (SIGEV_NONE, 0, *pid),
            None => (0, 0, 0),
        };
        format!("QSIZE:{:<10} NOTIFY:{kind:<5} SIGNO:{number:<5} NOTIFY_PID:{pid:<6}\n", state.bytes)
    }
}

impl State {
    fn put(&mut self, priority: u32, message: Vec<u8>) {
        self.bytes += message.len();
        self.count += 1;
        self.messages.entry(priority).or_default().push_back(message);
    }

    fn block(&mut self, priority: u32, message: Vec<u8>) -> u64 {
        let number = self.next_blocked;
        self.next_blocked += 1;
        self.blocked.push_back((number, priority, message));
        number
    }

    fn is_blocked(&self, number: u64) -> bool {
        self.blocked.iter().any(|(other, ..)| *other == number)
    }

    /// Takes back what waits for room; whether it still did.
    fn unblock(&mut self, number: u64) -> bool {
        let before = self.blocked.len();
        self.blocked.retain(|(other, ..)| *other != number);
        self.blocked.len() < before
    }

    /// Takes the message that is to be received next, and puts in one that has waited for room.
    fn take(&mut self) -> Option<(Vec<u8>, u32)> {
        let mut highest = self.messages.last_entry()?;
        let priority = *highest.key();
        let message = highest.get_mut().pop_front()?;
        if highest.get().is_empty() {
            highest.remove();
        }
        self.count -= 1;
        self.bytes -= message.len();
        if let Some((_, priority, message)) = self.blocked.pop_front() {
            self.put(priority, message);
        }
        Some((message, priority))
    }
}

impl Registration {
    fn is_there(&self) -> bool {
        self.process.upgrade().is_some_and(|process| !process.is_ending())
    }

    fn tell(self, sender: &Thread) {
        let (Some(process), Some((signal, value))) = (self.process.upgrade(), self.signal) else { return };
        if let Err(error) = signal::send_to_process(&process, signal, SigInfo::message_queue(signal, sender, value)) {
            warn!("{signal} to process {} is lost: {error}", process.pid());
        }
    }
}

fn wait<R>(queue: &WaitQueue, deadline: Option<Deadline>, attempt: impl FnMut() -> Option<Result<R>>) -> Result<R> {
    queue.wait_until(deadline, attempt).map_err(|error| match error {
        WaitError::TimedOut => err!(ETIMEDOUT, "the time is over"),
        WaitError::Interrupted => Error::from(Errno::ERESTARTSYS),
    })?
}
