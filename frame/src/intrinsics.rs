//! The memory routines that compiled code calls: the image has no libc.
//!
//! `rep movsb` and `rep stosb` are what current processors copy most with in a given time, but they take some ten
//! nanoseconds to begin and end; up to [`SHORT`] bytes, vectors are done by then.

use core::arch::naked_asm;

/// Up to so many bytes are copied and set by vectors.
const SHORT: usize = 512;

/// C's `memcpy`.
///
/// # Safety
/// As in C.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memcpy(dst: *mut u8, src: *const u8, len: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "cmp rdx, 16",
        "jb 3f",
        "cmp rdx, 64",
        "ja 2f",
        // 16 to 64 bytes: overlapping pairs of vectors, all loaded before any is stored.
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + rdx - 16]",
        "cmp rdx, 32",
        "jbe 1f",
        "movups xmm2, [rsi + 16]",
        "movups xmm3, [rsi + rdx - 32]",
        "movups [rdi + 16], xmm2",
        "movups [rdi + rdx - 32], xmm3",
        "1:",
        "movups [rdi], xmm0",
        "movups [rdi + rdx - 16], xmm1",
        "ret",
        "2:",
        "cmp rdx, {short}",
        "ja 8f",
        // The end is loaded first, since `memmove`'s target may reach into the source.
        "movups xmm2, [rsi + rdx - 32]",
        "movups xmm3, [rsi + rdx - 16]",
        "lea r8, [rdx - 32]",
        "xor ecx, ecx",
        "9:",
        "movups xmm0, [rsi + rcx]",
        "movups xmm1, [rsi + rcx + 16]",
        "movups [rdi + rcx], xmm0",
        "movups [rdi + rcx + 16], xmm1",
        "add rcx, 32",
        "cmp rcx, r8",
        "jb 9b",
        "movups [rdi + r8], xmm2",
        "movups [rdi + r8 + 16], xmm3",
        "ret",
        "8:",
        "mov rcx, rdx",
        "rep movsb",
        "ret",
        "3:",
        "cmp edx, 8",
        "jb 4f",
        "mov rcx, [rsi]",
        "mov r8, [rsi + rdx - 8]",
        "mov [rdi], rcx",
        "mov [rdi + rdx - 8], r8",
        "ret",
        "4:",
        "cmp edx, 4",
        "jb 5f",
        "mov ecx, [rsi]",
        "mov r8d, [rsi + rdx - 4]",
        "mov [rdi], ecx",
        "mov [rdi + rdx - 4], r8d",
        "ret",
        "5:",
        "test edx, edx",
        "jz 6f",
        "movzx ecx, byte ptr [rsi]",
        "movzx r8d, byte ptr [rsi + rdx - 1]",
        "cmp edx, 3",
        "jb 7f",
        "movzx r9d, byte ptr [rsi + 1]",
        "mov [rdi + 1], r9b",
        "7:",
        "mov [rdi], cl",
        "mov [rdi + rdx - 1], r8b",
        "6:",
        "ret",
        short = const SHORT,
    )
}

/// C's `memmove`.
///
/// # Safety
/// As in C.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memmove(dst: *mut u8, src: *const u8, len: usize) -> *mut u8 {
    naked_asm!(
        // Up to 64 bytes `memcpy` loads all before it stores any (but for three bytes, handled alike below).
        "mov rax, rdi",
        "sub rax, rsi",
        "cmp rax, rdx",
        "jae {memcpy}",
        // The target starts within the source: copy from the end.
        "mov rax, rdi",
        "lea rsi, [rsi + rdx]",
        "lea rdi, [rdi + rdx]",
        "2:",
        "cmp rdx, 8",
        "jb 3f",
        "sub rsi, 8",
        "sub rdi, 8",
        "sub rdx, 8",
        "mov rcx, [rsi]",
        "mov [rdi], rcx",
        "jmp 2b",
        "3:",
        "test rdx, rdx",
        "jz 4f",
        "dec rsi",
        "dec rdi",
        "dec rdx",
        "mov cl, [rsi]",
        "mov [rdi], cl",
        "jmp 3b",
        "4:",
        "ret",
        memcpy = sym memcpy,
    )
}

