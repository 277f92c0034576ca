//! `select(2)` and `pselect6(2)`.

use super::{Watched, deadline, wait, write_remaining};
use crate::events::IoEvents;
use crate::fs::File;
use crate::prelude::*;
use crate::process::Thread;
use crate::signal;
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;
use crate::time::{Timespec, Timeval};
use frame::sync::Deadline;

const READ_EVENTS: IoEvents = IoEvents::POLLIN.union(IoEvents::POLLHUP).union(IoEvents::POLLERR);
const WRITE_EVENTS: IoEvents = IoEvents::POLLOUT.union(IoEvents::POLLERR);
const EXCEPT_EVENTS: IoEvents = IoEvents::POLLPRI;

fn select_sets(thread: &Thread, count: i32, sets: [UserPtr<u64>; 3], deadline: Option<Deadline>) -> Result<usize> {
    const WORD: usize = 64;
    let files = thread.files();
    let count = usize::try_from(count).map_err(|_| err!(EINVAL, "a negative number of descriptors"))?;
    // Linux looks at no more than the table can hold.
    let words = count.min(files.capacity()).div_ceil(WORD);
    let asked = sets.map(|set| if set.is_null() { Ok(Vec::new()) } else { set.read_array(words) });
    let [reads, writes, excepts] = asked;
    let asked = [reads?, writes?, excepts?];
    let kinds = [READ_EVENTS, WRITE_EVENTS, EXCEPT_EVENTS];
    let mut asked_of: Vec<(usize, Arc<dyn File>, IoEvents)> = Vec::new();
    for fd in 0..(words * WORD).min(count) {
        let bit = 1 << (fd % WORD);
        let mut events = IoEvents::empty();
        for (set, kind) in asked.iter().zip(kinds) {
            if set.get(fd / WORD).is_some_and(|word| word & bit != 0) {
                events |= kind;
            }
        }
        if !events.is_empty() {
            asked_of.push((fd, files.get(FileDesc(fd as i32))?, events));
        }
    }
    let mut watched: Vec<Watched<'_>> = asked_of.iter().map(|(_, file, events)| Watched::new(file, *events)).collect();
    wait(thread, &mut watched, deadline)?;
    let mut found = [0; 3].map(|_: i32| vec![0; words]);
    let mut ready = 0;
    for ((fd, ..), watched) in asked_of.iter().zip(&watched) {
        for ((set, asked), kind) in found.iter_mut().zip(&asked).zip(kinds) {
            let bit = 1 << (fd % WORD);
            if asked.get(fd / WORD).is_some_and(|word| word & bit != 0) && watched.ready.intersects(kind) {
                set[fd / WORD] |= bit;
                ready += 1;
            }
        }
    }
    for (set, found) in sets.into_iter().zip(&found) {
        if !set.is_null() {
            set.write_array(found)?;
        }
    }
    Ok(ready)
}

/// `select(2)`.
pub fn select(
    cx: Context<'_>,
    count: i32,
    reads: UserPtr<u64>,
    writes: UserPtr<u64>,
    excepts: UserPtr<u64>,
    timeout: UserPtr<Timeval>,
) -> Result<usize> {
    let deadline = timeout
        .non_null()
        .map(|timeout| {
            let timeout = timeout.read()?;
            // Microseconds beyond a second are carried.
            let secs = timeout.secs.checked_add(timeout.micros / 1_000_000).ok_or(Errno::EINVAL)?;
            Timeval { secs, micros: timeout.micros % 1_000_000 }.duration().map(Deadline::after)
        })
        .transpose()?;
    let result = select_sets(cx.thread, count, [reads, writes, excepts], deadline);
    write_remaining(timeout, deadline, result)
}

/// `pselect6(2)`; the last argument points to a mask and its size.
pub fn pselect6(
    cx: Context<'_>,
    count: i32,
    reads: UserPtr<u64>,
    writes: UserPtr<u64>,
    excepts: UserPtr<u64>,
    timeout: UserPtr<Timespec>,
    mask: UserPtr<[u64; 2]>,
) -> Result<usize> {
    let [mask, size] = if mask.is_null() { [0, 0] } else { mask.read()? };
    let deadline = deadline(timeout)?;
    let result = signal::with_mask(cx.thread, UserPtr::new(mask as usize), size as usize, || {
        select_sets(cx.thread, count, [reads, writes, excepts], deadline)
    });
    write_remaining(timeout, deadline, result)
}
