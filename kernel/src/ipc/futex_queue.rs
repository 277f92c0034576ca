//! The hash table of threads that wait on futexes.

use crate::prelude::*;
use crate::process::Thread;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use frame::sync::{Deadline, MutexGuard, WaitError, Waiter};

/// Which word of memory is meant, whatever address it has in whose memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A word of one process's memory.
    Private {
        /// Identity of the memory.
        memory: u64,
        /// Its address there.
        addr: usize,
    },
    /// A word of something that several processes may have mapped.
    Shared {
        /// Identity of what is mapped.
        object: u64,
        /// Offset in it.
        offset: u64,
    },
}

/// Whether a futex is declared to be of one process only (`FUTEX_PRIVATE_FLAG`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// One process's.
    Private,
    /// Perhaps of several.
    Shared,
}

impl Key {
    /// The key of the word at `addr` in the memory of `thread`.
    ///
    /// # Errors
    /// `EINVAL` if it isn't aligned; `EFAULT` if it can't be the program's, or isn't mapped though it shall be shared.
    pub(super) fn of(thread: &Thread, word: UserPtr<u32>, scope: Scope) -> Result<Self> {
        let addr = word.addr();
        if !addr.is_multiple_of(size_of::<u32>()) {
            bail!(EINVAL, "a futex word is not aligned");
        }
        word.slice(1)?;
        let memory = thread.process.memory.read();
        if scope == Scope::Shared {
            word.load()?;
            if let Some((object, offset)) = memory.shared_key(addr) {
                return Ok(Self::Shared { object, offset });
            }
        }
        Ok(Self::Private { memory: memory.id(), addr })
    }

    const fn bucket(self) -> usize {
        // The golden ratio's fraction spreads neighbouring words (Knuth, volume 3, 6.4).
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let word = match self {
            Self::Private { memory, addr } => memory.rotate_left(32) ^ addr as u64,
            Self::Shared { object, offset } => object.rotate_left(32) ^ offset,
        };
        (word.wrapping_mul(SPREAD) >> (u64::BITS - BUCKET_BITS)) as usize
    }
}

/// One thread's wait for one futex.
pub(super) struct Wait {
    waiter: Arc<Waiter>,
    woken: AtomicBool,
    /// The bucket that its entry is in; changes when it's requeued.
    bucket: AtomicUsize,
}

impl Wait {
    fn new(waiter: Arc<Waiter>) -> Arc<Self> {
        Arc::new(Self { waiter, woken: AtomicBool::new(false), bucket: AtomicUsize::new(0) })
    }

    /// A wait of the calling thread.
    pub(super) fn of_current() -> Arc<Self> {
        Self::new(Waiter::current())
    }

    /// Another wait of the same thread.
    pub(super) fn sibling(&self) -> Arc<Self> {
        Self::new(self.waiter.clone())
    }

    pub(super) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    /// Ends the wait; the entry is out of the queue.
    pub(super) fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.waiter.wake();
    }

    /// Sleeps until `is_done`.
    pub(super) fn sleep(&self, deadline: Option<Deadline>, is_done: impl Fn() -> bool) -> Result<(), WaitError> {
        while !is_done() {
            if let Err(error) = self.waiter.wait_soon(deadline) {
                return if is_done() { Ok(()) } else { Err(error) };
            }
        }
        Ok(())
    }

    /// Takes its entry out of the queue; `None` if somebody has woken it before.
    pub(super) fn withdraw(self: &Arc<Self>) -> Option<Entry> {
        loop {
            let index = self.bucket.load(Ordering::Acquire);
            let mut bucket = BUCKETS[index].lock();
            if self.bucket.load(Ordering::Acquire) != index {
                continue;
            }
            let position = bucket.iter().position(|entry| Arc::ptr_eq(&entry.wait, self))?;
            return bucket.remove(position);
        }
    }
}

/// A place in a queue.
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) wait: Arc<Wait>,
    pub(super) kind: Kind,
}

/// What a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A wake-up with one of these bits.
    Plain(u32),
    /// A wake-up that moves it to the lock at this word (`FUTEX_WAIT_REQUEUE_PI`).
    RequeuePi {
        /// Its thread.
        tid: u32,
        /// The lock's key.
        target: Key,
    },
    /// To own the lock.
    Pi {
        /// Its thread.
        tid: u32,
        /// Who owns the lock.
        owner: u32,
    },
}

const BUCKET_BITS: u32 = 8;
type Bucket = VecDeque<Entry>;

