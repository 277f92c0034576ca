//! The memory of a process.

use super::advise::LockMode;
use super::charge::{charge, uncharge};
use super::code::Chunk;
use super::file_end::FileEnds;
use super::map::{MapRequest, Place, runs};
use super::recycle::Recycled;
use super::remains::Remains;
use super::room::Room;
use super::source::FileFault;
use super::space::{self, AddressSpace};
use super::spare::Template;
use super::start_up::StartUp;
use super::vma::{Kind, Vma, Vmas};
use crate::prelude::*;
use crate::process::exec::fill_random;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use frame::layout::{self, PAGE_SIZE, page_ceil, page_floor};
use frame::ocall::mem::{self, Prot};
use frame::patcher::Patcher;
use frame::sync::Once;

/// The memory of a process: its mappings, and where further ones may go.
pub struct Memory {
    pub(super) id: u64,
    pub(super) space: Arc<AddressSpace>,
    pub(super) inner: Mutex<Inner>,
    pub(super) patcher: Patcher,
    /// What the loader left, if the memory is to be kept for another run.
    pub(super) template: Once<Template>,
    pub(super) file_ends: FileEnds,
}

/// What a memory's lock protects.
pub(super) struct Inner {
    /// Where the memory's windows are.
    pub(super) space: Arc<AddressSpace>,
    pub(super) vmas: Vmas,
    /// Free ranges of the memory's windows.
    pub(super) room: Room,
    /// The area that `brk` moves in, and its present end.
    pub(super) brk_area: Range<usize>,
    pub(super) brk: usize,
    /// Bytes mapped.
    pub(super) mapped: usize,
    /// Freed memory that is kept for reuse.
    pub(super) recycled: Recycled,
    /// What is left of the program's last run, until it's linked.
    pub(super) remains: Remains,
    /// Where the start-up code is of a program that is linked by itself.
    pub(super) start_up: StartUp,
    /// New mappings are locked (`mlockall(MCL_FUTURE)`), and how.
    pub(super) locks_future: Option<LockMode>,
    /// Chunks of trampolines.
    pub(super) chunks: Vec<Chunk>,
    /// What isn't mapped below the first thread's stack and stays so.
    pub(super) stack_gap: Range<usize>,
    /// Commands of `membarrier` that the process has registered for.
    pub(super) barriers: u32,
    pub(super) random: u64,
    /// The program may have written where the loader's memory isn't writable: it can't be used for another run.
    pub(super) is_altered: bool,
}

/// Sizes of a memory, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// All mappings.
    pub mapped: usize,
    /// Executable mappings of files.
    pub code: usize,
    /// Private writable mappings.
    pub data: usize,
    /// The first thread's stack.
    pub stack: usize,
    /// Shared mappings and mappings of files.
    pub shared: usize,
    /// Locked mappings.
    pub locked: usize,
}

/// How much the `brk` area of a program that may lie anywhere can grow.
const BRK_AREA: usize = space::WINDOW / 2;
/// Address space below the first thread's stack that stays free.
const STACK_GAP: usize = 1 << 20;
/// The stack's size where there's no limit.
const UNLIMITED_STACK: usize = 64 << 20;
/// The largest stack that is reserved at once.
const MAX_STACK: usize = 1 << 30;

impl Memory {
    /// An empty memory with a window of its own.
    ///
    /// # Errors
    /// `ENOMEM` when the address space is full.
    pub fn new(space: &Arc<AddressSpace>) -> Result<Self> {
        let id = Self::next_id();
        let mut random = [0; 8];
        fill_random(&mut random)?;
        let random = u64::from_le_bytes(random);
        let run = space.take(id, space::WINDOW, random)?;
        let brk_start = run.start + (random as usize >> 20) % 0x2000 * PAGE_SIZE;
        let mut inner = Inner {
            space: space.clone(),
            vmas: Vmas::default(),
            room: Room::default(),
            brk_area: brk_start..run.start + BRK_AREA,
            brk: brk_start,
            mapped: 0,
            recycled: Recycled::default(),
            remains: Remains::default(),
            start_up: StartUp::default(),
            locks_future: None,
            chunks: Vec::new(),
            stack_gap: 0..0,
            barriers: 0,
            random: random.rotate_left(32),
            is_altered: false,
        };
        // Mappings start at a random page below the window's end.
        let top = run.end - (random as usize >> 40) % 0x4000 * PAGE_SIZE;
        inner.put_free(run.start + BRK_AREA..top);
        Ok(Self::with(id, inner, Patcher::default()))
    }

    pub(super) fn with(id: u64, inner: Inner, patcher: Patcher) -> Self {
        let space = inner.space.clone();
        space.memories.fetch_add(1, Ordering::SeqCst);
        let file_ends = FileEnds::default();
        Self { id, space, inner: Mutex::new(inner), patcher, template: Once::new(), file_ends }
    }

    pub(super) fn next_id() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// The address space that it is in.
    pub fn space(&self) -> &Arc<AddressSpace> {
        &self.space
    }

