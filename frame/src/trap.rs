//! What the host's signals mean: trapped system calls, faults, and wake-ups.
//!
//! | signal | from | meaning |
//! | --- | --- | --- |
//! | `SIGSYS` | Syscall User Dispatch | a system call of the program that isn't patched |
//! | `SIGSEGV`, `SIGBUS`, `SIGFPE`, `SIGILL`, `SIGTRAP` | the processor | a fault of the program; one in the copy routines of [`crate::user`] is recovered there; any other is a bug of the LibOS |
//! | [`WAKE_SIGNAL`] | another thread | the thread is wanted, or woken while it waits in the host: the sender has left word |
//! | `SIGTTIN`, `SIGTTOU` | the host's terminal | ignored: the kernel asks who has the terminal |
//! | others that can be caught | outside | for programs: kept until a thread is on its way out |
//!
//! A handler that interrupted the program copies its registers into the thread's context and leaves by the common way
//! out; it never returns to the host's signal trampoline, even where nothing else is to be done: a wake-up that came
//! while the handler ran was only noted, and is seen on the way out. One that interrupted the LibOS only notes what is
//! wanted.

use crate::context::UserContext;
use crate::errno::Result;
use crate::thread::{self, ThreadBlock};
use crate::{boot, entry, host, host_process, layout, ocall, patcher, user};
use core::arch::naked_asm;
use core::sync::atomic::{AtomicU64, Ordering};

/// The host signal by which threads wake each other; the last real-time one, which programs outside don't send.
pub(crate) const WAKE_SIGNAL: i32 = 64;

const SIGILL: i32 = 4;
const SIGTRAP: i32 = 5;
const SIGBUS: i32 = 7;
const SIGFPE: i32 = 8;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;
const SIGPIPE: i32 = 13;
const SIGCHLD: i32 = 17;
const SIGSTOP: i32 = 19;
const SIGTTIN: i32 = 21;
const SIGTTOU: i32 = 22;
const SIGSYS: i32 = 31;

/// What the processor refused to do for the program.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The signal that Linux sends for it.
    pub signal: i32,
    /// `si_code`.
    pub code: i32,
    /// `si_addr`.
    pub addr: usize,
    /// The processor's exception number.
    pub trap_number: u64,
    /// The processor's error code.
    pub error_code: u64,
}

/// Who sent a signal from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The host's kernel, mostly on behalf of the terminal: all of a job get it.
    Kernel,
    /// A process.
    Process,
}

/// Signals that came from outside, one bit each, until a thread takes them: from the host's kernel, and from processes.
static HOST_SIGNALS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

/// The host's `siginfo_t`, as far as it's used.
#[repr(C)]
struct SigInfo {
    signo: i32,
    errno: i32,
    code: i32,
    _pad: i32,
    addr: usize,
    /// Of `SIGSYS`: the call's number and architecture.
    syscall_and_arch: [u32; 2],
}

/// `si_code` of what the host's kernel itself sends.
const SI_KERNEL: i32 = 0x80;

/// `AUDIT_ARCH_X86_64` of `linux/audit.h`.
const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;

impl SigInfo {
    /// For `SIGSYS`: by which instruction set's convention the call was made.
    fn architecture(&self) -> u32 {
        self.syscall_and_arch[1]
    }
}

/// The host's `ucontext_t`, as far as it's used (`asm/ucontext.h`, `asm/sigcontext.h`).
#[repr(C)]
struct HostContext {
    flags: u64,
    link: u64,
    stack: [u64; 3],
    regs: HostRegs,
    fpstate: *const u8,
}

#[repr(C)]
struct HostRegs {
    r8: u64,
    r9: u64,
    r10: u64,
    r11: u64,
    r12: u64,
    r13: u64,
    r14: u64,
    r15: u64,
    rdi: u64,
    rsi: u64,
    rbp: u64,
    rbx: u64,
    rdx: u64,
    rax: u64,
    rcx: u64,
    rsp: u64,
    rip: u64,
    eflags: u64,
    segments: u64,
    err: u64,
    trapno: u64,
    oldmask: u64,
    cr2: u64,
}

