//! Open files of the host's terminals. What passes through them is the host's affair; who may use them is decided by
//! [`Terminal`].

use super::file::{File, StatusFlags};
use super::inode::{Inode, Metadata};
use super::stdio::HostFile;
use crate::events::IoEvents;
use crate::prelude::*;
use crate::process::terminal::{self, HostLine, Line, Terminal, Use};
use crate::process::{Thread, table};
use crate::tty;
use frame::ocall::file::{self, HostFd, TerminalRequest};
use frame::sync::Once;

/// The terminals that `enclos run` was started with.
static KNOWN: Once<Vec<(Arc<Terminal>, Vec<u8>)>> = Once::new();

/// An open file of a terminal.
pub(super) struct TerminalFile {
    file: HostFile,
    terminal: Arc<Terminal>,
}

/// The terminals among the descriptors that the launcher left, each but once.
#[derive(Default)]
pub(super) struct Found(Vec<(Arc<Terminal>, Vec<u8>)>);

impl Found {
    /// The terminal that a descriptor is open for, if that is what it is.
    pub(super) fn terminal(&mut self, fd: &Arc<HostFd>, path: &[u8]) -> Option<Arc<Terminal>> {
        let new = Terminal::of_host(fd.clone()).ok()?;
        let is_same = |other: &Arc<Terminal>| other.device() == new.device();
        if let Some((known, _)) = self.0.iter().find(|(other, _)| is_same(other)) {
            return Some(known.clone());
        }
        let terminal = terminal::of_host().filter(|other| is_same(other)).cloned().unwrap_or_else(|| Arc::new(new));
        self.0.push((terminal.clone(), path.to_vec()));
        Some(terminal)
    }

    /// These are all.
    pub(super) fn keep(self) {
        KNOWN.call_once(|| self.0);
    }
}

/// Names and device numbers of the terminals that `enclos run` was started with.
pub(super) fn names() -> impl Iterator<Item = (&'static [u8], u64)> {
    KNOWN.get().into_iter().flatten().map(|(terminal, path)| (path.as_slice(), u64::from(terminal.device())))
}

/// Opens the calling process's controlling terminal (`man 4 tty`).
///
/// # Errors
/// `ENXIO` if it has none.
pub(super) fn open_controlling(flags: StatusFlags, inode: Arc<dyn Inode>) -> Result<Arc<dyn File>> {
    let terminal = table::calling_thread().and_then(|thread| thread.process.terminal());
    let terminal = terminal.ok_or(err!(ENXIO, "there's no controlling terminal"))?;
    match terminal.line() {
        Line::Host(host) => open(&terminal, host, b"/dev/tty", flags),
        Line::Pty(pty) => tty::open_slave(pty, &terminal, b"/dev/tty", flags, inode),
    }
}

/// Opens the terminal of this device number. A session's leader without a controlling terminal gets it as such, unless
/// `O_NOCTTY` is given.
///
/// # Errors
/// `ENXIO` if it isn't one of the host's that the LibOS knows.
pub(super) fn open_by_device(device: u64, flags: StatusFlags) -> Result<Arc<dyn File>> {
    let known = KNOWN.get().into_iter().flatten().find(|(terminal, _)| u64::from(terminal.device()) == device);
    let (terminal, path) = known.ok_or(err!(ENXIO, "there's no such terminal"))?;
    let Line::Host(host) = terminal.line() else { bail!(ENXIO, "not a terminal of the host") };
    let file = open(terminal, host, path, flags)?;
    if let Some(thread) = table::calling_thread() {
        terminal.acquire(&thread, flags);
    }
    Ok(file)
}

fn open(terminal: &Arc<Terminal>, host: &HostLine, path: &[u8], flags: StatusFlags) -> Result<Arc<dyn File>> {
    let host_flags = flags & (StatusFlags::O_WRONLY | StatusFlags::O_RDWR | StatusFlags::O_NONBLOCK);
    let fd = host.reopen(host_flags.bits())?;
    Ok(Arc::new(TerminalFile::new(HostFile::new(Arc::new(fd), path, flags), terminal.clone())))
}

impl TerminalFile {
    pub(super) fn new(file: HostFile, terminal: Arc<Terminal>) -> Self {
        Self { file, terminal }
    }

