//! System calls on shared memory segments.

use super::ids::{IPC_64, IPC_INFO, IPC_RMID, IPC_SET, IPC_STAT, Object, Perm, Usage};
use super::shm::{self, MAX_SEGMENTS, MAX_SIZE, SEGMENTS, Segment};
use crate::fs::MapAccess;
use crate::mm::{Kind, MapRequest, Place};
use crate::prelude::*;
use crate::process::Resource;
use crate::syscalls::Context;
use crate::syscalls::args::{Addr, Flags};
use frame::layout::PAGE_SIZE;
use frame::ocall::mem::{Prot, Sharing};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const SHM_LOCK: u32 = 11;
const SHM_UNLOCK: u32 = 12;
const SHM_STAT: u32 = 13;
const SHM_INFO: u32 = 14;
const SHM_STAT_ANY: u32 = 15;

/// `struct shmid64_ds`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct ShmDs {
    perm: Perm,
    size: u64,
    atime: i64,
    dtime: i64,
    ctime: i64,
    creator: u32,
    last: u32,
    attachments: u64,
    unused: [u64; 2],
}

/// `shmget(2)`.
pub fn shmget(cx: Context<'_>, key: i32, size: usize, flags: Flags) -> Result<usize> {
    const SHM_HUGETLB: u32 = 0o4000;
    if flags.0 & SHM_HUGETLB != 0 {
        warn!("shared memory segments have no huge pages");
        bail!(ENOMEM, "there are no huge pages");
    }
    let fits = |segment: &Segment| {
        if size > segment.size { Err(err!(EINVAL, "the segment is smaller")) } else { Ok(()) }
    };
    SEGMENTS.get(cx.thread, key, flags, fits, |head| {
        if size == 0 || size as u64 > MAX_SIZE {
            bail!(EINVAL, "no size for a segment");
        }
        Segment::new(head, size, cx.thread.process.pid())
    })
}

/// `shmat(2)`.
pub fn shmat(cx: Context<'_>, id: i32, addr: Addr, flags: Flags) -> Result<usize> {
    const SHM_RDONLY: u32 = 0o10000;
    const SHM_RND: u32 = 0o20000;
    const SHM_REMAP: u32 = 0o40000;
    const SHM_EXEC: u32 = 0o100_000;
    let has = |flag: u32| flags.0 & flag != 0;
    if id < 0 {
        bail!(EINVAL, "the id is negative");
    }
    let start = match addr.0 {
        0 if has(SHM_REMAP) => bail!(EINVAL, "there's nothing to replace"),
        addr if addr.is_multiple_of(PAGE_SIZE) => addr,
        addr if has(SHM_RND) && addr >= PAGE_SIZE => addr - addr % PAGE_SIZE,
        _ => bail!(EINVAL, "the address is not aligned"),
    };
    let place = match start {
        0 => Place::Anywhere,
        start if has(SHM_REMAP) => Place::Fixed(start),
        start => Place::FixedNoReplace(start),
    };
    let segment = SEGMENTS.find(id)?;
    let usage = if has(SHM_RDONLY) { Usage::Read } else { Usage::ReadWrite };
    segment.head().check(&cx.thread.credentials(), usage)?;
    segment.head().check_there()?;
    let (mut prot, access) = match usage {
        Usage::Read => (Prot::READ, MapAccess::SharedReadOnly),
        _ => (Prot::READ | Prot::WRITE, MapAccess::SharedWritable),
    };
    prot.set(Prot::EXEC, has(SHM_EXEC));
    let space_limit = cx.thread.process.limits.lock().soft(Resource::AddressSpace);
    let at = cx.thread.process.memory().map(MapRequest {
        place,
        len: segment.size,
        prot,
        sharing: Sharing::Shared,
        source: Some((segment.source(prot, access)?, 0)),
        kind: Kind::Plain,
        is_reserved: true,
        space_limit,
    });
    let at = at.map_err(|error| match error.errno() {
        Errno::EEXIST => err!(EINVAL, "something is mapped there"),
        _ => error,
    })?;
    segment.attached(cx.thread);
    Ok(at)
}

/// `shmdt(2)`.
pub fn shmdt(cx: Context<'_>, addr: Addr) -> Result<usize> {
    shm::detach(cx.thread, &cx.thread.process.memory(), addr.0)?;
    Ok(0)
}

/// `shmctl(2)`.
pub fn shmctl(cx: Context<'_>, id: i32, command: Flags, buffer: Addr) -> Result<usize> {
    let credentials = cx.thread.credentials();
    let place = UserPtr::<ShmDs>::new(buffer.0);
    if id < 0 {
        bail!(EINVAL, "the id is negative");
    }
    match command.0 & !IPC_64 {
        IPC_INFO => {
            UserPtr::<[u64; 9]>::new(buffer.0).write(&[
                MAX_SIZE,
                1,
                MAX_SEGMENTS as u64,
                MAX_SEGMENTS as u64,
                MAX_SIZE,
                0,
                0,
                0,
                0,
            ])?;
            Ok(highest_slot())
        }
        SHM_INFO => {
            let all = SEGMENTS.all();
            let pages: u64 = all.iter().map(|(_, segment)| segment.size.div_ceil(PAGE_SIZE) as u64).sum();
            // `struct shm_info`: what is resident isn't known; all counts as such.
            UserPtr::<[u64; 6]>::new(buffer.0).write(&[all.len() as u64, pages, pages, 0, 0, 0])?;
            Ok(highest_slot())
        }
        IPC_STAT => {
            let segment = SEGMENTS.find(id)?;
            segment.head().check(&credentials, Usage::Read)?;
            place.write(&stat(&segment))?;
            Ok(0)
        }
        by_slot @ (SHM_STAT | SHM_STAT_ANY) => {
            let segment = SEGMENTS.find_slot(id)?;
            segment.head().check(&credentials, if by_slot == SHM_STAT { Usage::Read } else { Usage::Any })?;
            place.write(&stat(&segment))?;
            Ok(segment.head().id as usize)
        }
        IPC_SET => {
            let new = place.read()?;
            let segment = SEGMENTS.find(id)?;
            segment.head().check_owner(&credentials)?;
            segment.head().set(&new.perm);
            Ok(0)
        }
        IPC_RMID => {
            let segment = SEGMENTS.find(id)?;
            segment.head().check_owner(&credentials)?;
            segment.doom();
            Ok(0)
        }
        SHM_LOCK | SHM_UNLOCK => {
            let segment = SEGMENTS.find(id)?;
            segment.head().check_owner(&credentials)?;
            warn!("shared memory segments aren't locked in memory");
            Err(err!(ENOMEM, "segments can't be locked in memory"))
        }
        _ => Err(err!(EINVAL, "no such command")),
    }
}

fn highest_slot() -> usize {
    SEGMENTS.all().last().map_or(0, |(slot, _)| *slot as usize)
}

fn stat(segment: &Segment) -> ShmDs {
    let (perm, ctime) = segment.perm();
    let times = *segment.times.lock();
    ShmDs {
        perm,
        size: segment.size as u64,
        atime: times.attached,
        dtime: times.detached,
        ctime,
        creator: times.creator,
        last: times.last,
        attachments: segment.attachments() as u64,
        unused: [0; 2],
    }
}
