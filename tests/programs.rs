//! The acceptance tests: programs from Debian packages, used as their users do. One test per case, named `FILE/CASE`.

use std::error::Error;
use std::sync::Arc;

use guest_tests::case::Case;
use guest_tests::compare::Differences;
use guest_tests::enclos::Enclos;
use guest_tests::pending::Pending;
use libtest_mimic::{Arguments, Trial};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::from_args();
    let pending = Pending::load()?;
    let differences = Arc::new(Differences::load()?);
    let trials = Case::discover()?
        .into_iter()
        .map(|(name, case)| {
            let differences = Arc::clone(&differences);
            let waits = pending.contains(&name);
            Trial::test(name.clone(), move || {
                let enclos = Enclos::locate()?;
                Ok(case.check(&name, &enclos, &differences)?)
            })
            .with_ignored_flag(waits)
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
