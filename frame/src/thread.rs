//! Threads of the LibOS: a host thread, a LibOS stack and a block that `%gs` points to.
//!
//! The kernel gives each thread a [`Task`]; entries of the program end up in its methods. The host's alternate signal
//! stack is the LibOS stack itself: a signal that comes while the program runs starts at its top, one that comes while
//! the LibOS runs is nested below.

use crate::arena::Pages;
use crate::context::UserContext;
use crate::entry;
use crate::errno::{Errno, Result};
use crate::host_process::{self, HostProcess};
use crate::layout::PAGE_SIZE;
use crate::ocall;
use crate::ocall::process::{Rusage, UsageOf};
use crate::ocall::thread::Activity;
use crate::schedule::{self, Schedule};
#[cfg(debug_assertions)]
use crate::sync::HeldLocks;
use crate::sync::{Deadline, Mutex, MutexGuard, Waiter};
use crate::trap;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::arch::{asm, naked_asm};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;

/// What the kernel does on behalf of one thread of a program.
pub trait Task: Send + Sync {
    /// The program made a system call.
    fn syscall(&self, ctx: &mut UserContext) -> Flow;

    /// The program did something that the processor refused.
    fn fault(&self, ctx: &mut UserContext, fault: trap::Fault) -> Flow;

    /// The thread is wanted: looks after signals before it returns to the program.
    fn before_return(&self, ctx: &mut UserContext) -> Flow;

    /// The LibOS found nothing at an address that the program passed: lets a mapping that grows down to there grow. Gives
    /// whether it did. May be called under any lock.
    fn grow_down(&self, addr: usize) -> bool;

    /// The code that `addr` lies in, if system calls in it may be patched.
    fn code_at(&self, addr: usize) -> Option<crate::patcher::CodeRegion>;

    /// Calls `work` with the patched system calls of the task's memory.
    fn with_patcher(&self, work: &mut dyn FnMut(&crate::patcher::Patcher));

    /// Ids of process and thread, for log lines.
    fn ids(&self) -> (u32, u32);
}

/// Where a thread goes after the LibOS has done its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Back to the program.
    Resume,
    /// Nowhere: it has ended.
    End,
    /// It waits, while the task that [`lend`] was given uses its host thread.
    Lend,
}

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
    host_tid: AtomicU32,
    pub(crate) xstate_area: *const u8,
    pub(crate) ctx: UserContext,
    stack_bottom: usize,
    role: Role,
    handle: Arc<Shared>,
    fs_base: u64,
    /// An idle thread's next work is complete.
    ready: AtomicBool,
    /// What is done on a new host thread before it goes on with its task.
    arrival: Option<Arrival>,
    /// What the task has agreed to: another one is about to use the host thread.
    loan: Option<Loan>,
    /// Those whose host thread the present task uses, the last one last.
    lenders: Vec<Lender>,
    /// What the host thread had used when its task started.
    usage_base: Rusage,
    #[cfg(debug_assertions)]
    held_locks: HeldLocks,
    /// The memory that stack and block lie in.
    _memory: Pages,
}

/// What the host thread is there for.
enum Role {
    Task(Arc<dyn Task>),
    Service(Option<Box<dyn FnOnce() + Send>>),
    Idle,
}

/// What is done on a new host thread first; fills in the registers that the program goes on with.
pub type Arrival = Box<dyn FnOnce(&mut UserContext) -> Flow + Send>;

/// What a task lends its host thread for.
pub struct Loan {
    /// Who gets it.
    pub borrower: Arc<dyn Task>,
    /// The registers that the borrower starts with.
    pub ctx: Box<UserContext>,
    /// The borrower's thread pointer.
    pub fs_base: u64,
    /// The result that the lender's system call has when it goes on.
    pub result: u64,
    /// What the lender does if it goes on elsewhere.
    pub on_move: OnMove,
}

/// A task whose host thread another one uses.
struct Lender {
    task: Arc<dyn Task>,
    ctx: Box<UserContext>,
    fs_base: u64,
    on_move: OnMove,
    /// What it had used before.
    used: Rusage,
}

