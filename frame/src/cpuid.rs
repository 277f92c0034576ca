//! What `cpuid` answers: the LibOS remembers what the processor said.
//!
//! In a virtual machine each `cpuid` leaves it, for microseconds, and a program that starts runs dozens of them. What may
//! be remembered is what stays: the answers that are known not to change while the machine runs. They may differ between
//! processors (their ids, and all sorts of things where cores are of different kinds), so each has its own.

use crate::context::UserContext;
use crate::cpu;
use crate::sync::Once;
use core::arch::x86_64::{__cpuid_count, CpuidResult};

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Question {
    /// The processor, as the host numbers them.
    processor: u32,
    leaf: u32,
    subleaf: u32,
}

/// The answers so far, each at one of the [places] for its question; once those are taken, it isn't remembered.
static ANSWERS: [Once<(Question, CpuidResult)>; PLACES] = [const { Once::new() }; PLACES];
const PLACES: usize = 1024;
/// How many places there are for a question.
const PLACES_EACH: usize = 8;

/// The highest subleaf that is remembered; none of the leaves has more than `XSAVE` has components.
const MAX_SUBLEAF: u32 = 63;

/// The program runs a patched `cpuid`. As the instruction does (SDM volume 2, CPUID), it clears the registers' upper halves.
pub(crate) extern "C" fn on_cpuid(ctx: &mut UserContext) {
    let answer = answer(ctx.rax as u32, ctx.rcx as u32);
    ctx.rax = answer.eax.into();
    ctx.rbx = answer.ebx.into();
    ctx.rcx = answer.ecx.into();
    ctx.rdx = answer.edx.into();
}

fn answer(leaf: u32, subleaf: u32) -> CpuidResult {
    let known = cpu::processor().zip(lasting(leaf, subleaf));
    let Some((processor, subleaf)) = known else { return __cpuid_count(leaf, subleaf) };
    let question = Question { processor, leaf, subleaf };
    let known = places(question).map_while(Once::get).find(|(known, _)| *known == question);
    if let Some(&(_, answer)) = known {
        return answer;
    }
    let answer = __cpuid_count(leaf, subleaf);
    // Beyond the highest leaf, processors answer something else, which isn't known to last.
    let is_leaf = leaf == leaf & EXTENDED || self::answer(leaf & EXTENDED, 0).eax >= leaf;
    if is_leaf && cpu::processor() == Some(processor) {
        let _ = places(question).any(|place| place.call_once(|| (question, answer)).0 == question);
    }
    answer
}

/// Where the answer to a question may be.
fn places(question: Question) -> impl Iterator<Item = &'static Once<(Question, CpuidResult)>> {
    let Question { processor, leaf, subleaf } = question;
    let hash = (leaf ^ subleaf << 8 ^ processor << 16 ^ leaf >> 24).wrapping_mul(0x9e37_79b1);
    let first = (hash >> 16) as usize;
    (first..first + PLACES_EACH).map(|place| &ANSWERS[place % PLACES])
}

/// The first of the extended leaves; in both ranges the first one tells the last one.
const EXTENDED: u32 = 0x8000_0000;

/// The subleaf by which the answer for `leaf` is known, if that answer lasts: zero where the subleaf has no influence. Not
/// so for leaves of hypervisors, which may tell the time.
fn lasting(leaf: u32, subleaf: u32) -> Option<u32> {
    match leaf {
        0..=2 | 5 | 6 | 9 | 0xa | 0x15 | 0x16 | 0x19 | EXTENDED..=0x8000_000a => Some(0),
        4 | 7 | 0xb | 0xd | 0x14 | 0x18 | 0x1d | 0x1e | 0x1f | 0x8000_001d | 0x8000_0026 => {
            (subleaf <= MAX_SUBLEAF).then_some(subleaf)
        }
        _ => LASTING_EXTENDED.contains(&leaf).then_some(0),
    }
}

/// Further extended leaves that the subleaf has no influence on.
const LASTING_EXTENDED: [u32; 7] =
    [0x8000_0019, 0x8000_001a, 0x8000_001b, 0x8000_001c, 0x8000_001e, 0x8000_001f, 0x8000_0021];

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves and subleaves of all ranges, also beyond the last.
    fn questions() -> impl Iterator<Item = (u32, u32)> {
        [0, 0x4000_0000, EXTENDED].into_iter().flat_map(|base| {
            (0..0x30).flat_map(move |leaf| [0, 1, 2, 3, 17, 63, 64, u32::MAX].map(|subleaf| (base + leaf, subleaf)))
        })
    }

    #[test]
    fn answers_are_the_processors() {
        for (leaf, subleaf) in questions().chain(questions()) {
            // The thread may move between the two.
            let is_same = (0..10).any(|_| answer(leaf, subleaf) == __cpuid_count(leaf, subleaf));
            assert!(is_same, "{leaf:#x}.{subleaf:#x}");
        }
    }

    #[test]
    fn upper_halves_are_cleared_and_other_registers_kept() {
        let mut ctx = UserContext { rax: 0xdead_0000_0000, rcx: 0xbeef_0000_0000, r8: 8, ..UserContext::new() };
        on_cpuid(&mut ctx);
        let expected = __cpuid_count(0, 0);
        let found = [ctx.rax, ctx.rbx, ctx.rcx, ctx.rdx, ctx.r8];
        assert_eq!(found, [expected.eax, expected.ebx, expected.ecx, expected.edx, 8].map(u64::from));
    }
}
