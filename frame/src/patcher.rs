//! Turns trapped system calls, and `cpuid` instructions, into patched ones: what [`crate::patch`] plans, done to the
//! program's memory. `cpuid` traps nowhere, so those that are known are patched before the program runs.
//!
//! Other threads may run the code of system calls meanwhile. So the site's first byte becomes a breakpoint and the other
//! instruction boundaries trap, then the rest of the jump is written, then the first byte; after each step all processors
//! are made to see it. Whoever traps there tries again until the jump is there.

use crate::context::UserContext;
use crate::ocall::mem::{self, Prot};
use crate::patch::{CPUID, CpuidSite, Plan, Site, Slots, Table, Unpatchable};
use crate::sync::Mutex;
use crate::thread::{self, ThreadBlock};
use crate::user::UserSlice;
use crate::{Errno, Result, layout};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

/// Code of a program in which system calls may be patched.
#[derive(Clone, Debug)]
pub struct CodeRegion {
    /// The mapping.
    pub range: Range<usize>,
    /// What may be done with it.
    pub prot: Prot,
    /// Address space within reach that is kept for trampolines, mapped and executable.
    pub trampolines: Range<usize>,
}

/// The patched system calls of a memory.
#[derive(Debug, Default)]
pub struct Patcher {
    /// Held while a site is patched: one at a time.
    patching: Mutex<Patching>,
    /// Held for looks only, since every thread that traps within a site takes it.
    inner: Mutex<Inner>,
    /// Sites that trapped in copies of the memory, of which it is one itself or the original. Copies often end before
    /// they would patch a site: so the memory does before the next copy is made.
    of_copies: Arc<Mutex<BTreeMap<u64, CopySite>>>,
}

/// A site that trapped in copies of a memory.
#[derive(Clone, Debug)]
struct CopySite {
    traps: u32,
    /// The mapping that it lies in, and the code there: they prove that another copy has the same instructions.
    range: Range<usize>,
    code: Code,
}

/// Code from a site on, as far as a patch looks at it.
type Code = [u8; JUMP_LEN + MAX_INSTRUCTION];

#[derive(Debug, Default)]
struct Inner {
    /// Shared with copies of the memory until either patches something.
    patches: Arc<Patches>,
    /// The site that is being patched, if one is.
    in_progress: Option<u64>,
    /// How often each site has trapped.
    traps: BTreeMap<u64, u32>,
}

/// What is patched.
#[derive(Clone, Debug, Default)]
struct Patches {
    table: Table,
    slots: Slots,
}

static TRAPPED: AtomicU64 = AtomicU64::new(0);
static PATCHED: AtomicU64 = AtomicU64::new(0);

/// A site is patched when it traps for the n-th time: a patch costs about as much as six traps, and most sites of a
/// program that ends soon are used once.
const WORTH_PATCHING: u32 = 4;

const SIGTRAP: i32 = 5;
const INT3: u8 = 0xcc;
const JUMP_LEN: usize = 5;
/// The longest instruction.
const MAX_INSTRUCTION: usize = 15;

/// How many system calls trapped, and how many sites were patched.
pub fn counts() -> [u64; 2] {
    [TRAPPED.load(Ordering::Relaxed), PATCHED.load(Ordering::Relaxed)]
}

/// A system call of the program trapped at `site`: the next one there shall be faster.
pub(crate) fn on_trapped_syscall(block: *mut ThreadBlock, site: usize) {
    TRAPPED.fetch_add(1, Ordering::Relaxed);
    thread::with_task(block, |task, ctx| {
        task.with_patcher(&mut |patcher| {
            let traps = patcher.count_trap(site as u64);
            if traps == 1 {
                patcher.count_for_copies(site as u64, || task.code_mapping_at(site));
            }
            if traps >= WORTH_PATCHING {
                // A mapping that can't be patched may become one that can, so that isn't remembered.
                if let Some(region) = task.code_at(site) {
                    patcher.patch_or_log(site as u64, &region);
                }
            }
            ctx.rip = patcher.resume_rip(ctx.rip);
        });
    });
}

