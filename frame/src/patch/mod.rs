//! How a trapped system call becomes a patched one: planning, without touching memory.
//!
//! Likewise a `cpuid`, which doesn't trap and so is looked for: [`reached_cpuids`].
//!
//! The first trap at a site proves that its `syscall` instruction, and what follows it, are instruction boundaries.
//! Five bytes from there on become a jump to a trampoline, which enters the LibOS, runs the displaced instructions
//! that stood behind the `syscall`, and jumps back behind them. Nothing before the site is looked at and no text is
//! scanned, so nothing is ever decoded out of step.
//!
//! Somebody may still arrive at a displaced instruction by its old address: a branch, or a thread that was there when
//! the site was patched. So the jump is *punned*: its displacement is chosen, by choosing the trampoline's place, such
//! that each old instruction boundary within the five bytes now holds an opcode that always traps and does nothing
//! else. The trap handler then continues in the trampoline's copy of that instruction.
//!
//! A boundary at the third, fourth or fifth byte decides over the displacement's bits 8–15, 16–23 or 24–31. So chunks
//! of trampolines lie where the distance suits the fifth, and are so large that the others can always be suited.
//!
//! - [`Plan`]: what a site needs, and the bytes for a given place;
//! - [`Slots`], [`good_areas`]: the places for trampolines;
//! - [`Table`]: the patched sites.

mod plan;
mod reach;
mod slots;
mod table;
#[cfg(test)]
mod tests;

pub use plan::{Patched, Plan, Trampoline, Unpatchable};
pub use reach::{CPUID, CpuidSite, reached_cpuids};
pub use slots::{GOOD_CHUNK, Slots, good_areas};
pub use table::{ProgramPoint, Site, Table};
