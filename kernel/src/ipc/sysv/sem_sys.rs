//! System calls on sets of semaphores.

use super::ids::{IPC_64, IPC_INFO, IPC_RMID, IPC_SET, IPC_STAT, Object, Perm, Usage, seconds};
pub use super::sem::SemBuf;
use super::sem::{MAX_ALL, MAX_IN_SET, MAX_OPERATIONS, MAX_SETS, MAX_VALUE, SETS, Set};
use super::sem_undo;
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::Flags;
use crate::time::Timespec;
use frame::sync::Deadline;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const GETPID: u32 = 11;
const GETVAL: u32 = 12;
const GETALL: u32 = 13;
const GETNCNT: u32 = 14;
const GETZCNT: u32 = 15;
const SETVAL: u32 = 16;
const SETALL: u32 = 17;
const SEM_STAT: u32 = 18;
const SEM_INFO: u32 = 19;
const SEM_STAT_ANY: u32 = 20;

/// `struct semid64_ds` of x86-64.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct SemDs {
    perm: Perm,
    otime: i64,
    unused1: u64,
    ctime: i64,
    unused2: u64,
    count: u64,
    unused3: [u64; 2],
}

/// `semget(2)`.
pub fn semget(cx: Context<'_>, key: i32, count: i32, flags: Flags) -> Result<usize> {
    let count = usize::try_from(count).ok().filter(|count| *count <= MAX_IN_SET);
    let count = count.ok_or(err!(EINVAL, "no number of semaphores"))?;
    let fits = |set: &Set| {
        if count > set.state.lock().semaphores.len() { Err(err!(EINVAL, "the set is smaller")) } else { Ok(()) }
    };
    SETS.get(cx.thread, key, flags, fits, |head| {
        if count == 0 {
            bail!(EINVAL, "a set without semaphores");
        }
        Ok(Set::new(head, count))
    })
}

/// `semop(2)`.
pub fn semop(cx: Context<'_>, id: i32, operations: UserPtr<SemBuf>, count: usize) -> Result<usize> {
    semtimedop(cx, id, operations, count, UserPtr::new(0))
}

/// `semtimedop(2)`.
pub fn semtimedop(
    cx: Context<'_>,
    id: i32,
    operations: UserPtr<SemBuf>,
    count: usize,
    timeout: UserPtr<Timespec>,
) -> Result<usize> {
    let timeout = timeout.non_null().map(UserPtr::read).transpose()?;
    if count == 0 || id < 0 {
        bail!(EINVAL, "no operations, or a negative id");
    }
    if count > MAX_OPERATIONS {
        bail!(E2BIG, "too many operations");
    }
    let operations = operations.read_array(count)?;
    let deadline = timeout.map(Timespec::duration).transpose()?.map(Deadline::after);
    let set = SETS.find(id)?;
    let len = set.state.lock().semaphores.len();
    if operations.iter().any(|operation| usize::from(operation.number) >= len) {
        bail!(EFBIG, "the set has no such semaphore");
    }
    let alters = operations.iter().any(|operation| operation.operation != 0);
    set.head().check(&cx.thread.credentials(), if alters { Usage::Write } else { Usage::Read })?;
    set.operate(cx.thread, &operations, deadline)?;
    Ok(0)
}

