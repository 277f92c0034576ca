//! What a pseudoterminal's lock protects.

use super::discipline::{Discipline, Effect, Flow, INPUT_SIZE, MAX_EXPANSION};
use super::termios::{Special, Termios, Termios2};
use crate::events::IoEvents;
use crate::prelude::*;
use crate::signal::Signal;
use bitflags::bitflags;

/// How many bytes wait for the master at most.
const OUTPUT_SIZE: usize = 20480;
/// How many bytes wait for room in the slave's input at most.
const PENDING_SIZE: usize = 18432;

bitflags! {
    /// What the master is told in packet mode (`man 2 ioctl_tty`, `TIOCPKT`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct PacketStatus: u8 {
        /// The slave's input was flushed.
        const FLUSHREAD = 1;
        /// The slave's output was flushed.
        const FLUSHWRITE = 2;
        /// The output is stopped.
        const STOP = 4;
        /// It goes on.
        const START = 8;
        /// START and STOP don't control it.
        const NOSTOP = 16;
        /// They do.
        const DOSTOP = 32;
        /// Settings have changed, with `EXTPROC`.
        const IOCTL = 64;
    }
}

bitflags! {
    /// Whom a change concerns.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct News: u8 {
        /// The slave can read.
        const SLAVE_READS = 1;
        /// The slave can write.
        const SLAVE_WRITES = 2;
        /// The master can read.
        const MASTER_READS = 4;
        /// The master can write.
        const MASTER_WRITES = 8;
        /// All of these.
        const CLOSED = 15;
    }
}

bitflags! {
    /// Which queues are flushed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Queues: u8 {
        /// What was typed and not read.
        const INPUT = 1;
        /// What was written and not passed on.
        const OUTPUT = 2;
    }
}

/// Whether somebody has the slave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slaves {
    /// Nobody had.
    NotYet,
    /// So many open files.
    Open(usize),
    /// The last one was closed.
    Closed,
}

