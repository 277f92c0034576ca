//! Memory over the real host: the test's own process plays the program.
//!
//! What the test process itself has mapped is made another owner's first, so that nothing lands there.

use super::*;
use crate::prelude::*;
use crate::process::RLIM_INFINITY;
use core::ops::Range;
use frame::layout::{PAGE_SIZE, page_floor};
use frame::ocall::mem::{Prot, Sharing};
use std::sync::OnceLock;

const RW: Prot = Prot::READ.union(Prot::WRITE);
const NOBODY: u64 = u64::MAX;

fn memory() -> Memory {
    static SPACE: OnceLock<Arc<AddressSpace>> = OnceLock::new();
    let space = SPACE.get_or_init(|| {
        let space = Arc::<AddressSpace>::default();
        // Where Linux puts programs, and what they map.
        for range in [0x5500_0000_0000..0x5700_0000_0000, 0x7a00_0000_0000..frame::layout::USER_MAX] {
            space.claim(NOBODY, &range).unwrap();
        }
        space
    });
    Memory::new(space).unwrap()
}

fn map(memory: &Memory, pages: usize) -> usize {
    memory.map(MapRequest::anonymous(Place::Anywhere, pages * PAGE_SIZE, RW)).unwrap()
}

fn put(addr: usize, byte: u8) {
    UserSlice::new(addr, 1).unwrap().write(&[byte]).unwrap();
}

fn get(addr: usize) -> u8 {
    let mut byte = [0];
    UserSlice::new(addr, 1).unwrap().read(&mut byte).unwrap();
    byte[0]
}

fn pages(start: usize, count: usize) -> Range<usize> {
    start..start + count * PAGE_SIZE
}

/// What the host has mapped in `range`, with its permissions.
fn host_maps(range: &Range<usize>) -> Vec<(Range<usize>, String)> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines()
        .map(|line| {
            let (start, rest) = line.split_once('-').unwrap();
            let mut words = rest.split(' ');
            let start = usize::from_str_radix(start, 16).unwrap();
            let end = usize::from_str_radix(words.next().unwrap(), 16).unwrap();
            (start..end, words.next().unwrap().to_string())
        })
        .filter(|(found, _)| found.start < range.end && range.start < found.end)
        .collect()
}

#[test]
fn unmapping_a_middle_leaves_both_ends() {
    let memory = memory();
    let start = map(&memory, 4);
    put(start, 1);
    put(start + 3 * PAGE_SIZE, 2);
    memory.unmap(pages(start + PAGE_SIZE, 2)).unwrap();
    assert!(memory.is_mapped(&pages(start, 1)));
    assert!(!memory.is_mapped(&pages(start, 2)));
    assert_eq!((get(start), get(start + 3 * PAGE_SIZE)), (1, 2));
    assert!(host_maps(&pages(start + PAGE_SIZE, 2)).is_empty());
    memory.release();
    assert!(host_maps(&pages(start, 4)).is_empty());
}

#[test]
fn recycled_memory_is_zero_and_was_inaccessible() {
    let memory = memory();
    for round in 0..100 {
        let start = map(&memory, 16);
        for page in (0..16).step_by(3) {
            assert_eq!(get(start + page * PAGE_SIZE), 0, "round {round}");
            put(start + page * PAGE_SIZE + 7, 9);
        }
        for page in 0..16 {
            assert_eq!(get(start + page * PAGE_SIZE + 7), if page % 3 == 0 { 9 } else { 0 });
        }
        memory.unmap(pages(start, 16)).unwrap();
        assert!(!memory.is_mapped(&pages(start, 1)));
        assert!(host_maps(&pages(start, 16)).iter().all(|(_, permissions)| permissions == "---p"));
    }
    // A mapping of another kind in the same place starts afresh.
    let start = memory.map(MapRequest::anonymous(Place::Anywhere, 8 * PAGE_SIZE, Prot::READ)).unwrap();
    assert_eq!(get(start + 7), 0);
    memory.release();
    assert!(host_maps(&pages(start - 64 * PAGE_SIZE, 128)).is_empty());
}

#[test]
fn recycled_pages_stay_untouched_until_touched() {
    let memory = memory();
    for _ in 0..40 {
        let start = map(&memory, 16);
        put(start + 5 * PAGE_SIZE, 1);
        let resident = memory.resident(&pages(start, 16)).unwrap();
        assert_eq!(resident.iter().filter(|&&byte| byte & 1 != 0).count(), 1);
        memory.unmap(pages(start, 16)).unwrap();
    }
    memory.release();
}

