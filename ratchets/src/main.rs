//! Counts what this workspace wants less of (unsafe code, panics, mutable statics, …) crate by crate, outside tests, and
//! compares with `ratchets/counts.toml`. A count may only fall.
//!
//! [`workspace`] finds the crates and their modules; [`count`] counts in a syntax tree; [`allowed`] is the file of allowed
//! counts; [`rules`] holds what no count may allow.

#![forbid(unsafe_code)]

mod allowed;
mod count;
mod interior;
mod rules;
mod workspace;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use crate::allowed::Allowed;
use crate::count::Found;
use crate::workspace::Workspace;

const USAGE: &str = "\
usage: ratchet [OPTION]
    (none)         compare with ratchets/counts.toml
    --update       lower the allowed counts that are higher than need be
    --accept       write the counts as they are, also where they rose: a reviewer must agree
    --list CRATE   show each place that is counted in CRATE";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("ratchet: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[&str]) -> Result<ExitCode, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the crate lies in no workspace")?;
    let file = root.join("ratchets/counts.toml");
    let workspace = Workspace::read(root)?;
    let found = count::count(&workspace);
    match arguments {
        [] => Ok(compare(&workspace, &found, &Allowed::read(&file)?)),
        ["--update"] => {
            let mut allowed = Allowed::read(&file)?;
            allowed.lower_to(&found);
            allowed.write(&file)?;
            Ok(compare(&workspace, &found, &allowed))
        }
        ["--accept"] => {
            Allowed::of(&found).write(&file)?;
            Ok(ExitCode::SUCCESS)
        }
        ["--list", name] => {
            for place in found.iter().filter(|place| place.package == *name) {
                println!("{place}");
            }
            Ok(ExitCode::SUCCESS)
        }
        ["-h" | "--help"] => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(USAGE.into()),
    }
}

fn compare(workspace: &Workspace, found: &[Found], allowed: &Allowed) -> ExitCode {
    let mut complaints = rules::broken(workspace, found);
    complaints.extend(allowed.complaints(found));
    if complaints.is_empty() {
        println!("ratchets hold: {} places counted in {} crates", found.len(), workspace.packages.len());
        return ExitCode::SUCCESS;
    }
    for complaint in complaints {
        eprintln!("{complaint}");
    }
    ExitCode::FAILURE
}
