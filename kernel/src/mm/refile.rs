//! Mappings of files whose pages are there already.
//!
//! A dynamic linker maps a whole library, then its segments over that; and the next run of a program maps the same
//! libraries at the same addresses as the last one. Where the host has a private, unwritten mapping of the same bytes of
//! a file already, only its protection is changed, so that its pages stay present.

use super::memory::{Inner, Memory};
use super::source::MapSource;
use super::vma::{InChildren, Kind, Vma};
use crate::prelude::*;
use core::ops::Range;
use frame::ocall::mem::{self, Prot, Sharing};

/// Maps a file at `range` as [`MapSource::map`] does.
pub(super) fn map(
    memory: &Memory,
    inner: &Inner,
    range: &Range<usize>,
    (source, offset): (&dyn MapSource, u64),
    prot: Prot,
    sharing: Sharing,
) -> Result<()> {
    let mut there = Vec::new();
    if sharing == Sharing::Private && !prot.contains(Prot::WRITE) && !prot.is_empty() {
        there = present(inner, range, source, offset);
        there.retain(|(part, _)| !memory.patcher.has_sites(part));
    }
    let is_completed = !there.is_empty()
        && source.may_protect(prot, sharing).and_then(|()| complete(range, (source, offset), prot, &there)).is_ok();
    if is_completed { Ok(()) } else { source.map(range, offset, prot, sharing) }
}

/// The parts of `range` in which the host has what is to be mapped there.
fn present(inner: &Inner, range: &Range<usize>, source: &dyn MapSource, offset: u64) -> Vec<(Range<usize>, Prot)> {
    let Some(version) = source.version() else { return Vec::new() };
    let is_it = |part: &Range<usize>, other: &dyn MapSource, at: u64| {
        at == offset + (part.start - range.start) as u64 && other.version() == Some(version)
    };
    let kept = inner.recycled.files_in(range).into_iter();
    let kept = kept.filter(|(part, other, at)| is_it(part, &**other, *at)).map(|(part, ..)| (part, Prot::empty()));
    let mapped = inner.vmas.within(range).into_iter().filter_map(|(part, vma)| {
        let (other, at) = vma.source.as_ref()?;
        (is_clean(&vma) && is_it(&part, &**other, *at)).then_some((part, vma.prot))
    });
    let mut parts: Vec<_> = kept.chain(mapped).collect();
    parts.sort_unstable_by_key(|(part, _)| part.start);
    parts
}

/// Changes the protection of the parts that are there, and maps the rest.
fn complete(
    range: &Range<usize>,
    (source, offset): (&dyn MapSource, u64),
    prot: Prot,
    there: &[(Range<usize>, Prot)],
) -> Result<()> {
    let map = |gap: Range<usize>| {
        if gap.is_empty() {
            return Ok(());
        }
        source.map(&gap, offset + (gap.start - range.start) as u64, prot, Sharing::Private)
    };
    let mut at = range.start;
    for run in there.chunk_by(|(part, _), (next, _)| part.end == next.start) {
        let (first, last) = (&run[0].0, &run[run.len() - 1].0);
        map(at..first.start)?;
        if run.iter().any(|(_, present)| *present != prot) {
            mem::protect(&(first.start..last.end), prot)?;
        }
        at = last.end;
    }
    map(at..range.end)
}

/// Whether a mapping shows what its file holds, but for patches in code.
pub(super) fn is_clean(vma: &Vma) -> bool {
    vma.kind == Kind::Plain
        && vma.sharing == Sharing::Private
        && !vma.prot.contains(Prot::WRITE)
        // It would have been counted when it was writable.
        && vma.is_chargeable
        && !vma.is_charged
        && !vma.is_locked
        && vma.in_children == InChildren::All
        && vma.source.is_some()
}
