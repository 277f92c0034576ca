//! Which `cpuid` instructions a function has, found without trusting that all of its bytes are instructions.

use super::plan::JUMP_LEN;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;
use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction};

/// The bytes of a `cpuid` instruction.
pub const CPUID: [u8; 2] = [0x0f, 0xa2];

/// A `cpuid` instruction that can be patched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuidSite {
    /// Its address, or that of the instruction before it, which gives room for the jump.
    pub addr: u64,
    /// The length of that instruction; zero without one.
    pub lead_len: u8,
}

/// The `cpuid` instructions, ascending, that control reaches from the start of a function whose bytes are `code`, by falling
/// through and by direct branches within: there, instructions begin for certain. What only an indirect jump leads to
/// isn't found.
///
/// A branch that leads directly behind a `cpuid` would trap each time if that was displaced. The instruction before gives
/// the room for the jump there, if it's long enough.
pub fn reached_cpuids(start: u64, code: &[u8]) -> Vec<CpuidSite> {
    let function = Function::explore(start, code);
    let mut sites = Vec::new();
    for (&addr, &before) in &function.cpuids {
        let end = addr + CPUID.len() as u64;
        let lead_len = (addr - before) as usize;
        if !function.is_target_in(end..addr + JUMP_LEN as u64) {
            sites.push(CpuidSite { addr, lead_len: 0 });
        } else if lead_len >= JUMP_LEN && !function.is_target_in(addr..end) {
            sites.push(CpuidSite { addr: before, lead_len: lead_len as u8 });
        }
    }
    sites
}

/// What is known of a function.
struct Function {
    /// The `cpuid` instructions, and the address of the instruction that control came from when it was found; its own if
    /// it was reached by a jump.
    cpuids: BTreeMap<u64, u64>,
    /// Where direct jumps lead.
    targets: Vec<u64>,
}

impl Function {
    fn explore(start: u64, code: &[u8]) -> Self {
        let mut decoder = Decoder::with_ip(64, code, start, DecoderOptions::NONE);
        let mut is_seen = alloc::vec![false; code.len()];
        let mut function = Self { cpuids: BTreeMap::new(), targets: Vec::new() };
        let mut pending = alloc::vec![start];
        while let Some(mut at) = pending.pop() {
            let mut before = at;
            while let Some(offset) = offset_in(code, start, at)
                && !core::mem::replace(&mut is_seen[offset], true)
                && decoder.set_position(offset).is_ok()
            {
                decoder.set_ip(at);
                let instruction = decoder.decode();
                if instruction.is_invalid() {
                    break;
                }
                if instruction.code() == Code::Cpuid && code[offset..].starts_with(&CPUID) {
                    function.cpuids.insert(at, before);
                }
                if let Some(target) = target(&instruction) {
                    function.targets.push(target);
                    pending.push(target);
                }
                if !goes_on(&instruction) {
                    break;
                }
                before = at;
                at = instruction.next_ip();
            }
        }
        function.targets.sort_unstable();
        function
    }

    fn is_target_in(&self, range: Range<u64>) -> bool {
        let first = self.targets.partition_point(|&target| target < range.start);
        self.targets.get(first).is_some_and(|target| range.contains(target))
    }
}

fn offset_in(code: &[u8], start: u64, addr: u64) -> Option<usize> {
    let offset = usize::try_from(addr.checked_sub(start)?).ok()?;
    (offset < code.len()).then_some(offset)
}

/// Where a direct jump leads.
fn target(instruction: &Instruction) -> Option<u64> {
    let is_jump =
        matches!(instruction.flow_control(), FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch);
    is_jump.then(|| instruction.near_branch_target())
}

/// Whether the next instruction is run after it; a call is taken to return.
fn goes_on(instruction: &Instruction) -> bool {
    matches!(
        instruction.flow_control(),
        FlowControl::Next | FlowControl::ConditionalBranch | FlowControl::Call | FlowControl::IndirectCall
    )
}
