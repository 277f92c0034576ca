//! Slaves: the terminals of programs.

use super::pty::Pty;
use super::requests;
use super::termios::LocalFlags;
use crate::events::{Anonymous, Blocking, IoEvents, Notifier};
use crate::fs::{File, Inode, Metadata, StatusFlags};
use crate::prelude::*;
use crate::process::terminal::{Terminal, Use};
use crate::process::{Thread, cap, table};

/// An open slave.
pub(super) struct Slave {
    pub(super) pty: Arc<Pty>,
    pub(super) terminal: Arc<Terminal>,
    inode: Arc<dyn Inode>,
    path: Vec<u8>,
    status: Anonymous,
}

/// Opens a slave, by its own name or as `/dev/tty`, whose inode this is then.
///
/// # Errors
/// As [`Pty::open_slave`].
pub(crate) fn open(
    pty: &Arc<Pty>,
    terminal: &Arc<Terminal>,
    path: &[u8],
    flags: StatusFlags,
    inode: Arc<dyn Inode>,
) -> Result<Arc<dyn File>> {
    let is_admin = table::calling_thread().is_some_and(|thread| thread.credentials().has_cap(cap::SYS_ADMIN));
    pty.open_slave(is_admin)?;
    let status = Anonymous::new(flags);
    Ok(Arc::new(Slave { pty: pty.clone(), terminal: terminal.clone(), inode, path: path.to_vec(), status }))
}

impl Drop for Slave {
    fn drop(&mut self) {
        crate::fs::file_dropped(core::ptr::from_ref(self).cast());
        self.pty.close_slave(&self.terminal);
    }
}

impl Slave {
    fn blocking(&self) -> Blocking {
        self.status.blocking()
    }
}

impl File for Slave {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        if let Some(thread) = table::calling_thread().filter(|_| !self.pty.is_hung_up()) {
            self.terminal.check(&thread, Use::Read)?;
        }
        self.pty.read_slave(&self.terminal, sink, self.blocking())
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        if let Some(thread) = table::calling_thread().filter(|_| !self.pty.is_hung_up()) {
            let stops_writers = || self.pty.look(|state| state.termios().local().contains(LocalFlags::TOSTOP));
            self.terminal.check_writer(&thread, stops_writers)?;
        }
        self.pty.write_slave(&self.terminal, source, self.blocking())
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
        self.path.clone()
    }

    fn poll(&self) -> IoEvents {
        self.pty.look(super::state::State::poll_slave)
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.pty.slave.notifier)
    }

    fn ioctl(&self, thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        requests::of_slave(self, thread, request, argument)
    }
}
