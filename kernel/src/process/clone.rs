//! How threads and processes come to be: `clone` and `clone3` (`man 2 clone`).

use super::ids::Id;
use super::pidfd::PidFd;
use super::process::{Origin, Process};
use super::task::ThreadTask;
use super::thread::{Beginning, Thread, thread_count};
use super::{group, quota, table, vfork};
use crate::fs::{FileTable, FsView};
use crate::mm::{self, MemoryUse};
use crate::prelude::*;
use crate::signal::{Dispositions, Signal, ThreadSignals};
use crate::syscalls::Context;
use bitflags::bitflags;
use core::sync::atomic::Ordering;
use frame::context::UserContext;
use frame::thread::Flow;

bitflags! {
    /// `CLONE_*` of `linux/sched.h`; the low byte of `clone`'s word, the exit signal, is not among them.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct CloneFlags: u64 {
        /// `VM`.
        const VM = 0x100;
        /// `FS`.
        const FS = 0x200;
        /// `FILES`.
        const FILES = 0x400;
        /// `SIGHAND`.
        const SIGHAND = 0x800;
        /// `PIDFD`.
        const PIDFD = 0x1000;
        /// `PTRACE`.
        const PTRACE = 0x2000;
        /// `VFORK`.
        const VFORK = 0x4000;
        /// `PARENT`.
        const PARENT = 0x8000;
        /// `THREAD`.
        const THREAD = 0x1_0000;
        /// `NEWNS`.
        const NEWNS = 0x2_0000;
        /// `SYSVSEM`.
        const SYSVSEM = 0x4_0000;
        /// `SETTLS`.
        const SETTLS = 0x8_0000;
        /// `PARENT_SETTID`.
        const PARENT_SETTID = 0x10_0000;
        /// `CHILD_CLEARTID`.
        const CHILD_CLEARTID = 0x20_0000;
        /// `DETACHED`.
        const DETACHED = 0x40_0000;
        /// `UNTRACED`.
        const UNTRACED = 0x80_0000;
        /// `CHILD_SETTID`.
        const CHILD_SETTID = 0x100_0000;
        /// `NEWCGROUP`.
        const NEWCGROUP = 0x200_0000;
        /// `NEWUTS`.
        const NEWUTS = 0x400_0000;
        /// `NEWIPC`.
        const NEWIPC = 0x800_0000;
        /// `NEWUSER`.
        const NEWUSER = 0x1000_0000;
        /// `NEWPID`.
        const NEWPID = 0x2000_0000;
        /// `NEWNET`.
        const NEWNET = 0x4000_0000;
        /// `IO`.
        const IO = 0x8000_0000;
        /// `CLEAR_SIGHAND`.
        const CLEAR_SIGHAND = 0x1_0000_0000;
        /// `INTO_CGROUP`.
        const INTO_CGROUP = 0x2_0000_0000;
        /// `NEWTIME`.
        const NEWTIME = 0x80;
    }
}

/// What `clone` and `clone3` are asked for.
#[derive(Clone, Copy, Debug)]
pub struct CloneRequest {
    /// What is shared, and what else is done.
    pub flags: CloneFlags,
    /// Signal that the parent gets when the child ends; 0 for none.
    pub exit_signal: u32,
    /// The child's stack pointer; 0 to keep the parent's.
    pub stack: usize,
    /// Where the parent finds the child's id.
    pub parent_tid: UserPtr<u32>,
    /// Where the child finds its id, and where it's cleared.
    pub child_tid: UserPtr<u32>,
    /// The child's thread pointer.
    pub tls: u64,
    /// Where the parent finds a descriptor of the child (`CLONE_PIDFD`).
    pub pidfd: Option<UserPtr<i32>>,
}

impl CloneRequest {
    /// What `fork` and `vfork` ask for.
    pub fn of_fork(flags: CloneFlags) -> Self {
        Self {
            flags,
            exit_signal: Signal::SIGCHLD.number() as u32,
            stack: 0,
            parent_tid: UserPtr::new(0),
            child_tid: UserPtr::new(0),
            tls: 0,
            pidfd: None,
        }
    }

