//! Control messages: what travels beside a message's bytes (`man 3 cmsg`).

use crate::fs::sys::install;
use crate::fs::{FdFlags, File};
use crate::prelude::*;
use crate::process::Thread;
use crate::syscalls::args::FileDesc;
use zerocopy::{FromBytes, IntoBytes};

/// Of the sockets themselves, whatever their family.
pub const SOL_SOCKET: i32 = 1;
/// Open files.
pub const SCM_RIGHTS: i32 = 1;
/// Process, user and group of the sender.
pub const SCM_CREDENTIALS: i32 = 2;

/// Bytes of a `struct cmsghdr`: the length with itself, level and type.
const HEADER: usize = 16;

const fn aligned(len: usize) -> usize {
    len.next_multiple_of(8)
}

/// One control message of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlMessage<'a> {
    /// Whose it is.
    pub level: i32,
    /// What it is, for that level.
    pub kind: i32,
    /// What belongs to it.
    pub data: &'a [u8],
}

/// The control messages in what a sender gave, in order.
///
/// # Errors
/// `EINVAL` in place of one whose length can't be.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Result<ControlMessage<'_>>> {
    core::iter::from_fn(move || {
        // What is too short for a header is padding.
        let (len, rest) = u64::read_from_prefix(bytes).ok()?;
        let ([level, kind], _) = <[i32; 2]>::read_from_prefix(rest).ok()?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let Some(data) = bytes.get(HEADER..len) else {
            bytes = &[];
            return Some(Err(err!(EINVAL, "a control message's length can't be")));
        };
        bytes = bytes.get(aligned(len)..).unwrap_or_default();
        Some(Ok(ControlMessage { level, kind, data }))
    })
}

/// Where the control messages for a receiver go.
#[derive(Debug, Default)]
pub struct ControlSink {
    at: usize,
    room: usize,
    written: usize,
    is_truncated: bool,
}

impl ControlSink {
    /// The `room` bytes at an address; without an address nothing has room.
    pub fn new(at: UserPtr<u8>, room: usize) -> Self {
        let room = if at.is_null() { 0 } else { room };
        Self { at: at.addr(), room, ..Self::default() }
    }

    /// Bytes written so far.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Whether something had no room (`MSG_CTRUNC`).
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Bytes that there's room for behind a header.
    pub fn room(&self) -> usize {
        self.room.saturating_sub(HEADER)
    }

    /// Bytes that there's room for, headers included.
    pub fn whole_room(&self) -> usize {
        self.room
    }

    /// Notes that something had no room.
    pub fn truncate(&mut self) {
        self.is_truncated = true;
    }

    /// Puts a message in, as far as there's room. One that can't be written is left out, as Linux does it.
    pub fn put(&mut self, level: i32, kind: i32, data: &[u8]) {
        if self.room < HEADER {
            self.truncate();
            return;
        }
        let len = HEADER + data.len().min(self.room());
        if len < HEADER + data.len() {
            self.truncate();
        }
        if self.write(level, kind, &data[..len - HEADER]).is_ok() {
            self.advance(len);
        }
    }

    /// Puts a message with open files in, which get descriptors of the thread; those that there's no room or no descriptor
    /// for are closed.
    pub fn put_files(&mut self, thread: &Thread, files: Vec<Arc<dyn File>>, flags: FdFlags) {
        const LEN: usize = size_of::<i32>();
        let count = files.len();
        let mut installed = Vec::new();
        for file in files.into_iter().take(self.room() / LEN) {
            let Ok(fd) = install(thread, file, flags) else { break };
            let place = UserPtr::<i32>::new(self.at.wrapping_add(HEADER + installed.len() * LEN));
            if place.write(&(fd as i32)).is_err() {
                let _ = thread.close(FileDesc(fd as i32));
                break;
            }
            installed.push(fd as i32);
        }
        if !installed.is_empty() && self.write(SOL_SOCKET, SCM_RIGHTS, installed.as_bytes()).is_ok() {
            self.advance(HEADER + installed.len() * LEN);
        }
        if installed.len() < count {
            self.truncate();
        }
    }

    fn write(&self, level: i32, kind: i32, data: &[u8]) -> Result<()> {
        let header = UserPtr::<u64>::new(self.at);
        header.write(&((HEADER + data.len()) as u64))?;
        header.at(1).cast::<[i32; 2]>().write(&[level, kind])?;
        header.at(2).cast::<u8>().slice(data.len())?.write(data)?;
        Ok(())
    }

    fn advance(&mut self, len: usize) {
        let step = aligned(len).min(self.room);
        self.at += step;
        self.room -= step;
        self.written += step;
    }
}
