//! Opened files of the host.

use super::inode::metadata;
use crate::fs::inode::{Handle, MapAccess, Metadata, Version};
use crate::mm::MapSource;
use crate::prelude::*;
use core::ops::Range;
use frame::layout::PAGE_SIZE;
use frame::ocall::file::{self, Extent, HostFd, Whence};
use frame::ocall::mem::{self, Backing, Prot, Sharing};
use frame::sync::Once;

/// An opened regular file of the host.
pub(super) struct HostHandle {
    fd: HostFd,
    /// When it was mapped first.
    version: Once<SeenVersion>,
}

/// A file's version, and whether others could be told from it.
#[derive(Clone, Copy)]
struct SeenVersion {
    version: Version,
    was_settled: bool,
}

impl HostHandle {
    pub(super) fn new(fd: HostFd) -> Self {
        Self { fd, version: Once::new() }
    }
}

impl Handle for HostHandle {
    fn read_at(&self, offset: u64, sink: &mut Sink<'_>) -> Result<usize> {
        file::read_at(&self.fd, offset, sink)
    }

    fn write_at(&self, offset: u64, source: &mut Source<'_>) -> Result<usize> {
        file::write_at(&self.fd, offset, source)
    }

    fn append(&self, source: &mut Source<'_>) -> Result<(usize, u64)> {
        let count = file::append(&self.fd, source)?;
        // Others may append as well, so the end is asked for; it is at least what was written.
        Ok((count, self.end()?))
    }

    fn metadata(&self) -> Option<Result<Metadata>> {
        Some(file::stat(&self.fd, c"").and_then(|stat| metadata(&stat)))
    }

    fn capabilities(&self) -> Option<Result<Vec<u8>>> {
        Some(file::capabilities(&self.fd))
    }

    fn truncate(&self, len: u64) -> Result<()> {
        file::truncate(&self.fd, len)
    }

    fn allocate(&self, mode: u32, offset: u64, len: u64) -> Result<()> {
        file::allocate(&self.fd, mode, offset, len)
    }

    fn sync(&self, extent: Extent) -> Result<()> {
        file::sync(&self.fd, extent)
    }

    fn end(&self) -> Result<u64> {
        file::seek(&self.fd, 0, Whence::End)
    }

    fn seek_data(&self, offset: u64, whence: Whence) -> Result<u64> {
        file::seek(&self.fd, offset as i64, whence)
    }

    fn map_source(self: Arc<Self>, path: Vec<u8>, _prot: Prot, access: MapAccess) -> Result<Arc<dyn MapSource>> {
        let look = || {
            let version = Version::of(&metadata(&file::stat(&self.fd, c"")?)?);
            Ok::<_, Error>(SeenVersion { version, was_settled: version.is_settled() })
        };
        let version = *self.version.try_call_once(look)?;
        Ok(Arc::new(HostMap { handle: self, path, access, version }))
    }
}

/// A mapping of a host file.
struct HostMap {
    handle: Arc<HostHandle>,
    path: Vec<u8>,
    access: MapAccess,
    version: SeenVersion,
}

impl MapSource for HostMap {
    fn map(&self, range: &Range<usize>, offset: u64, prot: Prot, sharing: Sharing) -> Result<()> {
        mem::map(range, prot, sharing, Backing::Host(&self.handle.fd, offset))
    }

    fn version(&self) -> Option<Version> {
        self.version.was_settled.then_some(self.version.version)
    }

    fn copy_to(&self, range: &Range<usize>, offset: u64) -> Result<()> {
        let mut sink = Sink::user(UserSlice::new(range.start, range.len())?);
        while !sink.is_empty() {
            let done = range.len() - sink.remaining();
            if file::read_at(&self.handle.fd, offset + done as u64, &mut sink)? == 0 {
                break;
            }
        }
        if sink.remaining() >= PAGE_SIZE {
            bail!(EIO, "the file is shorter than what is mapped");
        }
        // The rest of the file's last page.
        let rest = sink.remaining();
        sink.put_zeroes(rest)?;
        Ok(())
    }

    fn dev_ino(&self) -> (u64, u64) {
        self.version.version.dev_ino()
    }

    fn path(&self) -> Vec<u8> {
        self.path.clone()
    }

    fn sync(&self, range: &Range<usize>, flags: u32) -> Result<()> {
        mem::sync(range, flags)
    }

    fn may_protect(&self, prot: Prot, _sharing: Sharing) -> Result<()> {
        if prot.contains(Prot::WRITE) && self.access == MapAccess::SharedReadOnly {
            bail!(EACCES, "the file is not open for writing");
        }
        Ok(())
    }
}
