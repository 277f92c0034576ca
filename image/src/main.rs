//! The image: the freestanding executable that holds frame and kernel, run beneath the program.

#![no_std]
#![no_main]

frame::image_main!(kernel::boot::main);

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    frame::boot::die_of_panic(info)
}
