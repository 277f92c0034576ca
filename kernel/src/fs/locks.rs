//! Advisory locks and seals of files (`man 2 fcntl`, `man 2 flock`).
//!
//! Locks are known to the LibOS only: its programs see each other's, programs of the host don't.

use super::file::File;
use super::inode::FileType;
use crate::prelude::*;
use crate::process::{Process, Thread};
use crate::syscalls::args::FileDesc;
use frame::ocall::file::Whence;
use frame::sync::WaitQueue;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What a lock is on: device and inode number.
type Target = (u64, u64);

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// A process (`F_SETLK`).
    Process(u32),
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
    start: u64,
    /// First byte behind it; `u64::MAX` for all that may come.
    end: u64,
    is_exclusive: bool,
}

static LOCKS: Mutex<BTreeMap<Target, Vec<Lock>>> = Mutex::new(BTreeMap::new());
static RELEASED: WaitQueue = WaitQueue::new();
static SEALS: Mutex<BTreeMap<Target, u32>> = Mutex::new(BTreeMap::new());

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

const F_SEAL_SEAL: u32 = 1;
const F_SEAL_SHRINK: u32 = 2;
const F_SEAL_GROW: u32 = 4;

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
pub(super) fn fcntl(thread: &Thread, fd: FileDesc, file: &Arc<dyn File>, command: u32, argument: u64) -> Result<usize> {
    const F_GETLK: u32 = 5;
    const F_SETLK: u32 = 6;
    const F_SETLKW: u32 = 7;
    const F_OFD_GETLK: u32 = 36;
    const F_OFD_SETLK: u32 = 37;
    const F_OFD_SETLKW: u32 = 38;
    const F_ADD_SEALS: u32 = 1033;
    const F_GET_SEALS: u32 = 1034;
    let _ = fd;
    let process = Owner::Process(thread.process.pid());
    let open = Owner::Open(open_id(file));
    let user = UserPtr::<FlockArg>::new(argument as usize);
    match command {
        F_GETLK => get(&**file, process, user),
        F_SETLK => set(&**file, process, user, false),
        F_SETLKW => set(&**file, process, user, true),
        F_OFD_GETLK => get(&**file, open, user),
        F_OFD_SETLK => set(&**file, open, user, false),
        F_OFD_SETLKW => set(&**file, open, user, true),
        F_GET_SEALS => {
            let target = target(&**file)?;
            SEALS.lock().get(&target).map(|&seals| seals as usize).ok_or(err!(EINVAL, "the file can't be sealed"))
        }
        F_ADD_SEALS => add_seals(&**file, argument as u32),
        _ => Err(err!(EINVAL, "no such command")),
    }
}

fn range(file: &dyn File, lock: &FlockArg) -> Result<(u64, u64)> {
    let base = match lock.whence {
        0 => 0,
        1 => file.seek(0, Whence::Current)? as i64,
        2 => file.metadata()?.size as i64,
        _ => bail!(EINVAL, "no such starting point"),
    };
    let start = base.checked_add(lock.start).ok_or(Errno::EOVERFLOW)?;
    let (start, end) = match lock.len {
        0 => (start, i64::MAX),
        len if len > 0 => (start, start.checked_add(len).ok_or(Errno::EOVERFLOW)?),
        len => (start.checked_add(len).ok_or(Errno::EINVAL)?, start),
    };
    let start = u64::try_from(start).map_err(|_| err!(EINVAL, "the range starts before the file"))?;
    Ok((start, if lock.len == 0 { u64::MAX } else { end as u64 }))
}

fn conflict(locks: &BTreeMap<Target, Vec<Lock>>, target: Target, wanted: &Lock) -> Option<Lock> {
    locks.get(&target)?.iter().find_map(|held| {
        let conflicts = held.owner != wanted.owner
            && held.owner.meets(wanted.owner)
            && held.start < wanted.end
            && wanted.start < held.end
            && (held.is_exclusive || wanted.is_exclusive);
        conflicts.then(|| held.clone())
    })
}

fn get(file: &dyn File, owner: Owner, user: UserPtr<FlockArg>) -> Result<usize> {
    let mut lock = user.read()?;
    if lock.kind != F_RDLCK && lock.kind != F_WRLCK {
        bail!(EINVAL, "no such kind of lock");
    }
    if matches!(owner, Owner::Open(_)) && lock.pid != 0 {
        bail!(EINVAL, "l_pid must be 0");
    }
    let (start, end) = range(file, &lock)?;
    let wanted = Lock { owner, start, end, is_exclusive: lock.kind == F_WRLCK };
    match conflict(&LOCKS.lock(), target(file)?, &wanted) {
        None => lock.kind = F_UNLCK,
        Some(held) => {
            lock.kind = if held.is_exclusive { F_WRLCK } else { F_RDLCK };
            lock.whence = 0;
            lock.start = held.start as i64;
            lock.len = if held.end == u64::MAX { 0 } else { (held.end - held.start) as i64 };
            lock.pid = match held.owner {
                Owner::Process(pid) => pid as i32,
                _ => -1,
            };
        }
    }
    user.write(&lock)?;
    Ok(0)
}

