//! The in-memory file system: private to the LibOS, and gone with it.
//!
//! A directory may have a *lower* one, of another file system, whose entries show through where it has none of its
//! own. Lower files are read in place ([`copy_up`]); whatever would change one makes a copy first. That is how programs
//! may write to the host's root without the host noticing.
//!
//! - [`MemInode`]: files, directories, links and special files in memory;
//! - [`data`]: the contents of regular files, in runs of pages that programs can map;
//! - [`directory`]: entries, whiteouts and what shows through.

mod attributes;
mod copy_up;
pub mod data;
mod directory;
mod inode;
mod map;
mod seals;

pub use inode::{MemFs, MemInode};
pub use seals::Seals;
