//! What the kernel is to the frame, for each thread.

use crate::context::UserContext;
use crate::trap;
use core::ops::Range;

/// What the kernel does on behalf of one thread of a program.
pub trait Task: Send + Sync {
    /// The program made a system call.
    fn syscall(&self, ctx: &mut UserContext) -> Flow;

    /// The program did something that the processor refused.
    fn fault(&self, ctx: &mut UserContext, fault: trap::Fault) -> Flow;

    /// The thread is wanted: looks after signals before it returns to the program.
    fn before_return(&self, ctx: &mut UserContext) -> Flow;

    /// The LibOS found nothing at an address that the program passed: lets a mapping that grows down to there grow. Gives
    /// whether it did. May be called under any lock.
    fn grow_down(&self, addr: usize) -> bool;

    /// The code that `addr` lies in, if system calls in it may be patched.
    fn code_at(&self, addr: usize) -> Option<crate::patcher::CodeRegion>;

    /// The mapping of code that `addr` lies in, if system calls in it may be patched.
    fn code_mapping_at(&self, addr: usize) -> Option<Range<usize>>;

    /// Calls `work` with the patched system calls of the task's memory.
    fn with_patcher(&self, work: &mut dyn FnMut(&crate::patcher::Patcher));

    /// The task's host process was killed, and its memory is gone. It ends when it's next asked what to do.
    fn host_process_died(&self);

    /// Ids of process and thread, for log lines.
    fn ids(&self) -> (u32, u32);
}

/// Where a thread goes after the LibOS has done its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Back to the program.
    Resume,
    /// Nowhere: it has ended.
    End,
    /// It waits, while the task that [`lend`](super::lend()) was given uses its host thread.
    Lend,
}
