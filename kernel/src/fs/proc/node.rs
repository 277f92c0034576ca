//! Files and directories whose contents are made when they are looked at.

use crate::fs::Dentry;
use crate::fs::file::StatusFlags;
use crate::fs::inode::{DirEntry, FileType, Handle, Inode, MapAccess, Metadata, current_time};
use crate::fs::stdio::HostFile;
use crate::mm::MapSource;
use crate::prelude::*;
use crate::process::Process;
use core::any::Any;
use frame::ocall::file::Extent;
use frame::ocall::mem::{Prot, Sharing};

/// A name and what it stands for.
pub(super) type Entry = (Vec<u8>, Node);

/// Makes a file's contents or a link's text.
type Make = Arc<dyn Fn() -> Result<Vec<u8>> + Send + Sync>;
/// Takes what was written to a file.
type Take = Arc<dyn Fn(&[u8]) -> Result<()> + Send + Sync>;
/// Checks that the calling thread may open a file.
type Guard = Arc<dyn Fn() -> Result<()> + Send + Sync>;

/// What stands behind a name in `/proc`.
#[derive(Clone)]
pub(super) enum Node {
    /// A file, made anew each time it's read from the start, with its permissions.
    File(Make, u32),
    /// A file that not everybody may open, whatever its permissions say.
    Guarded(Make, u32, Guard),
    /// A file that can be written as well, with its permissions.
    Setting(Make, Take, u32),
    /// A file with contents of its own kind, behind a guard.
    Special(Arc<dyn Handle>, u32, Guard),
    /// A directory, listed anew each time.
    Directory(Arc<dyn Directory>),
    /// A symbolic link.
    Link(Make),
    /// A link that leads to an object, whatever its text says, with its permissions.
    Magic(Make, Arc<dyn Fn() -> Result<Arc<Dentry>> + Send + Sync>, u32),
}

/// A directory of `/proc`.
pub(super) trait Directory: Send + Sync {
    /// All entries.
    fn entries(&self) -> Result<Vec<Entry>>;

    /// One entry.
    fn entry(&self, name: &[u8]) -> Result<Node>;

    /// Whether that entry stands for the same all the time, so that it needn't be looked up again.
    fn is_lasting(&self, name: &[u8]) -> bool {
        let _ = name;
        false
    }

    /// User and group that it belongs to, if they aren't those of the directory above.
    fn owner(&self) -> Option<[u32; 2]> {
        None
    }

    /// Its permissions.
    fn mode(&self) -> u32 {
        0o555
    }

    /// The process that it stands for, as a descriptor of it does.
    fn process(&self) -> Option<Arc<Process>> {
        None
    }
}

/// A directory with fixed entries, whose nodes are made when somebody looks.
pub(super) struct Fixed(pub(super) &'static [(&'static str, fn() -> Node)]);

impl Directory for Fixed {
    fn entries(&self) -> Result<Vec<Entry>> {
        Ok(self.0.iter().map(|(name, make)| (name.as_bytes().to_vec(), make())).collect())
    }

    fn entry(&self, name: &[u8]) -> Result<Node> {
        let found = self.0.iter().find(|(other, _)| other.as_bytes() == name);
        found.map(|(_, make)| make()).ok_or(Errno::ENOENT.into())
    }
}

impl Node {
    pub(super) fn file(make: impl Fn() -> Result<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::File(Arc::new(make), 0o444)
    }

    pub(super) fn text(text: impl Into<Vec<u8>>) -> Self {
        let text = text.into();
        Self::file(move || Ok(text.clone()))
    }

    pub(super) fn link(make: impl Fn() -> Result<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::Link(Arc::new(make))
    }

    pub(super) fn directory(directory: impl Directory + 'static) -> Self {
        Self::Directory(Arc::new(directory))
    }

    fn kind(&self) -> FileType {
        match self {
            Self::File(..) | Self::Guarded(..) | Self::Setting(..) | Self::Special(..) => FileType::Regular,
            Self::Directory(_) => FileType::Directory,
            Self::Link(_) | Self::Magic(..) => FileType::Symlink,
        }
    }

