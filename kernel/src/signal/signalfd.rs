//! Signals that are read from a file (`man 2 signalfd`).

use super::sys::check_size;
use super::{SigInfo, SigSet, Signal, send};
use crate::events::{Anonymous, Blocking, IoEvents, Notifier, Poller, Share, anonymous_file};
use crate::flags_arg;
use crate::fs::sys::install;
use crate::fs::{FdFlags, File, StatusFlags};
use crate::prelude::*;
use crate::process::{Process, Thread, table};
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;
use bitflags::bitflags;
use core::sync::atomic::{AtomicU64, Ordering};
use frame::sync::WaitError;
use zerocopy::{Immutable, IntoBytes};

/// A file that signals are read from: those of whoever looks, as children inherit it.
struct SignalFile {
    /// The signals, as bits.
    set: AtomicU64,
    /// Passes on what the processes tell that have looked.
    sent: Arc<Notifier>,
    anonymous: Anonymous,
}

/// `struct signalfd_siginfo`.
#[derive(Clone, Copy, Default, IntoBytes, Immutable)]
#[repr(C)]
struct SignalRecord {
    signo: u32,
    errno: i32,
    code: i32,
    pid: u32,
    uid: u32,
    fd: i32,
    tid: u32,
    band: u32,
    overrun: u32,
    trapno: u32,
    status: i32,
    int: i32,
    ptr: u64,
    utime: u64,
    stime: u64,
    addr: u64,
    rest: [u64; 6],
}

const _: () = assert!(size_of::<SignalRecord>() == 128);

impl SignalRecord {
    fn new(signal: Signal, info: &SigInfo) -> Self {
        let code = info.code();
        let [first, second, third, fourth] = info.words();
        let (low, high) = (first as u32, (first >> 32) as u32);
        let record = Self { signo: signal.number() as u32, code, ..Self::default() };
        let is_fault =
            matches!(signal, Signal::SIGSEGV | Signal::SIGBUS | Signal::SIGILL | Signal::SIGFPE | Signal::SIGTRAP);
        match code {
            super::info::SI_TIMER => Self { tid: low, overrun: high, int: second as i32, ptr: second, ..record },
            1..=0x7f if signal == Signal::SIGCHLD => {
                Self { pid: low, uid: high, status: second as i32, utime: third, stime: fourth, ..record }
            }
            1..=0x7f if is_fault => Self { addr: first, ..record },
            1..=6 => Self { band: low, fd: second as i32, ..record },
            code if code < 0 => Self { pid: low, uid: high, int: second as i32, ptr: second, ..record },
            _ => Self { pid: low, uid: high, ..record },
        }
    }
}

impl SignalFile {
    fn set(&self) -> SigSet {
        SigSet::from_bits(self.set.load(Ordering::SeqCst))
    }

    /// Has a process tell of its signals from now on; to be called before the look.
    fn follow(&self, process: &Process) {
        let observer: Weak<Notifier> = Arc::downgrade(&self.sent);
        process.signals.sent.register_once(observer, IoEvents::POLLIN, Share::All);
    }

    fn take(&self, thread: &Thread) -> Option<SignalRecord> {
        let others = SigSet::from_bits(!self.set().bits());
        send::take(thread, others).map(|(signal, info)| SignalRecord::new(signal, &info))
    }

    /// Takes a signal, or waits for one.
    fn wait(&self, thread: &Thread) -> Result<SignalRecord> {
        if let Some(record) = self.take(thread) {
            return Ok(record);
        }
        if self.anonymous.blocking() == Blocking::DontWait {
            bail!(EAGAIN, "no such signal is pending");
        }
        self.follow(&thread.process);
        let mut poller = Poller::new();
        poller.watch(&self.sent, IoEvents::POLLIN, Share::All);
        loop {
            if let Some(record) = self.take(thread) {
                return Ok(record);
            }
            if poller.wait(None) == Err(WaitError::Interrupted) && send::is_wanted(thread) {
                return self.take(thread).ok_or(Errno::ERESTARTSYS.into());
            }
        }
    }
}

impl File for SignalFile {
    anonymous_file!("[signalfd]");

    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        let thread = table::calling_thread().ok_or(Errno::ESRCH)?;
        if sink.remaining() < size_of::<SignalRecord>() {
            bail!(EINVAL, "no room for a signal");
        }
        let mut total = sink.put(self.wait(&thread)?.as_bytes())?;
        while sink.remaining() >= size_of::<SignalRecord>() {
            let Some(record) = self.take(&thread) else { break };
            total += sink.put(record.as_bytes())?;
        }
        Ok(total)
    }

    fn write(&self, _source: &mut Source<'_>) -> Result<usize> {
        Err(err!(EINVAL, "signals can't be written"))
    }

    fn poll(&self) -> IoEvents {
        let Some(thread) = table::calling_thread() else { return IoEvents::empty() };
        self.follow(&thread.process);
        let own = thread.signals.lock().queue.pending();
        let pending = own.union(thread.process.signals.lock().pending());
        IoEvents::POLLIN.when(!pending.intersection(self.set()).is_empty())
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.sent)
    }
}

bitflags! {
    /// Flags of `signalfd4`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SignalFdFlags: u32 {
        /// `SFD_NONBLOCK`.
        const SFD_NONBLOCK = 0o4000;
        /// `SFD_CLOEXEC`.
        const SFD_CLOEXEC = 0o2_000_000;
    }
}
flags_arg!(SignalFdFlags);

/// `signalfd(2)` of old.
pub fn signalfd(cx: Context<'_>, fd: FileDesc, mask: UserPtr<u64>, size: usize) -> Result<usize> {
    signalfd4(cx, fd, mask, size, SignalFdFlags::empty())
}

/// `signalfd4(2)`.
pub fn signalfd4(
    cx: Context<'_>,
    fd: FileDesc,
    mask: UserPtr<u64>,
    size: usize,
    flags: SignalFdFlags,
) -> Result<usize> {
    check_size(size)?;
    let set = SigSet::from_bits(mask.read()?).without(SigSet::UNBLOCKABLE);
    if fd.0 != -1 {
        let file = cx.thread.file(fd)?;
        let signals = file.downcast_ref::<SignalFile>().ok_or(err!(EINVAL, "not a file of signals"))?;
        signals.set.store(set.bits(), Ordering::SeqCst);
        signals.sent.broadcast(IoEvents::POLLIN);
        return Ok(fd.0 as usize);
    }
    let status = StatusFlags::from_bits_truncate(flags.bits()) & StatusFlags::O_NONBLOCK;
    let file = SignalFile {
        set: AtomicU64::new(set.bits()),
        sent: Arc::new(Notifier::new()),
        anonymous: Anonymous::new(status | StatusFlags::O_RDWR),
    };
    let fd_flags = if flags.contains(SignalFdFlags::SFD_CLOEXEC) { FdFlags::CLOEXEC } else { FdFlags::empty() };
    install(cx.thread, Arc::new(file), fd_flags)
}
