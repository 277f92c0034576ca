//! Pieces of the heap that a thread has freed and keeps for its next allocations, which so take no lock.
//!
//! Small sizes are rounded up to classes; per class a thread keeps a few pieces, in a list through the pieces themselves
//! (Bonwick and Adams, "Magazines and Vmem", 2001). Only the thread itself uses its magazines, never in a handler of a
//! host signal. Each step leaves the list whole, so that another host thread can go on with the block of one that died.

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// A class has the sizes up to a multiple of this.
const STEP: usize = 32;
const CLASSES: usize = 8;
/// How many pieces of a class a thread keeps.
const MOST: u32 = 4;
/// Of all pieces of the classes.
const ALIGN: usize = 16;

/// A size class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(usize);

impl Class {
    /// The class of pieces for `layout`, unless it's too large or aligned too much.
    #[inline]
    pub(crate) const fn of(layout: Layout) -> Option<Self> {
        let index = layout.size().wrapping_sub(1) / STEP;
        if index < CLASSES && layout.align() <= ALIGN { Some(Self(index)) } else { None }
    }

    /// What all pieces of the class have been allocated as.
    #[inline]
    pub(crate) const fn layout(self) -> Layout {
        // SAFETY: the alignment is a power of two, and the sizes are small.
        unsafe { Layout::from_size_align_unchecked((self.0 + 1) * STEP, ALIGN) }
    }
}

/// A thread's spare pieces.
pub(crate) struct Magazines([Magazine; CLASSES]);

struct Magazine {
    /// A piece, whose first word is the address of the next one.
    first: AtomicPtr<u8>,
    count: AtomicU32,
}

impl Magazines {
    pub(crate) const fn new() -> Self {
        Self([const { Magazine { first: AtomicPtr::new(null_mut()), count: AtomicU32::new(0) } }; CLASSES])
    }

    /// Takes a piece out; only for the thread whose magazines they are.
    #[inline]
    pub(crate) fn take(&self, class: Class) -> Option<NonNull<u8>> {
        let magazine = &self.0[class.0];
        let piece = NonNull::new(magazine.first.load(Ordering::Relaxed))?;
        // SAFETY: a piece in the list is the list's, and `put` wrote the word.
        let next = unsafe { piece.cast::<*mut u8>().read() };
        magazine.first.store(next, Ordering::Relaxed);
        let count = magazine.count.load(Ordering::Relaxed);
        magazine.count.store(count.wrapping_sub(1), Ordering::Relaxed);
        Some(piece)
    }

    /// Keeps a piece, if there's room; gives whether it does. Only for the thread whose magazines they are.
    ///
    /// # Safety
    /// The piece has been allocated as the class's, and nobody uses it any more.
    #[inline]
    pub(crate) unsafe fn put(&self, class: Class, piece: NonNull<u8>) -> bool {
        let magazine = &self.0[class.0];
        let count = magazine.count.load(Ordering::Relaxed);
        if count >= MOST {
            return false;
        }
        magazine.count.store(count + 1, Ordering::Relaxed);
        // SAFETY: the piece has room for the word, is aligned for it, and is the list's from now on.
        unsafe { piece.cast::<*mut u8>().write(magazine.first.load(Ordering::Relaxed)) };
        magazine.first.store(piece.as_ptr(), Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn class(size: usize, align: usize) -> Option<Class> {
        Class::of(Layout::from_size_align(size, align).unwrap())
    }

    #[test]
    fn small_sizes_have_classes_that_they_fit_into() {
        assert_eq!((class(0, 1), class(257, 8), class(8, 32)), (None, None, None));
        for size in 1..=CLASSES * STEP {
            let layout = class(size, 16).unwrap().layout();
            assert!(layout.size() >= size && layout.size() < size + STEP && layout.align() == ALIGN);
        }
    }

    #[test]
    fn pieces_come_back_the_last_first_and_only_a_few_are_kept() {
        let (magazines, class, other) = (Magazines::new(), class(40, 8).unwrap(), class(100, 8).unwrap());
        let mut memory = [[0_u128; 4]; 6];
        let pieces: Vec<NonNull<u8>> = memory.iter_mut().map(|piece| NonNull::from(piece).cast()).collect();
        // SAFETY: the pieces have the class's size and alignment, and are used by the magazines alone.
        let kept = pieces.iter().filter(|piece| unsafe { magazines.put(class, **piece) }).count();
        assert_eq!(kept, MOST as usize);
        assert_eq!(magazines.take(other), None);
        let taken: Vec<_> = core::iter::from_fn(|| magazines.take(class)).collect();
        assert_eq!(taken, pieces[..kept].iter().copied().rev().collect::<Vec<_>>());
    }
}
