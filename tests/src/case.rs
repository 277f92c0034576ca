//! Real programs with prepared input. A case is a table of a file below `programs/`:
//!
//! ```toml
//! [gzip_round_trip]
//! prepare = "seq 100000 > numbers"                          # run by bash on the host, in an empty directory; this
//!                                                           # package's directory is $SOURCE
//! files = { "script.py" = "print(1)" }                      # written before that
//! steps = [
//!     { run = "gzip -c numbers", stdout = "numbers.gz" },   # standard output is a file, there for the next steps
//!     { run = "gzip -dc", stdin = "numbers.gz" },           # standard input is that file
//!     { run = "gzip -t", pipe = "numbers.gz" },             # standard input is a pipe with that file's contents
//! ]
//! ```
//!
//! Each step runs natively, and under Enclos in a directory of its own that was prepared in the same way.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::compare::Differences;
use crate::enclos::{Enclos, path_string};
use crate::guest::{entries, scratch};
use crate::run::{Input, Invocation, Outcome, tail};
use crate::{Failure, source_dir};

/// A real program's test.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A bash script that prepares the directory.
    #[serde(default)]
    prepare: String,
    /// Files to write, by name.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Commands to compare, in turn.
    steps: Vec<Step>,
    /// Whether the directory is a volume, so that what a step writes is there for the next one, and compared.
    #[serde(default)]
    volume: bool,
    /// Files that the steps wrote on the volume and that must be equal at the end.
    #[serde(default)]
    compare: Vec<String>,
    /// How long each step may take, in seconds.
    #[serde(default = "default_timeout_s")]
    timeout_s: u64,
    /// Whether output isn't compared, because it differs from run to run; the exit status still is.
    #[serde(default)]
    output_varies: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    run: String,
    #[serde(default)]
    stdin: Option<String>,
    #[serde(default)]
    pipe: Option<String>,
    #[serde(default)]
    stdout: Option<String>,
    #[serde(default)]
    status: i32,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

const fn default_timeout_s() -> u64 {
    120
}

impl Case {
    /// All cases by name, `FILE/CASE`.
    pub fn discover() -> Result<BTreeMap<String, Self>, Failure> {
        let mut cases = BTreeMap::new();
        for file in entries(&source_dir().join("programs"))? {
            if file.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
            let text = fs::read_to_string(&file).map_err(|e| wrong(&e))?;
            let table: BTreeMap<String, Self> = toml::from_str(&text).map_err(|e| wrong(&e))?;
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            cases.extend(table.into_iter().map(|(name, case)| (format!("{stem}/{name}"), case)));
        }
        Ok(cases)
    }

    /// Runs all steps natively, then all under Enclos, and compares.
    pub fn check(&self, name: &str, enclos: &Enclos, differences: &Differences) -> Result<(), Failure> {
        let (native_dir, enclos_dir) = (scratch()?, scratch()?);
        self.prepare(native_dir.path())?;
        let native = self.run_all(native_dir.path(), &|argv| Some(argv.to_vec()))?;
        for (step, outcome) in self.steps.iter().zip(&native) {
            if outcome.status != step.status {
                return Err(format!(
                    "natively: {}: exit status {} instead of {}\n--- stdout\n{}--- stderr\n{}",
                    step.run,
                    outcome.status,
                    step.status,
                    tail(&outcome.stdout),
                    tail(&outcome.stderr),
                ));
            }
        }
        if matches!(enclos, Enclos::NativeOnly) {
            return Ok(());
        }

        self.prepare(enclos_dir.path())?;
        let options = if self.volume {
            let dir = path_string(enclos_dir.path());
            vec!["--volume".to_owned(), format!("{dir}:{dir}")]
        } else {
            Vec::new()
        };
        let under_enclos = self
            .run_all(enclos_dir.path(), &|argv| enclos.command(&options, argv))
            .map_err(|e| format!("under Enclos: {e}"))?;
        for ((step, mut native), mut outcome) in self.steps.iter().zip(native).zip(under_enclos) {
            if self.output_varies {
                native.stdout.clear();
                outcome.stdout.clear();
            }
            differences.check(name, &native, &outcome).map_err(|e| format!("{}\n{e}", step.run))?;
        }
        for file in &self.compare {
            let read = |dir: &Path| fs::read(dir.join(file)).map_err(|e| format!("{file}: {e}"));
            if read(native_dir.path())? != read(enclos_dir.path())? {
                return Err(format!("{file} differs from what it is after the native run"));
            }
        }
        Ok(())
    }

    fn prepare(&self, dir: &Path) -> Result<(), Failure> {
        for (name, text) in &self.files {
            fs::write(dir.join(name), text).map_err(|e| format!("{name}: {e}"))?;
        }
        let done = Command::new("bash")
            .args(["-e", "-c", &self.prepare])
            .current_dir(dir)
            .env("LC_ALL", "C")
            .env("SOURCE", source_dir())
            .output()
            .map_err(|e| format!("cannot start bash: {e}"))?;
        if done.status.success() {
            return Ok(());
        }
        Err(format!("prepare: {}\n{}", done.status, String::from_utf8_lossy(&done.stderr)))
    }

    fn run_all(&self, dir: &Path, command: &dyn Fn(&[String]) -> Option<Vec<String>>) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes = Vec::new();
        for step in &self.steps {
            let argv = shlex::split(&step.run).ok_or_else(|| format!("cannot split: {}", step.run))?;
            let Some(argv) = command(&resolve(argv, dir)) else {
                continue;
            };
            let env: Vec<_> = step.env.clone().into_iter().collect();
            let stdin = match (&step.stdin, &step.pipe) {
                (Some(name), _) => Input::File(dir.join(name)),
                (None, Some(name)) => Input::Pipe(dir.join(name)),
                (None, None) => Input::Nothing,
            };
            let stdout = step.stdout.as_ref().map(|name| dir.join(name));
            let outcome =
                Invocation { argv, env: &env, dir, stdin, stdout, timeout: Duration::from_secs(self.timeout_s) }
                    .run()
                    .map_err(|e| format!("{}: {e}", step.run))?;
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}

/// Makes `./program` absolute: what the prepared directory holds is started from there.
fn resolve(mut argv: Vec<String>, dir: &Path) -> Vec<String> {
    if let Some(program) = argv.first_mut()
        && let Some(name) = program.strip_prefix("./")
    {
        *program = path_string(&dir.join(name));
    }
    argv
}
