//! Files of the host that signal (`O_ASYNC`): an `epoll` of the host watches them, which the thread that waits for timers
//! waits for as well.

use super::IoEvents;
use super::notifier::Observer;
use crate::fs::File;
use crate::net;
use crate::prelude::*;
use crate::time;
use frame::ocall::event::{HostEpoll, MAX_HOST_EVENTS};
use frame::ocall::file::HostFd;
use frame::sync::Once;

static WATCH: Once<Watch> = Once::new();

struct Watch {
    epoll: HostEpoll,
    observers: Mutex<Observers>,
}

/// Who is told of which file, by the token of the file.
#[derive(Default)]
struct Observers {
    by_token: BTreeMap<u64, Weak<dyn Observer>>,
    last_token: u64,
}

/// Has `observer` told of what the host finds about a file from now on. Gives the token to take it back with; nothing if
/// the host can't wait for the file.
///
/// # Errors
/// `EMFILE`, `ENFILE`, `ENOMEM`, `EAGAIN` if the host gives no thread.
pub(super) fn watch(file: &dyn File, fd: &HostFd, observer: Weak<dyn Observer>) -> Result<Option<u64>> {
    const EDGES: u32 = 1 << 31;
    time::start_service()?;
    let mut is_first = false;
    let watch = WATCH.try_call_once(|| {
        is_first = true;
        Ok::<_, Error>(Watch { epoll: HostEpoll::new()?, observers: Mutex::default() })
    })?;
    if is_first {
        time::wake_service();
    }
    // Locked until what the file is ready for already is taken: that is no news.
    let mut observers = watch.observers.lock();
    observers.by_token.retain(|_, observer| observer.strong_count() > 0);
    observers.last_token += 1;
    let token = observers.last_token;
    match watch.epoll.add(fd, u32::from(events(file).bits()) | EDGES, token) {
        Ok(()) => {}
        Err(error) if error.errno() == Errno::EPERM => return Ok(None),
        Err(error) => return Err(error),
    }
    observers.by_token.insert(token, observer);
    let mut others = watch.take(&observers);
    drop(observers);
    others.retain(|found| found.token != token);
    tell(others);
    Ok(Some(token))
}

/// Tells nobody of a file any more.
pub(super) fn forget(fd: &HostFd, token: u64) {
    let Some(watch) = WATCH.get() else { return };
    watch.observers.lock().by_token.remove(&token);
    if let Err(error) = watch.epoll.remove(fd) {
        warn!("the host goes on watching a file: {error}");
    }
}

/// What becomes ready to be read when there's something to tell.
pub fn fd() -> Option<&'static HostFd> {
    WATCH.get().map(|watch| watch.epoll.fd())
}

/// Tells what the host has found.
pub fn tell_all() {
    if let Some(watch) = WATCH.get() {
        let found = watch.take(&watch.observers.lock());
        tell(found);
    }
}

/// What the host found about a file.
struct Found {
    token: u64,
    events: IoEvents,
    observer: Weak<dyn Observer>,
}

impl Watch {
    fn take(&self, observers: &Observers) -> Vec<Found> {
        let mut found = Vec::new();
        let taken = self.epoll.take_ready(MAX_HOST_EVENTS, |event| match observers.by_token.get(&event.token) {
            Some(observer) => found.push(Found {
                token: event.token,
                events: IoEvents::from_bits_truncate(event.events as u16),
                observer: observer.clone(),
            }),
            None => warn!("the host tells of a file that it doesn't watch ({:#x})", event.token),
        });
        if let Err(error) = taken {
            warn!("the host's epoll fails: {error}");
        }
        found
    }
}

fn tell(found: Vec<Found>) {
    for Found { events, observer, .. } in found {
        if let Some(observer) = observer.upgrade() {
            observer.on_events(events);
        }
    }
}

/// What a file signals: room to write only where it may be waited for.
fn events(file: &dyn File) -> IoEvents {
    let all = IoEvents::READABLE | IoEvents::POLLPRI | IoEvents::POLLRDHUP | IoEvents::ALWAYS;
    if net::host::is_datagram(file) { all } else { all | IoEvents::WRITABLE }
}