static BUCKETS: [Mutex<Bucket>; 1 << BUCKET_BITS] = [const { Mutex::new(VecDeque::new()) }; 1 << BUCKET_BITS];

/// The queue of a key's bucket, locked.
pub(super) fn lock(key: Key) -> MutexGuard<'static, Bucket> {
    BUCKETS[key.bucket()].lock()
}

/// All buckets, one after the other.
pub(super) fn each_bucket(mut visit: impl FnMut(&mut Bucket)) {
    for bucket in &BUCKETS {
        visit(&mut bucket.lock());
    }
}

/// Puts a wait into the queue of its key, whose bucket is locked.
pub(super) fn enqueue(bucket: &mut Bucket, entry: Entry) {
    entry.wait.bucket.store(entry.key.bucket(), Ordering::Release);
    bucket.push_back(entry);
}

/// Calls `work` with the locked buckets of two keys; with the first one alone if they share it.
pub(super) fn with_two<R>(first: Key, second: Key, work: impl FnOnce(&mut Bucket, Option<&mut Bucket>) -> R) -> R {
    let (one, two) = (first.bucket(), second.bucket());
    if one == two {
        return work(&mut BUCKETS[one].lock(), None);
    }
    let (low, high) = (one.min(two), one.max(two));
    let mut low_guard = BUCKETS[low].lock();
    let mut high_guard = BUCKETS[high].lock();
    if one == low { work(&mut low_guard, Some(&mut high_guard)) } else { work(&mut high_guard, Some(&mut low_guard)) }
}

/// Takes out at most `count` entries of `key` for which `wanted` holds, oldest first.
pub(super) fn take(bucket: &mut Bucket, key: Key, count: usize, wanted: impl Fn(Kind) -> bool) -> Vec<Entry> {
    let mut taken = Vec::new();
    let mut index = 0;
    while taken.len() < count
        && let Some(entry) = bucket.get(index)
    {
        if entry.key == key && wanted(entry.kind) {
            taken.extend(bucket.remove(index));
        } else {
            index += 1;
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    const PLAIN: Kind = Kind::Plain(u32::MAX);

    fn key(addr: usize) -> Key {
        Key::Private { memory: 77, addr }
    }

    fn queue(key: Key) -> Arc<Wait> {
        let wait = Wait::of_current();
        enqueue(&mut lock(key), Entry { key, wait: wait.clone(), kind: PLAIN });
        wait
    }

    #[test]
    fn oldest_waiters_of_the_key_are_taken() {
        let (wanted, other) = (key(0x1000), key(0x2000));
        let waits = [queue(wanted), queue(other), queue(wanted), queue(wanted)];
        let taken = take(&mut lock(wanted), wanted, 2, |kind| kind == PLAIN);
        assert_eq!(taken.len(), 2);
        assert!(Arc::ptr_eq(&taken[0].wait, &waits[0]) && Arc::ptr_eq(&taken[1].wait, &waits[2]));
        assert!(waits[1].withdraw().is_some() && waits[3].withdraw().is_some());
        assert!(waits[0].withdraw().is_none());
    }

    #[test]
    fn a_requeued_waiter_withdraws_from_where_it_is() {
        let (from, to) = (key(0x3000), key(0x3abc));
        let wait = queue(from);
        with_two(from, to, |bucket, other| {
            let entries = take(bucket, from, 1, |_| true);
            let target = other.unwrap_or(bucket);
            for entry in entries {
                enqueue(target, Entry { key: to, ..entry });
            }
        });
        assert_eq!(wait.withdraw().map(|entry| entry.key), Some(to));
    }

    #[test]
    fn a_wake_up_before_the_sleep_is_not_lost() {
        let wait = Wait::of_current();
        wait.wake();
        assert_eq!(wait.sleep(None, || wait.is_woken()), Ok(()));
    }

    #[test]
    fn a_sleep_ends_at_its_deadline() {
        let wait = Wait::of_current();
        let deadline = Deadline::after(Duration::from_millis(2));
        assert_eq!(wait.sleep(Some(deadline), || wait.is_woken()), Err(WaitError::TimedOut));
    }

    #[test]
    fn waiters_in_other_threads_are_woken() {
        let wanted = key(0x5000);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(move || {
                    let wait = queue(wanted);
                    wait.sleep(None, || wait.is_woken())
                })
            })
            .collect();
        let mut woken = 0;
        while woken < threads.len() {
            for entry in take(&mut lock(wanted), wanted, 1, |_| true) {
                entry.wait.wake();
                woken += 1;
            }
            std::thread::yield_now();
        }
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Ok(()));
        }
    }
}
