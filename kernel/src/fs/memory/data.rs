//! The contents of a regular file in memory.

use crate::prelude::*;
use frame::arena::Pages;
use frame::layout::PAGE_SIZE;

const PAGE: u64 = PAGE_SIZE as u64;
/// The longest run that is allocated at once, in pages.
const MAX_RUN: u64 = 512;

/// Bytes in runs of pages; what has no page is a hole and reads as zero.
///
/// Pages are shared with mappings of programs, which keep them alive.
#[derive(Default)]
pub struct Data {
    size: u64,
    /// By the file's page that they start at.
    extents: BTreeMap<u64, Extent>,
}

/// A part of a run of pages.
#[derive(Clone)]
pub struct Extent {
    /// The run.
    pub pages: Arc<Pages>,
    /// First page within the run.
    pub first: u64,
    /// Number of pages.
    pub count: u64,
}

impl Data {
    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of memory used.
    pub fn allocated(&self) -> u64 {
        self.extents.values().map(|extent| extent.count * PAGE).sum()
    }

    /// Copies bytes from `offset` on.
    pub fn read(&self, offset: u64, sink: &mut Sink<'_>) -> Result<usize> {
        let end = self.size.min(offset.saturating_add(sink.remaining() as u64));
        let mut at = offset;
        while at < end {
            let (extent, limit) = self.locate(at, end);
            let wanted = (limit - at) as usize;
            let done = match extent {
                Some((extent, within)) => extent.pages.read(within, wanted, sink),
                None => sink.put_zeroes(wanted),
            };
            match done {
                Ok(done) => {
                    at += done as u64;
                    if done < wanted {
                        break;
                    }
                }
                Err(error) if at == offset => return Err(error),
                Err(_) => break,
            }
        }
        Ok(at.saturating_sub(offset) as usize)
    }

    /// Copies bytes to `offset` on, allocating what is missing.
    ///
    /// # Errors
    /// `ENOSPC` when memory is exhausted before the first byte, `EFAULT`.
    pub fn write(&mut self, offset: u64, source: &mut Source<'_>) -> Result<usize> {
        let end = offset.checked_add(source.remaining() as u64).ok_or(Errno::EFBIG)?;
        let mut at = offset;
        while at < end {
            let step = self.write_piece(at, end, source);
            match step {
                Ok(0) => break,
                Ok(done) => {
                    at += done as u64;
                    self.size = self.size.max(at);
                }
                Err(error) if at == offset => return Err(error),
                Err(_) => break,
            }
        }
        Ok((at - offset) as usize)
    }

    fn write_piece(&mut self, at: u64, end: u64, source: &mut Source<'_>) -> Result<usize> {
        if let (Some((extent, within)), limit) = self.locate(at, end) {
            return extent.pages.write(within, (limit - at) as usize, source);
        }
        self.allocate_run(at, end)?;
        match self.locate(at, end) {
            (Some((extent, within)), limit) => extent.pages.write(within, (limit - at) as usize, source),
            (None, _) => Ok(0),
        }
    }

    /// Gives pages to the hole at `at`, at most up to `end` or what the file's growth suggests.
    fn allocate_run(&mut self, at: u64, end: u64) -> Result<()> {
        let first = at / PAGE;
        let next = self.extents.range(first..).next().map_or(u64::MAX, |(&page, _)| page);
        let wanted = end.div_ceil(PAGE) - first;
        // A file that grows gets as much again as it has, so that it lies in few runs.
        let growth = if at >= self.size / PAGE * PAGE { self.size / PAGE } else { 0 };
        let count = wanted.max(growth).clamp(1, MAX_RUN).min(next - first);
        let pages = Pages::alloc(count as usize)
            .or_else(|_| Pages::alloc(1))
            .map_err(|_| err!(ENOSPC, "the in-memory file system is full"))?;
        let count = (pages.len() / PAGE_SIZE) as u64;
        self.extents.insert(first, Extent { pages: Arc::new(pages), first: 0, count });
        Ok(())
    }

