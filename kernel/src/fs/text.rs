//! Programs that run can't be written, and files that are being written can't be run (`ETXTBSY`).

use super::inode::Inode;
use crate::prelude::*;
use core::sync::atomic::{AtomicI32, Ordering};

/// How many have a file open for writing, or how many run it, as a negative number: never both.
#[derive(Debug, Default)]
pub struct WriteCount(AtomicI32);

impl WriteCount {
    fn add(&self, step: i32) -> Result<()> {
        let is_allowed = |count: i32| count.signum() * step >= 0;
        self.0
            .try_update(Ordering::AcqRel, Ordering::Relaxed, |count| is_allowed(count).then(|| count + step))
            .map(drop)
            .map_err(|_| err!(ETXTBSY, "a program that runs is not written, nor is one run that is being written"))
    }
}

/// A file that somebody has open for writing, or runs; ends when dropped.
pub struct Claim {
    inode: Arc<dyn Inode>,
    step: i32,
}

impl Claim {
    /// Somebody opens the file for writing.
    ///
    /// # Errors
    /// `ETXTBSY` while it runs.
    pub fn write(inode: &Arc<dyn Inode>) -> Result<Self> {
        Self::new(inode, 1)
    }

    /// Somebody runs the file.
    ///
    /// # Errors
    /// `ETXTBSY` while somebody has it open for writing.
    pub fn run(inode: &Arc<dyn Inode>) -> Result<Self> {
        Self::new(inode, -1)
    }

    fn new(inode: &Arc<dyn Inode>, step: i32) -> Result<Self> {
        if let Some(count) = inode.write_count() {
            count.add(step)?;
        }
        Ok(Self { inode: inode.clone(), step })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(count) = self.inode.write_count() {
            count.0.fetch_sub(self.step, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_and_runners_exclude_each_other() {
        let count = WriteCount::default();
        count.add(1).unwrap();
        count.add(1).unwrap();
        assert_eq!(count.add(-1).unwrap_err().errno(), Errno::ETXTBSY);
        count.0.fetch_sub(2, Ordering::Relaxed);
        count.add(-1).unwrap();
        assert_eq!(count.add(1).unwrap_err().errno(), Errno::ETXTBSY);
    }
}
