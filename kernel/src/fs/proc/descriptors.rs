//! `/proc/PID/fd` and `/proc/PID/fdinfo`.

use super::node::{Directory, Entry, Node, OpenFile};
use super::subject::Subject;
use super::system::number;
use crate::fs::{Dentry, InodeFile, StatusFlags};
use crate::prelude::*;
use crate::process::Thread;
use crate::syscalls::args::FileDesc;

/// `/proc/PID/fd`.
pub(super) struct Descriptors(pub(super) Subject);

/// `/proc/PID/fdinfo`.
pub(super) struct DescriptorInfos(pub(super) Subject);

impl Directory for Descriptors {
    fn entries(&self) -> Result<Vec<Entry>> {
        Ok(entries(&self.0)?.into_iter().map(|fd| (name(fd), descriptor(&self.0, fd))).collect())
    }

    fn entry(&self, name: &[u8]) -> Result<Node> {
        Ok(descriptor(&self.0, find(&self.0, name)?))
    }

    fn mode(&self) -> u32 {
        0o500
    }

    /// A process may look at its own, whoever the rest belongs to.
    fn owner(&self) -> Option<[u32; 2]> {
        let credentials = if self.0.is_calling() { self.0.process.credentials()? } else { return None };
        Some([credentials.euid, credentials.egid])
    }
}

impl Directory for DescriptorInfos {
    fn entries(&self) -> Result<Vec<Entry>> {
        self.0.check_inspect()?;
        Ok(entries(&self.0)?.into_iter().map(|fd| (name(fd), info(&self.0, fd))).collect())
    }

    fn entry(&self, name: &[u8]) -> Result<Node> {
        self.0.check_inspect()?;
        Ok(info(&self.0, find(&self.0, name)?))
    }
}

fn name(fd: FileDesc) -> Vec<u8> {
    fd.0.to_string().into_bytes()
}

fn entries(of: &Subject) -> Result<Vec<FileDesc>> {
    Ok(of.live()?.map(|thread| thread.files().descriptors()).unwrap_or_default())
}

/// The descriptor of this name, if it's open.
fn find(of: &Subject, name: &[u8]) -> Result<FileDesc> {
    let fd = FileDesc(number(name).and_then(|fd| i32::try_from(fd).ok()).ok_or(Errno::ENOENT)?);
    of.live_or(Errno::ENOENT)?.files().get(fd).map_err(|_| Errno::ENOENT)?;
    Ok(fd)
}

fn descriptor(of: &Subject, fd: FileDesc) -> Node {
    let (one, other) = (of.clone(), of.clone());
    Node::Magic(
        Arc::new(move || {
            one.check_inspect()?;
            Ok(file(&one, fd)?.path())
        }),
        Arc::new(move || {
            other.check_inspect()?;
            let file = file(&other, fd)?;
            match file.as_inode_file().map(InodeFile::dentry) {
                Some(dentry) => Ok(dentry.clone()),
                None => Ok(Dentry::unnamed(&file.path(), Arc::new(OpenFile(file.clone())))),
            }
        }),
        mode(of, fd),
    )
}

fn file(of: &Subject, fd: FileDesc) -> Result<Arc<dyn crate::fs::File>> {
    of.live_or(Errno::ENOENT)?.files().get(fd).map_err(|_| Errno::ENOENT.into())
}

/// How the link's permissions tell what the descriptor is open for.
fn mode(of: &Subject, fd: FileDesc) -> u32 {
    let status = file(of, fd).map_or(StatusFlags::O_RDWR, |file| file.status());
    let (reads, writes) =
        if status.contains(StatusFlags::O_PATH) { (false, false) } else { (status.can_read(), status.can_write()) };
    0o100 | if reads { 0o400 } else { 0 } | if writes { 0o200 } else { 0 }
}

/// What a 64-bit Linux adds to the flags of each file that is opened by a name.
const O_LARGEFILE: u32 = 0o100_000;

fn info(of: &Subject, fd: FileDesc) -> Node {
    let of = of.clone();
    Node::file(move || {
        let thread: Arc<Thread> = of.live_or(Errno::ENOENT)?;
        let files = thread.files();
        let file = files.get(fd).map_err(|_| Errno::ENOENT)?;
        let position = file.seek(0, frame::ocall::file::Whence::Current).unwrap_or(0);
        let mut flags = file.status().bits();
        if !files.flags(fd)?.is_empty() {
            flags |= StatusFlags::O_CLOEXEC.bits();
        }
        if file.as_inode_file().is_some() && !file.status().contains(StatusFlags::O_PATH) {
            flags |= O_LARGEFILE;
        }
        let ino = file.metadata().map_or(0, |metadata| metadata.ino);
        Ok(format!("pos:\t{position}\nflags:\t0{flags:o}\nmnt_id:\t1\nino:\t{ino}\n").into_bytes())
    })
}
