//! How a process gets its program: `execve`, and the first program at boot.

use super::credentials::Credentials;
use super::exec_credentials::ExecCredentials;
use super::exec_move;
use super::limits::Resource;
use super::process::{Process, Program};
use super::strings::Strings;
use super::thread::Thread;
use crate::fs::{self, Claim, ExecutableFile, FileTable, FsView};
use crate::loader::stack::{self, InitialStack, at};
use crate::loader::{Contents, Executable, Known, Loaded, elf, script};
use crate::mm::{AddressSpace, Keep, LinkedBy, Memory, MemoryUse, Spare, SpareKey};
use crate::prelude::*;
use crate::signal::Signal;
use crate::syscalls::Context;
use config::Isolation;
use core::sync::atomic::Ordering;
use core::time::Duration;
use frame::context::UserContext;
use frame::thread::{Flow, Home, IdleThread};

/// What is to be executed.
pub struct ExecRequest {
    /// The program or script.
    pub file: ExecutableFile,
    /// The path that it was found by.
    pub path: Vec<u8>,
    /// That path leads through a descriptor that is closed before an interpreter could follow it.
    pub is_closed_on_exec: bool,
    /// The name that the process gets.
    pub name: Vec<u8>,
    /// Its arguments.
    pub args: Strings,
    /// Its environment.
    pub env: Strings,
}

/// A program that was looked at and can be run, as far as its files say.
pub struct Plan {
    request: ExecRequest,
    /// The path that was asked for, before scripts led to their interpreters.
    execfn: Vec<u8>,
    program: Executable,
    /// Nobody writes the program from now on.
    claim: Claim,
    stack_limit: u64,
    becomes: ExecCredentials,
}

/// A program in memory, ready to run.
pub struct Prepared {
    memory: Arc<Memory>,
    program: Program,
    credentials: ExecCredentials,
    claim: Claim,
    name: Vec<u8>,
    start: usize,
    stack_pointer: usize,
}

/// Looks at what is asked for.
///
/// # Errors
/// As `execve(2)`.
pub fn plan(
    mut request: ExecRequest,
    process: &Process,
    fs_view: &Arc<FsView>,
    credentials: &Arc<Credentials>,
) -> Result<Plan> {
    let stack_limit = process.limits.lock().soft(Resource::Stack);
    check_space(&request, stack_limit)?;
    let execfn = request.path.clone();
    let find = |path: &[u8]| fs::find_executable(fs_view, credentials, path);
    let found =
        resolve_scripts(&mut request, find).and_then(|(known, claim)| Ok((Executable::new(known, find)?, claim)));
    let (program, claim) = found.inspect_err(|error| {
        info!("{} can't be executed: {}", request.path.escape_ascii(), error.reason());
    })?;
    let becomes = ExecCredentials::of(program.program(), &request.file.metadata, credentials)?;
    Ok(Plan { request, execfn, program, claim, stack_limit, becomes })
}

/// Where a program's memory is made.
enum Place {
    /// Beside all that is there.
    Beside,
    /// In place of the caller's own memory, where it must lie.
    Instead,
    /// In a new address space: another process of this one is where it must lie.
    Elsewhere,
    /// In the first host process, on this thread of it: a forked child needs its own address space no longer.
    Home(IdleThread),
    /// Where it ran before, in another address space, on this thread there.
    Spare(Spare, IdleThread),
}

/// Runs another program in the calling thread's process. A failure leaves all as it was, unless the host has no memory
/// when it's too late for that: then the process is killed, as on Linux.
///
/// # Errors
/// As `execve(2)`.
pub fn execute(cx: Context<'_>, request: ExecRequest) -> Result<usize> {
    let thread = cx.thread;
    let plan = plan(request, &thread.process, &thread.fs(), &thread.credentials())?;
    let space = thread.process.memory().space().clone();
    let run_time = plan.run_time();
    match plan.place(&thread.process) {
        Place::Beside => {
            let prepared = plan.build(&space)?;
            if let Err(error) = leave_program(thread) {
                prepared.memory.release();
                return Err(error);
            }
            prepared.install(thread, cx.regs);
        }
        Place::Instead => {
            let none = MemoryUse::none()?;
            leave_program(thread)?;
            drop(thread.process.replace_memory(none));
            match plan.build(&space) {
                Ok(prepared) => prepared.install(thread, cx.regs),
                Err(error) => {
                    kill_unloaded(thread, &error);
                    return Ok(0);
                }
            }
        }
        Place::Elsewhere => return exec_move::to_new_space(cx, plan),
        Place::Home(host_thread) => return exec_move::to_first_space(cx, plan, host_thread),
        Place::Spare(spare, host_thread) => return exec_move::to_spare(cx, plan, spare, host_thread),
    }
    frame::thread::free_lender(run_time.unwrap_or_default());
    if !frame::cpu::set_fs_base(0) {
        bail!(EPERM);
    }
    Ok(0)
}

