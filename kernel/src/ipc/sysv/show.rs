//! `/proc/sysvipc`.

use super::ids::Object;
use super::{msg, sem, shm};
use crate::prelude::*;
use core::fmt::Write;

/// The contents of `/proc/sysvipc/shm`.
pub(crate) fn segments() -> Result<Vec<u8>> {
    let mut text = String::from(
        "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      \
         dtime      ctime                   rss                  swap\n",
    );
    for (_, segment) in shm::SEGMENTS.all() {
        let (perm, ctime) = segment.perm();
        let times = *segment.times.lock();
        let _ = writeln!(
            text,
            "{:10} {:10}  {:4o} {:21} {:5} {:5}  {:5} {:5} {:5} {:5} {:5} {:10} {:10} {:10} {:21} {:21}",
            perm.key,
            segment.head().id,
            perm.mode,
            segment.size,
            times.creator,
            times.last,
            segment.attachments(),
            perm.uid,
            perm.gid,
            perm.cuid,
            perm.cgid,
            times.attached,
            times.detached,
            ctime,
            segment.size.next_multiple_of(frame::layout::PAGE_SIZE),
            0,
        );
    }
    Ok(text.into_bytes())
}

/// The contents of `/proc/sysvipc/sem`.
pub(crate) fn sets() -> Result<Vec<u8>> {
    let mut text =
        String::from("       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
    for (_, set) in sem::SETS.all() {
        let (perm, ctime) = *set.head().perm.lock();
        let (count, otime) = {
            let state = set.state.lock();
            (state.semaphores.len(), state.operated)
        };
        let _ = writeln!(
            text,
            "{:10} {:10}  {:4o} {:10} {:5} {:5} {:5} {:5} {otime:10} {ctime:10}",
            perm.key,
            set.head().id,
            perm.mode,
            count,
            perm.uid,
            perm.gid,
            perm.cuid,
            perm.cgid,
        );
    }
    Ok(text.into_bytes())
}

/// The contents of `/proc/sysvipc/msg`.
pub(crate) fn queues() -> Result<Vec<u8>> {
    let mut text = String::from(
        "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      \
         ctime\n",
    );
    for (_, queue) in msg::QUEUES.all() {
        let (perm, ctime) = *queue.head().perm.lock();
        let state = queue.state.lock();
        let _ = writeln!(
            text,
            "{:10} {:10}  {:4o}  {:10} {:10} {:5} {:5} {:5} {:5} {:5} {:5} {:10} {:10} {ctime:10}",
            perm.key,
            queue.head().id,
            perm.mode,
            state.bytes,
            state.count(),
            state.sent.1,
            state.received.1,
            perm.uid,
            perm.gid,
            perm.cuid,
            perm.cgid,
            state.sent.0,
            state.received.0,
        );
    }
    Ok(text.into_bytes())
}
