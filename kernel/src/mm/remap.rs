//! Moving and resizing mappings (`man 2 mremap`).

use super::charge::{charge, uncharge};
use super::map::{Place, checked};
use super::memory::{Inner, Memory};
use super::vma::{Kind, Vma};
use crate::prelude::*;
use core::ops::Range;
use frame::layout::{PAGE_SIZE, page_ceil};
use frame::ocall::mem::{self, Backing, Prot, Sharing};

/// Where a resized mapping may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Nowhere else.
    Never,
    /// Elsewhere if there's no room (`MREMAP_MAYMOVE`).
    Allowed,
    /// There (`MREMAP_FIXED`).
    To(usize),
}

/// What is to be done to a mapping.
#[derive(Clone, Debug)]
pub struct RemapRequest {
    /// Its address.
    pub addr: usize,
    /// Its length in bytes; 0 to map shared memory once more.
    pub old_len: usize,
    /// The length that it gets.
    pub new_len: usize,
    /// Where it may go.
    pub to: Move,
    /// The old place stays mapped, and is empty (`MREMAP_DONTUNMAP`).
    pub keeps_old: bool,
    /// The limit of the process's address space in bytes (`RLIMIT_AS`).
    pub space_limit: u64,
}

impl Memory {
    /// Moves or resizes a mapping; gives its address.
    ///
    /// # Errors
    /// As `mremap(2)`.
    pub fn remap(&self, request: &RemapRequest) -> Result<usize> {
        let RemapRequest { addr, to, keeps_old, .. } = *request;
        if !addr.is_multiple_of(PAGE_SIZE) {
            bail!(EINVAL, "the address is not aligned to a page");
        }
        let old_len = page_ceil(request.old_len).ok_or(Errno::EINVAL)?;
        let new_len = page_ceil(request.new_len).filter(|&len| len > 0).ok_or(Errno::EINVAL)?;
        let old_end = addr.checked_add(old_len).ok_or(Errno::EINVAL)?;
        let old = addr..old_end;
        let mut inner = self.inner.lock();
        let (found, vma) = inner.vmas.find(addr).map(|(range, vma)| (range, vma.clone())).ok_or(Errno::EFAULT)?;
        if vma.kind == Kind::Trampolines {
            return Err(Errno::EFAULT.into());
        }
        let vma = vma.skip((addr - found.start) as u64);
        if old_len == 0 && (vma.sharing == Sharing::Private || to == Move::Never) {
            bail!(EINVAL, "only a shared mapping can be mapped once more");
        }
        if let Move::To(start) = to {
            let new = checked(start..start.checked_add(new_len).ok_or(Errno::EINVAL)?)?;
            if new.start < old.end && old.start < new.end {
                bail!(EINVAL, "the old and the new place overlap");
            }
        } else if !keeps_old && old_len >= new_len {
            // Nothing needs to move.
            self.clear(&mut inner, &(addr + new_len..old.end))?;
            return Ok(addr);
        }
        if old.end > found.end {
            bail!(EFAULT, "the range is not one mapping");
        }
        if keeps_old && (vma.sharing == Sharing::Shared || vma.source.is_some()) {
            bail!(EINVAL, "only private anonymous memory can leave its place mapped");
        }
        let growth = if keeps_old { new_len } else { new_len.saturating_sub(old_len) };
        if (inner.mapped + growth) as u64 > request.space_limit {
            bail!(ENOMEM, "the limit of the address space is reached");
        }
        if vma.is_charged {
            charge(growth)?;
        }
        let result = self.grow_or_move(&mut inner, &old, new_len, to, keeps_old, &vma, found.end == old.end);
        if result.is_err() && vma.is_charged {
            uncharge(growth);
        }
        result
    }

