//! Masters: what `/dev/ptmx` gives.

use super::pty::Pty;
use super::{devpts, requests};
use crate::events::{Anonymous, Blocking, IoEvents, Notifier};
use crate::fs::{File, Inode, Metadata, StatusFlags};
use crate::prelude::*;
use crate::process::Thread;
use crate::process::terminal::Terminal;

/// An open master.
pub(super) struct Master {
    pub(super) pty: Arc<Pty>,
    pub(super) terminal: Arc<Terminal>,
    inode: Arc<dyn Inode>,
    status: Anonymous,
}

/// Opens `/dev/ptmx`, which this inode is: makes a pseudoterminal.
///
/// # Errors
/// `ENOSPC` if there are too many.
pub(super) fn open(flags: StatusFlags, inode: Arc<dyn Inode>) -> Result<Arc<dyn File>> {
    let (pty, terminal) = devpts::make()?;
    Ok(Arc::new(Master { pty, terminal, inode, status: Anonymous::new(flags) }))
}

impl Drop for Master {
    fn drop(&mut self) {
        crate::fs::file_dropped(core::ptr::from_ref(self).cast());
        devpts::remove(self.pty.index());
        self.pty.close_master(&self.terminal);
    }
}

impl Master {
    fn blocking(&self) -> Blocking {
        self.status.blocking()
    }
}

impl File for Master {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        self.pty.read_master(&self.terminal, sink, self.blocking())
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        self.pty.write_master(&self.terminal, source, self.blocking())
    }

    fn metadata(&self) -> Result<Metadata> {
        self.inode.metadata()
    }

    fn status(&self) -> StatusFlags {
        self.status.status()
    }

    fn set_status(&self, status: StatusFlags) -> Result<()> {
        self.status.set_status(status);
        Ok(())
    }

    fn inode(&self) -> Option<Arc<dyn Inode>> {
        Some(self.inode.clone())
    }

    fn path(&self) -> Vec<u8> {
        b"/dev/ptmx".to_vec()
    }

    fn poll(&self) -> IoEvents {
        self.pty.look(super::state::State::poll_master)
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.pty.master.notifier)
    }

    fn ioctl(&self, thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        requests::of_master(self, thread, request, argument)
    }
}