    fn child_tid_to_set(&self) -> Option<UserPtr<u32>> {
        self.flags.contains(CloneFlags::CHILD_SETTID).then_some(self.child_tid)
    }
}

/// Makes a thread or a process.
///
/// # Errors
/// `EINVAL` for flags that contradict each other, `EAGAIN` at the limit of processes, `ENOMEM`.
pub fn clone(cx: Context<'_>, request: CloneRequest) -> Result<usize> {
    check_flags(request.flags)?;
    let fs_base = if request.flags.contains(CloneFlags::SETTLS) { request.tls } else { frame::cpu::fs_base() };
    if fs_base >= frame::layout::TASK_SIZE as u64 {
        bail!(EPERM, "the thread pointer is outside the program");
    }
    quota::check(cx.thread)?;
    if request.flags.contains(CloneFlags::THREAD) {
        clone_thread(cx, &request, fs_base)
    } else {
        clone_process(cx, &request, fs_base)
    }
}

fn clone_thread(cx: Context<'_>, request: &CloneRequest, fs_base: u64) -> Result<usize> {
    let parent = cx.thread;
    let process = &parent.process;
    let child = Thread::new(Beginning { process: process.clone(), ..inherited(parent, request)? });
    let tid = child.tid();
    tell_ids(request, &child);
    let mut regs = child_registers(cx.regs, request);
    *parent.newborn.lock() = Some(child.clone());
    process.threads.lock().insert(tid, child.clone());
    thread_count::inc();
    let task = Arc::new(ThreadTask(child.clone()));
    let started = frame::thread::spawn(task, &mut regs, fs_base, |handle| child.set_handle(handle));
    *parent.newborn.lock() = None;
    if let Err(error) = started {
        forget_thread(&child);
        warn!("the host gives no more threads: {error}");
        bail!(EAGAIN, "the host gives no more threads");
    }
    // Whoever ends or stops all threads may have looked before it was there.
    if process.execing.lock().is_some_and(|survivor| survivor != tid) {
        child.must_end.store(true, Ordering::SeqCst);
    }
    if child.must_end() || process.job.is_stopped() {
        child.interrupt();
    }
    info!("thread {tid} starts");
    Ok(tid as usize)
}

fn clone_process(mut cx: Context<'_>, request: &CloneRequest, fs_base: u64) -> Result<usize> {
    let parent = cx.thread;
    let beginning = inherited(parent, request)?;
    let is_fork = !request.flags.contains(CloneFlags::VM);
    let memory = if is_fork { MemoryUse::none()? } else { parent.process.memory.read().share() };
    let process = Process::new(Origin {
        id: beginning.id.clone(),
        memory,
        program: parent.process.program.read().clone(),
        dispositions: dispositions(parent, request.flags),
        limits: parent.process.limits.lock().clone(),
        dumpable: parent.process.dumpable.load(Ordering::Relaxed),
    });
    process.oom_score_adj.store(parent.process.oom_score_adj.load(Ordering::Relaxed), Ordering::Relaxed);
    let child = Thread::new(Beginning { process: process.clone(), ..beginning });
    let pidfd = request.pidfd.map(|place| PidFd::install(parent, &process, place)).transpose()?;
    *process.terminal.lock() = parent.process.terminal();
    *parent.newborn.lock() = Some(child.clone());
    process.threads.lock().insert(child.tid(), child.clone());
    let pid = process.pid();
    let joined = group::join(parent, || {
        table::change(|table, _| {
            // With the table locked: the parent's own parent and groups don't change meanwhile.
            relate(&process, parent, request);
            table.insert(&process, &process.id);
            thread_count::inc();
        });
    });
    let started = joined.and_then(|()| {
        let start = if is_fork { fork } else { share };
        start(&mut cx, request, &child, fs_base).inspect_err(|error| warn!("process {pid} can't be started: {error}"))
    });
    *parent.newborn.lock() = None;
    let host_thread = started.inspect_err(|_| {
        forget(&process);
        if let Some(fd) = pidfd {
            let _ = parent.files().remove(fd);
        }
    })?;
    info!("process {pid} starts");
    crate::time::cpu_limit::watch(&process);
    match host_thread {
        HostThread::Lent => return Err(Errno::ELENT.into()),
        HostThread::Own if request.flags.contains(CloneFlags::VFORK) => process.vfork.wait(parent),
        HostThread::Own => {}
    }
    Ok(pid as usize)
}

