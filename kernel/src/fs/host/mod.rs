//! Directory trees of the host.
//!
//! An inode is a name in a directory, asked for by OCalls when it's needed; the only descriptors that are kept are those
//! of directories, in a bounded cache, and those of opened files. What a lookup found is believed for a second, like
//! FUSE's default; attributes are always fresh.

mod directory;
mod handle;
mod inode;

pub use inode::{HostFs, HostInode};
