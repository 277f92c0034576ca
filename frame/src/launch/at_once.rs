//! The start without the C library.
//!
//! In a virtual machine, about half of what a small static program's start costs is the C library asking the processor what
//! it is, by dozens of `cpuid`s of microseconds each; and the program does that again. `enclos run PROGRAM ARGS…` needs
//! nothing of the library, so for it the image is entered straight from the executable's entry point.

use super::{Image, enter};

/// Enters the image if the process was started as `enclos run PROGRAM ARGS…`, without options, and nothing in its
/// environment is an option either. Comes back if not, or if that fails, with nothing done that the command line would
/// not do again and report.
///
/// Neither thread-local storage nor the library's memory functions can be used here.
///
/// # Safety
/// `stack` is the process's initial stack (x86-64 psABI, 3.4.1).
#[doc(hidden)]
pub unsafe fn at_once(image: &Image, stack: *const usize) {
    // SAFETY: the count, that many pointers to strings and a null, pointers to strings and a null. A few bytes behind
    // each string belong to the stack, too.
    let is_plain = unsafe { is_plain_run(*stack, stack.add(1)) };
    if is_plain && let Ok(entry) = image.put_in_place() {
        // SAFETY: the image is in place. A second word of 0 tells that the first is the stack.
        unsafe { enter(entry, stack.addr(), 0) }
    }
}

/// # Safety
/// `args` are `count` pointers to strings and a null, followed by the environment.
unsafe fn is_plain_run(count: usize, args: *const usize) -> bool {
    const COMMAND: u32 = u32::from_ne_bytes(*b"run\0");
    const OPTION: u64 = u64::from_ne_bytes(*b"ENCLOS_L");
    if count < 3 {
        return false;
    }
    // SAFETY: passed on to the caller.
    unsafe {
        let program = **args.add(2).cast::<*const u8>();
        let command = (*args.add(1).cast::<*const u32>()).read_unaligned();
        if command != COMMAND || program == b'-' || program == 0 {
            return false;
        }
        let mut variable = args.add(count + 1).cast::<*const u64>();
        while !(*variable).is_null() {
            if (*variable).read_unaligned() == OPTION {
                return false;
            }
            variable = variable.add(1);
        }
    }
    true
}
