//! Patched code that runs.

use super::{chunk, patch};
use crate::entry::ENTRY_SLOT;
use crate::ocall::mem::{self, Backing, Prot, Sharing};
use crate::patch::{GOOD_CHUNK, Plan, Site};
use core::arch::naked_asm;
use core::ptr;
use std::prelude::v1::*;
use std::sync::Mutex;

/// Where the tests put their code; each takes a place of its own.
const CODE: u64 = 0x1234_5670_0000;
/// What the call's stand-in returns.
const RESULT: u64 = 77;
/// What stands in all registers before.
const BEFORE: u64 = 0x1111_2222_3333_0000;
/// Carry, zero and overflow.
const FLAGS: u64 = 0x202 | 1 | 1 << 6 | 1 << 11;

/// The general registers as [`run`] loads and stores them, then the flags.
type Registers = [u64; 16];
const RAX: usize = 0;
const RCX: usize = 1;
const R11: usize = 10;
const FLAG: usize = 15;

/// One mapping for all tests, which take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Stands for the LibOS: it destroys what a system call does.
#[unsafe(naked)]
unsafe extern "C" fn entry() {
    naked_asm!("mov eax, {result}", "mov r11d, 0x11", "jmp rcx", result = const RESULT)
}

/// Calls `code` with these registers.
#[unsafe(naked)]
unsafe extern "C" fn run(code: u64, registers: *mut Registers) {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rsi",
        "push rdi",
        "mov rax, [rsi]",
        "mov rcx, [rsi + 8]",
        "mov rdx, [rsi + 16]",
        "mov rbx, [rsi + 24]",
        "mov rbp, [rsi + 32]",
        "mov rdi, [rsi + 48]",
        "mov r8, [rsi + 56]",
        "mov r9, [rsi + 64]",
        "mov r10, [rsi + 72]",
        "mov r11, [rsi + 80]",
        "mov r12, [rsi + 88]",
        "mov r13, [rsi + 96]",
        "mov r14, [rsi + 104]",
        "mov r15, [rsi + 112]",
        "push [rsi + 120]",
        "popfq",
        "mov rsi, [rsi + 40]",
        "call [rsp]",
        "push rsi",
        "mov rsi, [rsp + 16]",
        "pop [rsi + 40]",
        "pushfq",
        "pop [rsi + 120]",
        "mov [rsi], rax",
        "mov [rsi + 8], rcx",
        "mov [rsi + 16], rdx",
        "mov [rsi + 24], rbx",
        "mov [rsi + 32], rbp",
        "mov [rsi + 48], rdi",
        "mov [rsi + 56], r8",
        "mov [rsi + 64], r9",
        "mov [rsi + 72], r10",
        "mov [rsi + 80], r11",
        "mov [rsi + 88], r12",
        "mov [rsi + 96], r13",
        "mov [rsi + 104], r14",
        "mov [rsi + 112], r15",
        "pop rdi",
        "pop rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "cld",
        "ret",
    )
}

/// Patches `code`, in which the first `syscall` is the site, and gives the site and what `visit` makes of it.
fn with_patched<T>(code: &[u8], visit: impl FnOnce(u64, &Site) -> T) -> T {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let offset = code.windows(2).position(|two| two == [0x0f, 0x05]).unwrap();
    let site = CODE + offset as u64;
    let chunk = chunk(site);
    let chunk = chunk.start as usize & !0xfff..chunk.end as usize;
    assert_eq!(chunk.len() / GOOD_CHUNK, 1);
    let pages = CODE as usize..CODE as usize + 0x1000;
    for range in [&pages, &(chunk.start..(chunk.end + 0x1000) & !0xfff)] {
        mem::map(range, Prot::READ | Prot::WRITE | Prot::EXEC, Sharing::Private, Backing::Anonymous).unwrap();
    }
    let (plan, slot, trampoline): (Plan, _, _) = patch(site, &code[offset..]).unwrap();
    let mut block = vec![0_u8; ENTRY_SLOT as usize + 8];
    block[ENTRY_SLOT as usize..].copy_from_slice(&(entry as *const () as u64).to_le_bytes());
    // SAFETY: the memory was mapped for this; nothing else of a test uses `%gs`.
    unsafe {
        ptr::copy_nonoverlapping(code.as_ptr(), CODE as *mut u8, code.len());
        ptr::copy_nonoverlapping(trampoline.jump.as_ptr(), site as *mut u8, trampoline.jump.len());
        ptr::copy_nonoverlapping(trampoline.code.as_ptr(), slot as *mut u8, trampoline.code.len());
        crate::cpu::set_gs_base(block.as_ptr() as usize);
    }
    let result = visit(site, &Site::new(slot, trampoline, plan.original()));
    // SAFETY: as the thread started.
    unsafe { crate::cpu::set_gs_base(0) };
    result
}

