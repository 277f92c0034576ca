//! How many processes and threads a user may have (`RLIMIT_NPROC` of `man 2 getrlimit`).

use super::limits::Resource;
use super::thread::{Thread, thread_count};
use super::{cap, table};
use crate::prelude::*;

/// Whether the real user of `parent` may have one more process or thread.
///
/// # Errors
/// `EAGAIN` at the limit, which doesn't hold for root and those who administrate.
pub(super) fn check(parent: &Thread) -> Result<()> {
    let limit = parent.process.limits.lock().soft(Resource::Processes);
    // Nobody needs to be counted when all together are few enough.
    if thread_count::get() < limit {
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

fn threads_of(uid: u32) -> u64 {
    let of = |thread: &Arc<Thread>| !thread.has_ended() && thread.credentials().ruid == uid;
    let counts = table::all().into_iter().map(|process| process.threads.lock().values().filter(|t| of(t)).count());
    counts.sum::<usize>() as u64
}
