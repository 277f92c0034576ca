//! The launcher's side of boot: from an ordinary process to the image's entry point, without `execve`.
//!
//! The image is embedded in the launcher's executable as it lies in memory, so its pages are moved to their place where
//! the host has already mapped them. There are two ways there. The common one, [`at_once`], doesn't even set up the C
//! library; where options are to be parsed, [`launch`] takes over from the command line. What the C library told the host
//! about the launcher's memory is taken back then, since the image unmaps all of that.

mod at_once;
pub mod probe;

use crate::errno::{Errno, Error};
use crate::{host, layout};
use core::arch::asm;
use core::ffi::{CStr, c_char};
use core::fmt;
use core::ops::Range;
use linux_raw_sys::general::{
    __NR_mmap, __NR_mprotect, __NR_mremap, __NR_rseq, __NR_set_robust_list, __NR_set_tid_address, MAP_ANONYMOUS,
    MAP_FIXED_NOREPLACE, MAP_NORESERVE, MAP_PRIVATE, MREMAP_FIXED, MREMAP_MAYMOVE, PROT_EXEC, PROT_READ, PROT_WRITE,
};
use std::borrow::ToOwned;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::vec::Vec;

#[doc(hidden)]
pub use at_once::at_once;

/// Why the image couldn't be started.
#[derive(Debug)]
pub enum LaunchError {
    /// Something of this process lies where the LibOS must lie.
    PlaceTaken,
    /// The host refused a step.
    Refused(Step, Error),
}

impl LaunchError {
    /// What the user can do about it.
    pub const fn remedy() -> &'static str {
        "run `enclos doctor` to see what this host lacks"
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlaceTaken => {
                let (start, end) = (layout::LIBOS_BASE, layout::LIBOS_END);
                write!(f, "addresses {start:#x} to {end:#x} are not free in this process")
            }
            Self::Refused(Step::Reserve, error) => write!(f, "can't reserve addresses: {error}"),
            Self::Refused(Step::Move, error) => write!(f, "can't move the image: {error}"),
            Self::Refused(Step::Protect, error) => write!(f, "can't protect the image: {error}"),
        }
    }
}

impl core::error::Error for LaunchError {}

/// Makes `$main`, a function from the arguments to the exit status, the main function of the launcher's executable, and
/// `$image`, an [`Image`], what its entry point `enclos_start` runs at once where it can.
///
/// Std's own start-up code is left out: it ignores `SIGPIPE` and handles faults, which the image would have to undo
/// without knowing how the signals were, and it costs a fifth of the process's start.
#[macro_export]
macro_rules! launcher_main {
    ($main:path, $image:path) => {
        #[expect(unsafe_code, reason = "entry points are found by their names, and get raw memory")]
        const _: () = {
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            unsafe extern "C" fn enclos_start() -> ! {
                extern "C" fn at_once(stack: *const usize) {
                    // SAFETY: called by the entry point, below.
                    unsafe { $crate::launch::at_once(&$image, stack) }
                }
                // Registers and stack are the C library's entry point's again if that is still wanted.
                core::arch::naked_asm!(
                    "mov rdi, rsp",
                    "push rdx",
                    "push rdx",
                    "call {at_once}",
                    "pop rdx",
                    "pop rdx",
                    "jmp _start",
                    at_once = sym at_once,
                )
            }
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

/// The image, as the build embeds it in the launcher's executable.
#[derive(Debug)]
pub struct Image {
    /// Its memory from [`layout::LIBOS_BASE`] on, page-aligned in memory and in the file.
    pub pages: &'static [u8],
    /// Where in it the code lies: whole pages.
    pub text: Range<usize>,
    /// Where in it the data lies that is written to: whole pages.
    pub data: Range<usize>,
    /// Where in it the entry point lies.
    pub entry: usize,
}

/// Starts `image` and hands `config` over to it. Returns only if that fails; the process can still report it then.
///
/// Must be called while the process has one thread.
///
/// # Panics
/// If `config` is empty, which would mean something else to the image.
pub fn launch(image: &Image, config: Vec<u8>) -> LaunchError {
    assert!(!config.is_empty(), "the image takes a length of 0 for a start without options");
    match image.put_in_place() {
        Ok(entry) => {
            forget_launcher();
            let config = config.leak();
            // SAFETY: the image is in place, and its entry point takes an address and a length.
            unsafe { enter(entry, config.as_ptr().addr(), config.len()) }
        }
        Err((Step::Reserve, error)) if error.errno() == Errno::EEXIST => LaunchError::PlaceTaken,
        Err((step, error)) => LaunchError::Refused(step, error),
    }
}

/// What the host is asked for to put the image in its place.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// The LibOS's addresses.
    Reserve,
    /// The image's pages to be moved there.
    Move,
    /// Its code to be executable and its data to be writable.
    Protect,
}

impl Image {
    /// Moves the image from where the executable has it to its place, and gives the address of its entry point.
    ///
    /// Of plain words only, since [`at_once`] runs it before the C library is ready.
    fn put_in_place(&self) -> Result<usize, (Step, Error)> {
        const BASE: usize = layout::LIBOS_BASE;
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
        let reserve = [BASE, layout::LIBOS_END - BASE, 0, flags as usize, usize::MAX, 0];
        let (from, len) = (self.pages.as_ptr().addr(), self.pages.len());
        let move_pages = [from, len, len, (MREMAP_MAYMOVE | MREMAP_FIXED) as usize, BASE, 0];
        let protect = |range: &Range<usize>, prot: u32| [BASE + range.start, range.len(), prot as usize, 0, 0, 0];
        // SAFETY: the place was free, and nobody reads the pages of the image where they were.
        unsafe {
            host::call(__NR_mmap, reserve).map_err(|error| (Step::Reserve, error))?;
            host::call(__NR_mremap, move_pages).map_err(|error| (Step::Move, error))?;
            for (range, more) in [(&self.text, PROT_EXEC), (&self.data, PROT_WRITE)] {
                host::call(__NR_mprotect, protect(range, PROT_READ | more)).map_err(|error| (Step::Protect, error))?;
            }
        }
        Ok(BASE + self.entry)
    }
}

/// Issues a system call that changes only what the host knows of the launcher.
fn change(nr: u32, args: [usize; 6]) {
    // SAFETY: no Rust object is concerned. A host that doesn't know the call has nothing to forget.
    let _ = unsafe { host::call(nr, args) };
}

/// Takes back what the C library told the host: addresses that it would write to later.
fn forget_launcher() {
    const ROBUST_LIST_HEAD_LEN: usize = 24;
    let calls = [(__NR_set_tid_address, [0; 6]), (__NR_set_robust_list, [0, ROBUST_LIST_HEAD_LEN, 0, 0, 0, 0])];
    for (nr, args) in calls {
        change(nr, args);
    }
    if let Some(area) = restartable_sequences() {
        const UNREGISTER: usize = 1;
        /// What every C library registers for x86.
        const SIGNATURE: usize = 0x5305_3053;
        const LEN: usize = 32;
        // It fails if the library didn't register the area after all.
        change(__NR_rseq, [area, LEN, UNREGISTER, SIGNATURE, 0, 0]);
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

/// Enters the image with two words of what is handed over.
///
/// # Safety
/// `entry` is the entry point of the image, in its place, and the words are what it takes.
unsafe fn enter(entry: usize, first: usize, second: usize) -> ! {
    // SAFETY: the image leaves this stack and never comes back.
    unsafe {
        asm!(
            "jmp {entry}",
            entry = in(reg) entry,
            in("rdi") first,
            in("rsi") second,
            options(noreturn),
        )
    }
}
