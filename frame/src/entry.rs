//! How a thread enters the LibOS by a patched instruction, and how it leaves.
//!
//! The trampoline of a patched `syscall` jumps to [`syscall_entry`] with the address to return to in `rcx`, on the
//! program's stack, whose red zone must not be touched; that of a `cpuid`, which leaves no register free, to
//! [`cpuid_entry`] with the address in the thread's block. All registers are saved in the thread's block, at fixed places
//! that `%gs` points to. The way out only reads them, so it can be started over at [`exit_start`] whenever a host
//! signal finds the thread between there and [`exit_end`]: whatever came up after the check of the pending word
//! is then seen.

use crate::context::{UserContext, VectorState};
use crate::thread::ThreadBlock;
use core::arch::global_asm;
use core::mem::offset_of;

macro_rules! ctx {
    ($field:ident) => {
        offset_of!(ThreadBlock, ctx) + offset_of!(UserContext, $field)
    };
}

/// Where in the thread block the address of [`syscall_entry`] stands, for trampolines.
pub const ENTRY_SLOT: i32 = offset_of!(ThreadBlock, entry) as i32;

/// Where in the thread block the address of [`cpuid_entry`] stands, for trampolines.
pub const CPUID_SLOT: i32 = offset_of!(ThreadBlock, cpuid_entry) as i32;

/// Where in the thread block a `cpuid`'s trampoline leaves the address to return to. Only trampolines write there: a host
/// signal may come between that and the jump to the LibOS.
pub const CPUID_RETURN: i32 = offset_of!(ThreadBlock, cpuid_return) as i32;

/// Flags under which Rust code must not run: alignment check, nested task, single step.
const HARMFUL_FLAGS: u32 = 1 << 18 | 1 << 14 | 1 << 8;

/// Flags other than the arithmetic ones and those that are always set.
const UNUSUAL_FLAGS: i32 = !(0x8d5 | 0x202);

unsafe extern "C" {
    #[link_name = "enclos_entry"]
    static ENTRY: u8;
    #[link_name = "enclos_cpuid"]
    static CPUID: u8;
    #[link_name = "enclos_exit"]
    static EXIT: u8;
    #[link_name = "enclos_exit_end"]
    static EXIT_END: u8;
    /// Leaves the LibOS for the program, from any depth of the stack.
    #[link_name = "enclos_leave"]
    pub(crate) fn leave() -> !;
}

/// Where trampolines of `syscall` instructions enter.
pub(crate) fn syscall_entry() -> usize {
    (&raw const ENTRY) as usize
}

/// Where trampolines of `cpuid` instructions enter.
pub(crate) fn cpuid_entry() -> usize {
    (&raw const CPUID) as usize
}

/// Where the way out starts.
pub(crate) fn exit_start() -> usize {
    (&raw const EXIT) as usize
}

/// First address behind the way out.
pub(crate) fn exit_end() -> usize {
    (&raw const EXIT_END) as usize
}

