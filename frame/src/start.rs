//! The image's entry point and panic handler.

use crate::boot;
use core::arch::naked_asm;

unsafe extern "C" {
    /// The image's main function; gets what the launcher handed over.
    fn enclos_main(boot: *const u8, len: usize) -> !;
}

/// Where the launcher jumps to, on its own stack: address and length of the encoded configuration in `rdi` and `rsi`.
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

unsafe extern "C" fn main(blob: *const u8, len: usize) -> ! {
    // SAFETY: this is the first code of the image to run.
    if let Err(error) = unsafe { boot::init() } {
        boot::say(format_args!("enclos: no memory for the LibOS: {error}\n"));
        crate::ocall::process::exit(boot::FAILURE_STATUS);
    }
    // SAFETY: defined by the `image_main!` macro.
    unsafe { enclos_main(blob, len) }
}

/// Makes `$main`, a function from the launcher's bytes to `!`, the image's main function.
#[macro_export]
macro_rules! image_main {
    ($main:path) => {
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn enclos_main(boot: *const u8, len: usize) -> ! {
                let main: fn(&'static [u8]) -> ! = $main;
                // SAFETY: the launcher jumps here with its buffer's address and length.
                main(unsafe { $crate::boot::launcher_bytes(boot, len) })
            }
            #[global_allocator]
            static HEAP: $crate::heap::Heap = $crate::heap::Heap;
        };
    };
}
