//! Which pages of a host process are in memory (`man 5 proc_pid_pagemap`).

use super::file::{self, HostFd};
use crate::errno::Result;
use crate::layout::PAGE_SIZE;
use alloc::ffi::CString;
use alloc::format;
use alloc::vec;
use core::ops::Range;

/// A host process's page tables, for a look at which pages are there.
pub struct Pagemap(HostFd);

/// How much of a range is in memory, in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resident {
    /// The process's own pages.
    pub anonymous: usize,
    /// Pages of files and of shared memory.
    pub of_files: usize,
    /// Pages that were written to swap space.
    pub swapped: usize,
}

impl Resident {
    /// All pages in memory.
    pub fn pages(&self) -> usize {
        self.anonymous + self.of_files
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            anonymous: self.anonymous + other.anonymous,
            of_files: self.of_files + other.of_files,
            swapped: self.swapped + other.swapped,
        }
    }

    fn count(&mut self, entry: u64) {
        const PRESENT: u64 = 1 << 63;
        const SWAPPED: u64 = 1 << 62;
        const OF_A_FILE: u64 = 1 << 61;
        match entry {
            entry if entry & SWAPPED != 0 => self.swapped += 1,
            entry if entry & PRESENT == 0 => {}
            entry if entry & OF_A_FILE != 0 => self.of_files += 1,
            _ => self.anonymous += 1,
        }
    }
}

impl Pagemap {
    /// That of the host process of this id.
    ///
    /// # Errors
    /// `ENOENT` when it's gone, `EACCES` if the host doesn't tell.
    pub fn open(host_pid: u32) -> Result<Self> {
        let path = CString::new(format!("/proc/{host_pid}/pagemap")).unwrap_or_default();
        Ok(Self(file::open_proc(&path)?))
    }

    /// Counts the pages of a range that are there.
    ///
    /// # Errors
    /// What `pread(2)` gives.
    pub fn resident(&self, range: &Range<usize>) -> Result<Resident> {
        const ENTRY: usize = size_of::<u64>();
        const MAX: usize = 4096 * ENTRY;
        let mut offset = range.start / PAGE_SIZE * ENTRY;
        let end = range.end.div_ceil(PAGE_SIZE) * ENTRY;
        let mut buffer = vec![0; MAX.min(end - offset)];
        let mut resident = Resident::default();
        while offset < end {
            let part = buffer.len().min(end - offset);
            let count = file::read_proc(&self.0, offset as u64, &mut buffer[..part])? / ENTRY * ENTRY;
            if count == 0 {
                break;
            }
            for entry in buffer[..count].chunks_exact(ENTRY) {
                resident.count(entry.try_into().map_or(0, u64::from_ne_bytes));
            }
            offset += count;
        }
        Ok(resident)
    }
}
