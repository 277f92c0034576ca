//! The line discipline: what becomes of what is typed, and of what programs write (`man 3 termios`, POSIX's chapter on the
//! general terminal interface).

use super::termios::{InputFlags, LocalFlags, OutputFlags, Special, Termios};
use crate::prelude::*;
use crate::signal::Signal;

/// What is typed and not read has room for this much, a line's end included.
pub(super) const INPUT_SIZE: usize = 4096;
/// The most that one character's output takes: a tab.
pub(super) const MAX_EXPANSION: usize = 8;
/// How much of echoes is kept while the output is stopped.
const HELD_SIZE: usize = 4096;

/// A character that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Byte(u8),
    /// It ends a line and belongs to it.
    LineEnd(u8),
    /// It ends a line and isn't read (`VEOF`).
    Eof,
}

/// What stopped the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// Nothing.
    Running,
    /// STOP was typed.
    StoppedByUser,
    /// A program asked for it (`TCOOFF`).
    StoppedByProgram,
}

/// What a character does besides being input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// The foreground group gets a signal.
    Signal(Signal),
    /// The output is stopped or goes on.
    FlowChanged,
}

/// The line discipline of a terminal.
///
/// Invariant: the first `complete` items are whole lines, and they alone may hold items that end lines; without canonical mode,
/// all items are bytes and `complete` is 0.
pub(super) struct Discipline {
    termios: Termios,
    items: VecDeque<Item>,
    complete: usize,
    pub(super) flow: Flow,
    /// Echoes that came while the output was stopped.
    held: Vec<u8>,
    /// The next character has no special meaning.
    is_literal: bool,
    /// Erased characters are being printed (`ECHOPRT`).
    is_erasing: bool,
    /// The cursor's column, and where the line that is typed began.
    column: usize,
    line_column: usize,
}

impl Discipline {
    pub(super) fn new() -> Self {
        Self {
            termios: Termios::INITIAL,
            items: VecDeque::new(),
            complete: 0,
            flow: Flow::Running,
            held: Vec::new(),
            is_literal: false,
            is_erasing: false,
            column: 0,
            line_column: 0,
        }
    }

    pub(super) fn termios(&self) -> &Termios {
        &self.termios
    }

    /// Sets the settings; what was typed becomes lines or stops being such.
    pub(super) fn set_termios(&mut self, termios: Termios, output: &mut VecDeque<u8>) {
        let was_canonical = self.termios.is_canonical();
        let had_flow_control = self.termios.input().contains(InputFlags::IXON);
        self.termios = termios;
        if was_canonical != termios.is_canonical() {
            for item in &mut self.items {
                *item = match *item {
                    Item::Byte(byte) | Item::LineEnd(byte) => Item::Byte(byte),
                    Item::Eof => Item::Byte(0),
                };
            }
            self.complete = 0;
            if termios.is_canonical()
                && let Some(Item::Byte(byte)) = self.items.back().copied()
            {
                // What is there can be read without another newline.
                let last = self.items.len() - 1;
                self.items[last] = Item::LineEnd(byte);
                self.complete = self.items.len();
            }
            (self.is_literal, self.is_erasing) = (false, false);
        }
        if had_flow_control && !termios.input().contains(InputFlags::IXON) && self.flow == Flow::StoppedByUser {
            self.start(output);
        }
    }

    /// The output goes on.
    pub(super) fn start(&mut self, output: &mut VecDeque<u8>) {
        self.flow = Flow::Running;
        output.extend(self.held.drain(..));
    }

    /// Drops what was typed.
    pub(super) fn flush_input(&mut self) {
        self.items.clear();
        self.complete = 0;
        (self.is_literal, self.is_erasing) = (false, false);
    }

    /// Whether another character is taken at present. One that doesn't fit into an unfinished line takes the place of the
    /// line's last one, so that the line can be ended.
    pub(super) fn has_room(&self) -> bool {
        self.items.len() < INPUT_SIZE - 1 || self.termios.is_canonical() && self.complete == 0
    }

    /// Number of bytes that can be read (`FIONREAD`).
    pub(super) fn readable(&self) -> usize {
        if self.termios.is_canonical() {
            self.items.iter().take(self.complete).filter(|item| **item != Item::Eof).count()
        } else {
            self.items.len()
        }
    }

    /// Whether a read gets `minimum` bytes, or a line.
    pub(super) fn has_input(&self, minimum: usize) -> bool {
        if self.termios.is_canonical() { self.complete > 0 } else { self.items.len() >= minimum.max(1) }
    }

