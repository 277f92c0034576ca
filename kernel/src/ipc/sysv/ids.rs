//! Objects of one kind by id and key (`man 2 shmget` and its kin).

use crate::prelude::*;
use crate::process::{Credentials, Thread, cap};
use crate::syscalls::args::Flags;
use core::sync::atomic::{AtomicBool, Ordering};
use frame::ocall::time::{Clock, now};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A key that stands for no object.
pub(super) const IPC_PRIVATE: i32 = 0;
/// An id is a slot's number and how often slots were reused, in units of this.
const SLOTS: u32 = 32768;

const IPC_CREAT: u32 = 0o1000;
const IPC_EXCL: u32 = 0o2000;
/// What doesn't wait.
pub(super) const IPC_NOWAIT: u32 = 0o4000;

/// Commands of the `*ctl` calls, which are the same for all kinds.
pub(super) const IPC_RMID: u32 = 0;
pub(super) const IPC_SET: u32 = 1;
pub(super) const IPC_STAT: u32 = 2;
pub(super) const IPC_INFO: u32 = 3;
/// A flag of commands: the structures are those that 64-bit programs always use.
pub(super) const IPC_64: u32 = 0x100;

/// How an object is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// It is looked at.
    Read,
    /// It is changed.
    Write,
    /// Both.
    ReadWrite,
    /// Nothing is asked for (`SHM_STAT_ANY`).
    Any,
}

impl Usage {
    const fn bits(self) -> u32 {
        match self {
            Self::Read => 4,
            Self::Write => 2,
            Self::ReadWrite => 6,
            Self::Any => 0,
        }
    }
}

/// `struct ipc64_perm` of `linux/ipcbuf.h`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Perm {
    pub(super) key: i32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) cuid: u32,
    pub(super) cgid: u32,
    pub(super) mode: u32,
    pub(super) seq: u16,
    pad: [u16; 3],
    unused: [u64; 2],
}

/// What all objects have.
pub(super) struct Head {
    pub(super) id: i32,
    /// Owner and permissions, and when they changed.
    pub(super) perm: Mutex<(Perm, i64)>,
    is_removed: AtomicBool,
}

/// An object.
pub(super) trait Object: Send + Sync {
    /// What all have.
    fn head(&self) -> &Head;

    /// Whether it is gone though nobody removed it from the table: a segment that was to be removed when nobody uses it.
    fn is_gone(&self) -> bool {
        false
    }
}

/// All objects of a kind.
pub(super) struct Ids<T> {
    inner: Mutex<Inner<T>>,
    max: usize,
}

struct Inner<T> {
    slots: BTreeMap<u32, Arc<T>>,
    last_slot: Option<u32>,
    sequence: u32,
}

/// The time as these objects keep it, in seconds.
pub(super) fn seconds() -> i64 {
    now(Clock::RealtimeCoarse).as_secs() as i64
}

impl Head {
    /// The object is removed, which whoever waits will see.
    pub(super) fn set_removed(&self) {
        self.is_removed.store(true, Ordering::SeqCst);
    }

    /// # Errors
    /// `EIDRM` once it is removed.
    pub(super) fn check_there(&self) -> Result<()> {
        if self.is_removed.load(Ordering::SeqCst) { Err(err!(EIDRM, "the object was removed")) } else { Ok(()) }
    }

    /// # Errors
    /// `EACCES`.
    pub(super) fn check(&self, credentials: &Credentials, usage: Usage) -> Result<()> {
        self.check_bits(credentials, usage.bits())
    }

    /// Checks each permission that `mode` has in any of its digits, as Linux does for what `get` is asked for.
    fn check_bits(&self, credentials: &Credentials, mode: u32) -> Result<()> {
        let perm = self.perm.lock().0;
        let wanted = (mode | mode >> 3 | mode >> 6) & 7;
        let is_in_group = |gid| credentials.egid == gid || credentials.groups.contains(&gid);
        let granted = if [perm.uid, perm.cuid].contains(&credentials.euid) {
            perm.mode >> 6
        } else if is_in_group(perm.gid) || is_in_group(perm.cgid) {
            perm.mode >> 3
        } else {
            perm.mode
        };
        if wanted & !granted != 0 && !credentials.has_cap(cap::IPC_OWNER) {
            bail!(EACCES, "the object's permissions don't allow it");
        }
        Ok(())
    }

    /// # Errors
    /// `EPERM` for who is neither owner nor creator.
    pub(super) fn check_owner(&self, credentials: &Credentials) -> Result<()> {
        let perm = self.perm.lock().0;
        if [perm.uid, perm.cuid].contains(&credentials.euid) || credentials.has_cap(cap::SYS_ADMIN) {
            Ok(())
        } else {
            Err(err!(EPERM, "the object is another user's"))
        }
    }

