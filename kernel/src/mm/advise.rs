//! Advice, residence, locking and writing back of mappings.

use super::map::{checked, runs};
use super::memory::{Inner, Memory};
use super::vma::{InChildren, Vma};
use crate::prelude::*;
use core::ops::Range;
use frame::layout::{PAGE_SIZE, TASK_SIZE, page_ceil};
use frame::ocall::mem::{self, Prot, Sharing};
use linux_raw_sys::general as linux;

/// What `madvise` can be told (`man 2 madvise`), as far as it makes a difference here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Contents are dropped now: anonymous memory reads as zeroes, a private mapping of a file as the file.
    DontNeed,
    /// Contents of private anonymous memory may be dropped later.
    Free,
    /// The pages are dropped from the file, too.
    Remove,
    /// What forked children get.
    InChildren(InChildren),
    /// Pages are made present, and may be read or written.
    Populate,
    /// What the host may make use of, or not.
    Hint,
    /// What only a privileged process may ask for (memory failures).
    Poison,
}

/// How memory is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum LockMode {
    /// All pages, now.
    Now = 0,
    /// Each page when it is touched.
    OnFault = linux::MLOCK_ONFAULT,
}

impl Advice {
    /// What the number means.
    pub fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            linux::MADV_DONTNEED | linux::MADV_DONTNEED_LOCKED => Self::DontNeed,
            linux::MADV_FREE => Self::Free,
            linux::MADV_REMOVE => Self::Remove,
            linux::MADV_WIPEONFORK => Self::InChildren(InChildren::Zeroes),
            linux::MADV_DONTFORK => Self::InChildren(InChildren::Nothing),
            linux::MADV_DOFORK | linux::MADV_KEEPONFORK => Self::InChildren(InChildren::All),
            linux::MADV_POPULATE_READ | linux::MADV_POPULATE_WRITE => Self::Populate,
            linux::MADV_HWPOISON | linux::MADV_SOFT_OFFLINE => Self::Poison,
            linux::MADV_NORMAL
            | linux::MADV_RANDOM
            | linux::MADV_SEQUENTIAL
            | linux::MADV_WILLNEED
            | linux::MADV_MERGEABLE
            | linux::MADV_UNMERGEABLE
            | linux::MADV_HUGEPAGE
            | linux::MADV_NOHUGEPAGE
            | linux::MADV_DONTDUMP
            | linux::MADV_DODUMP
            | linux::MADV_COLD
            | linux::MADV_PAGEOUT
            | linux::MADV_COLLAPSE => Self::Hint,
            _ => return None,
        })
    }

    /// Whether a process may give it about another's memory: what it sees stays the same.
    pub fn is_for_others(raw: u32) -> bool {
        matches!(raw, linux::MADV_COLD | linux::MADV_PAGEOUT | linux::MADV_WILLNEED | linux::MADV_COLLAPSE)
    }

    /// Whether it can be given about a mapping.
    fn check(self, vma: &Vma, raw: u32) -> Result<()> {
        let is_anonymous = vma.source.is_none() && vma.sharing == Sharing::Private;
        match self {
            Self::DontNeed if vma.is_locked && raw != linux::MADV_DONTNEED_LOCKED => {
                bail!(EINVAL, "the memory is locked")
            }
            Self::Free | Self::InChildren(InChildren::Zeroes) if !is_anonymous => {
                bail!(EINVAL, "this is for private anonymous memory")
            }
            Self::Remove if vma.is_locked || is_anonymous => bail!(EINVAL, "the memory is locked or has no file"),
            Self::Remove if vma.sharing == Sharing::Private || !vma.prot.contains(Prot::WRITE) => {
                bail!(EACCES, "the mapping is not shared and writable")
            }
            _ => Ok(()),
        }
    }
}

impl Memory {
    /// Takes advice about `range`; numbers as in `man 2 madvise`.
    ///
    /// # Errors
    /// `EINVAL`, `ENOMEM` where nothing is mapped, `EACCES`, and what the host gives.
    pub fn advise(&self, range: &Range<usize>, raw: u32) -> Result<()> {
        let advice = Advice::from_raw(raw).ok_or(err!(EINVAL, "unknown advice"))?;
        if advice == Advice::Poison {
            bail!(EPERM, "memory failures can't be simulated");
        }
        let mut inner = self.inner.lock();
        self.settle_locked(&mut inner);
        // Whatever the host makes of it would stay for the next run of the program.
        inner.is_altered |= matches!(advice, Advice::InChildren(_) | Advice::Hint);
        let (parts, is_covered) = inner.vmas.visible(range);
        for (part, vma) in &parts {
            advice.check(vma, raw)?;
            if matches!(advice, Advice::DontNeed | Advice::Free | Advice::Remove) && vma.prot.contains(Prot::EXEC) {
                self.patcher.forget(part);
            }
            mem::advise(part, raw)?;
            if let Advice::InChildren(wanted) = advice {
                let in_children = vma.in_children.after(raw, wanted);
                inner.vmas.remove(part);
                inner.vmas.insert(part.clone(), Vma { in_children, ..vma.clone() });
            }
        }
        if !is_covered {
            bail!(ENOMEM, "not all of the range is mapped");
        }
        Ok(())
    }

