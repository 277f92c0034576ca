//! The command line of Enclos.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`cli`] | the options and their help |
//! | [`settings`], [`config_file`] | what can be said about a run, on the command line and in an `Enclos.toml` |
//! | [`values`], [`identity`] | values of options: sizes, volumes, users, … |
//! | [`run`] | from settings to the image's configuration, and its start |
//! | [`syscalls`], [`doctor`] | the other commands |
//!
//! Whatever goes wrong here is a [`Failure`], one line on standard error that says what to do.

// Without std's start-up code: see `frame::launcher_main`.
#![cfg_attr(not(test), no_main)]
#![deny(unsafe_code)]

mod cli;
mod config_file;
mod doctor;
mod failure;
mod identity;
mod output;
mod run;
mod settings;
mod syscalls;
mod values;

use cli::{Cli, Command};
use failure::Failure;
use std::ffi::OsString;

#[cfg(not(test))]
frame::launcher_main!(main, run::IMAGE);

const SUCCESS: u8 = 0;
/// Exit status of other commands that fail.
const FAILED: u8 = 1;
/// Exit status of wrong usage of other commands.
const WRONG_USAGE: u8 = 2;
/// Exit status of `enclos run` when Enclos itself failed, as container runtimes have it.
const RUN_FAILED: u8 = 125;

fn main(args: Vec<OsString>) -> u8 {
    let cli = match Cli::parse_args(args) {
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
            Ok(doctor::Verdict::Fit) => SUCCESS,
            Ok(doctor::Verdict::Unfit) => FAILED,
            Err(failure) => report(&failure, FAILED),
        },
    }
}

fn finish(outcome: Result<(), Failure>) -> u8 {
    match outcome {
        Ok(()) => SUCCESS,
        Err(failure) => report(&failure, FAILED),
    }
}

fn report(failure: &Failure, status: u8) -> u8 {
    eprintln!("enclos: {failure}");
    status
}
