//! Advisory locks of files (`man 2 fcntl`, `man 2 flock`).
//!
//! Locks are known to the LibOS only: its programs see each other's, programs of the host don't.

use super::file::File;
use crate::prelude::*;
use crate::process::Thread;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use frame::ocall::file::Whence;
use frame::sync::WaitQueue;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What a lock is on: device and inode number.
type Target = (u64, u64);

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// A file table, that is: a process (`F_SETLK`).
    Table(usize),
    /// An open file (`F_OFD_SETLK`).
    Open(usize),
    /// An open file, the whole of it (`flock`).
    Flock(usize),
}

impl Owner {
    /// Whether locks of both kinds know of each other.
    fn meets(self, other: Self) -> bool {
        matches!(self, Self::Flock(_)) == matches!(other, Self::Flock(_))
    }
}

#[derive(Clone, Debug)]
struct Lock {
    owner: Owner,
    /// The process that asked for it; -1 if it belongs to an open file.
    pid: i32,
    start: u64,
    /// First byte behind it; `u64::MAX` for all that may come.
    end: u64,
    is_exclusive: bool,
}

/// All locks, and those that are waited for.
struct Locks {
    held: BTreeMap<Target, Vec<Lock>>,
    waiting: Vec<(Target, Lock)>,
}

static LOCKS: Mutex<Locks> = Mutex::new(Locks { held: BTreeMap::new(), waiting: Vec::new() });
/// How many files have locks, so that closing one costs nothing where there are none.
static LOCKED_FILES: AtomicUsize = AtomicUsize::new(0);
static RELEASED: WaitQueue = WaitQueue::new();

/// `struct flock` of x86-64.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct FlockArg {
    kind: i16,
    whence: i16,
    pad: u32,
    start: i64,
    len: i64,
    pid: i32,
    pad2: u32,
}

const F_RDLCK: i16 = 0;
const F_WRLCK: i16 = 1;
const F_UNLCK: i16 = 2;

fn target(file: &dyn File) -> Result<Target> {
    let metadata = file.metadata()?;
    Ok((metadata.dev, metadata.ino))
}

fn open_id(file: &Arc<dyn File>) -> usize {
    Arc::as_ptr(file).cast::<()>() as usize
}

/// The commands of `fcntl` that are about locks and seals.
///
/// # Errors
/// `EAGAIN` for a lock that another has, `EINVAL`, `EBADF` and so on as the man page says.
pub(super) fn fcntl(thread: &Thread, file: &Arc<dyn File>, command: u32, argument: u64) -> Result<usize> {
    const F_GETLK: u32 = 5;
    const F_SETLK: u32 = 6;
    const F_SETLKW: u32 = 7;
    const F_OFD_GETLK: u32 = 36;
    const F_OFD_SETLK: u32 = 37;
    const F_OFD_SETLKW: u32 = 38;
    const F_ADD_SEALS: u32 = 1033;
    const F_GET_SEALS: u32 = 1034;
    let pid = thread.process.pid() as i32;
    let process = (Owner::Table(thread.files().id()), pid);
    let open = (Owner::Open(open_id(file)), -1);
    let user = UserPtr::<FlockArg>::new(argument as usize);
    match command {
        F_GETLK => get(&**file, process, user),
        F_SETLK => set(&**file, process, user, Patience::None),
        F_SETLKW => set(&**file, process, user, Patience::Waits),
        F_OFD_GETLK => get(&**file, open, user),
        F_OFD_SETLK => set(&**file, open, user, Patience::None),
        F_OFD_SETLKW => set(&**file, open, user, Patience::Waits),
        F_GET_SEALS => Ok(file.seals().ok_or(err!(EINVAL, "the file can't be sealed"))?.get() as usize),
        F_ADD_SEALS => {
            if !file.status().can_write() {
                bail!(EPERM, "the file is not open for writing");
            }
            file.seals().ok_or(err!(EINVAL, "the file can't be sealed"))?.add(argument as u32)?;
            Ok(0)
        }
        _ => Err(err!(EINVAL, "no such command")),
    }
}

/// Whether a lock that another holds is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    None,
    Waits,
}

