//! Mappings of a process, as `/proc/PID/maps` lists them.

use super::MapSource;
use crate::prelude::*;
use core::ops::Range;
use frame::ocall::mem::{Prot, Sharing};
use linux_raw_sys::general as linux;

/// A mapping: a range of addresses with the same attributes.
#[derive(Clone)]
pub struct Vma {
    /// What may be done with it.
    pub prot: Prot,
    /// Whether others see its changes.
    pub sharing: Sharing,
    /// The file, and its offset at the range's start; `None` for anonymous memory.
    pub source: Option<(Arc<dyn MapSource>, u64)>,
    /// For shared anonymous memory: what tells it from others, and the offset at the range's start.
    pub shared_id: Option<(u64, u64)>,
    /// What it is for.
    pub kind: Kind,
    /// Whether it counts against the memory limit.
    pub is_charged: bool,
    /// Whether it counts once it is made writable.
    pub is_chargeable: bool,
    /// It is locked in memory.
    pub is_locked: bool,
    /// What forked children have there.
    pub in_children: InChildren,
}

/// What forked children have of a mapping (`madvise`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InChildren {
    /// A copy, or the same if it's shared.
    #[default]
    All,
    /// Nothing (`MADV_DONTFORK`).
    Nothing,
    /// Zeroes (`MADV_WIPEONFORK`).
    Zeroes,
}

/// What a mapping is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The program's own affair.
    Plain,
    /// The `brk` area.
    Heap,
    /// The first thread's stack.
    Stack,
    /// Grows down when the page below it is touched (`MAP_GROWSDOWN`).
    GrowsDown,
    /// Address space for trampolines; programs don't see it.
    Trampolines,
}

impl InChildren {
    /// What they have after a piece of advice that asks for `wanted`: each kind is undone by its own opposite only.
    pub(super) fn after(self, advice: u32, wanted: Self) -> Self {
        match (advice, self) {
            (linux::MADV_DOFORK, Self::Zeroes) | (linux::MADV_KEEPONFORK, Self::Nothing) => self,
            _ => wanted,
        }
    }
}

impl Vma {
    /// The same mapping from `skip` bytes on.
    pub(super) fn skip(&self, skip: u64) -> Self {
        let mut rest = self.clone();
        if let Some((_, offset)) = &mut rest.source {
            *offset += skip;
        }
        if let Some((_, offset)) = &mut rest.shared_id {
            *offset += skip;
        }
        rest
    }

    /// Whether `next`, which starts `len` bytes further, can be joined to this one.
    fn continues(&self, len: u64, next: &Self) -> bool {
        self.prot == next.prot
            && self.sharing == next.sharing
            && self.kind == next.kind
            && self.is_charged == next.is_charged
            && self.is_chargeable == next.is_chargeable
            && self.is_locked == next.is_locked
            && self.in_children == next.in_children
            && match (&self.source, &next.source) {
                (None, None) => true,
                (Some((file, offset)), Some((next_file, next_offset))) => {
                    Arc::ptr_eq(file, next_file) && offset + len == *next_offset
                }
                _ => false,
            }
            && match (self.shared_id, next.shared_id) {
                (None, None) => true,
                (Some((id, offset)), Some((next_id, next_offset))) => id == next_id && offset + len == next_offset,
                _ => false,
            }
    }
}

/// All mappings of a process by address; they don't overlap, and neighbours that can be joined are.
#[derive(Clone, Default)]
pub(super) struct Vmas(BTreeMap<usize, (usize, Vma)>);

impl Vmas {
    /// The mapping that `addr` lies in.
    pub(super) fn find(&self, addr: usize) -> Option<(Range<usize>, &Vma)> {
        let (&start, (end, vma)) = self.0.range(..=addr).next_back()?;
        (addr < *end).then_some((start..*end, vma))
    }

    /// The first mapping that ends above `addr`.
    pub(super) fn at_or_above(&self, addr: usize) -> Option<(Range<usize>, &Vma)> {
        self.find(addr).or_else(|| self.0.range(addr..).next().map(|(&start, (end, vma))| (start..*end, vma)))
    }

    /// The last mapping that starts below `addr`.
    pub(super) fn below(&self, addr: usize) -> Option<(Range<usize>, &Vma)> {
        self.0.range(..addr).next_back().map(|(&start, (end, vma))| (start..*end, vma))
    }

