//! An open file at an inode: regular files and directories.

use super::file::{File, StatusFlags};
use super::inode::{CAPABILITY_XATTR, DirEntry, FileType, Handle, Inode, MapAccess, Metadata};
use super::inotify::{self, Events};
use super::memory::Seals;
use super::{Claim, Dentry, locks};
use crate::mm::MapSource;
use crate::prelude::*;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use frame::ocall::file::{Extent, Whence};
use frame::ocall::mem::{Prot, Sharing};

/// A file that was opened by its name.
pub struct InodeFile {
    dentry: Arc<Dentry>,
    /// Its contents; `None` for directories and `O_PATH`.
    handle: Option<Arc<dyn Handle>>,
    status: AtomicU32,
    /// Changes under the lock of `position`; looked at without, by who reads `/proc/self/fdinfo/N` by that very file.
    offset: AtomicU64,
    position: Mutex<Position>,
    /// It is open for writing.
    writes: Option<Claim>,
}

struct Position {
    /// The directory's entries, as they were when it was read from the start.
    entries: Option<Arc<[DirEntry]>>,
}

/// The most that a file can hold.
const MAX_OFFSET: u64 = i64::MAX as u64;

impl InodeFile {
    /// The file at `dentry`, with its contents.
    pub fn new(dentry: Arc<Dentry>, handle: Option<Arc<dyn Handle>>, status: StatusFlags) -> Self {
        Self {
            dentry,
            handle,
            status: AtomicU32::new((status & StatusFlags::KEPT).bits()),
            offset: AtomicU64::new(0),
            position: Mutex::new(Position { entries: None }),
            writes: None,
        }
    }

    /// The same, open for writing, so that nobody runs it.
    #[must_use]
    pub fn with_claim(mut self, writes: Option<Claim>) -> Self {
        self.writes = writes;
        self
    }

    /// The name that it was opened by.
    pub fn dentry(&self) -> &Arc<Dentry> {
        &self.dentry
    }

    /// Its contents.
    ///
    /// # Errors
    /// `EBADF` for `O_PATH`, `EISDIR` for a directory.
    pub fn handle(&self) -> Result<&Arc<dyn Handle>> {
        self.handle.as_ref().ok_or_else(|| {
            if self.status().contains(StatusFlags::O_PATH) { Errno::EBADF.into() } else { Errno::EISDIR.into() }
        })
    }

    /// Writes at the end, whatever the status says, and moves the position there if `moves`.
    ///
    /// # Errors
    /// As [`File::write`].
    pub fn append(&self, source: &mut Source<'_>, moves: bool) -> Result<usize> {
        let handle = self.handle()?;
        let position = self.position.lock();
        let (count, end) = handle.append(source)?;
        if moves {
            self.offset.store(end, Ordering::Relaxed);
        }
        drop(position);
        Ok(self.transferred(count, Events::IN_MODIFY))
    }

    /// So many bytes were read or written, which who watches the file is told of.
    fn transferred(&self, count: usize, events: Events) -> usize {
        if count > 0 {
            inotify::tell(&self.dentry, events);
        }
        count
    }

    /// Gives directory entries from the position on to `take`, with the position behind each, until it refuses one.
    ///
    /// # Errors
    /// `ENOTDIR`, `ENOENT` if the directory was removed.
    pub fn read_dir(&self, mut take: impl FnMut(&DirEntry, u64) -> bool) -> Result<()> {
        let inode = self.dentry.inode();
        if inode.kind() != FileType::Directory {
            bail!(ENOTDIR, "not a directory");
        }
        if self.dentry.is_deleted() {
            bail!(ENOENT, "the directory was removed");
        }
        let mut position = self.position.lock();
        let entries = match &position.entries {
            Some(entries) if self.offset.load(Ordering::Relaxed) > 0 => entries.clone(),
            _ => {
                let dot = |name: &[u8], dentry: &Arc<Dentry>| -> Result<DirEntry> {
                    let ino = dentry.inode().access_metadata()?.ino;
                    Ok(DirEntry { name: name.to_vec(), ino, kind: FileType::Directory })
                };
                let mut entries = vec![dot(b".", &self.dentry)?, dot(b"..", &self.dentry.parent())?];
                entries.extend(inode.read_dir()?);
                let entries: Arc<[DirEntry]> = entries.into();
                position.entries = Some(entries.clone());
                entries
            }
        };
        let start = usize::try_from(self.offset.load(Ordering::Relaxed)).unwrap_or(usize::MAX).min(entries.len());
        for (index, entry) in entries.iter().enumerate().skip(start) {
            let next = index as u64 + 1;
            if !take(entry, next) {
                break;
            }
            self.offset.store(next, Ordering::Relaxed);
        }
        drop(position);
        inotify::tell(&self.dentry, Events::IN_ACCESS);
        Ok(())
    }
}

impl Drop for InodeFile {
    fn drop(&mut self) {
        locks::dropped(core::ptr::from_ref(self).cast());
        let status = self.status();
        if status.can_write() {
            inotify::tell(&self.dentry, Events::IN_CLOSE_WRITE);
        } else if status.can_read() {
            inotify::tell(&self.dentry, Events::IN_CLOSE_NOWRITE);
        }
    }
}

