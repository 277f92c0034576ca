//! What can be asked of a memory: to map, to unmap, to protect, to move.

use super::charge::{charge, uncharge};
use super::memory::{Inner, Memory};
use super::vma::{InChildren, Kind, Vma};
use super::{MapSource, recycle, refile, remains};
use crate::prelude::*;
use crate::process::RLIM_INFINITY;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use frame::layout::{self, PAGE_SIZE, page_ceil};
use frame::ocall::mem::{self, Backing, Prot, Sharing};

/// Where a mapping goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where there's room.
    Anywhere,
    /// Where there's room, at a multiple of this power of two.
    Aligned(usize),
    /// There if it's free, else anywhere.
    Hint(usize),
    /// There, in place of what is there.
    Fixed(usize),
    /// There, or not at all.
    FixedNoReplace(usize),
    /// Below 2 GiB (`MAP_32BIT`).
    Low,
}

/// What is to be mapped.
pub struct MapRequest {
    /// Where.
    pub place: Place,
    /// Length in bytes; rounded up to pages.
    pub len: usize,
    /// What may be done with it.
    pub prot: Prot,
    /// Whether others see its changes.
    pub sharing: Sharing,
    /// The file and offset, or anonymous memory.
    pub source: Option<(Arc<dyn MapSource>, u64)>,
    /// What it is for.
    pub kind: Kind,
    /// Whether it counts against the memory limit once it is writable.
    pub is_reserved: bool,
    /// The limit of the process's address space in bytes (`RLIMIT_AS`).
    pub space_limit: u64,
}

impl MapRequest {
    /// Private anonymous memory.
    pub const fn anonymous(place: Place, len: usize, prot: Prot) -> Self {
        Self {
            place,
            len,
            prot,
            sharing: Sharing::Private,
            source: None,
            kind: Kind::Plain,
            is_reserved: true,
            space_limit: RLIM_INFINITY,
        }
    }
}

/// The most mappings that a process may have (`vm.max_map_count`).
const MAX_MAPPINGS: usize = 65530;

impl Memory {
    /// Maps memory; gives its address.
    ///
    /// # Errors
    /// `EINVAL` for no length or an unaligned place, `ENOMEM`, `EEXIST` for [`Place::FixedNoReplace`]; what the file
    /// gives.
    pub fn map(&self, request: MapRequest) -> Result<usize> {
        if request.len == 0 {
            bail!(EINVAL, "a mapping without length");
        }
        let len = page_ceil(request.len).ok_or(err!(ENOMEM, "the length overflows"))?;
        let mut inner = self.inner.lock();
        if inner.mapped_with(request.place, len) > request.space_limit || inner.vmas.len() >= MAX_MAPPINGS {
            bail!(ENOMEM, "the limit of the address space or of mappings is reached");
        }
        let is_charged = is_charged(&request);
        if is_charged {
            charge(len)?;
        }
        let place = match request.place {
            Place::Anywhere => inner.remains.place_of(&request, len).map_or(Place::Anywhere, Place::Hint),
            place => place,
        };
        let placed = inner.place(self.id, place, len);
        let result = placed.and_then(|range| {
            self.fill(&mut inner, &range, request, is_charged)?;
            Ok(range.start)
        });
        if result.is_err() && is_charged {
            uncharge(len);
        }
        result
    }

    /// Unmaps what is in `range`, whose start is page-aligned.
    ///
    /// # Errors
    /// `EINVAL` for an unaligned, empty or impossible range.
    pub fn unmap(&self, range: Range<usize>) -> Result<()> {
        let range = checked(range)?;
        let mut inner = self.inner.lock();
        if !recycle::keep(self, &mut inner, &range) && !self.keep_unmapped(&mut inner, &range) {
            self.clear(&mut inner, &range)?;
        }
        // A dynamic linker does that last.
        self.settle_locked(&mut inner);
        inner.remains.note_unmapped(&range);
        Ok(())
    }

