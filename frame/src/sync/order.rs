//! The check of the lock order, in builds with debug assertions.
//!
//! A lock's class is the type of what it protects. Each thread keeps which locks it holds; a graph of all threads keeps
//! which class was held while another one was taken. An edge that would close a cycle is a deadlock waiting for its
//! moment, so the LibOS ends and names both classes. Locks of one class are taken by ascending address, which can't end
//! in a cycle. The kernel says in which order it means to take classes ([`declare_order`]), and each edge is compared with
//! that, so that a run needn't see both ways to find a mistake. Reading again what one reads already is fine, since a waiting writer keeps no reader out.
//!
//! The heap's lock isn't checked: it's the innermost one, and nothing is called beneath it. Nothing here allocates.

use crate::thread;
use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use spin::{Mutex, Once};

/// How many classes there may be.
const CLASSES: usize = 256;
/// How many locks a thread may hold.
const HELD: usize = 24;

static NAMES: Mutex<[&str; CLASSES]> = Mutex::new([""; CLASSES]);
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// `EDGES[outer][inner]`: `inner` was taken while `outer` was held.
static EDGES: [[AtomicBool; CLASSES]; CLASSES] = [const { [const { AtomicBool::new(false) }; CLASSES] }; CLASSES];

/// A class of locks, by the name of the type that they protect, and what they are in words.
pub type LockClass = (&'static str, &'static str);

static DECLARED: Once<&'static [LockClass]> = Once::new();

/// Says in which order locks are taken, outermost first. What isn't among them is told of when it's seen under another one.
pub fn declare_order(order: &'static [LockClass]) {
    DECLARED.call_once(|| order);
}

#[derive(Clone, Copy)]
struct Lock {
    addr: usize,
    class: usize,
}

/// The locks that a thread holds.
pub(crate) struct HeldLocks {
    locks: [Cell<Option<Lock>>; HELD],
}

impl HeldLocks {
    pub(crate) const fn new() -> Self {
        Self { locks: [const { Cell::new(None) }; HELD] }
    }

    fn iter(&self) -> impl Iterator<Item = Lock> {
        self.locks.iter().filter_map(Cell::get)
    }
}

/// The calling thread is about to read what the lock at `addr` protects; it may be reading it already.
#[track_caller]
pub(super) fn taking_to_read(addr: usize, name: &'static str) {
    if !is_held(addr) {
        taking(addr, name);
    }
}

/// The calling thread is about to wait for the lock at `addr`, of a class of that name.
#[track_caller]
pub(super) fn taking(addr: usize, name: &'static str) {
    let Some(held) = thread::held_locks() else { return };
    taking_nested(addr, name);
    for outer in held.iter() {
        let is_ordered = addr > outer.addr || NAMES.lock()[outer.class] != name;
        assert!(is_ordered, "locks of one class out of order of their addresses: {name}");
    }
}

/// As [`taking_to_read`], where locks of the class have an order of their own.
#[track_caller]
pub(super) fn taking_nested_to_read(addr: usize, name: &'static str) {
    if !is_held(addr) {
        taking_nested(addr, name);
    }
}

/// As [`taking`], where locks of the class have an order of their own.
#[track_caller]
pub(super) fn taking_nested(addr: usize, name: &'static str) {
    let Some(held) = thread::held_locks() else { return };
    if held.iter().next().is_none() {
        return;
    }
    let inner = class(name);
    for outer in held.iter() {
        if outer.class == inner {
            assert!(addr != outer.addr, "a thread takes a lock that it holds: {name}");
        } else if !EDGES[outer.class][inner].load(Ordering::Relaxed) {
            let outer_name = NAMES.lock()[outer.class];
            assert!(!leads_to(inner, outer.class), "lock order: {name} is taken under {outer_name}, and the reverse");
            EDGES[outer.class][inner].store(true, Ordering::Relaxed);
            compare(DECLARED.get().copied().unwrap_or_default(), outer_name, name);
        }
    }
}

/// Compares with the declared order, if there is one, that `inner` is taken under `outer`.
#[track_caller]
fn compare(order: &[LockClass], outer: &str, inner: &str) {
    let rank = |name| order.iter().position(|(class, _)| *class == name);
    match (rank(outer), rank(inner)) {
        (Some(outer_rank), Some(inner_rank)) => {
            assert!(outer_rank < inner_rank, "lock order: {inner} is taken under {outer}, which the order forbids");
        }
        _ if order.is_empty() => {}
        _ => crate::boot::say(format_args!("enclos: lock order: {inner} is taken under {outer}, which isn't listed\n")),
    }
}

/// Whether the calling thread holds the lock at `addr`.
fn is_held(addr: usize) -> bool {
    thread::held_locks().is_some_and(|held| held.iter().any(|lock| lock.addr == addr))
}