impl File for InodeFile {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        let handle = self.handle()?;
        let position = self.position.lock();
        let count = handle.read_at(self.offset.load(Ordering::Relaxed), sink)?;
        self.offset.fetch_add(count as u64, Ordering::Relaxed);
        drop(position);
        Ok(self.transferred(count, Events::IN_ACCESS))
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        if self.status().contains(StatusFlags::O_APPEND) {
            return self.append(source, true);
        }
        let handle = self.handle()?;
        let position = self.position.lock();
        limit(source, self.offset.load(Ordering::Relaxed))?;
        let count = handle.write_at(self.offset.load(Ordering::Relaxed), source)?;
        self.offset.fetch_add(count as u64, Ordering::Relaxed);
        drop(position);
        Ok(self.transferred(count, Events::IN_MODIFY))
    }

    fn read_at(&self, offset: u64, sink: &mut Sink<'_>) -> Result<usize> {
        Ok(self.transferred(self.handle()?.read_at(offset, sink)?, Events::IN_ACCESS))
    }

    fn write_at(&self, offset: u64, source: &mut Source<'_>) -> Result<usize> {
        // As Linux does (BUGS in `man 2 pwrite`).
        if self.status().contains(StatusFlags::O_APPEND) {
            return Ok(self.transferred(self.handle()?.append(source)?.0, Events::IN_MODIFY));
        }
        limit(source, offset)?;
        Ok(self.transferred(self.handle()?.write_at(offset, source)?, Events::IN_MODIFY))
    }

    fn seek(&self, offset: i64, whence: Whence) -> Result<u64> {
        if self.status().contains(StatusFlags::O_PATH) {
            bail!(EBADF, "the file was opened with O_PATH");
        }
        if offset == 0 && matches!(whence, Whence::Current) {
            return Ok(self.offset.load(Ordering::Relaxed));
        }
        let _position = self.position.lock();
        let end = || match &self.handle {
            Some(handle) => handle.end(),
            None => Ok(MAX_OFFSET),
        };
        let target = match whence {
            Whence::Set => Some(offset),
            Whence::Current => (self.offset.load(Ordering::Relaxed) as i64).checked_add(offset),
            Whence::End => (end()? as i64).checked_add(offset),
            Whence::Data | Whence::Hole => {
                let from = u64::try_from(offset).map_err(|_| err!(ENXIO, "the offset is negative"))?;
                Some(self.handle()?.seek_data(from, whence)? as i64)
            }
        };
        let target = match target {
            None => bail!(EOVERFLOW, "the offset overflows"),
            Some(target) => u64::try_from(target).map_err(|_| err!(EINVAL, "the offset is negative"))?,
        };
        self.offset.store(target, Ordering::Relaxed);
        Ok(target)
    }

    fn metadata(&self) -> Result<Metadata> {
        match self.handle.as_ref().and_then(|handle| handle.metadata()) {
            Some(metadata) => metadata,
            None => self.dentry.inode().metadata(),
        }
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.handle()?.truncate(len)?;
        inotify::tell(&self.dentry, Events::IN_MODIFY);
        Ok(())
    }

    fn allocate(&self, mode: u32, offset: u64, len: u64) -> Result<()> {
        self.handle()?.allocate(mode, offset, len)?;
        inotify::tell(&self.dentry, Events::IN_MODIFY);
        Ok(())
    }

    fn sync(&self, extent: Extent) -> Result<()> {
        match &self.handle {
            Some(handle) => handle.sync(extent),
            None => Ok(()),
        }
    }

    fn seals(&self) -> Option<&Seals> {
        self.handle.as_ref()?.seals()
    }

    fn is_mapped_from_memory(&self) -> bool {
        self.handle.as_ref().is_some_and(|handle| handle.is_mapped_from_memory())
    }

    fn inode(&self) -> Option<Arc<dyn Inode>> {
        Some(self.dentry.inode().clone())
    }

    fn capabilities(&self) -> Result<Vec<u8>> {
        match self.handle.as_ref().and_then(|handle| handle.capabilities()) {
            Some(answer) => answer,
            None => self.dentry.inode().xattr(CAPABILITY_XATTR),
        }
    }

    fn status(&self) -> StatusFlags {
        StatusFlags::from_bits_truncate(self.status.load(Ordering::Relaxed))
    }

    fn set_status(&self, status: StatusFlags) -> Result<()> {
        let kept = self.status() - StatusFlags::CHANGEABLE;
        self.status.store((kept | status & StatusFlags::CHANGEABLE).bits(), Ordering::Relaxed);
        Ok(())
    }

    fn path(&self) -> Vec<u8> {
        self.dentry.path()
    }

    fn map_source(&self, prot: Prot, sharing: Sharing) -> Result<Arc<dyn MapSource>> {
        let status = self.status();
        if status.contains(StatusFlags::O_PATH) {
            bail!(EBADF, "the file was opened with O_PATH");
        }
        if !status.can_read() {
            bail!(EACCES, "the file is not open for reading");
        }
        if sharing == Sharing::Shared && prot.contains(Prot::WRITE) && !status.can_write() {
            bail!(EACCES, "the file is not open for writing");
        }
        match &self.handle {
            Some(handle) => {
                let access = match sharing {
                    Sharing::Private => MapAccess::Private,
                    Sharing::Shared if status.can_write() => MapAccess::SharedWritable,
                    Sharing::Shared => MapAccess::SharedReadOnly,
                };
                handle.clone().map_source(self.path(), prot, access)
            }
            None => Err(Errno::ENODEV.into()),
        }
    }

    fn as_inode_file(&self) -> Option<&InodeFile> {
        Some(self)
    }
}

fn limit(source: &mut Source<'_>, offset: u64) -> Result<()> {
    if source.is_empty() {
        return Ok(());
    }
    let room = MAX_OFFSET.saturating_sub(offset);
    if room == 0 {
        bail!(EFBIG, "beyond the largest offset");
    }
    source.truncate(usize::try_from(room).unwrap_or(usize::MAX));
    Ok(())
}
