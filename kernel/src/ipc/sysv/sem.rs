//! Sets of semaphores (`man 2 semop`).

use super::ids::{Head, IPC_NOWAIT, Ids, Object, seconds};
use super::sem_undo;
use crate::prelude::*;
use crate::process::Thread;
use frame::sync::{Deadline, WaitError, WaitQueue};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The most sets (`SEMMNI`).
pub(super) const MAX_SETS: usize = 32000;
/// The most semaphores of a set (`SEMMSL`).
pub(super) const MAX_IN_SET: usize = 32000;
/// The most semaphores of all (`SEMMNS`).
pub(super) const MAX_ALL: usize = 1_024_000_000;
/// The most operations of a call (`SEMOPM`).
pub(super) const MAX_OPERATIONS: usize = 500;
/// The highest value (`SEMVMX`).
pub(super) const MAX_VALUE: i32 = 32767;

/// All sets.
pub(super) static SETS: Ids<Set> = Ids::new(MAX_SETS);

/// A set.
pub(super) struct Set {
    head: Head,
    pub(super) state: Mutex<State>,
    /// Who waits for a change.
    changed: WaitQueue,
}

/// What a set's lock protects.
pub(super) struct State {
    pub(super) semaphores: Vec<Semaphore>,
    /// When an operation last succeeded, in seconds.
    pub(super) operated: i64,
    /// What those who wait do: semaphore and operation.
    waiting: Vec<(u16, i16)>,
}

/// A semaphore.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Semaphore {
    pub(super) value: i32,
    /// The process that changed it last.
    pub(super) pid: u32,
}

/// `struct sembuf`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SemBuf {
    pub(super) number: u16,
    pub(super) operation: i16,
    flags: i16,
}

impl SemBuf {
    fn waits(self) -> bool {
        self.flags as u16 & IPC_NOWAIT as u16 == 0
    }

    fn undoes(self) -> bool {
        const SEM_UNDO: u16 = 0x1000;
        self.flags as u16 & SEM_UNDO != 0
    }
}

impl Object for Set {
    fn head(&self) -> &Head {
        &self.head
    }
}

impl Set {
    /// A set of so many semaphores, all zero.
    pub(super) fn new(head: Head, count: usize) -> Self {
        let state = State { semaphores: vec![Semaphore::default(); count], operated: 0, waiting: Vec::new() };
        Self { head, state: Mutex::new(state), changed: WaitQueue::new() }
    }

    /// Removes it; who waits for it is told.
    pub(super) fn remove(&self) {
        SETS.remove(self);
        sem_undo::forget_set(self.head.id);
        self.changed.wake_all();
    }

    /// Changes semaphores, and lets those look who wait.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.state.lock());
        self.changed.wake_all();
        result
    }

    /// Makes all operations at once, or waits until they can be made.
    ///
    /// # Errors
    /// As `semop(2)`.
    pub(super) fn operate(&self, thread: &Thread, operations: &[SemBuf], deadline: Option<Deadline>) -> Result<()> {
        let pid = thread.process.pid();
        let mut noted = None;
        let attempt = || {
            let mut state = self.state.lock();
            if let Some(note) = noted.take() {
                state.forget(note);
            }
            if let Err(error) = self.head.check_there() {
                return Some(Err(error));
            }
            match state.try_all(self.head.id, operations, pid) {
                Err(error) => Some(Err(error)),
                Ok(None) => Some(Ok(())),
                Ok(Some(blocking)) if !blocking.waits() => Some(Err(err!(EAGAIN, "it would wait"))),
                Ok(Some(blocking)) => {
                    let note = (blocking.number, blocking.operation);
                    state.waiting.push(note);
                    noted = Some(note);
                    None
                }
            }
        };
        let outcome = self.changed.wait_until(deadline, attempt);
        if let Some(note) = noted {
            self.state.lock().forget(note);
        }
        match outcome {
            Ok(result) => {
                result?;
                if operations.iter().any(|operation| operation.operation != 0) {
                    self.changed.wake_all();
                }
                Ok(())
            }
            Err(WaitError::TimedOut) => Err(err!(EAGAIN, "the time is over")),
            // Never restarted (`man 7 signal`).
            Err(WaitError::Interrupted) => Err(Errno::EINTR.into()),
        }
    }
}

impl State {
    /// How many wait for a semaphore to grow (`GETNCNT`), or to become zero (`GETZCNT`).
    pub(super) fn waiters(&self, number: u16, waits_for_zero: impl Fn(i16) -> bool) -> usize {
        self.waiting.iter().filter(|(other, operation)| *other == number && waits_for_zero(*operation)).count()
    }

    fn forget(&mut self, note: (u16, i16)) {
        if let Some(index) = self.waiting.iter().position(|other| *other == note) {
            self.waiting.swap_remove(index);
        }
    }

    /// Makes all operations; gives the first that can't be made now, with none made.
    fn try_all(&mut self, id: i32, operations: &[SemBuf], pid: u32) -> Result<Option<SemBuf>> {
        let mut values: Vec<(usize, i32)> = Vec::with_capacity(operations.len());
        for operation in operations {
            let number = usize::from(operation.number);
            let semaphore = self.semaphores.get(number).ok_or(err!(EFBIG, "the set has no such semaphore"))?;
            let changed = values.iter().rev().find(|(other, _)| *other == number);
            let value = changed.map_or(semaphore.value, |(_, value)| *value);
            let new = value + i32::from(operation.operation);
            if operation.operation == 0 && value != 0 || new < 0 {
                return Ok(Some(*operation));
            }
            if new > MAX_VALUE {
                bail!(ERANGE, "the value would be too high");
            }
            values.push((number, new));
        }
        let undone = operations.iter().filter(|operation| operation.undoes());
        sem_undo::note(pid, id, undone.map(|operation| (operation.number, operation.operation)))?;
        for (number, value) in values {
            self.semaphores[number] = Semaphore { value, pid };
        }
        self.operated = seconds();
        Ok(None)
    }
}
