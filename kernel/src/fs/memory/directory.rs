//! The entries of a directory in memory, and what shows through from below.

use super::inode::MemInode;
use crate::fs::inode::{DirEntry, FileType, Inode};
use crate::prelude::*;
use alloc::collections::BTreeSet;

/// Entries by name.
pub(super) struct Directory {
    entries: RwLock<BTreeMap<Box<[u8]>, Entry>>,
    lower: Option<Arc<dyn Inode>>,
}

enum Entry {
    Own(Arc<MemInode>),
    /// What the lower directory has by this name is hidden.
    Whiteout,
}

/// What a name was found to be.
pub(super) enum Found {
    /// The memory's own.
    Own(Arc<dyn Inode>),
    /// It shows through.
    Lower(Arc<dyn Inode>),
}

impl Found {
    pub(super) fn kind(&self) -> FileType {
        match self {
            Self::Own(inode) | Self::Lower(inode) => inode.kind(),
        }
    }
}

impl Directory {
    pub(super) fn new(lower: Option<Arc<dyn Inode>>) -> Self {
        Self { entries: RwLock::new(BTreeMap::new()), lower }
    }

    pub(super) fn lower(&self) -> Option<&Arc<dyn Inode>> {
        self.lower.as_ref()
    }

    /// What `stat` shows as the size of a directory of memory's own.
    pub(super) fn size(&self) -> u64 {
        (self.entries.read().len() as u64 + 2) * 20
    }

    pub(super) fn find(&self, name: &[u8]) -> Result<Found> {
        match self.entries.read().get(name) {
            Some(Entry::Own(inode)) => return Ok(Found::Own(inode.clone())),
            Some(Entry::Whiteout) => return Err(Errno::ENOENT.into()),
            None => {}
        }
        match &self.lower {
            Some(lower) => lower.lookup(name).map(Found::Lower),
            None => Err(Errno::ENOENT.into()),
        }
    }

    pub(super) fn insert(&self, name: &[u8], inode: Arc<MemInode>) {
        self.entries.write().insert(name.into(), Entry::Own(inode));
    }

    /// Puts what stands for the lower entry there, unless another thread was faster or the name isn't the lower entry's
    /// any more; gives what stands for it.
    pub(super) fn insert_if_absent(&self, name: &[u8], inode: Arc<MemInode>) -> Arc<MemInode> {
        let mut entries = self.entries.write();
        match entries.entry(name.into()).or_insert(Entry::Own(inode.clone())) {
            Entry::Own(existing) if existing.identity() == inode.identity() => existing.clone(),
            _ => inode,
        }
    }

    /// Takes a name away, and hides it if it would show through.
    pub(super) fn remove(&self, name: &[u8]) {
        let shows_through = self.lower.as_ref().is_some_and(|lower| lower.lookup(name).is_ok());
        let mut entries = self.entries.write();
        if shows_through {
            entries.insert(name.into(), Entry::Whiteout);
        } else {
            entries.remove(name);
        }
    }

    pub(super) fn list(&self) -> Result<Vec<DirEntry>> {
        let lower = match &self.lower {
            Some(lower) => lower.read_dir()?,
            None => Vec::new(),
        };
        let entries = self.entries.read();
        let own = |name: &[u8], inode: &MemInode| DirEntry {
            name: name.to_vec(),
            ino: inode.identity().1,
            kind: inode.kind(),
        };
        // In the lower directory's order, whatever was looked at or copied meanwhile.
        let mut shown = BTreeSet::new();
        let mut list = Vec::with_capacity(lower.len() + entries.len());
        for entry in lower {
            match entries.get_key_value(entry.name.as_slice()) {
                None => list.push(entry),
                Some((_, Entry::Whiteout)) => {}
                Some((name, Entry::Own(inode))) => {
                    list.push(own(name, inode));
                    shown.insert(&**name);
                }
            }
        }
        for (name, entry) in entries.iter() {
            if let Entry::Own(inode) = entry
                && !shown.contains(&**name)
            {
                list.push(own(name, inode));
            }
        }
        Ok(list)
    }
}