    fn mode(&self) -> u32 {
        match self {
            Self::File(_, mode)
            | Self::Guarded(_, mode, _)
            | Self::Setting(_, _, mode)
            | Self::Special(_, mode, _)
            | Self::Magic(_, _, mode) => *mode,
            Self::Directory(directory) => directory.mode(),
            Self::Link(_) => 0o777,
        }
    }
}

/// An inode of `/proc`.
pub(super) struct ProcInode {
    pub(super) node: Node,
    pub(super) ino: u64,
    pub(super) owner: [u32; 2],
    /// Its name stands for it all the time.
    pub(super) is_lasting: bool,
}

/// What `stat` shows as device of `/proc`.
pub(super) const DEVICE: u64 = 0x15;
/// What `stat` shows as size of a link to a descriptor.
const LINK_SIZE: u64 = 64;

impl Inode for ProcInode {
    fn metadata(&self) -> Result<Metadata> {
        let now = current_time();
        Ok(Metadata {
            dev: DEVICE,
            ino: self.ino,
            kind: self.node.kind(),
            mode: self.node.mode(),
            nlink: 1,
            uid: self.owner[0],
            gid: self.owner[1],
            rdev: 0,
            size: if matches!(self.node, Node::Magic(..)) { LINK_SIZE } else { 0 },
            blksize: 1024,
            blocks: 0,
            atime: now,
            mtime: now,
            ctime: now,
            btime: now,
        })
    }

    fn kind(&self) -> FileType {
        self.node.kind()
    }

    fn entry_timeout_ns(&self) -> u64 {
        if self.is_lasting { u64::MAX } else { 0 }
    }

    fn open(self: Arc<Self>, flags: StatusFlags) -> Result<Arc<dyn Handle>> {
        match &self.node {
            Node::File(..) | Node::Guarded(..) if flags.can_write() => bail!(EACCES, "the file can't be written"),
            Node::File(make, _) => Ok(Contents::open(make, None)),
            Node::Guarded(make, _, guard) => {
                guard()?;
                Ok(Contents::open(make, None))
            }
            Node::Setting(make, take, _) => Ok(Contents::open(make, Some(take))),
            Node::Special(handle, _, guard) => {
                guard()?;
                Ok(handle.clone())
            }
            _ => bail!(EISDIR, "a directory"),
        }
    }

    fn lookup(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        let Node::Directory(directory) = &self.node else { bail!(ENOTDIR, "not a directory") };
        let node = directory.entry(name)?;
        let owner = match &node {
            Node::Directory(directory) => directory.owner().unwrap_or(self.owner),
            _ => self.owner,
        };
        let is_lasting = directory.is_lasting(name);
        Ok(Arc::new(Self { node, ino: child_ino(self.ino, name), owner, is_lasting }))
    }

    fn read_dir(&self) -> Result<Vec<DirEntry>> {
        let Node::Directory(directory) = &self.node else { bail!(ENOTDIR, "not a directory") };
        // Of a process that is gone, nothing is listed.
        let is_gone = |error: Error| if error.errno() == Errno::ESRCH { Errno::ENOENT.into() } else { error };
        Ok(directory
            .entries()
            .map_err(is_gone)?
            .into_iter()
            .map(|(name, node)| DirEntry { ino: child_ino(self.ino, &name), kind: node.kind(), name })
            .collect())
    }

    fn read_link(&self) -> Result<Vec<u8>> {
        match &self.node {
            Node::Link(make) | Node::Magic(make, ..) => make(),
            _ => bail!(EINVAL, "not a symbolic link"),
        }
    }

    fn follow(&self) -> Option<Result<Arc<Dentry>>> {
        match &self.node {
            Node::Magic(_, follow, _) => Some(follow()),
            _ => None,
        }
    }

    fn file_system_id(&self) -> u64 {
        DEVICE
    }

    fn statfs(&self) -> Result<[u64; 11]> {
        const PROC_SUPER_MAGIC: u64 = 0x9fa0;
        Ok([PROC_SUPER_MAGIC, 4096, 0, 0, 0, 0, 0, 0, 255, 4096, 0x20])
    }
}