/// The program trapped at `rip`: moves it on if that is within replaced bytes. Gives whether it did.
pub(crate) fn redirect(rip: &mut u64, signal: i32) -> bool {
    let addr = if signal == SIGTRAP { rip.wrapping_sub(1) } else { *rip };
    let mut is_ours = false;
    thread::with_task(thread::current_block().cast_mut(), |task, _| {
        task.with_patcher(&mut |patcher| {
            if let Some(to) = patcher.redirection(addr, signal) {
                *rip = to;
                is_ours = true;
            }
        });
    });
    is_ours
}

/// One site at a time.
#[derive(Debug, Default)]
struct Patching;

impl Patcher {
    /// Calls `work`, which copies the memory, with the same for the copy; nothing is patched meanwhile.
    pub fn fork<R>(&self, work: impl FnOnce(Self) -> R) -> R {
        let _patching = self.patching.lock();
        let inner = Inner { patches: self.inner.lock().patches.clone(), ..Inner::default() };
        work(Self { patching: Mutex::new(Patching), inner: Mutex::new(inner), of_copies: self.of_copies.clone() })
    }

    /// Patches what trapped often in copies of the memory, so that the next one has it. `region_at` tells of the memory's
    /// code.
    pub fn patch_for_copies(&self, region_at: impl Fn(usize) -> Option<CodeRegion>) {
        let is_worth_it = |_: &u64, site: &mut CopySite| site.traps >= WORTH_PATCHING;
        let sites: Vec<_> = self.of_copies.lock().extract_if(.., is_worth_it).collect();
        for (site, CopySite { range, code, .. }) in sites {
            let Some(region) = region_at(site as usize).filter(|region| region.range == range) else { continue };
            if read_code(site, &region.range).is_ok_and(|here| here == code) {
                self.patch_or_log(site, &region);
            }
        }
    }

    /// The program's address that `rip` stands for, if that is in a trampoline; else `rip`.
    pub fn original_rip(&self, rip: u64) -> u64 {
        self.inner.lock().patches.table.original(rip).map_or(rip, |point| point.addr)
    }

    /// Where to go on for the program's address `rip`: in a trampoline if the instruction was displaced.
    pub fn resume_rip(&self, rip: u64) -> u64 {
        let inner = self.inner.lock();
        match inner.patches.table.containing(rip) {
            Some((addr, site)) if addr != rip && holds(addr, site.jump) => site.moved(rip).unwrap_or(rip),
            _ => rip,
        }
    }

    /// Makes `ctx` show the program's own addresses.
    pub fn show_original(&self, ctx: &mut UserContext) {
        let is_after_syscall = ctx.complete();
        let Some(point) = self.inner.lock().patches.table.original(ctx.rip) else { return };
        ctx.rip = point.addr;
        if point.is_returning || is_after_syscall {
            // As a real system call leaves them.
            (ctx.rcx, ctx.r11) = (point.addr, ctx.rflags);
        }
    }

    /// Forgets the sites in `range`, whose code is unmapped or may change.
    pub fn forget(&self, range: &Range<usize>) {
        self.inner.lock().patches_mut().table.forget(&(range.start as u64..range.end as u64));
    }

    /// Forgets all sites, and the trampolines too: nothing of the memory is mapped any more.
    pub fn forget_all(&self) {
        let gone = core::mem::take(&mut *self.inner.lock());
        drop(gone);
    }

    /// Whether system calls in `range` are patched, or were in what was mapped there before.
    pub fn has_sites(&self, range: &Range<usize>) -> bool {
        self.inner.lock().patches.table.has_sites(&(range.start as u64..range.end as u64))
    }

    /// Forgets all that isn't about code in `ranges`. No thread runs in the memory.
    pub fn retain(&self, ranges: &[Range<usize>]) {
        let is_kept = |addr: u64| ranges.iter().any(|range| range.contains(&(addr as usize)));
        let mut inner = self.inner.lock();
        let patches = inner.patches_mut();
        let free = patches.table.retain(is_kept);
        for slot in free {
            patches.slots.free(slot);
        }
        inner.traps.retain(|&site, _| is_kept(site));
    }

