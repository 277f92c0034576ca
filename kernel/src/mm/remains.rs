//! What the last run of a program had mapped when its dynamic linker was done, left in place for the next run.
//!
//! A dynamic linker maps the same libraries at the same addresses in each run: each as a whole, then its segments over that.
//! Most of what that costs is changing protections back and forth and making pages present once more. So a memory that
//! waits for its program's next run keeps those mappings as they were, and where the program maps just what is there, the
//! host needn't do anything.
//!
//! Meanwhile the host has more than the program has mapped, and a library that is mapped as a whole shows what the last run
//! had in place of its writable segments, which are about to be mapped over it. That ends when the dynamic linker is done: with
//! the first system call that isn't of the kind that it makes ([`Memory::settle`]). From then on the host has what the
//! program has.

use super::map::MapRequest;
use super::memory::{Inner, Memory};
use super::recycle::{is_recyclable, zero_mostly};
use super::refile::is_clean;
use super::source::MapSource;
use super::vma::{InChildren, Kind, Vma, Vmas};
use crate::fs::Version;
use crate::prelude::*;
use core::ops::Range;
use frame::ocall::mem::{self, Backing, Prot, Sharing};

/// What is left of a program's last run.
#[derive(Default)]
pub(super) struct Remains {
    /// What the host has mapped, as the last run had it. Where the program has mapped something since, that is still to be
    /// made so.
    left: Vmas,
    /// What this run has mapped while it was linked.
    mapped: Vec<Range<usize>>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// The host has what the program has.
    #[default]
    Settled,
    /// The program's dynamic linker is at work.
    Linking,
}

/// The longest range of written memory that is left: copying a file's bytes costs more than mapping them, beyond.
const MAX_WRITTEN: usize = 256 << 10;
/// Up to this length, all pages are zeroed: to ask which there are costs more.
const MAX_ZEROED: usize = 64 << 10;
/// How many mappings of a run are looked after.
const MAX_MAPPED: usize = 256;

/// How what is left suits what the program maps there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// It's that.
    Same,
    /// It's that, with other protection.
    SameBytes,
    /// It belongs to the same library, and the rest of that is about to be mapped over it.
    Later,
}

/// Makes what is left at `range` what the program maps there now, or leaves that to [`Memory::settle`]. Gives whether it did.
pub(super) fn take(memory: &Memory, inner: &mut Inner, range: &Range<usize>, request: &MapRequest) -> bool {
    let parts = inner.remains.left.within(range);
    let len: usize = parts.iter().map(|(part, _)| part.len()).sum();
    if len < range.len() || request.sharing != Sharing::Private || request.kind != Kind::Plain {
        return false;
    }
    let prot = request.prot;
    let taken = match &request.source {
        None => take_zeroed(range, prot, &parts),
        Some((source, offset)) if prot.contains(Prot::WRITE) => take_written(range, prot, (&**source, *offset), &parts),
        Some((source, offset)) => return take_read_only(memory, inner, range, prot, (&**source, *offset), parts),
    };
    match taken {
        Ok(true) => inner.remains.left.remove(range),
        Ok(false) => return false,
        Err(error) => {
            // The caller maps it anew.
            debug!("what the last run left isn't used again: {error}");
            return false;
        }
    };
    true
}

fn take_zeroed(range: &Range<usize>, prot: Prot, parts: &[(Range<usize>, Vma)]) -> Result<bool> {
    if !parts.iter().all(|(_, vma)| is_recyclable(vma) && vma.prot == prot) {
        return Ok(false);
    }
    zero_mostly(range, MAX_ZEROED)?;
    Ok(true)
}

fn take_written(
    range: &Range<usize>,
    prot: Prot,
    (source, offset): (&dyn MapSource, u64),
    parts: &[(Range<usize>, Vma)],
) -> Result<bool> {
    let is_it = |(part, vma): &(Range<usize>, Vma)| {
        shows(vma, source, offset + (part.start - range.start) as u64) && !vma.prot.contains(Prot::EXEC)
    };
    if prot.contains(Prot::EXEC) || range.len() > MAX_WRITTEN || !parts.iter().all(is_it) {
        return Ok(false);
    }
    source.may_protect(prot, Sharing::Private)?;
    for (part, _) in parts.iter().filter(|(_, vma)| vma.prot != prot) {
        mem::protect(part, prot)?;
    }
    source.copy_to(range, offset)?;
    Ok(true)
}