    fn attributes(&self) -> Result<[u8; 36]> {
        let mut attributes = [0; 36];
        file::ioctl(self.file.fd(), TerminalRequest::GetAttributes, &mut attributes)?;
        Ok(attributes)
    }

    /// `TOSTOP`: writers in the background are stopped.
    fn stops_writers(&self) -> bool {
        const TOSTOP: u32 = 0o400;
        self.attributes().is_ok_and(|attributes| {
            let [.., a, b, c, d] = attributes[..16] else { return false };
            u32::from_le_bytes([a, b, c, d]) & TOSTOP != 0
        })
    }
}

impl File for TerminalFile {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        let Some(thread) = table::calling_thread() else { return self.file.read(sink) };
        self.terminal.check(&thread, Use::Read)?;
        self.file.read(sink).or_else(|error| match error.errno() {
            // The host's job was put into the background unnoticed.
            Errno::EIO if self.terminal.foreground() == terminal::OUTSIDE => {
                self.terminal.check(&thread, Use::Read)?;
                Err(error)
            }
            _ => Err(error),
        })
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        if let Some(thread) = table::calling_thread() {
            self.terminal.check_writer(&thread, || self.stops_writers())?;
        }
        self.file.write(source)
    }

    fn metadata(&self) -> Result<Metadata> {
        self.file.metadata()
    }

    fn status(&self) -> StatusFlags {
        self.file.status()
    }

    fn set_status(&self, status: StatusFlags) -> Result<()> {
        self.file.set_status(status)
    }

    fn path(&self) -> Vec<u8> {
        self.file.path()
    }

    fn poll(&self) -> IoEvents {
        self.file.poll()
    }

    fn host_fd(&self) -> Option<&HostFd> {
        self.file.host_fd()
    }

    fn ioctl(&self, thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        const TIOCGPGRP: u32 = 0x540f;
        const TIOCSPGRP: u32 = 0x5410;
        const TIOCGSID: u32 = 0x5429;
        const TIOCSCTTY: u32 = 0x540e;
        const TIOCNOTTY: u32 = 0x5422;
        const TCSBRK: u32 = 0x5409;
        const TCXONC: u32 = 0x540a;
        const TCFLSH: u32 = 0x540b;
        const TCSBRKP: u32 = 0x5425;
        let (process, terminal) = (&thread.process, &self.terminal);
        let place = UserPtr::<u32>::new(argument as usize);
        let known = match request {
            TIOCGPGRP | TIOCSPGRP | TIOCGSID | TIOCSCTTY | TIOCNOTTY => {
                // After a hang-up nothing but that can be said.
                self.attributes()?;
                match request {
                    TIOCGPGRP => place.write(&terminal.foreground_for(process)?)?,
                    TIOCSPGRP => terminal.set_foreground(thread, || Ok(place.read()? as i32))?,
                    TIOCGSID => place.write(&terminal.session_for(process)?)?,
                    TIOCSCTTY => terminal.take(thread, self.status().can_read(), argument == 1)?,
                    _ => terminal::give_up(process, terminal)?,
                }
                return Ok(0);
            }
            TCSBRK | TCXONC | TCFLSH | TCSBRKP => {
                terminal.check(thread, Use::Change)?;
                file::terminal_control(self.file.fd(), request, argument as u32)?;
                return Ok(0);
            }
            0x5401 => TerminalRequest::GetAttributes,
            0x5402 => TerminalRequest::SetAttributes,
            0x5403 => TerminalRequest::SetAttributesDrain,
            0x5404 => TerminalRequest::SetAttributesFlush,
            0x5413 => TerminalRequest::GetWindowSize,
            0x5414 => TerminalRequest::SetWindowSize,
            0x541b => TerminalRequest::BytesReadable,
            0x5411 => TerminalRequest::BytesToWrite,
            _ => bail!(ENOTTY, "the terminal has no such request"),
        };
        if matches!(
            known,
            TerminalRequest::SetAttributes | TerminalRequest::SetAttributesDrain | TerminalRequest::SetAttributesFlush
        ) {
            terminal.check(thread, Use::Change)?;
        }
        self.file.request(known, argument)
    }
}