/// On which host thread a child runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HostThread {
    /// Its own.
    Own,
    /// Its parent's, which waits.
    Lent,
}

/// The host process of `parent` was killed, which may have been about to start a thread or a process.
pub(super) fn forget_newborn(parent: &Thread) {
    let Some(child) = parent.newborn.lock().take() else { return };
    if child.handle().is_some() {
        // It has a host thread, or one comes.
        return;
    }
    if Arc::ptr_eq(&child.process, &parent.process) {
        forget_thread(&child);
    } else {
        forget(&child.process);
    }
}

/// A thread that can't be started never was.
fn forget_thread(thread: &Thread) {
    if thread.process.threads.lock().remove(&thread.tid()).is_some() {
        thread_count::dec();
    }
}

/// A process that can't be started never was.
fn forget(process: &Arc<Process>) {
    process.is_ending.store(true, Ordering::SeqCst);
    process.threads.lock().clear();
    process.is_zombie.store(true, Ordering::SeqCst);
    table::change(|table, aftermath| table.reap(process, aftermath));
}

/// Starts a child that uses its parent's memory.
fn share(cx: &mut Context<'_>, request: &CloneRequest, child: &Arc<Thread>, fs_base: u64) -> Result<HostThread> {
    tell_ids(request, child);
    let mut regs = child_registers(cx.regs, request);
    let task = Arc::new(ThreadTask(child.clone()));
    if request.flags.contains(CloneFlags::VFORK) {
        vfork::lend(cx.thread, child, task, Box::new(regs), fs_base);
        return Ok(HostThread::Lent);
    }
    frame::thread::spawn(task, &mut regs, fs_base, |handle| child.set_handle(handle))
        .map_err(|_| err!(EAGAIN, "the host gives no more threads"))?;
    Ok(HostThread::Own)
}

/// Starts a child in an address space of its own, with a copy of its parent's memory.
fn fork(cx: &mut Context<'_>, request: &CloneRequest, child: &Arc<Thread>, fs_base: u64) -> Result<HostThread> {
    // Services belong into the first host process, which makes the first fork.
    crate::time::start_service()?;
    let tid = child.tid();
    let mut regs = child_registers(cx.regs, request);
    let told = request.child_tid_to_set();
    let memory = cx.thread.process.memory();
    let parents = cx.thread.process.memory.read().share();
    // Before the lock of the memory, as everywhere.
    let mut childs = child.process.memory.write();
    let started = memory.fork(|copy, foreign| {
        *childs = parents.copied_to(copy.clone());
        let own = child.process.clone();
        let arrival = Box::new(move |_: &mut UserContext| {
            mm::unmap_foreign(&foreign);
            own.see_to_file_ends();
            if let Some(word) = told {
                // Linux goes on when the word can't be written.
                let _ = word.write(&tid);
            }
            Flow::Resume
        });
        let task = Arc::new(ThreadTask(child.clone()));
        frame::thread::spawn_process(task, &mut regs, fs_base, |handle| child.set_handle(handle), arrival)
            .map_err(|_| err!(EAGAIN, "the host gives no more processes"))
    });
    if let Err(error) = started {
        // The copy was never mapped anywhere.
        core::mem::replace(&mut *childs, MemoryUse::none()?).forget();
        return Err(error);
    }
    drop(childs);
    if request.flags.contains(CloneFlags::PARENT_SETTID) {
        let _ = request.parent_tid.write(&tid);
    }
    Ok(HostThread::Own)
}