    /// Takes what a read of at most `len` bytes gets: at most a line in canonical mode.
    pub(super) fn take(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        if !self.termios.is_canonical() {
            let count = len.min(self.items.len());
            bytes.extend(self.items.drain(..count).map(Item::byte));
            return bytes;
        }
        while bytes.len() < len && self.complete > 0 {
            let Some(item) = self.items.pop_front() else { break };
            self.complete -= 1;
            if item != Item::Eof {
                bytes.push(item.byte());
            }
            if !matches!(item, Item::Byte(_)) {
                return bytes;
            }
        }
        if self.complete > 0 && self.items.front() == Some(&Item::Eof) {
            // It ends these bytes, not the next read.
            self.items.pop_front();
            self.complete -= 1;
        }
        bytes
    }

    /// A character arrives; what is echoed goes to `output`.
    pub(super) fn receive(&mut self, byte: u8, output: &mut VecDeque<u8>) -> Effect {
        let (input, local) = (self.termios.input(), self.termios.local());
        let mut byte = if input.contains(InputFlags::ISTRIP) { byte & 0x7f } else { byte };
        if input.contains(InputFlags::IUCLC) && local.contains(LocalFlags::IEXTEN) {
            byte = byte.to_ascii_lowercase();
        }
        if local.contains(LocalFlags::EXTPROC) {
            self.put(Item::Byte(byte));
            return Effect::None;
        }
        if core::mem::take(&mut self.is_literal) {
            if local.contains(LocalFlags::ECHO) {
                self.finish_erasing(output);
                self.echo_input(byte, output);
            }
            self.put_marked(byte);
            return Effect::None;
        }
        if input.contains(InputFlags::IXON) {
            if self.termios.is(byte, Special::Start) {
                self.start(output);
                return Effect::FlowChanged;
            }
            if self.termios.is(byte, Special::Stop) {
                self.flow = Flow::StoppedByUser;
                return Effect::FlowChanged;
            }
        }
        if let Some(signal) = self.signal_of(byte) {
            return self.receive_signal(byte, signal, output);
        }
        let mut effect = Effect::None;
        if self.flow == Flow::StoppedByUser && input.contains(InputFlags::IXON | InputFlags::IXANY) {
            self.start(output);
            effect = Effect::FlowChanged;
        }
        match byte {
            b'\r' if input.contains(InputFlags::IGNCR) => return effect,
            b'\r' if input.contains(InputFlags::ICRNL) => byte = b'\n',
            b'\n' if input.contains(InputFlags::INLCR) => byte = b'\r',
            _ => {}
        }
        if !self.termios.is_canonical() || !self.edit(byte, output) {
            self.receive_plain(byte, output);
        }
        effect
    }

    fn signal_of(&self, byte: u8) -> Option<Signal> {
        const SIGNALS: [(Special, Signal); 3] =
            [(Special::Intr, Signal::SIGINT), (Special::Quit, Signal::SIGQUIT), (Special::Susp, Signal::SIGTSTP)];
        if !self.termios.local().contains(LocalFlags::ISIG) {
            return None;
        }
        SIGNALS.into_iter().find(|(special, _)| self.termios.is(byte, *special)).map(|(_, signal)| signal)
    }

    fn receive_signal(&mut self, byte: u8, signal: Signal, output: &mut VecDeque<u8>) -> Effect {
        if !self.termios.local().contains(LocalFlags::NOFLSH) {
            self.held.clear();
            // What the master could have read by now stays.
            output.truncate(INPUT_SIZE);
            self.flush_input();
        }
        if self.termios.input().contains(InputFlags::IXON) {
            self.start(output);
        }
        if self.termios.local().contains(LocalFlags::ECHO) {
            self.echo(byte, output);
        }
        Effect::Signal(signal)
    }

