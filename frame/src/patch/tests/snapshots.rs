//! What common code becomes.

use super::{decode, patch};
use crate::entry::ENTRY_SLOT;
use crate::patch::{Plan, Unpatchable};
use iced_x86::{Formatter, IntelFormatter};
use std::prelude::v1::*;

const SITE: u64 = 0x7f00_0000_1000;

/// Checks what stands between entering the LibOS and the end of the trampoline, and how it begins.
#[track_caller]
fn assert_displaced(code: &[u8], expected: &[&str]) {
    let (_, slot, trampoline) = patch(SITE, code).unwrap();
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_rip_relative_addresses(false);
    options.set_space_after_operand_separator(true);
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    let mut lines = Vec::new();
    for instruction in decode(slot, &trampoline.code) {
        let mut line = String::new();
        formatter.format(&instruction, &mut line);
        lines.push(line);
    }
    let entry = format!("jmp qword ptr gs:[{ENTRY_SLOT}]");
    let resume = format!("lea rcx, [0x{:X}]", slot + 15);
    assert_eq!(&lines[..3], [resume, entry, "lea rcx, [0x7F0000001002]".to_owned()]);
    assert_eq!(lines[3..], *expected);
}

#[track_caller]
fn assert_unpatchable(code: &[u8], reason: Unpatchable) {
    assert_eq!(Plan::new(SITE, code).unwrap_err(), reason);
}

/// `syscall; cmp rax, -4096; ja …`: glibc.
#[test]
fn comparison_of_a_result_moves() {
    assert_displaced(
        &[0x0f, 0x05, 0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff, 0x77, 0x10],
        &["cmp rax, 0xFFFFFFFFFFFFF000", "jmp 0x7F0000001008"],
    );
}

/// `syscall; cmp rax, -4095; jae …`: glibc's assembly, Go.
#[test]
fn comparison_with_a_short_operand_moves() {
    assert_displaced(
        &[0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, 0x73, 0x01, 0xc3],
        &["cmp rax, 0xFFFFFFFFFFFFF001", "jmp 0x7F0000001008"],
    );
    assert_displaced(&[0x0f, 0x05, 0x48, 0x83, 0xf8, 0xff], &["cmp rax, 0xFFFFFFFFFFFFFFFF", "jmp 0x7F0000001006"]);
}

