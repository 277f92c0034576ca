//! How threads come to be: `clone` and `clone3` (`man 2 clone`).

use super::ids::Id;
use super::limits::Resource;
use super::task::ThreadTask;
use super::thread::Thread;
use crate::fs::{FileTable, FsView};
use crate::prelude::*;
use crate::signal::ThreadSignals;
use crate::syscalls::Context;
use bitflags::bitflags;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use frame::sync::Once;

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
}

/// Makes a thread.
///
/// # Errors
/// `EINVAL` for flags that contradict each other, `EAGAIN` at the limit of threads, `ENOSYS` for a new process.
pub fn clone(cx: Context<'_>, request: CloneRequest) -> Result<usize> {
    let flags = request.flags;
    check_flags(flags)?;
    if !flags.contains(CloneFlags::THREAD) {
        warn!("new processes are not supported yet");
        bail!(ENOSYS, "new processes are not supported yet");
    }
    let parent = cx.thread;
    let process = &parent.process;
    if process.threads.lock().len() as u64 >= process.limits.lock().soft(Resource::Processes) {
        bail!(EAGAIN, "the limit of threads is reached");
    }
    let id = Id::allocate()?;
    let tid = id.get();
    let child = Arc::new_cyclic(|this| Thread {
        tid,
        _id: Some(id),
        process: process.clone(),
        this: this.clone(),
        handle: Once::new(),
        files: RwLock::new(if flags.contains(CloneFlags::FILES) {
            parent.files()
        } else {
            Arc::new(FileTable::clone(&parent.files()))
        }),
        fs: RwLock::new(if flags.contains(CloneFlags::FS) {
            parent.fs()
        } else {
            Arc::new(FsView::clone(&parent.fs()))
        }),
        credentials: RwLock::new(parent.credentials()),
        signals: Mutex::new(ThreadSignals::inherit(&parent.signals.lock())),
        name: Mutex::new(parent.name.lock().clone()),
        clear_tid: AtomicU64::new(0),
        robust_list: Mutex::new((0, 0)),
        settings: Mutex::new(parent.settings.lock().inherit()),
        sleep: Mutex::new(None),
        must_end: AtomicBool::new(false),
        has_ended: AtomicBool::new(false),
    });
    if flags.contains(CloneFlags::CHILD_CLEARTID) {
        child.clear_tid.store(request.child_tid.addr() as u64, Ordering::Relaxed);
    }
    // Linux goes on when these words can't be written.
    if flags.contains(CloneFlags::CHILD_SETTID) {
        let _ = request.child_tid.write(&tid);
    }
    if flags.contains(CloneFlags::PARENT_SETTID) {
        let _ = request.parent_tid.write(&tid);
    }
    let fs_base = if flags.contains(CloneFlags::SETTLS) { request.tls } else { frame::cpu::fs_base() };
    if fs_base >= frame::layout::TASK_SIZE as u64 {
        bail!(EPERM, "the thread pointer is outside the program");
    }
    let mut regs = cx.regs.duplicate();
    regs.rax = 0;
    if request.stack != 0 {
        regs.rsp = request.stack as u64;
    }
    process.threads.lock().insert(tid, child.clone());
    let started = frame::thread::spawn(Arc::new(ThreadTask(child.clone())), &mut regs, fs_base, |handle| {
        child.handle.call_once(|| handle);
    });
    if let Err(error) = started {
        process.threads.lock().remove(&tid);
        warn!("the host gives no more threads: {error}");
        bail!(EAGAIN, "the host gives no more threads");
    }
    // It may have missed that the process began to end.
    if process.is_ending() {
        child.interrupt();
    }
    info!("thread {tid} starts");
    Ok(tid as usize)
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
