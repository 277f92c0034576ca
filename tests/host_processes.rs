//! What becomes of programs whose host process is killed from outside.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use guest_tests::enclos::Enclos;
use rustix::process::{Pid, test_kill_process_group};

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
    assert!(running.child.wait().expect("enclos can be waited for").success());
}

/// Keeps a child for each argument, which does what that says over and over, until there's no more input.
const LOAD: &str = r"
import os, signal, subprocess, sys, threading
def work(kind):
    if kind == 'waits': signal.pause()
    if kind == 'pipes':
        r, w = os.pipe()
        while True: os.write(w, bytes(5000)); os.read(r, 5000)
    if kind == 'files':
        while True:
            with open(f'/tmp/{os.getpid()}', 'w') as file: file.write('text')
    if kind == 'memory':
        while True: bytearray(1 << 20)
    if kind == 'threads':
        while True: thread = threading.Thread(target=int); thread.start(); thread.join()
    if kind == 'forks':
        while True:
            child = os.fork()
            if child == 0: os._exit(0)
            os.waitpid(child, 0)
    if kind == 'programs':
        while True: subprocess.run('/bin/true')
    while True: pass
is_over = False
def kill(child):
    # It may have been waited for since.
    try: os.kill(child, signal.SIGKILL)
    except ProcessLookupError: pass
def watch():
    global is_over
    sys.stdin.read()
    is_over = True
    for child in list(children): kill(child)
children = {}
def start(kind):
    child = os.fork()
    if child == 0:
        os.close(0)
        work(kind)
    children[child] = kind
    # Who ends all children may have looked before.
    if is_over: kill(child)
for kind in sys.argv[1:]: start(kind)
threading.Thread(target=watch).start()
print('started', flush=True)
killed = 0
while children:
    child, status = os.wait()
    kind = children.pop(child, None)
    if status == signal.SIGKILL: killed += 1
    if kind and not is_over: start(kind)
print(killed > 0)
";

/// Whoever was killed while it changed what all share takes the rest with it, and that is said; otherwise all goes on.
#[test]
fn random_kills_of_who_waits_or_computes_are_survived() {
    survive_or_tell(&["waits", "spins", "waits", "spins"]);
}

#[test]
fn random_kills_under_load_are_survived_or_told() {
    survive_or_tell(&["memory", "programs", "forks", "spins"]);
    survive_or_tell(&["threads", "pipes", "files", "forks"]);
}

/// Kills host processes of a program whose children do this, at random.
fn survive_or_tell(kinds: &[&str]) {
    const FATAL: &str = "was killed while it changed what all processes share; the rest ends with it\n";
    let Some(mut running) = Running::start_with(LOAD, kinds) else { return };
    let end = Instant::now() + Duration::from_secs(3);
    let mut seed = 1_u64;
    while Instant::now() < end && running.child.try_wait().expect("enclos can be waited for").is_none() {
        let host_processes = running.host_processes();
        // A linear congruential generator (Knuth's MMIX).
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if let Some(pid) = host_processes.get((seed >> 33) as usize % host_processes.len().max(1)) {
            // It may be gone by now.
            let _ = Command::new("kill").args(["-KILL", pid]).stderr(Stdio::null()).status();
        }
        thread::sleep(Duration::from_millis(10));
    }
    drop(running.child.stdin.take());
    let (status, output, errors) = running.end();
    match status {
        0 => assert_eq!(output, "started\nTrue\n", "{kinds:?}: {errors}"),
        _ => assert!(status == 125 && errors.ends_with(FATAL), "{kinds:?}: status {status}: {errors}"),
    }
}

struct Running {
    child: Child,
}

impl Running {
    fn start(kinds: &[&str]) -> Option<Self> {
        Self::start_with(PROGRAM, kinds)
    }

    fn start_with(program: &str, kinds: &[&str]) -> Option<Self> {
        let argv = [&["/usr/bin/python3", "-c", program], kinds].concat();
        let argv: Vec<String> = argv.into_iter().map(str::to_owned).collect();
        let command = Enclos::locate().expect("enclos is built").command(&[], &argv)?;
        let (program, arguments) = command.split_first().expect("a command line is never empty");
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        Some(Self { child: command.spawn().expect("enclos can be started") })
    }

    /// The ids of the further host processes.
    fn host_processes(&self) -> Vec<String> {
        let Ok(tasks) = fs::read_dir(format!("/proc/{}/task", self.child.id())) else { return Vec::new() };
        let children = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
        children.flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// Its exit status, and what it has written to standard output and error, when it has ended with all host processes.
    fn end(&mut self) -> (i32, String, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().expect("enclos can be waited for") {
                Some(status) => break status.code().unwrap_or(-1),
                None => assert!(Instant::now() < deadline, "enclos hangs"),
            }
            thread::sleep(Duration::from_millis(20));
        };
        while test_kill_process_group(Pid::from_child(&self.child)).is_ok() {
            assert!(Instant::now() < deadline, "a host process is left");
            thread::sleep(Duration::from_millis(20));
        }
        let (mut output, mut errors) = (String::new(), String::new());
        self.child.stdout.take().expect("it's piped").read_to_string(&mut output).expect("it's text");
        self.child.stderr.take().expect("it's piped").read_to_string(&mut errors).expect("it's text");
        (status, output, errors)
    }

    /// The ids of the further host processes, as soon as there are so many.
    fn wait_for_host_processes(&self, count: usize) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let pids = self.host_processes();
            if pids.len() == count {
                return pids;
            }
            assert!(Instant::now() < deadline, "there are {} host processes", pids.len());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it prints behind the first line, until it ends.
    fn rest_of_output(&mut self) -> String {
        let mut output = BufReader::new(self.child.stdout.take().expect("it's piped"));
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
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
