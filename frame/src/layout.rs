//! Where the LibOS lives in an address space, and what is left to programs.
//!
//! The places are the same in every host process of one LibOS, so that a pointer into the arena means the same thing
//! in all of them. They are chosen away from where programs, compilers and sanitizers like to put things.

use core::ops::Range;

/// Size of a page of memory in bytes.
pub const PAGE_SIZE: usize = 4096;

/// Size of a huge page in bytes.
pub const HUGE_PAGE: usize = 2 << 20;

/// First address of the LibOS; its image is linked here.
pub const LIBOS_BASE: usize = 0x6000_0000_0000;
/// First address of the heap's address space.
pub const HEAP_BASE: usize = 0x6010_0000_0000;
/// Address space of the heap in bytes; memory is used as the heap grows.
pub const HEAP_SIZE: usize = 64 << 30;
/// First address of the page pool (LibOS stacks, data of in-memory files).
pub const PAGES_BASE: usize = 0x6020_0000_0000;
/// Address space of the page pool in bytes.
pub const PAGES_SIZE: usize = 256 << 30;
/// The host's vDSO is moved here, its data pages first: into the image's gigabyte, so that both share page tables, which the
/// host makes for each further host process.
pub const VDSO_BASE: usize = LIBOS_BASE + (1 << 30) - HUGE_PAGE;
/// Where the LibOS prepares memory that it moves elsewhere; the place of a huge page.
pub const SCRATCH_BASE: usize = 0x60f0_0000_0000;
/// First address behind the LibOS.
pub const LIBOS_END: usize = 0x6100_0000_0000;

/// First address a program may map (Linux's `vm.mmap_min_addr`).
pub const USER_MIN: usize = 0x1_0000;
/// First address behind all that a program may map; the host's stack lies above.
pub const USER_MAX: usize = 0x7fe0_0000_0000;
/// First address that no user pointer can have (Linux's `TASK_SIZE`).
pub const TASK_SIZE: usize = 0x7fff_ffff_f000;

/// Whether `len` bytes at `addr` are outside the LibOS and below the kernel's half.
pub const fn is_user_range(addr: usize, len: usize) -> bool {
    match addr.checked_add(len) {
        Some(end) => end <= TASK_SIZE && (end <= LIBOS_BASE || addr >= LIBOS_END),
        None => false,
    }
}

/// Whether a program may have memory of its own at all of `range`.
pub const fn is_mappable(range: &Range<usize>) -> bool {
    range.start >= USER_MIN
        && range.start <= range.end
        && range.end <= USER_MAX
        && (range.end <= LIBOS_BASE || range.start >= LIBOS_END)
}

/// Rounds down to a page boundary.
pub const fn page_floor(addr: usize) -> usize {
    addr & !(PAGE_SIZE - 1)
}

/// Rounds up to a page boundary; `None` if that overflows.
pub const fn page_ceil(addr: usize) -> Option<usize> {
    match addr.checked_add(PAGE_SIZE - 1) {
        Some(end) => Some(page_floor(end)),
        None => None,
    }
}
