//! Epolls that watch epolls: loops and long chains are refused.

use super::file::EpollFile;
use crate::prelude::*;

/// The longest chain of epolls, less one (`EP_MAX_NESTS` of Linux).
const MAX_NESTS: usize = 4;

/// Held while an epoll is added to another, so that two can't close a loop together.
pub(super) static NESTING: Mutex<Shape> = Mutex::new(Shape);

/// Which epoll files are in which.
#[derive(Debug)]
pub(super) struct Shape;

/// Which epolls watch this one.
#[derive(Default)]
pub(super) struct Nesting {
    parents: Mutex<Vec<Weak<EpollFile>>>,
}

impl Nesting {
    pub(super) fn add_parent(&self, parent: Weak<EpollFile>) {
        self.parents.lock().push(parent);
    }

    pub(super) fn remove_parent(&self, parent: &Weak<EpollFile>) {
        let mut parents = self.parents.lock();
        if let Some(index) = parents.iter().position(|other| other.ptr_eq(parent)) {
            parents.swap_remove(index);
        }
    }

    /// The longest chain of epolls above, as far as it matters.
    fn height(&self, left: usize) -> usize {
        let parents: Vec<Arc<EpollFile>> = self.parents.lock().iter().filter_map(Weak::upgrade).collect();
        let above = |parent: Arc<EpollFile>| if left == 0 { 1 } else { 1 + parent.nesting.height(left - 1) };
        parents.into_iter().map(above).max().unwrap_or(0)
    }
}

/// Checks that `outer` may watch `inner`.
///
/// # Errors
/// `ELOOP` for a loop, or a chain of more than five epolls.
pub(super) fn check(outer: &EpollFile, inner: &EpollFile) -> Result<()> {
    let depth = depth(inner, outer, MAX_NESTS).ok_or(err!(ELOOP, "the epolls would watch each other"))?;
    if depth + 1 + outer.nesting.height(MAX_NESTS) > MAX_NESTS {
        bail!(ELOOP, "the chain of epolls would be too long");
    }
    Ok(())
}

/// The longest chain of epolls below; `None` if `outer` is among them, or it's too long.
fn depth(epoll: &EpollFile, outer: &EpollFile, left: usize) -> Option<usize> {
    let mut longest = 0;
    for file in epoll.watched_epolls() {
        let below = file.downcast_ref::<EpollFile>()?;
        if core::ptr::eq(below, outer) || left == 0 {
            return None;
        }
        longest = longest.max(1 + depth(below, outer, left - 1)?);
    }
    Some(longest)
}