/// Installs the handlers, once per LibOS; forked host processes inherit them.
pub(crate) fn install() -> Result<()> {
    for signal in 1..=WAKE_SIGNAL {
        match signal {
            SIGKILL | SIGSTOP => {}
            // A write to a host pipe nobody reads must end as EPIPE; the children of the host are none of ours.
            // Which programs may use the terminal is the LibOS's affair, which asks whether the host's job may.
            SIGPIPE | SIGCHLD | SIGTTIN | SIGTTOU => ocall::signal::ignore(signal)?,
            _ => ocall::signal::handle(signal, handler_entry as *const () as usize, restorer as *const () as usize)?,
        }
    }
    ocall::mem::register_barriers()?;
    ocall::signal::unblock_all()
}

/// Prepares the calling host thread: its LibOS stack becomes the alternate signal stack, and its program's system
/// calls trap.
pub(crate) fn prepare_thread(stack_bottom: usize, stack_len: usize) {
    let text = boot::text();
    if let Err(error) = ocall::signal::set_alternate_stack(stack_bottom, stack_len) {
        boot::die_with("the host refuses a thread's alternate stack", error);
    }
    if let Err(error) = ocall::signal::dispatch_syscalls(text.start, text.len()) {
        boot::die_with("this host has no Syscall User Dispatch (Linux 5.11 or later)", error);
    }
}

/// Hands the signals that came from outside to the kernel.
pub fn take_host_signals() {
    for sender in [Sender::Kernel, Sender::Process] {
        let pending = &HOST_SIGNALS[sender as usize];
        if pending.load(Ordering::Relaxed) == 0 {
            continue;
        }
        let mut signals = pending.swap(0, Ordering::SeqCst);
        while signals != 0 {
            let signal = signals.trailing_zeros() as i32;
            signals &= signals - 1;
            boot::host_signal(signal, sender);
        }
    }
}

/// The kernel enters here, on the alternate stack.
#[unsafe(naked)]
unsafe extern "C" fn handler_entry() {
    naked_asm!(
        // The program may have had alignment checks on.
        "push 0x202",
        "popfq",
        "jmp {handler}",
        handler = sym handler,
    )
}

/// Where a handler that interrupted the LibOS returns to.
#[unsafe(naked)]
unsafe extern "C" fn restorer() {
    naked_asm!("mov eax, 15", "syscall", "ud2")
}

extern "C" fn handler(signal: i32, info: *const SigInfo, host: *mut HostContext) {
    // SAFETY: the kernel's frame is valid until we return, and nobody else looks at it.
    let (info, host) = unsafe { (&*info, &mut *host) };
    let rip = host.regs.rip as usize;
    let in_image = boot::text().contains(&rip);
    let in_libos = in_image || on_libos_stack(host.regs.rsp as usize);
    match signal {
        // `int 0x80` and the like: system calls by other numbers, of which there are none here.
        SIGSYS if !in_libos && info.architecture() != AUDIT_ARCH_X86_64 => {
            const ENOSYS: u64 = 38;
            host.regs.rax = ENOSYS.wrapping_neg();
            enter(host);
            leave()
        }
        SIGSYS if !in_libos => {
            let block = enter(host);
            let site = rip.wrapping_sub(2);
            patcher::on_trapped_syscall(block, site);
            thread::on_syscall(block);
            leave()
        }
        // The vDSO, called by the LibOS, falls back to a system call.
        SIGSYS => pass_through(host),
        SIGSEGV | SIGBUS | SIGFPE | SIGILL | SIGTRAP if is_synchronous(signal, info.code) => {
            if !in_libos {
                if patcher::redirect(&mut host.regs.rip, signal) {
                    enter(host);
                    leave()
                }
                let fault = fault(signal, info, host);
                thread::on_fault(enter(host), fault);
                leave()
            }
            if let Some(recovery) = user::recovery_address(rip) {
                host.regs.rip = recovery as u64;
            } else if in_way_out(rip) {
                // The processor refused what the program wants its registers to be.
                let fault = Fault { signal: SIGSEGV, code: 128, addr: 0, trap_number: 13, error_code: 0 };
                thread::on_fault(thread::current_block().cast_mut(), fault);
                leave()
            } else {
                boot::die_of_fault(signal, rip, info.addr, host.regs.rsp as usize, host.regs.rbp as usize);
            }
        }
        _ => {
            match signal {
                WAKE_SIGNAL => {}
                host_process::ORPHANED_SIGNAL => host_process::end_if_alone(),
                // What the terminal sends to all of us, the first host process hands on.
                _ if !host_process::is_first() => {}
                _ => {
                    let sender = if info.code == SI_KERNEL { Sender::Kernel } else { Sender::Process };
                    HOST_SIGNALS[sender as usize].fetch_or(1 << signal, Ordering::SeqCst);
                    host_process::note_signals();
                }
            }
            if !in_libos {
                thread::on_pending(enter(host));
                leave()
            }
            if signal != WAKE_SIGNAL {
                thread::interrupt_self();
                thread::current_waiter().note();
            }
            end_sleep(host, rip);
        }
    }
}

