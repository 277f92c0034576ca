//! The patched sites of an address space.

use super::plan::{JUMP_LEN, Trampoline};
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
    /// What stood there before.
    pub original: [u8; JUMP_LEN],
    /// Points of the program within the site, and where in the trampoline they are.
    pub points: Vec<(u64, usize)>,
}

/// Patched sites, those that were, and those that can't be.
#[derive(Debug, Default)]
pub struct Table {
    sites: BTreeMap<u64, Site>,
    by_slot: BTreeMap<u64, u64>,
    /// Sites whose code was unmapped or changed. Threads may still be in their trampolines, so those stay; the same
    /// code at the same address uses them again.
    retired: BTreeMap<u64, Site>,
    refused: BTreeSet<u64>,
}

impl Site {
    /// A site with this trampoline at `slot`.
    pub fn new(slot: u64, trampoline: &Trampoline, original: [u8; JUMP_LEN]) -> Self {
        Self { slot, len: trampoline.code.len(), jump: trampoline.jump, original, points: trampoline.points.clone() }
    }

    /// Where in the trampoline the program's `addr` is.
    pub fn moved(&self, addr: u64) -> Option<u64> {
        self.points.iter().find(|(point, _)| *point == addr).map(|&(_, offset)| self.slot + offset as u64)
    }
}

impl Table {
    /// Adds a site.
    pub fn insert(&mut self, addr: u64, site: Site) {
        self.by_slot.insert(site.slot, addr);
        self.retired.remove(&addr);
        self.sites.insert(addr, site);
    }

    /// The site at exactly `addr`.
    pub fn get(&self, addr: u64) -> Option<&Site> {
        self.sites.get(&addr)
    }

    /// A trampoline that was made for the same code at the same address.
    pub fn retired(&self, addr: u64, original: [u8; JUMP_LEN]) -> Option<Site> {
        self.retired.get(&addr).filter(|site| site.original == original).cloned()
    }

    /// The site whose replaced bytes `addr` lies in.
    pub fn containing(&self, addr: u64) -> Option<(u64, &Site)> {
        let (&start, site) = self.sites.range(..=addr).next_back()?;
        (addr < start + JUMP_LEN as u64).then_some((start, site))
    }

    /// The program's address that `addr` in a trampoline stands for.
    pub fn original(&self, addr: u64) -> Option<u64> {
        let (&slot, site_addr) = self.by_slot.range(..=addr).next_back()?;
        let site = self.sites.get(site_addr).or_else(|| self.retired.get(site_addr))?;
        if site.slot != slot || addr >= slot + site.len as u64 {
            return None;
        }
        let offset = (addr - slot) as usize;
        site.points.iter().rev().find(|&&(_, start)| start <= offset).map(|&(point, _)| point)
    }

    /// Takes out the sites whose replaced bytes touch `range`.
    pub fn forget(&mut self, range: &Range<u64>) {
        let first = range.start.saturating_sub(JUMP_LEN as u64 - 1);
        let gone: Vec<u64> = self.sites.range(first..range.end).map(|(&addr, _)| addr).collect();
        for addr in gone {
            if let Some(site) = self.sites.remove(&addr) {
                self.retired.insert(addr, site);
            }
        }
        let refused: Vec<u64> = self.refused.range(first..range.end).copied().collect();
        for addr in refused {
            self.refused.remove(&addr);
        }
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
