//! The attributes of a file in memory.

use crate::fs::inode::{Metadata, SetAttributes, Time, current_time};

/// What `stat` shows and `chmod`, `chown` and `utimensat` change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) nlink: u32,
    pub(super) atime: Time,
    pub(super) mtime: Time,
    pub(super) ctime: Time,
    pub(super) btime: Time,
}

impl Attributes {
    pub(super) fn new(mode: u32, [uid, gid]: [u32; 2], nlink: u32) -> Self {
        let now = current_time();
        Self { mode, uid, gid, nlink, atime: now, mtime: now, ctime: now, btime: now }
    }

    pub(super) fn copy(metadata: &Metadata) -> Self {
        Self {
            mode: metadata.mode,
            uid: metadata.uid,
            gid: metadata.gid,
            nlink: metadata.nlink,
            atime: metadata.atime,
            mtime: metadata.mtime,
            ctime: metadata.ctime,
            btime: metadata.btime,
        }
    }

    pub(super) fn apply(&mut self, set: SetAttributes) {
        self.mode = set.mode.unwrap_or(self.mode);
        self.uid = set.uid.unwrap_or(self.uid);
        self.gid = set.gid.unwrap_or(self.gid);
        self.atime = set.atime.unwrap_or(self.atime);
        self.mtime = set.mtime.unwrap_or(self.mtime);
        self.ctime = current_time();
    }

    pub(super) fn modified(&mut self) {
        self.mtime = current_time();
        self.ctime = self.mtime;
    }
}