fn registers() -> Registers {
    let mut registers: Registers = core::array::from_fn(|index| BEFORE + index as u64);
    registers[FLAG] = FLAGS;
    registers
}

fn call(code: u64, mut registers: Registers) -> Registers {
    // SAFETY: the tests' code keeps to what `run` expects: it returns, with the stack as it was.
    unsafe { run(code, &raw mut registers) };
    registers
}

#[test]
fn patched_call_keeps_all_registers_and_flags() {
    // `syscall; mov [rsp - 8], rbx; mov rdx, [rsp - 8]; ret`: the red zone, and two instructions that keep flags.
    let code = [0x0f, 0x05, 0x48, 0x89, 0x5c, 0x24, 0xf8, 0x48, 0x8b, 0x54, 0x24, 0xf8, 0xc3];
    with_patched(&code, |site, _| {
        let mut expected = registers();
        (expected[RAX], expected[RCX], expected[R11]) = (RESULT, site + 2, 0x11);
        expected[2] = expected[3];
        assert_eq!(call(CODE, registers()), expected);
    });
}

#[test]
fn red_zone_is_kept() {
    // `mov [rsp - 8], rbx; syscall; mov rdx, [rsp - 8]; ret`
    let code = [0x48, 0x89, 0x5c, 0x24, 0xf8, 0x0f, 0x05, 0x48, 0x8b, 0x54, 0x24, 0xf8, 0xc3];
    with_patched(&code, |_, _| assert_eq!(call(CODE, registers())[2], BEFORE + 3));
}

#[test]
fn moved_branches_are_taken_or_not() {
    // `syscall; je 1f; inc eax; ret; 1: dec eax; ret`
    let code = [0x0f, 0x05, 0x74, 0x03, 0xff, 0xc0, 0xc3, 0xff, 0xc8, 0xc3];
    with_patched(&code, |_, _| {
        assert_eq!(call(CODE, registers())[RAX], RESULT - 1);
        let mut not_zero = registers();
        not_zero[FLAG] &= !(1 << 6);
        assert_eq!(call(CODE, not_zero)[RAX], RESULT + 1);
    });
}

#[test]
fn moved_operands_reach_what_they_did() {
    // `syscall; mov rdx, [rip + 1]; ret`, then eight bytes.
    let mut code = vec![0x0f, 0x05, 0x48, 0x8b, 0x15, 0x01, 0, 0, 0, 0xc3];
    code.extend(0x1234_5678_9abc_def0_u64.to_le_bytes());
    with_patched(&code, |_, _| assert_eq!(call(CODE, registers())[2], 0x1234_5678_9abc_def0));
}

#[test]
fn loop_runs_through_the_patch() {
    // `1: syscall; dec rdx; jnz 1b; ret`
    let code = [0x0f, 0x05, 0x48, 0xff, 0xca, 0x75, 0xf9, 0xc3];
    with_patched(&code, |_, _| {
        let mut registers = registers();
        registers[2] = 1000;
        assert_eq!(call(CODE, registers)[2], 0);
    });
}

#[test]
fn branch_into_the_patch_goes_on_in_the_trampoline() {
    // `syscall; mov rdx, rcx; mov rbx, rcx; ret`: entered behind the call, `rcx` is the program's.
    let code = [0x0f, 0x05, 0x48, 0x89, 0xca, 0x48, 0x89, 0xcb, 0xc3];
    with_patched(&code, |site, patched| {
        let after = call(patched.moved(site + 2).unwrap(), registers());
        assert_eq!((after[2], after[3], after[RAX]), (BEFORE + 1, BEFORE + 1, BEFORE));
    });
    // `syscall; pop rbx; push rbx; ret; …`: entered at the third instruction.
    let code = [0x5b, 0x53, 0x0f, 0x05, 0x53, 0x5b, 0xc3];
    with_patched(&code, |site, patched| {
        assert_eq!(call(CODE, registers())[RAX], RESULT);
        assert_eq!(call(patched.moved(site + 4).unwrap(), registers()), registers());
    });
}
