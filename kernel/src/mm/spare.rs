//! Memories of ended programs, kept for the next run of the same program.
//!
//! Most of what starting a small program costs is mapping it and touching its pages. So when a program that has run before
//! ends, its memory isn't unmapped: it is brought back to what the loader made of it ([`Template`]), with its pages still
//! there, its system calls still patched, and waits in its address space. What it wrote there is overwritten or zeroed. What
//! the program mapped for itself is unmapped, or kept as freed memory is (`recycle`).

use super::charge::{charge, recharge, uncharge};
use super::map::runs;
use super::memory::{Inner, Memory};
use super::recycle::{self, zero_mostly};
use super::refile;
use super::room::Room;
use super::used::{From, Used};
use super::vma::{Kind, Vma, Vmas};
use crate::prelude::*;
use core::any::Any;
use core::ops::Range;
use core::sync::atomic::Ordering;
use frame::layout::page_ceil;
use frame::ocall::mem::{self, Prot, Sharing};
use frame::sync::Once;

/// What tells a program, as it was loaded, from all others.
pub type SpareKey = [u64; 3];

/// What the loader wants to know again of a program that it has loaded before.
pub(super) type Note = Arc<dyn Any + Send + Sync>;

/// A memory as the loader left it.
pub(super) struct Template {
    key: SpareKey,
    note: Note,
    vmas: Vmas,
    room: Room,
    windows: Vec<Range<usize>>,
    brk_area: Range<usize>,
    brk: usize,
    stack_gap: Range<usize>,
    mapped: usize,
    charged: usize,
    /// What writable mappings of files hold.
    contents: Vec<(usize, Vec<u8>)>,
    keep: Keep,
    linked_by: LinkedBy,
    stack_used: Used,
    heap_used: Used,
    /// What the program protects has been set apart.
    apart: Once<()>,
}

/// Where the memory of an ended program may wait for the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Beside others.
    Anywhere,
    /// In an address space of its own: it lies where others may have to.
    Alone,
}

/// Who maps a program's libraries when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkedBy {
    /// Its interpreter, before anything of the program runs.
    Interpreter,
    /// The program itself, if anybody.
    Itself,
}

/// The most that a program may have in writable mappings of files, to be kept: beyond, mapping anew is cheaper.
const MAX_CONTENTS: usize = 2 << 20;
/// Up to this length, zeroing all pages costs less than asking which there are.
const MAX_ZEROED: usize = 32 << 10;

impl Memory {
    /// Has the memory kept when its program ends, as it is now.
    ///
    /// # Errors
    /// `ENOMEM` for a program with too much data.
    pub fn keep_as(&self, key: SpareKey, keep: Keep, linked_by: LinkedBy, note: Note) -> Result<()> {
        let mut inner = self.inner.lock();
        let is_written = |vma: &Vma| vma.source.is_some() && vma.prot.contains(Prot::WRITE);
        let written: Vec<_> = inner.vmas.iter().filter(|(_, vma)| is_written(vma)).map(|(range, _)| range).collect();
        if written.iter().map(Range::len).sum::<usize>() > MAX_CONTENTS {
            bail!(ENOMEM, "the program has too much data to be kept");
        }
        let mut contents = Vec::new();
        for range in written {
            contents.push((range.start, UserSlice::new(range.start, range.len())?.to_vec()?));
        }
        self.template.call_once(|| Template {
            key,
            note,
            vmas: inner.vmas.clone(),
            room: inner.room.clone(),
            windows: self.space.windows_of(self.id),
            brk_area: inner.brk_area.clone(),
            brk: inner.brk,
            stack_gap: inner.stack_gap.clone(),
            mapped: inner.mapped,
            charged: charged(&inner.vmas),
            contents,
            keep,
            linked_by,
            stack_used: Used::default(),
            heap_used: Used::default(),
            apart: Once::new(),
        });
        match linked_by {
            LinkedBy::Interpreter => inner.remains.begin(Vmas::default()),
            LinkedBy::Itself => inner.start_up.begin(0..0),
        }
        Ok(())
    }