#[test]
fn terabytes_are_reserved_at_once() {
    let memory = memory();
    for _ in 0..3 {
        for size in [1_usize << 40, 8 << 40] {
            let start = memory.map(MapRequest::anonymous(Place::Anywhere, size, Prot::empty())).unwrap();
            memory.protect(pages(start + size / 2, 2), RW).unwrap();
            put(start + size / 2, 5);
            assert_eq!(memory.prot_at(start + size / 2), Some(RW));
            memory.unmap(start..start + size).unwrap();
        }
    }
    memory.release();
}

#[test]
fn the_break_grows_and_shrinks_over_its_whole_area() {
    let memory = memory();
    let start = memory.brk(0, RLIM_INFINITY, RLIM_INFINITY);
    let grown = start + 10 * PAGE_SIZE + 5;
    assert_eq!(memory.brk(grown, RLIM_INFINITY, RLIM_INFINITY), grown);
    put(grown, 1);
    assert_eq!(memory.brk(start + 100, RLIM_INFINITY, RLIM_INFINITY), start + 100);
    assert!(!memory.is_mapped(&pages(start + PAGE_SIZE, 1)));
    // A mapping in the way stops it; gone, it doesn't.
    let wall = start + 64 * PAGE_SIZE;
    memory.map(MapRequest::anonymous(Place::FixedNoReplace(wall), PAGE_SIZE, RW)).unwrap();
    assert_eq!(memory.brk(wall + PAGE_SIZE, RLIM_INFINITY, RLIM_INFINITY), start + 100);
    memory.unmap(pages(wall, 1)).unwrap();
    assert_eq!(memory.brk(wall + PAGE_SIZE, RLIM_INFINITY, RLIM_INFINITY), wall + PAGE_SIZE);
    assert_eq!(get(grown), 0);
    assert_eq!(memory.brk(wall + 2 * PAGE_SIZE, 1 << 10, RLIM_INFINITY), wall + PAGE_SIZE);
    memory.release();
}

#[test]
fn moved_memory_keeps_its_contents() {
    let memory = memory();
    let start = map(&memory, 4);
    put(start, 1);
    put(start + 3 * PAGE_SIZE, 4);
    // What is one mapping here needn't be one of the host's.
    memory.protect(pages(start + PAGE_SIZE, 1), Prot::READ).unwrap();
    memory.protect(pages(start + PAGE_SIZE, 1), RW).unwrap();
    let request = |addr, old: usize, new: usize, to| RemapRequest {
        addr,
        old_len: old * PAGE_SIZE,
        new_len: new * PAGE_SIZE,
        to,
        keeps_old: false,
        space_limit: RLIM_INFINITY,
    };
    let wall = memory.map(MapRequest::anonymous(Place::Hint(start + 4 * PAGE_SIZE), PAGE_SIZE, Prot::READ)).unwrap();
    assert!(memory.remap(&request(start, 4, 8, Move::Never)).is_err() || wall != start + 4 * PAGE_SIZE);
    let moved = memory.remap(&request(start, 4, 8, Move::Allowed)).unwrap();
    assert_eq!((get(moved), get(moved + 3 * PAGE_SIZE), get(moved + 7 * PAGE_SIZE)), (1, 4, 0));
    let target = map(&memory, 16);
    assert_eq!(memory.remap(&request(moved, 8, 2, Move::To(target + PAGE_SIZE))).unwrap(), target + PAGE_SIZE);
    assert_eq!(get(target + PAGE_SIZE), 1);
    assert!(!memory.is_mapped(&pages(moved, 1)));
    assert!(memory.is_mapped(&pages(target, 16)));
    let kept =
        memory.remap(&RemapRequest { keeps_old: true, ..request(target + PAGE_SIZE, 2, 2, Move::Allowed) }).unwrap();
    assert_eq!((get(kept), get(target + PAGE_SIZE)), (1, 0));
    memory.release();
}

#[test]
fn shared_memory_can_be_mapped_once_more() {
    let memory = memory();
    let request = MapRequest { sharing: Sharing::Shared, ..MapRequest::anonymous(Place::Anywhere, 2 * PAGE_SIZE, RW) };
    let start = memory.map(request).unwrap();
    let again = memory
        .remap(&RemapRequest {
            addr: start,
            old_len: 0,
            new_len: 2 * PAGE_SIZE,
            to: Move::Allowed,
            keeps_old: false,
            space_limit: RLIM_INFINITY,
        })
        .unwrap();
    put(start + PAGE_SIZE, 3);
    assert_eq!(get(again + PAGE_SIZE), 3);
    assert_eq!(memory.shared_key(start), memory.shared_key(again));
    memory.release();
}

