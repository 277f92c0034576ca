//! Any words as the arguments of a system call: decoding gives a value or an error, tracing prints.

#![no_main]

use frame::layout::is_user_range;
use frame::user::UserPtr;
use kernel::fs::StatusFlags;
use kernel::fs::sys::{AtFlags, CloseRangeFlags, MemfdFlags};
use kernel::mm::sys::{LockAllFlags, MapFlags, ProtFlags, RemapFlags, SyncFlags};
use kernel::syscalls::TABLE;
use kernel::syscalls::args::{Addr, Arg, DirDesc, FileDesc, Flags, Mode};

libfuzzer_sys::fuzz_target!(|input: (u16, [u64; 6], &[u8])| {
    let (number, words, text) = input;
    let mut printed = String::new();
    for word in words {
        decode_each_type(word, &mut printed);
    }
    // A string argument is read when it's traced: from here, or not at all. Nothing catches a fault of the fuzzer.
    let text: Vec<u8> = text.iter().copied().chain([0]).collect();
    let entry = &TABLE[usize::from(number) % TABLE.len()];
    for (&(_, trace), word) in entry.args.iter().zip(words) {
        let may_be_read = word != 0 && is_user_range(word as usize, 1);
        let word = if may_be_read { text.as_ptr() as u64 } else { word };
        trace(word, &mut printed).expect("printing to a string never fails");
    }
});

fn decode_each_type(word: u64, printed: &mut String) {
    decode::<i32>(word, printed);
    decode::<u32>(word, printed);
    decode::<i64>(word, printed);
    decode::<u64>(word, printed);
    decode::<usize>(word, printed);
    decode::<FileDesc>(word, printed);
    decode::<DirDesc>(word, printed);
    decode::<Mode>(word, printed);
    decode::<Flags>(word, printed);
    decode::<Addr>(word, printed);
    decode::<UserPtr<u8>>(word, printed);
    decode::<StatusFlags>(word, printed);
    decode::<AtFlags>(word, printed);
    decode::<CloseRangeFlags>(word, printed);
    decode::<MemfdFlags>(word, printed);
    decode::<ProtFlags>(word, printed);
    decode::<MapFlags>(word, printed);
    decode::<RemapFlags>(word, printed);
    decode::<SyncFlags>(word, printed);
    decode::<LockAllFlags>(word, printed);
}

fn decode<T: Arg>(word: u64, printed: &mut String) {
    // Either answer is right; a panic isn't.
    let _ = T::decode(word);
    T::trace(word, printed).expect("printing to a string never fails");
}
