//! Python's own test suite, a test per module. All are ignored by default: they take minutes.
//!
//! `cargo test -p guest-tests --test python -- --include-ignored` runs them.

use std::error::Error;

use guest_tests::enclos::Enclos;
use guest_tests::python::{MODULES, check};
use libtest_mimic::{Arguments, Trial};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::from_args();
    let trials = MODULES
        .iter()
        .map(|module| Trial::test(*module, move || Ok(check(module, &Enclos::locate()?)?)).with_ignored_flag(true))
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
