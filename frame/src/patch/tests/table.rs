//! Which address stands for which.

use super::patch;
use crate::patch::{ProgramPoint, Site, Table};
use std::prelude::v1::*;

const SITE: u64 = 0x7f00_0000_1000;
/// `syscall; test eax, eax; jl …`
const CODE: [u8; 6] = [0x0f, 0x05, 0x85, 0xc0, 0x7c, 0xfa];

fn site(code: &[u8]) -> Site {
    let (plan, slot, trampoline) = patch(SITE, code).unwrap();
    Site::new(slot, trampoline, plan.original())
}

#[test]
fn trampoline_shows_the_programs_addresses() {
    let mut table = Table::default();
    let site = site(&CODE);
    let (slot, len) = (site.slot, site.len as u64);
    table.insert(SITE, site);
    // Entry, return, the moved instructions, the jump back; then nothing.
    let expected = [(0..15, 0, false), (15..22, 2, true), (22..24, 2, false), (24..30, 4, false), (30..35, 6, false)];
    for (offsets, addr, is_returning) in expected {
        for offset in offsets {
            let point = ProgramPoint { addr: SITE + addr, is_returning };
            assert_eq!(table.original(slot + offset), Some(point), "at {offset}");
        }
    }
    assert_eq!(len, 35);
    assert_eq!(table.original(slot + len), None);
    assert_eq!(table.original(slot - 1), None);
}

#[test]
fn branch_behind_the_call_keeps_rcx() {
    let site = site(&CODE);
    // Behind the instruction that sets it.
    assert_eq!(site.moved(SITE + 2), Some(site.slot + 22));
    assert_eq!(site.moved(SITE + 4), Some(site.slot + 24));
    assert_eq!(site.moved(SITE + 3), None);
}

#[test]
fn sites_are_found_by_their_five_bytes() {
    let mut table = Table::default();
    table.insert(SITE, site(&CODE));
    assert!((SITE..SITE + 5).all(|addr| table.containing(addr).is_some_and(|(start, _)| start == SITE)));
    assert!(table.containing(SITE - 1).is_none() && table.containing(SITE + 5).is_none());
    assert!(table.overlaps(&(SITE + 4..SITE + 9)) && table.overlaps(&(SITE - 3..SITE + 2)));
    assert!(!table.overlaps(&(SITE..SITE + 8)) && !table.overlaps(&(SITE + 5..SITE + 10)));
}

#[test]
fn unmapped_code_leaves_its_trampoline() {
    let mut table = Table::default();
    let old = site(&CODE);
    table.insert(SITE, old.clone());
    table.forget(&(SITE + 4..SITE + 5));
    assert!(table.is_empty() && table.containing(SITE).is_none());
    assert!(table.original(old.slot).is_some());
    // The same code uses it again, other code doesn't, even where only the last displaced byte differs.
    assert_eq!(table.retired(SITE, &CODE).unwrap().slot, old.slot);
    assert!(table.retired(SITE, &[0x0f, 0x05, 0x85, 0xc0, 0x7c, 0xfb]).is_none());
    // A thread may be in the old one while the new one is in use.
    let mut new = site(&[0x0f, 0x05, 0x48, 0x85, 0xc0]);
    new.slot = old.slot + 0x100;
    table.insert(SITE, new.clone());
    assert_eq!(table.original(old.slot + 24).unwrap().addr, SITE + 4);
    assert_eq!(table.original(new.slot + 22).unwrap().addr, SITE + 2);
    table.forget(&(SITE..SITE + 1));
    table.insert(SITE, old.clone());
    assert_eq!(table.get(SITE).unwrap().slot, old.slot);
    assert_eq!(table.original(new.slot).unwrap().addr, SITE);
}
