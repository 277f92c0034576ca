//! The options and their help.

use crate::failure::Failure;
use crate::settings::Settings;
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// Runs unmodified Linux programs on a library OS, which asks the host for little.
#[derive(Debug, Parser)]
#[command(name = "enclos", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a program
    #[command(
        override_usage = "enclos run [OPTIONS] PROGRAM [ARGS]...",
        after_help = RUN_NOTES,
    )]
    Run(Box<RunOptions>),
    /// Lists the system calls of Linux, and what Enclos does about each
    Syscalls {
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Checks whether this host can run Enclos
    Doctor,
}

/// What `enclos run` understands.
#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// Reads further options from an Enclos.toml; those given here go first
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

const RUN_NOTES: &str = "\
By default the program sees the host's files, read-only beneath a private layer in memory that takes
all writes and is gone afterwards; your working directory, environment, user and groups; and the
host's network.

In an Enclos.toml each key is the long name of an option; 'command' is the program with its
arguments. Relative paths start at the file's directory.

Exit status: the program's own; 128+N if signal N ended it; 127 if it isn't found; 126 if it can't
be executed; 125 if Enclos itself failed.";

/// Why there is no command to be executed.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Help or the version was asked for.
    Shown(String),
    /// The command line is wrong.
    Wrong { failure: Failure, is_run: bool },
}

impl Cli {
    /// Parses a command line, with the name of the command first.
    pub(crate) fn parse_args(args: Vec<OsString>) -> Result<Self, Stop> {
        let is_run = args.get(1).is_some_and(|command| command == "run");
        Self::try_parse_from(args).map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Stop::Shown(error.to_string()),
            _ => Stop::Wrong { failure: one_line(&error, is_run), is_run },
        })
    }
}

/// Clap's message, which has a paragraph for the error, one for each tip, and the usage.
fn one_line(error: &clap::Error, is_run: bool) -> Failure {
    let help = if is_run { "see `enclos run --help`" } else { "see `enclos --help`" };
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::new("no command given", help);
    }
    let text = error.to_string();
    let first = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect::<Vec<_>>().join(" ");
    let what = first.strip_prefix("error: ").unwrap_or(&first);
    match text.lines().find_map(|line| line.trim().strip_prefix("tip: ")) {
        Some(tip) => Failure::new(what, format!("{tip} ({help})")),
        None => Failure::new(what, help),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn run_options(args: &[&str]) -> RunOptions {
        let args = ["enclos", "run"].iter().chain(args);
        match Cli::try_parse_from(args).unwrap().command {
            Command::Run(options) => *options,
            other => panic!("{other:?}"),
        }
    }

    fn failure(args: &[&str]) -> String {
        let error = Cli::try_parse_from(["enclos", "run"].iter().chain(args)).unwrap_err();
        one_line(&error, true).to_string()
    }

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_after_the_program_are_its_own() {
        let options = run_options(&["--stats", "ls", "-l", "--stats", "--", "-e", "--help"]);
        assert!(options.settings.stats);
        assert_eq!(options.settings.command, ["ls", "-l", "--stats", "--", "-e", "--help"]);
    }

    #[test]
    fn a_program_may_begin_with_a_dash_after_two() {
        assert_eq!(run_options(&["--", "-strange", "-x"]).settings.command, ["-strange", "-x"]);
    }

    #[test]
    fn trace_takes_a_file_after_an_equals_sign_only() {
        assert_eq!(run_options(&["ls"]).settings.trace, None);
        assert_eq!(run_options(&["--trace", "ls"]).settings.trace, Some(None));
        assert_eq!(run_options(&["--trace=out", "ls"]).settings.trace, Some(Some("out".into())));
    }

    #[test]
    fn errors_take_one_line() {
        for args in [
            &["--volum", "x"][..],
            &["--memory", "many", "ls"],
            &["--memory"],
            &["--net", "lo", "ls"],
            &["-e", "=x", "ls"],
            &["-v", "x", "ls"],
            &["-u", ":", "ls"],
        ] {
            let failure = failure(args);
            assert!(!failure.contains('\n') && failure.contains("enclos run --help"), "{failure}");
        }
        assert_eq!(
            failure(&["--volum", "x"]),
            "unexpected argument '--volum' found; a similar argument exists: '--volume' (see `enclos run --help`)"
        );
    }
}
