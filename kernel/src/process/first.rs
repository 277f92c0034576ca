//! The init process, and the first process, which `enclos run` starts.

use super::credentials::Credentials;
use super::exec::{self, ExecRequest};
use super::ids::Id;
use super::limits::Limits;
use super::process::{Origin, Process, Program};
use super::settings::Settings;
use super::table;
use super::task::ThreadTask;
use super::terminal;
use super::thread::{Beginning, Thread, thread_count};
use crate::fs::{self, FileTable, FsView};
use crate::mm::{AddressSpace, MemoryUse};
use crate::prelude::*;
use crate::signal::{Signal, ThreadSignals};
use config::Config;
use core::sync::atomic::Ordering;
use frame::boot::FirstTask;
use frame::context::UserContext;

/// Makes the init process, and the first process and its thread.
///
/// # Errors
/// As `execve(2)`.
pub fn create(config: &Config, fs_view: Arc<FsView>, files: Arc<FileTable>) -> Result<FirstTask> {
    let credentials = Arc::new(Credentials::new(config.uid, config.gid, &config.groups));
    let (path, file) = crate::boot::find_program(config, |path| fs::find_executable(&fs_view, &credentials, path))?;
    make_init(&fs_view)?;
    let request = ExecRequest {
        file,
        name: exec::base_name(&path),
        path,
        is_closed_on_exec: false,
        args: config.args.clone(),
        env: config.env.clone(),
    };
    let thread = make(credentials, fs_view.clone(), files)?;
    *thread.settings.lock() = Settings::launched();
    let process = &thread.process;
    let plan = exec::plan(request, process, &fs_view, &thread.credentials())?;
    let prepared = plan.build(AddressSpace::first())?;
    relate_as_on_host(process);
    table::set_first(process);
    terminal::give_to_first(process);
    table::change(|table, _| table.insert(process, &process.id));
    let mut context = Box::new(UserContext::new());
    prepared.install(&thread, &mut context);
    let announced = thread.clone();
    Ok(FirstTask {
        task: Arc::new(ThreadTask(thread)),
        context,
        announce: Box::new(move |handle| announced.set_handle(handle)),
    })
}

/// Makes a process with one thread that doesn't run yet.
fn make(credentials: Arc<Credentials>, fs: Arc<FsView>, files: Arc<FileTable>) -> Result<Arc<Thread>> {
    let id = Arc::new(Id::allocate()?);
    let process = Process::new(Origin {
        id: id.clone(),
        memory: MemoryUse::none()?,
        program: Arc::default(),
        dispositions: Arc::default(),
        limits: Limits::from_host(),
        dumpable: 1,
    });
    let thread = Thread::new(Beginning {
        id,
        process: process.clone(),
        files,
        fs,
        credentials,
        signals: ThreadSignals::default(),
        name: Vec::new(),
        settings: Settings::default(),
        clear_tid: 0,
    });
    process.threads.lock().insert(thread.tid(), thread.clone());
    thread_count::inc();
    Ok(thread)
}

/// Makes the init process. It has a thread for others to look at, which never runs, and ignores all signals.
fn make_init(fs: &Arc<FsView>) -> Result<()> {
    let root = Arc::new(FsView::new(fs.root(), fs.root(), fs.umask()));
    let thread = make(Arc::new(Credentials::new(0, 0, &[])), root, Arc::default())?;
    *thread.name.lock() = b"init".to_vec();
    let process = &thread.process;
    *process.program.write() = Arc::new(Program { args: vec![b"init".to_vec()], ..Program::default() });
    process.dispositions().lock().ignore_all();
    process.relations.group.store(table::INIT, Ordering::Relaxed);
    process.relations.session.store(table::INIT, Ordering::Relaxed);
    table::change(|table, _| table.insert(process, &process.id));
    Ok(())
}

/// The first process leads a group and a session if the host process does, as when a shell has started it; else it is in
/// those of the init process.
fn relate_as_on_host(process: &Process) {
    let [leads_group, leads_session] = frame::ocall::process::leads_group_and_session();
    let led = |leads| if leads { process.pid() } else { table::INIT };
    let relations = &process.relations;
    relations.parent.store(table::INIT, Ordering::Relaxed);
    relations.parent_thread.store(table::INIT, Ordering::Relaxed);
    relations.group.store(led(leads_group || leads_session), Ordering::Relaxed);
    relations.session.store(led(leads_session), Ordering::Relaxed);
    relations.exit_signal.store(Signal::SIGCHLD.number() as u32, Ordering::Relaxed);
    relations.has_execed.store(true, Ordering::Relaxed);
}
