//! System calls by which processes and threads begin, become others and end.

use crate::fs::{self, FdFlags};
use crate::prelude::*;
use crate::process::Strings;
use crate::process::clone::{self, CloneFlags, CloneRequest};
use crate::process::exec::{self, ExecRequest};
use crate::process::exit::{self, TermStatus};
use crate::syscalls::Context;
use crate::syscalls::args::{DirDesc, FileDesc, Flags, UserPath};
use core::sync::atomic::Ordering;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// `clone(2)`, with the argument order of x86-64.
pub fn clone(
    cx: Context<'_>,
    flags: u64,
    stack: usize,
    parent_tid: UserPtr<u32>,
    child_tid: UserPtr<u32>,
    tls: u64,
) -> Result<usize> {
    const EXIT_SIGNAL: u64 = 0xff;
    // `clone` takes 32 bits, and ignores those that it doesn't know.
    let flags_word = flags & u64::from(u32::MAX);
    let mut flags = CloneFlags::from_bits_truncate(flags_word & !EXIT_SIGNAL);
    let pidfd = if flags.contains(CloneFlags::PIDFD) {
        if flags.intersects(CloneFlags::DETACHED | CloneFlags::PARENT_SETTID) {
            bail!(EINVAL, "the descriptor's place is the id's");
        }
        Some(parent_tid.cast())
    } else {
        None
    };
    flags -= CloneFlags::DETACHED;
    let exit_signal = (flags_word & EXIT_SIGNAL) as u32;
    clone::clone(cx, CloneRequest { flags, exit_signal, stack, parent_tid, child_tid, tls, pidfd })
}

/// `fork(2)`.
pub fn fork(cx: Context<'_>) -> Result<usize> {
    clone::clone(cx, CloneRequest::of_fork(CloneFlags::empty()))
}

/// `vfork(2)`.
pub fn vfork(cx: Context<'_>) -> Result<usize> {
    clone::clone(cx, CloneRequest::of_fork(CloneFlags::VM | CloneFlags::VFORK))
}

/// `struct clone_args` of `linux/sched.h`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// `clone3(2)`.
pub fn clone3(cx: Context<'_>, args: UserPtr<CloneArgs>, size: usize) -> Result<usize> {
    const FIRST_VERSION: usize = 64;
    if size > frame::layout::PAGE_SIZE {
        bail!(E2BIG, "the structure is larger than a page");
    }
    if size < FIRST_VERSION {
        bail!(EINVAL, "the structure is too small");
    }
    let bytes = args.cast::<u8>().slice(size)?;
    let known = size_of::<CloneArgs>();
    if size > known && bytes.skip(known).to_vec()?.iter().any(|&byte| byte != 0) {
        bail!(E2BIG, "unknown fields are set");
    }
    let mut clone_args = CloneArgs::new_zeroed();
    let len = size.min(known);
    bytes.truncate(len).read(&mut clone_args.as_mut_bytes()[..len])?;
    let flags = CloneFlags::from_bits(clone_args.flags).ok_or(err!(EINVAL, "undefined flags"))?;
    if flags.contains(CloneFlags::DETACHED) || clone_args.exit_signal > 64 {
        bail!(EINVAL, "an undefined flag or signal");
    }
    if flags.intersects(CloneFlags::THREAD | CloneFlags::PARENT) && clone_args.exit_signal != 0 {
        bail!(EINVAL, "a thread has no exit signal");
    }
    if (clone_args.stack == 0) != (clone_args.stack_size == 0) {
        bail!(EINVAL, "a stack needs a size, and a size a stack");
    }
    check_chosen_ids(&clone_args)?;
    if flags.contains(CloneFlags::INTO_CGROUP) {
        cx.thread.file(FileDesc(clone_args.cgroup as i32))?;
        warn!("cgroups are not supported");
        bail!(EBADF, "no descriptor of a cgroup");
    }
    let stack = UserSlice::new(clone_args.stack as usize, clone_args.stack_size as usize)
        .map_err(|_| err!(EINVAL, "the stack is outside the program's memory"))?;
    let stack = stack.addr() + stack.len();
    clone::clone(
        cx,
        CloneRequest {
            flags,
            exit_signal: clone_args.exit_signal as u32,
            stack,
            parent_tid: UserPtr::new(clone_args.parent_tid as usize),
            child_tid: UserPtr::new(clone_args.child_tid as usize),
            tls: clone_args.tls,
            pidfd: flags.contains(CloneFlags::PIDFD).then(|| UserPtr::new(clone_args.pidfd as usize)),
        },
    )
}

