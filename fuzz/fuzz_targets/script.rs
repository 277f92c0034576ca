//! Any bytes as a `#!` script.

#![no_main]

use kernel::loader::script;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(Some(script)) = script::parse(file) {
        assert!(file.starts_with(b"#!"));
        assert!(!script.interpreter.is_empty() && !script.interpreter.contains(&b'\n'));
        assert!(script.argument.is_none_or(|argument| !argument.is_empty()));
    }
});
