//! Files that have no name: what they share.

use crate::fs::{FileType, Metadata, StatusFlags, Time};
use core::sync::atomic::{AtomicU32, Ordering};

/// Status and attributes of a file that lies in no file system (`anon_inode` of Linux).
pub(crate) struct Anonymous(AtomicU32);

impl Anonymous {
    pub(crate) fn new(status: StatusFlags) -> Self {
        Self(AtomicU32::new((status & StatusFlags::KEPT).bits()))
    }

    pub(crate) fn status(&self) -> StatusFlags {
        StatusFlags::from_bits_truncate(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn set_status(&self, status: StatusFlags) {
        let kept = self.status() - StatusFlags::CHANGEABLE;
        self.0.store((kept | status & StatusFlags::CHANGEABLE).bits(), Ordering::Relaxed);
    }

    /// What a transfer does when it can't go on.
    pub(crate) fn blocking(&self) -> super::Blocking {
        if self.status().contains(StatusFlags::O_NONBLOCK) { super::Blocking::DontWait } else { super::Blocking::Wait }
    }

    /// All of them are one inode.
    pub(crate) fn metadata() -> Metadata {
        let never = Time { secs: 0, nanos: 0 };
        Metadata {
            dev: 0xe,
            ino: 1,
            kind: FileType::Anonymous,
            mode: 0o600,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            size: 0,
            blksize: 4096,
            blocks: 0,
            atime: never,
            mtime: never,
            ctime: never,
            btime: never,
        }
    }
}

/// The methods of `File` that an [`Anonymous`] in the field `anonymous` gives.
macro_rules! anonymous_file {
    ($name:literal) => {
        fn metadata(&self) -> $crate::prelude::Result<$crate::fs::Metadata> {
            Ok($crate::events::Anonymous::metadata())
        }

        fn seek(&self, _offset: i64, _whence: frame::ocall::file::Whence) -> $crate::prelude::Result<u64> {
            Ok(0)
        }

        fn status(&self) -> $crate::fs::StatusFlags {
            self.anonymous.status()
        }

        fn set_status(&self, status: $crate::fs::StatusFlags) -> $crate::prelude::Result<()> {
            self.anonymous.set_status(status);
            Ok(())
        }

        fn path(&self) -> $crate::prelude::Vec<u8> {
            concat!("anon_inode:", $name).into()
        }
    };
}
pub(crate) use anonymous_file;