    /// Changes what may be done with `range`.
    ///
    /// # Errors
    /// `EINVAL` for an unaligned range, `ENOMEM` if not all is mapped, `EACCES` if the file doesn't allow it.
    pub fn protect(&self, range: Range<usize>, prot: Prot) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        if !range.start.is_multiple_of(PAGE_SIZE) {
            bail!(EINVAL, "the address is not aligned to a page");
        }
        let range = checked(range).map_err(|error| Error::new(Errno::ENOMEM, error.reason()))?;
        let mut inner = self.inner.lock();
        inner.end_start_up(&range, prot);
        if inner.remains.overlaps(&range) {
            self.settle_locked(&mut inner);
        }
        let mut at = range.start;
        // As on Linux, what lies before a hole or a refusal is changed.
        for (part, mut vma) in inner.vmas.within(&range) {
            if part.start > at || vma.kind == Kind::Trampolines {
                break;
            }
            at = part.end;
            if vma.prot == prot {
                continue;
            }
            if let Some((source, _)) = &vma.source {
                source.may_protect(prot, vma.sharing)?;
            }
            let is_charge =
                !vma.is_charged && vma.is_chargeable && vma.sharing == Sharing::Private && prot.contains(Prot::WRITE);
            if is_charge {
                charge(part.len())?;
            }
            if vma.prot.contains(Prot::EXEC) {
                self.patcher.forget(&part);
            }
            inner.is_altered |= prot.contains(Prot::WRITE) && !vma.prot.contains(Prot::WRITE);
            if let Err(error) = mem::protect(&part, prot) {
                if is_charge {
                    uncharge(part.len());
                }
                return Err(error);
            }
            vma.is_charged |= is_charge;
            vma.prot = prot;
            inner.vmas.remove(&part);
            inner.vmas.insert(part, vma);
        }
        if at < range.end {
            bail!(ENOMEM, "not all of the range is mapped");
        }
        Ok(())
    }

    /// Unmaps what the program has in `range`, for which the lock is held.
    pub(super) fn clear(&self, inner: &mut Inner, range: &Range<usize>) -> Result<()> {
        let (parts, _) = inner.vmas.visible(range);
        for run in runs(&parts) {
            mem::unmap(&run)?;
            self.drop_vmas(inner, &run);
            inner.put_free(run);
        }
        Ok(())
    }

    /// Drops the program's mappings in `range`, which the host has replaced or unmapped.
    pub(super) fn drop_vmas(&self, inner: &mut Inner, range: &Range<usize>) {
        for (part, vma) in inner.vmas.remove(range) {
            self.forget(inner, &part, &vma);
        }
    }

    /// Undoes what a mapping counted for.
    pub(super) fn forget(&self, inner: &mut Inner, part: &Range<usize>, vma: &Vma) {
        inner.mapped -= part.len();
        if vma.is_charged {
            uncharge(part.len());
        }
        if vma.prot.contains(Prot::EXEC) {
            self.patcher.forget(part);
        }
    }

    /// Has the host map `range`, in place of what is there at one stroke, and notes it.
    fn fill(&self, inner: &mut Inner, range: &Range<usize>, request: MapRequest, is_charged: bool) -> Result<()> {
        if inner.has_trampolines_in(range) {
            bail!(ENOMEM, "the LibOS has its trampolines there");
        }
        let is_there = remains::take(self, inner, range, &request)
            || request.source.is_none() && recycle::reuse(inner, range, request.prot, request.sharing);
        if !is_there {
            // What is there is kept if the host refuses.
            match &request.source {
                Some((source, offset)) if inner.remains.overlaps(range) => {
                    source.map(range, *offset, request.prot, request.sharing)?;
                }
                Some((source, offset)) => {
                    refile::map(self, inner, range, (&**source, *offset), request.prot, request.sharing)?;
                }
                None => mem::map(range, request.prot, request.sharing, Backing::Anonymous)?,
            }
            for (part, _) in inner.carve(range) {
                self.patcher.forget(&part);
            }
        }
        self.drop_vmas(inner, range);
        inner.take_free(range);
        inner.remains.note_mapped(range);
        if let Some(mode) = inner.locks_future {
            let _ = mem::lock(range, mode as u32);
        }
        let shared_id = (request.sharing == Sharing::Shared && request.source.is_none()).then(|| {
            static NEXT: AtomicU64 = AtomicU64::new(1);
            (NEXT.fetch_add(1, Ordering::Relaxed), 0)
        });
        inner.mapped += range.len();
        inner.vmas.insert(
            range.clone(),
            Vma {
                prot: request.prot,
                sharing: request.sharing,
                source: request.source,
                shared_id,
                kind: request.kind,
                is_charged,
                is_chargeable: request.is_reserved,
                is_locked: inner.locks_future.is_some(),
                in_children: InChildren::All,
            },
        );
        Ok(())
    }
}

