//! One test per guest program, named `AREA/NAME`.

use std::error::Error;
use std::sync::Arc;

use guest_tests::compare::Differences;
use guest_tests::compile::Artifacts;
use guest_tests::enclos::Enclos;
use guest_tests::guest::Guest;
use guest_tests::pending::Pending;
use libtest_mimic::{Arguments, Trial};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::from_args();
    let pending = Pending::load()?;
    let differences = Arc::new(Differences::load()?);
    let artifacts = Artifacts::below(env!("CARGO_TARGET_TMPDIR"));
    let trials = Guest::discover()?
        .into_iter()
        .map(|guest| {
            let (artifacts, differences) = (artifacts.clone(), Arc::clone(&differences));
            let waits = pending.contains(&guest.name);
            Trial::test(guest.name.clone(), move || {
                let enclos = Enclos::locate()?;
                Ok(guest.check(&artifacts, &enclos, &differences)?)
            })
            .with_ignored_flag(waits)
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
