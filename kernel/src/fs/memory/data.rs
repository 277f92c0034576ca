//! The contents of a regular file in memory.

use crate::prelude::*;
use frame::arena::Pages;
use frame::layout::PAGE_SIZE;

const PAGE: u64 = PAGE_SIZE as u64;
/// The longest run that is allocated ahead of need, in pages.
const MAX_AHEAD: u64 = 512;

/// Bytes in runs of pages; what has no page is a hole and reads as zero.
///
/// Pages are shared with mappings of programs, which keep them alive.
#[derive(Default)]
pub struct Data {
    size: u64,
    /// By the file's page that they start at. Each is a whole run, which mappings alone may share.
    extents: BTreeMap<u64, Extent>,
    /// Number of pages in all extents.
    pages: u64,
    /// Pages from here on were allocated ahead of need: nobody asked for them.
    ahead: u64,
}

/// A part of a run of pages.
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

    /// Bytes of memory used, but for pages that were allocated ahead.
    pub fn allocated(&self) -> u64 {
        let end = self.size.div_ceil(PAGE).max(self.ahead);
        match self.extents.iter().next_back() {
            Some((&start, extent)) if start + extent.count > end => {
                let surplus: u64 = self
                    .extents
                    .iter()
                    .rev()
                    .map_while(|(&start, extent)| (start + extent.count).checked_sub(end.max(start)).filter(|&n| n > 0))
                    .sum();
                (self.pages - surplus) * PAGE
            }
            _ => self.pages * PAGE,
        }
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
        let growth = if at >= self.size / PAGE * PAGE { (self.size / PAGE).min(MAX_AHEAD) } else { 0 };
        let count = wanted.max(growth).max(1).min(next - first);
        let pages = allocate_pages(count, wanted.min(count))?;
        let count = (pages.len() / PAGE_SIZE) as u64;
        self.extents.insert(first, Extent { pages: Arc::new(pages), first: 0, count });
        self.pages += count;
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
        self.ahead = self.ahead.max(end.div_ceil(PAGE));
        Ok(())
    }

    /// Sets the length; what is cut off is gone, what is added is a hole.
    pub fn truncate(&mut self, size: u64) {
        if size < self.size {
            self.punch(size, u64::MAX);
            self.ahead = 0;
        }
        self.size = size;
    }

    /// Makes `[start, end)` a hole. Pages that programs have mapped stay, zeroed, so that file and mapping stay one.
    pub fn punch(&mut self, start: u64, end: u64) {
        let first = start.div_ceil(PAGE);
        let last = end / PAGE;
        if first > last {
            return self.zero_range(start, end);
        }
        self.zero_range(start, first * PAGE);
        if last < u64::MAX / PAGE {
            self.zero_range(last * PAGE, end);
        }
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
            let (cut_first, cut_last) = (start.max(first), end.min(last));
            let mut run = match Arc::try_unwrap(extent.pages) {
                Ok(run) => run,
                Err(pages) => {
                    pages.zero((cut_first - start) as usize * PAGE_SIZE..(cut_last - start) as usize * PAGE_SIZE);
                    self.extents.insert(start, Extent { pages, ..extent });
                    continue;
                }
            };
            self.pages -= cut_last - cut_first;
            let mut cut = run.split_off((cut_first - start) as usize);
            let behind = cut.split_off((cut_last - cut_first) as usize);
            for (at, run) in [(start, run), (cut_last, behind)] {
                if !run.is_empty() {
                    let count = (run.len() / PAGE_SIZE) as u64;
                    self.extents.insert(at, Extent { pages: Arc::new(run), first: 0, count });
                }
            }
        }
    }
}

/// Allocates `count` pages in one run, or fewer if there is no run so long.
fn allocate_pages(count: u64, wanted: u64) -> Result<Pages> {
    for count in [count, wanted, wanted.div_ceil(16), 1] {
        if let Ok(pages) = Pages::alloc(count as usize) {
            return Ok(pages);
        }
    }
    Err(err!(ENOSPC, "the in-memory file system is full"))
}
