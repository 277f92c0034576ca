//! `process_vm_readv` and `process_vm_writev`.

use crate::mm::Reach;
use crate::prelude::*;
use crate::process::{AccessMode, may_access, table, with_memory_of};
use crate::syscalls::Context;
use crate::syscalls::args::Flags;
use frame::layout::PAGE_SIZE;

/// `struct iovec`: address and length.
type IoVec = [u64; 2];

/// The most pieces in a vector (`IOV_MAX`).
const MAX_PIECES: usize = 1024;

/// `process_vm_readv(2)`.
pub fn process_vm_readv(
    cx: Context<'_>,
    pid: i32,
    local: UserPtr<IoVec>,
    local_count: usize,
    remote: UserPtr<IoVec>,
    remote_count: usize,
    flags: Flags,
) -> Result<usize> {
    if flags.0 != 0 {
        bail!(EINVAL, "undefined flags");
    }
    let local = pieces(local, local_count)?;
    if is_empty(&local) {
        return Ok(0);
    }
    let remote = pieces(remote, remote_count)?;
    with_pieces_of(&cx, pid, &remote, |reach| copy((&remote, reach), (&local, Reach::Here)))
}

/// `process_vm_writev(2)`.
pub fn process_vm_writev(
    cx: Context<'_>,
    pid: i32,
    local: UserPtr<IoVec>,
    local_count: usize,
    remote: UserPtr<IoVec>,
    remote_count: usize,
    flags: Flags,
) -> Result<usize> {
    if flags.0 != 0 {
        bail!(EINVAL, "undefined flags");
    }
    let local = pieces(local, local_count)?;
    if is_empty(&local) {
        return Ok(0);
    }
    let remote = pieces(remote, remote_count)?;
    with_pieces_of(&cx, pid, &remote, |reach| copy((&local, Reach::Here), (&remote, reach)))
}

/// Calls `work` with the way to the pieces, while they are memory of process `pid` and stay so.
fn with_pieces_of(
    cx: &Context<'_>,
    pid: i32,
    pieces: &[(usize, usize)],
    work: impl FnOnce(Reach) -> Result<usize>,
) -> Result<usize> {
    if pid as u32 == cx.thread.process.pid() {
        return work(Reach::Here);
    }
    let target = table::find_thread(pid as u32).ok_or(err!(ESRCH, "there is no such process"))?;
    may_access(cx.thread, &target, AccessMode::Real)?;
    with_memory_of(&target, &cx.thread.process.memory(), |memory, reach| {
        if pieces.iter().any(|&(start, len)| !memory.has_for_itself(start, len)) {
            bail!(EFAULT, "not the process's memory");
        }
        work(reach)
    })
}

/// Whether nothing is to be copied; then nothing else is looked at.
fn is_empty(pieces: &[(usize, usize)]) -> bool {
    pieces.iter().all(|&(_, len)| len == 0)
}

pub(super) fn pieces(vector: UserPtr<IoVec>, count: usize) -> Result<Vec<(usize, usize)>> {
    if count > MAX_PIECES {
        bail!(EINVAL, "too many pieces");
    }
    let mut total = 0_usize;
    let pieces = vector.read_array(count)?;
    pieces
        .into_iter()
        .map(|[addr, len]| {
            total = total
                .checked_add(len as usize)
                .filter(|&total| isize::try_from(total).is_ok())
                .ok_or(err!(EINVAL, "the lengths overflow"))?;
            Ok((addr as usize, len as usize))
        })
        .collect()
}

/// Copies from piece to piece; gives the bytes copied up to the first one that can't be accessed.
fn copy((from, from_reach): (&[(usize, usize)], Reach), (to, to_reach): (&[(usize, usize)], Reach)) -> Result<usize> {
    let (mut from, mut to) = (Cursor::new(from), Cursor::new(to));
    let mut buffer = vec![0; PAGE_SIZE];
    let mut done = 0;
    loop {
        let (Some((source, source_len)), Some((target, target_len))) = (from.piece(), to.piece()) else {
            return Ok(done);
        };
        // Not across a page, so that what can be copied before a hole is.
        let len = [source_len, target_len, to_page_end(source), to_page_end(target)].into_iter().min().unwrap_or(0);
        let copied = UserSlice::new(source, len)
            .and_then(|slice| from_reach.read(slice, &mut buffer[..len]))
            .and_then(|_| to_reach.write(UserSlice::new(target, len)?, &buffer[..len]));
        match copied {
            Ok(_) => {}
            Err(_) if done > 0 => return Ok(done),
            Err(error) => return Err(error),
        }
        from.advance(len);
        to.advance(len);
        done += len;
    }
}

fn to_page_end(addr: usize) -> usize {
    PAGE_SIZE - addr % PAGE_SIZE
}

/// A place in a vector of pieces.
struct Cursor<'a> {
    pieces: &'a [(usize, usize)],
    skip: usize,
}

impl<'a> Cursor<'a> {
    fn new(pieces: &'a [(usize, usize)]) -> Self {
        Self { pieces, skip: 0 }
    }

    /// What is left of the present piece.
    fn piece(&mut self) -> Option<(usize, usize)> {
        while let [(addr, len), rest @ ..] = self.pieces {
            if self.skip < *len {
                return Some((addr.wrapping_add(self.skip), len - self.skip));
            }
            self.pieces = rest;
            self.skip = 0;
        }
        None
    }

    fn advance(&mut self, len: usize) {
        self.skip += len;
    }
}
