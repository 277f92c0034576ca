//! What becomes of programs whose host process is killed from outside.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use guest_tests::enclos::Enclos;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Forks a child for each argument, which does what that says, and tells how each of them ended. Then nobody is left who
/// could write to the pipe.
const PROGRAM: &str = r"
import os, signal, sys, threading
r, w = os.pipe()
children = []
for kind in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        if kind == 'sleeps': signal.pause()
        if kind == 'reads': os.read(r, 1)
        if kind == 'threads': threading.Thread(target=os.read, args=(r, 1)).start()
        if kind == 'forks' and os.fork() == 0: signal.pause()
        while True: pass
    children.append(child)
os.close(w)
print('started', flush=True)
for child in children: print(os.waitpid(child, 0)[1])
print(os.read(r, 1))
";

#[test]
fn programs_of_killed_host_processes_count_as_killed() {
    let Some(mut running) = Running::start(&["sleeps", "reads", "spins", "threads", "forks"]) else { return };
    // The last one has a child.
    let host_processes = running.wait_for_host_processes(6);
    thread::sleep(Duration::from_millis(200));
    for pid in host_processes {
        let status = Command::new("kill").args(["-KILL", &pid]).status().expect("kill can be started");
        assert!(status.success());
    }
    assert_eq!(running.rest_of_output(), "9\n9\n9\n9\n9\nb''\n");
    assert!(running.0.wait().expect("enclos can be waited for").success());
}

struct Running(Child);

impl Running {
    fn start(kinds: &[&str]) -> Option<Self> {
        let argv = [&["/usr/bin/python3", "-c", PROGRAM], kinds].concat();
        let argv: Vec<String> = argv.into_iter().map(str::to_owned).collect();
        let command = Enclos::locate().expect("enclos is built").command(&[], &argv)?;
        let (program, arguments) = command.split_first().expect("a command line is never empty");
        let child = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        Some(Self(child.expect("enclos can be started")))
    }

    /// The ids of the further host processes, as soon as there are so many.
    fn wait_for_host_processes(&self, count: usize) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let tasks = fs::read_dir(format!("/proc/{}/task", self.0.id())).expect("enclos runs");
            let children = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
            let pids: Vec<String> =
                children.flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
            if pids.len() == count {
                return pids;
            }
            assert!(Instant::now() < deadline, "there are {} host processes", pids.len());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it prints behind the first line, until it ends.
    fn rest_of_output(&mut self) -> String {
        let mut output = BufReader::new(self.0.stdout.take().expect("it's piped"));
        let mut text = String::new();
        output.read_line(&mut text).expect("it's text");
        assert_eq!(text, "started\n");
        text.clear();
        output.read_to_string(&mut text).expect("it's text");
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
