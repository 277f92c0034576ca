//! What can be said about a run.

use crate::values::{
    EnvVar, UserSpec, VolumeSpec, parse_destination, parse_env, parse_hostname, parse_isolation, parse_level,
    parse_loopback, parse_net, parse_ports, parse_size, parse_user, parse_volume,
};
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use config::{Destination, Isolation, Level, Loopback, Net, Ports};
use std::ffi::OsString;
use std::path::PathBuf;

const LOG_LEVEL_HELP: &str = "off, error, warn, info, debug or trace [default: $ENCLOS_LOG, or off]";

/// Settings of a run, from the command line or from an `Enclos.toml`; unset where nothing was said.
#[derive(Debug, Default, Args)]
pub(crate) struct Settings {
    /// Shows DIR of the host as the program's root directory [default: /]
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Shows SRC of the host at DST; writes go through, unless :ro follows
    #[arg(short, long, value_name = "SRC:DST[:ro]", value_parser = OsStringValueParser::new().try_map(|text| parse_volume(&text)))]
    pub(crate) volume: Vec<VolumeSpec>,
    /// Sets an environment variable
    #[arg(short, long, value_name = "K=V", value_parser = OsStringValueParser::new().try_map(|text| parse_env(&text)))]
    pub(crate) env: Vec<EnvVar>,
    /// Starts with an empty environment rather than yours
    #[arg(long)]
    pub(crate) clean_env: bool,
    /// Starts in DIR of the root [default: yours if it is in there, or /]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) workdir: Option<PathBuf>,
    /// Runs as this user, by number or name [default: you]
    #[arg(short, long, value_name = "UID[:GID]", value_parser = parse_user)]
    pub(crate) user: Option<UserSpec>,
    /// Sets the host name [default: the host's]
    #[arg(long, value_name = "NAME", value_parser = parse_hostname)]
    pub(crate) hostname: Option<String>,
    /// Limits the memory of all processes together, such as 512M or 2G
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory: Option<u64>,
    /// Which network the program sees [default: host]
    #[arg(long, value_name = "host|none", value_parser = parse_net)]
    pub(crate) net: Option<Net>,
    /// Who carries what goes by the loopback: the host, or Enclos itself [default: host]
    #[arg(long, value_name = "host|inside", value_parser = parse_loopback)]
    pub(crate) net_loopback: Option<Loopback>,
    /// Lets the program bind these ports of the host only [default: all]
    #[arg(long, value_name = "PORT[-PORT]", value_parser = parse_ports)]
    pub(crate) net_bind: Option<Vec<Ports>>,
    /// Lets the program connect and send to these addresses of the host only [default: all]
    #[arg(long, value_name = "ADDRESS[/BITS][:PORTS]", value_parser = parse_destination)]
    pub(crate) net_connect: Option<Vec<Destination>>,
    /// Keeps programs out of each other's memory (process) or not (none) [default: none]
    #[arg(long, value_name = "none|process", value_parser = parse_isolation)]
    pub(crate) isolation: Option<Isolation>,
    #[arg(long, value_name = "LEVEL", value_parser = parse_level, help = LOG_LEVEL_HELP)]
    pub(crate) log_level: Option<Level>,
    /// Appends the log to FILE [default: standard error]
    #[arg(long, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
    /// Prints each system call as strace does, to standard error or to FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "absent, without a file, with one")]
    pub(crate) trace: Option<Option<PathBuf>>,
    /// Prints counts and times of system calls and OCalls at the end
    #[arg(long)]
    pub(crate) stats: bool,
    /// Program to run; a name without a slash is searched in PATH
    #[arg(value_names = ["PROGRAM", "ARGS"], num_args = 1.., trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
}

impl Settings {
    /// These settings where they say something, the others where they don't. Volumes and variables are of both, the
    /// others' first.
    pub(crate) fn over(self, others: Self) -> Self {
        Self {
            root: self.root.or(others.root),
            volume: others.volume.into_iter().chain(self.volume).collect(),
            env: others.env.into_iter().chain(self.env).collect(),
            clean_env: self.clean_env || others.clean_env,
            workdir: self.workdir.or(others.workdir),
            user: self.user.or(others.user),
            hostname: self.hostname.or(others.hostname),
            memory: self.memory.or(others.memory),
            net: self.net.or(others.net),
            net_loopback: self.net_loopback.or(others.net_loopback),
            net_bind: self.net_bind.or(others.net_bind),
            net_connect: self.net_connect.or(others.net_connect),
            isolation: self.isolation.or(others.isolation),
            log_level: self.log_level.or(others.log_level),
            log_file: self.log_file.or(others.log_file),
            trace: self.trace.or(others.trace),
            stats: self.stats || others.stats,
            command: if self.command.is_empty() { others.command } else { self.command },
        }
    }
}
