//! The arena: memory of the LibOS that all its host processes share.
//!
//! Mapped once at boot, before the first thread starts, at the fixed places of [`crate::layout`]: the heap, and the page
//! pool for what wants whole pages (LibOS stacks, data of in-memory files). The page pool has a descriptor of the
//! host, so that its pages can be mapped into programs too.

use crate::errno::{Errno, Error, Result};
use crate::layout::{HEAP_BASE, HUGE_PAGE, PAGE_SIZE, PAGES_BASE, PAGES_SIZE};
use crate::sync::Mutex;
use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Range;

/// Free pages of the pool, by place and by length. Neighbours of the same cleanliness are always joined.
struct PagePool {
    free: BTreeMap<usize, Extent>,
    by_len: BTreeSet<(usize, usize)>,
    /// Pages from here on were never used, hence are clean and not resident.
    frontier: usize,
    in_use: usize,
    limit: usize,
}

#[derive(Clone, Copy)]
struct Extent {
    len: usize,
    clean: bool,
}

static POOL: Mutex<PagePool> = Mutex::new(PagePool {
    free: BTreeMap::new(),
    by_len: BTreeSet::new(),
    frontier: 0,
    in_use: 0,
    limit: PAGES_SIZE / PAGE_SIZE,
});

/// Freed runs from this length on are given back to the host; shorter ones stay resident for the next user.
const GIVE_BACK_PAGES: usize = 64;

/// A run of pages of the arena, zeroed when handed out; freed on drop.
#[derive(Debug)]
pub struct Pages {
    first: usize,
    count: usize,
}

impl Pages {
    /// Allocates `count` zeroed pages in one run.
    ///
    /// # Errors
    /// `ENOMEM` when the pool or its limit is exhausted.
    pub fn alloc(count: usize) -> Result<Self> {
        let (first, clean) = POOL.lock().alloc(count)?;
        let pages = Self { first, count };
        if !clean {
            pages.zero(0..count * PAGE_SIZE);
        }
        Ok(pages)
    }

    /// Length in bytes.
    pub const fn len(&self) -> usize {
        self.count * PAGE_SIZE
    }

    /// Whether there are no pages.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Where the run starts in the host's descriptor of the pool, in bytes.
    pub const fn offset(&self) -> usize {
        self.first * PAGE_SIZE
    }

    /// The address in the LibOS.
    pub const fn addr(&self) -> usize {
        PAGES_BASE + self.first * PAGE_SIZE
    }

    /// Copies bytes at `offset` to `sink`. Programs may have the pages mapped, so this is a copy of raw memory, never
    /// a borrow.
    ///
    /// # Errors
    /// `EFAULT` if the sink's memory isn't there; `EINVAL` if the range isn't within the run.
    pub fn read(&self, offset: usize, len: usize, sink: &mut crate::user::Sink<'_>) -> Result<usize> {
        self.check(offset, len)?;
        // SAFETY: within the run, which this object owns. The bytes may be changed by programs that share the page
        // while they are copied by `rep movsb`; no Rust code but the copy routine looks at them.
        let bytes = unsafe { core::slice::from_raw_parts((self.addr() + offset) as *const u8, len) };
        sink.put(bytes)
    }

    /// Copies bytes from `source` to `offset`.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn write(&self, offset: usize, len: usize, source: &mut crate::user::Source<'_>) -> Result<usize> {
        self.check(offset, len)?;
        // SAFETY: as in `read`; the copy routine alone writes.
        let bytes = unsafe { core::slice::from_raw_parts_mut((self.addr() + offset) as *mut u8, len) };
        source.take(bytes)
    }

    /// Zeroes a range of bytes; out of range does nothing.
    pub fn zero(&self, range: Range<usize>) {
        if range.start <= range.end && range.end <= self.len() {
            // SAFETY: within the run, which this object owns.
            unsafe { core::ptr::write_bytes((self.addr() + range.start) as *mut u8, 0, range.len()) };
        }
    }

    /// Cuts the run to its first `count` pages and gives the rest.
    #[must_use]
    pub fn split_off(&mut self, count: usize) -> Self {
        let count = count.min(self.count);
        let rest = Self { first: self.first + count, count: self.count - count };
        self.count = count;
        rest
    }

    fn check(&self, offset: usize, len: usize) -> Result<()> {
        match offset.checked_add(len) {
            Some(end) if end <= self.len() => Ok(()),
            _ => Err(Error::new(Errno::EINVAL, "beyond the end of a run of pages")),
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if self.count > 0 {
            let clean = self.count >= GIVE_BACK_PAGES && crate::ocall::mem::remove(self.addr(), self.len()).is_ok();
            POOL.lock().free(self.first, self.count, clean);
        }
    }
}

/// Bytes of the pool in use.
pub fn pages_in_use() -> usize {
    POOL.lock().in_use * PAGE_SIZE
}

/// Moves the arena's oldest parts, which all that the LibOS does touches, into huge pages: a new host process gets each of
/// them by one page fault, not by one for every 4 KiB.
///
/// # Errors
/// What the host gives when it has no huge pages.
pub(crate) fn make_huge() -> Result<()> {
    /// Not more than that, since what isn't in use of a huge page costs memory too.
    const MAX_PAGES: usize = 4;
    let [heap, _] = crate::heap::in_use();
    let pool = POOL.lock().frontier * PAGE_SIZE;
    for (base, used) in [(HEAP_BASE, heap), (PAGES_BASE, pool)] {
        for index in 0..used.div_ceil(HUGE_PAGE).min(MAX_PAGES) {
            crate::ocall::mem::collapse(base + index * HUGE_PAGE)?;
        }
    }
    Ok(())
}

/// Limits the pool to `bytes`.
pub fn limit_pages(bytes: usize) {
    POOL.lock().limit = (bytes / PAGE_SIZE).min(PAGES_SIZE / PAGE_SIZE);
}

impl PagePool {
    fn alloc(&mut self, count: usize) -> Result<(usize, bool)> {
        if count == 0 || count > self.limit.saturating_sub(self.in_use) {
            return Err(Error::new(Errno::ENOMEM, "the LibOS's page pool is at its limit"));
        }
        let best = self.by_len.range((count, 0)..).next().copied();
        let (first, clean) = if let Some((len, first)) = best {
            let clean = self.take(first, len);
            if len > count {
                self.put(first + count, len - count, clean);
            }
            (first, clean)
        } else if count <= PAGES_SIZE / PAGE_SIZE - self.frontier {
            let first = self.frontier;
            self.frontier += count;
            (first, true)
        } else {
            return Err(Error::new(Errno::ENOMEM, "the LibOS's page pool is full"));
        };
        self.in_use += count;
        Ok((first, clean))
    }

    fn free(&mut self, mut first: usize, mut len: usize, clean: bool) {
        self.in_use -= len;
        if let Some((&before, &extent)) = self.free.range(..first).next_back()
            && before + extent.len == first
            && extent.clean == clean
        {
            self.take(before, extent.len);
            first = before;
            len += extent.len;
        }
        if let Some(&extent) = self.free.get(&(first + len))
            && extent.clean == clean
        {
            self.take(first + len, extent.len);
            len += extent.len;
        }
        self.put(first, len, clean);
    }

    fn take(&mut self, first: usize, len: usize) -> bool {
        self.by_len.remove(&(len, first));
        self.free.remove(&first).is_some_and(|extent| extent.clean)
    }

    fn put(&mut self, first: usize, len: usize, clean: bool) {
        self.free.insert(first, Extent { len, clean });
        self.by_len.insert((len, first));
    }
}