    #[expect(clippy::too_many_arguments, reason = "the second half of one function")]
    fn grow_or_move(
        &self,
        inner: &mut Inner,
        old: &Range<usize>,
        new_len: usize,
        to: Move,
        keeps_old: bool,
        vma: &Vma,
        ends_with_vma: bool,
    ) -> Result<usize> {
        if !matches!(to, Move::To(_)) && !keeps_old && !old.is_empty() && ends_with_vma {
            let extra = old.end..old.start.checked_add(new_len).ok_or(Errno::ENOMEM)?;
            if inner.is_vacant(self.id, &extra) {
                inner.recycled.evict(&extra)?;
                extend(old, &extra, vma)?;
                inner.add(extra, vma.skip(old.len() as u64));
                return Ok(old.start);
            }
        }
        if vma.prot.contains(Prot::EXEC) && inner.has_trampolines_for(old) {
            warn!("code in which system calls are patched can't be moved");
            bail!(ENOMEM, "code in which system calls are patched can't be moved");
        }
        let place = match to {
            Move::Never => bail!(ENOMEM, "there is no room to grow"),
            Move::Allowed => Place::Anywhere,
            Move::To(start) => Place::Fixed(start),
        };
        let new = inner.place(self.id, place, new_len)?;
        if inner.has_trampolines_in(&new) {
            bail!(ENOMEM, "the LibOS has its trampolines there");
        }
        self.clear(inner, &new)?;
        inner.recycled.evict(&new)?;
        let moved = transfer(old, &new, vma);
        if let Err(error) = moved {
            // What went over already comes back as far as the host lets it.
            let _ = mem::unmap(&new);
            return Err(error);
        }
        if keeps_old {
            // The pages went with the mapping; the place stays, empty.
            mem::map(old, vma.prot, vma.sharing, Backing::Anonymous)?;
        } else if !old.is_empty() {
            if old.len() > new_len {
                mem::unmap(&(old.start + new_len..old.end))?;
            }
            // The charge goes with the mapping but for what that loses.
            if vma.is_charged {
                uncharge(old.len().saturating_sub(new_len));
            }
            inner.vmas.remove(old);
            inner.mapped -= old.len();
            inner.put_free(old.clone());
        }
        inner.add(new.clone(), vma.clone());
        Ok(new.start)
    }
}

impl Inner {
    /// Notes a mapping that the host has made and that is charged already.
    fn add(&mut self, range: Range<usize>, vma: Vma) {
        self.take_free(&range);
        self.mapped += range.len();
        self.vmas.insert(range, vma);
    }
}

/// Has the host extend the mapping at `old` by `extra`, where nothing is.
fn extend(old: &Range<usize>, extra: &Range<usize>, vma: &Vma) -> Result<()> {
    match (&vma.source, vma.sharing) {
        (Some((source, offset)), sharing) => source.map(extra, offset + old.len() as u64, vma.prot, sharing),
        (None, Sharing::Private) => mem::map(extra, vma.prot, Sharing::Private, Backing::Anonymous),
        // Shared anonymous memory is a file of the host that doesn't grow; touching what lies behind is SIGBUS, as
        // on Linux.
        (None, Sharing::Shared) => mem::remap(old, &(old.start..extra.end)),
    }
}

/// Has the host move the mapping at `old` to `new`, which is empty and may be longer or shorter. A file is never asked
/// to grow by the host itself: what lies behind its pages in the host's file may belong to others.
fn transfer(old: &Range<usize>, new: &Range<usize>, vma: &Vma) -> Result<()> {
    if vma.source.is_none() && vma.sharing == Sharing::Shared {
        return mem::remap(old, new);
    }
    let moved = old.len().min(new.len());
    if moved > 0 {
        move_pages(&(old.start..old.start + moved), &(new.start..new.start + moved))?;
    }
    if moved < new.len() {
        let tail = new.start + moved..new.end;
        match &vma.source {
            Some((source, offset)) => source.map(&tail, offset + moved as u64, vma.prot, vma.sharing)?,
            None => mem::map(&tail, vma.prot, vma.sharing, Backing::Anonymous)?,
        }
    }
    Ok(())
}

/// Moves pages. What is one mapping here can be several of the host's, which only newer ones move together; so a range
/// that is refused is moved in halves.
fn move_pages(old: &Range<usize>, new: &Range<usize>) -> Result<()> {
    match mem::remap(old, new) {
        Err(error) if error.errno() == Errno::EFAULT && old.len() > PAGE_SIZE => {
            let half = old.len() / PAGE_SIZE / 2 * PAGE_SIZE;
            move_pages(&(old.start..old.start + half), &(new.start..new.start + half))?;
            move_pages(&(old.start + half..old.end), &(new.start + half..new.end))
        }
        result => result,
    }
}
