//! What `fstat` and `/proc/PID/fd` show of a socket.

use crate::events::Anonymous;
use crate::fs::{FileType, Metadata, Time, current_time};
use crate::prelude::*;
use crate::process::Credentials;
use core::sync::atomic::{AtomicU64, Ordering};

/// An inode of sockets' own file system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    ino: u64,
    owner: [u32; 2],
    created: Time,
}

impl Node {
    /// A new one that belongs to whom the credentials say.
    pub(super) fn new(credentials: &Credentials) -> Self {
        Self::owned_by([credentials.fsuid, credentials.fsgid])
    }

    /// Another one, for a connection that was accepted.
    pub(super) fn sibling(&self) -> Self {
        Self::owned_by(self.owner)
    }

    fn owned_by(owner: [u32; 2]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { ino: NEXT.fetch_add(1, Ordering::Relaxed), owner, created: current_time() }
    }

    /// Its number.
    pub(super) fn ino(&self) -> u64 {
        self.ino
    }

    /// The attributes.
    pub(super) fn metadata(&self) -> Metadata {
        let [uid, gid] = self.owner;
        Metadata {
            dev: 0x8,
            ino: self.ino,
            kind: FileType::Socket,
            mode: 0o777,
            uid,
            gid,
            atime: self.created,
            mtime: self.created,
            ctime: self.created,
            btime: self.created,
            ..Anonymous::metadata()
        }
    }

    /// What the link in `/proc/PID/fd` says.
    pub(super) fn path(&self) -> Vec<u8> {
        format!("socket:[{}]", self.ino).into_bytes()
    }
}
