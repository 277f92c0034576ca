//! The LibOS's heap, in the arena. Threads keep small pieces for themselves, in magazines.

use crate::layout::{HEAP_BASE, HEAP_SIZE};
use crate::magazine::Class;
use crate::sync::RawMutex;
use crate::thread;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;
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

/// Bytes of the heap in use or kept by threads, and in how many pieces.
pub fn in_use() -> [usize; 2] {
    let counters = *allocator().lock().counters();
    [counters.allocated_bytes, counters.allocation_count]
}

fn allocator() -> &'static Allocator {
    // SAFETY: `init` put it there before the first allocation, and nobody moves it.
    unsafe { &*(HEAP_BASE as *const Allocator) }
}

// SAFETY: what has a class is allocated and freed with the class's layout, by the calling thread's magazines or by talc;
// all else is talc's.
unsafe impl GlobalAlloc for Heap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = Class::of(layout) else {
            // SAFETY: the caller keeps `GlobalAlloc`'s contract.
            return unsafe { allocator().alloc(layout) };
        };
        match thread::magazines().and_then(|magazines| magazines.take(class)) {
            Some(piece) => piece.as_ptr(),
            // SAFETY: as above.
            None => unsafe { allocator().alloc(class.layout()) },
        }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let class = Class::of(layout);
        if let Some(class) = class
            && let Some(piece) = NonNull::new(pointer)
            // SAFETY: the caller gives the piece up, which `alloc` made with the class's layout.
            && thread::magazines().is_some_and(|magazines| unsafe { magazines.put(class, piece) })
        {
            return;
        }
        // SAFETY: as above.
        unsafe { allocator().dealloc(pointer, class.map_or(layout, Class::layout)) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Ok(new_layout) = Layout::from_size_align(new_size, layout.align()) else { return core::ptr::null_mut() };
        match (Class::of(layout), Class::of(new_layout)) {
            // SAFETY: the caller keeps `GlobalAlloc`'s contract.
            (None, None) => unsafe { allocator().realloc(pointer, layout, new_size) },
            (before, after) if before == after => pointer,
            // SAFETY: as above; the new piece is another one, and both are as long as what is copied.
            _ => unsafe {
                let new = self.alloc(new_layout);
                if !new.is_null() {
                    new.copy_from_nonoverlapping(pointer, layout.size().min(new_size));
                    self.dealloc(pointer, layout);
                }
                new
            },
        }
    }
}
