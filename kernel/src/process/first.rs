//! The first process, which `enclos run` starts.

use super::credentials::Credentials;
use super::exec::{self, ExecRequest};
use super::ids::Id;
use super::limits::Limits;
use super::process::Process;
use super::table;
use super::task::ThreadTask;
use super::thread::Thread;
use crate::fs::{self, FileTable, FsView};
use crate::mm::Memory;
use crate::prelude::*;
use crate::signal::{Dispositions, SignalQueue, ThreadSignals};
use crate::time::timers::ProcessTimers;
use config::Config;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use frame::boot::FirstTask;
use frame::context::UserContext;
use frame::ocall::time::{Clock, now};
use frame::sync::{Once, WaitQueue};

/// Makes the first process and its thread.
///
/// # Errors
/// As `execve(2)`.
pub fn create(config: &Config, fs_view: Arc<FsView>, files: Arc<FileTable>) -> Result<FirstTask> {
    let credentials = Arc::new(Credentials::new(config.uid, config.gid, &config.groups));
    let (path, file) = crate::boot::find_program(config, |path| fs::open_executable(&fs_view, &credentials, path))?;
    let id = Id::allocate()?;
    let pid = id.get();
    let limits = Limits::from_host();
    let process = Arc::new(Process {
        id,
        threads: Mutex::new(BTreeMap::new()),
        memory: RwLock::new(Arc::new(Memory::new()?)),
        program: RwLock::new(Arc::default()),
        dispositions: Arc::new(Mutex::new(Dispositions::default())),
        signals: Mutex::new(SignalQueue::default()),
        limits: Mutex::new(limits),
        timers: ProcessTimers::default(),
        term_status: Mutex::new(None),
        is_ending: AtomicBool::new(false),
        execing: Mutex::new(None),
        thread_ended: WaitQueue::new(),
        group: AtomicU32::new(pid),
        session: AtomicU32::new(pid),
        started: now(Clock::Monotonic),
        dumpable: AtomicU32::new(1),
    });
    let request = ExecRequest { file, path, args: config.args.clone(), env: config.env.clone() };
    let prepared = exec::prepare(request, &process, &fs_view, &credentials)?;
    let thread = Arc::new_cyclic(|this| Thread {
        tid: pid,
        _id: None,
        process: process.clone(),
        this: this.clone(),
        handle: Once::new(),
        files: RwLock::new(files),
        fs: RwLock::new(fs_view),
        credentials: RwLock::new(credentials),
        signals: Mutex::new(ThreadSignals::default()),
        name: Mutex::new(Vec::new()),
        clear_tid: AtomicU64::new(0),
        robust_list: Mutex::new((0, 0)),
        settings: Mutex::default(),
        sleep: Mutex::new(None),
        must_end: AtomicBool::new(false),
        has_ended: AtomicBool::new(false),
    });
    process.threads.lock().insert(pid, thread.clone());
    table::insert(&process);
    let mut context = Box::new(UserContext::new());
    prepared.install(&thread, &mut context);
    let announced = thread.clone();
    Ok(FirstTask {
        task: Arc::new(ThreadTask(thread)),
        context,
        announce: Box::new(move |handle| {
            announced.handle.call_once(|| handle);
        }),
    })
}
