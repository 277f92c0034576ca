//! The memory limit (`--memory`): what all programs together may have writable.
//!
//! Counted are private mappings that can be written and shared anonymous ones, when they are made or made writable,
//! unless they were mapped with `MAP_NORESERVE`; stacks, which are mapped at their largest, are not. Pages of in-memory
//! files are the arena's, which has the same limit for itself.

use crate::prelude::*;
use config::Config;
use core::sync::atomic::{AtomicUsize, Ordering};

static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);
static CHARGED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Sets the memory limit.
pub fn init(config: &Config) {
    if let Some(limit) = config.memory {
        LIMIT.store(limit as usize, Ordering::Relaxed);
        frame::arena::limit_pages(limit as usize);
    }
}

/// The memory limit in bytes, if there is one.
pub fn limit() -> Option<usize> {
    Some(LIMIT.load(Ordering::Relaxed)).filter(|&limit| limit != usize::MAX)
}

/// Bytes that programs may write to, now and at most.
pub fn charged() -> [usize; 2] {
    [CHARGED.load(Ordering::Relaxed), PEAK.load(Ordering::Relaxed)]
}

/// Counts `len` bytes of writable memory against the limit.
pub(super) fn charge(len: usize) -> Result<()> {
    let limit = LIMIT.load(Ordering::Relaxed);
    let charged = CHARGED
        .try_update(Ordering::Relaxed, Ordering::Relaxed, |charged| {
            charged.checked_add(len).filter(|&charged| charged <= limit)
        })
        .map_err(|_| err!(ENOMEM, "the memory limit is reached"))?;
    PEAK.fetch_max(charged + len, Ordering::Relaxed);
    Ok(())
}

/// Counts `len` bytes that were counted before and are about to be given back, whatever the limit.
pub(super) fn charge_again(len: usize) {
    CHARGED.fetch_add(len, Ordering::Relaxed);
}

pub(super) fn uncharge(len: usize) {
    CHARGED.fetch_sub(len, Ordering::Relaxed);
}
