//! Memory of programs in other host processes (`man 2 process_vm_readv`).

use crate::errno::{Errno, Error, Result};
use crate::host;
use crate::user::UserSlice;
use linux_raw_sys::general::{__NR_process_vm_readv, __NR_process_vm_writev, iovec};

/// A host process, as far as programs' memory there can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remote(u32);

impl Remote {
    /// The host process of this id.
    pub const fn new(host_pid: u32) -> Self {
        Self(host_pid)
    }

    /// Copies what its programs have at `from`, as many bytes as both have.
    ///
    /// # Errors
    /// `EFAULT` if the first byte can't be read, `EPERM` if the host doesn't let us, `ESRCH` when the host process is gone.
    pub fn read(self, from: UserSlice, dst: &mut [u8]) -> Result<usize> {
        let len = from.len().min(dst.len());
        self.transfer(__NR_process_vm_readv, dst.as_mut_ptr() as usize, from.truncate(len))
    }

    /// Copies to what its programs have at `to`, as many bytes as both have.
    ///
    /// # Errors
    /// As for [`read`](Self::read), of bytes that can't be written.
    pub fn write(self, to: UserSlice, src: &[u8]) -> Result<usize> {
        let len = to.len().min(src.len());
        self.transfer(__NR_process_vm_writev, src.as_ptr() as usize, to.truncate(len))
    }

    /// `local` are as many bytes as `remote` has.
    fn transfer(self, nr: u32, local: usize, remote: UserSlice) -> Result<usize> {
        let piece = |addr: usize| iovec { iov_base: addr as *mut _, iov_len: remote.len() as _ };
        let (local, there) = (piece(local), piece(remote.addr()));
        let pieces = [&raw const local, &raw const there].map(|piece| piece as usize);
        // SAFETY: the host reads from, or writes to, as many bytes of the caller's slice as it has; the other side is memory
        // of programs.
        let count = unsafe { host::call(nr, [self.0 as usize, pieces[0], 1, pieces[1], 1, 0])? };
        if count > remote.len() {
            return Err(Error::new(Errno::EIO, "the host has copied more than it was asked to"));
        }
        Ok(count)
    }
}
