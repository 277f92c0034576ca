//! Explores how notifying, registering, waiting and dropping can interleave. The notifier's source is compiled with
//! loom's locks and atomics here.

extern crate alloc;

#[path = "../src/events/io_events.rs"]
#[expect(dead_code, unreachable_pub, reason = "the model uses a part of the module")]
mod io_events;
#[path = "../src/events/notifier.rs"]
#[expect(dead_code, unreachable_pub, reason = "the model uses a part of the module")]
mod notifier;

mod sync {
    pub(super) use loom::sync::atomic::{AtomicUsize, Ordering};

    /// Loom's mutex with the interface of the LibOS's.
    #[derive(Default)]
    pub(super) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(super) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(super) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }
}

use io_events::IoEvents;
use loom::sync::{Condvar, Mutex};
use loom::thread;
use notifier::{Notifier, Observer, Reaction, Share};
use std::sync::{Arc, Weak};

/// A thread that sleeps until it's woken; loom reports a sleep that never ends.
#[derive(Default)]
struct Sleeper {
    is_woken: Mutex<bool>,
    condition: Condvar,
}

impl Sleeper {
    fn sleep(&self) {
        let mut is_woken = self.is_woken.lock().unwrap();
        while !*is_woken {
            is_woken = self.condition.wait(is_woken).unwrap();
        }
        *is_woken = false;
    }
}

impl Observer for Sleeper {
    fn on_events(&self, _events: IoEvents) -> Reaction {
        *self.is_woken.lock().unwrap() = true;
        self.condition.notify_one();
        Reaction::Woke
    }
}

/// A file whose state is protected by a lock.
#[derive(Default)]
struct File {
    items: Mutex<u32>,
    notifier: Notifier,
}

impl File {
    fn put(&self) {
        *self.items.lock().unwrap() += 1;
        self.notifier.broadcast(IoEvents::POLLIN);
    }

    fn take(&self) -> bool {
        let mut items = self.items.lock().unwrap();
        let has_some = *items > 0;
        *items -= u32::from(has_some);
        has_some
    }

    /// As a poll does: registers, looks, sleeps, looks, …
    fn wait(&self, share: Share) {
        let sleeper = Arc::new(Sleeper::default());
        let observer: Weak<Sleeper> = Arc::downgrade(&sleeper);
        self.notifier.register(observer, IoEvents::POLLIN, share);
        while !self.take() {
            sleeper.sleep();
        }
        self.notifier.unregister(Arc::as_ptr(&sleeper).cast());
    }
}

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // Enough for every bug that two threads can have with each other, in a few seconds.
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn no_wake_up_is_lost_between_look_and_sleep() {
    explore(|| {
        let file = Arc::new(File::default());
        let other = file.clone();
        let writer = thread::spawn(move || other.put());
        file.wait(Share::All);
        writer.join().unwrap();
        assert!(file.notifier.is_empty());
    });
}

#[test]
fn two_waiters_and_two_events() {
    explore(|| {
        let file = Arc::new(File::default());
        let waiter = {
            let file = file.clone();
            thread::spawn(move || file.wait(Share::All))
        };
        let writer = {
            let file = file.clone();
            thread::spawn(move || {
                file.put();
                file.put();
            })
        };
        file.wait(Share::All);
        waiter.join().unwrap();
        writer.join().unwrap();
    });
}

#[test]
fn a_live_observer_is_told_whatever_becomes_of_others() {
    explore(|| {
        let file = Arc::new(File::default());
        let gone = Arc::new(Sleeper::default());
        let leaves: Arc<Sleeper> = Arc::new(Sleeper::default());
        for observer in [Arc::downgrade(&gone), Arc::downgrade(&leaves)] {
            file.notifier.register(observer, IoEvents::POLLIN, Share::All);
        }
        drop(gone);
        // One leaves while the event is told.
        let dropper = thread::spawn(move || drop(leaves));
        let other = file.clone();
        let writer = thread::spawn(move || other.put());
        file.wait(Share::All);
        dropper.join().unwrap();
        writer.join().unwrap();
    });
}

#[test]
fn registrations_come_and_go_while_events_are_told() {
    explore(|| {
        let file = Arc::new(File::default());
        let other = file.clone();
        let registers = thread::spawn(move || {
            let passer = Arc::new(Sleeper::default());
            let observer: Weak<Sleeper> = Arc::downgrade(&passer);
            other.notifier.register(observer, IoEvents::all(), Share::All);
            other.notifier.unregister(Arc::as_ptr(&passer).cast());
        });
        let other = file.clone();
        let writer = thread::spawn(move || other.put());
        file.wait(Share::All);
        registers.join().unwrap();
        writer.join().unwrap();
        assert!(file.notifier.is_empty());
    });
}
