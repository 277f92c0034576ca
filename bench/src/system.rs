//! How each measured system runs a program.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fixture::Fixture;

/// What runs the programs.
pub(crate) enum System {
    Native,
    /// The path of `enclos`.
    Enclos(PathBuf),
    /// A command that runs the program given to it as further arguments, over a view of the host's files.
    Peer(Vec<String>),
}

/// Where programs under Enclos see the volume.
const VOLUME: &str = "/volume";
/// A folder of the in-memory layer, under Enclos and most peers.
const MEMORY: &str = "/tmp";

impl System {
    /// A peer from its command line, words separated by blanks.
    pub(crate) fn peer(command: &str) -> Result<Self, String> {
        let words: Vec<String> = command.split_whitespace().map(String::from).collect();
        let program = words.first().ok_or("--peer needs a command")?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        if std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
            Ok(Self::Peer(words))
        } else {
            Err(format!("the peer {program} is not installed"))
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Native => "native",
            Self::Enclos(_) => "enclos",
            Self::Peer(words) => &words[0],
        }
    }

    /// The command that runs a program of the table on this system, under Enclos with these options.
    pub(crate) fn command(&self, program: &[&str], options: &[&str], fixture: &Fixture) -> Result<Command, String> {
        let memory = match self {
            Self::Native => fixture.memory.as_deref(),
            Self::Enclos(_) | Self::Peer(_) => Some(Path::new(MEMORY)),
        };
        let volume = match self {
            Self::Enclos(_) => Path::new(VOLUME),
            Self::Native | Self::Peer(_) => &fixture.volume,
        };
        let mut words = Vec::new();
        let mut uses_volume = false;
        for word in program {
            let mut word = word.replace("{guest}", &fixture.guest.to_string_lossy());
            if word.contains("{memory}") {
                let memory = memory.ok_or("no tmpfs to compare with: mount one on /dev/shm")?;
                word = word.replace("{memory}", &memory.to_string_lossy());
            }
            if word.contains("{postgresql}") {
                let programs = fixture.postgresql.as_deref().ok_or("PostgreSQL is not installed")?;
                word = word.replace("{postgresql}", &programs.to_string_lossy());
            }
            word = word.replace("{echo}", &fixture.echo_port.to_string());
            word = word.replace("{port}", &fixture.server_port.to_string());
            uses_volume |= word.contains("{volume}");
            words.push(word.replace("{volume}", &volume.to_string_lossy()));
        }
        let mut command = match self {
            Self::Native => Command::new(words.remove(0)),
            Self::Enclos(enclos) => {
                let mut command = Command::new(enclos);
                command.arg("run").args(options);
                if uses_volume {
                    command.arg("-v").arg(format!("{}:{VOLUME}", fixture.volume.display()));
                }
                command
            }
            Self::Peer(peer) => {
                let mut command = Command::new(&peer[0]);
                command.args(&peer[1..]);
                command
            }
        };
        command.args(words);
        Ok(command)
    }
}
