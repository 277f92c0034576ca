//! The host's futexes on words of the arena.

use crate::host;
use crate::ocall::time::{self, Clock};
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use linux_raw_sys::general::{__NR_futex, FUTEX_CLOCK_REALTIME, FUTEX_WAIT_BITSET, FUTEX_WAKE};

/// Sleeps while `word` is `expected`, at most until `deadline` (seconds and nanoseconds of the monotonic or real-time
/// clock); may return for no reason.
pub(super) fn wait(word: &AtomicU32, expected: u32, deadline: Option<&([i64; 2], bool)>) {
    let (timeout, realtime) = match deadline {
        Some((timespec, realtime)) => (core::ptr::from_ref(timespec) as usize, *realtime),
        None => (0, false),
    };
    let op = FUTEX_WAIT_BITSET | if realtime { FUTEX_CLOCK_REALTIME } else { 0 };
    // SAFETY: the host only reads the word and the timeout.
    let _ = unsafe {
        host::call_sleeping(
            __NR_futex,
            [core::ptr::from_ref(word) as usize, op as usize, expected as usize, timeout, 0, u32::MAX as usize],
            None,
        )
    };
}

/// Sleeps while `word`, that of a lock, is `expected`. Its holder may have died; so may who was about to wake somebody.
pub(super) fn wait_for_lock(word: &AtomicU32, expected: u32) {
    const PATIENCE: Duration = Duration::from_millis(500);
    wait_while_at_most(word, expected, PATIENCE);
    if word.load(Ordering::Relaxed) == expected {
        crate::death::end_if_holder_died();
    }
}

/// Wakes at most `count` sleepers of `word`.
pub(super) fn wake(word: &AtomicU32, count: u32) {
    // SAFETY: the host doesn't access memory.
    let _ = unsafe {
        host::call(__NR_futex, [core::ptr::from_ref(word) as usize, FUTEX_WAKE as usize, count as usize, 0, 0, 0])
    };
}

/// Sleeps while `word` is `value`; may return for no reason. For the LibOS's own end, where nothing else is to be done.
pub(crate) fn wait_while(word: &AtomicU32, value: u32) {
    wait(word, value, None);
}

/// As [`wait_while`], at most for this long.
pub(crate) fn wait_while_at_most(word: &AtomicU32, value: u32, timeout: Duration) {
    let end = time::now(Clock::Monotonic).saturating_add(timeout);
    let end = [i64::try_from(end.as_secs()).unwrap_or(i64::MAX), i64::from(end.subsec_nanos())];
    wait(word, value, Some(&(end, false)));
}

/// Wakes all sleepers of `word`.
pub(crate) fn wake_all(word: &AtomicU32) {
    wake(word, i32::MAX as u32);
}
