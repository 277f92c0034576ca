//! System calls that go on after an interruption with what they have done and computed (`man 2 restart_syscall`).

use super::Context;
use crate::prelude::*;
use crate::process::Thread;

/// How an interrupted call goes on, if no handler has run meanwhile.
pub type Restart = Box<dyn FnOnce(Context<'_>) -> Result<usize> + Send + Sync>;

/// Has an interrupted call of the calling thread go on by `go_on`, and gives the error that it fails with. A handler that
/// runs makes that `EINTR`.
pub fn restart_by(thread: &Thread, go_on: impl FnOnce(Context<'_>) -> Result<usize> + Send + Sync + 'static) -> Error {
    *thread.restart.lock() = Some(Box::new(go_on));
    Errno::ERESTARTBLOCK.into()
}

/// `restart_syscall(2)`.
pub(super) fn restart_syscall(cx: Context<'_>) -> Result<usize> {
    let go_on = cx.thread.restart.lock().take();
    match go_on {
        Some(go_on) => go_on(cx),
        None => Err(err!(EINTR, "there is nothing to go on with")),
    }
}
