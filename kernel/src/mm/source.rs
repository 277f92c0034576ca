//! What a file is to a mapping.

use crate::fs::Version;
use crate::prelude::*;
use core::ops::Range;
use frame::ocall::mem::{Prot, Sharing};

/// A file's contents as something to map.
pub trait MapSource: Send + Sync {
    /// Maps bytes from `offset` on at exactly `range` (page-aligned), in place of what was there.
    ///
    /// # Errors
    /// `ENOMEM`, and what the file gives.
    fn map(&self, range: &Range<usize>, offset: u64, prot: Prot, sharing: Sharing) -> Result<()>;

    /// A program touched the start of `range`, `offset` bytes into the file, in vain: maps what the file has there by
    /// now.
    fn fault(&self, range: &Range<usize>, offset: u64, prot: Prot, sharing: Sharing) -> FileFault {
        let _ = (range, offset, prot, sharing);
        FileFault::Other
    }

    /// What tells the file's contents since it was first mapped from all others, if anything does and a private mapping shows
    /// just these.
    fn version(&self) -> Option<Version> {
        None
    }

    /// Copies the file's bytes from `offset` on to `range`, which can be written, as [`map`](Self::map) would show them.
    ///
    /// # Errors
    /// `EIO` for a page beyond the end of the file; what reading gives; `EOPNOTSUPP` for a file without a version.
    fn copy_to(&self, range: &Range<usize>, offset: u64) -> Result<()> {
        let _ = (range, offset);
        Err(Errno::EOPNOTSUPP.into())
    }

    /// Device and inode number, as `/proc/PID/maps` shows them.
    fn dev_ino(&self) -> (u64, u64);

    /// Path, as `/proc/PID/maps` shows it.
    fn path(&self) -> Vec<u8>;

    /// Writes changes of shared mappings in `range` back to the file.
    ///
    /// # Errors
    /// `EIO` and what the file gives.
    fn sync(&self, range: &Range<usize>, flags: u32) -> Result<()>;

    /// Whether a mapping made for something else may become `prot`.
    ///
    /// # Errors
    /// `EACCES` for writing to a shared mapping of a file that was opened for reading.
    fn may_protect(&self, prot: Prot, sharing: Sharing) -> Result<()> {
        let _ = (prot, sharing);
        Ok(())
    }
}

/// What a fault in a file's mapping means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// The memory is there now.
    Mapped,
    /// It lies beyond the end of the file.
    BeyondEnd,
    /// The file has nothing to do with it.
    Other,
}
