//! `cpuid` instructions: which are found, and what they become.

use super::decode;
use crate::entry::{CPUID_RETURN, CPUID_SLOT};
use crate::patch::{CpuidSite, Plan, Site, Slots, Table, Trampoline, Unpatchable, reached_cpuids};
use iced_x86::{Formatter, IntelFormatter};
use std::prelude::v1::*;

const START: u64 = 0x7f00_0000_1000;

fn lines(addr: u64, code: &[u8]) -> Vec<String> {
    let mut formatter = IntelFormatter::new();
    formatter.options_mut().set_hex_prefix("0x");
    formatter.options_mut().set_hex_suffix("");
    formatter.options_mut().set_show_branch_size(false);
    decode(addr, code)
        .iter()
        .map(|instruction| {
            let mut line = String::new();
            formatter.format(instruction, &mut line);
            line
        })
        .collect()
}

fn assemble(plan: &Plan) -> (u64, Trampoline) {
    let slot = Slots::default().find(&super::chunk(START), plan).unwrap();
    let trampoline = plan.assemble(slot).unwrap();
    assert_eq!(trampoline.code.len(), plan.trampoline_len());
    (slot, trampoline)
}

/// How a trampoline enters the LibOS, to come back behind that.
fn entry(resume: u64) -> [String; 3] {
    [
        format!("mov dword ptr gs:[0x{CPUID_RETURN:X}],0x{:X}", resume as u32),
        format!("mov dword ptr gs:[0x{:X}],0x{:X}", CPUID_RETURN + 4, resume >> 32),
        format!("jmp qword ptr gs:[0x{CPUID_SLOT:X}]"),
    ]
}

#[track_caller]
fn assert_reached(code: &[u8], offsets: &[(u64, u8)]) {
    let expected: Vec<_> =
        offsets.iter().map(|&(offset, lead_len)| CpuidSite { addr: START + offset, lead_len }).collect();
    assert_eq!(reached_cpuids(START, code), expected);
}

#[test]
fn bytes_within_another_instruction_are_not_found() {
    // `mov eax, 0xa20f; cpuid; ret`
    assert_reached(&[0xb8, 0x0f, 0xa2, 0, 0, 0x0f, 0xa2, 0xc3], &[(5, 0)]);
    // `lea rax, [rip + 0xa20f]; ret`
    assert_reached(&[0x48, 0x8d, 0x05, 0x0f, 0xa2, 0, 0, 0xc3], &[]);
    // `add eax, 15; mov [0x…], al`: across two instructions.
    assert_reached(&[0x83, 0xc0, 0x0f, 0xa2, 0, 0, 0, 0, 0, 0, 0, 0, 0xc3], &[]);
}

#[test]
fn data_behind_a_return_is_not_found() {
    assert_reached(&[0xc3, 0x0f, 0xa2, 0x90, 0x90, 0xc3], &[]);
    // `jmp rax`, as for a table of jumps.
    assert_reached(&[0xff, 0xe0, 0x0f, 0xa2, 0x90, 0x90, 0xc3], &[]);
    // Out of step with what stands before: `ret`, a byte of data, `cpuid` that a branch leads to.
    assert_reached(&[0x74, 0x02, 0xc3, 0xb8, 0x0f, 0xa2, 0xc3], &[(4, 0)]);
}

#[test]
fn branches_and_calls_are_followed() {
    // `call +0; jmp +1; ret; cpuid; nop; nop; nop; ret`
    assert_reached(&[0xe8, 0, 0, 0, 0, 0xeb, 0x01, 0xc3, 0x0f, 0xa2, 0x90, 0x90, 0x90, 0xc3], &[(8, 0)]);
    // Both ways of a loop: `1: cpuid; dec eax; jnz 1b; cpuid; nop; nop; nop; ret`
    assert_reached(&[0x0f, 0xa2, 0xff, 0xc8, 0x75, 0xfa, 0x0f, 0xa2, 0x90, 0x90, 0x90, 0xc3], &[(0, 0), (6, 0)]);
}

#[test]
fn code_ends_anywhere() {
    let code = [0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0x75, 0xfc, 0xe9, 0xf2, 0xff, 0xff, 0xff];
    for len in 0..code.len() {
        let _ = reached_cpuids(START, &code[..len]);
        let _ = reached_cpuids(0, &code[..len]);
        let _ = reached_cpuids(u64::MAX - 3, &code[..len]);
    }
}

#[test]
fn instruction_before_gives_room_where_a_branch_leads_behind() {
    // `mov eax, 1; cpuid; 1: dec edi; jnz 1b; ret`
    let code = [0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0xff, 0xcf, 0x75, 0xfc, 0xc3];
    assert_reached(&code, &[(0, 5)]);
    // Not if it's too short: `xor eax, eax; cpuid; 1: …`
    assert_reached(&[0x31, 0xc0, 0x0f, 0xa2, 0xff, 0xcf, 0x75, 0xfc, 0xc3], &[]);
    // Nor if a branch leads to the `cpuid` as well.
    assert_reached(&[0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0xff, 0xcf, 0x75, 0xfc, 0x75, 0xf8, 0xc3], &[]);

    let plan = Plan::with_lead(START, 5, &code).unwrap();
    let (slot, trampoline) = assemble(&plan);
    let mut expected = vec!["mov eax,1".to_owned()];
    expected.extend(entry(slot + 37));
    expected.push("jmp 0x00007F0000001007".to_owned());
    assert_eq!(lines(slot, &trampoline.code), expected);
    assert_eq!(trampoline.points, [(START, 0), (START + 5, 5), (START + 7, 37)]);
    assert_eq!(plan.original(), &code[..7]);
    for (lead_len, reason) in [(2, Unpatchable::NothingToPatch), (6, Unpatchable::NothingToPatch)] {
        assert_eq!(Plan::with_lead(START, lead_len, &code).unwrap_err(), reason);
    }
}

#[test]
fn no_register_is_used_to_enter() {
    // `cpuid; mov edx, eax; and edx, 31`
    let code = [0x0f, 0xa2, 0x89, 0xc2, 0x83, 0xe2, 0x1f];
    let plan = Plan::new(START, &code).unwrap();
    let (slot, trampoline) = assemble(&plan);
    let mut expected = entry(slot + 32).to_vec();
    expected.extend(["mov edx,eax", "and edx,0x1F", "jmp 0x00007F0000001007"].map(str::to_owned));
    assert_eq!(lines(slot, &trampoline.code), expected);

    // Until the LibOS has been entered, it's as if the instruction hadn't begun; and no point is one of return.
    let mut table = Table::default();
    table.insert(START, Site::new(slot, trampoline, plan.original()));
    for (offset, addr) in [(0, 0), (31, 0), (32, 2), (34, 4), (37, 7), (41, 7)] {
        let point = table.original(slot + offset).unwrap();
        assert_eq!((point.addr, point.is_returning), (START + addr, false), "at {offset}");
    }
}
