//! A pseudoterminal: both ends' transfers and waits.

use super::devpts;
use super::state::{News, Slaves, State};
use super::termios::Special;
use crate::events::{Blocking, IoEvents, Notifier};
use crate::prelude::*;
use crate::process::terminal::Terminal;
use crate::signal::Signal;
use core::time::Duration;
use frame::sync::{Deadline, WaitError, WaitQueue};

/// A pseudoterminal.
pub struct Pty {
    index: u32,
    state: Mutex<State>,
    pub(super) slave: Side,
    pub(super) master: Side,
}

/// Who waits at one end.
#[derive(Default)]
pub(super) struct Side {
    readers: WaitQueue,
    writers: WaitQueue,
    pub(super) notifier: Notifier,
}

/// The most that a write copies at a time.
const CHUNK: usize = 2048;

impl Pty {
    /// A new pseudoterminal of this number.
    pub(super) fn new(index: u32) -> Self {
        Self { index, state: Mutex::new(State::new()), slave: Side::default(), master: Side::default() }
    }

    /// Its number, which is its name in `/dev/pts`.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The slave's device number.
    pub fn device(&self) -> u32 {
        devpts::device(self.index)
    }

    /// Whether its master is closed.
    pub fn is_hung_up(&self) -> bool {
        self.state.lock().is_master_closed
    }

    /// Looks at the state.
    pub(super) fn look<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.state.lock())
    }

    /// Changes the state, and tells whom it concerns.
    pub(super) fn change<R>(&self, terminal: &Terminal, change: impl FnOnce(&mut State) -> R) -> R {
        let (result, news, signals) = {
            let mut state = self.state.lock();
            let result = change(&mut state);
            (result, core::mem::take(&mut state.news), core::mem::take(&mut state.signals))
        };
        for signal in signals {
            terminal.signal_foreground(signal);
        }
        self.tell(news);
        result
    }

    fn tell(&self, news: News) {
        let all = [
            (News::SLAVE_READS, &self.slave.readers, &self.slave, IoEvents::READABLE),
            (News::SLAVE_WRITES, &self.slave.writers, &self.slave, IoEvents::WRITABLE),
            (News::MASTER_READS, &self.master.readers, &self.master, IoEvents::READABLE | IoEvents::POLLPRI),
            (News::MASTER_WRITES, &self.master.writers, &self.master, IoEvents::WRITABLE),
        ];
        for (concerned, queue, side, events) in all {
            if news.contains(concerned) {
                queue.wake_all();
                side.notifier.broadcast(events | IoEvents::ALWAYS.when(news == News::CLOSED));
            }
        }
    }

    /// A slave file is opened.
    ///
    /// # Errors
    /// `EIO` while the slave is locked or without a master, `EBUSY` if somebody has it for himself.
    pub(super) fn open_slave(&self, may_share: bool) -> Result<()> {
        let mut state = self.state.lock();
        if state.is_master_closed || state.is_locked {
            bail!(EIO, "the slave is locked, or has no master");
        }
        if state.is_exclusive && !may_share {
            bail!(EBUSY, "somebody has the terminal for himself");
        }
        state.slaves = match state.slaves {
            Slaves::Open(count) => Slaves::Open(count + 1),
            Slaves::NotYet | Slaves::Closed => Slaves::Open(1),
        };
        Ok(())
    }

    /// A slave file is closed: the last one ends what the master reads.
    pub(super) fn close_slave(&self, terminal: &Terminal) {
        let is_last = self.change(terminal, |state| {
            state.slaves = match state.slaves {
                Slaves::Open(count) if count > 1 => Slaves::Open(count - 1),
                _ => Slaves::Closed,
            };
            let is_last = state.slaves == Slaves::Closed;
            if is_last {
                state.is_exclusive = false;
                state.news |= News::CLOSED;
            }
            is_last
        });
        if is_last {
            terminal.leave_session();
        }
    }

    /// The master is closed: the slave is hung up.
    pub(super) fn close_master(&self, terminal: &Terminal) {
        self.change(terminal, |state| {
            state.is_master_closed = true;
            state.news |= News::CLOSED;
        });
        terminal.hang_up();
    }

    /// The slave reads (`man 3 termios`, "Canonical and noncanonical mode").
    pub(super) fn read_slave(&self, terminal: &Terminal, sink: &mut Sink<'_>, blocking: Blocking) -> Result<usize> {
        let wanted = sink.remaining();
        let (minimum, pause) = self.look(|state| {
            let (minimum, tenths) = (state.termios().special(Special::Min), state.termios().special(Special::Time));
            let pause = (tenths > 0).then(|| Duration::from_millis(u64::from(tenths) * 100));
            if state.termios().is_canonical() { (1, None) } else { (usize::from(minimum), pause) }
        });
        let mut bytes = Vec::new();
        // With VMIN the time counts from the first byte on, else from now; and neither means not to wait.
        let mut deadline = match (minimum, pause) {
            (0, pause) => Some(Deadline::after(pause.unwrap_or_default())),
            _ => None,
        };
        while bytes.len() < wanted {
            let attempt = || {
                let taken = self.change(terminal, |state| {
                    if state.is_master_closed {
                        return Some(Taken::End);
                    }
                    state.read_slave(wanted - bytes.len()).map(Taken::Bytes)
                });
                taken.or_else(|| (blocking == Blocking::DontWait).then_some(Taken::Nothing))
            };
            match self.slave.readers.wait_until(deadline, attempt) {
                // The end of a file.
                Ok(Taken::Bytes(taken)) if taken.is_empty() => break,
                Ok(Taken::Bytes(taken)) => bytes.extend(taken),
                Ok(Taken::End) | Err(WaitError::TimedOut) => break,
                Ok(Taken::Nothing) if bytes.is_empty() && deadline.is_none_or(|deadline| !deadline.has_passed()) => {
                    bail!(EAGAIN, "nothing was typed")
                }
                Err(WaitError::Interrupted) if bytes.is_empty() => return Err(Errno::ERESTARTSYS.into()),
                Ok(Taken::Nothing) | Err(WaitError::Interrupted) => break,
            }
            if bytes.len() >= minimum.max(1) {
                break;
            }
            deadline = pause.map(Deadline::after);
        }
        if bytes.is_empty() { Ok(0) } else { sink.put(&bytes) }
    }

    /// The slave writes.
    pub(super) fn write_slave(
        &self,
        terminal: &Terminal,
        source: &mut Source<'_>,
        blocking: Blocking,
    ) -> Result<usize> {
        let write = |bytes: &[u8]| {
            self.change(terminal, |state| match state.is_master_closed {
                true => Err(err!(EIO, "the terminal is hung up")),
                false => Ok(state.write_slave(bytes)),
            })
        };
        transfer(source, blocking, &self.slave.writers, write)
    }

    /// The master reads.
    pub(super) fn read_master(&self, terminal: &Terminal, sink: &mut Sink<'_>, blocking: Blocking) -> Result<usize> {
        let wanted = sink.remaining();
        if wanted == 0 {
            return Ok(0);
        }
        let attempt = || {
            self.change(terminal, |state| match state.read_master(wanted) {
                Some(bytes) => Some(Ok(bytes)),
                None if state.slaves == Slaves::Closed => Some(Err(err!(EIO, "the slave is closed"))),
                None if blocking == Blocking::DontWait => Some(Err(err!(EAGAIN, "nothing was written"))),
                None => None,
            })
        };
        let bytes = self.master.readers.wait_until(None, attempt).map_err(|_| Error::from(Errno::ERESTARTSYS))??;
        sink.put(&bytes)
    }

    /// The master writes.
    pub(super) fn write_master(
        &self,
        terminal: &Terminal,
        source: &mut Source<'_>,
        blocking: Blocking,
    ) -> Result<usize> {
        let write = |bytes: &[u8]| Ok(self.change(terminal, |state| state.write_master(bytes)));
        transfer(source, blocking, &self.master.writers, write)
    }

    /// The window's size has changed: the foreground group is told.
    pub(super) fn set_window(&self, terminal: &Terminal, window: [u16; 4]) {
        if self.change(terminal, |state| state.set_window(window)) {
            terminal.signal_foreground(Signal::SIGWINCH);
        }
    }
}

