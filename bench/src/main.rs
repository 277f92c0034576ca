//! Runs the same programs natively and under Enclos (and a peer), in turn, and prints the ratios.
//!
//! [`table`] says what is measured and against which bar; [`fixture`] makes the programs and files; [`system`] knows how
//! each system runs a program; [`measure`] takes times, with [`servers`] those of servers; [`report`] prints them.

#![forbid(unsafe_code)]

mod fixture;
mod measure;
mod report;
mod servers;
mod system;
mod table;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::fixture::Fixture;
use crate::measure::{Clock, Row};
use crate::system::System;
use crate::table::{BENCHMARKS, Benchmark};

/// Measures Enclos against Linux (and a peer): the same programs, in turn, medians of several rounds.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Only this benchmark (may be given several times)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// How often each benchmark is run on each system
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The `enclos` to measure, in place of this workspace's own release build
    #[arg(long, value_name = "PATH")]
    enclos: Option<PathBuf>,
    /// A command that runs a program on another system, measured too where it is installed
    #[arg(long, value_name = "COMMAND", num_args = 0..=1, default_missing_value = "runsc --network=none do")]
    peer: Option<String>,
    /// Size of the file that `cat` reads, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    size: u64,
    /// Print all samples as JSON
    #[arg(long)]
    json: bool,
    /// End with status 1 if a bar is missed
    #[arg(long)]
    check: bool,
    /// List the benchmarks
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    if options.list {
        report::list();
        return Ok(ExitCode::SUCCESS);
    }
    let benchmarks = select(&options.only)?;
    let fixture = Fixture::make(&benchmarks, options.size)?;
    let systems = systems(options, &fixture)?;
    let clock = Clock::start();
    let mut rows = Vec::new();
    for benchmark in benchmarks {
        eprintln!("measuring {}", benchmark.name);
        rows.push(Row::measure(benchmark, &systems, &fixture, &clock, options.rounds));
    }
    if options.json {
        report::json(&rows)?;
    } else {
        report::print(&rows, &systems);
    }
    Ok(if options.check && rows.iter().any(Row::misses) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn select(only: &[String]) -> Result<Vec<&'static Benchmark>, String> {
    if let Some(unknown) = only.iter().find(|name| BENCHMARKS.iter().all(|benchmark| benchmark.name != **name)) {
        return Err(format!("no benchmark is named `{unknown}`; --list shows them all"));
    }
    let chosen = |benchmark: &&Benchmark| only.is_empty() || only.iter().any(|name| name == benchmark.name);
    Ok(BENCHMARKS.iter().filter(chosen).collect())
}

fn systems(options: &Options, fixture: &Fixture) -> Result<Vec<System>, String> {
    let enclos = match &options.enclos {
        Some(path) => path.clone(),
        None => fixture.build_enclos()?,
    };
    let mut systems = vec![System::Native, System::Enclos(enclos)];
    if let Some(command) = &options.peer {
        systems.push(System::peer(command)?);
    }
    Ok(systems)
}