/// What a lender does on another host thread: it learns the handle of that, and gives what is to be done there first.
pub type OnMove = Box<dyn FnOnce(Handle) -> Arrival + Send>;

/// What others know of a thread.
struct Shared {
    waiter: Arc<Waiter>,
    block: *const ThreadBlock,
    process: Arc<HostProcess>,
    /// Held while the host thread starts or ends, and while somebody changes how it's scheduled.
    schedule: Mutex<Schedule>,
}

impl Shared {
    fn new(block: *const ThreadBlock, process: Arc<HostProcess>) -> Arc<Self> {
        let (waiter, schedule) = (Arc::new(Waiter::default()), Mutex::new(Schedule::AsLaunched));
        Arc::new(Self { waiter, block, process, schedule })
    }
}

// SAFETY: only the atomic fields of the block are reached through the pointer, and blocks are never unmapped.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// A way to reach a thread from others.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

impl core::fmt::Debug for Handle {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Handle({:p})", self.0.block)
    }
}

impl Handle {
    /// Makes the thread look after signals soon: at the latest before it goes on in the program; a wait ends.
    ///
    /// If the thread has ended meanwhile, another one that uses its place looks once for nothing.
    pub fn interrupt(&self) {
        let shared = &*self.0;
        // SAFETY: blocks are never unmapped, and the fields are atomic.
        let (pending, tid) = unsafe { (&(*shared.block).pending, &(*shared.block).host_tid) };
        let was_wanted = pending.swap(1, Ordering::SeqCst) != 0;
        shared.waiter.wake();
        // Whoever wanted it before has interrupted it, or it's on its way out. The host queues each wake-up of its own,
        // and stacks the frames of all that are queued: a storm of them would overflow the LibOS stack.
        if was_wanted {
            return;
        }
        let tid = tid.load(Ordering::SeqCst);
        if tid != 0 && shared.block != current_block() {
            ocall::thread::interrupt(shared.process.pid(), tid);
        }
    }

    /// Does `work` with the host's id of the thread, which doesn't end meanwhile.
    pub(crate) fn with_host_tid<R>(&self, work: impl FnOnce(u32) -> Result<R>) -> Result<R> {
        let schedule = self.0.schedule.lock();
        if *schedule == Schedule::Ended {
            return Err(Errno::ESRCH.into());
        }
        work(self.host_tid())
    }

    /// As [`with_host_tid`](Self::with_host_tid), for work that changes how the thread is scheduled.
    pub(crate) fn change_schedule(&self, work: impl FnOnce(u32) -> Result<()>) -> Result<()> {
        if self.0.block == current_block() {
            // It's the task's own affair, not that of those whose host thread it uses.
            move_lenders()?;
        }
        let mut schedule = self.0.schedule.lock();
        if *schedule == Schedule::Ended {
            return Err(Errno::ESRCH.into());
        }
        *schedule = Schedule::Changed;
        work(self.host_tid())
    }

    /// The host's id of the thread, for OCalls about it; no identity of the LibOS.
    pub fn host_tid(&self) -> u32 {
        // SAFETY: as in `interrupt`.
        unsafe { &(*self.0.block).host_tid }.load(Ordering::SeqCst)
    }

    /// The host's id of the thread's process, for OCalls about its memory.
    pub fn host_pid(&self) -> u32 {
        self.0.process.pid()
    }

    /// The processor time that the thread's task has used; nothing if the thread is gone. Cheaper for a thread of the
    /// calling host process.
    pub fn cpu_time(&self) -> Option<Duration> {
        let tid = self.host_tid();
        let total = ocall::time::thread_cpu(tid).or_else(|| ocall::thread::run_time(self.0.process.pid(), tid))?;
        Some(total.saturating_sub(self.usage_base().cpu_time()))
    }

