//! The check of the lock order, in builds with debug assertions.
//!
//! A lock's class is the type of what it protects. Each thread keeps which locks it holds; a graph of all threads keeps
//! which class was held while another one was taken. An edge that would close a cycle is a deadlock waiting for its
//! moment, so the LibOS ends and names both classes. Locks of one class are taken by ascending address, which can't end
//! in a cycle. Reading again what one reads already is fine, since a waiting writer keeps no reader out.
//!
//! The heap's lock isn't checked: it's the innermost one, and nothing is called beneath it. Nothing here allocates.

use crate::thread;
use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use spin::Mutex;

/// How many classes there may be.
const CLASSES: usize = 256;
/// How many locks a thread may hold.
const HELD: usize = 24;

static NAMES: Mutex<[&str; CLASSES]> = Mutex::new([""; CLASSES]);
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// `EDGES[outer][inner]`: `inner` was taken while `outer` was held.
static EDGES: [[AtomicBool; CLASSES]; CLASSES] = [const { [const { AtomicBool::new(false) }; CLASSES] }; CLASSES];

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
        }
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
pub(super) fn assert_nothing_held() {
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