    /// Changes owner and permissions (`IPC_SET`).
    pub(super) fn set(&self, new: &Perm) {
        let mut perm = self.perm.lock();
        (perm.0.uid, perm.0.gid) = (new.uid, new.gid);
        perm.0.mode = perm.0.mode & !0o777 | new.mode & 0o777;
        perm.1 = seconds();
    }
}

impl<T: Object> Ids<T> {
    /// No objects yet, and at most `max`.
    pub(super) const fn new(max: usize) -> Self {
        Self { inner: Mutex::new(Inner { slots: BTreeMap::new(), last_slot: None, sequence: 0 }), max }
    }

    /// The id of the object with this key, which `make` makes if it's wanted; `fits` says whether one that is there will do.
    ///
    /// # Errors
    /// `ENOENT`, `EEXIST`, `EACCES`, `ENOSPC`; what `fits` and `make` give.
    pub(super) fn get(
        &self,
        thread: &Thread,
        key: i32,
        Flags(flags): Flags,
        fits: impl FnOnce(&T) -> Result<()>,
        make: impl FnOnce(Head) -> Result<T>,
    ) -> Result<usize> {
        let credentials = thread.credentials();
        let mut inner = self.inner.lock();
        let has_key = |object: &&Arc<T>| object.head().perm.lock().0.key == key;
        if key != IPC_PRIVATE
            && let Some(found) = inner.slots.values().find(has_key)
        {
            if flags & (IPC_CREAT | IPC_EXCL) == IPC_CREAT | IPC_EXCL {
                bail!(EEXIST, "an object has this key");
            }
            fits(found)?;
            found.head().check_bits(&credentials, flags & 0o777)?;
            return Ok(found.head().id as usize);
        }
        if key != IPC_PRIVATE && flags & IPC_CREAT == 0 {
            bail!(ENOENT, "no object has this key");
        }
        if inner.slots.len() >= self.max {
            bail!(ENOSPC, "there are too many objects");
        }
        let slot = (0..SLOTS).find(|slot| !inner.slots.contains_key(slot)).ok_or(Errno::ENOSPC)?;
        if inner.last_slot.is_some_and(|last| slot <= last) {
            inner.sequence = (inner.sequence + 1) % (i32::MAX as u32 / SLOTS);
        }
        inner.last_slot = Some(slot);
        let perm = Perm {
            key,
            uid: credentials.euid,
            gid: credentials.egid,
            cuid: credentials.euid,
            cgid: credentials.egid,
            mode: flags & 0o777,
            seq: inner.sequence as u16,
            pad: [0; 3],
            unused: [0; 2],
        };
        let id = (inner.sequence * SLOTS + slot) as i32;
        let head = Head { id, perm: Mutex::new((perm, seconds())), is_removed: AtomicBool::new(false) };
        inner.slots.insert(slot, Arc::new(make(head)?));
        Ok(id as usize)
    }

    /// The object of an id.
    ///
    /// # Errors
    /// `EINVAL` if there's none, `EIDRM` if the slot has another one by now.
    pub(super) fn find(&self, id: i32) -> Result<Arc<T>> {
        let object = self.at(id).ok_or(err!(EINVAL, "no object has this id"))?;
        if object.head().id != id {
            bail!(EIDRM, "the object was removed");
        }
        Ok(object)
    }

    /// The object in a slot (`SHM_STAT` and its kin).
    ///
    /// # Errors
    /// `EINVAL` if there's none.
    pub(super) fn find_slot(&self, slot: i32) -> Result<Arc<T>> {
        self.at(slot).ok_or(err!(EINVAL, "no object is there"))
    }

    fn at(&self, id: i32) -> Option<Arc<T>> {
        let slot = u32::try_from(id).ok()? % SLOTS;
        let object = self.inner.lock().slots.get(&slot).cloned();
        object.filter(|object| !object.is_gone())
    }

    /// Takes an object out of the table.
    pub(super) fn remove(&self, object: &T) {
        let slot = object.head().id as u32 % SLOTS;
        let removed = {
            let mut inner = self.inner.lock();
            let is_it = inner.slots.get(&slot).is_some_and(|other| other.head().id == object.head().id);
            if is_it { inner.slots.remove(&slot) } else { None }
        };
        drop(removed);
        object.head().set_removed();
    }

    /// Takes out what is gone.
    pub(super) fn sweep(&self) {
        let all: Vec<_> = self.inner.lock().slots.values().cloned().collect();
        for object in all {
            if object.is_gone() {
                self.remove(&object);
            }
        }
    }

    /// All objects by ascending slot, with the slot's number.
    pub(super) fn all(&self) -> Vec<(u32, Arc<T>)> {
        let mut all: Vec<_> = self.inner.lock().slots.iter().map(|(slot, object)| (*slot, object.clone())).collect();
        all.retain(|(_, object)| !object.is_gone());
        all
    }
}
