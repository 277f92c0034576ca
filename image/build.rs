//! Links the image as a freestanding executable at its fixed place (see `frame::layout`).

fn main() {
    for arg in [
        "-nostartfiles",
        "-nostdlib",
        "-static",
        "-no-pie",
        "-Wl,--image-base=0x600000000000",
        "-Wl,-z,max-page-size=4096",
        "-Wl,-z,noexecstack",
        "-Wl,-z,relro",
        "-Wl,-z,now",
        "-Wl,--build-id=none",
        "-Wl,-e,_start",
    ] {
        println!("cargo:rustc-link-arg-bins={arg}");
    }
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data.ld");
    println!("cargo:rustc-link-arg-bins=-Wl,--script={data}");
    println!("cargo:rerun-if-changed=data.ld");
    println!("cargo:rerun-if-changed=build.rs");
}
