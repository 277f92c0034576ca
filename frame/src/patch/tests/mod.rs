//! Patches as they look, as they run, and for the code of real programs.

mod corpus;
mod cpuid;
mod random;
mod running;
mod snapshots;
mod table;

use super::{Plan, Slots, Trampoline, Unpatchable, good_areas};
use iced_x86::{Decoder, DecoderOptions, Instruction};
use std::prelude::v1::*;

/// A chunk of trampolines such as the kernel reserves for code from `code` on.
fn chunk(code: u64) -> core::ops::Range<u64> {
    let area = good_areas(&(code as usize..code as usize + 0x1000)).next().unwrap();
    (area.end - super::GOOD_CHUNK) as u64..area.end as u64
}

/// Plans a patch at `site` and assembles it for the first place that suits.
fn patch(site: u64, code: &[u8]) -> Result<(Plan, u64, Trampoline), Unpatchable> {
    let plan = Plan::new(site, code)?;
    let slot = Slots::default().find(&chunk(site), &plan).expect("a chunk suits every site");
    assert!(plan.accepts(slot));
    let trampoline = plan.assemble(slot).unwrap();
    assert_eq!(trampoline.code.len(), plan.trampoline_len());
    Ok((plan, slot, trampoline))
}

/// All instructions of `code`, which stands at `addr`.
fn decode(addr: u64, code: &[u8]) -> Vec<Instruction> {
    let mut decoder = Decoder::with_ip(64, code, addr, DecoderOptions::NONE);
    decoder.iter().collect()
}