    /// What the thread does, and what its task has used, its times in hundredths of a second; nothing if the thread is
    /// gone.
    pub fn activity(&self) -> Option<Activity> {
        let activity = ocall::thread::activity(self.0.process.pid(), self.host_tid())?;
        Some(Activity { usage: activity.usage.since(&self.usage_base()), ..activity })
    }

    /// What the host thread had used when its task started.
    fn usage_base(&self) -> Rusage {
        // SAFETY: blocks are never unmapped; a value that is just being replaced is off by no more than a task's.
        unsafe { (&raw const (*self.0.block).usage_base).read_volatile() }
    }

    /// The thread's waiter.
    pub fn waiter(&self) -> &Arc<Waiter> {
        &self.0.waiter
    }
}

/// Bytes of a thread's allocation: a guard page, the LibOS stack, and the block at its end.
const ALLOCATION: usize = 32 * PAGE_SIZE;
/// How much of a LibOS stack every thread uses.
const USED_STACK: usize = 3 * PAGE_SIZE;
/// How many host threads without work are kept per host process.
const MAX_IDLE: usize = 16;
/// How long a host thread without work stays.
const IDLE_TIME: Duration = Duration::from_secs(5);

/// Host threads without work, and blocks whose host thread is ending.
struct Pool {
    idle: Vec<BlockRef>,
    ended: Vec<BlockRef>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct BlockRef(*mut ThreadBlock);
// SAFETY: a block in the pool belongs to whoever takes it out.
unsafe impl Send for BlockRef {}

static POOL: Mutex<Pool> = Mutex::new(Pool { idle: Vec::new(), ended: Vec::new() });

/// Starts a thread that runs the program from `ctx` on, with its thread pointer at `fs_base`, on behalf of `task`.
/// `announce` learns the handle before the thread runs.
///
/// # Errors
/// `EAGAIN` or `ENOMEM` when the host gives no thread or memory.
pub fn spawn(task: Arc<dyn Task>, ctx: &mut UserContext, fs_base: u64, announce: impl FnOnce(Handle)) -> Result<()> {
    start(Role::Task(task), |block| {
        block.ctx.copy_from(ctx);
        block.fs_base = fs_base;
        announce(Handle(block.handle.clone()));
    })
}

/// As [`spawn`], but in a new host process with a copy of the calling one's memory, in which the new thread is the only
/// one. It does `arrival` there first.
///
/// # Errors
/// `EAGAIN` or `ENOMEM` when the host gives no process or memory.
pub fn spawn_process(
    task: Arc<dyn Task>,
    ctx: &mut UserContext,
    fs_base: u64,
    announce: impl FnOnce(Handle),
    arrival: Arrival,
) -> Result<()> {
    host_process::prepare()?;
    let process = Arc::new(HostProcess::default());
    let block = fresh_block(Role::Task(task), process.clone())?;
    // SAFETY: ours until the host process starts.
    unsafe {
        (*block).ctx.copy_from(ctx);
        (*block).fs_base = fs_base;
        (*block).arrival = Some(arrival);
        let own = own_schedule();
        let handle = (*block).handle.clone();
        let mut schedule = handle.schedule.lock_new();
        announce(Handle((*block).handle.clone()));
        (*block).host_tid.store(1, Ordering::SeqCst);
        let (top, tid) = ((*block).stack_top, &(*block).host_tid);
        let result =
            ocall::signal::with_all_blocked(|| ocall::thread::clone_process(top, block as usize, process_start, tid));
        *schedule = inherited(own.as_ref(), result.is_ok());
        match result {
            Ok(pid) => {
                host_process::add(pid);
                Ok(())
            }
            Err(error) => {
                discard(block);
                Err(error)
            }
        }
    }
}

/// Has another task run on the calling host thread, until it ends or moves to another one ([`Flow::End`]). The calling
/// task gives [`Flow::Lend`], and goes on then. So a `vfork` needs no other host thread.
pub fn lend(loan: Loan) {
    if let Some(block) = current_block_mut() {
        block.loan = Some(loan);
    }
}

/// Whether the calling task uses another one's host thread.
pub fn is_borrower() -> bool {
    current().is_some_and(|block| !block.lenders.is_empty())
}

/// Moves the tasks whose host thread the calling one uses to others of their own.
///
/// # Errors
/// As for [`spawn`]; those that weren't moved stay.
pub fn move_lenders() -> Result<()> {
    let Some(block) = current_block_mut() else { return Ok(()) };
    while let Some(lender) = block.lenders.pop() {
        let Lender { task, mut ctx, fs_base, on_move, .. } = lender;
        start(Role::Task(task), |block| {
            block.ctx.copy_from(&mut ctx);
            block.fs_base = fs_base;
            block.arrival = Some(on_move(Handle(block.handle.clone())));
        })?;
    }
    Ok(())
}

/// The tasks of the calling thread's host process end and no others will come: it ends with the last of them.
pub fn end_process_with_tasks() {
    if let Some(block) = current() {
        block.handle.process.is_ending.store(true, Ordering::SeqCst);
    }
}

/// What the calling thread's task has used since it started or since this was last called.
pub fn take_usage() -> Rusage {
    let now = ocall::process::usage(UsageOf::Thread);
    match current_block_mut() {
        Some(block) => now.since(&core::mem::replace(&mut block.usage_base, now)),
        None => now,
    }
}

/// What the calling thread's task has used since it started.
pub fn usage() -> Rusage {
    let now = ocall::process::usage(UsageOf::Thread);
    match current() {
        Some(block) => now.since(&block.usage_base),
        None => now,
    }
}

/// The processor time that the calling thread's task has used.
pub fn cpu_time() -> Duration {
    let base = current().map_or(Duration::ZERO, |block| block.usage_base.cpu_time());
    ocall::time::now(ocall::time::Clock::ThreadCpu).saturating_sub(base)
}

/// Starts a thread of the LibOS itself.
///
/// # Errors
/// As for [`spawn`].
pub fn spawn_service(body: impl FnOnce() + Send + 'static) -> Result<()> {
    start(Role::Service(Some(Box::new(body))), |_| {})
}

/// Turns the calling host thread into the first thread and runs the program from `ctx` on.
///
/// # Errors
/// `ENOMEM` when there's no memory.
pub(crate) fn run_first(enter: extern "C" fn(*mut ThreadBlock) -> !) -> Result<core::convert::Infallible> {
    let process = Arc::new(HostProcess::default());
    process.begin();
    let block = new_block(Role::Idle, process)?;
    // SAFETY: the block is new and ours; we leave the present stack for good.
    unsafe {
        (*block).host_tid.store(ocall::thread::host_tid(), Ordering::SeqCst);
        crate::cpu::set_gs_base(block as usize);
        crate::boot::note_booted();
        asm!(
            "mov rsp, {top}",
            "mov rdi, {block}",
            "call {enter}",
            "ud2",
            top = in(reg) (*block).stack_top,
            block = in(reg) block,
            enter = in(reg) enter,
            options(noreturn),
        );
    }
}

/// Gives the first thread its task and context, and enters the program.
pub(crate) fn become_task(task: Arc<dyn Task>, ctx: &mut UserContext, announce: impl FnOnce(Handle)) -> ! {
    let block = current_block().cast_mut();
    // SAFETY: the calling thread's own block.
    let block = unsafe { &mut *block };
    block.role = Role::Task(task);
    block.ctx.copy_from(ctx);
    block.fs_base = 0;
    announce(Handle(block.handle.clone()));
    thread_main(block)
}

/// The calling thread's waiter.
pub(crate) fn current_waiter() -> Arc<Waiter> {
    match current() {
        Some(block) => block.handle.waiter.clone(),
        None => Arc::new(Waiter::default()),
    }
}

/// The calling thread's host process got another parent.
pub(crate) fn note_orphaned() {
    if let Some(block) = current() {
        block.handle.process.is_orphaned.store(true, Ordering::SeqCst);
    }
}

/// Whether [`note_orphaned`] was called in this host process since the last look.
pub(crate) fn was_orphaned() -> bool {
    current().is_some_and(|block| block.handle.process.is_orphaned.swap(false, Ordering::SeqCst))
}

/// Whether somebody wants the calling thread to look after signals or to end.
pub fn is_wanted() -> bool {
    current().is_some_and(|block| block.pending.load(Ordering::SeqCst) != 0)
}

/// Ids of process and thread that the calling host thread works for.
pub fn current_ids() -> Option<(u32, u32)> {
    match &current()?.role {
        Role::Task(task) => Some(task.ids()),
        _ => None,
    }
}

/// Lets a mapping of the program that the calling host thread works for grow down to `addr`. Gives whether it did.
pub(crate) fn grow_down(addr: usize) -> bool {
    match current().map(|block| &block.role) {
        Some(Role::Task(task)) => task.grow_down(addr),
        _ => false,
    }
}

/// The word that [`is_wanted`] looks at.
pub(crate) fn pending_word() -> *const u32 {
    static NOTHING: u32 = 0;
    current().map_or(&raw const NOTHING, |block| block.pending.as_ptr().cast_const())
}

/// Takes back that the calling thread is wanted: for whoever then looks what it was wanted for, and calls
/// [`interrupt_self`] if there was something.
pub fn forget_wanted() {
    if let Some(block) = current() {
        block.pending.swap(0, Ordering::SeqCst);
        trap::take_host_signals();
    }
}

/// Makes the calling thread look after signals before it goes on in the program.
pub fn interrupt_self() {
    if let Some(block) = current() {
        block.pending.store(1, Ordering::SeqCst);
    }
}

/// Does `work`, which changes how the calling thread is scheduled.
pub(crate) fn change_own_schedule(work: impl FnOnce()) {
    if let Err(error) = move_lenders() {
        log::warn!("a thread is scheduled as the child that it waits for: {error}");
    }
    if let Some(block) = current() {
        *block.handle.schedule.lock() = Schedule::Changed;
    }
    work();
}

/// How the calling thread is scheduled, which nobody changes while this is held: host threads start with it.
fn own_schedule() -> Option<MutexGuard<'static, Schedule>> {
    current().map(|block| block.handle.schedule.lock())
}

