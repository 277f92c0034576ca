//! Ids of processes, threads, process groups and sessions: one number space, recycled late.

use crate::prelude::*;
use alloc::collections::BTreeSet;

/// The highest id, as Linux's `pid_max` on 64-bit machines.
const PID_MAX: u32 = 4 << 20;

struct Ids {
    used: BTreeSet<u32>,
    last: u32,
}

static IDS: Mutex<Ids> = Mutex::new(Ids { used: BTreeSet::new(), last: 0 });

/// An id in use; free again when dropped.
#[derive(Debug)]
pub struct Id(u32);

impl Id {
    /// The next id; a freed one comes round again only after all others.
    ///
    /// # Errors
    /// `EAGAIN` when all are in use.
    pub fn allocate() -> Result<Self> {
        let mut ids = IDS.lock();
        for _ in 0..PID_MAX {
            let next = if ids.last >= PID_MAX { 1 } else { ids.last + 1 };
            ids.last = next;
            if ids.used.insert(next) {
                return Ok(Self(next));
            }
        }
        Err(err!(EAGAIN, "all process ids are in use"))
    }

    /// The number.
    pub const fn get(&self) -> u32 {
        self.0
    }
}

/// Whether an id is in use.
pub(super) fn is_taken(id: u32) -> bool {
    IDS.lock().used.contains(&id)
}

impl Drop for Id {
    fn drop(&mut self) {
        IDS.lock().used.remove(&self.0);
    }
}
