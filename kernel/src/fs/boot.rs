//! The tree that the first process sees.

use super::host::HostFs;
use super::inode::{FileType, Inode, NewNode};
use super::memory::MemFs;
use super::path::{Last, Walker};
use super::{Dentry, FileTable, FsView, StatusFlags, device, mount, proc, stdio, terminal};
use crate::prelude::*;
use crate::process::Credentials;
use crate::tty::devpts;
use config::{Access, Config};

/// Makes the root, the volumes, `/proc` and `/dev`, and adopts the host's standard descriptors.
///
/// # Errors
/// What the host gives for the root, a volume or the working directory.
pub fn boot(config: &Config) -> Result<(Arc<FsView>, Arc<FileTable>)> {
    let lower = HostFs::open(&config.root, Access::ReadOnly)?;
    let root_inode = MemFs::new_root(Some(lower), 0o755, [0, 0]);
    mount::note(b"/", b"enclos", "overlay", root_inode.clone());
    let root = Dentry::new_root(root_inode, None);
    let umask = frame::ocall::process::take_umask();
    let view = Arc::new(FsView::new(root.clone(), root.clone(), umask));
    let credentials = Credentials::new(0, 0, &[]);
    let walker = Walker::new(&view, &credentials);

    mount_at(&walker, b"/proc", proc::root())?;
    mount::note(b"/proc", b"proc", "proc", proc::root());
    let devices = devices()?;
    mount_at(&walker, b"/dev", devices.clone())?;
    mount::note(b"/dev", b"tmpfs", "tmpfs", devices.clone());
    let slaves = devpts::directory()?;
    devpts::set_root(mount_at(&walker, b"/dev/pts", slaves.clone())?);
    mount::note(b"/dev/pts", b"devpts", "devpts", slaves);
    for volume in &config.volumes {
        let inode = HostFs::open(&volume.source, volume.access).inspect_err(|error| {
            frame::boot::say(format_args!("enclos: volume {}: {}\n", volume.source.escape_ascii(), error.reason()));
        })?;
        mount_at(&walker, &volume.target, inode.clone())?;
        mount::note(&volume.target, &volume.source, "enclos", inode);
    }
    let cwd = walker.resolve(None, &config.workdir, Last::Follow).unwrap_or(root);
    view.set_cwd(cwd);

    let files = FileTable::default();
    stdio::adopt(&files, |status| {
        let kept = StatusFlags::CHANGEABLE | StatusFlags::O_WRONLY | StatusFlags::O_RDWR;
        super::open::open(&walker, None, b"/dev/null", status & kept, 0)
    })?;
    make_terminals(&devices);
    Ok((view, Arc::new(files)))
}

/// Mounts a file system at an absolute path, whose missing directories are made in memory; gives its root.
fn mount_at(walker: &Walker<'_>, path: &[u8], inode: Arc<dyn Inode>) -> Result<Arc<Dentry>> {
    let mut dentry = walker.view().root().top();
    let names: Vec<&[u8]> = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).collect();
    let mut walked = Vec::new();
    for (index, name) in names.iter().enumerate() {
        walked.push(b'/');
        walked.extend_from_slice(name);
        let is_last = index + 1 == names.len();
        dentry = match walker.resolve(None, &walked, Last::Follow) {
            Ok(child) => child,
            Err(error) if error.errno() == Errno::ENOENT => {
                let node =
                    if is_last && inode.kind() != FileType::Directory { NewNode::Regular } else { NewNode::Directory };
                let made = dentry.inode().create(name, node, 0o755, [0, 0])?;
                dentry.adopt(name, made)
            }
            Err(error) => return Err(error),
        };
    }
    Ok(dentry.mount(inode))
}

/// Shows the host's terminals under the names that the host has for them, as far as these are below `/dev`.
fn make_terminals(devices: &Arc<dyn Inode>) {
    const OWNER: [u32; 2] = [0, 0];
    for (path, rdev) in terminal::names() {
        let Some(name) = path.strip_prefix(b"/dev/") else { continue };
        let node = NewNode::Special(FileType::CharDevice, rdev);
        let made = match name.strip_prefix(b"pts/") {
            Some(number) => devpts::add_host_terminal(number, rdev),
            None => devices.create(name, node, 0o620, OWNER).map(|_| ()),
        };
        if let Err(error) = made {
            warn!("{} isn't there: {error}", path.escape_ascii());
        }
    }
}

/// `/dev`.
fn devices() -> Result<Arc<dyn Inode>> {
    const OWNER: [u32; 2] = [0, 0];
    let root = MemFs::new_root(None, 0o755, OWNER);
    for (name, rdev, mode) in device::DEVICES {
        root.create(name.as_bytes(), NewNode::Special(FileType::CharDevice, rdev), mode, OWNER)?;
    }
    let links: [(&str, &str); 4] = [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ];
    for (name, target) in links {
        root.create(name.as_bytes(), NewNode::Symlink(target.into()), 0o777, OWNER)?;
    }
    root.create(b"shm", NewNode::Directory, 0o1777, OWNER)?;
    root.create(b"pts", NewNode::Directory, 0o755, OWNER)?;
    Ok(root)
}
