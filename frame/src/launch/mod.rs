//! The launcher's side of boot: from an ordinary process to the image's entry point, without `execve`.
//!
//! The image is embedded in the launcher's executable, page-aligned, so its segments are mapped straight from there. What
//! the C library told the host about the launcher's memory is taken back, since the image unmaps all of that.

mod elf;
mod maps;
pub mod probe;

use crate::errno::{Errno, Error};
use crate::{host, layout};
use core::arch::asm;
use core::ffi::{CStr, c_char};
use core::fmt;
use core::ops::Range;
use elf::{Elf, Segment};
use linux_raw_sys::general::{
    __NR_mmap, __NR_mprotect, __NR_rseq, __NR_set_robust_list, __NR_set_tid_address, MAP_ANONYMOUS,
    MAP_FIXED_NOREPLACE, MAP_POPULATE, MAP_PRIVATE, PROT_READ, PROT_WRITE,
};
use maps::AddressSpace;
use std::borrow::ToOwned;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::vec::Vec;

pub use maps::Surroundings;

/// Why the image couldn't be started.
#[derive(Debug)]
pub enum LaunchError {
    /// Something of this process lies where the LibOS must lie.
    PlaceTaken,
    /// The image isn't what the build makes, or not where it puts it.
    BadImage(&'static str),
    /// A file that the launcher needs can't be read.
    Unreadable(&'static str, std::io::Error),
    /// The host refused something.
    Refused(&'static str, Error),
}

impl LaunchError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::BadImage(_) => "build Enclos again",
            _ => "run `enclos doctor` to see what this host lacks",
        }
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlaceTaken => {
                let (start, end) = (layout::LIBOS_BASE, layout::LIBOS_END);
                write!(f, "addresses {start:#x} to {end:#x} are not free in this process")
            }
            Self::BadImage(what) => write!(f, "the built-in image is damaged ({what})"),
            Self::Unreadable(path, error) => write!(f, "can't read {path}: {error}"),
            Self::Refused(what, error) => write!(f, "can't {what}: {error}"),
        }
    }
}

impl core::error::Error for LaunchError {}

/// Makes `$main`, a function from the arguments to the exit status, the main function of the launcher's executable.
///
/// Std's own start-up code is left out: it ignores `SIGPIPE` and handles faults, which the image would have to undo
/// without knowing how the signals were, and it costs a fifth of the process's start.
#[macro_export]
macro_rules! launcher_main {
    ($main:path) => {
        const _: () = {
            #[expect(unsafe_code, reason = "the C library calls `main` by that name")]
            #[unsafe(export_name = "main")]
            extern "C" fn start(count: i32, values: *const *const core::ffi::c_char) -> i32 {
                // SAFETY: the C library gives the arguments of the process.
                i32::from($main(unsafe { $crate::launch::arguments(count, values) }))
            }
        };
    };
}

/// The arguments that C's `main` got.
///
/// # Safety
/// `values` has `count` strings that end in NUL.
#[doc(hidden)]
pub unsafe fn arguments(count: i32, values: *const *const c_char) -> Vec<OsString> {
    (0..usize::try_from(count).unwrap_or(0))
        // SAFETY: passed on to the caller.
        .map(|index| unsafe { CStr::from_ptr(*values.add(index)) })
        .map(|value| OsStr::from_bytes(value.to_bytes()).to_owned())
        .collect()
}

/// Starts `image`, an executable linked to lie at [`layout::LIBOS_BASE`] and embedded page-aligned in the running
/// executable. `encode` makes what is handed over to it. Returns only if that fails; the process is usable then.
///
/// Must be called while the process has one thread.
pub fn launch(image: &'static [u8], encode: impl FnOnce(&Surroundings) -> Vec<u8>) -> LaunchError {
    match prepare(image, encode) {
        Ok((entry, handover)) => {
            forget_launcher();
            // SAFETY: the image is mapped, and its entry point takes an address and a length.
            unsafe { jump(entry, handover.leak()) }
        }
        Err(error) => error,
    }
}

fn prepare(
    image: &'static [u8],
    encode: impl FnOnce(&Surroundings) -> Vec<u8>,
) -> Result<(usize, Vec<u8>), LaunchError> {
    let space = AddressSpace::read().map_err(|error| LaunchError::Unreadable("/proc/self/maps", error))?;
    if space.is_taken(layout::LIBOS_BASE..layout::LIBOS_END) {
        return Err(LaunchError::PlaceTaken);
    }
    let elf = Elf::parse(image).map_err(LaunchError::BadImage)?;
    let offset = space
        .file_offset(image.as_ptr().addr())
        .filter(|offset| offset.is_multiple_of(layout::PAGE_SIZE))
        .ok_or(LaunchError::BadImage("not page-aligned in a file"))?;
    let executable = File::open("/proc/self/exe").map_err(|error| LaunchError::Unreadable("/proc/self/exe", error))?;
    for segment in &elf.segments {
        map_segment(segment, &executable, offset)?;
    }
    if let Some(relro) = elf.relro {
        change("protect the image", __NR_mprotect, [relro.start, relro.len(), PROT_READ as usize, 0, 0, 0])?;
    }
    Ok((elf.entry, encode(&space.surroundings())))
}

