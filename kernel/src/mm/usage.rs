//! A process's part in a memory.

use super::Memory;
use crate::fs::Claim;
use crate::prelude::*;
use core::ops::Deref;
use core::sync::atomic::{AtomicBool, Ordering};
use frame::sync::Once;

/// A process's part in a memory. What the processes of a `vfork` use together is released with the last part, which must
/// happen in the memory's address space.
pub struct MemoryUse(Arc<Shared>);

struct Shared {
    memory: Arc<Memory>,
    /// The program that runs in it isn't written.
    claim: Option<Arc<Claim>>,
    /// It was never mapped, since its host process didn't come to be.
    is_unmapped: AtomicBool,
}

impl MemoryUse {
    /// The first part in a memory, in which a program runs that nobody writes meanwhile.
    pub fn new(memory: Arc<Memory>, claim: Claim) -> Self {
        Self::with(memory, Some(Arc::new(claim)))
    }

    /// The first part in a copy of the memory.
    #[must_use]
    pub fn copied_to(&self, copy: Arc<Memory>) -> Self {
        Self::with(copy, self.0.claim.clone())
    }

    fn with(memory: Arc<Memory>, claim: Option<Arc<Claim>>) -> Self {
        Self(Arc::new(Shared { memory, claim, is_unmapped: AtomicBool::new(false) }))
    }

    /// Another part in the same memory.
    #[must_use]
    pub fn share(&self) -> Self {
        Self(self.0.clone())
    }

    /// No memory at all: what a process has that has ended.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn none() -> Result<Self> {
        static NONE: Once<Arc<Shared>> = Once::new();
        let none =
            NONE.try_call_once(|| Memory::new(&Arc::default()).map(|memory| Self::with(Arc::new(memory), None).0))?;
        Ok(Self(none.clone()))
    }

    /// The memory.
    pub fn memory(&self) -> &Arc<Memory> {
        &self.0.memory
    }

    /// Gives up a memory that was never mapped, since its host process didn't come to be.
    pub fn forget(self) {
        self.0.is_unmapped.store(true, Ordering::SeqCst);
    }

    /// Whether no other process uses the memory.
    pub fn is_only(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl Deref for MemoryUse {
    type Target = Memory;

    fn deref(&self) -> &Memory {
        self.memory()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.is_unmapped.load(Ordering::SeqCst) {
            self.memory.retire();
        }
    }
}
