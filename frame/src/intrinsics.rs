//! The memory routines that compiled code calls: the image has no libc.
//!
//! `rep movsb` and `rep stosb` are what current processors copy fastest with; short lengths are cheap with FSRM.

use core::arch::naked_asm;

/// C's `memcpy`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
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
    )
}

/// C's `memmove`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
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
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn memset(dst: *mut u8, byte: i32, len: usize) -> *mut u8 {
    naked_asm!(
        "mov r8, rdi",
        "cmp rdx, 16",
        "jb 2f",
        "cmp rdx, 64",
        "ja 2f",
        // 16 to 64 bytes: overlapping pairs of vectors.
        "movzx eax, sil",
        "imul eax, eax, 0x01010101",
        "movd xmm0, eax",
        "pshufd xmm0, xmm0, 0",
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
    )
}

/// C's `memcmp`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
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
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(a, b, len) }
}

/// C's `strlen`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn strlen(string: *const u8) -> usize {
    naked_asm!("xor eax, eax", "2:", "cmp byte ptr [rdi + rax], 0", "je 3f", "inc rax", "jmp 2b", "3:", "ret",)
}

/// Named by the prebuilt `core` and `alloc`; nothing unwinds here.
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() {}

/// As above.
#[unsafe(no_mangle)]
pub extern "C" fn _Unwind_Resume() -> ! {
    crate::boot::die("unwinding in the LibOS")
}