/// The calling thread holds the lock at `addr` now.
pub(super) fn taken(addr: usize, name: &'static str) {
    let Some(held) = thread::held_locks() else { return };
    match held.locks.iter().find(|place| place.get().is_none()) {
        Some(place) => place.set(Some(Lock { addr, class: class(name) })),
        None => panic!("a thread holds more than {HELD} locks"),
    }
}

/// The calling thread gives up the lock at `addr`.
pub(super) fn released(addr: usize) {
    let Some(held) = thread::held_locks() else { return };
    if let Some(place) = held.locks.iter().rfind(|place| place.get().is_some_and(|lock| lock.addr == addr)) {
        place.set(None);
    }
}

/// The calling thread is about to sleep, which it does without locks.
#[track_caller]
pub(crate) fn assert_nothing_held() {
    let Some(held) = thread::held_locks() else { return };
    if let Some(lock) = held.iter().next() {
        panic!("a thread waits while it holds a lock: {}", NAMES.lock()[lock.class]);
    }
}

/// The number of the class of that name.
fn class(name: &'static str) -> usize {
    let mut names = NAMES.lock();
    let count = COUNT.load(Ordering::Relaxed);
    if let Some(class) = names[..count].iter().position(|known| *known == name) {
        return class;
    }
    assert!(count < CLASSES, "more than {CLASSES} classes of locks");
    names[count] = name;
    COUNT.store(count + 1, Ordering::Relaxed);
    count
}

/// Whether `to` was taken under `from`, or under what was taken under it, and so on.
fn leads_to(from: usize, to: usize) -> bool {
    let mut reached = [false; CLASSES];
    reached[from] = true;
    let count = COUNT.load(Ordering::Relaxed);
    loop {
        let next = (0..count).find(|&class| {
            !reached[class] && (0..count).any(|outer| reached[outer] && EDGES[outer][class].load(Ordering::Relaxed))
        });
        match next {
            Some(class) if class == to => return true,
            Some(class) => reached[class] = true,
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Mutex;
    use std::panic::catch_unwind;

    /// Whether `work`, done by a thread whose locks are watched, is refused.
    fn is_refused(work: impl FnOnce() + Send + 'static) -> bool {
        let watched = move || {
            thread::watch_locks();
            catch_unwind(std::panic::AssertUnwindSafe(work)).is_err()
        };
        std::thread::spawn(watched).join().unwrap()
    }

    fn take_in_turn<A, B>(outer: &Mutex<A>, inner: &Mutex<B>) {
        let _outer = outer.lock();
        let _inner = inner.lock();
    }

    #[test]
    fn a_lock_under_another_and_the_reverse_are_refused() {
        struct A;
        struct B;
        let work = || {
            let (a, b) = (Mutex::new(A), Mutex::new(B));
            take_in_turn(&a, &b);
            take_in_turn(&a, &b);
            take_in_turn(&b, &a);
        };
        assert!(is_refused(work));
    }

    #[test]
    fn a_cycle_of_three_is_refused_though_no_two_contradict_each_other() {
        struct A;
        struct B;
        struct C;
        let (a, b, c) = (Mutex::new(A), Mutex::new(B), Mutex::new(C));
        let work = move || {
            take_in_turn(&a, &b);
            take_in_turn(&b, &c);
            take_in_turn(&c, &a);
        };
        assert!(is_refused(work));
    }

    #[test]
    fn locks_of_a_class_are_taken_by_ascending_address() {
        struct A;
        let ascending = || {
            let locks = [Mutex::new(A), Mutex::new(A)];
            take_in_turn(&locks[0], &locks[1]);
        };
        let descending = || {
            let locks = [Mutex::new(A), Mutex::new(A)];
            take_in_turn(&locks[1], &locks[0]);
        };
        assert!(!is_refused(ascending));
        assert!(is_refused(descending));
    }

    #[test]
    fn a_lock_that_is_held_and_a_wait_with_one_are_refused() {
        struct A;
        let twice = || {
            let lock = Mutex::new(A);
            take_in_turn(&lock, &lock);
        };
        let waiting = || {
            let lock = Mutex::new(A);
            let _held = lock.lock();
            assert_nothing_held();
        };
        assert!(is_refused(twice));
        assert!(is_refused(waiting));
        let afterwards = || {
            drop(Mutex::new(A).lock());
            assert_nothing_held();
        };
        assert!(!is_refused(afterwards));
    }

    #[test]
    fn what_the_declared_order_forbids_is_refused_at_first_sight() {
        const ORDER: &[LockClass] = &[("A", "the outer one"), ("B", "the inner one")];
        assert!(!is_refused(|| compare(ORDER, "A", "B")));
        assert!(is_refused(|| compare(ORDER, "B", "A")));
        assert!(!is_refused(|| compare(&[], "B", "A")));
    }
}
