//! System calls about files.

mod attributes;
mod descriptors;
mod directories;
mod names;
mod owner;
mod splice;
mod stat;
mod transfer;

pub use attributes::*;
pub use descriptors::*;
pub use directories::*;
pub use names::*;
pub use splice::*;
pub use stat::*;
pub use transfer::*;

use super::path::{Last, Walker};
use super::{Dentry, FsView, open};
use crate::prelude::*;
use crate::process::{Credentials, Thread};
use crate::syscalls::args::DirDesc;
use bitflags::bitflags;

bitflags! {
    /// `AT_*` flags of calls that take a directory and a path.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct AtFlags: u32 {
        /// `AT_SYMLINK_NOFOLLOW`.
        const AT_SYMLINK_NOFOLLOW = 0x100;
        /// `AT_REMOVEDIR`.
        const AT_REMOVEDIR = 0x200;
        /// `AT_SYMLINK_FOLLOW`.
        const AT_SYMLINK_FOLLOW = 0x400;
        /// `AT_NO_AUTOMOUNT`.
        const AT_NO_AUTOMOUNT = 0x800;
        /// `AT_EMPTY_PATH`.
        const AT_EMPTY_PATH = 0x1000;
        /// `AT_STATX_FORCE_SYNC`.
        const AT_STATX_FORCE_SYNC = 0x2000;
        /// `AT_STATX_DONT_SYNC`.
        const AT_STATX_DONT_SYNC = 0x4000;
    }
}

/// A walker together with what it borrows.
struct Walk {
    view: Arc<FsView>,
    credentials: Arc<Credentials>,
}

impl Walk {
    fn new(thread: &Thread) -> Self {
        Self { view: thread.fs(), credentials: thread.credentials() }
    }

    fn walker(&self) -> Walker<'_> {
        Walker::new(&self.view, &self.credentials)
    }

    /// What a directory and a path mean together; an empty path with `AT_EMPTY_PATH` means the descriptor.
    fn resolve(&self, thread: &Thread, dir: DirDesc, path: &[u8], flags: AtFlags) -> Result<Arc<Dentry>> {
        let base = open::base(thread, dir, path)?;
        if path.is_empty() && flags.contains(AtFlags::AT_EMPTY_PATH) {
            return Ok(base.unwrap_or_else(|| self.view.cwd()));
        }
        let last = if flags.contains(AtFlags::AT_SYMLINK_NOFOLLOW) { Last::NoFollow } else { Last::Follow };
        self.walker().resolve(base.as_ref(), path, last)
    }
}

/// Refuses flags that a call doesn't know.
fn only(flags: AtFlags, known: AtFlags) -> Result<()> {
    if known.contains(flags) { Ok(()) } else { Err(err!(EINVAL, "undefined flags")) }
}