/// Maps a segment of the image that starts at byte `base` of `executable`.
fn map_segment(segment: &Segment, executable: &File, base: usize) -> Result<(), LaunchError> {
    let place = &segment.pages;
    let zeroes_from = segment.file_end;
    let file_pages = place.start..layout::page_ceil(zeroes_from).unwrap_or(place.end).min(place.end);
    if !file_pages.is_empty() {
        // Mapping all pages at once costs less than the faults that they'd cost one by one; data is copied when written.
        let populate = if segment.prot & PROT_WRITE == 0 { MAP_POPULATE } else { 0 };
        map(&file_pages, segment.prot, MAP_PRIVATE | populate, executable.as_raw_fd(), base + segment.offset)?;
        if segment.prot & PROT_WRITE != 0 {
            // SAFETY: just mapped, private and writable; nobody uses it yet.
            unsafe {
                core::ptr::write_bytes(zeroes_from as *mut u8, 0, file_pages.end - zeroes_from);
            }
        }
    }
    let zero_pages = file_pages.end..place.end;
    if !zero_pages.is_empty() {
        map(&zero_pages, segment.prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)?;
    }
    Ok(())
}

fn map(place: &Range<usize>, prot: u32, flags: u32, fd: i32, offset: usize) -> Result<(), LaunchError> {
    let flags = flags | MAP_FIXED_NOREPLACE;
    change("map the image", __NR_mmap, [place.start, place.len(), prot as usize, flags as usize, fd as usize, offset])
}

/// Issues a system call that changes only addresses of the image or what the host knows of the launcher.
fn change(what: &'static str, nr: u32, args: [usize; 6]) -> Result<(), LaunchError> {
    // SAFETY: no Rust object lies there.
    match unsafe { host::call(nr, args) } {
        Ok(_) => Ok(()),
        Err(error) if error.errno() == Errno::EEXIST => Err(LaunchError::PlaceTaken),
        Err(error) => Err(LaunchError::Refused(what, error)),
    }
}

/// Takes back what the C library told the host: addresses that it would write to later.
fn forget_launcher() {
    const ROBUST_LIST_HEAD_LEN: usize = 24;
    let calls = [(__NR_set_tid_address, [0; 6]), (__NR_set_robust_list, [0, ROBUST_LIST_HEAD_LEN, 0, 0, 0, 0])];
    for (nr, args) in calls {
        // A host that doesn't know the call has nothing to forget.
        let _ = change("clean up", nr, args);
    }
    if let Some(area) = restartable_sequences() {
        const UNREGISTER: usize = 1;
        /// What every C library registers for x86.
        const SIGNATURE: usize = 0x5305_3053;
        const LEN: usize = 32;
        // It fails if the library didn't register the area after all.
        let _ = change("clean up", __NR_rseq, [area, LEN, UNREGISTER, SIGNATURE, 0, 0]);
    }
}

/// The area that the C library registered for restartable sequences, which the host writes to at every switch of tasks;
/// `None` for a library that has none (before glibc 2.35, musl).
fn restartable_sequences() -> Option<usize> {
    let offset: *const isize;
    let thread_pointer: usize;
    // SAFETY: reads an entry of the global offset table, which is null if the weak symbol has no definition, and the
    // first word of the thread's control block, which points to itself (x86-64 psABI, ELF TLS variant II).
    unsafe {
        asm!(
            ".weak __rseq_offset",
            "mov {offset}, qword ptr [rip + __rseq_offset@GOTPCREL]",
            "mov {thread_pointer}, fs:[0]",
            offset = out(reg) offset,
            thread_pointer = out(reg) thread_pointer,
            options(nostack, readonly, preserves_flags),
        );
    }
    // SAFETY: glibc defines the symbol as a constant of this type.
    (!offset.is_null()).then(|| thread_pointer.wrapping_add_signed(unsafe { *offset }))
}

/// Enters the image.
///
/// # Safety
/// `entry` is the entry point of the image, mapped at its place.
unsafe fn jump(entry: usize, handover: &'static [u8]) -> ! {
    // SAFETY: the image leaves this stack and never comes back.
    unsafe {
        asm!(
            "jmp {entry}",
            entry = in(reg) entry,
            in("rdi") handover.as_ptr(),
            in("rsi") handover.len(),
            options(noreturn),
        )
    }
}