/// What a read of the slave finds.
enum Taken {
    Bytes(Vec<u8>),
    /// The terminal is hung up.
    End,
    /// Nothing, and it doesn't wait.
    Nothing,
}

/// Writes all of a source, as `write` has room for it, waiting in `queue` for more.
fn transfer(
    source: &mut Source<'_>,
    blocking: Blocking,
    queue: &WaitQueue,
    write: impl Fn(&[u8]) -> Result<usize>,
) -> Result<usize> {
    let mut buffer = [0; CHUNK];
    let mut total = 0;
    while !source.is_empty() {
        let wanted = source.remaining().min(CHUNK);
        let count = match source.take(&mut buffer[..wanted]) {
            Err(error) if total == 0 => return Err(error),
            Err(_) => break,
            Ok(count) => count,
        };
        let mut bytes = &buffer[..count];
        while !bytes.is_empty() {
            let attempt = || match write(bytes) {
                Ok(0) if blocking == Blocking::Wait => None,
                Ok(0) => Some(Err(err!(EAGAIN, "the other end doesn't read"))),
                result => Some(result),
            };
            match queue.wait_until(None, attempt) {
                Ok(Ok(written)) => {
                    total += written;
                    bytes = &bytes[written..];
                }
                Ok(Err(_)) | Err(_) if total > 0 => return Ok(total),
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(Errno::ERESTARTSYS.into()),
            }
        }
    }
    Ok(total)
}
