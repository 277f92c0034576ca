//! Finds the `enclos` command and builds its command lines.

use std::env;
use std::path::{Path, PathBuf};

use crate::Failure;

/// What the second run of each test is done with.
#[derive(Debug, Clone)]
pub enum Enclos {
    /// This `enclos` binary.
    Binary(PathBuf),
    /// Nothing: only the native run happens. For work on the tests themselves, by `ENCLOS=native`.
    NativeOnly,
}

impl Enclos {
    /// From the variable `ENCLOS`, else the release build in the target directory that the running test is in.
    pub fn locate() -> Result<Self, Failure> {
        match env::var_os("ENCLOS") {
            Some(value) if value == "native" => Ok(Self::NativeOnly),
            Some(value) => Ok(Self::Binary(PathBuf::from(value))),
            None => {
                let test = env::current_exe().map_err(|e| format!("no path of the test: {e}"))?;
                test.ancestors()
                    .map(|dir| dir.join("release/enclos"))
                    .find(|candidate| candidate.is_file())
                    .map(Self::Binary)
                    .ok_or_else(|| {
                        "no enclos binary: run `cargo build --release`, or set ENCLOS to its path".to_owned()
                    })
            }
        }
    }

    /// The command line that runs `argv` under Enclos, or `None` if only native runs are wanted.
    ///
    /// `ENCLOS_OPTIONS` adds options to each run, such as `--trace`.
    #[must_use]
    pub fn command(&self, options: &[String], argv: &[String]) -> Option<Vec<String>> {
        let Self::Binary(binary) = self else {
            return None;
        };
        let mut command = vec![path_string(binary), "run".to_owned()];
        let extra = env::var("ENCLOS_OPTIONS").unwrap_or_default();
        command.extend(extra.split_whitespace().map(str::to_owned));
        command.extend_from_slice(options);
        command.extend_from_slice(argv);
        Some(command)
    }
}

/// A path as a command line's word.
#[must_use]
pub fn path_string(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
