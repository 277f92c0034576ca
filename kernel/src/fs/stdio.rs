//! Descriptors that the host gave to `enclos run`: standard input, output and error.

use super::file::{File, StatusFlags};
use super::inode::{FileType, Metadata};
use super::terminal::{Found, TerminalFile};
use super::{FdFlags, FileTable};
use crate::events::IoEvents;
use crate::mm::MapSource;
use crate::prelude::*;
use crate::process::{Thread, terminal};
use crate::syscalls::args::FileDesc;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};
use frame::ocall::file::{self, Extent, HostFd, PollFd, TerminalRequest, Whence};
use frame::ocall::mem::{self, Backing, Prot, Sharing};

/// An open file of the host whose position the host keeps: others may share it.
pub struct HostFile {
    fd: Arc<HostFd>,
    path: Vec<u8>,
    status: AtomicU32,
}

/// Puts the host's descriptors 0, 1 and 2 into a file table, as far as they are open. `/dev/null` is the LibOS's own, which
/// `open_null` opens, so that nobody asks the host for nothing.
pub fn adopt(files: &FileTable, open_null: impl Fn(StatusFlags) -> Result<Arc<dyn File>>) -> Result<()> {
    const NAMES: [&[u8]; 3] = [b"/dev/stdin", b"/dev/stdout", b"/dev/stderr"];
    terminal::find_of_host();
    let mut terminals = Found::default();
    for (number, name) in NAMES.into_iter().enumerate() {
        let fd = HostFd::from_launcher(number as i32);
        let Ok(flags) = file::status_flags(&fd) else {
            core::mem::forget(fd);
            continue;
        };
        let path = host_path(number).unwrap_or_else(|| name.to_vec());
        let status = StatusFlags::from_bits_truncate(flags);
        let fd = Arc::new(fd);
        let terminal = terminals.terminal(&fd, &path);
        let file = HostFile { fd, path, status: AtomicU32::new(status.bits()) };
        let file: Arc<dyn File> = match terminal {
            Some(terminal) => Arc::new(TerminalFile::new(file, terminal)),
            None if file.is_null() => {
                // The host's descriptor stays open, so that its number stays taken.
                core::mem::forget(file);
                open_null(status)?
            }
            None => Arc::new(file),
        };
        files.replace(FileDesc(number as i32), file, FdFlags::empty(), u64::MAX)?;
    }
    terminals.keep();
    Ok(())
}

/// What the host calls the file, if it is a terminal or has a name.
fn host_path(number: usize) -> Option<Vec<u8>> {
    let dir = file::open_root(c"/proc/self/fd").ok()?;
    let name = alloc::ffi::CString::new(number.to_string()).ok()?;
    file::read_link(&dir, &name).ok()
}

impl HostFile {
    /// A file that was opened on the host.
    pub(super) fn new(fd: Arc<HostFd>, path: &[u8], status: StatusFlags) -> Self {
        let status = AtomicU32::new((status & StatusFlags::KEPT).bits());
        Self { fd, path: path.to_vec(), status }
    }

    pub(super) fn fd(&self) -> &HostFd {
        &self.fd
    }

    /// Makes a request whose argument is a structure at this address of the program.
    pub(super) fn request(&self, request: TerminalRequest, argument: u64) -> Result<usize> {
        let mut buffer = [0; 64];
        let bytes = &mut buffer[..request.argument_len()];
        let user = UserSlice::new(argument as usize, bytes.len())?;
        if request.reads_argument() {
            user.read(bytes)?;
        }
        file::ioctl(&self.fd, request, bytes)?;
        if !request.reads_argument() {
            user.write(bytes)?;
        }
        Ok(0)
    }
}

impl HostFile {
    /// Writes at the end, wherever the position is.
    pub(super) fn append(&self, source: &mut Source<'_>) -> Result<usize> {
        file::append(&self.fd, source)
    }

    /// Whether it is the host's `/dev/null`.
    fn is_null(&self) -> bool {
        /// `makedev(1, 3)`.
        const NULL: u64 = 0x103;
        let is_it = |metadata: Metadata| metadata.kind == FileType::CharDevice && metadata.rdev == NULL;
        self.path == b"/dev/null" && self.metadata().is_ok_and(is_it)
    }

    fn is_regular(&self) -> Result<bool> {
        Ok(self.metadata()?.kind == FileType::Regular)
    }
}