    /// The memory's program has ended: keeps it for the next run, or unmaps all.
    pub(super) fn retire(self: &Arc<Self>) {
        let is_kept = match self.template.get() {
            Some(template) if template.keep == Keep::Anywhere || !self.space.outlives_last() => self
                .reset(template)
                .inspect_err(|error| debug!("the memory of an ended program isn't kept: {error}"))
                .is_ok(),
            _ => false,
        };
        if !is_kept {
            self.release();
            return;
        }
        self.space.keep(self);
    }

    /// Unmaps a memory that was kept.
    pub(super) fn discard(&self) {
        self.bring_back();
        self.release();
    }

    /// Whether a mapping shows what its file holds, and would so in the next run.
    pub(super) fn is_as_its_file(&self, part: &Range<usize>, vma: &Vma) -> bool {
        let version = vma.source.as_ref().and_then(|(source, _)| source.version());
        refile::is_clean(vma) && version.is_some() && !self.patcher.has_sites(part)
    }

    /// Notes that a memory waits for the next run of its program, when nobody has it mapped to write to.
    pub(super) fn set_aside(&self) {
        uncharge(self.charged_for_program());
        self.space.memories.fetch_sub(1, Ordering::SeqCst);
    }

    /// Takes that back: what is mapped counts, until it is unmapped.
    pub(super) fn bring_back(&self) {
        recharge(self.charged_for_program());
        self.space.memories.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes it for the next run of its program, which counts again.
    ///
    /// # Errors
    /// `ENOMEM` at the memory limit; then it waits on.
    pub(super) fn take_up(&self) -> Result<()> {
        charge(self.charged_for_program())?;
        self.space.memories.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn charged_for_program(&self) -> usize {
        self.template.get().map_or(0, |template| template.charged)
    }

    /// Whether the program of this key is loaded in it.
    pub(super) fn is_of(&self, key: SpareKey) -> bool {
        self.template.get().is_some_and(|template| template.key == key)
    }

    pub(super) fn note(&self) -> Option<Note> {
        self.template.get().map(|template| template.note.clone())
    }

    /// Brings the memory back to what it was when it was loaded.
    fn reset(&self, template: &Template) -> Result<()> {
        let mut inner = self.inner.lock();
        self.settle_locked(&mut inner);
        if inner.is_altered || inner.locks_future.is_some() {
            bail!(EPERM, "the program has changed its own code or locked its memory");
        }
        let heap = inner.heap_to_leave(template.heap_start());
        let foreign = inner.vmas.iter().flat_map(|(part, vma)| template.parts_beyond(part, vma));
        let foreign: Vec<_> = foreign.filter_map(|(part, vma)| Some((without_start(part, &heap)?, vma))).collect();
        let (stays, mut foreign): (Vec<_>, Vec<_>) = foreign
            .into_iter()
            .partition(|(part, vma)| template.has_window_of(part) && inner.remains.may_leave(part, vma));
        let mut left = Vmas::default();
        for (part, vma) in stays {
            left.insert(part, vma);
        }
        let chunks = inner.drop_foreign_chunks([&template.vmas, &left]);
        foreign.retain(|(part, vma)| vma.kind != Kind::Trampolines || !chunks.contains(part));
        let is_kept = |(part, vma): &(Range<usize>, Vma)| {
            template.has_window_of(part) && (recycle::is_recyclable(vma) || self.is_as_its_file(part, vma))
        };
        let (kept, unmapped): (Vec<_>, Vec<_>) = foreign.into_iter().partition(is_kept);
        for run in runs(&unmapped) {
            mem::unmap(&run)?;
        }
        inner.recycled.keep_for_next_run(kept, |range| template.has_window_of(range))?;
        let mut changed = Vec::new();
        for (range, initial) in template.vmas.iter() {
            restore_protection(&inner.vmas, &range, initial, &mut changed)?;
        }
        // It counts as what it is until it waits for another run, in case that it can't be kept after all.
        let counted = charged(&inner.vmas);
        template.apply(&mut inner);
        recharge(template.charged);
        uncharge(counted);
        for chunk in &chunks {
            inner.adopt_chunk(chunk);
        }
        self.patcher.retain(&template.vmas.iter().chain(left.iter()).map(|(range, _)| range).collect::<Vec<_>>());
        match template.linked_by {
            LinkedBy::Interpreter => inner.remains.begin(left),
            LinkedBy::Itself => inner.start_up.begin(heap.clone()),
        }
        // What the program protects in one run it protects in all.
        template.apart.call_once(|| {
            if let Err(error) = changed.iter().chain(&inner.remains.protected()).try_for_each(mem::set_apart) {
                debug!("the host doesn't keep mappings apart: {error}");
            }
        });
        self.space.keep_windows(self.id, &template.windows);
        if !heap.is_empty() {
            template.heap_used.zero(&heap, From::Start)?;
        }
        template.restore_contents()
    }
}

impl Template {
    /// The parts of a mapping that the loader didn't make.
    fn parts_beyond(&self, part: Range<usize>, vma: &Vma) -> Vec<(Range<usize>, Vma)> {
        let mut beyond = Vec::new();
        let mut at = part.start;
        for (known, ..) in self.vmas.parts(&part) {
            if at < known.start {
                beyond.push((at..known.start, vma.clone()));
            }
            at = known.end;
        }
        if at < part.end {
            beyond.push((at..part.end, vma.clone()));
        }
        beyond
    }

    /// Whether `range` lies in a window that the program's next run has as well.
    fn has_window_of(&self, range: &Range<usize>) -> bool {
        self.windows.iter().any(|window| window.start <= range.start && range.end <= window.end)
    }

    /// Where the heap begins that a run takes.
    fn heap_start(&self) -> usize {
        page_ceil(self.brk).unwrap_or(self.brk)
    }

    fn apply(&self, inner: &mut Inner) {
        inner.vmas = self.vmas.clone();
        inner.room = self.room.clone();
        inner.brk_area = self.brk_area.clone();
        inner.brk = self.brk;
        inner.stack_gap = self.stack_gap.clone();
        inner.mapped = self.mapped;
        inner.barriers = 0;
    }

    fn restore_contents(&self) -> Result<()> {
        for (addr, bytes) in &self.contents {
            UserSlice::new(*addr, bytes.len())?.write(bytes)?;
        }
        for (range, vma) in self.vmas.iter() {
            if vma.source.is_none() && vma.prot.contains(Prot::WRITE) {
                match vma.kind {
                    Kind::Trampolines => {}
                    Kind::Stack => self.stack_used.zero(&range, From::End)?,
                    _ => zero_mostly(&range, MAX_ZEROED)?,
                }
            }
        }
        Ok(())
    }
}

/// What is left of `part` without `taken`, if that begins where the part does.
fn without_start(part: Range<usize>, taken: &Range<usize>) -> Option<Range<usize>> {
    let start = if part.start == taken.start { taken.end.max(part.start) } else { part.start };
    (start < part.end).then_some(start..part.end)
}

/// Gives the mappings in `range` the protection that the loader gave them, and adds those where it was another one to
/// `changed`; fails if they aren't the loader's.
fn restore_protection(vmas: &Vmas, range: &Range<usize>, initial: &Vma, changed: &mut Vec<Range<usize>>) -> Result<()> {
    let mut at = range.start;
    for (part, vma, skipped) in vmas.parts(range) {
        let skipped_of_initial = (part.start - range.start) as u64;
        if part.start != at || !is_same_mapping((vma, skipped), (initial, skipped_of_initial)) {
            break;
        }
        at = part.end;
        if vma.prot != initial.prot {
            mem::protect(&part, initial.prot)?;
            changed.push(part);
        }
    }
    if at < range.end {
        bail!(ENOMEM, "the program has replaced what the loader mapped");
    }
    Ok(())
}

/// Whether two mappings are of the same from some distance into them on.
fn is_same_mapping((one, skipped): (&Vma, u64), (other, other_skipped): (&Vma, u64)) -> bool {
    one.sharing == Sharing::Private
        && other.sharing == Sharing::Private
        && !one.is_locked
        && match (&one.source, &other.source) {
            (None, None) => true,
            (Some((file, offset)), Some((other_file, other_offset))) => {
                Arc::ptr_eq(file, other_file) && offset + skipped == other_offset + other_skipped
            }
            _ => false,
        }
}

fn charged(vmas: &Vmas) -> usize {
    vmas.iter().filter(|(_, vma)| vma.is_charged).map(|(range, _)| range.len()).sum()
}
