//! Shared memory segments (`man 2 shmget`): files in memory that have an id instead of a name.

use super::ids::{Head, Ids, Object, Perm, seconds};
use crate::fs::memory::MemFs;
use crate::fs::{Handle, Inode, MapAccess, StatusFlags};
use crate::mm::{FileFault, MapSource, Memory};
use crate::prelude::*;
use crate::process::{Thread, table};
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use frame::layout::{PAGE_SIZE, page_ceil};
use frame::ocall::mem::{Prot, Sharing};

/// The most segments (`SHMMNI`).
pub(super) const MAX_SEGMENTS: usize = 4096;
/// The largest segment, and all together in pages (`SHMMAX`, `SHMALL`).
pub(super) const MAX_SIZE: u64 = u64::MAX - (1 << 24);
/// Device number that mappings of segments are known by, as on Linux.
const DEVICE: u64 = 1;
/// A bit of the mode: the segment is removed when nobody has it attached.
pub(super) const SHM_DEST: u32 = 0o1000;

/// All segments.
pub(super) static SEGMENTS: Ids<Segment> = Ids::new(MAX_SEGMENTS);

/// How many segments go with the last that has them attached; while there's none, nobody needs to look.
static DOOMED: AtomicUsize = AtomicUsize::new(0);

/// A segment.
pub(super) struct Segment {
    head: Head,
    /// In bytes, as it was asked for.
    pub(super) size: usize,
    contents: Arc<dyn Handle>,
    pub(super) times: Mutex<Times>,
    /// `IPC_RMID` was given; the segment goes with the last that has it attached.
    is_doomed: AtomicBool,
}

/// When a segment was used, in seconds, and by whom.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub(super) attached: i64,
    pub(super) detached: i64,
    pub(super) creator: u32,
    pub(super) last: u32,
}

impl Object for Segment {
    fn head(&self) -> &Head {
        &self.head
    }

    fn is_gone(&self) -> bool {
        self.is_doomed.load(Ordering::SeqCst) && self.attachments() == 0
    }
}

impl Segment {
    /// A segment of `size` bytes, all zero.
    ///
    /// # Errors
    /// `ENOSPC`.
    pub(super) fn new(head: Head, size: usize, creator: u32) -> Result<Self> {
        let perm = head.perm.lock().0;
        let root = MemFs::new_root(None, 0o700, [0, 0]);
        let contents = root.create_unnamed(perm.mode, [perm.uid, perm.gid])?.open(StatusFlags::O_RDWR)?;
        contents.truncate(page_ceil(size).ok_or(err!(ENOMEM, "the size overflows"))? as u64)?;
        let times = Mutex::new(Times { creator, ..Times::default() });
        Ok(Self { head, size, contents, times, is_doomed: AtomicBool::new(false) })
    }

    /// How many mappings of it there are (`shm_nattch`).
    pub(super) fn attachments(&self) -> usize {
        let mut seen = Vec::new();
        let mut count = 0;
        for process in table::all() {
            let memory = process.memory();
            if !seen.contains(&memory.id()) {
                seen.push(memory.id());
                count += memory.mappings_of(self.dev_ino());
            }
        }
        count
    }

    fn dev_ino(&self) -> (u64, u64) {
        (DEVICE, self.head.id as u64)
    }

    /// The segment as something to map.
    ///
    /// # Errors
    /// What the contents give.
    pub(super) fn source(self: &Arc<Self>, prot: Prot, access: MapAccess) -> Result<Arc<dyn MapSource>> {
        let path = format!("/SYSV{:08x}", self.head.perm.lock().0.key).into_bytes();
        let contents = self.contents.clone().map_source(path, prot, access)?;
        Ok(Arc::new(Attachment { contents, dev_ino: self.dev_ino(), _segment: self.clone() }))
    }

    /// Notes that a process has attached it.
    pub(super) fn attached(&self, thread: &Thread) {
        let mut times = self.times.lock();
        (times.attached, times.last) = (seconds(), thread.process.pid());
    }

    /// Removes it when nobody has it attached any more, which may be now.
    pub(super) fn doom(&self) {
        {
            let mut perm = self.head.perm.lock();
            perm.0.key = super::ids::IPC_PRIVATE;
            perm.0.mode |= SHM_DEST;
        }
        if !self.is_doomed.swap(true, Ordering::SeqCst) {
            DOOMED.fetch_add(1, Ordering::SeqCst);
        }
        sweep();
    }

    /// Permissions as programs see them.
    pub(super) fn perm(&self) -> (Perm, i64) {
        *self.head.perm.lock()
    }
}

/// Removes what is to be removed and nobody has attached.
pub(super) fn sweep() {
    if DOOMED.load(Ordering::SeqCst) > 0 {
        SEGMENTS.sweep();
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if self.is_doomed.load(Ordering::SeqCst) {
            DOOMED.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Detaches the segment whose start lies at `addr`.
///
/// # Errors
/// `EINVAL` if none does.
pub(super) fn detach(thread: &Thread, memory: &Memory, addr: usize) -> Result<()> {
    if !addr.is_multiple_of(PAGE_SIZE) {
        bail!(EINVAL, "the address is not aligned");
    }
    let id = memory.unmap_file(addr, DEVICE)?.ok_or(err!(EINVAL, "no segment is attached there"))?;
    if let Ok(segment) = SEGMENTS.find(id as i32) {
        let mut times = segment.times.lock();
        (times.detached, times.last) = (seconds(), thread.process.pid());
    }
    sweep();
    Ok(())
}

/// What is mapped of a segment.
struct Attachment {
    contents: Arc<dyn MapSource>,
    dev_ino: (u64, u64),
    _segment: Arc<Segment>,
}

impl MapSource for Attachment {
    fn map(&self, range: &Range<usize>, offset: u64, prot: Prot, sharing: Sharing) -> Result<()> {
        self.contents.map(range, offset, prot, sharing).map_err(|error| match error.errno() {
            Errno::ENOSPC => err!(ENOMEM, "there's no memory for the segment"),
            _ => error,
        })
    }

    fn fault(&self, range: &Range<usize>, offset: u64, prot: Prot, sharing: Sharing) -> FileFault {
        self.contents.fault(range, offset, prot, sharing)
    }

    fn dev_ino(&self) -> (u64, u64) {
        self.dev_ino
    }

    fn path(&self) -> Vec<u8> {
        self.contents.path()
    }

    fn sync(&self, range: &Range<usize>, flags: u32) -> Result<()> {
        self.contents.sync(range, flags)
    }

    fn may_protect(&self, prot: Prot, sharing: Sharing) -> Result<()> {
        self.contents.may_protect(prot, sharing)
    }
}
