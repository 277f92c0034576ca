//! Runs a program on a terminal of its own, as its session's leader, and plays the person in front of it.

use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, read};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::Failure;
use crate::run::{Invocation, Outcome, status_of, tail};

/// The terminal and what is done at it.
#[derive(Debug, Clone)]
pub struct Terminal {
    size: Winsize,
    steps: Vec<Step>,
}

/// Something to do when a text has appeared.
#[derive(Debug, Clone)]
struct Step {
    text: String,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Type(Vec<u8>),
    Resize(Winsize),
    HangUp,
}

/// How long a program's end is waited for between looks at its output.
const BREATH: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

impl Terminal {
    /// A terminal whose window is `ROWS COLUMNS`.
    pub fn new(size: &str) -> Option<Self> {
        Some(Self { size: winsize(size)?, steps: Vec::new() })
    }

    /// Adds a step, `TEXT => ACTION`: when TEXT has appeared after what the last step waited for, `type KEYS` (with `^C` for
    /// control characters), `resize ROWS COLUMNS` or `hang up`.
    pub fn add_step(&mut self, step: &str) -> Option<()> {
        let (text, action) = step.split_once(" => ")?;
        let action = match action.split_once(' ')? {
            ("type", keys) => Action::Type(control_characters(keys)),
            ("resize", size) => Action::Resize(winsize(size)?),
            ("hang", "up") => Action::HangUp,
            _ => return None,
        };
        self.steps.push(Step { text: text.to_owned(), action });
        Some(())
    }

    /// Runs `invocation` on it. Standard output is all that appeared on the terminal.
    pub fn run(&self, invocation: &Invocation<'_>) -> Result<Outcome, Failure> {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).map_err(failed("openpt"))?;
        grantpt(&master).and_then(|()| unlockpt(&master)).map_err(failed("unlockpt"))?;
        let name = ptsname(&master, Vec::new()).map_err(failed("ptsname"))?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = open(name.as_c_str(), flags, Mode::empty()).map_err(failed("open"))?;
        tcsetwinsize(&slave, self.size).map_err(failed("size"))?;

        // Not a process group's leader, it becomes the session's, with the terminal that it has as standard input.
        let argv = [&["setsid".to_owned(), "--ctty".to_owned()], invocation.argv.as_slice()].concat();
        let same = |slave: &OwnedFd| slave.try_clone().map(Stdio::from).map_err(|e| format!("terminal: {e}"));
        let mut command = invocation.command(&argv)?;
        command.stdin(same(&slave)?).stdout(same(&slave)?).stderr(slave);
        let child = command.spawn().map_err(|e| format!("cannot start setsid: {e}"))?;
        // The command would keep the terminal open.
        drop(command);
        Play { child, master: Some(master), steps: &self.steps, output: Vec::new(), seen: 0 }.run(invocation.timeout)
    }
}

/// A run.
struct Play<'a> {
    child: Child,
    /// None after hanging up.
    master: Option<OwnedFd>,
    steps: &'a [Step],
    output: Vec<u8>,
    /// How much of the output earlier steps have used up.
    seen: usize,
}

impl Play<'_> {
    fn run(mut self, timeout: Duration) -> Result<Outcome, Failure> {
        let result = self.until_its_end(Instant::now() + timeout);
        // Also for those the program left behind.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
        match result {
            Ok(status) => Ok(Outcome { stdout: self.output, stderr: Vec::new(), status }),
            Err(reason) => {
                let waiting =
                    self.steps.first().map(|step| format!("; it waits for {:?}", step.text)).unwrap_or_default();
                Err(format!("{reason}{waiting}\n--- on the terminal so far\n{}", tail(&self.output)))
            }
        }
    }

    fn until_its_end(&mut self, deadline: Instant) -> Result<i32, Failure> {
        while Instant::now() < deadline {
            let ended = self.child.try_wait().map_err(|e| format!("cannot wait: {e}"))?;
            // What it wrote before its end is there to be read by now.
            while self.read_some()? {
                self.act()?;
            }
            if let Some(status) = ended {
                return Ok(status_of(status));
            }
        }
        Err("killed: still running".to_owned())
    }

    /// Reads what there is; false if there was nothing for a moment.
    fn read_some(&mut self) -> Result<bool, Failure> {
        let Some(master) = &self.master else {
            std::thread::sleep(Duration::from_millis(5));
            return Ok(false);
        };
        let mut fds = [PollFd::new(master, PollFlags::IN)];
        match poll(&mut fds, Some(&BREATH)) {
            Ok(0) | Err(Errno::INTR) => return Ok(false),
            Ok(_) => {}
            Err(error) => return Err(format!("terminal: poll: {error}")),
        }
        let mut chunk = [0; 4096];
        match read(master, &mut chunk) {
            Ok(length) => {
                self.output.extend_from_slice(&chunk[..length]);
                Ok(length > 0)
            }
            // Nobody has the other side open any more.
            Err(Errno::IO) => {
                std::thread::sleep(Duration::from_millis(5));
                Ok(false)
            }
            Err(error) => Err(format!("terminal: read: {error}")),
        }
    }

    /// Does the steps whose text has appeared.
    fn act(&mut self) -> Result<(), Failure> {
        while let Some((step, rest)) = self.steps.split_first() {
            let text = step.text.as_bytes();
            let Some(at) = self.output[self.seen..].windows(text.len()).position(|window| window == text) else {
                return Ok(());
            };
            self.seen += at + text.len();
            self.steps = rest;
            let wrong = |error: &dyn std::fmt::Display| format!("terminal: after {:?}: {error}", step.text);
            match (&step.action, &self.master) {
                (Action::Type(keys), Some(master)) => {
                    let mut master = std::fs::File::from(master.try_clone().map_err(|e| wrong(&e))?);
                    master.write_all(keys).map_err(|e| wrong(&e))?;
                }
                (Action::Resize(size), Some(master)) => tcsetwinsize(master, *size).map_err(|e| wrong(&e))?,
                (Action::HangUp, _) => self.master = None,
                (_, None) => return Err(wrong(&"the terminal has been hung up")),
            }
        }
        Ok(())
    }
}

fn failed(what: &'static str) -> impl FnOnce(Errno) -> Failure {
    move |error| format!("terminal: {what}: {error}")
}

fn winsize(size: &str) -> Option<Winsize> {
    let (rows, columns) = size.split_once(' ')?;
    Some(Winsize { ws_row: rows.parse().ok()?, ws_col: columns.parse().ok()?, ws_xpixel: 0, ws_ypixel: 0 })
}

/// Keys with `^X` for control characters, `^^` for a caret.
fn control_characters(keys: &str) -> Vec<u8> {
    let mut typed = Vec::new();
    let mut bytes = keys.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'^' => typed.extend(bytes.next().map(|next| if next == b'^' { next } else { next & 0x1f })),
            _ => typed.push(byte),
        }
    }
    typed
}

#[cfg(test)]
mod tests {
    use super::{Terminal, control_characters};

    #[test]
    fn carets_stand_for_control_characters() {
        assert_eq!(control_characters("a^Cb^M^^^\\"), b"a\x03b\r^\x1c");
    }

    #[test]
    fn steps_are_checked() {
        let mut terminal = Terminal::new("24 80").unwrap();
        assert!(terminal.add_step("ready => type ^C").is_some());
        assert!(terminal.add_step("ready => resize 30 90").is_some());
        assert!(terminal.add_step("ready => hang up").is_some());
        assert!(terminal.add_step("ready => dance now").is_none());
        assert!(terminal.add_step("ready").is_none());
        assert!(Terminal::new("24").is_none());
    }
}
