//! Random code: never a panic, and what is moved stays what it was.

use super::{chunk, decode};
use crate::patch::{Plan, Slots};
use iced_x86::{Code, Instruction, OpKind};
use std::prelude::v1::*;

/// Numbers as good as random, the same in each run (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Whether the instructions do the same, wherever they stand.
fn is_same(before: &Instruction, after: &Instruction) -> bool {
    if before.op_count() == 1 && before.op0_kind() == OpKind::NearBranch64 {
        // A short branch has become a near one.
        let mut near = *before;
        near.as_near_branch();
        return near.code() == after.code() && near.near_branch_target() == after.near_branch_target();
    }
    before == after
}

/// Whether what it refers to can't be reached from the trampoline.
fn leads_too_far(instruction: &Instruction, slot: u64) -> bool {
    let target = if instruction.is_ip_rel_memory_operand() {
        instruction.ip_rel_memory_address()
    } else if instruction.op0_kind() == OpKind::NearBranch64 {
        instruction.near_branch_target()
    } else {
        return false;
    };
    target.abs_diff(slot) > (1 << 31) - 64
}

#[test]
fn random_code_is_moved_faithfully_or_not_at_all() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut moved = 0;
    for _ in 0..200_000 {
        let site = 0x7000_0000_0000 + random.next() % (1 << 40);
        let mut code = vec![0x0f, 0x05];
        let len = random.next() % 20;
        code.extend((0..len).map(|_| random.next() as u8));
        let Ok(plan) = Plan::new(site, &code) else { continue };
        let original = plan.original().to_vec();
        assert!(code.starts_with(&original));
        let slot = Slots::default().find(&chunk(site), &plan).expect("a chunk suits every site");
        assert!(plan.accepts(slot));
        let Some(trampoline) = plan.assemble(slot) else {
            assert!(decode(site, &original).iter().any(|one| leads_too_far(one, slot)), "{code:x?}");
            continue;
        };
        let before: Vec<_> = decode(site, &original).into_iter().skip(1).collect();
        let after: Vec<_> = decode(slot, &trampoline.code).into_iter().skip(3).collect();
        // Breakpoints that pad aren't moved.
        let before: Vec<_> = before.into_iter().filter(|one| one.code() != Code::Int3).collect();
        assert!(after.len() == before.len() || after.len() == before.len() + 1);
        for (before, after) in before.iter().zip(&after) {
            assert!(is_same(before, after), "{code:x?}: {before:?} became {after:?}");
            assert!(trampoline.points.contains(&(before.ip(), (after.ip() - slot) as usize)));
        }
        if let Some(back) = after.get(before.len()) {
            assert_eq!((back.code(), back.near_branch_target()), (Code::Jmp_rel32_64, site + original.len() as u64));
        }
        moved += 1;
    }
    assert!(moved > 50_000, "only {moved} were moved");
}
