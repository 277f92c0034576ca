//! The LibOS's heap, in the arena.

use crate::layout::{HEAP_BASE, HEAP_SIZE};
use crate::sync::RawMutex;
use core::alloc::{GlobalAlloc, Layout};
use talc::TalcLock;
use talc::source::Manual;

type Allocator = TalcLock<RawMutex, Manual>;

/// The image's global allocator. It has no state of its own: the allocator stands at the start of the heap, so that all
/// host processes use the same.
pub struct Heap;

/// Room for the allocator itself at the start of the heap's address space.
const HEADER: usize = crate::layout::PAGE_SIZE;

/// Puts the allocator into the mapped, zeroed heap. All of the address space is claimed at once; the host provides
/// memory as it is touched.
///
/// # Safety
/// The heap's address space is mapped, zero, and used by nobody.
pub(crate) unsafe fn init() {
    const { assert!(size_of::<Allocator>() <= HEADER) };
    // SAFETY: the place is mapped and big enough, see above.
    unsafe {
        (HEAP_BASE as *mut Allocator).write(Allocator::new(Manual));
        (*(HEAP_BASE as *const Allocator)).lock().claim((HEAP_BASE + HEADER) as *mut u8, HEAP_SIZE - HEADER);
    }
}

/// Bytes of the heap in use, and in how many pieces.
pub fn in_use() -> [usize; 2] {
    let counters = *allocator().lock().counters();
    [counters.allocated_bytes, counters.allocation_count]
}

fn allocator() -> &'static Allocator {
    // SAFETY: `init` put it there before the first allocation, and nobody moves it.
    unsafe { &*(HEAP_BASE as *const Allocator) }
}

// SAFETY: passes everything on to talc.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps `GlobalAlloc`'s contract.
        unsafe { allocator().alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { allocator().dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { allocator().realloc(pointer, layout, new_size) }
    }
}