fn set(file: &dyn File, owner: Owner, user: UserPtr<FlockArg>, waits: bool) -> Result<usize> {
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
            replace(target(file)?, owner, start, end, None);
            return Ok(0);
        }
        _ => bail!(EINVAL, "no such kind of lock"),
    };
    acquire(target(file)?, &Lock { owner, start, end, is_exclusive }, waits)
}

fn acquire(target: Target, wanted: &Lock, waits: bool) -> Result<usize> {
    let attempt = || {
        let mut locks = LOCKS.lock();
        if conflict(&locks, target, wanted).is_some() {
            return None;
        }
        change(&mut locks, target, wanted.owner, wanted.start, wanted.end, Some(wanted.is_exclusive));
        Some(())
    };
    if attempt().is_some() {
        // A lock that became weaker may let others in.
        RELEASED.wake_all();
        return Ok(0);
    }
    if !waits {
        bail!(EAGAIN, "another holds a lock there");
    }
    RELEASED.wait_until(None, attempt).map_err(|_| Error::from(Errno::ERESTARTSYS))?;
    Ok(0)
}

fn replace(target: Target, owner: Owner, start: u64, end: u64, kind: Option<bool>) {
    change(&mut LOCKS.lock(), target, owner, start, end, kind);
    RELEASED.wake_all();
}

/// Cuts the owner's locks out of a range and puts another one there.
fn change(
    locks: &mut BTreeMap<Target, Vec<Lock>>,
    target: Target,
    owner: Owner,
    start: u64,
    end: u64,
    kind: Option<bool>,
) {
    let held = locks.entry(target).or_default();
    let mut kept = Vec::with_capacity(held.len() + 2);
    for lock in held.drain(..) {
        if lock.owner != owner || lock.end <= start || lock.start >= end {
            kept.push(lock);
            continue;
        }
        if lock.start < start {
            kept.push(Lock { end: start, ..lock.clone() });
        }
        if lock.end > end {
            kept.push(Lock { start: end, ..lock });
        }
    }
    if let Some(is_exclusive) = kind {
        kept.push(Lock { owner, start, end, is_exclusive });
    }
    if kept.is_empty() {
        locks.remove(&target);
    } else {
        *held = kept;
    }
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
            replace(target(&**file)?, owner, 0, u64::MAX, None);
            return Ok(0);
        }
        _ => bail!(EINVAL, "no such operation"),
    };
    acquire(target(&**file)?, &Lock { owner, start: 0, end: u64::MAX, is_exclusive }, operation & LOCK_NB == 0)
}

/// A descriptor was closed: the process's record locks on the file go, and those of the open file with its last
/// descriptor.
pub(super) fn closed(process: &Process, file: &Arc<dyn File>) {
    if LOCKS.lock().is_empty() {
        return;
    }
    let Ok(target) = target(&**file) else { return };
    replace(target, Owner::Process(process.pid()), 0, u64::MAX, None);
    // This is the last reference but for calls in progress, whose locks go with them.
    if Arc::strong_count(file) == 1 {
        let id = open_id(file);
        replace(target, Owner::Open(id), 0, u64::MAX, None);
        replace(target, Owner::Flock(id), 0, u64::MAX, None);
    }
}

/// A new file in memory may be sealed, or not.
pub(super) fn init_seals(file: &dyn File, can_seal: bool) {
    if let Ok(target) = target(file) {
        SEALS.lock().insert(target, if can_seal { 0 } else { F_SEAL_SEAL });
    }
}

fn add_seals(file: &dyn File, seals: u32) -> Result<usize> {
    const KNOWN: u32 = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
    const F_SEAL_WRITE: u32 = 8;
    if !file.status().can_write() {
        bail!(EPERM, "the file is not open for writing");
    }
    if seals & F_SEAL_WRITE != 0 {
        warn!("files can't be sealed against writing");
        bail!(EINVAL, "files can't be sealed against writing");
    }
    if seals & !KNOWN != 0 {
        bail!(EINVAL, "undefined seals");
    }
    let target = target(file)?;
    let mut all = SEALS.lock();
    let sealed = all.get_mut(&target).ok_or(err!(EINVAL, "the file can't be sealed"))?;
    if *sealed & F_SEAL_SEAL != 0 {
        bail!(EPERM, "no more seals are allowed");
    }
    *sealed |= seals;
    Ok(0)
}

/// Checks that a file's seals allow it to become `len` bytes long.
///
/// # Errors
/// `EPERM`.
pub(super) fn check_resize(file: &dyn File, len: u64) -> Result<()> {
    let metadata = file.metadata()?;
    if metadata.kind != FileType::Regular {
        return Ok(());
    }
    let seals = SEALS.lock().get(&(metadata.dev, metadata.ino)).copied().unwrap_or(0);
    if seals & F_SEAL_SHRINK != 0 && len < metadata.size || seals & F_SEAL_GROW != 0 && len > metadata.size {
        bail!(EPERM, "the file is sealed");
    }
    Ok(())
}