/// `semctl(2)`.
pub fn semctl(cx: Context<'_>, id: i32, number: i32, command: Flags, argument: u64) -> Result<usize> {
    let credentials = cx.thread.credentials();
    let command = command.0 & !IPC_64;
    let place = UserPtr::<SemDs>::new(argument as usize);
    if id < 0 {
        bail!(EINVAL, "the id is negative");
    }
    match command {
        IPC_INFO | SEM_INFO => {
            UserPtr::<[u32; 10]>::new(argument as usize).write(&info(command))?;
            return Ok(SETS.all().last().map_or(0, |(slot, _)| *slot as usize));
        }
        SEM_STAT | SEM_STAT_ANY => {
            let set = SETS.find_slot(id)?;
            set.head().check(&credentials, if command == SEM_STAT { Usage::Read } else { Usage::Any })?;
            place.write(&stat(&set))?;
            return Ok(set.head().id as usize);
        }
        _ => {}
    }
    let set = SETS.find(id)?;
    let read = || set.head().check(&credentials, Usage::Read);
    let write = || set.head().check(&credentials, Usage::Write);
    let len = set.state.lock().semaphores.len();
    let number = || {
        let number = u16::try_from(number).ok().filter(|number| usize::from(*number) < len);
        number.ok_or(err!(EINVAL, "the set has no such semaphore"))
    };
    match command {
        IPC_STAT => {
            read()?;
            place.write(&stat(&set))?;
        }
        IPC_SET => {
            let new = place.read()?;
            set.head().check_owner(&credentials)?;
            set.head().set(&new.perm);
        }
        IPC_RMID => {
            set.head().check_owner(&credentials)?;
            set.remove();
        }
        GETALL => {
            read()?;
            let values: Vec<u16> = set.state.lock().semaphores.iter().map(|semaphore| semaphore.value as u16).collect();
            UserPtr::<u16>::new(argument as usize).write_array(&values)?;
        }
        GETVAL | GETPID | GETNCNT | GETZCNT => {
            read()?;
            let number = number()?;
            let state = set.state.lock();
            let semaphore = state.semaphores[usize::from(number)];
            return Ok(match command {
                GETVAL => semaphore.value as usize,
                GETPID => semaphore.pid as usize,
                GETNCNT => state.waiters(number, |operation| operation < 0),
                _ => state.waiters(number, |operation| operation == 0),
            });
        }
        SETVAL => {
            let number = number()?;
            let value = checked(argument as i32)?;
            write()?;
            set_values(&cx, &set, &[(number, value)]);
        }
        SETALL => {
            write()?;
            let values = UserPtr::<u16>::new(argument as usize).read_array(len)?;
            let values: Result<Vec<_>> =
                (0..).zip(values).map(|(number, value)| Ok((number, checked(i32::from(value))?))).collect();
            set_values(&cx, &set, &values?);
        }
        _ => bail!(EINVAL, "no such command"),
    }
    Ok(0)
}

fn checked(value: i32) -> Result<i32> {
    if (0..=MAX_VALUE).contains(&value) { Ok(value) } else { Err(err!(ERANGE, "no value for a semaphore")) }
}

fn set_values(cx: &Context<'_>, set: &Set, values: &[(u16, i32)]) {
    set.change(|state| {
        sem_undo::forget_semaphores(set.head().id, |number| values.iter().any(|(other, _)| *other == number));
        for (number, value) in values {
            if let Some(semaphore) = state.semaphores.get_mut(usize::from(*number)) {
                (semaphore.value, semaphore.pid) = (*value, cx.thread.process.pid());
            }
        }
    });
    set.head().perm.lock().1 = seconds();
}

/// `struct seminfo`.
fn info(command: u32) -> [u32; 10] {
    const SIZE_OF_UNDO: u32 = 20;
    let all = SETS.all();
    let (used, total) = match command {
        SEM_INFO => (all.len(), all.iter().map(|(_, set)| set.state.lock().semaphores.len()).sum::<usize>()),
        _ => (SIZE_OF_UNDO as usize, MAX_VALUE as usize),
    };
    [
        MAX_ALL as u32,
        MAX_SETS as u32,
        MAX_ALL as u32,
        MAX_ALL as u32,
        MAX_IN_SET as u32,
        MAX_OPERATIONS as u32,
        MAX_OPERATIONS as u32,
        used as u32,
        MAX_VALUE as u32,
        total as u32,
    ]
}

fn stat(set: &Set) -> SemDs {
    let (perm, ctime) = *set.head().perm.lock();
    let state = set.state.lock();
    SemDs {
        perm,
        otime: state.operated,
        unused1: 0,
        ctime,
        unused2: 0,
        count: state.semaphores.len() as u64,
        unused3: [0; 2],
    }
}
