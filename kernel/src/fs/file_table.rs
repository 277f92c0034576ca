//! The descriptors of a process.

use super::file::File;
use super::locks;
use crate::net::unix;
use crate::prelude::*;
use crate::syscalls::args::FileDesc;
use bitflags::bitflags;
use core::sync::atomic::{AtomicU64, Ordering};

bitflags! {
    /// Flags of a descriptor, not of the file (`man 2 fcntl`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct FdFlags: u32 {
        /// Closed by `execve`.
        const CLOEXEC = 1;
    }
}

#[derive(Clone)]
struct Entry {
    file: Arc<dyn File>,
    flags: FdFlags,
}

/// Open files by descriptor.
#[derive(Default)]
pub struct FileTable {
    entries: RwLock<Vec<Option<Entry>>>,
    /// How often a descriptor lost its file; changed while `entries` is locked for that.
    losses: Arc<AtomicU64>,
}

impl Clone for FileTable {
    fn clone(&self) -> Self {
        Self { entries: RwLock::new(self.entries.read().clone()), losses: Arc::default() }
    }
}

impl Drop for FileTable {
    fn drop(&mut self) {
        let entries = core::mem::take(self.entries.get_mut());
        self.close(entries.into_iter().flatten());
    }
}

impl FileTable {
    /// What tells it from others: locks of ranges belong to it (`man 2 fcntl`).
    pub(super) fn id(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// Files were taken out: what locks of ranges it holds on them are gone.
    fn close(&self, closed: impl IntoIterator<Item = Entry>) {
        for entry in closed {
            locks::closed(self.id(), &*entry.file);
        }
        unix::in_flight::closed();
    }

    /// The open file of a descriptor.
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn get(&self, fd: FileDesc) -> Result<Arc<dyn File>> {
        match self.entries.read().get(fd.0 as usize) {
            Some(Some(entry)) => Ok(entry.file.clone()),
            _ => Err(err!(EBADF, "the descriptor is not open")),
        }
    }

    /// What threads remember of the table ([`RecentFiles`]) is no longer so.
    pub fn forget_recent(&self) -> Loss {
        Loss(self.losses.fetch_add(1, Ordering::Release))
    }

    /// Looks at several descriptors at once, which doesn't count up and down for each.
    pub fn with<R>(&self, look: impl FnOnce(Descriptors<'_>) -> R) -> R {
        look(Descriptors(&self.entries.read()))
    }

    /// Gives a file the lowest free descriptor from `lowest` on, below `limit`.
    ///
    /// # Errors
    /// `EMFILE` at the limit, `EINVAL` if `lowest` is beyond it.
    pub fn insert(&self, file: Arc<dyn File>, flags: FdFlags, lowest: usize, limit: u64) -> Result<FileDesc> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(MAX_DESCRIPTORS);
        let mut entries = self.entries.write();
        let free = entries.iter().skip(lowest).position(Option::is_none);
        let fd = free.map_or(entries.len().max(lowest), |index| lowest + index);
        if fd >= limit {
            bail!(EMFILE, "the limit of open files is reached");
        }
        set(&mut entries, fd, Entry { file, flags });
        Ok(FileDesc(fd as i32))
    }

    /// Checks that a file could be given a descriptor below `limit`.
    ///
    /// # Errors
    /// `EMFILE` at the limit.
    pub fn check_room(&self, limit: u64) -> Result<()> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(MAX_DESCRIPTORS);
        let entries = self.entries.read();
        let free = entries.iter().position(Option::is_none).unwrap_or(entries.len());
        if free < limit { Ok(()) } else { Err(err!(EMFILE, "the limit of open files is reached")) }
    }

    /// Gives a file this descriptor; what it stood for is closed.
    ///
    /// # Errors
    /// `EBADF` if the descriptor is beyond the limit.
    pub fn replace(&self, fd: FileDesc, file: Arc<dyn File>, flags: FdFlags, limit: u64) -> Result<()> {
        if fd.0 < 0 || fd.0 as u64 >= limit || fd.0 as usize >= MAX_DESCRIPTORS {
            bail!(EBADF, "the descriptor is beyond the limit of open files");
        }
        let old = {
            let mut entries = self.entries.write();
            let old = entries.get_mut(fd.0 as usize).and_then(Option::take);
            self.forget_recent();
            set(&mut entries, fd.0 as usize, Entry { file, flags });
            old
        };
        self.close(old);
        Ok(())
    }

