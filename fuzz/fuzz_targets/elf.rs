//! Any bytes as a program: its headers are refused, or what they promise holds.

#![no_main]

use frame::layout::USER_MAX;
use kernel::loader::elf;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let Ok(elf) = elf::parse(file) else { return };
    assert!(!elf.segments.is_empty());
    assert!(elf.align.is_power_of_two());
    for segment in &elf.segments {
        assert!(segment.memory.start < segment.memory.end && segment.memory.end <= USER_MAX);
        assert!(segment.file_len <= segment.memory.len());
        assert!(segment.offset.checked_add(segment.file_len as u64).is_some());
    }
    assert!(elf.segments.windows(2).all(|pair| pair[0].memory.end <= pair[1].memory.start));
    let span = elf.span();
    assert!(elf.segments.iter().all(|segment| span.start <= segment.memory.start && segment.memory.end <= span.end));
    if let Some(headers) = elf.headers {
        assert!(elf.segments.iter().any(|segment| segment.memory.contains(&headers)));
    }
    assert!(elf.interpreter.is_none_or(|path| !path.contains(&0)));
});
