//! Character devices of the LibOS.

use super::file::{File, StatusFlags};
use super::inode::{Inode, Metadata};
use super::memory::MemInode;
use super::terminal;
use crate::prelude::*;
use crate::process::exec::fill_random;
use crate::tty::devpts;
use core::sync::atomic::{AtomicU32, Ordering};
use frame::ocall::file::Whence;
use frame::ocall::mem::{Prot, Sharing};

/// What a device does; its number is Linux's (`Documentation/admin-guide/devices.txt`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Device {
    Null,
    Zero,
    Full,
    Random,
}

/// Devices by name under `/dev`, with their numbers and permissions.
pub const DEVICES: [(&str, u64, u32); 7] = [
    ("null", number(1, 3), 0o666),
    ("zero", number(1, 5), 0o666),
    ("full", number(1, 7), 0o666),
    ("random", number(1, 8), 0o666),
    ("urandom", number(1, 9), 0o666),
    ("tty", number(5, 0), 0o666),
    ("ptmx", number(5, 2), 0o666),
];

/// Consoles and serial lines.
const TTY_MAJOR: u64 = 4;
/// Pseudoterminals.
const PTS_MAJOR: u64 = 136;
const PTS_LAST_MAJOR: u64 = 143;

const fn number(major: u64, minor: u64) -> u64 {
    major << 8 | minor
}

/// Opens the device of this number.
///
/// # Errors
/// `ENXIO` if there's none.
pub fn open(rdev: u64, flags: StatusFlags, inode: Arc<MemInode>) -> Result<Arc<dyn File>> {
    let device = match (rdev >> 8 & 0xfff, rdev & 0xff) {
        (1, 3) => Device::Null,
        (1, 5) => Device::Zero,
        (1, 7) => Device::Full,
        (1, 8 | 9) => Device::Random,
        (5, 0) => return terminal::open_controlling(flags, inode),
        (5, 2) => return devpts::open_ptmx(flags, inode),
        (PTS_MAJOR..=PTS_LAST_MAJOR, _) => {
            let pty = devpts::open_by_device(rdev, flags, inode);
            return pty.unwrap_or_else(|| terminal::open_by_device(rdev, flags));
        }
        (TTY_MAJOR, _) => return terminal::open_by_device(rdev, flags),
        _ => bail!(ENXIO, "there's no such device"),
    };
    let status = AtomicU32::new((flags & StatusFlags::KEPT).bits());
    Ok(Arc::new(DeviceFile { device, inode, status }))
}

/// An open device.
struct DeviceFile {
    device: Device,
    inode: Arc<MemInode>,
    status: AtomicU32,
}

impl Drop for DeviceFile {
    fn drop(&mut self) {
        super::locks::dropped(core::ptr::from_ref(self).cast());
    }
}

impl File for DeviceFile {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        match self.device {
            Device::Null => Ok(0),
            Device::Random => {
                let mut total = 0;
                let mut chunk = [0; 256];
                while !sink.is_empty() {
                    let len = sink.remaining().min(chunk.len());
                    fill_random(&mut chunk[..len])?;
                    match sink.put(&chunk[..len]) {
                        Ok(count) => total += count,
                        Err(error) if total == 0 => return Err(error),
                        Err(_) => break,
                    }
                }
                Ok(total)
            }
            _ => sink.put_zeroes(sink.remaining()),
        }
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        if self.device == Device::Full {
            bail!(ENOSPC, "the device is always full");
        }
        let count = source.remaining();
        source.advance(count);
        Ok(count)
    }

    fn read_at(&self, _offset: u64, sink: &mut Sink<'_>) -> Result<usize> {
        self.read(sink)
    }

    fn write_at(&self, _offset: u64, source: &mut Source<'_>) -> Result<usize> {
        self.write(source)
    }

    fn seek(&self, _offset: i64, _whence: Whence) -> Result<u64> {
        Ok(0)
    }

    fn metadata(&self) -> Result<Metadata> {
        Inode::metadata(&*self.inode)
    }

    fn status(&self) -> StatusFlags {
        StatusFlags::from_bits_truncate(self.status.load(Ordering::Relaxed))
    }

    fn set_status(&self, status: StatusFlags) -> Result<()> {
        let kept = self.status() - StatusFlags::CHANGEABLE;
        self.status.store((kept | status & StatusFlags::CHANGEABLE).bits(), Ordering::Relaxed);
        Ok(())
    }

    fn inode(&self) -> Option<Arc<dyn Inode>> {
        Some(self.inode.clone())
    }

    fn path(&self) -> Vec<u8> {
        let name = match self.device {
            Device::Null => "/dev/null",
            Device::Zero => "/dev/zero",
            Device::Full => "/dev/full",
            Device::Random => "/dev/urandom",
        };
        name.into()
    }

    fn map_source(&self, _prot: Prot, _sharing: Sharing) -> Result<Arc<dyn crate::mm::MapSource>> {
        if self.device == Device::Zero { Ok(Arc::new(ZeroMap)) } else { Err(Errno::ENODEV.into()) }
    }
}

/// `/dev/zero` as something to map: anonymous memory.
struct ZeroMap;

impl crate::mm::MapSource for ZeroMap {
    fn map(&self, range: &core::ops::Range<usize>, _offset: u64, prot: Prot, sharing: Sharing) -> Result<()> {
        frame::ocall::mem::map(range, prot, sharing, frame::ocall::mem::Backing::Anonymous)
    }

    fn dev_ino(&self) -> (u64, u64) {
        (0, 0)
    }

    fn path(&self) -> Vec<u8> {
        b"/dev/zero".to_vec()
    }

    fn sync(&self, _range: &core::ops::Range<usize>, _flags: u32) -> Result<()> {
        Ok(())
    }
}
