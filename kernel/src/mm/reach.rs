//! Ways to the memory of other processes.

use crate::prelude::*;
use frame::ocall::remote::Remote;

/// Where a process's memory is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In the calling thread's host process.
    Here,
    /// In another one.
    There(Remote),
}

impl Reach {
    /// Copies what is there into `dst`.
    ///
    /// # Errors
    /// `EFAULT` if a byte can't be read; `EPERM` and `ESRCH` as for `process_vm_readv(2)`.
    pub fn read(self, from: UserSlice, dst: &mut [u8]) -> Result<usize> {
        match self {
            Self::Here => from.read(dst),
            Self::There(remote) => all(remote.read(from, dst).inspect_err(warn_of)?, from.len().min(dst.len())),
        }
    }

    /// Copies `src` to it.
    ///
    /// # Errors
    /// `EFAULT` if a byte can't be written; otherwise as for [`read`](Self::read).
    pub fn write(self, to: UserSlice, src: &[u8]) -> Result<usize> {
        match self {
            Self::Here => to.write(src),
            Self::There(remote) => all(remote.write(to, src).inspect_err(warn_of)?, to.len().min(src.len())),
        }
    }
}

fn all(count: usize, len: usize) -> Result<usize> {
    if count == len { Ok(len) } else { Err(err!(EFAULT, "a pointer is outside the process's memory")) }
}

fn warn_of(error: &Error) {
    if error.errno() == Errno::EPERM {
        warn!("the host doesn't let memory in another address space be reached");
    }
}
