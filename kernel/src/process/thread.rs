//! A thread: one flow of execution and what it doesn't share, or shares by choice.

use super::credentials::Credentials;
use super::ids::Id;
use super::io_counters::IoCounters;
use super::process::Process;
use super::settings::Settings;
use super::wait_loan::LoanOffer;
use crate::fs::{File, FileTable, FsView, RecentFiles};
use crate::prelude::*;
use crate::signal::ThreadSignals;
use crate::syscalls::Restart;
use crate::syscalls::args::FileDesc;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use frame::sync::ThreadCell;
use frame::thread::Handle;

/// A thread's id.
pub type Tid = u32;

/// A thread.
pub struct Thread {
    /// Keeps its id taken; the first thread's is the process's, which `execve` gives to the thread that calls it.
    pub(super) id: Mutex<Arc<Id>>,
    pub(super) tid: AtomicU32,
    /// Its process.
    pub process: Arc<Process>,
    /// Its host thread; set before it runs. Another one when `execve` takes it to an address space of its own.
    pub(super) handle: RwLock<Option<Handle>>,
    /// Its open files.
    files: RwLock<Arc<FileTable>>,
    /// Those that it used last.
    recent_files: ThreadCell<RecentFiles>,
    /// Its root, working directory and umask.
    pub fs: RwLock<Arc<FsView>>,
    /// Who it acts as.
    pub credentials: RwLock<Arc<Credentials>>,
    /// Its signal mask, pending signals and alternate stack.
    pub signals: Mutex<ThreadSignals>,
    /// Its name (`/proc/PID/task/TID/comm`), without NUL, at most 15 bytes.
    pub name: Mutex<Vec<u8>>,
    /// Address of the word that is cleared and woken when it ends (`set_tid_address`); 0 for none.
    pub clear_tid: AtomicU64,
    /// Head and length of its robust futex list (`set_robust_list`).
    pub robust_list: Mutex<(u64, usize)>,
    /// What it set for itself: scheduling, `prctl`.
    pub settings: Mutex<Settings>,
    /// How the last call that was interrupted goes on.
    pub restart: Mutex<Option<Restart>>,
    /// Whether a child may use its host thread, while it waits for that.
    pub(super) loan_offer: LoanOffer,
    /// What it has read and written.
    pub io: IoCounters,
    /// The thread, of whichever process, that it's about to start.
    pub(super) newborn: Mutex<Option<Arc<Thread>>>,
    /// Another thread replaces the program: this one ends at its next way out.
    pub(super) must_end: AtomicBool,
    /// It has ended.
    pub(super) has_ended: AtomicBool,
    /// Its program's dynamic linker is at work.
    pub(super) is_linking: AtomicBool,
}

/// What a new thread starts with.
pub(super) struct Beginning {
    pub(super) id: Arc<Id>,
    pub(super) process: Arc<Process>,
    pub(super) files: Arc<FileTable>,
    pub(super) fs: Arc<FsView>,
    pub(super) credentials: Arc<Credentials>,
    pub(super) signals: ThreadSignals,
    pub(super) name: Vec<u8>,
    pub(super) settings: Settings,
    pub(super) clear_tid: u64,
}

impl Thread {
    /// A thread that doesn't run yet and isn't among its process's.
    pub(super) fn new(beginning: Beginning) -> Arc<Self> {
        Arc::new(Self {
            tid: AtomicU32::new(beginning.id.get()),
            id: Mutex::new(beginning.id),
            process: beginning.process,
            handle: RwLock::new(None),
            files: RwLock::new(beginning.files),
            recent_files: ThreadCell::default(),
            fs: RwLock::new(beginning.fs),
            credentials: RwLock::new(beginning.credentials),
            signals: Mutex::new(beginning.signals),
            name: Mutex::new(beginning.name),
            clear_tid: AtomicU64::new(beginning.clear_tid),
            robust_list: Mutex::new((0, 0)),
            settings: Mutex::new(beginning.settings),
            restart: Mutex::new(None),
            loan_offer: LoanOffer::default(),
            io: IoCounters::default(),
            newborn: Mutex::new(None),
            must_end: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            is_linking: AtomicBool::new(false),
        })
    }

    /// Its thread id.
    pub fn tid(&self) -> Tid {
        self.tid.load(Ordering::Relaxed)
    }

    /// Whether it has ended, or is doing the last things.
    pub fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }

    /// Whether it ends at its next way out.
    pub fn must_end(&self) -> bool {
        self.process.is_ending() || self.must_end.load(Ordering::SeqCst)
    }

    /// Its host thread, once it runs.
    pub fn handle(&self) -> Option<Handle> {
        self.handle.read().clone()
    }

    /// It runs on this host thread from now on.
    pub(super) fn set_handle(&self, handle: Handle) {
        *self.handle.write() = Some(handle);
    }

    /// It, the calling thread, may go on on another host thread.
    pub(super) fn leave_host_thread(&self) {
        self.recent_files.disown();
    }

    /// Makes it look after signals soon, wherever it is.
    pub fn interrupt(&self) {
        if let Some(handle) = &*self.handle.read() {
            handle.interrupt();
        }
    }

    /// Its open files.
    pub fn files(&self) -> Arc<FileTable> {
        self.files.read().clone()
    }

    /// The open file of a descriptor.
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn file(&self, fd: FileDesc) -> Result<Arc<dyn File>> {
        match self.recent_files.with(|recent| recent.get(fd)) {
            Some(Some(file)) => Ok(file),
            _ => self.look_up(fd),
        }
    }

    fn look_up(&self, fd: FileDesc) -> Result<Arc<dyn File>> {
        let files = self.files.read();
        match self.recent_files.with(|recent| recent.look_up(&files, fd)) {
            Some(result) => result,
            None => files.get(fd),
        }
    }

    /// Closes a descriptor.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn close(&self, fd: FileDesc) -> Result<()> {
        // What closing the file takes isn't taken under the lock.
        let files = self.files();
        let loss = files.remove(fd)?;
        self.recent_files.with(|recent| recent.closed(&files, fd, loss));
        Ok(())
    }

    /// Gives it another table of open files.
    pub fn set_files(&self, files: Arc<FileTable>) {
        let old = core::mem::replace(&mut *self.files.write(), files);
        old.forget_recent();
    }

    /// Its root, working directory and umask.
    pub fn fs(&self) -> Arc<FsView> {
        self.fs.read().clone()
    }

    /// Who it acts as.
    pub fn credentials(&self) -> Arc<Credentials> {
        self.credentials.read().clone()
    }

    /// Makes it act as somebody else. Who becomes another, or more, can't be looked into by those of before, nor has a
    /// signal sent when its parent ends.
    pub(super) fn set_credentials(&self, new: Arc<Credentials>) {
        let old = core::mem::replace(&mut *self.credentials.write(), new.clone());
        if !old.is_superset_of(&new) {
            self.process.dumpable.store(0, core::sync::atomic::Ordering::Relaxed);
            self.settings.lock().death_signal = 0;
        }
    }
}

/// How many threads there are.
pub(super) mod thread_count {
    use core::sync::atomic::{AtomicU64, Ordering};

    static COUNT: AtomicU64 = AtomicU64::new(0);

    pub(in crate::process) fn get() -> u64 {
        COUNT.load(Ordering::Relaxed)
    }

    pub(in crate::process) fn inc() {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::process) fn dec() {
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}
