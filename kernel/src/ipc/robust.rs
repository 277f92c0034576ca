//! What becomes of a thread's locks when it ends (`man 2 get_robust_list`), and the word that tells its end.

use super::futex::{MATCH_ANY, wake_key};
use super::futex_pi::{self, OWNER_DIED, TID_MASK, WAITERS};
use super::futex_queue::{Key, Scope};
use crate::prelude::*;
use crate::process::Thread;

/// The longest list that is walked, as in Linux (`ROBUST_LIST_LIMIT`): it may be a ring.
const MAX_ENTRIES: usize = 2048;

/// `struct robust_list_head` of `linux/futex.h`.
type Head = [u64; 3];

/// Marks the locks that `thread` owns as its, now dead, and wakes one waiter of each. Bad pointers end the walk.
pub fn exit_robust_list(thread: &Thread) {
    let (head, _) = *thread.robust_list.lock();
    if head != 0 {
        // A list that can't be read is the program's own fault.
        let _ = walk(thread, head);
    }
    futex_pi::release_all(thread.tid());
}

fn walk(thread: &Thread, head: u64) -> Result<()> {
    let [first, offset, pending] = UserPtr::<Head>::new(head as usize).read()?;
    // The lowest bit of a link says that the lock is a PI futex.
    let split = |link: u64| (link & !1, link & 1 != 0);
    let (pending, pending_is_pi) = split(pending);
    let (mut entry, mut is_pi) = split(first);
    for _ in 0..MAX_ENTRIES {
        if entry == head || entry == 0 {
            break;
        }
        // Read before the lock is released: its memory may be gone then.
        let next = UserPtr::<u64>::new(entry as usize).read();
        if entry != pending {
            release(thread, entry.wrapping_add(offset), is_pi, false)?;
        }
        (entry, is_pi) = split(next?);
    }
    if pending != 0 {
        release(thread, pending.wrapping_add(offset), pending_is_pi, true)?;
    }
    Ok(())
}

/// Releases one lock, if `thread` owns it. `is_pending` means that the thread was about to lock or unlock it.
fn release(thread: &Thread, addr: u64, is_pi: bool, is_pending: bool) -> Result<()> {
    let word = UserPtr::<u32>::new(addr as usize);
    loop {
        let value = word.load()?;
        if is_pending && !is_pi && value == 0 {
            // It was unlocked, but the waiter perhaps not woken yet.
            wake_one(thread, word);
            return Ok(());
        }
        if value & TID_MASK != thread.tid() {
            return Ok(());
        }
        if is_pi {
            futex_pi::release_dead(Key::of(thread, word, Scope::Shared)?, word);
            return Ok(());
        }
        if word.compare_exchange(value, value & WAITERS | OWNER_DIED)?.is_ok() {
            if value & WAITERS != 0 {
                wake_one(thread, word);
            }
            return Ok(());
        }
    }
}

/// Clears the word that `set_tid_address` or `CLONE_CHILD_CLEARTID` named and wakes one that waits for it.
pub fn wake_clear_tid(thread: &Thread, addr: usize) {
    let word = UserPtr::<u32>::new(addr);
    // A word that is gone is nobody's concern.
    let _ = word.write(&0);
    wake_one(thread, word);
}

/// Wakes one waiter, whether it declared the futex private or not.
fn wake_one(thread: &Thread, word: UserPtr<u32>) {
    for scope in [Scope::Shared, Scope::Private] {
        if let Ok(key) = Key::of(thread, word, scope)
            && wake_key(key, 1, MATCH_ANY).is_ok_and(|count| count > 0)
        {
            break;
        }
    }
}
