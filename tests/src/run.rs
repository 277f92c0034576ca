//! Runs one process to its end, or kills its process group when the time limit passes.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::Failure;

/// What a process left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Its exit status as a shell counts it: 128+N after death by signal N.
    pub status: i32,
}

/// What a process reads from standard input.
#[derive(Debug, Clone)]
pub enum Input {
    /// Nothing: `/dev/null`.
    Nothing,
    /// This file itself.
    File(PathBuf),
    /// A pipe with this file's contents.
    Pipe(PathBuf),
}

/// A command line with its surroundings.
#[derive(Debug, Clone)]
pub struct Invocation<'a> {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Environment on top of the common one.
    pub env: &'a [(String, String)],
    /// Working directory.
    pub dir: &'a Path,
    /// What standard input is.
    pub stdin: Input,
    /// A new file that standard output goes to; a pipe if `None`.
    pub stdout: Option<PathBuf>,
    /// How long it may take.
    pub timeout: Duration,
}

impl Invocation<'_> {
    /// Runs it and collects its output.
    pub fn run(&self) -> Result<Outcome, Failure> {
        let (stdin, feed) = match &self.stdin {
            Input::Nothing => (Stdio::null(), None),
            Input::File(path) => (Stdio::from(open(path)?), None),
            Input::Pipe(path) => (Stdio::piped(), Some(open(path)?)),
        };
        let stdout = match &self.stdout {
            None => Stdio::piped(),
            Some(path) => Stdio::from(File::create(path).map_err(|e| about(path, &e))?),
        };
        let mut child = self
            .command(&self.argv)?
            .stdin(stdin)
            .stdout(stdout)
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|e| format!("cannot start {}: {e}", self.argv.join(" ")))?;
        if let (Some(mut from), Some(mut to)) = (feed, child.stdin.take()) {
            // It may end without reading everything.
            thread::spawn(move || drop(io::copy(&mut from, &mut to)));
        }
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        let finished = wait(child, self.timeout);
        // On a time-out the output says where it hung.
        let (mut stdout, stderr) = (drain(&stdout), drain(&stderr));
        if let Some(path) = &self.stdout {
            stdout = fs::read(path).map_err(|e| about(path, &e))?;
        }
        match finished {
            Ok(status) => Ok(Outcome { stdout, stderr, status }),
            Err(reason) => Err(format!(
                "{}: {reason}\n--- stdout so far\n{}--- stderr so far\n{}",
                self.argv.join(" "),
                tail(&stdout),
                tail(&stderr),
            )),
        }
    }
}

impl Invocation<'_> {
    /// The command of `argv` in these surroundings.
    pub(crate) fn command(&self, argv: &[String]) -> Result<Command, Failure> {
        let (program, args) = argv.split_first().ok_or("empty command line")?;
        let mut command = Command::new(program);
        // A fixed environment, so that outcomes don't depend on the caller's. `TZ` spares programs a look-up.
        command
            .args(args)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("HOME", self.dir)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .current_dir(self.dir);
        Ok(command)
    }
}

/// An exit status as a shell counts it.
pub(crate) fn status_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|e| about(path, &e))
}

fn about(path: &Path, error: &io::Error) -> Failure {
    format!("{}: {error}", path.display())
}

/// The last lines of an output, for a failure's message.
#[must_use]
pub fn tail(output: &[u8]) -> String {
    const LINES: usize = 40;
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(LINES);
    lines[start..].iter().flat_map(|line| [line, "\n"]).collect()
}

fn collect(stream: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stream) = stream {
        thread::spawn(move || {
            let mut chunk = vec![0; 1 << 16];
            while let Ok(length @ 1..) = stream.read(&mut chunk) {
                if sender.send(chunk[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
    }
    receiver
}

/// Everything up to end of file. A process that left the group may hold the pipe open; its silence ends the output.
fn drain(chunks: &mpsc::Receiver<Vec<u8>>) -> Vec<u8> {
    let mut output = Vec::new();
    while let Ok(chunk) = chunks.recv_timeout(Duration::from_secs(5)) {
        output.extend(chunk);
    }
    output
}

fn wait(mut child: Child, timeout: Duration) -> Result<i32, Failure> {
    let group = Pid::from_child(&child);
    let (sender, receiver) = mpsc::channel();
    let waiter = thread::spawn(move || {
        let status = child.wait();
        let _ = sender.send(status);
    });
    let result = match receiver.recv_timeout(timeout) {
        Ok(Ok(status)) => Ok(status_of(status)),
        Ok(Err(error)) => Err(format!("cannot wait: {error}")),
        Err(_) => Err(format!("killed: still running after {} s", timeout.as_secs())),
    };
    // Also for those the program left behind, such as processes that outlived their parent.
    let _ = kill_process_group(group, Signal::KILL);
    let _ = waiter.join();
    result
}
