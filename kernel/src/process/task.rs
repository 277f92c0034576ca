//! Where the frame enters the kernel on behalf of a thread.

use super::thread::Thread;
use super::{exit, job, linking, vfork};
use crate::mm::FileFault;
use crate::prelude::*;
use crate::{signal, syscalls};
use core::ops::Range;
use core::sync::atomic::Ordering;
use frame::context::UserContext;
use frame::patcher::{CodeRegion, Patcher};
use frame::thread::{Flow, Task};
use frame::trap::Fault;

/// A thread, as the frame holds it.
pub(super) struct ThreadTask(pub(super) Arc<Thread>);

impl Task for ThreadTask {
    #[inline]
    fn syscall(&self, ctx: &mut UserContext) -> Flow {
        let thread = &self.0;
        let number = ctx.syscall_number();
        if thread.is_linking.load(Ordering::Relaxed) {
            linking::before_call(thread, number);
        }
        syscalls::dispatch(thread, ctx);
        // An interrupted call is finished or restarted before anything else happens.
        if is_internal(ctx.rax) && number != RT_SIGRETURN {
            if let Some(flow) = flow_of(ctx) {
                // In case that the call is made again.
                ctx.rax = number;
                return flow;
            }
            return in_program_terms(thread, ctx, |ctx| signal::deliver(thread, ctx, Some(number)));
        }
        if thread.has_ended.load(Ordering::Relaxed) {
            return Flow::End;
        }
        Flow::Resume
    }

    fn fault(&self, ctx: &mut UserContext, mut fault: Fault) -> Flow {
        const SIGILL: i32 = 4;
        const SIGFPE: i32 = 8;
        const SIGSEGV: i32 = 11;
        const SEGV_ACCERR: i32 = 2;
        const SIGBUS: i32 = 7;
        const BUS_ADRERR: i32 = 2;
        let thread = &self.0;
        if fault.signal == SIGSEGV {
            let memory = thread.process.memory();
            if memory.grow_down(fault.addr) {
                return Flow::Resume;
            }
            if fault.code == SEGV_ACCERR {
                match memory.fault_in_file(fault.addr) {
                    FileFault::Mapped => return Flow::Resume,
                    FileFault::BeyondEnd => (fault.signal, fault.code) = (SIGBUS, BUS_ADRERR),
                    FileFault::Other => fault.code = memory.fault_code(fault.addr),
                }
            }
        }
        if matches!(fault.signal, SIGILL | SIGFPE) {
            // There the address is the instruction's.
            fault.addr = thread.process.with_patcher(|patcher| patcher.original_rip(fault.addr as u64)) as usize;
        }
        in_program_terms(thread, ctx, |ctx| signal::fault(thread, ctx, fault))
    }

    fn before_return(&self, ctx: &mut UserContext) -> Flow {
        let thread = &self.0;
        if thread.process.is_ending() || thread.must_end.load(Ordering::SeqCst) {
            return exit::exit_thread(thread, 0);
        }
        vfork::free_dying_parents(thread);
        thread.process.see_to_file_ends();
        job::wait_while_stopped(thread);
        in_program_terms(thread, ctx, |ctx| signal::deliver(thread, ctx, None))
    }

    fn grow_down(&self, addr: usize) -> bool {
        self.0.process.try_memory().is_some_and(|memory| memory.try_grow_down(addr))
    }

    fn code_at(&self, addr: usize) -> Option<CodeRegion> {
        self.0.process.memory().code_region_at(addr)
    }

    fn code_mapping_at(&self, addr: usize) -> Option<Range<usize>> {
        self.0.process.memory().code_mapping_at(addr)
    }

    fn with_patcher(&self, work: &mut dyn FnMut(&Patcher)) {
        work(self.0.process.memory().patcher());
    }

    fn host_process_died(&self) {
        exit::kill_with_host_process(&self.0);
    }

    fn ids(&self) -> (u32, u32) {
        (self.0.process.pid(), self.0.tid())
    }
}

/// Does `work` on registers that show the program's own code, whatever trampoline it is in.
fn in_program_terms(thread: &Arc<Thread>, ctx: &mut UserContext, work: impl FnOnce(&mut UserContext) -> Flow) -> Flow {
    thread.process.with_patcher(|patcher| patcher.show_original(ctx));
    let interrupted = ctx.rip;
    let flow = work(ctx);
    // A handler hardly ever starts at a displaced instruction, which would trap.
    if ctx.rip == interrupted {
        ctx.rip = thread.process.with_patcher(|patcher| patcher.resume_rip(interrupted));
    }
    flow
}

/// Its result is what the program had in `rax`, whatever that is.
const RT_SIGRETURN: u64 = 15;

/// What becomes of a host thread whose thread goes on elsewhere, or lends it.
fn flow_of(ctx: &UserContext) -> Option<Flow> {
    match (ctx.rax as i64).wrapping_neg() {
        errno if errno == Errno::EMOVED as i64 => Some(Flow::End),
        errno if errno == Errno::ELENT as i64 => Some(Flow::Lend),
        _ => None,
    }
}

/// Whether a result is one of the internal error numbers: one that asks for a restart, or is a [`flow_of`].
fn is_internal(rax: u64) -> bool {
    let errno = (rax as i64).wrapping_neg();
    (512..=518).contains(&errno)
}