/// What a host thread has from its creator, if it could be started.
fn inherited(creator: Option<&MutexGuard<'_, Schedule>>, has_started: bool) -> Schedule {
    if has_started { creator.map_or(Schedule::AsLaunched, |schedule| **schedule) } else { Schedule::Ended }
}

/// The locks that the calling thread holds.
#[cfg(debug_assertions)]
pub(crate) fn held_locks() -> Option<&'static HeldLocks> {
    // SAFETY: null, or the calling thread's block; only the thread itself reaches the field.
    unsafe { current_block().as_ref() }.map(|block| &block.held_locks)
}

fn current_block_mut() -> Option<&'static mut ThreadBlock> {
    // SAFETY: null, or the calling thread's block; the fields reached so are the thread's own.
    unsafe { current_block().cast_mut().as_mut() }
}

fn current() -> Option<&'static ThreadBlock> {
    // SAFETY: null, or the calling thread's block, which lives as long as the thread.
    unsafe { current_block().as_ref() }
}

pub(crate) fn current_block() -> *const ThreadBlock {
    // In unit tests and in the command line, threads have no block.
    if !crate::boot::is_booted() {
        return core::ptr::null();
    }
    let block;
    // SAFETY: in the image, `%gs` always points to a block, whose first word is its address.
    unsafe { asm!("mov {}, gs:[0]", out(reg) block, options(nostack, pure, readonly, preserves_flags)) };
    block
}