    /// What a character does to the line in canonical mode; whether it did something.
    fn edit(&mut self, byte: u8, output: &mut VecDeque<u8>) -> bool {
        let (termios, local) = (self.termios, self.termios.local());
        let is_extended = local.contains(LocalFlags::IEXTEN);
        let echoes = local.contains(LocalFlags::ECHO);
        if termios.is(byte, Special::Erase) {
            self.erase(byte, Erase::Character, output);
        } else if termios.is(byte, Special::Kill) {
            self.kill(byte, output);
        } else if is_extended && termios.is(byte, Special::Werase) {
            self.erase(byte, Erase::Word, output);
        } else if is_extended && termios.is(byte, Special::Lnext) {
            self.is_literal = true;
            if echoes {
                self.finish_erasing(output);
                if local.contains(LocalFlags::ECHOCTL) {
                    self.show(b'^', output);
                    self.show(8, output);
                }
            }
        } else if is_extended && echoes && termios.is(byte, Special::Reprint) {
            self.finish_erasing(output);
            self.echo(byte, output);
            self.show(b'\n', output);
            for index in self.complete..self.items.len() {
                self.echo(self.items[index].byte(), output);
            }
        } else if byte == b'\n' {
            if local.intersects(LocalFlags::ECHO | LocalFlags::ECHONL) {
                self.finish_erasing(output);
                self.show(b'\n', output);
            }
            self.end_line(Item::LineEnd(byte));
        } else if termios.is(byte, Special::Eof) {
            self.end_line(Item::Eof);
        } else if termios.is(byte, Special::Eol) || is_extended && termios.is(byte, Special::Eol2) {
            if echoes {
                self.echo_input(byte, output);
            }
            self.end_line(Item::LineEnd(byte));
        } else {
            return false;
        }
        true
    }

    fn receive_plain(&mut self, byte: u8, output: &mut VecDeque<u8>) {
        if self.termios.local().contains(LocalFlags::ECHO) {
            self.finish_erasing(output);
            if byte == b'\n' {
                self.show(b'\n', output);
            } else {
                self.echo_input(byte, output);
            }
        }
        self.put_marked(byte);
    }

    fn put_marked(&mut self, byte: u8) {
        if byte == 0xff && self.termios.input().contains(InputFlags::PARMRK) {
            self.put(Item::Byte(byte));
        }
        self.put(Item::Byte(byte));
    }

    fn end_line(&mut self, end: Item) {
        self.put(end);
        self.complete = self.items.len();
    }

    fn put(&mut self, item: Item) {
        if self.items.len() >= INPUT_SIZE {
            if self.complete == self.items.len() {
                return;
            }
            self.items.pop_back();
        }
        self.items.push_back(item);
    }

    fn kill(&mut self, byte: u8, output: &mut VecDeque<u8>) {
        let local = self.termios.local();
        if self.items.len() == self.complete {
            return;
        }
        if local.contains(LocalFlags::ECHO | LocalFlags::ECHOK | LocalFlags::ECHOKE | LocalFlags::ECHOE) {
            return self.erase(byte, Erase::Line, output);
        }
        self.items.truncate(self.complete);
        if local.contains(LocalFlags::ECHO) {
            self.finish_erasing(output);
            self.echo(byte, output);
            if local.contains(LocalFlags::ECHOK) {
                self.show(b'\n', output);
            }
        }
    }

    fn erase(&mut self, byte: u8, what: Erase, output: &mut VecDeque<u8>) {
        let mut word_began = false;
        while self.items.len() > self.complete {
            let Some(erased) = self.last_character() else { break };
            let first = self.items[self.items.len() - erased].byte();
            if what == Erase::Word {
                if first.is_ascii_alphanumeric() || first == b'_' || first >= 0x80 {
                    word_began = true;
                } else if word_began {
                    break;
                }
            }
            let bytes: Vec<u8> = self.items.drain(self.items.len() - erased..).map(Item::byte).collect();
            if self.termios.local().contains(LocalFlags::ECHO) {
                self.echo_erased(byte, &bytes, what, output);
            }
            if what == Erase::Character {
                break;
            }
        }
        if self.items.len() == self.complete && self.termios.local().contains(LocalFlags::ECHO) {
            self.finish_erasing(output);
        }
    }

    /// Number of bytes of the last character of the line that is typed.
    fn last_character(&self) -> Option<usize> {
        (1..=self.items.len() - self.complete).find(|&count| {
            let byte = self.items[self.items.len() - count].byte();
            !self.is_continuation(byte)
        })
    }

    fn is_continuation(&self, byte: u8) -> bool {
        self.termios.input().contains(InputFlags::IUTF8) && byte & 0xc0 == 0x80
    }