/// C's `memset`.
///
/// # Safety
/// As in C.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memset(dst: *mut u8, byte: i32, len: usize) -> *mut u8 {
    naked_asm!(
        "mov r8, rdi",
        "cmp rdx, 16",
        "jb 2f",
        "cmp rdx, {short}",
        "ja 2f",
        "movzx eax, sil",
        "imul eax, eax, 0x01010101",
        "movd xmm0, eax",
        "pshufd xmm0, xmm0, 0",
        "cmp rdx, 64",
        "ja 3f",
        // 16 to 64 bytes: overlapping pairs of vectors.
        "movups [rdi], xmm0",
        "movups [rdi + rdx - 16], xmm0",
        "cmp rdx, 32",
        "jbe 1f",
        "movups [rdi + 16], xmm0",
        "movups [rdi + rdx - 32], xmm0",
        "1:",
        "mov rax, r8",
        "ret",
        "2:",
        "mov eax, esi",
        "mov rcx, rdx",
        "rep stosb",
        "mov rax, r8",
        "ret",
        "3:",
        "lea rcx, [rdx - 32]",
        "add rcx, rdi",
        "4:",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm0",
        "add rdi, 32",
        "cmp rdi, rcx",
        "jb 4b",
        "movups [rcx], xmm0",
        "movups [rcx + 16], xmm0",
        "mov rax, r8",
        "ret",
        short = const SHORT,
    )
}

/// C's `memcmp`.
///
/// # Safety
/// As in C.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    naked_asm!(
        "2:",
        "cmp rdx, 8",
        "jb 3f",
        "mov rax, [rdi]",
        "mov rcx, [rsi]",
        "cmp rax, rcx",
        "jne 4f",
        "add rdi, 8",
        "add rsi, 8",
        "sub rdx, 8",
        "jmp 2b",
        "3:",
        "test rdx, rdx",
        "jz 5f",
        "movzx eax, byte ptr [rdi]",
        "movzx ecx, byte ptr [rsi]",
        "cmp eax, ecx",
        "jne 6f",
        "inc rdi",
        "inc rsi",
        "dec rdx",
        "jmp 3b",
        "4:",
        "bswap rax",
        "bswap rcx",
        "cmp rax, rcx",
        "6:",
        "sbb eax, eax",
        "or eax, 1",
        "ret",
        "5:",
        "xor eax, eax",
        "ret",
    )
}

/// BSD's `bcmp`.
///
/// # Safety
/// As `memcmp`.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(a, b, len) }
}

/// C's `strlen`.
///
/// # Safety
/// As in C.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn strlen(string: *const u8) -> usize {
    naked_asm!("xor eax, eax", "2:", "cmp byte ptr [rdi + rax], 0", "je 3f", "inc rax", "jmp 2b", "3:", "ret",)
}

/// Named by the prebuilt `core` and `alloc`; nothing unwinds here.
#[cfg(not(test))]
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() {}

/// As above.
#[cfg(not(test))]
#[unsafe(no_mangle)]
pub extern "C" fn _Unwind_Resume() -> ! {
    crate::boot::die("unwinding in the LibOS")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 2 * SHORT;
    const PLACES: [usize; 8] = [0, 1, 8, 15, 16, 33, 64, 300];

    fn text() -> Vec<u8> {
        (0..SIZE).map(|index| (index % 251) as u8).collect()
    }

    #[test]
    fn all_bytes_are_copied_and_no_more() {
        let src = text();
        for len in 0..=SHORT + 100 {
            let mut dst = vec![255; SIZE];
            // SAFETY: both have room for it.
            unsafe { memcpy(dst[8..].as_mut_ptr(), src[5..].as_ptr(), len) };
            assert_eq!(dst[8..8 + len], src[5..5 + len]);
            assert!(dst[..8].iter().chain(&dst[8 + len..]).all(|&byte| byte == 255), "{len} bytes");
        }
    }

    #[test]
    fn all_bytes_are_set_and_no_more() {
        for len in 0..=SHORT + 100 {
            let mut dst = vec![255; SIZE];
            // SAFETY: it has room for it.
            unsafe { memset(dst[8..].as_mut_ptr(), 0x1_07, len) };
            assert!(dst[8..8 + len].iter().all(|&byte| byte == 7));
            assert!(dst[..8].iter().chain(&dst[8 + len..]).all(|&byte| byte == 255), "{len} bytes");
        }
    }

    #[test]
    fn a_move_to_where_its_source_lies_has_all_bytes() {
        for len in (0..=SHORT + 20).step_by(7) {
            for (from, to) in PLACES.iter().flat_map(|&from| PLACES.map(|to| (from, to))) {
                let (mut moved, mut expected) = (text(), text());
                // SAFETY: there is room for both.
                unsafe { memmove(moved.as_mut_ptr().add(to), moved.as_ptr().add(from), len) };
                expected.copy_within(from..from + len, to);
                assert_eq!(moved, expected, "{len} bytes from {from} to {to}");
            }
        }
    }
}
