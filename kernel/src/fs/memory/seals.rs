//! Seals: what may never again be done to a file in memory (`man 2 fcntl`, File Sealing).

use crate::prelude::*;
use core::sync::atomic::{AtomicU32, Ordering};

const SEAL: u32 = 1;
const SHRINK: u32 = 2;
const GROW: u32 = 4;
const WRITE: u32 = 8;
const FUTURE_WRITE: u32 = 16;
const EXEC: u32 = 32;

/// The seals of a file, and what stands against sealing it.
pub struct Seals {
    seals: AtomicU32,
    /// Shared mappings through which the file could be written.
    writable_mappings: AtomicU32,
}

impl Default for Seals {
    /// Files can't be sealed unless `memfd_create` allows it.
    fn default() -> Self {
        Self { seals: AtomicU32::new(SEAL), writable_mappings: AtomicU32::new(0) }
    }
}

impl Seals {
    /// The seals, as `F_GET_SEALS` gives them.
    pub fn get(&self) -> u32 {
        self.seals.load(Ordering::SeqCst)
    }

    /// Allows the file to be sealed.
    pub fn allow(&self) {
        self.seals.store(0, Ordering::SeqCst);
    }

    /// Adds seals.
    ///
    /// # Errors
    /// `EINVAL` for unknown ones, `EPERM` if no more are allowed, `EBUSY` if the file can be written through a mapping.
    pub fn add(&self, seals: u32) -> Result<()> {
        if seals & !(SEAL | SHRINK | GROW | WRITE | FUTURE_WRITE | EXEC) != 0 {
            bail!(EINVAL, "undefined seals");
        }
        if self.get() & SEAL != 0 {
            bail!(EPERM, "no more seals are allowed");
        }
        if seals & WRITE != 0 && self.get() & WRITE == 0 && self.writable_mappings.load(Ordering::SeqCst) > 0 {
            bail!(EBUSY, "the file is mapped writable");
        }
        self.seals.fetch_or(seals, Ordering::SeqCst);
        Ok(())
    }

    /// Checks a change of the contents.
    pub(super) fn check_change(&self) -> Result<()> {
        if self.get() & (WRITE | FUTURE_WRITE) != 0 { Err(err!(EPERM, "the file is sealed")) } else { Ok(()) }
    }

    /// Checks a write, and cuts it where it would make the file longer than it may be.
    pub(super) fn check_write(&self, offset: u64, source: &mut Source<'_>, size: u64) -> Result<()> {
        let seals = self.get();
        if seals & !SEAL == 0 {
            return Ok(());
        }
        self.check_change()?;
        if seals & GROW != 0 && offset.saturating_add(source.remaining() as u64) > size {
            // Linux writes page by page, and refuses the one that would go beyond the end.
            let room = frame::layout::page_floor(size as usize).saturating_sub(offset as usize);
            if room == 0 {
                bail!(EPERM, "the file is sealed");
            }
            source.truncate(room);
        }
        Ok(())
    }

    /// Checks a new length.
    pub(super) fn check_resize(&self, size: u64, len: u64) -> Result<()> {
        let seals = self.get();
        if seals & SHRINK != 0 && len < size || seals & GROW != 0 && len > size {
            bail!(EPERM, "the file is sealed");
        }
        Ok(())
    }

    /// Notes a shared mapping through which the file can be written, until [`unmapped`](Self::unmapped).
    pub(super) fn mapped(&self) -> Result<()> {
        self.check_change()?;
        self.writable_mappings.fetch_add(1, Ordering::SeqCst);
        // A seal that came meanwhile counts.
        self.check_change().inspect_err(|_| self.unmapped())
    }

    pub(super) fn unmapped(&self) {
        self.writable_mappings.fetch_sub(1, Ordering::SeqCst);
    }
}
