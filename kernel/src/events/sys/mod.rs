//! System calls that wait for files.

mod epoll;
mod eventfd;
mod poll;
mod select;

pub use epoll::*;
pub use eventfd::*;
pub use poll::*;
pub use select::*;

use super::{IoEvents, Poller, Share};
use crate::fs::File;
use crate::fs::sys::install;
use crate::prelude::*;
use crate::process::Thread;
use crate::signal;
use crate::time::Timespec;
use core::time::Duration;
use frame::ocall::file::{PollFd, poll_now};
use frame::sync::{Deadline, WaitError};
use zerocopy::{Immutable, IntoBytes};

/// A file that is waited for.
struct Watched<'a> {
    file: &'a Arc<dyn File>,
    events: IoEvents,
}

/// What each of the files is ready for is told to `found`, with the file's place. One call asks the host for all that only it
/// knows.
fn poll_each<'a>(files: impl Iterator<Item = &'a Arc<dyn File>>, mut found: impl FnMut(usize, IoEvents)) {
    let mut places = Vec::new();
    let mut fds = Vec::new();
    for (place, file) in files.enumerate() {
        match file.host_fd() {
            Some(fd) if file.notifier().is_none() => {
                places.push(place);
                fds.push(PollFd { fd, events: IoEvents::all().bits() as i16, ready: 0 });
            }
            _ => found(place, file.poll()),
        }
    }
    if !fds.is_empty()
        && let Err(error) = poll_now(&mut fds)
    {
        warn!("the host doesn't say what its files are ready for: {error}");
    }
    for (place, fd) in places.into_iter().zip(fds) {
        found(place, IoEvents::from_bits_truncate(fd.ready as u16));
    }
}

/// Waits until `look` gives something, which gave nothing before and is asked again whenever one of the files may have become
/// ready; nothing after `deadline`.
///
/// # Errors
/// `ERESTARTNOHAND` when a signal is to be delivered.
fn wait<R>(
    thread: &Thread,
    watched: &[Watched<'_>],
    deadline: Option<Deadline>,
    mut look: impl FnMut() -> Option<R>,
) -> Result<Option<R>> {
    let mut poller = Poller::new();
    for watched in watched {
        if let Some(notifier) = watched.file.notifier() {
            poller.watch(notifier, watched.events, Share::All);
        }
    }
    // Registered before the look, so that a change after it finds us. What only the host knows it goes on watching.
    if watched.iter().any(|watched| watched.file.notifier().is_some())
        && let Some(result) = look()
    {
        return Ok(Some(result));
    }
    loop {
        // Asked each time: an epoll may have got its first file of the host meanwhile.
        let hosted: Vec<(&dyn File, IoEvents)> = watched
            .iter()
            .filter(|watched| watched.file.host_fd().is_some())
            .map(|watched| (&**watched.file, watched.events))
            .collect();
        match poller.wait_with_host(&hosted, deadline) {
            Ok(()) => {
                if let Some(result) = look() {
                    return Ok(Some(result));
                }
            }
            Err(WaitError::TimedOut) => return Ok(look()),
            Err(WaitError::Interrupted) => {
                if let Some(result) = look() {
                    return Ok(Some(result));
                }
                if signal::is_wanted(thread) {
                    return Err(Errno::ERESTARTNOHAND.into());
                }
            }
        }
    }
}

/// The deadline that a timeout in the program's memory means.
fn deadline(timeout: UserPtr<Timespec>) -> Result<Option<Deadline>> {
    timeout.non_null().map(|timeout| Ok(Deadline::after(timeout.read()?.duration()?))).transpose()
}

/// Writes the time left, as Linux does, and gives the call's result: made again, it waits for that long. A pointer that
/// can't be written is let be, but a call that is interrupted isn't made again then.
fn write_remaining<T: From<Duration> + IntoBytes + Immutable>(
    timeout: UserPtr<T>,
    deadline: Option<Deadline>,
    result: Result<usize>,
) -> Result<usize> {
    let Some(deadline) = deadline else { return result };
    let written = timeout.write(&deadline.remaining().into());
    match result {
        Err(error) if error.errno() == Errno::ERESTARTNOHAND && written.is_err() => {
            Err(err!(EINTR, "interrupted by a signal"))
        }
        result => result,
    }
}