    /// Which pages of `range` are resident, a byte each.
    ///
    /// # Errors
    /// `ENOMEM` if something isn't mapped.
    pub fn resident(&self, range: &Range<usize>) -> Result<Vec<u8>> {
        let inner = self.inner.lock();
        if !inner.vmas.covers(range) {
            bail!(ENOMEM, "not all of the range is mapped");
        }
        mem::resident(range)
    }

    /// Locks `range` in memory, at most `limit` bytes in all (`RLIMIT_MEMLOCK`).
    ///
    /// # Errors
    /// `ENOMEM` if not all is mapped or at the limit; what the host gives.
    pub fn lock(&self, range: &Range<usize>, mode: LockMode, limit: u64) -> Result<()> {
        let mut inner = self.inner.lock();
        self.settle_locked(&mut inner);
        let (parts, is_covered) = inner.vmas.visible(range);
        let fresh: usize = parts.iter().filter(|(_, vma)| !vma.is_locked).map(|(part, _)| part.len()).sum();
        if (inner.locked_bytes() + fresh) as u64 > limit {
            bail!(ENOMEM, "the limit of locked memory is reached");
        }
        for run in runs(&parts) {
            mem::lock(&run, mode as u32)?;
            inner.note_locked(&run, true);
        }
        if is_covered { Ok(()) } else { Err(err!(ENOMEM, "not all of the range is mapped")) }
    }

    /// Undoes [`Self::lock`].
    ///
    /// # Errors
    /// `ENOMEM` if not all is mapped.
    pub fn unlock(&self, range: &Range<usize>) -> Result<()> {
        let mut inner = self.inner.lock();
        let (parts, is_covered) = inner.vmas.visible(range);
        for run in runs(&parts) {
            mem::unlock(&run)?;
            inner.note_locked(&run, false);
        }
        if is_covered { Ok(()) } else { Err(err!(ENOMEM, "not all of the range is mapped")) }
    }

    /// Locks what is mapped (`current`) and what will be (`future`).
    ///
    /// # Errors
    /// `ENOMEM` at the limit; what the host gives.
    pub fn lock_all(&self, current: Option<LockMode>, future: Option<LockMode>, limit: u64) -> Result<()> {
        let mut inner = self.inner.lock();
        if current.is_some() && inner.mapped as u64 > limit {
            bail!(ENOMEM, "the limit of locked memory is reached");
        }
        inner.locks_future = future;
        let Some(mode) = current else { return Ok(()) };
        for (range, vma) in inner.all() {
            // As on Linux, what can't be locked (no access, beyond a file's end) is no error.
            if !vma.prot.is_empty() && mem::lock(&range, mode as u32).is_err() {
                debug!("a mapping can't be locked");
            }
            inner.note_locked(&range, true);
        }
        Ok(())
    }

    /// Undoes [`Self::lock_all`] and [`Self::lock`].
    pub fn unlock_all(&self) -> Result<()> {
        let mut inner = self.inner.lock();
        inner.locks_future = None;
        for (range, vma) in inner.all() {
            if vma.is_locked {
                mem::unlock(&range)?;
                inner.note_locked(&range, false);
            }
        }
        Ok(())
    }

    /// Writes changes of shared mappings in `range` back to their files; `flags` as in `man 2 msync`.
    ///
    /// # Errors
    /// `ENOMEM` if not all is mapped, `EBUSY` if locked memory is to be invalidated, and what the file gives.
    pub fn sync(&self, range: &Range<usize>, flags: u32) -> Result<()> {
        let (parts, is_covered) = self.inner.lock().vmas.visible(range);
        // The lock isn't held: this may wait for a disk.
        for (part, vma) in parts {
            if flags & linux::MS_INVALIDATE != 0 && vma.is_locked {
                bail!(EBUSY, "the memory is locked");
            }
            if let Some((source, _)) = &vma.source
                && vma.sharing == Sharing::Shared
                && flags & linux::MS_SYNC != 0
            {
                source.sync(&part, flags)?;
            }
        }
        if is_covered { Ok(()) } else { Err(err!(ENOMEM, "not all of the range is mapped")) }
    }
}

impl Inner {
    fn all(&self) -> Vec<(Range<usize>, Vma)> {
        self.vmas.visible(&(0..TASK_SIZE)).0
    }

    fn locked_bytes(&self) -> usize {
        self.vmas.iter().filter(|(_, vma)| vma.is_locked).map(|(range, _)| range.len()).sum()
    }

    fn note_locked(&mut self, range: &Range<usize>, is_locked: bool) {
        let (parts, _) = self.vmas.visible(range);
        for (part, vma) in parts {
            if vma.is_locked != is_locked {
                self.vmas.remove(&part);
                self.vmas.insert(part, Vma { is_locked, ..vma });
            }
        }
    }
}

/// The pages from `addr` on that `len` bytes lie in; `None` for no length.
///
/// # Errors
/// `EINVAL` if `addr` isn't aligned or the range wraps, `ENOMEM` if it leaves the address space.
pub(super) fn pages(addr: usize, len: usize) -> Result<Option<Range<usize>>> {
    if !addr.is_multiple_of(PAGE_SIZE) {
        bail!(EINVAL, "the address is not aligned to a page");
    }
    let end = page_ceil(len).and_then(|len| addr.checked_add(len)).ok_or(err!(EINVAL, "the length overflows"))?;
    if end == addr {
        return Ok(None);
    }
    checked(addr..end).map(Some).map_err(|error| Error::new(Errno::ENOMEM, error.reason()))
}