fn take_read_only(
    memory: &Memory,
    inner: &mut Inner,
    range: &Range<usize>,
    prot: Prot,
    (source, offset): (&dyn MapSource, u64),
    parts: Vec<(Range<usize>, Vma)>,
) -> bool {
    let Some(version) = source.version() else { return false };
    let fit = |(part, vma): &(Range<usize>, Vma)| {
        let is_there = shows(vma, source, offset + (part.start - range.start) as u64) && is_clean(vma);
        // Patches are part of what a program runs, but not of what it reads.
        if is_there && (prot.contains(Prot::EXEC) || !memory.patcher.has_sites(part)) {
            return Some(if vma.prot == prot { Fit::Same } else { Fit::SameBytes });
        }
        (vma.source.is_none() || version_of(vma) == Some(version)).then_some(Fit::Later)
    };
    let Some(fits) = parts.iter().map(fit).collect::<Option<Vec<Fit>>>() else { return false };
    if source.may_protect(prot, Sharing::Private).is_err() || fits.first() == Some(&Fit::Later) {
        return false;
    }
    for ((part, vma), fit) in parts.into_iter().zip(fits) {
        let is_taken = match fit {
            Fit::Same => true,
            Fit::SameBytes if vma.prot.contains(prot) => false,
            Fit::SameBytes => mem::protect(&part, prot).is_ok(),
            Fit::Later => false,
        };
        if is_taken {
            inner.remains.left.remove(&part);
        }
    }
    true
}

/// Whether a mapping was made of the bytes from `offset` on.
fn shows(vma: &Vma, source: &dyn MapSource, offset: u64) -> bool {
    let version = source.version();
    version.is_some() && version_of(vma) == version && vma.source.as_ref().is_some_and(|&(_, at)| at == offset)
}

fn version_of(vma: &Vma) -> Option<Version> {
    vma.source.as_ref().and_then(|(source, _)| source.version())
}

impl Memory {
    /// Whether the program's dynamic linker is at work, or its own start-up code, with what the last run left.
    pub fn is_linking(&self) -> bool {
        let inner = self.inner.lock();
        inner.remains.is_linking() || inner.start_up.is_running()
    }

    /// The program is linked: from now on the host has what it has mapped, and nothing else.
    pub fn settle(&self) {
        self.settle_locked(&mut self.inner.lock());
    }

    pub(super) fn settle_locked(&self, inner: &mut Inner) {
        inner.give_up_start_up();
        if !inner.remains.is_linking() {
            return;
        }
        inner.remains.phase = Phase::Settled;
        let mut unclaimed = Vec::new();
        for (part, left) in core::mem::take(&mut inner.remains.left).iter() {
            let mut rest = part.start;
            let from = |start: usize| left.skip((start - part.start) as u64);
            for (mapped, vma) in inner.vmas.within(&part) {
                unclaimed.push((rest..mapped.start, from(rest)));
                self.make(&mapped, &vma, &from(mapped.start));
                rest = mapped.end;
            }
            unclaimed.push((rest..part.end, from(rest)));
        }
        unclaimed.retain(|(range, _)| !range.is_empty());
        let (kept, unmapped): (Vec<_>, Vec<_>) =
            unclaimed.into_iter().partition(|(range, vma)| is_recyclable(vma) || self.is_as_its_file(range, vma));
        for (range, _) in &unmapped {
            self.patcher.forget(range);
            give_up(range);
        }
        let ranges: Vec<_> = kept.iter().map(|(range, _)| range.clone()).collect();
        if let Err(error) = inner.recycled.hide(kept) {
            debug!("the host doesn't hide what the last run left: {error}");
            for range in &ranges {
                give_up(range);
                inner.recycled.carve(range);
            }
        }
    }

    /// Has the host map what the program has mapped at `range`, where it has `left` still.
    fn make(&self, range: &Range<usize>, vma: &Vma, left: &Vma) {
        let is_there = is_clean(vma)
            && is_clean(left)
            && vma.source.as_ref().is_some_and(|(source, offset)| shows(left, &**source, *offset))
            && !self.patcher.has_sites(range);
        let made = if is_there {
            if left.prot == vma.prot { Ok(()) } else { mem::protect(range, vma.prot) }
        } else {
            self.patcher.forget(range);
            match &vma.source {
                Some((source, offset)) => source.map(range, *offset, vma.prot, vma.sharing),
                None => mem::map(range, vma.prot, vma.sharing, Backing::Anonymous),
            }
        };
        if let Err(error) = made {
            warn!("a part of a library can't be mapped any more: {error}");
            give_up(range);
        }
    }