/// What a child has of its parent; its process is still the parent's.
fn inherited(parent: &Arc<Thread>, request: &CloneRequest) -> Result<Beginning> {
    let flags = request.flags;
    let mut signals = ThreadSignals::inherit(&parent.signals.lock());
    // Its alternate stack is its parent's memory as well, unless that waits or the child has a copy.
    if !flags.contains(CloneFlags::VM) || flags.contains(CloneFlags::VFORK) {
        signals.inherit_alternate_stack(&parent.signals.lock());
    }
    let own_files = || Arc::new(FileTable::clone(&parent.files()));
    let own_fs = || Arc::new(FsView::clone(&parent.fs()));
    let beginning = Beginning {
        id: Arc::new(Id::allocate()?),
        process: parent.process.clone(),
        files: if flags.contains(CloneFlags::FILES) { parent.files() } else { own_files() },
        fs: if flags.contains(CloneFlags::FS) { parent.fs() } else { own_fs() },
        credentials: parent.credentials(),
        signals,
        name: parent.name.lock().clone(),
        settings: parent.settings.lock().inherit(),
        clear_tid: if flags.contains(CloneFlags::CHILD_CLEARTID) { request.child_tid.addr() as u64 } else { 0 },
    };
    Ok(beginning)
}

fn dispositions(parent: &Thread, flags: CloneFlags) -> Arc<Mutex<Dispositions>> {
    let dispositions = parent.process.dispositions().clone();
    if flags.contains(CloneFlags::SIGHAND) {
        return dispositions;
    }
    let mut copy = dispositions.lock().clone();
    if flags.contains(CloneFlags::CLEAR_SIGHAND) {
        copy.reset_handlers();
    }
    Arc::new(Mutex::new(copy))
}

/// Says whose child a process is, and in which group and session.
fn relate(process: &Process, parent: &Thread, request: &CloneRequest) {
    let (own, of_parent) = (&process.relations, &parent.process.relations);
    if request.flags.contains(CloneFlags::PARENT) {
        own.parent.store(of_parent.parent.load(Ordering::Relaxed), Ordering::Relaxed);
        own.parent_thread.store(of_parent.parent_thread.load(Ordering::Relaxed), Ordering::Relaxed);
        own.exit_signal.store(of_parent.exit_signal.load(Ordering::Relaxed), Ordering::Relaxed);
    } else {
        own.parent.store(parent.process.pid(), Ordering::Relaxed);
        own.parent_thread.store(parent.tid(), Ordering::Relaxed);
        own.exit_signal.store(request.exit_signal, Ordering::Relaxed);
    }
    own.group.store(parent.process.group(), Ordering::Relaxed);
    own.session.store(parent.process.session(), Ordering::Relaxed);
}

/// Writes the child's id where parent and child, who share memory, look for it. Linux goes on when it can't be written.
fn tell_ids(request: &CloneRequest, child: &Thread) {
    let tid = child.tid();
    if let Some(word) = request.child_tid_to_set() {
        let _ = word.write(&tid);
    }
    if request.flags.contains(CloneFlags::PARENT_SETTID) {
        let _ = request.parent_tid.write(&tid);
    }
}

fn child_registers(regs: &mut UserContext, request: &CloneRequest) -> UserContext {
    let mut regs = regs.duplicate();
    regs.rax = 0;
    if request.stack != 0 {
        regs.rsp = request.stack as u64;
    }
    regs
}

fn check_flags(flags: CloneFlags) -> Result<()> {
    use CloneFlags as F;
    if flags.contains(F::SIGHAND) && !flags.contains(F::VM) {
        bail!(EINVAL, "CLONE_SIGHAND without CLONE_VM");
    }
    if flags.contains(F::THREAD) && !flags.contains(F::SIGHAND) {
        bail!(EINVAL, "CLONE_THREAD without CLONE_SIGHAND");
    }
    if flags.contains(F::NEWNS | F::FS) || flags.contains(F::NEWUSER | F::FS) {
        bail!(EINVAL, "a new namespace can't share the file system view");
    }
    if flags.contains(F::SIGHAND | F::CLEAR_SIGHAND) {
        bail!(EINVAL, "CLONE_SIGHAND with CLONE_CLEAR_SIGHAND");
    }
    if flags.contains(F::THREAD) && flags.intersects(F::NEWPID | F::NEWUSER | F::PIDFD) {
        bail!(EINVAL, "a thread can't have a namespace or a pidfd of its own");
    }
    if flags.intersects(F::NEWNS | F::NEWCGROUP | F::NEWUTS | F::NEWIPC | F::NEWUSER | F::NEWPID | F::NEWNET) {
        warn!("namespaces are not supported");
        bail!(EPERM, "namespaces are not supported");
    }
    Ok(())
}
