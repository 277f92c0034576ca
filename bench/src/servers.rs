//! Servers that are measured by clients outside.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::fixture::Fixture;
use crate::measure::{Clock, check, quartile, scratch_file};
use crate::system::System;
use crate::table::Client;

/// How long a server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often to look whether it has.
const PAUSE: Duration = Duration::from_millis(20);

/// One sample: seconds per request of `client` to the server that `command` starts.
pub(crate) fn sample(clock: &Clock, command: Command, client: &Client, fixture: &Fixture) -> Result<f64, String> {
    let server = Server::start(command, client.server_user, fixture.server_port)?;
    for words in client.before {
        prepare(clock, System::Native.command(words, &[], fixture)?)?;
    }
    let mut command = System::Native.command(client.program, &[], fixture)?;
    let (output, _) = clock.run(command.stdout(Stdio::piped()))?;
    server.stop()?;
    time_per_request(&output, client.rates)
}

/// Runs a command until it succeeds: a server may listen before it answers.
fn prepare(clock: &Clock, mut command: Command) -> Result<(), String> {
    let start = Instant::now();
    loop {
        match clock.run(command.stdout(Stdio::null())) {
            Ok(_) => return Ok(()),
            Err(reason) if start.elapsed() > PATIENCE => return Err(reason),
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

/// The median time of the requests whose rates per second stand behind `marks`.
fn time_per_request(output: &str, marks: &[&str]) -> Result<f64, String> {
    let times: Option<Vec<f64>> = marks.iter().map(|mark| Some(1.0 / rate(output, mark)?)).collect();
    times.and_then(|times| quartile(&times, 2)).ok_or_else(|| format!("the client printed {output:?}"))
}

fn rate(output: &str, mark: &str) -> Option<f64> {
    let (_, rest) = output.split_once(mark)?;
    let number = rest.trim_start().split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    number.parse().ok().filter(|rate| *rate > 0.0)
}

/// A server that runs; killed if it isn't stopped.
struct Server {
    child: Child,
    messages: File,
}

impl Server {
    /// Starts a server and waits until it listens.
    fn start(command: Command, user: Option<&str>, port: u16) -> Result<Self, String> {
        let mut command = as_user(command, user);
        let messages = scratch_file().map_err(|error| format!("file for its messages: {error}"))?;
        let stderr = messages.try_clone().map_err(|error| format!("file for its messages: {error}"))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        let child = command.spawn().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        let mut server = Self { child, messages };
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if server.has_ended()? {
                return Err("it ended at once".into());
            }
            if start.elapsed() > PATIENCE {
                return Err("it doesn't answer".into());
            }
            thread::sleep(PAUSE);
        }
        Ok(server)
    }

    /// Has the server end by itself.
    fn stop(mut self) -> Result<(), String> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).ok_or("the server has no process id")?;
        kill_process(pid, Signal::TERM).map_err(|error| format!("stopping it: {error}"))?;
        let start = Instant::now();
        while !self.has_ended()? {
            if start.elapsed() > PATIENCE {
                return Err("it doesn't end".into());
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn has_ended(&mut self) -> Result<bool, String> {
        match self.child.try_wait().map_err(|error| format!("wait: {error}"))? {
            Some(status) => check(status, &mut self.messages).map(|()| true),
            None => Ok(false),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command run by `user`, if root runs this program.
fn as_user(command: Command, user: Option<&str>) -> Command {
    let Some(user) = user.filter(|_| geteuid().is_root()) else { return command };
    let mut wrapped = Command::new("setpriv");
    wrapped.arg(format!("--reuid={user}")).args(["--init-groups", "--regid"]).arg(user);
    wrapped.arg(command.get_program()).args(command.get_args());
    wrapped
}

/// A port that is free now.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Where PostgreSQL's programs are, if it's installed.
pub(crate) fn postgresql() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    versions.flatten().map(|version| version.path().join("bin")).find(|folder| folder.join("postgres").is_file())
}

/// Makes an nginx's folder: its configuration and a page of 1 KiB.
pub(crate) fn make_nginx(folder: &Path, port: u16) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("index.html"), "0123456789abcdef".repeat(64))?;
    // All that it writes lies beside the configuration. Where root starts it, its workers stay root: it's root's folder.
    let configuration = format!(
        "daemon off; worker_processes 4; pid nginx.pid; error_log error.log; user root root;
         events {{ }}
         http {{
             access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
             uwsgi_temp_path uwsgi; scgi_temp_path scgi;
             server {{ listen 127.0.0.1:{port}; root .; }}
         }}"
    );
    fs::write(folder.join("nginx.conf"), configuration)
}

/// Makes an empty database cluster, which belongs to whom the server runs as.
pub(crate) fn make_cluster(programs: &Path, folder: &Path, user: &str) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    if geteuid().is_root() {
        run(Command::new("chown").arg(user).arg(folder))?;
    }
    let mut initdb = Command::new(programs.join("initdb"));
    initdb.args(["--auth=trust", "--username=postgres", "--pgdata"]).arg(folder);
    run(as_user(initdb, Some(user)).stdout(Stdio::null()))
}

fn run(command: &mut Command) -> io::Result<()> {
    let status = command.current_dir("/").status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{}: {status}", command.get_program().display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_found_behind_their_marks() {
        let redis = "\"test\",\"rps\"\n\"SET\",\"50000.00\",\"0.2\"\n\"GET\",\"100000.00\",\"0.1\"\n";
        let time = time_per_request(redis, &["\"SET\",\"", "\"GET\",\""]).expect("both rates are there");
        assert!((time - 15e-6).abs() < 1e-9);
        assert_eq!(rate("Requests/sec:  98.5\nTransfer/sec: 1MB", "Requests/sec:"), Some(98.5));
        assert_eq!(rate("tps = 1000", "tps = "), Some(1000.0));
        assert_eq!(rate("tps = 0.0", "tps = "), None);
        assert!(time_per_request("nothing", &["tps = "]).is_err());
    }
}
