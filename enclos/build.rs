//! Builds the image, and leaves what of it is to be embedded at `$OUT_DIR/image`.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The image's code lies above 4 GiB, so it addresses relative to `%rip`.
const RUSTFLAGS: &str = "-Crelocation-model=pic";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let workspace = path_variable("CARGO_MANIFEST_DIR")?.join("..");
    for source in ["frame", "kernel", "image", "config", "Cargo.toml", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={}", workspace.join(source).display());
    }
    println!("cargo:rerun-if-changed=build.rs");
    let out = path_variable("OUT_DIR")?;
    let image = build(&workspace, &target_dir(&out))?;
    let bytes = fs::read(&image).map_err(|error| format!("{}: {error}", image.display()))?;
    let loaded = loaded_part(&bytes).ok_or_else(|| format!("{}: no ELF file", image.display()))?;
    fs::write(out.join("image"), loaded).map_err(|error| format!("{}: {error}", out.display()))
}

/// A target directory of its own, as the outer cargo holds the lock of the common one. All profiles of the command line
/// share it: next to theirs, where cargo's layout is the usual one.
fn target_dir(out: &Path) -> PathBuf {
    match out.ancestors().nth(3) {
        Some(profile) if out.ends_with("out") && profile.join("build").is_dir() => {
            profile.with_file_name("image-build")
        }
        _ => out.join("image-build"),
    }
}

/// Builds the image and gives its path.
fn build(workspace: &Path, target_dir: &Path) -> Result<PathBuf, String> {
    let target = env::var("TARGET").map_err(|error| format!("cargo didn't set TARGET: {error}"))?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo
        .current_dir(workspace)
        .args(["build", "--package", "image", "--bin", "image", "--profile", "image"])
        .args(["--target", &target, "--target-dir"])
        .arg(target_dir);
    // The outer build's flags are for another kind of executable, and clippy looks at the sources itself.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS).env_remove("RUSTC_WORKSPACE_WRAPPER");
    let output = cargo.output().map_err(|error| format!("cargo can't be started: {error}"))?;
    if output.status.success() {
        Ok(target_dir.join(target).join("image/image"))
    } else {
        Err(format!("the image doesn't build:\n{}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// The part of an ELF file that is mapped to run it: without symbols and what describes the source.
fn loaded_part(file: &[u8]) -> Option<&[u8]> {
    const PT_LOAD: u32 = 1;
    let word = |at: usize| Some(u64::from_le_bytes(file.get(at..at + 8)?.try_into().ok()?) as usize);
    let count = u16::from_le_bytes(file.get(56..58)?.try_into().ok()?);
    let table = word(32)?;
    let mut end = 0;
    for index in 0..usize::from(count) {
        let header = table + index * 56;
        if word(header)? as u32 == PT_LOAD {
            end = end.max(word(header + 8)? + word(header + 32)?);
        }
    }
    file.get(..end)
}

fn path_variable(name: &str) -> Result<PathBuf, String> {
    env::var_os(name).map(PathBuf::from).ok_or_else(|| format!("cargo didn't set {name}"))
}