#[test]
fn trampolines_are_near_and_hidden() {
    let memory = memory();
    let code = memory.map(MapRequest::anonymous(Place::Anywhere, 4 * PAGE_SIZE, Prot::READ | Prot::EXEC)).unwrap();
    let region = memory.code_region_at(code + 5).unwrap();
    assert_eq!(region.range, pages(code, 4));
    assert!(region.trampolines.start.abs_diff(code) < 0x7900_0000);
    assert!(!memory.is_mapped(&region.trampolines));
    assert_eq!(memory.render_maps().lines().filter(|line| !line.contains("vdso")).count(), 1);
    assert_eq!(memory.code_region_at(code).unwrap().trampolines, region.trampolines);
    // Unmapping all around leaves them.
    memory.unmap(region.trampolines.start - PAGE_SIZE..code + 4 * PAGE_SIZE).unwrap();
    assert!(memory.code_region_at(code).is_none());
    assert_eq!(host_maps(&region.trampolines).len(), 1);
    memory.release();
    assert!(host_maps(&region.trampolines).is_empty());
}

#[test]
fn advice_over_a_hole_is_followed_where_something_is_mapped() {
    const DONTNEED: u32 = 4;
    let memory = memory();
    let start = map(&memory, 4);
    put(start, 1);
    put(start + 3 * PAGE_SIZE, 1);
    memory.unmap(pages(start + PAGE_SIZE, 1)).unwrap();
    let result = memory.advise(&pages(start, 4), DONTNEED);
    assert_eq!(result.unwrap_err().errno(), Errno::ENOMEM);
    assert_eq!((get(start), get(start + 3 * PAGE_SIZE)), (0, 0));
    memory.release();
}

#[test]
fn the_stack_has_a_gap_that_stays_free() {
    let memory = memory();
    let top = memory.map_stack(8 << 20, false).unwrap();
    put(top - 8, 1);
    assert!(memory.is_mapped(&pages(page_floor(top - (7 << 20)), 1)));
    let below = map(&memory, 1);
    // The top is up to two pages below the stack's end.
    assert!(below < top - (9 << 20) + 2 * PAGE_SIZE || below > top);
    memory.release();
}

#[test]
fn a_mapping_grows_down_where_it_is_touched() {
    let memory = memory();
    let room = memory.map(MapRequest::anonymous(Place::Anywhere, 1024 * PAGE_SIZE, Prot::empty())).unwrap();
    memory.unmap(pages(room, 1024)).unwrap();
    let top = room + 1000 * PAGE_SIZE;
    let request = MapRequest { kind: Kind::GrowsDown, ..MapRequest::anonymous(Place::Fixed(top), PAGE_SIZE, RW) };
    memory.map(request).unwrap();
    for page in 1..=16 {
        assert!(memory.grow_down(top - page * PAGE_SIZE + 5));
        put(top - page * PAGE_SIZE, 1);
    }
    assert_eq!(memory.render_maps().lines().filter(|line| !line.contains("vdso")).count(), 1);
    // Not into the gap above what lies below.
    memory.map(MapRequest::anonymous(Place::Fixed(top - 300 * PAGE_SIZE), PAGE_SIZE, RW)).unwrap();
    assert!(memory.grow_down(top - 40 * PAGE_SIZE));
    assert!(!memory.grow_down(top - 50 * PAGE_SIZE));
    memory.release();
}

#[test]
fn a_fixed_mapping_replaces_what_is_there() {
    let memory = memory();
    let start = map(&memory, 4);
    put(start + PAGE_SIZE, 1);
    let before = memory.totals().mapped;
    let limited =
        |place| MapRequest { space_limit: before as u64, ..MapRequest::anonymous(place, PAGE_SIZE, Prot::READ) };
    memory.map(limited(Place::Fixed(start + PAGE_SIZE))).unwrap();
    assert_eq!(get(start + PAGE_SIZE), 0);
    assert_eq!(memory.totals().mapped, before);
    assert_eq!(memory.map(limited(Place::Anywhere)).unwrap_err().errno(), Errno::ENOMEM);
    let exclusive = MapRequest::anonymous(Place::FixedNoReplace(start), PAGE_SIZE, Prot::READ);
    assert_eq!(memory.map(exclusive).unwrap_err().errno(), Errno::EEXIST);
    memory.release();
}
