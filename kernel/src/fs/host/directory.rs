//! Descriptors of host directories: opened when needed, few at a time.

use super::inode::HostInode;
use crate::prelude::*;
use frame::ocall::file::HostFd;

/// A directory's descriptor, if it's in the cache.
#[derive(Default)]
pub(super) struct DirFd(Mutex<Option<Arc<HostFd>>>);

/// Directories whose descriptor is open, the longest unused first.
static OPEN: Mutex<VecDeque<Weak<HostInode>>> = Mutex::new(VecDeque::new());
const MAX_OPEN: usize = 256;

impl DirFd {
    pub(super) fn get_or_open(
        &self,
        inode: &Weak<HostInode>,
        open: impl FnOnce() -> Result<HostFd>,
    ) -> Result<Arc<HostFd>> {
        if let Some(fd) = &*self.0.lock() {
            return Ok(fd.clone());
        }
        let fd = Arc::new(open()?);
        *self.0.lock() = Some(fd.clone());
        let oldest = {
            let mut all = OPEN.lock();
            all.push_back(inode.clone());
            if all.len() > MAX_OPEN { all.pop_front() } else { None }
        };
        if let Some(oldest) = oldest.and_then(|oldest| oldest.upgrade()) {
            oldest.close_directory();
        }
        Ok(fd)
    }

    pub(super) fn close(&self) {
        let fd = self.0.lock().take();
        drop(fd);
    }
}