fn start(role: Role, prepare: impl FnOnce(&mut ThreadBlock)) -> Result<()> {
    let process = current_process();
    let own = own_schedule();
    let idle = match inherited(own.as_ref(), true) {
        Schedule::AsLaunched => take_idle(&process),
        Schedule::Changed | Schedule::Ended => None,
    };
    if let Some(block) = idle {
        // SAFETY: taken out of the pool, so the block is ours until its waiter is woken.
        let waiter = unsafe {
            let block = &mut *block;
            let waiter = block.handle.waiter.clone();
            renew(block, role, process);
            prepare(block);
            block.ready.store(true, Ordering::Release);
            waiter
        };
        waiter.wake();
        return Ok(());
    }
    let block = fresh_block(role, process.clone())?;
    process.threads.fetch_add(1, Ordering::SeqCst);
    // SAFETY: ours until the host thread starts.
    unsafe {
        let handle = (*block).handle.clone();
        // Who has the handle waits until the host's id is there.
        let mut schedule = handle.schedule.lock_new();
        prepare(&mut *block);
        (*block).host_tid.store(1, Ordering::SeqCst);
        let result = ocall::thread::clone_thread((*block).stack_top, block as usize, thread_start, &(*block).host_tid);
        *schedule = inherited(own.as_ref(), result.is_ok());
        if result.is_err() {
            process.threads.fetch_sub(1, Ordering::SeqCst);
            discard(block);
        }
        result
    }
}