fn range(file: &dyn File, lock: &FlockArg) -> Result<(u64, u64)> {
    let base = match lock.whence {
        0 => 0,
        1 => file.seek(0, Whence::Current)? as i64,
        2 => file.metadata()?.size as i64,
        _ => bail!(EINVAL, "no such starting point"),
    };
    let start = base.checked_add(lock.start).ok_or(Errno::EOVERFLOW)?;
    let (start, last) = match lock.len {
        0 => (start, i64::MAX),
        len if len > 0 => (start, start.checked_add(len - 1).ok_or(Errno::EOVERFLOW)?),
        len => (start.checked_add(len).ok_or(Errno::EINVAL)?, start - 1),
    };
    let start = u64::try_from(start).map_err(|_| err!(EINVAL, "the range starts before the file"))?;
    Ok((start, if last == i64::MAX { u64::MAX } else { (last + 1) as u64 }))
}

fn conflict(locks: &Locks, target: Target, wanted: &Lock) -> Option<Lock> {
    locks.held.get(&target)?.iter().find_map(|held| {
        let conflicts = held.owner != wanted.owner
            && held.owner.meets(wanted.owner)
            && held.start < wanted.end
            && wanted.start < held.end
            && (held.is_exclusive || wanted.is_exclusive);
        conflicts.then(|| held.clone())
    })
}

fn get(file: &dyn File, (owner, pid): (Owner, i32), user: UserPtr<FlockArg>) -> Result<usize> {
    let mut lock = user.read()?;
    if lock.kind != F_RDLCK && lock.kind != F_WRLCK {
        bail!(EINVAL, "no such kind of lock");
    }
    if matches!(owner, Owner::Open(_)) && lock.pid != 0 {
        bail!(EINVAL, "l_pid must be 0");
    }
    let (start, end) = range(file, &lock)?;
    let wanted = Lock { owner, pid, start, end, is_exclusive: lock.kind == F_WRLCK };
    match conflict(&LOCKS.lock(), target(file)?, &wanted) {
        None => lock.kind = F_UNLCK,
        Some(held) => {
            lock.kind = if held.is_exclusive { F_WRLCK } else { F_RDLCK };
            lock.whence = 0;
            lock.start = held.start as i64;
            lock.len = if held.end == u64::MAX { 0 } else { (held.end - held.start) as i64 };
            lock.pid = held.pid;
        }
    }
    user.write(&lock)?;
    Ok(0)
}

fn set(file: &dyn File, (owner, pid): (Owner, i32), user: UserPtr<FlockArg>, patience: Patience) -> Result<usize> {
    let lock = user.read()?;
    if matches!(owner, Owner::Open(_)) && lock.pid != 0 {
        bail!(EINVAL, "l_pid must be 0");
    }
    let (start, end) = range(file, &lock)?;
    let status = file.status();
    let is_exclusive = match lock.kind {
        F_RDLCK if status.can_read() => false,
        F_WRLCK if status.can_write() => true,
        F_RDLCK | F_WRLCK => bail!(EBADF, "the file is not open for that kind of lock"),
        F_UNLCK => {
            release(target(file)?, owner, start, end);
            return Ok(0);
        }
        _ => bail!(EINVAL, "no such kind of lock"),
    };
    acquire(target(file)?, &Lock { owner, pid, start, end, is_exclusive }, patience)
}

fn acquire(target: Target, wanted: &Lock, patience: Patience) -> Result<usize> {
    let attempt = || -> Option<Result<()>> {
        let mut locks = LOCKS.lock();
        let Some(held) = conflict(&locks, target, wanted) else {
            change(&mut locks, target, wanted.owner, wanted.start..wanted.end, Some(wanted));
            return Some(Ok(()));
        };
        if patience == Patience::None {
            return Some(Err(err!(EAGAIN, "another holds a lock there")));
        }
        let waits_for_itself = matches!(wanted.owner, Owner::Table(_)) && is_deadlock(&locks, wanted.owner, held.owner);
        waits_for_itself.then(|| Err(err!(EDEADLK, "the lock's holder waits for a lock of the caller's")))
    };
    let result = match attempt() {
        Some(result) => result,
        None => {
            LOCKS.lock().waiting.push((target, wanted.clone()));
            let result = RELEASED.wait_until(None, attempt);
            let waiting = &mut LOCKS.lock().waiting;
            let own = |(other, lock): &(Target, Lock)| {
                *other == target && (lock.owner, lock.start, lock.end) == (wanted.owner, wanted.start, wanted.end)
            };
            if let Some(index) = waiting.iter().position(own) {
                waiting.swap_remove(index);
            }
            result.unwrap_or_else(|_| Err(Errno::ERESTARTSYS.into()))
        }
    };
    // A lock that became weaker may let others in.
    RELEASED.wake_all();
    result.map(|()| 0)
}

