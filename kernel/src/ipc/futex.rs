//! Futexes (`man 2 futex`): waiting for a word of memory to change.
//!
//! A waiter looks at the word and queues itself under the lock of the word's bucket; a waker takes it out under that
//! lock. So no change of the word that is announced by a wake-up can fall between the look and the queueing.

use super::futex_queue::{Entry, Key, Kind, Scope, Wait, enqueue, lock, take, with_two};
use crate::prelude::*;
use crate::process::Thread;
use frame::sync::{Deadline, WaitError};

pub use super::robust::{exit_robust_list, wake_clear_tid};

/// All bits of a futex's mask.
pub(super) const MATCH_ANY: u32 = u32::MAX;

/// A futex: a word of the program and who may use it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Futex {
    pub(super) word: UserPtr<u32>,
    pub(super) scope: Scope,
}

impl Futex {
    pub(super) fn key(self, thread: &Thread) -> Result<Key> {
        Key::of(thread, self.word, self.scope)
    }
}

/// Waits for a wake-up with one of the bits of `mask`, if the word is `expected`.
///
/// # Errors
/// `EAGAIN` if it isn't, `ETIMEDOUT`, and `ERESTARTSYS` when a signal comes.
pub(super) fn wait(
    thread: &Thread,
    futex: Futex,
    expected: u32,
    mask: u32,
    deadline: Option<Deadline>,
) -> Result<usize> {
    if mask == 0 {
        bail!(EINVAL, "no bits to wait for");
    }
    let key = futex.key(thread)?;
    let wait = Wait::of_current();
    {
        let mut bucket = lock(key);
        if futex.word.load()? != expected {
            bail!(EAGAIN, "the futex's value has changed");
        }
        enqueue(&mut bucket, Entry { key, wait: wait.clone(), kind: Kind::Plain(mask) });
    }
    match wait.sleep(deadline, || wait.is_woken()) {
        Ok(()) => Ok(0),
        // A wake-up that came meanwhile isn't lost.
        Err(_) if wait.withdraw().is_none() => Ok(0),
        Err(error) => Err(wait_error(error)),
    }
}

/// What a wait that ended without a wake-up gives.
pub(super) fn wait_error(error: WaitError) -> Error {
    match error {
        WaitError::TimedOut => err!(ETIMEDOUT, "the timeout has passed"),
        WaitError::Interrupted => Errno::ERESTARTSYS.into(),
    }
}

/// Wakes at most `count` waiters whose mask has a bit in common with `mask`; gives how many.
///
/// # Errors
/// `EINVAL` for an empty mask, and if a waiter waits for a lock instead.
pub(super) fn wake(thread: &Thread, futex: Futex, count: usize, mask: u32) -> Result<usize> {
    if mask == 0 {
        bail!(EINVAL, "no bits to wake");
    }
    wake_key(futex.key(thread)?, count, mask)
}

/// As [`wake`], with the key.
pub(super) fn wake_key(key: Key, count: usize, mask: u32) -> Result<usize> {
    let taken = {
        let mut bucket = lock(key);
        if bucket.is_empty() {
            return Ok(0);
        }
        if bucket.iter().any(|entry| entry.key == key && !matches!(entry.kind, Kind::Plain(_))) {
            bail!(EINVAL, "a thread waits for this futex as a lock");
        }
        take(&mut bucket, key, count, |kind| is_plain(kind, mask))
    };
    Ok(wake_all(&taken))
}

/// Wakes waiters that are out of their queues; gives how many.
pub(super) fn wake_all(entries: &[Entry]) -> usize {
    for entry in entries {
        entry.wait.wake();
    }
    entries.len()
}

fn is_plain(kind: Kind, wanted: u32) -> bool {
    matches!(kind, Kind::Plain(mask) if mask & wanted != 0)
}

/// Wakes `wake_count` waiters of `from` and moves at most `move_count` others to `to`, if the word of `from` is
/// `expected`; gives how many were woken or moved.
///
/// # Errors
/// `EAGAIN` if it isn't.
pub(super) fn requeue(
    thread: &Thread,
    from: Futex,
    to: Futex,
    expected: Option<u32>,
    wake_count: usize,
    move_count: usize,
) -> Result<usize> {
    let (key, target) = (from.key(thread)?, to.key(thread)?);
    let (woken, moved) = with_two(key, target, |bucket, other| {
        if let Some(expected) = expected
            && from.word.load()? != expected
        {
            bail!(EAGAIN, "the futex's value has changed");
        }
        if bucket.iter().any(|entry| entry.key == key && !matches!(entry.kind, Kind::Plain(_))) {
            bail!(EINVAL, "a thread waits for this futex as a lock");
        }
        let woken = take(bucket, key, wake_count, |kind| is_plain(kind, MATCH_ANY));
        if key == target {
            let left = bucket.iter().filter(|entry| entry.key == key).count();
            return Ok((woken, left.min(move_count)));
        }
        let moving = take(bucket, key, move_count, |kind| is_plain(kind, MATCH_ANY));
        let moved = moving.len();
        let to_bucket = other.unwrap_or(bucket);
        for entry in moving {
            enqueue(to_bucket, Entry { key: target, ..entry });
        }
        Ok((woken, moved))
    })?;
    Ok(wake_all(&woken) + moved)
}

