//! Files in memory that get shorter beneath their mappings.
//!
//! What lies behind a file's end is a fault from then on. The threads of a memory's address space alone can change what is
//! mapped there, so those of others are told, and whoever has shortened the file waits for them.

use super::memory::Memory;
use crate::fs::Metadata;
use crate::prelude::*;
use crate::process::{Process, table};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use frame::layout::PAGE_SIZE;
use frame::sync::{Deadline, WaitQueue};

/// Files that were shortened from other address spaces.
#[derive(Default)]
pub(super) struct FileEnds {
    list: Mutex<Vec<FileEnd>>,
    /// There are some.
    is_pending: AtomicBool,
}

/// Where a file ends, by its device and inode number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileEnd {
    dev_ino: (u64, u64),
    len: u64,
}

/// Whether any memory was ever told. Mostly none is, and then nobody needs to look.
static IS_ANY_TOLD: AtomicBool = AtomicBool::new(false);

/// Whether there may be memories that have been told of files that were shortened.
pub fn may_have_ends() -> bool {
    IS_ANY_TOLD.load(Ordering::SeqCst)
}

/// Who has shortened a file waits here.
static SEEN: WaitQueue = WaitQueue::new();

/// Threads of a process that is stopped see to it when they go on. Nobody waits longer for them.
const PATIENCE: Duration = Duration::from_millis(200);

/// The file with these attributes is only `len` bytes long now: mappings of it end there.
///
/// # Errors
/// What mapping gives.
pub fn end_mappings(metadata: &Metadata, len: u64) -> Result<()> {
    let end = FileEnd { dev_ino: (metadata.dev, metadata.ino), len };
    let Some(caller) = table::calling_thread() else { return Ok(()) };
    let own = caller.process.memory();
    let mut elsewhere = Vec::new();
    // A second time for those that were just being forked.
    for process in table::all().into_iter().chain(core::iter::once_with(table::all).flatten()) {
        let memory = process.memory();
        if memory.is_in_space_of(&own) {
            memory.end_file(end)?;
        } else if memory.tell_of_end(end) {
            interrupt_all(&process);
            elsewhere.push(memory);
        }
    }
    if !elsewhere.is_empty() {
        let is_seen = |memory: &Arc<Memory>| !memory.has_file_ends();
        // Whatever ends the wait, the file is as long as it was to be.
        let _ = SEEN.wait_until(Some(Deadline::after(PATIENCE)), || elsewhere.iter().all(is_seen).then_some(()));
    }
    Ok(())
}

/// Those that run in the program look at once, those that wait before they go on.
fn interrupt_all(process: &Process) {
    for thread in process.threads.lock().values() {
        thread.interrupt();
    }
}

impl FileEnds {
    /// Those that a copy of the memory has to see to as well. The memory is locked, and so for whoever adds one.
    pub(super) fn copy(&self) -> Self {
        let list = self.list.lock().clone();
        let is_pending = AtomicBool::new(!list.is_empty());
        Self { list: Mutex::new(list), is_pending }
    }
}

impl Memory {
    /// Whether files were shortened from other address spaces.
    pub fn has_file_ends(&self) -> bool {
        self.file_ends.is_pending.load(Ordering::SeqCst)
    }

    /// Sees to them.
    pub fn see_to_file_ends(&self) {
        if !self.has_file_ends() {
            return;
        }
        let ends = core::mem::take(&mut *self.file_ends.list.lock());
        for end in ends {
            if let Err(error) = self.end_file(end) {
                warn!("a mapping of a file that was shortened stays as it was: {error}");
            }
        }
        {
            let list = self.file_ends.list.lock();
            self.file_ends.is_pending.store(!list.is_empty(), Ordering::SeqCst);
        }
        SEEN.wake_all();
    }

    /// Makes mappings of the file anew behind its end, where they are faults now.
    fn end_file(&self, end: FileEnd) -> Result<()> {
        let inner = self.inner.lock();
        for (range, vma) in inner.vmas.iter() {
            let Some((source, offset)) = &vma.source else { continue };
            let skipped = end.skipped(*offset);
            if source.dev_ino() == end.dev_ino && skipped < range.len() as u64 {
                let gone = range.start + skipped as usize..range.end;
                source.map(&gone, offset + skipped, vma.prot, vma.sharing)?;
            }
        }
        Ok(())
    }

    /// Has its threads see to the file's end, if it has mappings behind that. Gives whether it does.
    fn tell_of_end(&self, end: FileEnd) -> bool {
        let inner = self.inner.lock();
        let shows_beyond = inner.vmas.iter().any(|(range, vma)| {
            let source = vma.source.as_ref().filter(|(source, _)| source.dev_ino() == end.dev_ino);
            source.is_some_and(|(_, offset)| end.skipped(*offset) < range.len() as u64)
        });
        if shows_beyond {
            IS_ANY_TOLD.store(true, Ordering::SeqCst);
            let mut list = self.file_ends.list.lock();
            list.push(end);
            self.file_ends.is_pending.store(true, Ordering::SeqCst);
        }
        shows_beyond
    }
}

impl FileEnd {
    /// How much of a mapping from `offset` on lies before it.
    fn skipped(self, offset: u64) -> u64 {
        self.len.next_multiple_of(PAGE_SIZE as u64).saturating_sub(offset)
    }
}