/// The old program is gone and the new one can't be loaded.
pub(super) fn kill_unloaded(thread: &Arc<Thread>, error: &Error) -> Flow {
    warn!("a program can't be loaded any more: {error}");
    super::exit::exit_group_by_signal(thread, Signal::SIGKILL, false)
}

/// Ends what belongs to the old program: from here on there's no way back.
pub(super) fn leave_program(thread: &Arc<Thread>) -> Result<()> {
    let process = &thread.process;
    process.end_other_threads(thread)?;
    become_first_thread(thread);
    super::exit::leave_memory(thread);
    crate::signal::reset_for_exec(thread);
    let files = thread.files();
    // The thread has it, and this function.
    if Arc::strong_count(&files) > 2 {
        thread.set_files(Arc::new(FileTable::clone(&files)));
    }
    drop(files);
    thread.files().close_on_exec();
    process.relations.has_execed.store(true, Ordering::Relaxed);
    process.relations.exit_signal.store(Signal::SIGCHLD.number() as u32, Ordering::Relaxed);
    Ok(())
}

/// The process's only thread takes over the id of the process, whichever it had.
fn become_first_thread(thread: &Arc<Thread>) {
    let process = &thread.process;
    let (tid, pid) = (thread.tid(), process.pid());
    if tid == pid {
        return;
    }
    let mut threads = process.threads.lock();
    threads.remove(&tid);
    thread.tid.store(pid, Ordering::Relaxed);
    *thread.id.lock() = process.id.clone();
    threads.insert(pid, thread.clone());
}

impl Plan {
    fn place(&self, process: &Process) -> Place {
        let memory = process.memory.read();
        let space = memory.space();
        if is_isolated() {
            let is_alone = memory.is_only() && space.is_only_for(memory.id());
            return if is_alone { self.place_here(&memory) } else { Place::Elsewhere };
        }
        let key = self.spare_key();
        if let Some((spare, host_thread)) = space.take_spare_in_first(key) {
            return Place::Spare(spare, host_thread);
        }
        // Its memory will wait there for its next runs, where all find it and its parent can carry it.
        if self.program.fixed_range().is_none()
            && !space.is_first()
            && !space.has_spare(key)
            && let Some(host_thread) = Home::reserve_in_first()
        {
            return Place::Home(host_thread);
        }
        if let Some((spare, host_thread)) = space.take_spare_elsewhere(key) {
            return Place::Spare(spare, host_thread);
        }
        if self.program.fixed_range().is_some() && self.program.program().has_run() && space.outlives_last() {
            // It would lie where others may have to, so that its memory couldn't be kept for the next run.
            return Place::Elsewhere;
        }
        self.place_here(&memory)
    }

    /// Where it goes if it stays in the address space of this memory as long as there's room for it.
    fn place_here(&self, memory: &MemoryUse) -> Place {
        /// No memory has this id.
        const NOBODY: u64 = 0;
        let space = memory.space();
        match self.program.fixed_range() {
            None => Place::Beside,
            Some(range) if space.is_free_for(NOBODY, &range) => Place::Beside,
            Some(range) if memory.is_only() && space.is_free_for(memory.id(), &range) => Place::Instead,
            Some(_) => Place::Elsewhere,
        }
    }

    /// How long the program ran when it ran last, if it has run before.
    pub(super) fn run_time(&self) -> Option<Duration> {
        let program = self.program.program();
        program.has_run().then(|| program.run_time())
    }

