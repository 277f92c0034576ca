//! `/proc/PID/mem`.

use crate::fs::inode::Handle;
use crate::mm::Reach;
use crate::prelude::*;
use crate::process::{Process, table, with_memory_of};
use frame::user::UserSlice;

/// A process's memory.
pub(super) struct ProcessMemory(pub(super) Arc<Process>);

impl ProcessMemory {
    /// Calls `work` with the way to the process's memory from `addr` on, while it stays the process's.
    fn with(&self, addr: u64, len: usize, work: impl FnOnce(Reach, UserSlice) -> Result<usize>) -> Result<usize> {
        let own = table::calling_thread().ok_or(Errno::EIO)?.process.memory();
        let addr = usize::try_from(addr).map_err(|_| Errno::EIO)?;
        let Some(thread) = self.0.threads.lock().values().next().cloned() else { return Ok(0) };
        let result = with_memory_of(&thread, &own, |memory, reach| {
            if memory.totals().mapped == 0 {
                return Ok(0);
            }
            if !memory.has_for_itself(addr, len) {
                bail!(EIO, "not the process's memory");
            }
            work(reach, UserSlice::new(addr, len)?)
        });
        result.map_err(|_| Errno::EIO.into())
    }
}

/// How much is copied at once; what is before a hole is then copied at least as far as that.
const PIECE: usize = frame::layout::PAGE_SIZE;

impl Handle for ProcessMemory {
    fn read_at(&self, offset: u64, sink: &mut Sink<'_>) -> Result<usize> {
        let mut buffer = vec![0; PIECE];
        let mut done = 0;
        while !sink.is_empty() {
            let at = offset.wrapping_add(done as u64);
            let len = sink.remaining().min(PIECE - at as usize % PIECE);
            match self.with(at, len, |reach, slice| reach.read(slice, &mut buffer[..len])) {
                Ok(0) => break,
                Ok(count) => done += sink.put(&buffer[..count])?,
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, offset: u64, source: &mut Source<'_>) -> Result<usize> {
        let mut buffer = vec![0; PIECE];
        let mut done = 0;
        while !source.is_empty() {
            let at = offset.wrapping_add(done as u64);
            let len = source.remaining().min(PIECE - at as usize % PIECE);
            let count = source.take(&mut buffer[..len])?;
            match self.with(at, count, |reach, slice| reach.write(slice, &buffer[..count])) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn append(&self, _source: &mut Source<'_>) -> Result<(usize, u64)> {
        bail!(EINVAL, "memory has no end")
    }

    fn end(&self) -> Result<u64> {
        bail!(EINVAL, "memory has no end")
    }
}
