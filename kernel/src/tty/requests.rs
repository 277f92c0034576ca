//! What `ioctl` asks of a pseudoterminal (`man 2 ioctl_tty`).

use super::discipline::Flow;
use super::master::Master;
use super::pty::Pty;
use super::slave::Slave;
use super::state::Queues;
use super::termios::{Special, Termios, Termios2};
use super::{devpts, state};
use crate::fs::{FdFlags, StatusFlags};
use crate::prelude::*;
use crate::process::terminal::{self, Terminal, Use};
use crate::process::{Thread, cap};
use crate::signal::Signal;
use linux_raw_sys::ioctl as linux;

/// A request to a slave.
pub(super) fn of_slave(file: &Slave, thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
    let (pty, terminal) = (&*file.pty, &file.terminal);
    if pty.is_hung_up() {
        return Err(if request == linux::TIOCSPGRP { err!(ENOTTY) } else { err!(EIO, "the terminal is hung up") });
    }
    let place = UserPtr::<u32>::new(argument as usize);
    match request {
        linux::TIOCINQ => place.write(&(pty.look(state::State::slave_readable) as u32))?,
        linux::TIOCGPGRP => place.write(&terminal.foreground_for(&thread.process)?)?,
        linux::TIOCGSID => place.write(&terminal.session_for(&thread.process)?)?,
        linux::TIOCNOTTY => terminal::give_up(&thread.process, terminal)?,
        linux::TIOCSCTTY => {
            terminal.take(thread, crate::fs::File::status(file).can_read(), argument == 1)?;
        }
        linux::TCXONC => {
            terminal.check(thread, Use::Change)?;
            control_flow(pty, terminal, argument)?;
        }
        linux::TCFLSH => {
            terminal.check(thread, Use::Change)?;
            let queues = queues(argument)?;
            pty.change(terminal, |state| state.flush(queues));
        }
        // There's no line whose idleness could be seen, and nothing waits on this side.
        linux::TCSBRK | linux::TCSBRKP => terminal.check(thread, Use::Change)?,
        linux::TIOCSBRK | linux::TIOCCBRK => {}
        linux::TIOCSTI => {
            warn!("TIOCSTI is refused, as where dev.tty.legacy_tiocsti is off");
            bail!(EIO, "nobody types for the user");
        }
        _ => return of_either(pty, terminal, thread, request, argument),
    }
    Ok(0)
}

/// A request to a master.
pub(super) fn of_master(file: &Master, thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
    let (pty, terminal) = (&*file.pty, &file.terminal);
    let place = UserPtr::<u32>::new(argument as usize);
    match request {
        linux::TIOCGPTN => place.write(&pty.index())?,
        linux::TIOCSPTLCK => {
            let locks = place.read()? != 0;
            pty.change(terminal, |state| state.is_locked = locks);
        }
        linux::TIOCGPTLCK => place.write(&u32::from(pty.look(|state| state.is_locked)))?,
        linux::TIOCPKT => {
            let is_on = place.read()? != 0;
            pty.change(terminal, |state| state.set_packet_mode(is_on));
        }
        linux::TIOCGPKT => place.write(&u32::from(pty.look(state::State::is_in_packet_mode)))?,
        linux::TIOCGPTPEER => {
            let flags = StatusFlags::from_bits_truncate(argument as u32);
            let slave = devpts::open_slave(pty.index(), flags)?;
            let close = if flags.contains(StatusFlags::O_CLOEXEC) { FdFlags::CLOEXEC } else { FdFlags::empty() };
            return crate::fs::sys::install(thread, slave, close);
        }
        linux::TIOCSIG => {
            let signal = Signal::new(argument).map_err(|_| err!(EINVAL, "no signal"))?;
            if !matches!(signal, Signal::SIGINT | Signal::SIGQUIT | Signal::SIGTSTP) {
                bail!(EINVAL, "a terminal sends no such signal");
            }
            pty.change(terminal, |state| state.raise(signal));
        }
        linux::TIOCINQ => place.write(&(pty.look(state::State::master_readable) as u32))?,
        linux::TIOCGPGRP => place.write(&terminal.foreground())?,
        linux::TIOCGSID => place.write(&terminal.session().ok_or(err!(ENOTTY, "the terminal is no session's"))?)?,
        linux::TIOCSCTTY => {
            terminal.take(thread, crate::fs::File::status(file).can_read(), argument == 1)?;
        }
        linux::TIOCNOTTY => bail!(ENOTTY, "a master controls nobody"),
        linux::TCFLSH => {
            let queues = queues(argument)?;
            pty.change(terminal, |state| {
                if queues.contains(Queues::INPUT) {
                    state.flush_master();
                }
            });
        }
        linux::TCSBRK | linux::TCSBRKP | linux::TIOCSBRK | linux::TIOCCBRK => {}
        _ => return of_either(pty, terminal, thread, request, argument),
    }
    Ok(0)
}

