//! What programs ask of the scheduler reaches their host threads, as the host's `/proc` shows them.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use guest_tests::enclos::Enclos;

/// How long a program gets to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// Fields of `/proc/PID/stat`, counted from behind the name (`man 5 proc_pid_stat`).
const NICE: usize = 16;
const REALTIME_PRIORITY: usize = 37;
const POLICY: usize = 38;

#[test]
fn nice_value_is_the_host_threads() {
    shows_up(&["nice", "-n", "7"], |task| task.stat(NICE) == "7");
}

#[test]
fn policy_and_priority_are_the_host_threads() {
    shows_up(&["chrt", "--batch", "0"], |task| task.stat(POLICY) == "3");
    if Command::new("chrt").args(["--fifo", "5", "true"]).status().is_ok_and(|status| status.success()) {
        shows_up(&["chrt", "--fifo", "5"], |task| task.stat(POLICY) == "1" && task.stat(REALTIME_PRIORITY) == "5");
    }
}

#[test]
fn affinity_is_the_host_threads() {
    shows_up(&["taskset", "1"], |task| task.status("Cpus_allowed_list:") == "0");
}

#[test]
fn launchers_nice_value_is_the_first_programs() {
    let Some(command) = enclos(&["nice"]) else { return };
    let output = Command::new("nice").args(["-n", "3"]).args(command).output().expect("nice can be started");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "3\n");
}

/// Runs `sleep` under Enclos by way of `wrapper`, until a host thread of it is as wanted.
fn shows_up(wrapper: &[&str], is_wanted: impl Fn(&Task) -> bool) {
    let Some(command) = enclos(&[wrapper, &["sleep", "60"]].concat()) else { return };
    let (program, arguments) = command.split_first().expect("a command line is never empty");
    let child = Command::new(program).args(arguments).stdin(Stdio::null()).spawn();
    let running = Running(child.expect("enclos can be started"));
    let deadline = Instant::now() + PATIENCE;
    while !running.tasks().iter().any(&is_wanted) {
        assert!(Instant::now() < deadline, "no host thread of {wrapper:?} is as it should be");
        thread::sleep(Duration::from_millis(20));
    }
}

fn enclos(argv: &[&str]) -> Option<Vec<String>> {
    let argv: Vec<String> = argv.iter().map(|&word| word.to_owned()).collect();
    Enclos::locate().expect("enclos is built").command(&[], &argv)
}

/// A child that is killed in the end.
struct Running(Child);

/// A host thread, by its directory in `/proc`.
struct Task(std::path::PathBuf);

impl Running {
    fn tasks(&self) -> Vec<Task> {
        let list = fs::read_dir(format!("/proc/{}/task", self.0.id()));
        list.into_iter().flatten().flatten().map(|entry| Task(entry.path())).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Task {
    /// A thread that ended meanwhile has nothing to show.
    fn stat(&self, field: usize) -> String {
        let text = fs::read_to_string(self.0.join("stat")).unwrap_or_default();
        let fields = text.rsplit(')').next().unwrap_or_default();
        fields.split_whitespace().nth(field).unwrap_or_default().to_owned()
    }

    fn status(&self, name: &str) -> String {
        let text = fs::read_to_string(self.0.join("status")).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.unwrap_or_default().trim().to_owned()
    }
}