/// The thread is in the LibOS, and somebody has left word for it: it sees that when it leaves, and doesn't go to sleep before.
fn end_sleep(host: &mut HostContext, rip: usize) {
    let (start, issued, abort) = host::blocking_call_window();
    if (start..issued).contains(&rip) {
        host.regs.rip = abort as u64;
    } else if in_way_out(rip) {
        host.regs.rip = entry::exit_start() as u64;
        // SAFETY: the calling thread's block.
        host.regs.rsp = unsafe { (*thread::current_block()).stack_top } as u64;
    }
}

fn in_way_out(rip: usize) -> bool {
    (entry::exit_start()..entry::exit_end()).contains(&rip)
}

fn on_libos_stack(rsp: usize) -> bool {
    (layout::PAGES_BASE..layout::PAGES_BASE + layout::PAGES_SIZE).contains(&rsp)
}

/// Faults carry a positive code; one that was sent by `kill` doesn't.
fn is_synchronous(signal: i32, code: i32) -> bool {
    code > 0 || signal == SIGTRAP && code == SI_KERNEL
}

fn fault(signal: i32, info: &SigInfo, host: &HostContext) -> Fault {
    Fault { signal, code: info.code, addr: info.addr, trap_number: host.regs.trapno, error_code: host.regs.err }
}

/// Takes the program's registers out of the host's signal frame.
fn enter(host: &HostContext) -> *mut ThreadBlock {
    let block = thread::current_block().cast_mut();
    // SAFETY: the calling thread's block; the frame's vector state is as long as it says, since the processor wrote it.
    unsafe {
        copy_registers(&mut (*block).ctx, &host.regs);
        let ctx = &mut (*block).ctx;
        ctx.vector = crate::context::VectorState::Saved;
        ctx.xstate.copy_from_host(vector_image(host.fpstate));
    }
    block
}

/// The `XSAVE` image of a signal frame.
///
/// # Safety
/// `fpstate` comes from a frame that the host made.
unsafe fn vector_image(fpstate: *const u8) -> &'static [u8] {
    const MAGIC1: u32 = 0x4650_5853;
    if fpstate.is_null() {
        return &[];
    }
    // SAFETY: the legacy region has 512 bytes, of which the last 48 describe the rest (`struct _fpx_sw_bytes`).
    unsafe {
        let magic = fpstate.add(464).cast::<u32>().read_unaligned();
        let xstate_size = fpstate.add(480).cast::<u32>().read_unaligned();
        let len = if magic == MAGIC1 { xstate_size as usize } else { 512 };
        core::slice::from_raw_parts(fpstate, len)
    }
}

fn copy_registers(ctx: &mut UserContext, regs: &HostRegs) {
    (ctx.r8, ctx.r9, ctx.r10, ctx.r11) = (regs.r8, regs.r9, regs.r10, regs.r11);
    (ctx.r12, ctx.r13, ctx.r14, ctx.r15) = (regs.r12, regs.r13, regs.r14, regs.r15);
    (ctx.rax, ctx.rbx, ctx.rcx, ctx.rdx) = (regs.rax, regs.rbx, regs.rcx, regs.rdx);
    (ctx.rsi, ctx.rdi, ctx.rbp, ctx.rsp) = (regs.rsi, regs.rdi, regs.rbp, regs.rsp);
    ctx.rip = regs.rip;
    ctx.rflags = regs.eflags;
}

/// Leaves for the program by the common way out.
fn leave() -> ! {
    // SAFETY: the context is complete.
    unsafe { entry::leave() }
}

fn pass_through(host: &mut HostContext) {
    let regs = &host.regs;
    let args = [regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9].map(|arg| arg as usize);
    // SAFETY: the vDSO's own fallback, issued on behalf of a call of the LibOS.
    host.regs.rax = unsafe { host::raw(regs.rax as u32, args) } as u64;
}