    /// All mappings by ascending address.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Range<usize>, &Vma)> {
        self.0.iter().map(|(&start, (end, vma))| (start..*end, vma))
    }

    /// The parts of mappings that lie in `range`, by ascending address.
    pub(super) fn within(&self, range: &Range<usize>) -> Vec<(Range<usize>, Vma)> {
        self.parts(range).map(|(part, vma, skipped)| (part, vma.skip(skipped))).collect()
    }

    /// The parts of mappings that lie in `range`, by ascending address: each with the mapping, and how far into that it
    /// starts.
    pub(super) fn parts(&self, range: &Range<usize>) -> impl Iterator<Item = (Range<usize>, &Vma, u64)> {
        let (from, to) = (range.start, range.end);
        let first = self.0.range(..from).next_back().filter(|(_, (end, _))| *end > from);
        first.into_iter().chain(self.0.range(from..to.max(from))).map(move |(&start, (end, vma))| {
            let part = start.max(from)..(*end).min(to);
            let skipped = (part.start - start) as u64;
            (part, vma, skipped)
        })
    }

    /// The program's mappings in `range`, and whether they cover all of it.
    pub(super) fn visible(&self, range: &Range<usize>) -> (Vec<(Range<usize>, Vma)>, bool) {
        let mut parts = self.within(range);
        parts.retain(|(_, vma)| vma.kind != Kind::Trampolines);
        let mapped: usize = parts.iter().map(|(part, _)| part.len()).sum();
        (parts, mapped == range.len())
    }

    /// Whether the program has mapped all of `range`.
    pub(super) fn covers(&self, range: &Range<usize>) -> bool {
        let mut at = range.start;
        while at < range.end {
            match self.find(at) {
                Some((part, vma)) if vma.kind != Kind::Trampolines => at = part.end,
                _ => return false,
            }
        }
        true
    }

    /// Whether something is mapped in `range`.
    pub(super) fn overlaps(&self, range: &Range<usize>) -> bool {
        self.below(range.end).is_some_and(|(below, _)| below.end > range.start)
    }

    /// Number of mappings.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes out what lies in `range`, splitting mappings at its borders; gives the parts.
    pub(super) fn remove(&mut self, range: &Range<usize>) -> Vec<(Range<usize>, Vma)> {
        let parts = self.within(range);
        for (part, _) in &parts {
            let Some((&start, _)) = self.0.range(..=part.start).next_back() else {
                continue;
            };
            let Some((end, vma)) = self.0.remove(&start) else {
                continue;
            };
            if part.end < end {
                self.0.insert(part.end, (end, vma.skip((part.end - start) as u64)));
            }
            if start < part.start {
                self.0.insert(start, (part.start, vma));
            }
        }
        parts
    }

    /// Puts a mapping at a free range, and joins it to its neighbours where they continue each other.
    pub(super) fn insert(&mut self, range: Range<usize>, vma: Vma) {
        let (mut start, mut end, mut vma) = (range.start, range.end, vma);
        if let Some((&before, (before_end, other))) = self.0.range(..start).next_back()
            && *before_end == start
            && other.continues((start - before) as u64, &vma)
            && let Some((_, other)) = self.0.remove(&before)
        {
            (start, vma) = (before, other);
        }
        if let Some((next_end, other)) = self.0.get(&end)
            && vma.continues((end - start) as u64, other)
        {
            let next_end = *next_end;
            self.0.remove(&end);
            end = next_end;
        }
        self.0.insert(start, (end, vma));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anonymous(prot: Prot) -> Vma {
        Vma {
            prot,
            sharing: Sharing::Private,
            source: None,
            shared_id: None,
            kind: Kind::Plain,
            is_charged: false,
            is_chargeable: false,
            is_locked: false,
            in_children: InChildren::All,
        }
    }

    #[test]
    fn splits_and_joins() {
        let mut vmas = Vmas::default();
        vmas.insert(0x1000..0x5000, anonymous(Prot::READ));
        let parts = vmas.remove(&(0x2000..0x3000));
        assert_eq!(parts.len(), 1);
        assert_eq!(vmas.iter().map(|(range, _)| range).collect::<Vec<_>>(), [0x1000..0x2000, 0x3000..0x5000]);
        vmas.insert(0x2000..0x3000, anonymous(Prot::READ));
        assert_eq!(vmas.len(), 1);
        assert!(vmas.covers(&(0x1000..0x5000)));
        assert!(!vmas.covers(&(0x1000..0x5001)));
    }
}