    fn echo_erased(&mut self, byte: u8, erased: &[u8], what: Erase, output: &mut VecDeque<u8>) {
        let local = self.termios.local();
        let first = erased.first().copied().unwrap_or(0);
        if local.contains(LocalFlags::ECHOPRT) {
            if !core::mem::replace(&mut self.is_erasing, true) {
                self.show(b'\\', output);
            }
            for &byte in erased {
                self.echo(byte, output);
            }
        } else if what == Erase::Character && !local.contains(LocalFlags::ECHOE) {
            self.echo(byte, output);
        } else if first == b'\t' {
            for _ in 0..self.width_of_erased_tab() {
                self.show(8, output);
            }
        } else {
            let width = match (first.is_ascii_control(), local.contains(LocalFlags::ECHOCTL)) {
                (false, _) => 1,
                (true, true) => 2,
                (true, false) => 0,
            };
            for _ in 0..width {
                for byte in [8, b' ', 8] {
                    self.show(byte, output);
                }
            }
        }
    }

    /// How many columns the tab behind the line took.
    fn width_of_erased_tab(&self) -> usize {
        let mut columns = 0;
        for item in self.items.iter().skip(self.complete).rev() {
            match item.byte() {
                b'\t' => return 8 - columns % 8,
                byte if byte.is_ascii_control() => {
                    columns += if self.termios.local().contains(LocalFlags::ECHOCTL) { 2 } else { 0 };
                }
                byte if self.is_continuation(byte) => {}
                _ => columns += 1,
            }
        }
        8 - (columns + self.line_column) % 8
    }

    fn finish_erasing(&mut self, output: &mut VecDeque<u8>) {
        if core::mem::take(&mut self.is_erasing) {
            self.show(b'/', output);
        }
    }

    /// Echoes a character of the line, and notes where that began.
    fn echo_input(&mut self, byte: u8, output: &mut VecDeque<u8>) {
        if self.items.len() == self.complete {
            self.line_column = self.column;
        }
        self.echo(byte, output);
    }

    /// Echoes a character, in a way that can be seen.
    fn echo(&mut self, byte: u8, output: &mut VecDeque<u8>) {
        if self.termios.local().contains(LocalFlags::ECHOCTL) && byte.is_ascii_control() && byte != b'\t' {
            self.show(b'^', output);
            self.show(byte ^ 0o100, output);
        } else {
            self.show(byte, output);
        }
    }

    fn show(&mut self, byte: u8, output: &mut VecDeque<u8>) {
        if self.flow == Flow::Running {
            self.emit(byte, output);
        } else if self.held.len() + MAX_EXPANSION <= HELD_SIZE {
            let mut held = VecDeque::new();
            self.emit(byte, &mut held);
            self.held.extend(held);
        }
    }

    /// Puts out a character as the settings want it (`OPOST`).
    pub(super) fn emit(&mut self, byte: u8, output: &mut VecDeque<u8>) {
        let flags = self.termios.output();
        if !flags.contains(OutputFlags::OPOST) {
            output.push_back(byte);
            return;
        }
        match byte {
            b'\n' => {
                if flags.intersects(OutputFlags::ONLRET | OutputFlags::ONLCR) {
                    self.column = 0;
                }
                if flags.contains(OutputFlags::ONLCR) {
                    output.push_back(b'\r');
                }
                self.line_column = self.column;
                output.push_back(byte);
            }
            b'\r' if flags.contains(OutputFlags::ONOCR) && self.column == 0 => {}
            b'\r' if flags.contains(OutputFlags::OCRNL) => {
                if flags.contains(OutputFlags::ONLRET) {
                    (self.column, self.line_column) = (0, 0);
                }
                output.push_back(b'\n');
            }
            b'\r' => {
                (self.column, self.line_column) = (0, 0);
                output.push_back(byte);
            }
            b'\t' => {
                let width = 8 - self.column % 8;
                self.column += width;
                if flags.contains(OutputFlags::XTABS) {
                    output.extend(core::iter::repeat_n(b' ', width));
                } else {
                    output.push_back(byte);
                }
            }
            8 => {
                self.column = self.column.saturating_sub(1);
                output.push_back(byte);
            }
            _ => {
                let upper = flags.contains(OutputFlags::OLCUC);
                if !byte.is_ascii_control() && !self.is_continuation(byte) {
                    self.column += 1;
                }
                output.push_back(if upper { byte.to_ascii_uppercase() } else { byte });
            }
        }
    }
}

/// How much is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Erase {
    Character,
    Word,
    Line,
}

impl Item {
    fn byte(self) -> u8 {
        match self {
            Self::Byte(byte) | Self::LineEnd(byte) => byte,
            Self::Eof => 0,
        }
    }
}
