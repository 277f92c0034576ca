//! Waiting for files: `poll`, `select` and their kin.

use crate::fs::{File, IoEvents};
use crate::prelude::*;
use crate::process::{Resource, Thread};
use crate::signal;
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;
use crate::time::{Timespec, Timeval};
use core::time::Duration;
use frame::ocall::file::{self, HostFd, PollFd};
use frame::sync::{Deadline, WaitError, Waiter};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct pollfd`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PollEntry {
    fd: i32,
    events: u16,
    ready: u16,
}

/// A file that is waited for.
struct Watched {
    file: Arc<dyn File>,
    events: IoEvents,
}

/// How long a wait for files of the host lasts at most when files of the LibOS are waited for as well.
const MIXED_SLICE: Duration = Duration::from_millis(2);

/// Waits until `ready` gives something, which is asked again whenever one of the files may have become ready.
fn wait<R>(watched: &[Watched], deadline: Option<Deadline>, mut ready: impl FnMut() -> Option<R>) -> Result<Option<R>> {
    let host: Vec<(&HostFd, IoEvents)> =
        watched.iter().filter_map(|watched| Some((watched.file.host_fd()?, watched.events))).collect();
    let queues: Vec<_> = watched.iter().flat_map(|watched| watched.file.wait_queues()).collect();
    let waiter = Waiter::current();
    // Registered before the look, so that a change after it finds us.
    for queue in &queues {
        queue.register(&waiter);
    }
    let result = loop {
        if let Some(result) = ready() {
            break Ok(Some(result));
        }
        if deadline.is_some_and(Deadline::has_passed) {
            break Ok(None);
        }
        let waited = if host.is_empty() {
            waiter.wait(deadline)
        } else {
            let left = deadline.map(Deadline::remaining);
            let slice =
                if queues.is_empty() { left } else { Some(left.map_or(MIXED_SLICE, |left| left.min(MIXED_SLICE))) };
            wait_for_host(&host, slice)
        };
        if waited == Err(WaitError::Interrupted) {
            break ready().map_or(Err(Errno::ERESTARTNOHAND.into()), |result| Ok(Some(result)));
        }
        for queue in &queues {
            queue.unregister(&waiter);
            queue.register(&waiter);
        }
    };
    for queue in &queues {
        queue.unregister(&waiter);
    }
    result
}

fn wait_for_host(host: &[(&HostFd, IoEvents)], timeout: Option<Duration>) -> Result<(), WaitError> {
    let mut fds: Vec<PollFd<'_>> =
        host.iter().map(|&(fd, events)| PollFd { fd, events: events.bits() as i16, ready: 0 }).collect();
    match file::poll(&mut fds, timeout) {
        Err(error) if error.errno() == Errno::EINTR => Err(WaitError::Interrupted),
        _ => Ok(()),
    }
}

fn poll_entries(thread: &Thread, array: UserPtr<PollEntry>, count: usize, deadline: Option<Deadline>) -> Result<usize> {
    if count as u64 > thread.process.limits.lock().soft(Resource::OpenFiles) {
        bail!(EINVAL, "more descriptors than may be open");
    }
    let mut entries = array.read_array(count)?;
    let files = thread.files();
    let watched: Vec<Option<Watched>> = entries
        .iter()
        .map(|entry| {
            let file = files.get(FileDesc(entry.fd)).ok()?;
            Some(Watched { file, events: IoEvents::from_bits_truncate(entry.events) | IoEvents::ALWAYS })
        })
        .collect();
    let mut look = || {
        let mut ready = 0;
        for (entry, watched) in entries.iter_mut().zip(&watched) {
            entry.ready = match watched {
                Some(watched) => (watched.file.poll() & watched.events).bits(),
                None if entry.fd < 0 => 0,
                None => IoEvents::POLLNVAL.bits(),
            };
            ready += usize::from(entry.ready != 0);
        }
        (ready > 0).then_some(ready)
    };
    let open: Vec<Watched> = watched
        .iter()
        .flatten()
        .map(|watched| Watched { file: watched.file.clone(), events: watched.events })
        .collect();
    let ready = wait(&open, deadline, &mut look)?.unwrap_or(0);
    array.write_array(&entries)?;
    Ok(ready)
}

/// `poll(2)`.
pub fn poll(cx: Context<'_>, array: UserPtr<PollEntry>, count: u32, timeout: i32) -> Result<usize> {
    let deadline = u64::try_from(timeout).ok().map(|millis| Deadline::after(Duration::from_millis(millis)));
    poll_entries(cx.thread, array, count as usize, deadline)
}

/// The deadline that a timeout in the program's memory means, and what to write back.
fn deadline(timeout: UserPtr<Timespec>) -> Result<Option<Deadline>> {
    timeout.non_null().map(|timeout| Ok(Deadline::after(timeout.read()?.duration()?))).transpose()
}

/// Writes the time left, as Linux does; a pointer that can't be written is let be.
fn write_remaining(timeout: UserPtr<Timespec>, deadline: Option<Deadline>) {
    if let Some(deadline) = deadline {
        let _ = timeout.write(&deadline.remaining().into());
    }
}

/// `ppoll(2)`.
pub fn ppoll(
    cx: Context<'_>,
    array: UserPtr<PollEntry>,
    count: u32,
    timeout: UserPtr<Timespec>,
    mask: UserPtr<u64>,
    size: usize,
) -> Result<usize> {
    let deadline = deadline(timeout)?;
    let result = signal::with_mask(cx.thread, mask, size, || poll_entries(cx.thread, array, count as usize, deadline));
    write_remaining(timeout, deadline);
    result
}

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
    let mut watched = Vec::new();
    for fd in 0..(words * WORD).min(count) {
        let bit = 1 << (fd % WORD);
        let mut events = IoEvents::empty();
        for (set, kind) in asked.iter().zip(kinds) {
            if set.get(fd / WORD).is_some_and(|word| word & bit != 0) {
                events |= kind;
            }
        }
        if !events.is_empty() {
            watched.push((fd, Watched { file: files.get(FileDesc(fd as i32))?, events }));
        }
    }
    let mut found: [Vec<u64>; 3] = Default::default();
    let mut look = || {
        found = [0; 3].map(|_: i32| vec![0; words]);
        let mut ready = 0;
        for (fd, watched) in &watched {
            let events = watched.file.poll() & watched.events;
            for ((set, asked), kind) in found.iter_mut().zip(&asked).zip(kinds) {
                let bit = 1 << (fd % WORD);
                if asked.get(fd / WORD).is_some_and(|word| word & bit != 0) && events.intersects(kind) {
                    set[fd / WORD] |= bit;
                    ready += 1;
                }
            }
        }
        (ready > 0).then_some(ready)
    };
    let open: Vec<Watched> =
        watched.iter().map(|(_, watched)| Watched { file: watched.file.clone(), events: watched.events }).collect();
    let ready = wait(&open, deadline, &mut look)?.unwrap_or(0);
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
    if let Some(deadline) = deadline {
        let _ = timeout.write(&deadline.remaining().into());
    }
    result
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
    write_remaining(timeout, deadline);
    result
}