global_asm!(
    // Saves flags and registers but for rcx, rsp, r11 and rip; rcx is the block then.
    ".macro enclos_save",
    "mov rcx, gs:[{this}]",
    "pop qword ptr [rcx + {rflags}]",
    "mov [rcx + {rax}], rax",
    "mov [rcx + {rbx}], rbx",
    "mov [rcx + {rdx}], rdx",
    "mov [rcx + {rsi}], rsi",
    "mov [rcx + {rdi}], rdi",
    "mov [rcx + {rbp}], rbp",
    "mov [rcx + {r8}], r8",
    "mov [rcx + {r9}], r9",
    "mov [rcx + {r10}], r10",
    "mov [rcx + {r12}], r12",
    "mov [rcx + {r13}], r13",
    "mov [rcx + {r14}], r14",
    "mov [rcx + {r15}], r15",
    "movaps [rcx + {xmm}], xmm0",
    "movaps [rcx + {xmm} + 16], xmm1",
    "movaps [rcx + {xmm} + 32], xmm2",
    "movaps [rcx + {xmm} + 48], xmm3",
    "movaps [rcx + {xmm} + 64], xmm4",
    "movaps [rcx + {xmm} + 80], xmm5",
    "movaps [rcx + {xmm} + 96], xmm6",
    "movaps [rcx + {xmm} + 112], xmm7",
    "movaps [rcx + {xmm} + 128], xmm8",
    "movaps [rcx + {xmm} + 144], xmm9",
    "movaps [rcx + {xmm} + 160], xmm10",
    "movaps [rcx + {xmm} + 176], xmm11",
    "movaps [rcx + {xmm} + 192], xmm12",
    "movaps [rcx + {xmm} + 208], xmm13",
    "movaps [rcx + {xmm} + 224], xmm14",
    "movaps [rcx + {xmm} + 240], xmm15",
    ".endm",
    "",
    ".macro enclos_load_xmm",
    "movaps xmm0, [rcx + {xmm}]",
    "movaps xmm1, [rcx + {xmm} + 16]",
    "movaps xmm2, [rcx + {xmm} + 32]",
    "movaps xmm3, [rcx + {xmm} + 48]",
    "movaps xmm4, [rcx + {xmm} + 64]",
    "movaps xmm5, [rcx + {xmm} + 80]",
    "movaps xmm6, [rcx + {xmm} + 96]",
    "movaps xmm7, [rcx + {xmm} + 112]",
    "movaps xmm8, [rcx + {xmm} + 128]",
    "movaps xmm9, [rcx + {xmm} + 144]",
    "movaps xmm10, [rcx + {xmm} + 160]",
    "movaps xmm11, [rcx + {xmm} + 176]",
    "movaps xmm12, [rcx + {xmm} + 192]",
    "movaps xmm13, [rcx + {xmm} + 208]",
    "movaps xmm14, [rcx + {xmm} + 224]",
    "movaps xmm15, [rcx + {xmm} + 240]",
    ".endm",
    "",
    ".balign 64",
    ".globl enclos_entry",
    "enclos_entry:",
    "mov gs:[{rsp}], rsp",
    "mov rsp, gs:[{stack_top}]",
    "pushfq",
    "mov gs:[{rip}], rcx",
    "enclos_save",
    "mov qword ptr [rcx + {vector}], {partial}",
    "test dword ptr [rcx + {rflags}], {harmful}",
    "jnz 3f",
    "2:",
    "cld",
    "mov rdi, rcx",
    "call {on_syscall}",
    "jmp enclos_exit",
    "3:",
    "push 0x202",
    "popfq",
    "jmp 2b",
    "",
    ".balign 64",
    ".globl enclos_cpuid",
    "enclos_cpuid:",
    "mov gs:[{rsp}], rsp",
    "mov rsp, gs:[{stack_top}]",
    "pushfq",
    "mov gs:[{rcx}], rcx",
    "mov gs:[{r11}], r11",
    "mov rcx, gs:[{cpuid_return}]",
    "mov gs:[{rip}], rcx",
    "enclos_save",
    "mov qword ptr [rcx + {vector}], {partial_whole}",
    "push 0x202",
    "popfq",
    "lea rdi, [rcx + {ctx}]",
    "call {on_cpuid}",
    "jmp enclos_exit",
    "",
    ".globl enclos_leave",
    "enclos_leave:",
    "mov rsp, gs:[{stack_top}]",
    ".globl enclos_exit",
    "enclos_exit:",
    "mov rcx, gs:[{this}]",
    "cmp dword ptr [rcx + {pending}], 0",
    "jne 4f",
    "cmp qword ptr [rcx + {vector}], {partial}",
    "jne 5f",
    "enclos_load_xmm",
    "mov rbx, [rcx + {rbx}]",
    "mov rdx, [rcx + {rdx}]",
    "mov rsi, [rcx + {rsi}]",
    "mov rdi, [rcx + {rdi}]",
    "mov rbp, [rcx + {rbp}]",
    "mov r8, [rcx + {r8}]",
    "mov r9, [rcx + {r9}]",
    "mov r10, [rcx + {r10}]",
    "mov r12, [rcx + {r12}]",
    "mov r13, [rcx + {r13}]",
    "mov r14, [rcx + {r14}]",
    "mov r15, [rcx + {r15}]",
    "mov r11, [rcx + {rflags}]",
    "test r11d, {unusual}",
    "jnz 6f",
    // The overflow flag by an addition that overflows, the others by `sahf`: far cheaper than `popfq`.
    "mov eax, r11d",
    "shr eax, 11",
    "and eax, 1",
    "add al, 127",
    "mov ah, byte ptr [rcx + {rflags}]",
    "sahf",
    "mov rax, [rcx + {rax}]",
    "mov rsp, [rcx + {rsp}]",
    "mov rcx, gs:[{rcx}]",
    "jmp qword ptr gs:[{rip}]",
    "6:",
    "mov rax, [rcx + {rax}]",
    "push r11",
    "popfq",
    "mov rsp, [rcx + {rsp}]",
    "mov rcx, gs:[{rcx}]",
    "jmp qword ptr gs:[{rip}]",
    // All general registers are in the context: the way out for what didn't come in by a patched system call. Like
    // `cpuid`, `iretq` serializes (SDM volume 3, 9.3).
    "5:",
    "push 0x202",
    "popfq",
    "push {user_ss}",
    "push qword ptr [rcx + {rsp}]",
    "push qword ptr [rcx + {rflags}]",
    "push {user_cs}",
    "push qword ptr [rcx + {rip}]",
    "cmp qword ptr [rcx + {vector}], {saved}",
    "jne 7f",
    "mov rdi, [rcx + {xstate}]",
    "mov eax, -1",
    "mov edx, -1",
    "xrstor64 [rdi]",
    "8:",
    "mov rax, [rcx + {rax}]",
    "mov rbx, [rcx + {rbx}]",
    "mov rdx, [rcx + {rdx}]",
    "mov rsi, [rcx + {rsi}]",
    "mov rdi, [rcx + {rdi}]",
    "mov rbp, [rcx + {rbp}]",
    "mov r8, [rcx + {r8}]",
    "mov r9, [rcx + {r9}]",
    "mov r10, [rcx + {r10}]",
    "mov r11, [rcx + {r11}]",
    "mov r12, [rcx + {r12}]",
    "mov r13, [rcx + {r13}]",
    "mov r14, [rcx + {r14}]",
    "mov r15, [rcx + {r15}]",
    "mov rcx, [rcx + {rcx}]",
    "iretq",
    "7:",
    "enclos_load_xmm",
    "jmp 8b",
    ".globl enclos_exit_end",
    "enclos_exit_end:",
    "4:",
    "mov rsp, gs:[{stack_top}]",
    "mov rdi, rcx",
    "call {on_pending}",
    "jmp enclos_exit",
    this = const offset_of!(ThreadBlock, this),
    stack_top = const offset_of!(ThreadBlock, stack_top),
    ctx = const offset_of!(ThreadBlock, ctx),
    cpuid_return = const CPUID_RETURN,
    pending = const offset_of!(ThreadBlock, pending),
    rax = const ctx!(rax), rbx = const ctx!(rbx), rcx = const ctx!(rcx), rdx = const ctx!(rdx),
    rsi = const ctx!(rsi), rdi = const ctx!(rdi), rbp = const ctx!(rbp), rsp = const ctx!(rsp),
    r8 = const ctx!(r8), r9 = const ctx!(r9), r10 = const ctx!(r10), r11 = const ctx!(r11),
    r12 = const ctx!(r12), r13 = const ctx!(r13), r14 = const ctx!(r14), r15 = const ctx!(r15),
    rip = const ctx!(rip), rflags = const ctx!(rflags), vector = const ctx!(vector), xmm = const ctx!(xmm),
    xstate = const offset_of!(ThreadBlock, xstate_area),
    partial = const VectorState::Partial as i32,
    saved = const VectorState::Saved as i32,
    partial_whole = const VectorState::PartialWhole as i32,
    harmful = const HARMFUL_FLAGS,
    unusual = const UNUSUAL_FLAGS,
    // Linux's selectors of 64-bit user mode.
    user_cs = const 0x33,
    user_ss = const 0x2b,
    on_syscall = sym crate::thread::on_syscall,
    on_cpuid = sym crate::cpuid::on_cpuid,
    on_pending = sym crate::thread::on_pending,
);