/// Chosen ids (`set_tid`) are one for each namespace of processes, of which there is one.
fn check_chosen_ids(args: &CloneArgs) -> Result<()> {
    const MAX_NAMESPACES: u64 = 32;
    let (has_ids, count) = (args.set_tid != 0, args.set_tid_size);
    if has_ids != (count != 0) || count > MAX_NAMESPACES {
        bail!(EINVAL, "ids without their number, or the number without ids");
    }
    if !has_ids {
        return Ok(());
    }
    if count > 1 || UserPtr::<i32>::new(args.set_tid as usize).read()? < 1 {
        bail!(EINVAL, "more ids than namespaces, or one that isn't positive");
    }
    warn!("thread ids can't be chosen");
    bail!(EPERM, "thread ids can't be chosen")
}

/// `execve(2)`.
pub fn execve(cx: Context<'_>, path: UserPath, args: UserPtr<u64>, env: UserPtr<u64>) -> Result<usize> {
    execveat(cx, DirDesc::Cwd, path, args, env, Flags(0))
}

/// `execveat(2)`.
pub fn execveat(
    cx: Context<'_>,
    dir: DirDesc,
    path: UserPath,
    args: UserPtr<u64>,
    env: UserPtr<u64>,
    flags: Flags,
) -> Result<usize> {
    let path = path.read()?;
    let thread = cx.thread;
    let file = fs::find_executable_at(thread, dir, &path, flags)?;
    let mut args = Strings::read(args)?;
    if args.is_empty() {
        // As Linux since 5.18.
        args.push(b"");
    }
    let env = Strings::read(env)?;
    let (path, name, is_closed_on_exec) = match dir {
        DirDesc::Fd(fd) if !path.starts_with(b"/") => {
            let shown = if path.is_empty() { Vec::new() } else { [b"/", path.as_slice()].concat() };
            let name = if path.is_empty() { file.dentry.name() } else { path };
            let is_closed = thread.files().flags(fd)?.contains(FdFlags::CLOEXEC);
            ([format!("/dev/fd/{}", fd.0).as_bytes(), &shown].concat(), exec::base_name(&name), is_closed)
        }
        _ => {
            let name = exec::base_name(&path);
            (path, name, false)
        }
    };
    exec::execute(cx, ExecRequest { file, path, is_closed_on_exec, name, args, env })
}

/// `exit(2)` of the system call interface: of the calling thread.
pub fn exit(cx: Context<'_>, status: i32) -> Result<usize> {
    exit::exit_thread(cx.thread, status);
    Ok(0)
}

/// `exit_group(2)`.
pub fn exit_group(cx: Context<'_>, status: i32) -> Result<usize> {
    exit::exit_group(cx.thread, TermStatus::Exited(status));
    Ok(0)
}

/// `set_tid_address(2)`.
pub fn set_tid_address(cx: Context<'_>, addr: UserPtr<u32>) -> Result<usize> {
    cx.thread.clear_tid.store(addr.addr() as u64, Ordering::Relaxed);
    Ok(cx.thread.tid() as usize)
}

/// `getpid(2)`.
pub fn getpid(cx: Context<'_>) -> Result<usize> {
    Ok(cx.thread.process.pid() as usize)
}

/// `getppid(2)`.
pub fn getppid(cx: Context<'_>) -> Result<usize> {
    Ok(cx.thread.process.ppid() as usize)
}

/// `gettid(2)`.
pub fn gettid(cx: Context<'_>) -> Result<usize> {
    Ok(cx.thread.tid() as usize)
}
