//! What the command line hands to the image.
//!
//! Types only, with one encoding for the way from the launcher to the image. What users write (`Enclos.toml`) is read by
//! the command line.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod net;

pub use net::{Destination, Loopback, NetRules, Network, Ports};

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// What `enclos run` shall run, and in which surroundings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The program: a path, or a name to be found in the `PATH` of [`env`](Self::env).
    pub program: Vec<u8>,
    /// Its arguments, its own name first.
    pub args: Vec<Vec<u8>>,
    /// Its environment, `NAME=VALUE` each.
    pub env: Vec<Vec<u8>>,
    /// Its working directory; absolute, as the program sees it.
    pub workdir: Vec<u8>,
    /// The host directory that it sees as its root, beneath the in-memory layer.
    pub root: Vec<u8>,
    /// Further host directories and files, in the order in which they are mounted.
    pub volumes: Vec<Volume>,
    /// Its user id.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
    /// Its supplementary groups.
    pub groups: Vec<u32>,
    /// Its host name; the host's if absent.
    pub hostname: Option<String>,
    /// How much memory it may use, in bytes; unlimited if absent.
    pub memory: Option<u64>,
    /// Which network it sees.
    pub net: Net,
    /// Who carries what its processes send to each other by the loopback of the host's network.
    pub net_loopback: Loopback,
    /// What it may do with the host's network.
    pub net_rules: NetRules,
    /// What keeps programs apart.
    pub isolation: Isolation,
    /// What is logged, and where to.
    pub log: Log,
    /// Where system calls are traced to, if anywhere.
    pub trace: Option<Output>,
    /// Whether statistics are printed at the end.
    pub stats: bool,
}

/// What a program gets from whoever calls `enclos run`, unless options say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The environment; what isn't `NAME=VALUE` is left out.
    pub env: Vec<Vec<u8>>,
    /// The working directory; absolute, as the program sees it.
    pub workdir: Vec<u8>,
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// The supplementary groups.
    pub groups: Vec<u32>,
}

/// A directory or file of the host that the program sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its absolute path on the host.
    pub source: Vec<u8>,
    /// Where the program sees it; absolute.
    pub target: Vec<u8>,
    /// Whether writes go through to the host.
    pub access: Access,
}

/// What may be done with a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// It is only read.
    ReadOnly,
    /// Writes go through to the host.
    ReadWrite,
}

/// Which network a program sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Net {
    /// The host's.
    Host,
    /// None but what is inside the LibOS.
    None,
}

/// What keeps programs apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Isolation {
    /// Nothing but their own good will: they share address spaces where they can, which makes them start fast.
    #[default]
    None,
    /// Each has an address space of its own, in a host process.
    Process,
}

/// What is logged, and where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The least important level that is logged.
    pub level: Level,
    /// Where to.
    pub output: Output,
}

/// A host descriptor that lines are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// The host's standard error.
    Stderr,
    /// A descriptor that the launcher opened.
    Fd(i32),
}

/// How important a log line is, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// Nothing is logged.
    Off,
    /// Errors and unexpected conditions, such as a system call that fails.
    Error,
    /// What may be a problem.
    Warn,
    /// Events that matter to a user in normal execution.
    Info,
    /// Major events in normal execution.
    Debug,
    /// Everything.
    Trace,
}

/// Why a [`Config`] can't be encoded or decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed configuration")
    }
}

impl core::error::Error for Malformed {}

impl Config {
    /// What `enclos run COMMAND` asks for, without options.
    pub fn plain(command: Vec<Vec<u8>>, caller: Caller) -> Self {
        let is_variable = |entry: &Vec<u8>| entry.iter().skip(1).any(|&byte| byte == b'=');
        Self {
            program: command.first().cloned().unwrap_or_default(),
            args: command,
            env: caller.env.into_iter().filter(is_variable).collect(),
            workdir: caller.workdir,
            root: b"/".to_vec(),
            volumes: Vec::new(),
            uid: caller.uid,
            gid: caller.gid,
            groups: caller.groups,
            hostname: None,
            memory: None,
            net: Net::Host,
            net_loopback: Loopback::Host,
            net_rules: NetRules::default(),
            isolation: Isolation::None,
            log: Log { level: Level::Off, output: Output::Stderr },
            trace: None,
            stats: false,
        }
    }

    /// Encodes it for the image.
    ///
    /// # Errors
    /// [`Malformed`] if a value has no encoding, which no value of these types is.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        postcard::to_allocvec(self).map_err(|_| Malformed)
    }

    /// Decodes what the launcher encoded.
    ///
    /// # Errors
    /// [`Malformed`] if the bytes are no encoding of a [`Config`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        postcard::from_bytes(bytes).map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn sample() -> Config {
        Config {
            program: b"/bin/ls".to_vec(),
            args: vec![b"ls".to_vec(), b"not utf-8: \xff\x00".to_vec(), Vec::new()],
            env: vec![b"A=1".to_vec()],
            workdir: b"/tmp".to_vec(),
            root: b"/".to_vec(),
            volumes: vec![Volume { source: b"/a".to_vec(), target: b"/b".to_vec(), access: Access::ReadOnly }],
            uid: 0,
            gid: u32::MAX,
            groups: vec![1, 2],
            hostname: Some(String::from("box")),
            memory: Some(u64::MAX),
            net: Net::None,
            net_loopback: Loopback::Inside,
            net_rules: NetRules { bind: Some(vec![Ports(80..=90)]), connect: Some(Vec::new()) },
            isolation: Isolation::Process,
            log: Log { level: Level::Debug, output: Output::Fd(7) },
            trace: Some(Output::Stderr),
            stats: true,
        }
    }

    #[test]
    fn decoding_gives_what_was_encoded() {
        let config = sample();
        assert_eq!(Config::decode(&config.encode().unwrap()), Ok(config));
    }

    #[test]
    fn truncated_bytes_are_refused() {
        let bytes = sample().encode().unwrap();
        for len in 0..bytes.len() {
            assert_eq!(Config::decode(&bytes[..len]), Err(Malformed));
        }
    }

    #[test]
    fn only_variables_are_kept() {
        let env = [&b"A=1"[..], b"nonsense", b"=C:=dir", b"=x", b"EMPTY="].map(<[u8]>::to_vec).to_vec();
        let plain = Config::plain(vec![b"ls".to_vec()], Caller { env, ..Caller::default() });
        assert_eq!(plain.env, [&b"A=1"[..], b"=C:=dir", b"EMPTY="]);
        assert_eq!((plain.program, plain.root), (b"ls".to_vec(), b"/".to_vec()));
    }
}
