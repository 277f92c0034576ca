//! What can happen to a file.

use crate::prelude::*;
use bitflags::bitflags;
use zerocopy::{Immutable, IntoBytes};

bitflags! {
    /// Events, and how they're watched for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Events: u32 {
        /// It was read.
        const IN_ACCESS = 0x1;
        /// It was written or truncated.
        const IN_MODIFY = 0x2;
        /// Its attributes changed.
        const IN_ATTRIB = 0x4;
        /// Who had it open for writing closed it.
        const IN_CLOSE_WRITE = 0x8;
        /// Who had it open otherwise closed it.
        const IN_CLOSE_NOWRITE = 0x10;
        /// It was opened.
        const IN_OPEN = 0x20;
        /// An entry was moved away.
        const IN_MOVED_FROM = 0x40;
        /// An entry was moved here.
        const IN_MOVED_TO = 0x80;
        /// An entry was made.
        const IN_CREATE = 0x100;
        /// An entry was removed.
        const IN_DELETE = 0x200;
        /// It was removed itself.
        const IN_DELETE_SELF = 0x400;
        /// It was moved itself.
        const IN_MOVE_SELF = 0x800;
        /// Events were lost.
        const IN_Q_OVERFLOW = 0x4000;
        /// The watch is gone.
        const IN_IGNORED = 0x8000;
        /// Only a directory is to be watched.
        const IN_ONLYDIR = 0x100_0000;
        /// Symbolic links aren't followed.
        const IN_DONT_FOLLOW = 0x200_0000;
        /// Entries that were removed aren't watched.
        const IN_EXCL_UNLINK = 0x400_0000;
        /// A watch that is there isn't changed.
        const IN_MASK_CREATE = 0x1000_0000;
        /// A watch that is there wants to know more.
        const IN_MASK_ADD = 0x2000_0000;
        /// It happened to a directory.
        const IN_ISDIR = 0x4000_0000;
        /// The watch is for one event.
        const IN_ONESHOT = 0x8000_0000;
    }
}

impl Events {
    /// All that a watch can be for.
    pub(super) const ALL: Self = Self::from_bits_truncate(0xfff);

    /// How a path is resolved and a watch is made, which it doesn't keep.
    pub(super) const OF_CALL: Self =
        Self::IN_ONLYDIR.union(Self::IN_DONT_FOLLOW).union(Self::IN_MASK_CREATE).union(Self::IN_MASK_ADD);
}

/// An event that somebody is to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) watch: i32,
    pub(super) events: Events,
    /// What connects both events of a move.
    pub(super) cookie: u32,
    pub(super) name: Vec<u8>,
}

/// `struct inotify_event`.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Head {
    watch: i32,
    events: u32,
    cookie: u32,
    len: u32,
}

impl Event {
    /// How long it is when it's read: names are padded.
    pub(super) fn len(&self) -> usize {
        size_of::<Head>() + self.name_len()
    }

    fn name_len(&self) -> usize {
        if self.name.is_empty() { 0 } else { (self.name.len() + 1).next_multiple_of(size_of::<Head>()) }
    }

    /// As it's read.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let len = self.name_len();
        let head = Head { watch: self.watch, events: self.events.bits(), cookie: self.cookie, len: len as u32 };
        let mut bytes = head.as_bytes().to_vec();
        bytes.extend_from_slice(&self.name);
        bytes.resize(size_of::<Head>() + len, 0);
        bytes
    }
}
