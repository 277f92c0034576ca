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

/// A file that is waited for, and what it was found ready for.
struct Watched<'a> {
    file: &'a Arc<dyn File>,
    events: IoEvents,
    ready: IoEvents,
    /// The host tells of a hang-up or an error unasked, which isn't waited for: asked again, it would tell at once.
    has_told_unasked: bool,
}

impl<'a> Watched<'a> {
    fn new(file: &'a Arc<dyn File>, events: IoEvents) -> Self {
        Self { file, events, ready: IoEvents::empty(), has_told_unasked: false }
    }

    fn found(&mut self, events: IoEvents) {
        self.ready = events & self.events;
    }
}

/// Whether only the host knows what a file is ready for.
fn is_hosts_alone(file: &dyn File) -> bool {
    file.notifier().is_none() && file.host_fd().is_some()
}

/// Asks those files that the LibOS knows more of than the host. Gives whether one is ready.
fn look_in_libos(watched: &mut [Watched<'_>]) -> bool {
    let mut is_ready = false;
    for watched in watched.iter_mut().filter(|watched| !is_hosts_alone(&**watched.file)) {
        watched.found(watched.file.poll());
        is_ready |= !watched.ready.is_empty();
    }
    is_ready
}

/// Asks the host about files that it alone knows: each is told to `found`, with its place among them.
fn look_in_host<'a>(files: impl Iterator<Item = &'a dyn File>, mut found: impl FnMut(usize, IoEvents)) {
    let mut fds: Vec<PollFd<'_>> =
        files.filter_map(File::host_fd).map(|fd| PollFd::new(fd, IoEvents::all().bits() as i16)).collect();
    if fds.is_empty() {
        return;
    }
    if let Err(error) = poll_now(&mut fds) {
        warn!("the host doesn't say what its files are ready for: {error}");
    }
    for (place, fd) in fds.iter().enumerate() {
        found(place, IoEvents::from_bits_truncate(fd.ready() as u16));
    }
}

/// Waits until one of the files is ready for something, or `deadline`; all know what they're ready for then.
///
/// # Errors
/// `ERESTARTNOHAND` when a signal is to be delivered.
fn wait(thread: &Thread, watched: &mut [Watched<'_>], deadline: Option<Deadline>) -> Result<()> {
    if look_in_libos(watched) || deadline == Some(Deadline::PAST) {
        look_in_host_at_its_own(watched);
        return Ok(());
    }
    let mut poller = Poller::new();
    for watched in &*watched {
        if let Some(notifier) = watched.file.notifier() {
            poller.watch(notifier, watched.events, Share::All);
        }
    }
    // Registered before the look, so that a change after it finds us. The host looks before it lets the thread sleep.
    if poller.watches_any() && look_in_libos(watched) {
        look_in_host_at_its_own(watched);
        return Ok(());
    }
    loop {
        let outcome = sleep(&poller, watched, deadline);
        let is_known = watched.iter().any(|watched| !watched.ready.is_empty());
        let mut is_ready = look_in_libos(watched) || is_known;
        if is_ready && !is_known || outcome == Err(WaitError::Interrupted) {
            is_ready |= look_in_host_at_its_own(watched);
        }
        match outcome {
            _ if is_ready => return Ok(()),
            Err(WaitError::TimedOut) => return Ok(()),
            Err(WaitError::Interrupted) if signal::is_wanted(thread) => return Err(Errno::ERESTARTNOHAND.into()),
            Ok(()) | Err(WaitError::Interrupted) => {}
        }
    }
}

/// Sleeps until the host finds one of the files ready for something, or a notifier tells so. What the host alone knows
/// stands in `watched` then.
fn sleep(poller: &Poller<'_>, watched: &mut [Watched<'_>], deadline: Option<Deadline>) -> Result<(), WaitError> {
    // Asked each time: an epoll may have got its first file of the host meanwhile.
    let (mut hosted, mut fds): (Vec<&mut Watched<'_>>, Vec<PollFd<'_>>) = watched
        .iter_mut()
        .filter(|watched| !watched.has_told_unasked)
        .filter_map(|watched| {
            let fd = PollFd::new(watched.file.host_fd()?, watched.events.bits() as i16);
            Some((watched, fd))
        })
        .unzip();
    poller.wait_for_fds(&mut fds, deadline)?;
    for (watched, fd) in hosted.iter_mut().zip(fds) {
        let events = IoEvents::from_bits_truncate(fd.ready() as u16);
        watched.has_told_unasked = !events.is_empty() && !events.intersects(watched.events);
        if watched.file.notifier().is_none() {
            watched.found(events);
        } else if !events.is_empty() {
            watched.file.recv_host_events(events);
        }
    }
    Ok(())
}

/// Asks the host about those of the files that it alone knows. Gives whether one is ready.
fn look_in_host_at_its_own(watched: &mut [Watched<'_>]) -> bool {
    let mut hosts: Vec<&mut Watched<'_>> =
        watched.iter_mut().filter(|watched| is_hosts_alone(&**watched.file)).collect();
    let files: Vec<&dyn File> = hosts.iter().map(|watched| &**watched.file).collect();
    let mut is_ready = false;
    look_in_host(files.into_iter(), |place, events| {
        hosts[place].found(events);
        is_ready |= !hosts[place].ready.is_empty();
    });
    is_ready
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