    /// Makes sure that `[offset, offset + len)` has pages.
    ///
    /// # Errors
    /// `ENOSPC`.
    pub fn allocate(&mut self, offset: u64, len: u64) -> Result<()> {
        let end = offset.checked_add(len).ok_or(Errno::EFBIG)?;
        let mut at = offset;
        while at < end {
            let (extent, limit) = self.locate(at, end);
            if extent.is_none() {
                self.allocate_run(at, end)?;
            } else {
                at = limit;
            }
        }
        Ok(())
    }

    /// Sets the length; what is cut off is gone, what is added is a hole.
    pub fn truncate(&mut self, size: u64) {
        if size < self.size {
            self.zero_range(size, size.next_multiple_of(PAGE));
            self.remove_pages(size.div_ceil(PAGE), u64::MAX);
        }
        self.size = size;
    }

    /// Makes `[start, end)` a hole.
    pub fn punch(&mut self, start: u64, end: u64) {
        let first = start.div_ceil(PAGE);
        let last = end / PAGE;
        if first > last {
            return self.zero_range(start, end);
        }
        self.zero_range(start, first * PAGE);
        self.zero_range(last * PAGE, end);
        self.remove_pages(first, last);
    }

    /// The next data or hole from `offset` on.
    pub fn seek_data(&self, offset: u64, wants_hole: bool) -> Option<u64> {
        let mut at = offset;
        while at < self.size {
            let (extent, limit) = self.locate(at, self.size);
            if extent.is_none() == wants_hole {
                return Some(at);
            }
            at = limit;
        }
        wants_hole.then_some(self.size)
    }

    /// The extents and holes that pages `[first, last)` of the file lie in.
    pub fn pieces(&self, first: u64, last: u64) -> Vec<(u64, u64, Option<Extent>)> {
        let mut pieces = Vec::new();
        let mut page = first;
        while page < last {
            let (extent, limit) = self.locate(page * PAGE, last * PAGE);
            let count = limit.div_ceil(PAGE) - page;
            let extent = extent.map(|(extent, within)| Extent {
                pages: extent.pages.clone(),
                first: within as u64 / PAGE,
                count,
            });
            pieces.push((page, count, extent));
            page += count;
        }
        pieces
    }

    /// What is at `at`: an extent and the offset in its run, or a hole; and where that ends, at most at `end`.
    fn locate(&self, at: u64, end: u64) -> (Option<(&Extent, usize)>, u64) {
        let page = at / PAGE;
        if let Some((&start, extent)) = self.extents.range(..=page).next_back()
            && page < start + extent.count
        {
            let limit = end.min((start + extent.count) * PAGE);
            let within = (extent.first + page - start) * PAGE + at % PAGE;
            return (Some((extent, within as usize)), limit);
        }
        let next = self.extents.range(page..).next().map_or(end, |(&start, _)| (start * PAGE).min(end));
        (None, next)
    }

    fn zero_range(&mut self, start: u64, end: u64) {
        let mut at = start;
        while at < end {
            let (extent, limit) = self.locate(at, end);
            if let Some((extent, within)) = extent {
                extent.pages.zero(within..within + (limit - at) as usize);
            }
            at = limit;
        }
    }

    fn remove_pages(&mut self, first: u64, last: u64) {
        let touched: Vec<u64> = self
            .extents
            .range(..last)
            .rev()
            .take_while(|&(&start, extent)| start + extent.count > first)
            .map(|(&start, _)| start)
            .collect();
        for start in touched {
            let Some(extent) = self.extents.remove(&start) else { continue };
            let end = start + extent.count;
            if start < first {
                self.extents.insert(start, Extent { count: first - start, ..extent.clone() });
            }
            if end > last {
                let skipped = last - start;
                self.extents.insert(last, Extent { first: extent.first + skipped, count: end - last, ..extent });
            }
        }
    }
}
