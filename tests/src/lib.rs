//! The harness of Enclos's differential tests.
//!
//! Linux is the oracle: each program runs natively first and must succeed there, then under `enclos run`; standard output
//! and exit status must be equal. A native death by signal N counts as exit status 128+N, as `enclos run` reports it.
//!
//! - [`guest`]: the small C, assembly, Rust and Go programs below `guest/`, with their build and run directives.
//! - [`compile`]: builds them with the system's compilers into the target directory.
//! - [`case`]: real programs with prepared input, described below `programs/`.
//! - [`python`]: Python's own test suite, case by case.
//! - [`run`]: one process with a time limit.
//! - [`terminal`]: one process on a terminal of its own, with a script of what is typed.
//! - [`enclos`]: where the `enclos` command is and how it is called.
//! - [`compare`]: equality of two outcomes, with the agreed differences of `differences.txt`.
//! - [`pending`]: the tests that Enclos isn't ready for yet, listed in `pending.txt`.

pub mod case;
pub mod compare;
pub mod compile;
pub mod enclos;
pub mod guest;
pub mod pending;
pub mod python;
pub mod run;
pub mod terminal;

use std::path::Path;

/// This package's directory: where guest programs, cases and lists are.
#[must_use]
pub fn source_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a failing test says.
pub type Failure = String;