/// A pseudoterminal's state.
pub(super) struct State {
    discipline: Discipline,
    speeds: [u32; 2],
    /// Rows, columns, and pixels.
    window: [u16; 4],
    /// Written by the master, and not in the slave's input yet.
    pending: VecDeque<u8>,
    /// For the master to read.
    output: VecDeque<u8>,
    /// What there is to tell the master, in packet mode.
    packet: Option<PacketStatus>,
    pub(super) slaves: Slaves,
    pub(super) is_master_closed: bool,
    /// `TIOCSPTLCK`.
    pub(super) is_locked: bool,
    /// `TIOCEXCL`.
    pub(super) is_exclusive: bool,
    pub(super) news: News,
    pub(super) signals: Vec<Signal>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            discipline: Discipline::new(),
            speeds: Termios2::INITIAL.speeds(),
            window: [0; 4],
            pending: VecDeque::new(),
            output: VecDeque::new(),
            packet: None,
            slaves: Slaves::NotYet,
            is_master_closed: false,
            is_locked: true,
            is_exclusive: false,
            news: News::empty(),
            signals: Vec::new(),
        }
    }

    pub(super) fn termios(&self) -> &Termios {
        self.discipline.termios()
    }

    pub(super) fn termios2(&self) -> Termios2 {
        self.termios().with_speeds(self.speeds)
    }

    pub(super) fn set_termios(&mut self, new: Termios, speeds: [u32; 2]) {
        let new = new.on_pty();
        let had_flow_control = self.termios().has_usual_flow_control();
        let had_stopped = self.discipline.flow;
        self.speeds = new.with_speeds(speeds).speeds();
        self.discipline.set_termios(new, &mut self.output);
        if had_flow_control != new.has_usual_flow_control() {
            let (now, before) = if had_flow_control {
                (PacketStatus::NOSTOP, PacketStatus::DOSTOP)
            } else {
                (PacketStatus::DOSTOP, PacketStatus::NOSTOP)
            };
            self.tell_packet(now, before);
        }
        if had_stopped != self.discipline.flow {
            self.flow_changed();
        }
        // A reader looks again by the new settings.
        self.news |= News::SLAVE_READS;
        self.feed();
    }

    pub(super) fn window(&self) -> [u16; 4] {
        self.window
    }

    /// Sets the window's size; whether it has changed.
    pub(super) fn set_window(&mut self, window: [u16; 4]) -> bool {
        core::mem::replace(&mut self.window, window) != window
    }

    pub(super) fn is_in_packet_mode(&self) -> bool {
        self.packet.is_some()
    }

    pub(super) fn set_packet_mode(&mut self, is_on: bool) {
        match (is_on, self.packet) {
            (true, None) => self.packet = Some(PacketStatus::empty()),
            (false, _) => self.packet = None,
            _ => {}
        }
    }

    fn tell_packet(&mut self, now: PacketStatus, before: PacketStatus) {
        if let Some(status) = &mut self.packet {
            *status = *status - before | now;
            self.news |= News::MASTER_READS;
        }
    }

    /// Drops what is in these queues.
    pub(super) fn flush(&mut self, queues: Queues) {
        if queues.contains(Queues::INPUT) {
            self.discipline.flush_input();
            self.pending.clear();
            self.news |= News::MASTER_WRITES;
            self.tell_packet(PacketStatus::FLUSHREAD, PacketStatus::empty());
        }
        if queues.contains(Queues::OUTPUT) {
            // What the master's own input could hold has passed.
            self.output.truncate(INPUT_SIZE);
            self.news |= News::SLAVE_WRITES;
            self.tell_packet(PacketStatus::FLUSHWRITE, PacketStatus::empty());
        }
    }

    /// Drops what the master hasn't read.
    pub(super) fn flush_master(&mut self) {
        self.output.clear();
        self.news |= News::SLAVE_WRITES;
    }

    /// Stops the output or lets it go on (`TCXONC`).
    pub(super) fn set_flow(&mut self, flow: Flow) {
        match (self.discipline.flow, flow) {
            (Flow::Running, Flow::Running) => return,
            (_, Flow::Running) => self.discipline.start(&mut self.output),
            (Flow::Running, _) => self.discipline.flow = flow,
            _ => return,
        }
        self.flow_changed();
    }

    fn flow_changed(&mut self) {
        if self.discipline.flow == Flow::Running {
            self.news |= News::SLAVE_WRITES | News::MASTER_READS;
            self.tell_packet(PacketStatus::START, PacketStatus::STOP);
        } else {
            self.tell_packet(PacketStatus::STOP, PacketStatus::START);
        }
    }

    /// Sends the master a START or STOP character (`TCIOFF`, `TCION`).
    pub(super) fn send_flow_character(&mut self, special: Special) {
        let byte = self.termios().special(special);
        if byte != 0 {
            self.output.push_back(byte);
            self.news |= News::MASTER_READS;
        }
    }

    /// A signal of the slave's own characters (`TIOCSIG`).
    pub(super) fn raise(&mut self, signal: Signal) {
        self.signals.push(signal);
    }

    /// The master writes; gives how many bytes were taken.
    pub(super) fn write_master(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(PENDING_SIZE.saturating_sub(self.pending.len()));
        self.pending.extend(&bytes[..count]);
        self.feed();
        count
    }

    /// Passes on what the master wrote, as far as the input has room.
    fn feed(&mut self) {
        let had = (self.output.len(), self.discipline.readable());
        let was_full = self.pending.len() >= PENDING_SIZE;
        let mut ended_line = false;
        while !self.pending.is_empty() && self.discipline.has_room() {
            let Some(byte) = self.pending.pop_front() else { break };
            // Echoes that don't fit are lost, as on Linux.
            let mut echoes = VecDeque::new();
            let output = if self.output.len() < OUTPUT_SIZE { &mut self.output } else { &mut echoes };
            match self.discipline.receive(byte, output) {
                Effect::None => {}
                Effect::Signal(signal) => {
                    self.signals.push(signal);
                    if !self.termios().local().contains(super::termios::LocalFlags::NOFLSH) {
                        self.pending.clear();
                        self.tell_packet(PacketStatus::FLUSHREAD | PacketStatus::FLUSHWRITE, PacketStatus::empty());
                    }
                    self.news |= News::MASTER_READS | News::SLAVE_WRITES;
                }
                Effect::FlowChanged => self.flow_changed(),
            }
            ended_line |= self.discipline.has_input(1);
        }
        if self.output.len() != had.0 {
            self.news |= News::MASTER_READS;
        }
        if ended_line {
            self.news |= News::SLAVE_READS;
        }
        if was_full && self.pending.len() < PENDING_SIZE {
            self.news |= News::MASTER_WRITES;
        }
    }

    /// The slave writes; gives how many bytes were taken.
    pub(super) fn write_slave(&mut self, bytes: &[u8]) -> usize {
        if self.discipline.flow != Flow::Running {
            return 0;
        }
        let mut count = 0;
        for &byte in bytes {
            if self.output.len() + MAX_EXPANSION > OUTPUT_SIZE {
                break;
            }
            self.discipline.emit(byte, &mut self.output);
            count += 1;
        }
        if count > 0 {
            self.news |= News::MASTER_READS;
        }
        count
    }

    /// What a read of the slave gets now, if that is something.
    pub(super) fn read_slave(&mut self, len: usize) -> Option<Vec<u8>> {
        if !self.discipline.has_input(1) {
            return None;
        }
        let bytes = self.discipline.take(len);
        self.feed();
        Some(bytes)
    }

    /// What a read of the master gets now, if that is something.
    pub(super) fn read_master(&mut self, len: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        if let Some(status) = &mut self.packet {
            if !status.is_empty() {
                return Some(vec![core::mem::take(status).bits()]);
            }
            if !self.output.is_empty() {
                bytes.push(0);
            }
        }
        if self.output.is_empty() {
            return None;
        }
        let count = self.output.len().min(len - bytes.len().min(len)).min(INPUT_SIZE - 1);
        bytes.extend(self.output.drain(..count));
        self.news |= News::SLAVE_WRITES;
        Some(bytes)
    }

    /// What the slave's `FIONREAD` gives.
    pub(super) fn slave_readable(&self) -> usize {
        self.discipline.readable()
    }

    /// What the master's `FIONREAD` gives.
    pub(super) fn master_readable(&self) -> usize {
        self.output.len()
    }

    pub(super) fn poll_slave(&self) -> IoEvents {
        if self.is_master_closed {
            return IoEvents::READY | IoEvents::POLLERR | IoEvents::POLLHUP;
        }
        let minimum = match (self.termios().special(Special::Time), self.termios().special(Special::Min)) {
            (0, minimum) => usize::from(minimum),
            _ => 1,
        };
        let has_room = self.discipline.flow == Flow::Running && self.output.len() + MAX_EXPANSION <= OUTPUT_SIZE;
        IoEvents::READABLE.when(self.discipline.has_input(minimum)) | IoEvents::WRITABLE.when(has_room)
    }

    pub(super) fn poll_master(&self) -> IoEvents {
        let has_status = self.packet.is_some_and(|status| !status.is_empty());
        IoEvents::READABLE.when(!self.output.is_empty())
            | (IoEvents::READABLE | IoEvents::POLLPRI).when(has_status)
            | IoEvents::WRITABLE.when(self.pending.len() < PENDING_SIZE)
            | IoEvents::POLLHUP.when(self.slaves == Slaves::Closed)
    }
}
