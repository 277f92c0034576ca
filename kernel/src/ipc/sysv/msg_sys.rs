//! System calls on message queues.

use super::ids::{IPC_64, IPC_INFO, IPC_NOWAIT, IPC_RMID, IPC_SET, IPC_STAT, Object, Perm, Usage};
use super::msg::{Blocking, MAX_MESSAGE, MAX_QUEUES, Message, QUEUE_SIZE, QUEUES, Queue, TooLong, Wanted};
use crate::prelude::*;
use crate::process::cap;
use crate::syscalls::Context;
use crate::syscalls::args::{Addr, Flags};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const MSG_STAT: u32 = 11;
const MSG_INFO: u32 = 12;
const MSG_STAT_ANY: u32 = 13;

/// `struct msqid64_ds`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct MsgDs {
    perm: Perm,
    stime: i64,
    rtime: i64,
    ctime: i64,
    bytes: u64,
    count: u64,
    capacity: u64,
    sender: u32,
    receiver: u32,
    unused: [u64; 2],
}

/// `msgget(2)`.
pub fn msgget(cx: Context<'_>, key: i32, flags: Flags) -> Result<usize> {
    QUEUES.get(cx.thread, key, flags, |_| Ok(()), |head| Ok(Queue::new(head)))
}

fn blocking(Flags(flags): Flags) -> Blocking {
    if flags & IPC_NOWAIT == 0 { Blocking::Wait } else { Blocking::DontWait }
}

/// `msgsnd(2)`; the message's type stands before its text.
pub fn msgsnd(cx: Context<'_>, id: i32, message: UserPtr<i64>, len: usize, flags: Flags) -> Result<usize> {
    let kind = message.read()?;
    if len > MAX_MESSAGE || id < 0 || kind < 1 {
        bail!(EINVAL, "the message is too long, its type or the id not positive");
    }
    let text = message.at(1).cast::<u8>().slice(len)?.to_vec()?;
    let queue = QUEUES.find(id)?;
    queue.head().check(&cx.thread.credentials(), Usage::Write)?;
    queue.send(cx.thread, Message { kind, text }, blocking(flags))?;
    Ok(0)
}

/// `msgrcv(2)`.
pub fn msgrcv(cx: Context<'_>, id: i32, message: UserPtr<i64>, room: usize, kind: i64, flags: Flags) -> Result<usize> {
    const MSG_NOERROR: u32 = 0o10000;
    const MSG_EXCEPT: u32 = 0o20000;
    const MSG_COPY: u32 = 0o40000;
    if id < 0 || isize::try_from(room).is_err() {
        bail!(EINVAL, "the id or the size is negative");
    }
    let copies = flags.0 & MSG_COPY != 0;
    if copies && (flags.0 & MSG_EXCEPT != 0 || flags.0 & IPC_NOWAIT == 0) {
        bail!(EINVAL, "MSG_COPY without IPC_NOWAIT, or with MSG_EXCEPT");
    }
    let too_long = if flags.0 & MSG_NOERROR == 0 { TooLong::Fails } else { TooLong::IsCut };
    let queue = QUEUES.find(id)?;
    queue.head().check(&cx.thread.credentials(), Usage::Read)?;
    let received = if copies {
        queue.copy(kind, room, too_long)?
    } else {
        let wanted = match kind {
            0 => Wanted::First,
            1.. if flags.0 & MSG_EXCEPT != 0 => Wanted::NotKind(kind),
            1.. => Wanted::Kind(kind),
            _ => Wanted::LowestUpTo(kind.checked_neg().unwrap_or(i64::MAX)),
        };
        queue.receive(cx.thread, wanted, room, too_long, blocking(flags))?
    };
    let len = received.text.len().min(room);
    message.write(&received.kind)?;
    message.at(1).cast::<u8>().write_array(&received.text[..len])?;
    Ok(len)
}

/// `msgctl(2)`.
pub fn msgctl(cx: Context<'_>, id: i32, command: Flags, buffer: Addr) -> Result<usize> {
    let credentials = cx.thread.credentials();
    let place = UserPtr::<MsgDs>::new(buffer.0);
    if id < 0 {
        bail!(EINVAL, "the id is negative");
    }
    match command.0 & !IPC_64 {
        info @ (IPC_INFO | MSG_INFO) => {
            UserPtr::<[u32; 8]>::new(buffer.0).write(&self::info(info))?;
            Ok(QUEUES.all().last().map_or(0, |(slot, _)| *slot as usize))
        }
        IPC_STAT => {
            let queue = QUEUES.find(id)?;
            queue.head().check(&credentials, Usage::Read)?;
            place.write(&stat(&queue))?;
            Ok(0)
        }
        by_slot @ (MSG_STAT | MSG_STAT_ANY) => {
            let queue = QUEUES.find_slot(id)?;
            queue.head().check(&credentials, if by_slot == MSG_STAT { Usage::Read } else { Usage::Any })?;
            place.write(&stat(&queue))?;
            Ok(queue.head().id as usize)
        }
        IPC_SET => {
            let new = place.read()?;
            let queue = QUEUES.find(id)?;
            queue.head().check_owner(&credentials)?;
            let capacity = usize::try_from(new.capacity).unwrap_or(usize::MAX);
            if capacity > QUEUE_SIZE && !credentials.has_cap(cap::SYS_RESOURCE) {
                bail!(EPERM, "a queue may not hold so much");
            }
            queue.state.lock().capacity = capacity;
            queue.head().set(&new.perm);
            queue.wake_all();
            Ok(0)
        }
        IPC_RMID => {
            let queue = QUEUES.find(id)?;
            queue.head().check_owner(&credentials)?;
            queue.remove();
            Ok(0)
        }
        _ => Err(err!(EINVAL, "no such command")),
    }
}

/// `struct msginfo`.
fn info(command: u32) -> [u32; 8] {
    const SEGMENT_SIZE: u32 = 16;
    const SEGMENTS: u32 = 0xffff;
    let all = QUEUES.all();
    let sums = all.iter().map(|(_, queue)| {
        let state = queue.state.lock();
        (state.count(), state.bytes)
    });
    let (messages, bytes) = sums.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let [pool, map, headers] = match command {
        MSG_INFO => [all.len(), messages, bytes],
        _ => [MAX_QUEUES * QUEUE_SIZE / 1024, QUEUE_SIZE, QUEUE_SIZE],
    };
    [
        pool as u32,
        map as u32,
        MAX_MESSAGE as u32,
        QUEUE_SIZE as u32,
        MAX_QUEUES as u32,
        SEGMENT_SIZE,
        headers as u32,
        SEGMENTS,
    ]
}

fn stat(queue: &Queue) -> MsgDs {
    let (perm, ctime) = *queue.head().perm.lock();
    let state = queue.state.lock();
    MsgDs {
        perm,
        stime: state.sent.0,
        rtime: state.received.0,
        ctime,
        bytes: state.bytes as u64,
        count: state.count() as u64,
        capacity: state.capacity as u64,
        sender: state.sent.1,
        receiver: state.received.1,
        unused: [0; 2],
    }
}