/// Takes a thread of `process` that has no work out of the pool.
fn take_idle(process: &Arc<HostProcess>) -> Option<*mut ThreadBlock> {
    let mut pool = POOL.lock();
    // SAFETY: idle blocks stay valid; their handle isn't changed while they're in the pool.
    let index = pool.idle.iter().rposition(|block| Arc::ptr_eq(&unsafe { &*block.0 }.handle.process, process))?;
    Some(pool.idle.swap_remove(index).0)
}

/// A block without a host thread.
fn fresh_block(role: Role, process: Arc<HostProcess>) -> Result<*mut ThreadBlock> {
    match reuse_ended() {
        Some(block) => {
            // SAFETY: its host thread is gone and it's out of the pool.
            unsafe { renew(&mut *block, role, process) };
            Ok(block)
        }
        None => new_block(role, process),
    }
}

/// Gives a block back that has no host thread.
///
/// # Safety
/// The block is the caller's.
unsafe fn discard(block: *mut ThreadBlock) {
    // SAFETY: the caller's.
    let gone = unsafe {
        (*block).host_tid.store(0, Ordering::SeqCst);
        (core::mem::replace(&mut (*block).role, Role::Idle), (*block).arrival.take())
    };
    POOL.lock().ended.push(BlockRef(block));
    drop(gone);
}

/// A fresh identity for a block that is used again, so that handles of its last user reach nobody.
fn renew(block: &mut ThreadBlock, role: Role, process: Arc<HostProcess>) {
    block.role = role;
    block.pending.store(0, Ordering::SeqCst);
    block.handle = Shared::new(block.this, process);
}

/// The calling thread's host process.
fn current_process() -> Arc<HostProcess> {
    current().map_or_else(Arc::default, |block| block.handle.process.clone())
}

fn reuse_ended() -> Option<*mut ThreadBlock> {
    let block = {
        let mut pool = POOL.lock();
        // SAFETY: blocks are never unmapped, and the field is atomic.
        let index = pool.ended.iter().position(|block| unsafe { (*block.0).host_tid.load(Ordering::SeqCst) } == 0)?;
        pool.ended.swap_remove(index).0
    };
    // SAFETY: out of the pool, and its host thread is gone: it's ours. The next host thread starts from nothing.
    unsafe { (*block).usage_base = Rusage::default() };
    Some(block)
}

fn new_block(role: Role, process: Arc<HostProcess>) -> Result<*mut ThreadBlock> {
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
            stack_bottom: base + PAGE_SIZE,
            role,
            handle: Shared::new(block, process),
            fs_base: 0,
            ready: AtomicBool::new(false),
            arrival: None,
            loan: None,
            lenders: Vec::new(),
            usage_base: Rusage::default(),
            #[cfg(debug_assertions)]
            held_locks: HeldLocks::new(),
            _memory: memory,
        });
    }
    Ok(block)
}

