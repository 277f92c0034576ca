//! Builds the image, and leaves its pages as they lie in memory at `$OUT_DIR/image`, and at `$OUT_DIR/image.rs` where among
//! them is what.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::ops::Range;
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
    // The optimized command line starts without the C library where it can (`frame::launch::at_once`).
    if env::var("OPT_LEVEL").is_ok_and(|level| level != "0") {
        println!("cargo:rustc-link-arg-bins=-Wl,-e,enclos_start");
    }
    let out = path_variable("OUT_DIR")?;
    let image = build(&workspace, &target_dir(&out))?;
    let bytes = fs::read(&image).map_err(|error| format!("{}: {error}", image.display()))?;
    let laid_out = Layout::of(&bytes).ok_or_else(|| format!("{}: not linked as an image is", image.display()))?;
    fs::write(out.join("image.rs"), laid_out.source())
        .and_then(|()| fs::write(out.join("image"), laid_out.pages))
        .map_err(|error| format!("{}: {error}", out.display()))
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
    // As the command line is built: with debug assertions or without.
    let is_checked = env::var_os("CARGO_CFG_DEBUG_ASSERTIONS").is_some();
    let profile = if is_checked { "image-checked" } else { "image" };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo
        .current_dir(workspace)
        .args(["build", "--package", "image", "--bin", "image", "--profile", profile])
        .args(["--target", &target, "--target-dir"])
        .arg(target_dir);
    // The outer build's flags are for another kind of executable, and clippy looks at the sources itself.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS).env_remove("RUSTC_WORKSPACE_WRAPPER");
    let output = cargo.output().map_err(|error| format!("cargo can't be started: {error}"))?;
    if output.status.success() {
        Ok(target_dir.join(target).join(profile).join("image"))
    } else {
        Err(format!("the image doesn't build:\n{}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// An executable's memory, from its first address on.
struct Layout {
    pages: Vec<u8>,
    /// Code.
    text: Range<usize>,
    /// What can be written to: whole pages.
    data: Range<usize>,
    entry: usize,
}

impl Layout {
    /// Lays out an ELF executable by its program headers (System V gABI, chapter 5).
    fn of(file: &[u8]) -> Option<Self> {
        const PAGE: usize = 4096;
        const PT_LOAD: u32 = 1;
        const PT_GNU_RELRO: u32 = 0x6474_e552;
        const PF_X: usize = 1;
        const PF_W: usize = 2;
        let word = |at: usize| Some(u64::from_le_bytes(file.get(at..at + 8)?.try_into().ok()?) as usize);
        let count = u16::from_le_bytes(file.get(56..58)?.try_into().ok()?);
        let table = word(32)?;
        let (mut base, mut relro_end) = (None, 0);
        let mut layout = Self { pages: Vec::new(), text: 0..0, data: 0..0, entry: 0 };
        for header in (0..usize::from(count)).map(|index| table + index * 56) {
            let (kind, flags) = (word(header)? as u32, word(header)? >> 32);
            if kind != PT_LOAD && kind != PT_GNU_RELRO {
                continue;
            }
            let (offset, start) = (word(header + 8)?, word(header + 16)?);
            let (file_len, memory_len) = (word(header + 32)?, word(header + 40)?);
            let start = start.checked_sub(*base.get_or_insert(start))?;
            let pages = start & !(PAGE - 1)..(start + memory_len).next_multiple_of(PAGE);
            if kind == PT_GNU_RELRO {
                // There's nothing to relocate, so it's read-only from the start.
                relro_end = (start + memory_len) & !(PAGE - 1);
                continue;
            }
            layout.pages.resize(layout.pages.len().max(pages.end), 0);
            let place = layout.pages.get_mut(start..start + file_len)?;
            place.copy_from_slice(file.get(offset..offset + file_len)?);
            if flags & PF_X != 0 {
                layout.text = pages;
            } else if flags & PF_W != 0 {
                layout.data = pages;
            }
        }
        layout.data.start = layout.data.start.max(relro_end);
        layout.entry = word(24)?.checked_sub(base?)?;
        (layout.text.contains(&layout.entry) && !layout.data.is_empty()).then_some(layout)
    }

    /// The initializer of a `frame::launch::Image`.
    fn source(&self) -> String {
        let Self { text, data, entry, .. } = self;
        format!("frame::launch::Image {{ pages: &IMAGE_PAGES.0, text: {text:?}, data: {data:?}, entry: {entry} }}")
    }
}

fn path_variable(name: &str) -> Result<PathBuf, String> {
    env::var_os(name).map(PathBuf::from).ok_or_else(|| format!("cargo didn't set {name}"))
}