/// Whether `holder` waits, directly or not, for a lock of `owner`'s.
fn is_deadlock(locks: &Locks, owner: Owner, mut holder: Owner) -> bool {
    // As many steps as Linux takes.
    for _ in 0..10 {
        if holder == owner {
            return true;
        }
        let next = locks
            .waiting
            .iter()
            .filter(|(_, lock)| lock.owner == holder)
            .find_map(|(target, lock)| conflict(locks, *target, lock));
        match next {
            Some(lock) => holder = lock.owner,
            None => return false,
        }
    }
    false
}

fn release(target: Target, owner: Owner, start: u64, end: u64) {
    change(&mut LOCKS.lock(), target, owner, start..end, None);
    RELEASED.wake_all();
}

/// Cuts the owner's locks out of a range and puts another one there.
fn change(locks: &mut Locks, target: Target, owner: Owner, range: Range<u64>, new: Option<&Lock>) {
    let held = locks.held.entry(target).or_default();
    let mut kept = Vec::with_capacity(held.len() + 2);
    for lock in held.drain(..) {
        if lock.owner != owner || lock.end <= range.start || lock.start >= range.end {
            kept.push(lock);
            continue;
        }
        if lock.start < range.start {
            kept.push(Lock { end: range.start, ..lock.clone() });
        }
        if lock.end > range.end {
            kept.push(Lock { start: range.end, ..lock });
        }
    }
    if let Some(new) = new {
        let mut new = new.clone();
        // Neighbours of the same kind are one lock.
        kept.retain(|lock| {
            let joins = lock.owner == owner
                && lock.is_exclusive == new.is_exclusive
                && (lock.end == new.start || lock.start == new.end);
            if joins {
                (new.start, new.end) = (new.start.min(lock.start), new.end.max(lock.end));
            }
            !joins
        });
        kept.push(new);
    }
    kept.sort_by_key(|lock| lock.start);
    if kept.is_empty() {
        locks.held.remove(&target);
    } else {
        *held = kept;
    }
    LOCKED_FILES.store(locks.held.len(), Ordering::SeqCst);
}

/// `flock(2)`.
///
/// # Errors
/// `EAGAIN` (`EWOULDBLOCK`), `EINVAL`, `ERESTARTSYS`.
pub(super) fn flock(file: &Arc<dyn File>, operation: u32) -> Result<usize> {
    const LOCK_SH: u32 = 1;
    const LOCK_EX: u32 = 2;
    const LOCK_NB: u32 = 4;
    const LOCK_UN: u32 = 8;
    let owner = Owner::Flock(open_id(file));
    let is_exclusive = match operation & !LOCK_NB {
        LOCK_SH => false,
        LOCK_EX => true,
        LOCK_UN => {
            release(target(&**file)?, owner, 0, u64::MAX);
            return Ok(0);
        }
        _ => bail!(EINVAL, "no such operation"),
    };
    let patience = if operation & LOCK_NB == 0 { Patience::Waits } else { Patience::None };
    acquire(target(&**file)?, &Lock { owner, pid: -1, start: 0, end: u64::MAX, is_exclusive }, patience)
}

/// A descriptor was closed: the table's locks of ranges on the file go, whatever other descriptors it has.
pub(super) fn closed(table: usize, file: &dyn File) {
    if LOCKED_FILES.load(Ordering::SeqCst) == 0 {
        return;
    }
    if let Ok(target) = target(file) {
        release(target, Owner::Table(table), 0, u64::MAX);
    }
}

/// An open file is gone: so are its own locks.
pub(crate) fn dropped(file: *const ()) {
    if LOCKED_FILES.load(Ordering::SeqCst) == 0 {
        return;
    }
    let id = file.addr();
    let is_own = |lock: &Lock| matches!(lock.owner, Owner::Open(open) | Owner::Flock(open) if open == id);
    let mut locks = LOCKS.lock();
    locks.held.retain(|_, held| {
        held.retain(|lock| !is_own(lock));
        !held.is_empty()
    });
    LOCKED_FILES.store(locks.held.len(), Ordering::SeqCst);
    drop(locks);
    RELEASED.wake_all();
}