    /// Loads the program into a new memory, or takes one in which it was loaded before.
    ///
    /// # Errors
    /// `ENOEXEC` for a file that is shorter than it says, `ENOMEM`.
    pub fn build(self, space: &Arc<AddressSpace>) -> Result<Prepared> {
        let (memory, laid_out) = self.load(space)?;
        self.prepare(memory, laid_out)
    }

    /// As [`build`](Self::build), in a memory in which it was loaded before.
    pub(super) fn build_in(self, spare: Spare) -> Result<Prepared> {
        match spare.note.downcast_ref::<LaidOut>() {
            Some(laid_out) => self.prepare(spare.memory, laid_out.clone()),
            None => {
                let space = spare.memory.space().clone();
                spare.memory.release();
                self.build(&space)
            }
        }
    }

    fn prepare(self, memory: Arc<Memory>, laid_out: LaidOut) -> Result<Prepared> {
        match self.lay_stack(&laid_out) {
            Ok(laid) => Ok(Prepared {
                name: self.request.name,
                claim: self.claim,
                program: Program {
                    path: self.program.program().file.path(),
                    file: self.program.program().file.as_inode_file().map(|file| file.dentry().clone()),
                    args: self.request.args,
                    env: self.request.env,
                    auxv: laid.auxv,
                    stack_start: laid.pointer,
                    known: Some(self.program.program().clone()),
                },
                credentials: self.becomes,
                memory,
                start: laid_out.loaded.start,
                stack_pointer: laid.pointer,
            }),
            Err(error) => {
                memory.release();
                Err(error)
            }
        }
    }

    fn load(&self, space: &Arc<AddressSpace>) -> Result<(Arc<Memory>, LaidOut)> {
        let key = self.spare_key();
        if let Some(Spare { memory, note }) = space.take_spare(key)?
            && let Some(laid_out) = note.downcast_ref::<LaidOut>()
        {
            return Ok((memory, laid_out.clone()));
        }
        let memory = Arc::new(Memory::new(space)?);
        let laid_out = self.load_into(&memory).inspect_err(|_| memory.release())?;
        let keep = if self.program.fixed_range().is_none() { Keep::Anywhere } else { Keep::Alone };
        let linked_by = self.program.interpreter().map_or(LinkedBy::Itself, |_| LinkedBy::Interpreter);
        // A program that ran before will run again.
        if self.program.program().count_run() > 0
            && !is_isolated()
            && let Err(error) = memory.keep_as(key, keep, linked_by, Arc::new(laid_out.clone()))
        {
            debug!("the program's memory won't be kept: {error}");
        }
        Ok((memory, laid_out))
    }

    fn load_into(&self, memory: &Memory) -> Result<LaidOut> {
        let loaded = self.program.load(memory)?;
        memory.set_brk_start(loaded.end);
        let stack_top = memory.map_stack(self.stack_limit, loaded.executable_stack)?;
        Ok(LaidOut { loaded, stack_top })
    }

    fn lay_stack(&self, laid_out: &LaidOut) -> Result<stack::Laid> {
        let mut random = [0; 16];
        fill_random(&mut random)?;
        InitialStack {
            args: &self.request.args,
            env: &self.request.env,
            path: &self.execfn,
            random,
            auxv: auxiliary_vector(&laid_out.loaded, &self.becomes),
        }
        .lay(laid_out.stack_top)
    }

    fn spare_key(&self) -> SpareKey {
        [self.program.program().id, self.program.interpreter().map_or(0, |known| known.id), self.stack_limit]
    }
}

/// Where the loader has put a program and its stack.
#[derive(Clone)]
struct LaidOut {
    loaded: Loaded,
    stack_top: usize,
}

impl Prepared {
    /// Makes it the program of `thread`'s process, whose only thread it is, and `regs` what it starts with.
    pub fn install(self, thread: &Thread, regs: &mut UserContext) {
        let process = &thread.process;
        thread.is_linking.store(self.memory.is_linking(), Ordering::Relaxed);
        info!("process {} runs {}", process.pid(), self.program.path.escape_ascii());
        let old = process.replace_memory(MemoryUse::new(self.memory, self.claim));
        *process.program.write() = Arc::new(self.program);
        *thread.name.lock() = self.name;
        self.credentials.commit(thread);
        drop(old);
        process.vfork.open();
        regs.reset();
        regs.rip = self.start as u64;
        regs.rsp = self.stack_pointer as u64;
    }
}

