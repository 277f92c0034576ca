//! The image's entry point and panic handler.

use crate::boot;
use core::arch::naked_asm;

unsafe extern "C" {
    /// The image's main function; gets what the launcher handed over.
    fn enclos_main(handover: *const core::ffi::c_void, len: usize) -> !;
}

/// Where the launcher jumps to, on its own stack: address and length of the encoded configuration in `rdi` and `rsi`, or
/// the address of the process's initial stack and 0.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "xor ebp, ebp",
        "and rsp, -16",
        "call {main}",
        "ud2",
        main = sym main,
    )
}

unsafe extern "C" fn main(handover: *const core::ffi::c_void, len: usize) -> ! {
    // SAFETY: this is the first code of the image to run.
    if let Err(error) = unsafe { boot::init() } {
        boot::say(format_args!("enclos: no memory for the LibOS: {error}\n"));
        crate::ocall::process::exit(boot::FAILURE_STATUS);
    }
    // SAFETY: defined by the `image_main!` macro.
    unsafe { enclos_main(handover, len) }
}

/// Makes `$main`, a function from [`Handover`](crate::boot::Handover) to `!`, the image's main function.
#[macro_export]
macro_rules! image_main {
    ($main:path) => {
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn enclos_main(handover: *const core::ffi::c_void, len: usize) -> ! {
                let main: fn($crate::boot::Handover) -> ! = $main;
                // SAFETY: the launcher jumps here with its buffer's address and length, or its stack and 0.
                main(unsafe { $crate::boot::handed_over(handover, len) })
            }
            #[global_allocator]
            static HEAP: $crate::heap::Heap = $crate::heap::Heap;
        };
    };
}
