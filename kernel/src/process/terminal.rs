//! Controlling terminals: which session has one, and who may use it (`man 4 tty`, `man 3 tcsetpgrp`).
//!
//! A terminal is the host's, or a pseudoterminal of the LibOS. Of its own terminals, the host sees one process group with all
//! of the LibOS in it, and gives the terminal to that or takes it away; which of the LibOS's groups has it meanwhile is
//! decided here, as it is for pseudoterminals. [`OUTSIDE`] stands for a foreground group that isn't the LibOS's.

use super::process::Process;
use super::table::{self, Aftermath, INIT, Table};
use super::thread::Thread;
use super::{cap, group};
use crate::fs::StatusFlags;
use crate::prelude::*;
use crate::signal::{self, SigInfo, Signal};
use crate::tty::Pty;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use frame::ocall::file::{self, HostFd, PollFd};
use frame::ocall::terminal;
use frame::sync::Once;

/// The id of a foreground process group that isn't the LibOS's, as Linux shows one of another pid namespace.
pub const OUTSIDE: u32 = 0;

/// No session.
const NOBODY: u32 = 0;

static OF_HOST: Once<Arc<Terminal>> = Once::new();

/// A terminal. Its relations are written under the table's lock.
pub struct Terminal {
    line: Line,
    /// The session whose controlling terminal it is.
    session: AtomicU32,
    /// That session's foreground group.
    foreground: AtomicU32,
}

/// What leads to the user.
pub enum Line {
    /// A terminal of the host.
    Host(HostLine),
    /// A pseudoterminal of the LibOS.
    Pty(Arc<Pty>),
}

/// A terminal of the host.
pub struct HostLine {
    fd: Arc<HostFd>,
    device: u32,
    /// It is the host process's controlling terminal, too.
    controls_host: AtomicBool,
}

/// How a process comes to use its terminal in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It reads.
    Read,
    /// It writes, or changes a setting.
    Change,
}

/// The host process's controlling terminal.
pub fn of_host() -> Option<&'static Arc<Terminal>> {
    OF_HOST.get()
}

/// Finds out the host process's controlling terminal, at boot.
pub fn find_of_host() {
    if let Ok(line) = terminal::open_controlling().and_then(|fd| HostLine::new(Arc::new(fd))) {
        line.controls_host.store(true, SeqCst);
        OF_HOST.call_once(|| Arc::new(Terminal::new(Line::Host(line))));
    }
}

/// The first process's session has the terminal that the host process has.
pub(super) fn give_to_first(first: &Process) {
    if let Some(terminal) = of_host() {
        terminal.session.store(first.session(), SeqCst);
        terminal.foreground.store(first.group(), SeqCst);
        *first.terminal.lock() = Some(terminal.clone());
        terminal.foreground();
    }
}

impl HostLine {
    /// # Errors
    /// `ENOTTY` if it's no terminal.
    fn new(fd: Arc<HostFd>) -> Result<Self> {
        Ok(Self { device: terminal::device(&fd)?, fd, controls_host: AtomicBool::new(false) })
    }

    /// Another open file of it, with these status flags.
    ///
    /// # Errors
    /// `EIO` after a hang-up.
    pub fn reopen(&self, flags: u32) -> Result<HostFd> {
        terminal::reopen(&self.fd, flags)
    }

    /// Whether the host has another job in the foreground.
    fn is_held_outside(&self) -> bool {
        self.controls_host.load(SeqCst) && terminal::is_foreground(&self.fd).is_ok_and(|is_ours| !is_ours)
    }

    fn is_hung_up(&self) -> bool {
        const POLLHUP: i16 = 0x10;
        let mut fds = [PollFd::new(&self.fd, 0)];
        file::poll_now(&mut fds).is_ok() && fds[0].ready() & POLLHUP != 0
    }

    /// Makes it the host process's controlling terminal, unless it is.
    fn take(&self) -> Result<()> {
        if !self.controls_host.load(SeqCst) {
            terminal::make_controlling(&self.fd)?;
            self.controls_host.store(true, SeqCst);
        }
        Ok(())
    }
}

impl Terminal {
    /// A terminal of the host that is no session's.
    ///
    /// # Errors
    /// `ENOTTY` if it's no terminal.
    pub fn of_host(fd: Arc<HostFd>) -> Result<Self> {
        Ok(Self::new(Line::Host(HostLine::new(fd)?)))
    }

    /// The terminal that a pseudoterminal's slave is.
    pub fn of_pty(pty: Arc<Pty>) -> Self {
        Self::new(Line::Pty(pty))
    }

    fn new(line: Line) -> Self {
        Self { line, session: AtomicU32::new(NOBODY), foreground: AtomicU32::new(OUTSIDE) }
    }

    /// What leads to the user.
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// Its device number.
    pub fn device(&self) -> u32 {
        match &self.line {
            Line::Host(host) => host.device,
            Line::Pty(pty) => pty.device(),
        }
    }

    /// Whether it is a process's controlling terminal.
    pub fn controls(&self, process: &Process) -> bool {
        process.terminal.lock().as_ref().is_some_and(|terminal| core::ptr::eq(&raw const **terminal, self))
    }

