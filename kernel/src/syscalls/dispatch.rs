//! From a thread's registers to the function of its system call, and back.

use super::table::{Entry, TABLE};
use crate::prelude::*;
use crate::process::Thread;
use frame::context::UserContext;

/// What a system call works on: the calling thread and its registers.
pub struct Context<'a> {
    /// The calling thread.
    pub thread: &'a Arc<Thread>,
    /// Its registers.
    pub regs: &'a mut UserContext,
}

/// Makes the system call that the registers ask for; its result is in `rax` then.
///
/// Errors that restart the call (`ERESTART*`) stay in `rax` until signals are looked after.
#[inline]
pub fn dispatch(thread: &Arc<Thread>, regs: &mut UserContext) {
    let number = regs.syscall_number();
    let cx = Context { thread, regs };
    let result = match TABLE.get(number as usize) {
        Some(Entry { call: Some(call), .. }) if !crate::observe::is_on() => call(cx),
        entry => observed(cx, number, entry),
    };
    // A call that replaces the registers (`rt_sigreturn`, `execve`) gives what its `rax` shall be.
    regs.rax = match result {
        Ok(value) => value as u64,
        Err(error) => (-(error.errno() as i64)) as u64,
    };
}

#[cold]
fn observed(cx: Context<'_>, number: u64, entry: Option<&Entry>) -> Result<usize> {
    let Some(entry) = entry else {
        warn!("system call {number} doesn't exist");
        return Err(Errno::ENOSYS.into());
    };
    let (thread, args) = (cx.thread.clone(), cx.regs.syscall_args());
    crate::observe::call(&thread, entry, args, || match entry.call {
        Some(call) => call(cx),
        None => Err(entry.missing()),
    })
}
