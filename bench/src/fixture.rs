//! The programs and files that the benchmarks use, in a folder below `target`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::servers;
use crate::table::{Benchmark, POSTGRESQL_USER};

/// Where everything lies on the host.
pub(crate) struct Fixture {
    target: PathBuf,
    /// Built guest programs and their data.
    pub(crate) guest: PathBuf,
    /// Shared with guests as a volume.
    pub(crate) volume: PathBuf,
    /// A tmpfs, if this host has one.
    pub(crate) memory: Option<PathBuf>,
    /// The port of a server in this process that sends back what it gets.
    pub(crate) echo_port: u16,
    /// The port of the server that is measured.
    pub(crate) server_port: u16,
    /// Where PostgreSQL's programs are, if it's installed.
    pub(crate) postgresql: Option<PathBuf>,
}

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/guest");
/// Writes the C project that `make` builds.
const PROJECT_GENERATOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/generate-c-project");
const DATA_SIZE: usize = 20_000_000;
const MIB: usize = 1 << 20;

impl Fixture {
    /// Makes what `benchmarks` use; the large file has `size_mib` MiB.
    pub(crate) fn make(benchmarks: &[&Benchmark], size_mib: u64) -> Result<Self, String> {
        let target = target_folder()?;
        let below = |name| target.join("bench").join(name);
        let echo_port = serve_echo().map_err(|error| format!("starting the echo server: {error}"))?;
        let server_port = servers::free_port().map_err(|error| format!("looking for a free port: {error}"))?;
        let (guest, volume) = (below("guest"), below("volume"));
        let (memory, postgresql) = (tmpfs(), servers::postgresql());
        let fixture = Self { target, guest, volume, memory, echo_port, server_port, postgresql };
        fixture.fill(benchmarks, size_mib).map_err(|error| format!("making the guest programs: {error}"))?;
        Ok(fixture)
    }

    fn fill(&self, benchmarks: &[&Benchmark], size_mib: u64) -> io::Result<()> {
        let uses = |place: &str| benchmarks.iter().any(|benchmark| benchmark.program.contains(&place));
        fs::create_dir_all(&self.guest)?;
        fs::create_dir_all(&self.volume)?;
        compile("micro", &["-pthread"], &self.guest.join("micro"))?;
        compile("hello", &["-static"], &self.guest.join("hello"))?;
        compile("nothing", &["-static-pie"], &self.guest.join("nothing-static"))?;
        compile("nothing", &[], &self.guest.join("nothing-dynamic"))?;
        compile("bare", &["-static-pie", "-nostdlib"], &self.guest.join("bare"))?;
        compile_by("musl-gcc", "nothing", &[], &self.guest.join("nothing-musl"))
            .unwrap_or_else(|error| eprintln!("bench: no program for musl: {error}"));
        fs::copy(Path::new(SOURCES).join("numeric.py"), self.guest.join("numeric.py"))?;
        if uses("{guest}/data") {
            fs::write(self.guest.join("data"), text(DATA_SIZE))?;
        }
        if uses("{volume}/project") {
            let project = self.volume.join("project");
            fs::create_dir_all(&project)?;
            let status = Command::new(PROJECT_GENERATOR).current_dir(&project).status()?;
            if !status.success() {
                return Err(io::Error::other(format!("{PROJECT_GENERATOR}: {status}")));
            }
        }
        if uses("{volume}/nginx") {
            servers::make_nginx(&self.volume.join("nginx"), self.server_port)?;
        }
        if uses("{volume}/postgres")
            && let Some(programs) = &self.postgresql
        {
            servers::make_cluster(programs, &self.volume.join("postgres"), POSTGRESQL_USER)?;
        }
        if uses("{volume}/large") {
            // Written just now, it lies in the page cache.
            let block = text(MIB);
            let mut file = BufWriter::new(File::create(self.volume.join("large"))?);
            for _ in 0..size_mib {
                file.write_all(&block)?;
            }
            file.flush()?;
        }
        Ok(())
    }

    /// Builds this workspace's `enclos` and says where it is.
    pub(crate) fn build_enclos(&self) -> Result<PathBuf, String> {
        if let Some(cargo) = std::env::var_os("CARGO") {
            let status = Command::new(cargo)
                .args(["build", "--release", "--package", "enclos"])
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .status()
                .map_err(|error| format!("cargo build: {error}"))?;
            if !status.success() {
                return Err("cargo build --release --package enclos failed".into());
            }
        }
        let enclos = self.target.join("release/enclos");
        if enclos.is_file() { Ok(enclos) } else { Err(format!("{} is missing; see --enclos", enclos.display())) }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // A gibibyte that nobody needs afterwards; what can't be removed does no harm.
        let _ = fs::remove_dir_all(&self.volume);
    }
}

/// This program is `TARGET/PROFILE/bench`.
fn target_folder() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| format!("where this program lies: {error}"))?;
    let folder = program.ancestors().nth(2).ok_or("this program lies in no target folder")?;
    Ok(folder.to_path_buf())
}

fn compile(name: &str, flags: &[&str], program: &Path) -> io::Result<()> {
    compile_by("cc", name, flags, program)
}

fn compile_by(compiler: &str, name: &str, flags: &[&str], program: &Path) -> io::Result<()> {
    let source = Path::new(SOURCES).join(name).with_extension("c");
    let status = Command::new(compiler).arg("-O2").args(flags).arg(&source).arg("-o").arg(program).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{compiler} failed for {}", source.display()))) }
}

/// Starts the echo server and gives its port.
fn serve_echo() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || echo(connection));
        }
    });
    Ok(port)
}

fn echo(mut connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut bytes = [0; 4096];
    loop {
        let count = connection.read(&mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        connection.write_all(&bytes[..count])?;
    }
}

/// The first usual place that is a tmpfs.
fn tmpfs() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let is_tmpfs = |place: &str| mounts.lines().any(|line| line.split(' ').skip(1).take(2).eq([place, "tmpfs"]));
    ["/dev/shm", "/tmp", "/run"].iter().find(|place| is_tmpfs(place)).map(PathBuf::from)
}

/// Words in an order without pattern, about as compressible as prose.
fn text(size: usize) -> Vec<u8> {
    const LETTERS: &[u8; 32] = b"etaoinshrdlucmfwypvbgkjqxzeeaoi ";
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64 (Marsaglia 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words: Vec<Vec<u8>> = (0..4096)
        .map(|_| {
            let length = 2 + next() % 9;
            (0..length).map(|_| LETTERS[(next() % 32) as usize]).chain([b' ']).collect()
        })
        .collect();
    let mut text = Vec::with_capacity(size + 16);
    while text.len() < size {
        // The product favours low indices, as language favours few words.
        let index = (next() % 64) * (next() % 64);
        text.extend_from_slice(&words[index as usize]);
    }
    text.truncate(size);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_its_size_and_is_the_same_each_time() {
        assert_eq!(text(1000).len(), 1000);
        assert_eq!(text(1000), text(1000));
    }
}