    /// The session whose controlling terminal it is.
    pub fn session(&self) -> Option<u32> {
        Some(self.session.load(SeqCst)).filter(|session| *session != NOBODY)
    }

    /// The foreground group, asking the host whether that is the LibOS's.
    pub fn foreground(&self) -> u32 {
        if self.is_held_outside() {
            self.foreground.store(OUTSIDE, SeqCst);
        } else if self.foreground.load(SeqCst) == OUTSIDE
            && let Some(first) = table::first()
            && self.session() == Some(first.session())
        {
            // Whoever started the first process outside has put its job into the foreground.
            self.foreground.store(first.group(), SeqCst);
        }
        self.foreground.load(SeqCst)
    }

    /// The foreground group as it was when somebody last asked the host, unless that has given it away.
    fn recent_foreground(&self) -> u32 {
        match self.foreground.load(SeqCst) {
            OUTSIDE => self.foreground(),
            group => group,
        }
    }

    /// Whether the host has another job in the foreground.
    fn is_held_outside(&self) -> bool {
        matches!(&self.line, Line::Host(host) if host.is_held_outside())
    }

    /// Checks that the calling thread's process may use the terminal; stops its group if it's in the background.
    ///
    /// # Errors
    /// `EIO` if nobody could continue it or it reads and doesn't listen to `SIGTTIN`; `ERESTARTSYS` when the signal is sent.
    pub fn check(&self, thread: &Thread, usage: Use) -> Result<()> {
        let process = &thread.process;
        if !self.controls(process) {
            return Ok(());
        }
        let foreground = match usage {
            Use::Read => self.recent_foreground(),
            Use::Change => self.foreground(),
        };
        if foreground == process.group() {
            return Ok(());
        }
        let signal = match usage {
            Use::Read => Signal::SIGTTIN,
            Use::Change => Signal::SIGTTOU,
        };
        if signal::is_evaded_by(thread, signal) {
            return match usage {
                Use::Read => Err(err!(EIO, "the reader is in the background and doesn't listen to SIGTTIN")),
                Use::Change => Ok(()),
            };
        }
        if group::is_orphaned(process) {
            bail!(EIO, "the process is in the background, and nobody could continue it");
        }
        if foreground == OUTSIDE {
            terminal::signal_job(signal.number());
        }
        group::signal_all(process.group(), signal, SigInfo::kernel(signal));
        Err(Errno::ERESTARTSYS.into())
    }

    /// As [`check`](Self::check) for a writer, which is asked only if it is in the background for sure.
    ///
    /// # Errors
    /// As there.
    pub fn check_writer(&self, thread: &Thread, stops_writers: impl FnOnce() -> bool) -> Result<()> {
        if !self.controls(&thread.process) || self.recent_foreground() == thread.process.group() || !stops_writers() {
            return Ok(());
        }
        self.check(thread, Use::Change)
    }

    /// The foreground group, for a process of its session (`TIOCGPGRP`).
    ///
    /// # Errors
    /// `ENOTTY` if it's another's controlling terminal, or nobody's.
    pub fn foreground_for(&self, process: &Process) -> Result<u32> {
        self.check_controls(process)?;
        Ok(self.foreground())
    }

    /// The session, for a process of it (`TIOCGSID`).
    ///
    /// # Errors
    /// As for [`foreground_for`](Self::foreground_for).
    pub fn session_for(&self, process: &Process) -> Result<u32> {
        self.check_controls(process)?;
        self.session().ok_or(err!(ENOTTY, "the terminal is no session's"))
    }

    fn check_controls(&self, process: &Process) -> Result<()> {
        if self.controls(process) { Ok(()) } else { Err(err!(ENOTTY, "not the process's controlling terminal")) }
    }

    /// Puts a group of its session into the foreground (`TIOCSPGRP`).
    ///
    /// # Errors
    /// As `tcsetpgrp(3)`.
    pub fn set_foreground(&self, thread: &Thread, group: impl FnOnce() -> Result<i32>) -> Result<()> {
        let process = &thread.process;
        self.check(thread, Use::Change).map_err(|error| match error.errno() {
            Errno::EIO => err!(ENOTTY, "the process is in the background, and nobody could continue it"),
            _ => error,
        })?;
        let group = u32::try_from(group()?).map_err(|_| err!(EINVAL, "the process group id is negative"))?;
        table::change(|table, _| {
            if !self.controls(process) || self.session() != Some(process.session()) {
                bail!(ENOTTY, "not the process's controlling terminal");
            }
            // Linux takes a process's id for its group's here.
            let session = match table.groups.get(&group) {
                Some(group) => group.session(),
                None => table.process(group).ok_or(err!(ESRCH, "no such process group"))?.session(),
            };
            if session != process.session() {
                bail!(EPERM, "the process group is in another session");
            }
            if let Line::Host(host) = &self.line
                && host.is_held_outside()
            {
                // Whoever doesn't listen to SIGTTOU takes the terminal from others outside as well.
                terminal::take_foreground(&host.fd)?;
            }
            self.foreground.store(group, SeqCst);
            Ok(())
        })
    }