/// An operation on a word and a comparison with what it was, as `FUTEX_WAKE_OP` packs them.
#[derive(Clone, Copy, Debug)]
pub(super) struct WakeOp {
    operation: u32,
    operand: u32,
    comparison: u32,
    compared: i32,
}

impl WakeOp {
    /// Unpacks it.
    ///
    /// # Errors
    /// `ENOSYS` for an operation or a comparison that doesn't exist.
    pub(super) fn decode(word: u32) -> Result<Self> {
        const OPERAND_IS_SHIFT: u32 = 8;
        let sign_extended = |field: u32| (field << 20) as i32 >> 20;
        let operation = word >> 28 & 0xf;
        let operand = sign_extended(word >> 12 & 0xfff);
        let op = Self {
            operation: operation & !OPERAND_IS_SHIFT,
            operand: if operation & OPERAND_IS_SHIFT == 0 { operand as u32 } else { 1 << (operand as u32 & 31) },
            comparison: word >> 24 & 0xf,
            compared: sign_extended(word & 0xfff),
        };
        if op.operation > 4 || op.comparison > 5 {
            bail!(ENOSYS, "no such futex operation or comparison");
        }
        Ok(op)
    }

    const fn apply(self, old: u32) -> u32 {
        match self.operation {
            0 => self.operand,
            1 => old.wrapping_add(self.operand),
            2 => old | self.operand,
            3 => old & !self.operand,
            _ => old ^ self.operand,
        }
    }

    const fn holds(self, old: u32) -> bool {
        let old = old as i32;
        match self.comparison {
            0 => old == self.compared,
            1 => old != self.compared,
            2 => old < self.compared,
            3 => old <= self.compared,
            4 => old > self.compared,
            _ => old >= self.compared,
        }
    }
}

/// Changes the word of `second`, wakes `count` waiters of `first`, and `second_count` of `second` if the comparison
/// with the word's old value holds.
pub(super) fn wake_op(
    thread: &Thread,
    first: Futex,
    second: Futex,
    count: usize,
    second_count: usize,
    op: WakeOp,
) -> Result<usize> {
    let (key, second_key) = (first.key(thread)?, second.key(thread)?);
    let woken = with_two(key, second_key, |bucket, other| {
        let old = second.word.fetch_update(|word| op.apply(word))?;
        let mut woken = take(bucket, key, count, |kind| is_plain(kind, MATCH_ANY));
        if op.holds(old) {
            woken.extend(take(other.unwrap_or(bucket), second_key, second_count, |kind| is_plain(kind, MATCH_ANY)));
        }
        Ok::<_, Error>(woken)
    })?;
    Ok(wake_all(&woken))
}

/// One of several futexes to wait for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited {
    pub(super) futex: Futex,
    pub(super) expected: u32,
}

/// Waits for any of several futexes; gives the index of one that was woken.
///
/// # Errors
/// As for [`wait`].
pub(super) fn wait_any(thread: &Thread, awaited: &[Awaited], deadline: Option<Deadline>) -> Result<usize> {
    let first = Wait::of_current();
    let mut waits: Vec<Arc<Wait>> = Vec::with_capacity(awaited.len());
    let mut outcome = Ok(());
    for Awaited { futex, expected } in awaited {
        let queued = futex.key(thread).and_then(|key| {
            let mut bucket = lock(key);
            if futex.word.load()? != *expected {
                bail!(EAGAIN, "a futex's value has changed");
            }
            let wait = first.sibling();
            enqueue(&mut bucket, Entry { key, wait: wait.clone(), kind: Kind::Plain(MATCH_ANY) });
            Ok(wait)
        });
        match queued {
            Ok(wait) => waits.push(wait),
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    if outcome.is_ok() {
        outcome = first.sleep(deadline, || waits.iter().any(|wait| wait.is_woken())).map_err(wait_error);
    }
    let mut woken = None;
    for (index, wait) in waits.iter().enumerate() {
        if wait.withdraw().is_none() {
            woken = Some(index);
        }
    }
    match (woken, outcome) {
        (Some(index), _) => Ok(index),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Err(Errno::EAGAIN.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wake_op_is_unpacked_as_linux_packs_it() {
        // FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_GT, 1) of linux/futex.h: what glibc's condition variables used.
        let op = WakeOp::decode(1 << 28 | 4 << 24 | 1 << 12 | 1).unwrap();
        assert_eq!(op.apply(41), 42);
        assert!(op.holds(2) && !op.holds(1));
        let negative = WakeOp::decode(1 << 28 | 0xfff << 12 | 0xfff).unwrap();
        assert_eq!(negative.apply(1), 0);
        assert!(negative.holds(u32::MAX));
        let shifted = WakeOp::decode(0xa << 28 | 4 << 12).unwrap();
        assert_eq!(shifted.apply(1), 17);
        assert_eq!(WakeOp::decode(6 << 28).unwrap_err().errno(), Errno::ENOSYS);
        assert_eq!(WakeOp::decode(7 << 24).unwrap_err().errno(), Errno::ENOSYS);
    }
}