    /// Closes a descriptor.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn remove(&self, fd: FileDesc) -> Result<Loss> {
        let (entry, loss) = {
            let mut entries = self.entries.write();
            let loss = self.forget_recent();
            (entries.get_mut(fd.0 as usize).and_then(Option::take), loss)
        };
        self.close(Some(entry.ok_or(err!(EBADF, "the descriptor is not open"))?));
        Ok(loss)
    }

    /// Flags of a descriptor.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn flags(&self, fd: FileDesc) -> Result<FdFlags> {
        match self.entries.read().get(fd.0 as usize) {
            Some(Some(entry)) => Ok(entry.flags),
            _ => Err(err!(EBADF, "the descriptor is not open")),
        }
    }

    /// Sets the flags of a descriptor.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn set_flags(&self, fd: FileDesc, flags: FdFlags) -> Result<()> {
        match self.entries.write().get_mut(fd.0 as usize) {
            Some(Some(entry)) => {
                entry.flags = flags;
                Ok(())
            }
            _ => Err(err!(EBADF, "the descriptor is not open")),
        }
    }

    /// Closes all descriptors from `first` to `last`.
    pub fn close_range(&self, first: u32, last: u32) {
        let closed: Vec<_> = {
            let mut entries = self.entries.write();
            self.forget_recent();
            let range = in_table(first, last, entries.len());
            entries[range].iter_mut().filter_map(Option::take).collect()
        };
        self.close(closed);
    }

    /// Marks all descriptors from `first` to `last` as closed by `execve`.
    pub fn set_close_on_exec(&self, first: u32, last: u32) {
        let mut entries = self.entries.write();
        let range = in_table(first, last, entries.len());
        for entry in entries[range].iter_mut().flatten() {
            entry.flags |= FdFlags::CLOEXEC;
        }
    }

    /// Closes what `execve` closes.
    pub fn close_on_exec(&self) {
        let closes = |entry: &mut Entry| entry.flags.contains(FdFlags::CLOEXEC);
        let closed: Vec<_> = {
            let mut entries = self.entries.write();
            self.forget_recent();
            entries.iter_mut().filter_map(|entry| entry.take_if(closes)).collect()
        };
        self.close(closed);
    }

    /// All open descriptors, ascending.
    pub fn descriptors(&self) -> Vec<FileDesc> {
        let entries = self.entries.read();
        entries.iter().enumerate().filter(|(_, entry)| entry.is_some()).map(|(fd, _)| FileDesc(fd as i32)).collect()
    }

    /// Number of descriptors that there's room for, as `FDSize` in `/proc/PID/status`.
    pub fn capacity(&self) -> usize {
        self.entries.read().len().next_power_of_two().max(64)
    }
}

/// That something was taken out of a table, by how often that had happened before.
#[derive(Clone, Copy, Debug)]
pub struct Loss(u64);

/// The files of a table that a thread used last: finding one there takes no lock.
///
/// They are known weakly, so a file that another thread closes is closed then, and no longer found once that is done.
#[derive(Default)]
pub struct RecentFiles {
    /// The table's `losses`, and what they were when the files were remembered.
    losses: Arc<AtomicU64>,
    seen: u64,
    files: [Option<(FileDesc, Weak<dyn File>)>; RECENT],
}

/// How many files a thread remembers: a power of two, by the lowest bits of the descriptor.
const RECENT: usize = 16;

impl RecentFiles {
    /// The open file of a descriptor, if it's remembered.
    #[inline]
    pub fn get(&self, fd: FileDesc) -> Option<Arc<dyn File>> {
        let (remembered, file) = self.files[fd.0 as usize % RECENT].as_ref()?;
        if *remembered != fd || self.losses.load(Ordering::Acquire) != self.seen {
            return None;
        }
        file.upgrade()
    }

    /// The open file of a descriptor of the thread's table, which is remembered from now on.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn look_up(&mut self, table: &FileTable, fd: FileDesc) -> Result<Arc<dyn File>> {
        // With the entries locked, nothing is lost meanwhile.
        let entries = table.entries.read();
        let losses = table.losses.load(Ordering::Acquire);
        if !Arc::ptr_eq(&self.losses, &table.losses) {
            *self = Self { losses: table.losses.clone(), seen: losses, files: Default::default() };
        } else if losses != self.seen {
            (self.seen, self.files) = (losses, Default::default());
        }
        let file = Descriptors(&entries).get(fd).ok_or(err!(EBADF, "the descriptor is not open"))?;
        self.files[fd.0 as usize % RECENT] = Some((fd, Arc::downgrade(file)));
        Ok(file.clone())
    }

    /// The thread has closed a descriptor of the table. If nothing else was lost meanwhile, all others are as they were.
    pub fn closed(&mut self, table: &FileTable, fd: FileDesc, Loss(before): Loss) {
        if Arc::ptr_eq(&self.losses, &table.losses) && before == self.seen {
            self.files[fd.0 as usize % RECENT] = None;
            self.seen = before.wrapping_add(1);
        }
    }
}

/// The descriptors of a table, while it can't change.
#[derive(Clone, Copy)]
pub struct Descriptors<'a>(&'a [Option<Entry>]);

impl<'a> Descriptors<'a> {
    /// The open file of a descriptor, if there is one.
    pub fn get(self, fd: FileDesc) -> Option<&'a Arc<dyn File>> {
        match self.0.get(fd.0 as usize) {
            Some(Some(entry)) => Some(&entry.file),
            _ => None,
        }
    }
}

/// Linux's `sysctl_nr_open`.
const MAX_DESCRIPTORS: usize = 1 << 20;

fn set(entries: &mut Vec<Option<Entry>>, fd: usize, entry: Entry) {
    if entries.len() <= fd {
        entries.resize(fd + 1, None);
    }
    entries[fd] = Some(entry);
}

fn in_table(first: u32, last: u32, len: usize) -> core::ops::Range<usize> {
    let start = (first as usize).min(len);
    start..(last as usize).saturating_add(1).clamp(start, len.max(start))
}