impl Drop for HostFile {
    fn drop(&mut self) {
        super::locks::dropped(core::ptr::from_ref(self).cast());
    }
}

impl File for HostFile {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        file::read(&self.fd, sink)
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        file::write(&self.fd, source)
    }

    fn read_at(&self, offset: u64, sink: &mut Sink<'_>) -> Result<usize> {
        file::read_at(&self.fd, offset, sink)
    }

    fn write_at(&self, offset: u64, source: &mut Source<'_>) -> Result<usize> {
        file::write_at(&self.fd, offset, source)
    }

    fn seek(&self, offset: i64, whence: Whence) -> Result<u64> {
        file::seek(&self.fd, offset, whence)
    }

    fn metadata(&self) -> Result<Metadata> {
        let stat = file::stat(&self.fd, c"")?;
        Ok(Metadata {
            dev: stat.dev,
            ino: stat.ino,
            kind: FileType::from_mode(stat.mode).ok_or(Errno::EIO)?,
            mode: stat.mode & 0o7777,
            nlink: stat.nlink,
            uid: stat.uid,
            gid: stat.gid,
            rdev: stat.rdev,
            size: stat.size,
            blksize: stat.blksize,
            blocks: stat.blocks,
            atime: stat.atime,
            mtime: stat.mtime,
            ctime: stat.ctime,
            btime: stat.btime,
        })
    }

    fn truncate(&self, len: u64) -> Result<()> {
        file::truncate(&self.fd, len)
    }

    fn allocate(&self, mode: u32, offset: u64, len: u64) -> Result<()> {
        file::allocate(&self.fd, mode, offset, len)
    }

    fn sync(&self, extent: Extent) -> Result<()> {
        if !self.is_regular()? {
            bail!(EINVAL, "the file can't be synchronised");
        }
        file::sync(&self.fd, extent)
    }

    fn status(&self) -> StatusFlags {
        StatusFlags::from_bits_truncate(self.status.load(Ordering::Relaxed))
    }

    fn set_status(&self, status: StatusFlags) -> Result<()> {
        // The host's file is set as well, which its other users see, as they would natively.
        file::set_status_flags(&self.fd, (status & StatusFlags::CHANGEABLE).bits())?;
        let kept = self.status() - StatusFlags::CHANGEABLE;
        self.status.store((kept | status & StatusFlags::CHANGEABLE).bits(), Ordering::Relaxed);
        Ok(())
    }

    fn path(&self) -> Vec<u8> {
        self.path.clone()
    }

    fn poll(&self) -> IoEvents {
        let mut fds = [PollFd::new(&self.fd, IoEvents::all().bits() as i16)];
        match file::poll_now(&mut fds) {
            Ok(_) => IoEvents::from_bits_truncate(fds[0].ready() as u16),
            Err(_) => IoEvents::empty(),
        }
    }

    fn host_fd(&self) -> Option<&HostFd> {
        Some(&self.fd)
    }

    fn ioctl(&self, _thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        const FIONREAD: u32 = 0x541b;
        match request {
            FIONREAD => self.request(TerminalRequest::BytesReadable, argument),
            _ => bail!(ENOTTY, "the file has no such request"),
        }
    }

    fn map_source(&self, prot: Prot, sharing: Sharing) -> Result<Arc<dyn MapSource>> {
        let metadata = self.metadata()?;
        if metadata.kind != FileType::Regular {
            bail!(ENODEV, "the file can't be mapped");
        }
        let status = self.status();
        if !status.can_read() || sharing == Sharing::Shared && prot.contains(Prot::WRITE) && !status.can_write() {
            bail!(EACCES, "the file is not open for that");
        }
        Ok(Arc::new(HostMap { fd: self.fd.clone(), path: self.path.clone(), dev_ino: (metadata.dev, metadata.ino) }))
    }
}

struct HostMap {
    fd: Arc<HostFd>,
    path: Vec<u8>,
    dev_ino: (u64, u64),
}

impl MapSource for HostMap {
    fn map(&self, range: &Range<usize>, offset: u64, prot: Prot, sharing: Sharing) -> Result<()> {
        mem::map(range, prot, sharing, Backing::Host(&self.fd, offset))
    }

    fn dev_ino(&self) -> (u64, u64) {
        self.dev_ino
    }

    fn path(&self) -> Vec<u8> {
        self.path.clone()
    }

    fn sync(&self, range: &Range<usize>, flags: u32) -> Result<()> {
        mem::sync(range, flags)
    }
}