/// What is the same at both ends: the settings are the slave's.
fn of_either(pty: &Pty, terminal: &Arc<Terminal>, thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
    let addr = argument as usize;
    let word = UserPtr::<u32>::new(addr);
    match request {
        linux::TCGETS => UserPtr::<Termios>::new(addr).write(&pty.look(|state| *state.termios()))?,
        linux::TCGETS2 => UserPtr::<Termios2>::new(addr).write(&pty.look(state::State::termios2))?,
        linux::TCSETS | linux::TCSETSW | linux::TCSETSF => {
            terminal.check(thread, Use::Change)?;
            let new = UserPtr::<Termios>::new(addr).read()?;
            let speeds = pty.look(|state| state.termios2().speeds());
            let flushed = if request == linux::TCSETSF { Queues::INPUT } else { Queues::empty() };
            set_termios(pty, terminal, (new, speeds), flushed);
        }
        linux::TCSETS2 | linux::TCSETSW2 | linux::TCSETSF2 => {
            terminal.check(thread, Use::Change)?;
            let new = UserPtr::<Termios2>::new(addr).read()?;
            let flushed = if request == linux::TCSETSF2 { Queues::INPUT } else { Queues::empty() };
            set_termios(pty, terminal, (new.termios, new.speeds()), flushed);
        }
        linux::TIOCGWINSZ => UserPtr::<[u16; 4]>::new(addr).write(&pty.look(state::State::window))?,
        linux::TIOCSWINSZ => pty.set_window(terminal, UserPtr::<[u16; 4]>::new(addr).read()?),
        linux::TIOCSPGRP => terminal.set_foreground(thread, || Ok(word.read()? as i32))?,
        linux::TIOCOUTQ | linux::TIOCGETD => word.write(&0)?,
        linux::TIOCSETD => {
            if word.read()? != 0 {
                bail!(EINVAL, "there's one line discipline");
            }
        }
        linux::TIOCEXCL => pty.change(terminal, |state| state.is_exclusive = true),
        linux::TIOCNXCL => pty.change(terminal, |state| state.is_exclusive = false),
        linux::TIOCGEXCL => word.write(&u32::from(pty.look(|state| state.is_exclusive)))?,
        linux::TIOCGDEV => word.write(&pty.device())?,
        linux::TIOCVHANGUP if !thread.credentials().has_cap(cap::SYS_ADMIN) => {
            bail!(EPERM, "hanging up takes CAP_SYS_ADMIN");
        }
        _ => {
            warn!("a terminal has no request {request:#x}");
            bail!(ENOTTY, "the terminal has no such request");
        }
    }
    Ok(0)
}

/// Sets settings and speeds, after having flushed these queues.
fn set_termios(pty: &Pty, terminal: &Terminal, (new, speeds): (Termios, [u32; 2]), flushed: Queues) {
    pty.change(terminal, |state| {
        state.flush(flushed);
        state.set_termios(new, speeds);
    });
}

/// `tcflush(3)`.
fn queues(argument: u64) -> Result<Queues> {
    match argument {
        0 => Ok(Queues::INPUT),
        1 => Ok(Queues::OUTPUT),
        2 => Ok(Queues::INPUT | Queues::OUTPUT),
        _ => Err(err!(EINVAL, "no such queue")),
    }
}

/// `tcflow(3)`.
fn control_flow(pty: &Pty, terminal: &Terminal, argument: u64) -> Result<()> {
    pty.change(terminal, |state| match argument {
        0 => Ok(state.set_flow(Flow::StoppedByProgram)),
        1 => Ok(state.set_flow(Flow::Running)),
        2 => Ok(state.send_flow_character(Special::Stop)),
        3 => Ok(state.send_flow_character(Special::Start)),
        _ => Err(err!(EINVAL, "no such action")),
    })
}
