//! How many processes and threads a user may have (`RLIMIT_NPROC` of `man 2 getrlimit`).

use super::limits::Resource;
use super::process::Process;
use super::thread::{Thread, thread_count};
use super::{cap, table};
use crate::prelude::*;

/// How many threads there may be in all.
pub const MAX_THREADS: u64 = 192_000;

/// Whether the real user of `parent` may have one more process or thread.
///
/// # Errors
/// `EAGAIN` at the limit, which doesn't hold for root and those who administrate, or when there are too many of all users.
pub(super) fn check(parent: &Thread) -> Result<()> {
    let limit = parent.process.limits.lock().soft(Resource::Processes);
    let all = thread_count::get();
    if all >= MAX_THREADS {
        bail!(EAGAIN, "there are too many processes and threads");
    }
    // Nobody needs to be counted when all together are few enough.
    if all < limit {
        return Ok(());
    }
    let credentials = parent.credentials();
    let is_exempt =
        credentials.ruid == 0 || credentials.has_cap(cap::SYS_RESOURCE) || credentials.has_cap(cap::SYS_ADMIN);
    if !is_exempt && threads_of(credentials.ruid) >= limit {
        bail!(EAGAIN, "the user's limit of processes is reached");
    }
    Ok(())
}

/// Threads of a user; a process that ended counts as one until it is waited for.
fn threads_of(uid: u32) -> u64 {
    let of = |thread: &&Arc<Thread>| !thread.has_ended() && thread.credentials().ruid == uid;
    let count = |process: Arc<Process>| match process.zombie_status() {
        Some(_) => usize::from(process.uid() == uid),
        None => process.threads.lock().values().filter(of).count(),
    };
    table::all().into_iter().map(count).sum::<usize>() as u64
}