fn is_charged(request: &MapRequest) -> bool {
    request.is_reserved
        && match request.sharing {
            Sharing::Private => request.prot.contains(Prot::WRITE),
            // The file's own memory is the file system's affair.
            Sharing::Shared => request.source.is_none(),
        }
}

/// `range` rounded to pages.
pub(super) fn checked(range: Range<usize>) -> Result<Range<usize>> {
    if !range.start.is_multiple_of(PAGE_SIZE) {
        bail!(EINVAL, "the address is not aligned to a page");
    }
    let end = page_ceil(range.end).unwrap_or(usize::MAX);
    if range.start >= end || end > layout::TASK_SIZE {
        bail!(EINVAL, "the range is empty or outside the address space");
    }
    Ok(range.start..end)
}

/// The contiguous ranges that `parts` make up.
pub(super) fn runs(parts: &[(Range<usize>, Vma)]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::with_capacity(1);
    for (part, _) in parts {
        match runs.last_mut() {
            Some(last) if last.end == part.start => last.end = part.end,
            _ => runs.push(part.clone()),
        }
    }
    runs
}

impl Inner {
    /// Forgets what is kept in `range`, which the host has replaced; gives what was left there by the last run.
    pub(super) fn carve(&mut self, range: &Range<usize>) -> Vec<(Range<usize>, Vma)> {
        self.start_up.carve(range);
        self.recycled.carve(range);
        self.remains.carve(range)
    }

    /// Chooses where `len` bytes go; for fixed places, makes the windows there this memory's.
    pub(super) fn place(&mut self, id: u64, place: Place, len: usize) -> Result<Range<usize>> {
        match place {
            Place::Anywhere => self.find_room(id, len, PAGE_SIZE),
            Place::Aligned(align) => self.find_room(id, len, align),
            Place::Low => self.find_low(id, len),
            Place::Hint(addr) => {
                let start = layout::page_floor(addr);
                match start.checked_add(len).map(|end| start..end) {
                    Some(range) if self.is_vacant(id, &range) => Ok(range),
                    _ => self.find_room(id, len, PAGE_SIZE),
                }
            }
            Place::Fixed(start) | Place::FixedNoReplace(start) => {
                if !start.is_multiple_of(PAGE_SIZE) {
                    bail!(EINVAL, "the address is not aligned to a page");
                }
                let end = start.checked_add(len).ok_or(Errno::ENOMEM)?;
                let range = start..end;
                if !layout::is_mappable(&range) {
                    return Err(if start < layout::USER_MIN {
                        err!(EPERM, "the address is below the lowest that may be mapped")
                    } else {
                        err!(ENOMEM, "the range is outside the program's address space")
                    });
                }
                let is_exclusive = matches!(place, Place::FixedNoReplace(_));
                self.claim(id, &range).map_err(|error| if is_exclusive { Errno::EEXIST.into() } else { error })?;
                if is_exclusive && self.vmas.overlaps(&range) {
                    bail!(EEXIST, "something is mapped there");
                }
                Ok(range)
            }
        }
    }

    /// Bytes mapped once `len` are mapped at `place`.
    fn mapped_with(&self, place: Place, len: usize) -> u64 {
        let total = (self.mapped as u64).saturating_add(len as u64);
        let Place::Fixed(start) = place else { return total };
        let (replaced, _) = self.vmas.visible(&(start..start.saturating_add(len)));
        replaced.iter().fold(total, |total, (part, _)| total - part.len() as u64)
    }

    /// Whether nothing is mapped at `range`; makes its windows this memory's.
    pub(super) fn is_vacant(&mut self, id: u64, range: &Range<usize>) -> bool {
        layout::is_mappable(range) && !self.vmas.overlaps(range) && self.claim(id, range).is_ok()
    }
}
