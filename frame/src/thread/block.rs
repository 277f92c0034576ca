//! The block and the LibOS stack of a thread.

use super::handle::Shared;
use super::held::Held;
use super::lend::Loan;
use super::pool::{POOL, reuse_ended};
use super::task::{Flow, Task};
use crate::arena::Pages;
use crate::context::UserContext;
use crate::entry;
use crate::errno::Result;
use crate::host_process::{self, HostProcess};
use crate::layout::PAGE_SIZE;
use crate::magazine::Magazines;
use crate::ocall;
use crate::ocall::process::Rusage;
use crate::ocall::thread::RobustList;
#[cfg(debug_assertions)]
use crate::sync::HeldLocks;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

/// What `%gs` points to. At the end of the thread's stack allocation; the assembly reaches its fields by offset.
#[repr(C, align(64))]
pub(crate) struct ThreadBlock {
    pub(crate) this: *const ThreadBlock,
    pub(crate) entry: usize,
    pub(crate) cpuid_entry: usize,
    pub(crate) cpuid_return: u64,
    pub(crate) stack_top: usize,
    pub(crate) pending: AtomicU32,
    /// The host's thread id; the host clears it when the thread is gone.
    pub(crate) host_tid: AtomicU32,
    pub(crate) xstate_area: *const u8,
    pub(crate) ctx: UserContext,
    /// Where the stack was when the thread began to sleep; 0 while it doesn't.
    pub(crate) sleeper: AtomicUsize,
    pub(super) held: Held,
    pub(super) magazines: Magazines,
    /// The host process that the thread is about to start, and the block of its first thread.
    pub(super) starting: Option<(BlockRef, Arc<HostProcess>)>,
    /// The host's id of its process; until that is known, [`starting_id`].
    pub(crate) host_pid: AtomicU32,
    /// How others learn that it died.
    pub(super) robust_list: RobustList,
    /// The block that was made before.
    before: AtomicPtr<ThreadBlock>,
    pub(super) stack_bottom: usize,
    pub(super) role: Role,
    pub(super) handle: Arc<Shared>,
    pub(super) fs_base: u64,
    /// The block of the thread that is about to give the idle thread work, to which this one belongs meanwhile.
    pub(super) taker: AtomicPtr<ThreadBlock>,
    /// An idle thread's next work is complete.
    pub(super) ready: AtomicBool,
    /// What is done on a new host thread before it goes on with its task.
    pub(super) arrival: Option<Arrival>,
    /// What the task has agreed to: another one is about to use the host thread.
    pub(super) loan: Option<Loan>,
    /// What the host thread had used when its task started.
    pub(super) usage_base: Rusage,
    #[cfg(debug_assertions)]
    pub(super) held_locks: HeldLocks,
    /// The memory that stack and block lie in.
    _memory: Pages,
}

/// What the host thread is there for.
pub(super) enum Role {
    Task(Arc<dyn Task>),
    Service(Option<Box<dyn FnOnce() + Send>>),
    /// It carries a task on that leaves the host thread that it has lent, and is found by this number.
    Carrier(u64),
    /// It watches those that may.
    Watcher,
    Idle,
}

/// What is done on a new host thread first; fills in the registers that the program goes on with.
pub type Arrival = Box<dyn FnOnce(&mut UserContext) -> Flow + Send>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockRef(pub(crate) *mut ThreadBlock);

/// The block that was made last; all that ever were follow, as none is given back. Without a lock, for who looks after those
/// that a dead thread held.
static LAST: AtomicPtr<ThreadBlock> = AtomicPtr::new(core::ptr::null_mut());

// SAFETY: a block in the pool belongs to whoever takes it out.
unsafe impl Send for BlockRef {}

impl BlockRef {
    /// Who has taken it out of the pool.
    pub(super) fn taker(&self) -> &AtomicPtr<ThreadBlock> {
        // SAFETY: blocks are never unmapped, and the field is atomic.
        unsafe { &(*self.0).taker }
    }

    /// Whether this block, which is in the pool of idle ones, is of a thread of `process`.
    pub(super) fn is_idle_in(&self, process: &Arc<HostProcess>) -> bool {
        // SAFETY: idle blocks stay valid; their handle isn't changed while they're in the pool.
        Arc::ptr_eq(&unsafe { &*self.0 }.handle.process, process)
    }
}

/// The id of a host thread that is about to be started.
pub(super) const NOT_STARTED: u32 = 1;

/// What stands for the id of a host process until that is known: each start has another one, so that whoever learns the id
/// late doesn't take the block's next host thread for the one that it has started. The host gives no id with the top bit.
pub(super) fn starting_id(start: u32) -> u32 {
    start | STARTING
}

