//! The guest programs: which there are, and what the directives at the head of each say.
//!
//! A program is `guest/AREA/NAME.EXT` with EXT one of `c`, `cc`, `S`, `rs`, `go`. Directives stand in comments on its first
//! lines, `// KEY: VALUE`:
//!
//! | key | meaning |
//! | --- | --- |
//! | `build` | flags for the compiler |
//! | `compiler` | another compiler than the usual one, e.g. `musl-gcc` |
//! | `library` | a file of `guest/AREA/lib/` to build as a shared library beside the program |
//! | `args` | the program's arguments, separated by blanks |
//! | `env` | one `KEY=VALUE`; may be repeated |
//! | `status` | the exit status that the native run must have (0 if absent) |
//! | `option` | an option for `enclos run`; may be repeated |
//! | `host-signal` | a signal's name: sent from outside when the program has written its first line |
//! | `terminal` | its window's rows and columns: the program runs on a terminal of its own, as its session's leader |
//! | `on` | `TEXT => ACTION`: what is done at the terminal once TEXT has appeared: `type ^C`, `resize 30 90`, `hang up` |
//! | `timeout` | seconds, if the usual 60 don't do |

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::compare::Differences;
use crate::compile::{self, Artifacts};
use crate::enclos::{Enclos, path_string};
use crate::run::{Input, Invocation, Outcome, tail};
use crate::terminal::Terminal;
use crate::{Failure, source_dir};

/// One guest program.
#[derive(Debug, Clone)]
pub struct Guest {
    /// `AREA/NAME`, the test's name.
    pub name: String,
    /// Its source.
    pub source: PathBuf,
    /// Flags for the compiler.
    pub build: Vec<String>,
    /// The compiler, if not the usual one for the language.
    pub compiler: Option<String>,
    /// Sources of shared libraries to put beside it.
    pub libraries: Vec<PathBuf>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    status: i32,
    options: Vec<String>,
    terminal: Option<Terminal>,
    host_signal: Option<String>,
    timeout: Duration,
}

impl Guest {
    /// All guest programs, sorted by name.
    pub fn discover() -> Result<Vec<Self>, Failure> {
        let mut guests = Vec::new();
        for area in entries(&source_dir().join("guest"))? {
            if !area.is_dir() {
                continue;
            }
            for source in entries(&area)? {
                let extension = source.extension().and_then(|e| e.to_str()).unwrap_or_default();
                if ["c", "cc", "S", "rs", "go"].contains(&extension) {
                    guests.push(Self::read(&source)?);
                }
            }
        }
        Ok(guests)
    }

    fn read(source: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(source).map_err(|e| format!("{}: {e}", source.display()))?;
        let area = source.parent().unwrap_or(source);
        let stem = |path: &Path| path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let mut guest = Self {
            name: format!("{}/{}", stem(area), stem(source)),
            source: source.to_owned(),
            build: Vec::new(),
            compiler: None,
            libraries: Vec::new(),
            args: Vec::new(),
            env: Vec::new(),
            status: 0,
            options: Vec::new(),
            terminal: None,
            host_signal: None,
            timeout: Duration::from_mins(1),
        };
        for line in text.lines().map_while(|line| line.strip_prefix("//")) {
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            guest.directive(area, key.trim(), value.trim())?;
        }
        Ok(guest)
    }

    fn directive(&mut self, area: &Path, key: &str, value: &str) -> Result<(), Failure> {
        let words = || value.split_whitespace().map(str::to_owned);
        let wrong = |what: &str| format!("{}: {what}: {value}", self.source.display());
        match key {
            "build" => self.build.extend(words()),
            "compiler" => self.compiler = Some(value.to_owned()),
            "library" => self.libraries.push(area.join("lib").join(value)),
            "args" => self.args.extend(words()),
            "env" => {
                let (key, value) = value.split_once('=').ok_or_else(|| wrong("not KEY=VALUE"))?;
                self.env.push((key.to_owned(), value.to_owned()));
            }
            "status" => self.status = value.parse().map_err(|_| wrong("not a status"))?,
            "option" => self.options.extend(words()),
            "host-signal" => self.host_signal = Some(value.to_owned()),
            "terminal" => self.terminal = Some(Terminal::new(value).ok_or_else(|| wrong("not ROWS COLUMNS"))?),
            "on" => {
                let terminal = self.terminal.as_mut().ok_or_else(|| wrong("no terminal before"))?;
                terminal.add_step(value).ok_or_else(|| wrong("not a step"))?;
            }
            "timeout" => {
                self.timeout = Duration::from_secs(value.parse().map_err(|_| wrong("not seconds"))?);
            }
            // The comment's prose may hold colons too.
            _ => {}
        }
        Ok(())
    }

    /// Builds it if needed, runs it natively and under Enclos, and compares.
    pub fn check(&self, artifacts: &Artifacts, enclos: &Enclos, differences: &Differences) -> Result<(), Failure> {
        let program = compile::build(self, artifacts)?;
        let mut argv = vec![path_string(&program)];
        argv.extend(self.args.iter().cloned());

        let native = self.run(argv.clone(), native_scratch()?).map_err(|e| format!("natively: {e}"))?;
        if native.status != self.status {
            return Err(format!(
                "natively: exit status {} instead of {}\n--- stdout\n{}--- stderr\n{}",
                native.status,
                self.status,
                tail(&native.stdout),
                tail(&native.stderr),
            ));
        }
        let Some(command) = enclos.command(&self.options, &argv) else {
            return Ok(());
        };
        let outcome = self.run(command, scratch()?).map_err(|e| format!("under Enclos: {e}"))?;
        differences.check(&self.name, &native, &outcome)
    }

    /// Puts the command line into one that does what the guest asks for from outside.
    fn wrap(&self, argv: Vec<String>) -> Vec<String> {
        if let Some(signal) = &self.host_signal {
            // Bash makes background processes ignore SIGINT, which `env` undoes.
            const SCRIPT: &str = r#"
                exec 3< <(exec env --default-signal "${@:2}"); program=$!
                read -r line <&3; echo "$line"
                kill "-$1" "$program"; cat <&3; wait "$program"
            "#;
            let wrapper = ["bash", "-c", SCRIPT, "bash", signal].map(str::to_owned);
            return [wrapper.to_vec(), argv].concat();
        }
        argv
    }

    fn run(&self, argv: Vec<String>, dir: TempDir) -> Result<Outcome, Failure> {
        let invocation = Invocation {
            argv: self.wrap(argv),
            env: &self.env,
            dir: dir.path(),
            stdin: Input::Nothing,
            stdout: None,
            timeout: self.timeout,
        };
        let outcome = match &self.terminal {
            Some(terminal) => terminal.run(&invocation),
            None => invocation.run(),
        };
        drop(dir);
        outcome
    }
}

/// A directory for one run.
pub fn scratch() -> Result<TempDir, Failure> {
    tempfile::tempdir().map_err(|e| format!("no scratch directory: {e}"))
}

/// One for a native run: on tmpfs where there is one, since that is what Enclos's in-memory layer is compared with.
fn native_scratch() -> Result<TempDir, Failure> {
    tempfile::tempdir_in("/dev/shm").or_else(|_| scratch())
}

/// A directory's entries, sorted.
pub(crate) fn entries(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let list = || -> std::io::Result<Vec<PathBuf>> { fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect() };
    let mut paths = list().map_err(|e| format!("{}: {e}", dir.display()))?;
    paths.sort();
    Ok(paths)
}