/// Where a new host thread starts, on its LibOS stack.
#[unsafe(naked)]
unsafe extern "C" fn thread_start(block: *mut ThreadBlock) -> ! {
    naked_asm!(
        "wrgsbase rdi",
        "xor ebp, ebp",
        "call {main}",
        "ud2",
        main = sym thread_main_entry,
    )
}

/// Where a new host process starts, on the LibOS stack of its first thread.
#[unsafe(naked)]
unsafe extern "C" fn process_start(block: *mut ThreadBlock) -> ! {
    naked_asm!(
        "wrgsbase rdi",
        "xor ebp, ebp",
        "call {main}",
        "ud2",
        main = sym process_main,
    )
}

extern "C" fn process_main(block: *mut ThreadBlock) -> ! {
    // SAFETY: the new thread's own block.
    let block = unsafe { &mut *block };
    block.handle.process.begin();
    trap::prepare_thread(block.stack_bottom, block.stack_top - block.stack_bottom);
    host_process::begin();
    run_role(block)
}

extern "C" fn thread_main_entry(block: *mut ThreadBlock) -> ! {
    // SAFETY: the new thread's own block.
    thread_main(unsafe { &mut *block })
}

fn thread_main(block: &mut ThreadBlock) -> ! {
    trap::prepare_thread(block.stack_bottom, block.stack_top - block.stack_bottom);
    run_role(block)
}

fn run_role(block: &mut ThreadBlock) -> ! {
    loop {
        match &mut block.role {
            Role::Task(_) => {
                if let Some(arrival) = block.arrival.take()
                    && arrival(&mut block.ctx) == Flow::End
                {
                    end_task(block);
                    continue;
                }
                if !crate::cpu::set_fs_base(block.fs_base) {
                    log::error!("a thread's TLS address is outside the program");
                }
                // SAFETY: the context was filled by whoever started the task.
                unsafe { entry::leave() }
            }
            Role::Service(body) => {
                if let Some(body) = body.take() {
                    let schedule = *block.handle.schedule.lock();
                    if schedule == Schedule::Changed {
                        schedule::reset_own();
                    }
                    body();
                }
            }
            Role::Idle => {}
        }
        end_task(block);
    }
}

/// Ends the thread's present work and waits for other work; the host thread ends when none comes.
fn idle(block: &mut ThreadBlock) {
    block.role = Role::Idle;
    let waiter = block.handle.waiter.clone();
    let this = BlockRef(core::ptr::from_mut(block));
    let keep = {
        let mut pool = POOL.lock();
        let keep = pool.idle.len() < MAX_IDLE;
        if keep {
            pool.idle.push(this);
        }
        keep
    };
    if keep {
        let mut deadline = Some(Deadline::after(IDLE_TIME));
        // A wake-up may be a late one; what counts is whether the work is there.
        while !block.ready.swap(false, Ordering::Acquire) {
            let outcome = waiter.wait_uninterruptible(deadline);
            trap::take_host_signals();
            if outcome.is_err() {
                let mut pool = POOL.lock();
                if let Some(index) = pool.idle.iter().position(|other| *other == this) {
                    pool.idle.swap_remove(index);
                    break;
                }
                // Somebody took us out of the pool: the work is on its way.
                deadline = None;
            }
        }
        if deadline.is_none() || !matches!(block.role, Role::Idle) {
            return;
        }
    }
    end_thread(block)
}

/// The program entered by a patched system call.
pub(crate) extern "C" fn on_syscall(block: *mut ThreadBlock) {
    dispatch(block, |task, ctx| task.syscall(ctx));
}

/// The program faulted.
pub(crate) fn on_fault(block: *mut ThreadBlock, fault: trap::Fault) {
    dispatch(block, |task, ctx| task.fault(ctx, fault));
}

/// The thread is wanted before it goes on in the program.
pub(crate) extern "C" fn on_pending(block: *mut ThreadBlock) {
    // Reads as well, to see what those did before that wanted it.
    // SAFETY: the calling thread's block.
    unsafe { (*block).pending.swap(0, Ordering::SeqCst) };
    trap::take_host_signals();
    dispatch(block, |task, ctx| task.before_return(ctx));
}