    fn redirection(&self, addr: u64, signal: i32) -> Option<u64> {
        let inner = self.inner.lock();
        let (start, site) = inner.patches.table.containing(addr)?;
        if inner.in_progress == Some(start) {
            // Tried again until the jump is there.
            return Some(addr);
        }
        if !holds(start, site.jump) {
            return None;
        }
        // At the start it was the breakpoint of a patch that has been finished since; any other fault is the program's.
        if addr == start { (signal == SIGTRAP).then_some(start) } else { site.moved(addr) }
    }

    /// Counts a trap at `site`, and gives how often it has trapped; none if it can't be patched.
    fn count_trap(&self, site: u64) -> u32 {
        let mut inner = self.inner.lock();
        if inner.patches.table.is_refused(site) {
            return 0;
        }
        let traps = inner.traps.entry(site).or_insert(0);
        *traps += 1;
        *traps
    }

    /// Counts a trap at `site` for other copies of the memory, if there are any.
    fn count_for_copies(&self, site: u64, mapping: impl FnOnce() -> Option<Range<usize>>) {
        if Arc::strong_count(&self.of_copies) == 1 {
            return;
        }
        let Some(range) = mapping() else { return };
        let Ok(code) = read_code(site, &range) else { return };
        let mut sites = self.of_copies.lock();
        let fresh = CopySite { traps: 0, range, code };
        let known = sites.entry(site).or_insert_with(|| fresh.clone());
        if (&known.range, known.code) != (&fresh.range, fresh.code) {
            *known = fresh;
        }
        known.traps += 1;
    }

