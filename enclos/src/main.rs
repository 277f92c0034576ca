//! The command line of Enclos.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`cli`] | the options and their help |
//! | [`settings`], [`file`] | what can be said about a run, on the command line and in an `Enclos.toml` |
//! | [`values`], [`identity`] | values of options: sizes, volumes, users, … |
//! | [`run`] | from settings to the image's configuration, and its start |
//! | [`syscalls`], [`doctor`] | the other commands |
//!
//! Whatever goes wrong here is a [`Failure`], one line on standard error that says what to do.

#![forbid(unsafe_code)]

mod cli;
mod doctor;
mod failure;
mod file;
mod identity;
mod output;
mod run;
mod settings;
mod syscalls;
mod values;

use cli::{Cli, Command};
use failure::Failure;
use std::process::ExitCode;

/// Exit status of `enclos run` when Enclos itself failed, as container runtimes have it.
const RUN_FAILED: u8 = 125;
/// Exit status of wrong usage of other commands.
const WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::from_command_line() {
        Ok(cli) => cli,
        Err(cli::Stop::Shown(text)) => return finish(output::print(&text)),
        Err(cli::Stop::Wrong { failure, is_run }) => {
            return report(&failure, if is_run { RUN_FAILED } else { WRONG_USAGE });
        }
    };
    match cli.command {
        Command::Run(options) => report(&run::run(*options), RUN_FAILED),
        Command::Syscalls { json } => finish(syscalls::print(json)),
        Command::Doctor => match doctor::run() {
            Ok(doctor::Verdict::Fit) => ExitCode::SUCCESS,
            Ok(doctor::Verdict::Unfit) => ExitCode::FAILURE,
            Err(failure) => report(&failure, 1),
        },
    }
}

fn finish(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure, 1),
    }
}

fn report(failure: &Failure, status: u8) -> ExitCode {
    eprintln!("enclos: {failure}");
    ExitCode::from(status)
}