    /// Keeps what the program unmaps while it's linked, a file that the next run maps again. Gives whether it did.
    pub(super) fn keep_unmapped(&self, inner: &mut Inner, range: &Range<usize>) -> bool {
        const MAX_LEN: usize = 1 << 20;
        if !inner.remains.is_linking() || range.len() > MAX_LEN || inner.remains.left.overlaps(range) {
            return false;
        }
        let mappings = inner.vmas.within(range);
        let [(part, vma)] = &mappings[..] else { return false };
        if part != range || !self.is_as_its_file(part, vma) || inner.recycled.hide(mappings).is_err() {
            return false;
        }
        self.drop_vmas(inner, range);
        inner.put_free(range.clone());
        true
    }
}

fn give_up(range: &Range<usize>) {
    if let Err(error) = mem::unmap(range) {
        warn!("the host keeps what a program's last run had mapped: {error}");
    }
}

impl Remains {
    /// The program's dynamic linker is about to start, with this of its last run.
    pub(super) fn begin(&mut self, left: Vmas) {
        *self = Self { left, mapped: Vec::new(), phase: Phase::Linking };
    }

    fn is_linking(&self) -> bool {
        self.phase == Phase::Linking
    }

    /// Notes that the program has unmapped `range`.
    pub(super) fn note_unmapped(&mut self, range: &Range<usize>) {
        self.mapped.retain(|mapped| mapped.end <= range.start || range.end <= mapped.start);
    }

    /// Whether something is left in `range`.
    pub(super) fn overlaps(&self, range: &Range<usize>) -> bool {
        self.left.overlaps(range)
    }

    /// Notes that the program has mapped `range`.
    pub(super) fn note_mapped(&mut self, range: &Range<usize>) {
        if self.is_linking() && self.mapped.len() < MAX_MAPPED {
            self.mapped.push(range.clone());
        }
    }

    /// Where the last run mapped the same, if that is left.
    pub(super) fn place_of(&self, request: &MapRequest, len: usize) -> Option<usize> {
        let version = request.source.as_ref().and_then(|(source, _)| source.version());
        let is_it = |(range, vma): &(Range<usize>, &Vma)| match &request.source {
            Some((_, offset)) => version_of(vma) == version && vma.source.as_ref().is_some_and(|(_, at)| at == offset),
            None => vma.source.is_none() && range.len() == len && !self.follows_file(range.start),
        };
        self.left.iter().find(is_it).map(|(range, _)| range.start)
    }

    /// Whether a file is left right before `addr`: what is there was mapped with it.
    fn follows_file(&self, addr: usize) -> bool {
        self.left.below(addr).is_some_and(|(before, vma)| before.end == addr && vma.source.is_some())
    }

    /// Those parts that are written but protected from that since.
    pub(super) fn protected(&self) -> Vec<Range<usize>> {
        let is_protected = |vma: &Vma| vma.source.is_some() && !is_clean(vma) && !vma.prot.contains(Prot::WRITE);
        self.left.iter().filter(|(_, vma)| is_protected(vma)).map(|(range, _)| range).collect()
    }

    /// Whether a mapping of a program that has ended is left as it is for the next run.
    pub(super) fn may_leave(&self, part: &Range<usize>, vma: &Vma) -> bool {
        self.was_mapped(part)
            && matches!(vma.kind, Kind::Plain)
            && vma.sharing == Sharing::Private
            && !vma.is_locked
            && vma.in_children == InChildren::All
            && match &vma.source {
                None => is_recyclable(vma) && part.len() <= MAX_WRITTEN,
                Some((source, _)) => {
                    source.version().is_some()
                        && (is_clean(vma) || part.len() <= MAX_WRITTEN && !vma.prot.contains(Prot::EXEC))
                }
            }
    }

    fn was_mapped(&self, part: &Range<usize>) -> bool {
        self.mapped.iter().any(|mapped| mapped.start <= part.start && part.end <= mapped.end)
    }

    /// Forgets what was left in `range`, which the host has replaced; gives it.
    pub(super) fn carve(&mut self, range: &Range<usize>) -> Vec<(Range<usize>, Vma)> {
        if self.left.len() == 0 { Vec::new() } else { self.left.remove(range) }
    }

    /// Unmaps what is left.
    pub(super) fn release(&mut self) {
        for (range, _) in core::mem::take(self).left.iter() {
            give_up(&range);
        }
    }
}