/// Whether the id of a host process isn't known yet.
pub(super) fn is_starting(host_pid: u32) -> bool {
    host_pid & STARTING != 0
}

const STARTING: u32 = 1 << 31;

/// Bytes of a thread's allocation: a guard page, the LibOS stack, and the block at its end.
pub(super) const ALLOCATION: usize = 32 * PAGE_SIZE;

/// How much of a LibOS stack every thread uses.
pub(super) const USED_STACK: usize = 3 * PAGE_SIZE;

/// A block without a host thread.
pub(super) fn fresh_block(role: Role, process: Arc<HostProcess>) -> Result<*mut ThreadBlock> {
    match reuse_ended() {
        Some(block) => {
            // SAFETY: its host thread is gone and it's out of the pool.
            unsafe { renew(&mut *block, role, process) };
            Ok(block)
        }
        None => new_block(role, process),
    }
}

pub(super) fn new_block(role: Role, process: Arc<HostProcess>) -> Result<*mut ThreadBlock> {
    let memory = Pages::alloc(ALLOCATION / PAGE_SIZE)?;
    let base = memory.addr();
    let block = (base + ALLOCATION - size_of::<ThreadBlock>()) & !63;
    ocall::mem::guard(base, PAGE_SIZE)?;
    ocall::mem::populate(base + ALLOCATION - USED_STACK, USED_STACK);
    let block = block as *mut ThreadBlock;
    let ctx = UserContext::new();
    // SAFETY: the place lies within the new allocation, aligned, above the stack.
    unsafe {
        block.write(ThreadBlock {
            this: block,
            entry: entry::syscall_entry(),
            cpuid_entry: entry::cpuid_entry(),
            cpuid_return: 0,
            stack_top: block as usize & !63,
            pending: AtomicU32::new(0),
            host_tid: AtomicU32::new(0),
            xstate_area: ctx.xstate.as_ptr(),
            ctx,
            sleeper: AtomicUsize::new(0),
            held: Held::new(&process),
            magazines: Magazines::new(),
            starting: None,
            host_pid: AtomicU32::new(0),
            robust_list: RobustList::new(host_process::deaths()),
            before: AtomicPtr::new(core::ptr::null_mut()),
            stack_bottom: base + PAGE_SIZE,
            role,
            handle: Shared::new(block, process),
            fs_base: 0,
            taker: AtomicPtr::new(core::ptr::null_mut()),
            ready: AtomicBool::new(false),
            arrival: None,
            loan: None,
            usage_base: Rusage::default(),
            #[cfg(debug_assertions)]
            held_locks: HeldLocks::new(),
            _memory: memory,
        });
    }
    // SAFETY: the block was just made, and isn't known before it's in the list.
    let link = |last| unsafe { (*block).before.store(last, Ordering::Relaxed) };
    let _ = LAST.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| {
        link(last);
        Some(block)
    });
    Ok(block)
}

/// All blocks that ever were.
pub(super) fn all_blocks() -> impl Iterator<Item = BlockRef> {
    let next = |block: *mut ThreadBlock| (!block.is_null()).then_some(BlockRef(block));
    core::iter::successors(next(LAST.load(Ordering::SeqCst)), move |block| {
        // SAFETY: blocks are never unmapped, and the field is atomic.
        let before = unsafe { &(*block.0).before };
        next(before.load(Ordering::Relaxed))
    })
}

/// A fresh identity for a block that is used again, so that handles of its last user reach nobody.
pub(super) fn renew(block: &mut ThreadBlock, role: Role, process: Arc<HostProcess>) {
    block.role = role;
    block.pending.store(0, Ordering::SeqCst);
    block.held.belong_to(&process);
    block.handle = Shared::new(block.this, process);
}

/// Gives a block back that has no host thread.
///
/// # Safety
/// The block is the caller's.
pub(super) unsafe fn discard(block: *mut ThreadBlock) {
    // SAFETY: the caller's.
    let gone = unsafe {
        (*block).host_tid.store(0, Ordering::SeqCst);
        (core::mem::replace(&mut (*block).role, Role::Idle), (*block).arrival.take())
    };
    POOL.lock().ended.push(BlockRef(block));
    drop(gone);
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;

    #[test]
    fn the_debuggers_script_knows_where_registers_are() {
        const SCRIPT: &str = include_str!("../../../gdb/enclos.gdb");
        let context = offset_of!(ThreadBlock, ctx);
        let registers = [
            ("rsp", offset_of!(UserContext, rsp)),
            ("rbp", offset_of!(UserContext, rbp)),
            ("rip", offset_of!(UserContext, rip)),
        ];
        for (name, offset) in registers {
            let line = format!("set ${name} = *(unsigned long *)($gs_base + {:#x})", context + offset);
            assert!(SCRIPT.contains(&line), "{line}");
        }
    }
}
