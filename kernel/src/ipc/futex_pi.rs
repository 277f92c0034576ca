//! Futexes that are locks with an owner (`FUTEX_LOCK_PI` and its kin, `man 2 futex`).
//!
//! The word holds the owner's thread id. Waiters get the lock in the order in which they came: all threads have the same
//! priority here, so there is none to inherit.
//!
//! Invariant: whoever leaves the queue of a lock other than by a timeout or a signal owns the lock.

use super::futex::{Futex, wait_error};
use super::futex_queue::{Entry, Key, Kind, Wait, each_bucket, enqueue, lock, take, with_two};
use crate::prelude::*;
use crate::process::{Thread, table};
use core::sync::atomic::{AtomicUsize, Ordering};
use frame::sync::{Deadline, WaitError};

/// There are waiters: unlocking needs a system call.
pub(super) const WAITERS: u32 = 0x8000_0000;
/// The owner ended without unlocking.
pub(super) const OWNER_DIED: u32 = 0x4000_0000;
/// The owner's thread id.
pub(super) const TID_MASK: u32 = 0x3fff_ffff;

/// Threads that wait for locks, so that a thread that ends needn't look when there are none.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Counts a waiter as long as it lives.
struct Counted;

impl Counted {
    fn new() -> Self {
        WAITING.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What to do when a lock has an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfHeld {
    /// Wait for it, at most until the deadline.
    Wait(Option<Deadline>),
    /// Give up.
    Fail,
}

/// Takes a lock.
///
/// # Errors
/// `EDEADLK` if the caller has it, `ESRCH` if its owner doesn't exist, `EAGAIN`, `ETIMEDOUT`.
pub(super) fn lock_pi(thread: &Thread, futex: Futex, if_held: IfHeld) -> Result<usize> {
    let tid = thread.tid();
    let key = futex.key(thread)?;
    let _counted = Counted::new();
    let (wait, deadline) = {
        let mut bucket = lock(key);
        loop {
            let word = futex.word.load()?;
            let owner = word & TID_MASK;
            if owner == tid {
                bail!(EDEADLK, "the caller owns the lock already");
            }
            let mut waiters = bucket.iter().filter(|entry| entry.key == key).peekable();
            if owner == 0 && waiters.peek().is_none() {
                if futex.word.compare_exchange(word, word & OWNER_DIED | tid)?.is_ok() {
                    return Ok(0);
                }
                continue;
            }
            if owner == 0 || waiters.any(|entry| !matches!(entry.kind, Kind::Pi { owner: known, .. } if known == owner))
            {
                bail!(EINVAL, "the word and its waiters contradict each other");
            }
            let IfHeld::Wait(deadline) = if_held else {
                bail!(EAGAIN, "the lock is held");
            };
            if !is_alive(owner) {
                bail!(ESRCH, "the lock's owner doesn't exist");
            }
            if futex.word.compare_exchange(word, word | WAITERS)?.is_ok() {
                let wait = Wait::of_current();
                enqueue(&mut bucket, Entry { key, wait: wait.clone(), kind: Kind::Pi { tid, owner } });
                break (wait, deadline);
            }
        }
    };
    match wait.sleep(deadline, || wait.is_woken()) {
        Ok(()) => Ok(0),
        Err(_) if wait.withdraw().is_none() => Ok(0),
        Err(WaitError::Interrupted) => Err(Errno::ERESTARTNOINTR.into()),
        Err(WaitError::TimedOut) => Err(err!(ETIMEDOUT, "the timeout has passed")),
    }
}

/// Gives a lock to the next waiter, or frees it.
///
/// # Errors
/// `EPERM` if the caller doesn't own it.
pub(super) fn unlock_pi(thread: &Thread, futex: Futex) -> Result<usize> {
    let key = futex.key(thread)?;
    let mut bucket = lock(key);
    loop {
        let word = futex.word.load()?;
        if word & TID_MASK != thread.tid() {
            bail!(EPERM, "the caller doesn't own the lock");
        }
        if bucket.iter().any(|entry| entry.key == key && !matches!(entry.kind, Kind::Pi { .. })) {
            bail!(EINVAL, "a thread waits for this lock as a plain futex");
        }
        if hand_over(&mut bucket, key, futex.word, 0)? || futex.word.compare_exchange(word, 0)?.is_ok() {
            return Ok(0);
        }
    }
}

/// Makes the first waiter the owner, with `flags` set in the word; whether there is one.
fn hand_over(bucket: &mut VecDeque<Entry>, key: Key, word: UserPtr<u32>, flags: u32) -> Result<bool> {
    let next = bucket.iter().find_map(|entry| match entry.kind {
        Kind::Pi { tid, .. } if entry.key == key => Some(tid),
        _ => None,
    });
    let Some(next) = next else {
        return Ok(false);
    };
    word.fetch_update(|_| next | WAITERS | flags)?;
    let taken = take(bucket, key, 1, |kind| matches!(kind, Kind::Pi { .. }));
    for entry in bucket.iter_mut().filter(|entry| entry.key == key) {
        if let Kind::Pi { owner, .. } = &mut entry.kind {
            *owner = next;
        }
    }
    super::futex::wake_all(&taken);
    Ok(true)
}

/// Waits for a wake-up that moves the caller to the lock `target`, and then for the lock.
///
/// # Errors
/// `EAGAIN`, `ETIMEDOUT`, `EINVAL` for one word in both roles.
pub(super) fn wait_requeue_pi(
    thread: &Thread,
    futex: Futex,
    expected: u32,
    target: Futex,
    deadline: Option<Deadline>,
) -> Result<usize> {
    let (key, target) = (futex.key(thread)?, target.key(thread)?);
    if key == target {
        bail!(EINVAL, "a futex can't be requeued to itself");
    }
    let _counted = Counted::new();
    let wait = Wait::of_current();
    {
        let mut bucket = lock(key);
        if futex.word.load()? != expected {
            bail!(EAGAIN, "the futex's value has changed");
        }
        let kind = Kind::RequeuePi { tid: thread.tid(), target };
        enqueue(&mut bucket, Entry { key, wait: wait.clone(), kind });
    }
    let Err(error) = wait.sleep(deadline, || wait.is_woken()) else {
        return Ok(0);
    };
    match (error, wait.withdraw().map(|entry| entry.kind)) {
        (_, None) => Ok(0),
        (WaitError::Interrupted, Some(Kind::Pi { .. })) => {
            Err(err!(EAGAIN, "a signal came after the move to the lock"))
        }
        (WaitError::Interrupted, Some(_)) => Err(Errno::ERESTARTNOINTR.into()),
        (WaitError::TimedOut, Some(_)) => Err(wait_error(error)),
    }
}

/// Gives the lock `to` to the first waiter of `from` if it's free, and makes at most `move_count` others wait for it;
/// gives how many got or wait for the lock.
///
/// # Errors
/// `EAGAIN` if the word of `from` isn't `expected`, `EINVAL` if waiters expect something else.
pub(super) fn cmp_requeue_pi(
    thread: &Thread,
    from: Futex,
    to: Futex,
    expected: u32,
    move_count: usize,
) -> Result<usize> {
    let (key, target) = (from.key(thread)?, to.key(thread)?);
    if key == target {
        bail!(EINVAL, "a futex can't be requeued to itself");
    }
    with_two(key, target, |bucket, mut other| {
        if from.word.load()? != expected {
            bail!(EAGAIN, "the futex's value has changed");
        }
        let fits = |kind| matches!(kind, Kind::RequeuePi { target: wanted, .. } if wanted == target);
        if bucket.iter().any(|entry| entry.key == key && !fits(entry.kind)) {
            bail!(EINVAL, "a waiter doesn't wait to be requeued to this lock");
        }
        let entries = take(bucket, key, move_count.saturating_add(1), fits);
        let count = entries.len();
        for entry in entries {
            let Kind::RequeuePi { tid, .. } = entry.kind else { continue };
            let word = to.word.load()?;
            let owner = word & TID_MASK;
            if owner == 0 && to.word.compare_exchange(word, word & OWNER_DIED | tid)?.is_ok() {
                entry.wait.wake();
                continue;
            }
            let owner = to.word.fetch_update(|word| word | WAITERS)? & TID_MASK;
            let moved = Entry { key: target, wait: entry.wait, kind: Kind::Pi { tid, owner } };
            match &mut other {
                Some(other) => enqueue(other, moved),
                None => enqueue(bucket, moved),
            }
        }
        Ok(count)
    })
}

/// A thread that owns the lock at `word` ends: the next waiter gets it, and learns how.
pub(super) fn release_dead(key: Key, word: UserPtr<u32>) {
    let mut bucket = lock(key);
    if matches!(hand_over(&mut bucket, key, word, OWNER_DIED), Ok(false)) {
        // Nobody waits: the word tells whoever comes.
        let _ = word.fetch_update(|word| word & WAITERS | OWNER_DIED);
    }
}

/// A thread ends: locks that others wait for and that it still owns go to them.
pub(super) fn release_all(tid: u32) {
    if WAITING.load(Ordering::SeqCst) == 0 {
        return;
    }
    let mut owned: Vec<(Key, usize)> = Vec::new();
    each_bucket(|bucket| {
        for entry in bucket.iter() {
            if let (Kind::Pi { owner, .. }, Key::Private { addr, .. }) = (entry.kind, entry.key)
                && owner == tid
            {
                owned.push((entry.key, addr));
            }
        }
    });
    for (key, addr) in owned {
        let mut bucket = lock(key);
        let is_still_owned =
            bucket.iter().any(|entry| entry.key == key && matches!(entry.kind, Kind::Pi { owner, .. } if owner == tid));
        if is_still_owned {
            // A word that is gone has no owner either.
            let _ = hand_over(&mut bucket, key, UserPtr::new(addr), OWNER_DIED);
        }
    }
}

/// Whether a thread of this id exists and isn't ending.
fn is_alive(tid: u32) -> bool {
    table::find_thread(tid).is_some_and(|thread| !thread.has_ended())
}