/// Calls `work` with the block's task, if it has one, and context.
pub(crate) fn with_task(block: *mut ThreadBlock, work: impl FnOnce(&dyn Task, &mut UserContext)) {
    // SAFETY: the calling thread's block; task and context are used by nobody else meanwhile.
    let block = unsafe { &mut *block };
    if let Role::Task(task) = &block.role {
        work(&**task, &mut block.ctx);
    }
}

#[inline]
fn dispatch(block: *mut ThreadBlock, work: impl FnOnce(&dyn Task, &mut UserContext) -> Flow) {
    // SAFETY: the calling thread's block; task and context are used by nobody else meanwhile.
    let block = unsafe { &mut *block };
    let flow = match &block.role {
        Role::Task(task) => work(&**task, &mut block.ctx),
        _ => Flow::End,
    };
    match flow {
        Flow::Resume => {}
        Flow::End => {
            end_task(block);
            run_role(block)
        }
        Flow::Lend => change_over(block),
    }
}

/// The task's borrower takes over.
fn change_over(block: &mut ThreadBlock) {
    let Some(Loan { borrower, ctx, fs_base, result, on_move }) = block.loan.take() else { return };
    block.ctx.rax = result;
    let Role::Task(task) = core::mem::replace(&mut block.role, Role::Task(borrower)) else { return };
    let own = Box::new(core::mem::replace(&mut block.ctx, *ctx));
    let used = take_usage();
    block.lenders.push(Lender { task, ctx: own, fs_base: crate::cpu::fs_base(), on_move, used });
    block.xstate_area = block.ctx.xstate.as_ptr();
    if !crate::cpu::set_fs_base(fs_base) {
        log::error!("a thread's TLS address is outside the program");
    }
}

/// The host thread goes back to the task that has lent it, if one has. Gives whether it did.
fn give_back(block: &mut ThreadBlock) -> bool {
    let Some(Lender { task, ctx, fs_base, used, .. }) = block.lenders.pop() else { return false };
    block.usage_base = ocall::process::usage(UsageOf::Thread).since(&used);
    block.role = Role::Task(task);
    block.ctx = *ctx;
    block.xstate_area = block.ctx.xstate.as_ptr();
    block.fs_base = fs_base;
    // What came for it meanwhile has only interrupted its borrower.
    block.pending.store(1, Ordering::SeqCst);
    true
}

/// The thread's task has ended: waits for the next one.
fn end_task(block: &mut ThreadBlock) {
    block.role = Role::Idle;
    if give_back(block) {
        return;
    }
    let schedule = core::mem::replace(&mut *block.handle.schedule.lock(), Schedule::Ended);
    if block.handle.process.is_ending.load(Ordering::SeqCst) {
        dismiss_idle(&block.handle.process);
        end_thread(block)
    }
    // Who is scheduled otherwise can't take over any work.
    if schedule != Schedule::AsLaunched {
        end_thread(block)
    }
    idle(block);
}

/// Has the threads of a host process that have no work end.
fn dismiss_idle(process: &Arc<HostProcess>) {
    while let Some(block) = take_idle(process) {
        // SAFETY: taken out of the pool, so the block is ours until its waiter is woken. Its thread finds no work.
        let waiter = unsafe {
            let block = &*block;
            block.ready.store(true, Ordering::Release);
            block.handle.waiter.clone()
        };
        waiter.wake();
    }
}

/// Ends the calling host thread, and with the last one its host process. The thread leaves its stack before its block is
/// used again.
fn end_thread(block: &mut ThreadBlock) -> ! {
    let process = block.handle.process.clone();
    let tid = &raw const block.host_tid;
    POOL.lock().ended.push(BlockRef(block));
    let is_last = process.threads.fetch_sub(1, Ordering::SeqCst) == 1;
    if is_last {
        host_process::remove(process.pid());
    }
    drop(process);
    // SAFETY: nothing is used any more but the word.
    unsafe { ocall::thread::exit_leaving(tid) }
}