    /// Makes it the controlling terminal of the session that the calling process leads (`TIOCSCTTY`).
    ///
    /// # Errors
    /// `EPERM` if the process leads no session or has a terminal, or the terminal is another session's.
    pub fn take(self: &Arc<Self>, thread: &Thread, may_read: bool, steal: bool) -> Result<()> {
        let process = &thread.process;
        let is_admin = thread.credentials().has_cap(cap::SYS_ADMIN);
        table::change(|table, _| {
            let leads = process.session() == process.pid();
            if leads && self.session() == Some(process.session()) {
                return Ok(());
            }
            if !leads || process.terminal.lock().is_some() {
                bail!(EPERM, "the process leads no session, or has a controlling terminal");
            }
            if let Some(session) = self.session() {
                if !steal || !is_admin {
                    bail!(EPERM, "the terminal is another session's");
                }
                table.clear_terminal(session);
            }
            if !may_read && !is_admin {
                bail!(EPERM, "the terminal is not open for reading");
            }
            if let Line::Host(host) = &self.line {
                host.take()?;
            }
            self.session.store(process.session(), SeqCst);
            self.foreground.store(process.group(), SeqCst);
            *process.terminal.lock() = Some(self.clone());
            Ok(())
        })
    }

    /// A session's leader without a controlling terminal gets the one that it opens as such, unless the flags have `O_NOCTTY`
    /// (`man 2 open`).
    pub fn acquire(self: &Arc<Self>, thread: &Thread, flags: StatusFlags) {
        if !flags.contains(StatusFlags::O_NOCTTY) && self.session().is_none() {
            // Who may not have it has the file all the same.
            let _ = self.take(thread, flags.can_read(), false);
        }
    }

    /// Its last file is closed: it is no session's any more, which nobody is told of.
    pub fn leave_session(&self) {
        table::change(|table, _| {
            if let Some(session) = self.session() {
                table.clear_terminal(session);
            }
        });
    }

    /// The terminal is gone: so it is for its session, whose leader is told (`man 3 termios`, `CLOCAL`).
    pub fn hang_up(&self) {
        table::change(|table, aftermath| {
            let Some(session) = self.session() else { return };
            match table.process(session) {
                Some(leader) if session != INIT => {
                    for signal in [Signal::SIGHUP, Signal::SIGCONT] {
                        aftermath.signal(leader, signal, SigInfo::kernel(signal));
                    }
                }
                // The leader is outside, and has ended: that's why the LibOS was told.
                _ => table.signal_group(self.foreground.load(SeqCst), &[Signal::SIGHUP], aftermath),
            }
            table.clear_terminal(session);
        });
    }

    /// Whom a signal of the terminal driver is for: the foreground group, or nobody.
    pub fn signal_foreground(&self, signal: Signal) {
        if self.session().is_some() {
            group::signal_all(self.recent_foreground(), signal, SigInfo::kernel(signal));
        }
    }

    /// Whether `SIGHUP` from the host means that the terminal is gone, rather than its session's leader.
    pub(super) fn has_hung_up(&self) -> bool {
        self.session().is_some() && matches!(&self.line, Line::Host(host) if host.is_hung_up())
    }
}

/// Gives up the controlling terminal (`TIOCNOTTY`): a session's leader does it for all of the session.
///
/// # Errors
/// `ENOTTY` if it's not the process's.
pub fn give_up(process: &Arc<Process>, terminal: &Terminal) -> Result<()> {
    table::change(|table, aftermath| {
        if !terminal.controls(process) {
            bail!(ENOTTY, "not the process's controlling terminal");
        }
        if process.session() == process.pid() {
            table.disassociate(process, &[Signal::SIGHUP, Signal::SIGCONT], aftermath);
        }
        *process.terminal.lock() = None;
        Ok(())
    })
}

impl Table {
    /// A session's leader gives the terminal up for all; the foreground group is told by these signals.
    pub(super) fn disassociate(&self, leader: &Process, signals: &[Signal], aftermath: &mut Aftermath) {
        let Some(terminal) = leader.terminal.lock().clone() else { return };
        self.signal_group(terminal.foreground.load(SeqCst), signals, aftermath);
        self.clear_terminal(leader.session());
    }

    /// No process of the session has a terminal any more.
    fn clear_terminal(&self, session: u32) {
        for entry in self.processes.values().filter(|entry| entry.process.session() == session) {
            if let Some(terminal) = entry.process.terminal.lock().take() {
                terminal.session.store(NOBODY, SeqCst);
                terminal.foreground.store(OUTSIDE, SeqCst);
            }
        }
    }

    fn signal_group(&self, group: u32, signals: &[Signal], aftermath: &mut Aftermath) {
        let members = self.groups.get(&group).into_iter().flat_map(super::group::ProcessGroup::members);
        for member in members.filter_map(|pid| self.process(*pid)) {
            for signal in signals {
                aftermath.signal(member, *signal, SigInfo::kernel(*signal));
            }
        }
    }
}
