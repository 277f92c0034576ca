//! How a file tells others that it became ready.

use super::IoEvents;
use super::sync::{AtomicUsize, Mutex, Ordering};
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

/// Who wants to know what a file becomes ready for.
pub trait Observer: Send + Sync {
    /// The file became ready for some of `events`, which is a hint: whoever uses it looks.
    ///
    /// Called without the notifier's lock, by the thread that made the file ready, which may hold locks of the file: so
    /// no call of the file's methods.
    fn on_events(&self, events: IoEvents) -> Reaction;
}

/// What an observer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// A thread was woken that will use what is ready.
    Woke,
    /// Nobody waits at present.
    Noted,
}

/// Which observers learn of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// This one in any case.
    All,
    /// Of those that share so, only as many as it takes to wake a thread, the oldest first (`EPOLLEXCLUSIVE`).
    Oldest,
    /// Likewise, the newest first: the threads that wait for one epoll.
    Newest,
}

/// Tells observers what a file becomes ready for.
///
/// It knows observers by weak references: one that is gone is passed over and forgotten.
#[derive(Default)]
pub struct Notifier {
    observers: Mutex<Vec<Registration>>,
    /// Length of the list, so that telling nobody costs one load.
    len: AtomicUsize,
}

struct Registration {
    observer: Weak<dyn Observer>,
    events: IoEvents,
    share: Share,
}

impl core::fmt::Debug for Notifier {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Notifier({} observers)", self.len.load(Ordering::Relaxed))
    }
}

impl Notifier {
    /// A notifier without observers.
    pub fn new() -> Self {
        Self { observers: Mutex::new(Vec::new()), len: AtomicUsize::new(0) }
    }

    /// Tells `observer` of `events` from now on. What happened before is for the caller to look at afterwards.
    pub fn register(&self, observer: Weak<dyn Observer>, events: IoEvents, share: Share) {
        let mut observers = self.observers.lock();
        observers.push(Registration { observer, events, share });
        self.len.store(observers.len(), Ordering::SeqCst);
    }

    /// As [`register`](Self::register), unless `observer` is registered already; for those that aren't unregistered.
    pub fn register_once(&self, observer: Weak<dyn Observer>, events: IoEvents, share: Share) {
        let mut observers = self.observers.lock();
        if !observers.iter().any(|registration| registration.observer.ptr_eq(&observer)) {
            observers.retain(|registration| registration.observer.strong_count() > 0);
            observers.push(Registration { observer, events, share });
            self.len.store(observers.len(), Ordering::SeqCst);
        }
    }

    /// Forgets all registrations of an observer, which is known by its address. A call may still be under way.
    pub fn unregister(&self, observer: *const ()) {
        let mut observers = self.observers.lock();
        observers.retain(|registration| !core::ptr::addr_eq(registration.observer.as_ptr(), observer));
        self.len.store(observers.len(), Ordering::SeqCst);
    }

    /// Tells all observers that want to know of any of `events`. Gives whether one of them woke a thread.
    ///
    /// The change that it tells of was made before, under a lock or by a sequentially consistent read-modify-write.
    pub fn broadcast(&self, events: IoEvents) -> Reaction {
        if self.len.load(Ordering::SeqCst) > 0 { self.tell(events) } else { Reaction::Noted }
    }

    /// How many registrations there are.
    pub fn len(&self) -> usize {
        self.len.load(Ordering::SeqCst)
    }

    /// Whether nobody is registered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn tell(&self, events: IoEvents) -> Reaction {
        // Most have one observer; a list is made for the others alone. The newest learns first, as in Linux.
        let mut first: Option<Arc<dyn Observer>> = None;
        let mut rest: Vec<Arc<dyn Observer>> = Vec::new();
        let mut sharing: VecDeque<Arc<dyn Observer>> = VecDeque::new();
        {
            let mut observers = self.observers.lock();
            let mut dead = false;
            for registration in observers.iter().rev() {
                if !registration.events.intersects(events) {
                    continue;
                }
                let Some(observer) = registration.observer.upgrade() else {
                    dead = true;
                    continue;
                };
                match registration.share {
                    Share::All if first.is_none() => first = Some(observer),
                    Share::All => rest.push(observer),
                    Share::Oldest => sharing.push_front(observer),
                    Share::Newest => sharing.push_back(observer),
                }
            }
            if dead {
                observers.retain(|registration| registration.observer.strong_count() > 0);
                self.len.store(observers.len(), Ordering::SeqCst);
            }
        }
        let mut reaction = Reaction::Noted;
        for observer in first.into_iter().chain(rest) {
            if observer.on_events(events) == Reaction::Woke {
                reaction = Reaction::Woke;
            }
        }
        for observer in sharing {
            if observer.on_events(events) == Reaction::Woke {
                return Reaction::Woke;
            }
        }
        reaction
    }
}

/// What one notifier tells, another one may pass on.
impl Observer for Notifier {
    fn on_events(&self, events: IoEvents) -> Reaction {
        self.broadcast(events)
    }
}