/// `syscall; ret` at the end of a function, with all kinds of padding.
#[test]
fn return_takes_padding_with_it() {
    assert_displaced(&[0x0f, 0x05, 0xc3, 0xcc, 0xcc, 0xcc], &["ret"]);
    assert_displaced(
        &[0x0f, 0x05, 0xc3, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
        &["ret", "nop [rax+rax]", "jmp 0x7F000000100D"],
    );
    assert_displaced(&[0x0f, 0x05, 0xc3, 0x0f, 0x1f, 0x00], &["ret", "nop [rax]", "jmp 0x7F0000001006"]);
}

/// `__syscall_cp_asm` of musl: behind the `ret`, the jump to which cancellation leads.
#[test]
fn jump_behind_a_return_moves() {
    assert_displaced(
        &[0x0f, 0x05, 0xc3, 0xe9, 0x22, 0x13, 0xff, 0xff, 0x48, 0x31, 0xed],
        &["ret", "jmp 0x7EFFFFFF232A"],
    );
}

#[test]
fn return_before_other_code_stays() {
    assert_unpatchable(&[0x0f, 0x05, 0xc3, 0x48, 0x89, 0xf8, 0xc3], Unpatchable::OtherCodeFollows);
    assert_unpatchable(&[0x0f, 0x05, 0xc3, 0x90, 0xf3, 0x0f, 0x1e, 0xfa], Unpatchable::OtherCodeFollows);
    assert_unpatchable(&[0x0f, 0x05, 0xc3], Unpatchable::EndOfCode);
}

/// `syscall; mov [rsp + 8], eax; ret`, `syscall; mov [rdi], rax`, …
#[test]
fn stores_move() {
    assert_displaced(&[0x0f, 0x05, 0x89, 0x44, 0x24, 0x08, 0xc3], &["mov [rsp+8], eax", "jmp 0x7F0000001006"]);
    assert_displaced(&[0x0f, 0x05, 0x48, 0x89, 0x07, 0xc3], &["mov [rdi], rax", "jmp 0x7F0000001005"]);
}

/// `syscall; test rax, rax; jl …`
#[test]
fn test_moves() {
    assert_displaced(&[0x0f, 0x05, 0x48, 0x85, 0xc0, 0x7c, 0x10], &["test rax, rax", "jmp 0x7F0000001005"]);
    assert_displaced(
        &[0x0f, 0x05, 0x85, 0xc0, 0x7c, 0xfa],
        &["test eax, eax", "jl 0x7F0000001000", "jmp 0x7F0000001006"],
    );
}

#[test]
fn branches_keep_their_targets() {
    // Every condition: its target is 16 bytes behind the jump's end.
    for condition in 0..16 {
        let code = [0x0f, 0x05, 0x70 | condition, 0x10, 0x90, 0x90];
        let (_, slot, trampoline) = patch(SITE, &code).unwrap();
        let before = decode(SITE, &code)[1];
        let after = decode(slot, &trampoline.code)[3];
        assert_eq!(after.condition_code(), before.condition_code());
        assert_eq!(after.near_branch_target(), SITE + 0x14);
    }
    // A jump takes padding with it, as `ret` does.
    assert_displaced(&[0x0f, 0x05, 0xeb, 0x10, 0xcc], &["jmp 0x7F0000001014"]);
    assert_displaced(&[0x0f, 0x05, 0xe9, 0x00, 0x01, 0x00, 0x00], &["jmp 0x7F0000001107"]);
    assert_displaced(&[0x0f, 0x05, 0xff, 0xe1, 0xcc], &["jmp rcx"]);
}

/// The loop's branch goes to the instruction behind the `syscall`.
#[test]
fn loop_to_the_next_instruction_moves() {
    assert_displaced(
        &[0x0f, 0x05, 0xff, 0xc9, 0x75, 0xfc, 0xc3],
        &["dec ecx", "jne 0x7F0000001002", "jmp 0x7F0000001006"],
    );
}

#[test]
fn operands_relative_to_the_instruction_are_fixed() {
    assert_displaced(
        &[0x0f, 0x05, 0x48, 0x8d, 0x05, 0x00, 0x10, 0x00, 0x00],
        &["lea rax, [0x7F0000002009]", "jmp 0x7F0000001009"],
    );
    // An immediate operand stands behind the displacement.
    assert_displaced(
        &[0x0f, 0x05, 0x83, 0x3d, 0x00, 0x10, 0x00, 0x00, 0x07],
        &["cmp dword ptr [0x7F0000002009], 7", "jmp 0x7F0000001009"],
    );
    assert_displaced(&[0x0f, 0x05, 0xff, 0x25, 0xf0, 0xff, 0xff, 0xff], &["jmp qword ptr [0x7F0000000FF8]"]);
}

#[test]
fn three_short_instructions_move() {
    assert_displaced(&[0x0f, 0x05, 0x5b, 0x5d, 0xc3], &["pop rbx", "pop rbp", "ret"]);
}

#[test]
fn end_of_code_is_not_passed() {
    for len in 2..8 {
        assert_unpatchable(&[0x0f, 0x05, 0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff][..len], Unpatchable::EndOfCode);
    }
}

#[test]
fn what_cannot_run_elsewhere_stays() {
    let followers: [&[u8]; 9] = [
        &[0x0f, 0x05, 0x90],
        &[0x90, 0x0f, 0x05],
        &[0xe8, 0, 0, 0, 0],
        &[0xff, 0xd0, 0x90],
        &[0xcc, 0x90, 0x90],
        &[0x0f, 0x0b, 0x90],
        &[0xe2, 0xfe, 0x90],
        &[0xf0, 0x48, 0xff, 0x00],
        &[0x66, 0x0f, 0x84, 0, 0, 0, 0],
    ];
    for follower in followers {
        assert_unpatchable(&[&[0x0f, 0x05], follower].concat(), Unpatchable::Immovable);
    }
    assert_unpatchable(&[0x0f, 0x05, 0x06, 0x90, 0x90], Unpatchable::Undecodable);
    assert_unpatchable(&[0x0f, 0x34, 0x90, 0x90, 0x90], Unpatchable::NothingToPatch);
}

#[test]
fn old_boundaries_trap() {
    // `int3` is no boundary that anybody arrives at, the others are.
    let boundaries: [(&[u8], &[usize]); 4] = [
        (&[0x0f, 0x05, 0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff], &[2]),
        (&[0x0f, 0x05, 0xc3, 0xcc, 0xcc], &[2]),
        (&[0x0f, 0x05, 0xc3, 0x0f, 0x1f, 0x00], &[2, 3]),
        (&[0x0f, 0x05, 0x5b, 0x5d, 0xc3], &[2, 3, 4]),
    ];
    for (code, offsets) in boundaries {
        let (_, slot, trampoline) = patch(SITE, code).unwrap();
        let jump = decode(SITE, &trampoline.jump)[0];
        assert_eq!(jump.near_branch_target(), slot);
        for &offset in offsets {
            let at = decode(SITE, &trampoline.jump[offset..])[0];
            assert!(
                at.is_invalid()
                    || at.is_privileged()
                    || [0x6c, 0x6d, 0x6e, 0x6f, 0xcc].contains(&trampoline.jump[offset])
            );
        }
    }
}
