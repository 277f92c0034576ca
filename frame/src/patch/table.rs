//! The patched sites of an address space.

use super::plan::{JUMP_LEN, Patched, RETURNING, Trampoline};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Range;

/// A patched site.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where its trampoline lies.
    pub slot: u64,
    /// The trampoline's length in bytes.
    pub len: usize,
    /// What stands at the site now.
    pub jump: [u8; JUMP_LEN],
    /// What stood there before, up to the end of the last displaced instruction.
    pub original: Vec<u8>,
    /// Points of the program within the site, and where in the trampoline they are.
    pub points: Vec<(u64, usize)>,
    /// What was patched.
    pub instruction: Patched,
}

/// Patched sites, those that were, and those that can't be.
#[derive(Clone, Debug, Default)]
pub struct Table {
    sites: BTreeMap<u64, Site>,
    /// The sites' addresses by their trampolines'.
    by_slot: BTreeMap<u64, u64>,
    /// Sites whose code was unmapped or changed. Threads may still be in their trampolines, so those stay; the same
    /// code at the same address uses them again.
    retired: BTreeMap<u64, Vec<Site>>,
    refused: BTreeSet<u64>,
}

/// What an address in a trampoline stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramPoint {
    /// The program's address.
    pub addr: u64,
    /// Whether a system call is returning, and `rcx` and `r11` are not as it leaves them yet.
    pub is_returning: bool,
}

impl Site {
    /// A site with this trampoline at `slot`, where `original` stood.
    pub fn new(slot: u64, trampoline: Trampoline, original: &[u8]) -> Self {
        let Trampoline { jump, code, points, instruction } = trampoline;
        Self { slot, len: code.len(), jump, original: original.to_vec(), points, instruction }
    }

    /// Where in the trampoline the program's instruction at `addr` is.
    pub fn moved(&self, addr: u64) -> Option<u64> {
        self.points.iter().rfind(|(point, _)| *point == addr).map(|&(_, offset)| self.slot + offset as u64)
    }
}

impl Table {
    /// Adds a site, in place of the one at that address.
    pub fn insert(&mut self, addr: u64, site: Site) {
        if let Some(retired) = self.retired.get_mut(&addr) {
            retired.retain(|other| other.slot != site.slot);
        }
        self.by_slot.insert(site.slot, addr);
        let slot = site.slot;
        if let Some(replaced) = self.sites.insert(addr, site)
            && replaced.slot != slot
        {
            self.retired.entry(addr).or_default().push(replaced);
        }
    }

    /// The site at exactly `addr`.
    pub fn get(&self, addr: u64) -> Option<&Site> {
        self.sites.get(&addr)
    }

    /// A trampoline that was made for the same code at the same address; `code` is what is there now.
    pub fn retired(&self, addr: u64, code: &[u8]) -> Option<Site> {
        self.retired.get(&addr)?.iter().find(|site| code.starts_with(&site.original)).cloned()
    }

    /// The site whose replaced bytes `addr` lies in.
    pub fn containing(&self, addr: u64) -> Option<(u64, &Site)> {
        let (&start, site) = self.sites.range(..=addr).next_back()?;
        (addr < start + JUMP_LEN as u64).then_some((start, site))
    }

    /// Whether a patch that covers `range` would touch another one.
    pub fn overlaps(&self, range: &Range<u64>) -> bool {
        let first = range.start.saturating_sub(JUMP_LEN as u64 - 1);
        self.sites.range(first..range.end).any(|(&addr, _)| addr != range.start)
    }

    /// What `addr` in a trampoline stands for.
    pub fn original(&self, addr: u64) -> Option<ProgramPoint> {
        let (slot, site_addr) = self.by_slot.range(..=addr).next_back()?;
        let retired = self.retired.get(site_addr).into_iter().flatten();
        let site = self.sites.get(site_addr).into_iter().chain(retired).find(|site| site.slot == *slot)?;
        let offset = (addr - slot) as usize;
        let index = site.points.iter().rposition(|&(_, start)| start <= offset).filter(|_| offset < site.len)?;
        let is_returning = site.instruction == Patched::Syscall && index == RETURNING;
        Some(ProgramPoint { addr: site.points[index].0, is_returning })
    }

    /// Whether there are sites in `range`, or were.
    pub fn has_sites(&self, range: &Range<u64>) -> bool {
        let first = range.start.saturating_sub(JUMP_LEN as u64 - 1);
        self.sites.range(first..range.end).next().is_some() || self.retired.range(first..range.end).next().is_some()
    }

    /// Takes out the sites whose replaced bytes touch `range`.
    pub fn forget(&mut self, range: &Range<u64>) {
        let first = range.start.saturating_sub(JUMP_LEN as u64 - 1);
        let gone: Vec<u64> = self.sites.range(first..range.end).map(|(&addr, _)| addr).collect();
        for addr in gone {
            if let Some(site) = self.sites.remove(&addr) {
                self.retired.entry(addr).or_default().push(site);
            }
        }
        let refused: Vec<u64> = self.refused.range(first..range.end).copied().collect();
        for addr in refused {
            self.refused.remove(&addr);
        }
    }

    /// Forgets the sites that aren't to be kept, and all that are no longer patched; gives their trampolines' places.
    pub fn retain(&mut self, is_kept: impl Fn(u64) -> bool) -> Vec<u64> {
        let known = self.sites.len();
        self.sites.retain(|&addr, _| is_kept(addr));
        self.refused.retain(|&addr| is_kept(addr));
        if self.sites.len() == known && self.retired.is_empty() {
            return Vec::new();
        }
        self.retired.clear();
        let sites = &self.sites;
        let mut free = Vec::new();
        self.by_slot.retain(|&slot, addr| {
            let is_used = sites.get(addr).is_some_and(|site| site.slot == slot);
            if !is_used {
                free.push(slot);
            }
            is_used
        });
        free
    }

    /// Remembers that a site can't be patched.
    pub fn refuse(&mut self, addr: u64) {
        self.refused.insert(addr);
    }

    /// Whether a site is known not to be patchable.
    pub fn is_refused(&self, addr: u64) -> bool {
        self.refused.contains(&addr)
    }

    /// Number of patched sites.
    pub fn len(&self) -> usize {
        self.sites.len()
    }

    /// Whether no site is patched.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }
}
