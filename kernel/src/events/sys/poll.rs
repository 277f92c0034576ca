//! `poll(2)` and `ppoll(2)`.

use super::{Watched, deadline, is_hosts_alone, look_in_host, wait, write_remaining};
use crate::events::IoEvents;
use crate::fs::{File, StatusFlags};
use crate::prelude::*;
use crate::process::{Resource, Thread};
use crate::signal;
use crate::syscalls::args::FileDesc;
use crate::syscalls::{Context, restart_by};
use crate::time::Timespec;
use core::time::Duration;
use frame::sync::Deadline;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct pollfd`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PollEntry {
    fd: i32,
    events: u16,
    ready: u16,
}

impl PollEntry {
    fn asked(self) -> IoEvents {
        IoEvents::from_bits_truncate(self.events) | IoEvents::ALWAYS
    }

    /// Whether what the file is ready for is to be asked; else what there is to be reported is known.
    fn begin_look(&mut self, file: Option<&Arc<dyn File>>) -> bool {
        self.ready = match file {
            Some(file) if file.status().contains(StatusFlags::O_PATH) => IoEvents::POLLNVAL.bits(),
            None if self.fd >= 0 => IoEvents::POLLNVAL.bits(),
            _ => 0,
        };
        file.is_some() && self.ready == 0
    }
}

/// Looks at the files of the descriptors, which `file_of` gives; at those that only the host knows if something else is ready,
/// or the call doesn't wait: if it does, the host looks as well. Gives how many have something to report.
fn look_at<'a>(
    entries: &mut [PollEntry],
    file_of: impl Fn(FileDesc) -> Option<&'a Arc<dyn File>>,
    deadline: Option<Deadline>,
) -> usize {
    let mut places = Vec::new();
    let mut files: Vec<&dyn File> = Vec::new();
    let mut ready = 0;
    for (place, entry) in entries.iter_mut().enumerate() {
        let file = file_of(FileDesc(entry.fd));
        if entry.begin_look(file)
            && let Some(file) = file
        {
            if is_hosts_alone(&**file) {
                places.push(place);
                files.push(&**file);
            } else {
                entry.ready = (file.poll() & entry.asked()).bits();
            }
        }
        ready += usize::from(entry.ready != 0);
    }
    if ready > 0 || deadline == Some(Deadline::PAST) {
        look_in_host(files.into_iter(), |index, events| {
            let entry = &mut entries[places[index]];
            entry.ready = (events & entry.asked()).bits();
            ready += usize::from(entry.ready != 0);
        });
    }
    ready
}

/// Writes what was found, entry by entry: what the program writes beside it meanwhile stays.
fn write_ready(array: UserPtr<PollEntry>, entries: &[PollEntry]) -> Result<()> {
    const READY: usize = core::mem::offset_of!(PollEntry, ready);
    for (index, entry) in entries.iter().enumerate() {
        UserPtr::<u16>::new(array.at(index).addr().wrapping_add(READY)).write(&entry.ready)?;
    }
    Ok(())
}

/// A deadline that an interruption doesn't move.
fn poll_until(cx: &Context<'_>, array: UserPtr<PollEntry>, count: usize, deadline: Option<Deadline>) -> Result<usize> {
    let result = poll_entries(cx.thread, array, count, deadline);
    if result.as_ref().is_err_and(|error| error.errno() == Errno::ERESTARTNOHAND) {
        return Err(restart_by(cx.thread, move |cx| poll_until(&cx, array, count, deadline)));
    }
    result
}

fn poll_entries(thread: &Thread, array: UserPtr<PollEntry>, count: usize, deadline: Option<Deadline>) -> Result<usize> {
    if count as u64 > thread.process.limits.lock().soft(Resource::OpenFiles) {
        bail!(EINVAL, "more descriptors than may be open");
    }
    let mut entries = array.read_array(count)?;
    let files = thread.files();
    // Mostly something is ready at once, and then nothing needs to be kept.
    let mut ready = files.with(|table| look_at(&mut entries, |fd| table.get(fd), deadline));
    if ready == 0 && deadline != Some(Deadline::PAST) {
        let open: Vec<Option<Arc<dyn File>>> = entries.iter().map(|entry| files.get(FileDesc(entry.fd)).ok()).collect();
        let (mut waiting, mut watched): (Vec<&mut PollEntry>, Vec<Watched<'_>>) = entries
            .iter_mut()
            .zip(&open)
            .filter_map(|(entry, file)| {
                let watched = Watched::new(file.as_ref()?, entry.asked());
                Some((entry, watched))
            })
            .unzip();
        wait(thread, &mut watched, deadline)?;
        for (entry, watched) in waiting.iter_mut().zip(watched) {
            entry.ready = watched.ready.bits();
            ready += usize::from(entry.ready != 0);
        }
    }
    write_ready(array, &entries)?;
    Ok(ready)
}

/// `poll(2)`.
pub fn poll(cx: Context<'_>, array: UserPtr<PollEntry>, count: u32, timeout: i32) -> Result<usize> {
    let deadline = u64::try_from(timeout).ok().map(|millis| Deadline::after(Duration::from_millis(millis)));
    poll_until(&cx, array, count as usize, deadline)
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
    write_remaining(timeout, deadline, result)
}