    /// Whether the same host process maps both.
    pub fn is_in_space_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.space, &other.space)
    }

    /// Whether nobody else has memory there.
    pub fn has_for_itself(&self, start: usize, len: usize) -> bool {
        let end = start.saturating_add(len).min(layout::TASK_SIZE);
        self.space.is_free_for(self.id, &(start.min(end)..end))
    }

    /// What tells it from all others.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its patched system calls.
    pub fn patcher(&self) -> &Patcher {
        &self.patcher
    }

    /// Lets the `brk` area start behind a program that ends at `end`, if there's room; else it stays where it is.
    pub fn set_brk_start(&self, end: usize) {
        let mut inner = self.inner.lock();
        let Some(start) = page_ceil(end) else { return };
        let Some(Range { end: free_end, .. }) = inner.room.around(start) else { return };
        if free_end - start >= BRK_AREA / 2 {
            // A random distance, as on Linux.
            let start = start + (inner.random as usize % 0x1000) * PAGE_SIZE;
            let area = start..free_end.min(start + BRK_AREA);
            inner.take_free(&area);
            inner.brk = area.start;
            inner.brk_area = area;
        }
    }

    /// Maps the first thread's stack; gives its top.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn map_stack(&self, limit: u64, is_executable: bool) -> Result<usize> {
        let len = match usize::try_from(limit) {
            Ok(limit) if limit <= MAX_STACK => page_floor(limit).max(32 * PAGE_SIZE),
            _ => UNLIMITED_STACK,
        };
        let mut prot = Prot::READ | Prot::WRITE;
        prot.set(Prot::EXEC, is_executable);
        let gap = self.map(MapRequest::anonymous(Place::Anywhere, STACK_GAP + len, Prot::empty()))?;
        let start = gap + STACK_GAP;
        self.map(MapRequest {
            kind: Kind::Stack,
            is_reserved: false,
            ..MapRequest::anonymous(Place::Fixed(start), len, prot)
        })?;
        // The gap isn't mapped, but nothing else goes there either.
        let mut inner = self.inner.lock();
        inner.stack_gap = gap..start;
        self.clear(&mut inner, &(gap..start))?;
        // The top is random within a page, and further below it.
        Ok(start + len - (inner.random as usize >> 16) % 0x200 * 16)
    }

    /// Unmaps all and gives the windows back: the process has ended or runs another program.
    pub fn release(&self) {
        let mut inner = self.inner.lock();
        let parts = inner.vmas.within(&(0..layout::TASK_SIZE));
        for run in runs(&parts) {
            if let Err(error) = mem::unmap(&run) {
                warn!("the host keeps memory of an ended process mapped: {error}");
            }
        }
        for (part, vma) in parts {
            inner.vmas.remove(&part);
            if vma.kind != Kind::Trampolines {
                self.forget(&mut inner, &part, &vma);
            }
        }
        inner.recycled.release();
        inner.remains.release();
        inner.start_up.release();
        inner.chunks.clear();
        inner.room = Room::default();
        // Nothing can be mapped any more.
        inner.brk_area = 0..0;
        self.space.release(self.id);
        self.space.memories.fetch_sub(1, Ordering::SeqCst);
    }

    /// Forgets all that is mapped, where the host process that it was mapped in is gone.
    pub fn forget_all(&self) {
        let vmas = {
            let mut inner = self.inner.lock();
            inner.mapped = 0;
            core::mem::take(&mut inner.vmas)
        };
        let charged = vmas.iter().filter(|(_, vma)| vma.is_charged);
        uncharge(charged.map(|(range, _)| range.len()).sum());
        self.patcher.forget_all();
        self.space.release(self.id);
        self.space.memories.fetch_sub(1, Ordering::SeqCst);
    }

    /// What a futex word at `addr` is known by among processes, if it lies in shared memory.
    pub fn shared_key(&self, addr: usize) -> Option<(u64, u64)> {
        let inner = self.inner.lock();
        let (range, vma) = inner.vmas.find(addr)?;
        let within = (addr - range.start) as u64;
        if vma.sharing != mem::Sharing::Shared {
            return None;
        }
        match (&vma.source, vma.shared_id) {
            (Some((source, offset)), _) => {
                let (device, inode) = source.dev_ino();
                Some((device << 40 ^ inode | 1 << 63, offset + within))
            }
            (None, Some((id, offset))) => Some((id, offset + within)),
            (None, None) => None,
        }
    }

    /// Whether all of `range` is mapped.
    pub fn is_mapped(&self, range: &Range<usize>) -> bool {
        self.inner.lock().vmas.covers(range)
    }

    /// `si_code` of a SIGSEGV at `addr`: memory that is kept for reuse is the program's as little as unmapped memory.
    pub fn fault_code(&self, addr: usize) -> i32 {
        const SEGV_MAPERR: i32 = 1;
        const SEGV_ACCERR: i32 = 2;
        let page = page_floor(addr);
        if self.is_mapped(&(page..page.saturating_add(1))) { SEGV_ACCERR } else { SEGV_MAPERR }
    }

    /// What a program's fault at `addr` means to the file that is mapped there.
    pub fn fault_in_file(&self, addr: usize) -> FileFault {
        let inner = self.inner.lock();
        let Some((range, vma)) = inner.vmas.find(addr) else { return FileFault::Other };
        let Some((source, offset)) = &vma.source else { return FileFault::Other };
        let page = page_floor(addr);
        source.fault(&(page..range.end), offset + (page - range.start) as u64, vma.prot, vma.sharing)
    }

    /// How many mappings of the file with this device and inode number there are.
    pub fn mappings_of(&self, dev_ino: (u64, u64)) -> usize {
        let is_it = |vma: &Vma| vma.source.as_ref().is_some_and(|(source, _)| source.dev_ino() == dev_ino);
        self.inner.lock().vmas.iter().filter(|(_, vma)| is_it(vma)).count()
    }

    /// Unmaps what is mapped of one file of this device, as far as the file's start lies at `addr`; gives its inode number.
    ///
    /// # Errors
    /// What the host gives.
    pub fn unmap_file(&self, addr: usize, device: u64) -> Result<Option<u64>> {
        let mut inner = self.inner.lock();
        let found: Vec<_> = inner
            .vmas
            .iter()
            .filter_map(|(range, vma)| {
                let (source, offset) = vma.source.as_ref()?;
                let starts_there = range.start.checked_sub(addr).is_some_and(|distance| distance as u64 == *offset);
                (starts_there && source.dev_ino().0 == device).then(|| (range, source.clone()))
            })
            .collect();
        let Some((_, first)) = found.first() else { return Ok(None) };
        let inode = first.dev_ino().1;
        for (range, source) in &found {
            if Arc::ptr_eq(source, first) {
                self.clear(&mut inner, range)?;
            }
        }
        Ok(Some(inode))
    }

    /// What may be done at `addr`, if something is mapped there.
    pub fn prot_at(&self, addr: usize) -> Option<Prot> {
        self.inner.lock().vmas.find(addr).map(|(_, vma)| vma.prot)
    }

    /// The start of the mapping at `addr` if that grows down, as the first thread's stack does.
    pub fn grows_down_from(&self, addr: usize) -> Option<usize> {
        let inner = self.inner.lock();
        let (range, vma) = inner.vmas.find(addr)?;
        matches!(vma.kind, Kind::Stack | Kind::GrowsDown).then_some(range.start)
    }

    /// Commands of `membarrier` that the process has registered for.
    pub fn barriers(&self) -> u32 {
        self.inner.lock().barriers
    }

    /// Notes that the process has registered for a command of `membarrier`.
    pub fn register_barrier(&self, command: u32) {
        self.inner.lock().barriers |= command;
    }

    /// Grows a `MAP_GROWSDOWN` mapping down to `addr`, which was touched. Gives whether it did.
    pub fn grow_down(&self, addr: usize) -> bool {
        grow_down(&mut self.inner.lock(), addr)
    }

    /// As [`grow_down`](Self::grow_down), for whoever may hold the lock: gives up if it's held for long.
    pub fn try_grow_down(&self, addr: usize) -> bool {
        const TRIES: u32 = 1000;
        for _ in 0..TRIES {
            if let Some(mut inner) = self.inner.try_lock() {
                return grow_down(&mut inner, addr);
            }
            core::hint::spin_loop();
        }
        false
    }

    /// Its sizes.
    pub fn totals(&self) -> Totals {
        let inner = self.inner.lock();
        let mut totals = Totals::default();
        for (range, vma) in inner.vmas.iter().filter(|(_, vma)| vma.kind != Kind::Trampolines) {
            let len = range.len();
            totals.mapped += len;
            if vma.source.is_some() && vma.prot.contains(Prot::EXEC) {
                totals.code += len;
            }
            if vma.kind == Kind::Stack {
                totals.stack += len;
            } else if vma.sharing == mem::Sharing::Private && vma.prot.contains(Prot::WRITE) {
                totals.data += len;
            }
            if vma.sharing == mem::Sharing::Shared || vma.source.is_some() {
                totals.shared += len;
            }
            if vma.is_locked {
                totals.locked += len;
            }
        }
        totals
    }
}

/// The size up to which a `MAP_GROWSDOWN` mapping grows: the usual limit of stacks.
const MAX_GROWN: usize = 8 << 20;

fn grow_down(inner: &mut Inner, addr: usize) -> bool {
    let page = page_floor(addr);
    let Some((above, vma)) = inner.vmas.at_or_above(addr).map(|(range, vma)| (range, vma.clone())) else {
        return false;
    };
    let range = page..above.start;
    if vma.kind != Kind::GrowsDown || range.is_empty() || above.end - page > MAX_GROWN {
        return false;
    }
    // The same gap to what lies below as Linux keeps (256 pages).
    let guard = page.saturating_sub(STACK_GAP)..page;
    if inner.vmas.overlaps(&(guard.start..range.end)) || vma.is_charged && charge(range.len()).is_err() {
        return false;
    }
    if mem::map(&range, vma.prot, vma.sharing, mem::Backing::Anonymous).is_err() {
        if vma.is_charged {
            uncharge(range.len());
        }
        return false;
    }
    inner.carve(&range);
    inner.take_free(&range);
    inner.mapped += range.len();
    inner.vmas.insert(range, vma);
    true
}
