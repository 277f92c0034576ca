//! `/dev/pts`, where slaves have their names, and the numbers of pseudoterminals.
//!
//! The names are entries of a file system in memory, which programs can't make or remove. Lock order: the directory's entries,
//! then the table of pseudoterminals; both are free while a pseudoterminal is looked at.

use super::pty::Pty;
use super::{master, slave};
use crate::fs::memory::MemFs;
use crate::fs::{Dentry, DirEntry, File, FileType, Handle, Inode, Metadata, NewNode, SetAttributes, StatusFlags};
use crate::prelude::*;
use crate::process::table;
use crate::process::terminal::Terminal;
use frame::sync::Once;

/// Major number of slaves.
const MAJOR: u32 = 136;
/// `/dev/ptmx`.
const PTMX: u64 = 5 << 8 | 2;
/// How many pseudoterminals there are at most (`/proc/sys/kernel/pty/max`).
pub const MAX: u32 = 4096;
/// Permissions of slaves.
const MODE: u32 = 0o600;

/// All pseudoterminals whose masters are open.
static PTYS: Mutex<BTreeMap<u32, (Arc<Pty>, Arc<Terminal>)>> = Mutex::new(BTreeMap::new());
/// Where the file system is mounted.
static ROOT: Once<Arc<Dentry>> = Once::new();

/// The device number of a slave.
pub(super) const fn device(index: u32) -> u32 {
    index & 0xff | MAJOR << 8 | (index & !0xff) << 12
}

/// The directory `/dev/pts`, to be mounted and [shown](set_root).
///
/// # Errors
/// `ENOSPC`.
pub(crate) fn directory() -> Result<Arc<dyn Inode>> {
    let names = MemFs::new_root(None, 0o755, [0, 0]);
    names.create(b"ptmx", NewNode::Special(FileType::CharDevice, PTMX), 0, [0, 0])?;
    Ok(Arc::new(Directory(names)))
}

/// Notes where the directory is mounted.
pub(crate) fn set_root(root: Arc<Dentry>) {
    ROOT.call_once(|| root);
}

/// Adds the name of a terminal of the host.
///
/// # Errors
/// `ENOENT` without the directory, `EEXIST`.
pub(crate) fn add_host_terminal(name: &[u8], device: u64) -> Result<()> {
    const TTY_MODE: u32 = 0o620;
    create(name, device, TTY_MODE, [0, 0])
}

/// Opens `/dev/ptmx`, which this inode is.
///
/// # Errors
/// `ENOSPC` if there are too many pseudoterminals.
pub(crate) fn open_ptmx(flags: StatusFlags, inode: Arc<dyn Inode>) -> Result<Arc<dyn File>> {
    master::open(flags, inode)
}

/// Opens the slave with this device number, which this inode is, and whether there's one.
///
/// # Errors
/// As [`Pty::open_slave`].
pub(crate) fn open_by_device(rdev: u64, flags: StatusFlags, inode: Arc<dyn Inode>) -> Option<Result<Arc<dyn File>>> {
    let found = PTYS.lock().values().find(|(pty, _)| u64::from(pty.device()) == rdev).cloned();
    let (pty, terminal) = found?;
    let path = format!("/dev/pts/{}", pty.index());
    let file = slave::open(&pty, &terminal, path.as_bytes(), flags, inode);
    if file.is_ok()
        && let Some(thread) = table::calling_thread()
    {
        terminal.acquire(&thread, flags);
    }
    Some(file)
}

/// Opens the slave of this number.
///
/// # Errors
/// As [`Pty::open_slave`]; `EIO` if its name is gone.
pub(super) fn open_slave(index: u32, flags: StatusFlags) -> Result<Arc<dyn File>> {
    let gone = || err!(EIO, "the slave has no name");
    let inode = ROOT.get().ok_or_else(gone)?.child(index.to_string().as_bytes()).map_err(|_| gone())?.inode().clone();
    open_by_device(u64::from(device(index)), flags, inode).ok_or_else(gone)?
}

/// Makes a pseudoterminal with the lowest number that is free, and the slave's name.
pub(super) fn make() -> Result<(Arc<Pty>, Arc<Terminal>)> {
    let owner = table::calling_thread().map_or([0, 0], |thread| {
        let credentials = thread.credentials();
        [credentials.fsuid, credentials.fsgid]
    });
    for index in 0..MAX {
        let new = {
            let mut ptys = PTYS.lock();
            if ptys.contains_key(&index) {
                continue;
            }
            let pty = Arc::new(Pty::new(index));
            let new = (pty.clone(), Arc::new(Terminal::of_pty(pty)));
            ptys.insert(index, new.clone());
            new
        };
        let name = index.to_string();
        match create(name.as_bytes(), u64::from(device(index)), MODE, owner) {
            Ok(()) => return Ok(new),
            Err(error) => {
                PTYS.lock().remove(&index);
                // A terminal of the host may have the number.
                if error.errno() != Errno::EEXIST {
                    return Err(error);
                }
            }
        }
    }
    Err(err!(ENOSPC, "there are too many pseudoterminals"))
}

/// Removes a pseudoterminal and its name.
pub(super) fn remove(index: u32) {
    if let Some(root) = ROOT.get() {
        let name = index.to_string();
        let _lock = root.lock_changes();
        if let Some(directory) = Directory::of(root)
            && let Err(error) = directory.0.unlink(name.as_bytes())
        {
            warn!("/dev/pts/{index} can't be removed: {error}");
        }
        root.forget(name.as_bytes());
    }
    PTYS.lock().remove(&index);
}

fn create(name: &[u8], device: u64, mode: u32, owner: [u32; 2]) -> Result<()> {
    let root = ROOT.get().ok_or(err!(ENOENT, "/dev/pts isn't there"))?;
    let _lock = root.lock_changes();
    let directory = Directory::of(root).ok_or(err!(ENOENT, "/dev/pts isn't there"))?;
    let inode = directory.0.create(name, NewNode::Special(FileType::CharDevice, device), mode, owner)?;
    root.adopt(name, inode);
    Ok(())
}

/// The directory: names that programs can look up but not change.
struct Directory(Arc<crate::fs::memory::MemInode>);

impl Directory {
    fn of(root: &Arc<Dentry>) -> Option<&Self> {
        (&**root.inode() as &dyn core::any::Any).downcast_ref()
    }
}

impl Inode for Directory {
    fn metadata(&self) -> Result<Metadata> {
        Inode::metadata(&*self.0)
    }

    fn kind(&self) -> FileType {
        FileType::Directory
    }

    fn open(self: Arc<Self>, flags: StatusFlags) -> Result<Arc<dyn Handle>> {
        self.0.clone().open(flags)
    }

    fn lookup(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        self.0.lookup(name)
    }

    fn read_dir(&self) -> Result<Vec<DirEntry>> {
        self.0.read_dir()
    }

    fn set_attributes(&self, set: SetAttributes) -> Result<()> {
        self.0.set_attributes(set)
    }

    fn file_system_id(&self) -> u64 {
        self.0.file_system_id()
    }

    fn statfs(&self) -> Result<[u64; 11]> {
        const DEVPTS_SUPER_MAGIC: u64 = 0x1cd1;
        Ok([DEVPTS_SUPER_MAGIC, 4096, 0, 0, 0, 0, 0, 0, 255, 4096, 0])
    }
}