/// The process whose directory `/proc/PID` an inode is.
pub fn process_of(inode: &dyn Inode) -> Option<Arc<Process>> {
    match &(inode as &dyn Any).downcast_ref::<ProcInode>()?.node {
        Node::Directory(directory) => directory.process(),
        _ => None,
    }
}

/// A number that stays the same for the same path.
fn child_ino(parent: u64, name: &[u8]) -> u64 {
    // FNV-1a.
    name.iter()
        .fold(parent ^ 0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        & 0xffff_ffff
}

/// A file's contents as they were when it was last read from the start, and what is done with what is written.
struct Contents {
    make: Make,
    made: Mutex<Option<Vec<u8>>>,
    take: Option<Take>,
}

impl Contents {
    fn open(make: &Make, take: Option<&Take>) -> Arc<dyn Handle> {
        Arc::new(Self { make: make.clone(), made: Mutex::new(None), take: take.cloned() })
    }
}

impl Handle for Contents {
    fn read_at(&self, offset: u64, sink: &mut Sink<'_>) -> Result<usize> {
        let mut made = self.made.lock();
        if offset == 0 || made.is_none() {
            *made = Some((self.make)()?);
        }
        let bytes = made.as_deref().unwrap_or_default();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        sink.put(&bytes[start..])
    }

    fn write_at(&self, _offset: u64, source: &mut Source<'_>) -> Result<usize> {
        const MAX: usize = 4096;
        let take = self.take.as_ref().ok_or(Errno::EINVAL)?;
        source.truncate(MAX);
        let bytes = source.take_all()?;
        take(&bytes)?;
        Ok(bytes.len())
    }

    fn append(&self, source: &mut Source<'_>) -> Result<(usize, u64)> {
        let count = self.write_at(0, source)?;
        Ok((count, count as u64))
    }

    fn truncate(&self, _len: u64) -> Result<()> {
        Ok(())
    }

    fn end(&self) -> Result<u64> {
        Ok(self.made.lock().as_ref().map_or(0, Vec::len) as u64)
    }
}

/// An open file without a name, behind a link in `/proc/PID/fd`: opening it gives the same file.
pub(super) struct OpenFile(pub(super) Arc<dyn crate::fs::File>);

impl Inode for OpenFile {
    fn metadata(&self) -> Result<Metadata> {
        self.0.metadata()
    }

    fn kind(&self) -> FileType {
        self.0.metadata().map_or(FileType::CharDevice, |metadata| metadata.kind)
    }

    fn open(self: Arc<Self>, _flags: StatusFlags) -> Result<Arc<dyn Handle>> {
        Ok(Arc::new(Same(self.0.clone())))
    }

    fn file_system_id(&self) -> u64 {
        DEVICE
    }
}

struct Same(Arc<dyn crate::fs::File>);

impl Handle for Same {
    fn read_at(&self, offset: u64, sink: &mut Sink<'_>) -> Result<usize> {
        self.0.read_at(offset, sink)
    }

    fn write_at(&self, offset: u64, source: &mut Source<'_>) -> Result<usize> {
        self.0.write_at(offset, source)
    }

    fn append(&self, source: &mut Source<'_>) -> Result<(usize, u64)> {
        let count = match self.0.downcast_ref::<HostFile>() {
            Some(file) => file.append(source)?,
            None => self.0.write(source)?,
        };
        Ok((count, self.end()?))
    }

    fn metadata(&self) -> Option<Result<Metadata>> {
        Some(self.0.metadata())
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.0.truncate(len)
    }

    fn allocate(&self, mode: u32, offset: u64, len: u64) -> Result<()> {
        self.0.allocate(mode, offset, len)
    }

    fn sync(&self, extent: Extent) -> Result<()> {
        self.0.sync(extent)
    }

    fn map_source(self: Arc<Self>, _path: Vec<u8>, prot: Prot, access: MapAccess) -> Result<Arc<dyn MapSource>> {
        self.0.map_source(prot, if access == MapAccess::Private { Sharing::Private } else { Sharing::Shared })
    }

    fn end(&self) -> Result<u64> {
        Ok(self.0.metadata()?.size)
    }

    fn into_file(self: Arc<Self>, _flags: StatusFlags) -> Option<Result<Arc<dyn crate::fs::File>>> {
        Some(Ok(self.0.clone()))
    }
}
