//! Files: what is open, what has a name, and where names come from.
//!
//! - [`File`]: what all open files share; [`FileTable`]: the descriptors of a process.
//! - [`Inode`]: what a name stands for; [`Dentry`]: a name in a directory, cached; [`path`]: from path names to dentries.
//! - [`memory`]: the in-memory file system, optionally above a lower one, whose files it copies when they are written;
//!   [`host`]: directory trees of the host; [`proc`], [`device`]: `/proc` and `/dev`; [`stdio`]: descriptors 0 to 2,
//!   [`terminal`]: the terminals among them.
//!
//! Lock order: a dentry's children, an inode's own lock, the file table. No lock is held across a blocking OCall.

mod boot;
mod dentry;
pub mod device;
mod file;
mod file_table;
pub mod host;
mod inode;
mod inode_file;
pub mod inotify;
mod locks;
pub mod memory;
mod mount;
mod open;
pub mod path;
pub mod permission;
pub mod pipe;
pub mod proc;
pub mod stdio;
pub mod sys;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
mod view;

pub use boot::boot;
pub use dentry::{Changes, Dentry};
pub use file::{File, StatusFlags};
pub use file_table::{FdFlags, FileTable, RecentFiles};
pub(crate) use inode::current_time;
pub use inode::{
    DirEntry, FileType, Handle, Inode, MapAccess, Metadata, NewNode, RenameFlags, SetAttributes, Time, Version,
};
pub use inode_file::InodeFile;
pub(crate) use locks::dropped as file_dropped;
pub(crate) use open::make_node;
pub use open::{ExecutableFile, find_executable, find_executable_at, truncate};
pub use text::{Claim, WriteCount};
pub use view::FsView;