    fn patch_or_log(&self, site: u64, region: &CodeRegion) {
        match self.patch(site, region) {
            Ok(()) => {
                PATCHED.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => log::debug!("the system call at {site:#x} stays trapped: {error}"),
        }
    }

    /// Patches the `cpuid` instructions at `sites`, ascending, in code that no thread runs yet, as far as that can be done.
    ///
    /// # Errors
    /// What the host gives when the code's protection is changed; `EFAULT` for code that isn't there.
    pub fn patch_cpuids(&self, sites: &[CpuidSite], region: &CodeRegion) -> Result<()> {
        let (Some(first), Some(last)) = (sites.first(), sites.last()) else { return Ok(()) };
        let _patching = self.patching.lock();
        let pages = pages_around(first.addr as usize..last.addr as usize + JUMP_LEN)?;
        mem::protect(&pages, region.prot | Prot::WRITE)?;
        let mut inner = self.inner.lock();
        let patched = sites.iter().try_for_each(|site| Self::patch_unused(&mut inner, site, region));
        mem::protect(&pages, region.prot).and(patched)
    }

    fn patch_unused(inner: &mut Inner, &CpuidSite { addr, lead_len }: &CpuidSite, region: &CodeRegion) -> Result<()> {
        let code = &read_code(addr, &region.range)?[..room(addr, &region.range)];
        if !code.get(usize::from(lead_len)..).is_some_and(|code| code.starts_with(&CPUID)) {
            return Ok(());
        }
        let plan = match lead_len {
            0 => Plan::new(addr, code),
            _ => Plan::with_lead(addr, lead_len.into(), code),
        };
        match Self::place(inner, addr, plan, region) {
            Ok(patched) => {
                UserSlice::new(addr as usize, JUMP_LEN)?.write(&patched.jump)?;
                inner.patches_mut().table.insert(addr, patched);
            }
            Err(error) => log::debug!("the cpuid at {addr:#x} stays: {error}"),
        }
        Ok(())
    }

    fn patch(&self, site: u64, region: &CodeRegion) -> Result<()> {
        let _patching = self.patching.lock();
        let mut inner = self.inner.lock();
        if inner.patches.table.get(site).is_some_and(|patched| holds(site, patched.jump)) {
            // Another thread was faster.
            return Ok(());
        }
        let code = &read_code(site, &region.range)?[..room(site, &region.range)];

        let patched = match inner.patches.table.retired(site, code) {
            Some(patched) => patched,
            None => match Self::place(&mut inner, site, Plan::new(site, code), region) {
                Ok(patched) => patched,
                Err(error) => {
                    inner.patches_mut().table.refuse(site);
                    return Err(error);
                }
            },
        };
        let jump = patched.jump;
        let boundaries: Vec<usize> = patched
            .points
            .iter()
            .map(|&(point, _)| (point - site) as usize)
            .filter(|offset| (1..JUMP_LEN).contains(offset))
            .collect();
        inner.patches_mut().table.insert(site, patched);
        inner.in_progress = Some(site);
        // Whoever hits the breakpoint looks at the table, so its lock must be free.
        drop(inner);
        let written = replace(site as usize, jump, &boundaries, region);
        let mut inner = self.inner.lock();
        inner.in_progress = None;
        inner.traps.remove(&site);
        if written.is_err() {
            inner.patches_mut().table.forget(&(site..site + 1));
        }
        written
    }

    /// Finds a place for the site's trampoline and writes it.
    fn place(
        inner: &mut Inner,
        site: u64,
        plan: core::result::Result<Plan, Unpatchable>,
        region: &CodeRegion,
    ) -> Result<Site> {
        let plan = plan.map_err(|reason| {
            log::debug!("the instruction at {site:#x} can't be patched: {reason:?}");
            crate::Error::new(Errno::EOPNOTSUPP, "the code around it can't be patched")
        })?;
        if inner.patches.table.overlaps(&(site..site + plan.original().len() as u64)) {
            return Err(crate::Error::new(Errno::EOPNOTSUPP, "an instruction beside it is patched"));
        }
        let chunk = region.trampolines.start as u64..region.trampolines.end as u64;
        let slot = inner.patches.slots.find(&chunk, &plan).ok_or(Errno::ENOSPC)?;
        let trampoline = plan.assemble(slot).ok_or(Errno::EOPNOTSUPP)?;
        let end = slot + trampoline.code.len() as u64;
        UserSlice::new(slot as usize, trampoline.code.len())?.write(&trampoline.code)?;
        inner.patches_mut().slots.take(slot..end);
        Ok(Site::new(slot, trampoline, plan.original()))
    }
}

impl Inner {
    fn patches_mut(&mut self) -> &mut Patches {
        Arc::make_mut(&mut self.patches)
    }
}

/// How much of the code from `site` on is looked at.
fn room(site: u64, mapping: &Range<usize>) -> usize {
    mapping.end.saturating_sub(site as usize).min(JUMP_LEN + MAX_INSTRUCTION)
}

/// The code from `site` on; zeros behind its mapping.
fn read_code(site: u64, mapping: &Range<usize>) -> Result<Code> {
    let room = room(site, mapping);
    let mut code = [0; JUMP_LEN + MAX_INSTRUCTION];
    UserSlice::new(site as usize, room)?.read(&mut code[..room])?;
    Ok(code)
}

fn pages_around(range: Range<usize>) -> Result<Range<usize>> {
    Ok(layout::page_floor(range.start)..layout::page_ceil(range.end).ok_or(Errno::ENOMEM)?)
}

/// Whether `bytes` stand at `addr`.
fn holds(addr: u64, bytes: [u8; JUMP_LEN]) -> bool {
    let mut found = [0; JUMP_LEN];
    UserSlice::new(addr as usize, JUMP_LEN).is_ok_and(|slice| slice.read(&mut found).is_ok()) && found == bytes
}

/// Writes the jump while other threads may run the code.
fn replace(site: usize, jump: [u8; JUMP_LEN], boundaries: &[usize], region: &CodeRegion) -> Result<()> {
    let pages = pages_around(site..site + JUMP_LEN)?;
    mem::protect(&pages, region.prot | Prot::WRITE)?;
    let code = UserSlice::new(site, JUMP_LEN)?;
    // First every old instruction boundary traps, each by a single byte, so that nobody runs what is half written.
    code.write(&[INT3])?;
    for &offset in boundaries {
        code.skip(offset).write(&jump[offset..=offset])?;
    }
    mem::barrier(mem::Barrier::Code)?;
    code.skip(1).write(&jump[1..])?;
    mem::barrier(mem::Barrier::Code)?;
    code.write(&jump[..1])?;
    mem::protect(&pages, region.prot)?;
    mem::barrier(mem::Barrier::Code)
}
