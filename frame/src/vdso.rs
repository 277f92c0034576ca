//! The host's vDSO: code of the host's kernel that answers time queries without a system call.

use crate::ocall;
use crate::sync::Once;
use core::ops::Range;

static RANGE: Once<Range<usize>> = Once::new();

/// Where the vDSO lies; programs find it by `AT_SYSINFO_EHDR`.
pub fn range() -> Option<Range<usize>> {
    RANGE.get().cloned()
}

/// Notes the vDSO's place and finds the function that the LibOS itself uses.
///
/// # Safety
/// The host's vDSO lies at `range`.
pub(crate) unsafe fn init(range: Range<usize>) {
    // SAFETY: passed on to the caller.
    let image = unsafe { core::slice::from_raw_parts(range.start as *const u8, range.len()) };
    if let Some(offset) = find_symbol(image, b"__vdso_clock_gettime") {
        // SAFETY: the symbol of that name is that function.
        unsafe { ocall::time::use_vdso(range.start + offset) };
    }
    RANGE.call_once(|| range);
}

/// The offset of a dynamic symbol of an ELF image that is linked at 0. Reads nothing outside the image.
fn find_symbol(image: &[u8], name: &[u8]) -> Option<usize> {
    const PT_DYNAMIC: u32 = 2;
    const DT_STRTAB: u64 = 5;
    const DT_SYMTAB: u64 = 6;
    let word = |at: usize| Some(u64::from_le_bytes(image.get(at..at + 8)?.try_into().ok()?));
    let half = |at: usize| Some(u16::from_le_bytes(image.get(at..at + 2)?.try_into().ok()?));
    let program_headers = word(32)? as usize;
    let dynamic = (0..usize::from(half(56)?))
        .map(|index| program_headers + index * 56)
        .find(|&at| word(at).is_some_and(|kind| kind as u32 == PT_DYNAMIC))?;
    let mut entry = word(dynamic + 16)? as usize;
    let (mut strings, mut symbols) = (None, None);
    loop {
        match (word(entry)?, word(entry + 8)? as usize) {
            (0, _) => break,
            (DT_STRTAB, value) => strings = Some(value),
            (DT_SYMTAB, value) => symbols = Some(value),
            _ => {}
        }
        entry += 16;
    }
    let (strings, symbols) = (strings?, symbols?);
    // The string table follows the symbol table in every vDSO that Linux builds.
    let symbol = (symbols..strings).step_by(24).find(|&symbol| {
        word(symbol).is_some_and(|first| {
            let start = strings + first as u32 as usize;
            image.get(start..start + name.len() + 1).is_some_and(|found| found.strip_suffix(&[0]) == Some(name))
        })
    })?;
    Some(word(symbol + 8)? as usize)
}
