//! How a process gets its program: `execve`, and the first program at boot.

use super::credentials::Credentials;
use super::limits::Resource;
use super::process::{Process, Program};
use super::thread::Thread;
use crate::fs::{self, File, FsView};
use crate::loader::stack::{self, InitialStack, at};
use crate::loader::{self, Loaded, ReadAt, elf, script};
use crate::mm::Memory;
use crate::prelude::*;
use core::sync::atomic::Ordering;
use frame::context::UserContext;

/// What is to be executed.
pub struct ExecRequest {
    /// The opened program or script.
    pub file: Arc<dyn File>,
    /// The path that it was found by.
    pub path: Vec<u8>,
    /// Its arguments.
    pub args: Vec<Vec<u8>>,
    /// Its environment.
    pub env: Vec<Vec<u8>>,
}

/// A program that is ready to run, in memory of its own.
pub struct Prepared {
    memory: Arc<Memory>,
    program: Program,
    name: Vec<u8>,
    start: usize,
    stack_pointer: usize,
}

/// Loads what is asked for into a new memory. Nothing of the caller changes, so a failure leaves it as it was.
///
/// # Errors
/// As `execve(2)`.
pub fn prepare(
    mut request: ExecRequest,
    process: &Process,
    fs_view: &Arc<FsView>,
    credentials: &Arc<Credentials>,
) -> Result<Prepared> {
    let stack_limit = process.limits.lock().soft(Resource::Stack);
    check_space(&request, stack_limit)?;
    let execfn = request.path.clone();
    resolve_scripts(&mut request, fs_view, credentials)?;
    let elf = elf::parse(&*request.file).inspect_err(|error| {
        info!("{} can't be executed: {}", request.path.escape_ascii(), error.reason());
    })?;
    let memory = Arc::new(Memory::new()?);
    match build(&memory, &request, &execfn, &elf, stack_limit, fs_view, credentials) {
        Ok((loaded, laid)) => Ok(Prepared {
            name: base_name(&execfn),
            program: Program {
                path: request.file.path(),
                args: request.args,
                env: request.env,
                auxv: laid.auxv,
                stack_start: laid.pointer,
            },
            memory,
            start: loaded.start,
            stack_pointer: laid.pointer,
        }),
        Err(error) => {
            memory.release();
            Err(error)
        }
    }
}

impl Prepared {
    /// Makes it the program of `thread`'s process, whose only thread it is, and `regs` what it starts with.
    pub fn install(self, thread: &Thread, regs: &mut UserContext) {
        let process = &thread.process;
        info!("process {} runs {}", process.pid(), self.program.path.escape_ascii());
        let old = core::mem::replace(&mut *process.memory.write(), self.memory);
        *process.program.write() = Arc::new(self.program);
        *thread.name.lock() = self.name;
        old.release();
        regs.reset();
        regs.rip = self.start as u64;
        regs.rsp = self.stack_pointer as u64;
        thread.clear_tid.store(0, Ordering::Relaxed);
        *thread.robust_list.lock() = (0, 0);
    }

    /// The memory that it will run in.
    pub fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }
}

fn check_space(request: &ExecRequest, stack_limit: u64) -> Result<()> {
    let strings = request.args.iter().chain(&request.env);
    if strings.clone().any(|string| string.len() >= stack::MAX_STRING) {
        bail!(E2BIG, "an argument or environment string is too long");
    }
    let space: usize = strings.map(|string| string.len() + 1 + size_of::<u64>()).sum();
    if space > stack::space_limit(stack_limit) {
        bail!(E2BIG, "arguments and environment are too long");
    }
    Ok(())
}

/// Replaces a script by its interpreter until there is a program.
fn resolve_scripts(request: &mut ExecRequest, fs_view: &Arc<FsView>, credentials: &Arc<Credentials>) -> Result<()> {
    for _ in 0..=script::MAX_DEPTH {
        let mut head = [0; script::HEAD_LEN];
        let len = ReadAt::read_at(&*request.file, 0, &mut head)?;
        let Some(shebang) = script::parse(&head[..len])? else {
            return Ok(());
        };
        let mut args = vec![shebang.interpreter.clone()];
        args.extend(shebang.argument);
        args.push(core::mem::take(&mut request.path));
        args.extend(request.args.drain(..).skip(1));
        request.args = args;
        request.file = fs::open_executable(fs_view, credentials, &shebang.interpreter)?;
        request.path = shebang.interpreter;
    }
    Err(err!(ELOOP, "scripts are interpreted by scripts too often"))
}

fn build(
    memory: &Arc<Memory>,
    request: &ExecRequest,
    execfn: &[u8],
    elf: &elf::Elf,
    stack_limit: u64,
    fs_view: &Arc<FsView>,
    credentials: &Arc<Credentials>,
) -> Result<(Loaded, stack::Laid)> {
    let loaded = loader::load(memory, &request.file, elf, |path| fs::open_executable(fs_view, credentials, path))?;
    memory.set_brk_start(loaded.end);
    let stack_top = memory.map_stack(stack_limit, loaded.executable_stack)?;
    let mut random = [0; 16];
    fill_random(&mut random)?;
    let laid = InitialStack {
        args: &request.args,
        env: &request.env,
        path: execfn,
        random,
        auxv: auxiliary_vector(&loaded, credentials),
    }
    .lay(stack_top)?;
    Ok((loaded, laid))
}

fn auxiliary_vector(loaded: &Loaded, credentials: &Credentials) -> Vec<[u64; 2]> {
    const CLOCK_TICKS: u64 = 100;
    let is_secure = credentials.ruid != credentials.euid || credentials.rgid != credentials.egid;
    let mut auxv = Vec::new();
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
        [at::SECURE, u64::from(is_secure)],
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
fn base_name(path: &[u8]) -> Vec<u8> {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    name[..name.len().min(15)].to_vec()
}