/// Whether each program has an address space of its own.
fn is_isolated() -> bool {
    crate::boot::config().is_some_and(|config| config.isolation == Isolation::Process)
}

fn check_space(request: &ExecRequest, stack_limit: u64) -> Result<()> {
    let strings = request.args.iter().chain(request.env.iter());
    if strings.into_iter().any(|string| string.len() >= stack::MAX_STRING) {
        bail!(E2BIG, "an argument or environment string is too long");
    }
    if request.args.space() + request.env.space() > stack::space_limit(stack_limit) {
        bail!(E2BIG, "arguments and environment are too long");
    }
    Ok(())
}

/// Replaces a script by its interpreter until there is a program.
fn resolve_scripts(
    request: &mut ExecRequest,
    find: impl Fn(&[u8]) -> Result<ExecutableFile>,
) -> Result<(Arc<Known>, Claim)> {
    for _ in 0..=script::MAX_DEPTH {
        let claim = Claim::run(request.file.dentry.inode())?;
        let known = Known::look_up(&request.file)?;
        let shebang = match &known.contents {
            Contents::Program(_) => return Ok((known, claim)),
            Contents::Script(shebang) => shebang.clone(),
        };
        if core::mem::take(&mut request.is_closed_on_exec) {
            bail!(ENOENT, "the interpreter can't open the script, whose descriptor is closed");
        }
        let path = core::mem::take(&mut request.path);
        let first = [Some(&shebang.interpreter), shebang.argument.as_ref(), Some(&path)];
        request.args = first.into_iter().flatten().map(Vec::as_slice).chain(request.args.iter().skip(1)).collect();
        request.file = find(&shebang.interpreter)?;
        request.path = shebang.interpreter;
    }
    Err(err!(ELOOP, "scripts are interpreted by scripts too often"))
}

fn auxiliary_vector(
    loaded: &Loaded,
    ExecCredentials { credentials, is_secure, .. }: &ExecCredentials,
) -> Vec<[u64; 2]> {
    const CLOCK_TICKS: u64 = 100;
    /// How many entries there are, with those that only the stack's layout tells.
    const ENTRIES: usize = 21;
    let mut auxv = Vec::with_capacity(ENTRIES);
    if let Some(vdso) = frame::vdso::range() {
        auxv.push([at::SYSINFO_EHDR, vdso.start as u64]);
    }
    auxv.extend([
        [at::MINSIGSTKSZ, crate::signal::minimal_stack_size() as u64],
        [at::HWCAP, u64::from(frame::cpu::hwcap())],
        [at::PAGESZ, frame::layout::PAGE_SIZE as u64],
        [at::CLKTCK, CLOCK_TICKS],
        [at::PHDR, loaded.headers as u64],
        [at::PHENT, elf::PROGRAM_HEADER_LEN as u64],
        [at::PHNUM, loaded.header_count as u64],
        [at::BASE, loaded.interpreter_base as u64],
        [at::FLAGS, 0],
        [at::ENTRY, loaded.entry as u64],
        [at::UID, u64::from(credentials.ruid)],
        [at::EUID, u64::from(credentials.euid)],
        [at::GID, u64::from(credentials.rgid)],
        [at::EGID, u64::from(credentials.egid)],
        [at::SECURE, u64::from(*is_secure)],
        [at::HWCAP2, frame::cpu::HWCAP2_FSGSBASE],
    ]);
    auxv
}

/// Fills `bytes` from the processor's generator, or the host's where there is none.
pub fn fill_random(bytes: &mut [u8]) -> Result<()> {
    for chunk in bytes.chunks_mut(8) {
        match frame::cpu::random() {
            Some(word) => chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]),
            None => frame::ocall::process::random(chunk)?,
        }
    }
    Ok(())
}

/// A thread's name after `execve`: the last component of the path, at most 15 bytes.
pub fn base_name(path: &[u8]) -> Vec<u8> {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    name[..name.len().min(15)].to_vec()
}
