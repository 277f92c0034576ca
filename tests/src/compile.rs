//! Builds guest programs with the system's compilers, when their sources are newer than what was built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::Failure;
use crate::enclos::path_string;
use crate::guest::{Guest, entries};
use crate::source_dir;

/// Where built programs go.
#[derive(Debug, Clone)]
pub struct Artifacts(PathBuf);

impl Artifacts {
    /// Puts them below `dir`.
    #[must_use]
    pub fn below(dir: &str) -> Self {
        Self(Path::new(dir).join("guest"))
    }
}

/// Builds `guest` and its libraries if needed; returns the program's path.
pub fn build(guest: &Guest, artifacts: &Artifacts) -> Result<PathBuf, Failure> {
    let program = artifacts.0.join(&guest.name);
    let dir = program.parent().unwrap_or(&program);
    fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    for library in &guest.libraries {
        let mut file = PathBuf::from(library.file_stem().unwrap_or_default());
        file.set_extension("so");
        let flags = ["-shared", "-fPIC", "-pthread"].map(str::to_owned);
        build_one(library, &dir.join(file), None, &flags)?;
    }
    build_one(&guest.source, &program, guest.compiler.as_deref(), &guest.build)?;
    Ok(program)
}

fn build_one(source: &Path, output: &Path, compiler: Option<&str>, flags: &[String]) -> Result<(), Failure> {
    if is_fresh(source, output)? {
        return Ok(());
    }
    // Into a file of its own and then renamed, so that a test beside this one never runs a half-written program.
    let partial = tempfile::Builder::new()
        .prefix(".building-")
        .tempdir_in(output.parent().unwrap_or(output))
        .map_err(|e| format!("no build directory: {e}"))?;
    let built = partial.path().join("out");
    let extension = source.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let include = path_string(&source_dir().join("guest"));
    let (usual, fixed): (&str, Vec<&str>) = match extension {
        "rs" => ("rustc", vec!["--edition=2024", "-Copt-level=1", "-o"]),
        "go" => ("go", vec!["build", "-o"]),
        "cc" => ("c++", vec!["-O1", "-Wall", "-Wextra", "-pthread", "-o"]),
        _ => ("cc", vec!["-O1", "-Wall", "-Wextra", "-pthread", "-D_GNU_SOURCE", "-I", &include, "-o"]),
    };
    let mut command = Command::new(compiler.unwrap_or(usual));
    command.args(fixed).arg(&built);
    if extension == "go" {
        // Go wants flags before files, a cache, and no module.
        command.args(flags).arg(source).env("GO111MODULE", "off").env("CGO_ENABLED", "0");
        command.env("GOCACHE", partial.path().join("cache"));
    } else {
        command.arg(source).args(flags);
    }
    let output_of = command.output().map_err(|e| format!("cannot start {command:?}: {e}"))?;
    if !output_of.status.success() {
        return Err(format!("{command:?} failed:\n{}", String::from_utf8_lossy(&output_of.stderr)));
    }
    fs::rename(&built, output).map_err(|e| format!("{}: {e}", output.display()))
}

/// Whether `output` is newer than its source and the headers around it.
fn is_fresh(source: &Path, output: &Path) -> Result<bool, Failure> {
    let modified = |path: &Path| -> Option<SystemTime> { fs::metadata(path).ok()?.modified().ok() };
    let Some(built) = modified(output) else {
        return Ok(false);
    };
    let area = source.parent().unwrap_or(source);
    let mut headers = entries(&source_dir().join("guest"))?;
    headers.extend(entries(area)?);
    if let Ok(bodies) = entries(&area.join("lib")) {
        headers.extend(bodies);
    }
    headers.retain(|path| path.extension().is_some_and(|extension| extension == "h"));
    Ok(headers
        .iter()
        .map(PathBuf::as_path)
        .chain([source])
        .all(|input| modified(input).is_some_and(|time| time < built)))
}
