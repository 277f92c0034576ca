//! Files on their way between sockets.
//!
//! A socket whose descriptors are all closed while it lies in a queue lives on, since whoever receives from that queue gets
//! it. When such sockets lie in each other's queues alone, nobody can: [`closed`] finds those, by counting for each
//! socket how many references come from queues, and empties their queues. Lock order: the table, a queue's items, a
//! message's rights.

use super::AnySocket;
use crate::fs::File;
use crate::prelude::*;
use crate::process::{Resource, Thread, cap};
use alloc::collections::BTreeSet;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Files that a message carries. They count as the sender's until they're received.
pub struct Rights {
    files: Vec<Arc<dyn File>>,
    uid: u32,
}

#[derive(Default)]
struct Table {
    /// How often each socket is on its way, by address.
    sockets: BTreeMap<usize, (Weak<dyn AnySocket>, usize)>,
    /// How many files of each user are.
    users: BTreeMap<u32, usize>,
}

static TABLE: Mutex<Table> = Mutex::new(Table { sockets: BTreeMap::new(), users: BTreeMap::new() });
/// How many sockets are on their way, so that looking whether there are some is cheap.
static SOCKETS: AtomicUsize = AtomicUsize::new(0);

/// A file as the socket of ours that it is.
fn as_unix(file: &Arc<dyn File>) -> Option<Arc<dyn AnySocket>> {
    super::any_socket(&**file)
}

fn address(socket: &Arc<dyn AnySocket>) -> usize {
    Arc::as_ptr(socket).cast::<()>().addr()
}

impl Rights {
    /// Sends files on their way.
    ///
    /// # Errors
    /// `ETOOMANYREFS` if the user has more on their way than it may have open.
    pub fn new(thread: &Thread, files: Vec<Arc<dyn File>>) -> Result<Self> {
        let credentials = thread.credentials();
        let uid = credentials.ruid;
        let limit = thread.process.limits.lock().soft(Resource::OpenFiles);
        let is_privileged = credentials.has_cap(cap::SYS_RESOURCE) || credentials.has_cap(cap::SYS_ADMIN);
        let sockets: Vec<_> = files.iter().filter_map(as_unix).collect();
        {
            let mut table = TABLE.lock();
            let count = table.users.entry(uid).or_default();
            if *count as u64 > limit && !is_privileged {
                bail!(ETOOMANYREFS, "too many files are on their way");
            }
            *count += files.len();
            for socket in &sockets {
                let entry = table.sockets.entry(address(socket)).or_insert((Arc::downgrade(socket), 0));
                entry.1 += 1;
            }
            SOCKETS.fetch_add(sockets.len(), Ordering::SeqCst);
        }
        Ok(Self { files, uid })
    }

    /// The files.
    pub fn files(&self) -> &[Arc<dyn File>] {
        &self.files
    }

    /// Ends their way: they are received.
    pub fn receive(mut self) -> Vec<Arc<dyn File>> {
        self.arrive()
    }

    fn arrive(&mut self) -> Vec<Arc<dyn File>> {
        let files = core::mem::take(&mut self.files);
        let sockets: Vec<_> = files.iter().filter_map(|file| super::address_of(&**file)).collect();
        let mut table = TABLE.lock();
        if let Some(count) = table.users.get_mut(&self.uid) {
            *count = count.saturating_sub(files.len());
            if *count == 0 {
                table.users.remove(&self.uid);
            }
        }
        let mut gone = Vec::new();
        for address in &sockets {
            if let Some(entry) = table.sockets.get_mut(address) {
                entry.1 -= 1;
                if entry.1 == 0 {
                    gone.extend(table.sockets.remove(address));
                }
            }
        }
        SOCKETS.fetch_sub(sockets.len(), Ordering::SeqCst);
        drop(table);
        files
    }
}

impl Drop for Rights {
    /// Files may be sockets with files in their queues, and so on: they're dropped one after the other, not each within
    /// the one before, for which no stack would be deep enough.
    fn drop(&mut self) {
        static GONE: Mutex<Vec<Arc<dyn File>>> = Mutex::new(Vec::new());
        static IS_DROPPING: AtomicBool = AtomicBool::new(false);
        let files = self.arrive();
        if files.is_empty() {
            return;
        }
        GONE.lock().extend(files);
        while !IS_DROPPING.swap(true, Ordering::SeqCst) {
            loop {
                let next = GONE.lock().pop();
                if next.is_none() {
                    break;
                }
            }
            IS_DROPPING.store(false, Ordering::SeqCst);
            // Somebody may have added one between the last look and that.
            if GONE.lock().is_empty() {
                break;
            }
        }
    }
}

/// A file was closed: frees sockets that only each other's queues hold, if there are some on their way. When many are, it
/// looks once in a while only, as it looks at all of them then.
pub fn closed() {
    const ALWAYS_BELOW: usize = 64;
    static SINCE: AtomicUsize = AtomicUsize::new(0);
    let sockets = SOCKETS.load(Ordering::SeqCst);
    if sockets > 0 && SINCE.fetch_add(1, Ordering::SeqCst) + 1 >= sockets / ALWAYS_BELOW {
        SINCE.store(0, Ordering::SeqCst);
        collect();
    }
}

fn collect() {
    // Whatever is given up is dropped with nothing locked.
    let mut garbage = Vec::new();
    let candidates: BTreeMap<usize, (Arc<dyn AnySocket>, usize)>;
    {
        let table = TABLE.lock();
        // Those that only queues refer to, besides the reference made here.
        let is_only_queued = |socket: &Arc<dyn AnySocket>, count: usize| Arc::strong_count(socket) == count + 1;
        candidates = table
            .sockets
            .iter()
            .filter_map(|(&address, (socket, count))| Some((address, (socket.upgrade()?, *count))))
            .collect();
        let is_candidate =
            |address: usize| candidates.get(&address).is_some_and(|(socket, count)| is_only_queued(socket, *count));
        let mut inner: BTreeMap<usize, usize> = BTreeMap::new();
        let mut edges: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (&from, (socket, _)) in candidates.iter().filter(|(address, _)| is_candidate(**address)) {
            socket.visit_queued(&mut |ancillary| {
                ancillary.with_files(|files| {
                    for to in files.iter().filter_map(|file| super::address_of(&**file)) {
                        *inner.entry(to).or_default() += 1;
                        edges.entry(from).or_default().push(to);
                    }
                });
            });
        }
        let refers_from_outside = |address: usize, count: usize| inner.get(&address).is_none_or(|&inner| inner < count);
        let mut reached: Vec<usize> = candidates
            .iter()
            .filter(|(address, (_, count))| !is_candidate(**address) || refers_from_outside(**address, *count))
            .map(|(&address, _)| address)
            .collect();
        let mut alive = BTreeSet::new();
        while let Some(address) = reached.pop() {
            if alive.insert(address) {
                reached.extend(edges.get(&address).into_iter().flatten());
            }
        }
        for (address, (socket, count)) in &candidates {
            // Nobody got hold of it meanwhile.
            if !alive.contains(address) && is_only_queued(socket, *count) {
                socket.visit_queued(&mut |ancillary| garbage.extend(ancillary.take_rights()));
            }
        }
    }
    drop(garbage);
}
