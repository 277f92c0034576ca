//! Files and directories whose contents are made when they are looked at.

use crate::fs::Dentry;
use crate::fs::file::StatusFlags;
use crate::fs::inode::{DirEntry, FileType, Handle, Inode, Metadata, current_time};
use crate::prelude::*;

/// A name and what it stands for.
pub(super) type Entry = (Vec<u8>, Node);

/// What stands behind a name in `/proc`.
#[derive(Clone)]
pub(super) enum Node {
    /// A file, made anew each time it's opened.
    File(Arc<dyn Fn() -> Result<Vec<u8>> + Send + Sync>),
    /// A directory, listed anew each time.
    Directory(Arc<dyn Directory>),
    /// A symbolic link.
    Link(Arc<dyn Fn() -> Result<Vec<u8>> + Send + Sync>),
    /// A link that leads to an object, whatever its text says.
    Magic(Arc<dyn Fn() -> Result<Vec<u8>> + Send + Sync>, Arc<dyn Fn() -> Result<Arc<Dentry>> + Send + Sync>),
}

/// A directory of `/proc`.
pub(super) trait Directory: Send + Sync {
    /// All entries.
    fn entries(&self) -> Result<Vec<Entry>>;

    /// One entry.
    fn entry(&self, name: &[u8]) -> Result<Node> {
        let entries = self.entries()?;
        entries.into_iter().find(|(other, _)| other == name).map(|(_, node)| node).ok_or(Errno::ENOENT.into())
    }
}

/// A directory with fixed entries.
pub(super) struct Fixed(pub(super) Vec<Entry>);

impl Directory for Fixed {
    fn entries(&self) -> Result<Vec<Entry>> {
        Ok(self.0.clone())
    }
}

impl Node {
    pub(super) fn file(make: impl Fn() -> Result<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::File(Arc::new(make))
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
            Self::File(_) => FileType::Regular,
            Self::Directory(_) => FileType::Directory,
            Self::Link(_) | Self::Magic(..) => FileType::Symlink,
        }
    }
}

/// An inode of `/proc`.
pub(super) struct ProcInode {
    pub(super) node: Node,
    pub(super) ino: u64,
    pub(super) owner: [u32; 2],
}

/// What `stat` shows as device of `/proc`.
const DEVICE: u64 = 0x15;

impl Inode for ProcInode {
    fn metadata(&self) -> Result<Metadata> {
        let now = current_time();
        Ok(Metadata {
            dev: DEVICE,
            ino: self.ino,
            kind: self.node.kind(),
            mode: match self.node.kind() {
                FileType::Directory => 0o555,
                FileType::Symlink => 0o777,
                _ => 0o444,
            },
            nlink: 1,
            uid: self.owner[0],
            gid: self.owner[1],
            rdev: 0,
            size: 0,
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
        0
    }

    fn open(self: Arc<Self>, flags: StatusFlags) -> Result<Arc<dyn Handle>> {
        match &self.node {
            Node::File(_) if flags.can_write() => bail!(EACCES, "the file can't be written"),
            Node::File(make) => Ok(Arc::new(Contents(make()?))),
            _ => bail!(EISDIR, "a directory"),
        }
    }

    fn lookup(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        let Node::Directory(directory) = &self.node else { bail!(ENOTDIR, "not a directory") };
        let node = directory.entry(name)?;
        Ok(Arc::new(Self { node, ino: child_ino(self.ino, name), owner: self.owner }))
    }

    fn read_dir(&self) -> Result<Vec<DirEntry>> {
        let Node::Directory(directory) = &self.node else { bail!(ENOTDIR, "not a directory") };
        Ok(directory
            .entries()?
            .into_iter()
            .map(|(name, node)| DirEntry { ino: child_ino(self.ino, &name), kind: node.kind(), name })
            .collect())
    }

    fn read_link(&self) -> Result<Vec<u8>> {
        match &self.node {
            Node::Link(make) | Node::Magic(make, _) => make(),
            _ => bail!(EINVAL, "not a symbolic link"),
        }
    }

    fn follow(&self) -> Option<Result<Arc<Dentry>>> {
        match &self.node {
            Node::Magic(_, follow) => Some(follow()),
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

/// A number that stays the same for the same path.
fn child_ino(parent: u64, name: &[u8]) -> u64 {
    // FNV-1a.
    name.iter()
        .fold(parent ^ 0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        & 0xffff_ffff
}

/// A file's contents as they were when it was opened.
struct Contents(Vec<u8>);

impl Handle for Contents {
    fn read_at(&self, offset: u64, sink: &mut Sink<'_>) -> Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        sink.put(&self.0[start..])
    }

    fn write_at(&self, _offset: u64, _source: &mut Source<'_>) -> Result<usize> {
        Err(Errno::EINVAL.into())
    }

    fn append(&self, _source: &mut Source<'_>) -> Result<(usize, u64)> {
        Err(Errno::EINVAL.into())
    }

    fn end(&self) -> Result<u64> {
        Ok(self.0.len() as u64)
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
        let count = self.0.write(source)?;
        Ok((count, self.end()?))
    }

    fn metadata(&self) -> Option<Result<Metadata>> {
        Some(self.0.metadata())
    }

    fn truncate(&self, _len: u64) -> Result<()> {
        // As the host does for pipes and terminals opened so.
        Ok(())
    }

    fn end(&self) -> Result<u64> {
        Ok(self.0.metadata()?.size)
    }

    fn into_file(self: Arc<Self>, _flags: StatusFlags) -> Option<Result<Arc<dyn crate::fs::File>>> {
        Some(Ok(self.0.clone()))
    }
}
