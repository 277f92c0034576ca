//! Descriptors of processes (`man 2 pidfd_open`).

use super::process::Process;
use super::thread::Thread;
use crate::events::{Anonymous, IoEvents, Notifier};
use crate::fs::{FdFlags, File, FileType, Metadata, StatusFlags};
use crate::prelude::*;
use crate::process::Resource;
use crate::syscalls::args::FileDesc;

/// A file that stands for a process. It becomes readable when the process ends.
pub struct PidFd {
    process: Arc<Process>,
    anonymous: Anonymous,
}

impl PidFd {
    /// Gives `thread` a descriptor of `process` and writes it at `place`.
    pub(super) fn install(thread: &Thread, process: &Arc<Process>, place: UserPtr<i32>) -> Result<FileDesc> {
        let fd = Self::open(thread, process, StatusFlags::empty())?;
        place.write(&fd.0).inspect_err(|_| {
            let _ = thread.files().remove(fd);
        })?;
        Ok(fd)
    }

    /// Gives `thread` a descriptor of `process`, closed by `execve`.
    ///
    /// # Errors
    /// `EMFILE`.
    pub fn open(thread: &Thread, process: &Arc<Process>, status: StatusFlags) -> Result<FileDesc> {
        let anonymous = Anonymous::new(StatusFlags::O_RDWR | status & StatusFlags::O_NONBLOCK);
        let file = Arc::new(Self { process: process.clone(), anonymous });
        let limit = thread.process.limits.lock().soft(Resource::OpenFiles);
        thread.files().insert(file, FdFlags::CLOEXEC, 0, limit)
    }

    /// Whether waiting for the process blocks (`PIDFD_NONBLOCK`).
    pub fn blocks(&self) -> bool {
        !self.status().contains(StatusFlags::O_NONBLOCK)
    }

    /// The process.
    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }
}

impl File for PidFd {
    fn read(&self, _sink: &mut Sink<'_>) -> Result<usize> {
        bail!(EINVAL, "a process can't be read")
    }

    fn write(&self, _source: &mut Source<'_>) -> Result<usize> {
        bail!(EINVAL, "a process can't be written")
    }

    fn metadata(&self) -> Result<Metadata> {
        // Unlike other files without a name, each process has an inode of its own.
        let ino = u64::from(self.process.pid());
        Ok(Metadata { ino, kind: FileType::Regular, mode: 0o700, ..Anonymous::metadata() })
    }

    fn status(&self) -> StatusFlags {
        self.anonymous.status()
    }

    fn set_status(&self, status: StatusFlags) -> Result<()> {
        self.anonymous.set_status(status);
        Ok(())
    }

    fn path(&self) -> Vec<u8> {
        b"anon_inode:[pidfd]".to_vec()
    }

    fn poll(&self) -> IoEvents {
        IoEvents::READABLE.when(self.process.zombie_status().is_some())
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.process.ended)
    }
}
