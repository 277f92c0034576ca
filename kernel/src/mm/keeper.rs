//! Where the memories of ended programs wait for their next runs: in their address spaces, which outlive their last
//! program for a while if they have such memories.

use super::memory::Memory;
use super::space::AddressSpace;
use super::spare::{Note, SpareKey};
use crate::prelude::*;
use core::sync::atomic::Ordering;
use frame::thread::{Home, IdleThread};

/// A memory in which a program is loaded, as the loader left it.
pub struct Spare {
    /// The memory.
    pub memory: Arc<Memory>,
    /// What the loader noted about it.
    pub note: Note,
}

/// An address space with memories that are kept.
struct Keeper {
    space: Arc<AddressSpace>,
    home: Home,
}

/// How many memories are kept in an address space.
const MAX_SPARES: usize = 16;
/// How many address spaces are kept in which nothing runs.
const MAX_EMPTY: usize = 16;

/// Those that were added last, last.
static KEEPERS: Mutex<Vec<Keeper>> = Mutex::new(Vec::new());

impl AddressSpace {
    /// A memory in which the program of this key is loaded.
    ///
    /// # Errors
    /// `ENOMEM` at the memory limit.
    pub fn take_spare(&self, key: SpareKey) -> Result<Option<Spare>> {
        let Some(memory) = self.remove_spare(key) else { return Ok(None) };
        memory.take_up().inspect_err(|_| memory.discard())?;
        Ok(Spare::new(memory))
    }

    /// As [`take_spare`](Self::take_spare) in any address space but this one, and a thread that can run it there. Nothing,
    /// if this one has such a memory too.
    pub fn take_spare_elsewhere(&self, key: SpareKey) -> Option<(Spare, IdleThread)> {
        self.take_spare_of(key, |_| true)
    }

    /// As [`take_spare_elsewhere`](Self::take_spare_elsewhere), in the address space of the first host process only.
    pub fn take_spare_in_first(&self, key: SpareKey) -> Option<(Spare, IdleThread)> {
        self.take_spare_of(key, |keeper| keeper.home.is_first())
    }

    fn take_spare_of(&self, key: SpareKey, is_meant: impl Fn(&Keeper) -> bool) -> Option<(Spare, IdleThread)> {
        if self.has_spare(key) {
            return None;
        }
        let mut gone = Vec::new();
        let taken = {
            let mut keepers = KEEPERS.lock();
            gone.extend(keepers.extract_if(.., |keeper| keeper.home.is_gone()));
            let mut with_spare = keepers.iter().rev().filter(|keeper| is_meant(keeper) && keeper.space.has_spare(key));
            with_spare.find_map(|keeper| keeper.take(key))
        };
        gone.into_iter().for_each(Keeper::forget);
        let (memory, thread) = taken?;
        Some((Spare::new(memory)?, thread))
    }

    /// Whether a memory in which the program of this key is loaded waits here.
    pub fn has_spare(&self, key: SpareKey) -> bool {
        self.spares.lock().iter().any(|memory| memory.is_of(key))
    }

    fn remove_spare(&self, key: SpareKey) -> Option<Arc<Memory>> {
        let mut spares = self.spares.lock();
        let index = spares.iter().rposition(|memory| memory.is_of(key))?;
        spares.remove(index)
    }

    /// Keeps one of the address space's memories, the calling thread's own.
    pub(super) fn keep(self: &Arc<Self>, memory: &Arc<Memory>) {
        let oldest = {
            let mut spares = self.spares.lock();
            spares.push_back(memory.clone());
            if spares.len() > MAX_SPARES { spares.pop_front() } else { None }
        };
        // Not before, or the address space would look as if nobody needed it.
        memory.set_aside();
        if let Some(oldest) = oldest {
            oldest.discard();
        }
        let dismissed = {
            let mut keepers = KEEPERS.lock();
            if !keepers.iter().any(|keeper| Arc::ptr_eq(&keeper.space, self)) {
                keepers.push(Keeper { space: self.clone(), home: Home::current() });
            }
            let empty: Vec<usize> = (0..keepers.len()).filter(|&index| keepers[index].is_empty()).collect();
            (empty.len() > MAX_EMPTY).then(|| keepers.remove(empty[0]))
        };
        if let Some(keeper) = dismissed {
            keeper.home.end();
            keeper.forget();
        }
    }
}

impl Memory {
    /// Whether nothing in its address space, the calling thread's, is needed once its program has ended.
    pub fn ends_space(&self) -> bool {
        self.note().is_none() && !self.space.outlives_last() && self.space.spares.lock().is_empty()
    }
}

impl Keeper {
    /// Whether nothing runs in it, and it's there only for what it keeps.
    fn is_empty(&self) -> bool {
        !self.home.is_first() && self.space.memories.load(Ordering::SeqCst) == 0
    }

    fn take(&self, key: SpareKey) -> Option<(Arc<Memory>, IdleThread)> {
        let thread = self.home.reserve()?;
        let memory = self.space.remove_spare(key)?;
        if memory.take_up().is_err() {
            self.space.spares.lock().push_back(memory);
            return None;
        }
        Some((memory, thread))
    }

    /// Its host process has ended.
    fn forget(self) {
        let spares = core::mem::take(&mut *self.space.spares.lock());
        for memory in spares {
            memory.bring_back();
            memory.forget_all();
        }
    }
}

impl Spare {
    fn new(memory: Arc<Memory>) -> Option<Self> {
        let note = memory.note()?;
        Some(Self { memory, note })
    }
}
