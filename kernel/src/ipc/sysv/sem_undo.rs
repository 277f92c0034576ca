//! What is undone of semaphore operations when a process ends (`SEM_UNDO` of `man 2 semop`).

use super::ids::seconds;
use super::sem::{MAX_VALUE, SETS};
use crate::prelude::*;

/// By process and set: what is added to each semaphore when the process ends.
static UNDOS: Mutex<BTreeMap<(u32, i32), BTreeMap<u16, i32>>> = Mutex::new(BTreeMap::new());

/// Notes operations of a process, all or none.
///
/// # Errors
/// `ERANGE` if too much would have to be undone.
pub(super) fn note(pid: u32, set: i32, operations: impl Iterator<Item = (u16, i16)>) -> Result<()> {
    let mut operations = operations.peekable();
    if operations.peek().is_none() {
        return Ok(());
    }
    let mut undos = UNDOS.lock();
    let mut adjustments = undos.get(&(pid, set)).cloned().unwrap_or_default();
    for (number, operation) in operations {
        let adjustment = adjustments.entry(number).or_default();
        *adjustment -= i32::from(operation);
        if !(-MAX_VALUE - 1..=MAX_VALUE).contains(adjustment) {
            bail!(ERANGE, "too much would have to be undone");
        }
    }
    undos.insert((pid, set), adjustments);
    Ok(())
}

/// A set is gone.
pub(super) fn forget_set(set: i32) {
    UNDOS.lock().retain(|(_, other), _| *other != set);
}

/// Semaphores of a set got new values, with which nothing is to be undone (`SETVAL`, `SETALL`).
pub(super) fn forget_semaphores(set: i32, is_set: impl Fn(u16) -> bool) {
    for (_, adjustments) in UNDOS.lock().iter_mut().filter(|((_, other), _)| *other == set) {
        adjustments.retain(|number, _| !is_set(*number));
    }
}

/// A process has ended.
pub(super) fn process_ends(pid: u32) {
    let own: Vec<_> = {
        let mut undos = UNDOS.lock();
        let sets: Vec<i32> = undos.range((pid, i32::MIN)..=(pid, i32::MAX)).map(|((_, set), _)| *set).collect();
        sets.into_iter().filter_map(|set| Some((set, undos.remove(&(pid, set))?))).collect()
    };
    for (id, adjustments) in own {
        let Ok(set) = SETS.find(id) else { continue };
        set.change(|state| {
            for (number, adjustment) in adjustments {
                if let Some(semaphore) = state.semaphores.get_mut(usize::from(number)) {
                    semaphore.value = (semaphore.value + adjustment).clamp(0, MAX_VALUE);
                    semaphore.pid = pid;
                }
            }
            state.operated = seconds();
        });
    }
}
