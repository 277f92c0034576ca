//! Descriptors that the host gave to `enclos run`: standard input, output and error, and the terminal.

use super::file::{File, StatusFlags};
use super::inode::{FileType, Metadata};
use super::{FdFlags, FileTable};
use crate::events::IoEvents;
use crate::mm::MapSource;
use crate::prelude::*;
use crate::process::Thread;
use crate::syscalls::args::FileDesc;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};
use frame::ocall::file::{self, HostFd, PollFd, TerminalRequest, Whence};
use frame::ocall::mem::{self, Backing, Prot, Sharing};

/// An open file of the host whose position the host keeps: others may share it.
pub struct HostFile {
    fd: Arc<HostFd>,
    path: Vec<u8>,
    status: AtomicU32,
}

/// Puts the host's descriptors 0, 1 and 2 into a file table, as far as they are open.
pub fn adopt(files: &FileTable) -> Result<()> {
    const NAMES: [&[u8]; 3] = [b"/dev/stdin", b"/dev/stdout", b"/dev/stderr"];
    for (number, name) in NAMES.into_iter().enumerate() {
        let fd = HostFd::from_launcher(number as i32);
        let Ok(flags) = file::status_flags(&fd) else {
            core::mem::forget(fd);
            continue;
        };
        let path = host_path(number).unwrap_or_else(|| name.to_vec());
        let status = StatusFlags::from_bits_truncate(flags);
        let file = Arc::new(HostFile { fd: Arc::new(fd), path, status: AtomicU32::new(status.bits()) });
        files.replace(FileDesc(number as i32), file, FdFlags::empty(), u64::MAX)?;
    }
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
    pub fn new(fd: HostFd, path: &[u8], status: StatusFlags) -> Self {
        let status = AtomicU32::new((status & StatusFlags::KEPT).bits());
        Self { fd: Arc::new(fd), path: path.to_vec(), status }
    }
}

impl HostFile {
    /// The terminal's foreground process group: that of the one process there is.
    fn foreground_group(&self, thread: &Arc<Thread>, sets: bool, argument: u64) -> Result<usize> {
        let mut attributes = [0; 64];
        file::ioctl(&self.fd, TerminalRequest::GetAttributes, &mut attributes)?;
        let group = thread.process.group();
        let user = UserPtr::<u32>::new(argument as usize);
        if sets {
            if user.read()? != group {
                bail!(EPERM, "no process group of this session");
            }
        } else {
            user.write(&group)?;
        }
        Ok(0)
    }
}

/// An interrupted transfer starts over unless a handler says otherwise.
fn restartable(error: Error) -> Error {
    match error.errno() {
        Errno::EINTR => Errno::ERESTARTSYS.into(),
        _ => error,
    }
}

impl HostFile {
    /// Writes at the end, wherever the position is.
    pub(super) fn append(&self, source: &mut Source<'_>) -> Result<usize> {
        file::append(&self.fd, source)
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
        file::read(&self.fd, sink).map_err(restartable)
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        file::write(&self.fd, source).map_err(restartable)
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

    fn sync(&self, data_only: bool) -> Result<()> {
        if !self.is_regular()? {
            bail!(EINVAL, "the file can't be synchronised");
        }
        file::sync(&self.fd, data_only)
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
        let mut fds = [PollFd { fd: &self.fd, events: IoEvents::all().bits() as i16, ready: 0 }];
        match file::poll_now(&mut fds) {
            Ok(_) => IoEvents::from_bits_truncate(fds[0].ready as u16),
            Err(_) => IoEvents::empty(),
        }
    }

    fn host_fd(&self) -> Option<&HostFd> {
        Some(&self.fd)
    }

    fn ioctl(&self, thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        const FLUSH: u32 = 0x540b;
        const SEND_BREAK: u32 = 0x5409;
        const FLOW: u32 = 0x540a;
        const DRAIN: u32 = 0x5425;
        const GET_GROUP: u32 = 0x540f;
        const SET_GROUP: u32 = 0x5410;
        const GET_SESSION: u32 = 0x5429;
        let known = match request {
            0x5401 => TerminalRequest::GetAttributes,
            0x5402 => TerminalRequest::SetAttributes,
            0x5403 => TerminalRequest::SetAttributesDrain,
            0x5404 => TerminalRequest::SetAttributesFlush,
            0x5413 => TerminalRequest::GetWindowSize,
            0x5414 => TerminalRequest::SetWindowSize,
            0x541b => TerminalRequest::BytesReadable,
            0x5411 => TerminalRequest::BytesToWrite,
            GET_GROUP | SET_GROUP => return self.foreground_group(thread, request == SET_GROUP, argument),
            GET_SESSION => {
                let mut attributes = [0; 64];
                file::ioctl(&self.fd, TerminalRequest::GetAttributes, &mut attributes)?;
                let session = thread.process.session();
                UserPtr::<u32>::new(argument as usize).write(&session)?;
                return Ok(0);
            }
            FLUSH | SEND_BREAK | FLOW | DRAIN => {
                file::terminal_control(&self.fd, request, argument as u32)?;
                return Ok(0);
            }
            _ => bail!(ENOTTY, "the file has no such request"),
        };
        let mut buffer = [0; 64];
        let bytes = &mut buffer[..known.argument_len()];
        let user = UserSlice::new(argument as usize, bytes.len())?;
        if known.reads_argument() {
            user.read(bytes)?;
        }
        file::ioctl(&self.fd, known, bytes).map_err(restartable)?;
        if !known.reads_argument() {
            user.write(bytes)?;
        }
        Ok(0)
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
