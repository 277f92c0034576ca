//! Code in which instructions may be patched, and the trampolines beside it.

use super::memory::{Inner, Memory};
use super::vma::{InChildren, Kind, Vma, Vmas};
use crate::prelude::*;
use core::ops::Range;
use frame::ocall::mem::{self, Backing, Prot, Sharing};
use frame::patch::{CpuidSite, GOOD_CHUNK, good_areas};
use frame::patcher::CodeRegion;

/// A chunk of trampolines.
#[derive(Clone)]
pub(super) struct Chunk {
    /// The pieces of code that it serves.
    codes: Vec<Range<usize>>,
    /// Where it lies; mapped, executable and not part of what the program sees.
    space: Range<usize>,
}

// Writable all the time: protecting it around each patch would cost most of the patch, and the LibOS's own memory is as open
// to the program.
const PROT: Prot = Prot::READ.union(Prot::WRITE).union(Prot::EXEC);

/// How far code and trampolines may be apart: a relative jump reaches 2 GiB.
const REACH: usize = 0x7900_0000;

impl Memory {
    /// The code at `addr`, if system calls in it may be patched: executable, private, not writable.
    pub fn code_region_at(&self, addr: usize) -> Option<CodeRegion> {
        let mut inner = self.inner.lock();
        let (range, vma) = inner.vmas.find(addr).filter(|(_, vma)| is_patchable(vma))?;
        let prot = vma.prot;
        let trampolines =
            inner.chunk_for(&range).inspect_err(|error| debug!("no trampolines for {addr:#x}: {error}")).ok()?;
        Some(CodeRegion { range, prot, trampolines })
    }

    /// The mapping of code at `addr`, if system calls in it may be patched.
    pub fn code_mapping_at(&self, addr: usize) -> Option<Range<usize>> {
        let inner = self.inner.lock();
        inner.vmas.find(addr).filter(|(_, vma)| is_patchable(vma)).map(|(range, _)| range)
    }

    /// Has the LibOS answer the `cpuid` instructions at `sites`, ascending, in code that no thread runs yet. What can't be
    /// patched stays as it is.
    pub fn patch_cpuids(&self, sites: &[CpuidSite]) {
        let mut rest = sites;
        while let Some(first) = rest.first().map(|site| site.addr) {
            let region = self.code_region_at(first as usize);
            let count = match &region {
                Some(region) => rest.partition_point(|site| site.addr < region.range.end as u64),
                None => 1,
            };
            let (within, beyond) = rest.split_at(count);
            if let Some(region) = region
                && let Err(error) = self.patcher.patch_cpuids(within, &region)
            {
                debug!("cpuid instructions from {first:#x} on aren't patched: {error}");
            }
            rest = beyond;
        }
    }
}

/// Whether system calls in a mapping may be patched.
fn is_patchable(vma: &Vma) -> bool {
    vma.prot.contains(Prot::READ | Prot::EXEC)
        && !vma.prot.contains(Prot::WRITE)
        && vma.sharing == Sharing::Private
        && vma.kind != Kind::Trampolines
}

impl Inner {
    /// Whether system calls in `range` may be patched.
    pub(super) fn has_trampolines_for(&self, range: &Range<usize>) -> bool {
        self.chunks.iter().any(|chunk| chunk.codes.iter().any(|code| overlap(code, range)))
    }

    /// Whether trampolines lie in `range`. They stay where they are: threads may be in them.
    pub(super) fn has_trampolines_in(&self, range: &Range<usize>) -> bool {
        self.chunks.iter().any(|chunk| overlap(&chunk.space, range))
    }

    /// Forgets the chunks that serve other code than that of `kept`; gives where the others lie.
    pub(super) fn drop_foreign_chunks(&mut self, kept: [&Vmas; 2]) -> Vec<Range<usize>> {
        for chunk in &mut self.chunks {
            chunk.codes.retain(|code| kept.iter().any(|vmas| vmas.overlaps(code)));
        }
        self.chunks.retain(|chunk| !chunk.codes.is_empty());
        self.chunks.iter().map(|chunk| chunk.space.clone()).collect()
    }

    /// Notes a chunk, which is mapped, among the mappings.
    pub(super) fn adopt_chunk(&mut self, space: &Range<usize>) {
        self.take_free(space);
        self.vmas.insert(space.clone(), trampolines());
    }

    fn chunk_for(&mut self, code: &Range<usize>) -> Result<Range<usize>> {
        for chunk in self.chunks.iter_mut().filter(|chunk| is_near(code, &chunk.space)) {
            if let Some(known) = chunk.codes.iter_mut().find(|known| overlap(known, code)) {
                // Mappings of code are split and joined as the program protects them.
                *known = known.start.min(code.start)..known.end.max(code.end);
                return Ok(chunk.space.clone());
            }
        }
        // The host copies each chunk with its memory, so one had better serve several pieces of code.
        let is_well_placed =
            |space: &Range<usize>| is_near(code, space) && good_areas(code).any(|area| has(&area, space));
        if let Some(chunk) = self.chunks.iter_mut().find(|chunk| is_well_placed(&chunk.space)) {
            chunk.codes.push(code.clone());
            return Ok(chunk.space.clone());
        }
        let space = self.reserve_near(code, GOOD_CHUNK)?;
        self.chunks.push(Chunk { codes: vec![code.clone()], space: space.clone() });
        Ok(space)
    }

    /// Maps `len` bytes for trampolines near `code`.
    fn reserve_near(&mut self, code: &Range<usize>, len: usize) -> Result<Range<usize>> {
        /// Other code that lies lower by no more than this, as the C library does, can use the same place.
        const SHARED: usize = 16 << 20;
        let is_near = |space: &Range<usize>| is_near(code, space);
        let shared = good_areas(code).map(|area| area.start..area.end.saturating_sub(SHARED).max(area.start));
        let space = shared
            .take(1)
            .chain(good_areas(code))
            .find_map(|area| self.find_within(&area, len).filter(is_near))
            .or_else(|| self.find_near(code, len, REACH))
            .ok_or(err!(ENOMEM, "no room near the code"))?;
        mem::map(&space, PROT, Sharing::Private, Backing::Anonymous)?;
        self.carve(&space);
        self.adopt_chunk(&space);
        Ok(space)
    }
}

/// What the LibOS maps for itself counts against no limit of the program.
fn trampolines() -> Vma {
    Vma {
        prot: PROT,
        sharing: Sharing::Private,
        source: None,
        shared_id: None,
        kind: Kind::Trampolines,
        is_charged: false,
        is_chargeable: false,
        is_locked: false,
        in_children: InChildren::All,
    }
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

fn has(area: &Range<usize>, part: &Range<usize>) -> bool {
    area.start <= part.start && part.end <= area.end
}

fn is_near(code: &Range<usize>, space: &Range<usize>) -> bool {
    code.end.max(space.end) - code.start.min(space.start) <= REACH
}
